/**
 * Descriptor tables as people look at them: every entry decoded, what its use would come to, and the processor's hidden state beside it.
 */
import type { Cpu } from '../cpu/cpu';
import { SYSTEM, decodeDescriptor, gateOffset, gateSelector, type Descriptor } from '../cpu/descriptorLayout';
import { vectorName } from '../cpu/interrupts';
import * as L from '../cpu/layout';
import { ATTRIBUTE } from '../cpu/state';
import { areaName } from './backing';
import { cpuMode, segmentMeaning, SEGMENT_NAMES } from './cpuView';
import type { DescriptorKind, DescriptorTable, DescriptorTables, GateTarget, LoadedSegment, TableEntry } from './descriptorTypes';
import { interruptUses, selectorUses, type UseContext } from './descriptorUses';
import { readTable, SelectorTables, slotRaw, type ReadLinear, type Slot, type TableBytes } from './tableReader';
import { taskState } from './taskView';
import { realVectors } from './vectorView';

const GATES: ReadonlyMap<number, readonly [DescriptorKind, string]> = new Map([
  [SYSTEM.callGate16, ['call-gate', '16-bit call gate']], [SYSTEM.callGate32, ['call-gate', '32-bit call gate']], [SYSTEM.taskGate, ['task-gate', 'task gate']],
  [SYSTEM.interruptGate16, ['interrupt-gate', '16-bit interrupt gate']], [SYSTEM.trapGate16, ['trap-gate', '16-bit trap gate']],
  [SYSTEM.interruptGate32, ['interrupt-gate', '32-bit interrupt gate']], [SYSTEM.trapGate32, ['trap-gate', '32-bit trap gate']],
]);
const TASKS: readonly number[] = [SYSTEM.tss16, SYSTEM.tss16Busy, SYSTEM.tss32, SYSTEM.tss32Busy];
/** Types whose descriptors have 16 bytes in long mode's GDT and LDT. */
const WIDE: readonly number[] = [SYSTEM.ldt, SYSTEM.tss32, SYSTEM.tss32Busy, SYSTEM.callGate32];
/** GDTR's limit at reset: in real mode such a table is not meant. */
const RESET_LIMIT = 0xffff;
/** More task-state segments than this in one GDT are left out. */
const MOST_TASKS = 8;

interface Reading extends UseContext {
  readonly cpu: Cpu;
}

const wide = (upper: Slot | undefined, low: number): bigint => (BigInt((upper?.low ?? 0) >>> 0) << 32n) | BigInt(low >>> 0);

function kindOf(d: Descriptor): DescriptorKind {
  if (d.isSegment) return d.isCode ? 'code' : 'data';
  if (d.type === SYSTEM.ldt) return 'ldt';
  return TASKS.includes(d.type) ? 'tss' : GATES.get(d.type)?.[0] ?? 'reserved';
}

function meaningOf(d: Descriptor, longMode: boolean): string {
  const gate = d.isSegment ? undefined : GATES.get(d.type)?.[1];
  const [kind] = [kindOf(d)];
  // The level of privilege has a column of its own.
  const words = gate ?? (kind === 'reserved' ? `reserved type ${d.type}` : segmentMeaning(d.attributes | ATTRIBUTE.present, longMode).replace(/, DPL \d$/, ''));
  return longMode ? words.replace(/^32-bit (\w+ gate)/, '64-bit $1') : words;
}

function gateTarget(d: Descriptor, upper: Slot | undefined, { longMode, tables }: Reading): GateTarget {
  const selector = gateSelector(d);
  const offset = longMode ? wide(upper, gateOffset(d)) : BigInt(gateOffset(d));
  const code = tables.find(selector)?.descriptor;
  const linear = !code?.isCode ? undefined : longMode ? offset : BigInt.asUintN(32, BigInt(code.base) + offset);
  const kind = kindOf(d);
  return {
    selector, offset, ...(linear === undefined || kind === 'task-gate' ? {} : { linear }),
    ...(longMode && (d.high & 7) !== 0 && kind !== 'call-gate' ? { interruptStack: d.high & 7 } : {}),
    ...(kind === 'call-gate' && !longMode && (d.high & 0x1f) !== 0 ? { parameters: d.high & 0x1f } : {}),
  };
}

/** One entry; `width` in bytes. */
function entryOf(d: Descriptor, upper: Slot | undefined, width: number, place: Pick<TableEntry, 'index' | 'address'>, reading: Reading): TableEntry {
  const kind = kindOf(d);
  const hasBase = ['code', 'data', 'ldt', 'tss'].includes(kind);
  const base = width === 16 ? wide(upper, d.base) : BigInt(d.base);
  const low = slotRaw({ low: d.low, high: d.high });
  return {
    ...place, count: 1, bytes: width, raw: width === 16 && upper ? (slotRaw(upper) << 64n) | low : low, kind, meaning: meaningOf(d, reading.longMode),
    present: d.present, dpl: d.dpl, loadedIn: [], uses: [],
    ...(hasBase ? { segment: { base, limit: d.limit, attributes: d.attributes } } : {}),
    ...(kind.endsWith('gate') ? { gate: gateTarget(d, upper, reading) } : {}),
  };
}

/** Neighbours that are all empty, or all unreadable, as one entry. */
function blank(kind: 'empty' | 'unreadable', meaning: string, place: Pick<TableEntry, 'index' | 'address' | 'count' | 'bytes'>): TableEntry {
  return { ...place, raw: 0n, kind, meaning, present: false, dpl: 0, loadedIn: [], uses: [] };
}

const isEmpty = (slot: Slot): boolean => slot.low === 0 && slot.high === 0;

type EntryMaker = (index: number, address: bigint) => { readonly entry: TableEntry; readonly slots: number };

/** All entries of a table, blank ones in runs. `step`: slots of an entry that is blank. */
function entriesOf(table: TableBytes, step: number, make: EntryMaker): TableEntry[] {
  const entries: TableEntry[] = [];
  for (let slot = 0; slot + step <= table.slots.length;) {
    const index = slot / step;
    const address = BigInt.asUintN(64, table.base + BigInt(8 * slot));
    const parts = table.slots.slice(slot, slot + step);
    const kind = parts.some((part) => part === undefined) ? 'unreadable' : parts.every((part) => part !== undefined && isEmpty(part)) ? 'empty' : undefined;
    if (kind === undefined) {
      const { entry, slots } = make(index, address);
      entries.push(entry);
      slot += slots;
      continue;
    }
    const last = entries.at(-1);
    const isNull = step === 1 && slot === 0 && kind === 'empty';
    if (last?.kind === kind && last.meaning !== 'null descriptor') entries[entries.length - 1] = { ...last, count: last.count + 1 };
    else entries.push(blank(kind, isNull ? 'null descriptor' : kind === 'empty' ? 'empty' : 'not mapped: a use raises #PF', { index, address, count: 1, bytes: 8 * step }));
    slot += step;
  }
  return entries;
}

function selectorTable(table: TableBytes, isLocal: boolean, reading: Reading): DescriptorTable {
  const { cpu, longMode, cpl } = reading;
  const s = cpu.state;
  const loaded = s.descriptorMode ? SEGMENT_NAMES.map((name, i) => ({ name, selector: s.selector(i) })) : [];
  const entries = entriesOf(table, 1, (index, address) => {
    const slot = table.slots[index] ?? { low: 0, high: 0 };
    const selector = index * 8 + (isLocal ? 4 : 0);
    const d = decodeDescriptor(selector | cpl, slot.low, slot.high, 0);
    const width = longMode && !d.isSegment && WIDE.includes(d.type) ? 16 : 8;
    const entry = entryOf(d, width === 16 ? table.slots[index + 1] : undefined, width, { index, address }, reading);
    const loadedIn = loaded.filter((segment) => (segment.selector & 0xfffc) === selector && selector > 3).map(({ name }) => name);
    return { entry: { ...entry, loadedIn, uses: selectorUses(d, reading) }, slots: width / 8 };
  });
  return { base: table.base, limit: table.limit, entries };
}

function interruptTable(reading: Reading): DescriptorTable {
  const { cpu, longMode, tables } = reading;
  const s = cpu.state;
  const step = longMode ? 2 : 1;
  // No vector is above 255, however large the table.
  const limit = s.u32(L.IDTR_LIMIT);
  const table = readTable(tables.read, s.u64(L.IDTR_BASE), Math.min(limit, 256 * 8 * step - 1));
  const entries = entriesOf(table, step, (vector, address) => {
    const slot = table.slots[vector * step] ?? { low: 0, high: 0 };
    const d = decodeDescriptor(0, slot.low, slot.high, 0);
    const entry = entryOf(d, table.slots[vector * step + 1], 8 * step, { index: vector, address }, reading);
    return { entry: { ...entry, uses: interruptUses(vector, d, reading), ...(vector < 20 ? { name: vectorName(vector) } : {}) }, slots: step };
  });
  return { base: table.base, limit, entries };
}

/** Bits that loading sets in what is held: accessed, or of a TSS busy. */
const heldBits = (d: Descriptor): number => (d.isSegment ? ATTRIBUTE.accessed : 2);

function protectedSegment(register: LoadedSegment['register'], index: number, { cpu, longMode, tables }: Reading): LoadedSegment {
  const s = cpu.state;
  const selector = s.selector(index);
  const plain = { register, selector, differences: [], stale: false };
  if ((selector & 0xfffc) === 0) return { ...plain, story: register === 'ldtr' || register === 'tr' ? 'null: there is none' : 'null: a use raises #GP(0)' };
  const from = { table: selector & 4 ? 'ldt' as const : 'gdt' as const, index: selector >> 3 };
  const found = tables.find(selector);
  if (!found) return { ...plain, from, stale: true, story: 'The selector names no entry of its table as it is now: loading it again would raise #GP.' };
  const { descriptor: d, upper } = found;
  const isSystem = index === L.LDTR || index === L.TR;
  const parts = [
    { part: 'base' as const, held: BigInt.asUintN(64, s.exactAddress(s.base(index))), table: isSystem && longMode ? wide(upper, d.base) : BigInt(d.base) },
    { part: 'limit' as const, held: BigInt(s.limit(index) >>> 0), table: BigInt(d.limit) },
    { part: 'attributes' as const, held: BigInt(s.attributes(index)), table: BigInt(d.attributes | heldBits(d)) },
  ];
  const differences = parts.filter(({ held, table }) => held !== table);
  const ownBase = longMode && (index === L.FS || index === L.GS);
  const stale = differences.some(({ part }) => !(ownBase && part === 'base'));
  const story = stale
    ? 'The processor holds something else than the table says now, and goes on with it until the register is loaded again.'
    : differences.length > 0 ? 'The base was set by itself (MSR, WRFSBASE, WRGSBASE, SWAPGS).' : '';
  return { ...plain, from, differences, stale, story };
}

function realSegment(register: LoadedSegment['register'], index: number, cpu: Cpu): LoadedSegment {
  const limit = cpu.state.limit(index);
  const unreal = index < L.LDTR && limit > 0xffff;
  return {
    register, selector: cpu.state.selector(index), differences: [], stale: false,
    story: unreal ? `The limit is kept from protected mode ("unreal mode"): offsets up to ${limit.toString(16)} are allowed.` : '',
  };
}

/** Bases of task-state segments lie in the GDT; the one that TR holds comes first. */
function taskStates(gdt: DescriptorTable | undefined, { cpu, longMode, tables }: Reading): DescriptorTables['tasks'] {
  const s = cpu.state;
  const held = (s.attributes(L.TR) & ATTRIBUTE.present) !== 0 && (s.selector(L.TR) & 0xfffc) !== 0;
  const bitsOf = (type: number): 16 | 32 | 64 => (longMode ? 64 : type & 8 ? 32 : 16);
  const current = held ? [taskState(tables.read, {
    selector: s.selector(L.TR), base: BigInt.asUintN(64, s.exactAddress(s.base(L.TR))), limit: s.limit(L.TR), bits: bitsOf(s.attributes(L.TR) & 0xf), current: true,
  })] : [];
  const others = (gdt?.entries ?? []).filter(({ kind, present, index }) => kind === 'tss' && present && index !== s.selector(L.TR) >> 3);
  return [...current, ...others.slice(0, MOST_TASKS).flatMap(({ index, segment }) => (
    segment ? [taskState(tables.read, { selector: 8 * index, base: segment.base, limit: segment.limit, bits: bitsOf(segment.attributes & 0xf), current: false })] : []
  ))];
}

/** What the descriptor tables hold, and what the processor has loaded from them. `read` has no side effects. */
export function descriptorTables(cpu: Cpu, read: ReadLinear): DescriptorTables {
  const s = cpu.state;
  const mode = cpuMode(cpu);
  const tables = new SelectorTables(cpu, read);
  const reading: Reading = { cpu, cpl: s.cpl, longMode: s.longMode, tables };
  const isReal = mode === 'real';
  const unset = isReal && tables.gdt.limit === RESET_LIMIT;
  const gdt = unset ? undefined : selectorTable(tables.gdt, false, reading);
  const vectors = isReal ? realVectors(read, s.u64(L.IDTR_BASE), s.u32(L.IDTR_LIMIT), areaName)
    : mode === 'v8086' ? realVectors(read, 0n, 0x3ff, areaName) : undefined;
  return {
    processor: { index: cpu.place.index, count: cpu.place.count }, mode, cpl: s.cpl,
    ...(gdt ? { gdt } : {}), ...(tables.ldt && !isReal ? { ldt: selectorTable(tables.ldt, true, reading) } : {}),
    ...(isReal ? {} : { idt: interruptTable(reading) }), ...(vectors ? { vectors } : {}),
    loaded: SEGMENT_NAMES.map((name, i) => (s.descriptorMode || (mode === 'v8086' && i >= L.LDTR) ? protectedSegment(name, i, reading) : realSegment(name, i, cpu))),
    tasks: isReal ? [] : taskStates(gdt, reading),
  };
}
