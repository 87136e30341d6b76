/**
 * Equality of answers by content, so that an answer that says nothing new changes nothing.
 */

/** Whether two plain values (objects, arrays, numbers, bigints, text) have the same content. */
export function sameContent(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  return keys.every((key) => key in right && sameContent(left[key], right[key]));
}

/** `after`, or the very object `before` when both say the same. */
export function keepIfSame<T>(before: T | undefined, after: T): T {
  return before !== undefined && sameContent(before, after) ? before : after;
}
