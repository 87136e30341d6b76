/** A stretch of a disk as a strip of cells: what part of each holds data, and how much was read and written there. */
import { h, type ElementDescription } from '../description';
import { roughSize } from '../numbers';

/** Cells side by side that look the same. */
export interface CellRun {
  readonly first: number;
  readonly count: number;
  /** From 0 (nothing) to STEPS (all, or most). */
  readonly level: number;
}

/** Steps that can be told apart. */
const STEPS = 8;

/** Runs of equal level; cells of level 0 are left out. What is more than nothing is at least at level 1. */
export function runsOf(cells: readonly number[]): readonly CellRun[] {
  const runs: CellRun[] = [];
  let first = 0;
  const levelAt = (cell: number): number => (cells[cell] <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, cells[cell]) * STEPS)));
  for (let cell = 1; cell <= cells.length; cell++) {
    const level = levelAt(first);
    if (cell < cells.length && levelAt(cell) === level) continue;
    if (level > 0) runs.push({ first, count: cell - first, level });
    first = cell;
  }
  return runs;
}

export interface StripLayer {
  /** CSS class that says the colour: 'data', 'reads', 'writes', 'overlay'. */
  readonly name: string;
  readonly cells: readonly number[];
}

/** Layers lie one below the other, each with its own height. */
export function strip(layers: readonly StripLayer[], label: string): ElementDescription {
  const width = Math.max(1, ...layers.map(({ cells }) => cells.length));
  const height = 10;
  return h('svg', { class: 'strip', viewBox: `0 0 ${width} ${layers.length * height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label, 'data-strip': true },
    layers.map(({ name, cells }, layer) => runsOf(cells).map(({ first, count, level }) => h('rect', {
      class: `cell ${name}`, x: first, y: layer * height, width: count, height: height - (layers.length > 1 ? 1 : 0), opacity: (0.25 + (0.75 * level) / STEPS).toFixed(2),
    }))));
}

/** Offsets under the ends and the middle of a strip. */
export function ruler(from: number, to: number): ElementDescription {
  return h('div', { class: 'ruler dim hex', 'aria-hidden': 'true' }, [from, from + (to - from) / 2, to].map((at) => h('span', {}, roughSize(at))));
}
