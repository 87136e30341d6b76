/** FAT's table of clusters, and the chains in it. */
import type { FatGeometry } from './fatGeometry';
import { le16, le32 } from './fields';
import { FileSystemError, type ByteSource } from './source';

/** A larger table is not counted through. */
const COUNTED_TABLE = 16 * 1024 * 1024;
const PIECE = 64 * 1024;

/** The file allocation table: which cluster follows which. */
export class AllocationTable {
  constructor(private readonly source: ByteSource, readonly geometry: FatGeometry) {}

  /** What the table says of a cluster; undefined at the end of a chain. Throws FileSystemError for what cannot follow. */
  async after(cluster: number): Promise<number | undefined> {
    const { bits, clusters, endOfChain } = this.geometry;
    const next = await this.entry(cluster);
    if (next >= endOfChain) return undefined;
    if (next < 2 || next >= clusters + 2) throw new FileSystemError(`The FAT${bits} chain of cluster ${cluster} goes on to ${next === 0 ? 'a free cluster' : `cluster ${next}, which is not there`}.`);
    return next;
  }

  private async entry(cluster: number): Promise<number> {
    const { bits, tableOffset } = this.geometry;
    if (bits === 12) {
      const pair = le16(await this.source.read(tableOffset + cluster + (cluster >> 1), 2), 0);
      return (cluster & 1) !== 0 ? pair >> 4 : pair & 0xfff;
    }
    const bytes = await this.source.read(tableOffset + cluster * (bits / 8), bits / 8);
    return bits === 16 ? le16(bytes, 0) : le32(bytes, 0) & 0x0fff_ffff;
  }

  /** Free clusters, by counting; undefined where that would take too long. */
  async countFree(): Promise<number | undefined> {
    const { bits, clusters, tableOffset } = this.geometry;
    const bytes = Math.ceil(((clusters + 2) * bits) / 8);
    if (bytes > COUNTED_TABLE) return undefined;
    let free = 0;
    if (bits === 12) {
      for (let cluster = 2; cluster < clusters + 2; cluster++) if (await this.entry(cluster) === 0) free++;
      return free;
    }
    const width = bits / 8;
    for (let at = 0; at < bytes; at += PIECE) {
      const piece = await this.source.read(tableOffset + at, Math.min(PIECE, bytes - at));
      for (let offset = 0; offset < piece.length; offset += width) {
        if ((at + offset) / width < 2) continue;
        if ((bits === 16 ? le16(piece, offset) : le32(piece, offset) & 0x0fff_ffff) === 0) free++;
      }
    }
    return free;
  }

  clusterOffset(cluster: number): number {
    return this.geometry.dataOffset + (cluster - 2) * this.geometry.clusterBytes;
  }
}

/** The bytes of a chain of clusters, found as far as they are wanted. */
export class ClusterChain {
  private readonly found: number[];
  private readonly seen: Set<number>;
  private ended = false;

  constructor(private readonly source: ByteSource, private readonly table: AllocationTable, first: number) {
    const { clusters, bits } = table.geometry;
    if (first < 2 || first >= clusters + 2) throw new FileSystemError(`A FAT${bits} chain begins with cluster ${first}, which is not there.`);
    this.found = [first];
    this.seen = new Set(this.found);
  }

  /** The cluster number `index` of the chain; undefined behind its end. */
  private async cluster(index: number): Promise<number | undefined> {
    while (index >= this.found.length && !this.ended) {
      const next = await this.table.after(this.found[this.found.length - 1]);
      if (next === undefined) this.ended = true;
      else if (this.seen.has(next)) throw new FileSystemError(`The chain of cluster ${this.found[0]} leads back to its cluster ${next}: it is a circle.`);
      else {
        this.found.push(next);
        this.seen.add(next);
      }
    }
    return this.found.at(index);
  }

  /** Neighbouring clusters from `index` on that lie side by side, at most `most`. */
  private async run(index: number, most: number): Promise<{ readonly offset: number; readonly count: number } | undefined> {
    const first = await this.cluster(index);
    if (first === undefined) return undefined;
    let count = 1;
    while (count < most && await this.cluster(index + count) === first + count) count++;
    return { offset: this.table.clusterOffset(first), count };
  }

  /** Bytes of the chain; fewer at its end. */
  async read(offset: number, bytes: number): Promise<Uint8Array> {
    const { clusterBytes } = this.table.geometry;
    const target = new Uint8Array(bytes);
    let done = 0;
    while (done < bytes) {
      const index = Math.floor((offset + done) / clusterBytes);
      const within = (offset + done) % clusterBytes;
      const run = await this.run(index, Math.ceil((within + bytes - done) / clusterBytes));
      if (run === undefined) break;
      const piece = await this.source.read(run.offset + within, Math.min(bytes - done, run.count * clusterBytes - within));
      target.set(piece, done);
      done += piece.length;
    }
    return target.subarray(0, done);
  }
}
