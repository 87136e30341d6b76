/** The Screen panel's pure parts: keys, text as keys, sizes, what a screen reader is told, the mouse, the state and its words. */
import assert from 'node:assert/strict';
import { newLines } from '../../webviews/screen/announcements';
import { allUp, keyDown, keyUp, NO_KEYS, type Chord, type KeyMove, type Keyboard } from '../../webviews/screen/keyboard';
import { makeCode } from '../../webviews/screen/keyCodes';
import { AT_REST, moved, told, wheeled } from '../../webviews/screen/mouse';
import { shownSize } from '../../webviews/screen/scaling';
import { begin, BLANK, keep, reduce, type ScreenAct, type ScreenState } from '../../webviews/screen/state';
import { typed } from '../../webviews/screen/usLayout';
import { view } from '../../webviews/screen/view';
import { NOTHING_ASKED, type Inquiries } from '../../webviews/ui/inquiries';
import { elements, textOf } from './drive';

const SHIFT = 0x2a;
const LIVE: Inquiries = { ...NOTHING_ASKED, session: 'live', running: true };

/** Keys pressed (+KeyA) and let go (-KeyA) one after another. */
function play(keys: string, chord: Chord = 'ctrl-alt'): { moves: KeyMove[]; keyboard: Keyboard; released: boolean } {
  const moves: KeyMove[] = [];
  let keyboard = NO_KEYS;
  let released = false;
  for (const key of keys.split(' ')) {
    const place = key.slice(1);
    const outcome = key.startsWith('+') ? keyDown(keyboard, place, chord) : keyUp(keyboard, place);
    keyboard = outcome.keyboard;
    moves.push(...outcome.moves);
    released ||= outcome.releases;
  }
  return { moves, keyboard, released };
}

const words = (moves: readonly KeyMove[]) => moves.map(({ code, down }) => `${down ? '+' : '-'}${code.toString(16)}`).join(' ');

describe('screen: keys', () => {
  // Microsoft keyboard scan code specification, set 1.
  const CODES: readonly (readonly [string, number])[] = [
    ['Escape', 0x01], ['Digit1', 0x02], ['Digit0', 0x0b], ['Backspace', 0x0e], ['Tab', 0x0f], ['KeyQ', 0x10], ['KeyP', 0x19], ['Enter', 0x1c], ['ControlLeft', 0x1d],
    ['KeyA', 0x1e], ['KeyL', 0x26], ['Quote', 0x28], ['Backquote', 0x29], ['ShiftLeft', 0x2a], ['Backslash', 0x2b], ['KeyZ', 0x2c], ['Slash', 0x35], ['ShiftRight', 0x36],
    ['NumpadMultiply', 0x37], ['AltLeft', 0x38], ['Space', 0x39], ['CapsLock', 0x3a], ['F1', 0x3b], ['F10', 0x44], ['NumLock', 0x45], ['ScrollLock', 0x46],
    ['Numpad7', 0x47], ['NumpadSubtract', 0x4a], ['Numpad5', 0x4c], ['NumpadAdd', 0x4e], ['Numpad0', 0x52], ['NumpadDecimal', 0x53], ['IntlBackslash', 0x56],
    ['F11', 0x57], ['F12', 0x58], ['NumpadEnter', 0xe01c], ['ControlRight', 0xe01d], ['NumpadDivide', 0xe035], ['PrintScreen', 0xe037], ['AltRight', 0xe038],
    ['Home', 0xe047], ['ArrowUp', 0xe048], ['PageUp', 0xe049], ['ArrowLeft', 0xe04b], ['ArrowRight', 0xe04d], ['End', 0xe04f], ['ArrowDown', 0xe050],
    ['PageDown', 0xe051], ['Insert', 0xe052], ['Delete', 0xe053], ['MetaLeft', 0xe05b], ['MetaRight', 0xe05c], ['ContextMenu', 0xe05d], ['Pause', 0xe11d],
    ['IntlRo', 0x73], ['IntlYen', 0x7d],
  ];
  it('have the make codes of set 1, by their places', () => {
    for (const [place, code] of CODES) assert.equal(makeCode(place, [])?.toString(16), code.toString(16), place);
    assert.equal(makeCode('LaunchApp1', []), undefined);
  });

  it('are another one with Alt or Control: SysRq and Break', () => {
    assert.equal(makeCode('PrintScreen', [0x38]), 0x54);
    assert.equal(makeCode('Pause', [0x1d]), 0xe046);
  });

  it('go down and up, and repeat by the guest\'s own keyboard only', () => {
    assert.equal(words(play('+KeyA +KeyA -KeyA').moves), '+1e -1e');
    assert.equal(words(play('+ControlLeft +KeyC -KeyC -ControlLeft').moves), '+1d +2e -2e -1d');
  });

  it('go up under the code that they went down with', () => {
    assert.equal(words(play('+AltLeft +PrintScreen -AltLeft -PrintScreen').moves), '+38 +54 -38 -54');
  });

  it('give the keyboard back by the chord alone, and go up with it', () => {
    const { moves, released, keyboard } = play('+ControlLeft +AltLeft -AltLeft');
    assert.equal(released, true);
    assert.deepEqual(keyboard, NO_KEYS);
    assert.equal(words(moves), '+1d +38 -38 -1d');
    assert.equal(play('+ControlLeft +AltLeft +Delete -Delete -AltLeft -ControlLeft').released, false, 'Ctrl+Alt+Del is the guest\'s');
    assert.equal(play('+ControlRight -ControlRight').released, false);
    assert.equal(play('+ControlRight -ControlRight', 'right-ctrl').released, true);
    assert.equal(play('+ControlLeft +AltLeft -AltLeft -ControlLeft', 'right-ctrl').released, false);
    assert.equal(play('+ControlLeft +AltRight -AltRight').released, false, 'as Windows has AltGr');
  });

  it('are none left when the focus goes, or Meta, under which systems tell of no key going up', () => {
    assert.equal(words(allUp(play('+ShiftLeft +KeyA').keyboard).moves), '-1e -2a');
    assert.equal(words(play('+MetaLeft +KeyA -MetaLeft').moves), '+e05b +1e -1e -e05b');
  });

  it('has Print Screen where systems tell only of its going up', () => {
    assert.equal(words(play('-PrintScreen').moves), '+e037 -e037');
  });
});

describe('screen: text as keys', () => {
  const CASES: readonly (readonly [string, string, readonly (readonly number[])[]])[] = [
    ['a letter', 'a', [[0x1e]]], ['a capital', 'A', [[SHIFT, 0x1e]]], ['a sign on the upper half of a key', '?', [[SHIFT, 0x35]]],
    ['signs without Shift', '\\`\'', [[0x2b], [0x29], [0x28]]], ['a space', ' ', [[0x39]]], ['Tab', '\t', [[0x0f]]],
    ['lines', 'ls\r\nb\r', [[0x26], [0x1f], [0x1c], [0x30], [0x1c]]], ['what has no key', 'é😀b', [[0x30]]],
  ];
  for (const [name, text, expected] of CASES) {
    it(`presses the right keys for ${name}`, () => {
      assert.deepEqual(typed(text).strokes.map((moves) => moves.filter(({ down }) => down).map(({ code }) => code)), expected);
      for (const moves of typed(text).strokes) assert.deepEqual(moves.filter(({ down }) => !down).map(({ code }) => code).reverse(), moves.filter(({ down }) => down).map(({ code }) => code));
    });
  }
  it('says what it has left out, each once', () => {
    assert.deepEqual(typed('é b é 😀').leftOut, ['é', '😀']);
  });
});

describe('screen: size', () => {
  const TEXT = { width: 720, height: 400, aspect: 4 / 3 };
  const WIDE = { width: 1024, height: 768, aspect: 4 / 3 };
  it('fits in the right proportions', () => {
    assert.deepEqual(shownSize(TEXT, { width: 1000, height: 600 }, 'fit', 1), { width: 800, height: 600 });
    assert.deepEqual(shownSize(TEXT, { width: 400, height: 900 }, 'fit', 2), { width: 400, height: 300 });
  });
  it('has whole dots, near the proportions', () => {
    assert.deepEqual(shownSize(WIDE, { width: 3000, height: 1700 }, 'whole', 1), { width: 2048, height: 1536 });
    assert.deepEqual(shownSize({ width: 640, height: 200, aspect: 4 / 3 }, { width: 1300, height: 900 }, 'whole', 1), { width: 1280, height: 800 }, 'four lines a dot, two columns');
    assert.deepEqual(shownSize(WIDE, { width: 500, height: 300 }, 'whole', 1), { width: 1024, height: 768 }, 'one at least');
  });
  it('has a dot of the screen for each of the guest', () => {
    assert.deepEqual(shownSize(WIDE, { width: 500, height: 300 }, 'actual', 2), { width: 512, height: 384 });
  });
});

describe('screen: what a screen reader is told', () => {
  const screen = (...rows: string[]) => [...rows, ...Array<string>(6 - rows.length).fill('')];
  it('is what is new', () => {
    assert.deepEqual(newLines(screen('C:\\>'), screen('C:\\>dir')), ['C:\\>dir']);
    assert.deepEqual(newLines(screen('a', 'b'), screen('a', 'b', 'c')), ['c']);
    assert.deepEqual(newLines(screen('a'), screen('a')), []);
  });
  it('is not what has only moved up', () => {
    assert.deepEqual(newLines(['1', '2', '3', '4', '5', '6'], ['3', '4', '5', '6', '7', '8']), ['7', '8']);
    assert.deepEqual(newLines(['1', '2', '3', '4', '5', 'login:'], ['2', '3', '4', '5', 'login: root', 'Password:']), ['login: root', 'Password:']);
  });
  it('is all of another screen', () => {
    assert.deepEqual(newLines(screen('a', 'b', 'c'), screen('x', 'y')), ['x', 'y']);
  });
});

describe('screen: mouse', () => {
  it('counts upwards, in whole counts, and keeps the rest', () => {
    const first = told(moved(AT_REST, 3.5, 2.25, 0), 0);
    assert.deepEqual(first?.motion, { dx: 3, dy: -2, wheel: 0, buttons: 0 });
    assert.deepEqual(told(moved(first?.rest ?? AT_REST, 0.5, 0, 0), 0)?.motion, { dx: 1, dy: 0, wheel: 0, buttons: 0 });
    assert.equal(told(AT_REST, 0), undefined);
  });
  it('tells of buttons alone, and of the wheel away from the person as up', () => {
    assert.deepEqual(told(moved(AT_REST, 0, 0, 4), 0)?.motion.buttons, 4);
    assert.equal(told(wheeled(wheeled(AT_REST, -60, 0), -60, 0), 0)?.motion.wheel, 1);
    assert.equal(told(wheeled(AT_REST, 6, 1), 0)?.motion.wheel, -2);
  });
});

describe('screen: state and words', () => {
  const after = (...acts: ScreenAct[]): ScreenState => acts.reduce(reduce, BLANK);
  const PICTURE: ScreenAct = { type: 'picture', picture: { width: 720, height: 400, aspect: 4 / 3, change: 1 } };
  const all = (state: ScreenState, inquiries = LIVE) => elements(view(state, inquiries));
  const status = (state: ScreenState, inquiries = LIVE) => textOf(all(state, inquiries).find(({ attributes }) => attributes.class?.startsWith('where')) ?? '');

  it('keeps what a person has chosen, and nothing else', () => {
    const state = after(PICTURE, { type: 'choose', choices: { scaling: 'whole', smooth: false, chord: 'right-ctrl' } });
    const again = begin(JSON.parse(JSON.stringify(keep(state))));
    assert.deepEqual(again, { ...BLANK, choices: state.choices });
    assert.deepEqual(begin({ scaling: 'huge', chord: 7, else: 1 }), BLANK);
    assert.deepEqual(begin('nonsense'), BLANK);
  });

  it('says where keys go, and the chord in words', () => {
    assert.match(status(after(PICTURE)), /press Enter/);
    assert.match(status(after(PICTURE, { type: 'captured', captured: true })), /^Keys go to the guest\. Ctrl\+Alt gives them back/);
    assert.match(status(after(PICTURE, { type: 'captured', captured: true }, { type: 'pointer', pointer: 'locked' })), /Keyboard and mouse are the guest's/);
    assert.match(status(after(PICTURE, { type: 'choose', choices: { chord: 'right-ctrl' } }, { type: 'captured', captured: true })), /Right Ctrl/);
  });

  it('has the last picture of a guest that is gone, and says so', () => {
    const state = after(PICTURE, { type: 'captured', captured: true }, { type: 'session' });
    assert.equal(state.captured, false);
    const gone: Inquiries = { ...LIVE, session: 'none' };
    assert.match(status(state, gone), /the guest is gone; its screen is dark/i);
    assert.ok(all(state, gone).some(({ tag, attributes }) => tag === 'canvas' && attributes.width === '720'));
    assert.ok(all(BLANK, gone).some(({ attributes }) => attributes.class === 'notice none'));
  });

  it('mirrors the text screen, and announces what is new once', () => {
    const first = after(PICTURE, { type: 'text', rows: ['Hello   ', ''] });
    assert.deepEqual([first.text, first.news], [['Hello', ''], { serial: 1, text: 'Hello' }]);
    assert.equal(reduce(first, { type: 'text', rows: ['Hello', ''] }), first, 'nothing new: the very same state');
    assert.deepEqual(reduce(first, { type: 'text', rows: ['Hello', 'Key: a'] }).news, { serial: 2, text: 'Key: a' });
    const live = all(first).find(({ attributes }) => attributes['aria-live'] === 'polite');
    assert.equal(live && textOf(live), 'Hello');
    assert.match(all(first).find(({ attributes }) => attributes.id === 'surface')?.attributes['aria-label'] ?? '', /text, 2 lines.*Press Enter/);
  });
});
