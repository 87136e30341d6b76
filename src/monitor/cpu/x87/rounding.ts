/**
 * Rounding of unpacked numbers to a format's precision and exponent range, with the exceptions that
 * come of it. It is the one place where anything is rounded, for x87 and SSE alike. (SSE has a short way for
 * plain numbers, the host's own rounding: ../softfloat.)
 *
 * Sources: Intel SDM volume 1, 4.8.4 (rounding), 4.9.1.4 to 4.9.1.6 (overflow, underflow, precision);
 * IEEE 754-2008 clauses 4 and 7. x86 detects tininess after rounding.
 */

import { Float, FloatKind, copyFloat, setFinite, setInfinity, shiftRightSticky } from './float';

/** Rounding modes, encoded as in the RC field of the x87 control word and of MXCSR. */
export const RoundingMode = { nearestEven: 0, down: 1, up: 2, truncate: 3 } as const;

export type RoundingMode = (typeof RoundingMode)[keyof typeof RoundingMode];

/**
 * Exception flags, with the bit positions that the x87 status word and MXCSR share. `roundedUp` is no
 * exception: it says that rounding increased the magnitude, and lies where the x87 keeps it (C1).
 */
export const FloatFlag = {
  invalid: 0x01,
  denormal: 0x02,
  zeroDivide: 0x04,
  overflow: 0x08,
  underflow: 0x10,
  inexact: 0x20,
  roundedUp: 0x200,
} as const;

/** What a result is rounded to. Exponents are unbiased ones of normal numbers. */
export interface FloatFormat {
  /** Bits in the significand: 11, 24, 53 or 64. */
  readonly precision: number;
  readonly minExponent: number;
  readonly maxExponent: number;
  /** Added to (subtracted from) the exponent when an unmasked underflow (overflow) delivers a scaled result. */
  readonly exponentAdjust: number;
}

export const HALF: FloatFormat = { precision: 11, minExponent: -14, maxExponent: 15, exponentAdjust: 24 };
export const SINGLE: FloatFormat = { precision: 24, minExponent: -126, maxExponent: 127, exponentAdjust: 192 };
export const DOUBLE: FloatFormat = { precision: 53, minExponent: -1022, maxExponent: 1023, exponentAdjust: 1536 };
export const EXTENDED: FloatFormat = { precision: 64, minExponent: -16382, maxExponent: 16383, exponentAdjust: 24576 };
/** Double-extended exponents with the precision that x87 precision control asks for. */
export const EXTENDED_PRECISION_53: FloatFormat = { ...EXTENDED, precision: 53 };
export const EXTENDED_PRECISION_24: FloatFormat = { ...EXTENDED, precision: 24 };

/** How the bits below a precision's last one compare with half of that last one. */
const Rest = { none: 0, belowHalf: 1, half: 2, aboveHalf: 3 } as const;

function restAgainstHalf(rest: number, halfBit: number, lower: number): number {
  if (rest === halfBit) return lower === 0 ? Rest.half : Rest.aboveHalf;
  if (rest > halfBit) return Rest.aboveHalf;
  return rest === 0 && lower === 0 ? Rest.none : Rest.belowHalf;
}

function increments(rest: number, odd: boolean, sign: number, mode: RoundingMode): boolean {
  switch (mode) {
    case RoundingMode.nearestEven: return rest === Rest.aboveHalf || (rest === Rest.half && odd);
    case RoundingMode.down: return sign === 1;
    case RoundingMode.up: return sign === 0;
    case RoundingMode.truncate: return false;
  }
}

/** The last of the first `precision` bits of a word, for precisions below 32. */
const lastBit = (precision: number): number => 1 << (32 - precision);

/**
 * Rounds the significand to `precision` (11, 24, 53 or 64) bits counted from bit 63, as if exponents had no
 * bounds. A carry out of the top renormalises. Returns `inexact` and `roundedUp`.
 */
export function roundSignificand(value: Float, precision: number, mode: RoundingMode): number {
  let rest: number;
  let odd: boolean;
  if (precision === 64) {
    if (value.extra === 0) return 0;
    rest = restAgainstHalf(value.extra, 0x80000000, 0);
    odd = (value.low & 1) !== 0;
  } else if (precision === 53) {
    rest = restAgainstHalf(value.low & 0x7ff, 0x400, value.extra);
    odd = (value.low & 0x800) !== 0;
    value.low = (value.low & ~0x7ff) >>> 0;
  } else {
    const last = lastBit(precision);
    rest = restAgainstHalf(value.high & (last - 1), last >> 1, value.low | value.extra);
    odd = (value.high & last) !== 0;
    value.high = (value.high & ~(last - 1)) >>> 0;
    value.low = 0;
  }
  value.extra = 0;
  if (rest === Rest.none) return 0;
  if (!increments(rest, odd, value.sign, mode)) return FloatFlag.inexact;
  incrementAt(value, precision);
  return FloatFlag.inexact | FloatFlag.roundedUp;
}

function incrementAt(value: Float, precision: number): void {
  let carry: boolean;
  if (precision < 32) {
    value.high = (value.high + lastBit(precision)) >>> 0;
    carry = value.high === 0;
  } else {
    value.low = (value.low + (precision === 64 ? 1 : 0x800)) >>> 0;
    if (value.low !== 0) return;
    value.high = (value.high + 1) >>> 0;
    carry = value.high === 0;
  }
  if (carry) {
    value.high = 0x80000000;
    value.exponent += 1;
  }
}

/**
 * Rounds a finite non-zero, normalised value to a format and its exponent range, in place.
 *
 * Masked responses: overflow gives infinity or the largest number, underflow a denormal (left with the
 * top bit of `high` clear and the format's least exponent) or zero. For an overflow or underflow in
 * `unmasked` (a set of FloatFlag) the result is instead rounded as normal and its exponent adjusted;
 * a result that even then does not fit becomes zero or infinity.
 * Returns the exceptions and `roundedUp`.
 */
export function roundToFormat(value: Float, format: FloatFormat, mode: RoundingMode, unmasked: number): number {
  if (value.exponent < format.minExponent) return roundTiny(value, format, mode, unmasked);
  const flags = roundSignificand(value, format.precision, mode);
  if (value.exponent <= format.maxExponent) return flags;
  if ((unmasked & FloatFlag.overflow) !== 0) {
    value.exponent -= format.exponentAdjust;
    if (value.exponent > format.maxExponent) setInfinity(value, value.sign);
    return flags | FloatFlag.overflow;
  }
  return setOverflow(value, format, mode);
}

/** Puts the masked overflow's result in place: infinity, or the largest finite number. */
function setOverflow(value: Float, format: FloatFormat, mode: RoundingMode): number {
  if (increments(Rest.aboveHalf, true, value.sign, mode)) {
    setInfinity(value, value.sign);
    return FloatFlag.overflow | FloatFlag.inexact | FloatFlag.roundedUp;
  }
  setFinite(value, value.sign, format.maxExponent, 0xffffffff, 0xffffffff);
  value.extra = 0xffffffff;
  roundSignificand(value, format.precision, RoundingMode.truncate);
  return FloatFlag.overflow | FloatFlag.inexact;
}

const trial = new Float();

function roundTiny(value: Float, format: FloatFormat, mode: RoundingMode, unmasked: number): number {
  copyFloat(trial, value);
  const trialFlags = roundSignificand(trial, format.precision, mode);
  const tiny = trial.exponent < format.minExponent;
  if (tiny && (unmasked & FloatFlag.underflow) !== 0) {
    copyFloat(value, trial);
    value.exponent += format.exponentAdjust;
    if (value.exponent < format.minExponent) setFinite(value, value.sign, format.minExponent, 0, 0);
    return trialFlags | FloatFlag.underflow;
  }
  shiftRightSticky(value, format.minExponent - value.exponent);
  value.exponent = format.minExponent;
  const flags = roundSignificand(value, format.precision, mode);
  if ((value.high | value.low) === 0) value.kind = FloatKind.zero;
  return tiny && (flags & FloatFlag.inexact) !== 0 ? flags | FloatFlag.underflow : flags;
}
