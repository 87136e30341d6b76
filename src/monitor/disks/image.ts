/**
 * Raw disk images behind the monitor's `BlockBackend`, over a file that the host opens.
 *
 * The guest never spoils an image unasked: writes go to an overlay in memory unless the configuration says
 * that the image itself is to be written.
 */
import type { BlockBackend } from '../devices/device';
import { BlockError, floppyFormat, floppySectorsFor } from '../devices/device';

export const SECTOR_BYTES = 512;

/** A file as the host offers it to the monitor. Calls are synchronous and throw when the host's file fails. */
export interface FileAccess {
  /** Bytes. */
  readonly size: number;
  /** Fills `target` from `offset`. Never asked for bytes beyond `size`. */
  read(offset: number, target: Uint8Array): void;
  /** Writes `source` at `offset`, inside `size`. */
  write(offset: number, source: Uint8Array): void;
}

/** What happens to the guest's writes: kept in memory, written to the file, or refused (write-protected). */
export type WritePolicy = 'overlay' | 'file' | 'refuse';

export interface RawImageOptions {
  /** For messages: the name under which a person knows the image. */
  readonly name: string;
  readonly writes: WritePolicy;
  /** Size that the guest sees. Default: the file's size, rounded up to whole sectors. */
  readonly sectors?: number;
}

/** Sectors that the guest has written, by number; plain data for snapshots. */
export type Overlay = Map<number, Uint8Array>;

function hostMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A raw image. Sectors beyond the end of the file, and the rest of a last partial sector, read as zeros. */
export class RawImage implements BlockBackend {
  readonly sectors: number;
  readonly readOnly: boolean;
  /** The guest's writes under the policy 'overlay'. Part of the machine's state: snapshot it with the devices. */
  overlay: Overlay = new Map();
  /** Told before each sector that changes, by whoever keeps what there was (time travel). */
  keeper: { before(sector: number): void } | undefined;
  readonly #file: FileAccess;
  readonly #options: RawImageOptions;

  /** Throws RangeError when an image that is to be written itself is smaller than what the guest sees. */
  constructor(file: FileAccess, options: RawImageOptions) {
    this.#file = file;
    this.#options = options;
    this.sectors = options.sectors ?? Math.ceil(file.size / SECTOR_BYTES);
    this.readOnly = options.writes === 'refuse';
    if (options.writes === 'file' && file.size < this.sectors * SECTOR_BYTES) {
      throw new RangeError(
        `Image '${options.name}' has ${file.size} bytes, but the guest would see ${this.sectors * SECTOR_BYTES}: ` +
          'pad the file to that size, or let writes go to an overlay.',
      );
    }
  }

  /** Throws BlockError when the host's file fails, RangeError outside the image. */
  read(lba: number, count: number, target: Uint8Array): boolean {
    this.#check(lba, count);
    this.#readFile(lba, target.subarray(0, count * SECTOR_BYTES));
    if (this.overlay.size === 0) return true;
    for (let index = 0; index < count; index++) {
      const written = this.overlay.get(lba + index);
      if (written !== undefined) target.set(written, index * SECTOR_BYTES);
    }
    return true;
  }

  prefetch(): void {
    // Files are read when they are asked for.
  }

  /** Throws BlockError when the host's file fails or the image is write-protected, RangeError outside the image. */
  write(lba: number, source: Uint8Array): boolean {
    const count = source.length / SECTOR_BYTES;
    this.#check(lba, count);
    if (this.readOnly) throw new BlockError(`Image '${this.#options.name}' is write-protected.`);
    if (this.keeper) for (let index = 0; index < count; index++) this.keeper.before(lba + index);
    if (this.#options.writes === 'file') {
      this.#access('write', lba, () => this.#file.write(lba * SECTOR_BYTES, source));
      return true;
    }
    for (let index = 0; index < count; index++) {
      this.overlay.set(lba + index, source.slice(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES));
    }
    return true;
  }

  flush(): boolean {
    return true;
  }

  discard(lba: number, count: number): boolean {
    this.#check(lba, count);
    return true;
  }

  /** What a sector holds, for `put`: what was written over the file's, or the file's if that is written itself. Throws BlockError. */
  save(sector: number): Uint8Array | 'file' {
    if (this.#options.writes !== 'file') return this.overlay.get(sector) ?? 'file';
    const bytes = new Uint8Array(SECTOR_BYTES);
    this.#readFile(sector, bytes);
    return bytes;
  }

  /** Gives a sector what `save` has given for it before. Throws BlockError. */
  put(sector: number, image: Uint8Array | 'file'): void {
    if (image === 'file') this.overlay.delete(sector);
    else if (this.#options.writes === 'file') this.#access('write', sector, () => this.#file.write(sector * SECTOR_BYTES, image));
    else this.overlay.set(sector, image);
  }

  /** What `save` gives needs no room of ours. */
  free(): void {
    // Left to the garbage collector.
  }

  /** The image is again what its file holds. */
  discardOverlay(): void {
    this.overlay = new Map();
  }

  #check(lba: number, count: number): void {
    const whole = Number.isInteger(lba) && Number.isInteger(count);
    if (whole && lba >= 0 && count >= 0 && lba + count <= this.sectors) return;
    throw new RangeError(`Sectors ${lba} to ${lba + count - 1} are outside image '${this.#options.name}'.`);
  }

  #readFile(lba: number, target: Uint8Array): void {
    const offset = lba * SECTOR_BYTES;
    const inside = Math.min(Math.max(this.#file.size - offset, 0), target.length);
    target.fill(0, inside);
    if (inside > 0) this.#access('read', lba, () => this.#file.read(offset, target.subarray(0, inside)));
  }

  #access(verb: string, lba: number, access: () => void): void {
    try {
      access();
    } catch (error) {
      throw new BlockError(`Could not ${verb} sector ${lba} of image '${this.#options.name}': ${hostMessage(error)}`);
    }
  }
}

/** A hard disk image. Throws RangeError for an empty file. */
export function openDisk(file: FileAccess, options: { name: string; writes: WritePolicy }): RawImage {
  if (file.size === 0) throw new RangeError(`Disk image '${options.name}' is empty: give an image of at least 512 bytes.`);
  return new RawImage(file, options);
}

/**
 * A floppy image, padded with zeros to the format that it fits: a lone boot sector of 512 bytes is a
 * 1.44 MB floppy. Throws RangeError for an empty file or one larger than 2.88 MB.
 */
export function openFloppy(file: FileAccess, options: { name: string; writes: WritePolicy }): RawImage {
  const sectors = file.size === 0 ? undefined : floppySectorsFor(Math.ceil(file.size / SECTOR_BYTES));
  if (sectors === undefined) {
    throw new RangeError(
      `Floppy image '${options.name}' has ${file.size} bytes: give one of 1 to ${5760 * SECTOR_BYTES} bytes, or use it as a disk.`,
    );
  }
  return new RawImage(file, { ...options, sectors });
}

export interface DiskGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

/** Translation that a BIOS would use: the floppy's own, or 63 sectors with as few heads as keep 1024 cylinders. */
export function guessGeometry(sectors: number): DiskGeometry {
  const floppy = floppyFormat(sectors);
  if (floppy !== undefined) {
    const { cylinders, heads, sectorsPerTrack } = floppy;
    return { cylinders, heads, sectorsPerTrack };
  }
  const sectorsPerTrack = 63;
  const heads = [16, 32, 64, 128].find((count) => sectors <= 1024 * count * sectorsPerTrack) ?? 255;
  const cylinders = Math.min(Math.max(Math.floor(sectors / (heads * sectorsPerTrack)), 1), 1024);
  return { cylinders, heads, sectorsPerTrack };
}
