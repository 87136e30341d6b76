/** Bytes in rows of sixteen: offset, hexadecimal, characters. */
import { h, type ElementDescription } from '../description';
import { hex } from '../numbers';
import { t } from '../words';

const ROW = 16;

/** The bytes behind base64 text; none where it is malformed. */
export function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}

export function hexDump(bytes: Uint8Array, offset: number): ElementDescription {
  const rows = Array.from({ length: Math.ceil(bytes.length / ROW) }, (_, row) => bytes.subarray(row * ROW, (row + 1) * ROW));
  return h('pre', { class: 'hex-dump hex', tabindex: 0, 'aria-label': t('{0} bytes from {1}', bytes.length, hex(offset)) }, rows.map((row, index) => h('div', { key: String(index) },
    h('span', { class: 'dim' }, hex(offset + index * ROW, 10)), '  ',
    Array.from(row, (byte, at) => h('span', { class: byte === 0 ? 'zero' : undefined }, `${hex(byte, 2)}${at === 7 ? '  ' : ' '}`)), ' ',
    h('span', { class: 'characters' }, Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('')))));
}
