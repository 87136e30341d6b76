/**
 * Elementary functions in fixed point over BigInt: the kernels under the transcendental instructions.
 * A number v in fixed point with F fraction bits is the integer v * 2^F. Results are good to a few units
 * of 2^-F. Everything is a power series in integers, so every JavaScript engine gives the same bits.
 */

import { integerSquareRoot } from './arithmetic';
import { bitLength } from './float';

/** Fraction bits of the constants; no function may be asked for more. */
export const CONSTANT_FRACTION = 448;

/** The sum of z^(2k+1) / (2k+1), with alternating signs if `alternating`: atanh or atan of a small |z|. */
function oddSeries(z: bigint, fraction: number, alternating: boolean): bigint {
  const shift = BigInt(fraction);
  const square = (z * z) >> shift;
  let power = z;
  let sum = z;
  for (let divisor = 3n; power !== 0n && power !== -1n; divisor += 2n) {
    power = (power * square) >> shift;
    const negative = alternating && (divisor & 2n) !== 0n;
    sum += negative ? -(power / divisor) : power / divisor;
  }
  return sum;
}

function reciprocal(integer: bigint): bigint {
  return (1n << BigInt(CONSTANT_FRACTION + 32)) / integer;
}

/** pi = 16 atan(1/5) - 4 atan(1/239) (Machin). */
function computePi(): bigint {
  const fraction = CONSTANT_FRACTION + 32;
  return (16n * oddSeries(reciprocal(5n), fraction, true) - 4n * oddSeries(reciprocal(239n), fraction, true)) >> 32n;
}

/** ln 2 = 2 atanh(1/3). */
function computeLn2(): bigint {
  return (2n * oddSeries(reciprocal(3n), CONSTANT_FRACTION + 32, false)) >> 32n;
}

/** pi and ln 2 with CONSTANT_FRACTION fraction bits. */
export const PI = computePi();
export const LN2 = computeLn2();

/** A constant with fewer fraction bits. */
export function constant(value: bigint, fraction: number): bigint {
  return value >> BigInt(CONSTANT_FRACTION - fraction);
}

/** Sine and cosine of an angle in radians, at most about 1 in magnitude. */
export function sineCosine(angle: bigint, fraction: number): { sine: bigint; cosine: bigint } {
  const shift = BigInt(fraction);
  const square = (angle * angle) >> shift;
  let sine = angle;
  let sineTerm = angle;
  let cosineTerm = 1n << shift;
  let cosine = cosineTerm;
  // Division cuts toward zero, so that the terms do reach zero, unlike those of a shift.
  for (let index = 1n; cosineTerm !== 0n; index += 2n) {
    cosineTerm = -((cosineTerm * square) >> shift) / (index * (index + 1n));
    cosine += cosineTerm;
    sineTerm = -((sineTerm * square) >> shift) / ((index + 1n) * (index + 2n));
    sine += sineTerm;
  }
  return { sine, cosine };
}

/** e^x - 1 for |x| at most about 1. */
export function exponentialMinusOne(x: bigint, fraction: number): bigint {
  const shift = BigInt(fraction);
  let term = x;
  let sum = x;
  for (let index = 2n; term !== 0n; index += 1n) {
    term = (term * x) / (index << shift);
    sum += term;
  }
  return sum;
}

/** atan(numerator / denominator) for 0 <= numerator <= denominator. */
export function arctangent(numerator: bigint, denominator: bigint, fraction: number): bigint {
  const shift = BigInt(fraction);
  const one = 1n << shift;
  let tangent = (numerator << shift) / denominator;
  // atan(t) = 2 atan(t / (1 + sqrt(1 + t^2))): three times makes t small enough for a short series.
  const halvings = 3;
  for (let count = 0; count < halvings; count += 1) {
    const root = integerSquareRoot((one + ((tangent * tangent) >> shift)) << shift);
    tangent = (tangent << shift) / (one + root);
  }
  return oddSeries(tangent, fraction, true) << BigInt(halvings);
}

/**
 * log2(magnitude * 2^scale) for magnitude > 0, in fixed point. Near 1 the error is relative to the
 * result as long as `fraction` exceeds the number of zero bits behind the point.
 */
export function binaryLogarithm(magnitude: bigint, scale: number, fraction: number): bigint {
  const shift = BigInt(fraction);
  let exponent = bitLength(magnitude) - 1;
  // Above sqrt 2 (its square is above 2), rather 2^-1 of the next power, so that the series is short.
  if (magnitude * magnitude >> BigInt(2 * exponent + 1) !== 0n) exponent += 1;
  const power = 1n << BigInt(exponent);
  const ratio = ((magnitude - power) << shift) / (magnitude + power);
  const logarithm = 2n * oddSeries(ratio, fraction, false);
  return (BigInt(exponent + scale) << shift) + (logarithm << shift) / constant(LN2, fraction);
}
