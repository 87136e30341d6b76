/**
 * Lets a region grow from a hot block: which of the blocks that it leads to belong to it. Ways inside a function come
 * first, the most frequent before others and those to code with a region of its own last, and those from calls to behind them: a function that is called is not in the region, which it comes back to. But
 * where there is room for all of a function, it is taken in afterwards. Then come the ways that indirect jumps are likely to take.
 */
import { PAGE_BYTES } from '../../memory/layout';
import type { CodeCache } from '../codeCache';
import type { CodePage } from '../codePage';
import type { RegionPart } from '../regionRegistry';
import type { BlockReader } from './blockReader';
import { jumpHints, type WordReader } from './jumpHints';
import { behindCall, type BlockCode, type PlacedBlock, type RegionInstruction, type RegionPage, type WayOutside } from './regionGraph';

/** Most blocks and instructions of a region: V8's optimising compiler takes more than twice as long for twice the code. */
const MOST_BLOCKS = 24;
const MOST_INSTRUCTIONS = 150;
/** Instructions of a region up to which it takes in blocks that regions of their own begin with. A larger one goes over to those instead of having their code once more. */
const MOST_BEFORE_TRANSLATED = 80;
/** Most places that a return is compared with. */
const MOST_RETURNS = 4;

/** What a region may know of where it is. */
export interface Surroundings {
  pageAt: PageFinder;
  /** Offset in CS of the entry's page. */
  readonly start: number;
  readonly word: WordReader;
}

/** Finds code pages by the distance of their start from that of the region's first one, in bytes. */
export type PageFinder = (delta: number) => CodePage | undefined;

/** A block under consideration. */
interface Candidate {
  readonly code: BlockCode;
  readonly delta: number;
  readonly position: number;
  readonly targets: number[];
  /** As PlacedBlock has it. */
  resumption: number | undefined;
}

/** A way inside a function that has not been followed yet. */
interface Way {
  readonly from: Candidate;
  readonly position: number;
  /** How often the block there has been entered; without end if it is translated, or in the region already. */
  readonly warmth: number;
  /** Whether it leads from a call to behind it. */
  readonly overCall: boolean;
}

/** A region as it has grown: its blocks, the entry first, the pages that they lie in, and what the code cache knows them by. */
export interface GrownRegion {
  readonly blocks: readonly PlacedBlock[];
  readonly pages: ReadonlySet<CodePage>;
  readonly parts: readonly RegionPart[];
  /** Where it is left for blocks that have been entered. */
  readonly ways: readonly WayOutside[];
}

class Growth {
  private readonly blocks = new Map<number, Candidate>();
  private readonly refused = new Set<number>();
  /** Blocks that have been looked at, by position. */
  private readonly known = new Map<number, BlockCode | undefined>();
  private readonly ways: Way[] = [];
  private readonly calls: Candidate[] = [];
  /** Indirect jumps and calls. */
  private readonly jumps: Candidate[] = [];
  /** Places behind the calls of a function, by its first block's position. */
  private readonly returns = new Map<number, number[]>();
  private instructions = 0;

  constructor(
    private readonly code: CodeCache,
    private readonly view: DataView,
    private readonly reader: BlockReader,
    private readonly surroundings: Surroundings,
  ) {}

  from(entry: number): GrownRegion | undefined {
    if (!this.take(entry, true)) return undefined;
    while (this.followNext());
    const pages = new Map<CodePage, RegionPage>();
    const blocks: PlacedBlock[] = [];
    const parts: RegionPart[] = [];
    const returns = this.knownReturns();
    for (const { code, delta, position, targets, resumption } of this.blocks.values()) {
      const known = code.end.kind === 'return' ? (returns.get(position) ?? []) : targets;
      const { page, offset, count, instructions, end } = code;
      blocks.push({ page: plainPage(page, pages), offset, count, instructions, end, delta, position, targets: known, resumption });
      parts.push({ page, offset, address: this.code.block(page, offset), position, targets: known, resumption });
    }
    return { blocks, pages: new Set(pages.keys()), parts, ways: this.waysOutside() };
  }

  /** Places behind the calls of the functions that returns belong to, by the returns' positions: a function may have been come into in its middle first. */
  private knownReturns(): ReadonlyMap<number, readonly number[]> {
    const found = new Map<number, number[]>();
    for (const [callee, places] of this.returns) {
      const seen = new Set([callee]);
      for (const position of seen) {
        const block = this.blocks.get(position);
        if (!block) continue;
        const { code, delta, targets } = block;
        if (code.end.kind === 'return') {
          const known = found.get(position) ?? [];
          found.set(position, [...known, ...places.filter((place) => !known.includes(place))].slice(0, MOST_RETURNS));
          continue;
        }
        // Over a call, not into it.
        const behind = behindCall(code, this.view);
        for (const next of behind === undefined ? targets : [delta + behind]) seen.add(next);
      }
    }
    return found;
  }

  /** Where blocks go on that is not inside. */
  private waysOutside(): WayOutside[] {
    const ways = new Map<number, WayOutside>();
    for (const { code, delta, targets, resumption } of this.blocks.values()) {
      const { end } = code;
      const taken = end.kind === 'branch' || end.kind === 'call' ? end.taken : undefined;
      // Behind a call that comes back into the region, or whose function is in it, no way leads out.
      const comesBack = resumption !== undefined || (end.kind === 'call' && targets.length > 0);
      const behind = end.kind === 'branch' || end.kind === 'onward' ? end.behind : comesBack ? undefined : behindCall(code, this.view);
      for (const place of [taken, behind]) {
        if (place === undefined || targets.includes(delta + place)) continue;
        const position = delta + place;
        const page = this.surroundings.pageAt(deltaOf(position));
        if (page && this.code.hasBeenEntered(page, position - deltaOf(position))) ways.set(position, { position, table: page.table });
      }
    }
    return [...ways.values()];
  }

  /** Follows the most promising way that is left. Says whether there was one. */
  private followNext(): boolean {
    const way = this.mostFrequentWay();
    if (way) return this.followWay(way), true;
    const call = this.calls.shift();
    if (call) return this.followCall(call), true;
    const jump = this.jumps.shift();
    if (jump) this.followJump(jump);
    return jump !== undefined;
  }

  private mostFrequentWay(): Way | undefined {
    const { ways } = this;
    // What has a region of its own comes last: it is there to be gone over to.
    const preference = (way: Way | undefined): number => (way === undefined || way.warmth === Infinity ? 0 : way.warmth);
    let best = 0;
    for (let i = 1; i < ways.length; i++) if (preference(ways[i]) > preference(ways[best])) best = i;
    return ways.splice(best, 1)[0];
  }

  private followWay({ from, position, overCall }: Way): void {
    if (!this.take(position)) return;
    if (overCall) from.resumption = position;
    else from.targets.push(position);
  }

  /** Takes the block at a position in; the ways that lead on from it are followed later. Says whether it is in the region. */
  private take(position: number, isEntry = false): boolean {
    if (this.blocks.has(position)) return true;
    if (this.refused.has(position) || this.blocks.size >= MOST_BLOCKS) return false;
    const delta = deltaOf(position);
    const code = isEntry ? this.codeAt(position) : this.warmCode(position);
    if (!code || (!isEntry && this.instructions + code.count > this.mostWith(position))) {
      this.refused.add(position);
      return false;
    }
    this.instructions += code.count;
    const block: Candidate = { code, delta, position, targets: [], resumption: undefined };
    this.blocks.set(position, block);
    this.follow(block);
    return true;
  }

  /** Most instructions of the region with the block at a position, which is not in it yet. */
  private mostWith(position: number): number {
    return this.warmthAt(position) === Infinity ? MOST_BEFORE_TRANSLATED : MOST_INSTRUCTIONS;
  }

  /** The block at a position, if it has been entered often enough; what has been read once is not read again. */
  private warmCode(position: number): BlockCode | undefined {
    if (this.known.has(position)) return this.known.get(position);
    const code = this.warmthAt(position) > 0 ? this.codeAt(position) : undefined;
    this.known.set(position, code);
    return code;
  }

  private codeAt(position: number): BlockCode | undefined {
    const delta = deltaOf(position);
    const page = this.surroundings.pageAt(delta);
    return page && this.reader.read(page, position - delta);
  }

  private follow(block: Candidate): void {
    const { end } = block.code;
    const go = (place: number | undefined, overCall = false): void => {
      if (place === undefined) return;
      const position = block.delta + place;
      this.ways.push({ from: block, position, warmth: this.warmthAt(position), overCall });
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
        return go(end.behind, true);
      case 'jump':
        this.jumps.push(block);
        return go(behindCall(block.code, this.view), true);
      default:
        return;
    }
  }

  private warmthAt(position: number): number {
    if (this.blocks.has(position)) return Infinity;
    const page = this.surroundings.pageAt(deltaOf(position));
    return page ? this.code.warmth(page, position - deltaOf(position)) : 0;
  }

  private followCall(call: Candidate): void {
    const { end } = call.code;
    if (end.kind === 'call' && end.taken !== undefined && this.takeCalled(call, call.delta + end.taken, call.delta + end.behind)) call.resumption = undefined;
  }

  /** Takes in a function that is called, and the place behind the call. Says whether the function is in the region. */
  private takeCalled(call: Candidate, callee: number, behind: number): boolean {
    const known = this.returns.get(callee) ?? [];
    if (known.length >= MOST_RETURNS || !this.hasRoomFor(callee) || !this.take(callee)) return false;
    call.targets.push(callee);
    if (!this.take(behind)) return true;
    if (!known.includes(behind)) known.push(behind);
    this.returns.set(callee, known);
    return true;
  }

  /** Whether the region can take in all of a function's blocks that have been entered. */
  private hasRoomFor(callee: number): boolean {
    if (this.blocks.has(callee)) return true;
    let { instructions } = this;
    const seen = new Set([callee]);
    for (const position of seen) {
      const code = this.warmCode(position);
      if (!code) continue;
      const delta = deltaOf(position);
      instructions += code.count;
      if (instructions > this.mostWith(position) || this.blocks.size + seen.size > MOST_BLOCKS) return false;
      const { end } = code;
      if (end.kind === 'branch' && end.taken !== undefined) seen.add(delta + end.taken);
      const behind = end.kind === 'branch' || end.kind === 'call' || end.kind === 'onward' ? end.behind : undefined;
      if (behind !== undefined) seen.add(delta + behind);
    }
    return true;
  }

  private followJump(jump: Candidate): void {
    const last = jump.code.instructions.at(-1);
    if (!last) return;
    const behind = behindCall(jump.code, this.view);
    for (const position of this.hints(last)) {
      // Where else it may lead, the call comes back as well.
      if (behind !== undefined) this.takeCalled(jump, position, jump.delta + behind);
      else if (this.take(position)) jump.targets.push(position);
    }
  }

  private hints(last: RegionInstruction): readonly number[] {
    const { start, word } = this.surroundings;
    return [...jumpHints(last, this.view, word)].map((target) => (target - start) | 0);
  }
}

/** From a region's first page to the page of a position. */
const deltaOf = (position: number): number => Math.floor(position / PAGE_BYTES) * PAGE_BYTES;

/** What a region's code must know of a page: the same object for all of its blocks. */
function plainPage(page: CodePage, known: Map<CodePage, RegionPage>): RegionPage {
  let plain = known.get(page);
  if (!plain) known.set(page, (plain = { table: page.table, context: { first: page.context.first, end: page.context.end } }));
  return plain;
}

/** The region of a hot block at an offset in its page; undefined when the block cannot be translated. */
export function growRegion(code: CodeCache, view: DataView, reader: BlockReader, entry: number, surroundings: Surroundings): GrownRegion | undefined {
  return new Growth(code, view, reader, surroundings).from(entry);
}
