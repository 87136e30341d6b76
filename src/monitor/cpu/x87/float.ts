/**
 * Binary floating-point numbers taken apart: the unpacked form that all arithmetic works on, and the
 * conversions between it and the encodings of IEEE 754 single, double and x87 double-extended.
 *
 * Nothing here knows the x87: SSE code may use the same form.
 */

/** What an encoding stands for (Intel SDM volume 1, tables 4-3 and 8-3). */
export const FloatKind = {
  zero: 0,
  normal: 1,
  /** A denormal or pseudo-denormal operand. Its unpacked significand is normalised all the same. */
  denormal: 2,
  infinity: 3,
  quietNaN: 4,
  signallingNaN: 5,
  /** Unnormals, pseudo-NaNs and pseudo-infinities: invalid operands since the 387. */
  unsupported: 6,
} as const;

export type FloatKind = (typeof FloatKind)[keyof typeof FloatKind];

/** Exponent bias of the double-extended format. */
const EXTENDED_BIAS = 16383;

/**
 * A number taken apart. A finite one is (-1)^sign * significand * 2^exponent, where the significand is
 * high.low.extra read as a fixed-point number with one bit before the point (bit 31 of `high`).
 *
 * `high`, `low` and `extra` are unsigned 32-bit integers. Bit 0 of `extra` is sticky: it stands for all
 * that is not zero below it. Numbers that come from an encoding have `extra` = 0.
 * For NaNs and unsupported encodings `high` and `low` hold the encoded significand.
 */
export class Float {
  kind: FloatKind = FloatKind.zero;
  sign = 0;
  exponent = 0;
  high = 0;
  low = 0;
  extra = 0;
}

export function copyFloat(to: Float, from: Float): void {
  to.kind = from.kind;
  to.sign = from.sign;
  to.exponent = from.exponent;
  to.high = from.high;
  to.low = from.low;
  to.extra = from.extra;
}

export function setFinite(to: Float, sign: number, exponent: number, high: number, low: number): void {
  to.kind = FloatKind.normal;
  to.sign = sign;
  to.exponent = exponent;
  to.high = high;
  to.low = low;
  to.extra = 0;
}

export function setZero(to: Float, sign: number): void {
  setFinite(to, sign, 0, 0, 0);
  to.kind = FloatKind.zero;
}

export function setInfinity(to: Float, sign: number): void {
  setFinite(to, sign, 0, 0x80000000, 0);
  to.kind = FloatKind.infinity;
}

/** The real indefinite: the quiet NaN that answers an invalid operation (SDM volume 1, 4.8.3.7). */
export function setDefaultNaN(to: Float): void {
  setFinite(to, 1, 0, 0xc0000000, 0);
  to.kind = FloatKind.quietNaN;
}

export function isNaNKind(kind: FloatKind): boolean {
  return kind === FloatKind.quietNaN || kind === FloatKind.signallingNaN;
}

/** True for what no operation computes with: NaNs and unsupported encodings. */
export function isNaNOrUnsupported(value: Float): boolean {
  return value.kind === FloatKind.unsupported || isNaNKind(value.kind);
}

/** True for numbers that have a significand and an exponent, so not for zero. */
export function isFiniteNonZero(value: Float): boolean {
  return value.kind === FloatKind.normal || value.kind === FloatKind.denormal;
}

/** Shifts the significand left until its top bit is set. The significand must not be 0. */
export function normalise(value: Float): void {
  if (value.high === 0) {
    const words = value.low === 0 ? 2 : 1;
    value.high = words === 2 ? value.extra : value.low;
    value.low = words === 2 ? 0 : value.extra;
    value.extra = 0;
    value.exponent -= 32 * words;
  }
  const shift = Math.clz32(value.high);
  if (shift !== 0) {
    value.high = ((value.high << shift) | (value.low >>> (32 - shift))) >>> 0;
    value.low = ((value.low << shift) | (value.extra >>> (32 - shift))) >>> 0;
    value.extra = (value.extra << shift) >>> 0;
    value.exponent -= shift;
  }
}

/** Shifts the significand right by `count` >= 0 bits, keeping the sticky bit; the exponent stays. */
export function shiftRightSticky(value: Float, count: number): void {
  if (count === 0) return;
  if (count >= 96) {
    value.extra = (value.high | value.low | value.extra) === 0 ? 0 : 1;
    value.high = 0;
    value.low = 0;
    return;
  }
  let lost = 0;
  for (; count >= 32; count -= 32) {
    lost |= value.extra;
    value.extra = value.low;
    value.low = value.high;
    value.high = 0;
  }
  if (count !== 0) {
    lost |= value.extra << (32 - count);
    value.extra = ((value.extra >>> count) | (value.low << (32 - count))) >>> 0;
    value.low = ((value.low >>> count) | (value.high << (32 - count))) >>> 0;
    value.high >>>= count;
  }
  if (lost !== 0) value.extra = (value.extra | 1) >>> 0;
}

/** Compares two significands (without `extra`): negative, 0 or positive. */
export function compareSignificands(a: Float, b: Float): number {
  return a.high !== b.high ? a.high - b.high : a.low - b.low;
}

function classifySpecial(to: Float): FloatKind {
  if (to.high === 0x80000000 && to.low === 0) return FloatKind.infinity;
  return (to.high & 0x40000000) !== 0 ? FloatKind.quietNaN : FloatKind.signallingNaN;
}

/** Takes a double-extended encoding apart: `signExponent` 16 bits, significand in two 32-bit halves. */
export function unpackExtended(to: Float, signExponent: number, high: number, low: number): void {
  const biased = signExponent & 0x7fff;
  to.sign = signExponent >>> 15;
  to.exponent = biased - EXTENDED_BIAS;
  to.high = high;
  to.low = low;
  to.extra = 0;
  if (biased === 0) {
    if (high === 0 && low === 0) {
      to.kind = FloatKind.zero;
      return;
    }
    to.kind = FloatKind.denormal;
    to.exponent = 1 - EXTENDED_BIAS;
    normalise(to);
  } else if (high < 0x80000000) {
    to.kind = FloatKind.unsupported;
  } else {
    to.kind = biased === 0x7fff ? classifySpecial(to) : FloatKind.normal;
  }
}

/** The sign and exponent word of a value that has been rounded to the double-extended format. */
export function extendedSignExponent(value: Float): number {
  const sign = value.sign << 15;
  switch (value.kind) {
    case FloatKind.zero: return sign;
    case FloatKind.normal:
    case FloatKind.denormal: return sign | (value.high >= 0x80000000 ? value.exponent + EXTENDED_BIAS : 0);
    default: return sign | 0x7fff;
  }
}

/** Takes a double apart, given as two 32-bit halves. */
export function unpackDouble(to: Float, high: number, low: number): void {
  const biased = (high >>> 20) & 0x7ff;
  to.sign = high >>> 31;
  to.exponent = biased - 1023;
  to.high = ((high << 11) | (low >>> 21)) >>> 0;
  to.low = (low << 11) >>> 0;
  to.extra = 0;
  finishUnpacking(to, biased, 0x7ff);
}

/** Takes a single apart, given as a 32-bit integer. */
export function unpackSingle(to: Float, bits: number): void {
  const biased = (bits >>> 23) & 0xff;
  to.sign = bits >>> 31;
  to.exponent = biased - 127;
  to.high = (bits << 8) >>> 0;
  to.low = 0;
  to.extra = 0;
  finishUnpacking(to, biased, 0xff);
}

/** Supplies the implied integer bit of the interchange formats and finds the kind. */
function finishUnpacking(to: Float, biased: number, special: number): void {
  if (biased !== 0) {
    to.high = (to.high | 0x80000000) >>> 0;
    to.kind = biased === special ? classifySpecial(to) : FloatKind.normal;
    return;
  }
  to.high = (to.high & 0x7fffffff) >>> 0;
  if ((to.high | to.low) === 0) {
    to.kind = FloatKind.zero;
    return;
  }
  to.kind = FloatKind.denormal;
  to.exponent += 1;
  normalise(to);
}

/** The upper half of the double encoding of a value that has been rounded to DOUBLE. */
export function doubleHigh(value: Float): number {
  return ((value.sign << 31) | (interchangeExponent(value, 1023, 0x7ff) << 20) | ((value.high >>> 11) & 0xfffff)) >>> 0;
}

/** The lower half of the double encoding of a value that has been rounded to DOUBLE. */
export function doubleLow(value: Float): number {
  return ((value.high << 21) | (value.low >>> 11)) >>> 0;
}

/** The single encoding of a value that has been rounded to SINGLE. */
export function singleBits(value: Float): number {
  return ((value.sign << 31) | (interchangeExponent(value, 127, 0xff) << 23) | ((value.high >>> 8) & 0x7fffff)) >>> 0;
}

function interchangeExponent(value: Float, bias: number, special: number): number {
  switch (value.kind) {
    case FloatKind.zero: return 0;
    case FloatKind.normal:
    case FloatKind.denormal: return value.high >= 0x80000000 ? value.exponent + bias : 0;
    default: return special;
  }
}

/** The significand as an integer of 64 bits. */
export function significandBigInt(value: Float): bigint {
  return (BigInt(value.high) << 32n) | BigInt(value.low);
}

/** Length in bits of an integer >= 0. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const digits = value.toString(16);
  return digits.length * 4 - (Math.clz32(parseInt(digits[0], 16)) - 28);
}

/**
 * Sets (-1)^sign * magnitude * 2^scale, exactly up to the 96 bits that `Float` holds, sticky below.
 * `inexact` says that the true magnitude is a little more than the one given.
 */
export function setFromBigInt(to: Float, sign: number, magnitude: bigint, scale: number, inexact: boolean): void {
  if (magnitude === 0n) {
    setZero(to, sign);
    return;
  }
  const length = bitLength(magnitude);
  const drop = length - 96;
  let kept = drop > 0 ? magnitude >> BigInt(drop) : magnitude << BigInt(-drop);
  if (inexact || (drop > 0 && kept << BigInt(drop) !== magnitude)) kept |= 1n;
  setFinite(to, sign, scale + length - 1, Number(kept >> 64n), Number((kept >> 32n) & 0xffffffffn));
  to.extra = Number(kept & 0xffffffffn);
}
