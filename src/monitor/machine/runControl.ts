/**
 * What a run is after: how a run request is carried out over single steps and temporary breakpoints, and when
 * it has reached its end.
 */
import type { Executor, RunOutcome } from '../engine/executor';
import { decode } from '../isa/decoder';
import * as L from '../cpu/layout';
import type { LinearRange, RunRequest } from './session';

/** Instructions that run through to their return when they are stepped over. */
const CALLS = new Set(['call', 'callIndirect', '!callf_ap', '!callf_m', '!int', '!int3', '!into']);

/** A place to come back to: linear address of an instruction, and the least linear stack pointer there. */
interface Landing {
  readonly linear: number;
  readonly stack: number;
}

/** Stack pointer as a linear address. */
function stackOf(executor: Executor): number {
  const s = executor.cpu.state;
  return s.base(L.SS) + ((s.reg(L.RSP) & s.stackMask) >>> 0);
}

export class RunControl {
  /** Set while a call or an interrupt is run through. */
  private landing: Landing | undefined;
  /** Whether reaching the landing completes a step (a call), or only resumes it (an interrupt). */
  private landingCompletes = false;
  private readonly stopAt: number;

  constructor(
    private readonly executor: Executor,
    private readonly request: RunRequest,
    retired: number,
  ) {
    this.stopAt = request.kind === 'instructions' ? retired + request.count : Infinity;
    if (request.kind === 'until') {
      this.landing = { linear: Number(request.address), stack: request.aboveStack === undefined ? -1 : Number(request.aboveStack) + 1 };
      this.landingCompletes = true;
    }
  }

  /** Linear address at which a temporary breakpoint is wanted now. */
  get temporaryBreakpoint(): number | undefined {
    return this.landing?.linear;
  }

  /** Retired count at which the run ends by itself. */
  get end(): number {
    return this.stopAt;
  }

  /** Most instructions that may be run before `after` is asked. */
  get burst(): number {
    return this.request.kind === 'step' && !this.landing ? 1 : Infinity;
  }

  /** Runs up to `budget` instructions; says what came of it, and whether the request is fulfilled. */
  run(budget: number): { readonly outcome: RunOutcome; readonly done: boolean } {
    if (this.request.kind !== 'step' || this.landing) return { outcome: this.executor.run(budget), done: false };
    return this.step(this.request.over);
  }

  private step(over: boolean): { readonly outcome: RunOutcome; readonly done: boolean } {
    const { executor } = this;
    const here: Landing = { linear: executor.linear(), stack: stackOf(executor) };
    const behind = over ? this.behindCall() : undefined;
    const interrupts = executor.counters.interrupts;
    const outcome = executor.run(1);
    if (executor.counters.interrupts !== interrupts) {
      // The handler's first instruction has run, too: go through the handler, then take the step.
      this.landing = here;
      this.landingCompletes = false;
      return { outcome, done: false };
    }
    if (outcome.kind !== 'budget') return { outcome, done: outcome.kind === 'halted' };
    if (behind !== undefined && executor.linear() !== behind) {
      this.landing = { linear: behind, stack: here.stack };
      this.landingCompletes = true;
      return { outcome, done: false };
    }
    return { outcome, done: this.outsideRanges() };
  }

  /** Whether a breakpoint outcome is the landing; it is taken off then. */
  landed(linear: number): { readonly landed: boolean; readonly done: boolean } {
    const { landing } = this;
    if (!landing || landing.linear !== linear || stackOf(this.executor) < landing.stack) return { landed: false, done: false };
    this.landing = undefined;
    return { landed: true, done: this.landingCompletes && (this.request.kind === 'until' || this.outsideRanges()) };
  }

  private outsideRanges(): boolean {
    const ranges: readonly LinearRange[] = this.request.kind === 'step' ? (this.request.ranges ?? []) : [];
    const at = BigInt(this.executor.linear());
    return !ranges.some((r) => at >= r.start && at < r.end);
  }

  /** Linear address behind the instruction at EIP, if it is one that returns there. */
  private behindCall(): number | undefined {
    const bytes = this.executor.peekCode(16);
    const instruction = decode(bytes, 0, bytes.length, this.executor.cpu.state.codeBits);
    if (!instruction || !CALLS.has(instruction.name)) return undefined;
    return (this.executor.linear() + instruction.length) % 2 ** 32;
  }
}
