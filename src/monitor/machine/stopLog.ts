/** What logs of gates note, until the host fetches it. */
import type { LogEntry } from './stops';

/** Entries that are kept between two fetches: more are counted only. */
const MOST_ENTRIES = 10_000;

export interface LogBatch {
  readonly entries: readonly LogEntry[];
  readonly lost: number;
}

const NOTHING: LogBatch = { entries: [], lost: 0 };

export class StopLog {
  private entries: LogEntry[] = [];
  private lost = 0;

  add(entry: LogEntry): void {
    if (this.entries.length < MOST_ENTRIES) this.entries.push(entry);
    else this.lost++;
  }

  take(): LogBatch {
    if (this.entries.length === 0) return NOTHING;
    const { entries, lost } = this;
    this.entries = [];
    this.lost = 0;
    return { entries, lost };
  }
}
