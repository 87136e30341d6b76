/**
 * Holds idle virtual time to wall time: says how long the host may sleep while the guest idles, so that a second
 * of the guest's clock takes a second. A guest that computes is never slowed down, and one that fell behind by
 * computing catches up only a little, lest its timers rush.
 */

/** Cycles of the virtual clock in a millisecond (the clock counts nanoseconds). */
const CYCLES_PER_MILLISECOND = 1_000_000;

/** How far virtual time may lie behind wall time before the difference is forgotten, in milliseconds. */
const FORGIVEN_LAG_MS = 100;

export class Pacemaker {
  private wallOrigin = 0;
  private virtualOrigin = 0;

  /** Lets the two clocks agree at this moment (a run begins). */
  align(wall: number, virtual: number): void {
    this.wallOrigin = wall;
    this.virtualOrigin = virtual;
  }

  /**
   * How long to sleep.
   * @param wall milliseconds on the host's clock, now
   * @param virtual cycles of virtual time, now
   * @param idleCycles cycles until something is due
   * @returns milliseconds, 0 or more; Infinity when nothing is due
   */
  sleep(wall: number, virtual: number, idleCycles: number): number {
    if (wall - this.wallAt(virtual) > FORGIVEN_LAG_MS) this.align(wall, virtual);
    return Math.max(0, this.wallAt(virtual + idleCycles) - wall);
  }

  /** Whole cycles by which virtual time lies behind wall time. */
  behind(wall: number, virtual: number): number {
    return Math.max(0, Math.floor((wall - this.wallAt(virtual)) * CYCLES_PER_MILLISECOND));
  }

  private wallAt(virtual: number): number {
    return this.wallOrigin + (virtual - this.virtualOrigin) / CYCLES_PER_MILLISECOND;
  }
}
