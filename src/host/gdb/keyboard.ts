/** Text as keys of a US keyboard: set-1 make codes (IBM PS/2 technical reference, 'Keyboard'). */
import type { MachineInput } from '../../monitor/devices/device';

const SHIFT = 0x2a;

/** The first key's code of each row, and the characters without and with Shift. */
const ROWS: readonly (readonly [number, string, string])[] = [
  [0x02, '1234567890-=', '!@#$%^&*()_+'],
  [0x0f, '\tqwertyuiop[]\n', ' QWERTYUIOP{} '],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
  [0x39, ' ', ' '],
];

/** A stroke of each character: the key, and Shift where it takes it. */
const STROKES = new Map<string, readonly number[]>(ROWS.flatMap(([first, plain, shifted]) => [
  ...[...shifted].filter((character) => character !== ' ').map((character): [string, readonly number[]] => [character, [SHIFT, first + shifted.indexOf(character)]]),
  ...[...plain].map((character, i): [string, readonly number[]] => [character, [first + i]]),
]));

/** The keys that type a text; undefined, and which character, when there is one that no key has. */
export function keysFor(text: string): { readonly inputs: readonly MachineInput[] } | { readonly unknown: string } {
  const inputs: MachineInput[] = [];
  for (const character of text) {
    const codes = STROKES.get(character);
    if (!codes) return { unknown: character };
    inputs.push(...codes.map((code): MachineInput => ({ kind: 'key', code, down: true })));
    inputs.push(...[...codes].reverse().map((code): MachineInput => ({ kind: 'key', code, down: false })));
  }
  return { inputs };
}
