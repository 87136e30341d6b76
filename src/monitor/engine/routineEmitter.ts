/**
 * Writes routines: functions that compute with values alone, and are called by handlers and by translated code. Here is
 * what routines of floating point share: unpacked numbers, rounding, and the 128-bit product.
 *
 * A number is a significand of 64 bits, whose highest is the integer bit, and a word with sign and exponent as the x87
 * unit keeps them (Intel SDM vol. 1, 4.2.2). Behind it, while it is computed, comes a rest of 64 bits; the lowest stands
 * for all that is not zero below it.
 */
import type { Value, Variable } from '../isa/emitter';
import type { FunctionBody } from './controlFunctions';
import { ValueEmitter, expression } from './valueEmitter';
import { F64, I64, OP, type WasmType } from './wasm/encoding';
import { binary, unary } from './wasm/expressions';
import { FunctionBuilder } from './wasm/functionBuilder';

export const SIGN = 0x8000;
export const EXPONENT = 0x7fff;
export const BIAS = 16383;
/** Exponents of normal numbers, less one, are below this. */
const NORMAL_EXPONENTS = 0x7ffe;
export const INTEGER_BIT = -(1n << 63n);
/** The least significand of a quiet NaN. */
const QUIET_NAN = -(1n << 62n);
const LOW32 = 0xffffffffn;

/** Control word: the mask of the precision exception, precision and rounding control. */
const PRECISION_MASK = 0x20, PRECISION_CONTROL = 0x300, ROUNDING = 0xc00;
const PRECISION_24 = 0, PRECISION_53 = 0x200;
export const ROUND_DOWN = 0x400;
const ROUND_UP = 0x800;
/** Status word flags PE and C1, where a result has them: above sign and exponent. */
const INEXACT = 0x20 << 16, ROUNDED_UP = 0x200 << 16;

/** What a routine gives that leaves the case to the service. */
export const UNCOMMON = -1;

/** A number in a routine's hands. */
export interface Operand {
  readonly significand: Value;
  /** Sign and exponent. */
  readonly word: Value;
}

/** A number before it is rounded. The exponent has no bounds yet. */
export interface Unrounded {
  readonly sign: Value;
  readonly exponent: Variable;
  readonly significand: Variable;
  readonly rest: Variable;
}

export class RoutineEmitter extends ValueEmitter {
  constructor(parameters: readonly WasmType[]) {
    super(32, new FunctionBuilder(parameters));
  }

  parameter(index: number): Value {
    return this.code.parameter(index);
  }

  /** The function. All its ways end in `give`. */
  finish(): FunctionBody {
    return { locals: this.code.locals, code: this.code.finish() };
  }

  give(...results: readonly Value[]): void {
    this.code.return(...results.map(expression));
  }

  /** Gives up when the condition holds. */
  uncommonIf(condition: Value): void {
    this.if(condition, () => this.give(this.i64(0n), this.i32(UNCOMMON)));
  }

  not(condition: Value): Value {
    return this.eqz(condition);
  }
  exponentOf({ word }: Operand): Value {
    return this.and(word, this.i32(EXPONENT));
  }
  /** A number that is neither zero nor denormal, infinite, NaN, or an encoding that nobody supports. */
  isNormal(a: Operand): Value {
    return this.and(this.ltS(a.significand, this.i64(0n)), this.isNormalExponent(this.exponentOf(a)));
  }
  isNormalExponent(exponent: Value): Value {
    return this.ltU(this.sub(exponent, this.i32(1)), this.i32(NORMAL_EXPONENTS));
  }
  isZero(a: Operand): Value {
    return this.and(this.eqz(a.significand), this.eqz(this.exponentOf(a)));
  }

  isPlain(a: Operand): Value {
    return this.or(this.isNormal(a), this.isZero(a));
  }
  isInfinite(a: Operand): Value {
    return this.and(this.eq(a.significand, this.i64(INTEGER_BIT)), this.eq(this.exponentOf(a), this.i32(EXPONENT)));
  }
  isQuietNaN(a: Operand): Value {
    return this.and(this.geU(a.significand, this.i64(QUIET_NAN)), this.eq(this.exponentOf(a), this.i32(EXPONENT)));
  }

  /**
   * Gives up unless both are normal, zero or infinite. `zeros` says what to do when one at least is zero, and none infinite;
   * `infinities` gives what comes of it, or gives up, when one at least is infinite.
   */
  plainOperands(a: Operand, b: Operand, { zeros, infinities }: { readonly zeros: () => void; readonly infinities: () => void }): void {
    this.if(this.not(this.and(this.isNormal(a), this.isNormal(b))), () => {
      this.if(this.not(this.and(this.isPlain(a), this.isPlain(b))), () => {
        const known = (x: Operand): Value => this.or(this.isPlain(x), this.isInfinite(x));
        this.uncommonIf(this.not(this.and(known(a), known(b))));
        infinities();
      });
      zeros();
    });
  }
  /** An infinity with this sign. */
  giveInfinity(sign: Value): void {
    this.give(this.i64(INTEGER_BIT), this.or(sign, this.i32(EXPONENT)));
  }

  /** The product's upper and lower half. */
  multiplyWide(a: Value, b: Value): { readonly high: Value; readonly low: Value } {
    const part = (value: Value): readonly [Value, Value] => [this.let(this.and(value, this.i64(LOW32))), this.let(this.shrU(value, this.i64(32n)))];
    const [lowA, highA] = part(a);
    const [lowB, highB] = part(b);
    const upper = (value: Value): Value => this.shrU(value, this.i64(32n));
    const lower = (value: Value): Value => this.and(value, this.i64(LOW32));
    const lowest = this.let(this.mul(lowA, lowB));
    const cross = this.let(this.mul(lowA, highB));
    const other = this.let(this.add(this.mul(highA, lowB), upper(lowest)));
    const middle = this.let(this.add(cross, lower(other)));
    const high = this.let(this.add(this.add(this.mul(highA, highB), upper(other)), upper(middle)));
    const low = this.let(this.or(this.shl(middle, this.i64(32n)), lower(lowest)));
    return { high, low };
  }

  /** Cuts to the precision that the control word asks for; gives the value of the last place. */
  cutToPrecision({ significand, rest }: Unrounded, control: Value): Variable {
    const unit = this.variable(this.i64(1n));
    const precision = this.let(this.and(control, this.i32(PRECISION_CONTROL)));
    const cut = (code: number, bits: bigint): void =>
      this.if(this.eq(precision, this.i32(code)), () => {
        this.assign(unit, this.i64(1n << (64n - bits)));
        this.cutTo(significand, rest, bits);
      });
    this.if(this.ne(precision, this.i32(PRECISION_CONTROL)), () => {
      cut(PRECISION_53, 53n);
      cut(PRECISION_24, 24n);
    });
    return unit;
  }

  cutTo(significand: Variable, rest: Variable, bits: bigint): void {
    const sticky = this.toI64Unsigned(this.ne(rest, this.i64(0n)));
    this.assign(rest, this.or(this.shl(significand, this.i64(bits)), sticky));
    this.assign(significand, this.and(significand, this.i64(-(1n << (64n - bits)))));
  }

  /**
   * Rounds to a multiple of `unit`, as the control word says, as if there were no bounds. Gives PE and C1. `carry`: what
   * to do when the significand has become zero by it. Gives up if an inexact result is no masked exception.
   */
  round({ sign, significand, rest }: Omit<Unrounded, 'exponent'>, unit: Value, control: Value, carry: () => void): Variable {
    const flags = this.variable(this.i32(0));
    this.if(this.ne(rest, this.i64(0n)), () => {
      this.uncommonIf(this.eqz(this.and(control, this.i32(PRECISION_MASK))));
      this.assign(flags, this.i32(INEXACT));
      const mode = this.let(this.and(control, this.i32(ROUNDING)));
      const up = this.variable(this.eq(mode, this.select(sign, this.i32(ROUND_DOWN), this.i32(ROUND_UP))));
      this.if(this.eqz(mode), () => {
        // To the nearest: up from half of the last place, at half only if that is odd.
        const odd = this.ne(this.or(this.shl(rest, this.i64(1n)), this.and(significand, unit)), this.i64(0n));
        this.assign(up, this.and(this.ltS(rest, this.i64(0n)), odd));
      });
      this.if(up, () => {
        this.assign(flags, this.i32(INEXACT | ROUNDED_UP));
        this.assign(significand, this.add(significand, unit));
        this.if(this.eqz(significand), carry);
      });
    });
    return flags;
  }

  /** Rounds a number to the precision asked for, and gives it; gives up if its exponent is out of range. */
  giveRounded(number: Unrounded, control: Value): void {
    const { sign, exponent, significand } = number;
    // Before rounding: what lies below the least normal number is rounded elsewhere.
    this.uncommonIf(this.not(this.isNormalExponent(exponent)));
    const flags = this.round(number, this.cutToPrecision(number, control), control, () => {
      this.assign(significand, this.i64(INTEGER_BIT));
      this.assign(exponent, this.add(exponent, this.i32(1)));
      this.uncommonIf(this.eq(exponent, this.i32(EXPONENT)));
    });
    this.give(significand, this.or(this.or(exponent, sign), flags));
  }

  // Floats of the host, for estimates.

  toFloat(a: Value, signed = false): Value {
    return unary(signed ? OP.f64_convert_i64_s : OP.f64_convert_i64_u, F64, expression(a));
  }
  fromFloat(a: Value, signed = false): Value {
    return unary(signed ? OP.i64_trunc_sat_f64_s : OP.i64_trunc_sat_f64_u, I64, expression(a));
  }
  float(operation: 'f64_add' | 'f64_mul' | 'f64_div', a: Value, b: Value): Value {
    return binary(OP[operation], F64, expression(a), expression(b));
  }
  floatRoot(a: Value): Value {
    return unary(OP.f64_sqrt, F64, expression(a));
  }
}
