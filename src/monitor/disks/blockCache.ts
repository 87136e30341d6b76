/**
 * A cache of a disk's blocks, in the machine's thread, over a store that answers in its own time. How fast that is changes only
 * whether a call is done, never what it gives.
 *
 * Reading ahead follows sequential reads. Writes stay here until `flush`, until there are too many of them, or until they have
 * become old (`age`). Orders reach the store in the order in which they are given, so a block that was written may be forgotten,
 * and read again, as soon as the order to write it has been given.
 */
import { BlockError, type BlockBackend } from '../devices/device';
import type { BlockReply, BlockStore } from './blockStore';
import { SECTOR_BYTES } from './image';

export interface CacheOptions {
  /** For messages. */
  readonly name: string;
  readonly blockBytes?: number;
  /** Blocks that are kept; one request may need more. */
  readonly mostBlocks?: number;
  /** Written blocks that wait to be given to the store. */
  readonly mostDirty?: number;
}

const DEFAULTS = { blockBytes: 64 * 1024, mostBlocks: 256, mostDirty: 64 } as const;
/** Orders to write that the store has not done yet. */
const MOST_WRITES = 64;
/** Blocks that are fetched ahead at most. */
const MOST_AHEAD = 16;
/** Rounds of `age` after which a written block goes to the store. */
const OLD_AGE = 100;

interface Block {
  data: Uint8Array | undefined;
  /** The order that fetches it; undefined when none is under way. */
  fetch: number | undefined;
  fault: string | undefined;
  /** What has been written and not given to the store, as offsets in the block; equal when nothing. */
  dirtyFrom: number;
  dirtyTo: number;
  /** When it was first written since. */
  written: number;
}

export class BlockCache implements BlockBackend {
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly counters = { hits: 0, fetches: 0, writes: 0, flushes: 0 };
  private readonly blockBytes: number;
  private readonly mostBlocks: number;
  private readonly mostDirty: number;
  /** By number, in the order of their last use. */
  private readonly blocks = new Map<number, Block>();
  private readonly fetches = new Map<number, number>();
  private readonly writes = new Set<number>();
  private readonly dirty = new Set<number>();
  private lastOrder = 0;
  private round = 0;
  /** A write that the guest believes done has failed; told with its next flush. */
  private lost: string | undefined;
  private flushing: { readonly order: number; done: boolean } | undefined;
  /** Whether anything was written since the flush under way began, or the last one was done. */
  private changed = false;
  private sequentialEnd = -1;
  private ahead = 0;

  constructor(private readonly store: BlockStore, private readonly options: CacheOptions) {
    this.blockBytes = options.blockBytes ?? DEFAULTS.blockBytes;
    this.mostBlocks = options.mostBlocks ?? DEFAULTS.mostBlocks;
    this.mostDirty = options.mostDirty ?? DEFAULTS.mostDirty;
    this.sectors = Math.ceil(store.bytes / SECTOR_BYTES);
    this.readOnly = store.readOnly;
  }

  private check(lba: number, count: number): void {
    const whole = Number.isInteger(lba) && Number.isInteger(count);
    if (whole && lba >= 0 && count >= 0 && lba + count <= this.sectors) return;
    throw new RangeError(`Sectors ${lba} to ${lba + count - 1} are outside image '${this.options.name}'.`);
  }

  private submit(order: Parameters<BlockStore['submit']>[1]): number {
    this.lastOrder++;
    this.store.submit(this.lastOrder, order);
    return this.lastOrder;
  }

  private poll(): void {
    for (let reply = this.store.receive(); reply !== undefined; reply = this.store.receive()) this.take(reply);
  }

  private take({ id, data, fault }: BlockReply): void {
    if (this.flushing?.order === id) this.flushing.done = true;
    if (this.writes.delete(id) || this.flushing?.order === id) {
      if (fault !== undefined) this.lost ??= fault;
      return;
    }
    const number = this.fetches.get(id);
    if (number === undefined) return;
    this.fetches.delete(id);
    const block = this.blocks.get(number);
    // It has been overwritten whole meanwhile.
    if (block?.fetch !== id) return;
    block.fetch = undefined;
    block.data = data;
    block.fault = fault;
  }

  /** Bytes of a block: the last one may be shorter. */
  private bytesOf(number: number): number {
    return Math.min(this.blockBytes, this.sectors * SECTOR_BYTES - number * this.blockBytes);
  }

  /** The block, most recently used from now on; a fetch is ordered when it is not there. */
  private want(number: number): Block {
    let block = this.blocks.get(number);
    if (block === undefined) {
      block = this.emptyBlock();
      this.fetchInto(block, number);
    } else this.blocks.delete(number);
    this.blocks.set(number, block);
    return block;
  }

  private emptyBlock(): Block {
    return { data: undefined, fetch: undefined, fault: undefined, dirtyFrom: 0, dirtyTo: 0, written: 0 };
  }

  private fetchInto(block: Block, number: number): void {
    const offset = number * this.blockBytes;
    this.counters.fetches++;
    // What the format has of a last sector that is not whole, it gives as zeros.
    const order = this.submit({ kind: 'read', offset, bytes: this.bytesOf(number) });
    block.fetch = order;
    this.fetches.set(order, number);
  }

  /** Forgets blocks that were not used for longest, but none between `first` and `last`, which are in use. */
  private trim(first: number, last: number): void {
    if (this.blocks.size <= this.mostBlocks) return;
    for (const [number, block] of this.blocks) {
      if (this.blocks.size <= this.mostBlocks) return;
      const inUse = number >= first && number <= last;
      if (!inUse && block.fetch === undefined && block.dirtyTo === block.dirtyFrom) this.blocks.delete(number);
    }
  }

  /** Whether all these blocks are there; throws BlockError when one cannot be read. */
  private ready(numbers: readonly number[]): boolean {
    if (numbers.length === 0) return true;
    this.poll();
    const blocks = numbers.map((number) => [number, this.want(number)] as const);
    this.poll();
    this.trim(numbers[0], numbers[numbers.length - 1]);
    const failed = blocks.find(([, { fault }]) => fault !== undefined);
    if (failed !== undefined) {
      // Somebody may mend the file, and try again.
      this.blocks.delete(failed[0]);
      throw new BlockError(`Could not read sector ${(failed[0] * this.blockBytes) / SECTOR_BYTES} of image '${this.options.name}': ${failed[1].fault}`);
    }
    return blocks.every(([, { data }]) => data !== undefined);
  }

  private range(lba: number, count: number): { readonly start: number; readonly end: number; readonly first: number; readonly last: number } {
    const start = lba * SECTOR_BYTES, end = (lba + count) * SECTOR_BYTES;
    return { start, end, first: Math.floor(start / this.blockBytes), last: Math.ceil(end / this.blockBytes) - 1 };
  }

  prefetch(lba: number, count: number): void {
    this.check(lba, count);
    if (this.store.immediate || count === 0) return;
    this.poll();
    const { first, last } = this.range(lba, count);
    for (let number = first; number <= Math.min(last, first + this.mostBlocks / 2); number++) {
      if (!this.blocks.has(number)) this.want(number);
    }
    this.trim(first, last);
  }

  read(lba: number, count: number, target: Uint8Array): boolean {
    this.check(lba, count);
    if (count === 0) return true;
    const { start, end, first, last } = this.range(lba, count);
    if (!this.ready(Array.from({ length: last - first + 1 }, (_, index) => first + index))) return false;
    for (let number = first; number <= last; number++) {
      const data = this.blocks.get(number)?.data;
      if (data === undefined) return false;
      const base = number * this.blockBytes;
      const from = Math.max(start - base, 0);
      target.set(data.subarray(from, Math.min(end - base, this.blockBytes)), base + from - start);
    }
    this.counters.hits++;
    this.readAhead(lba, count, last);
    return true;
  }

  private readAhead(lba: number, count: number, last: number): void {
    this.ahead = lba === this.sequentialEnd ? Math.min(this.ahead * 2 + 1, MOST_AHEAD) : 0;
    this.sequentialEnd = lba + count;
    const next = ((last + 1) * this.blockBytes) / SECTOR_BYTES;
    if (this.ahead > 0 && next < this.sectors) this.prefetch(next, Math.min((this.ahead * this.blockBytes) / SECTOR_BYTES, this.sectors - next));
  }

  write(lba: number, source: Uint8Array): boolean {
    const count = source.length / SECTOR_BYTES;
    this.check(lba, count);
    if (this.readOnly) throw new BlockError(`Image '${this.options.name}' is write-protected.`);
    if (count === 0) return true;
    this.poll();
    // The store has to keep up: what it has not written yet is bounded.
    if (this.writes.size >= MOST_WRITES) return false;
    const { start, end, first, last } = this.range(lba, count);
    const partial = [first, last].filter((number, index, both) => both.indexOf(number) === index && (start > number * this.blockBytes || end < number * this.blockBytes + this.bytesOf(number)));
    if (!this.ready(partial)) return false;
    for (let number = first; number <= last; number++) this.fill(number, start, end, source);
    this.changed = true;
    if (this.dirty.size > this.mostDirty) this.writeBack((_, index) => index < this.dirty.size - this.mostDirty / 2);
    this.trim(first, last);
    return true;
  }

  private fill(number: number, start: number, end: number, source: Uint8Array): void {
    const base = number * this.blockBytes;
    const from = Math.max(start - base, 0), to = Math.min(end - base, this.bytesOf(number));
    let block = this.blocks.get(number);
    if (block === undefined) block = this.emptyBlock();
    this.blocks.delete(number);
    this.blocks.set(number, block);
    block.fetch = undefined;
    block.fault = undefined;
    block.data ??= new Uint8Array(this.bytesOf(number));
    block.data.set(source.subarray(base + from - start, base + to - start), from);
    const isClean = block.dirtyFrom === block.dirtyTo;
    block.dirtyFrom = isClean ? from : Math.min(block.dirtyFrom, from);
    block.dirtyTo = isClean ? to : Math.max(block.dirtyTo, to);
    if (isClean) block.written = this.round;
    this.dirty.add(number);
  }

  /** Gives the written blocks for which `chosen` answers true to the store, oldest first. */
  private writeBack(chosen: (block: Block, index: number) => boolean): void {
    [...this.dirty].forEach((number, index) => {
      const block = this.blocks.get(number);
      if (block?.data === undefined || !chosen(block, index)) return;
      this.dirty.delete(number);
      this.counters.writes++;
      this.writes.add(this.submit({ kind: 'write', offset: number * this.blockBytes + block.dirtyFrom, data: block.data.slice(block.dirtyFrom, block.dirtyTo) }));
      block.dirtyFrom = 0;
      block.dirtyTo = 0;
    });
    this.poll();
  }

  flush(): boolean {
    this.poll();
    if (this.flushing === undefined && !this.changed && this.lost === undefined) return true;
    if (this.flushing === undefined || this.changed) this.beginFlush();
    this.poll();
    if (this.flushing?.done !== true) return false;
    this.flushing = undefined;
    const { lost } = this;
    this.lost = undefined;
    if (lost !== undefined) throw new BlockError(`Could not write image '${this.options.name}': ${lost}`);
    return true;
  }

  private beginFlush(): void {
    this.counters.flushes++;
    this.writeBack(() => true);
    this.changed = false;
    // Before the order is given: a store that is immediate has its reply at once.
    this.flushing = { order: this.lastOrder + 1, done: false };
    this.submit({ kind: 'flush' });
  }

  /** Whether what is discarded reads as zeros; if not, discarding does nothing. */
  get discards(): boolean {
    return !this.readOnly && this.store.discards;
  }

  discard(lba: number, count: number): boolean {
    this.check(lba, count);
    if (!this.discards || count === 0) return true;
    this.poll();
    if (this.writes.size >= MOST_WRITES) return false;
    const { start, end, first, last } = this.range(lba, count);
    // What a fetch under way brings is older than the discarding.
    for (const [number, { fetch }] of this.blocks) if (fetch !== undefined && number >= first && number <= last) return false;
    for (const [number, block] of this.blocks) {
      if (number < first || number > last || block.data === undefined) continue;
      const base = number * this.blockBytes;
      block.data.fill(0, Math.max(start - base, 0), Math.min(end - base, block.data.length));
      if (start <= base && end >= base + block.data.length) {
        block.dirtyFrom = block.dirtyTo = 0;
        this.dirty.delete(number);
      }
    }
    this.changed = true;
    this.writes.add(this.submit({ kind: 'discard', offset: start, bytes: Math.min(end, this.store.bytes) - start }));
    return true;
  }

  /** A while of the host's has gone by: what was written long ago goes to the store. */
  age(): void {
    this.round++;
    if (this.dirty.size > 0) this.writeBack(({ written }) => this.round - written > OLD_AGE);
  }

  /** The machine stands: everything goes to the store, and from there to the host's disk, without anybody waiting for it. */
  settle(): void {
    if (!this.readOnly && this.changed) this.beginFlush();
  }

  /** Blocks until the store has something new to say. */
  wait(): void {
    this.store.wait();
  }
}
