/**
 * Hot blocks that wait for translation, and which of them come next. What waits goes on being entered, and with each region that is
 * installed less of it is still needed: so it is decided as late as possible, when somebody has time for it.
 */
import { R } from '../records';

/** A block that waits for translation: its profile record, and how linear addresses led to its page when it was reported. */
export interface HotBlock {
  readonly record: number;
  /** Offset in CS of the page, and CS's base. */
  readonly start: number;
  readonly base: number;
  /** The address space's slot, the privilege in it, and the execute TLB of both in the code's context. */
  readonly slot: number;
  readonly user: boolean;
  readonly execute: number;
}

/** Blocks that have been entered fewer times than this while they waited are equally hot; so are others, unless one has been entered about twice as often. */
const EQUALLY_HOT = 512;

export class HotBlocks {
  /** By their profile records. */
  private readonly blocks = new Map<number, HotBlock>();

  constructor(private readonly view: DataView) {}

  get count(): number {
    return this.blocks.size;
  }

  has(record: number): boolean {
    return this.blocks.has(record);
  }

  add(block: HotBlock): void {
    this.blocks.set(block.record, block);
  }

  remove(record: number): void {
    this.blocks.delete(record);
  }

  /**
   * All of them, those first that have been entered most often since they were reported. Of blocks that are equally hot the one with the lowest
   * address comes first: a function's beginning before what it leads to, which the beginning's region may take in.
   */
  hottestFirst(): HotBlock[] {
    const ranked = [...this.blocks.values()].map((block) => ({ block, rank: this.rank(block), address: block.start + this.view.getUint16(block.record + R.offset, true) }));
    ranked.sort((a, b) => b.rank - a.rank || a.address - b.address);
    return ranked.map(({ block }) => block);
  }

  /** A profile record counts on below zero while its block waits. */
  private rank({ record }: HotBlock): number {
    const entries = Math.max(0, -this.view.getInt32(record + R.link, true));
    return 32 - Math.clz32(entries / EQUALLY_HOT);
  }
}
