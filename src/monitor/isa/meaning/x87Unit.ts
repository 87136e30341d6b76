/**
 * What meanings of x87 instructions share: the register stack as the words of the unit describe it, operands, and how an
 * instruction ends.
 *
 * Sources: Intel SDM vol. 1, 8.1 (registers, status word, pointers) and 4.2 (formats).
 */
import type { Emitter, Meaning, Value } from '../emitter';

/** Status word fields as they lie above the control word. */
export const STATUS = {
  exceptions: 0x3f << 16,
  stackFault: 0x40 << 16,
  summary: 0x80 << 16,
  c0: 0x100 << 16,
  c1: 0x200 << 16,
  c2: 0x400 << 16,
  c3: 0x4000 << 16,
  codes: 0x4700 << 16,
  busy: 0x8000 << 16,
} as const;
const TOP_SHIFT = 27;
const TOP = 7 << TOP_SHIFT;
/** Offsets of registers: 16 times their number. */
const REGISTER = 16;
const REGISTER_OFFSETS = 7 * REGISTER;
/** What a routine gives with a number: PE and C1, as far above the word as the status word is above the control word. */
const RESULT_FLAGS = 0xffff0000 | 0;

export const SIGN = 0x8000;
export const EXPONENT = 0x7fff;
export const INTEGER_BIT = -(1n << 63n);
const BIAS = 16383;

/** A significand, and sign and exponent. */
export interface Number80 {
  readonly significand: Value;
  readonly word: Value;
}

/** The unit while an instruction is emitted. What is asked of it comes before anything changes. */
export class Unit {
  /** Control word, and above it the status word. */
  readonly words: Value;
  readonly tags: Value;

  constructor(
    readonly e: Emitter,
    readonly giveUpIf: (condition: Value) => void,
  ) {
    this.words = e.let(e.x87Words());
    this.tags = e.let(e.x87Tags());
  }

  /** A pending exception goes before an instruction that waits. */
  wait(): void {
    this.giveUpIf(this.e.and(this.words, this.e.i32(STATUS.summary)));
  }

  /** Offset of ST(i), or of the register that a push fills (-1). */
  register(i: number): Value {
    const { e } = this;
    const top = e.shrU(this.words, e.i32(TOP_SHIFT - 4));
    return e.let(e.and(i === 0 ? top : e.add(top, e.i32(REGISTER * i)), e.i32(REGISTER_OFFSETS)));
  }
  /** Offset of the ST(i) that the instruction names. */
  operand(): Value {
    const { e } = this;
    return e.let(e.and(e.add(e.shrU(this.words, e.i32(TOP_SHIFT - 4)), e.x87Operand()), e.i32(REGISTER_OFFSETS)));
  }

  private number(register: Value): Value {
    return this.e.shrU(register, this.e.i32(4));
  }
  private tagOf(register: Value): Value {
    return this.e.shl(this.e.i32(1), this.number(register));
  }

  /** A register that must not be empty. */
  needs(register: Value): void {
    const { e } = this;
    this.giveUpIf(e.eqz(e.and(e.shrU(this.tags, this.number(register)), e.i32(1))));
  }
  /** A register that must be empty. */
  needsRoom(register: Value): void {
    const { e } = this;
    this.giveUpIf(e.and(e.shrU(this.tags, this.number(register)), e.i32(1)));
  }

  /** The value of a register, read now. */
  value(register: Value): Number80 {
    const { e } = this;
    return { significand: e.let(e.x87Significand(register)), word: e.let(e.x87Word(register)) };
  }

  /** Gives up when a routine has. */
  common<Result extends { readonly word: Value }>(result: Result): Result {
    this.giveUpIf(this.e.ltS(result.word, this.e.i32(0)));
    return result;
  }

  /** The words with the flags of a result, and C1 cleared or set by it. */
  withFlags(result?: Number80): Value {
    const { e } = this;
    const cleared = e.and(this.words, e.i32(~STATUS.c1));
    return result ? e.or(cleared, e.and(result.word, e.i32(RESULT_FLAGS))) : cleared;
  }
  withCodes(codes: Value): Value {
    const { e } = this;
    return e.or(e.and(this.words, e.i32(~STATUS.codes)), codes);
  }
  /** Words with TOP moved. */
  moveTop(words: Value, by: number): Value {
    if (by === 0) return words;
    const { e } = this;
    const kept = e.let(words);
    return e.or(e.and(kept, e.i32(~TOP)), e.and(e.add(kept, e.i32(by << TOP_SHIFT)), e.i32(TOP)));
  }

  set(register: Value, { significand, word }: Number80): void {
    this.e.setX87Register(register, significand, this.e.and(word, this.e.i32(0xffff)));
  }

  /** Tags with some registers filled, and then some emptied. */
  tagged(filled: readonly Value[], emptied: readonly Value[] = []): Value {
    const { e } = this;
    const more = filled.reduce((tags, register) => e.or(tags, this.tagOf(register)), this.tags);
    return emptied.reduce((tags, register) => e.and(tags, e.xor(this.tagOf(register), e.i32(-1))), more);
  }

  /** Ends an instruction that FSTENV shows. */
  finish(words: Value, tags: Value = this.tags): void {
    const { e } = this;
    e.setX87Words(words);
    e.setX87Tags(e.or(tags, e.x87Opcode()));
    e.setX87Pointers();
  }
}

/** A meaning that leaves to the service what it gives up, and a pending exception. */
export const waiting = (body: (unit: Unit, e: Emitter) => void): Meaning => (e) =>
  e.orService((giveUpIf) => {
    const unit = new Unit(e, giveUpIf);
    unit.wait();
    body(unit, e);
  });

/** Types of memory operands. */
export type RealType = 'm32' | 'm64';
export type IntegerType = 'i16' | 'i32' | 'i64';

/** Reads a memory operand: a number that is not denormal, a quiet NaN, or an integer. */
export function readMemory(unit: Unit, type: RealType | IntegerType): Number80 {
  const { e } = unit;
  switch (type) {
    case 'm32':
      return unpack(unit, e.toI64Unsigned(e.read(0, 32)), { fraction: 23n, special: 0xff, bias: 127 });
    case 'm64':
      return unpack(unit, e.read(0, 64), { fraction: 52n, special: 0x7ff, bias: 1023 });
    case 'i16':
      return unpackInteger(e, e.toI64Signed(e.signExtend(e.read(0, 16), 16)));
    case 'i32':
      return unpackInteger(e, e.toI64Signed(e.read(0, 32)));
    case 'i64':
      return unpackInteger(e, e.read(0, 64));
  }
}

interface Format {
  /** Bits of the fraction. */
  readonly fraction: bigint;
  /** The exponent that is no number's. */
  readonly special: number;
  readonly bias: number;
}

/** A double or single of which the bits are given: a normal number, a zero, an infinity or a quiet NaN, none of which makes an exception. */
function unpack(unit: Unit, bits: Value, { fraction, special, bias }: Format): Number80 {
  const { e } = unit;
  const encoding = e.let(bits);
  const exponent = e.let(e.and(e.toI32(e.shrU(encoding, e.i64(fraction))), e.i32(special)));
  const signShift = fraction === 52n ? 63n : 31n;
  const normal = e.let(e.ltU(e.sub(exponent, e.i32(1)), e.i32(special - 1)));
  const nothing = e.let(e.eqz(e.shl(encoding, e.i64(64n - signShift))));
  e.if(e.eqz(e.or(normal, nothing)), () => {
    const rest = e.let(e.shl(encoding, e.i64(64n - fraction)));
    const quiet = e.or(e.eqz(rest), e.ltS(rest, e.i64(0n)));
    unit.giveUpIf(e.eqz(e.and(e.eq(exponent, e.i32(special)), quiet)));
  });
  const significand = e.or(e.shl(encoding, e.i64(63n - fraction)), e.i64(INTEGER_BIT));
  const sign = e.shl(e.toI32(e.and(e.shrU(encoding, e.i64(signShift)), e.i64(1n))), e.i32(15));
  const wide = e.select(normal, e.add(exponent, e.i32(BIAS - bias)), e.select(nothing, e.i32(0), e.i32(EXPONENT)));
  return { significand: e.let(e.select(nothing, e.i64(0n), significand)), word: e.let(e.or(sign, wide)) };
}

function unpackInteger(e: Emitter, value: Value): Number80 {
  const integer = e.let(value);
  const negative = e.let(e.ltS(integer, e.i64(0n)));
  const magnitude = e.let(e.select(negative, e.sub(e.i64(0n), integer), integer));
  const leading = e.let(e.clz(magnitude));
  const word = e.or(e.shl(negative, e.i32(15)), e.sub(e.i32(BIAS + 63), e.toI32(leading)));
  return { significand: e.let(e.shl(magnitude, leading)), word: e.let(e.select(e.eqz(magnitude), e.i32(0), word)) };
}

/** FADD and its like, on two numbers. */
export type Operation = 'add' | 'mul' | 'sub' | 'subr' | 'div' | 'divr';

/** destination op source; gives up where that is not common. */
export function compute(unit: Unit, operation: Operation, destination: Number80, source: Number80): Number80 {
  const { e, words } = unit;
  const negated = ({ significand, word }: Number80): Number80 => ({ significand, word: e.xor(word, e.i32(SIGN)) });
  const run = (name: 'add' | 'multiply' | 'divide', a: Number80, b: Number80): Number80 =>
    unit.common(e.x87Routine(name, a.significand, a.word, b.significand, b.word, words));
  switch (operation) {
    case 'add':
      return run('add', destination, source);
    case 'sub':
      return run('add', destination, negated(source));
    case 'subr':
      return run('add', source, negated(destination));
    case 'mul':
      return run('multiply', destination, source);
    case 'div':
      return run('divide', destination, source);
    case 'divr':
      return run('divide', source, destination);
  }
}
