/**
 * Keeps slices short in wall time. A slice is measured in cycles, but some instructions cost a thousand times as much
 * as others; those are counted, and end the slice early. Where a slice ends changes nothing for the guest.
 */
import type { Executor } from '../engine/executor';
import { EFFORT } from '../memory/effort';

/** Instructions that were executed one by one, microseconds each. */
const MOST_SINGLE_STEPS = 500;
/** Faults that were delivered: a guest may fault for ever and retire nothing. */
const MOST_FAULTS = 500;
/** Units of the monitor's own work (see ../memory/effort): services, accesses that miss the TLB, flushes, bursts. */
const MOST_EFFORT = 10_000;
/** Blocks that were new: they were decoded, and the host compiles handlers as they are first used. */
const MOST_NEW_BLOCKS = 40;
/** Instructions between two looks at the counters, in code that is known (a run ends by itself when it has been long: see Executor.run) and in code that is new. */
const BURST = 4_000_000;
const NEW_CODE_BURST = 5_000;

export class SliceGuard {
  private readonly singleSteps: number;
  private readonly faults: number;
  private readonly repeats: number;
  private readonly blocks: number;
  private blocksBefore: number;

  /** Counts from now on. */
  constructor(private readonly executor: Executor) {
    const { counters, code } = executor;
    executor.cpu.machine.effort.begin(MOST_EFFORT);
    this.singleSteps = counters.singleSteps;
    this.faults = counters.faults;
    this.repeats = counters.exitAgain;
    this.blocks = code.counters.blocksDecoded;
    this.blocksBefore = this.blocks;
  }

  /** Whether the slice has had enough: each part of a long REP, too, takes milliseconds and counts for nothing. */
  get isSpent(): boolean {
    const { counters, code, cpu } = this.executor;
    return cpu.machine.effort.isSpent
      || counters.singleSteps - this.singleSteps >= MOST_SINGLE_STEPS
      || counters.faults - this.faults >= MOST_FAULTS
      || counters.exitAgain !== this.repeats
      || code.counters.blocksDecoded - this.blocks >= MOST_NEW_BLOCKS;
  }

  /** Most instructions to run until `isSpent` is asked again. To be called once before each burst. */
  burst(): number {
    const { code, cpu } = this.executor;
    const { blocksDecoded } = code.counters;
    cpu.machine.effort.spent += EFFORT.burst;
    const isNew = blocksDecoded !== this.blocksBefore;
    this.blocksBefore = blocksDecoded;
    return isNew ? NEW_CODE_BURST : BURST;
  }
}
