/**
 * What goes between the x87 FPU and whoever decodes its instructions.
 */

import type { FpuState, InstructionAddresses } from './state';

/** One decoded x87 instruction. The object may be reused from call to call. */
export interface X87Request extends InstructionAddresses {
  /** Effective operand size in bits: it chooses the image format of FLDENV, FSTENV, FRSTOR and FSAVE. */
  operandSize: 16 | 32 | 64;
  /** False in real and virtual-8086 mode: chooses the image format, too. */
  protectedMode: boolean;
}

/** EFLAGS bits that FCMOVcc tests and FCOMI sets. */
export const EflagsBit = { carry: 0x001, parity: 0x004, adjust: 0x010, zero: 0x040, sign: 0x080, overflow: 0x800 } as const;

/** How an x87 instruction reaches the rest of the processor. */
export interface X87Port {
  /** Passes operand bytes in both directions; at least 108 bytes. */
  readonly scratch: DataView;
  /** Copies the first `size` bytes of the memory operand to the start of `scratch`. False: it faulted. */
  read(size: number): boolean;
  /** Copies `size` bytes from the start of `scratch` to the memory operand: all, or on a fault none (false). */
  write(size: number): boolean;
  /** Whether `write(size)` would succeed; for stores that an unmasked exception keeps from writing. */
  probeWrite(size: number): boolean;
  setAx(value: number): void;
  getFlags(): number;
  /** Takes a whole new EFLAGS value, of which only CF, PF, AF, ZF, SF and OF differ from getFlags(). */
  setFlags(flags: number): void;
}

/**
 * - `done`: finished (an unmasked exception it raised is pending in ES).
 * - `fault`: read or write refused; nothing has changed.
 * - `mathFault`: an unmasked exception was pending before this waiting instruction (#MF).
 * - `undefined`: not an instruction (#UD).
 */
export type X87Outcome = 'done' | 'fault' | 'mathFault' | 'undefined';

/** Carries out one instruction after decoding and the check for pending exceptions. */
export type X87Handler = (fpu: FpuState, port: X87Port, request: X87Request) => 'done' | 'fault';
