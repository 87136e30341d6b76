/**
 * VHDX images: fixed, dynamic, differencing. Source: Microsoft, [MS-VHDX], Virtual Hard Disk v2 File Format.
 *
 * Data are written first; the tables that lead to them (BAT and sector bitmaps) change in memory, and reach the file through the
 * log, so that either all or nothing of a commit is there after a crash.
 */
import type { FileAccess } from './file';
import { aligned, identifierText, ImageError, putU64, type CheckResult, type DiskImage, type Extent, type ImageDescription } from './image';
import { MetadataPages } from './metadataPages';
import { batEntries, chunkRatio, currentHeader, MIB, readMetadata, readRegions, replaceHeader, type Region, type VhdxHeader, type VhdxMetadata } from './vhdxFormat';
import { applyReplay, LOG_SECTOR, makeLogEntry, MOST_CHANGES, readLog, ReplayedFile } from './vhdxLog';

/** States of payload blocks in the BAT. Others than these read as zeros. */
const STATE = { notPresent: 0, fullyPresent: 6, partiallyPresent: 7 } as const;
const BITMAP_PRESENT = 6;
/** Changed sectors of tables before they are written. */
const MOST_PENDING = MOST_CHANGES;

export class VhdxImage implements DiskImage {
  readonly bytes: number;
  readonly discards = false;
  private readonly file: FileAccess;
  private readonly metadata: VhdxMetadata;
  private readonly region: Region;
  private readonly bat: MetadataPages;
  private readonly bitmaps: MetadataPages;
  private readonly ratio: number;
  private header: VhdxHeader;
  /** The identifiers in the header say that the file, and its data, were changed since it was opened. */
  private announced = false;
  private logSequence = 0;

  /**
   * `backing`: the parent, once it is known to be the right one. `identifier`: gives new identifiers of 16 bytes.
   * @throws ImageError
   */
  constructor(file: FileAccess, private readonly name: string, readonly readOnly: boolean, private readonly identifier: () => Uint8Array, readonly backing?: DiskImage) {
    this.header = currentHeader(file, name);
    const replay = readLog(file, this.header, name);
    if (replay === undefined) this.file = file;
    else if (readOnly) this.file = new ReplayedFile(file, replay);
    else {
      this.file = file;
      applyReplay(file, replay);
      this.header = replaceHeader(file, { ...this.header, log: new Uint8Array(16) });
    }
    const regions = readRegions(this.file, name);
    this.region = regions.bat;
    this.metadata = readMetadata(this.file, regions.metadata, name);
    this.bytes = this.metadata.bytes;
    this.ratio = chunkRatio(this.metadata);
    this.bat = new MetadataPages(this.file, LOG_SECTOR, true);
    this.bitmaps = new MetadataPages(this.file, LOG_SECTOR, true);
    if (batEntries(this.metadata) * 8 > this.region.bytes || this.region.offset % MIB !== 0) throw this.damaged('its table of blocks is too short');
  }

  /** By which children know it: changes with the data. */
  get dataWrite(): Uint8Array {
    return this.header.dataWrite;
  }

  get sectorBytes(): number {
    return this.metadata.sectorBytes;
  }

  private damaged(what: string): ImageError {
    return new ImageError(`${this.name}: the VHDX image is damaged (${what}); restore it from a copy.`);
  }

  private entryAt(block: number): number {
    return this.region.offset + (block + Math.floor(block / this.ratio)) * 8;
  }

  private bitmapEntryAt(block: number): number {
    const chunk = Math.floor(block / this.ratio);
    return this.region.offset + ((chunk + 1) * this.ratio + chunk) * 8;
  }

  /** An entry of the BAT: its state, and where its block is. */
  private entry(place: number): { readonly state: number; readonly offset: number } {
    const low = this.bat.u32(place), high = this.bat.u32(place + 4);
    return { state: low & 7, offset: high * 0x1_0000_0000 + ((low & 0xfff00000) >>> 0) };
  }

  private payload(block: number): { readonly state: number; readonly offset: number } {
    const found = this.entry(this.entryAt(block));
    const isThere = found.state === STATE.fullyPresent || found.state === STATE.partiallyPresent;
    if (isThere && (found.offset < MIB || found.offset >= this.file.size)) throw this.damaged(`block ${block} would lie at ${found.offset}`);
    return found;
  }

  private setEntry(place: number, offset: number, state: number): void {
    const { view, at } = this.bat.change(place);
    putU64(view, at, offset + state, true);
  }

  /** The place in the file of a sector's bit; undefined while its chunk has no bitmaps. */
  private bitAt(block: number, within: number): { readonly place: number; readonly bit: number } | undefined {
    const { state, offset } = this.entry(this.bitmapEntryAt(block));
    if (state !== BITMAP_PRESENT) return undefined;
    const sector = ((block % this.ratio) * this.metadata.blockBytes + within) / this.metadata.sectorBytes;
    const index = Math.floor(sector);
    return { place: offset + Math.floor(index / 8), bit: 1 << (index % 8) };
  }

  private hasSector(block: number, within: number): boolean {
    const found = this.bitAt(block, within);
    if (found === undefined) return false;
    const { view, at } = this.bitmaps.at(found.place);
    return (view.getUint8(at) & found.bit) !== 0;
  }

  read(offset: number, target: Uint8Array): void {
    const { blockBytes } = this.metadata;
    for (let done = 0; done < target.length;) {
      const block = Math.floor((offset + done) / blockBytes);
      const within = (offset + done) % blockBytes;
      const piece = target.subarray(done, Math.min(done + blockBytes - within, target.length));
      const found = this.payload(block);
      if (found.state === STATE.fullyPresent) this.file.read(found.offset + within, piece);
      else if (found.state === STATE.partiallyPresent) this.readSectors(block, found.offset, within, piece);
      else if (found.state === STATE.notPresent) this.readBacking(offset + done, piece);
      else piece.fill(0);
      done += piece.length;
    }
  }

  private readSectors(block: number, place: number, within: number, target: Uint8Array): void {
    const { sectorBytes, blockBytes } = this.metadata;
    for (let done = 0; done < target.length;) {
      const own = this.hasSector(block, within + done);
      let next = Math.floor((within + done) / sectorBytes + 1) * sectorBytes;
      while (next < within + target.length && this.hasSector(block, next) === own) next += sectorBytes;
      const piece = target.subarray(done, Math.min(next - within, target.length));
      if (own) this.file.read(place + within + done, piece);
      else this.readBacking(block * blockBytes + within + done, piece);
      done += piece.length;
    }
  }

  private readBacking(offset: number, target: Uint8Array): void {
    const inside = Math.min(Math.max((this.backing?.bytes ?? 0) - offset, 0), target.length);
    if (inside > 0) this.backing?.read(offset, target.subarray(0, inside));
    target.fill(0, inside);
  }

  write(offset: number, source: Uint8Array): void {
    this.announce();
    const { sectorBytes, hasParent } = this.metadata;
    const end = offset + source.length;
    const first = offset - (offset % sectorBytes), last = Math.min(aligned(end, sectorBytes), this.bytes);
    if (hasParent && (first !== offset || last !== end)) {
      // The bitmap knows whole sectors only.
      const whole = new Uint8Array(last - first);
      this.read(first, whole);
      whole.set(source, offset - first);
      this.writeBlocks(first, whole);
    } else this.writeBlocks(offset, source);
  }

  /** Before the first change, the header gets new identifiers, by which a child notices that its parent is not what it was. */
  private announce(): void {
    if (this.announced) return;
    this.header = replaceHeader(this.file, { ...this.header, fileWrite: this.identifier(), dataWrite: this.identifier() });
    this.announced = true;
  }

  private writeBlocks(offset: number, source: Uint8Array): void {
    const { blockBytes, hasParent } = this.metadata;
    for (let done = 0; done < source.length;) {
      const block = Math.floor((offset + done) / blockBytes);
      const within = (offset + done) % blockBytes;
      const piece = source.subarray(done, Math.min(done + blockBytes - within, source.length));
      const found = this.payload(block);
      const isThere = found.state === STATE.fullyPresent || found.state === STATE.partiallyPresent;
      const place = isThere ? found.offset : this.room(blockBytes);
      this.file.write(place + within, piece);
      const partial = found.state === STATE.partiallyPresent || (found.state === STATE.notPresent && hasParent && piece.length < blockBytes);
      if (partial) this.markSectors(block, within, piece.length);
      if (!isThere) this.setEntry(this.entryAt(block), place, partial ? STATE.partiallyPresent : STATE.fullyPresent);
      done += piece.length;
      if (this.bat.dirtyCount + this.bitmaps.dirtyCount >= MOST_PENDING) this.commit();
    }
  }

  /** Zeros at the end of the file. */
  private room(bytes: number): number {
    const place = aligned(this.file.size, MIB);
    this.file.resize(place + bytes);
    return place;
  }

  private markSectors(block: number, within: number, bytes: number): void {
    if (this.entry(this.bitmapEntryAt(block)).state !== BITMAP_PRESENT) this.setEntry(this.bitmapEntryAt(block), this.room(MIB), BITMAP_PRESENT);
    for (let at = within; at < within + bytes; at += this.metadata.sectorBytes) {
      const found = this.bitAt(block, at);
      if (found === undefined || this.hasSector(block, at)) continue;
      const page = this.bitmaps.change(found.place);
      page.view.setUint8(page.at, page.view.getUint8(page.at) | found.bit);
    }
  }

  discard(): void {
    // Blocks are not moved in the file, so none can be given back.
  }

  /** Brings changed tables into the file, through the log; bitmaps before the entries that make them count. */
  private commit(): void {
    const changes = [...this.bitmaps.changes(), ...this.bat.changes()];
    if (changes.length === 0) return;
    this.file.flush();
    for (let first = 0; first < changes.length; first += MOST_CHANGES) this.log(changes.slice(first, first + MOST_CHANGES));
    this.bitmaps.settle();
    this.bat.settle();
  }

  private log(changes: readonly (readonly [number, Uint8Array])[]): void {
    const { file } = this;
    const isEmpty = this.header.log.every((byte) => byte === 0);
    const log = isEmpty ? this.identifier() : this.header.log;
    this.logSequence++;
    // Two places by turns: while an entry is being written, the one before, which is done, stays whole.
    const at = (this.logSequence % 2) * (Math.floor(this.header.logBytes / 2 / LOG_SECTOR) * LOG_SECTOR);
    file.write(this.header.logOffset + at, makeLogEntry({ log, sequence: this.logSequence, at, fileBytes: file.size, changes }));
    file.flush();
    if (isEmpty) this.header = replaceHeader(file, { ...this.header, log });
    for (const [offset, bytes] of changes) file.write(offset, bytes);
    file.flush();
  }

  flush(): void {
    if (this.readOnly) return;
    this.commit();
    this.file.flush();
  }

  close(): void {
    if (!this.readOnly) {
      this.flush();
      if (this.header.log.some((byte) => byte !== 0)) this.header = replaceHeader(this.file, { ...this.header, log: new Uint8Array(16) });
    }
    this.file.close();
    this.backing?.close();
  }

  extentAt(offset: number): Extent {
    const { blockBytes } = this.metadata;
    const kind = (block: number): 'data' | 'zero' | 'below' => {
      const { state } = this.payload(block);
      if (state === STATE.fullyPresent || state === STATE.partiallyPresent) return 'data';
      return state === STATE.notPresent && this.backing !== undefined ? 'below' : 'zero';
    };
    const first = Math.floor(offset / blockBytes);
    const found = kind(first);
    let block = first + 1;
    while (block * blockBytes < this.bytes && kind(block) === found) block++;
    const bytes = Math.min(block * blockBytes, this.bytes) - offset;
    if (found !== 'below' || this.backing === undefined) return { bytes, zero: found === 'zero' };
    if (offset >= this.backing.bytes) return { bytes, zero: true };
    const below = this.backing.extentAt(offset);
    return { bytes: Math.min(bytes, below.bytes), zero: below.zero };
  }

  describe(): ImageDescription {
    const { blockBytes, hasParent, parent } = this.metadata;
    const linkage = parent.get('parent_linkage');
    return {
      format: 'vhdx', kind: hasParent ? 'differencing' : 'dynamic or fixed', bytes: this.bytes, blockBytes, identifier: identifierText(this.dataWrite, true),
      ...(hasParent ? { parent: { path: vhdxParentPaths(this.metadata)[0] ?? '', ...(linkage === undefined ? {} : { identifier: linkage.replace(/[{}]/g, '').toLowerCase() }) } } : {}),
      snapshots: [], notes: this.file instanceof ReplayedFile ? ['Its log is not empty; it is replayed when the image is opened for writing.'] : [],
    };
  }

  /** Blocks must lie in the file, behind its tables, and not over one another. */
  check(): CheckResult {
    this.flush();
    const errors: string[] = [];
    const pieces: { readonly offset: number; readonly bytes: number }[] = [
      { offset: 0, bytes: MIB }, this.region, { offset: this.header.logOffset, bytes: this.header.logBytes }, readRegions(this.file, this.name).metadata,
    ];
    const blocks = Math.ceil(this.bytes / this.metadata.blockBytes);
    const add = (what: string, offset: number, bytes: number): void => {
      if (offset < MIB || offset + bytes > aligned(this.file.size, MIB)) errors.push(`${what} would lie at ${offset}, outside of the file`);
      pieces.push({ offset, bytes });
    };
    for (let block = 0; block < blocks; block++) {
      const { state, offset } = this.entry(this.entryAt(block));
      if (state === STATE.fullyPresent || state === STATE.partiallyPresent) add(`block ${block}`, offset, this.metadata.blockBytes);
      if (this.metadata.hasParent && block % this.ratio === 0) {
        const bitmap = this.entry(this.bitmapEntryAt(block));
        if (bitmap.state === BITMAP_PRESENT) add(`the sector bitmaps of block ${block}`, bitmap.offset, MIB);
      }
    }
    pieces.sort((a, b) => a.offset - b.offset);
    pieces.forEach((piece, index) => {
      const before = pieces[index - 1];
      if (index > 0 && before.offset + before.bytes > piece.offset) errors.push(`two pieces lie at ${piece.offset}`);
    });
    const used = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
    return { errors: errors.slice(0, 20), leakedBytes: Math.max(this.file.size - used, 0) };
  }
}

/** Where the parent may be: paths to be resolved from the child's folder. */
export function vhdxParentPaths({ parent }: VhdxMetadata): readonly string[] {
  return ['relative_path', 'absolute_win32_path'].flatMap((key) => parent.get(key) ?? []).map((path) => path.replace(/^\\\\\?\\/, '').replaceAll('\\', '/'));
}

/** @throws ImageError when `parent` is not the image that the child was made of, or has been written to since */
export function checkVhdxParent(child: { readonly name: string; readonly metadata: VhdxMetadata }, parent: { readonly name: string; readonly image: VhdxImage }): void {
  const found = identifierText(parent.image.dataWrite, true);
  const linkages = ['parent_linkage', 'parent_linkage2'].flatMap((key) => child.metadata.parent.get(key) ?? []).map((text) => text.replace(/[{}]/g, '').toLowerCase());
  if (linkages.includes(found)) return;
  throw new ImageError(`${child.name}: its parent was ${linkages[0] ?? 'not named'} when the child was made, but ${parent.name} is ${found} now: it is another one, or has been written to; restore the parent, or make the child anew.`);
}
