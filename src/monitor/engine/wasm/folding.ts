/**
 * Folds expressions whose operands are constants: what is a run-time value in an interpreter handler (a field of the
 * record) is a constant in translated code.
 */
import { I32, I64, OP, type WasmType } from './encoding';

type Fold32 = (a: number, b: number) => number;
type Fold64 = (a: bigint, b: bigint) => bigint | number;

const FOLD_32: ReadonlyMap<number, Fold32> = new Map<number, Fold32>([
  [OP.i32_add, (a, b) => a + b],
  [OP.i32_sub, (a, b) => a - b],
  [OP.i32_mul, (a, b) => Math.imul(a, b)],
  [OP.i32_and, (a, b) => a & b],
  [OP.i32_or, (a, b) => a | b],
  [OP.i32_xor, (a, b) => a ^ b],
  [OP.i32_shl, (a, b) => a << b],
  [OP.i32_shr_u, (a, b) => a >>> b],
  [OP.i32_shr_s, (a, b) => a >> b],
  [OP.i32_eq, (a, b) => (a === b ? 1 : 0)],
  [OP.i32_ne, (a, b) => (a === b ? 0 : 1)],
  [OP.i32_lt_u, (a, b) => (a >>> 0 < b >>> 0 ? 1 : 0)],
  [OP.i32_gt_u, (a, b) => (a >>> 0 > b >>> 0 ? 1 : 0)],
  [OP.i32_ge_u, (a, b) => (a >>> 0 >= b >>> 0 ? 1 : 0)],
  [OP.i32_le_u, (a, b) => (a >>> 0 <= b >>> 0 ? 1 : 0)],
]);

const FOLD_64: ReadonlyMap<number, Fold64> = new Map<number, Fold64>([
  [OP.i64_add, (a, b) => a + b],
  [OP.i64_sub, (a, b) => a - b],
  [OP.i64_and, (a, b) => a & b],
  [OP.i64_or, (a, b) => a | b],
  [OP.i64_xor, (a, b) => a ^ b],
  [OP.i64_shl, (a, b) => a << (b & 63n)],
  [OP.i64_shr_u, (a, b) => BigInt.asUintN(64, a) >> (b & 63n)],
  [OP.i64_eq, (a, b) => (a === b ? 1 : 0)],
  [OP.i64_ne, (a, b) => (a === b ? 0 : 1)],
]);

/** Operations of which the second operand 0 changes nothing. */
const NEUTRAL_ZERO: ReadonlySet<number> = new Set([
  OP.i32_add, OP.i32_sub, OP.i32_or, OP.i32_xor, OP.i32_shl, OP.i32_shr_u, OP.i32_shr_s,
  OP.i64_add, OP.i64_sub, OP.i64_or, OP.i64_xor, OP.i64_shl, OP.i64_shr_u, OP.i64_shr_s,
]);
/** Those of which the first may be 0 as well. */
const NEUTRAL_FIRST: ReadonlySet<number> = new Set([OP.i32_add, OP.i32_or, OP.i32_xor, OP.i64_add, OP.i64_or, OP.i64_xor]);
const ZERO_ABSORBS: ReadonlySet<number> = new Set([OP.i32_and, OP.i64_and, OP.i32_mul, OP.i64_mul]);

/** A constant of a type, as expressions hold it. */
export type Constant = number | bigint;

const isZero = (constant: Constant | undefined): boolean => constant === 0 || constant === 0n;
const isOnes = (constant: Constant | undefined): boolean => constant === -1 || constant === -1n;

/** The value of an operation on two constants; undefined where it is not folded. */
export function foldBinary(op: number, a: Constant, b: Constant): Constant | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const value = FOLD_32.get(op)?.(a, b);
    return value === undefined ? undefined : value | 0;
  }
  if (typeof a !== 'bigint' || typeof b !== 'bigint') return undefined;
  const value = FOLD_64.get(op)?.(a, b);
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) : value;
}

/** Which operand is an operation's whole result: 'a', 'b', or neither. */
export function foldIdentity(op: number, a: Constant | undefined, b: Constant | undefined): 'a' | 'b' | undefined {
  if (isZero(b)) return NEUTRAL_ZERO.has(op) ? 'a' : ZERO_ABSORBS.has(op) ? 'b' : undefined;
  if (isZero(a)) return NEUTRAL_FIRST.has(op) ? 'b' : ZERO_ABSORBS.has(op) ? 'a' : undefined;
  const and = op === OP.i32_and || op === OP.i64_and;
  return and && isOnes(b) ? 'a' : and && isOnes(a) ? 'b' : undefined;
}

/** The value of an operation on one constant; undefined where it is not folded. */
export function foldUnary(op: number, a: Constant): Constant | undefined {
  if (typeof a === 'bigint') {
    if (op === OP.i32_wrap_i64) return Number(BigInt.asIntN(32, a));
    return op === OP.i64_eqz ? (a === 0n ? 1 : 0) : undefined;
  }
  switch (op) {
    case OP.i32_eqz:
      return a === 0 ? 1 : 0;
    case OP.i64_extend_i32_u:
      return BigInt(a >>> 0);
    case OP.i64_extend_i32_s:
      return BigInt(a);
    case OP.i32_extend8_s:
      return (a << 24) >> 24;
    case OP.i32_extend16_s:
      return (a << 16) >> 16;
    default:
      return undefined;
  }
}

/** The type of a constant. */
export const typeOfConstant = (constant: Constant): WasmType => (typeof constant === 'bigint' ? I64 : I32);
