/**
 * What a run is after: how a run request is carried out over single steps and temporary breakpoints, and when
 * it has reached its end.
 */
import type { Executor, Interruption, RunOutcome } from '../engine/executor';
import * as L from '../cpu/layout';
import { cut } from '../cpu/state';
import { decode, type Instruction } from '../isa/decoder';
import { endsBlock, transfersFar } from '../isa/definitions';
import { CONDITION_SUFFIXES } from '../isa/opcodeTable';
import { outsideAddress, signedAddress } from './addresses';
import type { LinearRange, RunRequest } from './session';
import type { Awaited } from './stateWatch';
import { gatesOf } from './stepGates';

/** Instructions that run through to their return when they are stepped over. */
const CALLS = new Set(['call', 'callIndirect', 'callf_ap', 'callf_m', 'int', '!int3', '!into', 'syscall']);
/** What ends a block and may go on behind itself. */
const CONDITIONAL = new Set(['loop', 'loope', 'loopne', 'jcxz', '!hlt', ...CONDITION_SUFFIXES.map((suffix) => `j${suffix}`)]);
/** A step that stays in its ranges for so many single instructions is in a loop. */
const SINGLE_STEPS_FIRST = 50;

/** A place to come back to. */
interface Landing {
  /** Linear address of an instruction. */
  readonly linear: number;
  /** Whether the stack pointer (as a linear address) is the one to come back with. */
  readonly accepts: (stack: number) => boolean;
  /** The address space, where another one may have the same code and stack at the same addresses. */
  readonly cr3: number | undefined;
  /** Whether reaching it may complete the request, or only lets a step go on (an interrupt before its instruction). */
  readonly completes: boolean;
}

interface Progress {
  readonly outcome: RunOutcome;
  /** Whether the request is fulfilled. */
  readonly done: boolean;
}

export class RunControl {
  /** Set while a call or an interrupt is run through. */
  private landing: Landing | undefined;
  private singleSteps = 0;
  /** Set when a step runs freely inside its ranges: where it has to be looked at more closely. */
  private gates: ReadonlySet<number> | undefined;
  private readonly ranges: readonly LinearRange[];
  private temporary: readonly number[] = [];
  private readonly stopAt: number;
  /** The CPU that it is about. */
  readonly processor: number;
  /** Virtual time at which the run ends by itself. */
  readonly endTime: number;
  /** What it waits for that is seen elsewhere (see StateWatch). */
  readonly awaited: Awaited | undefined;

  /** @param current the CPU whose turn it is */
  constructor(
    private readonly executor: Executor,
    private readonly request: RunRequest,
    retired: number,
    current: number,
  ) {
    this.processor = ('cpu' in request ? request.cpu : undefined) ?? current;
    this.stopAt = request.kind === 'instructions' ? retired + request.count : Infinity;
    this.endTime = request.kind === 'untilTime' ? request.time : Infinity;
    this.awaited = request.kind === 'next' && request.what !== 'branch' ? request.what : undefined;
    this.ranges = request.kind === 'step' ? (request.ranges ?? []) : [];
    if (request.kind === 'until') {
      const { address, aboveStack, cr3 } = request;
      const least = aboveStack === undefined ? -Infinity : signedAddress(aboveStack) + 1;
      this.wait({ linear: signedAddress(address), accepts: (stack) => stack >= least, cr3, completes: true });
    }
  }

  /** Linear addresses at which temporary breakpoints are wanted now; another list when others are wanted. */
  get temporaryBreakpoints(): readonly number[] {
    return this.temporary;
  }

  private wait(landing: Landing | undefined): void {
    this.landing = landing;
    this.temporary = [...(this.gates ?? []), ...(landing ? [landing.linear] : [])];
  }

  /** Retired count at which the run ends by itself. */
  get end(): number {
    return this.stopAt;
  }

  /** Most instructions that may be run before the machine's events are looked at. */
  get burst(): number {
    return this.isSingle && !this.landing && !this.runsFreely() ? 1 : Infinity;
  }

  /** Whether it goes instruction by instruction. */
  private get isSingle(): boolean {
    return this.request.kind === 'step' || (this.request.kind === 'next' && this.request.what === 'branch');
  }

  /** Runs up to `budget` instructions; says what came of it, and whether the request is fulfilled. */
  run(budget: number): Progress {
    const { executor, request } = this;
    if (!this.isSingle || this.landing) return { outcome: executor.run(budget), done: false };
    if (request.kind !== 'step') return this.untilBranch();
    if (!this.runsFreely()) return this.single(request.over);
    const outcome = executor.run(budget, true);
    return outcome.kind === 'delivered' ? this.delivered(outcome.interruption, outcome, true) : { outcome, done: false };
  }

  /** One instruction of a step. */
  private single(over: boolean): Progress {
    const { executor } = this;
    const from = executor.place();
    const behind = over ? this.behindCall() : undefined;
    const retired = executor.retired();
    const outcome = executor.run(1, true);
    const isDone = executor.retired() !== retired;
    const interruption = outcome.kind === 'delivered' ? outcome.interruption : undefined;
    if (interruption && (!interruption.external || !isDone)) return this.delivered(interruption, outcome, false);
    if (!isDone) return { outcome, done: false };
    // An interrupt may have come right behind the instruction: what counts is where that has led to.
    const ledTo = interruption?.from.linear ?? executor.linear();
    if (behind !== undefined && ledTo !== behind) {
      this.wait({ linear: behind, accepts: (stack) => stack >= from.stack, cr3: from.user ? from.cr3 : undefined, completes: true });
      return { outcome, done: false };
    }
    if (interruption) return this.delivered(interruption, outcome, true);
    if (++this.singleSteps === SINGLE_STEPS_FIRST) {
      this.gates = gatesOf(executor, this.ranges);
      this.wait(undefined);
    }
    return { outcome, done: this.outsideRanges() };
  }

  /** One instruction on the way to the next branch that is taken. */
  private untilBranch(): Progress {
    const { executor } = this;
    const next = this.nextInstruction();
    const retired = executor.retired();
    const outcome = executor.run(1, true);
    const isDone = executor.retired() !== retired;
    const interruption = outcome.kind === 'delivered' ? outcome.interruption : undefined;
    if (interruption && (!interruption.external || !isDone)) return this.delivered(interruption, outcome, false);
    const ledTo = interruption?.from.linear ?? executor.linear();
    const isTaken = isDone && next !== undefined && (ledTo !== next.behind || next.transfers);
    if (interruption) return this.delivered(interruption, outcome, isTaken);
    return { outcome, done: isTaken };
  }

  /**
   * An interrupt is run through to the very place that it interrupted, which is the end of the step if instructions have
   * led there; an exception's handler is shown.
   */
  private delivered({ from, external }: Interruption, outcome: RunOutcome, completes: boolean): Progress {
    if (!external) return { outcome, done: this.outsideRanges() };
    this.wait({ linear: from.linear, accepts: (stack) => stack === from.stack, cr3: from.user ? from.cr3 : undefined, completes });
    return { outcome, done: false };
  }

  /** A temporary breakpoint, or another one, has been reached: is that the end of the request? */
  arrived(linear: number): boolean {
    const { landing } = this;
    if (!landing) return this.gates?.has(linear) === true && this.outsideRanges();
    const { stack, cr3 } = this.executor.place();
    if (landing.linear !== linear || !landing.accepts(stack) || (landing.cr3 !== undefined && landing.cr3 !== cr3)) return false;
    this.wait(undefined);
    return landing.completes && (this.request.kind === 'until' || this.outsideRanges());
  }

  /** Whether what comes next stays in the ranges until a gate is reached. */
  private runsFreely(): boolean {
    return this.gates !== undefined && !this.gates.has(this.executor.linear());
  }

  private outsideRanges(): boolean {
    const at = outsideAddress(this.executor.cpu.state, this.executor.linear());
    return !this.ranges.some((r) => at >= r.start && at < r.end);
  }

  /** Linear address behind the instruction at EIP, if it is one that returns there. */
  private behindCall(): number | undefined {
    const next = this.nextInstruction();
    return next && CALLS.has(next.instruction.name) ? next.behind : undefined;
  }

  /** The instruction at EIP, the linear address behind it, and whether it transfers control whenever it is executed. */
  private nextInstruction(): { readonly instruction: Instruction; readonly behind: number; readonly transfers: boolean } | undefined {
    const { executor } = this;
    const bytes = executor.peekCode(16, executor.linear());
    const instruction = decode(bytes, 0, bytes.length, executor.cpu.state.codeBits);
    if (!instruction) return undefined;
    const { state } = executor.cpu;
    const behind = state.linear(L.CS, cut(state.eip + instruction.length, state.code64 ? 64 : 32));
    return { instruction, behind, transfers: (endsBlock(instruction.name) || transfersFar(instruction.name)) && !CONDITIONAL.has(instruction.name) };
  }
}
