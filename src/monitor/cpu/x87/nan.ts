/**
 * What an operation answers when an operand is a NaN or an unsupported encoding.
 * Source: Intel SDM volume 1, table 4-7 (rules for handling NaNs) and 8.5.1.2.
 */

import { FloatKind, compareSignificands, copyFloat, isNaNKind, setDefaultNaN } from './float';
import type { Float } from './float';
import { FloatFlag } from './rounding';

/** Makes a NaN quiet, keeping its payload. */
export function quieten(value: Float): void {
  value.high = (value.high | 0x40000000) >>> 0;
  value.kind = FloatKind.quietNaN;
}

/** The result of an operation on one NaN or unsupported operand; returns `invalid` or 0. */
export function propagateNaN(result: Float, operand: Float): number {
  if (operand.kind === FloatKind.unsupported) {
    setDefaultNaN(result);
    return FloatFlag.invalid;
  }
  const flags = operand.kind === FloatKind.signallingNaN ? FloatFlag.invalid : 0;
  copyFloat(result, operand);
  quieten(result);
  return flags;
}

/** The result of an operation of which at least one operand is special; returns `invalid` or 0. */
export function propagateNaNs(result: Float, a: Float, b: Float): number {
  if (a.kind === FloatKind.unsupported || b.kind === FloatKind.unsupported) {
    setDefaultNaN(result);
    return FloatFlag.invalid;
  }
  const signalling = a.kind === FloatKind.signallingNaN || b.kind === FloatKind.signallingNaN;
  copyFloat(result, chooseNaN(a, b));
  quieten(result);
  return signalling ? FloatFlag.invalid : 0;
}

/** A quiet NaN goes before a signalling one, then the larger significand, then the positive one. */
function chooseNaN(a: Float, b: Float): Float {
  if (!isNaNKind(b.kind)) return a;
  if (!isNaNKind(a.kind)) return b;
  if (a.kind !== b.kind) return a.kind === FloatKind.quietNaN ? a : b;
  const order = compareSignificands(a, b);
  if (order !== 0) return order > 0 ? a : b;
  return a.sign <= b.sign ? a : b;
}
