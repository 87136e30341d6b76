/** Raw images: the file's bytes are the disk's. */
import type { FileAccess } from './file';
import { ImageError, SECTOR_BYTES, type CheckResult, type DiskImage, type Extent, type ImageDescription } from './image';
import { formatOf } from './probe';

export interface RawOptions {
  readonly readOnly: boolean;
  /** Size of the disk, bytes. Default: the file's size, rounded up to whole sectors. */
  readonly bytes?: number;
  /** For messages. */
  readonly name?: string;
}

/** What lies behind the end of the file reads as zeros; the file grows when that is written. */
export class RawImage implements DiskImage {
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly discards = false;

  private readonly name: string;

  constructor(private readonly file: FileAccess, options: RawOptions) {
    this.name = options.name ?? 'the image';
    this.bytes = options.bytes ?? Math.ceil(file.size / SECTOR_BYTES) * SECTOR_BYTES;
    this.readOnly = options.readOnly;
  }

  read(offset: number, target: Uint8Array): void {
    const inside = Math.min(Math.max(this.file.size - offset, 0), target.length);
    if (inside > 0) this.file.read(offset, target.subarray(0, inside));
    target.fill(0, inside);
  }

  write(offset: number, source: Uint8Array): void {
    if (offset < SECTOR_BYTES || offset + source.length > this.bytes - SECTOR_BYTES) this.refuseDisguise(offset, source);
    this.file.write(offset, source);
  }

  /**
   * A guest that wrote the header of another format here would choose, the next time that the image is opened and its format
   * found out by its contents, which files of the host are read as its parents.
   */
  private refuseDisguise(offset: number, source: Uint8Array): void {
    const after = (place: number): Uint8Array => {
      const sector = new Uint8Array(SECTOR_BYTES);
      this.read(place, sector);
      const from = Math.max(offset, place), to = Math.min(offset + source.length, place + SECTOR_BYTES);
      if (from < to) sector.set(source.subarray(from - offset, to - offset), from - place);
      return sector;
    };
    const format = formatOf(after(0), after(Math.max(this.bytes - SECTOR_BYTES, 0)));
    if (format !== 'raw') throw new ImageError(`${this.name}: the guest may not write a ${format} header into a raw image, whose format would be taken for that afterwards.`);
  }

  discard(): void {
    // A hole cannot be made in a file with what Node offers.
  }

  flush(): void {
    if (!this.readOnly) this.file.flush();
  }

  close(): void {
    this.flush();
    this.file.close();
  }

  extentAt(offset: number): Extent {
    const { size } = this.file;
    return offset < size ? { bytes: Math.min(size, this.bytes) - offset, zero: false } : { bytes: this.bytes - offset, zero: true };
  }

  describe(): ImageDescription {
    return { format: 'raw', kind: 'raw', bytes: this.bytes, snapshots: [], notes: [] };
  }

  check(): CheckResult {
    return { errors: [], leakedBytes: 0 };
  }
}
