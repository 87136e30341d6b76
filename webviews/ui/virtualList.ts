/**
 * Which rows of a long list are to be on the page. Rows may differ in height; `tops` says where each begins.
 */

export interface Viewport {
  /** Scroll position and visible height, in pixels. */
  readonly top: number;
  readonly height: number;
}

export interface RowWindow {
  /** Index of the first row shown, and one past the last. */
  readonly first: number;
  readonly end: number;
}

/** Upper edge of each row in pixels, and the lower edge of the last one: one number more than there are rows. */
export type RowTops = readonly number[];

/** Rows above and below the visible ones that are kept on the page, so that scrolling by a little shows no blanks. */
const SPARE_ROWS = 6;

/** Index of the first row whose upper edge is at or below `pixel`; the number of rows when there is none. */
function firstFrom(tops: RowTops, pixel: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle] < pixel) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows to have on the page. */
export function rowWindow(viewport: Viewport, tops: RowTops): RowWindow {
  const rows = tops.length - 1;
  const first = Math.max(0, Math.min(rows, firstFrom(tops, viewport.top)) - 1 - SPARE_ROWS);
  const end = Math.min(rows, firstFrom(tops, viewport.top + viewport.height) + SPARE_ROWS);
  return { first, end: Math.max(first, end) };
}

/**
 * The scroll position that brings a row into view: the present one if it is in view already. `nearest` scrolls no
 * further than it must; `surroundings` leaves a third of the page above the row.
 */
export function scrollToRow(viewport: Viewport, tops: RowTops, row: number, how: 'nearest' | 'surroundings'): number {
  const top = tops[row] ?? 0;
  const lowest = Math.max(0, (tops[row + 1] ?? top) - viewport.height);
  if (top >= viewport.top && viewport.top >= lowest) return viewport.top;
  if (how === 'surroundings') return Math.max(0, Math.round(top - viewport.height / 3));
  return top < viewport.top ? top : lowest;
}
