/**
 * Conversions between unpacked numbers and integers, binary and packed BCD.
 * Sources: Intel SDM volume 2 (FILD, FIST/FISTP, FISTTP, FBLD, FBSTP, FRNDINT), volume 1 table 4-4.
 */

import {
  Float, FloatKind, copyFloat, isFiniteNonZero, normalise, setFinite, setFromBigInt, setZero, shiftRightSticky,
  significandBigInt,
} from './float';
import { FloatFlag, roundSignificand } from './rounding';
import type { RoundingMode } from './rounding';

/** Sets a signed 64-bit integer, given as its two 32-bit halves. Exact. */
export function setInteger64(to: Float, high: number, low: number): void {
  const sign = high >>> 31;
  const lowMagnitude = (sign === 1 ? -low : low) >>> 0;
  const highMagnitude = (sign === 1 ? ~high + (lowMagnitude === 0 ? 1 : 0) : high) >>> 0;
  if ((highMagnitude | lowMagnitude) === 0) {
    setZero(to, 0);
    return;
  }
  setFinite(to, sign, 63, highMagnitude, lowMagnitude);
  normalise(to);
}

/** Sets a signed 32-bit integer. Exact. */
export function setInteger32(to: Float, value: number): void {
  setInteger64(to, value < 0 ? 0xffffffff : 0, value >>> 0);
}

/**
 * Rounds a finite value of exponent <= 63 to an integer and leaves its magnitude in `high` and `low` as
 * an unsigned 64-bit integer. Returns `inexact` and `roundedUp`.
 */
function roundToMagnitude(value: Float, mode: RoundingMode): number {
  shiftRightSticky(value, 63 - value.exponent);
  value.exponent = 63;
  return roundSignificand(value, 64, mode);
}

/**
 * Rounds to a signed integer of `bits` (16, 32 or 64) bits, in place: `high` and `low` then hold its two's
 * complement, sign-extended to 64 bits. Answers `inexact` and `roundedUp`, or `invalid` (alone) when the
 * value has no such integer; then the integer indefinite is in its place.
 */
export function toInteger(value: Float, bits: number, mode: RoundingMode): number {
  if (value.kind === FloatKind.zero) return 0;
  if (!isFiniteNonZero(value) || value.exponent > 63) return setIntegerIndefinite(value, bits);
  const flags = roundToMagnitude(value, mode);
  if (exceedsInteger(value, bits)) return setIntegerIndefinite(value, bits);
  if (value.sign === 1) negate64(value);
  return flags;
}

/** The most negative integer of the size, in `high` and `low`. */
export function setIntegerIndefinite(value: Float, bits: number): number {
  value.high = bits === 64 ? 0x80000000 : 0xffffffff;
  value.low = bits === 64 ? 0 : (-1 << (bits - 1)) >>> 0;
  return FloatFlag.invalid;
}

function exceedsInteger(magnitude: Float, bits: number): boolean {
  const limitHigh = bits === 64 ? 0x80000000 : 0;
  const limitLow = bits === 64 ? 0 : (1 << (bits - 1)) >>> 0;
  if (magnitude.high !== limitHigh) return magnitude.high > limitHigh;
  return magnitude.sign === 1 ? magnitude.low > limitLow : magnitude.low >= limitLow;
}

function negate64(value: Float): void {
  value.low = -value.low >>> 0;
  value.high = (~value.high + (value.low === 0 ? 1 : 0)) >>> 0;
}

/** Rounds to an integral value in floating-point form, in place. Returns `inexact` and `roundedUp`. */
export function roundToIntegral(value: Float, mode: RoundingMode): number {
  if (!isFiniteNonZero(value) || value.exponent >= 63) return 0;
  const flags = roundToMagnitude(value, mode);
  if ((value.high | value.low) === 0) setZero(value, value.sign);
  else normalise(value);
  return flags;
}

/** Cuts a finite value to an integer, clamped to -limit..limit. */
export function truncateClamped(value: Float, limit: number): number {
  if (value.kind === FloatKind.zero || value.exponent < 0) return 0;
  const magnitude = value.exponent > 30 ? limit : Math.min(value.high >>> (31 - value.exponent), limit);
  return value.sign === 1 ? -magnitude : magnitude;
}

/** Bytes of a packed BCD operand: nine with two digits each, and one with the sign. */
export const BCD_BYTES = 10;

const BCD_MAXIMUM = 10n ** 18n - 1n;
const scratch = new Float();

/**
 * Stores a value as packed BCD at the start of `to`. Answers `inexact` and `roundedUp`, or `invalid`
 * (alone) when it has more than 18 digits or no value; then the packed BCD indefinite is stored.
 */
export function storeBcd(to: DataView, value: Float, mode: RoundingMode): number {
  copyFloat(scratch, value);
  if (scratch.kind !== FloatKind.zero && (!isFiniteNonZero(scratch) || scratch.exponent > 63)) {
    return storeBcdIndefinite(to);
  }
  const flags = scratch.kind === FloatKind.zero ? 0 : roundToMagnitude(scratch, mode);
  let digits = significandBigInt(scratch);
  if (digits > BCD_MAXIMUM) return storeBcdIndefinite(to);
  for (let index = 0; index < BCD_BYTES - 1; index += 1) {
    const pair = Number(digits % 100n);
    to.setUint8(index, Math.floor(pair / 10) * 16 + (pair % 10));
    digits /= 100n;
  }
  to.setUint8(BCD_BYTES - 1, scratch.sign << 7);
  return flags;
}

/** Stores the packed BCD indefinite and answers `invalid`. */
export function storeBcdIndefinite(to: DataView): number {
  to.setBigUint64(0, 0xc000000000000000n, true);
  to.setUint16(8, 0xffff, true);
  return FloatFlag.invalid;
}

/** Loads packed BCD from the start of `from`. Invalid digits count as their value, which SDM leaves undefined. */
export function loadBcd(to: Float, from: DataView): void {
  let magnitude = 0n;
  for (let index = BCD_BYTES - 2; index >= 0; index -= 1) {
    const pair = from.getUint8(index);
    magnitude = magnitude * 100n + BigInt((pair >>> 4) * 10 + (pair & 15));
  }
  setFromBigInt(to, from.getUint8(BCD_BYTES - 1) >>> 7, magnitude, 0, false);
}
