/**
 * Emits interpreter handlers: each is an instruction's meaning with its operands left to run time,
 * read from the record that the handler is called with. A handler ends in a tail call to the handler
 * of the next record.
 */
import {
  EIP_BASE,
  FLAG_AUX,
  FLAG_RESULT,
  FLAGS_SYSTEM,
  REG,
  RSP,
  SEG_BASE,
  SEG_LIMIT,
  SEG_READ_FIRST,
  SEG_READ_LAST,
  SEG_WRITE_FIRST,
  SEG_WRITE_LAST,
  SEGMENT_BYTES,
  SEGMENTS,
  SS,
  CS,
  STACK_MASK,
  TLB_READ_TABLE,
  TLB_WRITE_TABLE,
} from '../cpu/layout';
import { enterBlock } from './controlFunctions';
import type { Emitter, OperandSize, Value, Variable } from '../isa/emitter';
import { CPU_BASE, PAGE_BYTES, TLB_ENTRIES, TLB_ENTRY_BYTES } from '../memory/layout';
import { R, RECORD_BYTES, type Model } from './records';
import { I32, I64, OP, type ByteWriter, type WasmType } from './wasm/encoding';
import { FunctionBuilder, binary, call, i32, i64, load, select, unary, type Expression, type Local } from './wasm/functionBuilder';

/** Function numbers that handlers call, and the type of a handler in the module. */
export interface Callees {
  readonly handlerType: number;
  readonly jump: number;
  readonly access: number;
  readonly commit: number;
  readonly segmentFault: number;
  readonly raise: number;
  readonly service: number;
}

/** Where an operand of a handler is: register, memory (flat, long, or through a segment), immediate. */
export type OperandKind = 'r' | 'F' | 'L' | 'S' | 'i';

export interface HandlerShape {
  readonly size: OperandSize;
  readonly kinds: readonly OperandKind[];
  readonly model: Model;
  readonly addressSize: 16 | 32 | 64;
}

/** Kinds of memory access, as the monitor's `access` function takes them (shifted over the size). */
export const ACCESS = { read: 0, write: 1, modify: 2 } as const;

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
  geU: [OP.i32_ge_u, OP.i64_ge_u],
} as const;

type PairName = keyof typeof PAIRS;

const CPU = i32(0);
const at = (offset: number): number => CPU_BASE + offset;
const SS_BASE = SEGMENTS + SS * SEGMENT_BYTES;
const CS_BASE = SEGMENTS + CS * SEGMENT_BYTES;

/** Values of the emitter interface are expressions of the function builder here. */
const expression = (value: Value): Expression => value as Expression;

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

/** One memory operand while its handler is emitted. */
interface Place {
  host: Expression | undefined;
  extra: Expression | undefined;
}

export class HandlerEmitter implements Emitter {
  readonly size: OperandSize;
  readonly addressSize: 16 | 32 | 64;
  private readonly b = new FunctionBuilder([I32]);
  private readonly record = this.b.parameter(0);
  private readonly places = new Map<number, Place>();
  private left = false;

  constructor(
    private readonly shape: HandlerShape,
    private readonly callees: Callees,
  ) {
    this.size = shape.size;
    this.addressSize = shape.addressSize;
  }

  /** The handler's body and locals; it goes on to the next record unless the meaning has gone elsewhere. */
  finish(): { locals: readonly WasmType[]; code: ByteWriter } {
    if (!this.left) {
      const next = binary(OP.i32_add, I32, this.record, i32(RECORD_BYTES));
      const handler = load(OP.i32_load, I32, this.record, RECORD_BYTES + R.handler);
      this.b.returnCallIndirect(this.callees.handlerType, [next], handler);
    }
    return { locals: this.b.locals, code: this.b.finish() };
  }

  // Constants and arithmetic.

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
    return this.b.let(expression(a));
  }
  variable(initial: Value): Variable {
    const local = this.b.local(expression(initial).type);
    this.b.set(local, expression(initial));
    return local;
  }
  assign(variable: Variable, value: Value): void {
    this.b.set(variable as Local, expression(value));
  }
  if(condition: Value, then: () => void, otherwise?: () => void): void {
    this.b.if(expression(condition), then, otherwise);
  }

  // Operands.

  isRegister(index: number): boolean {
    return this.shape.kinds[index] === 'r';
  }

  read(index: number, size: OperandSize = this.size): Value {
    const kind = this.shape.kinds[index];
    if (kind === 'i') return this.immediate();
    if (kind === 'r') return this.let(this.loadSized(this.registerAddress(index), at(REG), size));
    const host = this.probe(index, size, ACCESS.read);
    return this.let(this.loadSized(host, 0, size));
  }

  modify(index: number, size: OperandSize = this.size): Value {
    if (this.isRegister(index)) return this.read(index, size);
    const host = this.probe(index, size, ACCESS.modify);
    this.place(index).host = host;
    return this.let(this.loadSized(host, 0, size));
  }

  write(index: number, value: Value, size: OperandSize = this.size): void {
    if (this.isRegister(index)) {
      return this.storeRegister(this.registerAddress(index), at(REG), size, expression(value));
    }
    const host = this.place(index).host ?? this.probe(index, size, ACCESS.write);
    this.storeMemory(host, size, expression(value));
  }

  effectiveAddress(index: number): Value {
    return this.shape.kinds[index] === 'F' ? this.toI64Unsigned(this.offset32(index)) : this.offset64(index);
  }

  displace(index: number, bytes: Value): void {
    this.place(index).extra = this.b.let(expression(bytes));
  }

  immediate(): Value {
    return this.size === 64
      ? load(OP.i64_load, I64, this.record, R.immediate)
      : this.narrow(load(OP.i32_load, I32, this.record, R.immediate), this.size);
  }

  register(number: number, size: OperandSize): Value {
    return this.loadSized(CPU, at(REG + 8 * number), size);
  }
  setRegister(number: number, size: OperandSize, value: Value): void {
    this.storeRegister(CPU, at(REG + 8 * number), size, expression(value));
  }
  highByte(number: number): Value {
    return load(OP.i32_load8_u, I32, CPU, at(REG + 8 * number + 1));
  }
  setHighByte(number: number, value: Value): void {
    this.b.store(OP.i32_store8, CPU, at(REG + 8 * number + 1), expression(value));
  }

  // Flags.

  flagResult(): Value {
    return load(OP.i64_load, I64, CPU, at(FLAG_RESULT));
  }
  flagAux(): Value {
    return load(OP.i32_load, I32, CPU, at(FLAG_AUX));
  }
  setStatus(result: Value, aux: Value): void {
    // Both are evaluated before either is stored: they may read the old flags.
    const r = this.b.let(expression(result));
    const a = this.b.let(expression(aux));
    this.b.store(OP.i64_store, CPU, at(FLAG_RESULT), r);
    this.b.store(OP.i32_store, CPU, at(FLAG_AUX), a);
  }
  systemFlags(): Value {
    return load(OP.i32_load, I32, CPU, at(FLAGS_SYSTEM));
  }
  setSystemFlags(value: Value): void {
    this.b.store(OP.i32_store, CPU, at(FLAGS_SYSTEM), expression(value));
  }

  // Stack.

  push(value: Value, size: OperandSize): void {
    const bytes = size / 8;
    if (this.shape.model === 'flat') {
      const top = this.b.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, CPU, at(REG + 8 * RSP)), i32(bytes)));
      this.storeMemory(this.lookUp32(top, size, ACCESS.write), size, expression(value));
      this.b.store(OP.i64_store, CPU, at(REG + 8 * RSP), unary(OP.i64_extend_i32_u, I64, top));
      return;
    }
    const pointer = load(OP.i64_load, I64, CPU, at(REG + 8 * RSP));
    const top = this.b.let(this.cutToStack(binary(OP.i64_sub, I64, pointer, i64(BigInt(bytes)))));
    this.storeMemory(this.lookUpStack(top, size, ACCESS.write), size, expression(value));
    this.setStackPointer(top);
  }

  pop(size: OperandSize): { readonly value: Value; commit(extraBytes?: Value): void } {
    const bytes = BigInt(size / 8);
    const top = this.let(this.stackPointer());
    const value = this.readStack(top, size);
    const commit = (extra?: Value): void => {
      const moved = this.add(top, i64(bytes));
      this.setStackPointer(extra ? this.add(moved, extra) : moved);
    };
    return { value, commit };
  }

  stackPointer(): Value {
    if (this.shape.model === 'flat') {
      return unary(OP.i64_extend_i32_u, I64, load(OP.i32_load, I32, CPU, at(REG + 8 * RSP)));
    }
    return this.cutToStack(load(OP.i64_load, I64, CPU, at(REG + 8 * RSP)));
  }

  readStack(offset: Value, size: OperandSize): Value {
    const cut = this.shape.model === 'flat' ? this.toI32(offset) : this.cutToStack(expression(offset));
    const where = this.let(cut);
    const host =
      this.shape.model === 'flat'
        ? this.lookUp32(expression(where), size, ACCESS.read)
        : this.lookUpStack(expression(where), size, ACCESS.read);
    return this.let(this.loadSized(host, 0, size));
  }

  setStackPointer(value: Value): void {
    const address = at(REG + 8 * RSP);
    if (this.shape.model === 'flat') {
      const cut = unary(OP.i64_extend_i32_u, I64, expression(this.toI32(value)));
      return this.b.store(OP.i64_store, CPU, address, cut);
    }
    if (this.shape.model === 'long') return this.b.store(OP.i64_store, CPU, address, expression(value));
    // A 16-bit stack leaves the upper part of ESP alone.
    const mask = this.b.let(load(OP.i64_load, I64, CPU, at(STACK_MASK)));
    const old = load(OP.i64_load, I64, CPU, address);
    const kept = binary(OP.i64_and, I64, old, binary(OP.i64_xor, I64, mask, i64(-1n)));
    const joined = binary(OP.i64_or, I64, kept, binary(OP.i64_and, I64, expression(value), mask));
    this.b.store(OP.i64_store, CPU, address, joined);
  }

  // Control.

  nextInstruction(size: OperandSize): Value {
    return this.cutOffset(this.behind(), size);
  }

  relativeTarget(): Value {
    const displacement = load(OP.i64_load32_s, I64, this.record, R.immediate);
    return this.cutOffset(binary(OP.i64_add, I64, this.behind(), displacement), this.size);
  }

  checkTarget(offset: Value): void {
    if (this.shape.model !== 'seg') return;
    const limit = load(OP.i64_load32_u, I64, CPU, at(CS_BASE + SEG_LIMIT));
    this.b.if(binary(OP.i64_gt_u, I32, expression(offset), limit), () => this.raise(13));
  }

  branch(condition?: Value): void {
    this.left = true;
    const link = load(OP.i32_load, I32, this.record, R.link);
    const behind = load(OP.i32_load, I32, this.record, R.linkBehind);
    const taken = condition === undefined ? undefined : expression(condition);
    const slot = this.b.let(taken ? select(taken, link, behind) : link);
    const next = this.b.let(load(OP.i32_load, I32, slot, 0));
    this.b.if(next, () => enterBlock(this.b, this.callees.handlerType, next));
    const target = expression(this.relativeTarget());
    const offset = taken ? select(taken, target, this.cutOffset(this.behind(), this.shape.model === 'long' ? 64 : 32)) : target;
    this.b.returnCall(this.callees.jump, [offset]);
  }

  jump(offset: Value): void {
    this.left = true;
    this.b.returnCall(this.callees.jump, [expression(offset)]);
  }

  raise(vector: number): void {
    this.b.call(this.callees.raise, [this.record, i32(vector)]);
    this.b.return();
  }

  service(): void {
    const leave = call(this.callees.service, I32, [this.record, load(OP.i32_load, I32, this.record, R.link)]);
    this.b.if(leave, () => this.b.return());
  }

  // Inner workings.

  private place(index: number): Place {
    let place = this.places.get(index);
    if (!place) this.places.set(index, (place = { host: undefined, extra: undefined }));
    return place;
  }

  /** State-block offset of register operand `index`, from the record: the first register is A, the second B. */
  private registerAddress(index: number): Expression {
    const earlier = this.shape.kinds.slice(0, index).filter((k) => k === 'r').length;
    return load(OP.i32_load16_u, I32, this.record, earlier === 0 ? R.registerA : R.registerB);
  }

  private field16(offset: number): Expression {
    return load(OP.i32_load16_u, I32, this.record, offset);
  }

  private behind(): Expression {
    const start = load(OP.i64_load, I64, CPU, at(EIP_BASE));
    const offset = binary(OP.i32_add, I32, this.field16(R.offset), load(OP.i32_load8_u, I32, this.record, R.length));
    return binary(OP.i64_add, I64, start, unary(OP.i64_extend_i32_u, I64, offset));
  }

  private cutOffset(offset: Expression, size: OperandSize): Expression {
    if (size === 64) return offset;
    return binary(OP.i64_and, I64, offset, i64(size === 16 ? 0xffffn : 0xffffffffn));
  }

  private cutToStack(offset: Expression): Expression {
    if (this.shape.model === 'long') return offset;
    return binary(OP.i64_and, I64, offset, load(OP.i64_load, I64, CPU, at(STACK_MASK)));
  }

  private loadSized(address: Expression, offset: number, size: OperandSize): Expression {
    if (size === 64) return load(OP.i64_load, I64, address, offset);
    const op = size === 8 ? OP.i32_load8_u : size === 16 ? OP.i32_load16_u : OP.i32_load;
    return load(op, I32, address, offset);
  }

  private storeRegister(address: Expression, offset: number, size: OperandSize, value: Expression): void {
    if (size === 64) return this.b.store(OP.i64_store, address, offset, value);
    // A 32-bit result clears the upper half of the register.
    if (size === 32) return this.b.store(OP.i64_store, address, offset, unary(OP.i64_extend_i32_u, I64, value));
    this.b.store(size === 8 ? OP.i32_store8 : OP.i32_store16, address, offset, value);
  }

  private storeMemory(host: Expression, size: OperandSize, value: Expression): void {
    const op = { 8: OP.i32_store8, 16: OP.i32_store16, 32: OP.i32_store, 64: OP.i64_store }[size];
    this.b.store(op, host, 0, value);
    this.b.if(binary(OP.i32_lt_u, I32, host, i32(PAGE_BYTES)), () => this.b.call(this.callees.commit, [this.record]));
  }

  private offset32(index: number): Expression {
    const base = load(OP.i32_load, I32, this.field16(R.base), at(REG));
    const scaled = binary(OP.i32_shl, I32, load(OP.i32_load, I32, this.field16(R.index), at(REG)), load(OP.i32_load8_u, I32, this.record, R.scale));
    const sum = binary(OP.i32_add, I32, binary(OP.i32_add, I32, base, scaled), load(OP.i32_load, I32, this.record, R.displacement));
    const extra = this.place(index).extra;
    return extra ? binary(OP.i32_add, I32, sum, unary(OP.i32_wrap_i64, I32, extra)) : sum;
  }

  private offset64(index: number): Expression {
    const base = load(OP.i64_load, I64, this.field16(R.base), at(REG));
    const scale = unary(OP.i64_extend_i32_u, I64, load(OP.i32_load8_u, I32, this.record, R.scale));
    const scaled = binary(OP.i64_shl, I64, load(OP.i64_load, I64, this.field16(R.index), at(REG)), scale);
    const displacement = load(OP.i64_load32_s, I64, this.record, R.displacement);
    const sum = binary(OP.i64_add, I64, binary(OP.i64_add, I64, base, scaled), displacement);
    const extra = this.place(index).extra;
    const all = extra ? binary(OP.i64_add, I64, sum, extra) : sum;
    return binary(OP.i64_and, I64, all, load(OP.i64_load, I64, this.field16(R.mask), CPU_BASE));
  }

  /** Host address of memory operand `index`; leaves the handler when the access faults. */
  private probe(index: number, size: OperandSize, access: number): Expression {
    const kind = this.shape.kinds[index];
    if (kind === 'F') return this.lookUp32(this.b.let(this.offset32(index)), size, access);
    if (kind === 'L') return this.lookUp64(this.b.let(this.offset64(index)), size, access);
    const segment = this.b.let(this.field16(R.segment));
    return this.lookUpSegmented(this.b.let(this.offset64(index)), segment, 0, size, access);
  }

  private lookUpStack(offset: Expression, size: OperandSize, access: number): Expression {
    if (this.shape.model === 'long') return this.lookUp64(offset, size, access);
    return this.lookUpSegmented(offset, CPU, SS_BASE, size, access);
  }

  /** Checks an offset against its segment, adds the base, and looks the linear address up. */
  private lookUpSegmented(offset: Expression, segment: Expression, start: number, size: OperandSize, access: number): Expression {
    const [first, last] = access === ACCESS.read ? [SEG_READ_FIRST, SEG_READ_LAST] : [SEG_WRITE_FIRST, SEG_WRITE_LAST];
    const end = binary(OP.i64_add, I64, offset, i64(BigInt(size / 8 - 1)));
    const below = binary(OP.i64_lt_u, I32, offset, load(OP.i64_load, I64, segment, at(start + first)));
    const above = binary(OP.i64_gt_u, I32, end, load(OP.i64_load, I64, segment, at(start + last)));
    this.b.if(binary(OP.i32_or, I32, below, above), () => {
      const which = start ? i32(start) : segment;
      this.b.call(this.callees.segmentFault, [this.record, which]);
      this.b.return();
    });
    const linear = binary(OP.i64_add, I64, offset, load(OP.i64_load, I64, segment, at(start + SEG_BASE)));
    if (this.shape.model === 'long') return this.lookUp64(this.b.let(linear), size, access);
    return this.lookUp32(this.b.let(unary(OP.i32_wrap_i64, I32, linear)), size, access);
  }

  /** The TLB check for a 32-bit linear address: a page crossing is a tag miss. */
  private lookUp32(linear: Expression, size: OperandSize, access: number): Expression {
    const bytes = size / 8;
    const entry = this.b.let(this.tlbEntry(linear, access));
    const end = bytes === 1 ? linear : binary(OP.i32_add, I32, linear, i32(bytes - 1));
    const hit = binary(OP.i32_eq, I32, load(OP.i32_load, I32, entry, 0), binary(OP.i32_and, I32, end, i32(-PAGE_BYTES)));
    return this.hostAddress(hit, linear, entry, () => [linear, i32(0)], bytes, access);
  }

  private lookUp64(linear: Expression, size: OperandSize, access: number): Expression {
    const bytes = size / 8;
    const low = this.b.let(unary(OP.i32_wrap_i64, I32, linear));
    const entry = this.b.let(this.tlbEntry(low, access));
    const end = bytes === 1 ? linear : binary(OP.i64_add, I64, linear, i64(BigInt(bytes - 1)));
    const hit = binary(OP.i64_eq, I32, load(OP.i64_load, I64, entry, 0), binary(OP.i64_and, I64, end, i64(-BigInt(PAGE_BYTES))));
    const high = (): Expression => unary(OP.i32_wrap_i64, I32, binary(OP.i64_shr_u, I64, linear, i64(32n)));
    return this.hostAddress(hit, low, entry, () => [low, high()], bytes, access);
  }

  private tlbEntry(low: Expression, access: number): Expression {
    const table = load(OP.i32_load, I32, CPU, at(access === ACCESS.read ? TLB_READ_TABLE : TLB_WRITE_TABLE));
    const index = binary(OP.i32_and, I32, binary(OP.i32_shr_u, I32, low, i32(8)), i32((TLB_ENTRIES - 1) * TLB_ENTRY_BYTES));
    return binary(OP.i32_add, I32, table, index);
  }

  private hostAddress(hit: Expression, low: Expression, entry: Expression, halves: () => [Expression, Expression], bytes: number, access: number): Expression {
    const host = this.b.local(I32);
    this.b.if(
      hit,
      () => this.b.set(host, binary(OP.i32_add, I32, low, load(OP.i32_load, I32, entry, 8))),
      () => {
        this.b.set(host, call(this.callees.access, I32, [...halves(), i32(bytes | (access << 8)), this.record]));
        this.b.if(unary(OP.i32_eqz, I32, host), () => this.b.return());
      },
    );
    return host;
  }
}
