/**
 * How often a running machine's snapshots are taken: often enough that going back takes a fraction of a second, and so seldom that
 * they cost only a small part of the run. A snapshot's own cost is small; what follows is that pages are copied when they are written
 * the next time, which is about as much, and is taken to be so.
 */

/** Running time between two snapshots, in milliseconds: that is about what a step back takes. */
const LEAST_INTERVAL_MS = 100;
const MOST_INTERVAL_MS = 1000;
/** The part of the run that taking snapshots may cost. */
const MOST_COST = 1 / 40;

export class SnapshotPace {
  private sinceLast = 0;
  private interval = LEAST_INTERVAL_MS;

  /**
   * @param now milliseconds on a clock that only goes forward
   * @param remember takes a snapshot
   */
  constructor(
    private readonly now: () => number,
    private readonly remember: () => void,
  ) {}

  /** The machine has run for so many milliseconds. */
  ran(milliseconds: number): void {
    this.sinceLast += milliseconds;
    if (this.sinceLast < this.interval) return;
    this.sinceLast = 0;
    const start = this.now();
    this.remember();
    this.interval = Math.min(Math.max((this.now() - start) / MOST_COST, LEAST_INTERVAL_MS), MOST_INTERVAL_MS);
  }
}
