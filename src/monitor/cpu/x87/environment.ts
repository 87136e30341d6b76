/**
 * The memory images of the x87 state: the environment of FLDENV and FSTENV in its four formats, the whole
 * state of FRSTOR and FSAVE, and the x87 part of an FXSAVE image.
 *
 * Sources: Intel SDM volume 1, figures 8-9 to 8-12 (environment) and table 10-2 (FXSAVE), volume 2 FSAVE.
 */

import { Float, FloatKind } from './float';
import type { FpuState } from './state';

/** Bytes of an 80-bit register in an FSAVE image. */
const PACKED_REGISTER_BYTES = 10;
const REGISTERS = 8;

/** Two bits a register of the full tag word. */
export const Tag = { valid: 0, zero: 1, special: 2, empty: 3 } as const;

const classified = new Float();

/** The two-bit tag of a physical register: 0 valid, 1 zero, 2 special, 3 empty. */
export function fullTag(fpu: FpuState, physical: number): number {
  if ((fpu.tagWord & (1 << physical)) === 0) return Tag.empty;
  fpu.readPhysical(classified, physical);
  switch (classified.kind) {
    case FloatKind.zero: return Tag.zero;
    case FloatKind.normal: return Tag.valid;
    default: return Tag.special;
  }
}

/** The full tag word, two bits a physical register. */
export function fullTagWord(fpu: FpuState): number {
  let word = 0;
  for (let physical = 0; physical < REGISTERS; physical += 1) word |= fullTag(fpu, physical) << (2 * physical);
  return word;
}

/** The abridged form of a full tag word. Only 'empty' counts; the other tags follow from the contents. */
function abridge(full: number): number {
  let word = 0;
  for (let physical = 0; physical < REGISTERS; physical += 1) {
    if (((full >>> (2 * physical)) & 3) !== Tag.empty) word |= 1 << physical;
  }
  return word;
}

/** Format of an environment image. */
export interface EnvironmentFormat {
  /** False for 16 bits; an operand size of 64 uses the 32-bit image. */
  readonly wide: boolean;
  readonly protectedMode: boolean;
}

/** Size in bytes of an environment image. */
export function environmentBytes(format: EnvironmentFormat): number {
  return format.wide ? 28 : 14;
}

/** Size in bytes of an FSAVE image. */
export function fullStateBytes(format: EnvironmentFormat): number {
  return environmentBytes(format) + REGISTERS * PACKED_REGISTER_BYTES;
}

/** The address that real-mode images hold: 16 * selector + offset. */
function realAddress(selector: number, offset: bigint): number {
  return (selector * 16 + Number(offset & 0xffffffffn)) >>> 0;
}

/** Writes the environment to the start of `image`. */
export function storeEnvironment(fpu: FpuState, image: DataView, format: EnvironmentFormat): void {
  const step = format.wide ? 4 : 2;
  // The upper halves of the 32-bit image's words are reserved and read as ones.
  const put = (index: number, value: number): void => {
    if (format.wide) image.setUint32(index * step, value, true);
    else image.setUint16(index * step, value & 0xffff, true);
  };
  put(0, 0xffff0000 | fpu.controlWord);
  put(1, 0xffff0000 | fpu.statusWord);
  put(2, 0xffff0000 | fullTagWord(fpu));
  if (format.protectedMode) {
    put(3, Number(fpu.instructionPointer & 0xffffffffn));
    put(4, (format.wide ? fpu.lastOpcode << 16 : 0) | fpu.instructionSelector);
    put(5, Number(fpu.dataPointer & 0xffffffffn));
    put(6, 0xffff0000 | fpu.dataSelector);
    return;
  }
  const instruction = realAddress(fpu.instructionSelector, fpu.instructionPointer);
  const data = realAddress(fpu.dataSelector, fpu.dataPointer);
  put(3, 0xffff0000 | (instruction & 0xffff));
  put(4, ((instruction >>> 16) << 12) | fpu.lastOpcode);
  put(5, 0xffff0000 | (data & 0xffff));
  put(6, (data >>> 16) << 12);
}

/** Loads the environment from the start of `image`. ES and B follow from the flags and masks loaded. */
export function loadEnvironment(fpu: FpuState, image: DataView, format: EnvironmentFormat): void {
  const get = (index: number): number =>
    format.wide ? image.getUint32(index * 4, true) : image.getUint16(index * 2, true);
  loadControlWord(fpu, get(0) & 0xffff);
  fpu.statusWord = get(1) & 0xffff;
  fpu.updateSummary();
  fpu.tagWord = abridge(get(2));
  if (format.protectedMode) {
    fpu.instructionPointer = BigInt(get(3));
    fpu.instructionSelector = get(4) & 0xffff;
    fpu.lastOpcode = format.wide ? get(4) >>> 16 : 0;
    fpu.dataPointer = BigInt(get(5));
    fpu.dataSelector = get(6) & 0xffff;
    return;
  }
  fpu.instructionPointer = BigInt((((get(4) >>> 12) << 16) | (get(3) & 0xffff)) >>> 0);
  fpu.instructionSelector = 0;
  fpu.lastOpcode = get(4);
  fpu.dataPointer = BigInt((((get(6) >>> 12) << 16) | (get(5) & 0xffff)) >>> 0);
  fpu.dataSelector = 0;
}

export const CONTROL_WORD_WRITABLE = 0x1f3f;
export const CONTROL_WORD_FIXED = 0x0040;

/** Loads the control word; its reserved bits read as 0, bit 6 as 1. ES and B are the caller's to update. */
export function loadControlWord(fpu: FpuState, value: number): void {
  fpu.controlWord = (value & CONTROL_WORD_WRITABLE) | CONTROL_WORD_FIXED;
}

/** Writes ST(0) to ST(7) behind the environment of an FSAVE image. */
export function storeRegisters(fpu: FpuState, image: DataView, format: EnvironmentFormat): void {
  for (let index = 0; index < REGISTERS; index += 1) {
    storeEncoding(fpu, fpu.physical(index), image, environmentBytes(format) + index * PACKED_REGISTER_BYTES);
  }
}

/** Loads ST(0) to ST(7) from behind the environment of an FSAVE image; the tags stay. */
export function loadRegisters(fpu: FpuState, image: DataView, format: EnvironmentFormat): void {
  for (let index = 0; index < REGISTERS; index += 1) {
    loadEncoding(fpu, fpu.physical(index), image, environmentBytes(format) + index * PACKED_REGISTER_BYTES);
  }
}

function storeEncoding(fpu: FpuState, physical: number, image: DataView, at: number): void {
  image.setUint32(at, fpu.significandLow(physical), true);
  image.setUint32(at + 4, fpu.significandHigh(physical), true);
  image.setUint16(at + 8, fpu.signExponent(physical), true);
}

function loadEncoding(fpu: FpuState, physical: number, image: DataView, at: number): void {
  const tags = fpu.tagWord;
  fpu.setEncoding(physical, image.getUint16(at + 8, true), image.getUint32(at + 4, true), image.getUint32(at, true));
  fpu.tagWord = tags;
}

/** Byte offsets into an FXSAVE image. What is not listed belongs to SSE. */
const FXSAVE = {
  controlWord: 0, statusWord: 2, tagWord: 4, lastOpcode: 6, instructionPointer: 8, instructionSelector: 12,
  dataPointer: 16, dataSelector: 20, registers: 32, registerBytes: 16,
} as const;

/**
 * Writes the x87 part of an FXSAVE image: bytes 0 to 23 and 32 to 159 of `image`. `wide`: REX.W form
 * with 64-bit pointers and no selectors. MXCSR (24 to 31) and what follows are the caller's.
 */
export function storeFxsave(fpu: FpuState, image: DataView, wide: boolean): void {
  image.setUint16(FXSAVE.controlWord, fpu.controlWord, true);
  image.setUint16(FXSAVE.statusWord, fpu.statusWord, true);
  image.setUint16(FXSAVE.tagWord, fpu.tagWord, true);
  image.setUint16(FXSAVE.lastOpcode, fpu.lastOpcode, true);
  image.setBigUint64(FXSAVE.instructionPointer, fpu.instructionPointer, true);
  image.setBigUint64(FXSAVE.dataPointer, fpu.dataPointer, true);
  if (!wide) {
    image.setUint32(FXSAVE.instructionSelector, fpu.instructionSelector, true);
    image.setUint32(FXSAVE.dataSelector, fpu.dataSelector, true);
  }
  for (let index = 0; index < REGISTERS; index += 1) {
    const at = FXSAVE.registers + index * FXSAVE.registerBytes;
    storeEncoding(fpu, fpu.physical(index), image, at);
    image.setUint16(at + 10, 0, true);
    image.setUint32(at + 12, 0, true);
  }
}

/** Loads the x87 part of an FXSAVE image. ES and B follow from the flags and masks loaded. */
export function loadFxsave(fpu: FpuState, image: DataView, wide: boolean): void {
  loadControlWord(fpu, image.getUint16(FXSAVE.controlWord, true));
  fpu.statusWord = image.getUint16(FXSAVE.statusWord, true);
  fpu.updateSummary();
  fpu.tagWord = image.getUint16(FXSAVE.tagWord, true);
  fpu.lastOpcode = image.getUint16(FXSAVE.lastOpcode, true);
  const pointerBits = wide ? 64 : 32;
  fpu.instructionPointer = BigInt.asUintN(pointerBits, image.getBigUint64(FXSAVE.instructionPointer, true));
  fpu.dataPointer = BigInt.asUintN(pointerBits, image.getBigUint64(FXSAVE.dataPointer, true));
  fpu.instructionSelector = wide ? 0 : image.getUint16(FXSAVE.instructionSelector, true);
  fpu.dataSelector = wide ? 0 : image.getUint16(FXSAVE.dataSelector, true);
  for (let index = 0; index < REGISTERS; index += 1) {
    loadEncoding(fpu, fpu.physical(index), image, FXSAVE.registers + index * FXSAVE.registerBytes);
  }
}
