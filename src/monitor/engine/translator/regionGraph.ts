/**
 * The control-flow graph of a region: basic blocks of one code page that are reached from one entry by direct branches,
 * in reverse postorder, with what their dominators and loops are.
 */
import type { HandlerKey } from '../handlerShape';

/** An instruction of a region: its handler's name and shape, and its record. */
export interface RegionInstruction {
  readonly handler: HandlerKey;
  /** Whether the whole instruction is a service, and the one after it is not reached but by TypeScript. */
  readonly service: boolean;
  readonly record: number;
}

/**
 * How a block ends: a branch to offsets in the page (undefined: outside it), always taken or not; an indirect jump; falling
 * through to an offset; or a record that is the interpreter's to execute.
 */
export type BlockEnd =
  | { readonly kind: 'branch'; readonly taken: number | undefined; readonly conditional: boolean; readonly behind: number | undefined }
  | { readonly kind: 'jump' }
  | { readonly kind: 'onward'; readonly behind: number }
  | { readonly kind: 'leave'; readonly record: number };

/** A basic block as the code cache has it. */
export interface BlockCode {
  /** Offset in the page. */
  readonly offset: number;
  /** Instructions that the budget is charged for when the block is entered. */
  readonly count: number;
  readonly instructions: readonly RegionInstruction[];
  readonly end: BlockEnd;
}

/** A block in its graph. */
export interface RegionBlock extends BlockCode {
  /** Place in reverse postorder; the entry has 0. */
  order: number;
  readonly successors: RegionBlock[];
  /** Its dominated children. */
  readonly children: RegionBlock[];
  /** Edges from blocks before it in the order. */
  forwardEdges: number;
  /** Whether an edge comes back to it from a block that it dominates. */
  isLoop: boolean;
}

/** Offsets in the page at which a block may go on. */
export function targetsOf(end: BlockEnd): readonly number[] {
  switch (end.kind) {
    case 'branch': {
      const taken = end.taken === undefined ? [] : [end.taken];
      return end.conditional && end.behind !== undefined ? [...taken, end.behind] : taken;
    }
    case 'onward':
      return [end.behind];
    default:
      return [];
  }
}

export class RegionGraph {
  /** In reverse postorder. */
  readonly blocks: readonly RegionBlock[];
  private readonly byOffset = new Map<number, RegionBlock>();
  private readonly dominators: RegionBlock[] = [];

  /** @param codes the blocks, the entry first; edges lead to those among them. */
  constructor(codes: readonly BlockCode[]) {
    for (const code of codes) {
      this.byOffset.set(code.offset, { ...code, order: -1, successors: [], children: [], forwardEdges: 0, isLoop: false });
    }
    const entry = this.byOffset.get(codes[0]?.offset ?? -1);
    this.blocks = entry ? this.orderFrom(entry) : [];
    this.findDominators();
    this.classifyEdges();
  }

  /** The block at an offset in the page, if it is in the region. */
  at(offset: number | undefined): RegionBlock | undefined {
    return offset === undefined ? undefined : this.byOffset.get(offset);
  }

  /** Whether every way to `block` leads over `dominator`. */
  dominates(dominator: RegionBlock, block: RegionBlock): boolean {
    let at = block;
    while (at.order > dominator.order) at = this.dominators[at.order] ?? dominator;
    return at === dominator;
  }

  private orderFrom(entry: RegionBlock): RegionBlock[] {
    const postorder: RegionBlock[] = [];
    const seen = new Set<RegionBlock>([entry]);
    const visit = (block: RegionBlock): void => {
      for (const offset of targetsOf(block.end)) {
        const next = this.byOffset.get(offset);
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
    const predecessors = this.blocks.map((): RegionBlock[] => []);
    for (const block of this.blocks) for (const next of block.successors) predecessors[next.order]?.push(block);
    const [entry] = this.blocks;
    if (!entry) return;
    this.dominators[0] = entry;
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of this.blocks.slice(1)) {
        let found: RegionBlock | undefined;
        for (const before of predecessors[block.order] ?? []) {
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
        else if (this.dominates(next, block)) next.isLoop = true;
      }
    }
  }
}
