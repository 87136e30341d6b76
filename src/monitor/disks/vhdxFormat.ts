/** Headers, regions and metadata of VHDX images. Source: Microsoft, [MS-VHDX], Virtual Hard Disk v2 File Format. */
import { crc32c } from './crc32c';
import type { FileAccess } from './file';
import { aligned, identifierBytes, identifierText, ImageError, putU64, u64, viewOf } from './image';

export const MIB = 1024 * 1024;
export const VHDX_SIGNATURE = 'vhdxfile';
const HEADERS = [0x10000, 0x20000] as const;
const REGION_TABLES = [0x30000, 0x40000] as const;
const HEADER_BYTES = 4096;
const REGION_TABLE_BYTES = 0x10000;
const METADATA_TABLE_BYTES = 0x10000;
const CHECKSUM = 4;

function guid(text: string): string {
  return text.toLowerCase();
}

const REGION = { bat: guid('2DC27766-F623-4200-9D64-115E9BFD4A08'), metadata: guid('8B7CA206-4790-4B9A-B8FE-575F050F886E') } as const;
const ITEM = {
  fileParameters: guid('CAA16737-FA36-4D43-B3B6-33F0AA44E76B'),
  diskSize: guid('2FA54224-CD1B-4876-B211-5DBED83BF4B8'),
  diskId: guid('BECA12AB-B2E6-4523-93EF-C309E000C746'),
  logicalSector: guid('8141BF1D-A96F-4709-BA47-F233A8FAAB5F'),
  physicalSector: guid('CDA348C7-445D-4471-9CC9-E9885251C556'),
  parentLocator: guid('A8D35F2D-B30B-454D-ABF7-D3D84834AB0C'),
} as const;
const LOCATOR_TYPE = guid('B04AEFB7-D19E-4A81-B789-25B8E9445913');
const REQUIRED_ITEM = 4, VIRTUAL_DISK_ITEM = 2;

export interface VhdxHeader {
  /** Which of the two is in force. */
  readonly index: number;
  readonly sequence: number;
  readonly fileWrite: Uint8Array;
  readonly dataWrite: Uint8Array;
  /** All zeros: the log is empty. */
  readonly log: Uint8Array;
  readonly logBytes: number;
  readonly logOffset: number;
}

export interface VhdxMetadata {
  readonly blockBytes: number;
  readonly hasParent: boolean;
  /** Size of the disk, bytes. */
  readonly bytes: number;
  readonly sectorBytes: number;
  readonly parent: ReadonlyMap<string, string>;
}

function damaged(name: string, what: string): ImageError {
  return new ImageError(`${name}: the VHDX image is damaged (${what}); restore it from a copy.`);
}

function hasSignature(bytes: Uint8Array, signature: string): boolean {
  return [...signature].every((character, index) => bytes[index] === character.charCodeAt(0));
}

function readHeader(file: FileAccess, index: number): VhdxHeader | undefined {
  const bytes = new Uint8Array(HEADER_BYTES);
  file.read(HEADERS[index], bytes);
  const view = viewOf(bytes);
  if (!hasSignature(bytes, 'head') || view.getUint32(CHECKSUM, true) !== crc32c(bytes, CHECKSUM) || view.getUint16(66, true) !== 1) return undefined;
  return {
    index, sequence: u64(view, 8, true), fileWrite: bytes.slice(16, 32), dataWrite: bytes.slice(32, 48), log: bytes.slice(48, 64),
    logBytes: view.getUint32(68, true), logOffset: u64(view, 72, true),
  };
}

/** The header in force. @throws ImageError when there is none */
export function currentHeader(file: FileAccess, name: string): VhdxHeader {
  const found = [0, 1].map((index) => readHeader(file, index)).filter((header) => header !== undefined).sort((a, b) => b.sequence - a.sequence);
  if (found.length === 0) throw damaged(name, 'neither of its headers is sound');
  return found[0];
}

/** Writes `header` where the one is that is not in force, with the next sequence number; it is in force then. */
export function replaceHeader(file: FileAccess, header: VhdxHeader): VhdxHeader {
  const next = { ...header, index: 1 - header.index, sequence: header.sequence + 1 };
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(new TextEncoder().encode('head'));
  putU64(view, 8, next.sequence, true);
  bytes.set(next.fileWrite, 16);
  bytes.set(next.dataWrite, 32);
  bytes.set(next.log, 48);
  view.setUint16(66, 1, true);
  view.setUint32(68, next.logBytes, true);
  putU64(view, 72, next.logOffset, true);
  view.setUint32(CHECKSUM, crc32c(bytes, CHECKSUM), true);
  file.write(HEADERS[next.index], bytes);
  file.flush();
  return next;
}

export interface Region {
  readonly offset: number;
  readonly bytes: number;
}

/** Where the table of blocks and the metadata are. @throws ImageError */
export function readRegions(file: FileAccess, name: string): { readonly bat: Region; readonly metadata: Region } {
  for (const place of REGION_TABLES) {
    const bytes = new Uint8Array(REGION_TABLE_BYTES);
    file.read(place, bytes);
    const view = viewOf(bytes);
    if (!hasSignature(bytes, 'regi') || view.getUint32(CHECKSUM, true) !== crc32c(bytes, CHECKSUM)) continue;
    const regions = new Map<string, Region>();
    for (let index = 0; index < Math.min(view.getUint32(8, true), 2047); index++) {
      const at = 16 + index * 32;
      const id = identifierText(bytes.subarray(at, at + 16), true);
      const known = id === REGION.bat || id === REGION.metadata;
      if (!known && (view.getUint32(at + 28, true) & 1) !== 0) throw new ImageError(`${name}: it has a region that is required and not known (${id}); convert it to another format with the program that made it.`);
      regions.set(id, { offset: u64(view, at + 16, true), bytes: view.getUint32(at + 24, true) });
    }
    const bat = regions.get(REGION.bat), metadata = regions.get(REGION.metadata);
    if (bat !== undefined && metadata !== undefined) return { bat, metadata };
  }
  throw damaged(name, 'its table of regions is not sound');
}

function readLocator(bytes: Uint8Array, name: string): ReadonlyMap<string, string> {
  const view = viewOf(bytes);
  if (bytes.length < 20 || identifierText(bytes.subarray(0, 16), true) !== LOCATOR_TYPE) throw new ImageError(`${name}: what it says of its parent is of a kind that is not known; convert it to another format with the program that made it.`);
  const found = new Map<string, string>();
  const text = (offset: number, length: number): string => new TextDecoder('utf-16le').decode(bytes.slice(offset, offset + length));
  for (let index = 0, at = 20; index < view.getUint16(18, true) && at + 12 <= bytes.length; index++, at += 12) {
    found.set(text(view.getUint32(at, true), view.getUint16(at + 8, true)), text(view.getUint32(at + 4, true), view.getUint16(at + 10, true)));
  }
  return found;
}

/** @throws ImageError */
export function readMetadata(file: FileAccess, region: Region, name: string): VhdxMetadata {
  const table = new Uint8Array(METADATA_TABLE_BYTES);
  file.read(region.offset, table);
  const view = viewOf(table);
  if (!hasSignature(table, 'metadata')) throw damaged(name, 'its metadata are not there');
  const items = new Map<string, Uint8Array>();
  for (let index = 0; index < Math.min(view.getUint16(10, true), 2047); index++) {
    const at = 32 + index * 32;
    const id = identifierText(table.subarray(at, at + 16), true);
    if (!Object.values(ITEM).some((known) => known === id)) {
      if ((view.getUint32(at + 24, true) & REQUIRED_ITEM) !== 0) throw new ImageError(`${name}: it has metadata that are required and not known (${id}); convert it to another format with the program that made it.`);
      continue;
    }
    const item = new Uint8Array(Math.min(view.getUint32(at + 20, true), MIB));
    file.read(region.offset + view.getUint32(at + 16, true), item);
    items.set(id, item);
  }
  const item = (id: string, bytes: number): DataView => {
    const found = items.get(id);
    if (found === undefined || found.length < bytes) throw damaged(name, 'metadata are missing');
    return viewOf(found);
  };
  const parameters = item(ITEM.fileParameters, 8);
  const blockBytes = parameters.getUint32(0, true), sectorBytes = item(ITEM.logicalSector, 4).getUint32(0, true), bytes = u64(item(ITEM.diskSize, 8), 0, true);
  const isPowerOfTwo = (blockBytes & (blockBytes - 1)) === 0;
  if (blockBytes < MIB || blockBytes > 256 * MIB || !isPowerOfTwo || (sectorBytes !== 512 && sectorBytes !== 4096) || !Number.isSafeInteger(bytes)) throw damaged(name, 'sizes in its metadata cannot be');
  const hasParent = (parameters.getUint32(4, true) & 2) !== 0;
  const locator = hasParent ? items.get(ITEM.parentLocator) : undefined;
  if (hasParent && locator === undefined) throw damaged(name, 'it does not say what its parent is');
  return { blockBytes, hasParent, bytes, sectorBytes, parent: locator === undefined ? new Map() : readLocator(locator, name) };
}

/** Payload blocks that share a block of sector bitmaps. */
export function chunkRatio({ sectorBytes, blockBytes }: Pick<VhdxMetadata, 'sectorBytes' | 'blockBytes'>): number {
  return (2 ** 23 * sectorBytes) / blockBytes;
}

/** Entries of the table of blocks, those of sector bitmaps in between included. */
export function batEntries({ bytes, sectorBytes, blockBytes, hasParent }: Pick<VhdxMetadata, 'bytes' | 'sectorBytes' | 'blockBytes' | 'hasParent'>): number {
  const blocks = Math.ceil(bytes / blockBytes);
  const ratio = chunkRatio({ sectorBytes, blockBytes });
  if (hasParent) return Math.ceil(blocks / ratio) * (ratio + 1);
  return blocks + Math.floor(Math.max(blocks - 1, 0) / ratio);
}

function locatorItem(entries: ReadonlyMap<string, string>): Uint8Array {
  const utf16 = (text: string): Uint8Array => Uint8Array.from({ length: text.length * 2 }, (_, index) => (text.charCodeAt(index >> 1) >> ((index & 1) * 8)) & 0xff);
  const texts = [...entries].map(([key, value]) => [utf16(key), utf16(value)] as const);
  const bytes = new Uint8Array(20 + texts.length * 12 + texts.reduce((sum, [key, value]) => sum + key.length + value.length, 0));
  const view = viewOf(bytes);
  bytes.set(identifierBytes(LOCATOR_TYPE) ?? []);
  view.setUint16(18, texts.length, true);
  let free = 20 + texts.length * 12;
  texts.forEach(([key, value], index) => {
    const at = 20 + index * 12;
    view.setUint32(at, free, true);
    view.setUint32(at + 4, free + key.length, true);
    view.setUint16(at + 8, key.length, true);
    view.setUint16(at + 10, value.length, true);
    bytes.set(key, free);
    bytes.set(value, free + key.length);
    free += key.length + value.length;
  });
  return bytes;
}

export interface VhdxCreation {
  /** Size of the disk, bytes: whole sectors. */
  readonly bytes: number;
  /** A power of two from 1 to 256 MiB. Default: 2 MiB. */
  readonly blockBytes?: number;
  readonly fixed?: boolean;
  /** Entries of the parent locator: parent_linkage, relative_path, absolute_win32_path. */
  readonly parent?: ReadonlyMap<string, string>;
  /** Gives new identifiers of 16 bytes. */
  readonly identifier: () => Uint8Array;
}

function metadataRegion({ bytes, blockBytes = 2 * MIB, parent, fixed, identifier }: VhdxCreation): Uint8Array {
  const region = new Uint8Array(MIB);
  const view = viewOf(region);
  region.set(new TextEncoder().encode('metadata'));
  const number = (value: number, length: 4 | 8, high = 0): Uint8Array => {
    const item = new Uint8Array(length);
    if (length === 8 && high === 0) putU64(viewOf(item), 0, value, true);
    else viewOf(item).setUint32(0, value, true);
    if (high !== 0) viewOf(item).setUint32(4, high, true);
    return item;
  };
  const disk = REQUIRED_ITEM | VIRTUAL_DISK_ITEM;
  const items: (readonly [string, number, Uint8Array])[] = [
    [ITEM.fileParameters, REQUIRED_ITEM, number(blockBytes, 8, (fixed === true ? 1 : 0) | (parent === undefined ? 0 : 2))],
    [ITEM.diskSize, disk, number(bytes, 8)],
    [ITEM.diskId, disk, identifier()],
    [ITEM.logicalSector, disk, number(512, 4)],
    [ITEM.physicalSector, disk, number(4096, 4)],
    ...(parent === undefined ? [] : [[ITEM.parentLocator, REQUIRED_ITEM, locatorItem(parent)] as const]),
  ];
  view.setUint16(10, items.length, true);
  let free = METADATA_TABLE_BYTES;
  items.forEach(([id, flags, item], index) => {
    const at = 32 + index * 32;
    region.set(identifierBytes(id) ?? [], at);
    view.setUint32(at + 16, free, true);
    view.setUint32(at + 20, item.length, true);
    view.setUint32(at + 24, flags, true);
    region.set(item, free);
    free += aligned(item.length, 16);
  });
  return region;
}

function regionTable(regions: readonly (readonly [string, Region])[]): Uint8Array {
  const bytes = new Uint8Array(REGION_TABLE_BYTES);
  const view = viewOf(bytes);
  bytes.set(new TextEncoder().encode('regi'));
  view.setUint32(8, regions.length, true);
  regions.forEach(([id, region], index) => {
    const at = 16 + index * 32;
    bytes.set(identifierBytes(id) ?? [], at);
    putU64(view, at + 16, region.offset, true);
    view.setUint32(at + 24, region.bytes, true);
    view.setUint32(at + 28, 1, true);
  });
  view.setUint32(CHECKSUM, crc32c(bytes, CHECKSUM), true);
  return bytes;
}

/** Writes a new image into an empty file: log from 1 MiB, metadata from 2 MiB, table of blocks from 3 MiB. */
export function createVhdx(file: FileAccess, creation: VhdxCreation): void {
  const { bytes, blockBytes = 2 * MIB, identifier } = creation;
  const entries = batEntries({ bytes, blockBytes, sectorBytes: 512, hasParent: creation.parent !== undefined });
  const bat = { offset: 3 * MIB, bytes: aligned(Math.max(entries * 8, 1), MIB) };
  const metadata = { offset: 2 * MIB, bytes: MIB };
  const end = bat.offset + bat.bytes;
  const blocks = Math.ceil(bytes / blockBytes);
  file.resize(creation.fixed === true ? end + blocks * blockBytes : end);
  if (creation.fixed === true) {
    const ratio = chunkRatio({ sectorBytes: 512, blockBytes });
    const table = new Uint8Array(entries * 8);
    for (let block = 0; block < blocks; block++) putU64(viewOf(table), (block + Math.floor(block / ratio)) * 8, end + block * blockBytes + 6, true);
    file.write(bat.offset, table);
  }
  file.write(metadata.offset, metadataRegion(creation));
  const table = regionTable([[REGION.bat, bat], [REGION.metadata, metadata]]);
  for (const place of REGION_TABLES) file.write(place, table);
  const first: VhdxHeader = { index: 1, sequence: 0, fileWrite: identifier(), dataWrite: identifier(), log: new Uint8Array(16), logBytes: MIB, logOffset: MIB };
  replaceHeader(file, replaceHeader(file, first));
  const creator = 'Shadowbox';
  const type = new Uint8Array(520);
  type.set(new TextEncoder().encode(VHDX_SIGNATURE));
  [...creator].forEach((character, index) => viewOf(type).setUint16(8 + index * 2, character.charCodeAt(0), true));
  file.write(0, type);
  file.flush();
}
