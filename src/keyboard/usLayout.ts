/**
 * Which keys of a US keyboard type a character, by their make codes of set 1: for whoever types a text into a guest.
 *
 * Source: IBM PS/2 technical reference, 'Keyboard'.
 */

/** Rows of the keyboard: the code of the first key, and the characters without and with Shift. */
const ROWS: readonly (readonly [number, string, string])[] = [
  [0x02, '1234567890-=', '!@#$%^&*()_+'],
  [0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
];
const SHIFT = 0x2a;

const KEYS: ReadonlyMap<string, readonly number[]> = new Map([
  ...ROWS.flatMap(([first, plain, shifted]) => [
    ...[...plain].map((character, i): [string, number[]] => [character, [first + i]]),
    ...[...shifted].map((character, i): [string, number[]] => [character, [SHIFT, first + i]]),
  ]),
  [' ', [0x39]], ['\n', [0x1c]], ['\t', [0x0f]], ['\b', [0x0e]], ['\x1b', [0x01]],
]);

/** The keys to be held down together, in this order, for a character; undefined when no keys give it. */
export function keysOf(character: string): readonly number[] | undefined {
  return KEYS.get(character);
}
