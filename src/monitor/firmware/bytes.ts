/** Little-endian fields in byte arrays, and the few number and text forms that loaders share. */

/** Reads a 16-bit little-endian field; bytes behind the end count as zero. */
export function u16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

/** Reads a 32-bit little-endian field as an unsigned number; bytes behind the end count as zero. */
export function u32(bytes: Uint8Array, offset: number): number {
  return (u16(bytes, offset) | (u16(bytes, offset + 2) << 16)) >>> 0;
}

/** Writes a 16-bit little-endian field. */
export function put16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

/** Writes a 32-bit little-endian field. */
export function put32(bytes: Uint8Array, offset: number, value: number): void {
  put16(bytes, offset, value);
  put16(bytes, offset + 2, value >>> 16);
}

/** Writes a 64-bit little-endian field from a number that is exact (below 2^53). */
export function put64(bytes: Uint8Array, offset: number, value: number): void {
  put32(bytes, offset, value % 0x1_0000_0000);
  put32(bytes, offset + 4, Math.floor(value / 0x1_0000_0000));
}

/** Whether `text` (ASCII) stands at `offset`. */
export function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset < 0 || offset + text.length > bytes.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** The bytes of a string in UTF-8, with a zero behind. */
export function zeroTerminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** Byte arrays one behind the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** Writes a string's characters (ASCII), without a zero behind. */
export function putText(bytes: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
}

/** The smallest multiple of `alignment` (a power of two) that is not below `value`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** The largest multiple of `alignment` that is not above `value`. */
export function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}

/** Upper-case hexadecimal with at least `digits` digits, without prefix. */
export function hex(value: number, digits = 1): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');
}

/** A size in bytes as a person reads it: '512 bytes', '64 KiB', '17.5 MiB'. */
export function readableSize(bytes: number): string {
  if (bytes < 1024) return `${String(bytes)} bytes`;
  const [unit, divisor] = bytes < 1024 * 1024 ? ['KiB', 1024] : ['MiB', 1024 * 1024];
  return `${String(Math.round((bytes / divisor) * 10) / 10)} ${unit}`;
}
