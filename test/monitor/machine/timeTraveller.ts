/** A machine that is driven through time by tests: its runs and ways, each to its stop. */
import { machineHash } from '../../../src/monitor/inspection/machineHash';
import type { VirtualMachine } from '../../../src/monitor/machine/machine';
import type { RunRequest, StopReport } from '../../../src/monitor/machine/session';
import { TimeTravel } from '../../../src/monitor/machine/timeTravel';

export class Traveller {
  readonly time: TimeTravel;
  /** Cycles of a slice. */
  slice: () => number = () => 100_000;
  /** Called between slices. */
  between: () => void = () => undefined;

  constructor(
    readonly machine: VirtualMachine,
    mostBytes?: number,
  ) {
    this.time = new TimeTravel(machine, mostBytes);
  }

  get hash(): string {
    const { cpu, processors } = this.machine.parts;
    return machineHash(cpu, processors.waitingBlocks(), this.machine.plainStates());
  }

  get retired(): number {
    return this.machine.retired;
  }

  run(request: RunRequest): StopReport {
    this.time.resume(request);
    return this.toStop();
  }

  /** So many instructions on; gives the hash. */
  on(count: number): string {
    this.run({ kind: 'instructions', count });
    return this.hash;
  }

  step(): string {
    this.run({ kind: 'step', over: false });
    return this.hash;
  }

  travel(retired: number): string {
    this.time.travel(retired);
    this.toStop();
    return this.hash;
  }

  stepBack(): string {
    this.time.stepBack();
    this.toStop();
    return this.hash;
  }

  reverseContinue(): StopReport {
    this.time.reverseContinue();
    return this.toStop();
  }

  toStop(): StopReport {
    for (;;) {
      const outcome = this.time.runSlice(this.slice());
      this.between();
      if (typeof outcome === 'string') continue;
      if ('reason' in outcome) return outcome;
      // Nothing but input could wake it.
      if (!Number.isFinite(outcome.idleCycles)) return this.time.requestPause();
      this.machine.warp(outcome.idleCycles);
    }
  }
}
