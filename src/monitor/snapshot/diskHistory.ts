/**
 * What the blocks of a disk held at the moments of snapshots. Of an image that stays as it is, only the overlay changes; one that the
 * guest may write to has its blocks read before they are written, and written back when a snapshot is restored.
 */
import type { BlockContents, Drive } from '../disks/drive';
import { Versions, type UnitStore } from './versions';

/** What of a drive is followed here. */
export type FollowedDrive = Pick<Drive, 'keeper' | 'save' | 'put'>;

export class DiskHistory implements UnitStore<BlockContents> {
  private readonly versions = new Versions<BlockContents>(this);
  /** Bytes of contents that are kept. */
  bytes = 0;

  constructor(private readonly drive: FollowedDrive) {}

  add(): void {
    this.drive.keeper = this.versions;
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
    this.drive.keeper = undefined;
    this.versions.clear();
  }

  // What versions ask.

  save(block: number): BlockContents {
    const contents = this.drive.save(block);
    this.bytes += bytesOf(contents);
    return contents;
  }

  put(block: number, contents: BlockContents): void {
    this.drive.put(block, contents);
  }

  free(contents: BlockContents): void {
    this.bytes -= bytesOf(contents);
  }
}

const bytesOf = (contents: BlockContents): number => (contents === 'image' ? 0 : contents.length);
