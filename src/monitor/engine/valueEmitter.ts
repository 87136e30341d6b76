/**
 * The part of handlers that only computes: constants, arithmetic on integers and vectors, conversions, local
 * variables, conditions.
 */
import type { OperandSize, Value, Variable } from '../isa/emitter';
import type { Lanes, VectorOperation, VectorShift, VectorTest } from '../isa/vectorEmitter';
import { I32, I64, OP, V128 } from './wasm/encoding';
import { binary, i32, i64, select, unary, v128, withBytes, type Expression, type Local } from './wasm/expressions';
import type { FunctionBuilder } from './wasm/functionBuilder';
import { FLOAT_OP, LANE_OP, VECTOR_OP, vectorOpcode } from './wasm/vectorOpcodes';

/** Whether the bits of an address (i64) above its width are no copies of its sign (i32); `shift` is what 64 bits have more. */
export function isWiderThan(address: Expression, shift: Expression): Expression {
  return binary(OP.i64_ne, I32, binary(OP.i64_shr_s, I64, binary(OP.i64_shl, I64, address, shift), shift), address);
}

const PAIRS = {
  add: [OP.i32_add, OP.i64_add],
  sub: [OP.i32_sub, OP.i64_sub],
  mul: [OP.i32_mul, OP.i64_mul],
  and: [OP.i32_and, OP.i64_and],
  or: [OP.i32_or, OP.i64_or],
  xor: [OP.i32_xor, OP.i64_xor],
  shl: [OP.i32_shl, OP.i64_shl],
  shrU: [OP.i32_shr_u, OP.i64_shr_u],
  shrS: [OP.i32_shr_s, OP.i64_shr_s],
  rotl: [OP.i32_rotl, OP.i64_rotl],
  rotr: [OP.i32_rotr, OP.i64_rotr],
  divU: [OP.i32_div_u, OP.i64_div_u],
  divS: [OP.i32_div_s, OP.i64_div_s],
  remU: [OP.i32_rem_u, OP.i64_rem_u],
  remS: [OP.i32_rem_s, OP.i64_rem_s],
  clz: [OP.i32_clz, OP.i64_clz],
  ctz: [OP.i32_ctz, OP.i64_ctz],
  popcnt: [OP.i32_popcnt, OP.i64_popcnt],
  eqz: [OP.i32_eqz, OP.i64_eqz],
  eq: [OP.i32_eq, OP.i64_eq],
  ne: [OP.i32_ne, OP.i64_ne],
  ltU: [OP.i32_lt_u, OP.i64_lt_u],
  ltS: [OP.i32_lt_s, OP.i64_lt_s],
  gtU: [OP.i32_gt_u, OP.i64_gt_u],
  leU: [OP.i32_le_u, OP.i64_le_u],
  leS: [OP.i32_le_s, OP.i64_le_s],
  geU: [OP.i32_ge_u, OP.i64_ge_u],
} as const;

type PairName = keyof typeof PAIRS;

/** Values of the emitter interface are expressions of the function builder here. */
export const expression = (value: Value): Expression => value as Expression;

/** An operation on two values of one type, in that type's instruction. */
function pair(name: PairName, a: Value, b: Value, comparison = false): Value {
  const [narrow, wide] = PAIRS[name];
  const type = a.type === I64 ? I64 : I32;
  return binary(type === I64 ? wide : narrow, comparison ? I32 : type, expression(a), expression(b));
}

function single(name: PairName, a: Value, comparison = false): Value {
  const [narrow, wide] = PAIRS[name];
  const type = a.type === I64 ? I64 : I32;
  return unary(type === I64 ? wide : narrow, comparison ? I32 : type, expression(a));
}

/** Integer lane shapes. */
type IntegerLanes = Exclude<Lanes, 'f32x4' | 'f64x2'>;

export class ValueEmitter {
  constructor(
    readonly size: OperandSize,
    protected readonly code: FunctionBuilder,
  ) {}

  operandConstant(value: number): Value {
    return this.size === 64 ? i64(BigInt(value)) : i32(value);
  }
  i32(value: number): Value {
    return i32(value);
  }
  i64(value: bigint): Value {
    return i64(value);
  }
  add(a: Value, b: Value): Value {
    return pair('add', a, b);
  }
  sub(a: Value, b: Value): Value {
    return pair('sub', a, b);
  }
  mul(a: Value, b: Value): Value {
    return pair('mul', a, b);
  }
  and(a: Value, b: Value): Value {
    return pair('and', a, b);
  }
  or(a: Value, b: Value): Value {
    return pair('or', a, b);
  }
  xor(a: Value, b: Value): Value {
    return pair('xor', a, b);
  }
  shl(a: Value, b: Value): Value {
    return pair('shl', a, b);
  }
  shrU(a: Value, b: Value): Value {
    return pair('shrU', a, b);
  }
  shrS(a: Value, b: Value): Value {
    return pair('shrS', a, b);
  }
  rotl(a: Value, b: Value): Value {
    return pair('rotl', a, b);
  }
  rotr(a: Value, b: Value): Value {
    return pair('rotr', a, b);
  }
  divU(a: Value, b: Value): Value {
    return pair('divU', a, b);
  }
  divS(a: Value, b: Value): Value {
    return pair('divS', a, b);
  }
  remU(a: Value, b: Value): Value {
    return pair('remU', a, b);
  }
  remS(a: Value, b: Value): Value {
    return pair('remS', a, b);
  }
  eq(a: Value, b: Value): Value {
    return pair('eq', a, b, true);
  }
  ne(a: Value, b: Value): Value {
    return pair('ne', a, b, true);
  }
  ltU(a: Value, b: Value): Value {
    return pair('ltU', a, b, true);
  }
  ltS(a: Value, b: Value): Value {
    return pair('ltS', a, b, true);
  }
  gtU(a: Value, b: Value): Value {
    return pair('gtU', a, b, true);
  }
  leU(a: Value, b: Value): Value {
    return pair('leU', a, b, true);
  }
  leS(a: Value, b: Value): Value {
    return pair('leS', a, b, true);
  }
  geU(a: Value, b: Value): Value {
    return pair('geU', a, b, true);
  }
  clz(a: Value): Value {
    return single('clz', a);
  }
  ctz(a: Value): Value {
    return single('ctz', a);
  }
  popcnt(a: Value): Value {
    return single('popcnt', a);
  }
  eqz(a: Value): Value {
    return single('eqz', a, true);
  }

  select(condition: Value, yes: Value, no: Value): Value {
    return select(expression(condition), expression(yes), expression(no));
  }

  toI32(a: Value): Value {
    return a.type === I32 ? a : unary(OP.i32_wrap_i64, I32, expression(a));
  }
  toI64Unsigned(a: Value): Value {
    return a.type === I64 ? a : unary(OP.i64_extend_i32_u, I64, expression(a));
  }
  toI64Signed(a: Value): Value {
    return a.type === I64 ? a : unary(OP.i64_extend_i32_s, I64, expression(a));
  }
  narrow(a: Value, bits: OperandSize): Value {
    if (bits >= 32) return a;
    return this.and(a, i32(bits === 8 ? 0xff : 0xffff));
  }
  signExtend(a: Value, bits: OperandSize): Value {
    if (bits >= 32) return a;
    return unary(bits === 8 ? OP.i32_extend8_s : OP.i32_extend16_s, I32, expression(a));
  }
  toOperand(a: Value): Value {
    return this.size === 64 ? this.toI64Unsigned(a) : this.toI32(a);
  }

  let(a: Value): Value {
    return this.code.let(expression(a));
  }
  variable(initial: Value): Variable {
    const local = this.code.temporary(expression(initial).type);
    this.code.set(local, expression(initial));
    return local;
  }
  assign(variable: Variable, value: Value): void {
    this.code.set(variable as Local, expression(value));
  }
  if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.code.if(expression(condition), then, otherwise);
  }
  repeatWhile(condition: () => Value, body: () => void): void {
    this.code.loopBlock(() => {
      const again = this.code.nesting;
      this.if(condition(), () => {
        body();
        this.code.branch(again);
      });
    });
  }

  // Vectors.

  vectorConstant(low: bigint, high: bigint): Value {
    return v128(low, high);
  }
  vector(operation: VectorOperation, a: Value, b?: Value, c?: Value): Value {
    const operands = [a, b, c].flatMap((value) => (value ? [expression(value)] : []));
    return withBytes(vectorOpcode(operation), V128, operands, []);
  }
  vectorShift(operation: VectorShift, a: Value, count: Value): Value {
    return binary(vectorOpcode(operation), V128, expression(a), expression(count));
  }
  vectorTest(operation: VectorTest, a: Value): Value {
    return unary(vectorOpcode(operation), I32, expression(a));
  }
  shuffle(a: Value, b: Value, bytes: readonly number[]): Value {
    return withBytes(VECTOR_OP.shuffle, V128, [expression(a), expression(b)], bytes);
  }
  lane(lanes: IntegerLanes, a: Value, index: number): Value {
    return withBytes(LANE_OP[lanes].extract, lanes === 'i64x2' ? I64 : I32, [expression(a)], [index]);
  }
  withLane(lanes: IntegerLanes, a: Value, index: number, value: Value): Value {
    return withBytes(LANE_OP[lanes].replace, V128, [expression(a), expression(value)], [index]);
  }
  splat(lanes: IntegerLanes, value: Value): Value {
    return unary(LANE_OP[lanes].splat, V128, expression(value));
  }
  truncateFloat(a: Value, from: 32 | 64, to: 32 | 64): Value {
    const { extract, truncate } = FLOAT_OP[from];
    // The float between the two is never kept, so it needs no type of its own.
    return unary(truncate[to], to === 64 ? I64 : I32, withBytes(extract, I32, [expression(a)], [0]));
  }
  convertInteger(value: Value, to: 32 | 64): Value {
    const { splat, convert } = FLOAT_OP[to];
    return unary(splat, V128, unary(convert[value.type === I64 ? 64 : 32], I32, expression(value)));
  }
}
