/** All that a machine holds in bulk, memory and disks, at the moments of snapshots: one numbering for all of them. */
import type { Mmu } from '../memory/mmu';
import type { PhysicalMap } from '../memory/physicalMap';
import { DiskHistory, type FollowedDrive } from './diskHistory';
import { MemoryHistory } from './memoryHistory';

export class History {
  private readonly memory: MemoryHistory;
  private readonly disks: readonly DiskHistory[];

  constructor(map: PhysicalMap, mmu: Mmu, disks: readonly FollowedDrive[]) {
    this.memory = new MemoryHistory(map, mmu);
    this.disks = disks.map((disk) => new DiskHistory(disk));
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

  private parts(): readonly (MemoryHistory | DiskHistory)[] {
    return [this.memory, ...this.disks];
  }
}
