/**
 * The budget of one entry into generated code: how many instructions it was given, how many it has retired so far, and how it is
 * made to return before its end.
 */
import * as L from '../cpu/layout';
import type { CpuState } from '../cpu/state';
import { BUDGET_REFUSED, CPU_BASE, MONITOR_WORDS } from '../memory/layout';
import { clearReturns } from '../memory/returnStack';
import type { RecordOperation } from './recordOperation';
import type { RecordStops } from './recordStops';
import { R, RECORD_BYTES } from './records';

export class Burst {
  /** Whether generated code is running. */
  isRunning = false;
  /** Budget given, and what was taken from REMAINING to make it return soon. */
  private given = 0;
  private stolen = 0;

  constructor(
    private readonly state: CpuState,
    private readonly stops: RecordStops,
    private readonly operation: RecordOperation,
  ) {}

  /** Begins with so much budget, of which the first block takes `count`. */
  begin(budget: number, count: number): void {
    const { view } = this.state;
    this.given = budget;
    this.stolen = 0;
    this.operation.record = 0;
    view.setInt32(CPU_BASE + L.REMAINING, budget - count, true);
    view.setFloat64(MONITOR_WORDS.retiredEnd, this.state.f64(L.RETIRED) + budget, true);
    view.setUint32(CPU_BASE + L.STOP_REQUESTED, 0, true);
    view.setUint32(BUDGET_REFUSED, 0, true);
    clearReturns(view);
    this.isRunning = true;
  }

  /** What generated code has left of the budget, with the rest of its last block counted as done. */
  get remaining(): number {
    return this.state.view.getInt32(CPU_BASE + L.REMAINING, true) + this.stolen;
  }

  /** What is left of the budget behind the instruction of `record`, which is the last that is executed of its block. */
  leftBehind(record: number): number {
    const { view } = this.state;
    return view.getInt32(CPU_BASE + L.REMAINING, true) + view.getUint8(record + R.back) - 1;
  }

  /**
   * Goes on behind the instruction of `record` elsewhere than with what follows it in its block, which is not executed. Gives what is left
   * of the budget.
   */
  leaveBlock(record: number): number {
    const { view } = this.state;
    const remaining = this.leftBehind(record);
    view.setInt32(CPU_BASE + L.REMAINING, remaining, true);
    this.operation.record = 0;
    // Generated code has returned, and with it all that waited for returns.
    clearReturns(view);
    return remaining;
  }

  /** Generated code has returned, and so many instructions of the budget were not retired. */
  settle(remaining: number): void {
    this.state.setF64(L.RETIRED, this.state.f64(L.RETIRED) + this.given - remaining);
  }

  /** Instructions retired before the one under way. */
  get retired(): number {
    const base = this.state.f64(L.RETIRED);
    if (!this.isRunning) return base;
    const { record } = this.operation;
    const back = record === 0 ? 0 : this.state.view.getUint8(record + R.back);
    return base + this.given - (this.remaining + back);
  }

  /** Shortens the budget of what is running by cycles that pass without an instruction. False when it has not so many left. */
  shorten(cycles: number): boolean {
    const { view } = this.state;
    const remaining = view.getInt32(CPU_BASE + L.REMAINING, true);
    if (remaining < cycles) return false;
    this.given -= cycles;
    view.setInt32(CPU_BASE + L.REMAINING, remaining - cycles, true);
    view.setFloat64(MONITOR_WORDS.retiredEnd, view.getFloat64(MONITOR_WORDS.retiredEnd, true) - cycles, true);
    return true;
  }

  /** Has generated code return behind the instruction of `record`, whatever follows it. */
  stopAfter(record: number): void {
    const { view } = this.state;
    this.stops.put(record + RECORD_BYTES);
    // A transfer does not go on to the next record: an empty budget stops it at the next block.
    const remaining = view.getInt32(CPU_BASE + L.REMAINING, true);
    this.stolen += remaining;
    view.setInt32(CPU_BASE + L.REMAINING, 0, true);
    view.setFloat64(MONITOR_WORDS.retiredEnd, view.getFloat64(MONITOR_WORDS.retiredEnd, true) - remaining, true);
    view.setUint32(CPU_BASE + L.STOP_REQUESTED, 1, true);
  }
}
