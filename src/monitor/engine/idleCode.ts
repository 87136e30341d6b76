/**
 * Finds decoded code that is executed no more: most of what a system runs while it starts. When decoded code has grown by a part of what there was,
 * the pages that nothing has entered since the time before are given up, and others have their place: memory of the host that has been touched once
 * stays with the process.
 */
import type { CodePage } from './codePage';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { R } from './records';

/**
 * Bytes in use at which it is looked for the first time (a Debian's boot would come to 50 MiB of them, most of which the host has to have memory for), and
 * by how many, and by which part, they grow between two looks: with less, code that is executed from time to time is decoded again and again.
 */
const FIRST_LOOK = 16 << 20;
const GROWTH = 4 << 20;
const GROWTH_PART = 1 / 4;

export class IdleCode {
  private nextLook = FIRST_LOOK;

  constructor(private readonly view: DataView) {}

  /** Whether it is time to look, with so many bytes in use. */
  isDue(bytes: number): boolean {
    return bytes >= this.nextLook;
  }

  /** The pages of which no block has been entered since the last look, or since the one before if they are new. */
  find(pages: Iterable<CodePage>): readonly CodePage[] {
    const found: CodePage[] = [];
    for (const page of pages) {
      const counts = this.countsOf(page);
      if (counts !== undefined && counts === page.lastCounts && page.breakpoints.size === 0) found.push(page);
      page.lastCounts = counts;
    }
    return found;
  }

  /** What was found has been given up: so many bytes are in use now. */
  looked(bytes: number): void {
    this.nextLook = Math.max(FIRST_LOOK, bytes + Math.max(GROWTH, bytes * GROWTH_PART));
  }

  /** The sum of what its blocks still count down; undefined for a page with translated code, which does not count, and for one where no block does. */
  private countsOf(page: CodePage): number | undefined {
    if (page.regions.size > 0) return undefined;
    let sum: number | undefined;
    for (const { address } of page.unordered) {
      if (this.view.getUint32(address + R.handler, true) === SPECIAL_HANDLERS.profile) sum = (sum ?? 0) + this.view.getInt32(address + R.link, true);
    }
    return sum;
  }
}
