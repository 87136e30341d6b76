/**
 * The basic arithmetic instructions: FADD to FDIVR in all forms, FSQRT, FABS, FCHS, FRNDINT, FSCALE,
 * FXTRACT, FPREM and FPREM1. Source: Intel SDM volume 2.
 */

import { squareRoot } from './arithmetic';
import type { BinaryOperation } from './arithmetic';
import {
  deliver, precisionFormat, preventsResult, readyForPair, roundingMode, underflowStack,
} from './delivery';
import { Float, FloatKind, copyFloat, isNaNOrUnsupported, setInfinity } from './float';
import { roundToIntegral, setInteger32 } from './integers';
import { propagateNaN, propagateNaNs } from './nan';
import type { LoadType } from './operands';
import { partialRemainder, scale } from './remainder';
import { EXTENDED, FloatFlag } from './rounding';
import { StatusWord } from './layout';
import type { FpuState } from './state';
import type { X87Handler } from './types';

const first = new Float();
const second = new Float();
const result = new Float();

/** `denormal` if the operand is one. Invalid and divide-by-zero exceptions go before it (SDM volume 1, table 8-11). */
export function denormalFlag(operand: Float): number {
  return operand.kind === FloatKind.denormal ? FloatFlag.denormal : 0;
}

/** `denormal` if either operand is one. */
export function denormalFlags(a: Float, b: Float): number {
  return denormalFlag(a) | denormalFlag(b);
}

/** Computes and delivers a operation b; true if ST(destination) was written. */
function compute(fpu: FpuState, operation: BinaryOperation, a: Float, b: Float, destination: number): boolean {
  if (isNaNOrUnsupported(a) || isNaNOrUnsupported(b)) {
    return deliver(fpu, destination, result, propagateNaNs(result, a, b), EXTENDED);
  }
  const controlWord = fpu.controlWord;
  const flags = operation(result, a, b, roundingMode(controlWord));
  return deliver(fpu, destination, result, flags === 0 ? denormalFlags(a, b) : flags, precisionFormat(controlWord));
}

/** ST(0) := ST(0) op memory, or memory op ST(0) if `reversed`. */
export function arithmeticMemory(operation: BinaryOperation, type: LoadType, reversed: boolean): X87Handler {
  return (fpu, port) => {
    if (!port.read(type.bytes)) return 'fault';
    if (fpu.isEmpty(0)) {
      underflowStack(fpu, 0);
      return 'done';
    }
    fpu.read(first, 0);
    type.load(second, port.scratch);
    if (reversed) compute(fpu, operation, second, first, 0);
    else compute(fpu, operation, first, second, 0);
    return 'done';
  };
}

/**
 * ST(0) op ST(i) with the result in ST(0) or, if `toRegister`, in ST(i). `reversed` exchanges the operands
 * of destination op source. `pops`: the register stack is popped afterwards.
 */
export function arithmeticRegister(
  operation: BinaryOperation, reversed: boolean, toRegister: boolean, pops: boolean,
): X87Handler {
  return (fpu, _port, request) => {
    const other = request.modrm & 7;
    const destination = toRegister ? other : 0;
    let written: boolean;
    if (fpu.isEmpty(0) || fpu.isEmpty(other)) {
      written = underflowStack(fpu, destination);
    } else {
      fpu.read(first, destination);
      fpu.read(second, toRegister ? 0 : other);
      written = reversed
        ? compute(fpu, operation, second, first, destination)
        : compute(fpu, operation, first, second, destination);
    }
    if (pops && written) fpu.pop();
    return 'done';
  };
}

/** Loads ST(0) into `first` if it is not empty; else answers the stack underflow. */
function loadTop(fpu: FpuState): boolean {
  if (fpu.isEmpty(0)) {
    underflowStack(fpu, 0);
    return false;
  }
  fpu.read(first, 0);
  return true;
}

export const squareRootTop: X87Handler = (fpu) => {
  if (!loadTop(fpu)) return 'done';
  if (isNaNOrUnsupported(first)) {
    deliver(fpu, 0, result, propagateNaN(result, first), EXTENDED);
    return 'done';
  }
  const flags = squareRoot(result, first);
  deliver(fpu, 0, result, flags === 0 ? denormalFlag(first) : flags, precisionFormat(fpu.controlWord));
  return 'done';
};

/** FABS and FCHS: the new sign bit is (sign & keep) ^ flip. They raise nothing but the stack underflow. */
function signInstruction(keep: number, flip: number): X87Handler {
  return (fpu) => {
    if (fpu.isEmpty(0)) {
      underflowStack(fpu, 0);
      return 'done';
    }
    const physical = fpu.top;
    const signExponent = (fpu.signExponent(physical) & keep) ^ flip;
    fpu.setEncoding(physical, signExponent, fpu.significandHigh(physical), fpu.significandLow(physical));
    fpu.raise(0);
    return 'done';
  };
}

export const absoluteTop = signInstruction(0x7fff, 0);
export const changeSignTop = signInstruction(0xffff, 0x8000);

export const roundTop: X87Handler = (fpu) => {
  if (!loadTop(fpu)) return 'done';
  if (isNaNOrUnsupported(first)) {
    deliver(fpu, 0, result, propagateNaN(result, first), EXTENDED);
    return 'done';
  }
  const denormal = denormalFlag(first);
  if (preventsResult(fpu, denormal)) {
    fpu.raise(denormal);
    return 'done';
  }
  const flags = roundToIntegral(first, roundingMode(fpu.controlWord));
  fpu.write(0, first);
  fpu.raise(denormal | flags);
  return 'done';
};

/** Loads ST(0) and ST(1) if neither is empty; else answers the stack underflow. */
function loadTopTwo(fpu: FpuState): boolean {
  if (fpu.isEmpty(0) || fpu.isEmpty(1)) {
    underflowStack(fpu, 0);
    return false;
  }
  fpu.read(first, 0);
  fpu.read(second, 1);
  return true;
}

export const scaleTop: X87Handler = (fpu) => {
  if (!loadTopTwo(fpu)) return 'done';
  if (isNaNOrUnsupported(first) || isNaNOrUnsupported(second)) {
    deliver(fpu, 0, result, propagateNaNs(result, first, second), EXTENDED);
    return 'done';
  }
  const flags = scale(result, first, second);
  deliver(fpu, 0, result, flags === 0 ? denormalFlags(first, second) : flags, EXTENDED);
  return 'done';
};

/** FPREM and FPREM1. C0, C3 and C1 take the quotient's bits 2, 1 and 0; C2 says 'not finished'. */
function remainderInstruction(nearest: boolean): X87Handler {
  return (fpu) => {
    fpu.setCondition(StatusWord.c2, false);
    if (!loadTopTwo(fpu)) return 'done';
    if (isNaNOrUnsupported(first) || isNaNOrUnsupported(second)) {
      deliver(fpu, 0, result, propagateNaNs(result, first, second), EXTENDED);
      return 'done';
    }
    const quotient = partialRemainder(result, first, second, nearest);
    const flags = quotient.flags === 0 ? denormalFlags(first, second) : quotient.flags;
    if (deliver(fpu, 0, result, flags, EXTENDED) && quotient.flags === 0) {
      fpu.setConditionCodes(quotient.complete ? quotientCodes(quotient.lowBits) : StatusWord.c2);
    }
    return 'done';
  };
}

function quotientCodes(lowBits: number): number {
  return ((lowBits & 4) !== 0 ? StatusWord.c0 : 0) | ((lowBits & 2) !== 0 ? StatusWord.c3 : 0)
    | ((lowBits & 1) !== 0 ? StatusWord.c1 : 0);
}

export const remainderTruncated = remainderInstruction(false);
export const remainderNearest = remainderInstruction(true);

/** FXTRACT: the exponent replaces ST(0), then the significand is pushed. */
export const extractTop: X87Handler = (fpu) => {
  if (!readyForPair(fpu)) return 'done';
  fpu.read(first, 0);
  const flags = splitNumber();
  if (!deliver(fpu, 0, second, flags, EXTENDED)) return 'done';
  fpu.push();
  fpu.write(0, result);
  return 'done';
};

/** Puts the exponent of `first` in `second` and its significand in `result`; returns exceptions. */
function splitNumber(): number {
  if (isNaNOrUnsupported(first)) {
    const flags = propagateNaN(result, first);
    copyFloat(second, result);
    return flags;
  }
  copyFloat(result, first);
  switch (first.kind) {
    case FloatKind.zero:
      setInfinity(second, 1);
      return FloatFlag.zeroDivide;
    case FloatKind.infinity:
      setInfinity(second, 0);
      return 0;
    default:
      setInteger32(second, first.exponent);
      result.exponent = 0;
      result.kind = FloatKind.normal;
      return denormalFlag(first);
  }
}
