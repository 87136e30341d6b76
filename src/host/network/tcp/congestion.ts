/**
 * How much may be under way to the guest: slow start, congestion avoidance, fast retransmit and recovery (RFC 5681, 6582).
 * The way to a card loses frames only where the guest leaves its rings full, but it does lose them.
 */
import { distance } from './segment';

/** Segments at the beginning (RFC 6928). */
const INITIAL_SEGMENTS = 10;
/** More than this never helps between two threads of one process. */
const GREATEST_WINDOW = 512 * 1024;
const DUPLICATES = 3;

/** What to do after an acknowledgment: send the first unacknowledged segment again, or nothing in particular. */
export type AfterAck = 'retransmit' | 'go-on';

export class CongestionControl {
  window: number;
  private threshold = GREATEST_WINDOW;
  private duplicates = 0;
  /** Highest sequence number that was sent when the loss was noticed; undefined outside recovery. */
  private recover: number | undefined;

  constructor(private readonly segmentSize: number) {
    this.window = INITIAL_SEGMENTS * segmentSize;
  }

  /** `bytes` new ones were acknowledged, up to `acknowledged`. */
  acknowledged(bytes: number, acknowledged: number): AfterAck {
    this.duplicates = 0;
    if (this.recover !== undefined) {
      if (distance(acknowledged, this.recover) >= 0) {
        this.recover = undefined;
        this.window = this.threshold;
        return 'go-on';
      }
      // A partial one: the next hole.
      this.window = Math.max(this.segmentSize, this.window - bytes + this.segmentSize);
      return 'retransmit';
    }
    const growth = this.window < this.threshold ? bytes : Math.max(1, Math.floor((this.segmentSize * bytes) / this.window));
    this.window = Math.min(GREATEST_WINDOW, this.window + growth);
    return 'go-on';
  }

  /** The same acknowledgment came again, with `inFlight` bytes under way up to `highest`. */
  duplicate(inFlight: number, highest: number): AfterAck {
    this.duplicates += 1;
    if (this.recover !== undefined) {
      this.window = Math.min(GREATEST_WINDOW, this.window + this.segmentSize);
      return 'go-on';
    }
    if (this.duplicates !== DUPLICATES) return 'go-on';
    this.recover = highest;
    this.halve(inFlight);
    this.window = this.threshold + DUPLICATES * this.segmentSize;
    return 'retransmit';
  }

  /** Nothing came back in time. */
  timedOut(inFlight: number): void {
    this.recover = undefined;
    this.duplicates = 0;
    this.halve(inFlight);
    this.window = this.segmentSize;
  }

  private halve(inFlight: number): void {
    this.threshold = Math.max(Math.floor(inFlight / 2), 2 * this.segmentSize);
  }
}
