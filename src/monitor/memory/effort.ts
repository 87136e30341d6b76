/**
 * The monitor's own work, so that a guest whose instructions cost the host much more than themselves cannot make a slice
 * of the machine's time last for seconds. Counted, not measured: the monitor has no clock.
 */

/** Units for work that is more than one: about a microsecond each on a processor of today. */
export const EFFORT = {
  /** Emptying the TLB of one space. */
  flush: 8,
  /** A burst of the run loop: events, turns, entry into generated code. */
  burst: 4,
  /** An access by way of the physical map: a table walk's, a device's, a bus master's. */
  bus: 1 / 16,
  /** Bytes that are copied in one piece, for one unit. */
  copied: 8192,
  /** Devices declared anew. */
  devices: 16,
  /** A service of the built-in BIOS. */
  firmware: 20,
  /** A search in lists of parents or places: entries for one unit. */
  listed: 256,
} as const;

export class Effort {
  /** Units since the limit was set. */
  spent = 0;
  private limit = Infinity;

  /** Counts anew, up to a limit. */
  begin(limit: number): void {
    this.spent = 0;
    this.limit = limit;
  }

  get isSpent(): boolean {
    return this.spent >= this.limit;
  }
}
