/** What a workload is: a guest, and the places in its serial output at which the clock is read. */

/** A Linux guest that every engine boots in the same way. Paths are relative to the checkout. */
export interface Guest {
  /** A Linux bzImage. */
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  readonly memoryMiB: number;
}

/** A place in the serial output. */
export interface Marker {
  /** Its key in the JSON report. */
  readonly name: string;
  /** Its column in the tables. */
  readonly title: string;
  /** A regular expression, matched against the serial output without CR; ^ and $ are lines' ends. */
  readonly pattern: string;
}

/** One thing to measure. An engine needs no code of its own for it: each peer makes its command from the guest. */
export interface Workload {
  /** What `--workload` takes. */
  readonly name: string;
  /** What is done, as a heading: 'Boot of ...'. */
  readonly title: string;
  readonly guest: Guest;
  /** In the order in which they are passed. The last one is the goal: an engine is stopped there, and the ratios are about it. */
  readonly markers: readonly Marker[];
  /** What `--full` adds after them, the last of them being the goal then. */
  readonly further: readonly Marker[];
  /** The script that gets missing guest files, with its arguments, relative to the checkout. */
  readonly fetch: readonly string[];
}
