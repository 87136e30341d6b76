/**
 * Routines that carry the x87 unit's environment, or all of its state, to an image in memory and back: FNSTENV, FLDENV, FNSAVE
 * and FRSTOR in the format of protected mode and 32 bits, which 64-bit code has as well (Intel SDM vol. 1, figure 8-9; vol. 2).
 * What other formats there are is the service's. Parameter: host address of the image.
 */
import { CR0 as CR0_WORD, FLAGS_SYSTEM, FPU } from '../cpu/layout';
import { CR0, FLAG } from '../cpu/state';
import { CONTROL_WORD_FIXED, CONTROL_WORD_WRITABLE, Tag } from '../cpu/x87/environment';
import { ALL_EXCEPTIONS, FPU_LAYOUT, FPU_REGISTER_BYTES, StatusWord } from '../cpu/x87/layout';
import type { Value } from '../isa/emitter';
import type { EnvironmentRoutine } from '../isa/x87Emitter';
import type { FunctionBody } from './controlFunctions';
import { at } from './operandEmitter';
import { expression } from './valueEmitter';
import { I32, I64, OP } from './wasm/encoding';
import { load } from './wasm/expressions';
import { X87StateEmitter, X87_REGISTERS } from './x87StateEmitter';

/** Offsets in the image, of words of 32 bits, and the packed registers behind them in that of all state. */
const IMAGE = { control: 0, status: 4, tags: 8, instruction: 12, instructionSelector: 16, data: 20, dataSelector: 24, registers: 28 } as const;
const PACKED_REGISTER_BYTES = 10;
/** Bytes of an image, by routine. */
export const IMAGE_BYTES: Readonly<Record<EnvironmentRoutine, number>> = {
  fnstenv: IMAGE.registers,
  fldenv: IMAGE.registers,
  fnsave: IMAGE.registers + X87_REGISTERS * PACKED_REGISTER_BYTES,
  frstor: IMAGE.registers + X87_REGISTERS * PACKED_REGISTER_BYTES,
};

/** What the reserved half of a word reads as. */
const RESERVED = 0xffff0000 | 0;
const LOW_HALF = 0xffff;
const NO_TAGS = 0xffff;
const OPCODE_BITS = 0x7ff;
/** Status word flags as they lie above the control word. */
const SUMMARY = (StatusWord.exceptionSummary | StatusWord.busy) << 16;
const WORDS = FPU + FPU_LAYOUT.controlWord, TAGS = FPU + FPU_LAYOUT.tagWord, SELECTORS = FPU + FPU_LAYOUT.instructionSelector;

class EnvironmentEmitter extends X87StateEmitter {
  private readonly image = this.parameter(0);

  /** FNSTENV and FNSAVE, as far as the image goes. */
  save(whole: boolean): FunctionBody {
    this.refuseOtherModes();
    const words = this.word(WORDS);
    const tags = this.word(TAGS);
    this.storeAt(this.image, IMAGE.control, this.or(words, this.i32(RESERVED)));
    this.storeAt(this.image, IMAGE.status, this.or(this.shrU(words, this.i32(16)), this.i32(RESERVED)));
    this.storeAt(this.image, IMAGE.tags, this.or(this.fullTags(tags), this.i32(RESERVED)));
    const selectors = this.word(SELECTORS);
    this.storeAt(this.image, IMAGE.instruction, this.toI32(this.wide(FPU + FPU_LAYOUT.instructionPointer)));
    this.storeAt(this.image, IMAGE.instructionSelector, this.or(this.and(tags, this.i32(RESERVED)), this.and(selectors, this.i32(LOW_HALF))));
    this.storeAt(this.image, IMAGE.data, this.toI32(this.wide(FPU + FPU_LAYOUT.dataPointer)));
    this.storeAt(this.image, IMAGE.dataSelector, this.or(this.shrU(selectors, this.i32(16)), this.i32(RESERVED)));
    if (whole) {
      this.forX87Stack(words, (register, i) => {
        const offset = IMAGE.registers + PACKED_REGISTER_BYTES * i;
        this.storeAt(this.image, offset, load(OP.i64_load, I64, expression(register), at(FPU)));
        this.code.store(OP.i32_store16, expression(this.image), offset + 8, load(OP.i32_load16_u, I32, expression(register), at(FPU) + 8));
      });
    }
    return this.done();
  }

  /** FLDENV and FRSTOR. ES and B follow from the flags and masks loaded. */
  restore(whole: boolean): FunctionBody {
    this.refuseOtherModes();
    const control = this.let(this.or(this.and(this.loadAt(this.image, IMAGE.control), this.i32(CONTROL_WORD_WRITABLE)), this.i32(CONTROL_WORD_FIXED)));
    const status = this.loadAt(this.image, IMAGE.status);
    const pending = this.and(this.and(status, this.xor(control, this.i32(-1))), this.i32(ALL_EXCEPTIONS));
    const flags = this.and(this.shl(status, this.i32(16)), this.i32(~SUMMARY));
    const words = this.let(this.or(this.or(control, flags), this.select(pending, this.i32(SUMMARY), this.i32(0))));
    this.setWord(WORDS, words);
    const code = this.loadAt(this.image, IMAGE.instructionSelector);
    this.setWord(TAGS, this.or(this.abridged(this.loadAt(this.image, IMAGE.tags)), this.and(code, this.i32(OPCODE_BITS << 16))));
    this.setWide(FPU + FPU_LAYOUT.instructionPointer, this.toI64Unsigned(this.loadAt(this.image, IMAGE.instruction)));
    this.setWide(FPU + FPU_LAYOUT.dataPointer, this.toI64Unsigned(this.loadAt(this.image, IMAGE.data)));
    this.setWord(SELECTORS, this.or(this.and(code, this.i32(LOW_HALF)), this.shl(this.loadAt(this.image, IMAGE.dataSelector), this.i32(16))));
    if (whole) {
      this.forX87Stack(words, (register, i) => {
        const offset = IMAGE.registers + PACKED_REGISTER_BYTES * i;
        this.code.store(OP.i64_store, expression(register), at(FPU), load(OP.i64_load, I64, expression(this.image), offset));
        this.code.store(OP.i32_store, expression(register), at(FPU) + 8, load(OP.i32_load16_u, I32, expression(this.image), offset + 8));
      });
    }
    return this.done();
  }

  /** Real and virtual-8086 mode have formats of their own. */
  private refuseOtherModes(): void {
    this.refuseIf(this.eqz(this.and(this.word(CR0_WORD), this.i32(CR0.PE))));
    this.refuseIf(this.and(this.word(FLAGS_SYSTEM), this.i32(FLAG.VM)));
  }

  /** The tag word with two bits for a register, which follow from the contents of those that are not empty. */
  private fullTags(tags: Value): Value {
    const full = this.variable(this.i32(NO_TAGS));
    this.if(this.and(tags, this.i32(0xff)), () => {
      this.assign(full, this.i32(0));
      for (let i = 0; i < X87_REGISTERS; i++) this.assign(full, this.or(full, this.shl(this.tagOf(i, tags), this.i32(2 * i))));
    });
    return full;
  }

  private tagOf(physical: number, tags: Value): Value {
    const offset = FPU + FPU_LAYOUT.registers + FPU_REGISTER_BYTES * physical;
    const number = { significand: this.wide(offset), word: this.word(offset + 8) };
    const filled = this.select(this.isNormal(number), this.i32(Tag.valid), this.select(this.isZero(number), this.i32(Tag.zero), this.i32(Tag.special)));
    return this.let(this.select(this.and(tags, this.i32(1 << physical)), filled, this.i32(Tag.empty)));
  }

  /** One bit for each register of a full tag word that is not empty. */
  private abridged(full: Value): Value {
    const empty = this.and(full, this.shrU(full, this.i32(1)));
    const filled = this.let(this.and(this.xor(empty, this.i32(-1)), this.i32(0x5555)));
    // Every other bit moves together.
    const pairs = this.let(this.and(this.or(filled, this.shrU(filled, this.i32(1))), this.i32(0x3333)));
    const nibbles = this.let(this.and(this.or(pairs, this.shrU(pairs, this.i32(2))), this.i32(0x0f0f)));
    return this.and(this.or(nibbles, this.shrU(nibbles, this.i32(4))), this.i32(0xff));
  }
}

const SIGNATURE = { parameters: [I32], results: [I32] } as const;
export const ENVIRONMENT_ROUTINES: Readonly<Record<EnvironmentRoutine, typeof SIGNATURE>> = { fnstenv: SIGNATURE, fldenv: SIGNATURE, fnsave: SIGNATURE, frstor: SIGNATURE };

export function emitEnvironmentRoutine(name: EnvironmentRoutine): FunctionBody {
  const e = new EnvironmentEmitter(SIGNATURE.parameters);
  const whole = name === 'fnsave' || name === 'frstor';
  return name === 'fnstenv' || name === 'fnsave' ? e.save(whole) : e.restore(whole);
}
