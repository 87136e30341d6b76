/** What the process with the machine (machine.ts) tells the one that makes the table (run.ts): a line of JSON for each part. */
import type { Hot } from './profiler';

export interface Progress {
  /** A part's name, or 'boot'. */
  readonly part: string;
  readonly seconds: number;
  /** Processor time, all threads. */
  readonly cpuSeconds: number;
  /** Instructions. */
  readonly retired: number;
  /** How far the engine's counters have moved; those that have not are left out. */
  readonly counters: Readonly<Record<string, number>>;
  readonly checksum?: string;
  /** What the part counted; 0 when it counts nothing. */
  readonly count?: number;
  readonly failure?: string;
  /** Where the time went, with `profile`. */
  readonly hot?: readonly Hot[];
}

/** What machine.ts is started with, as JSON. */
export interface Order {
  /** The machine's configuration, as in launch.json. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Whether the guest's serial line is shown on stderr. */
  readonly serial: boolean;
  /** The folder for a profile of each part. */
  readonly profile?: string;
}
