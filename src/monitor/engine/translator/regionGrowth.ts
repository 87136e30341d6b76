/**
 * Lets a region grow from a hot block: which of the blocks that it leads to belong to it. Ways inside a function come
 * first, then calls: a function that is called is taken in with the place behind the call, to which its return then leads.
 */
import { PAGE_BYTES } from '../../memory/layout';
import type { CodeCache, CodePage } from '../codeCache';
import { RegionGraph, type BlockCode, type PlacedBlock } from './regionGraph';

/** Most blocks and instructions of a region: V8's optimising compiler takes more than twice as long for twice the code. */
const MOST_BLOCKS = 24;
const MOST_INSTRUCTIONS = 150;
/** Most places that a return is compared with. */
const MOST_RETURNS = 4;

/** Finds code pages by the distance of their start from that of the region's first one, in bytes. */
export type PageFinder = (delta: number) => CodePage | undefined;

/** A block under consideration. */
interface Candidate {
  readonly code: BlockCode;
  readonly delta: number;
  readonly position: number;
  readonly targets: number[];
  /** Position of the first block of its function, as far as the region knows. */
  readonly routine: number;
}

class Growth {
  private readonly blocks = new Map<number, Candidate>();
  private readonly refused = new Set<number>();
  private readonly calls: Candidate[] = [];
  /** Places behind the calls of a function, by its first block's position. */
  private readonly returns = new Map<number, number[]>();
  private instructions = 0;

  constructor(
    private readonly code: CodeCache,
    private readonly pageAt: PageFinder,
  ) {}

  from(entry: number): RegionGraph | undefined {
    if (!this.take(entry, entry, true)) return undefined;
    for (let call = this.calls.shift(); call; call = this.calls.shift()) this.followCall(call);
    const placed = [...this.blocks.values()].map((block): PlacedBlock => {
      const { code, delta, position, targets, routine } = block;
      const known = code.end.kind === 'return' ? (this.returns.get(routine) ?? []) : targets;
      return { ...code, delta, position, targets: known };
    });
    return new RegionGraph(placed);
  }

  /** Takes the block at a position in, and all that follows from it inside its function. Says whether it is in the region. */
  private take(position: number, routine: number, isEntry = false): boolean {
    if (this.blocks.has(position)) return true;
    if (this.refused.has(position) || this.blocks.size >= MOST_BLOCKS) return false;
    const delta = Math.floor(position / PAGE_BYTES) * PAGE_BYTES;
    const page = this.pageAt(delta);
    const offset = position - delta;
    const code = page && (isEntry || this.code.isWarm(page, offset)) ? this.code.blockCode(page, offset) : undefined;
    if (!code || (!isEntry && this.instructions + code.count > MOST_INSTRUCTIONS)) {
      this.refused.add(position);
      return false;
    }
    this.instructions += code.count;
    const block: Candidate = { code, delta, position, targets: [], routine };
    this.blocks.set(position, block);
    this.follow(block);
    return true;
  }

  private follow(block: Candidate): void {
    const { end } = block.code;
    const go = (place: number | undefined): void => {
      if (place === undefined) return;
      const position = block.delta + place;
      if (this.take(position, block.routine)) block.targets.push(position);
    };
    switch (end.kind) {
      case 'branch':
        go(end.taken);
        if (end.conditional) go(end.behind);
        return;
      case 'onward':
        return go(end.behind);
      case 'call':
        this.calls.push(block);
        return;
      default:
        return;
    }
  }

  private followCall(call: Candidate): void {
    const { end } = call.code;
    if (end.kind !== 'call' || end.taken === undefined) return;
    const callee = call.delta + end.taken;
    const known = this.returns.get(callee) ?? [];
    if (known.length >= MOST_RETURNS || !this.take(callee, callee)) return;
    call.targets.push(callee);
    const behind = call.delta + end.behind;
    if (!this.take(behind, call.routine)) return;
    if (!known.includes(behind)) known.push(behind);
    this.returns.set(callee, known);
  }
}

/** The region of a hot block at an offset in its page; undefined when the block cannot be translated. */
export function growRegion(code: CodeCache, entry: number, pageAt: PageFinder): RegionGraph | undefined {
  return new Growth(code, pageAt).from(entry);
}
