/**
 * The SSE floating-point unit's workbench: operand and result lanes, what MXCSR asks for, and the
 * exceptions that the lanes have met. Operations (see the other files here) work on one lane of it at a time.
 *
 * Source: Intel SDM volume 1, 10.2.3 (MXCSR), 11.5.2 and 11.5.3 (exceptions and their priority).
 */
import { FloatFlag, RoundingMode } from '../x87/rounding';
import { Lanes } from './lanes';
import type { LaneType } from './lanes';

/** Fields of MXCSR. */
export const Mxcsr = {
  /** Exception flags, as FloatFlag. */
  flags: 0x3f,
  denormalsAreZero: 0x40,
  /** Masks, as FloatFlag from here up. */
  maskShift: 7,
  roundingShift: 13,
  flushToZero: 0x8000,
  /** Value after reset: all masked, round to nearest. */
  reset: 0x1f80,
  /** Bits that exist; setting another is #GP. */
  writable: 0xffff,
} as const;

/** Exceptions that are found before an operation computes. */
const PRE_COMPUTATION = FloatFlag.invalid | FloatFlag.denormal | FloatFlag.zeroDivide;

const MODES: readonly RoundingMode[] = [RoundingMode.nearestEven, RoundingMode.down, RoundingMode.up, RoundingMode.truncate];

/** The rounding mode of a two-bit RC field. */
export function roundingMode(field: number): RoundingMode {
  return MODES[field & 3];
}

/**
 * Works out one lane of `result` from the same lane of the operands, and adds to the unit's `flags`. Results
 * are those that masked exceptions give: whether they are kept is the caller's to say. `control` is the
 * instruction's immediate byte.
 */
export type LaneOperation = (unit: FloatUnit, type: LaneType, lane: number, control: number) => void;

export class FloatUnit {
  /** Operands in the manual's order: `a` is the first source, `b` the second, `c` the third one of FMA. */
  readonly a = new Lanes();
  readonly b = new Lanes();
  readonly c = new Lanes();
  readonly result = new Lanes();

  mode: RoundingMode = RoundingMode.nearestEven;
  denormalsAreZero = false;
  /** Whether tiny results become zero: FTZ, and underflow is masked. */
  flushToZero = false;
  /** Exceptions (FloatFlag) that are not masked. */
  unmasked = 0;
  /** Whether it matters that a result is inexact: not when that is masked, and its flag set, already. */
  watchInexact = true;
  /** Exceptions met since `begin`. */
  flags = 0;

  /** Takes MXCSR's controls and forgets all exceptions met. */
  begin(mxcsr: number): void {
    const unmasked = ~(mxcsr >>> Mxcsr.maskShift) & Mxcsr.flags;
    this.mode = roundingMode(mxcsr >>> Mxcsr.roundingShift);
    this.denormalsAreZero = (mxcsr & Mxcsr.denormalsAreZero) !== 0;
    this.flushToZero = (mxcsr & Mxcsr.flushToZero) !== 0 && (unmasked & FloatFlag.underflow) === 0;
    this.unmasked = unmasked;
    this.watchInexact = (mxcsr & ~unmasked & FloatFlag.inexact) === 0;
    this.flags = 0;
  }

  /**
   * The exceptions to be set in MXCSR: an unmasked one found before computation in any lane keeps those
   * from being found that come of computing and rounding (SDM volume 1, 4.9.2 and 11.5.3).
   */
  get reported(): number {
    const { flags } = this;
    return (flags & this.unmasked & PRE_COMPUTATION) === 0 ? flags : flags & PRE_COMPUTATION;
  }
}
