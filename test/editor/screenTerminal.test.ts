// The guest's screen in a terminal: what is drawn of it, and which keys are pressed for what a terminal sends.
import assert from 'node:assert/strict';
import type { Screen } from '../../src/extension/screenTerminalDrawing';
import { CLEAR, draw } from '../../src/extension/screenTerminalDrawing';
import { keyStrokes } from '../../src/extension/screenTerminalKeys';

const GREY_ON_BLACK = 0x07;
const SHIFT = 0x2a;
const CONTROL = 0x1d;
const ALT = 0x38;

function screen(lines: readonly string[], options: Partial<Pick<Screen, 'attributes' | 'cursor'>> = {}): Screen {
  const columns = lines[0].length;
  return {
    columns,
    rows: lines.length,
    text: lines,
    attributes: new Uint8Array(columns * lines.length).fill(GREY_ON_BLACK),
    cursor: { column: 0, row: 0, visible: false },
    ...options,
  };
}

/** Output without its colours. */
const plain = (output: string) => output.replaceAll(/\x1b\[[0-9;]*m/g, '');
const ROOM = { columns: 80, rows: 25 };
const HIDDEN = '\x1b[?25l';

describe('the drawing of the guest\'s screen', () => {
  it('puts every row in its place', () => {
    assert.equal(plain(draw(screen(['one', 'two']), ROOM, []).output), `\x1b[1;1Hone\x1b[2;1Htwo${HIDDEN}`);
  });

  it('draws only rows that have changed', () => {
    const { drawn } = draw(screen(['one', 'two', 'six']), ROOM, []);
    assert.equal(plain(draw(screen(['one', 'TWO', 'six']), ROOM, drawn).output), `\x1b[2;1HTWO${HIDDEN}`);
    const colours = new Uint8Array(9).fill(GREY_ON_BLACK);
    colours[6] = 0x1f;
    assert.equal(plain(draw(screen(['one', 'two', 'six'], { attributes: colours }), ROOM, drawn).output), `\x1b[3;1Hsix${HIDDEN}`);
  });

  it('gives each attribute the VGA\'s colours, and bit 7 as blinking', () => {
    const { output } = draw(screen(['abc'], { attributes: Uint8Array.of(0x1e, 0x1e, 0x84) }), ROOM, []);
    assert.equal(output, `\x1b[1;1H\x1b[0;38;2;255;255;85;48;2;0;0;170mab\x1b[0;5;38;2;170;0;0;48;2;0;0;0mc\x1b[0m${HIDDEN}`);
  });

  it('shows the cursor where it is', () => {
    const { output } = draw(screen(['one', 'two'], { cursor: { column: 2, row: 1, visible: true } }), ROOM, []);
    assert.ok(output.endsWith('\x1b[2;3H\x1b[?25h'), JSON.stringify(output));
  });

  it('shows the part with the cursor where there is too little room', () => {
    const { output } = draw(screen(['one', 'two', 'six'], { cursor: { column: 2, row: 2, visible: true } }), { columns: 2, rows: 2 }, []);
    assert.equal(plain(output), '\x1b[1;1Hwo\x1b[2;1Hix\x1b[2;2H\x1b[?25h');
  });

  it('says so, once, when the guest shows graphics, and begins anew after that', () => {
    const graphics = { ...screen(['x']), columns: 0, rows: 0, text: [] };
    const first = draw(graphics, ROOM, draw(screen(['one']), ROOM, []).drawn);
    assert.match(first.output, /shows graphics/);
    assert.equal(draw(graphics, ROOM, first.drawn).output, '');
    assert.ok(draw(screen(['one']), ROOM, first.drawn).output.startsWith(CLEAR));
  });
});

describe('the keys behind terminal input', () => {
  const CASES: readonly (readonly [string, string, readonly (readonly number[])[]])[] = [
    ['a letter', 'a', [[0x1e]]],
    ['a capital', 'A', [[SHIFT, 0x1e]]],
    ['a sign on the upper half of a key', '?', [[SHIFT, 0x35]]],
    ['a space', ' ', [[0x39]]],
    ['Enter', '\r', [[0x1c]]],
    ['Backspace', '\x7f', [[0x0e]]],
    ['Tab', '\t', [[0x0f]]],
    ['Shift and Tab', '\x1b[Z', [[SHIFT, 0x0f]]],
    ['Escape', '\x1b', [[0x01]]],
    ['arrows', '\x1b[A\x1b[B\x1bOC\x1b[D', [[0xe048], [0xe050], [0xe04d], [0xe04b]]],
    ['F1, F5 and F12', '\x1bOP\x1b[15~\x1b[24~', [[0x3b], [0x3f], [0x58]]],
    ['Delete and Page Up', '\x1b[3~\x1b[5~', [[0xe053], [0xe049]]],
    ['Control and C', '\x03', [[CONTROL, 0x2e]]],
    ['Control, Shift and Right', '\x1b[1;6C', [[SHIFT, CONTROL, 0xe04d]]],
    ['Alt and x', '\x1bx', [[ALT, 0x2d]]],
    ['pasted text', 'ls\r', [[0x26], [0x1f], [0x1c]]],
    ['what has no key', 'é😀\x1b[99~b', [[0x30]]],
  ];
  for (const [name, input, expected] of CASES) {
    it(`presses the right keys for ${name}`, () => {
      assert.deepEqual(keyStrokes(input).map(({ code, modifiers }) => [...modifiers, code]), expected);
    });
  }
});
