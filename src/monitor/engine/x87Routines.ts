/**
 * The x87 unit's arithmetic as routines: exact, for normal numbers, zeros and infinities with such results and no exception but
 * PE; comparisons know quiet NaNs as well. For all else they give UNCOMMON, and the service computes it (../cpu/x87).
 *
 * Sources: Intel SDM vol. 1, 4.8 (rounding, exceptions) and 8.1.5 (control word); Knuth, TAOCP vol. 2, 4.3.1 (division).
 */
import type { Value } from '../isa/emitter';
import type { X87Routine } from '../isa/x87Emitter';
import type { FunctionBody } from './controlFunctions';
import { BIAS, INTEGER_BIT, ROUND_DOWN, RoutineEmitter, SIGN, UNCOMMON, type Operand, type Unrounded } from './routineEmitter';
import { integral, toDouble, toInteger, toSingle } from './x87Conversions';
import { I32, I64, type WasmType } from './wasm/encoding';

/** Two numbers; a number and what an operation is to know beside it; each with the control word. */
const TWO: readonly WasmType[] = [I64, I32, I64, I32, I32];
const ONE: readonly WasmType[] = [I64, I32, I32];
const NUMBER: readonly WasmType[] = [I64, I32];

interface Routine {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
  readonly emit: (e: RoutineEmitter) => void;
}

/** A routine on two numbers. */
const binaryRoutine = (emit: (e: RoutineEmitter, a: Operand, b: Operand, control: Value) => void): Routine => ({
  parameters: TWO,
  results: NUMBER,
  emit: (e) => emit(e, { significand: e.parameter(0), word: e.parameter(1) }, { significand: e.parameter(2), word: e.parameter(3) }, e.parameter(4)),
});

/** A routine on one number. */
const unaryRoutine = (emit: (e: RoutineEmitter, a: Operand, control: Value) => void): Routine => ({
  parameters: ONE,
  results: NUMBER,
  emit: (e) => emit(e, { significand: e.parameter(0), word: e.parameter(1) }, e.parameter(2)),
});

function unrounded(e: RoutineEmitter, sign: Value, exponent: Value, significand: Value, rest: Value): Unrounded {
  return { sign, exponent: e.variable(exponent), significand: e.variable(significand), rest: e.variable(rest) };
}

/** a + b. The sign of an exact zero depends on the rounding mode, but for zeros of one sign. */
function add(e: RoutineEmitter, a: Operand, b: Operand, control: Value): void {
  const zero = (): Value => e.select(e.eq(e.and(control, e.i32(0xc00)), e.i32(ROUND_DOWN)), e.i32(SIGN), e.i32(0));
  const sameSign = (): Value => e.eqz(e.and(e.xor(a.word, b.word), e.i32(SIGN)));
  e.plainOperands(a, b, {
    zeros: () => e.if(e.eqz(e.or(a.significand, b.significand)), () => e.give(e.i64(0n), e.select(sameSign(), a.word, zero()))),
    infinities: () => {
      e.uncommonIf(e.and(e.and(e.isInfinite(a), e.isInfinite(b)), e.not(sameSign())));
      e.giveInfinity(e.and(e.select(e.isInfinite(a), a.word, b.word), e.i32(SIGN)));
    },
  });
  const [exponentA, exponentB] = [e.let(e.exponentOf(a)), e.let(e.exponentOf(b))];
  const less = e.let(e.or(e.ltU(exponentA, exponentB), e.and(e.eq(exponentA, exponentB), e.ltU(a.significand, b.significand))));
  const larger = e.let(e.select(less, b.significand, a.significand));
  const smaller = e.let(e.select(less, a.significand, b.significand));
  const distance = e.let(e.select(less, e.sub(exponentB, exponentA), e.sub(exponentA, exponentB)));
  const sign = e.let(e.and(e.select(less, b.word, a.word), e.i32(SIGN)));
  const sum = unrounded(e, sign, e.select(less, exponentB, exponentA), e.i64(0n), e.i64(0n));
  const aligned = align(e, sum, smaller, distance);
  e.if(
    sameSign(),
    () => addMagnitudes(e, sum, larger, aligned),
    () => subtractMagnitudes(e, sum, larger, aligned, zero),
  );
  e.giveRounded(sum, control);
}

/** The smaller operand shifted to the larger one's exponent; what falls out is the rest. */
function align(e: RoutineEmitter, { rest }: Unrounded, smaller: Value, distance: Value): Value {
  const aligned = e.variable(smaller);
  const count = e.let(e.toI64Unsigned(distance));
  e.if(distance, () => {
    e.if(
      e.ltU(distance, e.i32(64)),
      () => {
        e.assign(rest, e.shl(smaller, e.sub(e.i64(0n), count)));
        e.assign(aligned, e.shrU(smaller, count));
      },
      () => {
        // From 66 on its two highest bits are zero: subtracting it moves the sum's highest bit by one at most.
        const far = e.toI64Unsigned(e.ne(smaller, e.i64(0n)));
        const next = e.or(e.shrU(smaller, e.i64(1n)), e.and(smaller, e.i64(1n)));
        e.assign(rest, e.select(e.eq(distance, e.i32(64)), smaller, e.select(e.eq(distance, e.i32(65)), next, far)));
        e.assign(aligned, e.i64(0n));
      },
    );
  });
  return aligned;
}

function addMagnitudes(e: RoutineEmitter, sum: Unrounded, larger: Value, aligned: Value): void {
  const { exponent, significand, rest } = sum;
  e.assign(significand, e.add(larger, aligned));
  e.if(e.ltU(significand, larger), () => {
    e.assign(rest, e.or(e.or(e.shrU(rest, e.i64(1n)), e.and(rest, e.i64(1n))), e.shl(significand, e.i64(63n))));
    e.assign(significand, e.or(e.shrU(significand, e.i64(1n)), e.i64(INTEGER_BIT)));
    e.assign(exponent, e.add(exponent, e.i32(1)));
  });
}

function subtractMagnitudes(e: RoutineEmitter, sum: Unrounded, larger: Value, aligned: Value, zero: () => Value): void {
  const { exponent, significand, rest } = sum;
  e.assign(significand, e.sub(e.sub(larger, aligned), e.toI64Unsigned(e.ne(rest, e.i64(0n)))));
  e.assign(rest, e.sub(e.i64(0n), rest));
  e.if(e.not(e.ltS(significand, e.i64(0n))), () => {
    e.if(e.eqz(significand), () => {
      e.if(e.eqz(rest), () => e.give(e.i64(0n), zero()));
      e.assign(significand, rest);
      e.assign(rest, e.i64(0n));
      e.assign(exponent, e.sub(exponent, e.i32(64)));
    });
    const count = e.let(e.clz(significand));
    e.if(e.ne(count, e.i64(0n)), () => {
      const moved = e.shrU(rest, e.sub(e.i64(0n), count));
      e.assign(significand, e.or(e.shl(significand, count), moved));
      e.assign(rest, e.shl(rest, count));
      e.assign(exponent, e.sub(exponent, e.toI32(count)));
    });
  });
}

const signOfTwo = (e: RoutineEmitter, a: Operand, b: Operand): Value => e.and(e.xor(a.word, b.word), e.i32(SIGN));

function multiply(e: RoutineEmitter, a: Operand, b: Operand, control: Value): void {
  const sign = e.let(signOfTwo(e, a, b));
  e.plainOperands(a, b, {
    zeros: () => e.give(e.i64(0n), sign),
    infinities: () => {
      e.uncommonIf(e.or(e.isZero(a), e.isZero(b)));
      e.giveInfinity(sign);
    },
  });
  const { high, low } = e.multiplyWide(a.significand, b.significand);
  const product = unrounded(e, sign, e.sub(e.add(e.exponentOf(a), e.exponentOf(b)), e.i32(BIAS - 1)), high, low);
  const { exponent, significand, rest } = product;
  e.if(e.not(e.ltS(significand, e.i64(0n))), () => {
    e.assign(significand, e.or(e.shl(significand, e.i64(1n)), e.shrU(rest, e.i64(63n))));
    e.assign(rest, e.shl(rest, e.i64(1n)));
    e.assign(exponent, e.sub(exponent, e.i32(1)));
  });
  e.giveRounded(product, control);
}

/** a / b; dividing by zero is an exception. */
function divide(e: RoutineEmitter, a: Operand, b: Operand, control: Value): void {
  const sign = e.let(signOfTwo(e, a, b));
  e.plainOperands(a, b, {
    zeros: () => {
      e.uncommonIf(e.eqz(b.significand));
      e.give(e.i64(0n), sign);
    },
    infinities: () => {
      e.uncommonIf(e.and(e.isInfinite(a), e.isInfinite(b)));
      e.if(e.isInfinite(a), () => e.giveInfinity(sign));
      e.give(e.i64(0n), sign);
    },
  });
  // The dividend, of 128 bits, is as large as it may be for a quotient of 64.
  const whole = e.let(e.geU(a.significand, b.significand));
  const high = e.select(whole, e.shrU(a.significand, e.i64(1n)), a.significand);
  const low = e.select(whole, e.shl(a.significand, e.i64(63n)), e.i64(0n));
  const first = quotientDigit(e, high, e.shrU(low, e.i64(32n)), b.significand);
  const second = quotientDigit(e, first.remainder, e.i64(0n), b.significand);
  const { remainder } = second;
  // The remainder against half of the divisor.
  const against = e.let(e.sub(b.significand, remainder));
  const above = e.select(e.gtU(remainder, against), e.i64(INTEGER_BIT + 1n), e.select(e.eq(remainder, against), e.i64(INTEGER_BIT), e.i64(1n)));
  const rest = e.select(e.eqz(remainder), e.i64(0n), above);
  const exponent = e.add(e.sub(e.exponentOf(a), e.exponentOf(b)), e.add(e.i32(BIAS - 1), whole));
  const quotient = e.or(e.shl(first.digit, e.i64(32n)), second.digit);
  e.giveRounded(unrounded(e, sign, exponent, quotient, rest), control);
}

/** The quotient and remainder of high * 2^32 + low by the divisor; low has 32 bits, and high is below the divisor. */
function quotientDigit(e: RoutineEmitter, high: Value, low: Value, divisor: Value): { readonly digit: Value; readonly remainder: Value } {
  const top = e.let(e.shrU(divisor, e.i64(32n)));
  const start = e.let(high);
  const digit = e.variable(e.divU(start, top));
  const partial = e.variable(e.sub(start, e.mul(digit, top)));
  const bottom = e.let(e.and(divisor, e.i64(0xffffffffn)));
  const next = e.let(low);
  // The estimate is too large by 2 at most.
  for (let i = 0; i < 2; i++) {
    const fits = e.eqz(e.shrU(partial, e.i64(32n)));
    const large = e.or(e.ne(e.shrU(digit, e.i64(32n)), e.i64(0n)), e.gtU(e.mul(digit, bottom), e.or(e.shl(partial, e.i64(32n)), next)));
    e.if(e.and(fits, large), () => {
      e.assign(digit, e.sub(digit, e.i64(1n)));
      e.assign(partial, e.add(partial, top));
    });
  }
  const remainder = e.let(e.sub(e.or(e.shl(start, e.i64(32n)), next), e.mul(digit, divisor)));
  return { digit, remainder };
}

/** Square root of a positive number, or a zero. */
function squareRoot(e: RoutineEmitter, a: Operand, control: Value): void {
  e.if(e.isZero(a), () => e.give(e.i64(0n), a.word));
  e.uncommonIf(e.or(e.not(e.isNormal(a)), e.and(a.word, e.i32(SIGN))));
  // The square has 127 or 128 bits, so that its exponent is even; the bias is odd.
  const even = e.let(e.and(a.word, e.i32(1)));
  const high = e.let(e.select(even, e.shrU(a.significand, e.i64(1n)), a.significand));
  const low = e.let(e.select(even, e.shl(a.significand, e.i64(63n)), e.i64(0n)));
  const two32 = e.toFloat(e.i64(1n << 32n));
  const root = e.variable(e.fromFloat(e.float('f64_mul', e.floatRoot(e.toFloat(high)), two32)));
  const errorHigh = e.variable(e.i64(0n));
  const errorLow = e.variable(e.i64(0n));
  const measure = (): void => {
    const square = e.multiplyWide(root, root);
    e.assign(errorHigh, e.sub(e.sub(high, square.high), e.toI64Unsigned(e.ltU(low, square.low))));
    e.assign(errorLow, e.sub(low, square.low));
  };
  // The estimate is right to some 50 bits, and one step of Newton's to the last but one.
  measure();
  const two64 = e.float('f64_mul', two32, two32);
  const error = e.float('f64_add', e.float('f64_mul', e.toFloat(errorHigh, true), two64), e.toFloat(errorLow));
  const twice = e.toFloat(root);
  e.assign(root, e.add(root, e.fromFloat(e.float('f64_div', error, e.float('f64_add', twice, twice)), true)));
  measure();
  e.if(e.ltS(errorHigh, e.i64(0n)), () => {
    e.assign(root, e.sub(root, e.i64(1n)));
    measure();
  });
  // One more in the root, which is at least 2^63, adds 2 * root + 1 to the square.
  const short = e.and(e.eq(errorHigh, e.i64(1n)), e.gtU(errorLow, e.shl(root, e.i64(1n))));
  e.if(e.or(e.ltS(e.i64(1n), errorHigh), short), () => {
    e.assign(root, e.add(root, e.i64(1n)));
    measure();
  });
  // Half of the last place adds root + 1/4: it is never met.
  const above = e.or(e.ne(errorHigh, e.i64(0n)), e.gtU(errorLow, root));
  const inexact = e.toI64Unsigned(e.ne(e.or(errorHigh, errorLow), e.i64(0n)));
  const rest = e.select(above, e.i64(INTEGER_BIT + 1n), inexact);
  const exponent = e.shrU(e.add(e.exponentOf(a), e.i32(BIAS)), e.i32(1));
  e.giveRounded(unrounded(e, e.i32(0), exponent, root, rest), control);
}

/** How a compares with b, as C3, C2 and C0 of the status word say it: all three when one is a quiet NaN. */
function compare(e: RoutineEmitter): void {
  const a: Operand = { significand: e.parameter(0), word: e.parameter(1) };
  const b: Operand = { significand: e.parameter(2), word: e.parameter(3) };
  const C3 = 0x4000, C2 = 0x400, C0 = 0x100;
  e.if(e.not(e.and(e.isPlain(a), e.isPlain(b))), () => {
    const ordered = (x: Operand): Value => e.or(e.isPlain(x), e.isInfinite(x));
    const known = (x: Operand): Value => e.or(ordered(x), e.isQuietNaN(x));
    e.if(e.not(e.and(ordered(a), ordered(b))), () => e.give(e.select(e.and(known(a), known(b)), e.i32(C3 | C2 | C0), e.i32(UNCOMMON))));
  });
  e.if(e.eqz(e.or(a.significand, b.significand)), () => e.give(e.i32(C3)));
  const negative = e.let(e.shrU(a.word, e.i32(15)));
  e.if(e.and(e.xor(a.word, b.word), e.i32(SIGN)), () => {
    // A zero's sign says nothing, but beside a number of the other sign it is right all the same, or that number's is.
    const side = e.select(e.eqz(a.significand), e.xor(e.shrU(b.word, e.i32(15)), e.i32(1)), negative);
    e.give(e.select(side, e.i32(C0), e.i32(0)));
  });
  const [exponentA, exponentB] = [e.let(e.exponentOf(a)), e.let(e.exponentOf(b))];
  const same = e.let(e.eq(exponentA, exponentB));
  e.if(e.and(same, e.eq(a.significand, b.significand)), () => e.give(e.i32(C3)));
  const less = e.select(same, e.ltU(a.significand, b.significand), e.ltU(exponentA, exponentB));
  e.give(e.select(e.xor(less, negative), e.i32(C0), e.i32(0)));
}

export const ROUTINES: Readonly<Record<X87Routine, Routine>> = {
  add: binaryRoutine(add),
  multiply: binaryRoutine(multiply),
  divide: binaryRoutine(divide),
  squareRoot: unaryRoutine(squareRoot),
  integral: unaryRoutine(integral),
  toDouble: unaryRoutine(toDouble),
  toSingle: unaryRoutine(toSingle),
  toInteger: {
    parameters: [I64, I32, I32, I64],
    results: NUMBER,
    emit: (e) => toInteger(e, { significand: e.parameter(0), word: e.parameter(1) }, e.parameter(2), e.parameter(3)),
  },
  compare: { parameters: [I64, I32, I64, I32], results: [I32], emit: compare },
};

/** A routine's body. */
export function emitRoutine(name: X87Routine): FunctionBody {
  const { parameters, emit } = ROUTINES[name];
  const e = new RoutineEmitter(parameters);
  emit(e);
  return e.finish();
}
