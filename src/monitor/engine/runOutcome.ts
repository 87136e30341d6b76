/**
 * What a run of the engine ends with, where the CPU stands then, and what the engine counts.
 */
import type { GuestFault } from '../memory/guestFault';

/** Why `run` has come back. */
export type RunOutcome =
  | { readonly kind: 'budget' }
  | { readonly kind: 'halted' }
  | { readonly kind: 'breakpoint'; readonly linear: number }
  /** A fault that the debugger wants to see stands before its delivery. */
  | { readonly kind: 'exception'; readonly fault: GuestFault }
  /** Something that the debugger wants to see has happened, or comes next: whoever decided that knows what. */
  | { readonly kind: 'event' }
  /** An interrupt or fault has been delivered, and `run` was to come back then: its handler's first instruction is next. */
  | { readonly kind: 'delivered'; readonly interruption: Interruption }
  /** Somebody asked for control (`requestReturn`), or nothing has retired for long: to be run again. */
  | { readonly kind: 'returned' };

/** Those that say nothing more. */
export const BUDGET: RunOutcome = { kind: 'budget' };
export const HALTED: RunOutcome = { kind: 'halted' };
export const EVENT: RunOutcome = { kind: 'event' };
export const RETURNED: RunOutcome = { kind: 'returned' };

/** Where a CPU stands: linear addresses of the next instruction and of the stack's top, and in whose address space. */
export interface CodePlace {
  readonly linear: number;
  readonly stack: number;
  readonly cr3: number;
  /** At CPL 3. */
  readonly user: boolean;
}

/** What was interrupted, and whether from outside (an interrupt) or by itself (a fault or trap). */
export interface Interruption {
  readonly from: CodePlace;
  readonly external: boolean;
}

export interface EngineCounters {
  entries: number;
  singleSteps: number;
  slowAccesses: number;
  services: number;
  faults: number;
  interrupts: number;
  /** Returns of generated code by cause. */
  exitJump: number;
  exitCrossing: number;
  exitBreakpoint: number;
  exitStop: number;
  exitFault: number;
  exitDone: number;
  exitAgain: number;
  /** What was stepped alone, by cause; the rest of them for an instruction that is not in memory that code is kept of. */
  stepTrapFlag: number;
  stepBreakpoint: number;
  stepCrossing: number;
  stepAttention: number;
  /** Stores that came to the monitor because their page is traced: guest tables, and pages with code. */
  tableTraces: number;
  codeTraces: number;
}

/** Counter of each EXIT reason (see ./records). */
export const EXIT_COUNTERS: readonly (keyof EngineCounters | undefined)[] = [undefined, 'exitJump', 'exitCrossing', 'exitBreakpoint', 'exitStop', 'exitFault', 'exitDone', 'exitAgain'];

export function newCounters(): EngineCounters {
  return {
    entries: 0,
    singleSteps: 0,
    slowAccesses: 0,
    services: 0,
    faults: 0,
    interrupts: 0,
    exitJump: 0,
    exitCrossing: 0,
    exitBreakpoint: 0,
    exitStop: 0,
    exitFault: 0,
    exitDone: 0,
    exitAgain: 0,
    stepTrapFlag: 0,
    stepBreakpoint: 0,
    stepCrossing: 0,
    stepAttention: 0,
    tableTraces: 0,
    codeTraces: 0,
  };
}
