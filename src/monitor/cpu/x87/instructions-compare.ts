/**
 * Comparisons and FXAM. Source: Intel SDM volume 2.
 */

import { Relation, compare } from './compare';
import { Float, FloatKind, isNaNOrUnsupported, setZero } from './float';
import { denormalFlags } from './instructions-arithmetic';
import type { LoadType } from './operands';
import { StatusWord } from './layout';
import { FloatFlag } from './rounding';
import type { FpuState } from './state';
import { EflagsBit } from './types';
import type { X87Handler } from './types';

const first = new Float();
const second = new Float();

/** C3, C2 and C0 by relation; they correspond to ZF, PF and CF. */
const CONDITION_CODES: Readonly<Record<Relation, number>> = {
  [Relation.greater]: 0,
  [Relation.less]: StatusWord.c0,
  [Relation.equal]: StatusWord.c3,
  [Relation.unordered]: StatusWord.c3 | StatusWord.c2 | StatusWord.c0,
};

const COMPARE_FLAGS: Readonly<Record<Relation, number>> = {
  [Relation.greater]: 0,
  [Relation.less]: EflagsBit.carry,
  [Relation.equal]: EflagsBit.zero,
  [Relation.unordered]: EflagsBit.zero | EflagsBit.parity | EflagsBit.carry,
};

/** Exceptions of comparing `first` with `second`. `quiet` (FUCOM): quiet NaNs are no invalid operands. */
function comparisonFlags(quiet: boolean): number {
  if (isNaNOrUnsupported(first) || isNaNOrUnsupported(second)) {
    return isInvalid(first, quiet) || isInvalid(second, quiet) ? FloatFlag.invalid : 0;
  }
  return denormalFlags(first, second);
}

function isInvalid(operand: Float, quiet: boolean): boolean {
  return isNaNOrUnsupported(operand) && !(quiet && operand.kind === FloatKind.quietNaN);
}

/** Raises `flags` and sets the condition codes. Returns whether it may pop: not with an unmasked exception. */
function deliverCodes(fpu: FpuState, flags: number, relation: Relation): boolean {
  const unmasked = fpu.raise(flags);
  fpu.setConditionCodes(CONDITION_CODES[relation]);
  return unmasked === 0;
}

const EMPTY_FLAGS = FloatFlag.invalid | StatusWord.stackFault;

function popTimes(fpu: FpuState, count: number): void {
  for (let index = 0; index < count; index += 1) fpu.pop();
}

/** FCOM and FICOM with memory, and their popping forms. */
export function compareMemory(type: LoadType, pops: number): X87Handler {
  return (fpu, port) => {
    if (!port.read(type.bytes)) return 'fault';
    let delivered: boolean;
    if (fpu.isEmpty(0)) {
      delivered = deliverCodes(fpu, EMPTY_FLAGS, Relation.unordered);
    } else {
      fpu.read(first, 0);
      type.load(second, port.scratch);
      delivered = deliverCodes(fpu, comparisonFlags(false), compare(first, second));
    }
    if (delivered) popTimes(fpu, pops);
    return 'done';
  };
}

/** FCOM, FUCOM (`quiet`) and their popping forms with ST(i). */
export function compareRegister(quiet: boolean, pops: number): X87Handler {
  return (fpu, _port, request) => {
    const flags = registerFlags(fpu, request.modrm & 7, quiet);
    if (deliverCodes(fpu, flags, compare(first, second))) popTimes(fpu, pops);
    return 'done';
  };
}

/**
 * Loads ST(0) and ST(other) into `first` and `second`; returns the exceptions of comparing them. If one
 * is empty, `first` becomes a NaN, so that they are unordered.
 */
function registerFlags(fpu: FpuState, other: number, quiet: boolean): number {
  if (fpu.isEmpty(0) || fpu.isEmpty(other)) {
    first.kind = FloatKind.quietNaN;
    return EMPTY_FLAGS;
  }
  fpu.read(first, 0);
  fpu.read(second, other);
  return comparisonFlags(quiet);
}

/** FCOMI, FUCOMI (`quiet`) and their popping forms: the outcome goes to EFLAGS. */
export function compareToFlags(quiet: boolean, pops: boolean): X87Handler {
  return (fpu, port, request) => {
    const unmasked = fpu.raiseKeepingC1(registerFlags(fpu, request.modrm & 7, quiet));
    const cleared = EflagsBit.carry | EflagsBit.parity | EflagsBit.adjust | EflagsBit.zero | EflagsBit.sign
      | EflagsBit.overflow;
    port.setFlags((port.getFlags() & ~cleared) | COMPARE_FLAGS[compare(first, second)]);
    if (pops && unmasked === 0) fpu.pop();
    return 'done';
  };
}

/** FTST: compares ST(0) with +0. */
export const testTop: X87Handler = (fpu) => {
  if (fpu.isEmpty(0)) {
    deliverCodes(fpu, EMPTY_FLAGS, Relation.unordered);
    return 'done';
  }
  fpu.read(first, 0);
  setZero(second, 0);
  deliverCodes(fpu, comparisonFlags(false), compare(first, second));
  return 'done';
};

/** C3, C2 and C0 of FXAM (SDM volume 2, table of FXAM). */
const CLASS_CODES: Readonly<Record<FloatKind, number>> = {
  [FloatKind.unsupported]: 0,
  [FloatKind.signallingNaN]: StatusWord.c0,
  [FloatKind.quietNaN]: StatusWord.c0,
  [FloatKind.normal]: StatusWord.c2,
  [FloatKind.infinity]: StatusWord.c2 | StatusWord.c0,
  [FloatKind.zero]: StatusWord.c3,
  [FloatKind.denormal]: StatusWord.c3 | StatusWord.c2,
};

const EMPTY_CODES = StatusWord.c3 | StatusWord.c0;

/** FXAM: classifies ST(0), empty or not; C1 is its sign. */
export const examineTop: X87Handler = (fpu) => {
  fpu.read(first, 0);
  const codes = fpu.isEmpty(0) ? EMPTY_CODES : CLASS_CODES[first.kind];
  fpu.setConditionCodes(codes | (first.sign === 1 ? StatusWord.c1 : 0));
  return 'done';
};
