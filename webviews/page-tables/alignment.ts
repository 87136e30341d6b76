/**
 * Lays a guest table and its shadow beside each other: cuts both into parts that are uniform on both sides.
 */
import type { GuestEntryRun, ShadowEntryRun, TablePair } from '../../src/monitor/inspection/queries';

/** What the shadow has for a part. `none`: nothing, and nothing to be filled either. */
export type ShadowState = 'filled' | 'unfilled' | 'none';

/** A range of one table in which each side is one run, a part of one, or nothing. */
export interface Part {
  readonly linear: bigint;
  readonly bytes: bigint;
  /** Index of the first entry in its table, and how many entries; 1 for a piece of a single entry. */
  readonly index: number;
  readonly count: number;
  readonly guest: GuestEntryRun | undefined;
  readonly shadow: ShadowEntryRun | undefined;
  readonly state: ShadowState;
}

/** One guest run with its parts, or one part where the guest has nothing. */
export interface Group {
  readonly guest: GuestEntryRun | undefined;
  readonly parts: readonly Part[];
}

interface Range {
  readonly linear: bigint;
  readonly bytes: bigint;
}

const end = (range: Range) => range.linear + range.bytes;

/** Walks a sorted list of ranges from low to high addresses. */
function finder<T extends Range>(ranges: readonly T[]): (linear: bigint) => T | undefined {
  const sorted = [...ranges].sort((a, b) => (a.linear < b.linear ? -1 : a.linear > b.linear ? 1 : 0));
  let at = 0;
  return (linear) => {
    while (at < sorted.length && end(sorted[at]) <= linear) at++;
    const range = sorted[at];
    return range !== undefined && range.linear <= linear ? range : undefined;
  };
}

/** Where one of the ranges begins or ends inside the table, low to high, each once; table's ends included. */
function boundaries(pair: TablePair, cut: Range | undefined, seam: bigint | undefined): bigint[] {
  const marks = new Set<bigint>([pair.linear, end(pair), ...seam === undefined ? [] : [seam]]);
  const ranges: readonly Range[] = [...pair.guest, ...pair.shadow?.runs ?? [], ...pair.shadow?.unfilled ?? [], ...cut ? [cut] : []];
  for (const range of ranges) {
    marks.add(range.linear);
    marks.add(end(range));
  }
  return [...marks].filter((mark) => mark >= pair.linear && mark <= end(pair)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * The table from its first to its last address. Neighbouring parts without a guest entry and without shadow are one.
 * @param at an address whose entry is to stand alone (that of a walk)
 * @param seam an address across which no part reaches
 */
export function align(pair: TablePair, at?: bigint, seam?: bigint): readonly Group[] {
  const cut = at !== undefined && at >= pair.linear && at < end(pair)
    ? { linear: at - ((at - pair.linear) % pair.entryBytes), bytes: pair.entryBytes }
    : undefined;
  const marks = boundaries(pair, cut, seam);
  const guestAt = finder(pair.guest);
  const shadowAt = finder(pair.shadow?.runs ?? []);
  const unfilledAt = finder(pair.shadow?.unfilled ?? []);
  const groups: { guest: GuestEntryRun | undefined; parts: Part[] }[] = [];
  marks.slice(0, -1).forEach((linear, number) => {
    const guest = guestAt(linear);
    const shadow = shadowAt(linear);
    const waiting = unfilledAt(linear) !== undefined || (guest !== undefined && pair.shadow === undefined);
    const part = partOf(pair, linear, marks[number + 1] - linear, guest, shadow, shadow ? 'filled' : waiting ? 'unfilled' : 'none');
    const last = groups.at(-1);
    if (last !== undefined && guest !== undefined && last.guest === guest) last.parts.push(part);
    else groups.push({ guest, parts: [part] });
  });
  return groups;
}

function partOf(
  pair: TablePair, linear: bigint, bytes: bigint, guest: GuestEntryRun | undefined, shadow: ShadowEntryRun | undefined, state: ShadowState,
): Part {
  const count = Math.max(1, Number(bytes / pair.entryBytes));
  return { linear, bytes, index: Number((linear - pair.linear) / pair.entryBytes), count, guest, shadow, state };
}

/** A single entry (or the piece of one) at `offset` entries into a part. */
export function entryOf(part: Part, offset: number): Part {
  const bytes = part.bytes / BigInt(part.count);
  return { ...part, linear: part.linear + bytes * BigInt(offset), bytes, index: part.index + offset, count: 1 };
}

/** How many of a run's entries lie before the part. A piece of a large page lies in the page's entry. */
function entriesBefore(run: { readonly linear: bigint; readonly bytes: bigint; readonly count: number }, part: Part): number {
  return Number((part.linear - run.linear) / (run.bytes / BigInt(run.count)));
}

/** Bytes by which the part begins after its run: what its target lies beyond that of the run. */
function bytesBefore(run: { readonly linear: bigint }, part: Part): number {
  return Number(part.linear - run.linear);
}

/** Address of the part's first guest entry, and its raw value. */
export function guestEntry(run: GuestEntryRun, part: Part, entryBytes: number): { readonly address: number; readonly raw: bigint } {
  const before = entriesBefore(run, part);
  const step = run.bytes / BigInt(run.count);
  return { address: run.entryAddress + before * entryBytes, raw: run.kind === 'table' ? run.raw : run.raw + BigInt(before) * step };
}

/** Guest-physical address that the part's first byte maps to; for a pointer, the lower table's. */
export function guestTarget(run: GuestEntryRun, part: Part): number {
  return run.kind === 'table' ? run.target : run.target + bytesBefore(run, part);
}

const FRAME_BYTES = 4096;

/** Machine frame behind the part's first byte; undefined for a device and for a pointer. */
export function shadowFrame(run: ShadowEntryRun, part: Part): number | undefined {
  if (run.kind === 'device' || run.kind === 'table' || run.frame < 0) return undefined;
  return run.frame + Math.floor(bytesBefore(run, part) / FRAME_BYTES);
}

/** Guest-physical address of the guest entry from which the part's first entry derives. */
export function derivation(run: ShadowEntryRun, part: Part, entryBytes: number): number {
  // All pieces of a split large page derive from the one entry that maps it.
  const oneSource = part.guest?.kind === 'large-page' && part.bytes < part.guest.bytes / BigInt(part.guest.count);
  return oneSource ? run.derivesFrom : run.derivesFrom + entriesBefore(run, part) * entryBytes;
}
