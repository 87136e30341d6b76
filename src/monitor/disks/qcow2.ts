/**
 * QCOW2 images, versions 2 and 3. Source: QEMU, docs/interop/qcow2.txt.
 *
 * What is written goes into clusters of its own first, which nothing in the file refers to; `commit` then writes, one after the
 * other, the counts of these clusters, the L2 tables that lead to them, and the L1 table. So whenever the host's process ends, the
 * file holds either the old or the new contents of a cluster, and at worst clusters that are counted and not used.
 */
import type { FileAccess } from './file';
import { ImageError, isZero, viewOf, type CheckResult, type DiskImage, type Extent, type ImageDescription } from './image';
import { inflateRaw } from './inflate';
import { MetadataPages } from './metadataPages';
import { checkQcow2, rebuildRefcounts } from './qcow2Check';
import { COPIED, readEntry, tableOffset, UNALLOCATED, ZERO, type Cluster } from './qcow2Entry';
import { HEADER, INCOMPATIBLE, readQcow2Header, readSnapshots, type Qcow2Header } from './qcow2Header';
import { Qcow2Refcounts } from './qcow2Refcounts';

/** Changed pieces of tables, and clusters that wait to be free, before a commit. */
const MOST_PENDING = 512;
/** Entries that are looked at for one extent. */
const EXTENT_ENTRIES = 4096;

export class Qcow2Image implements DiskImage {
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly discards = true;
  private readonly header: Qcow2Header;
  private readonly refcounts: Qcow2Refcounts;
  private readonly l1: MetadataPages;
  private readonly l2: MetadataPages;
  private readonly clusterBytes: number;
  private readonly l2Entries: number;
  /** The compressed cluster that was read last. */
  private inflated: { readonly offset: number; readonly bytes: Uint8Array } | undefined;

  /**
   * `backing`: the image that the header names, if it does.
   * @throws ImageError
   */
  constructor(private readonly file: FileAccess, private readonly name: string, readOnly: boolean, readonly backing?: DiskImage) {
    this.header = readQcow2Header(file, name);
    this.bytes = this.header.bytes;
    this.clusterBytes = this.header.clusterBytes;
    this.l2Entries = this.clusterBytes / 8;
    this.readOnly = readOnly;
    const pageBytes = Math.min(this.clusterBytes, 4096);
    this.l1 = new MetadataPages(file, pageBytes, false);
    this.l2 = new MetadataPages(file, pageBytes, false);
    this.refcounts = new Qcow2Refcounts(file, this.header, name);
    if (!readOnly) this.prepareToWrite();
  }

  private prepareToWrite(): void {
    const { incompatible, autoclear, version } = this.header;
    if ((incompatible & INCOMPATIBLE.corrupt) !== 0) {
      throw new ImageError(`${this.name}: the image is marked as damaged, and is not written to; repair it with: qemu-img check -r all.`);
    }
    if (version !== 3) return;
    if ((incompatible & INCOMPATIBLE.dirty) !== 0) {
      rebuildRefcounts(this.file, this.header, this.refcounts, this.name);
      const bits = new Uint8Array(8);
      viewOf(bits).setUint32(4, incompatible & ~INCOMPATIBLE.dirty);
      this.file.flush();
      this.file.write(HEADER.incompatible, bits);
    }
    // What the bits stand for (bitmaps of changed blocks) is not kept up here, and no longer true after the first write.
    if (autoclear !== 0) this.file.write(HEADER.autoclear, new Uint8Array(8));
  }

  private damaged(what: string): ImageError {
    return new ImageError(`${this.name}: the QCOW2 image is damaged (${what}); check it with: shadowbox disk check.`);
  }

  /** An L1 entry: where the L2 table is (0: nowhere), and whether it is this image's alone. */
  private l1Entry(index: number): { readonly offset: number; readonly copied: boolean } {
    const place = this.header.l1Offset + index * 8;
    const high = this.l1.u32(place);
    const offset = tableOffset(high, this.l1.u32(place + 4));
    if (offset % this.clusterBytes !== 0) throw this.damaged('an L2 table lies askew');
    return { offset, copied: (high & COPIED) !== 0 };
  }

  private lookUp(cluster: number): Cluster {
    const { offset } = this.l1Entry(Math.floor(cluster / this.l2Entries));
    if (offset === 0) return UNALLOCATED;
    const place = offset + (cluster % this.l2Entries) * 8;
    const found = readEntry(this.l2.u32(place), this.l2.u32(place + 4), this.header.clusterBits);
    if ((found.kind === 'data' || found.kind === 'zero') && found.offset % this.clusterBytes !== 0) throw this.damaged('a cluster lies askew');
    return found;
  }

  read(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.length;) {
      const within = (offset + done) % this.clusterBytes;
      const piece = target.subarray(done, Math.min(done + this.clusterBytes - within, target.length));
      const found = this.lookUp(Math.floor((offset + done) / this.clusterBytes));
      if (found.kind === 'data') this.file.read(found.offset + within, piece);
      else if (found.kind === 'zero') piece.fill(0);
      else if (found.kind === 'compressed') piece.set(this.decompress(found.offset, found.bytes).subarray(within, within + piece.length));
      else this.readBacking(offset + done, piece);
      done += piece.length;
    }
  }

  private readBacking(offset: number, target: Uint8Array): void {
    const inside = Math.min(Math.max((this.backing?.bytes ?? 0) - offset, 0), target.length);
    if (inside > 0) this.backing?.read(offset, target.subarray(0, inside));
    target.fill(0, inside);
  }

  private decompress(offset: number, bytes: number): Uint8Array {
    if (this.inflated?.offset === offset) return this.inflated.bytes;
    const source = new Uint8Array(bytes), target = new Uint8Array(this.clusterBytes);
    this.file.read(offset, source);
    inflateRaw(source, target);
    this.inflated = { offset, bytes: target };
    return target;
  }

  write(offset: number, source: Uint8Array): void {
    for (let done = 0; done < source.length;) {
      const within = (offset + done) % this.clusterBytes;
      const piece = source.subarray(done, Math.min(done + this.clusterBytes - within, source.length));
      this.writeCluster(Math.floor((offset + done) / this.clusterBytes), within, piece);
      done += piece.length;
    }
    this.commitIfMany();
  }

  private writeCluster(cluster: number, within: number, source: Uint8Array): void {
    const found = this.lookUp(cluster);
    if (found.kind === 'data' && found.copied) {
      this.file.write(found.offset + within, source);
      return;
    }
    if (found.kind === 'zero' && found.offset !== 0 && found.copied) {
      this.file.write(found.offset, this.around(cluster, within, source));
      this.setEntry(cluster, found.offset, 0, true);
      return;
    }
    const wholeAnyway = source.length === this.clusterBytes;
    const zeroBefore = found.kind === 'zero' || (found.kind === 'unallocated' && cluster * this.clusterBytes >= (this.backing?.bytes ?? 0));
    const full = wholeAnyway ? source : zeroBefore ? undefined : this.around(cluster, within, source);
    const place = this.newCluster();
    if (full !== undefined) this.file.write(place, full);
    else if (place >= this.file.size) {
      // Behind the end of the file there is nothing but zeros, which need not be written.
      this.file.resize(place + this.clusterBytes);
      this.file.write(place + within, source);
    } else this.file.write(place, this.around(cluster, within, source));
    this.setEntry(cluster, place, 0, true);
    this.releaseCluster(found);
  }

  /** The whole cluster with `source` in it at `within`. */
  private around(cluster: number, within: number, source: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(this.clusterBytes);
    this.read(cluster * this.clusterBytes, bytes);
    bytes.set(source, within);
    return bytes;
  }

  private newCluster(): number {
    const place = this.refcounts.allocate();
    // It may have been a table or compressed data before.
    this.l2.drop(place, this.clusterBytes);
    this.inflated = undefined;
    return place;
  }

  private releaseCluster(found: Cluster): void {
    if (found.kind === 'compressed') {
      const first = found.offset - (found.offset % this.clusterBytes);
      for (let place = first; place < found.offset + found.bytes; place += this.clusterBytes) this.refcounts.release(place);
    } else if (found.kind !== 'unallocated' && found.offset !== 0) this.refcounts.release(found.offset);
  }

  /** Sets an L2 entry in a table that is this image's alone. */
  private setEntry(cluster: number, offset: number, low: number, copied: boolean): void {
    const place = this.ownTable(Math.floor(cluster / this.l2Entries)) + (cluster % this.l2Entries) * 8;
    this.l2.setU32(place, (Math.floor(offset / 0x1_0000_0000) | (copied ? COPIED : 0)) >>> 0);
    this.l2.setU32(place + 4, ((offset % 0x1_0000_0000) | low) >>> 0);
  }

  /** The L2 table of an L1 entry: made when there is none, copied when a snapshot has it, too. */
  private ownTable(index: number): number {
    const { offset, copied } = this.l1Entry(index);
    if (offset !== 0 && copied) return offset;
    const place = this.newCluster();
    if (offset === 0) this.l2.fresh(place, this.clusterBytes);
    else {
      this.l2.copy(offset, place, this.clusterBytes);
      this.refcounts.release(offset);
    }
    const entry = this.header.l1Offset + index * 8;
    this.l1.setU32(entry, (Math.floor(place / 0x1_0000_0000) | COPIED) >>> 0);
    this.l1.setU32(entry + 4, place % 0x1_0000_0000);
    return place;
  }

  discard(offset: number, bytes: number): void {
    const end = offset + bytes;
    for (let at = offset; at < end;) {
      const cluster = Math.floor(at / this.clusterBytes);
      const next = Math.min((cluster + 1) * this.clusterBytes, end);
      // The last cluster may reach beyond the end of the disk.
      const whole = at % this.clusterBytes === 0 && (next % this.clusterBytes === 0 || next === this.bytes);
      if (whole) this.discardCluster(cluster);
      else this.zeroPart(at, next - at);
      at = next;
      this.commitIfMany();
    }
  }

  private zeroPart(offset: number, bytes: number): void {
    const before = new Uint8Array(bytes);
    this.read(offset, before);
    if (!isZero(before)) this.write(offset, new Uint8Array(bytes));
  }

  private discardCluster(cluster: number): void {
    const found = this.lookUp(cluster);
    const hasBacking = cluster * this.clusterBytes < (this.backing?.bytes ?? 0);
    if (found.kind === 'unallocated' && !hasBacking) return;
    if (found.kind === 'zero' && found.offset === 0) return;
    if (hasBacking && this.header.version === 2) {
      const start = cluster * this.clusterBytes;
      this.zeroPart(start, Math.min(this.clusterBytes, this.bytes - start));
      return;
    }
    this.setEntry(cluster, 0, hasBacking ? ZERO : 0, false);
    this.releaseCluster(found);
  }

  private commitIfMany(): void {
    if (this.l2.dirtyCount + this.l1.dirtyCount + this.refcounts.pendingChanges > MOST_PENDING) this.commit();
  }

  /** Makes what was written reachable in the file, in the order that is never wrong. */
  private commit(): void {
    if (this.l2.dirtyCount + this.l1.dirtyCount + this.refcounts.pendingChanges === 0) return;
    this.refcounts.writeBack();
    this.file.flush();
    this.l2.writeBack();
    if (this.l1.dirtyCount > 0) this.file.flush();
    this.l1.writeBack();
    this.file.flush();
    for (const free of this.refcounts.applyReleases()) this.l2.drop(free, this.clusterBytes);
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
    const first = Math.floor(offset / this.clusterBytes);
    const clusters = Math.ceil(this.bytes / this.clusterBytes);
    let zero: boolean | undefined;
    let cluster = first;
    for (let looked = 0; cluster < clusters && looked < EXTENT_ENTRIES; looked++) {
      const { isZero: here, clusters: count } = this.zeroAt(cluster);
      if (zero !== undefined && here !== zero) break;
      zero = here;
      cluster += count;
    }
    return { bytes: Math.min(cluster * this.clusterBytes, this.bytes) - offset, zero: zero ?? false };
  }

  private zeroAt(cluster: number): { readonly isZero: boolean; readonly clusters: number } {
    const { backing, clusterBytes } = this;
    const found = this.lookUp(cluster);
    if (found.kind !== 'unallocated') return { isZero: found.kind === 'zero', clusters: 1 };
    const start = cluster * clusterBytes;
    if (backing === undefined || start >= backing.bytes) {
      const noTable = this.l1Entry(Math.floor(cluster / this.l2Entries)).offset === 0;
      return { isZero: true, clusters: noTable ? this.l2Entries - (cluster % this.l2Entries) : 1 };
    }
    const below = backing.extentAt(start);
    const whole = below.bytes >= Math.min(clusterBytes, backing.bytes - start);
    return { isZero: below.zero && whole, clusters: 1 };
  }

  describe(): ImageDescription {
    const { version, clusterBytes, backingPath, incompatible } = this.header;
    const notes: string[] = [];
    if ((incompatible & INCOMPATIBLE.dirty) !== 0) notes.push('Its reference counts are not up to date; they are rebuilt when it is opened for writing.');
    if ((incompatible & INCOMPATIBLE.corrupt) !== 0) notes.push('It is marked as damaged.');
    return {
      format: 'qcow2', kind: `version ${version}`, bytes: this.bytes, blockBytes: clusterBytes,
      ...(backingPath === undefined ? {} : { parent: { path: backingPath } }),
      snapshots: readSnapshots(this.file, this.header, this.name).snapshots.map(({ name }) => name),
      notes,
    };
  }

  check(): CheckResult {
    this.flush();
    return checkQcow2(this.file, this.header, this.refcounts, this.name);
  }
}
