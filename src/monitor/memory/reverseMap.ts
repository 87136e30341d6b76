/**
 * The reverse map (rmap): which leaf entries of shadow tables map a guest-physical page, as lists through the entries
 * themselves. An entry is named by its table's number and its index: table * 1024 + index. A list may hold entries of
 * other pages too, whose numbers are alike: its size must not hang on which addresses a guest makes up.
 */
import { MAX_SHADOW_TABLES } from './layout';

export const ENTRIES_SHIFT = 10;
/** Lists of 4 KiB pages: enough that 256 MiB of memory have one each. */
const LISTS = 1 << 16;
const LARGE_LISTS = 1 << 10;
/** Large pages are found by their number in units of 2 MiB, the smallest size, 4 MiB and 1 GiB. */
const LARGE_SPANS = [9, 10, 18] as const;

export class ReverseMap {
  /** First entry of each list, and each entry's neighbours in it: names plus one, 0 for none. */
  private readonly heads = new Int32Array(LISTS + LARGE_LISTS);
  private readonly next = new Int32Array(MAX_SHADOW_TABLES << ENTRIES_SHIFT);
  private readonly previous = new Int32Array(MAX_SHADOW_TABLES << ENTRIES_SHIFT);
  /** Leaves of large pages that are entered. */
  private large = 0;

  /** Enters a leaf for 2^`span` pages from `page` on, which is a multiple of them. */
  add(name: number, page: number, span: number): void {
    const list = listOf(page, span);
    const first = this.heads[list] ?? 0;
    this.next[name] = first;
    this.previous[name] = 0;
    if (first !== 0) this.previous[first - 1] = name + 1;
    this.heads[list] = name + 1;
    if (span !== 0) this.large++;
  }

  remove(name: number, page: number, span: number): void {
    const next = this.next[name] ?? 0;
    const previous = this.previous[name] ?? 0;
    if (next !== 0) this.previous[next - 1] = previous;
    if (previous !== 0) this.next[previous - 1] = next;
    else this.heads[listOf(page, span)] = next;
    if (span !== 0) this.large--;
  }

  /** Names of the leaves that may map a page, large ones included, until `visit` says false. It may take out what it visits. */
  forEach(page: number, visit: (name: number) => boolean): void {
    if (!this.forList(listOf(page, 0), visit) || this.large === 0) return;
    for (const span of LARGE_SPANS) if (!this.forList(listOf(page, span), visit)) return;
  }

  clear(): void {
    this.heads.fill(0);
    this.large = 0;
  }

  private forList(list: number, visit: (name: number) => boolean): boolean {
    for (let at = this.heads[list] ?? 0; at !== 0; ) {
      const name = at - 1;
      at = this.next[name] ?? 0;
      if (!visit(name)) return false;
    }
    return true;
  }
}

function listOf(page: number, span: number): number {
  return span === 0 ? page & (LISTS - 1) : LISTS + (((page >>> span) ^ (span << 5)) & (LARGE_LISTS - 1));
}
