/**
 * Routines that carry the x87 and SSE state to an FXSAVE image and back (Intel SDM vol. 1, 10.5.1; vol. 2, FXSAVE, FXRSTOR).
 * Parameters: host address of the image, whether pointers have 64 bits (REX.W), XMM registers: 8, or 16 in 64-bit code.
 */
import { FPU, MXCSR, VECTOR, VECTOR_BYTES } from '../cpu/layout';
import { CONTROL_WORD_FIXED, CONTROL_WORD_WRITABLE } from '../cpu/x87/environment';
import { ALL_EXCEPTIONS, FPU_LAYOUT, FPU_REGISTER_BYTES, StatusWord } from '../cpu/x87/layout';
import { Mxcsr } from '../cpu/softfloat/unit';
import type { Value } from '../isa/emitter';
import type { FunctionBody } from './controlFunctions';
import { at } from './operandEmitter';
import { expression } from './valueEmitter';
import { I32, OP, V128 } from './wasm/encoding';
import { load } from './wasm/expressions';
import { VECTOR_OP } from './wasm/vectorOpcodes';
import { X87StateEmitter } from './x87StateEmitter';

/** Offsets in the image. The control, status and tag word and the opcode lie in it as in the state block. */
const IMAGE = { words: 0, instruction: 8, data: 16, mxcsr: 24, mxcsrMask: 28, registers: 32, vectors: 160 } as const;
const REGISTERS = 8;
const WIDE_REGISTERS = 16;
/** Bits of the tag word and of the opcode that there are, in their words of 16 bits. */
const TAG_BITS = 0xff, OPCODE_BITS = 0x7ff;

class UnitRoutine extends X87StateEmitter {
  private readonly image = this.parameter(0);
  private readonly longPointers = this.parameter(1);
  private readonly vectors = this.parameter(2);

  save(): FunctionBody {
    const words = this.wide(FPU + FPU_LAYOUT.controlWord);
    this.storeAt(this.image, IMAGE.words, words);
    this.savePointer(IMAGE.instruction, FPU_LAYOUT.instructionPointer, FPU_LAYOUT.instructionSelector);
    this.savePointer(IMAGE.data, FPU_LAYOUT.dataPointer, FPU_LAYOUT.dataSelector);
    this.storeAt(this.image, IMAGE.mxcsr, this.word(MXCSR));
    this.storeAt(this.image, IMAGE.mxcsrMask, this.i32(Mxcsr.writable));
    this.forRegisters((register, offset) => this.storeVector(this.image, offset, this.loadVector(register, at(FPU))));
    this.forVectors((state, offset) => this.storeVector(this.image, offset, this.loadVector(this.i32(0), at(state))));
    return this.done();
  }

  /** Refuses reserved bits of MXCSR, and exceptions that are pending. */
  restore(): FunctionBody {
    const mxcsr = this.loadAt(this.image, IMAGE.mxcsr);
    this.refuseIf(this.and(mxcsr, this.i32(~Mxcsr.writable)));
    const words = this.loadWideAt(this.image, IMAGE.words);
    const low = this.let(this.toI32(words));
    const control = this.let(this.or(this.and(low, this.i32(CONTROL_WORD_WRITABLE)), this.i32(CONTROL_WORD_FIXED)));
    const status = this.let(this.and(this.shrU(low, this.i32(16)), this.i32(0xffff & ~(StatusWord.exceptionSummary | StatusWord.busy))));
    this.refuseIf(this.and(this.and(status, this.xor(control, this.i32(-1))), this.i32(ALL_EXCEPTIONS)));
    this.setWord(MXCSR, mxcsr);
    this.setWord(FPU + FPU_LAYOUT.controlWord, this.or(control, this.shl(status, this.i32(16))));
    const high = this.and(this.toI32(this.shrU(words, this.i64(32n))), this.i32(TAG_BITS | (OPCODE_BITS << 16)));
    this.setWord(FPU + FPU_LAYOUT.tagWord, high);
    const instruction = this.restorePointer(IMAGE.instruction, FPU_LAYOUT.instructionPointer);
    const data = this.restorePointer(IMAGE.data, FPU_LAYOUT.dataPointer);
    this.setWord(FPU + FPU_LAYOUT.instructionSelector, this.or(instruction, this.shl(data, this.i32(16))));
    this.forRegisters((register, offset) => {
      this.code.store(OP.i64_store, expression(register), at(FPU), expression(this.loadWideAt(this.image, offset)));
      this.code.store(OP.i32_store16, expression(register), at(FPU) + 8, expression(this.loadAt(this.image, offset + 8)));
    });
    this.forVectors((state, offset) => this.storeVector(this.i32(0), at(state), this.loadVector(this.image, offset)));
    return this.done();
  }

  /** A pointer of 64 bits, or one of 32 with its selector. */
  private savePointer(offset: number, pointer: number, selector: number): void {
    const whole = this.wide(FPU + pointer);
    const half = this.and(this.word(FPU + selector), this.i32(0xffff));
    const narrow = this.or(this.and(whole, this.i64(0xffffffffn)), this.shl(this.toI64Unsigned(half), this.i64(32n)));
    this.storeAt(this.image, offset, this.let(this.select(this.longPointers, whole, narrow)));
  }

  /** The pointer goes into the state block; gives its selector, 0 where pointers have 64 bits. */
  private restorePointer(offset: number, pointer: number): Value {
    const whole = this.loadWideAt(this.image, offset);
    this.setWide(FPU + pointer, this.select(this.longPointers, whole, this.and(whole, this.i64(0xffffffffn))));
    const selector = this.and(this.toI32(this.shrU(whole, this.i64(32n))), this.i32(0xffff));
    return this.let(this.select(this.longPointers, this.i32(0), selector));
  }

  /** ST(0) to ST(7): where each lies from the start of the registers, and in the image. */
  private forRegisters(visit: (register: Value, offset: number) => void): void {
    this.forX87Stack(this.word(FPU + FPU_LAYOUT.controlWord), (register, i) => visit(register, IMAGE.registers + FPU_REGISTER_BYTES * i));
  }

  /** XMM registers: where each lies in the state block, and in the image. */
  private forVectors(visit: (state: number, offset: number) => void): void {
    const some = (first: number, end: number): void => {
      for (let i = first; i < end; i++) visit(VECTOR + VECTOR_BYTES * i, IMAGE.vectors + 16 * i);
    };
    some(0, REGISTERS);
    this.if(this.gtU(this.vectors, this.i32(REGISTERS)), () => some(REGISTERS, WIDE_REGISTERS));
  }

  private loadVector(address: Value, offset: number): Value {
    return load(VECTOR_OP.load, V128, expression(address), offset);
  }
  private storeVector(address: Value, offset: number, value: Value): void {
    this.code.store(VECTOR_OP.store, expression(address), offset, expression(value));
  }
}

const SIGNATURE = { parameters: [I32, I32, I32], results: [I32] } as const;
export const UNIT_ROUTINES = { fxsave: SIGNATURE, fxrstor: SIGNATURE } as const;
export type UnitRoutineName = keyof typeof UNIT_ROUTINES;

export function emitUnitRoutine(name: UnitRoutineName): FunctionBody {
  const e = new UnitRoutine(UNIT_ROUTINES[name].parameters);
  return name === 'fxsave' ? e.save() : e.restore();
}
