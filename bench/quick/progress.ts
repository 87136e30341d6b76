/** What the process with the machine (machine.ts) tells the one that makes the table (run.ts): a line of JSON for each part. */

export interface Progress {
  /** A part's name, or 'boot'. */
  readonly part: string;
  readonly seconds: number;
  /** Instructions. */
  readonly retired: number;
  /** How far the engine's counters have moved; those that have not are left out. */
  readonly counters: Readonly<Record<string, number>>;
  readonly checksum?: string;
  /** What the part counted; 0 when it counts nothing. */
  readonly count?: number;
  readonly failure?: string;
}
