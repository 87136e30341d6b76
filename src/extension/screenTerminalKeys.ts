// From what a terminal sends for a key to what a PS/2 keyboard sends: set-1 make codes of a US keyboard.
//
// Sources: ECMA-48, 5.4 (control sequences); xterm control sequences, 'PC-Style Function Keys'; IBM PS/2 technical
// reference, 'Keyboard' (codes of set 1; grey keys have E0 in the high byte).

/** A key and which modifiers go down before it and up after it, by their make codes. */
export interface KeyStroke {
  readonly code: number;
  readonly modifiers: readonly number[];
}

const SHIFT = 0x2a;
const CONTROL = 0x1d;
const ALT = 0x38;
const ESCAPE = 0x01;

/** Rows of a US keyboard: the code of the first key, and the characters without and with Shift. */
const ROWS: readonly (readonly [number, string, string])[] = [
  [0x02, '1234567890-=', '!@#$%^&*()_+'],
  [0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
  [0x39, ' ', ' '],
];

const CHARACTERS: ReadonlyMap<string, KeyStroke> = new Map(ROWS.flatMap(([first, plain, shifted]) => [
  ...[...shifted].map((character, i): [string, KeyStroke] => [character, { code: first + i, modifiers: [SHIFT] }]),
  // Space is in both; without Shift it is the simpler stroke.
  ...[...plain].map((character, i): [string, KeyStroke] => [character, { code: first + i, modifiers: [] }]),
]));

/** Keys for which a terminal sends one control character. */
const CONTROLS: ReadonlyMap<string, number> = new Map([['\r', 0x1c], ['\n', 0x1c], ['\t', 0x0f], ['\x7f', 0x0e], ['\b', 0x0e], ['\x1b', ESCAPE]]);

/** Final letters of CSI and SS3 sequences: arrows, Home, End, F1 to F4. */
const LETTERS: ReadonlyMap<string, number> = new Map([
  ['A', 0xe048], ['B', 0xe050], ['C', 0xe04d], ['D', 0xe04b], ['H', 0xe047], ['F', 0xe04f],
  ['P', 0x3b], ['Q', 0x3c], ['R', 0x3d], ['S', 0x3e],
]);

/** First numbers of sequences that end in `~`: Insert, Delete, Page Up and Down, F5 to F12. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  [1, 0xe047], [2, 0xe052], [3, 0xe053], [4, 0xe04f], [5, 0xe049], [6, 0xe051],
  [15, 0x3f], [17, 0x40], [18, 0x41], [19, 0x42], [20, 0x43], [21, 0x44], [23, 0x57], [24, 0x58],
]);

/** CSI or SS3, up to two numbers, and the letter or tilde that ends it. */
const SEQUENCE = /^\x1b(?:\[(\d*)(?:;(\d+))?|O)([A-Z~])/;

/** Modifiers as xterm counts them: one more than the sum of 1 for Shift, 2 for Alt and 4 for Control. */
function modifiersOf(parameter: number): number[] {
  const bits = parameter - 1;
  return [...((bits & 1) !== 0 ? [SHIFT] : []), ...((bits & 2) !== 0 ? [ALT] : []), ...((bits & 4) !== 0 ? [CONTROL] : [])];
}

/** The stroke of a whole control sequence; undefined for one that belongs to no key. */
function sequenceStroke(first: string | undefined, second: string | undefined, final: string): KeyStroke | undefined {
  if (final === 'Z') return { code: 0x0f, modifiers: [SHIFT] };
  const code = final === '~' ? NUMBERS.get(Number(first)) : LETTERS.get(final);
  return code === undefined ? undefined : { code, modifiers: modifiersOf(Number(second ?? 1)) };
}

/** The stroke of one character; undefined for one that a US keyboard does not have. */
function characterStroke(character: string): KeyStroke | undefined {
  const control = CONTROLS.get(character);
  if (control !== undefined) return { code: control, modifiers: [] };
  const code = character.charCodeAt(0);
  // Control takes the letters to the characters 01 to 1A.
  const letter = code >= 0x01 && code <= 0x1a ? CHARACTERS.get(String.fromCharCode(code + 0x60)) : undefined;
  return letter === undefined ? CHARACTERS.get(character) : { code: letter.code, modifiers: [CONTROL] };
}

/**
 * The key strokes behind a piece of terminal input (`Pseudoterminal.handleInput`), which is one key or pasted text.
 * What has no key on a US keyboard is left out.
 */
export function keyStrokes(input: string): KeyStroke[] {
  const strokes: (KeyStroke | undefined)[] = [];
  for (let rest = input; rest !== '';) {
    const sequence = SEQUENCE.exec(rest);
    if (sequence !== null) {
      const [whole, first, second, final] = sequence;
      strokes.push(sequenceStroke(first, second, final));
      rest = rest.slice(whole.length);
      continue;
    }
    // Alt with a character comes as Escape and the character in one piece.
    const character = String.fromCodePoint(rest.codePointAt(rest.startsWith('\x1b') && rest.length > 1 ? 1 : 0) ?? 0);
    const withAlt = rest.startsWith('\x1b') && rest.length > 1;
    const stroke = characterStroke(character);
    strokes.push(stroke !== undefined && withAlt ? { ...stroke, modifiers: [ALT, ...stroke.modifiers] } : stroke);
    rest = rest.slice(character.length + (withAlt ? 1 : 0));
  }
  return strokes.filter((stroke) => stroke !== undefined);
}
