/** Fields of structures on disks. Offsets are from the beginning of the structure. */
import { u64, viewOf } from '../monitor/disks/image';

export const le16 = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint16(at, true);
export const le32 = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint32(at, true);
export const le64 = (bytes: Uint8Array, at: number): number => u64(viewOf(bytes), at, true);
export const be32 = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint32(at, false);

/** Bytes as characters of ISO 8859-1: ASCII stays what it is, and every byte has one. */
export function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

const UTF8 = new TextDecoder('utf-8');
const UTF16LE = new TextDecoder('utf-16le');
const UTF16BE = new TextDecoder('utf-16be');

export const utf8 = (bytes: Uint8Array): string => UTF8.decode(bytes);
export const utf16le = (bytes: Uint8Array): string => UTF16LE.decode(bytes);
export const utf16be = (bytes: Uint8Array): string => UTF16BE.decode(bytes);

/** Text up to its first zero, without spaces at its end; undefined when nothing is left. */
export function fixedText(text: string): string | undefined {
  const end = text.indexOf('\0');
  const trimmed = (end < 0 ? text : text.slice(0, end)).trimEnd();
  return trimmed === '' ? undefined : trimmed;
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}
