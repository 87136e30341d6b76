/**
 * The control-flow graph of a region: basic blocks that are reached from one entry, in reverse postorder, with what their
 * dominators and loops are. They may lie in several pages; a block's position is counted from the start of its entry's page.
 */
import type { CodePage } from '../codePage';
import type { HandlerKey } from '../handlerShape';
import { R } from '../records';

/** An instruction of a region: its handler's name and shape, and its record. */
export interface RegionInstruction {
  readonly handler: HandlerKey;
  /** Whether the whole instruction is a service. */
  readonly service: boolean;
  readonly record: number;
  /** Whether its accesses keep coming to the monitor: it asks from inside the region, and the region goes on. */
  readonly callout: boolean;
  /** Whether its accesses are looked up for themselves, since with others they were often not in one page. */
  readonly apart: boolean;
  /** Whether its immediate or displacement has been patched, and is read from the record. */
  readonly patched: boolean;
}

/**
 * How a block ends. Places are offsets from the start of its page, and may lie outside it; undefined is none that could be
 * known. `leave`: at a record that is the interpreter's to execute.
 */
export type BlockEnd =
  | { readonly kind: 'branch'; readonly taken: number | undefined; readonly conditional: boolean; readonly behind: number | undefined }
  | { readonly kind: 'call'; readonly taken: number | undefined; readonly behind: number }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump' }
  | { readonly kind: 'onward'; readonly behind: number }
  | { readonly kind: 'leave'; readonly record: number };

/** A basic block as the code cache has it. */
export interface BlockCode {
  readonly page: CodePage;
  /** Offset in the page. */
  readonly offset: number;
  /** Instructions that the budget is charged for when the block is entered. */
  readonly count: number;
  readonly instructions: readonly RegionInstruction[];
  readonly end: BlockEnd;
}

/** Behind the call that a block ends in, direct or not, from the start of its page; undefined where it ends in none. Memory has the records. */
export function behindCall({ end, instructions }: Pick<BlockCode, 'end' | 'instructions'>, memory: DataView): number | undefined {
  if (end.kind === 'call') return end.behind;
  const last = instructions.at(-1);
  if (end.kind !== 'jump' || last?.handler.name !== 'callIndirect') return undefined;
  return memory.getUint16(last.record + R.offset, true) + memory.getUint8(last.record + R.length);
}

/** What a region's code must know of a page. */
export interface RegionPage {
  /** Address of its table of blocks. */
  readonly table: number;
  /** Offsets in it that lie inside CS's limit: [first, end). */
  readonly context: { readonly first: number; readonly end: number };
}

/** A way out of a region to a block that has been entered: the position, and the table of blocks of the page there. */
export interface WayOutside {
  readonly position: number;
  readonly table: number;
}

/** A block that has been taken into a region: plain data, for another thread perhaps. */
export interface PlacedBlock extends Omit<BlockCode, 'page'> {
  readonly page: RegionPage;
  /** Bytes from the start of the entry's page to the block's page, and to the block. */
  readonly delta: number;
  readonly position: number;
  /** Positions at which it may go on inside the region: branch targets, a callee, the places behind calls that a return knows. */
  readonly targets: readonly number[];
  /** Position behind a call that leads out of the region, and comes back there. */
  readonly resumption: number | undefined;
}

/** A block in its graph. */
export interface RegionBlock extends PlacedBlock {
  /** Place in reverse postorder; the entry has 0. */
  order: number;
  readonly successors: RegionBlock[];
  /** Of its successors the one that a call comes back to which leads out of the region. */
  resumes: RegionBlock | undefined;
  readonly predecessors: RegionBlock[];
  /** Its dominated children. */
  readonly children: RegionBlock[];
  /** Edges from blocks before it in the order. */
  forwardEdges: number;
  /** Whether an edge comes back to it from a block that it dominates. */
  isLoop: boolean;
  /** Whether it is in a loop. */
  isRepeated: boolean;
}

export class RegionGraph {
  /** In reverse postorder. */
  readonly blocks: readonly RegionBlock[];
  private readonly byPosition = new Map<number, RegionBlock>();
  private readonly dominators: RegionBlock[] = [];
  private readonly longest: number[] = [];

  /** @param placed the blocks, the entry first; edges lead to those among them. */
  constructor(placed: readonly PlacedBlock[]) {
    for (const { page, offset, count, instructions, end, delta, position, targets, resumption } of placed) {
      this.byPosition.set(position, { page, offset, count, instructions, end, delta, position, targets, resumption, resumes: undefined, order: -1, successors: [], predecessors: [], children: [], forwardEdges: 0, isLoop: false, isRepeated: false });
    }
    const entry = this.byPosition.get(placed[0]?.position ?? -1);
    this.blocks = entry ? this.orderFrom(entry) : [];
    this.findDominators();
    this.classifyEdges();
    this.findLongest();
  }

  /** The block at a position, if it is in the region and can be reached. */
  at(position: number): RegionBlock | undefined {
    const block = this.byPosition.get(position);
    return block && block.order >= 0 ? block : undefined;
  }

  /** Whether every way to `block` leads over `dominator`. */
  dominates(dominator: RegionBlock, block: RegionBlock): boolean {
    let at = block;
    while (at.order > dominator.order) at = this.dominators[at.order] ?? dominator;
    return at === dominator;
  }

  /** The most instructions that are executed behind a block before an edge goes back, a call leads out of the region, or that is left. */
  longestFrom({ order }: RegionBlock): number {
    return this.longest[order] ?? 0;
  }

  private findLongest(): void {
    for (const block of [...this.blocks].reverse()) {
      const ways = block.successors.filter((next) => next.order > block.order && next !== block.resumes).map((next) => next.count + this.longestFrom(next));
      this.longest[block.order] = Math.max(0, ...ways);
    }
  }

  private orderFrom(entry: RegionBlock): RegionBlock[] {
    const postorder: RegionBlock[] = [];
    const seen = new Set<RegionBlock>([entry]);
    const visit = (block: RegionBlock): void => {
      block.resumes = block.resumption === undefined ? undefined : this.byPosition.get(block.resumption);
      const inside = block.targets.map((position) => this.byPosition.get(position));
      for (const next of [...inside, block.resumes]) {
        if (!next) continue;
        block.successors.push(next);
        if (seen.has(next)) continue;
        seen.add(next);
        visit(next);
      }
      postorder.push(block);
    };
    visit(entry);
    const ordered = postorder.reverse();
    ordered.forEach((block, i) => (block.order = i));
    return ordered;
  }

  /** Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm. */
  private findDominators(): void {
    for (const block of this.blocks) for (const next of block.successors) next.predecessors.push(block);
    const [entry] = this.blocks;
    if (!entry) return;
    this.dominators[0] = entry;
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of this.blocks.slice(1)) {
        let found: RegionBlock | undefined;
        for (const before of block.predecessors) {
          if (!this.dominators[before.order]) continue;
          found = found ? this.meet(found, before) : before;
        }
        if (!found || this.dominators[block.order] === found) continue;
        this.dominators[block.order] = found;
        changed = true;
      }
    }
    for (const block of this.blocks.slice(1)) this.dominators[block.order]?.children.push(block);
  }

  private meet(first: RegionBlock, second: RegionBlock): RegionBlock {
    let a = first, b = second;
    while (a !== b) {
      while (a.order > b.order) a = this.dominators[a.order] ?? b;
      while (b.order > a.order) b = this.dominators[b.order] ?? a;
    }
    return a;
  }

  private classifyEdges(): void {
    for (const block of this.blocks) {
      for (const next of block.successors) {
        if (next.order > block.order) next.forwardEdges++;
        else if (this.dominates(next, block)) {
          next.isLoop = true;
          this.markLoop(next, block);
        }
      }
    }
  }

  /** Marks the loop that an edge goes back in: what leads to its end without its head. */
  private markLoop(head: RegionBlock, last: RegionBlock): void {
    const loop = new Set([head, last]);
    for (const block of loop) {
      block.isRepeated = true;
      if (block !== head) for (const before of block.predecessors) loop.add(before);
    }
  }
}
