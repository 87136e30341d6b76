/**
 * The form in which known differences are written down.
 */
import type { Case } from '../case';
import type { MemoryDifference, Step } from '../lockstep';

interface Explanation {
  readonly id: string;
  /** What QEMU does. */
  readonly reason: string;
  /** Section of the Intel SDM that says otherwise or, with `open`, leaves it open. */
  readonly manual: string;
  /** The manual allows both. */
  readonly open?: boolean;
}

/** Explains all that differs after a step. */
export interface KnownDifference extends Explanation {
  /** What to do then: end the program (unless told otherwise), end QEMU with it, or give QEMU our flags and go on. */
  readonly then?: 'restart' | 'set flags';
  matches(step: Step, program: Case): boolean;
}

/** Explains a run of bytes in memory that differs: QEMU is given ours, and the program goes on. */
export interface KnownBytes extends Explanation {
  explains(step: Step, difference: MemoryDifference): boolean;
}
