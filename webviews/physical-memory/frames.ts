/**
 * The machine's answer about its pages, made ready to be looked up: runs, totals, what fills a cell of the map, and what has changed.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';
import { ask } from '../ui/typedQuestions';

export type FramesAnswer = PanelRequests['shadowbox.frames']['answer'];
export type FrameAnswer = PanelRequests['shadowbox.frame']['answer'];
export type Kind = FramesAnswer['kinds'][number];

export const FRAMES = ask('shadowbox.frames', {});
export const PROCESSES = ask('shadowbox.processes', {});
export const frameOf = (page: number) => ask('shadowbox.frame', { page });

export const PAGE_BYTES = 4096;
export const MIB = 2 ** 20;

/** Neighbouring pages alike. */
export interface Run {
  readonly first: number;
  readonly end: number;
  readonly kind: Kind;
  /** 0: not known to be used; 1: mapped; 2: in a TLB; 3: in a TLB for writing. */
  readonly use: number;
  readonly written: boolean;
}

export interface Frames {
  readonly answer: FramesAnswer;
  readonly runs: readonly Run[];
  /** Pages of each kind. */
  readonly totals: ReadonlyMap<Kind, number>;
  /** One past the last page of RAM. */
  readonly memoryEnd: number;
}

const known = new WeakMap<FramesAnswer, Frames>();

/** The answer made ready; the same answer gives the same object. */
export function framesOf(answer: FramesAnswer): Frames {
  let frames = known.get(answer);
  if (frames === undefined) known.set(answer, frames = read(answer));
  return frames;
}

function read(answer: FramesAnswer): Frames {
  const bytes = Uint8Array.from(atob(answer.runs), (character) => character.charCodeAt(0));
  const runs: Run[] = [];
  const totals = new Map<Kind, number>();
  let page = 0;
  let memoryEnd = 0;
  for (let at = 0; at < bytes.length;) {
    const state = bytes[at++];
    let count = 0;
    for (let unit = 1, more = true; more; unit *= 128) {
      const byte = bytes[at++];
      count += (byte & 0x7f) * unit;
      more = byte >= 0x80;
    }
    const run: Run = { first: page, end: page + count, kind: answer.kinds[state & 15], use: (state >> 4) & 3, written: (state & 0x40) !== 0 };
    runs.push(run);
    totals.set(run.kind, (totals.get(run.kind) ?? 0) + count);
    page += count;
    if (isRam(run.kind)) memoryEnd = page;
  }
  return { answer, runs, totals, memoryEnd };
}

const isRam = (kind: Kind): boolean => kind !== 'nothing' && kind !== 'device' && kind !== 'ROM' && kind !== 'video';

/** Index of the run that a page is in, or of the first behind it. */
function indexAt(runs: readonly Run[], page: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle].end <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The run that a page is in; behind the last one there is nothing. */
export function runAt({ runs, answer }: Frames, page: number): Run {
  return runs[indexAt(runs, page)] ?? { first: runs.at(-1)?.end ?? 0, end: answer.pages, kind: 'nothing', use: 0, written: false };
}

/** The page at which another kind begins, from a page on or back; the page itself when there is none. */
export function nextKind(frames: Frames, page: number, forwards: boolean): number {
  const here = runAt(frames, page);
  if (forwards) return frames.runs.slice(indexAt(frames.runs, page)).find(({ kind }) => kind !== here.kind)?.first ?? page;
  for (let at = indexAt(frames.runs, page) - 1; at >= 0; at--) {
    const run = frames.runs[at];
    if (run.kind !== here.kind) return runStart(frames, at);
  }
  return page;
}

/** Where the stretch of one kind begins that a run is in. */
function runStart({ runs }: Frames, index: number): number {
  let at = index;
  while (at > 0 && runs[at - 1].kind === runs[at].kind) at--;
  return runs[at].first;
}

/** What is in a cell: pages by kind and use, in the order in which they lie; and how many have been written. */
export interface Cell {
  readonly parts: readonly { readonly run: Run; readonly pages: number }[];
}

/** Cells of so many pages each, from a page on. */
export function cellsOf({ runs }: Frames, from: number, pagesEach: number, count: number): Cell[] {
  let index = indexAt(runs, from);
  return Array.from({ length: count }, (_, i) => {
    const [start, end] = [from + i * pagesEach, from + (i + 1) * pagesEach];
    const parts: { run: Run; pages: number }[] = [];
    while (index < runs.length && runs[index].first < end) {
      const run = runs[index];
      const pages = Math.min(run.end, end) - Math.max(run.first, start);
      if (pages > 0) parts.push({ run, pages });
      if (run.end > end) break;
      index++;
    }
    return { parts };
  });
}

/** Stretches of pages that are of another kind than they were. */
export function changesOf(before: Frames | undefined, after: Frames): readonly { readonly first: number; readonly end: number }[] {
  if (before === undefined || before === after) return [];
  const found: { first: number; end: number }[] = [];
  for (const run of after.runs) {
    for (let page = run.first; page < run.end;) {
      const old = runAt(before, page);
      const end = Math.min(run.end, Math.max(old.end, page + 1));
      const last = found.at(-1);
      if (old.kind !== run.kind) {
        if (last?.end === page) last.end = end;
        else found.push({ first: page, end });
      }
      page = end;
    }
  }
  return found;
}
