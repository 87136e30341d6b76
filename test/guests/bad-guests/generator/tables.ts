/** Descriptor tables, task states, and page tables of all formats: sound enough that a guest gets going, random beyond that. */
import { BIG, GRANULAR, LONG, PRESENT, descriptor, dpl, gate, le16, le32, le64 } from '../../../fuzz/bytes';
import type { Random } from '../../../fuzz/random';
import type { Piece } from '../guest';
import { number32, number64, type Bits } from './assembler';
import { AT, FIRST_FREE, GDT_ENTRIES, LDT_ENTRIES, RAM_BYTES, SEL, SPARE_TABLES, TABLES, stackTop } from './layout';

const CODE = 0x1b, DATA = 0x13, TSS32 = 9, LDT = 2;

/** A descriptor of any type: bases and limits where something is, or anywhere. */
function randomDescriptor(random: Random): readonly number[] {
  const base = random.chance(70) ? random.pick([0, AT.code, AT.data, AT.tasks, AT.tasks + 0x200, AT.ldt, AT.stacks, 0xfee00000]) : number32(random);
  const limit = random.chance(70) ? random.pick([0, 1, 0x66, 0x67, 0x68, 0xff, 0xffe, 0xfff, 0xffff, 0xfffff, AT.code + 0x17]) : random.below(0x100000);
  if (random.chance(25)) return gate(anyCode(random), AT.code + random.below(0x1800), random.below(256), random.below(40));
  return descriptor(base, limit, random.chance(70) ? PRESENT | random.below(128) : random.below(256), random.below(16));
}

const anyCode = (random: Random): number => (random.chance(70) ? random.pick([SEL.code32, SEL.user32, SEL.code64, SEL.user64, SEL.code16, SEL.task]) : random.below(GDT_ENTRIES * 8));

function globalDescriptors(random: Random, long: boolean): readonly number[] {
  const bytes = [
    descriptor(0, 0, 0),
    descriptor(0, 0xfffff, PRESENT | CODE, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | DATA, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | CODE, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | DATA, GRANULAR | BIG),
    descriptor(AT.tasks, 0x1ff, PRESENT | TSS32), le64(0n),
    descriptor(AT.ldt, LDT_ENTRIES * 8 - 1, PRESENT | LDT), le64(0n),
    descriptor(0, 0xfffff, PRESENT | CODE, GRANULAR | LONG),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | CODE, GRANULAR | LONG),
    descriptor(0, 0xffff, PRESENT | CODE),
    descriptor(0, 0xffff, PRESENT | DATA),
    descriptor(0, 0xffff, PRESENT | dpl(3) | CODE),
  ].flat();
  for (let i = FIRST_FREE; i < GDT_ENTRIES; i++) bytes.push(...randomDescriptor(random), ...(long && random.chance(10) && ++i < GDT_ENTRIES ? le64(BigInt(number32(random))) : []));
  return bytes;
}

/** Gates lead to the handlers that `handlerOf` names; a few lead anywhere. */
function interruptDescriptors(random: Random, long: boolean, handlerOf: (vector: number) => number, wild: number): readonly number[] {
  const bytes: number[] = [];
  for (let vector = 0; vector < 256; vector++) {
    const isWild = random.chance(wild);
    const target = isWild ? AT.code + random.below(0x2000) : handlerOf(vector);
    const access = isWild ? random.below(256) : 0x8e | random.below(2) | (random.chance(30) ? 0x60 : 0);
    const selector = isWild ? anyCode(random) : long ? SEL.code64 : SEL.code32;
    bytes.push(...gate(selector, target, access, isWild ? random.below(8) : 0), ...(long ? le64(isWild && random.chance(20) ? number64(random) : 0n) : []));
  }
  return bytes;
}

function taskStates(random: Random, long: boolean): readonly number[] {
  const first = long
    ? [...le32(0), ...[0, 1, 2].flatMap((cpl) => le64(BigInt(stackTop(cpl)))), ...le64(0n), ...Array.from({ length: 7 }, () => le64(random.chance(80) ? BigInt(stackTop(1)) : number64(random))).flat()]
    : [...le32(0), ...[0, 1, 2].flatMap((cpl) => [...le32(stackTop(cpl)), ...le32(SEL.data32)]), ...le32(TABLES.directory32)];
  const bytes = Array.from({ length: 0x800 }, () => 0);
  first.forEach((byte, i) => { bytes[i] = byte; });
  bytes.splice(0x66, 2, ...le16(random.chance(80) ? 0x68 : random.below(0x300)));
  for (let i = 0x68; i < 0x1ff; i++) bytes[i] = random.chance(80) ? 0 : random.below(256);
  // Tasks to switch to: registers at random, segments and EIP mostly good.
  for (let at = 0x200; at < 0x800; at += 0x200) {
    const words = Array.from({ length: 26 }, () => number32(random));
    words[7] = random.pick([TABLES.directory32, TABLES.pdpt, TABLES.directory32]);
    words[8] = AT.code + random.below(0x1800);
    words[9] = random.chance(60) ? 2 | (random.u32() & 0x3000) : number32(random);
    words[14] = stackTop(0);
    [SEL.data32, SEL.code32, SEL.data32, SEL.data32, SEL.data32, SEL.data32].forEach((selector, i) => { words[18 + i] = random.chance(80) ? selector : random.below(0x400); });
    words[24] = random.chance(60) ? 0 : SEL.ldt;
    bytes.splice(at, 104, ...words.flatMap(le32));
  }
  return bytes;
}

/** Descriptor tables and task states, and the pseudo-descriptors that load the tables. */
export function segmentTables(random: Random, long: boolean, handlerOf: (vector: number) => number): Piece[] {
  const wild = random.pick([0, 0, 2, 10, 40]);
  const pseudo = (limit: number, base: number): readonly number[] => [...le16(limit), ...le32(base), 0, 0];
  return [
    { at: AT.gdt, bytes: globalDescriptors(random, long), note: 'GDT' },
    { at: AT.ldt, bytes: Array.from({ length: LDT_ENTRIES }, () => randomDescriptor(random)).flat(), note: 'LDT' },
    { at: AT.idt, bytes: interruptDescriptors(random, long, handlerOf, wild), note: `IDT, ${wild} % of it random` },
    { at: AT.tasks, bytes: taskStates(random, long), note: 'task states' },
    { at: AT.block, bytes: [...pseudo(GDT_ENTRIES * 8 - 1, AT.gdt), ...pseudo(256 * (long ? 16 : 8) - 1, AT.idt), ...pseudo(0x3ff, 0), ...pseudo(random.below(0x10000), random.below(RAM_BYTES))], note: 'pseudo-descriptors' },
  ];
}

const DEVICES = [0xfee00000, 0xfec00000, 0xfed00000, 0xb8000, 0xa0000, 0xf0000, 0xfffff000] as const;
const RIGHTS = 0x007;

/** A random entry: a table, the entry's own table, a device, ROM, code, memory, or reserved bits. */
function randomEntry(random: Random, own: number, wide: boolean): bigint {
  const target = random.weighted<() => number>([
    [3, () => TABLES.spare + 0x1000 * random.below(SPARE_TABLES)], [2, () => own], [2, () => random.pick(DEVICES)], [2, () => AT.code], [2, () => 0x1000 * random.below(RAM_BYTES / 0x1000)],
    [1, () => number32(random)],
  ])();
  const flags = random.chance(75) ? RIGHTS | (random.below(64) << 5 & (random.chance(50) ? 0x1ff : 0x17f)) : random.below(0x1000);
  const high = !wide || random.chance(70) ? 0 : random.pick([0x80000000, 1, 0xff, 0x7fffffff & number32(random), number32(random)]);
  return (BigInt(high) << 32n) | BigInt(((target & ~0xfff) | flags) >>> 0);
}

const entryBytes = (entry: bigint, wide: boolean): readonly number[] => (wide ? le64(entry) : le32(Number(entry & 0xffffffffn)));

/** One table: the entries that are given, `density` % of the others random. */
function table(random: Random, at: number, wide: boolean, given: ReadonlyMap<number, bigint>, density: number, note: string): Piece {
  const bytes: number[] = [];
  for (let i = 0; i < (wide ? 512 : 1024); i++) bytes.push(...entryBytes(given.get(i) ?? (random.chance(density) ? randomEntry(random, at, wide) : 0n), wide));
  return { at, bytes, note };
}

/** Low memory one to one: 4 MiB in pages, or 2 MiB; `holes` % of the pages above 60000h with other rights. */
function identity(random: Random, wide: boolean, holes: number): ReadonlyMap<number, bigint> {
  const pages = wide ? 512 : 1024;
  const entries = Array.from({ length: pages }, (_, i) => {
    const broken = random.chance(i * 0x1000 >= AT.tablesEnd ? 30 : holes);
    return [i, BigInt(((i * 0x1000) | (broken ? random.below(0x200) : RIGHTS | (random.chance(50) ? 0x60 : 0))) >>> 0)] as const;
  });
  return new Map(entries);
}

/**
 * Page tables of all formats. Those that the processor starts with map low memory one to one, the devices' upper GiB as
 * well, and random things elsewhere.
 */
export function pageTables(random: Random): Piece[] {
  const holes = random.pick([0, 0, 1, 5]);
  const density = random.pick([0, 5, 50, 100]);
  const map = (...entries: readonly (readonly [number, bigint])[]): ReadonlyMap<number, bigint> => new Map(entries);
  const user = BigInt(RIGHTS);
  const large = (address: number): bigint => BigInt((address | RIGHTS | 0x80) >>> 0);
  const upper = Array.from({ length: 8 }, (_, i) => [0x1f0 + i, large(0xfe000000 + i * 0x200000)] as const);
  const pieces = [
    table(random, TABLES.directory32, false, map([0, BigInt(TABLES.table32) | user], [0x3fb, large(0xfec00000)], [0x3fa, large(0xfe800000)]), density, 'page directory (32-bit)'),
    table(random, TABLES.table32, false, identity(random, false, holes), 0, 'page table (32-bit)'),
    table(random, TABLES.pdpt, true, map([0, BigInt(TABLES.directory64) | (random.chance(90) ? 1n : user)], [3, BigInt(TABLES.directory64) | 1n]), random.chance(70) ? 0 : density, 'page-directory pointers'),
    table(random, TABLES.directory64, true, map([0, BigInt(TABLES.table64) | user], ...upper), density, 'page directory (64-bit)'),
    table(random, TABLES.table64, true, identity(random, true, holes), 0, 'page table (64-bit)'),
    table(random, TABLES.pml4, true, map([0, BigInt(TABLES.pointers) | user], [511, BigInt(TABLES.pml4) | user]), density, 'PML4'),
    table(random, TABLES.pml5, true, map([0, BigInt(TABLES.pml4) | user], [256, BigInt(TABLES.pml5) | user]), density, 'PML5'),
    table(random, TABLES.pointers, true, map([0, BigInt(TABLES.directory64) | user], [3, BigInt(TABLES.directory64) | user]), density, 'page-directory pointers (4-level)'),
  ];
  for (let i = 0; i < SPARE_TABLES; i++) pieces.push(table(random, TABLES.spare + 0x1000 * i, random.chance(70), map(), random.pick([0, 20, 100]), 'spare table'));
  return pieces;
}

/** Real mode's vectors, to the same handlers. */
export function vectors(random: Random, handlerOf: (vector: number) => number): Piece {
  const wild = random.pick([0, 0, 2, 20]);
  const bytes = Array.from({ length: 256 }, (_, vector) => (random.chance(wild) ? [...le16(random.below(0x10000)), ...le16(random.below(0x10000))] : [...le16(handlerOf(vector)), ...le16(0)])).flat();
  return { at: AT.ivt, bytes, note: `real mode's vectors, ${wild} % of them random` };
}

/** Whether delivery of a vector pushes an error code. */
export const hasErrorCode = (vector: number, bits: Bits): boolean => bits !== 16 && [8, 10, 11, 12, 13, 14, 17].includes(vector);
