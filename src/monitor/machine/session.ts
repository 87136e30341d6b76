/**
 * The one typed call interface between a machine in its monitor context (a worker) and whoever
 * controls it: debug adapter, command line, tests. Everything crosses a thread border: arguments and
 * results are structured-clonable, all calls are asynchronous. `MachineControl` changes the machine;
 * `Inspection` (in ../inspection/queries) only looks.
 *
 * Linear addresses and register values are bigint, guest-physical addresses and retired-instruction
 * counts are number.
 */
import type { Inspection } from '../inspection/queries';
import type { MachineInput } from '../devices/device';
import type { Bookmark } from './bookmarks';
import type { LoggedEdit } from './inputLog';
import type { DiskStart } from './diskStarts';
import type { Position } from './position';
import type { SavedSnapshot, SnapshotOrder } from './savedSnapshots';
import type { EventReport, EventStop, ExecutionBreakpoint, GateProblem, LogEntry, Stop, Watchpoint, WatchHit } from './stops';

export type { Bookmark } from './bookmarks';
export type { Edit, LoggedEdit } from './inputLog';
export type { DiskStart } from './diskStarts';
export type { Position } from './position';
export type { SavedSnapshot, SnapshotOrder } from './savedSnapshots';
export type * from './stops';

/** Which memory an address means: linear in the current address space, linear under a CR3, or guest-physical. */
export type MemorySpace =
  /** Of the CPU with this index, from 0; default: of the one whose turn it is. */
  | { readonly kind: 'linear'; readonly cpu?: number }
  | { readonly kind: 'linearUnder'; readonly cr3: number }
  | { readonly kind: 'physical' };

/** A range of linear addresses [start, end). */
export interface LinearRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** How to go on. Each ends in one `stopped` event, whatever happens. */
export type RunRequest =
  | { readonly kind: 'continue' }
  /** Exactly this many retired instructions, interrupts included. */
  | { readonly kind: 'instructions'; readonly count: number }
  /**
   * One step: until the instruction pointer leaves `ranges` (one instruction when there are none).
   * `over`: calls (and INT n, REP) run through to their return. Hardware interrupts that
   * arrive during a step are always run through to their IRET.
   * `cpu`: whose step it is, from 0; default: that of the CPU whose turn it is. The others go on meanwhile in their turns, as always.
   */
  | { readonly kind: 'step'; readonly over: boolean; readonly ranges?: readonly LinearRange[]; readonly cpu?: number }
  /**
   * Until one of these has happened on the CPU (default: the one whose turn it is; reason 'step'), and stands behind it: a branch that was taken, calls and
   * returns among them, but no interrupt; a return from an interrupt (IRET); a change between user (CPL 3) and kernel, by whatever; a CR3 with
   * another value.
   */
  | { readonly kind: 'next'; readonly what: 'branch' | 'interruptReturn' | 'privilege' | 'cr3'; readonly cpu?: number }
  /** Until virtual time, in cycles, has come: at the first instruction boundary from then on (reason 'time'). */
  | { readonly kind: 'untilTime'; readonly time: number }
  /**
   * Until the instruction pointer is at `address` with the stack pointer above `aboveStack` (step out), in the
   * address space `cr3` when that is given.
   */
  | { readonly kind: 'until'; readonly address: bigint; readonly aboveStack?: bigint; readonly cr3?: number };

/** One exception in a chain that led to a triple fault, or the exception that a stop is about. */
export interface ExceptionReport {
  readonly vector: number;
  /** '#PF' and so on, or 'INT 80h' / 'IRQ'. */
  readonly name: string;
  readonly errorCode?: number;
  /** Faulting linear address of a page fault (CR2). */
  readonly faultAddress?: bigint;
  /** CS:EIP of the instruction. */
  readonly selector: number;
  readonly instructionPointer: bigint;
  /** In words: what was tried and what was missing. */
  readonly story: string;
}

/** Why the machine stands. */
export type StopReason =
  | { readonly kind: 'entry' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'step' }
  | { readonly kind: 'count' }
  /** A run backwards has come to where the time line begins. */
  | { readonly kind: 'beginning' }
  /** A request to run until a virtual time is fulfilled. */
  | { readonly kind: 'time' }
  /** `problems`: those of them whose gates could not be evaluated. */
  | { readonly kind: 'breakpoint'; readonly ids: readonly number[]; readonly problems?: readonly GateProblem[] }
  | { readonly kind: 'watchpoint'; readonly hits: readonly WatchHit[]; readonly problems?: readonly GateProblem[] }
  | { readonly kind: 'event'; readonly ids: readonly number[]; readonly event: EventReport; readonly problems?: readonly GateProblem[] }
  | { readonly kind: 'exception'; readonly exception: ExceptionReport; readonly ids?: readonly number[]; readonly problems?: readonly GateProblem[] }
  | { readonly kind: 'triple-fault'; readonly chain: readonly ExceptionReport[] }
  | { readonly kind: 'halted-forever'; readonly story: string }
  | { readonly kind: 'power-off' }
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'internal-error'; readonly message: string; readonly stack: string };

export interface StopReport {
  readonly reason: StopReason;
  /** Retired instructions since power-on. */
  readonly retired: number;
  /** Virtual time in cycles (ns): retired instructions plus idle time. */
  readonly time: number;
  /** CS selector, instruction pointer in CS, its linear address. */
  readonly selector: number;
  readonly instructionPointer: bigint;
  readonly linear: bigint;
}

/** Which vectors stop the machine before they are delivered to the guest. INT n, INT3 and INTO count as well. */
export interface ExceptionStop extends Partial<Stop> {
  readonly vector: number;
  /** Only when it comes from this privilege (user = CPL 3). Default: both. The same as `privilege`. */
  readonly from?: 'user' | 'kernel';
}

export type MachineEvent =
  | { readonly kind: 'stopped'; readonly report: StopReport }
  | { readonly kind: 'running' }
  /** Output of the guest; channel 'com1'.., 'debug'. */
  | { readonly kind: 'output'; readonly channel: string; readonly bytes: Uint8Array }
  /** What gates with `log` have noted, in order, several at a time. `lost`: how many more there were than could be kept. */
  | { readonly kind: 'log'; readonly entries: readonly LogEntry[]; readonly lost: number }
  /** Something that a person should read (blame: user, guest, or us). */
  | { readonly kind: 'message'; readonly blame: 'user' | 'guest' | 'internal'; readonly text: string };

export interface MachineControl {
  /** Sets the machine going; answers when it goes. A `stopped` event follows. Error when it runs already. */
  resume(request: RunRequest): Promise<void>;
  /** Asks a running machine to stop (within 50 ms); harmless when it stands. */
  pause(): Promise<void>;
  /**
   * Replaces the whole list of execution breakpoints, running or not. Error (blame: user) for one that cannot be, or whose gate has
   * an unknown name or operator; the list stays as it was then. So with the following.
   */
  setBreakpoints(breakpoints: readonly ExecutionBreakpoint[]): Promise<void>;
  /** Replaces the whole list of vectors that stop. */
  setExceptionStops(stops: readonly ExceptionStop[]): Promise<void>;
  /** Replaces the whole list of watchpoints. */
  setWatchpoints(watchpoints: readonly Watchpoint[]): Promise<void>;
  /** Replaces the whole list of other events that stop. */
  setEventStops(stops: readonly EventStop[]): Promise<void>;
  /**
   * Sets a register by the name that `Inspection.registers` lists it under. Error when the
   * name is unknown or the value impossible (the message says why). `cpu`: of which CPU, from 0; default: the one whose
   * turn it is.
   */
  setRegister(name: string, value: bigint, cpu?: number): Promise<void>;
  /** Writes memory, without rights checks; gives the number of bytes written (short when a page is absent). */
  writeMemory(space: MemorySpace, address: bigint, bytes: Uint8Array): Promise<number>;
  /**
   * Something comes in from outside: logged, stamped, then seen by the guest. Like every change, it makes a new future of a machine
   * that has gone back in time: what came after is kept as a fork, and a message says so.
   */
  input(input: MachineInput): Promise<void>;
  /** Power-on reset: memory cleared, firmware and images loaded anew; stands on the first instruction. */
  reset(): Promise<void>;
  /**
   * Goes to a moment, back or forward; answers when it goes. A `stopped` event follows (reason 'count', or 'time'). Error when it runs
   * already, or when the time line does not reach there.
   */
  travel(to: TravelTarget): Promise<void>;
  /** Adds a bookmark at the present moment, renames or removes one; running or not. Error (blame: user) when the name is taken or unknown. */
  bookmark(change: BookmarkChange): Promise<void>;
  /**
   * The same, to where the last step began that has led here; else to one retired instruction before (reason 'step'). With the unit
   * 'instruction' no other step counts than one of a single instruction, with what interrupts it.
   */
  stepBack(unit?: 'instruction'): Promise<void>;
  /**
   * The same, to where a run would have stopped last before now, at a breakpoint, a watchpoint, an event or an exception (whose reason
   * it has); reason 'beginning' at the time line's beginning, when there is no such moment. Hits are not counted on the way, so that
   * `hits` of gates mean nothing, and logs are not written.
   */
  reverseContinue(): Promise<void>;
  /** The input log since power-on. */
  recording(): Promise<Recording>;
  /** The whole time line as it can be saved, of a machine that stands. Error (blame: user) when it runs. */
  record(): Promise<RunRecord>;
  /**
   * A snapshot at one of the moments of `record`, for a recording; undefined if more has changed than is wanted. Error (blame: user) when
   * it runs, or has run meanwhile.
   */
  saveSnapshot(order: SnapshotOrder): Promise<SavedSnapshot | undefined>;
  /**
   * What disks held at power-on whose images the guest writes to itself, for a recording: what their files do not hold any more. The files hold
   * all that was written then. Error (blame: user) when that is not known.
   */
  diskStarts(): Promise<readonly DiskStart[]>;
}

/**
 * A moment to go to: the first one with so many retired instructions (a number is short for that), or the first one from some virtual time
 * on; a bookmark; the latest moment that was ever reached; where a recording that was opened stood; the end of a future that was left
 * (see Timeline.forks), which becomes the time line again.
 */
export type TravelTarget =
  | number
  | { readonly retired: number }
  | { readonly time: number }
  | { readonly bookmark: string }
  | { readonly fork: number }
  | 'furthest'
  | 'recorded';

export type BookmarkChange =
  | { readonly kind: 'add'; readonly name: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string };

/** An input and the moment at which the guest saw it. */
export interface LoggedInput {
  /** Virtual time in cycles. */
  readonly time: number;
  /** Retired instructions at that moment. */
  readonly retired: number;
  /** Device events that had been handled by then: the order of what happens at one and the same time. */
  readonly events: number;
  readonly input: MachineInput;
}

/** What has come in up to a moment: with the start (the configuration) it is the whole of a run. */
export interface Recording {
  readonly inputs: readonly LoggedInput[];
  readonly retired: number;
  readonly time: number;
  /** What a debugger changed. */
  readonly edits?: readonly LoggedEdit[];
}

/** A time line from power-on to the latest moment that was reached. */
export interface RunRecord extends Recording {
  readonly edits: readonly LoggedEdit[];
  readonly end: Position;
  readonly bookmarks: readonly Bookmark[];
  /** Where the machine stood when it was recorded, and its hash there. */
  readonly stood: { readonly position: Position; readonly hash: string };
  /** Moments of which the machine that was recorded has snapshots that are worth keeping: power-on, and then a few along the run. If none, a sentence why. */
  readonly moments?: readonly Position[];
  readonly momentsProblem?: string;
}

/** A machine in its monitor context, seen from the host context. */
export interface MachineSession {
  readonly control: MachineControl;
  readonly inspect: Inspection;
  onEvent(listener: (event: MachineEvent) => void): void;
  /** Ends the worker. */
  dispose(): Promise<void>;
}
