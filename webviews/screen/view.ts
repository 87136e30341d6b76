/**
 * The Screen panel's picture as plain data: a bar, the guest's screen, a line that says where keys go.
 */
import { h, type ElementDescription } from '../ui/description';
import type { Inquiries } from '../ui/inquiries';
import { sessionNotice } from '../ui/notice';
import { CHORDS, COMBINATIONS } from './keyboard';
import { shownSize } from './scaling';
import type { ScreenState } from './state';

export function view(state: ScreenState, inquiries: Inquiries): readonly ElementDescription[] {
  const isLive = inquiries.session === 'live';
  const nothing = state.picture === undefined ? sessionNotice(inquiries) : undefined;
  return [
    toolbar(state, inquiries, isLive),
    ...(state.form.open ? [typeForm(state, isLive)] : []),
    ...(state.resetAsked ? [resetQuestion()] : []),
    ...(nothing === undefined ? [] : [nothing]),
    surface(state, isLive),
    statusLine(state, isLive),
    mirror(state),
    h('div', { key: 'news', class: 'unseen', role: 'log', 'aria-live': 'polite', 'aria-label': 'News on the guest\'s screen' },
      h('div', { key: String(state.news.serial) }, state.news.text)),
  ];
}

function select(field: string, label: string, value: string, options: readonly (readonly [string, string])[], disabled = false): ElementDescription {
  return h('label', { class: 'field' }, h('span', { class: 'label' }, label),
    h('select', { 'data-field': field, 'data-hold-while-focused': true, value, disabled },
      options.map(([name, words]) => h('option', { key: name, value: name, selected: name === value }, words))));
}

function check(field: string, label: string, title: string, checked: boolean): ElementDescription {
  return h('label', { class: 'check', title }, h('input', { type: 'checkbox', 'data-field': field, checked }), label);
}

function button(act: string, label: string, title: string, disabled: boolean): ElementDescription {
  return h('button', { type: 'button', class: 'quiet', 'data-act': act, title, disabled }, label);
}

function toolbar({ choices, picture, text, typing }: ScreenState, { running }: Inquiries, isLive: boolean): ElementDescription {
  const hasText = text.length > 0;
  return h('header', { class: 'toolbar', key: 'toolbar', role: 'toolbar', 'aria-label': 'Screen' },
    h('div', { class: 'group' },
      select('scaling', 'Size', choices.scaling, [['fit', 'Fit'], ['whole', 'Whole dots'], ['actual', '1:1']]),
      check('smooth', 'Smooth', 'Blend dots into one another; without it they have sharp edges', choices.smooth),
      check('mouse', 'Mouse', 'A click on the screen gives the guest the mouse, too', choices.mouse),
      select('chord', 'Release', choices.chord, Object.entries(CHORDS).map(([name, { words }]) => [name, words] as const))),
    h('div', { class: 'group' },
      select('combination', 'Keys', choices.combination, COMBINATIONS.map(({ name }) => [name, name] as const)),
      button('send', 'Send', `Press ${choices.combination} in the guest`, !isLive),
      button('type', typing === undefined ? 'Type Text…' : 'Typing…', 'Type text on the guest\'s keyboard', !isLive)),
    h('div', { class: 'group' },
      button('copy', 'Copy Text', hasText ? 'Copy the text on the screen' : 'The screen shows graphics, or nothing yet', !hasText),
      button('save', 'Save Picture…', 'Save the picture as a PNG file', picture === undefined)),
    h('div', { class: 'group' },
      button('power', 'Power Button', 'Press the power button. What it does is the guest\'s affair', !isLive),
      button('reset', 'Reset…', 'Press the reset button', !isLive)),
    isLive && h('div', { class: 'machine', key: 'machine' },
      h('span', { class: running ? 'dot running' : 'dot stopped', 'aria-hidden': 'true' }),
      h('span', { role: 'status' }, running ? 'running' : 'stopped')));
}

function typeForm({ form, typing }: ScreenState, isLive: boolean): ElementDescription {
  return h('form', { class: 'strip', key: 'type-form', 'data-form': 'type', 'aria-label': 'Type text on the guest\'s keyboard' },
    h('textarea', {
      'data-field': 'text', class: 'hex', rows: 3, 'aria-label': 'Text to type', placeholder: 'Text to type, as a US keyboard has it', spellcheck: 'false', value: form.text,
    }),
    h('div', { class: 'group' },
      h('button', { type: 'submit', disabled: !isLive || typing !== undefined }, 'Type'),
      button('paste', 'Paste', 'Put the clipboard\'s text here', false),
      typing !== undefined && h('span', { class: 'progress', role: 'status' }, `${typing.done} of ${typing.all}`),
      button(typing === undefined ? 'close-form' : 'stop-typing', typing === undefined ? 'Close' : 'Stop', typing === undefined ? 'Close this form' : 'Stop typing', false)));
}

function resetQuestion(): ElementDescription {
  return h('section', { class: 'strip question', key: 'reset-question', role: 'alertdialog', 'aria-label': 'Reset the guest?' },
    h('p', {}, 'Reset the guest? What it has not written to a disk is lost to it.'),
    h('div', { class: 'group' }, h('button', { type: 'button', 'data-act': 'reset-yes' }, 'Reset'), button('reset-no', 'Cancel', 'Do not reset', false)));
}

/** The screen itself. The canvas is drawn by painter.ts; here is how large it is. */
function surface({ picture, room, density, choices, captured, text }: ScreenState, isLive: boolean): ElementDescription {
  const chord = CHORDS[choices.chord].words;
  const what = picture === undefined ? 'no picture yet' : text.length > 0 ? `text, ${text.length} lines` : `graphics, ${picture.width} by ${picture.height}`;
  const label = captured ? `Guest's screen, ${what}. Keys go to the guest; ${chord} releases them.` : `Guest's screen, ${what}. Press Enter to type into the guest.`;
  const size = picture === undefined ? undefined : shownSize(picture, room, choices.scaling, density);
  return h('div', { class: 'room', key: 'room' },
    h('div', {
      key: 'surface', id: 'surface', class: captured ? 'surface captured' : 'surface', tabindex: 0, role: 'application', 'aria-label': label,
      'aria-disabled': isLive ? undefined : 'true', hidden: picture === undefined,
    },
    h('canvas', {
      key: 'canvas', id: 'canvas', width: picture?.width ?? 1, height: picture?.height ?? 1, class: choices.smooth ? 'smooth' : 'crisp', 'aria-hidden': 'true',
      style: size === undefined ? {} : { width: `${size.width}px`, height: `${size.height}px` },
    })));
}

function statusLine({ picture, captured, pointer, choices, message }: ScreenState, isLive: boolean): ElementDescription {
  const chord = CHORDS[choices.chord].words;
  const where = !isLive ? (picture === undefined ? '' : 'The guest is gone; its screen is dark. This was its last picture.')
    : !captured ? 'Click the screen, or press Enter on it, to type into the guest.'
    : pointer === 'locked' ? `Keyboard and mouse are the guest's. ${chord} gives them back.`
    : pointer === 'over-screen' ? `Keys go to the guest, and the mouse while it is over the screen. ${chord} gives them back.`
    : `Keys go to the guest. ${chord} gives them back.`;
  return h('footer', { class: 'status', key: 'status' },
    h('span', { class: captured && isLive ? 'where captured' : 'where', role: 'status' }, where),
    message !== undefined && h('span', { key: 'message', class: `message ${message.kind}`, role: message.kind === 'error' ? 'alert' : 'status' }, message.text),
    picture !== undefined && h('span', { key: 'size', class: 'size' }, `${picture.width} × ${picture.height}`));
}

/** The text screen for screen readers, which cannot read a canvas. */
function mirror({ text }: ScreenState): ElementDescription {
  return h('section', { key: 'mirror', class: 'unseen', 'aria-label': 'Text on the guest\'s screen' },
    text.map((row, i) => h('div', { key: `row-${i}` }, row)));
}
