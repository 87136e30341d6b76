/**
 * The whole linear address space on one line: where the guest maps something, where the shadow has something.
 */
import type { TablePair } from '../../src/monitor/inspection/queries';
import { lastIndexWhere } from '../ui/lists';
import { align, type Part } from './alignment';
import { linearBits, upperHalf } from './format';
import type { Zoom } from './messages';
import { insideLarge, maySplit } from './rows';
import { modeOf, shownSpace, tableKey, type State, type TableSlot } from './state';

/** Positions on the strip; a range is never drawn thinner than one. */
export const STRIP_WIDTH = 1000;
const ZOOM_STEP = 2;
/** Marks below the strip; the first is where it begins. */
export const MARKS = 8;
/** The narrowest view is 8 pages wide: a page from one mark to the next. */
const NARROWEST_BITS = 15;
/** Entries that are drawn at least so wide (positions) are drawn as their own tables have it. Of one level so many fit into the view: no more tables are asked for. */
const WIDE_ENOUGH = 16;

/** What a piece of the strip shows. `table`: led to by a table that is not known in detail. */
export interface StripRange {
  readonly from: bigint;
  readonly to: bigint;
  readonly guest: 'mapped' | 'table' | 'large-page';
  readonly shadow: 'filled' | 'partly' | 'empty';
}

export interface StripView {
  readonly from: bigint;
  readonly to: bigint;
}

/** The space that is drawn, and its uppermost tables once they are known. */
function shownTree(state: State) {
  const space = shownSpace(state);
  return { space, root: space && state.tables.get(tableKey(space.key, undefined, 0n))?.pair };
}

/** The known ranges of the space that is drawn, from low to high places, neighbours of one kind merged. */
export function stripRanges(state: State): readonly StripRange[] {
  const { space, root } = shownTree(state);
  if (space === undefined || root === undefined) return [];
  const ranges: StripRange[] = [];
  collect(state, space.key, root, ranges);
  return merged(ranges.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0)), upperHalf(space.mode));
}

function collect(state: State, space: string, pair: TablePair, into: StripRange[]): void {
  for (const { guest, parts } of align(pair)) {
    if (guest === undefined) continue;
    for (const part of parts) {
      const lower = leadsDown(part, pair.level) ? lowerPair(state.tables.get(tableKey(space, pair.level - 1, part.linear)), part) : undefined;
      if (lower !== undefined) collect(state, space, lower, into);
      else into.push(rangeOf(part, guest.kind));
    }
  }
}

/** Whether there is a lower table, or may be one by which the shadow splits a large page. */
const leadsDown = (part: Part, level: number): boolean => level > 1 && part.count === 1 && (part.guest?.kind === 'table' || maySplit(part, level));

/** The table below an entry, once it is known. */
function lowerPair(slot: TableSlot | undefined, { guest }: Part): TablePair | undefined {
  const pair = slot?.pair;
  return pair !== undefined && guest?.kind === 'large-page' && pair.guest.length === 0 ? insideLarge(pair, guest) : pair;
}

/** A lower table, by its level and the first place that it translates. */
export interface StripTable {
  readonly level: number;
  readonly linear: bigint;
}

/** The tables that the strip needs for what it shows at its zoom, upper ones first: of these what is drawn is to be up to date. */
export function stripTables(state: State): readonly StripTable[] {
  const { space, root } = shownTree(state);
  if (space === undefined || root === undefined) return [];
  const view = stripView(state);
  const needed: StripTable[] = [];
  const look = (pair: TablePair): void => {
    // No entry of this table, and none below, is wide enough.
    if (pair.entryBytes * BigInt(STRIP_WIDTH) < (view.to - view.from) * BigInt(WIDE_ENOUGH)) return;
    for (const part of align(pair).flatMap(({ parts }) => parts)) {
      if (part.linear >= view.to || part.linear + part.bytes <= view.from || !leadsDown(part, pair.level)) continue;
      needed.push({ level: pair.level - 1, linear: part.linear });
      const lower = lowerPair(state.tables.get(tableKey(space.key, pair.level - 1, part.linear)), part);
      if (lower !== undefined) look(lower);
    }
  };
  look(root);
  return needed.sort((a, b) => b.level - a.level);
}

function rangeOf(part: Part, kind: 'table' | 'page' | 'large-page'): StripRange {
  const from = part.linear;
  const guest = kind === 'page' ? 'mapped' : kind;
  // A pointer in the shadow says only that something below it is filled.
  const shadow = part.state !== 'filled' ? 'empty' : part.shadow !== undefined && part.shadow.frame < 0 && part.shadow.kind !== 'device' ? 'partly' : 'filled';
  return { from, to: from + part.bytes, guest, shadow };
}

/** Neighbours of one kind as one; what lies on either side of the seam of a sign-extended space is far apart. */
function merged(ranges: readonly StripRange[], seam: bigint | undefined): StripRange[] {
  const out: StripRange[] = [];
  for (const range of ranges) {
    const last = out.at(-1);
    if (last?.to === range.from && range.from !== seam && last.guest === range.guest && last.shadow === range.shadow) out[out.length - 1] = { ...last, to: range.to };
    else out.push(range);
  }
  return out;
}

/** What of the space the strip shows: a power of two of it, around the cursor, from a mark on that is a round address. */
export function stripView(state: State): StripView {
  const mode = modeOf(state, state.shown);
  const all = 1n << BigInt(linearBits(mode));
  const width = all >> BigInt(state.stripZoom);
  const centre = state.stripCursor ?? all / 2n;
  const around = centre - width / 2n;
  const lowest = around - around % (width / BigInt(MARKS));
  const from = lowest < 0n ? 0n : lowest > all - width ? all - width : lowest;
  return { from, to: from + width };
}

/** A place in the view as a position from 0 to `STRIP_WIDTH`. */
export function stripPosition(view: StripView, place: bigint): number {
  // In fine steps, because a space of 2^57 bytes does not fit a double exactly.
  const fine = ((place - view.from) * 100_000n) / (view.to - view.from);
  return (Number(fine) * STRIP_WIDTH) / 100_000;
}

/** The place at a fraction (0 to 1) of the strip. */
export function stripPlace(state: State, fraction: number): bigint {
  const { from, to } = stripView(state);
  const within = BigInt(Math.floor(Math.min(0.99999, Math.max(0, fraction)) * 100_000));
  return from + ((to - from) * within) / 100_000n;
}

/** The range that the cursor is in. */
export function rangeAtCursor(state: State, ranges: readonly StripRange[]): StripRange | undefined {
  const { stripCursor } = state;
  if (stripCursor === undefined) return undefined;
  return ranges.find(({ from, to }) => stripCursor >= from && stripCursor < to);
}

/** Moves the cursor to the beginning of the next or previous range. */
export function stripStepped(state: State, forward: boolean): State {
  const ranges = stripRanges(state);
  const here = state.stripCursor ?? -1n;
  const next = forward
    ? ranges.find(({ from }) => from > here)
    : ranges.at(Math.max(0, lastIndexWhere(ranges, ({ from }) => from < here)));
  return next === undefined ? state : { ...state, stripCursor: next.from };
}

export function zoomed(state: State, to: Zoom): State {
  const deepest = linearBits(modeOf(state, state.shown)) - NARROWEST_BITS;
  const wanted = to === 'all' ? 0 : state.stripZoom + (to === 'in' ? ZOOM_STEP : -ZOOM_STEP);
  return { ...state, stripZoom: Math.min(deepest, Math.max(0, wanted)) };
}

/** Zooms in so far that the range just fits, with its middle in the middle. */
export function zoomedTo(state: State, from: bigint, to: bigint): State {
  const bits = linearBits(modeOf(state, state.shown));
  const width = to - from;
  let zoom = 0;
  while (zoom < bits - NARROWEST_BITS && 1n << BigInt(bits - zoom - 1) >= width) zoom++;
  return { ...state, stripZoom: zoom, stripCursor: from + width / 2n };
}

/** From the first to behind the last of what is mapped in a range; the range itself where nothing is known to be. */
export function mappedWithin(ranges: readonly StripRange[], from: bigint, to: bigint): StripView {
  const inside = ranges.filter((range) => range.to > from && range.from < to);
  const [first, last] = [inside.at(0), inside.at(-1)];
  if (first === undefined || last === undefined) return { from, to };
  return { from: first.from < from ? from : first.from, to: last.to > to ? to : last.to };
}
