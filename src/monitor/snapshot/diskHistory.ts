/**
 * What the blocks of a disk held at the moments of snapshots. Of an image that stays as it is, only the overlay changes; one that the
 * guest may write to has its blocks read before they are written, and written back when a snapshot is restored.
 */
import { OVERLAY_BLOCK, type BlockContents, type Drive } from '../disks/drive';
import { Versions, type UnitStore, type VersionsShape } from './versions';

/** What of a drive is followed here. */
export type FollowedDrive = Pick<Drive, 'keeper' | 'save' | 'put'>;

export class DiskHistory implements UnitStore<BlockContents> {
  private readonly versions: Versions<BlockContents>;
  /** Bytes of contents that are kept. */
  bytes = 0;

  /** @param shape of the snapshots at which the disk was what it is now. Default: there are none */
  constructor(private readonly drive: FollowedDrive, shape?: VersionsShape) {
    this.versions = new Versions<BlockContents>(this, shape);
    if (shape !== undefined && shape.count > 0) drive.keeper = this.versions;
  }

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

  // For recordings.

  /** How many bytes there may be among them. */
  bytesBetween(earlier: number, later: number): number {
    return this.versions.unitsBetween(earlier, later).size * OVERLAY_BLOCK;
  }

  /** Blocks that may hold something else at snapshot `later` than at an earlier one, and what they hold there. Throws BlockError when the host's file fails. */
  differences(earlier: number, later: number): readonly (readonly [block: number, contents: BlockContents])[] {
    return [...this.versions.unitsBetween(earlier, later)].sort((one, other) => one - other)
      .map((block) => [block, this.versions.imageAt(block, later) ?? this.drive.save(block)]);
  }

  /** What all blocks held at the first snapshot that have changed since. Throws BlockError. */
  first(): ReadonlyMap<number, BlockContents> {
    return new Map([...this.versions.unitsBetween(0, Infinity)].map((block) => [block, this.versions.imageAt(block, 0) ?? this.drive.save(block)]));
  }

  /** Gives a block other contents than it has. */
  replace(block: number, contents: BlockContents): void {
    this.versions.before(block);
    this.drive.put(block, contents);
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
