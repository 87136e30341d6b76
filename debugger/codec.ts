/**
 * How values cross the wire to panels: JSON has no bigint and no byte arrays, so the one travels as '0x…' and
 * the other as base64. This file is the only place that knows it.
 */

/** What a value of type T looks like after `toWire`. */
export type Wire<T> =
  T extends bigint ? string
  : T extends Uint8Array ? string
  : T extends readonly (infer Item)[] ? readonly Wire<Item>[]
  : T extends object ? { readonly [Key in keyof T]: Wire<T[Key]> }
  : T;

/** A JSON value with the content of `value`: bigint as hex text, bytes as base64, Map as an object. */
export function toWire<T>(value: T): Wire<T> {
  return plain(value) as Wire<T>;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return hexOf(value);
  if (value instanceof Uint8Array) return bytesToBase64(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Uint16Array, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

/** '0x…' in lower case without leading zeros; a minus sign in front of negative numbers. */
export function hexOf(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** The number behind '0x…' or decimal digits; undefined when the text is neither. */
export function bigintOf(text: string): bigint | undefined {
  return /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? BigInt(text) : undefined;
}

const DIGITS = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PADDING = '='.charCodeAt(0);

/** Base64 as RFC 4648 has it, with padding. Ten times as fast as `btoa` over a string of the bytes, which pictures need. */
export function bytesToBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  let to = 0;
  for (let at = 0; at < bytes.length; at += 3, to += 4) {
    const group = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text[to] = DIGITS[group >> 18];
    text[to + 1] = DIGITS[(group >> 12) & 63];
    text[to + 2] = DIGITS[(group >> 6) & 63];
    text[to + 3] = DIGITS[group & 63];
  }
  const over = bytes.length % 3;
  if (over > 0) text.fill(PADDING, text.length - 3 + over);
  return new TextDecoder().decode(text);
}

/** The bytes behind base64 text; undefined when it is malformed. */
export function base64ToBytes(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
