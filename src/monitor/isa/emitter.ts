/**
 * What an instruction's meaning is written over. The same meaning is emitted twice: with operands
 * left to run time it makes the interpreter's handler, with operands fixed it makes translated code.
 */

import type { StringEmitter } from './stringEmitter';
import type { SystemEmitter } from './systemEmitter';
import type { VectorEmitter } from './vectorEmitter';
import type { X87Emitter } from './x87Emitter';

/** A value while emitting: an i32 (operands of 8, 16, 32 bits, zero-extended), an i64, or a vector of 128 bits. */
export interface Value {
  readonly type: number;
  readonly constant?: number | bigint | undefined;
}

/** A value that may be assigned again. */
export interface Variable extends Value {
  readonly index: number;
}

export type OperandSize = 8 | 16 | 32 | 64;

/** General register numbers (Intel SDM vol. 2, 3.1.1.1). */
export type RegisterNumber = number;

/** The two words of the lazy status flags; see ./flags for their form. */
export interface StatusWords {
  readonly result: Value;
  readonly aux: Value;
}

/** The operation that has set the status flags, where conditions can be had from its operands more cheaply. */
export interface StatusSource {
  readonly operation: 'subtraction' | 'logic';
  readonly size: OperandSize;
  /** Operands, zero-extended; of a logical operation there are none to know. */
  readonly a: Value;
  readonly b: Value;
  readonly result: Value;
}

export interface Emitter extends VectorEmitter, X87Emitter, StringEmitter, SystemEmitter {
  /** Operand size of this instance of the instruction, in bits. */
  readonly size: OperandSize;

  /** Constants: of the operand's type, i32, i64. */
  operandConstant(value: number): Value;
  i32(value: number): Value;
  i64(value: bigint): Value;

  /** Arithmetic on two values of one type. Shift counts have the type of the shifted value and are taken modulo its width. */
  add(a: Value, b: Value): Value;
  sub(a: Value, b: Value): Value;
  mul(a: Value, b: Value): Value;
  and(a: Value, b: Value): Value;
  or(a: Value, b: Value): Value;
  xor(a: Value, b: Value): Value;
  shl(a: Value, b: Value): Value;
  shrU(a: Value, b: Value): Value;
  shrS(a: Value, b: Value): Value;
  rotl(a: Value, b: Value): Value;
  rotr(a: Value, b: Value): Value;
  divU(a: Value, b: Value): Value;
  divS(a: Value, b: Value): Value;
  remU(a: Value, b: Value): Value;
  remS(a: Value, b: Value): Value;
  clz(a: Value): Value;
  ctz(a: Value): Value;
  popcnt(a: Value): Value;
  /** Comparisons give an i32, 0 or 1. */
  eqz(a: Value): Value;
  eq(a: Value, b: Value): Value;
  ne(a: Value, b: Value): Value;
  ltU(a: Value, b: Value): Value;
  ltS(a: Value, b: Value): Value;
  gtU(a: Value, b: Value): Value;
  leU(a: Value, b: Value): Value;
  leS(a: Value, b: Value): Value;
  geU(a: Value, b: Value): Value;
  select(condition: Value, yes: Value, no: Value): Value;

  /** Conversions. `narrow` zero-extends the low `bits` bits in place; `signExtend` sign-extends them. */
  toI32(a: Value): Value;
  toI64Unsigned(a: Value): Value;
  toI64Signed(a: Value): Value;
  narrow(a: Value, bits: OperandSize): Value;
  signExtend(a: Value, bits: OperandSize): Value;
  /** From an i32 to the operand's type, zero-extended. */
  toOperand(a: Value): Value;

  /** Evaluates now, once. */
  let(a: Value): Value;
  variable(initial: Value): Variable;
  assign(variable: Variable, value: Value): void;
  if(condition: Value, then: () => void, otherwise?: () => void): void;
  /** Does `body` as long as the condition, evaluated before each time, holds. */
  repeatWhile(condition: () => Value, body: () => void): void;

  /** Operand `index` as a zero-extended value of the operand's type; memory is read now, and may fault. */
  read(index: number, size?: OperandSize): Value;
  /** The same for an operand that will be written: memory is checked for writing first. */
  modify(index: number, size?: OperandSize): Value;
  /** Writes an operand; after `modify` it cannot fault any more. Upper garbage bits are cut off. */
  write(index: number, value: Value, size?: OperandSize): void;
  isRegister(index: number): boolean;
  /** Effective address of a memory operand: an offset in its segment, i64. */
  effectiveAddress(index: number): Value;
  /** Moves the address of memory operand `index` by a number of bytes (i64), for bit strings. */
  displace(index: number, bytes: Value): void;
  /** Whether the base of the memory operand is the stack pointer. */
  isStackBased(): Value;
  /** A part of `bits` of memory operand `index`, at an offset in bytes (i64): reading, checking for writing, writing. */
  readElement(index: number, offset: Value, bits: 32 | 64): Value;
  checkElement(index: number, offset: Value, bits: 32 | 64): void;
  writeElement(index: number, offset: Value, value: Value, bits: 32 | 64): void;
  /** The immediate, sign-extended to the operand's type. */
  immediate(): Value;
  /** What stands behind the immediate: the selector of a far pointer, whose offset that is, or the nesting level of ENTER; i32. */
  secondImmediate(): Value;

  /** Memory at rDI in ES, of the operand's size: reading it, and writing it. */
  readDestination(): Value;
  writeDestination(value: Value): void;

  register(number: RegisterNumber, size: OperandSize): Value;
  setRegister(number: RegisterNumber, size: OperandSize, value: Value): void;
  /** The byte at bits 8-15 of a register (AH). */
  highByte(number: RegisterNumber): Value;
  setHighByte(number: RegisterNumber, value: Value): void;

  /** Lazy status flags; see ./flags for their form. */
  flagResult(): Value;
  flagAux(): Value;
  /**
   * Sets both words, which `words` computes (it may read the old ones): not at all where nobody reads them. `source`
   * says what they come from; its values are bound.
   */
  setStatus(words: () => StatusWords, source?: StatusSource): void;
  /** What has set the flags, where that is known while emitting. */
  statusSource(): StatusSource | undefined;
  systemFlags(): Value;
  setSystemFlags(value: Value): void;

  /** Pushes a value of `size` bits; nothing has changed when it faults. */
  push(value: Value, size: OperandSize): void;
  /** Reads the top of the stack; `commit` then moves the stack pointer by size/8 + extra bytes. */
  pop(size: OperandSize): { readonly value: Value; commit(extraBytes?: Value): void };
  /** Stack pointer, masked to the stack's width, as i64; and setting it in that width. */
  stackPointer(): Value;
  /** Reads the stack at an offset (i64) without moving the pointer. */
  readStack(offset: Value, size: OperandSize): Value;
  setStackPointer(value: Value): void;

  /** Offset behind this instruction, cut to `size` bits, i64. */
  nextInstruction(size: OperandSize): Value;
  /** Goes on at the instruction's relative target when the condition holds (always without one). */
  branch(condition?: Value): void;
  /** Checks a near target against CS's limit (or canonical form): #GP(0) before anything has changed. */
  checkTarget(offset: Value): void;
  /** The same for the relative target, if the branch is taken (always without a condition); the engine may know it to be in order. */
  checkRelativeTarget(taken?: Value): void;
  /** The relative target as an offset, i64. */
  relativeTarget(): Value;
  /** Goes on at an offset in CS (i64). */
  jump(offset: Value): void;
  /** The same as a near return does, which leads to behind a call most of the time. */
  goBack(offset: Value): void;

  /** Raises an exception without error code, of class fault. */
  raise(vector: number): void;
  /** Has this instruction done by the named service of the monitor. */
  service(): void;
  /** Address size of the instruction in bits, for the counters of LOOP and JCXZ. */
  readonly addressSize: 16 | 32 | 64;
}

/** An instruction's meaning. */
export type Meaning = (e: Emitter) => void;
