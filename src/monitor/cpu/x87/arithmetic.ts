/**
 * Addition, subtraction, multiplication, division and square root of unpacked numbers, exact up to a
 * sticky bit, so that one rounding afterwards gives the right result in every format.
 *
 * Operands are zero, finite or infinite; NaNs and unsupported encodings are the caller's (see nan.ts).
 * Each operation answers the invalid and zero-divide exceptions of IEEE 754-2008 clause 7 (0 if none);
 * with `invalid` the result is the default NaN.
 */

import {
  Float, FloatKind, compareSignificands, copyFloat, normalise, setDefaultNaN, setFinite, setFromBigInt, setInfinity,
  setZero, shiftRightSticky, significandBigInt,
} from './float';
import { FloatFlag, RoundingMode } from './rounding';

/** A two-operand operation: fills `result`, which must be neither operand, and returns exceptions. */
export type BinaryOperation = (result: Float, a: Float, b: Float, mode: RoundingMode) => number;

function invalidOperation(result: Float): number {
  setDefaultNaN(result);
  return FloatFlag.invalid;
}

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  // The double product is off by at most 2^10, far less than the half of 2^32 that rounding forgives.
  return ((a * b - (Math.imul(a, b) >>> 0)) / 0x100000000 + 0.5) >>> 0;
}

export function add(result: Float, a: Float, b: Float, mode: RoundingMode): number {
  return addSigned(result, a, b, b.sign, mode);
}

export function subtract(result: Float, a: Float, b: Float, mode: RoundingMode): number {
  return addSigned(result, a, b, b.sign ^ 1, mode);
}

/** a + b with b's sign given apart. The sign of an exact zero sum depends on the rounding mode. */
function addSigned(result: Float, a: Float, b: Float, signB: number, mode: RoundingMode): number {
  if (a.kind === FloatKind.infinity) {
    if (b.kind === FloatKind.infinity && a.sign !== signB) return invalidOperation(result);
    setInfinity(result, a.sign);
    return 0;
  }
  if (b.kind === FloatKind.infinity) {
    setInfinity(result, signB);
    return 0;
  }
  if (b.kind === FloatKind.zero) {
    if (a.kind === FloatKind.zero && a.sign !== signB) setZero(result, mode === RoundingMode.down ? 1 : 0);
    else copyFloat(result, a);
    return 0;
  }
  if (a.kind === FloatKind.zero) {
    copyFloat(result, b);
    result.sign = signB;
    return 0;
  }
  if (a.sign === signB) addMagnitudes(result, a, b);
  else subtractMagnitudes(result, a, b, signB, mode);
  return 0;
}

const aligned = new Float();

function addMagnitudes(result: Float, a: Float, b: Float): void {
  const larger = a.exponent >= b.exponent ? a : b;
  copyFloat(aligned, larger === a ? b : a);
  shiftRightSticky(aligned, larger.exponent - aligned.exponent);
  const low = larger.low + aligned.low;
  const high = larger.high + aligned.high + (low > 0xffffffff ? 1 : 0);
  setFinite(result, a.sign, larger.exponent, high >>> 0, low >>> 0);
  result.extra = aligned.extra;
  if (high > 0xffffffff) {
    shiftRightSticky(result, 1);
    result.high = (result.high | 0x80000000) >>> 0;
    result.exponent += 1;
  }
}

function subtractMagnitudes(result: Float, a: Float, b: Float, signB: number, mode: RoundingMode): void {
  const order = a.exponent !== b.exponent ? a.exponent - b.exponent : compareSignificands(a, b);
  if (order === 0) {
    setZero(result, mode === RoundingMode.down ? 1 : 0);
    return;
  }
  const larger = order > 0 ? a : b;
  copyFloat(aligned, order > 0 ? b : a);
  shiftRightSticky(aligned, larger.exponent - aligned.exponent);
  const borrowExtra = aligned.extra === 0 ? 0 : 1;
  const low = larger.low - aligned.low - borrowExtra;
  const high = larger.high - aligned.high - (low < 0 ? 1 : 0);
  setFinite(result, order > 0 ? a.sign : signB, larger.exponent, high >>> 0, low >>> 0);
  result.extra = -aligned.extra >>> 0;
  normalise(result);
}

export function multiply(result: Float, a: Float, b: Float): number {
  const sign = a.sign ^ b.sign;
  if (a.kind === FloatKind.infinity || b.kind === FloatKind.infinity) {
    if (a.kind === FloatKind.zero || b.kind === FloatKind.zero) return invalidOperation(result);
    setInfinity(result, sign);
    return 0;
  }
  if (a.kind === FloatKind.zero || b.kind === FloatKind.zero) {
    setZero(result, sign);
    return 0;
  }
  multiplyMagnitudes(result, a, b, sign);
  return 0;
}

/** 64 by 64 bits to 128, of which the lowest 32 become the sticky bit after normalisation. */
function multiplyMagnitudes(result: Float, a: Float, b: Float, sign: number): void {
  const word0 = Math.imul(a.low, b.low) >>> 0;
  const middle = multiplyHigh(a.low, b.low) + (Math.imul(a.high, b.low) >>> 0) + (Math.imul(a.low, b.high) >>> 0);
  const upper = multiplyHigh(a.high, b.low) + multiplyHigh(a.low, b.high) + (Math.imul(a.high, b.high) >>> 0)
    + Math.floor(middle / 0x100000000);
  const top = multiplyHigh(a.high, b.high) + Math.floor(upper / 0x100000000);
  setFinite(result, sign, a.exponent + b.exponent + 1, top, upper >>> 0);
  result.extra = middle >>> 0;
  let lowest = word0;
  if (top < 0x80000000) {
    result.high = ((top << 1) | (result.low >>> 31)) >>> 0;
    result.low = ((result.low << 1) | (result.extra >>> 31)) >>> 0;
    result.extra = ((result.extra << 1) | (word0 >>> 31)) >>> 0;
    result.exponent -= 1;
    lowest = word0 << 1;
  }
  if (lowest !== 0) result.extra = (result.extra | 1) >>> 0;
}

export function divide(result: Float, a: Float, b: Float): number {
  const sign = a.sign ^ b.sign;
  if (a.kind === FloatKind.infinity) {
    if (b.kind === FloatKind.infinity) return invalidOperation(result);
    setInfinity(result, sign);
    return 0;
  }
  if (b.kind === FloatKind.zero) {
    if (a.kind === FloatKind.zero) return invalidOperation(result);
    setInfinity(result, sign);
    return FloatFlag.zeroDivide;
  }
  if (a.kind === FloatKind.zero || b.kind === FloatKind.infinity) {
    setZero(result, sign);
    return 0;
  }
  divideMagnitudes(result, a, b, sign);
  return 0;
}

const partial = new Float();
const digits = new Uint32Array(3);

/** Long division with three 32-bit quotient digits; what remains after them is sticky. */
function divideMagnitudes(result: Float, a: Float, b: Float, sign: number): void {
  copyFloat(partial, a);
  const wholeOne = compareSignificands(a, b) >= 0;
  if (wholeOne) {
    const low = a.low - b.low;
    partial.high = (a.high - b.high - (low < 0 ? 1 : 0)) >>> 0;
    partial.low = low >>> 0;
  }
  const reciprocal = 0x100000000 / (b.high * 0x100000000 + b.low);
  for (let index = 0; index < digits.length; index += 1) digits[index] = quotientDigit(partial, b, reciprocal);
  setFinite(result, sign, a.exponent - b.exponent - 1, digits[0], digits[1]);
  result.extra = digits[2];
  if (wholeOne) {
    shiftRightSticky(result, 1);
    result.high = (result.high | 0x80000000) >>> 0;
    result.exponent += 1;
  }
  if ((partial.high | partial.low) !== 0) result.extra = (result.extra | 1) >>> 0;
}

/**
 * Brings down 32 zero bits: returns floor(remainder * 2^32 / divisor), as a signed 32-bit integer (which V8
 * does not box), and leaves the new remainder.
 * `remainder` < `divisor`, both as 64-bit integers; `reciprocal` is 2^32 / divisor.
 */
function quotientDigit(remainder: Float, divisor: Float, reciprocal: number): number {
  // The estimate's relative error is below 2^-50, so the digit is wrong by one at most; the top word of
  // remainder * 2^32 - digit * divisor then tells which way.
  const estimate = (remainder.high * 0x100000000 + remainder.low) * reciprocal;
  let digit = Math.min(Math.floor(estimate), 0xffffffff);
  const low = -(Math.imul(digit, divisor.low) >>> 0);
  const middle = remainder.low - multiplyHigh(digit, divisor.low) - (Math.imul(digit, divisor.high) >>> 0)
    - (low < 0 ? 1 : 0);
  let newLow = low >>> 0;
  let newHigh = middle - Math.floor(middle / 0x100000000) * 0x100000000;
  const top = remainder.high - multiplyHigh(digit, divisor.high) + Math.floor(middle / 0x100000000);
  if (top < 0) {
    digit -= 1;
    newLow += divisor.low;
    newHigh += divisor.high + (newLow > 0xffffffff ? 1 : 0);
  } else if (top > 0 || newHigh > divisor.high || (newHigh === divisor.high && newLow >= divisor.low)) {
    digit += 1;
    newLow -= divisor.low;
    newHigh -= divisor.high + (newLow < 0 ? 1 : 0);
  }
  remainder.high = newHigh >>> 0;
  remainder.low = newLow >>> 0;
  return digit | 0;
}

/** The integer square root, rounded down. */
export function integerSquareRoot(square: bigint): bigint {
  if (square === 0n) return 0n;
  // Newton's iteration from above falls monotonically until it reaches the root.
  let root = (BigInt(Math.floor(Math.sqrt(Number(square)))) * 0x10000000000001n >> 52n) + 1n;
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** Square root of one operand; invalid for negative numbers other than -0. */
export function squareRoot(result: Float, a: Float): number {
  if (a.kind === FloatKind.zero) {
    setZero(result, a.sign);
    return 0;
  }
  if (a.sign === 1) return invalidOperation(result);
  if (a.kind === FloatKind.infinity) {
    setInfinity(result, 0);
    return 0;
  }
  const odd = a.exponent & 1;
  const scaled = significandBigInt(a) << BigInt(odd === 1 ? 70 : 69);
  const root = integerSquareRoot(scaled);
  // The significand's 63 fraction bits and these 69 make 132, so the root has 66 of them.
  setFromBigInt(result, 0, root, (a.exponent - odd) / 2 - 66, root * root !== scaled);
  return 0;
}
