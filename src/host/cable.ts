/**
 * What services of the host's send to devices, on its way into the machine: frames come at the pace of a cable of 1 Gbit/s in virtual
 * time. A guest empties its card's rings as fast as it retires instructions, which says nothing about how fast the host brings frames.
 */
import type { MachineInput } from '../monitor/devices/device';
import type { RunnableMachine } from '../monitor/machine/runnable';

const CYCLES_PER_BYTE = 8;
/** Preamble, checksum and the gap between two frames, bytes. */
const FRAME_OVERHEAD = 24;
/** So far the cable may be behind: as many full frames as the smallest packet buffer of a card has room for (48 KiB). */
const MOST_CREDIT = 24 * (1514 + FRAME_OVERHEAD) * CYCLES_PER_BYTE;

/** Inputs that were handed over together; `times` are the moments at which those were taken that have been. */
interface Batch {
  readonly inputs: readonly MachineInput[];
  readonly times: number[];
  readonly done: (times: readonly number[]) => void;
  readonly failed: (error: unknown) => void;
}

function cyclesOf(input: MachineInput): number {
  return input.kind === 'frame' ? (input.bytes.length + FRAME_OVERHEAD) * CYCLES_PER_BYTE : 0;
}

export class Cable {
  private batches: Batch[] = [];
  /** Cycles for which inputs may be taken at once, at virtual time `creditAt`. */
  private credit = MOST_CREDIT;
  private creditAt = 0;

  constructor(private readonly machine: RunnableMachine) {}

  /** Takes inputs; `done` is called with the moment of each when all are in the machine. */
  add(inputs: readonly MachineInput[], done: Batch['done'], failed: Batch['failed']): void {
    this.batches.push({ inputs, times: [], done, failed });
  }

  get isWaiting(): boolean {
    return this.batches.length > 0;
  }

  /** Cycles until the next of those that wait may be taken. */
  get cyclesToNext(): number {
    return Math.max(1, -this.credit);
  }

  /** Hands to the machine what has come to the cable's end by now. */
  deliver(): void {
    if (this.batches.length === 0) return;
    const { time } = this.machine.summary();
    // A machine that was reset begins at 0 again.
    this.credit = Math.min(MOST_CREDIT, this.credit + Math.max(0, time - this.creditAt));
    this.creditAt = time;
    for (let [batch] = this.batches; batch !== undefined && this.deliverFrom(batch, time); [batch] = this.batches);
  }

  /** Whether there is credit for more. */
  private deliverFrom(batch: Batch, time: number): boolean {
    try {
      while (batch.times.length < batch.inputs.length) {
        if (this.credit < 0) return false;
        const input = batch.inputs[batch.times.length];
        this.machine.input(input);
        this.credit -= cyclesOf(input);
        batch.times.push(time);
      }
      this.batches.shift();
      batch.done(batch.times);
    } catch (error) {
      this.batches.shift();
      batch.failed(error);
    }
    return true;
  }
}
