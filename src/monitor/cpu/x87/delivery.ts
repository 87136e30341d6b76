/**
 * How instructions read the control word, check the register stack, and deliver a rounded result with
 * its exceptions. Source: Intel SDM volume 1, 8.4 and 8.5.
 */

import { Float, isFiniteNonZero, setDefaultNaN } from './float';
import { EXTENDED, EXTENDED_PRECISION_24, EXTENDED_PRECISION_53, FloatFlag, roundToFormat } from './rounding';
import type { FloatFormat, RoundingMode } from './rounding';
import { StatusWord } from './layout';
import type { FpuState } from './state';

/** Exceptions that, unmasked, stop an instruction before it has a result. */
const BEFORE_RESULT = FloatFlag.invalid | FloatFlag.denormal | FloatFlag.zeroDivide;

const STACK_UNDERFLOW = FloatFlag.invalid | StatusWord.stackFault;
const STACK_OVERFLOW = STACK_UNDERFLOW | StatusWord.c1;

const indefinite = new Float();
setDefaultNaN(indefinite);

const ROUNDING_MODES: readonly RoundingMode[] = [0, 1, 2, 3];

/** RC of a control word. */
export function roundingMode(controlWord: number): RoundingMode {
  return ROUNDING_MODES[(controlWord >>> 10) & 3];
}

/** PC of a control word; the reserved value 1 acts as 64 bits. */
export function precisionFormat(controlWord: number): FloatFormat {
  switch ((controlWord >>> 8) & 3) {
    case 0: return EXTENDED_PRECISION_24;
    case 2: return EXTENDED_PRECISION_53;
    default: return EXTENDED;
  }
}

/** Raises a stack underflow; the masked response puts the indefinite in ST(destination). True: masked. */
export function underflowStack(fpu: FpuState, destination: number): boolean {
  if (fpu.raise(STACK_UNDERFLOW) !== 0) return false;
  fpu.write(destination, indefinite);
  return true;
}

/** Raises a stack underflow for an instruction that writes no register. True: masked. */
export function signalStackUnderflow(fpu: FpuState): boolean {
  return fpu.raise(STACK_UNDERFLOW) === 0;
}

/**
 * Checks that a push finds an empty register. If not, raises a stack overflow, whose masked response
 * pushes the indefinite, and returns false.
 */
export function roomToPush(fpu: FpuState): boolean {
  if (fpu.isEmpty(-1)) return true;
  if (fpu.raise(STACK_OVERFLOW) === 0) {
    fpu.push();
    fpu.write(0, indefinite);
  }
  return false;
}

/**
 * Checks the stack for an instruction that replaces ST(0) and pushes a second result. If ST(0) is empty
 * or the register to push is not, raises the stack fault, whose masked response makes both results the
 * indefinite, and returns false.
 */
export function readyForPair(fpu: FpuState): boolean {
  const underflow = fpu.isEmpty(0);
  if (!underflow && fpu.isEmpty(-1)) return true;
  if (fpu.raise(underflow ? STACK_UNDERFLOW : STACK_OVERFLOW) === 0) {
    fpu.write(0, indefinite);
    fpu.push();
    fpu.write(0, indefinite);
  }
  return false;
}

/** True if an exception in `flags` is unmasked and forbids any result; the caller then only raises it. */
export function preventsResult(fpu: FpuState, flags: number): boolean {
  return (flags & BEFORE_RESULT & ~fpu.controlWord) !== 0;
}

/**
 * Rounds a result and writes it to ST(destination), unless an unmasked exception in `flags` forbids it.
 * `flags` are the exceptions so far; they are raised with those of rounding.
 * Returns whether the register was written (and so whether the instruction may pop).
 */
export function deliver(fpu: FpuState, destination: number, result: Float, flags: number, format: FloatFormat): boolean {
  if (preventsResult(fpu, flags)) {
    fpu.raise(flags);
    return false;
  }
  const controlWord = fpu.controlWord;
  let raised = flags;
  if (isFiniteNonZero(result)) raised |= roundToFormat(result, format, roundingMode(controlWord), ~controlWord);
  fpu.write(destination, result);
  fpu.raise(raised);
  return true;
}
