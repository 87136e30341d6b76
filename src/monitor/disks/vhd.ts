/**
 * VHD images: fixed, dynamic, differencing. Source: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0.
 *
 * A new block takes the place of the footer at the end of the file, after a new footer has been written behind it. The bitmap of
 * its sectors follows, and then the entry in the table (BAT) that leads to it: whenever the host's process ends, there is a footer
 * at the end, and a block that the table leads to is complete.
 */
import type { FileAccess } from './file';
import { ImageError, identifierText, isZero, SECTOR_BYTES, type CheckResult, type DiskImage, type Extent, type ImageDescription } from './image';
import { MetadataPages } from './metadataPages';
import { DYNAMIC_HEADER_BYTES, FOOTER_BYTES, LOCATOR, locatorText, readDynamicHeader, readFooter, UNUSED, withParentModified, type VhdDynamicHeader, type VhdFooter } from './vhdFormat';

/** Changed pieces of tables before they are written. */
const MOST_PENDING = 512;

/** The footer at the end of a file, or for sparse images its copy at the beginning. */
export function findFooter(file: FileAccess): VhdFooter | undefined {
  const bytes = new Uint8Array(FOOTER_BYTES);
  if (file.size < FOOTER_BYTES) return undefined;
  file.read(file.size - FOOTER_BYTES, bytes);
  const last = readFooter(bytes);
  if (last !== undefined) return last;
  file.read(0, bytes);
  const first = readFooter(bytes);
  return first?.kind === 'fixed' ? undefined : first;
}

/** A VHD image of any kind, as a parent. */
export interface VhdImage extends DiskImage {
  readonly uniqueId: Uint8Array;
  /** When the file was last modified as it was opened, seconds since 1970. */
  readonly modified: number;
}

/** A fixed image: the disk's bytes, and behind them the footer. */
export class FixedVhd implements VhdImage {
  readonly bytes: number;
  readonly discards = false;
  readonly uniqueId: Uint8Array;
  readonly modified: number;

  constructor(private readonly file: FileAccess, name: string, footer: VhdFooter, readonly readOnly: boolean) {
    this.bytes = footer.bytes;
    this.uniqueId = footer.uniqueId;
    this.modified = file.modified;
    if (footer.bytes > file.size - FOOTER_BYTES) throw new ImageError(`${name}: the VHD image is cut off: its disk has ${footer.bytes} bytes, and the file ${file.size}; restore it from a copy.`);
  }

  read(offset: number, target: Uint8Array): void {
    this.file.read(offset, target);
  }

  write(offset: number, source: Uint8Array): void {
    this.file.write(offset, source);
  }

  discard(): void {
    // All of a fixed image is always there.
  }

  flush(): void {
    if (!this.readOnly) this.file.flush();
  }

  close(): void {
    this.flush();
    this.file.close();
  }

  extentAt(offset: number): Extent {
    return { bytes: this.bytes - offset, zero: false };
  }

  describe(): ImageDescription {
    return { format: 'vhd', kind: 'fixed', bytes: this.bytes, identifier: identifierText(this.uniqueId, false), snapshots: [], notes: [] };
  }

  check(): CheckResult {
    return { errors: [], leakedBytes: 0 };
  }
}

/** A dynamic or differencing image. */
export class SparseVhd implements VhdImage {
  readonly bytes: number;
  readonly discards = false;
  readonly uniqueId: Uint8Array;
  readonly modified: number;
  private readonly header: VhdDynamicHeader;
  private readonly bat: MetadataPages;
  private readonly bitmaps: MetadataPages;
  private readonly bitmapBytes: number;
  private readonly differencing: boolean;

  /**
   * `backing`: the parent, once it is known to be the right one.
   * @throws ImageError
   */
  constructor(private readonly file: FileAccess, private readonly name: string, private readonly footer: VhdFooter, readonly readOnly: boolean, readonly backing?: DiskImage) {
    this.bytes = footer.bytes;
    this.uniqueId = footer.uniqueId;
    this.modified = file.modified;
    this.differencing = footer.kind === 'differencing';
    this.header = dynamicHeader(file, name, footer);
    this.bat = new MetadataPages(file, SECTOR_BYTES, false);
    this.bitmaps = new MetadataPages(file, SECTOR_BYTES, false);
    const sectors = this.header.blockBytes / SECTOR_BYTES;
    this.bitmapBytes = Math.ceil(sectors / 8 / SECTOR_BYTES) * SECTOR_BYTES;
    if (this.header.entries * this.header.blockBytes < this.bytes) throw this.damaged('its table of blocks is too short');
    if (!readOnly) this.mendFooter();
  }

  private damaged(what: string): ImageError {
    return new ImageError(`${this.name}: the VHD image is damaged (${what}); restore it from a copy.`);
  }

  /** A crash of the host may have lost the footer at the end; its copy at the beginning is put there. */
  private mendFooter(): void {
    const last = new Uint8Array(FOOTER_BYTES);
    this.file.read(this.file.size - FOOTER_BYTES, last);
    if (readFooter(last) !== undefined) return;
    this.file.write(Math.ceil(this.file.size / SECTOR_BYTES) * SECTOR_BYTES, this.footer.raw);
  }

  /** Where a block's bitmap begins in the file; its data follows. Undefined when it has none. */
  private blockAt(block: number): number | undefined {
    const sector = this.bat.u32(this.header.tableOffset + block * 4);
    if (sector === UNUSED) return undefined;
    const place = sector * SECTOR_BYTES;
    if (place + this.bitmapBytes > this.file.size) throw this.damaged(`block ${block} would lie behind the end of the file`);
    return place;
  }

  private hasSector(place: number, sector: number): boolean {
    const { view, at } = this.bitmaps.at(place + (sector >> 3));
    return (view.getUint8(at) & (0x80 >> (sector & 7))) !== 0;
  }

  read(offset: number, target: Uint8Array): void {
    const { blockBytes } = this.header;
    for (let done = 0; done < target.length;) {
      const within = (offset + done) % blockBytes;
      const piece = target.subarray(done, Math.min(done + blockBytes - within, target.length));
      const place = this.blockAt(Math.floor((offset + done) / blockBytes));
      if (place === undefined) this.readBacking(offset + done, piece);
      else if (!this.differencing) this.file.read(place + this.bitmapBytes + within, piece);
      else this.readSectors(offset + done, place, within, piece);
      done += piece.length;
    }
  }

  /** From the child and its parent, in runs of sectors that the same one holds. */
  private readSectors(offset: number, place: number, within: number, target: Uint8Array): void {
    for (let done = 0; done < target.length;) {
      const first = Math.floor((within + done) / SECTOR_BYTES);
      const own = this.hasSector(place, first);
      let next = first + 1;
      while (next * SECTOR_BYTES < within + target.length && this.hasSector(place, next) === own) next++;
      const piece = target.subarray(done, Math.min(next * SECTOR_BYTES - within, target.length));
      if (own) this.file.read(place + this.bitmapBytes + within + done, piece);
      else this.readBacking(offset + done, piece);
      done += piece.length;
    }
  }

  private readBacking(offset: number, target: Uint8Array): void {
    const inside = Math.min(Math.max((this.backing?.bytes ?? 0) - offset, 0), target.length);
    if (inside > 0) this.backing?.read(offset, target.subarray(0, inside));
    target.fill(0, inside);
  }

  write(offset: number, source: Uint8Array): void {
    const end = offset + source.length;
    const first = offset - (offset % SECTOR_BYTES), last = Math.min(Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES, this.bytes);
    if (this.differencing && (first !== offset || last !== end)) {
      // The bitmap knows whole sectors only.
      const whole = new Uint8Array(last - first);
      this.read(first, whole);
      whole.set(source, offset - first);
      this.writeBlocks(first, whole);
    } else this.writeBlocks(offset, source);
    if (this.bat.dirtyCount + this.bitmaps.dirtyCount > MOST_PENDING) this.commit();
  }

  private writeBlocks(offset: number, source: Uint8Array): void {
    const { blockBytes } = this.header;
    for (let done = 0; done < source.length;) {
      const block = Math.floor((offset + done) / blockBytes);
      const within = (offset + done) % blockBytes;
      const piece = source.subarray(done, Math.min(done + blockBytes - within, source.length));
      done += piece.length;
      const known = this.blockAt(block);
      if (known === undefined && !this.differencing && isZero(piece)) continue;
      const place = known ?? this.newBlock(block);
      this.file.write(place + this.bitmapBytes + within, piece);
      if (this.differencing) this.markSectors(place, within, piece.length);
    }
  }

  private markSectors(place: number, within: number, bytes: number): void {
    for (let sector = Math.floor(within / SECTOR_BYTES); sector * SECTOR_BYTES < within + bytes; sector++) {
      if (this.hasSector(place, sector)) continue;
      const { view, at } = this.bitmaps.change(place + (sector >> 3));
      view.setUint8(at, view.getUint8(at) | (0x80 >> (sector & 7)));
    }
  }

  /** Gives a block room at the end of the file; in a dynamic image all its sectors count as written. */
  private newBlock(block: number): number {
    const place = Math.ceil((this.file.size - FOOTER_BYTES) / SECTOR_BYTES) * SECTOR_BYTES;
    const end = place + this.bitmapBytes + this.header.blockBytes;
    if (end / SECTOR_BYTES >= UNUSED) throw new ImageError(`${this.name}: the VHD image is full: its file cannot be larger than 2 TiB.`);
    this.file.write(end, this.footer.raw);
    const bitmap = new Uint8Array(this.bitmapBytes);
    if (!this.differencing) bitmap.fill(0xff);
    this.file.write(place, bitmap);
    this.bitmaps.drop(place, this.bitmapBytes);
    this.bat.setU32(this.header.tableOffset + block * 4, place / SECTOR_BYTES);
    return place;
  }

  discard(): void {
    // Blocks are not moved in the file, so none can be given back.
  }

  private commit(): void {
    if (this.bat.dirtyCount + this.bitmaps.dirtyCount === 0) return;
    this.file.flush();
    this.bitmaps.writeBack();
    if (this.bat.dirtyCount > 0) this.file.flush();
    this.bat.writeBack();
  }

  flush(): void {
    if (this.readOnly) return;
    this.commit();
    this.file.flush();
  }

  close(): void {
    this.flush();
    this.file.close();
    this.backing?.close();
  }

  extentAt(offset: number): Extent {
    const { blockBytes } = this.header;
    const first = Math.floor(offset / blockBytes);
    const isThere = this.blockAt(first) !== undefined;
    let block = first + 1;
    while (block * blockBytes < this.bytes && (this.blockAt(block) !== undefined) === isThere) block++;
    const bytes = Math.min(block * blockBytes, this.bytes) - offset;
    if (isThere) return { bytes, zero: false };
    if (this.backing === undefined || offset >= this.backing.bytes) return { bytes, zero: true };
    const below = this.backing.extentAt(offset);
    return { bytes: Math.min(bytes, below.bytes), zero: below.zero };
  }

  describe(): ImageDescription {
    const { parentId, parentName, blockBytes } = this.header;
    const parent = this.differencing ? { path: vhdParentPaths(this.file, this.header)[0] ?? parentName, identifier: identifierText(parentId, false) } : undefined;
    return {
      format: 'vhd', kind: this.footer.kind, bytes: this.bytes, blockBytes, identifier: identifierText(this.uniqueId, false),
      ...(parent === undefined ? {} : { parent }), snapshots: [], notes: [],
    };
  }

  /** Blocks must lie in the file, behind the table, and not over one another. */
  check(): CheckResult {
    this.flush();
    const errors: string[] = [];
    const { tableOffset, entries, blockBytes } = this.header;
    const places: number[] = [];
    for (let block = 0; block < entries; block++) {
      const sector = this.bat.u32(tableOffset + block * 4);
      if (sector === UNUSED) continue;
      const place = sector * SECTOR_BYTES;
      if (place < tableOffset + entries * 4 || place + this.bitmapBytes + blockBytes > this.file.size - FOOTER_BYTES) errors.push(`block ${block} would lie at ${place}, where the file has no room for it`);
      places.push(place);
    }
    places.sort((a, b) => a - b);
    const stride = this.bitmapBytes + blockBytes;
    places.forEach((place, index) => {
      if (index > 0 && place - places[index - 1] < stride) errors.push(`two blocks lie at ${place}`);
    });
    const start = Math.ceil((tableOffset + entries * 4) / SECTOR_BYTES) * SECTOR_BYTES;
    const room = Math.max(this.file.size - FOOTER_BYTES - start, 0);
    // What locators and alignment take is far less than a block.
    const leaked = Math.floor(Math.max(room - places.length * stride, 0) / stride) * stride;
    return { errors: errors.slice(0, 20), leakedBytes: leaked };
  }
}

export function dynamicHeader(file: FileAccess, name: string, footer: VhdFooter): VhdDynamicHeader {
  const bytes = new Uint8Array(DYNAMIC_HEADER_BYTES);
  file.read(footer.dataOffset, bytes);
  return readDynamicHeader(bytes, name);
}

/** Where the parent may be, as the locators and the header's name say: paths to be resolved from the child's folder. */
export function vhdParentPaths(file: FileAccess, { locators, parentName }: VhdDynamicHeader): readonly string[] {
  const texts = [LOCATOR.relative, LOCATOR.absolute].flatMap((code) => locators.filter((locator) => locator.code === code && locator.bytes > 0 && locator.bytes <= 4096)).map(({ offset, bytes }) => {
    const text = new Uint8Array(bytes);
    file.read(offset, text);
    return locatorText(text);
  });
  const last = parentName.replaceAll('\\', '/').split('/').at(-1) ?? '';
  return [...new Set([...texts, parentName.replaceAll('\\', '/'), last])].filter((path) => path !== '');
}

/** How much the times of a file may differ after it went through a file system with coarse ones, in seconds. */
const TIME_TOLERANCE = 2;

/** @throws ImageError when `parent` is not the image that the child was made of, or has been changed since */
export function checkVhdParent(child: { readonly name: string; readonly header: VhdDynamicHeader }, parent: { readonly name: string; readonly image: VhdImage }): void {
  const { name, header } = child;
  const wanted = identifierText(header.parentId, false), found = identifierText(parent.image.uniqueId, false);
  if (wanted !== found) {
    throw new ImageError(`${name}: its parent has the identifier ${wanted}, but ${parent.name} has ${found}; put the right parent there, or make the child anew.`);
  }
  if (Math.abs(header.parentModified - parent.image.modified) > TIME_TOLERANCE) {
    const date = (seconds: number): string => new Date(seconds * 1000).toISOString();
    throw new ImageError(`${name}: its parent ${parent.name} was modified at ${date(parent.image.modified)}, and was last modified at ${date(header.parentModified)} when the child was made; ` +
      `restore the parent, or, if it was only copied, say so with: shadowbox disk accept-parent '${name}'.`);
  }
}

/** Makes the child take its parent's present time of modification, seconds since 1970. */
export function acceptVhdParent(file: FileAccess, footer: VhdFooter, modified: number): void {
  const header = new Uint8Array(DYNAMIC_HEADER_BYTES);
  file.read(footer.dataOffset, header);
  file.write(footer.dataOffset, withParentModified(header, modified));
  file.flush();
}
