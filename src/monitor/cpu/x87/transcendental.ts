/**
 * The transcendental functions of the x87 over unpacked numbers. Results are good to a relative error of
 * some 2^-120 before rounding, so that they are correctly rounded but for arguments yet to be found.
 *
 * Ordinary arguments have quicker ways (./quickTranscendental), whose results are rounded to the same numbers; `kernels` can leave those out.
 *
 * Operands are no NaNs. Each function answers `invalid`, `zeroDivide` or 0.
 * Source: Intel SDM volume 2 (tables of FPATAN, FYL2X, FYL2XP1 ...) and volume 1, 8.3.8 (the 66-bit pi).
 */

import { multiply } from './arithmetic';
import {
  CONSTANT_FRACTION, LN2, PI, arctangent, binaryLogarithm, constant, exponentialMinusOne, sineCosine,
} from './elementary';
import {
  Float, FloatKind, bitLength, copyFloat, setDefaultNaN, setFinite, setFromBigInt, setZero, significandBigInt,
} from './float';
import { quickArctangentOfQuotient, quickExponential, quickLogarithmPlusOneTimes, quickLogarithmTimes, quickTrigonometric } from './quickTranscendental';
import { EXTENDED, FloatFlag } from './rounding';

/** Which kernels compute: the quick ones first, or those alone that are always right. */
export type Kernels = 'quick first' | 'exact';

/** Fraction bits for results of ordinary size. */
const FRACTION = 192;

/** Below this exponent the first term of a series that goes on with the argument's square is all there is. */
const TINY_SQUARE = -70;

/** Below this exponent the first term of any series is all there is. */
const TINY = -130;

/** pi, cut to 66 bits, is this times 2^-66; so pi / 2 is this times 2^-67. */
const PI_66 = 0xc90fdaa22168c234cn;
const HALF_PI_SCALE = -67;

function invalid(result: Float): number {
  setDefaultNaN(result);
  return FloatFlag.invalid;
}

/** The scale of a finite number's integer significand. */
function scaleOf(value: Float): number {
  return value.exponent - 63;
}

/** The magnitude a little above (direction 1) or below (-1) the one given, as far as any rounding can tell. */
function setNearly(result: Float, sign: number, magnitude: bigint, scale: number, direction: 1 | -1): void {
  setFromBigInt(result, sign, (magnitude << 128n) + BigInt(direction), scale - 128, true);
}

function setFixed(result: Float, value: bigint, fraction: number): void {
  const sign = value < 0n ? 1 : 0;
  setFromBigInt(result, sign, sign === 1 ? -value : value, -fraction, true);
}

/** An angle after reduction: quadrant (mod 4) and the signed rest, at most pi/4, as rest * 2^scale. */
interface ReducedAngle {
  quadrant: number;
  rest: bigint;
  scale: number;
}

/** Exponents from which FSIN and its kin refuse their argument with C2. */
export const ANGLE_LIMIT_EXPONENT = 63;

function reduceAngle(angle: Float): ReducedAngle {
  const magnitude = significandBigInt(angle);
  const scale = scaleOf(angle);
  const sign = angle.sign === 1 ? -1n : 1n;
  if (scale < HALF_PI_SCALE) return { quadrant: 0, rest: sign * magnitude, scale };
  const scaled = magnitude << BigInt(scale - HALF_PI_SCALE);
  const quotient = (2n * scaled + PI_66) / (2n * PI_66);
  const quadrant = Number(quotient & 3n);
  return {
    quadrant: sign < 0n ? -quadrant & 3 : quadrant,
    rest: sign * (scaled - quotient * PI_66),
    scale: HALF_PI_SCALE,
  };
}

/** Which trigonometric functions to compute. The results are written only where a Float is given. */
export interface TrigonometricResults {
  sine?: Float;
  cosine?: Float;
  tangent?: Float;
}

/** Sine, cosine and tangent of a finite angle below 2^63 in magnitude, reduced by the 66-bit pi. */
export function trigonometric(results: TrigonometricResults, angle: Float, kernels: Kernels = 'quick first'): number {
  if (angle.kind === FloatKind.infinity) return invalidAll(results);
  if (angle.kind === FloatKind.zero) {
    if (results.sine) setZero(results.sine, angle.sign);
    if (results.tangent) setZero(results.tangent, angle.sign);
    if (results.cosine) setFinite(results.cosine, 0, 0, 0x80000000, 0);
    return 0;
  }
  if (kernels === 'quick first' && quickTrigonometric(results, angle)) return 0;
  const reduced = reduceAngle(angle);
  const magnitude = reduced.rest < 0n ? -reduced.rest : reduced.rest;
  const exponent = bitLength(magnitude) - 1 + reduced.scale;
  if (exponent < TINY_SQUARE && reduced.quadrant === 0) {
    const sign = reduced.rest < 0n ? 1 : 0;
    if (results.sine) setNearly(results.sine, sign, magnitude, reduced.scale, -1);
    if (results.tangent) setNearly(results.tangent, sign, magnitude, reduced.scale, 1);
    if (results.cosine) setNearly(results.cosine, 0, 1n, 0, -1);
    return 0;
  }
  const fraction = FRACTION + Math.max(0, -exponent);
  const up = fraction + reduced.scale;
  const rest = up >= 0 ? reduced.rest << BigInt(up) : reduced.rest >> BigInt(-up);
  setQuadrant(results, rest, fraction, reduced.quadrant);
  return 0;
}

function invalidAll(results: TrigonometricResults): number {
  for (const result of [results.sine, results.cosine, results.tangent]) {
    if (result) setDefaultNaN(result);
  }
  return FloatFlag.invalid;
}

function setQuadrant(results: TrigonometricResults, rest: bigint, fraction: number, quadrant: number): void {
  const base = sineCosine(rest, fraction);
  const odd = (quadrant & 1) !== 0;
  const sine = (odd ? base.cosine : base.sine) * (quadrant >= 2 ? -1n : 1n);
  const cosine = (odd ? base.sine : base.cosine) * (quadrant === 1 || quadrant === 2 ? -1n : 1n);
  if (results.sine) setFixed(results.sine, sine, fraction);
  if (results.cosine) setFixed(results.cosine, cosine, fraction);
  if (results.tangent) setFixed(results.tangent, (sine << BigInt(fraction)) / cosine, fraction);
}

/** 2^x - 1 for -1 <= x <= 1. Outside, where the architecture leaves the result undefined, x itself and `inexact`. */
export function exponential2MinusOne(result: Float, x: Float, kernels: Kernels = 'quick first'): number {
  copyFloat(result, x);
  if (x.kind === FloatKind.infinity && x.sign === 1) setFinite(result, 1, 0, 0x80000000, 0);
  if (x.kind === FloatKind.zero || x.kind === FloatKind.infinity) return 0;
  if (kernels === 'quick first' && quickExponential(result, x)) return 0;
  const magnitude = significandBigInt(x);
  if (x.exponent >= 0) {
    if (x.exponent > 0 || magnitude !== 1n << 63n) return FloatFlag.inexact;
    setFinite(result, x.sign, x.sign === 1 ? -1 : 0, 0x80000000, 0);
    return 0;
  }
  if (x.exponent < TINY) {
    setFromBigInt(result, x.sign, magnitude * LN2, scaleOf(x) - CONSTANT_FRACTION, true);
    return 0;
  }
  const fraction = FRACTION - x.exponent;
  const exponent = (magnitude * LN2) >> BigInt(CONSTANT_FRACTION - scaleOf(x) - fraction);
  setFixed(result, exponentialMinusOne(x.sign === 1 ? -exponent : exponent, fraction), fraction);
  return 0;
}

/** result := value * y for a fixed-point value. `inexact`: the value is not. */
function setScaledProduct(result: Float, value: bigint, fraction: number, y: Float, inexact: boolean): void {
  const sign = value < 0n ? 1 : 0;
  const magnitude = sign === 1 ? -value : value;
  setFromBigInt(result, sign ^ y.sign, magnitude * significandBigInt(y), scaleOf(y) - fraction, inexact);
}

const factor = new Float();

/** y times a logarithm that is zero or infinite, or y zero or infinite: `multiply`'s rules hold. */
function multiplySpecial(result: Float, kind: FloatKind, sign: number, y: Float): number {
  setFinite(factor, sign, 0, 0x80000000, 0);
  factor.kind = kind;
  return multiply(result, factor, y);
}

/** y * log2(x). */
export function logarithmTimes(result: Float, x: Float, y: Float, kernels: Kernels = 'quick first'): number {
  if (x.kind === FloatKind.zero) {
    const finite = y.kind !== FloatKind.zero && y.kind !== FloatKind.infinity;
    return multiplySpecial(result, FloatKind.infinity, 1, y) | (finite ? FloatFlag.zeroDivide : 0);
  }
  if (x.sign === 1) return invalid(result);
  if (x.kind === FloatKind.infinity) return multiplySpecial(result, FloatKind.infinity, 0, y);
  const magnitude = significandBigInt(x);
  if (x.exponent === 0 && magnitude === 1n << 63n) return multiplySpecial(result, FloatKind.zero, 0, y);
  if (y.kind === FloatKind.zero || y.kind === FloatKind.infinity) {
    return multiplySpecial(result, FloatKind.normal, x.exponent < 0 ? 1 : 0, y);
  }
  if (kernels === 'quick first' && quickLogarithmTimes(result, x, y)) return 0;
  return setLogarithmProduct(result, magnitude, scaleOf(x), 64, y);
}

/**
 * result := y * log2(magnitude * 2^scale), where the logarithm lies no closer to 0 than 2^-zeros.
 * Processors report the product as inexact (and so a tiny one as underflow) even for powers of two,
 * where it is exact; so does this.
 */
function setLogarithmProduct(result: Float, magnitude: bigint, scale: number, zeros: number, y: Float): number {
  const fraction = FRACTION + zeros;
  const powerOfTwo = (magnitude & (magnitude - 1n)) === 0n;
  setScaledProduct(result, binaryLogarithm(magnitude, scale, fraction), fraction, y, !powerOfTwo);
  if (!powerOfTwo) return 0;
  return result.exponent < EXTENDED.minExponent ? FloatFlag.inexact | FloatFlag.underflow : FloatFlag.inexact;
}

/** Above this exponent 1 + x is x as far as any rounding of its logarithm can tell. */
const ONE_IS_LOST = 192;

/**
 * y * log2(x + 1). The architecture defines it for |x| < 1 - sqrt(1/2); it holds for all x > -1, and below
 * it answers x and `inexact`.
 */
export function logarithmPlusOneTimes(result: Float, x: Float, y: Float, kernels: Kernels = 'quick first'): number {
  if (x.kind === FloatKind.zero) return multiplySpecial(result, FloatKind.zero, x.sign, y);
  if (x.kind === FloatKind.infinity) {
    return x.sign === 1 ? invalid(result) : multiplySpecial(result, FloatKind.infinity, 0, y);
  }
  if (x.sign === 1 && x.exponent >= 0) {
    copyFloat(result, x);
    return FloatFlag.inexact;
  }
  if (y.kind === FloatKind.zero || y.kind === FloatKind.infinity) {
    return multiplySpecial(result, FloatKind.normal, x.sign, y);
  }
  if (kernels === 'quick first' && quickLogarithmPlusOneTimes(result, x, y)) return 0;
  const magnitude = significandBigInt(x);
  const signed = x.sign === 1 ? -magnitude : magnitude;
  if (x.exponent < TINY) {
    const quotient = (signed << BigInt(2 * CONSTANT_FRACTION)) / LN2;
    setScaledProduct(result, quotient, CONSTANT_FRACTION - scaleOf(x), y, true);
    return 0;
  }
  if (x.exponent > ONE_IS_LOST) return setLogarithmProduct(result, magnitude, scaleOf(x), 0, y);
  const scale = Math.min(scaleOf(x), 0);
  const sum = (1n << BigInt(-scale)) + (signed << BigInt(scaleOf(x) - scale));
  return setLogarithmProduct(result, sum, scale, Math.max(0, -x.exponent), y);
}

/** The angle of the point (x, y), -pi to pi. */
export function arctangentOfQuotient(result: Float, y: Float, x: Float, kernels: Kernels = 'quick first'): number {
  const left = x.sign === 1;
  if (y.kind === FloatKind.zero || (x.kind === FloatKind.infinity && y.kind !== FloatKind.infinity)) {
    if (left) setPiFraction(result, y.sign, 4n);
    else setZero(result, y.sign);
  } else if (x.kind === FloatKind.zero || y.kind === FloatKind.infinity) {
    if (x.kind === FloatKind.infinity) setPiFraction(result, y.sign, left ? 3n : 1n);
    else setPiFraction(result, y.sign, 2n);
  } else if (kernels === 'exact' || !quickArctangentOfQuotient(result, y, x)) {
    setFiniteAngle(result, y, x);
  }
  return 0;
}

/** Sets quarters * pi / 4. */
function setPiFraction(result: Float, sign: number, quarters: bigint): void {
  setFromBigInt(result, sign, quarters * PI, -CONSTANT_FRACTION - 2, true);
}

function setFiniteAngle(result: Float, y: Float, x: Float): void {
  const difference = y.exponent - x.exponent;
  if (x.sign === 0 && difference < TINY_SQUARE) {
    const quotient = (significandBigInt(y) << 192n) / significandBigInt(x);
    setNearly(result, y.sign, quotient, difference - 192, -1);
    return;
  }
  const fraction = FRACTION + 64;
  const pi = constant(PI, fraction);
  const far = Math.abs(difference) > fraction;
  const common = far ? 0 : Math.min(y.exponent, x.exponent);
  const yInteger = far ? BigInt(difference > 0 ? 1 : 0) : significandBigInt(y) << BigInt(y.exponent - common);
  const xInteger = far ? BigInt(difference > 0 ? 0 : 1) : significandBigInt(x) << BigInt(x.exponent - common);
  let angle = yInteger <= xInteger
    ? arctangent(yInteger, xInteger, fraction)
    : (pi >> 1n) - arctangent(xInteger, yInteger, fraction);
  if (x.sign === 1) angle = pi - angle;
  setFromBigInt(result, y.sign, angle, -fraction, true);
}
