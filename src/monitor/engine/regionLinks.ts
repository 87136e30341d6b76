/**
 * Links from region to region: where code leaves a region for a block whose place is known, it enters the region that stands in front of that block without
 * looking for it. Each way has an entry of its module's own function table for that, so that the host learns where each leads; by one place that all ways go
 * through it learns nothing (docs/performance.md).
 *
 * Beside each entry a *cell* in monitor memory (i32) has the instructions that the budget is charged for with the block, or more than any budget where no region
 * stands there: one comparison is about both. A link is known by the *slot* that it leads to, the place of the block in its page's table of blocks: whether
 * that page is where it was, the way asks itself.
 */
import { LINK_CELLS, LINK_CELL_BYTES, LINK_CELL_COUNT } from '../memory/layout';

/** More than any budget. */
const CLOSED = 0x7fffffff;

/** Links of one module: entry i of its table and cell i lead to the block of slot i. */
export interface ModuleLinks {
  /** Address of the first cell. */
  readonly cells: number;
  readonly slots: readonly number[];
  readonly table: WebAssembly.Table;
}

/** A region as links lead to it. */
interface Entrance {
  readonly translated: WebAssembly.ExportValue;
  readonly count: number;
}

interface Link {
  readonly links: ModuleLinks;
  readonly index: number;
}

/** Cells that follow one another. */
interface Run {
  readonly first: number;
  readonly count: number;
}

export class RegionLinks {
  /** By the slot that they lead to. */
  private readonly links = new Map<number, Set<Link>>();
  private readonly opened = new Map<ModuleLinks, readonly Link[]>();
  private readonly entrances = new Map<number, Entrance>();
  private free: Run[] = [{ first: LINK_CELLS, count: LINK_CELL_COUNT }];

  constructor(private readonly view: DataView) {}

  /** Cells for so many links, all of which lead nowhere; undefined when there are not so many left. */
  reserve(count: number): number | undefined {
    const i = this.free.findIndex((run) => run.count >= count);
    const run = this.free[i];
    if (!run) return undefined;
    const rest = { first: run.first + count * LINK_CELL_BYTES, count: run.count - count };
    this.free.splice(i, 1, ...(rest.count > 0 ? [rest] : []));
    for (let cell = run.first; cell < rest.first; cell += LINK_CELL_BYTES) this.view.setInt32(cell, CLOSED, true);
    return run.first;
  }

  /** Gives so many cells back. */
  release(first: number, count: number): void {
    if (count === 0) return;
    const runs = [...this.free, { first, count }].sort((a, b) => a.first - b.first);
    const joined: Run[] = [];
    for (const run of runs) {
      const last = joined.at(-1);
      if (last && last.first + last.count * LINK_CELL_BYTES === run.first) joined[joined.length - 1] = { first: last.first, count: last.count + run.count };
      else joined.push(run);
    }
    this.free = joined;
  }

  /** A module has come: its links lead to the regions that there are. */
  open(links: ModuleLinks): void {
    const all = links.slots.map((slot, index) => {
      const link = { links, index };
      const others = this.links.get(slot);
      if (others) others.add(link);
      else this.links.set(slot, new Set([link]));
      const entrance = this.entrances.get(slot);
      if (entrance) this.connect(link, entrance);
      return link;
    });
    this.opened.set(links, all);
  }

  /** A module has gone, and nothing of it is running. */
  close(links: ModuleLinks): void {
    this.opened.get(links)?.forEach((link, i) => {
      const slot = links.slots[i] ?? 0;
      const others = this.links.get(slot);
      others?.delete(link);
      if (others?.size === 0) this.links.delete(slot);
    });
    this.opened.delete(links);
    this.release(links.cells, links.slots.length);
  }

  /** A region stands in front of the block of a slot, which takes so many instructions of the budget. */
  lead(slot: number, translated: WebAssembly.ExportValue, count: number): void {
    const entrance = { translated, count };
    this.entrances.set(slot, entrance);
    for (const link of this.links.get(slot) ?? []) this.connect(link, entrance);
  }

  /** None stands there any more. */
  mislead(slot: number): void {
    if (!this.entrances.delete(slot)) return;
    for (const { links, index } of this.links.get(slot) ?? []) {
      this.view.setInt32(links.cells + index * LINK_CELL_BYTES, CLOSED, true);
      links.table.set(index, null);
    }
  }

  private connect({ links, index }: Link, { translated, count }: Entrance): void {
    links.table.set(index, translated);
    this.view.setInt32(links.cells + index * LINK_CELL_BYTES, count, true);
  }
}
