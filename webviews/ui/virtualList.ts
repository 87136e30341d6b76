/**
 * Which rows of a long list of equally high rows are to be on the page.
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

/** Rows above and below the visible ones that are kept on the page, so that scrolling by a little shows no blanks. */
const SPARE_ROWS = 6;

/** The rows to have on the page. */
export function rowWindow(viewport: Viewport, rows: number, rowHeight: number): RowWindow {
  const first = Math.min(rows, Math.max(0, Math.floor(viewport.top / rowHeight) - SPARE_ROWS));
  const end = Math.min(rows, Math.ceil((viewport.top + viewport.height) / rowHeight) + SPARE_ROWS);
  return { first, end: Math.max(first, end) };
}

/**
 * The scroll position that brings a row into view: the present one if it is in view already. `nearest` scrolls no
 * further than it must; `surroundings` leaves a third of the page above the row.
 */
export function scrollToRow(viewport: Viewport, row: number, rowHeight: number, how: 'nearest' | 'surroundings'): number {
  const top = row * rowHeight;
  const lowest = Math.max(0, top + rowHeight - viewport.height);
  if (top >= viewport.top && viewport.top >= lowest) return viewport.top;
  if (how === 'surroundings') return Math.max(0, Math.round(top - viewport.height / 3));
  return top < viewport.top ? top : lowest;
}
