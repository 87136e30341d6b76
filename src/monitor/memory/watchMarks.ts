/**
 * Marks of pages in which somebody wants to see writes to some bytes: generated code writes to the rest by itself, as it does beside
 * code (see TLB_TRACED).
 */
import { PAGE_MARKS, WATCH_MARKS, WATCHED_PAGES } from './layout';
import { TLB_KIND, type Tlb } from './tlb';

export class WatchMarks {
  /** Whose marks each place holds. */
  private readonly owners: ({ readonly slot: number; readonly page: number } | undefined)[] = [];
  private next = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly tlb: Tlb,
  ) {}

  /**
   * Address of new marks for a page of an address space, in the place of the oldest ones, whose page the TLB forgets.
   * @param isMarked whether a write to so many bytes from an offset in the page on is to be seen
   */
  make(slot: number, page: number, isMarked: (offset: number, bytes: number) => boolean): number {
    const place = this.next;
    this.next = (place + 1) % WATCHED_PAGES;
    const owner = this.owners[place];
    if (owner) this.tlb.drop(owner.slot, TLB_KIND.traced, owner.page);
    this.owners[place] = { slot, page };
    const address = WATCH_MARKS + place * PAGE_MARKS;
    // Eight bytes at once: what is marked beyond those that are watched is no more than asked for in vain.
    for (let mark = 0; mark < PAGE_MARKS; mark++) this.bytes[address + mark] = isMarked(8 * mark, 8) ? 0xff : 0;
    return address;
  }
}
