/**
 * Numbers as people write them in a debugger, and as it shows them: hexadecimal, decimal and binary.
 */
import { userError } from './ports';

/** '0x…' padded to `digits` hex digits. */
export function hex(value: bigint | number, digits = 0): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** How many hex digits addresses have in lists beside code of this width: 8, or 16 in 64-bit code. */
export function addressDigits(codeBits: 16 | 32 | 64): number {
  return codeBits === 64 ? 16 : 8;
}

/** Hex digits of a value of `bits` bits, all of them shown: '0x0000001f'. */
export function hexOfWidth(value: bigint, bits: number): string {
  return hex(BigInt.asUintN(bits, value), Math.ceil(bits / 4));
}

/** 'seg:off' as the manuals write it, without 0x. */
export function segmented(selector: number, offset: bigint | number): string {
  const digits = offset.toString(16).padStart(4, '0');
  return `${selector.toString(16).padStart(4, '0')}:${digits}`;
}

/**
 * A number in decimal, hexadecimal (0x…) or binary (0b…), with an optional minus sign and
 * underscores between digits; undefined when the text is something else.
 */
export function parseInteger(text: string): bigint | undefined {
  const match = /^([-+]?)(0x[0-9a-f][0-9a-f_]*|0b[01][01_]*|[0-9][0-9_]*)$/i.exec(text.trim());
  if (!match) return undefined;
  const magnitude = BigInt(match[2].replaceAll('_', ''));
  return match[1] === '-' ? -magnitude : magnitude;
}

/**
 * The value that a register of `bits` bits takes from a number that a person typed. Negative numbers are
 * two's complement.
 * Errors: the number does not fit.
 */
export function fitInto(value: bigint, bits: number, what: string): bigint {
  const limit = 1n << BigInt(bits);
  if (value >= limit || value < -(limit >> 1n)) {
    throw userError(`${hexSigned(value)} does not fit into ${what}, which has ${bits} bits.`);
  }
  return BigInt.asUintN(bits, value);
}

/** Hexadecimal with the sign in front. */
export function hexSigned(value: bigint): string {
  return value < 0n ? `-${hex(-value)}` : hex(value);
}

/** The unsigned little-endian number in `bytes`. */
export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

/** `size` bytes, little-endian, of a number (cut to that size). */
export function toLittleEndian(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(size * 8, value);
  for (let i = 0; i < size; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
