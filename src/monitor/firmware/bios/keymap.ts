/** US keyboard layout: set-1 scan codes to the words (scan code, ASCII) that INT 16h hands out. */

export type KeyLevel = 'normal' | 'shift' | 'control' | 'alt';

/** What a key gives at each level; undefined where it gives nothing. */
export interface KeyMeaning {
  readonly normal: number;
  readonly shift: number;
  readonly control: number | undefined;
  readonly alt: number | undefined;
  /** Which lock key exchanges normal and shift. */
  readonly lock?: 'caps' | 'num';
}

/** Scan codes of keys that change the shift state. */
export const SCAN = {
  control: 0x1d, leftShift: 0x2a, rightShift: 0x36, alt: 0x38,
  capsLock: 0x3a, numLock: 0x45, scrollLock: 0x46, insert: 0x52, delete: 0x53, printScreen: 0x37,
} as const;

/** ASCII of grey keys, by which programs know them from those of the number pad. */
export const GREY = 0xe0;

const word = (scan: number, ascii: number): number => (scan << 8) | ascii;

function isLetter(character: string): boolean {
  return character >= 'a' && character <= 'z';
}

/** Control characters: letters, and [ \ ] as in ASCII. */
function controlWord(scan: number, character: string): number | undefined {
  return isLetter(character) || '[\\]'.includes(character) ? word(scan, character.charCodeAt(0) & 0x1f) : undefined;
}

/** A row of character keys from `first` on. */
function characterRow(first: number, normal: string, shift: string): [number, KeyMeaning][] {
  return [...normal].map((character, i) => {
    const scan = first + i;
    const meaning: KeyMeaning = {
      normal: word(scan, character.charCodeAt(0)),
      shift: word(scan, shift.charCodeAt(i)),
      control: controlWord(scan, character),
      alt: word(scan, 0),
    };
    return [scan, isLetter(character) ? { ...meaning, lock: 'caps' } : meaning];
  });
}

/** The digit row gives 78h and following with Alt; with Ctrl only 2, 6 and minus give something. */
function digitRow(): [number, KeyMeaning][] {
  const control: Readonly<Record<string, number | undefined>> = { '2': 0x0300, '6': 0x071e, '-': 0x0c1f };
  return [...'1234567890-='].map((character, i) => [
    0x02 + i,
    {
      normal: word(0x02 + i, character.charCodeAt(0)),
      shift: word(0x02 + i, '!@#$%^&*()_+'.charCodeAt(i)),
      control: control[character],
      alt: word(0x78 + i, 0),
    },
  ]);
}

function functionKeys(): [number, KeyMeaning][] {
  const first = Array.from({ length: 10 }, (_, i): [number, KeyMeaning] => [
    0x3b + i,
    { normal: word(0x3b + i, 0), shift: word(0x54 + i, 0), control: word(0x5e + i, 0), alt: word(0x68 + i, 0) },
  ]);
  const last = [0, 1].map((i): [number, KeyMeaning] => [
    0x57 + i,
    { normal: word(0x85 + i, 0), shift: word(0x87 + i, 0), control: word(0x89 + i, 0), alt: word(0x8b + i, 0) },
  ]);
  return [...first, ...last];
}

/** Cursor keys: scan code, character with Num Lock, scan code with Ctrl, and with Alt on the grey block. */
const CURSOR_KEYS: readonly (readonly [number, string, number, number])[] = [
  [0x47, '7', 0x77, 0x97], [0x48, '8', 0x8d, 0x98], [0x49, '9', 0x84, 0x99],
  [0x4b, '4', 0x73, 0x9b], [0x4c, '5', 0x8f, 0], [0x4d, '6', 0x74, 0x9d],
  [0x4f, '1', 0x75, 0x9f], [0x50, '2', 0x91, 0xa0], [0x51, '3', 0x76, 0xa1],
  [0x52, '0', 0x92, 0xa2], [0x53, '.', 0x93, 0xa3],
];

/** The number pad; digits with Alt build a character code instead of giving a key. */
function numberPad(): [number, KeyMeaning][] {
  return CURSOR_KEYS.map(([scan, digit, control]) => [
    scan,
    { normal: word(scan, 0), shift: word(scan, digit.charCodeAt(0)), control: word(control, 0), alt: undefined, lock: 'num' },
  ]);
}

function greyBlock(): [number, KeyMeaning][] {
  return CURSOR_KEYS.filter(([scan]) => scan !== 0x4c).map(([scan, , control, alt]) => [
    scan,
    { normal: word(scan, GREY), shift: word(scan, GREY), control: word(control, GREY), alt: word(alt, 0) },
  ]);
}

/** Keys without prefix. */
export const PLAIN_KEYS: ReadonlyMap<number, KeyMeaning> = new Map<number, KeyMeaning>([
  [0x01, { normal: 0x011b, shift: 0x011b, control: 0x011b, alt: 0x0100 }],
  ...digitRow(),
  [0x0e, { normal: 0x0e08, shift: 0x0e08, control: 0x0e7f, alt: 0x0e00 }],
  [0x0f, { normal: 0x0f09, shift: 0x0f00, control: 0x9400, alt: 0xa500 }],
  ...characterRow(0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'),
  [0x1c, { normal: 0x1c0d, shift: 0x1c0d, control: 0x1c0a, alt: 0x1c00 }],
  ...characterRow(0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
  ...characterRow(0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'),
  [0x37, { normal: 0x372a, shift: 0x372a, control: 0x9600, alt: 0x3700 }],
  [0x39, { normal: 0x3920, shift: 0x3920, control: 0x3920, alt: 0x3920 }],
  ...functionKeys(),
  ...numberPad(),
  [0x4a, { normal: 0x4a2d, shift: 0x4a2d, control: 0x8e00, alt: 0x4a00 }],
  [0x4e, { normal: 0x4e2b, shift: 0x4e2b, control: 0x9000, alt: 0x4e00 }],
  [0x56, { normal: 0x565c, shift: 0x567c, control: undefined, alt: undefined }],
]);

/** Keys with the prefix E0h. */
export const GREY_KEYS: ReadonlyMap<number, KeyMeaning> = new Map<number, KeyMeaning>([
  ...greyBlock(),
  [0x1c, { normal: 0xe00d, shift: 0xe00d, control: 0xe00a, alt: 0xa600 }],
  [0x35, { normal: 0xe02f, shift: 0xe02f, control: 0x9500, alt: 0xa400 }],
]);

/** The digit of a number-pad key, for Alt and digits; undefined for other keys. */
export function padDigit(scan: number): number | undefined {
  const key = CURSOR_KEYS.find(([code, character]) => code === scan && character !== '.');
  return key === undefined ? undefined : Number(key[1]);
}
