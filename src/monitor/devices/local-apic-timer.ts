/**
 * The timer of a local APIC: one-shot, periodic and TSC-deadline (Intel SDM vol. 3, 11.5.4).
 *
 * The count is derived from the virtual clock on demand; nothing ticks. Expiries are found by `settleTimer`,
 * which every access and every event calls first.
 */

/**
 * Cycles of the virtual clock in one cycle of the APIC's bus clock: the bus runs at 1 GHz, so the timer counts
 * one for each cycle before its divider. CPUID leaf 15h, if a CPU model has it, must name a crystal of 1 GHz.
 */
export const CYCLES_PER_APIC_BUS_CYCLE = 1;

/** Timer modes, bits 17-18 of its LVT entry; 3 is reserved. */
export const TIMER_MODE = { oneShot: 0, periodic: 1, deadline: 2 } as const;

export interface ApicTimerState {
  /** Initial-count register. */
  initial: number;
  /** Divide configuration register, bits 0, 1 and 3. */
  divide: number;
  counting: boolean;
  /** Cycle at which the count stood at `count`. */
  origin: number;
  count: number;
  /** IA32_TSC_DEADLINE; 0 when nothing is armed. */
  deadline: bigint;
}

/** What the timer has to know of the moment: cycles, its mode, and in TSC-deadline mode the time-stamp counter. */
export interface TimerMoment {
  readonly now: number;
  readonly mode: number;
  timeStamp(): bigint;
}

/** Divisors by bits 3, 1 and 0 of the divide configuration register (figure 11-10). */
const DIVISORS: readonly number[] = [2, 4, 8, 16, 32, 64, 128, 1];

/** A deadline further away than this (52 days) is no event yet: cycles have to stay exact. */
const FURTHEST = 2n ** 52n;

export function powerOnTimer(): ApicTimerState {
  return { initial: 0, divide: 0, counting: false, origin: 0, count: 0, deadline: 0n };
}

/** Cycles in a step of the count. */
function stepCycles(timer: ApicTimerState): number {
  const code = ((timer.divide & 8) >> 1) | (timer.divide & 3);
  return DIVISORS[code] * CYCLES_PER_APIC_BUS_CYCLE;
}

function countedDown(timer: ApicTimerState, now: number): number {
  return Math.floor((now - timer.origin) / stepCycles(timer));
}

/** Brings the timer up to the present. Says whether it has expired (once or more) since the last time. */
export function settleTimer(timer: ApicTimerState, moment: TimerMoment): boolean {
  const { now, mode } = moment;
  if (mode === TIMER_MODE.deadline) {
    if (timer.deadline === 0n || moment.timeStamp() < timer.deadline) return false;
    timer.deadline = 0n;
    return true;
  }
  if (!timer.counting) return false;
  const steps = countedDown(timer, now);
  if (steps < timer.count) return false;
  if (mode === TIMER_MODE.periodic) {
    const rounds = Math.floor((steps - timer.count) / timer.initial);
    timer.origin += (timer.count + rounds * timer.initial) * stepCycles(timer);
    timer.count = timer.initial;
  } else {
    timer.counting = false;
    timer.count = 0;
  }
  return true;
}

/** Whether the deadline may be so far away that it is no event yet, whatever the time-stamp counter says. */
export function mayBeOutOfSight(timer: ApicTimerState): boolean {
  return timer.deadline > FURTHEST;
}

/** The cycle of the next expiry of a settled timer; undefined when there is none within sight. */
export function nextExpiry(timer: ApicTimerState, moment: TimerMoment): number | undefined {
  if (moment.mode === TIMER_MODE.deadline) {
    if (timer.deadline === 0n) return undefined;
    const distance = timer.deadline - moment.timeStamp();
    return distance > FURTHEST ? undefined : moment.now + Number(distance);
  }
  return timer.counting ? timer.origin + timer.count * stepCycles(timer) : undefined;
}

/** Current-count register of a settled timer. */
export function currentCount(timer: ApicTimerState, { now, mode }: TimerMoment): number {
  if (mode === TIMER_MODE.deadline || !timer.counting) return 0;
  return timer.count - countedDown(timer, now);
}

/** A write to the initial-count register starts the count; 0 stops it. Ignored in TSC-deadline mode. */
export function writeInitialCount(timer: ApicTimerState, value: number, { now, mode }: TimerMoment): void {
  if (mode === TIMER_MODE.deadline) return;
  timer.initial = value;
  timer.count = value;
  timer.origin = now;
  timer.counting = value !== 0;
}

/** A new divisor holds from now on, for what is left of the count. */
export function writeDivide(timer: ApicTimerState, value: number, moment: TimerMoment): void {
  timer.count = currentCount(timer, moment);
  timer.origin = moment.now;
  timer.divide = value & 0xb;
}

/** Going to TSC-deadline mode, or away from it, disarms the timer. */
export function changeTimerMode(timer: ApicTimerState, from: number, to: number): void {
  if (from === to || (from !== TIMER_MODE.deadline && to !== TIMER_MODE.deadline)) return;
  timer.counting = false;
  timer.initial = 0;
  timer.count = 0;
  timer.deadline = 0n;
}

/**
 * When a timer expires next, so that accesses to its APIC need not work it out each time. It follows from the timer's state, the mode and the
 * time-stamp counter: whoever changes one of these has it forgotten. An APIC that was reset or restored has another timer.
 */
export class TimerExpiry {
  #timer: ApicTimerState | undefined;
  #at = Infinity;

  /** The cycle that was found out for this timer; undefined when none was. */
  known(timer: ApicTimerState): number | undefined {
    return this.#timer === timer ? this.#at : undefined;
  }

  /** Finds the cycle out; Infinity for never, and for as long as it is not within sight. */
  findOut(timer: ApicTimerState, moment: TimerMoment): number {
    const at = nextExpiry(timer, moment);
    // What is not within sight yet will be.
    if (at === undefined && timer.deadline !== 0n) return Infinity;
    this.#timer = timer;
    return (this.#at = at ?? Infinity);
  }

  forget(): void {
    this.#timer = undefined;
  }
}
