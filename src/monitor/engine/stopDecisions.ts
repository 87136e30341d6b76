/** What the engine asks of whoever decides where it stops for a debugger, and what it does where nobody does. */
import type { Operation } from '../cpu/operation';
import type { GuestFault } from '../memory/guestFault';

export interface StopDecisions {
  /** The instruction at an address that has a breakpoint is next. Asked once each time, with EIP and the retired count right. */
  breakpoint(linear: number): boolean;
  /** A fault stands before its delivery, of a vector that is stopped at. */
  exception(fault: GuestFault): boolean;
  /** A hardware interrupt is about to be taken: INTR, or NMI. */
  interrupt(isMaskable: boolean): boolean;
  /** Generated code is about to be entered at an address. */
  enters(linear: number): boolean;
  /** The instruction of a service (its number) is next: whether to stop before it. */
  service(number: number, operation: Operation): boolean;
  /** Whether something has been seen that may stop behind the instruction under way. */
  readonly isPending: boolean;
  /** Decides about it, between two instructions. */
  behind(): boolean;
  /** The instruction under way has faulted: what it has read only does not count; unless it is a repeated one. */
  faulted(repeated: boolean): void;
}

/** What is to be asked about, beside breakpoints and vectors of faults. */
export interface WatchedEvents {
  /** Services, before they run. */
  readonly services: boolean;
  /** WRMSR, which generated code does by itself for some registers. */
  readonly registers: boolean;
  /** Transfers between privileges, which it has routines for. */
  readonly transfers: boolean;
  readonly interrupts: boolean;
  /** `behind`, between instructions, whenever the run loop is there, whether or not anything is pending. */
  readonly state: boolean;
  /** `enters`. */
  readonly entries: boolean;
}

export const NO_EVENTS: WatchedEvents = { services: false, registers: false, transfers: false, interrupts: false, state: false, entries: false };

/** Bits of MONITOR_WORDS.eventsWatched. */
export const WATCHED = { registers: 1, transfers: 2 } as const;

/** Stops at every breakpoint and every fault that it was told of. */
export const STOP_ALWAYS: StopDecisions = {
  breakpoint: () => true,
  exception: () => true,
  interrupt: () => false,
  enters: () => false,
  service: () => false,
  isPending: false,
  behind: () => false,
  faulted: () => undefined,
};
