/**
 * Where the rows of the trees lie: the two sides beside each other where there is room, else the shadow's side of each row
 * under the guest's, so that both stay in view in a narrow editor group.
 */
import { rowWindow, type RowTops, type RowWindow, type Viewport } from '../ui/virtualList';
import { formatOf } from './format';
import { rowsOf, type Row } from './rows';
import { modeOf, type State } from './state';

/** `beside`: a row is one line, guest left, shadow right. `stacked`: the shadow's line lies under the guest's. */
export type Arrangement = 'beside' | 'stacked';

/** Height of a line of the trees in CSS pixels; the style sheet's `--line` agrees. */
export const LINE_HEIGHT = 24;

/** Widths (CSS pixels) from which on both sides have room for address, target and rights; 64-bit addresses take more. */
const BESIDE_FROM = 690;
const BESIDE_FROM_WIDE = 900;

export interface Layout {
  readonly arrangement: Arrangement;
  readonly tops: RowTops;
  /** The rows to have on the page. */
  window(viewport: Viewport): RowWindow;
}

/** Middles of a row's guest line and shadow line in pixels from the top of the list. */
export interface RowMiddles {
  readonly guest: number;
  readonly shadow: number;
}

/** Whether a row says anything about the shadow. */
function hasShadowLine(row: Row): boolean {
  if (row.kind === 'note') return false;
  return row.kind === 'table' || row.parts !== undefined || row.part.state !== 'none' || row.shadowChange !== undefined;
}

/** Lines that a row takes. */
export function linesOf(row: Row, arrangement: Arrangement): 1 | 2 {
  return arrangement === 'stacked' && hasShadowLine(row) ? 2 : 1;
}

export function arrangementOf(state: State): Arrangement {
  const isWide = formatOf(modeOf(state, state.shown)).linearDigits > 8;
  return state.width >= (isWide ? BESIDE_FROM_WIDE : BESIDE_FROM) ? 'beside' : 'stacked';
}

export function middlesOf({ tops }: Layout, row: number): RowMiddles {
  const half = LINE_HEIGHT / 2;
  return { guest: (tops[row] ?? 0) + half, shadow: (tops[row + 1] ?? 0) - half };
}

let last: { readonly rows: readonly Row[]; readonly layout: Layout } | undefined;

/** The layout of the rows that are drawn. The same state gives the same object again. */
export function layoutOf(state: State): Layout {
  const { rows } = rowsOf(state);
  const arrangement = arrangementOf(state);
  if (last?.rows === rows && last.layout.arrangement === arrangement) return last.layout;
  const tops = [0];
  let top = 0;
  for (const row of rows) tops.push(top += linesOf(row, arrangement) * LINE_HEIGHT);
  last = { rows, layout: { arrangement, tops, window: (viewport) => rowWindow(viewport, tops) } };
  return last.layout;
}
