/**
 * Equal pages found by content while the guest idles: the later one is put on the first one's frame, copy on write, and
 * pages of zeros on the frame of zeros. Only pages that have not changed from one pass to the next are compared, in the manner
 * of Linux's KSM. Nothing of it shows in the guest.
 */
import { PAGE_BYTES } from './layout';
import type { PhysicalMap } from './physicalMap';

export interface SharingCounters {
  pagesScanned: number;
  pagesMerged: number;
  passes: number;
}

const WORDS = PAGE_BYTES / 4;

export class PageSharing {
  readonly counters: SharingCounters = { pagesScanned: 0, pagesMerged: 0, passes: 0 };
  /** Checksums of the last pass, by page. */
  private readonly sums: Int32Array;
  /** First stable page of this pass with a checksum. */
  private readonly seen = new Map<number, number>();
  private at = 0;

  /** @param pages guest-physical pages that are looked at, from 0 on. */
  constructor(
    private readonly map: PhysicalMap,
    private readonly pages: number,
  ) {
    this.sums = new Int32Array(pages);
  }

  /** Goes on for so many pages. */
  scan(count: number): void {
    for (let i = 0; i < count; i++) {
      this.look(this.at);
      if (++this.at < this.pages) continue;
      this.at = 0;
      this.seen.clear();
      this.counters.passes++;
    }
  }

  private look(page: number): void {
    const { map } = this;
    if (!this.isCandidate(page)) return;
    this.counters.pagesScanned++;
    const sum = this.checksum(page);
    if (this.sums[page] !== sum) {
      this.sums[page] = sum;
      return;
    }
    if (sum === 0 && map.sharesZeros && map.isPlain(page) && this.isZero(page)) return this.merge(page);
    const other = this.seen.get(sum);
    if (other === undefined) this.seen.set(sum, page);
    else if (map.isPlain(page) && this.isCandidate(other) && this.equal(page, other)) this.merge(page, other);
  }

  private merge(page: number, other?: number): void {
    this.counters.pagesMerged++;
    this.map.share(page, other);
  }

  private isCandidate(page: number): boolean {
    return this.map.isPlain(page) || this.map.isShared(page);
  }

  /** 0 for a page of zeros. */
  private checksum(page: number): number {
    const words = this.map.machine.i32;
    const first = this.firstWord(page);
    let sum = 0;
    for (let i = first; i < first + WORDS; i++) sum = Math.imul(sum, 0x01000193) + (words[i] ?? 0) | 0;
    return sum;
  }

  private equal(page: number, other: number): boolean {
    const words = this.map.machine.i32;
    const a = this.firstWord(page);
    const b = this.firstWord(other);
    if (a === b) return false;
    for (let i = 0; i < WORDS; i++) if (words[a + i] !== words[b + i]) return false;
    return true;
  }

  private isZero(page: number): boolean {
    const words = this.map.machine.i32;
    const first = this.firstWord(page);
    for (let i = first; i < first + WORDS; i++) if (words[i] !== 0) return false;
    return true;
  }

  private firstWord(page: number): number {
    return (this.map.entry(page) * PAGE_BYTES) >>> 2;
  }
}
