/**
 * The part of handlers that reaches the x87 unit: its registers and words in the state block, its routines, and memory
 * operands of 80 bits.
 *
 * Words that lie side by side are always read and written together, so that a read finds its store in the processor's
 * store buffer.
 */
import { CR0, CS, EIP_BASE, FPU, SEG_SELECTOR, SEGMENT_BYTES, SEGMENTS } from '../cpu/layout';
import { FPU_LAYOUT } from '../cpu/x87/layout';
import type { Value } from '../isa/emitter';
import type { EnvironmentRoutine, X87Emitter, X87Routine } from '../isa/x87Emitter';
import { IMAGE_BYTES as ENVIRONMENT_BYTES } from './environmentRoutines';
import type { HandlerShape } from './handlerShape';
import { ACCESS } from './memoryAccess';
import { at } from './operandEmitter';
import { R } from './records';
import type { Routines } from './routines';
import { expression } from './valueEmitter';
import { VectorOperandEmitter } from './vectorOperandEmitter';
import { I32, I64, OP } from './wasm/encoding';
import { binary, call, i32, i64, load, unary, type Expression } from './wasm/expressions';
import type { FunctionBuilder } from './wasm/functionBuilder';

const REGISTERS = FPU + FPU_LAYOUT.registers;
/** The control word is the lower half of these 4 bytes, and the status word the upper one. */
const WORDS = FPU + FPU_LAYOUT.controlWord;
/** Tags and the last opcode. */
const TAGS = FPU + FPU_LAYOUT.tagWord;
/** Selectors of the last instruction and its operand. */
const SELECTORS = FPU + FPU_LAYOUT.instructionSelector;
const CS_SELECTOR = SEGMENTS + CS * SEGMENT_BYTES + SEG_SELECTOR;
/** Sign and exponent, behind a significand. */
const WORD = 8;
const EXTENDED_BYTES = 10;
/** The FXSAVE image. */
const IMAGE_BYTES = 512, IMAGE_ALIGNMENT = 16;
/** Bits of CR0 that take the units away. */
const EMULATION = 4, TASK_SWITCHED = 8;

export abstract class X87OperandEmitter extends VectorOperandEmitter implements X87Emitter {
  readonly x87Memory: boolean;

  constructor(shape: HandlerShape, code: FunctionBuilder, routines: Routines) {
    super(shape, code, routines);
    this.x87Memory = shape.kinds.length > 0;
  }

  x87Words(): Value {
    return this.loadState(OP.i32_load, I32, WORDS);
  }
  setX87Words(value: Value): void {
    this.storeState(OP.i32_store, WORDS, expression(value));
  }
  x87Tags(): Value {
    return this.narrow(this.loadState(OP.i32_load, I32, TAGS), 8);
  }
  setX87Tags(value: Value): void {
    this.storeState(OP.i32_store, TAGS, expression(value));
  }

  x87Opcode(): Value {
    // The opcode byte lies behind ModRM.
    const bytes = this.field(OP.i32_load16_u, I32, R.modrm);
    return this.shl(this.and(bytes, i32(0x7ff)), i32(16));
  }
  x87Operand(): Value {
    return this.shl(this.and(this.field(OP.i32_load8_u, I32, R.modrm), i32(7)), i32(4));
  }

  setX87Pointers(): void {
    const start = this.loadState(OP.i64_load, I64, EIP_BASE);
    const offset = unary(OP.i64_extend_i32_u, I64, this.field(OP.i32_load16_u, I32, R.offset));
    this.storeState(OP.i64_store, FPU + FPU_LAYOUT.instructionPointer, binary(OP.i64_add, I64, start, offset));
    const code = this.loadState(OP.i32_load16_u, I32, CS_SELECTOR);
    if (!this.x87Memory) return this.storeState(OP.i32_store16, SELECTORS, code);
    this.storeState(OP.i64_store, FPU + FPU_LAYOUT.dataPointer, this.memory.effectiveAddress(0));
    const data = this.segmentSelector(this.field(OP.i32_load16_u, I32, R.segment));
    this.storeState(OP.i32_store, SELECTORS, expression(this.or(code, this.shl(data, i32(16)))));
  }
  clearX87Pointers(): void {
    for (const pointer of [FPU_LAYOUT.instructionPointer, FPU_LAYOUT.dataPointer]) this.storeState(OP.i64_store, FPU + pointer, i64(0n));
    this.storeState(OP.i32_store, SELECTORS, i32(0));
  }

  x87Significand(register: Value): Value {
    return this.loadRegister(OP.i64_load, I64, register, 0);
  }
  x87Word(register: Value): Value {
    return this.loadRegister(OP.i32_load16_u, I32, register, WORD);
  }
  setX87Register(register: Value, significand: Value, word: Value): void {
    this.storeRegisterPart(OP.i64_store, register, 0, expression(significand));
    // What lies behind is always zero.
    this.storeRegisterPart(OP.i32_store, register, WORD, expression(word));
  }

  x87Routine(name: Exclude<X87Routine, 'compare'>, ...values: readonly Value[]): { readonly significand: Value; readonly word: Value } {
    const significand = this.code.temporary(I64);
    const word = this.code.temporary(I32);
    this.code.callInto(this.routines[name], values.map(expression), [significand, word]);
    return { significand, word };
  }
  x87Compare(...values: readonly Value[]): Value {
    return this.let(call(this.routines.compare, I32, values.map(expression)));
  }

  readExtended(index: number): { readonly significand: Value; readonly word: Value } {
    const host = this.memory.probe(index, { bytes: EXTENDED_BYTES, kind: ACCESS.read });
    return { significand: this.let(load(OP.i64_load, I64, host, 0)), word: this.let(load(OP.i32_load16_u, I32, host, WORD)) };
  }
  writeExtended(index: number, significand: Value, word: Value): void {
    const host = this.memory.probe(index, { bytes: EXTENDED_BYTES, kind: ACCESS.write });
    this.code.store(OP.i64_store, host, 0, expression(significand));
    this.code.store(OP.i32_store16, host, WORD, expression(word));
    this.memory.commit(host);
  }

  transferUnits(routine: 'fxsave' | 'fxrstor', giveUpIf: (condition: Value) => void): void {
    const linear = this.imageAddress();
    if (!linear) return giveUpIf(this.i32(1));
    giveUpIf(this.and(this.loadState(OP.i32_load, I32, CR0), this.i32(EMULATION | TASK_SWITCHED)));
    giveUpIf(this.and(this.toI32(linear), this.i32(IMAGE_ALIGNMENT - 1)));
    const kind = routine === 'fxsave' ? ACCESS.write : ACCESS.read;
    const host = this.memory.lookUpRun(expression(linear), i32(IMAGE_BYTES), kind, giveUpIf);
    const done = call(this.routines[routine], I32, [host, i32(this.size === 64 ? 1 : 0), i32(this.shape.model === 'long' ? 16 : 8)]);
    giveUpIf(this.eqz(this.let(done)));
  }
  transferEnvironment(routine: EnvironmentRoutine, giveUpIf: (condition: Value) => void): void {
    const linear = this.size === 16 ? undefined : this.imageAddress();
    if (!linear) return giveUpIf(this.i32(1));
    const kind = routine === 'fnstenv' || routine === 'fnsave' ? ACCESS.write : ACCESS.read;
    const host = this.memory.lookUpRun(expression(linear), i32(ENVIRONMENT_BYTES[routine]), kind, giveUpIf);
    giveUpIf(this.eqz(this.let(call(this.routines[routine], I32, [host]))));
  }
  /** Linear address of the memory operand, i32 or in 64-bit code i64; undefined where a segment has a say. */
  private imageAddress(): Value | undefined {
    const kind = this.shape.kinds[0];
    if (kind !== 'F' && kind !== 'L') return undefined;
    const address = this.effectiveAddress(0);
    return this.let(kind === 'L' ? address : this.toI32(address));
  }

  orService(body: (giveUpIf: (condition: Value) => void) => void): void {
    this.code.block((done) => {
      this.code.block((giveUp) => {
        body((condition) => giveUp(expression(condition)));
        done();
      });
      this.service();
    });
  }

  /** A part of the register at an offset, and setting it. */
  protected loadRegister(op: number, type: typeof I32 | typeof I64, register: Value, part: number): Expression {
    return load(op, type, expression(register), at(REGISTERS) + part);
  }
  protected storeRegisterPart(op: number, register: Value, part: number, value: Expression): void {
    this.code.store(op, expression(register), at(REGISTERS) + part, value);
  }

  /** Selector of the segment at an offset in the state block. */
  protected segmentSelector(segment: Expression): Expression {
    return load(OP.i32_load16_u, I32, segment, at(SEG_SELECTOR));
  }
}
