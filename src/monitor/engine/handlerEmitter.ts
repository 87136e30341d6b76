/**
 * Emits interpreter handlers: each is an instruction's meaning with its operands left to run time,
 * read from the record that the handler is called with. A handler ends in a tail call to the handler
 * of the next record.
 */
import { CANONICAL_SHIFT, CS, EIP_BASE, FLAG_AUX, FLAG_RESULT, FLAGS_SYSTEM, FPU, MXCSR, REG, RSP, SEG_LIMIT, SEGMENT_BYTES, SEGMENTS, STACK_MASK, VECTOR, VECTOR_BYTES } from '../cpu/layout';
import { FPU_LAYOUT, StatusWord } from '../cpu/x87/layout';
import type { Emitter, OperandSize, Value } from '../isa/emitter';
import { CPU_BASE } from '../memory/layout';
import { enterBlock } from './controlFunctions';
import { isRegisterKind, type Callees, type HandlerShape } from './handlerShape';
import { ACCESS, MemoryAccess, type Access } from './memoryAccess';
import { R, RECORD_BYTES } from './records';
import { ValueEmitter, expression } from './valueEmitter';
import { I32, I64, OP, V128, type ByteWriter, type WasmType } from './wasm/encoding';
import { binary, call, i32, i64, load, select, unary, v128, type Expression } from './wasm/functionBuilder';
import { VECTOR_OP } from './wasm/vectorOpcodes';

const CPU = i32(0);
const at = (offset: number): number => CPU_BASE + offset;
const CS_BASE = SEGMENTS + CS * SEGMENT_BYTES;
const GENERAL_PROTECTION = 13, MATH_FAULT = 16;

export class HandlerEmitter extends ValueEmitter implements Emitter {
  readonly addressSize: 16 | 32 | 64;
  readonly vectorBits: 64 | 128;
  readonly usesMmx: boolean;
  private readonly record = this.code.parameter(0);
  private readonly memory: MemoryAccess;
  private left = false;

  constructor(
    private readonly shape: HandlerShape,
    private readonly callees: Callees,
  ) {
    super(shape.size);
    this.addressSize = shape.addressSize;
    this.usesMmx = shape.kinds.includes('m');
    this.vectorBits = this.usesMmx ? 64 : 128;
    this.memory = new MemoryAccess(this.code, this.record, shape, callees);
  }

  /** The handler's body and locals; it goes on to the next record unless the meaning has gone elsewhere. */
  finish(): { locals: readonly WasmType[]; code: ByteWriter } {
    if (!this.left) {
      const next = binary(OP.i32_add, I32, this.record, i32(RECORD_BYTES));
      const handler = load(OP.i32_load, I32, this.record, RECORD_BYTES + R.handler);
      this.code.returnCallIndirect(this.callees.handlerType, [next], handler);
    }
    return { locals: this.code.locals, code: this.code.finish() };
  }

  // Operands.

  isRegister(index: number): boolean {
    return isRegisterKind(this.shape.kinds[index]);
  }

  read(index: number, size: OperandSize = this.size): Value {
    const kind = this.shape.kinds[index];
    if (kind === 'i') return this.immediate();
    if (isRegisterKind(kind)) return this.let(this.loadSized(this.registerAddress(index), at(REG), size));
    const host = this.memory.probe(index, { bytes: size / 8, kind: ACCESS.read });
    return this.let(this.loadSized(host, 0, size));
  }

  modify(index: number, size: OperandSize = this.size): Value {
    if (this.isRegister(index)) return this.read(index, size);
    const host = this.memory.probe(index, { bytes: size / 8, kind: ACCESS.modify });
    this.memory.place(index).host = host;
    return this.let(this.loadSized(host, 0, size));
  }

  write(index: number, value: Value, size: OperandSize = this.size): void {
    if (this.isRegister(index)) {
      return this.storeRegister(this.registerAddress(index), at(REG), size, expression(value));
    }
    const host = this.memory.place(index).host ?? this.memory.probe(index, { bytes: size / 8, kind: ACCESS.write });
    this.storeMemory(host, size, expression(value));
  }

  effectiveAddress(index: number): Value {
    return this.memory.effectiveAddress(index);
  }

  displace(index: number, bytes: Value): void {
    this.memory.place(index).extra = this.code.let(expression(bytes));
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
    this.code.store(OP.i32_store8, CPU, at(REG + 8 * number + 1), expression(value));
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
    const r = this.code.let(expression(result));
    const a = this.code.let(expression(aux));
    this.code.store(OP.i64_store, CPU, at(FLAG_RESULT), r);
    this.code.store(OP.i32_store, CPU, at(FLAG_AUX), a);
  }
  systemFlags(): Value {
    return load(OP.i32_load, I32, CPU, at(FLAGS_SYSTEM));
  }
  setSystemFlags(value: Value): void {
    this.code.store(OP.i32_store, CPU, at(FLAGS_SYSTEM), expression(value));
  }

  // Stack.

  push(value: Value, size: OperandSize): void {
    const bytes = size / 8;
    if (this.shape.model === 'flat') {
      const top = this.code.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, CPU, at(REG + 8 * RSP)), i32(bytes)));
      this.storeMemory(this.memory.lookUpStack(top, { bytes, kind: ACCESS.write }), size, expression(value));
      this.code.store(OP.i64_store, CPU, at(REG + 8 * RSP), unary(OP.i64_extend_i32_u, I64, top));
      return;
    }
    const pointer = load(OP.i64_load, I64, CPU, at(REG + 8 * RSP));
    const top = this.code.let(this.cutToStack(binary(OP.i64_sub, I64, pointer, i64(BigInt(bytes)))));
    this.storeMemory(this.memory.lookUpStack(top, { bytes, kind: ACCESS.write }), size, expression(value));
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
    const host = this.memory.lookUpStack(expression(where), { bytes: size / 8, kind: ACCESS.read });
    return this.let(this.loadSized(host, 0, size));
  }

  setStackPointer(value: Value): void {
    const address = at(REG + 8 * RSP);
    if (this.shape.model === 'flat') {
      const cut = unary(OP.i64_extend_i32_u, I64, expression(this.toI32(value)));
      return this.code.store(OP.i64_store, CPU, address, cut);
    }
    if (this.shape.model === 'long') return this.code.store(OP.i64_store, CPU, address, expression(value));
    // A 16-bit stack leaves the upper part of ESP alone.
    const mask = this.code.let(load(OP.i64_load, I64, CPU, at(STACK_MASK)));
    const old = load(OP.i64_load, I64, CPU, address);
    const kept = binary(OP.i64_and, I64, old, binary(OP.i64_xor, I64, mask, i64(-1n)));
    const joined = binary(OP.i64_or, I64, kept, binary(OP.i64_and, I64, expression(value), mask));
    this.code.store(OP.i64_store, CPU, address, joined);
  }

  // Vectors.

  readonly halves = 1;

  selectHalf(): void {
    // There is one half only.
  }

  mxcsr(): Value {
    return load(OP.i32_load, I32, CPU, at(MXCSR));
  }

  readVector(index: number, alignment: 'aligned' | 'any' = 'aligned'): Value {
    const kind = this.shape.kinds[index];
    if (kind === 'x') return this.let(load(VECTOR_OP.load, V128, this.registerAddress(index), at(REG)));
    if (kind === 'm') return this.readLow(index, 64);
    return this.let(this.loadVector(this.memory.probe(index, this.vectorAccess(ACCESS.read, alignment))));
  }

  readLow(index: number, bits: 16 | 32 | 64): Value {
    const register = this.isRegister(index);
    const address = register ? this.registerAddress(index) : this.memory.probe(index, { bytes: bits / 8, kind: ACCESS.read });
    const offset = register ? at(REG) : 0;
    if (bits === 16) return this.let(this.withLane('i32x4', v128(0n, 0n), 0, this.loadSized(address, offset, 16)));
    return this.let(load(bits === 64 ? VECTOR_OP.load64_zero : VECTOR_OP.load32_zero, V128, address, offset));
  }

  writeVector(index: number, value: Value, alignment: 'aligned' | 'any' = 'aligned'): void {
    const kind = this.shape.kinds[index];
    if (kind === 'x') return this.code.store(VECTOR_OP.store, this.registerAddress(index), at(REG), expression(value));
    if (kind === 'm') return this.storeMmx(this.registerAddress(index), expression(value));
    const host = this.memory.place(index).host ?? this.memory.probe(index, this.vectorAccess(ACCESS.write, alignment));
    if (this.vectorBits === 64) this.code.storeLane(VECTOR_OP.store64_lane, host, 0, expression(value));
    else this.code.store(VECTOR_OP.store, host, 0, expression(value));
    this.memory.commit(host);
  }

  modifyVector(index: number): Value {
    const host = this.memory.probe(index, this.vectorAccess(ACCESS.modify, 'any'));
    this.memory.place(index).host = host;
    return this.let(this.loadVector(host));
  }

  writeLow(index: number, value: Value, bits: 32 | 64): void {
    const op = bits === 64 ? VECTOR_OP.store64_lane : VECTOR_OP.store32_lane;
    if (this.isRegister(index)) return this.code.storeLane(op, this.registerAddress(index), at(REG), expression(value));
    const host = this.memory.probe(index, { bytes: bits / 8, kind: ACCESS.write });
    this.code.storeLane(op, host, 0, expression(value));
    this.memory.commit(host);
  }

  vectorRegister(number: number): Value {
    return this.let(load(VECTOR_OP.load, V128, CPU, at(VECTOR + VECTOR_BYTES * number)));
  }

  checkX87(): void {
    const pending = binary(OP.i32_and, I32, load(OP.i32_load16_u, I32, CPU, at(FPU + FPU_LAYOUT.statusWord)), i32(StatusWord.exceptionSummary));
    this.code.if(pending, () => this.raise(MATH_FAULT));
  }

  enterMmx(): void {
    this.resetX87Stack(0xff);
  }

  emptyMmx(): void {
    this.resetX87Stack(0);
  }

  /** TOP = 0, and which registers are not empty. */
  private resetX87Stack(tags: number): void {
    const status = at(FPU + FPU_LAYOUT.statusWord);
    const word = binary(OP.i32_and, I32, load(OP.i32_load16_u, I32, CPU, status), i32(~StatusWord.top));
    this.code.store(OP.i32_store16, CPU, status, word);
    this.code.store(OP.i32_store16, CPU, at(FPU + FPU_LAYOUT.tagWord), i32(tags));
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
    const { model } = this.shape;
    if (model === 'flat') return;
    this.code.if(model === 'long' ? this.notCanonical(expression(offset)) : this.beyondCodeLimit(expression(offset)), () => this.raise(GENERAL_PROTECTION));
  }

  branch(condition?: Value): void {
    this.left = true;
    const link = load(OP.i32_load, I32, this.record, R.link);
    const behind = load(OP.i32_load, I32, this.record, R.linkBehind);
    const taken = condition === undefined ? undefined : expression(condition);
    const slot = this.code.let(taken ? select(taken, link, behind) : link);
    const next = this.code.let(load(OP.i32_load, I32, slot, 0));
    this.code.if(next, () => enterBlock(this.code, this.callees.handlerType, next));
    const target = expression(this.relativeTarget());
    const offset = taken ? select(taken, target, this.cutOffset(this.behind(), this.shape.model === 'long' ? 64 : 32)) : target;
    this.code.returnCall(this.callees.jump, [offset]);
  }

  jump(offset: Value): void {
    this.left = true;
    this.code.returnCall(this.callees.jump, [expression(offset)]);
  }

  raise(vector: number): void {
    this.code.call(this.callees.raise, [this.record, i32(vector)]);
    this.code.return();
  }

  service(): void {
    const leave = call(this.callees.service, I32, [this.record, load(OP.i32_load, I32, this.record, R.link)]);
    this.code.if(leave, () => this.code.return());
  }

  // Inner workings.

  /** State-block offset of register operand `index`, from the record: the first register is A, the second B. */
  private registerAddress(index: number): Expression {
    const earlier = this.shape.kinds.slice(0, index).filter(isRegisterKind).length;
    return load(OP.i32_load16_u, I32, this.record, earlier === 0 ? R.registerA : R.registerB);
  }

  private behind(): Expression {
    const start = load(OP.i64_load, I64, CPU, at(EIP_BASE));
    const offset = binary(OP.i32_add, I32, load(OP.i32_load16_u, I32, this.record, R.offset), load(OP.i32_load8_u, I32, this.record, R.length));
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

  private beyondCodeLimit(offset: Expression): Expression {
    return binary(OP.i64_gt_u, I32, offset, load(OP.i64_load32_u, I64, CPU, at(CS_BASE + SEG_LIMIT)));
  }

  /** Whether the bits above the address width are no copies of its sign. */
  private notCanonical(address: Expression): Expression {
    const shift = load(OP.i64_load, I64, CPU, at(CANONICAL_SHIFT));
    const extended = binary(OP.i64_shr_s, I64, binary(OP.i64_shl, I64, address, shift), shift);
    return binary(OP.i64_ne, I32, extended, address);
  }

  private loadSized(address: Expression, offset: number, size: OperandSize): Expression {
    if (size === 64) return load(OP.i64_load, I64, address, offset);
    const op = size === 8 ? OP.i32_load8_u : size === 16 ? OP.i32_load16_u : OP.i32_load;
    return load(op, I32, address, offset);
  }

  private storeRegister(address: Expression, offset: number, size: OperandSize, value: Expression): void {
    if (size === 64) return this.code.store(OP.i64_store, address, offset, value);
    // A 32-bit result clears the upper half of the register.
    if (size === 32) return this.code.store(OP.i64_store, address, offset, unary(OP.i64_extend_i32_u, I64, value));
    this.code.store(size === 8 ? OP.i32_store8 : OP.i32_store16, address, offset, value);
  }

  private storeMemory(host: Expression, size: OperandSize, value: Expression): void {
    const op = { 8: OP.i32_store8, 16: OP.i32_store16, 32: OP.i32_store, 64: OP.i64_store }[size];
    this.code.store(op, host, 0, value);
    this.memory.commit(host);
  }

  private vectorAccess(kind: number, alignment: 'aligned' | 'any'): Access {
    const bytes = this.vectorBits / 8;
    return { bytes, kind, aligned: bytes === 16 && alignment === 'aligned' };
  }

  private loadVector(host: Expression): Expression {
    return load(this.vectorBits === 64 ? VECTOR_OP.load64_zero : VECTOR_OP.load, V128, host, 0);
  }

  /** An MMX register is the significand of an x87 register, whose sign and exponent become all ones. */
  private storeMmx(address: Expression, value: Expression): void {
    this.code.storeLane(VECTOR_OP.store64_lane, address, at(REG), value);
    this.code.store(OP.i32_store16, address, at(REG) + 8, i32(0xffff));
  }
}
