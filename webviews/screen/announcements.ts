/**
 * What a screen reader is told when a guest's text screen has changed: the lines that are new, not those that have only moved up.
 */

/** Lines of a scroll that are looked for. A screen that has moved further is a new one. */
const FURTHEST_SCROLL = 24;
/** Of the lines below a scroll so many must be where they were, or it is none. */
const MOST = 0.6;

/** By how many lines the screen has moved up; 0 for none. */
function scrolledBy(before: readonly string[], after: readonly string[]): number {
  const filled = before.map((line, row) => ({ line, row })).filter(({ line }) => line !== '');
  let best = { by: 0, alike: filled.filter(({ line, row }) => after[row] === line).length };
  for (let by = 1; by <= Math.min(FURTHEST_SCROLL, before.length - 1); by++) {
    const remaining = filled.filter(({ row }) => row >= by);
    const alike = remaining.filter(({ line, row }) => after[row - by] === line).length;
    if (alike > best.alike && alike >= remaining.length * MOST) best = { by, alike };
  }
  return best.by;
}

/** The lines of a screen that were not there before, in order, without blank ones. Lines are to be without trailing blanks. */
export function newLines(before: readonly string[], after: readonly string[]): string[] {
  const by = scrolledBy(before, after);
  return after.filter((line, row) => line !== '' && line !== before[row + by]);
}
