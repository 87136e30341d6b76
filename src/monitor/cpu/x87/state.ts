/**
 * The accessor for an FPU state block, and the two rules that all instructions share: how exceptions are
 * raised, and what counts as the last instruction. Source: Intel SDM volume 1, 8.1.
 */

import { extendedSignExponent, unpackExtended } from './float';
import type { Float } from './float';
import { ALL_EXCEPTIONS, FPU_LAYOUT, FPU_REGISTER_BYTES, StatusWord } from './layout';

/** What FSTENV saves about the last instruction. */
export interface InstructionAddresses {
  /** The opcode byte, D8h to DFh. */
  opcode: number;
  modrm: number;
  /** Offset of the instruction (prefixes included) in its code segment, in two 32-bit halves. */
  instructionPointer: number;
  instructionPointerHigh: number;
  codeSelector: number;
  /** Offset of the memory operand in its segment, in two 32-bit halves. Only read for memory forms. */
  dataPointer: number;
  dataPointerHigh: number;
  dataSelector: number;
}

const CONTROL_WORD_AFTER_INIT = 0x037f;

/** Typed access to the FPU state block at `base` of `view`. Holds nothing itself. */
export class FpuState {
  constructor(private readonly view: DataView, private readonly base: number) {}

  get controlWord(): number { return this.view.getUint16(this.base + FPU_LAYOUT.controlWord, true); }
  get statusWord(): number { return this.view.getUint16(this.base + FPU_LAYOUT.statusWord, true); }
  get tagWord(): number { return this.view.getUint16(this.base + FPU_LAYOUT.tagWord, true); }
  get lastOpcode(): number { return this.view.getUint16(this.base + FPU_LAYOUT.lastOpcode, true); }
  get instructionPointer(): bigint { return this.view.getBigUint64(this.base + FPU_LAYOUT.instructionPointer, true); }
  get dataPointer(): bigint { return this.view.getBigUint64(this.base + FPU_LAYOUT.dataPointer, true); }
  get instructionSelector(): number { return this.view.getUint16(this.base + FPU_LAYOUT.instructionSelector, true); }
  get dataSelector(): number { return this.view.getUint16(this.base + FPU_LAYOUT.dataSelector, true); }

  set controlWord(value: number) { this.view.setUint16(this.base + FPU_LAYOUT.controlWord, value, true); }
  set statusWord(value: number) { this.view.setUint16(this.base + FPU_LAYOUT.statusWord, value, true); }
  set tagWord(value: number) { this.view.setUint16(this.base + FPU_LAYOUT.tagWord, value & 0xff, true); }
  set lastOpcode(value: number) { this.view.setUint16(this.base + FPU_LAYOUT.lastOpcode, value & 0x7ff, true); }
  set instructionPointer(value: bigint) { this.view.setBigUint64(this.base + FPU_LAYOUT.instructionPointer, value, true); }
  set dataPointer(value: bigint) { this.view.setBigUint64(this.base + FPU_LAYOUT.dataPointer, value, true); }
  set instructionSelector(value: number) { this.view.setUint16(this.base + FPU_LAYOUT.instructionSelector, value, true); }
  set dataSelector(value: number) { this.view.setUint16(this.base + FPU_LAYOUT.dataSelector, value, true); }

  /** TOP, the physical number of ST(0). */
  get top(): number { return (this.statusWord & StatusWord.top) >>> StatusWord.topShift; }

  set top(value: number) {
    this.statusWord = (this.statusWord & ~StatusWord.top) | ((value & 7) << StatusWord.topShift);
  }

  /** The physical number of ST(index); -1 is the register that a push will fill. */
  physical(index: number): number { return (this.top + index) & 7; }

  isEmpty(index: number): boolean { return (this.tagWord & (1 << this.physical(index))) === 0; }

  /** Takes the register ST(index) apart, whatever its tag. */
  read(to: Float, index: number): void {
    this.readPhysical(to, this.physical(index));
  }

  readPhysical(to: Float, physical: number): void {
    const at = this.registerAt(physical);
    unpackExtended(to, this.view.getUint16(at + 8, true), this.view.getUint32(at + 4, true), this.view.getUint32(at, true));
  }

  /** Puts a value that has been rounded to double-extended into ST(index) and tags it as not empty. */
  write(index: number, value: Float): void {
    const physical = this.physical(index);
    const at = this.registerAt(physical);
    this.view.setUint32(at, value.low, true);
    this.view.setUint32(at + 4, value.high, true);
    this.view.setUint32(at + 8, extendedSignExponent(value), true);
    this.tagWord |= 1 << physical;
  }

  /** Puts an encoding into a physical register and tags it as not empty. */
  setEncoding(physical: number, signExponent: number, high: number, low: number): void {
    const at = this.registerAt(physical);
    this.view.setUint32(at, low, true);
    this.view.setUint32(at + 4, high, true);
    this.view.setUint32(at + 8, signExponent, true);
    this.tagWord |= 1 << physical;
  }

  /** Copies ST(from) to ST(to) bit by bit and tags it as not empty. */
  copyRegister(from: number, to: number): void {
    const { view } = this;
    const source = this.registerAt(this.physical(from));
    const target = this.physical(to);
    const at = this.registerAt(target);
    for (let offset = 0; offset < FPU_REGISTER_BYTES; offset += 4) {
      view.setUint32(at + offset, view.getUint32(source + offset, true), true);
    }
    this.tagWord |= 1 << target;
  }

  /** Exchanges ST(a) and ST(b) bit by bit; the tags stay. */
  exchangeRegisters(a: number, b: number): void {
    const { view } = this;
    const atA = this.registerAt(this.physical(a));
    const atB = this.registerAt(this.physical(b));
    for (let offset = 0; offset < FPU_REGISTER_BYTES; offset += 4) {
      const word = view.getUint32(atA + offset, true);
      view.setUint32(atA + offset, view.getUint32(atB + offset, true), true);
      view.setUint32(atB + offset, word, true);
    }
  }

  signExponent(physical: number): number { return this.view.getUint16(this.registerAt(physical) + 8, true); }
  significandHigh(physical: number): number { return this.view.getUint32(this.registerAt(physical) + 4, true); }
  significandLow(physical: number): number { return this.view.getUint32(this.registerAt(physical), true); }

  /** Marks ST(index) as empty; its content stays. */
  free(index: number): void { this.tagWord &= ~(1 << this.physical(index)); }

  pop(): void {
    this.free(0);
    this.top = this.top + 1;
  }

  /** Moves TOP down; the new ST(0) is written by the caller. */
  push(): void { this.top = this.top - 1; }

  private registerAt(physical: number): number {
    return this.base + FPU_LAYOUT.registers + physical * FPU_REGISTER_BYTES;
  }

  /** Records the addresses of a non-control instruction for FSTENV; `memory`: it has a memory operand. */
  recordInstruction(at: InstructionAddresses, memory: boolean): void {
    const { view, base } = this;
    view.setUint16(base + FPU_LAYOUT.lastOpcode, ((at.opcode & 7) << 8) | at.modrm, true);
    view.setUint32(base + FPU_LAYOUT.instructionPointer, at.instructionPointer, true);
    view.setUint32(base + FPU_LAYOUT.instructionPointer + 4, at.instructionPointerHigh, true);
    view.setUint16(base + FPU_LAYOUT.instructionSelector, at.codeSelector, true);
    if (!memory) return;
    view.setUint32(base + FPU_LAYOUT.dataPointer, at.dataPointer, true);
    view.setUint32(base + FPU_LAYOUT.dataPointer + 4, at.dataPointerHigh, true);
    view.setUint16(base + FPU_LAYOUT.dataSelector, at.dataSelector, true);
  }

  /** FNINIT: everything to its default except the registers' contents. */
  initialise(): void {
    this.controlWord = CONTROL_WORD_AFTER_INIT;
    this.statusWord = 0;
    this.tagWord = 0;
    this.lastOpcode = 0;
    this.instructionPointer = 0n;
    this.dataPointer = 0n;
    this.instructionSelector = 0;
    this.dataSelector = 0;
  }

  /**
   * Records exceptions: `flags` are exception flags, the stack fault, and C1 (which is otherwise cleared).
   * Returns those exceptions that are not masked; if there are any, ES and B are set.
   */
  raise(flags: number): number {
    return this.addExceptions(this.statusWord & ~StatusWord.c1, flags);
  }

  /** `raise` for FCOMI and its kin, which leave C1 alone but for a stack fault. */
  raiseKeepingC1(flags: number): number {
    return (flags & StatusWord.stackFault) !== 0 ? this.raise(flags) : this.addExceptions(this.statusWord, flags);
  }

  private addExceptions(statusWord: number, flags: number): number {
    const unmasked = flags & ~this.controlWord & ALL_EXCEPTIONS;
    const summary = unmasked === 0 ? 0 : StatusWord.exceptionSummary | StatusWord.busy;
    this.statusWord = statusWord | flags | summary;
    return unmasked;
  }

  /** Makes ES and B follow from the exception flags and masks, after either was loaded. */
  updateSummary(): void {
    const pending = this.statusWord & ~this.controlWord & ALL_EXCEPTIONS;
    const summary = StatusWord.exceptionSummary | StatusWord.busy;
    this.statusWord = pending === 0 ? this.statusWord & ~summary : this.statusWord | summary;
  }

  /** Sets or clears one condition code. */
  setCondition(code: number, on: boolean): void {
    this.statusWord = on ? this.statusWord | code : this.statusWord & ~code;
  }

  /** Sets all four condition codes. */
  setConditionCodes(codes: number): void {
    this.statusWord = (this.statusWord & ~StatusWord.conditionCodes) | codes;
  }
}
