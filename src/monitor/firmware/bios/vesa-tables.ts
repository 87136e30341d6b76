/**
 * VESA's modes: which there are, and what of them lies in the ROM.
 *
 * Source: VESA BIOS Extension (VBE) Core Functions Standard 3.0. Numbers up to 11B are VESA's, those from 140 up what other BIOSes
 * for this display interface have; programs find them by the list.
 */
import { put16 } from '../bytes';

export interface VesaMode {
  readonly number: number;
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 15 | 16 | 24 | 32;
}

const SIZES: readonly (readonly [width: number, height: number, numbers: readonly number[]])[] = [
  // Numbers for 8, 15, 16, 24 and 32 bits.
  [320, 200, [0x146, 0x10d, 0x10e, 0x10f, 0x140]],
  [640, 400, [0x100, 0x180, 0x181, 0x182, 0x141]],
  [640, 480, [0x101, 0x110, 0x111, 0x112, 0x142]],
  [800, 600, [0x103, 0x113, 0x114, 0x115, 0x143]],
  [1024, 768, [0x105, 0x116, 0x117, 0x118, 0x144]],
  [1152, 864, [0x148, 0x149, 0x14a, 0x14b, 0x14c]],
  [1280, 720, [0x18c, 0x183, 0x18d, 0x18e, 0x18f]],
  [1280, 1024, [0x107, 0x119, 0x11a, 0x11b, 0x145]],
  [1600, 1200, [0x11c, 0x11d, 0x11e, 0x11f, 0x147]],
  [1920, 1080, [0x192, 0x184, 0x190, 0x191, 0x193]],
  [1920, 1200, [0x194, 0x185, 0x195, 0x196, 0x197]],
];
const DEPTHS = [8, 15, 16, 24, 32] as const;

export const VESA_MODES: readonly VesaMode[] = SIZES.flatMap(([width, height, numbers]) =>
  numbers.map((number, i) => ({ number, width, height, depth: DEPTHS[i] }))).sort((a, b) => a.number - b.number);

/** Where the pieces are, from the tables' start. */
export const VESA_TEXTS = { oem: 0x00, vendor: 0x20, product: 0x30, revision: 0x40, modes: 0x50 } as const;
const TABLE_BYTES = 0x400;
const END_OF_MODES = 0xffff;

/** The tables as they lie in the ROM. */
export function vesaTables(): Uint8Array {
  const tables = new Uint8Array(TABLE_BYTES);
  const text = (at: number, words: string): void => { tables.set(new TextEncoder().encode(words), at); };
  text(VESA_TEXTS.oem, 'Shadowbox VBE');
  text(VESA_TEXTS.vendor, 'Shadowbox');
  text(VESA_TEXTS.product, 'VGA');
  text(VESA_TEXTS.revision, '1');
  VESA_MODES.forEach(({ number }, i) => { put16(tables, VESA_TEXTS.modes + 2 * i, number); });
  put16(tables, VESA_TEXTS.modes + 2 * VESA_MODES.length, END_OF_MODES);
  return tables;
}
