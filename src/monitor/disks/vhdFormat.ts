/** Footers and headers of VHD images. Source: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0. */
import { ImageError, putU64, u64, viewOf } from './image';

export const FOOTER_BYTES = 512;
export const DYNAMIC_HEADER_BYTES = 1024;
export const FOOTER_COOKIE = 'conectix';
const DYNAMIC_COOKIE = 'cxsparse';
const CHECKSUM = { footer: 64, dynamicHeader: 36 } as const;
const VERSION_1 = 0x00010000;
/** Seconds from 1970 to 2000, where the format's time begins. */
const YEAR_2000 = 946_684_800;
const LOCATORS = 8;
/** Codes of parent locators: relative and absolute Windows paths in UTF-16. */
const RELATIVE = 0x57327275, ABSOLUTE = 0x57326b75;
export const UNUSED = 0xffffffff;

const KINDS = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' } as const;
export type VhdKind = (typeof KINDS)[keyof typeof KINDS];

export interface VhdFooter {
  readonly kind: VhdKind;
  /** Size of the disk, bytes. */
  readonly bytes: number;
  readonly dataOffset: number;
  readonly uniqueId: Uint8Array;
  /** As it stands in the file. */
  readonly raw: Uint8Array;
}

export interface VhdLocator {
  readonly code: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface VhdDynamicHeader {
  readonly tableOffset: number;
  readonly entries: number;
  readonly blockBytes: number;
  readonly parentId: Uint8Array;
  /** When the parent was last modified, in seconds since 1970. */
  readonly parentModified: number;
  readonly parentName: string;
  readonly locators: readonly VhdLocator[];
}

/** One's complement of the sum of all bytes but the checksum's own. */
function checksum(bytes: Uint8Array, at: number): number {
  const sum = bytes.reduce((found, byte, index) => (index >= at && index < at + 4 ? found : found + byte), 0);
  return ~sum >>> 0;
}

function hasCookie(bytes: Uint8Array, cookie: string): boolean {
  return [...cookie].every((character, index) => bytes[index] === character.charCodeAt(0));
}

/** The footer in these 512 bytes; undefined when they are none, or damaged. */
export function readFooter(bytes: Uint8Array): VhdFooter | undefined {
  const view = viewOf(bytes);
  if (!hasCookie(bytes, FOOTER_COOKIE) || view.getUint32(CHECKSUM.footer) !== checksum(bytes, CHECKSUM.footer)) return undefined;
  const type = view.getUint32(60);
  if (type !== 2 && type !== 3 && type !== 4) return undefined;
  return { kind: KINDS[type], bytes: u64(view, 48, false), dataOffset: u64(view, 16, false), uniqueId: bytes.slice(68, 84), raw: bytes.slice() };
}

/** Cylinders, heads and sectors as the specification's appendix computes them. */
function geometry(bytes: number): readonly [number, number, number] {
  const sectors = Math.min(Math.floor(bytes / 512), 65535 * 16 * 255);
  if (sectors >= 65535 * 16 * 63) return [Math.floor(sectors / 255 / 16), 16, 255];
  let perTrack = 17;
  let tracks = Math.floor(sectors / perTrack);
  let heads = Math.max(Math.floor((tracks + 1023) / 1024), 4);
  if (tracks >= heads * 1024 || heads > 16) {
    perTrack = 31;
    heads = 16;
    tracks = Math.floor(sectors / perTrack);
  }
  if (tracks >= heads * 1024) {
    perTrack = 63;
    heads = 16;
    tracks = Math.floor(sectors / perTrack);
  }
  return [Math.floor(tracks / heads), heads, perTrack];
}

export interface FooterFields {
  readonly kind: VhdKind;
  readonly bytes: number;
  readonly uniqueId: Uint8Array;
  /** Seconds since 1970. */
  readonly moment: number;
}

export function makeFooter({ kind, bytes, uniqueId, moment }: FooterFields): Uint8Array {
  const footer = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(footer);
  const [cylinders, heads, perTrack] = geometry(bytes);
  footer.set(new TextEncoder().encode(FOOTER_COOKIE));
  view.setUint32(8, 2);
  view.setUint32(12, VERSION_1);
  if (kind === 'fixed') footer.fill(0xff, 16, 24);
  else putU64(view, 16, FOOTER_BYTES, false);
  view.setUint32(24, Math.max(moment - YEAR_2000, 0));
  // Readers take the size from the geometry, which is rounded, unless the creator is one that is known for exact sizes.
  footer.set(new TextEncoder().encode('win '), 28);
  view.setUint32(32, 0x000a0000);
  footer.set(new TextEncoder().encode('Wi2k'), 36);
  putU64(view, 40, bytes, false);
  putU64(view, 48, bytes, false);
  view.setUint16(56, cylinders);
  view.setUint8(58, heads);
  view.setUint8(59, perTrack);
  view.setUint32(60, kind === 'fixed' ? 2 : kind === 'dynamic' ? 3 : 4);
  footer.set(uniqueId, 68);
  view.setUint32(CHECKSUM.footer, checksum(footer, CHECKSUM.footer));
  return footer;
}

/** @throws ImageError when it is damaged */
export function readDynamicHeader(bytes: Uint8Array, name: string): VhdDynamicHeader {
  const view = viewOf(bytes);
  const blockBytes = view.getUint32(32);
  const sound = hasCookie(bytes, DYNAMIC_COOKIE) && view.getUint32(CHECKSUM.dynamicHeader) === checksum(bytes, CHECKSUM.dynamicHeader)
    && blockBytes >= 512 && blockBytes % 512 === 0 && u64(view, 16, false) % 512 === 0;
  if (!sound) throw new ImageError(`${name}: the VHD image's dynamic header is damaged; restore the image from a copy.`);
  const parentName = Array.from({ length: 256 }, (_, index) => String.fromCharCode(view.getUint16(64 + index * 2))).join('');
  const locators = Array.from({ length: LOCATORS }, (_, index) => 576 + index * 24)
    .map((at) => ({ code: view.getUint32(at), bytes: view.getUint32(at + 8), offset: u64(view, at + 16, false) }));
  return {
    tableOffset: u64(view, 16, false), entries: view.getUint32(28), blockBytes,
    parentId: bytes.slice(40, 56), parentModified: view.getUint32(56) + YEAR_2000,
    parentName: parentName.split('\0')[0], locators,
  };
}

export interface DynamicHeaderFields {
  readonly tableOffset: number;
  readonly entries: number;
  readonly blockBytes: number;
  readonly parent?: { readonly uniqueId: Uint8Array; readonly modified: number; readonly name: string; readonly locators: readonly VhdLocator[] };
}

export function makeDynamicHeader({ tableOffset, entries, blockBytes, parent }: DynamicHeaderFields): Uint8Array {
  const header = new Uint8Array(DYNAMIC_HEADER_BYTES);
  const view = viewOf(header);
  header.set(new TextEncoder().encode(DYNAMIC_COOKIE));
  header.fill(0xff, 8, 16);
  putU64(view, 16, tableOffset, false);
  view.setUint32(24, VERSION_1);
  view.setUint32(28, entries);
  view.setUint32(32, blockBytes);
  if (parent !== undefined) {
    header.set(parent.uniqueId, 40);
    view.setUint32(56, Math.max(parent.modified - YEAR_2000, 0));
    [...parent.name.slice(0, 255)].forEach((character, index) => view.setUint16(64 + index * 2, character.charCodeAt(0)));
    parent.locators.forEach((locator, index) => {
      const at = 576 + index * 24;
      view.setUint32(at, locator.code);
      view.setUint32(at + 4, Math.ceil(locator.bytes / 512) * 512);
      view.setUint32(at + 8, locator.bytes);
      putU64(view, at + 16, locator.offset, false);
    });
  }
  view.setUint32(CHECKSUM.dynamicHeader, checksum(header, CHECKSUM.dynamicHeader));
  return header;
}

/** The same header with another time at which the parent was modified, seconds since 1970. */
export function withParentModified(header: Uint8Array, modified: number): Uint8Array {
  const changed = header.slice();
  viewOf(changed).setUint32(56, Math.max(modified - YEAR_2000, 0));
  viewOf(changed).setUint32(CHECKSUM.dynamicHeader, checksum(changed, CHECKSUM.dynamicHeader));
  return changed;
}

/** Paths in locators are Windows': text in UTF-16, with backslashes. */
export function locatorText(bytes: Uint8Array): string {
  return new TextDecoder('utf-16le').decode(bytes).split('\0')[0].replaceAll('\\', '/');
}

export function locatorBytes(path: string): Uint8Array {
  const text = path.replaceAll('/', '\\');
  const bytes = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index++) viewOf(bytes).setUint16(index * 2, text.charCodeAt(index), true);
  return bytes;
}

export const LOCATOR = { relative: RELATIVE, absolute: ABSOLUTE } as const;
