/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS and FSINCOS: stack, NaNs and exceptions around the
 * functions of transcendental.ts. Precision control does not apply to them. Source: Intel SDM volume 2.
 */

import { deliver, readyForPair, underflowStack } from './delivery';
import { Float, isFiniteNonZero, isNaNOrUnsupported, setFinite } from './float';
import { denormalFlag, denormalFlags } from './instructions-arithmetic';
import { propagateNaN, propagateNaNs } from './nan';
import { EXTENDED, FloatFlag } from './rounding';
import { StatusWord } from './layout';
import type { FpuState } from './state';
import {
  ANGLE_LIMIT_EXPONENT, arctangentOfQuotient, exponential2MinusOne, logarithmPlusOneTimes, logarithmTimes, trigonometric,
} from './transcendental';
import type { X87Handler } from './types';

const first = new Float();
const second = new Float();
const result = new Float();
const pushed = new Float();

export const exponentialTop: X87Handler = (fpu) => {
  if (fpu.isEmpty(0)) {
    underflowStack(fpu, 0);
    return 'done';
  }
  fpu.read(first, 0);
  const flags = isNaNOrUnsupported(first)
    ? propagateNaN(result, first)
    : exponential2MinusOne(result, first) | denormalFlag(first);
  deliver(fpu, 0, result, flags, EXTENDED);
  return 'done';
};

/** A function of ST(0) and ST(1) whose result replaces ST(1), after which the stack is popped. */
function twoOperandInstruction(compute: (result: Float, top: Float, next: Float) => number): X87Handler {
  return (fpu) => {
    if (fpu.isEmpty(0) || fpu.isEmpty(1)) {
      if (underflowStack(fpu, 1)) fpu.pop();
      return 'done';
    }
    fpu.read(first, 0);
    fpu.read(second, 1);
    if (deliver(fpu, 1, result, twoOperandFlags(compute), EXTENDED)) fpu.pop();
    return 'done';
  };
}

function twoOperandFlags(compute: (result: Float, top: Float, next: Float) => number): number {
  if (isNaNOrUnsupported(first) || isNaNOrUnsupported(second)) return propagateNaNs(result, second, first);
  const flags = compute(result, first, second);
  const before = flags & (FloatFlag.invalid | FloatFlag.zeroDivide);
  return before === 0 ? flags | denormalFlags(first, second) : flags;
}

export const logarithmTop = twoOperandInstruction(logarithmTimes);
export const logarithmPlusOneTop = twoOperandInstruction(logarithmPlusOneTimes);
export const arctangentTop = twoOperandInstruction((to, x, y) => arctangentOfQuotient(to, y, x));

/** Sets C2 and returns true if the angle in `first` is finite but too large to be reduced; nothing else happens then. */
function outOfRange(fpu: FpuState): boolean {
  if (!isFiniteNonZero(first) || first.exponent < ANGLE_LIMIT_EXPONENT) return false;
  fpu.raise(StatusWord.c2);
  return true;
}

/** FSIN and FCOS. */
function angleInstruction(cosine: boolean): X87Handler {
  const results = cosine ? { cosine: result } : { sine: result };
  return (fpu) => {
    fpu.setCondition(StatusWord.c2, false);
    if (fpu.isEmpty(0)) {
      underflowStack(fpu, 0);
      return 'done';
    }
    fpu.read(first, 0);
    if (outOfRange(fpu)) return 'done';
    const flags = isNaNOrUnsupported(first)
      ? propagateNaN(result, first)
      : trigonometric(results, first) | denormalFlag(first);
    deliver(fpu, 0, result, flags, EXTENDED);
    return 'done';
  };
}

export const sineTop = angleInstruction(false);
export const cosineTop = angleInstruction(true);

/** Delivers `result` to ST(0) and pushes `pushed`, for FPTAN and FSINCOS. */
function deliverPair(fpu: FpuState, flags: number): void {
  if (!deliver(fpu, 0, result, flags, EXTENDED)) return;
  fpu.push();
  deliver(fpu, 0, pushed, 0, EXTENDED);
}

/** The NaN that answers a NaN argument, in both results. */
function propagateToPair(): number {
  propagateNaN(pushed, first);
  return propagateNaN(result, first);
}

/** FPTAN: the tangent replaces ST(0), then 1 is pushed. */
export const tangentTop: X87Handler = (fpu) => {
  fpu.setCondition(StatusWord.c2, false);
  if (!readyForPair(fpu)) return 'done';
  fpu.read(first, 0);
  if (outOfRange(fpu)) return 'done';
  if (isNaNOrUnsupported(first)) {
    deliverPair(fpu, propagateToPair());
    return 'done';
  }
  setFinite(pushed, 0, 0, 0x80000000, 0);
  const flags = trigonometric({ tangent: result }, first);
  if (flags !== 0) trigonometric({ tangent: pushed }, first);
  deliverPair(fpu, flags | denormalFlag(first));
  return 'done';
};

/** FSINCOS: the sine replaces ST(0), then the cosine is pushed. */
export const sineCosineTop: X87Handler = (fpu) => {
  fpu.setCondition(StatusWord.c2, false);
  if (!readyForPair(fpu)) return 'done';
  fpu.read(first, 0);
  if (outOfRange(fpu)) return 'done';
  const flags = isNaNOrUnsupported(first)
    ? propagateToPair()
    : trigonometric({ sine: result, cosine: pushed }, first) | denormalFlag(first);
  deliverPair(fpu, flags);
  return 'done';
};
