/** When to send again: the time-out from measured round trips (RFC 6298), in milliseconds. */

const FIRST_MS = 1000;
const LEAST_MS = 200;
const LONGEST_MS = 60_000;

export class RetransmissionTimeout {
  private smoothed: number | undefined;
  private variation = 0;
  private timeout = FIRST_MS;
  private doublings = 0;

  get milliseconds(): number {
    return Math.min(LONGEST_MS, this.timeout * 2 ** this.doublings);
  }

  /** A round trip of something that was sent once only (Karn's rule). */
  measured(roundTrip: number): void {
    if (this.smoothed === undefined) {
      this.smoothed = roundTrip;
      this.variation = roundTrip / 2;
    } else {
      this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - roundTrip);
      this.smoothed = 0.875 * this.smoothed + 0.125 * roundTrip;
    }
    this.timeout = Math.max(LEAST_MS, this.smoothed + Math.max(1, 4 * this.variation));
  }

  backOff(): void {
    this.doublings = Math.min(this.doublings + 1, 16);
  }

  /** Something new was acknowledged. */
  progress(): void {
    this.doublings = 0;
  }
}
