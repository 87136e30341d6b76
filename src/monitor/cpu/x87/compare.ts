/**
 * Comparison of two unpacked numbers.
 */

import { FloatKind, compareSignificands, isNaNOrUnsupported } from './float';
import type { Float } from './float';

/** Outcome of a comparison of a with b. */
export const Relation = { greater: 0, less: 1, equal: 2, unordered: 3 } as const;

export type Relation = (typeof Relation)[keyof typeof Relation];

/** Compares any two operands; NaNs and unsupported encodings are unordered, -0 equals +0. */
export function compare(a: Float, b: Float): Relation {
  if (isNaNOrUnsupported(a) || isNaNOrUnsupported(b)) return Relation.unordered;
  const aZero = a.kind === FloatKind.zero;
  const bZero = b.kind === FloatKind.zero;
  if (aZero && bZero) return Relation.equal;
  if (aZero) return b.sign === 0 ? Relation.less : Relation.greater;
  if (bZero || a.sign !== b.sign) return a.sign === 0 ? Relation.greater : Relation.less;
  const order = compareMagnitudes(a, b);
  if (order === 0) return Relation.equal;
  return order > 0 === (a.sign === 0) ? Relation.greater : Relation.less;
}

/** Neither is zero nor NaN. */
function compareMagnitudes(a: Float, b: Float): number {
  if (a.kind === FloatKind.infinity || b.kind === FloatKind.infinity) {
    return Number(a.kind === FloatKind.infinity) - Number(b.kind === FloatKind.infinity);
  }
  return a.exponent !== b.exponent ? a.exponent - b.exponent : compareSignificands(a, b);
}
