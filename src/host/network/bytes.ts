/** Numbers in network byte order, and the Internet checksum (RFC 1071). */

export function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function read32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16);
  write16(bytes, at + 2, value & 0xffff);
}

/** Adds the 16-bit words of a piece to a sum; an odd last byte counts as a high one. */
export function sum16(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  let total = sum;
  let at = start;
  for (; at + 1 < end; at += 2) total += (bytes[at] << 8) | bytes[at + 1];
  return at < end ? total + (bytes[at] << 8) : total;
}

/** The checksum of a sum of words: 0 when the words had a right checksum among them. */
export function folded(sum: number): number {
  let total = sum;
  while (total > 0xffff) total = Math.floor(total / 0x10000) + (total & 0xffff);
  return ~total & 0xffff;
}

/** The sum of the pseudo header that TCP and UDP have in their checksums (RFC 9293, 3.1). */
export function pseudoHeaderSum(source: number, destination: number, protocol: number, length: number): number {
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length;
}

/** ASCII text of bytes up to `end` or the first NUL. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end && bytes[at] !== 0; at += 1) text += String.fromCharCode(bytes[at]);
  return text;
}

/** Bytes of a text, one each; what is no ASCII becomes '?'. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => (character.charCodeAt(0) < 0x80 ? character.charCodeAt(0) : 0x3f));
}
