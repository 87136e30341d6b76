/**
 * The contents of guest-physical memory at the moments of snapshots. Frames stay where they are: a page's bytes are copied out of
 * machine memory when it is written for the first time after a snapshot (FRAME.kept, and no TLB entry for writing till then), and
 * copied back when the snapshot is restored. What derives from pages (shadow tables, code) is told of those whose bytes change.
 */
import { PAGE_BYTES } from '../memory/layout';
import { FRAME } from '../memory/machineMemory';
import type { Mmu } from '../memory/mmu';
import { ABSENT, type PageKeeper, type PhysicalMap } from '../memory/physicalMap';
import { PageImages, ZEROS } from './pageImages';
import { Versions, type UnitStore, type VersionsShape } from './versions';

const PAGE_WORDS = PAGE_BYTES / 4;
const WATCHED = FRAME.code | FRAME.table;

export class MemoryHistory implements UnitStore<number>, PageKeeper {
  private readonly images = new PageImages();
  private readonly versions = new Versions<number>(this);
  private restoring = false;

  constructor(
    private readonly map: PhysicalMap,
    private readonly mmu: Mmu,
  ) {}

  /** Bytes that are kept outside of machine memory. */
  get bytes(): number {
    return this.images.count * PAGE_BYTES;
  }

  /** Pages that have been written, as far as is known, since the snapshot that the present lies behind. */
  get changedPages(): number {
    return this.versions.changedUnits.size;
  }

  /** How many snapshots there are, and which one the present lies behind. */
  get shape(): VersionsShape {
    return this.versions.shape;
  }

  pagesOf(index: number): number {
    return this.versions.unitsOf(index);
  }

  /** Takes a snapshot, right behind that which the present lies behind. */
  add(): void {
    const isFirst = this.versions.present < 0;
    this.map.keeper = this;
    const pages = isFirst ? [...this.map.framed()].map(([page]) => page) : [...this.versions.changedUnits];
    this.versions.add();
    this.keep(pages);
  }

  /** See Versions: by running on, the present has come to lie behind a later snapshot. */
  passed(index: number): void {
    const unchanged = this.versions.passed(index);
    if (unchanged.length > 0) this.keep(unchanged);
  }

  restore(index: number): void {
    this.restoring = true;
    try {
      this.keep(this.versions.restore(index));
    } finally {
      this.restoring = false;
    }
  }

  remove(index: number): void {
    this.versions.remove(index);
  }

  truncate(): void {
    this.versions.truncate();
  }

  /** Forgets all snapshots: pages are written freely again. */
  clear(): void {
    this.map.keeper = undefined;
    this.versions.clear();
    for (const [, frame] of this.map.framed()) this.map.machine.clearFrameFlag(frame, FRAME.kept);
  }

  // For recordings.

  /** Pages that hold something else at snapshot `later` than at an earlier one. */
  pagesBetween(earlier: number, later: number): readonly number[] {
    const isOther = (page: number): boolean => {
      const [before, after] = [this.contentsAt(page, earlier), this.contentsAt(page, later)];
      return before !== after && !isEqual(wordsOf(before), wordsOf(after));
    };
    return [...this.versions.unitsBetween(earlier, later)].filter(isOther).sort((one, other) => one - other);
  }

  /** What a page held at a snapshot, to be read at once; undefined for zeros. */
  contentsAt(page: number, index: number): Uint8Array | undefined {
    const image = this.versions.imageAt(page, index);
    if (image === ZEROS) return undefined;
    if (image !== undefined) return this.images.bytes(image);
    const frame = this.map.entry(page);
    return frame <= 0 || frame === this.map.machine.zeroFrame ? undefined : this.bytesOf(frame);
  }

  /** Gives a page other contents than it has; undefined for zeros. False where there is no memory. */
  replace(page: number, contents: Uint8Array | undefined): boolean {
    if (this.map.entry(page) < ABSENT) return false;
    this.versions.before(page);
    if (contents === undefined) this.put(page, ZEROS);
    else {
      const image = this.images.keep(contents);
      this.put(page, image);
      this.images.free(image);
    }
    return true;
  }

  // What the physical map tells.

  before(page: number): void {
    if (!this.restoring) this.versions.before(page);
  }

  // What versions ask.

  save(page: number): number {
    const { map } = this;
    const frame = map.entry(page);
    return frame <= 0 || frame === map.machine.zeroFrame ? ZEROS : this.images.keep(this.bytesOf(frame));
  }

  put(page: number, image: number): void {
    const { map } = this;
    const entry = map.entry(page);
    if (image === ZEROS && (entry === ABSENT || entry === map.machine.zeroFrame)) return;
    const frame = map.own(page);
    if (frame <= 0) return;
    const flags = map.machine.frameFlags(frame);
    if (flags & WATCHED) this.putWatched(page, frame, image);
    else if (image === ZEROS) this.bytesOf(frame).fill(0);
    else this.bytesOf(frame).set(this.images.bytes(image));
  }

  free(image: number): void {
    this.images.free(image);
  }

  /** Runs of words that differ are put one by one, so that what derives from the rest of the page stays. */
  private putWatched(page: number, frame: number, image: number): void {
    const { map } = this;
    const words = map.machine.i32.subarray((frame * PAGE_BYTES) >>> 2, ((frame + 1) * PAGE_BYTES) >>> 2);
    const bytes = image === ZEROS ? new Uint8Array(PAGE_BYTES) : this.images.bytes(image);
    const wanted = new Int32Array(bytes.buffer, bytes.byteOffset, PAGE_WORDS);
    for (let first = 0; first < PAGE_WORDS; first++) {
      if (words[first] === wanted[first]) continue;
      let end = first + 1;
      while (end < PAGE_WORDS && words[end] !== wanted[end]) end++;
      words.set(wanted.subarray(first, end), first);
      // A trace may be lifted by what has been told before.
      map.noteWrite(frame, page * PAGE_BYTES + 4 * first, 4 * (end - first), map.machine.frameFlags(frame));
      first = end;
    }
  }

  private bytesOf(frame: number): Uint8Array {
    return this.map.machine.u8.subarray(frame * PAGE_BYTES, (frame + 1) * PAGE_BYTES);
  }

  /** The next write to any of these pages is told before it happens. */
  private keep(pages: Iterable<number>): void {
    const { map } = this;
    const { machine } = map;
    for (const page of pages) {
      const frame = map.entry(page);
      // Those on shared frames are asked for anyway.
      if (frame > 0 && !(machine.frameFlags(frame) & FRAME.shared)) machine.setFrameFlag(frame, FRAME.kept);
    }
    this.mmu.tlb.dropAllWrites();
  }
}

const NO_WORDS = new Int32Array(PAGE_WORDS);
const wordsOf = (page: Uint8Array | undefined): Int32Array => (page === undefined ? NO_WORDS : new Int32Array(page.buffer, page.byteOffset, PAGE_WORDS));

function isEqual(one: Int32Array, other: Int32Array): boolean {
  for (let i = 0; i < PAGE_WORDS; i++) if (one[i] !== other[i]) return false;
  return true;
}
