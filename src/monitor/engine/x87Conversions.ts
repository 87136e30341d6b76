/**
 * Routines that take a number of the x87 unit to another format: doubles, singles and integers, and to whole numbers of
 * its own. For all but normal numbers and zeros that the format holds they give UNCOMMON; infinities and quiet NaNs become
 * those of doubles and singles.
 *
 * Sources: Intel SDM vol. 1, 4.2 (formats), and vol. 2, FST, FIST, FRNDINT.
 */
import type { Value, Variable } from '../isa/emitter';
import { BIAS, SIGN, type Operand, type RoutineEmitter } from './routineEmitter';

interface Format {
  /** Bits of the significand, the integer bit included. */
  readonly precision: bigint;
  readonly bias: number;
  /** The exponent that is no number's. */
  readonly special: number;
  /** Position of the sign. */
  readonly sign: bigint;
}

const DOUBLE: Format = { precision: 53n, bias: 1023, special: 0x7ff, sign: 63n };
const SINGLE: Format = { precision: 24n, bias: 127, special: 0xff, sign: 31n };

const signOf = (e: RoutineEmitter, { word }: Operand): Value => e.and(word, e.i32(SIGN));

/** The encoding of a number in a format, i64, and PE and C1. */
const toFormat = ({ precision, bias, special, sign: signBit }: Format) => (e: RoutineEmitter, a: Operand, control: Value): void => {
  const sign = e.let(signOf(e, a));
  const signInPlace = e.shl(e.toI64Unsigned(sign), e.i64(signBit - 15n));
  e.if(e.isZero(a), () => e.give(signInPlace, e.i32(0)));
  const exponent = e.variable(e.sub(e.exponentOf(a), e.i32(BIAS - bias)));
  const inRange = e.ltU(e.sub(exponent, e.i32(1)), e.i32(special - 1));
  const fractionOf = (significand: Value): Value => e.shrU(e.shl(significand, e.i64(1n)), e.i64(65n - precision));
  e.if(e.not(e.and(e.ltS(a.significand, e.i64(0n)), inRange)), () => {
    e.uncommonIf(e.not(e.or(e.isInfinite(a), e.isQuietNaN(a))));
    e.give(e.or(e.or(signInPlace, e.i64(BigInt(special) << (precision - 1n))), fractionOf(a.significand)), e.i32(0));
  });
  const significand = e.variable(a.significand);
  const rest = e.variable(e.i64(0n));
  e.cutTo(significand, rest, precision);
  const flags = e.round({ sign, significand, rest }, e.i64(1n << (64n - precision)), control, () => {
    e.assign(exponent, e.add(exponent, e.i32(1)));
    e.uncommonIf(e.eq(exponent, e.i32(special)));
  });
  e.give(e.or(e.or(signInPlace, e.shl(e.toI64Unsigned(exponent), e.i64(precision - 1n))), fractionOf(significand)), flags);
};

export const toDouble = toFormat(DOUBLE);
export const toSingle = toFormat(SINGLE);

interface Whole {
  readonly significand: Variable;
  readonly flags: Variable;
}

/** Rounds the magnitude of a normal number below 2^63 to an integer. */
function wholeMagnitude(e: RoutineEmitter, a: Operand, control: Value): Whole {
  const exponent = e.let(e.sub(e.exponentOf(a), e.i32(BIAS)));
  // Below one half only the sticky bit is left.
  const significand = e.variable(e.i64(0n));
  const rest = e.variable(e.i64(1n));
  e.if(
    e.ltS(exponent, e.i32(0)),
    () => e.if(e.eq(exponent, e.i32(-1)), () => e.assign(rest, a.significand)),
    () => {
      const count = e.let(e.toI64Unsigned(exponent));
      e.assign(significand, e.shrU(a.significand, e.sub(e.i64(63n), count)));
      e.assign(rest, e.shl(a.significand, e.add(count, e.i64(1n))));
    },
  );
  const flags = e.round({ sign: signOf(e, a), significand, rest }, e.i64(1n), control, () => undefined);
  return { significand, flags };
}

/** A signed integer, i64, and PE and C1; `limit`: the least power of two that is too large, or the negative of it that is not. */
export function toInteger(e: RoutineEmitter, a: Operand, control: Value, limit: Value): void {
  e.if(e.isZero(a), () => e.give(e.i64(0n), e.i32(0)));
  e.uncommonIf(e.not(e.and(e.isNormal(a), e.ltS(e.exponentOf(a), e.i32(BIAS + 63)))));
  const { significand, flags } = wholeMagnitude(e, a, control);
  const negative = e.let(signOf(e, a));
  e.uncommonIf(e.select(negative, e.gtU(significand, limit), e.geU(significand, limit)));
  e.give(e.select(negative, e.sub(e.i64(0n), significand), significand), flags);
}

/** A number rounded to a whole one, with PE and C1. */
export function integral(e: RoutineEmitter, a: Operand, control: Value): void {
  e.if(e.isZero(a), () => e.give(a.significand, a.word));
  e.uncommonIf(e.not(e.isNormal(a)));
  e.if(e.geU(e.exponentOf(a), e.i32(BIAS + 63)), () => e.give(a.significand, a.word));
  const { significand, flags } = wholeMagnitude(e, a, control);
  const sign = e.let(e.or(signOf(e, a), flags));
  e.if(e.eqz(significand), () => e.give(significand, sign));
  const count = e.let(e.clz(significand));
  e.give(e.shl(significand, count), e.or(sign, e.sub(e.i32(BIAS + 63), e.toI32(count))));
}
