/**
 * Where the x87 FPU's state lies in memory. There is no other state: whoever copies these bytes has the
 * whole FPU. Sources: Intel SDM volume 1, 8.1 (x87 execution environment) and 10.5.1.1 (abridged tag word).
 */

/** Byte offsets into an FPU state block. All fields are little-endian. */
export const FPU_LAYOUT = {
  /** Eight PHYSICAL registers of 16 bytes: significand (8 bytes), sign and exponent (2), zeros (6). */
  registers: 0,
  controlWord: 128,
  /** u16 including TOP, ES and B. */
  statusWord: 130,
  /** u16 of which 8 bits are used, the abridged form: bit i is set while physical register i is not empty. */
  tagWord: 132,
  /** u16 of 11 bits: the low 3 of the opcode byte, then modrm. */
  lastOpcode: 134,
  instructionPointer: 136,
  dataPointer: 144,
  instructionSelector: 152,
  dataSelector: 154,
} as const;

export const FPU_REGISTER_BYTES = 16;

/** Size of an FPU state block; blocks should be aligned to 8 bytes. */
export const FPU_STATE_BYTES = 160;

/** Fields of the status word. */
export const StatusWord = {
  stackFault: 0x0040,
  exceptionSummary: 0x0080,
  c0: 0x0100,
  c1: 0x0200,
  c2: 0x0400,
  c3: 0x4000,
  conditionCodes: 0x4700,
  topShift: 11,
  top: 0x3800,
  busy: 0x8000,
} as const;

/** All six exceptions, as flags of the status word or masks of the control word. */
export const ALL_EXCEPTIONS = 0x3f;
