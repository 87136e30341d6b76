/**
 * What programs find around them: random descriptors of every kind, gates and where they lead, further tasks, page-table entries with every right.
 */
import { BIG, GRANULAR, PRESENT, descriptor, dpl, gate, le16, le32, le64 } from '../bytes';
import type { Patch } from '../case';
import { handlerCode } from '../image';
import { AT, FIRST_FREE, GDT_ENTRIES, LDT_ENTRIES, SEL, TASK_BYTES, handlerOf, landingAt, stackTop, taskAt } from '../layout';
import { LINEAR, PLAYGROUND_PAGES, PTE, directoryEntry, playgroundEntry } from '../pageTables';
import type { Random } from '../random';

const CALL_GATE16 = 4, TASK_GATE = 5, INTERRUPT_GATE16 = 6, TRAP_GATE16 = 7, CALL_GATE32 = 12, INTERRUPT_GATE32 = 14, TRAP_GATE32 = 15;
const TSS16 = 1, TSS32 = 9, LDT = 2;
/** Number of TSSs besides the first, and of landings. */
const TASKS = 3;
const LANDINGS = 128;

/** Access byte of a descriptor: present mostly. */
export function access(r: Random, type: number, level = r.weighted<number>([[4, 0], [4, 3], [1, 1], [1, 2]])): number {
  return (r.chance(92) ? PRESENT : 0) | dpl(level) | type;
}

/** Where code is to be found that returns from a far call or task of a kind. */
export class Landings {
  private next = 0;
  readonly patches: Patch[] = [];

  /** @returns the address of `code` */
  place(code: readonly number[], note: string): number {
    const address = landingAt(this.next++ % LANDINGS);
    this.patches.push({ address, bytes: code, note });
    return address;
  }
}

export function dataDescriptor(r: Random): readonly number[] {
  const base = r.weighted<number>([[4, 0], [3, AT.data], [1, AT.data + 0xff0], [1, AT.data + 1], [1, AT.code]]);
  const granular = r.chance(45);
  const limit = granular ? r.pick([0xfffff, 0xfffff, 0x3f, 0x1f, 0]) : r.pick([0xffff, 0xffff, 0xfff, 0x1fff, 0xff, 0x7, 0, 0xfffff]);
  return descriptor(base, limit, access(r, 0x10 | r.below(8)), (granular ? GRANULAR : 0) | (r.chance(60) ? BIG : 0) | r.below(2));
}

function codeDescriptor(r: Random): readonly number[] {
  const granular = r.chance(60);
  const base = r.chance(85) ? 0 : r.pick([AT.code - 0x1000, 0x10]);
  const limit = granular ? r.pick([0xfffff, 0xfffff, 0xfffff, 7]) : r.pick([0xffff, 0xffff, 0x7fff, 0xfffff, 0]);
  return descriptor(base, limit, access(r, 0x18 | r.below(8)), (granular ? GRANULAR : 0) | (r.chance(65) ? BIG : 0));
}

function anyCode(r: Random): number {
  return r.pick([SEL.code0, SEL.code0, SEL.code0bits16, SEL.code3, SEL.code1, SEL.code2, SEL.code3bits16, 8 * r.between(FIRST_FREE, GDT_ENTRIES - 1)]) & ~3;
}

function callGate(r: Random, landings: Landings): readonly number[] {
  const wide = r.chance(65);
  const selector = anyCode(r);
  const bits = [SEL.code0bits16, SEL.code3bits16 & ~3].includes(selector) ? 16 : 32;
  const parameters = r.weighted<number>([[5, 0], [3, r.below(5)], [1, 31]]);
  const size = wide ? 4 : 2;
  const prefix = (bits === 32) === wide ? [] : [0x66];
  const offset = landings.place(parameters === 0 ? [...prefix, 0xcb] : [...prefix, 0xca, ...le16(parameters * size)], 'lands a call gate');
  return gate(r.chance(95) ? selector | r.below(4) : r.below(4), r.chance(96) ? offset : 0xfffff, access(r, wide ? CALL_GATE32 : CALL_GATE16), parameters);
}

function systemDescriptor(r: Random, landings: Landings): readonly number[] {
  return r.weighted<() => readonly number[]>([
    [6, () => callGate(r, landings)],
    [2, () => gate(r.chance(80) ? 8 * taskSelector(r) : r.below(0x200), 0, access(r, TASK_GATE))],
    [2, () => descriptor(AT.ldt, r.pick([LDT_ENTRIES * 8 - 1, 0x3f, 7]), access(r, LDT))],
    [2, () => descriptor(0, r.below(0x10000), access(r, r.below(16)))],
  ])();
}

/** GDT entries of the further tasks stand behind the fixed ones. */
const taskSelector = (r: Random): number => FIRST_FREE + r.below(TASKS);

function anyDescriptor(r: Random, landings: Landings): readonly number[] {
  return r.weighted<() => readonly number[]>([[5, () => dataDescriptor(r)], [4, () => codeDescriptor(r)], [5, () => systemDescriptor(r, landings)]])();
}

/** The image of a 32-bit task. */
function task32(r: Random, landings: Landings, cr3: number): readonly number[] {
  const level = r.weighted<number>([[5, 0], [4, 3], [1, 1]]);
  const code = level === 0 ? SEL.code0 : level === 3 ? SEL.code3 : SEL.code1;
  const data = level === 0 ? SEL.data0 : level === 3 ? SEL.data3 : SEL.data1;
  const odd = (selector: number): number => (r.chance(94) ? selector : r.weighted([[1, 0], [2, r.below(GDT_ENTRIES) * 8 + r.below(4)]]));
  const eip = landings.place([0x90, 0xcf, 0x90, 0xcf], 'a task');
  const stack = (cpl: number): readonly number[] => [...le32(stackTop(cpl) - 0x200), ...le32(cpl === 0 ? SEL.data0 : cpl === 1 ? SEL.data1 : SEL.data2)];
  const flags = 2 | (r.chance(30) ? 0x200 : 0) | (r.chance(10) ? 0x4000 : 0) | (r.chance(5) ? 0x100 : 0);
  return [
    ...le32(SEL.task), ...stack(0), ...stack(1), ...stack(2), ...le32(cr3), ...le32(eip), ...le32(flags),
    ...Array.from({ length: 8 }, (_, i) => le32(i === 4 ? stackTop(level) - 0x400 : r.u32())).flat(),
    ...[data, code, data, data, data, data].flatMap((selector) => le32(odd(selector))),
    ...le32(r.chance(90) ? r.pick([0, SEL.ldt]) : odd(SEL.data0)), ...le16(r.chance(5) ? 1 : 0), ...le16(0x68),
  ];
}

/** The image of a 16-bit task. */
function task16(r: Random, landings: Landings): readonly number[] {
  const eip = landings.place([0x90, 0xcf, 0x66, 0xcf], 'a 16-bit task');
  const data = SEL.data0bits16;
  return [
    ...le16(SEL.task), ...[0, 1, 2].flatMap(() => [...le16(0xd000), ...le16(data)]), ...le16(eip), ...le16(2 | (r.chance(30) ? 0x200 : 0)),
    ...Array.from({ length: 8 }, (_, i) => le16(i === 4 ? 0xc000 : r.u32() & 0xffff)).flat(),
    ...[data, r.chance(80) ? SEL.code0bits16 : SEL.code0, data, data].flatMap(le16), ...le16(r.chance(80) ? 0 : SEL.ldt),
  ];
}

function tasks(r: Random, landings: Landings, cr3: number): readonly Patch[] {
  return Array.from({ length: TASKS }, (_, i) => {
    const wide = r.chance(70);
    const address = taskAt(i + 1);
    const type = wide ? TSS32 : TSS16;
    const limit = r.chance(92) ? TASK_BYTES - 1 : r.pick([0x66, 0x67, 0x2a, 0x2b]);
    return [
      { address, bytes: wide ? task32(r, landings, cr3) : task16(r, landings), note: `task ${i + 1}` },
      { address: AT.gdt + 8 * (FIRST_FREE + i), bytes: descriptor(address, limit, access(r, type | (r.chance(8) ? 2 : 0))), note: `TSS ${i + 1}` },
    ];
  }).flat();
}

/** Gates of the vectors that programs reach. */
function interruptGates(r: Random): readonly Patch[] {
  const patches: Patch[] = [];
  for (const vector of [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 0x20, 0x21, 0x22, 0x23, 0x24]) {
    if (r.chance(55)) continue;
    const wide = r.chance(70);
    const selector = r.weighted<number>([[10, SEL.code0], [3, SEL.code0bits16], [2, anyCode(r)]]);
    const bits = [SEL.code0bits16, SEL.code3bits16 & ~3].includes(selector) ? 16 : 32;
    const trap = r.chance(40);
    const type = wide ? (trap ? TRAP_GATE32 : INTERRUPT_GATE32) : trap ? TRAP_GATE16 : INTERRUPT_GATE16;
    const level = r.chance(70) ? 3 : r.below(4);
    const odd = r.chance(6);
    const bytes = odd
      ? gate(r.chance(60) ? 8 * taskSelector(r) : selector, handlerOf(vector), access(r, r.chance(60) ? TASK_GATE : r.below(32)))
      : gate(selector | r.below(4), handlerOf(vector), access(r, type, level));
    patches.push({ address: AT.idt + 8 * vector, bytes, note: `gate ${vector}` });
    patches.push({ address: handlerOf(vector), bytes: handlerCode(vector, bits, wide ? 4 : 2), note: `handler ${vector}` });
  }
  return patches;
}

/** GDT, LDT, IDT and tasks of a protected-mode program. */
export function descriptorTables(r: Random, cr3: number): readonly Patch[] {
  const landings = new Landings();
  const patches: Patch[] = [];
  for (let i = FIRST_FREE + TASKS; i < GDT_ENTRIES; i++) {
    patches.push({ address: AT.gdt + 8 * i, bytes: anyDescriptor(r, landings), note: `GDT entry ${(8 * i).toString(16)}` });
  }
  for (let i = 0; i < LDT_ENTRIES; i++) patches.push({ address: AT.ldt + 8 * i, bytes: anyDescriptor(r, landings), note: `LDT entry ${(8 * i).toString(16)}` });
  patches.push(...tasks(r, landings, cr3), ...interruptGates(r), ...landings.patches);
  return patches;
}

/** Rights of a page, most of them given. */
export function rights(r: Random): number {
  return (r.chance(85) ? PTE.present : 0) | (r.chance(75) ? PTE.writable : 0) | (r.chance(75) ? PTE.user : 0)
    | (r.chance(30) ? PTE.accessed : 0) | (r.chance(20) ? PTE.dirty : 0) | (r.chance(10) ? PTE.global : 0) | (r.chance(10) ? PTE.writeThrough | PTE.cacheDisable : 0);
}

/** Bits that no entry of the PAE format may have (physical addresses have 36 bits), and the execute-disable bit. */
function highBits(r: Random): bigint {
  return (r.chance(15) ? 1n << 63n : 0n) | (r.chance(3) ? 1n << BigInt(r.between(40, 62)) : 0n);
}

/** Random entries for the playgrounds, their directory entries and the large page. */
export function pageTableEntries(r: Random, pae: boolean): readonly Patch[] {
  const bytes = (low: number, high = 0n): readonly number[] => (pae ? le64(BigInt(low) | high) : le32(low));
  const patches: Patch[] = [];
  for (const second of [false, true]) {
    for (let page = 0; page < PLAYGROUND_PAGES; page++) {
      if (r.chance(35)) continue;
      patches.push({ address: playgroundEntry(second, page, pae), bytes: bytes((AT.data + 0x1000 * r.below(16)) | rights(r), pae ? highBits(r) : 0n), note: `${second ? 'second ' : ''}playground page ${page}` });
    }
    const linear = second ? LINEAR.second : LINEAR.playground;
    const table = playgroundEntry(second, 0, pae);
    if (second || r.chance(30)) patches.push({ address: directoryEntry(linear, pae), bytes: bytes(table | (second ? rights(r) : rights(r) | PTE.present), pae && second ? highBits(r) : 0n), note: 'playground directory entry' });
  }
  // Bits 13 to 20 of a large page are reserved in PAE tables, and belong to the address in the others (PSE-36).
  const reserved = r.chance(10) ? 1 << (pae ? r.between(13, 20) : 21) : 0;
  patches.push({ address: directoryEntry(LINEAR.large, pae), bytes: bytes(rights(r) | PTE.large | reserved | (r.chance(10) ? 0x1000 : 0), pae ? highBits(r) : 0n), note: 'large page' });
  return patches;
}
