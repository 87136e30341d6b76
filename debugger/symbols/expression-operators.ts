// What the operators of DWARF expressions compute (DWARF 5, 2.5.1.4): whole numbers of the generic type and of base types, and IEEE numbers.

import type { ByteReader } from "./bytes";
import { DW_OP } from "./dwarf-constants";

/** Thrown inside the evaluator where a well-formed expression needs what cannot be had; becomes 'optimised out' with the reason. */
export class Unavailable extends Error {}

/** What is known of a base type that a number on the stack has. */
export interface BaseTypeInfo {
  readonly size: number;
  readonly signed: boolean;
  /** Its entries hold the bits of an IEEE number. */
  readonly isFloat: boolean;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The number that the bits of an IEEE type are. `Unavailable` for another width than 4 and 8 bytes. */
export function floatOf(bits: bigint, { size }: BaseTypeInfo): number {
  if (size !== 4 && size !== 8) throw new Unavailable("its value is computed in extended precision");
  scratch.setBigUint64(0, BigInt.asUintN(64, bits), true);
  return size === 4 ? scratch.getFloat32(0, true) : scratch.getFloat64(0, true);
}

/** The other way. */
export function bitsOf(value: number, { size }: BaseTypeInfo): bigint {
  if (size !== 4 && size !== 8) throw new Unavailable("its value is computed in extended precision");
  if (size === 4) scratch.setFloat32(0, value, true);
  else scratch.setFloat64(0, value, true);
  return size === 4 ? BigInt(scratch.getUint32(0, true)) : scratch.getBigUint64(0, true);
}

/** DW_OP_neg and DW_OP_abs; `reader` fails for others. */
export function floatUnary(op: number, value: number, reader: ByteReader): number {
  if (op === DW_OP.neg) return -value;
  return op === DW_OP.abs ? Math.abs(value) : reader.fail(`operation 0x${op.toString(16)} on a floating-point number`);
}

/** The four basic operations; `reader` fails for others. */
export function floatArithmetic(op: number, left: number, right: number, reader: ByteReader): number {
  switch (op) {
    case DW_OP.plus: return left + right;
    case DW_OP.minus: return left - right;
    case DW_OP.mul: return left * right;
    case DW_OP.div: return left / right;
    default: return reader.fail(`operation 0x${op.toString(16)} on floating-point numbers`);
  }
}

/** What a comparison comes to; undefined for an operation that is none. */
export function floatRelation(op: number, left: number, right: number): boolean | undefined {
  switch (op) {
    case DW_OP.eq: return left === right;
    case DW_OP.ne: return left !== right;
    case DW_OP.lt: return left < right;
    case DW_OP.le: return left <= right;
    case DW_OP.gt: return left > right;
    case DW_OP.ge: return left >= right;
    default: return undefined;
  }
}

/** Cuts a number to a type's width, or to `bits` without sign for the generic type. */
export function wrap(value: bigint, type: BaseTypeInfo | undefined, bits: number): bigint {
  if (type === undefined) return BigInt.asUintN(bits, value);
  return type.signed ? BigInt.asIntN(type.size * 8, value) : BigInt.asUintN(type.size * 8, value);
}

/** Operations on one whole number, before it is cut to its width. */
export const UNARY: ReadonlyMap<number, (value: bigint) => bigint> = new Map([
  [DW_OP.abs, value => value < 0n ? -value : value],
  [DW_OP.neg, value => -value],
  [DW_OP.not, value => ~value],
] satisfies [number, (value: bigint) => bigint][]);

/** Two whole numbers that an operation is about. */
export interface Operands {
  /** As they lie on the stack: non-negative for the generic type. */
  readonly left: bigint;
  readonly right: bigint;
  readonly signedLeft: bigint;
  readonly signedRight: bigint;
  /** Width of the left operand. */
  readonly bits: bigint;
}

/** A shift by the operand's width or more moves every bit out; JavaScript would try to make a number that large. */
function shiftCount({ right, bits }: Operands): bigint {
  return right < 0n || right > bits ? bits : right;
}

/** What comparisons push. */
export const truth = (value: boolean): bigint => value ? 1n : 0n;

/** Operations on two whole numbers, before the result is cut to its width. */
export const BINARY: ReadonlyMap<number, (operands: Operands) => bigint> = new Map([
  [DW_OP.and, o => o.left & o.right],
  [DW_OP.or, o => o.left | o.right],
  [DW_OP.xor, o => o.left ^ o.right],
  [DW_OP.plus, o => o.left + o.right],
  [DW_OP.minus, o => o.left - o.right],
  [DW_OP.mul, o => o.left * o.right],
  [DW_OP.div, o => o.signedLeft / o.signedRight],
  [DW_OP.mod, o => o.left % o.right],
  [DW_OP.shl, o => o.left << shiftCount(o)],
  [DW_OP.shr, o => BigInt.asUintN(Number(o.bits), o.left) >> shiftCount(o)],
  [DW_OP.shra, o => o.signedLeft >> shiftCount(o)],
  [DW_OP.eq, o => truth(o.signedLeft === o.signedRight)],
  [DW_OP.ne, o => truth(o.signedLeft !== o.signedRight)],
  [DW_OP.lt, o => truth(o.signedLeft < o.signedRight)],
  [DW_OP.le, o => truth(o.signedLeft <= o.signedRight)],
  [DW_OP.gt, o => truth(o.signedLeft > o.signedRight)],
  [DW_OP.ge, o => truth(o.signedLeft >= o.signedRight)],
] satisfies [number, (operands: Operands) => bigint][]);
/** Those of which the result is 0 or 1. */
export const RELATIONS: ReadonlySet<number> = new Set([DW_OP.eq, DW_OP.ne, DW_OP.lt, DW_OP.le, DW_OP.gt, DW_OP.ge]);
