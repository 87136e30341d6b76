/**
 * A drive of the machine: a disk through its cache, and in front of it, unless the image itself is to be written, an overlay in memory
 * that takes what the guest writes. The overlay is plain data and part of the machine's state.
 */
import { BlockError, type BlockBackend } from '../devices/device';
import { DriveActivity } from './activity';
import { BlockCache } from './blockCache';
import type { BlockStore } from './blockStore';
import { SECTOR_BYTES } from './image';

/** What happens to the guest's writes: kept in memory, written to the image, or refused (write-protected). */
export type WritePolicy = 'overlay' | 'image' | 'refuse';

/** Bytes of an overlay's block. */
export const OVERLAY_BLOCK = 4096;

/** Blocks that the guest has written, by number; the disk's last one may be shorter. One of no bytes reads as zeros. */
export type Overlay = Map<number, Uint8Array>;

/** What a block held: its bytes (none where all are zero), or that nothing had been written over the image's. Nobody changes it. */
export type BlockContents = Uint8Array | 'image';

/**
 * What a disk held at power-on that its image does not (any more): blocks over the image's. The rest is how the disk was that is imitated,
 * whose guest wrote to the image itself.
 */
export interface DriveStart {
  readonly blocks: ReadonlyMap<number, Uint8Array>;
  readonly readOnly: boolean;
  /** Whether what was discarded read as zeros; if not, discarding did nothing. */
  readonly discards: boolean;
}

/** Who keeps what the blocks of a drive held. */
export interface BlockKeeper {
  /** Whether a block may change without `before`. */
  has(block: number): boolean;
  before(block: number): void;
}

const ZEROS = new Uint8Array(0);
const BLOCK_SECTORS = OVERLAY_BLOCK / SECTOR_BYTES;
/** Blocks that are read in one piece to be kept before they change. */
const KEPT_AT_ONCE = 64;

export class Drive implements BlockBackend {
  readonly sectors: number;
  readonly readOnly: boolean;
  /** Empty under other policies than 'overlay'. */
  overlay: Overlay = new Map();
  /** Told before each block (of OVERLAY_BLOCK bytes) that changes, by whoever keeps what there was (time travel). */
  keeper: BlockKeeper | undefined;
  readonly cache: BlockCache;
  readonly activity: DriveActivity;

  /** @param start with the policy 'overlay' only */
  constructor(store: BlockStore, readonly name: string, readonly writes: WritePolicy, readonly start?: DriveStart) {
    this.cache = new BlockCache(store, { name });
    this.sectors = this.cache.sectors;
    this.activity = new DriveActivity(this.sectors);
    this.readOnly = writes === 'refuse' || (writes === 'image' && store.readOnly) || start?.readOnly === true;
    this.discardOverlay();
  }

  /** The image is again what its file holds, or what it held at power-on. */
  discardOverlay(): void {
    this.overlay = new Map(this.start?.blocks);
  }

  prefetch(lba: number, count: number): void {
    this.cache.prefetch(lba, count);
  }

  read(lba: number, count: number, target: Uint8Array): boolean {
    if (!this.readNow(lba, count, target)) return false;
    this.activity.read(lba, count);
    return true;
  }

  /**
   * Bytes of the disk as the guest would read them now, for who looks from outside: no request of the guest's. Blocks until the image's file
   * has been read. Throws BlockError, and RangeError for what is outside.
   */
  peek(offset: number, bytes: number): Uint8Array {
    const first = Math.floor(offset / SECTOR_BYTES), count = Math.ceil((offset + bytes) / SECTOR_BYTES) - first;
    const target = new Uint8Array(count * SECTOR_BYTES);
    this.patiently(() => this.readNow(first, count, target));
    return target.subarray(offset - first * SECTOR_BYTES, offset - first * SECTOR_BYTES + bytes);
  }

  private readNow(lba: number, count: number, target: Uint8Array): boolean {
    if (!this.cache.read(lba, count, target)) return false;
    if (this.overlay.size === 0) return true;
    const start = lba * SECTOR_BYTES, end = (lba + count) * SECTOR_BYTES;
    for (let block = Math.floor(start / OVERLAY_BLOCK); block * OVERLAY_BLOCK < end; block++) {
      const written = this.overlay.get(block);
      if (written === undefined) continue;
      const base = block * OVERLAY_BLOCK;
      const from = Math.max(start - base, 0), to = Math.min(end - base, OVERLAY_BLOCK);
      if (written.length === 0) target.fill(0, base + from - start, base + to - start);
      else target.set(written.subarray(from, to), base + from - start);
    }
    return true;
  }

  write(lba: number, source: Uint8Array): boolean {
    if (!this.writeNow(lba, source)) return false;
    this.activity.write(lba, source.length / SECTOR_BYTES);
    return true;
  }

  private writeNow(lba: number, source: Uint8Array): boolean {
    if (this.readOnly) throw new BlockError(`Image '${this.name}' is write-protected.`);
    if (this.writes === 'image') return this.keep(lba, source.length / SECTOR_BYTES) && this.cache.write(lba, source);
    const start = lba * SECTOR_BYTES, end = start + source.length;
    if (!(lba >= 0 && end <= this.sectors * SECTOR_BYTES)) throw new RangeError(`Sectors ${lba} to ${end / SECTOR_BYTES - 1} are outside image '${this.name}'.`);
    const first = Math.floor(start / OVERLAY_BLOCK), last = Math.ceil(end / OVERLAY_BLOCK) - 1;
    const changed = new Map<number, Uint8Array>();
    for (const block of new Set([first, last])) {
      const bytes = this.begun(block, start, end);
      if (bytes === undefined) return false;
      changed.set(block, bytes);
    }
    for (let block = first; block <= last; block++) {
      const base = block * OVERLAY_BLOCK;
      const bytes = changed.get(block) ?? new Uint8Array(OVERLAY_BLOCK);
      const from = Math.max(start - base, 0);
      bytes.set(source.subarray(base + from - start, base + bytes.length - start), from);
      this.keeper?.before(block);
      this.overlay.set(block, bytes);
    }
    return true;
  }

  /** A new block of the overlay, with what it held before where it is not wholly written; undefined when that is not there yet. */
  private begun(block: number, start: number, end: number): Uint8Array | undefined {
    const base = block * OVERLAY_BLOCK;
    const bytes = new Uint8Array(Math.min(OVERLAY_BLOCK, this.sectors * SECTOR_BYTES - base));
    if (start <= base && end >= base + bytes.length) return bytes;
    const written = this.overlay.get(block);
    if (written !== undefined) {
      bytes.set(written);
      return bytes;
    }
    return this.cache.read(base / SECTOR_BYTES, bytes.length / SECTOR_BYTES, bytes) ? bytes : undefined;
  }

  /** What is kept in memory only needs no flush. */
  flush(): boolean {
    return this.writes === 'image' ? this.cache.flush() : true;
  }

  discard(lba: number, count: number): boolean {
    if (this.writes === 'image') {
      if (!((!this.cache.discards || this.keep(lba, count)) && this.cache.discard(lba, count))) return false;
      this.activity.discard();
      return true;
    }
    if (this.start?.discards === true && !this.writeNow(lba, new Uint8Array(count * SECTOR_BYTES))) return false;
    this.activity.discard();
    if (this.start) return true;
    const start = lba * SECTOR_BYTES, end = (lba + count) * SECTOR_BYTES;
    // Of the overlay only what it has whole is given up; the image keeps what it has.
    for (let block = Math.ceil(start / OVERLAY_BLOCK); (block + 1) * OVERLAY_BLOCK <= end; block++) {
      if (!this.overlay.has(block)) continue;
      this.keeper?.before(block);
      this.overlay.set(block, ZEROS);
    }
    return true;
  }

  /** Blocks until all that was written to the image is in its file. Throws BlockError. */
  settle(): void {
    this.patiently(() => this.flush());
  }

  /** Whether what is discarded reads as zeros, where the image itself is written. */
  get discards(): boolean {
    return this.cache.discards;
  }

  /**
   * Before sectors of the image itself change: whoever keeps what they held has it then. False when that is not there yet; what is
   * kept already is not read again. Throws BlockError when it cannot be read.
   */
  private keep(lba: number, count: number): boolean {
    const { keeper } = this;
    const end = Math.min(lba + count, this.sectors);
    if (!keeper || !(lba >= 0 && end > lba)) return true;
    const last = Math.ceil(end / BLOCK_SECTORS) - 1;
    for (let block = Math.floor(lba / BLOCK_SECTORS), behind = block; block <= last; block = behind) {
      behind = block + 1;
      if (keeper.has(block)) continue;
      while (behind <= last && behind < block + KEPT_AT_ONCE && !keeper.has(behind)) behind++;
      const first = block * BLOCK_SECTORS, sectors = Math.min(behind * BLOCK_SECTORS, this.sectors) - first;
      if (!this.cache.read(first, sectors, new Uint8Array(sectors * SECTOR_BYTES))) return false;
      for (let each = block; each < behind; each++) keeper.before(each);
    }
    return true;
  }

  /** What a block holds, for `put`: what was written over the image, or the image's bytes if those are written themselves. Throws BlockError. */
  save(block: number): BlockContents {
    if (this.writes !== 'image') return this.overlay.get(block) ?? 'image';
    const first = block * BLOCK_SECTORS;
    const bytes = new Uint8Array((Math.min(first + BLOCK_SECTORS, this.sectors) - first) * SECTOR_BYTES);
    this.patiently(() => this.cache.read(first, bytes.length / SECTOR_BYTES, bytes));
    return bytes.every((byte) => byte === 0) ? ZEROS : bytes;
  }

  /** Gives a block what `save` has given for it before, however long the image takes. Throws BlockError. */
  put(block: number, contents: BlockContents): void {
    if (contents === 'image') this.overlay.delete(block);
    else if (this.writes !== 'image') this.overlay.set(block, contents);
    else {
      const first = block * BLOCK_SECTORS;
      const bytes = contents.length > 0 ? contents : new Uint8Array((Math.min(first + BLOCK_SECTORS, this.sectors) - first) * SECTOR_BYTES);
      this.patiently(() => this.cache.write(first, bytes));
    }
  }

  /** Blocks until a call is done. */
  private patiently(done: () => boolean): true {
    while (!done()) this.cache.wait();
    return true;
  }
}
