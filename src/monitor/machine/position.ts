/**
 * Moments of a machine's run. The retired count alone does not name one: while the guest idles time goes on without it, and at
 * one count events are handled, input comes, interrupts are delivered, and another CPU takes its turn. All these counts only grow.
 */

export interface Position {
  /** Retired instructions, and virtual time in cycles. */
  readonly retired: number;
  readonly time: number;
  /** Device events that have been handled, and inputs that have been seen, since power-on. */
  readonly events: number;
  readonly inputs: number;
  /** Changes by the debugger, and resets by the guest. */
  readonly edits: number;
  readonly resets: number;
  /** Turns that CPUs have taken, and what was delivered between two instructions (see Processors, Executor). */
  readonly changes: number;
  readonly deliveries: number;
  /** What RCX, RSI and RDI held if the CPU is in the middle of a repeated instruction; '' otherwise. */
  readonly repeating: string;
}

/** What is not carried out by the way to a moment, but where the way has led to it. */
const ON_THE_WAY = ['time', 'retired', 'events', 'inputs', 'edits', 'resets'] as const;
const ALL = [...ON_THE_WAY, 'changes', 'deliveries'] as const;

/** Negative if `one` was before `other`, positive if after. A repeated instruction's middle comes behind its beginning. */
export function compare(one: Position, other: Position): number {
  for (const count of ALL) if (one[count] !== other[count]) return one[count] - other[count];
  return Number(one.repeating !== '') - Number(other.repeating !== '');
}

export function isSame(one: Position, other: Position): boolean {
  return compare(one, other) === 0 && one.repeating === other.repeating;
}

/** Whether instructions, events, and what comes from outside have led as far as to a moment: only `changes` and `deliveries` may be missing. */
export function hasLedTo(here: Position, there: Position): boolean {
  return ON_THE_WAY.every((count) => here[count] === there[count]);
}
