/**
 * What long-mode programs find around them: descriptors of both sizes, gates of 16 bytes with and without stacks of their own (IST).
 */
import { BIG, GRANULAR, LONG, descriptor, le64 } from '../bytes';
import type { Patch } from '../case';
import { ERROR_CODE_VECTORS } from '../image';
import { longDescriptor, longGate, longHandler } from '../image64';
import { AT, GDT_ENTRIES, LDT_ENTRIES, LONG_FIRST_FREE, LONG_SEL, SEL, TASK_LIMIT, handlerOf } from '../layout';
import { HIGH_ALIAS, HUGE, PTE, TABLES } from '../pageTables';
import type { Random } from '../random';
import { Landings, access, dataDescriptor, rights } from './environment';

const CALL_GATE = 12, INTERRUPT_GATE = 14, TRAP_GATE = 15, TSS = 9, LDT = 2;

/** Code with every combination of L and D. */
function codeDescriptor(r: Random): readonly number[] {
  const size = r.weighted<number>([[6, LONG], [3, BIG], [1, 0], [1, LONG | BIG]]);
  return descriptor(r.chance(85) ? 0 : 0x10, r.pick([0xfffff, 0xfffff, 7]), access(r, 0x18 | r.below(8)), GRANULAR | size);
}

const anyCode = (r: Random): number => r.weighted<number>([
  [8, SEL.code0], [3, LONG_SEL.code3 & ~3], [2, LONG_SEL.code0bits32], [1, SEL.code1 & ~3], [1, SEL.code2 & ~3], [3, 8 * r.between(LONG_FIRST_FREE, GDT_ENTRIES - 1)],
]);

/** An offset as its low alias, its high alias, or one that is not canonical. */
function offset(r: Random, low: number): bigint {
  return r.weighted([[14, BigInt(low)], [4, BigInt.asUintN(64, BigInt(low + HIGH_ALIAS))], [1, BigInt(low) | 0x8000_0000_0000n]]);
}

function callGate(r: Random, landings: Landings): readonly number[] {
  const landing = landings.place([0x48, 0xcb], 'lands a call gate');
  return longGate(anyCode(r) | r.below(4), offset(r, landing), access(r, CALL_GATE));
}

/** A descriptor of 16 bytes; what stands in the second half may be the type of something. */
function systemDescriptor(r: Random, landings: Landings): readonly number[] {
  const bytes = [...r.weighted<() => readonly number[]>([
    [6, () => callGate(r, landings)],
    [2, () => longDescriptor(offset(r, AT.tasks), r.chance(80) ? TASK_LIMIT : 0x66, access(r, TSS | (r.chance(15) ? 2 : 0)))],
    [2, () => longDescriptor(offset(r, AT.ldt), r.pick([LDT_ENTRIES * 8 - 1, 0x3f]), access(r, LDT))],
    [1, () => longDescriptor(0n, r.below(0x10000), access(r, r.below(16)))],
  ])()];
  if (r.chance(8)) bytes[13] = r.below(32);
  return bytes;
}

/** Fills a table from an entry on. */
function entries(r: Random, landings: Landings, table: number, first: number, count: number, name: string): Patch[] {
  const patches: Patch[] = [];
  for (let i = first; i < count;) {
    const bytes = r.weighted<() => readonly number[]>([[4, () => dataDescriptor(r)], [5, () => codeDescriptor(r)], [5, () => systemDescriptor(r, landings)]])();
    if (i + bytes.length / 8 > count) break;
    patches.push({ address: table + 8 * i, bytes, note: `${name} entry ${(8 * i).toString(16)}` });
    i += bytes.length / 8;
  }
  return patches;
}

function gates(r: Random): Patch[] {
  const patches: Patch[] = [];
  for (const vector of [0, 1, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 17, 0x20, 0x21, 0x22, 0x23, 0x24]) {
    if (r.chance(55)) continue;
    const odd = r.chance(8);
    const selector = r.weighted<number>([[14, SEL.code0], [1, LONG_SEL.code3], [1, LONG_SEL.code0bits32], [1, anyCode(r)]]);
    const level = r.chance(70) ? 3 : r.below(4);
    const ist = r.chance(35) ? r.between(1, 7) : 0;
    const type = odd ? r.below(32) : r.chance(40) ? TRAP_GATE : INTERRUPT_GATE;
    patches.push({ address: AT.idt + 16 * vector, bytes: longGate(selector, odd ? offset(r, handlerOf(vector)) : BigInt(handlerOf(vector)), access(r, type, level), ist), note: `gate ${vector}` });
    patches.push({ address: handlerOf(vector), bytes: longHandler(ERROR_CODE_VECTORS.has(vector)), note: `handler ${vector}` });
  }
  return patches;
}

/** GDT, LDT, IDT and the TSS's stacks of a long-mode program. */
export function longTables(r: Random): readonly Patch[] {
  const landings = new Landings();
  const patches = [
    ...entries(r, landings, AT.gdt, LONG_FIRST_FREE, GDT_ENTRIES, 'GDT'), ...entries(r, landings, AT.ldt, 0, LDT_ENTRIES, 'LDT'), ...gates(r), ...landings.patches,
  ];
  // A stack that is not canonical, now and then.
  if (r.chance(6)) patches.push({ address: AT.tasks + 4 + 8 * r.below(3), bytes: le64(0x8000_0000_0000n), note: 'inner stack' });
  if (r.chance(6)) patches.push({ address: AT.tasks + 0x24 + 8 * r.below(7), bytes: le64(0x7fff_ffff_fffcn), note: 'stack of IST' });
  return patches;
}

/** The entries above the directory: rights, the page of 1 GiB, and bits that must be 0. */
export function upperEntries(r: Random): readonly Patch[] {
  if (r.chance(60)) return [];
  const reserved = r.chance(20) ? BigInt(1 << r.between(13, 29)) : r.chance(20) ? 1n << BigInt(r.between(40, 51)) : 0n;
  return [{ address: TABLES.pointers + 8 * (HUGE / 2 ** 30), bytes: le64(BigInt(rights(r) | PTE.large) | reserved), note: '1 GiB page' }];
}
