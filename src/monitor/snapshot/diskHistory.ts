/**
 * What the sectors of a disk held at the moments of snapshots. Of an image that stays as it is, only the overlay changes; one that the
 * guest may write to (`writable`) has its sectors read before they are written, and written back when a snapshot is restored.
 */
import { Versions, type UnitStore } from './versions';

/** What a sector held: its bytes, or that nothing has been written over the file's. */
export type SectorImage = Uint8Array | 'file';

/** A disk whose sectors can be followed. */
export interface FollowedDisk extends UnitStore<SectorImage> {
  /** Told before each sector that changes. */
  keeper: { before(sector: number): void } | undefined;
}

export class DiskHistory {
  private readonly versions: Versions<SectorImage>;

  constructor(private readonly disk: FollowedDisk) {
    this.versions = new Versions<SectorImage>(disk);
  }

  add(): void {
    this.disk.keeper = this.versions;
    this.versions.add();
  }

  passed(index: number): void {
    this.versions.passed(index);
  }

  /** Throws BlockError when the host's file fails. */
  restore(index: number): void {
    this.versions.restore(index);
  }

  remove(index: number): void {
    this.versions.remove(index);
  }

  truncate(): void {
    this.versions.truncate();
  }

  clear(): void {
    this.disk.keeper = undefined;
    this.versions.clear();
  }
}
