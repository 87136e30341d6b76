/**
 * Units of system instructions: segments, far transfers, interrupts, flags, tables, control registers, ports, and page tables.
 */
import { le16, le32 } from '../bytes';
import { AT, FIRST_FREE, GDT_ENTRIES, LDT_ENTRIES, PORT, SEL } from '../layout';
import { formatOf } from '../image';
import { CR0, CR4, FLAG } from '../machineState';
import { LINEAR, PLAYGROUND_PAGES, PTE, directoryEntry, playgroundEntry, rootOf } from '../pageTables';
import { EAX, ECX, EDX, ESP, type Gen } from './context';

const ES = 0, SS = 2, DS = 3, FS = 4, GS = 5;
/** PUSH and POP of a segment register by its number. */
const PUSH_SEGMENT: readonly (readonly number[])[] = [[0x06], [0x0e], [0x16], [0x1e], [0x0f, 0xa0], [0x0f, 0xa8]];
const POP_SEGMENT: readonly (readonly number[])[] = [[0x07], [0x0f, 0x0b], [0x17], [0x1f], [0x0f, 0xa1], [0x0f, 0xa9]];

const pushImmediate = (g: Gen, value: number, size: 2 | 4): number[] => g.encode([0x68], size, undefined, 0, g.immediate(size, value));

/** ES and GS take what comes; DS and SS seldom, because what follows needs them. */
function dataSegment(g: Gen): number {
  return g.random.weighted<number>([[5, ES], [5, FS], [5, GS], [2, DS], [2, SS]]);
}

function loadSegment(g: Gen): number[] {
  const segment = dataSegment(g);
  const selector = g.selector();
  const size = g.size();
  const viaStack = segment !== SS || g.chance(30);
  const restore = segment === DS && g.chance(70) ? [...g.setSelector(EAX, g.plainData()), 0x8e, 0xd8] : [];
  const code = g.random.weighted<() => number[]>([
    [5, () => [...g.setSelector(EAX, selector), ...g.encode([0x8e], g.size(), g.register(EAX), segment)]],
    [2, () => {
      return g.encode([0x8e], 0, g.memory(2, g.plant(le16(selector), 'selector')), segment);
    }],
    [viaStack ? 3 : 0, () => [...pushImmediate(g, selector, size), ...g.encode(POP_SEGMENT[segment] ?? [], size)]],
    [2, () => {
      const opcode = ({ [ES]: [0xc4], [DS]: [0xc5], [SS]: [0x0f, 0xb2], [FS]: [0x0f, 0xb4], [GS]: [0x0f, 0xb5] } as Readonly<Record<number, readonly number[]>>)[segment] ?? [0xc4];
      const offset = segment === SS ? g.start.general[ESP] ?? 0 : g.value();
      return g.encode(opcode, size, g.farPointer(selector, offset, size), segment === SS ? ESP : g.scratch());
    }],
  ])();
  return [...code, ...restore];
}

function storeSegment(g: Gen): number[] {
  const segment = g.random.below(6);
  if (g.chance(40)) return g.encode(PUSH_SEGMENT[segment] ?? [], g.size());
  return g.encode([0x8c], g.size(), g.operand(2), g.random.below(8));
}

/** An access through a segment register that may hold anything. */
function useSegment(g: Gen): number[] {
  const r = g.random;
  const override = r.pick([0x26, 0x26, 0x64, 0x65, 0x36, 0x2e]);
  const offset = r.pick([0, 1, 4, 7, 8, 0xfc, 0x100, 0xffc, 0x1000, 0x7ffc, ...(r.chance(15) ? [0xfd, 0xff, 0xffd, 0x7fff, 0xfffc, 0xfffd, 0xffff] : [])]);
  const memory = g.memory(4, g.dataBase + offset);
  return [override, ...g.encode([g.random.pick([0x01, 0x03, 0x89, 0x8b])], g.size(), memory, g.scratch())];
}

/** A code segment to transfer to and where: mostly behind this unit. */
function codeTarget(g: Gen, unitBytes: number): { selector: number; offset: number } {
  const next = g.at + unitBytes;
  const r = g.random;
  if (!g.descriptors) {
    const paragraph = g.chance(70) ? g.start.cs : r.below(next >> 4);
    const offset = next - paragraph * 16;
    return { selector: paragraph, offset: offset >= 0 && offset < 0x10000 ? offset : next & 0xffff };
  }
  const selector = r.weighted<() => number>([
    [4, () => g.start.cs],
    [3, () => r.pick([SEL.code0, SEL.code3, SEL.code0bits16, SEL.code3bits16, SEL.code1, SEL.code2])],
    [3, () => g.selector()],
    [2, () => (FIRST_FREE + r.below(GDT_ENTRIES - FIRST_FREE)) * 8 | r.below(4)],
    [1, () => r.below(LDT_ENTRIES) * 8 | 4 | r.below(4)],
  ])();
  return { selector, offset: r.chance(93) ? next : g.value() };
}

function farJumpOrCall(g: Gen): number[] {
  const size = g.size();
  const direct = g.chance(60);
  const call = g.chance(50);
  if (direct) {
    const length = 1 + size + 2 + ((size === 4) === (g.bits !== 16) ? 0 : 1);
    const { selector, offset } = codeTarget(g, length);
    return g.encode([call ? 0x9a : 0xea], size, undefined, 0, [...g.immediate(size, offset), ...le16(selector)]);
  }
  const at = g.slot();
  const code = g.encode([0xff], size, g.memory(6, at), call ? 3 : 5);
  const { selector, offset } = codeTarget(g, code.length);
  g.plant([...g.immediate(size, offset), ...le16(selector)], 'far pointer', at);
  return code;
}

/** Flags for an IRET or POPF image. */
export function flagsImage(g: Gen): number {
  const r = g.random;
  let flags = 2 | (r.u32() & (FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.OF));
  if (r.chance(50)) flags |= FLAG.IF;
  if (r.chance(50)) flags |= r.below(4) << 12;
  const rare: readonly number[] = [FLAG.TF, FLAG.NT, FLAG.RF, FLAG.AC, FLAG.ID, FLAG.DF];
  for (const flag of rare) if (r.chance(10)) flags |= flag;
  return flags;
}

function farReturn(g: Gen): number[] {
  const r = g.random;
  const size = g.size();
  const iret = g.chance(50);
  const { selector, offset } = codeTarget(g, 0);
  const outer = g.descriptors && (selector & 3) > g.cpl;
  const stack = outer ? [...pushImmediate(g, r.chance(90) ? outerStack(selector & 3) : g.selector(), size), ...pushImmediate(g, 0x23e00, size)] : [];
  const toVirtual = g.descriptors && g.cpl === 0 && r.chance(4) ? FLAG.VM : 0;
  const flags = iret ? pushImmediate(g, flagsImage(g) | toVirtual, size) : [];
  const tail = iret ? g.encode([0xcf], size) : r.chance(75) ? g.encode([0xcb], size) : g.encode([0xca], size, undefined, 0, le16(r.below(9)));
  const build = (to: number): number[] => [...stack, ...flags, ...pushImmediate(g, selector, size), ...pushImmediate(g, to, size), ...tail];
  // Targets at the unit's beginning are meant to be behind it.
  const behind = !g.descriptors || offset === g.at;
  return build(behind ? offset + build(0).length : offset);
}

const outerStack = (cpl: number): number => (cpl === 3 ? SEL.data3 : cpl === 2 ? SEL.data2 : cpl === 1 ? SEL.data1 : SEL.data0);

function interrupts(g: Gen): number[] {
  return g.random.weighted<() => number[]>([
    [4, () => [0xcd, g.random.weighted<number>([[5, 0x20 + g.random.below(5)], [2, g.random.below(0x20)], [1, g.random.below(0x100)]])]],
    [2, () => [0xcc]],
    [1, () => [0xf1]],
    [2, () => [0xce]],
    [2, () => {
      const size = g.size();
      const low = g.value(size);
      const at = g.plant([...g.immediate(size, low), ...g.immediate(size, g.chance(60) ? low + 0x100 : g.value(size))], 'bounds');
      return [...g.set(EAX, g.chance(50) ? low + g.random.between(-1, 0x101) : g.value()), ...g.encode([0x62], size, g.memory(8, at), EAX)];
    }],
    [1, () => [0x0f, 0x0b]],
  ])();
}

function flags(g: Gen): number[] {
  const size = g.size();
  return g.random.weighted<() => number[]>([
    [4, () => [...pushImmediate(g, flagsImage(g), size), ...g.encode([0x9d], size)]],
    [2, () => g.encode([0x9c], size)],
    [3, () => [g.random.pick([0xfa, 0xfb])]],
    [1, () => [g.random.pick([0xf5, 0xf8, 0xf9, 0xfc, 0xfd])]],
  ])();
}

/** Requests an interrupt while IF, a shadow or TF make it wait or not. */
function interruptRequest(g: Gen): number[] {
  const out = [0xba, ...(g.bits !== 16 ? le32(PORT.interrupt) : le16(PORT.interrupt)), 0xb0, 0, 0xee, 0xb0, 2, 0xee];
  const before = g.random.weighted<readonly number[]>([[3, []], [2, [0xfb]], [2, [0xfa]]]);
  const after = g.random.weighted<readonly number[]>([
    [3, []], [2, [0xfb, 0x90]], [2, [0xfb, 0xfa]], [1, [0xfb, 0xfb]], [1, [0x16, 0x17, 0x40]], [1, [0xfb, 0x16, 0x17, 0x40]], [1, [...pushImmediate(g, 0x202, g.bits !== 16 ? 4 : 2), 0x9d]],
  ]);
  return [...before, ...out, ...after];
}

/** Single-step traps over the next instructions. */
function singleStep(g: Gen): number[] {
  const size = g.bits !== 16 ? 4 : 2;
  const image = 2 | FLAG.TF | (g.chance(30) ? FLAG.IF : 0) | (g.chance(30) ? FLAG.IOPL : 0);
  const then = g.random.weighted<readonly number[]>([[3, [0x40]], [2, [0x16, 0x17, 0x40]], [1, [0xcc]], [1, [0xcd, 0x20]], [1, [0x9c]], [1, [0xf3, 0xaa]], [1, [0xfb, 0x90]], [1, [0x0f, 0x06]]]);
  return [...pushImmediate(g, image, size), 0x9d, ...then, ...(g.chance(70) ? [...pushImmediate(g, 2, size), 0x9d] : [])];
}

function descriptorTests(g: Gen): number[] {
  const selector = g.setSelector(EAX, g.selector());
  const size = g.size();
  return g.random.weighted<() => number[]>([
    [2, () => [...selector, ...g.encode([0x0f, 0x02], size, g.register(EAX), ECX)]],
    [2, () => [...selector, ...g.encode([0x0f, 0x03], size, g.register(EAX), ECX)]],
    [2, () => [...selector, ...g.encode([0x0f, 0x00], 0, g.register(EAX), g.random.between(4, 5))]],
    [1, () => g.encode([0x0f, g.random.between(2, 3)], size, g.memory(2), EDX)],
    [1, () => g.encode([0x0f, 0x00], 0, g.memory(2), g.random.between(4, 5))],
    [2, () => g.encode([0x63], 0, g.operand(2), g.scratch())],
  ])();
}

function systemTables(g: Gen): number[] {
  const r = g.random;
  const size = g.size();
  return r.weighted<() => number[]>([
    [2, () => g.encode([0x0f, 0x01], size, g.memory(6), r.below(2))],
    [2, () => g.encode([0x0f, 0x00], size, g.operand(2), r.below(2))],
    [1, () => {
      const gdt = r.chance(50);
      const at = g.plant([...le16(gdt ? GDT_ENTRIES * 8 - 1 : g.real ? 0x3ff : 0x7ff), ...le32((gdt ? AT.gdt : g.real ? AT.ivt : AT.idt) | (r.chance(20) ? 0xff000000 : 0))], 'table register');
      return g.encode([0x0f, 0x01], r.chance(50) ? 4 : size, g.memory(6, at), gdt ? 2 : 3);
    }],
    [1, () => {
      const at = g.plant([...le16(r.pick([0x7f, 0x80, 0x86, 0x87, 0x11f, 0x127])), ...le32(g.real ? AT.ivt : AT.idt)], 'short IDT');
      return g.encode([0x0f, 0x01], 4, g.memory(6, at), 3);
    }],
    [2, () => [...g.setSelector(EAX, r.chance(40) ? SEL.ldt : g.selector()), ...g.encode([0x0f, 0x00], 0, g.register(EAX), 2)]],
    [2, () => [...g.setSelector(EAX, r.chance(40) ? (FIRST_FREE + r.below(3)) * 8 : g.selector()), ...g.encode([0x0f, 0x00], 0, g.register(EAX), 3)]],
    [2, () => g.encode([0x0f, 0x01], size, g.operand(2), 4)],
    // Real mode is seldom left.
    [1, () => [...g.set(EAX, r.below(16) & (g.real && r.chance(80) ? ~CR0.PE : ~0)), ...g.encode([0x0f, 0x01], 0, g.register(EAX), 6)]],
    [1, () => [0x0f, 0x06]],
  ])();
}

function controlRegisters(g: Gen): number[] {
  const r = g.random;
  const modrm = (number: number, register: number): number => 0xc0 | (number << 3) | register;
  const toggled = (value: number, bits: readonly number[]): number => bits.reduce((result, bit) => (r.chance(20) ? result ^ bit : result), value) >>> 0;
  return r.weighted<() => number[]>([
    [3, () => [0x0f, 0x20, modrm(r.pick([0, 2, 3, 4]), r.below(4))]],
    [4, () => [...g.set(EAX, toggled(g.start.cr0, [CR0.WP, CR0.TS, CR0.EM, CR0.MP, CR0.NE, CR0.AM])), 0x0f, 0x22, modrm(0, EAX)]],
    [1, () => [...g.set(EAX, toggled(g.start.cr0, [CR0.CD, CR0.NW, CR0.WP])), 0x0f, 0x22, modrm(0, EAX)]],
    [1, () => [...g.set(EAX, (g.start.cr0 & ~CR0.PE & ~CR0.PG) | (g.real ? 0 : CR0.PG)), 0x0f, 0x22, modrm(0, EAX)]],
    [g.descriptors ? 1 : 0, () => [...g.set(EAX, g.start.cr0 ^ CR0.PG), 0x0f, 0x22, modrm(0, EAX)]],
    [3, () => [...g.set(EAX, g.paged ? rootOf(formatOf(g.start)) | r.pick([0, 8, 0x10, 0x18]) : g.value()), 0x0f, 0x22, modrm(3, EAX)]],
    [2, () => [...g.set(EAX, toggled(g.start.cr4, [CR4.TSD, CR4.DE, CR4.PSE, CR4.PGE])), 0x0f, 0x22, modrm(4, EAX)]],
    [1, () => [...g.set(EAX, toggled(g.start.cr4, [1 << r.below(32), CR4.PAE])), 0x0f, 0x22, modrm(4, EAX)]],
    [1, () => [...g.set(EAX, g.value()), 0x0f, 0x22, modrm(2, EAX)]],
    [2, () => [0x0f, 0x21, modrm(r.below(8), r.below(4))]],
    [1, () => [...g.set(EAX, r.pick([0x400, 0xffff0ff0, 0x2400, 0, 0xe00f])), 0x0f, 0x23, modrm(r.pick([6, 7, 4, 5]), EAX)]],
    [1, () => [...g.set(EAX, g.value()), 0x0f, 0x23, modrm(r.below(4), EAX)]],
    [1, () => [0x0f, r.pick([0x20, 0x22]), modrm(r.pick([1, 5, 6, 7]), EAX)]],
    [1, () => [...g.set(ECX, r.pick([0x174, 0x175, 0x176, 0xc0000080, 0x277, 0x12345])), 0x0f, 0x32]],
    [1, () => [...g.set(ECX, r.pick([0x174, 0x175, 0x176])), ...g.set(EAX, r.pick([SEL.code0, 0, AT.stacks + 0x800, AT.landings])), ...g.set(EDX, 0), 0x0f, 0x30]],
  ])();
}

/** SYSENTER to behind this unit, or SYSEXIT. */
function fastCalls(g: Gen): number[] {
  const msr = (number: number, value: number): number[] => [...g.set(ECX, number), ...g.set(EAX, value), 0x0f, 0x30];
  const setUp = [...g.set(EDX, 0), ...msr(0x174, g.random.pick([SEL.code0, SEL.code0, 0, 3])), ...msr(0x175, AT.stacks + 0xe00)];
  const enter = [...setUp, ...msr(0x176, 0), 0x0f, 0x34];
  if (g.chance(60)) {
    const code = [...setUp, ...msr(0x176, g.at + enter.length), 0x0f, 0x34];
    return code.length === enter.length ? code : enter;
  }
  const exit = [...setUp, ...g.set(ECX, 0x23e00), ...g.set(EDX, 0), 0x0f, 0x35];
  return [...setUp, ...g.set(ECX, 0x23e00), ...g.set(EDX, g.at + exit.length), 0x0f, 0x35];
}

function ports(g: Gen): number[] {
  const r = g.random;
  const size = r.pick([1, 2, 4] as const);
  const port = r.pick([PORT.nobody, PORT.nobody + 0xe, PORT.nobody + 0x1e, PORT.nobody + 9, 0x67f, 0x67e]);
  const w = size === 1 ? 0 : 1;
  const setPort = g.encode([0xb8 | EDX], g.bits !== 16 ? 4 : 2, undefined, 0, g.immediate(g.bits !== 16 ? 4 : 2, port));
  return r.weighted<() => number[]>([
    [3, () => [...setPort, ...g.encode([0xec | w], size)]],
    [3, () => [...setPort, ...g.encode([0xee | w], size)]],
    [1, () => [...setPort, ...(r.chance(50) ? [...g.encode([0xb9], 4, undefined, 0, le32(3)), 0xf3] : []), ...g.encode([0x6c | w], size)]],
    [1, () => [...setPort, ...(r.chance(50) ? [...g.encode([0xb9], 4, undefined, 0, le32(3)), 0xf3] : []), ...g.encode([0x6e | w], size)]],
  ])();
}

/** Changes an entry of a page table, makes the change known, and uses the page. */
function changePage(g: Gen): number[] {
  const r = g.random;
  const second = r.chance(30);
  const page = r.below(PLAYGROUND_PAGES);
  const linear = (second ? LINEAR.second : LINEAR.playground) + 0x1000 * page;
  const directory = r.chance(25);
  const entry = directory ? directoryEntry(linear, g.pae) : playgroundEntry(second, page, g.pae);
  const bit = r.pick([PTE.present, PTE.writable, PTE.user, PTE.accessed, PTE.dirty, PTE.writable | PTE.dirty]);
  const operation = r.pick([1, 4, 6]);
  const change = g.encode([0x81], 4, g.memory(4, entry), operation, le32(operation === 4 ? ~bit >>> 0 : bit));
  const flush = r.chance(60) ? g.encode([0x0f, 0x01], 0, g.memory(1, linear), 7) : [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];
  const use = g.encode([r.pick([0x89, 0x8b, 0x01])], g.size(), g.memory(4, linear + r.below(0x1000)), g.scratch());
  return r.chance(50) ? [...use, ...change, ...flush, ...use] : [...change, ...flush, ...use];
}

function invalidate(g: Gen): number[] {
  return g.encode([0x0f, 0x01], 0, g.chance(90) ? g.memory(1) : g.register(0), 7);
}

/** Stores into a live descriptor, then loads it. */
function changeDescriptor(g: Gen): number[] {
  const r = g.random;
  const index = r.between(FIRST_FREE, GDT_ENTRIES - 1);
  const change = g.encode([0xc6], 1, g.memory(1, AT.gdt + 8 * index + 5), 0, [r.pick([0x93, 0xf3, 0xf2, 0x92, 0x72, 0x9b, 0xfb, 0xff, 0x89, 0x84, 0xec])]);
  return [...change, ...g.setSelector(EAX, index * 8 | g.cpl), 0x8e, 0xc0];
}

type Family = readonly [weight: number, name: string, make: (g: Gen) => number[]];

/** In every mode. */
export const SYSTEM: readonly Family[] = [
  [8, 'load segment', loadSegment],
  [4, 'store segment', storeSegment],
  [6, 'use segment', useSegment],
  [8, 'far jump or call', farJumpOrCall],
  [8, 'far return', farReturn],
  [8, 'interrupts', interrupts],
  [7, 'flags', flags],
  [4, 'interrupt request', interruptRequest],
  [3, 'single step', singleStep],
  [5, 'descriptor tests', descriptorTests],
  [5, 'system tables', systemTables],
  [6, 'control registers', controlRegisters],
  [2, 'fast calls', fastCalls],
  [3, 'ports', ports],
  [1, 'invalidate', invalidate],
];
/** Where selectors name descriptors. */
export const DESCRIPTOR: readonly Family[] = [[4, 'change descriptor', changeDescriptor]];
/** With paging. */
export const PAGING: readonly Family[] = [[12, 'change page', changePage]];
