/** Counts all references in a QCOW2 image anew: to check its reference counts, and to rebuild them where they are not up to date. */
import type { FileAccess } from './file';
import { ImageError, viewOf, type CheckResult } from './image';
import { readEntry, tableOffset } from './qcow2Entry';
import { readSnapshots, type Qcow2Header } from './qcow2Header';
import type { Qcow2Refcounts } from './qcow2Refcounts';

/** No more of them are told. */
const MOST_ERRORS = 20;

class ReferenceCount {
  /** By cluster. */
  readonly counts = new Map<number, number>();
  readonly errors: string[] = [];
  errorCount = 0;

  constructor(private readonly file: FileAccess, private readonly header: Qcow2Header) {}

  error(text: string): void {
    this.errorCount++;
    if (this.errors.length < MOST_ERRORS) this.errors.push(text);
  }

  /** Counts the clusters of a stretch of the file. */
  refer(offset: number, bytes: number): void {
    const { clusterBytes } = this.header;
    for (let cluster = Math.floor(offset / clusterBytes); cluster * clusterBytes < offset + bytes; cluster++) {
      this.counts.set(cluster, (this.counts.get(cluster) ?? 0) + 1);
    }
  }

  /** Follows an L1 table to all that it leads to. `active`: the image's own, whose flags say what is its alone. */
  follow(l1Offset: number, l1Entries: number, what: string): void {
    const { clusterBytes } = this.header;
    if (l1Entries === 0) return;
    this.refer(l1Offset, l1Entries * 8);
    const table = new Uint8Array(l1Entries * 8);
    this.file.read(l1Offset, table);
    const view = viewOf(table);
    for (let index = 0; index < l1Entries; index++) {
      const place = tableOffset(view.getUint32(index * 8), view.getUint32(index * 8 + 4));
      if (place === 0) continue;
      if (place % clusterBytes !== 0 || place >= this.file.size) this.error(`${what}: L2 table ${index} would be at ${place}`);
      else this.followTable(place, what);
    }
  }

  private followTable(place: number, what: string): void {
    const { clusterBytes, clusterBits } = this.header;
    this.refer(place, clusterBytes);
    const bytes = new Uint8Array(clusterBytes);
    this.file.read(place, bytes);
    const view = viewOf(bytes);
    for (let at = 0; at < clusterBytes; at += 8) {
      const found = readEntry(view.getUint32(at), view.getUint32(at + 4), clusterBits);
      if (found.kind === 'unallocated' || found.offset === 0) continue;
      const length = found.kind === 'compressed' ? found.bytes : clusterBytes;
      if (found.kind !== 'compressed' && found.offset % clusterBytes !== 0) this.error(`${what}: a cluster lies askew, at ${found.offset}`);
      else this.refer(found.offset, length);
    }
  }
}

function countReferences(file: FileAccess, header: Qcow2Header, refcounts: Qcow2Refcounts, name: string): ReferenceCount {
  if (header.bitmaps) throw new ImageError(`${name}: it has bitmaps of changed blocks, whose references are not counted here; use: qemu-img check.`);
  const count = new ReferenceCount(file, header);
  count.refer(0, header.clusterBytes);
  for (const [offset, bytes] of refcounts.ownClusters()) count.refer(offset, bytes);
  count.follow(header.l1Offset, header.l1Entries, 'the disk');
  if (header.snapshotCount > 0) {
    const { snapshots, bytes } = readSnapshots(file, header, name);
    count.refer(header.snapshotsOffset, bytes);
    for (const snapshot of snapshots) count.follow(snapshot.l1Offset, snapshot.l1Entries, `snapshot '${snapshot.name}'`);
  }
  return count;
}

/** Compares what is referred to with what is counted. */
export function checkQcow2(file: FileAccess, header: Qcow2Header, refcounts: Qcow2Refcounts, name: string): CheckResult {
  const count = countReferences(file, header, refcounts, name);
  const clusters = Math.min(Math.ceil(file.size / header.clusterBytes), refcounts.coveredClusters);
  let leaked = 0;
  for (let cluster = 0; cluster < clusters; cluster++) {
    if (refcounts.get(cluster) > (count.counts.get(cluster) ?? 0)) leaked++;
  }
  for (const [cluster, references] of count.counts) {
    const counted = refcounts.get(cluster);
    if (counted < references) count.error(`cluster ${cluster} is referred to ${references} times and counted ${counted} times`);
  }
  const more = count.errorCount - count.errors.length;
  return { errors: more > 0 ? [...count.errors, `and ${more} more`] : count.errors, leakedBytes: leaked * header.clusterBytes };
}

/** Sets all counts to what is referred to. Throws ImageError when references themselves are wrong. */
export function rebuildRefcounts(file: FileAccess, header: Qcow2Header, refcounts: Qcow2Refcounts, name: string): void {
  const count = countReferences(file, header, refcounts, name);
  if (count.errors.length > 0) throw new ImageError(`${name}: the QCOW2 image is damaged (${count.errors[0]}); repair it with: qemu-img check -r all.`);
  // What is counted too low first: if this is interrupted, too much is counted.
  for (const [cluster, references] of count.counts) refcounts.rebuild(cluster, Math.max(references, refcounts.get(cluster)));
  refcounts.writeBack();
  for (let cluster = 0; cluster < refcounts.coveredClusters; cluster++) refcounts.rebuild(cluster, count.counts.get(cluster) ?? 0);
  refcounts.writeBack();
}
