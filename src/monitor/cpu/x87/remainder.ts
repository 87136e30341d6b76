/**
 * Partial remainders (FPREM and FPREM1) and scaling by powers of two (FSCALE).
 * Source: Intel SDM volume 2.
 */

import { FloatKind, copyFloat, setDefaultNaN, setFromBigInt, setInfinity, setZero, significandBigInt } from './float';
import type { Float } from './float';
import { truncateClamped } from './integers';
import { FloatFlag } from './rounding';

/** Above any exponent difference that could still give a representable number. */
const SCALE_LIMIT = 0x10000;

/** What a partial remainder says about its quotient. */
export interface PartialQuotient {
  /** `invalid` or 0. */
  flags: number;
  /** False: the operands were too far apart, and the result is only reduced. */
  complete: boolean;
  /** The three lowest bits of the quotient's magnitude, if complete. */
  lowBits: number;
}

/** Exponent differences below this are finished in one step (SDM volume 2, FPREM: D < 64). */
const COMPLETE_BELOW = 64;

/**
 * a REM b with the quotient cut (FPREM) or rounded to nearest even (FPREM1, `nearest`). Operands are no
 * NaNs. The result is exact; zero takes the sign of a.
 */
export function partialRemainder(result: Float, a: Float, b: Float, nearest: boolean): PartialQuotient {
  if (a.kind === FloatKind.infinity || b.kind === FloatKind.zero) {
    setDefaultNaN(result);
    return { flags: FloatFlag.invalid, complete: true, lowBits: 0 };
  }
  const difference = a.exponent - b.exponent;
  if (a.kind === FloatKind.zero || b.kind === FloatKind.infinity || difference < -1) {
    copyFloat(result, a);
    return { flags: 0, complete: true, lowBits: 0 };
  }
  if (difference >= COMPLETE_BELOW) {
    reduce(result, a, b, difference);
    return { flags: 0, complete: false, lowBits: 0 };
  }
  // Both significands as integers of the smaller exponent's scale.
  const dividend = significandBigInt(a) << BigInt(Math.max(difference, 0));
  const divisor = significandBigInt(b) << (difference < 0 ? 1n : 0n);
  let quotient = dividend / divisor;
  let rest = dividend - quotient * divisor;
  let sign = a.sign;
  if (nearest && (rest * 2n > divisor || (rest * 2n === divisor && (quotient & 1n) === 1n))) {
    quotient += 1n;
    rest = divisor - rest;
    sign ^= 1;
  }
  if (rest === 0n) setZero(result, a.sign);
  else setFromBigInt(result, sign, rest, Math.min(a.exponent, b.exponent) - 63, false);
  return { flags: 0, complete: true, lowBits: Number(quotient & 7n) };
}

/** One step of a long reduction: takes a multiple of b * 2^k away, such that the exponent falls by 32 to 63. */
function reduce(result: Float, a: Float, b: Float, difference: number): void {
  const step = 32 + (difference & 31);
  const scale = difference - step;
  const rest = (significandBigInt(a) << BigInt(step)) % significandBigInt(b);
  setFromBigInt(result, a.sign, rest, b.exponent - 63 + scale, false);
}

/** a * 2^trunc(b). Operands are no NaNs. Returns `invalid` or 0. */
export function scale(result: Float, a: Float, b: Float): number {
  if (b.kind === FloatKind.infinity) return scaleByInfinity(result, a, b.sign);
  copyFloat(result, a);
  if (a.kind === FloatKind.normal || a.kind === FloatKind.denormal) result.exponent += truncateClamped(b, SCALE_LIMIT);
  return 0;
}

function scaleByInfinity(result: Float, a: Float, sign: number): number {
  if (a.kind === (sign === 0 ? FloatKind.zero : FloatKind.infinity)) {
    setDefaultNaN(result);
    return FloatFlag.invalid;
  }
  if (sign === 0) setInfinity(result, a.sign);
  else setZero(result, a.sign);
  return 0;
}
