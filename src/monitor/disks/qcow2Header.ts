/** The header of QCOW2 images, their snapshot table, and how an empty image is laid out. Source: QEMU, docs/interop/qcow2.txt. */
import type { FileAccess } from './file';
import { ImageError, putU64, u64, viewOf } from './image';

export const QCOW2_MAGIC = 0x514649fb;
export const INCOMPATIBLE = { dirty: 1, corrupt: 2, externalData: 4, compression: 8, extendedL2: 16 } as const;
const KNOWN_INCOMPATIBLE = INCOMPATIBLE.dirty | INCOMPATIBLE.corrupt | INCOMPATIBLE.compression;
/** Places of fields that are changed later. */
export const HEADER = { refcountTable: 48, incompatible: 72, autoclear: 88 } as const;
const EXTENSION = { end: 0, backingFormat: 0xe2792aca, bitmaps: 0x23852875 } as const;
const V2_HEADER_BYTES = 72;
const V3_HEADER_BYTES = 104;
const LONGEST_BACKING = 1023;
const LARGEST_L1 = 32 * 1024 * 1024;
const LARGEST_REFCOUNT_TABLE = 64 * 1024 * 1024;

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly clusterBytes: number;
  /** Size of the disk, bytes. */
  readonly bytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  /** Bits of a reference count. */
  readonly refcountBits: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly incompatible: number;
  readonly compatible: number;
  readonly autoclear: number;
  readonly backingPath?: string;
  readonly backingFormat?: string;
  /** Whether bitmaps of changed blocks are kept in it. */
  readonly bitmaps: boolean;
}

export interface Qcow2Snapshot {
  readonly name: string;
  readonly l1Offset: number;
  readonly l1Entries: number;
}

function unsupported(name: string, what: string, remedy: string): ImageError {
  return new ImageError(`${name}: ${what}; ${remedy}.`);
}

function damaged(name: string, what: string): ImageError {
  return unsupported(name, `the QCOW2 header is damaged (${what})`, 'restore the image from a copy');
}

const CONVERT = 'convert it with: qemu-img convert -O qcow2';

function refuseUnknownFeatures(name: string, incompatible: number, compressionType: number): void {
  if ((incompatible & INCOMPATIBLE.externalData) !== 0) throw unsupported(name, 'its data is in another file, which is not supported', CONVERT);
  if ((incompatible & INCOMPATIBLE.extendedL2) !== 0) throw unsupported(name, 'it has subclusters (extended_l2), which are not supported', `${CONVERT} -o extended_l2=off`);
  const unknown = (incompatible & ~KNOWN_INCOMPATIBLE) >>> 0;
  if (unknown !== 0) throw unsupported(name, `it has features that are not known (bits ${unknown.toString(16)}h)`, CONVERT);
  if (compressionType === 1) throw unsupported(name, 'its clusters are compressed by zstd, which is not supported', `${CONVERT} -o compression_type=zlib`);
  if (compressionType !== 0) throw unsupported(name, `its compression type ${compressionType} is not known`, CONVERT);
}

function readExtensions(head: Uint8Array, from: number, end: number, name: string): { backingFormat?: string; bitmaps: boolean } {
  const view = viewOf(head);
  let backingFormat: string | undefined;
  let bitmaps = false;
  for (let at = from; at + 8 <= end;) {
    const type = view.getUint32(at), length = view.getUint32(at + 4);
    if (type === EXTENSION.end) break;
    if (length > end - at - 8) throw damaged(name, 'an extension is too long');
    if (type === EXTENSION.backingFormat) backingFormat = new TextDecoder().decode(head.slice(at + 8, at + 8 + length));
    if (type === EXTENSION.bitmaps) bitmaps = true;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return { bitmaps, ...(backingFormat === undefined ? {} : { backingFormat }) };
}

/** @throws ImageError when the header cannot be, or the image has something that is not supported */
export function readQcow2Header(file: FileAccess, name: string): Qcow2Header {
  const first = new Uint8Array(V3_HEADER_BYTES + 8);
  file.read(0, first);
  const view = viewOf(first);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw unsupported(name, `it is of QCOW version ${version}, and 2 and 3 are supported`, CONVERT);
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) throw damaged(name, `clusters of 2^${clusterBits} bytes`);
  if (view.getUint32(32) !== 0) throw unsupported(name, 'it is encrypted, which is not supported', CONVERT);
  const clusterBytes = 2 ** clusterBits;
  const incompatible = version === 3 ? view.getUint32(HEADER.incompatible + 4) : 0;
  const headerBytes = version === 3 ? view.getUint32(100) : V2_HEADER_BYTES;
  if (headerBytes < V2_HEADER_BYTES || headerBytes > clusterBytes) throw damaged(name, `a header of ${headerBytes} bytes`);
  refuseUnknownFeatures(name, incompatible | (version === 3 && view.getUint32(HEADER.incompatible) !== 0 ? 0x80000000 : 0), headerBytes > V3_HEADER_BYTES ? first[V3_HEADER_BYTES] : 0);
  const refcountOrder = version === 3 ? view.getUint32(96) : 4;
  if (refcountOrder > 6) throw damaged(name, `reference counts of 2^${refcountOrder} bits`);
  const head = new Uint8Array(clusterBytes);
  file.read(0, head);
  const backingOffset = u64(view, 8, false), backingLength = view.getUint32(16);
  if (backingOffset !== 0 && (backingLength > LONGEST_BACKING || backingOffset + backingLength > clusterBytes)) throw damaged(name, 'the name of its backing file');
  const { backingFormat, bitmaps } = readExtensions(head, headerBytes, backingOffset === 0 ? clusterBytes : backingOffset, name);
  const header: Qcow2Header = {
    version, clusterBits, clusterBytes,
    bytes: u64(view, 24, false),
    l1Entries: view.getUint32(36), l1Offset: u64(view, 40, false),
    refcountTableOffset: u64(view, HEADER.refcountTable, false), refcountTableClusters: view.getUint32(56),
    refcountBits: 2 ** refcountOrder,
    snapshotCount: view.getUint32(60), snapshotsOffset: u64(view, 64, false),
    incompatible, compatible: version === 3 ? view.getUint32(84) : 0, autoclear: version === 3 ? view.getUint32(HEADER.autoclear + 4) : 0,
    bitmaps,
    ...(backingOffset === 0 || backingLength === 0 ? {} : { backingPath: new TextDecoder().decode(head.slice(backingOffset, backingOffset + backingLength)) }),
    ...(backingFormat === undefined ? {} : { backingFormat }),
  };
  checkHeader(header, name);
  return header;
}

function checkHeader(header: Qcow2Header, name: string): void {
  const { clusterBytes, bytes, l1Entries, l1Offset, refcountTableOffset, refcountTableClusters } = header;
  if (!Number.isSafeInteger(bytes)) throw damaged(name, 'its size');
  const needed = Math.ceil(bytes / clusterBytes / (clusterBytes / 8));
  if (l1Entries < needed || l1Entries * 8 > LARGEST_L1 || l1Offset % clusterBytes !== 0 || (l1Entries > 0 && l1Offset === 0)) throw damaged(name, 'its L1 table');
  const tableBytes = refcountTableClusters * clusterBytes;
  if (refcountTableOffset === 0 || refcountTableOffset % clusterBytes !== 0 || refcountTableClusters === 0 || tableBytes > LARGEST_REFCOUNT_TABLE) throw damaged(name, 'its table of reference counts');
  if (header.snapshotCount > 65536 || header.snapshotsOffset % clusterBytes !== 0) throw damaged(name, 'its table of snapshots');
}

/** The internal snapshots, and how many bytes their table takes. */
export function readSnapshots(file: FileAccess, { snapshotCount, snapshotsOffset }: Qcow2Header, name: string): { readonly snapshots: readonly Qcow2Snapshot[]; readonly bytes: number } {
  const snapshots: Qcow2Snapshot[] = [];
  let at = snapshotsOffset;
  for (let index = 0; index < snapshotCount; index++) {
    const fixed = new Uint8Array(40);
    file.read(at, fixed);
    const view = viewOf(fixed);
    const idBytes = view.getUint16(12), nameBytes = view.getUint16(14), extraBytes = view.getUint32(36);
    if (extraBytes > 1024) throw damaged(name, 'its table of snapshots');
    const text = new Uint8Array(nameBytes);
    file.read(at + 40 + extraBytes + idBytes, text);
    snapshots.push({ l1Offset: u64(view, 0, false), l1Entries: Math.min(view.getUint32(8), LARGEST_L1 / 8), name: new TextDecoder().decode(text) });
    at += Math.ceil((40 + extraBytes + idBytes + nameBytes) / 8) * 8;
  }
  return { snapshots, bytes: at - snapshotsOffset };
}

export interface Qcow2Creation {
  /** Size of the disk, bytes. */
  readonly bytes: number;
  /** A power of two from 512 to 2 MiB. Default: 64 KiB. */
  readonly clusterBytes?: number;
  readonly backing?: { readonly path: string; readonly format: string };
}

/** Writes an empty image of version 3 into an empty file: header, table of reference counts, one block of them, L1 table. */
export function createQcow2(file: FileAccess, { bytes, clusterBytes = 65536, backing }: Qcow2Creation): void {
  const l1Entries = Math.ceil(bytes / clusterBytes / (clusterBytes / 8));
  if (l1Entries * 8 > LARGEST_L1) throw new RangeError(`A disk of ${bytes} bytes needs larger clusters than ${clusterBytes} bytes.`);
  const l1Clusters = Math.ceil(Math.max(l1Entries * 8, 1) / clusterBytes);
  // Header, table, L1, and as many blocks as count all of these.
  const perBlock = clusterBytes / 2;
  let blocks = 1;
  while (blocks * perBlock < 2 + blocks + l1Clusters) blocks++;
  if (blocks > clusterBytes / 8) throw new RangeError(`A disk of ${bytes} bytes needs larger clusters than ${clusterBytes} bytes.`);
  const used = 2 + blocks + l1Clusters;
  const head = new Uint8Array(clusterBytes);
  const view = viewOf(head);
  view.setUint32(0, QCOW2_MAGIC);
  view.setUint32(4, 3);
  view.setUint32(20, Math.log2(clusterBytes));
  putU64(view, 24, bytes, false);
  view.setUint32(36, l1Entries);
  putU64(view, 40, (2 + blocks) * clusterBytes, false);
  putU64(view, HEADER.refcountTable, clusterBytes, false);
  view.setUint32(56, 1);
  view.setUint32(96, 4);
  view.setUint32(100, V3_HEADER_BYTES);
  if (backing !== undefined) {
    const path = new TextEncoder().encode(backing.path), format = new TextEncoder().encode(backing.format);
    const pathAt = V3_HEADER_BYTES + 16 + 8;
    if (path.length > LONGEST_BACKING || pathAt + path.length > clusterBytes) throw new RangeError(`The path '${backing.path}' of the backing file is too long for a QCOW2 image: move the files closer together.`);
    view.setUint32(V3_HEADER_BYTES, EXTENSION.backingFormat);
    view.setUint32(V3_HEADER_BYTES + 4, format.length);
    head.set(format, V3_HEADER_BYTES + 8);
    putU64(view, 8, pathAt, false);
    view.setUint32(16, path.length);
    head.set(path, pathAt);
  }
  const table = new Uint8Array(clusterBytes);
  for (let block = 0; block < blocks; block++) putU64(viewOf(table), block * 8, (2 + block) * clusterBytes, false);
  const counts = new Uint8Array(blocks * clusterBytes);
  for (let cluster = 0; cluster < used; cluster++) viewOf(counts).setUint16(cluster * 2, 1);
  file.resize(used * clusterBytes);
  file.write(clusterBytes, table);
  file.write(2 * clusterBytes, counts);
  file.write(0, head);
  file.flush();
}
