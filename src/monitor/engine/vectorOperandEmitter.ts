/**
 * The part of an emitted instruction that reaches vector operands: XMM and YMM registers, MMX registers, memory of their widths, MXCSR,
 * and the state of the x87 unit behind MMX.
 */
import { FPU, MXCSR, REG, VECTOR, VECTOR_BYTES } from '../cpu/layout';
import { FPU_LAYOUT, StatusWord } from '../cpu/x87/layout';
import type { Value } from '../isa/emitter';
import type { Alignment, VectorEmitter } from '../isa/vectorEmitter';
import type { HandlerShape } from './handlerShape';
import { ACCESS, type Access } from './memoryAccess';
import { CPU, OperandEmitter, at } from './operandEmitter';
import { LENGTH_MASK, SET_LENGTH_SHIFT, TEXT_LENGTH_SHIFT } from './comparisonRoutine';
import { R } from './records';
import type { Routines } from './routines';
import { expression } from './valueEmitter';
import { I32, OP, V128 } from './wasm/encoding';
import { ZERO_VECTOR, binary, call, i32, load, v128, type Expression } from './wasm/expressions';
import type { FunctionBuilder } from './wasm/functionBuilder';
import { VECTOR_OP } from './wasm/vectorOpcodes';

const MATH_FAULT = 16;
/** Bytes of a vector, and of each half of a YMM register. */
const XMM_BYTES = 16;

export abstract class VectorOperandEmitter extends OperandEmitter implements VectorEmitter {
  readonly vectorBits: 64 | 128;
  readonly usesMmx: boolean;
  readonly halves: 1 | 2;
  private half = 0;

  constructor(
    shape: HandlerShape,
    code: FunctionBuilder,
    /** Function numbers of the routines. */
    protected readonly routines: Routines,
  ) {
    super(shape, code);
    this.usesMmx = shape.kinds.includes('m');
    this.vectorBits = this.usesMmx ? 64 : 128;
    this.halves = shape.vex?.length === 256 ? 2 : 1;
  }

  selectHalf(half: number): void {
    this.half = half;
  }

  readVector(index: number, alignment?: Alignment): Value {
    const source = this.source(index);
    const kind = this.shape.kinds[source];
    const offset = XMM_BYTES * this.half;
    if (kind === 'x') return this.let(load(VECTOR_OP.load, V128, this.registerAddress(source), at(REG) + offset));
    if (kind === 'm') return this.readLow(index, 64);
    const host = this.hostOf(source, this.access(ACCESS.read, alignment));
    return this.let(load(this.vectorBits === 64 ? VECTOR_OP.load64_zero : VECTOR_OP.load, V128, host, offset));
  }

  readLow(index: number, bits: 8 | 16 | 32 | 64 | 128): Value {
    // Without VEX, 16 bytes are always aligned.
    if (bits === 128 && !this.shape.vex) return this.readVector(index);
    const source = this.source(index);
    const register = this.isRegister(index);
    const address = register ? this.registerAddress(source) : this.hostOf(source, { bytes: bits / 8, kind: ACCESS.read });
    const offset = register ? at(REG) : 0;
    if (bits === 8 || bits === 16) return this.let(this.withLane('i32x4', ZERO_VECTOR, 0, this.loadSized(address, offset, bits)));
    const op = { 32: VECTOR_OP.load32_zero, 64: VECTOR_OP.load64_zero, 128: VECTOR_OP.load }[bits];
    return this.let(load(op, V128, address, offset));
  }

  writeVector(index: number, value: Value, alignment?: Alignment): void {
    const kind = this.shape.kinds[index];
    if (kind === 'x') return this.storeVector(this.registerAddress(index), expression(value));
    if (kind === 'm') return this.storeMmx(this.registerAddress(index), expression(value));
    const host = this.hostOf(index, this.access(ACCESS.write, alignment));
    if (this.vectorBits === 64) this.code.storeLane(VECTOR_OP.store64_lane, host, 0, expression(value));
    else this.code.store(VECTOR_OP.store, host, XMM_BYTES * this.half, expression(value));
    if (this.half === this.halves - 1) this.memory.commit(host);
  }

  modifyVector(index: number, alignment: Alignment = 'any'): Value {
    const host = this.hostOf(index, this.access(ACCESS.modify, alignment));
    return this.let(load(this.vectorBits === 64 ? VECTOR_OP.load64_zero : VECTOR_OP.load, V128, host, XMM_BYTES * this.half));
  }

  writeLow(index: number, value: Value, bits: 32 | 64 | 128): void {
    if (this.isRegister(index)) return this.storeLow(index, value, bits);
    const host = this.memory.probe(index, { bytes: bits / 8, kind: ACCESS.write });
    if (bits === 128) this.code.store(VECTOR_OP.store, host, 0, expression(value));
    else this.code.storeLane(bits === 64 ? VECTOR_OP.store64_lane : VECTOR_OP.store32_lane, host, 0, expression(value));
    this.memory.commit(host);
  }

  vectorRegister(number: number): Value {
    return this.let(load(VECTOR_OP.load, V128, CPU, at(VECTOR + VECTOR_BYTES * number)));
  }

  blendMask(): Value {
    if (!this.shape.vex) return this.vectorRegister(0);
    // Bits 4 to 7 of the immediate, times the size of a register.
    const offset = binary(OP.i32_shl, I32, binary(OP.i32_and, I32, this.field(OP.i32_load8_u, I32, R.immediate), i32(0xf0)), i32(1));
    return this.let(load(VECTOR_OP.load, V128, offset, at(VECTOR) + XMM_BYTES * this.half));
  }

  clearUpper(number: number, all: boolean): void {
    const address = at(VECTOR + VECTOR_BYTES * number);
    if (all) this.code.store(VECTOR_OP.store, CPU, address, ZERO_VECTOR);
    this.code.store(VECTOR_OP.store, CPU, address + XMM_BYTES, ZERO_VECTOR);
  }

  halfImmediate(bits: number): Value {
    const immediate = this.toI32(this.immediate());
    return this.half === 0 ? immediate : this.shrU(immediate, i32(bits * this.half));
  }

  compareStrings(set: Value, text: Value, control: Value): { readonly mask: Value; readonly setLength: Value; readonly textLength: Value } {
    const result = this.let(call(this.routines.compareStrings, I32, [expression(set), expression(text), expression(control)]));
    const length = (shift: number): Value => this.and(this.shrU(result, this.i32(shift)), this.i32(LENGTH_MASK));
    const refused = this.ltS(result, this.i32(0));
    return { mask: this.let(this.select(refused, this.i32(-1), this.and(result, this.i32(0xffff)))), setLength: length(SET_LENGTH_SHIFT), textLength: length(TEXT_LENGTH_SHIFT) };
  }

  mxcsr(): Value {
    return this.loadState(OP.i32_load, I32, MXCSR);
  }

  setMxcsr(value: Value): void {
    this.storeState(OP.i32_store, MXCSR, expression(value));
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

  /** An access to a whole vector operand. Without VEX it is to be aligned unless the instruction says otherwise. */
  private access(kind: number, alignment: Alignment = this.shape.vex ? 'any' : 'aligned'): Access {
    const bytes = (this.vectorBits / 8) * this.halves;
    return { bytes, kind, aligned: !this.usesMmx && alignment === 'aligned' };
  }

  /** Host address of the memory operand at a position, looked up once for both halves and for reading before writing. */
  private hostOf(position: number, access: Access): Expression {
    const place = this.memory.place(position);
    return (place.host ??= this.memory.probe(position, access));
  }

  /** Into the selected half of a register; with VEX, what lies behind the vector becomes zero. */
  private storeVector(address: Expression, value: Expression): void {
    this.code.store(VECTOR_OP.store, address, at(REG) + XMM_BYTES * this.half, value);
    if (this.shape.vex?.length === 128) this.code.store(VECTOR_OP.store, address, at(REG) + XMM_BYTES, ZERO_VECTOR);
  }

  /** Into the low part of a register, whose rest stays; with VEX, the rest comes from the first source. */
  private storeLow(index: number, value: Value, bits: 32 | 64 | 128): void {
    const address = this.registerAddress(index);
    if (bits === 128) return this.storeVector(address, expression(value));
    if (!this.shape.vex) return this.code.storeLane(bits === 64 ? VECTOR_OP.store64_lane : VECTOR_OP.store32_lane, address, at(REG), expression(value));
    const low = v128(bits === 64 ? -1n : 0xffffffffn, 0n);
    this.storeVector(address, expression(this.vector('v128.bitselect', value, this.readVector(0), low)));
  }

  /** An MMX register is the significand of an x87 register, whose sign and exponent become all ones. */
  private storeMmx(address: Expression, value: Expression): void {
    this.code.storeLane(VECTOR_OP.store64_lane, address, at(REG), value);
    this.code.store(OP.i32_store16, address, at(REG) + 8, i32(0xffff));
  }
}
