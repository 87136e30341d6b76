/**
 * How often a running machine's snapshots are taken: often enough that going back takes a fraction of a second, and so seldom that
 * they cost only a small part of the run. What taking one costs is measured; what follows, pages that are copied when they are
 * written the next time, costs about as much again.
 */

/** Running time between two snapshots, in milliseconds: that is about what a step back takes. */
const LEAST_INTERVAL_MS = 50;
const MOST_INTERVAL_MS = 500;
/** The part of the run that taking snapshots may cost. */
const MOST_COST = 1 / 40;
/** How much the last snapshot counts in what one costs: the host may have been busy with something else. */
const WEIGHT = 0.2;

export class SnapshotPace {
  private sinceLast = 0;
  private cost = 0;

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
    if (this.sinceLast < Math.min(Math.max(this.cost / MOST_COST, LEAST_INTERVAL_MS), MOST_INTERVAL_MS)) return;
    this.sinceLast = 0;
    const start = this.now();
    this.remember();
    this.cost += WEIGHT * (this.now() - start - this.cost);
  }
}
