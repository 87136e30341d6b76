/**
 * The kernels under the transcendental instructions once more, in sums of two doubles: each is good to a relative error of some 2^-95, which tells almost
 * always how the result is rounded to 64 bits, and takes a twentieth of the time of ./elementary's. Where it does not tell, that has to decide.
 * Each function takes a small argument from a table's nearest one, and a short series does the rest, whose higher terms need a double's precision only.
 *
 * Source: Ziv, "Fast evaluation of elementary mathematical functions with correctly rounded last bit" (1991), for the two steps.
 */
import { CONSTANT_FRACTION, LN2, PI, arctangent, binaryLogarithm, exponentialMinusOne, sineCosine } from './elementary';
import { DoubleDouble, fromFixed } from './doubleDouble';
import { type Float, setFinite } from './float';

const TABLE_FRACTION = 192;
const fixed = (value: bigint): DoubleDouble => fromFixed(value, TABLE_FRACTION);
const quotient = (numerator: number, denominator: number): DoubleDouble => fixed((BigInt(numerator) << BigInt(TABLE_FRACTION)) / BigInt(denominator));

const LN2_DOUBLED = fromFixed(LN2, CONSTANT_FRACTION);
const TWO_OVER_LN2 = fixed((1n << BigInt(TABLE_FRACTION + CONSTANT_FRACTION + 1)) / LN2);
const PI_DOUBLED = fromFixed(PI, CONSTANT_FRACTION);
const HALF_PI = fromFixed(PI, CONSTANT_FRACTION + 1);

/** A table that is made when it is first asked for an entry. */
function table(make: (index: number) => DoubleDouble): (index: number) => DoubleDouble {
  const entries = new Map<number, DoubleDouble>();
  return (index) => {
    let entry = entries.get(index);
    if (!entry) entries.set(index, (entry = make(index)));
    return entry;
  };
}

const sum = new DoubleDouble(), term = new DoubleDouble(), square = new DoubleDouble(), small = new DoubleDouble(), other = new DoubleDouble();

/** to := a0 + x * (a1 + x * (... + x * last)), for a few coefficients; the last is a double. */
function polynomial(to: DoubleDouble, x: DoubleDouble, coefficients: readonly DoubleDouble[], last: number): void {
  to.multiplyDouble(x, last);
  for (let i = coefficients.length - 1; i >= 0; i--) {
    const coefficient = coefficients[i];
    if (coefficient) to.add(to, coefficient);
    if (i > 0) to.multiply(to, x);
  }
}

// Logarithms: of c = i / 128, next to which the argument lies.
const LOG_STEPS = 128;
const logarithmOf = table((i) => fixed(binaryLogarithm(BigInt(i), -Math.log2(LOG_STEPS), TABLE_FRACTION)));
const THIRD = quotient(1, 3), FIFTH = quotient(1, 5), ONE = quotient(1, 1);
const ATANH = [ONE, THIRD, FIFTH];

/** log2(c + d), for c = i / 128 between sqrt(1/2) and sqrt(2) and a d of at most 1/256 in magnitude: 2 atanh(d / (2c + d)) / ln 2 more than log2(c). */
function logarithmNear(to: DoubleDouble, i: number, d: DoubleDouble): void {
  other.addDouble(d, (2 * i) / LOG_STEPS);
  small.divide(d, other);
  square.multiply(small, small);
  const u = square.hi;
  polynomial(sum, square, ATANH, 1 / 7 + u * (1 / 9 + u * (1 / 11 + u / 13)));
  to.multiply(sum, small).multiply(to, TWO_OVER_LN2);
  if (i !== LOG_STEPS) to.add(to, logarithmOf(i));
}

const distance = new DoubleDouble();

/** to := log2(m * 2^exponent), for m from 1 to 2. */
export function quickLogarithm(to: DoubleDouble, m: DoubleDouble, exponent: number): void {
  const halved = m.hi > Math.SQRT2;
  const scale = halved ? 0.5 : 1;
  const i = Math.round(m.hi * scale * LOG_STEPS);
  distance.set(m.hi * scale, m.lo * scale).addDouble(distance, -i / LOG_STEPS);
  logarithmNear(to, i, distance);
  const whole = exponent + (halved ? 1 : 0);
  if (whole !== 0) to.addDouble(to, whole);
}

/** to := log2(1 + x), for an x above -1/2 and below 1, not 0. */
export function quickLogarithmPlusOne(to: DoubleDouble, x: DoubleDouble): void {
  if (Math.abs(x.hi) < 1 / 256) return logarithmNear(to, LOG_STEPS, x);
  const one = x.hi >= 0 ? 1 : 2;
  // From 1/2 to 1 the number has another exponent.
  distance.addDouble(x, 1);
  quickLogarithm(to, term.set(distance.hi * one, distance.lo * one), one === 1 ? 0 : -1);
}

// Powers: 2^(k / 64).
const STEPS = 64;
const powerLessOne = table((k) => {
  const exponent = (LN2 * BigInt(k)) >> BigInt(CONSTANT_FRACTION - TABLE_FRACTION);
  return fixed(exponentialMinusOne(exponent / BigInt(STEPS), TABLE_FRACTION));
});
const POWERS = [ONE, quotient(1, 2), quotient(1, 6), quotient(1, 24), quotient(1, 120)];

/** to := 2^x - 1, for |x| below 1, not 0. */
export function quickPowerLessOne(to: DoubleDouble, x: DoubleDouble): void {
  const k = Math.round(x.hi * STEPS);
  small.addDouble(x, -k / STEPS);
  small.multiply(small, LN2_DOUBLED);
  const z = small.hi;
  polynomial(sum, small, POWERS, 1 / 720 + z * (1 / 5040 + z * (1 / 40320 + z * (1 / 362880 + z / 3628800))));
  to.multiply(sum, small);
  if (k === 0) return;
  const before = powerLessOne(k);
  // (1 + before) * (1 + to) - 1
  other.addDouble(before, 1);
  to.multiply(to, other).add(to, before);
}

// Sines and cosines of k / 64.
const sineOf = table((k) => fixed(sineCosine((BigInt(k) << BigInt(TABLE_FRACTION)) / BigInt(STEPS), TABLE_FRACTION).sine));
const cosineOf = table((k) => fixed(sineCosine((BigInt(k) << BigInt(TABLE_FRACTION)) / BigInt(STEPS), TABLE_FRACTION).cosine));
const SINES = [ONE, quotient(-1, 6), quotient(1, 120)];
const COSINES = [quotient(-1, 2), quotient(1, 24), quotient(-1, 720)];
const sine = new DoubleDouble(), cosineLessOne = new DoubleDouble();

/** The sine and the cosine of an angle from -pi/4 to pi/4, not 0. */
export function quickSineCosine(toSine: DoubleDouble, toCosine: DoubleDouble, angle: DoubleDouble): void {
  const k = Math.round(Math.abs(angle.hi) * STEPS);
  const sign = angle.hi < 0 ? -1 : 1;
  small.set(sign * angle.hi, sign * angle.lo).addDouble(small, -k / STEPS);
  square.multiply(small, small);
  const w = square.hi;
  polynomial(sum, square, SINES, -1 / 5040 + w * (1 / 362880 - w / 39916800));
  sine.multiply(sum, small);
  polynomial(sum, square, COSINES, 1 / 40320 - w / 3628800);
  cosineLessOne.multiply(sum, square);
  if (k === 0) {
    toSine.set(sign * sine.hi, sign * sine.lo);
    toCosine.addDouble(cosineLessOne, 1);
    return;
  }
  const [s, c] = [sineOf(k), cosineOf(k)];
  term.multiply(s, cosineLessOne);
  other.multiply(c, sine);
  term.add(term, other).add(term, s);
  toSine.set(sign * term.hi, sign * term.lo);
  term.multiply(c, cosineLessOne);
  other.multiply(s, sine);
  toCosine.add(term, other.negate(other)).add(toCosine, c);
}

// pi / 2 of 66 bits in parts whose products with a quotient are exact.
const PART_BITS = 26;
const HALF_PI_66 = 0xc90fdaa22168c234cn;
const halfPiPart = (from: bigint, bits: bigint): number => Number((HALF_PI_66 >> from) & ((1n << bits) - 1n)) * 2 ** (Number(from) - 67);
const HALF_PI_PARTS = [halfPiPart(44n, 26n), halfPiPart(18n, 26n), halfPiPart(0n, 18n)] as const;
/** Exponents of angles below which quotients have so many bits. */
export const QUICK_ANGLE_EXPONENT = PART_BITS;

/** rest := what is left of an angle below 2^QUICK_ANGLE_EXPONENT, at most pi/4 in magnitude; gives the multiples of pi/2 that are gone. */
export function quickReduce(rest: DoubleDouble, angle: DoubleDouble): number {
  const multiples = Math.round(angle.hi / HALF_PI.hi);
  rest.copy(angle);
  if (multiples !== 0) for (const piece of HALF_PI_PARTS) rest.addDouble(rest, -multiples * piece);
  return multiples;
}

// Arc tangents of k / 64.
const arctangentOf = table((k) => fixed(arctangent(BigInt(k), BigInt(STEPS), TABLE_FRACTION)));
const TANGENTS = [ONE, quotient(-1, 3), FIFTH, quotient(-1, 7)];
const numerator = new DoubleDouble(), denominator = new DoubleDouble();

/** to := atan(y / x), for 0 < y <= x. */
function quickArctangent(to: DoubleDouble, y: DoubleDouble, x: DoubleDouble): void {
  const k = Math.round((y.hi / x.hi) * STEPS);
  const c = k / STEPS;
  // atan(y / x) - atan(c) = atan((y - c x) / (x + c y))
  numerator.multiplyDouble(x, -c).add(numerator, y);
  denominator.multiplyDouble(y, c).add(denominator, x);
  small.divide(numerator, denominator);
  square.multiply(small, small);
  const w = square.hi;
  polynomial(sum, square, TANGENTS, 1 / 9 + w * (-1 / 11 + w * (1 / 13 - w / 15)));
  to.multiply(sum, small);
  if (k !== 0) to.add(to, arctangentOf(k));
}

const mirrored = new DoubleDouble();

/** to := the angle, from 0 to pi, of a point above the x axis, whose coordinates are not 0 and less than 2^60 apart. */
export function quickAngle(to: DoubleDouble, y: DoubleDouble, x: DoubleDouble): void {
  const left = x.hi < 0;
  const beside = left ? mirrored.negate(x) : x;
  if (y.hi < beside.hi || (y.hi === beside.hi && y.lo <= beside.lo)) quickArctangent(to, y, beside);
  else {
    quickArctangent(to, beside, y);
    to.negate(to).add(to, HALF_PI);
  }
  if (left) to.negate(to).add(to, PI_DOUBLED);
}

/** to := the magnitude of a number, from 1 to 2, without its exponent. */
export function significandOf(to: DoubleDouble, { high, low }: Float): DoubleDouble {
  const large = high * 2 ** -31, little = low * 2 ** -63;
  const hi = large + little;
  return to.set(hi, little - (hi - large));
}

const bits = new DataView(new ArrayBuffer(8));
/** How near to where rounding changes, in units of 2^-95, a result is not trusted: errors are below a thousandth of that. */
const DOUBTFUL = 256;
const WORD = 2 ** 32;

/** result := value * 2^scale, if that tells how it is rounded; false otherwise. It is not exact. */
export function setQuick(result: Float, value: DoubleDouble, scale: number, sign: number): boolean {
  bits.setFloat64(0, value.hi);
  const exponent = ((bits.getUint16(0) >> 4) & 0x7ff) - 1023;
  const unit = (value.hi < 0 ? -1 : 1) * 2 ** (31 - exponent);
  // 32 bits of the first double, 21 more of it, and then the second one, which may take some away again.
  const first = value.hi * unit, second = value.lo * unit;
  const high = Math.floor(first);
  const below = second * WORD, whole = Math.floor(below);
  const middle = (first - high) * WORD + whole;
  const extra = Math.floor((below - whole) * WORD);
  const low = middle < 0 ? middle + WORD : middle;
  const upper = middle < 0 ? high - 1 : high;
  const beside = extra & 0x7fffffff;
  if (upper < 0x80000000 || low >= WORD || beside < DOUBTFUL || beside > 0x80000000 - DOUBTFUL) return false;
  setFinite(result, sign ^ (value.hi < 0 ? 1 : 0), exponent + scale, upper, low);
  result.extra = extra;
  return true;
}
