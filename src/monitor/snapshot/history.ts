/** All that a machine holds in bulk, memory and disks, at the moments of snapshots: one numbering for all of them. */
import type { BlockContents } from '../disks/drive';
import { PAGE_BYTES } from '../memory/layout';
import type { Mmu } from '../memory/mmu';
import type { PhysicalMap } from '../memory/physicalMap';
import { DiskHistory, type FollowedDrive } from './diskHistory';
import { MemoryHistory } from './memoryHistory';

/** What memory and disks hold at a snapshot that they do not at an earlier one. */
export interface BulkDifference {
  /** Guest-physical pages whose bytes follow, 4 KiB each; and those that are zeros. */
  readonly pages: readonly number[];
  readonly bytes: Uint8Array;
  readonly zeros: readonly number[];
  /** Of each disk that has changed, by its name. */
  readonly disks: readonly (readonly [name: string, blocks: readonly (readonly [block: number, contents: BlockContents])[]])[];
}

export class History {
  private readonly memory: MemoryHistory;
  private readonly disks: Map<string, DiskHistory>;

  /** `disks`: by names that tell them apart. */
  constructor(map: PhysicalMap, mmu: Mmu, disks: readonly (readonly [name: string, disk: FollowedDrive])[]) {
    this.memory = new MemoryHistory(map, mmu);
    this.disks = new Map(disks.map(([name, disk]) => [name, new DiskHistory(disk)]));
  }

  /** Follows a disk that comes later. It was at all snapshots what it is now: nobody has had it. */
  follow(name: string, disk: FollowedDrive): void {
    this.disks.set(name, new DiskHistory(disk, this.memory.shape));
  }

  /** Bytes that are kept of what memory and disks held. */
  get bytes(): number {
    return this.parts().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Pages that have been written since the snapshot that the present lies behind. */
  get changedPages(): number {
    return this.memory.changedPages;
  }

  /** Pages of memory of which an image, or that they were zeros, is kept for snapshot `index`. */
  pagesOf(index: number): number {
    return this.memory.pagesOf(index);
  }

  /** Takes a snapshot of the present, right behind the one that it lies behind. */
  add(): void {
    for (const part of this.parts()) part.add();
  }

  /** By running on, the present has come to lie behind snapshot `index`. */
  passed(index: number): void {
    for (const part of this.parts()) part.passed(index);
  }

  /** Makes memory and disks what they were at a snapshot. Throws BlockError when a disk's file fails. */
  restore(index: number): void {
    for (const part of this.parts()) part.restore(index);
  }

  /** Forgets a snapshot that is neither the first nor the one that the present lies behind. */
  remove(index: number): void {
    for (const part of this.parts()) part.remove(index);
  }

  /** Forgets all snapshots behind the present. */
  truncate(): void {
    for (const part of this.parts()) part.truncate();
  }

  /** Forgets everything. */
  clear(): void {
    for (const part of this.parts()) part.clear();
  }

  /** What is other at snapshot `later` than at an earlier one; undefined if that is more than so many bytes. Throws BlockError. */
  difference(earlier: number, later: number, mostBytes: number): BulkDifference | undefined {
    const { memory } = this;
    const all = memory.pagesBetween(earlier, later);
    const isZero = (page: number): boolean => memory.contentsAt(page, later) === undefined;
    const pages = all.filter((page) => !isZero(page));
    const onDisks = [...this.disks.values()].reduce((sum, disk) => sum + disk.bytesBetween(earlier, later), 0);
    if (pages.length * PAGE_BYTES + onDisks > mostBytes) return undefined;
    // Shared, so that another thread takes it as it is.
    const bytes = new Uint8Array(new SharedArrayBuffer(pages.length * PAGE_BYTES));
    pages.forEach((page, index) => bytes.set(memory.contentsAt(page, later) ?? [], index * PAGE_BYTES));
    return { pages, bytes, zeros: all.filter(isZero), disks: this.differencesOnDisks(earlier, later) };
  }

  private differencesOnDisks(earlier: number, later: number): BulkDifference['disks'] {
    return [...this.disks].map(([name, disk]) => [name, disk.differences(earlier, later)] as const).filter(([, blocks]) => blocks.length > 0);
  }

  /** What the blocks of a disk held at the first snapshot that have changed since. Throws BlockError. */
  firstOnDisk(name: string): ReadonlyMap<number, BlockContents> {
    return this.disks.get(name)?.first() ?? new Map();
  }

  /** Changes memory and disks by a difference. False where they are not those that it was taken of. Throws BlockError. */
  apply({ pages, bytes, zeros, disks }: BulkDifference): boolean {
    const { memory } = this;
    if (disks.some(([name]) => !this.disks.has(name)) || bytes.length !== pages.length * PAGE_BYTES) return false;
    const isThere = [
      ...pages.map((page, index) => memory.replace(page, bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES))), ...zeros.map((page) => memory.replace(page, undefined)),
    ];
    for (const [name, blocks] of disks) for (const [block, contents] of blocks) this.disks.get(name)?.replace(block, contents);
    return isThere.every((each) => each);
  }

  private parts(): readonly (MemoryHistory | DiskHistory)[] {
    return [this.memory, ...this.disks.values()];
  }
}
