/**
 * Units of 64-bit code: what is only there or works otherwise than in 32-bit code. Frames are written by hand, so that each operand size
 * of RETF and IRET finds what it pops.
 */
import { le16, le32, le64 } from '../bytes';
import { MSR } from '../image64';
import { AT, GDT_ENTRIES, LONG_FIRST_FREE, LONG_SEL, PORT, SEL } from '../layout';
import { CR0, CR4, FLAG } from '../machineState';
import { EAX, EBX, ECX, EDI, EDX, ESI, ESP, type Gen } from './context';
import { flagsImage } from './system';

const W = 0x48;
const FS = 4, GS = 5;
const SYSENTER = { cs: 0x174, esp: 0x175, eip: 0x176 } as const;
const EFER_MSR = 0xc0000080;
/** Addresses at the borders of canonical form. */
const BORDERS: readonly bigint[] = [0x7fff_ffff_fff8n, 0x7fff_ffff_ffffn, 0x8000_0000_0000n, 0xffff_8000_0000_0000n, 0xffff_7fff_ffff_fff9n, 0xffff_7fff_ffff_ffffn, 0x1_0000_0000n, 0xffff_ffff_ffff_fffcn, 0x8000_0000_0000_0000n];

const codeSelectors = [SEL.code0, LONG_SEL.code3, SEL.code3, LONG_SEL.code0bits32, SEL.code0bits16, SEL.code3bits16, SEL.code1, SEL.code2] as const;
const dataOf = (cpl: number): number => (cpl === 3 ? SEL.data3 : cpl === 2 ? SEL.data2 : cpl === 1 ? SEL.data1 : SEL.data0);

/** A place for data, seldom an odd one. */
const place = (g: Gen): bigint => (g.chance(60) ? BigInt(g.address(16)) : g.random.pick(BORDERS));
const anyCode = (g: Gen): number => g.random.weighted<() => number>([
  [6, () => g.start.cs], [6, () => g.random.pick(codeSelectors)], [3, () => g.selector()], [2, () => (LONG_FIRST_FREE + g.random.below(GDT_ENTRIES - LONG_FIRST_FREE)) * 8 | g.random.below(4)],
])();

/** Values on the stack, one beside the other: SUB RSP and a MOV for each. */
function frame(values: readonly number[], size: 2 | 4 | 8): number[] {
  const prefix = size === 8 ? [W] : size === 2 ? [0x66] : [];
  const moves = values.flatMap((value, i) => [...prefix, 0xc7, 0x44, 0x24, i * size, ...(size === 2 ? le16(value & 0xffff) : le32(value >>> 0))]);
  return [W, 0x83, 0xec, values.length * size, ...moves];
}

const sized = (size: 2 | 4 | 8): readonly number[] => (size === 8 ? [W] : size === 2 ? [0x66] : []);
const anySize = (g: Gen): 2 | 4 | 8 => g.random.weighted<2 | 4 | 8>([[6, 8], [3, 4], [1, 2]]);

function farReturn(g: Gen): number[] {
  const r = g.random;
  const size = anySize(g);
  const selector = anyCode(g);
  const stack = r.chance(90) ? dataOf(selector & 3) : g.chance(40) ? selector & 3 : g.selector();
  const pointer = r.chance(90) ? AT.stacks + (selector & 3) * 0x1000 + 0xe00 : Number(BigInt.asIntN(32, place(g)));
  const iret = g.chance(60);
  const tail = iret ? [...sized(size), 0xcf] : r.chance(75) ? [...sized(size), 0xcb] : [...sized(size), 0xca, ...le16(r.below(17))];
  const build = (target: number): number[] => [...frame(iret ? [target, selector, flagsImage(g), pointer, stack] : [target, selector, pointer, stack], size), ...tail];
  // The random flags are made once.
  const bytes = build(0);
  const target = r.chance(94) ? g.at + bytes.length : g.value();
  const at = sized(size).length + 8;
  const patched = size === 2 ? le16(target & 0xffff) : le32(target >>> 0);
  bytes.splice(at, patched.length, ...patched);
  return bytes;
}

function farJumpOrCall(g: Gen): number[] {
  const size = anySize(g);
  const at = g.slot();
  const code = g.encode([0xff], size, g.memory(10, at), g.chance(50) ? 3 : 5);
  const target = g.chance(94) ? g.at + code.length : g.value();
  const offset = size === 8 ? le64(BigInt(target)) : size === 4 ? le32(target >>> 0) : le16(target & 0xffff);
  g.plant([...offset, ...le16(anyCode(g))], 'far pointer', at);
  return code;
}

function segments(g: Gen): number[] {
  const r = g.random;
  const segment = r.weighted<number>([[3, 0], [3, 3], [4, FS], [4, GS], [2, 2]]);
  const selector = g.selector();
  return r.weighted<() => number[]>([
    [4, () => [...g.setSelector(EAX, selector), ...g.encode([0x8e], g.word(), g.register(EAX), segment)]],
    [1, () => g.encode([0x8e], 0, g.memory(2, g.plant(le16(selector), 'selector')), segment)],
    [2, () => [0x68, ...le32(selector), 0x0f, r.pick([0xa1, 0xa9])]],
    [1, () => [...(r.chance(30) ? [0x66] : []), 0x0f, r.pick([0xa0, 0xa8])]],
    [2, () => g.encode([0x8c], g.word(), g.operand(2), r.below(8))],
    [2, () => {
      const at = g.plant([...le64(place(g)), ...le16(selector)], 'far pointer');
      return g.encode([0x0f, r.pick([0xb2, 0xb4, 0xb5])], r.pick([4, 8]), g.memory(10, at), g.scratch());
    }],
    [3, () => [r.pick([0x64, 0x65]), ...g.encode([r.pick([0x89, 0x8b, 0x03, 0x29])], g.word(), g.memory(8, g.chance(50) ? r.below(0x100) : g.address(8)), g.scratch())]],
  ])();
}

function bases(g: Gen): number[] {
  const r = g.random;
  return r.weighted<() => number[]>([
    [3, () => [0x0f, 0x01, 0xf8]],
    [4, () => [...g.setWide(EAX, place(g)), 0xf3, ...(r.chance(70) ? [W] : []), 0x0f, 0xae, 0xc0 | (r.below(4) << 3)]],
    [2, () => [0xf3, ...(r.chance(70) ? [W] : []), 0x0f, 0xae, 0xc0 | (r.below(4) << 3) | ECX]],
  ])();
}

/** WRMSR of any 64 bits. */
const writeMsr = (g: Gen, number: number, value: bigint): number[] => [
  ...g.set(ECX, number), ...g.set(EAX, Number(value & 0xffffffffn)), ...g.set(EDX, Number((value >> 32n) & 0xffffffffn)), 0x0f, 0x30,
];

function modelSpecific(g: Gen): number[] {
  const r = g.random;
  const address = r.pick([MSR.lstar, MSR.cstar, MSR.fsBase, MSR.gsBase, MSR.kernelGsBase, SYSENTER.esp, SYSENTER.eip]);
  return r.weighted<() => number[]>([
    [5, () => writeMsr(g, address, place(g))],
    [2, () => writeMsr(g, MSR.fmask, BigInt(g.value()) | (r.chance(15) ? 1n << 32n : 0n))],
    [2, () => writeMsr(g, MSR.star, BigInt(g.value()) << 32n | BigInt(g.value()))],
    [2, () => writeMsr(g, EFER_MSR, BigInt(r.pick([0x501, 0xd01, 0x500, 0xd00, 0x401, 0x100, 0x2501])))],
    [3, () => [...g.set(ECX, r.pick([...Object.values(MSR), EFER_MSR, SYSENTER.cs, SYSENTER.eip])), 0x0f, 0x32]],
  ])();
}

/** SYSCALL, SYSRET, SYSENTER, SYSEXIT to behind this unit. */
function fastCalls(g: Gen): number[] {
  const r = g.random;
  const wide = r.chance(60) ? [W] : [];
  const behind = (make: (target: number) => number[]): number[] => make(g.at + make(0).length);
  const odd = r.chance(8);
  return r.weighted<() => number[]>([
    [4, () => [0x0f, 0x05]],
    [4, () => {
      const flags = flagsImage(g);
      const to = r.pick(BORDERS);
      return behind((target) => [...g.setWide(ECX, odd ? to : BigInt(target)), ...g.set(EBX, flags), 0x49, 0x89, 0xdb, ...wide, 0x0f, 0x07]);
    }],
    [2, () => behind((target) => [...writeMsr(g, SYSENTER.cs, BigInt(SEL.code0)), ...writeMsr(g, SYSENTER.esp, BigInt(AT.stacks + 0xe00)), ...fixedMsr(SYSENTER.eip, target), 0x0f, 0x34])],
    [2, () => {
      const to = r.pick(BORDERS);
      return behind((target) => [...g.setWide(EDX, odd ? to : BigInt(target)), ...g.setWide(ECX, BigInt(AT.stacks + 0x3e00)), ...wide, 0x0f, 0x35]);
    }],
  ])();
}

/** WRMSR of an address in a form of one length. */
const fixedMsr = (number: number, value: number): number[] => [0xb9, ...le32(number), 0xb8, ...le32(value >>> 0), 0xba, ...le32(value < 0 ? 0xffffffff : 0), 0x0f, 0x30];

/** Accesses, pushes and jumps at the borders of canonical form. */
function canonical(g: Gen): number[] {
  const r = g.random;
  const address = r.pick(BORDERS) + BigInt(r.between(-9, 9));
  const set = (register: number): number[] => g.setWide(register, BigInt.asUintN(64, address));
  return r.weighted<() => number[]>([
    [4, () => [...set(EAX), ...g.encode([r.pick([0x88, 0x89, 0x8a, 0x8b, 0x01])], 8, { prefixes: [], modrm: 0, tail: [], memory: true, rex: 0 }, ECX)]],
    [2, () => [...set(ESP), r.pick([0x50, 0x58, 0xc3, 0x9c, 0xe8]), 0, 0, 0, 0]],
    [2, () => [...set(EAX), 0xff, r.pick([0xe0, 0xd0])]],
    [1, () => [...set(EBX), W, 0x0f, 0x01, 0x3b]],
    [2, () => [...set(ESI), ...g.setAddress(EDI, g.address(8)), ...g.setAddress(ECX, 2), 0xf3, ...(r.chance(50) ? [W] : []), r.pick([0xa4, 0xa5, 0xa7])]],
    [1, () => [...set(EAX), 0x36, W, 0x89, 0x08]],
    [1, () => [...set(5), W, 0x89, 0x4d, 0]],
  ])();
}

function controlRegisters(g: Gen): number[] {
  const r = g.random;
  const modrm = (number: number, register: number): number => 0xc0 | (number << 3) | register;
  const toggled = (value: number, bits: readonly number[]): bigint => BigInt(bits.reduce((result, bit) => (r.chance(20) ? result ^ bit : result), value) >>> 0) | (r.chance(8) ? 1n << BigInt(r.between(32, 63)) : 0n);
  const { cr0, cr3, cr4 } = g.start;
  return r.weighted<() => number[]>([
    [3, () => [0x0f, 0x20, modrm(r.pick([0, 2, 3, 4]), r.below(4))]],
    [4, () => [...g.setWide(EAX, toggled(cr0, [CR0.WP, CR0.TS, CR0.EM, CR0.MP, CR0.NE, CR0.AM])), 0x0f, 0x22, modrm(0, EAX)]],
    [1, () => [...g.setWide(EAX, toggled(cr0, [CR0.PG, CR0.PE])), 0x0f, 0x22, modrm(0, EAX)]],
    [2, () => [...g.setWide(EAX, BigInt(cr3) | (r.chance(20) ? 1n << BigInt(r.between(12, 63)) & ~0x3ffffn : 0n) | BigInt(r.pick([0, 8, 0x10, 0x18]))), 0x0f, 0x22, modrm(3, EAX)]],
    [3, () => [...g.setWide(EAX, toggled(cr4, [CR4.TSD, CR4.DE, CR4.PSE, CR4.PGE, 0x200, 0x400, 0x800, 0x10000])), 0x0f, 0x22, modrm(4, EAX)]],
    [1, () => [...g.setWide(EAX, toggled(cr4, [CR4.PAE, 0x1000, 0x20000])), 0x0f, 0x22, modrm(4, EAX)]],
    [1, () => [...g.setWide(EAX, place(g)), 0x0f, 0x22, modrm(2, EAX)]],
    [2, () => [0x0f, 0x21, modrm(r.below(8), r.below(4))]],
    [2, () => [...g.setWide(EAX, BigInt(r.pick([0x400, 0xffff0ff0, 0x2400, 0])) | (r.chance(25) ? 1n << BigInt(r.between(32, 63)) : 0n)), 0x0f, 0x23, modrm(r.pick([6, 7, 4, 5]), EAX)]],
    [1, () => [...g.setWide(EAX, place(g)), 0x0f, 0x23, modrm(r.below(4), EAX)]],
    [1, () => [0x44, 0x0f, r.pick([0x20, 0x22]), modrm(r.pick([1, 2, 3, 7]), EAX)]],
  ])();
}

function systemTables(g: Gen): number[] {
  const r = g.random;
  const pseudo = (limit: number, base: bigint): number => g.plant([...le16(limit), ...le64(base)], 'table register');
  return r.weighted<() => number[]>([
    [2, () => g.encode([0x0f, 0x01], g.word(), g.memory(10), r.below(2))],
    [2, () => g.encode([0x0f, 0x00], g.word(), g.operand(2), r.below(2))],
    [2, () => {
      const gdt = r.chance(50);
      const high = r.chance(30) ? 0xffff_ffff_8000_0000n : r.chance(15) ? 0x8000_0000_0000n : 0n;
      return g.encode([0x0f, 0x01], g.word(), g.memory(10, pseudo(gdt ? GDT_ENTRIES * 8 - 1 : 0xfff, BigInt(gdt ? AT.gdt : AT.idt) | high)), gdt ? 2 : 3);
    }],
    [1, () => g.encode([0x0f, 0x01], 0, g.memory(10, pseudo(r.pick([0xff, 0xe7, 0xdf, 0x247, 0x24f]), BigInt(AT.idt))), 3)],
    [2, () => [...g.setSelector(EAX, r.chance(50) ? LONG_SEL.ldt : g.selector()), ...g.encode([0x0f, 0x00], 0, g.register(EAX), 2)]],
    [2, () => [...g.setSelector(EAX, r.chance(40) ? LONG_SEL.task : g.selector()), ...g.encode([0x0f, 0x00], 0, g.register(EAX), 3)]],
    [2, () => g.encode([0x0f, 0x01], g.word(), g.operand(2), 4)],
    [1, () => [...g.set(EAX, r.below(16)), 0x0f, 0x01, 0xf0]],
    [1, () => [0x0f, 0x06]],
    [3, () => [...g.setSelector(EAX, g.selector()), ...g.encode([0x0f, r.between(2, 3)], g.word(), g.register(EAX), ECX)]],
    [2, () => [...g.setSelector(EAX, g.selector()), ...g.encode([0x0f, 0x00], 0, g.register(EAX), r.between(4, 5))]],
    [2, () => g.encode([0x63], g.word(), g.operand(4), g.scratch())],
  ])();
}

function flags(g: Gen): number[] {
  return g.random.weighted<() => number[]>([
    [4, () => [0x68, ...le32(flagsImage(g)), ...(g.chance(20) ? [0x66] : []), 0x9d]],
    [2, () => [...(g.chance(20) ? [0x66] : []), 0x9c]],
    [3, () => [g.random.pick([0xfa, 0xfb])]],
    [1, () => [0x68, ...le32(2 | FLAG.TF | (g.chance(30) ? FLAG.IF : 0)), 0x9d, g.random.pick([0x90, 0x9c, 0xcc, 0xfb]), 0x68, ...le32(2), 0x9d]],
  ])();
}

function interrupts(g: Gen): number[] {
  return g.random.weighted<() => number[]>([
    [4, () => [0xcd, g.random.weighted<number>([[5, 0x20 + g.random.below(5)], [2, g.random.below(0x20)], [1, g.random.below(0x100)]])]],
    [1, () => [0xcc]],
    [1, () => [0x0f, 0x0b]],
    [3, () => [...g.set(EDX, PORT.interrupt), 0xb0, 0, 0xee, 0xb0, 2, 0xee, ...g.random.pick([[], [0xfb, 0x90], [0xfb, 0xfa], [0x8e, 0xd0, 0x90]])]],
  ])();
}

/** What is no instruction in 64-bit code, and REX prefixes that something stands behind. */
function oddities(g: Gen): number[] {
  const r = g.random;
  return r.weighted<() => number[]>([
    [3, () => [r.pick([0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea]), 0x90]],
    [2, () => [0x48, 0x66, 0x05, ...le16(g.value(2))]],
    [2, () => [0x4f, 0x40, 0x01, 0xc8]],
    [2, () => [0x4b, 0xf3, 0x90]],
    [2, () => [0xf0, ...g.encode([0x01], 8, g.operand(8), g.scratch())]],
    [1, () => [0xa0 | r.below(4), ...le64(r.chance(70) ? BigInt(g.address(8)) : place(g))]],
    [1, () => [0x67, 0xa0 | r.below(4), ...le32(g.address(8) >>> 0)]],
    [1, () => [0x67, 0xe3, 0]],
  ])();
}

/** In 64-bit code, beside the integer units. */
export const LONG: readonly (readonly [number, string, (g: Gen) => number[]])[] = [
  [9, 'far return', farReturn],
  [7, 'far jump or call', farJumpOrCall],
  [8, 'segments', segments],
  [5, 'bases', bases],
  [5, 'model-specific registers', modelSpecific],
  [7, 'fast calls', fastCalls],
  [6, 'canonical form', canonical],
  [6, 'control registers', controlRegisters],
  [7, 'system tables', systemTables],
  [5, 'flags', flags],
  [7, 'interrupts', interrupts],
  [4, 'oddities', oddities],
];
