/**
 * Text as it is typed on a US keyboard: which keys, and which of them with Shift.
 *
 * Source: IBM PS/2 technical reference, 'Keyboard' (codes of set 1).
 */
import { KEY } from './keyCodes';
import { combination, type KeyMove } from './keyboard';

/** Rows of a US keyboard: the code of the first key, and the characters without and with Shift. */
const ROWS: readonly (readonly [number, string, string])[] = [
  [0x02, '1234567890-=', '!@#$%^&*()_+'],
  [0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
];

const KEYS: ReadonlyMap<string, readonly number[]> = new Map([
  ...ROWS.flatMap(([first, plain, shifted]) => [
    ...[...plain].map((character, i): [string, number[]] => [character, [first + i]]),
    ...[...shifted].map((character, i): [string, number[]] => [character, [KEY.shift, first + i]]),
  ]),
  [' ', [0x39]], ['\n', [KEY.enter]], ['\t', [0x0f]], ['\b', [0x0e]], ['\x1b', [KEY.escape]],
]);

export interface TypedText {
  /** The moves of each character that has keys. */
  readonly strokes: readonly (readonly KeyMove[])[];
  /** Characters that a US keyboard does not have, each once. */
  readonly leftOut: readonly string[];
}

/** The key strokes behind a text. Line ends of any kind are Enter. */
export function typed(text: string): TypedText {
  const characters = [...text.replaceAll(/\r\n?/g, '\n')];
  const strokes = characters.flatMap((character) => {
    const keys = KEYS.get(character);
    return keys === undefined ? [] : [combination(keys)];
  });
  return { strokes, leftOut: [...new Set(characters.filter((character) => !KEYS.has(character)))] };
}
