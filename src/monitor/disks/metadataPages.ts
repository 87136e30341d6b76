/**
 * A format's tables in pieces: read when they are asked for, changed in memory, and written back when the format says that it is
 * their turn. The order in which tables reach the file is what keeps an image consistent, so there is an instance for each kind.
 */
import type { FileAccess } from './file';
import { u64, viewOf } from './image';

/** Clean pieces that are kept. */
const MOST_CLEAN = 1024;

interface Page {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export class MetadataPages {
  private readonly clean = new Map<number, Page>();
  private readonly dirty = new Map<number, Page>();

  /** `pageBytes`: no piece may reach from a table into something else, so at most the unit in which the format allocates. */
  constructor(private readonly file: FileAccess, readonly pageBytes: number, private readonly little: boolean) {}

  get dirtyCount(): number {
    return this.dirty.size;
  }

  private page(offset: number): Page {
    const start = offset - (offset % this.pageBytes);
    const known = this.dirty.get(start) ?? this.clean.get(start);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(this.pageBytes);
    this.file.read(start, bytes);
    const page = { bytes, view: viewOf(bytes) };
    const oldest = this.clean.size >= MOST_CLEAN ? this.clean.keys().next().value : undefined;
    if (oldest !== undefined) this.clean.delete(oldest);
    this.clean.set(start, page);
    return page;
  }

  private changed(offset: number): Page {
    const page = this.page(offset);
    const start = offset - (offset % this.pageBytes);
    this.clean.delete(start);
    this.dirty.set(start, page);
    return page;
  }

  /** The page around a file offset, to be read only, and where in it the offset lies. */
  at(offset: number): { readonly view: DataView; readonly at: number } {
    return { view: this.page(offset).view, at: offset % this.pageBytes };
  }

  /** The same, to be changed. */
  change(offset: number): { readonly view: DataView; readonly at: number } {
    return { view: this.changed(offset).view, at: offset % this.pageBytes };
  }

  u32(offset: number): number {
    return this.page(offset).view.getUint32(offset % this.pageBytes, this.little);
  }

  setU32(offset: number, value: number): void {
    this.changed(offset).view.setUint32(offset % this.pageBytes, value, this.little);
  }

  u64(offset: number): number {
    return u64(this.page(offset).view, offset % this.pageBytes, this.little);
  }

  /** A new table of zeros, which is written whole whatever is in the file there. */
  fresh(offset: number, bytes: number): void {
    for (let start = offset; start < offset + bytes; start += this.pageBytes) {
      const page = new Uint8Array(this.pageBytes);
      this.clean.delete(start);
      this.dirty.set(start, { bytes: page, view: viewOf(page) });
    }
  }

  /** Copies a table to a new place, where it is written whole. */
  copy(from: number, to: number, bytes: number): void {
    this.fresh(to, bytes);
    for (let done = 0; done < bytes; done += this.pageBytes) this.changed(to + done).bytes.set(this.page(from + done).bytes);
  }

  /** These bytes of the file are no table any more. */
  drop(offset: number, bytes: number): void {
    if (this.clean.size + this.dirty.size === 0) return;
    for (let start = offset; start < offset + bytes; start += this.pageBytes) {
      this.clean.delete(start);
      this.dirty.delete(start);
    }
  }

  /** Changed pieces in the order of their place. */
  changes(): readonly (readonly [number, Uint8Array])[] {
    return [...this.dirty].map(([start, { bytes }]) => [start, bytes] as const).sort(([a], [b]) => a - b);
  }

  /** The changed pieces are in the file. */
  settle(): void {
    for (const [start, page] of this.dirty) this.clean.set(start, page);
    this.dirty.clear();
  }

  /** Writes what has changed. */
  writeBack(): void {
    for (const [start, bytes] of this.changes()) this.file.write(start, bytes);
    this.settle();
  }
}
