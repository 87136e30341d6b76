/**
 * IEEE 754 arithmetic over exact rational numbers (bigint), for tests: what a result and its exceptions have to
 * be, by the definitions and with nothing of the code under test.
 */

/** Shape of an interchange format: bits of the encoding, of the significand with its implied bit, of the exponent. */
export interface Shape {
  readonly bits: number;
  readonly precision: number;
  readonly exponentBits: number;
}

export const SHAPE16: Shape = { bits: 16, precision: 11, exponentBits: 5 };
export const SHAPE32: Shape = { bits: 32, precision: 24, exponentBits: 8 };
export const SHAPE64: Shape = { bits: 64, precision: 53, exponentBits: 11 };

/** Exception flags with the bits of MXCSR. */
export const IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;

/** Rounding modes as MXCSR encodes them. */
export type Mode = 0 | 1 | 2 | 3;
export const MODES: readonly Mode[] = [0, 1, 2, 3];

/** (-1)^negative * numerator / denominator, numerator >= 0; the sign counts for zeros, too. */
export interface Exact {
  readonly negative: boolean;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export interface Rounded {
  readonly encoding: bigint;
  readonly flags: number;
}

const maxExponent = (shape: Shape): number => 2 ** (shape.exponentBits - 1) - 1;
const minExponent = (shape: Shape): number => 1 - maxExponent(shape);
const signBit = (shape: Shape): bigint => 1n << BigInt(shape.bits - 1);
const exponentMask = (shape: Shape): bigint => (1n << BigInt(shape.exponentBits)) - 1n;
const fractionBits = (shape: Shape): bigint => BigInt(shape.precision - 1);

export const infinityOf = (shape: Shape): bigint => exponentMask(shape) << fractionBits(shape);
export const defaultNaN = (shape: Shape): bigint => signBit(shape) | infinityOf(shape) | quietBit(shape);
export const quietBit = (shape: Shape): bigint => 1n << (fractionBits(shape) - 1n);

export type Kind = 'zero' | 'denormal' | 'normal' | 'infinity' | 'quiet' | 'signalling';

export function kindOf(shape: Shape, encoding: bigint): Kind {
  const exponent = (encoding >> fractionBits(shape)) & exponentMask(shape);
  const fraction = encoding & ((1n << fractionBits(shape)) - 1n);
  if (exponent === exponentMask(shape)) return fraction === 0n ? 'infinity' : fraction & quietBit(shape) ? 'quiet' : 'signalling';
  if (exponent !== 0n) return 'normal';
  return fraction === 0n ? 'zero' : 'denormal';
}

export const isNegative = (shape: Shape, encoding: bigint): boolean => (encoding & signBit(shape)) !== 0n;
export const withoutSign = (shape: Shape, encoding: bigint): bigint => encoding & ~signBit(shape);
export const flipSign = (shape: Shape, encoding: bigint): bigint => encoding ^ signBit(shape);

const power = (exponent: number): bigint => 1n << BigInt(exponent);

/** The value of a finite encoding. */
export function decode(shape: Shape, encoding: bigint): Exact {
  const biased = Number((encoding >> fractionBits(shape)) & exponentMask(shape));
  const fraction = encoding & ((1n << fractionBits(shape)) - 1n);
  const significand = biased === 0 ? fraction : fraction | (1n << fractionBits(shape));
  const scale = Math.max(biased, 1) - maxExponent(shape) - (shape.precision - 1);
  const negative = isNegative(shape, encoding);
  return scale >= 0
    ? { negative, numerator: significand * power(scale), denominator: 1n }
    : { negative, numerator: significand, denominator: power(-scale) };
}

export function compareExact(a: Exact, b: Exact): number {
  const left = signed(a) * b.denominator;
  const right = signed(b) * a.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

const signed = (x: Exact): bigint => (x.negative ? -x.numerator : x.numerator);

export function addExact(a: Exact, b: Exact, mode: Mode): Exact {
  const sum = signed(a) * b.denominator + signed(b) * a.denominator;
  const denominator = a.denominator * b.denominator;
  if (sum !== 0n) return { negative: sum < 0n, numerator: sum < 0n ? -sum : sum, denominator };
  // The sum of zeros of one sign keeps it; any other exact zero is positive, but negative when rounding down.
  const bothZero = a.numerator === 0n && b.numerator === 0n;
  return { negative: bothZero && a.negative === b.negative ? a.negative : mode === 1, numerator: 0n, denominator };
}

export function multiplyExact(a: Exact, b: Exact): Exact {
  return { negative: a.negative !== b.negative, numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator };
}

export function divideExact(a: Exact, b: Exact): Exact {
  return { negative: a.negative !== b.negative, numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator };
}

/** Square root to 200 bits, with a last bit that stands for all that is not zero behind them. */
export function squareRootExact(a: Exact): Exact {
  let radicand = (a.numerator << 2600n) / a.denominator;
  const cut = radicand * a.denominator !== a.numerator << 2600n;
  if (radicand === 0n) return { ...a, denominator: 1n };
  let root = 1n << BigInt(radicand.toString(2).length / 2 + 1 | 0);
  for (;;) {
    const next = (root + radicand / root) >> 1n;
    if (next >= root) break;
    root = next;
  }
  if (root * root !== radicand || cut) radicand = (root << 1n) | 1n;
  else radicand = root << 1n;
  return { negative: false, numerator: radicand, denominator: 1n << 1301n };
}

/** Rounds numerator / denominator to an integer. */
export function roundToInteger(negative: boolean, numerator: bigint, denominator: bigint, mode: Mode): { integer: bigint; inexact: boolean } {
  const whole = numerator / denominator;
  const rest = numerator % denominator;
  if (rest === 0n) return { integer: whole, inexact: false };
  const twice = 2n * rest;
  const up = mode === 0 ? twice > denominator || (twice === denominator && (whole & 1n) === 1n) : mode === 1 ? negative : mode === 2 ? !negative : false;
  return { integer: up ? whole + 1n : whole, inexact: true };
}

/** floor(log2(numerator / denominator)). */
function exponentOf(numerator: bigint, denominator: bigint): number {
  let exponent = numerator.toString(2).length - denominator.toString(2).length;
  const atLeast = (e: number): boolean => (e >= 0 ? numerator >= denominator << BigInt(e) : numerator << BigInt(-e) >= denominator);
  if (!atLeast(exponent)) exponent -= 1;
  return exponent;
}

/** Rounds to a multiple of 2^unit. */
function roundToUnit(x: Exact, unit: number, mode: Mode): { integer: bigint; inexact: boolean } {
  return unit >= 0
    ? roundToInteger(x.negative, x.numerator, x.denominator << BigInt(unit), mode)
    : roundToInteger(x.negative, x.numerator << BigInt(-unit), x.denominator, mode);
}

export interface RoundingOptions {
  readonly mode: Mode;
  readonly flushToZero?: boolean;
}

/** Rounds to the format as masked exceptions do; tininess is found after rounding (x86). */
export function roundExact(shape: Shape, x: Exact, { mode, flushToZero = false }: RoundingOptions): Rounded {
  const sign = x.negative ? signBit(shape) : 0n;
  if (x.numerator === 0n) return { encoding: sign, flags: 0 };
  const { precision } = shape;
  const least = minExponent(shape);
  const exponent = exponentOf(x.numerator, x.denominator);
  const unbounded = roundToUnit(x, exponent - precision + 1, mode);
  const unboundedExponent = unbounded.integer === power(precision) ? exponent + 1 : exponent;
  const tiny = unboundedExponent < least;
  if (tiny && flushToZero) return { encoding: sign, flags: UE | PE };
  const unit = Math.max(exponent, least) - precision + 1;
  const { integer, inexact } = roundToUnit(x, unit, mode);
  if (unboundedExponent > maxExponent(shape)) {
    const toInfinity = mode === 0 || (mode === 1 && x.negative) || (mode === 2 && !x.negative);
    return { encoding: sign | (toInfinity ? infinityOf(shape) : infinityOf(shape) - 1n), flags: OE | PE };
  }
  // A significand that carries into the next exponent does so in the encoding, too.
  const biased = exponent < least ? 0n : BigInt(exponent + maxExponent(shape) - 1);
  const encoding = sign | ((biased << fractionBits(shape)) + integer);
  return { encoding, flags: inexact ? PE | (tiny ? UE : 0) : 0 };
}
