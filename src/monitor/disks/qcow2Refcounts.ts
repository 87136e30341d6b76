/**
 * The reference counts of a QCOW2 image, and which of its clusters are free.
 *
 * A cluster is given out by counting it before anything refers to it, and given back only when nothing in the file refers to it
 * any more (`release` waits for `applyReleases`): whatever is interrupted in between leaves a cluster counted too high, which
 * wastes it, and never too low.
 */
import type { FileAccess } from './file';
import { ImageError, putU64, u64, viewOf } from './image';
import { MetadataPages } from './metadataPages';
import { HEADER, type Qcow2Header } from './qcow2Header';

export class Qcow2Refcounts {
  private readonly pages: MetadataPages;
  private table: Float64Array;
  private tableOffset: number;
  private tableClusters: number;
  /** Entries of the table that are not in the file yet. */
  private readonly newBlocks = new Set<number>();
  /** No cluster below is free. */
  private firstFree = 0;
  private released: number[] = [];
  private readonly perBlock: number;
  private readonly clusterBytes: number;

  constructor(private readonly file: FileAccess, private readonly header: Qcow2Header, private readonly name: string) {
    this.clusterBytes = header.clusterBytes;
    this.perBlock = (header.clusterBytes * 8) / header.refcountBits;
    this.pages = new MetadataPages(file, Math.min(header.clusterBytes, 4096), false);
    this.tableOffset = header.refcountTableOffset;
    this.tableClusters = header.refcountTableClusters;
    const bytes = new Uint8Array(this.tableClusters * this.clusterBytes);
    file.read(this.tableOffset, bytes);
    const view = viewOf(bytes);
    this.table = Float64Array.from({ length: bytes.length / 8 }, (_, index) => u64(view, index * 8, false));
  }

  /** Bytes of the file that the counts themselves take: offset and length of each piece. */
  *ownClusters(): Generator<readonly [number, number]> {
    yield [this.tableOffset, this.tableClusters * this.clusterBytes];
    for (const block of this.table) if (block !== 0) yield [block, this.clusterBytes];
  }

  /** Clusters that the blocks which are there could count. */
  get coveredClusters(): number {
    const last = this.table.reduce((found, block, index) => (block === 0 ? found : index + 1), 0);
    return last * this.perBlock;
  }

  get pendingChanges(): number {
    return this.pages.dirtyCount + this.released.length;
  }

  get(cluster: number): number {
    const block = this.table[Math.floor(cluster / this.perBlock)] ?? 0;
    if (block === 0) return 0;
    if (block % this.clusterBytes !== 0) throw this.damaged('a block of reference counts lies askew');
    const index = cluster % this.perBlock;
    const { refcountBits } = this.header;
    const { view, at } = this.pages.at(block + Math.floor((index * refcountBits) / 8));
    switch (refcountBits) {
      case 8: return view.getUint8(at);
      case 16: return view.getUint16(at);
      case 32: return view.getUint32(at);
      case 64: return u64(view, at, false);
      default: return (view.getUint8(at) >> ((index * refcountBits) % 8)) & ((1 << refcountBits) - 1);
    }
  }

  /** Sets a count, for those who rebuild them all. Throws ImageError where there is no room to count in. */
  rebuild(cluster: number, count: number): void {
    if (this.get(cluster) === count) return;
    if ((this.table[Math.floor(cluster / this.perBlock)] ?? 0) === 0) {
      throw new ImageError(`${this.name}: blocks of reference counts are missing from it; repair it with: qemu-img check -r all.`);
    }
    this.set(cluster, count);
  }

  private set(cluster: number, count: number): void {
    const { refcountBits } = this.header;
    if (count >= 2 ** refcountBits) throw this.damaged(`a cluster is referred to ${count} times, more than can be counted`);
    const index = cluster % this.perBlock;
    const { view, at } = this.pages.change(this.table[Math.floor(cluster / this.perBlock)] + Math.floor((index * refcountBits) / 8));
    if (refcountBits === 64) putU64(view, at, count, false);
    else if (refcountBits === 32) view.setUint32(at, count);
    else if (refcountBits === 16) view.setUint16(at, count);
    else if (refcountBits === 8) view.setUint8(at, count);
    else {
      const shift = (index * refcountBits) % 8;
      view.setUint8(at, (view.getUint8(at) & ~(((1 << refcountBits) - 1) << shift)) | (count << shift));
    }
  }

  /** A free cluster, counted once from now on: its offset in the file. */
  allocate(): number {
    for (;;) {
      const cluster = this.firstFree++;
      if (cluster === 0) continue;
      const index = Math.floor(cluster / this.perBlock);
      if (index >= this.table.length) {
        this.growTable();
        continue;
      }
      if (this.table[index] === 0) {
        // Nothing in the reach of a block that is missing is in use: its first cluster in question takes the block itself.
        this.makeBlock(index, cluster * this.clusterBytes);
        continue;
      }
      if (this.get(cluster) !== 0) continue;
      this.set(cluster, 1);
      return cluster * this.clusterBytes;
    }
  }

  private makeBlock(index: number, offset: number): void {
    this.pages.fresh(offset, this.clusterBytes);
    this.table[index] = offset;
    this.newBlocks.add(index);
    const own = offset / this.clusterBytes;
    if (Math.floor(own / this.perBlock) === index) this.set(own, 1);
  }

  /** A larger table, with blocks that count it and themselves, where no table entry has reached so far. */
  private growTable(): void {
    this.writeBack();
    const { clusterBytes, perBlock } = this;
    const entriesPerCluster = clusterBytes / 8;
    const start = this.table.length * perBlock;
    const tableClusters = Math.ceil((this.table.length * 1.5 + 2) / entriesPerCluster);
    let blocks = 1;
    while (blocks * perBlock < blocks + tableClusters) blocks++;
    const table = new Float64Array(tableClusters * entriesPerCluster);
    table.set(this.table);
    for (let block = 0; block < blocks; block++) {
      table[this.table.length + block] = (start + block) * clusterBytes;
      this.pages.fresh((start + block) * clusterBytes, clusterBytes);
    }
    const [oldOffset, oldClusters] = [this.tableOffset, this.tableClusters];
    this.table = table;
    for (let cluster = start; cluster < start + blocks + tableClusters; cluster++) this.set(cluster, 1);
    this.pages.writeBack();
    const bytes = new Uint8Array(tableClusters * clusterBytes);
    table.forEach((block, index) => putU64(viewOf(bytes), index * 8, block, false));
    this.tableOffset = (start + blocks) * clusterBytes;
    this.tableClusters = tableClusters;
    this.file.write(this.tableOffset, bytes);
    this.file.flush();
    const place = new Uint8Array(12);
    putU64(viewOf(place), 0, this.tableOffset, false);
    viewOf(place).setUint32(8, tableClusters);
    this.file.write(HEADER.refcountTable, place);
    for (let cluster = 0; cluster < oldClusters; cluster++) this.release(oldOffset + cluster * clusterBytes);
  }

  /** One reference less to a cluster, as soon as nothing in the file has it any more. */
  release(offset: number): void {
    this.released.push(offset / this.clusterBytes);
  }

  /** Writes the counts of what has been given out. */
  writeBack(): void {
    this.pages.writeBack();
    if (this.newBlocks.size === 0) return;
    this.file.flush();
    for (const index of this.newBlocks) {
      const entry = new Uint8Array(8);
      putU64(viewOf(entry), 0, this.table[index], false);
      this.file.write(this.tableOffset + index * 8, entry);
    }
    this.newBlocks.clear();
  }

  /** Nothing in the file refers any more to what was released: counts it, and gives it out again. @returns offsets that are free now */
  applyReleases(): readonly number[] {
    const free: number[] = [];
    for (const cluster of this.released) {
      const count = this.get(cluster);
      if (count === 0) throw this.damaged(`cluster ${cluster} is in use and counted as free`);
      this.set(cluster, count - 1);
      if (count !== 1) continue;
      this.firstFree = Math.min(this.firstFree, cluster);
      this.pages.drop(cluster * this.clusterBytes, this.clusterBytes);
      free.push(cluster * this.clusterBytes);
    }
    this.released = [];
    this.pages.writeBack();
    return free;
  }

  private damaged(what: string): ImageError {
    return new ImageError(`${this.name}: the QCOW2 image is damaged (${what}); check it with: shadowbox disk check.`);
  }
}
