/**
 * Scan codes of a 102-key keyboard: from the key's position (a set-1 make code, 0xE0 in the high byte for
 * grey keys) to the bytes of sets 1, 2 and 3, and the 8042's translation from set 2 to set 1.
 *
 * Source: IBM PS/2 technical reference, 'Keyboard'; Microsoft keyboard scan code specification.
 */
import type { KeyCode } from './device';

export type ScanSet = 1 | 2 | 3;

/** What an 8042 makes of the set-2 bytes 00-7F, a row of sixteen a line. */
const TRANSLATION = bytesOf(
    'ff43413f3d3b3c58644442403e0f2959' +
    '65382a701d10025a66712c1f1e11035b' +
    '672e2d201205045c68392f211413065d' +
    '693130232215075e6a7232241608095f' +
    '6b332517180b0a606c34352627190c61' +
    '6d7328741a0d626e3a361c1b752b6376' +
    '55567778797a0e7b7c4f7d4b477e7f6f' +
    '5253504c4d480145574e514a37494654',
);

/** The two translated bytes above 7F: F7, and Alt+SysRq. */
const HIGH_TRANSLATION: ReadonlyMap<number, number> = new Map([
  [0x83, 0x41],
  [0x84, 0x54],
]);

/** Pause has no set-1 code of its own: it comes as E1, Ctrl, NumLock, pressed and released at once. */
export const PAUSE: KeyCode = 0xe11d;
/** Print Screen, which sends a shift of its own around its code. */
export const PRINT_SCREEN: KeyCode = 0xe037;

const RELEASE = 0xf0;
const GREY = 0xe0;

/** Set 2 of each set-1 code: the translation, backwards. */
const SET2_OF_SET1: ReadonlyMap<number, number> = new Map([
  ...[...TRANSLATION.entries()].map(([set2, set1]): [number, number] => [set1, set2]),
  ...[...HIGH_TRANSLATION].map(([set2, set1]): [number, number] => [set1, set2]),
]);

/** Set 3 where it differs from set 2, by key code: function keys, modifiers, grey keys, keypad. */
const SET3_OF_KEY: ReadonlyMap<KeyCode, number> = new Map([
  [0x01, 0x08], [0x3b, 0x07], [0x3c, 0x0f], [0x3d, 0x17], [0x3e, 0x1f], [0x3f, 0x27], [0x40, 0x2f], [0x41, 0x37],
  [0x42, 0x3f], [0x43, 0x47], [0x44, 0x4f], [0x57, 0x56], [0x58, 0x5e], [0x46, 0x5f], [PRINT_SCREEN, 0x57],
  [PAUSE, 0x62], [0x2b, 0x5c], [0x56, 0x13], [0x3a, 0x14], [0x1d, 0x11], [0x38, 0x19], [0xe038, 0x39],
  [0xe01d, 0x58], [0xe05b, 0x8b], [0xe05c, 0x8c], [0xe05d, 0x8d], [0xe052, 0x67], [0xe053, 0x64], [0xe047, 0x6e],
  [0xe04f, 0x65], [0xe049, 0x6f], [0xe051, 0x6d], [0xe048, 0x63], [0xe04b, 0x61], [0xe050, 0x60], [0xe04d, 0x6a],
  [0x45, 0x76], [0xe035, 0x77], [0x37, 0x7e], [0x4a, 0x84], [0x4e, 0x7c], [0xe01c, 0x79],
]);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) => parseInt(hex.slice(2 * index, 2 * index + 2), 16));
}

function pauseBytes(set: ScanSet): number[] {
  if (set === 1) return [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5];
  return [0xe1, 0x14, 0x77, 0xe1, RELEASE, 0x14, RELEASE, 0x77];
}

/** A single code of set 1 or 2, without its prefix. */
function plainBytes(code: number, down: boolean, set: 1 | 2): number[] {
  if (set === 1) return [down ? code : code | 0x80];
  const set2 = SET2_OF_SET1.get(code);
  if (set2 === undefined) return [];
  return down ? [set2] : [RELEASE, set2];
}

function greyBytes(code: number, down: boolean, set: 1 | 2): number[] {
  const bytes = plainBytes(code, down, set);
  return bytes.length === 0 ? [] : [GREY, ...bytes];
}

function printScreenBytes(down: boolean, set: 1 | 2): number[] {
  const shift = greyBytes(0x2a, down, set);
  const key = greyBytes(PRINT_SCREEN & 0x7f, down, set);
  return down ? [...shift, ...key] : [...key, ...shift];
}

function set3Bytes(key: KeyCode, down: boolean): number[] {
  const code = SET3_OF_KEY.get(key) ?? (key < 0x80 ? SET2_OF_SET1.get(key) : undefined);
  if (code === undefined) return [];
  return down ? [code] : [RELEASE, code];
}

/** Bytes that a keyboard sends for a key going down or up; none for a position that it does not have. */
export function scanBytes(key: KeyCode, down: boolean, set: ScanSet): number[] {
  const code = key & 0x7f;
  if (code === 0 || (key & 0xff) > 0x7f) return [];
  if (set === 3) return set3Bytes(key, down);
  if (key === PAUSE) return down ? pauseBytes(set) : [];
  if (key === PRINT_SCREEN) return printScreenBytes(down, set);
  if (key >> 8 === GREY) return greyBytes(code, down, set);
  return key < 0x80 ? plainBytes(code, down, set) : [];
}

/** A byte of set 2 as the 8042 passes it on; F0 prefixes are the caller's to swallow. */
export function translateByte(byte: number): number {
  return byte < 0x80 ? TRANSLATION[byte] : (HIGH_TRANSLATION.get(byte) ?? byte);
}

export { RELEASE as RELEASE_PREFIX };
