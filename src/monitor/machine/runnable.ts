/**
 * A machine as the host's run loop drives it, inside the monitor context: everything synchronous, in slices
 * short enough that requests from outside are seen in between.
 */
import type { Inspection } from '../inspection/queries';
import type { TranslationService } from '../engine/translator/order';
import type { StorageService } from '../disks/blockStore';
import type { FileStore, MachineImages } from './images';
import type { MachineControl, RunRequest, StopReport, TravelTarget } from './session';
import type { LogBatch } from './stopLog';

/** The same calls, answered at once instead of by a promise. */
export type Synchronous<T> = {
  readonly [Name in keyof T]: T[Name] extends (...parameters: infer Parameters) => Promise<infer Answer>
    ? (...parameters: Parameters) => Answer
    : never;
};

/** The CPU is halted and nothing is due for this many cycles; Infinity when only input can wake it. Time has not moved yet. */
export interface IdleOutcome {
  readonly idleCycles: number;
}

/**
 * How a slice ended: there is more to do, a disk of the host's has to get further first (virtual time stands until then), the guest
 * idles, or the run is over.
 */
export type SliceOutcome = 'more' | 'waiting' | IdleOutcome | StopReport;

/** Bytes that left the machine: 'com1'.., 'debug', and what is for services of the host's ('net0'). */
export interface OutputPiece {
  readonly channel: string;
  readonly bytes: Uint8Array;
  /** Virtual time at which they left, in cycles. */
  readonly time: number;
}

/** What of the control interface a machine answers in the same words, synchronously. */
type SameInControl = Omit<MachineControl, 'resume' | 'pause' | 'travel' | 'stepBack' | 'reverseContinue'>;

/**
 * A machine between two slices. A request that cannot be done throws a `MachineError` (or `LoadError`), which
 * is reported to whoever asked. Any other exception counts as a bug of the monitor (invariant 9): the machine is
 * then never run again until `reset()`, but is still asked questions.
 */
export interface RunnableMachine extends Synchronous<Inspection>, Synchronous<SameInControl> {
  /** Sets the run up. Called only while the machine stands. */
  resume(request: RunRequest): void;
  /**
   * Runs for at most about `maxCycles` cycles (the guest must not be able to tell where slices end).
   * Called only while the machine runs, and again after 'more', after 'waiting' when a disk has got further (or just to see) or, with time moved by `warp`, after idling.
   */
  runSlice(maxCycles: number): SliceOutcome;
  /** Notes where the guest is, if it is being profiled: called behind each slice. What that costs is the host's to measure. */
  sample(): void;
  /** Lets `cycles` of idle time pass, at most as many as the last outcome gave: whole numbers. */
  warp(cycles: number): void;
  /** Ends the run where it is, with reason 'pause'. Called only while the machine runs. */
  requestPause(): StopReport;
  /** Sets the machine out on a way through its past (see MachineControl), to be gone with `runSlice`. Called only while it stands. */
  travel(to: TravelTarget): void;
  stepBack(unit?: 'instruction'): void;
  reverseContinue(): void;
  /**
   * Takes a snapshot of the present moment, for time travel: the first one is the beginning of the time line. Called between two
   * slices, whether the machine runs or stands; how often is the host's to say, and nothing that a guest could see.
   */
  remember(): void;
  /** Sentences for the person since the last call. */
  takeNotes(): readonly string[];
  /** What logs of gates have noted since the last call. */
  takeLog(): LogBatch;
  /** Output since the last call, in order. The host keeps the pieces. */
  takeOutput(): readonly OutputPiece[];
}

/**
 * Builds a machine from its images, standing on its first instruction. Throws LoadError or MachineError (blame: user).
 * `translation`: another thread that translates; without it the machine's own does. `storage`: another thread that serves the disks,
 * likewise.
 */
export type CreateMachine = (images: MachineImages, files: FileStore, translation?: TranslationService, storage?: StorageService) => RunnableMachine;
