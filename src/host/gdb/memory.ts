/** Packets about memory: m, M, X, x, qSearch:memory, qCRC. Source: Debugging with GDB, E.2 (Packets) and E.4 (General query packets). */
import { PACKET_BYTES, bytesOf, escaped, textOf, unescaped } from './packets';
import { bigNumber, hexOfText, malformed, smallNumber, textOfHex } from './numbers';
import type { Target } from './target';

/** EFAULT, as it is customary. */
const NOT_THERE = 'E0e';
/** How much is looked through at once. */
const PIECE_BYTES = 1 << 20;
/** Patterns are short: they come in one packet. */
const MOST_SEARCHED_BYTES = 1 << 30;

interface Range {
  readonly address: bigint;
  readonly bytes: number;
}

/** `addr,length`. */
function range(text: string): Range {
  const [address, bytes] = text.split(',');
  return { address: bigNumber(address), bytes: smallNumber(bytes) };
}

/** `addr,length:data`. */
function rangeAndData(text: string): { readonly range: Range; readonly data: string } {
  const colon = text.indexOf(':');
  if (colon < 0) throw malformed('there is no ":" before the data');
  return { range: range(text.slice(0, colon)), data: text.slice(colon + 1) };
}

async function read(target: Target, text: string, most: number): Promise<Uint8Array | undefined> {
  const { address, bytes } = range(text);
  const data = await target.readMemory(address, Math.min(bytes, most));
  return data.length === 0 && bytes > 0 ? undefined : data;
}

/** `m addr,length`. */
export async function readHex(target: Target, text: string): Promise<string> {
  const data = await read(target, text, PACKET_BYTES / 2);
  return data ? hexOfText(textOf(data)) : NOT_THERE;
}

/** `x addr,length`: the answer begins with `b`. */
export async function readBinary(target: Target, text: string): Promise<string> {
  const data = await read(target, text, PACKET_BYTES / 2 - 1);
  return data ? `b${escaped(textOf(data))}` : NOT_THERE;
}

async function write(target: Target, { address, bytes }: Range, data: string): Promise<string> {
  if (data.length !== bytes) throw malformed(`it says ${bytes} bytes, and has ${data.length}`);
  return (await target.writeMemory(address, bytesOf(data))) === bytes ? 'OK' : NOT_THERE;
}

/** `M addr,length:hex`. */
export async function writeHex(target: Target, text: string): Promise<string> {
  const { range: where, data } = rangeAndData(text);
  return write(target, where, textOfHex(data));
}

/** `X addr,length:binary`; without data, to try whether it is understood. */
export async function writeBinary(target: Target, text: string): Promise<string> {
  const { range: where, data } = rangeAndData(text);
  return where.bytes === 0 && data === '' ? 'OK' : write(target, where, unescaped(data));
}

/** Where `pattern` begins in `data` first; -1 when it does not. */
function indexOf(data: Uint8Array, pattern: Uint8Array): number {
  const [first] = pattern;
  if (first === undefined) return -1;
  for (let at = data.indexOf(first); at >= 0 && at + pattern.length <= data.length; at = data.indexOf(first, at + 1)) {
    if (pattern.every((byte, i) => data[at + i] === byte)) return at;
  }
  return -1;
}

/** `qSearch:memory:addr;length;pattern`: ends where something is not there. */
export async function search(target: Target, text: string): Promise<string> {
  const [, start, length, data] = /^([^;]*);([^;]*);([^]+)$/.exec(text) ?? [];
  if (data === undefined) throw malformed('a search is "addr;length;pattern"');
  const pattern = bytesOf(unescaped(data));
  const end = Math.min(smallNumber(length), MOST_SEARCHED_BYTES);
  const begin = bigNumber(start);
  // Neighbouring pieces overlap by what of the pattern may lie in the first of the two.
  for (let at = 0; at + pattern.length <= end; at += PIECE_BYTES) {
    const wanted = Math.min(PIECE_BYTES + pattern.length - 1, end - at);
    const piece = await target.readMemory(begin + BigInt(at), wanted);
    const found = indexOf(piece, pattern);
    if (found >= 0) return `1,${(begin + BigInt(at + found)).toString(16)}`;
    if (piece.length < wanted) return at + piece.length === 0 ? NOT_THERE : '0';
  }
  return '0';
}

/** The CRC of GDB's `compare-sections`: polynomial 04C11DB7, from all ones, highest bit first. */
export function crc32(data: Uint8Array, start = 0xffffffff): number {
  let crc = start;
  for (const byte of data) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 || crc >= 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** `qCRC:addr,length`. */
export async function checkRange(target: Target, text: string): Promise<string> {
  const { address, bytes } = range(text);
  let crc = 0xffffffff;
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const wanted = Math.min(PIECE_BYTES, bytes - at);
    const piece = await target.readMemory(address + BigInt(at), wanted);
    if (piece.length < wanted) return NOT_THERE;
    crc = crc32(piece, crc);
  }
  return `C${crc.toString(16)}`;
}
