/**
 * The Screen panel's picture as plain data: a bar, the guest's screen, a line that says where keys go.
 */
import { h, type ElementDescription } from '../ui/description';
import type { Inquiries } from '../ui/inquiries';
import { sessionNotice } from '../ui/notice';
import { CHORDS, COMBINATIONS } from './keyboard';
import { shownSize } from './scaling';
import type { ScreenState } from './state';
import { t } from '../ui/words';

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
    h('div', { key: 'news', class: 'unseen', role: 'log', 'aria-live': 'polite', 'aria-label': t('News on the guest\'s screen') },
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
  return h('header', { class: 'toolbar', key: 'toolbar', role: 'toolbar', 'aria-label': t('Screen') },
    h('div', { class: 'group' },
      select('scaling', t('Size'), choices.scaling, [['fit', t('Fit')], ['whole', t('Whole dots')], ['actual', '1:1']]),
      check('smooth', t('Smooth'), t('Blend dots into one another; without it they have sharp edges'), choices.smooth),
      check('mouse', t('Mouse'), t('A click on the screen gives the guest the mouse, too'), choices.mouse),
      select('chord', t('Release'), choices.chord, Object.entries(CHORDS).map(([name, { words }]) => [name, words] as const))),
    h('div', { class: 'group' },
      select('combination', t('Keys'), choices.combination, COMBINATIONS.map(({ name }) => [name, name] as const)),
      button('send', t('Send'), t('Press {0} in the guest', choices.combination), !isLive),
      button('type', typing === undefined ? t('Type Text…') : t('Typing…'), t('Type text on the guest\'s keyboard'), !isLive)),
    h('div', { class: 'group' },
      button('copy', t('Copy Text'), hasText ? t('Copy the text on the screen') : t('The screen shows graphics, or nothing yet'), !hasText),
      button('save', t('Save Picture…'), t('Save the picture as a PNG file'), picture === undefined)),
    h('div', { class: 'group' },
      button('power', t('Power Button'), t('Press the power button. What it does is the guest\'s affair'), !isLive),
      button('reset', t('Reset…'), t('Press the reset button'), !isLive)),
    isLive && h('div', { class: 'machine', key: 'machine' },
      h('span', { class: running ? 'dot running' : 'dot stopped', 'aria-hidden': 'true' }),
      h('span', { role: 'status' }, running ? t('running') : t('stopped'))));
}

function typeForm({ form, typing }: ScreenState, isLive: boolean): ElementDescription {
  return h('form', { class: 'strip', key: 'type-form', 'data-form': 'type', 'aria-label': t('Type text on the guest\'s keyboard') },
    h('textarea', {
      'data-field': 'text', class: 'hex', rows: 3, 'aria-label': t('Text to type'), placeholder: t('Text to type, as a US keyboard has it'), spellcheck: 'false', value: form.text,
    }),
    h('div', { class: 'group' },
      h('button', { type: 'submit', disabled: !isLive || typing !== undefined }, t('Type')),
      button('paste', t('Paste'), t('Put the clipboard\'s text here'), false),
      typing !== undefined && h('span', { class: 'progress', role: 'status' }, t('{0} of {1}', typing.done, typing.all)),
      button(typing === undefined ? 'close-form' : 'stop-typing', typing === undefined ? t('Close') : t('Stop'), typing === undefined ? t('Close this form') : t('Stop typing'), false)));
}

function resetQuestion(): ElementDescription {
  return h('section', { class: 'strip question', key: 'reset-question', role: 'alertdialog', 'aria-label': t('Reset the guest?') },
    h('p', {}, t('Reset the guest? What it has not written to a disk is lost to it.')),
    h('div', { class: 'group' }, h('button', { type: 'button', 'data-act': 'reset-yes' }, t('Reset')), button('reset-no', t('Cancel'), t('Do not reset'), false)));
}

/** The screen itself. The canvas is drawn by painter.ts; here is how large it is. */
function surface({ picture, room, density, choices, captured, text }: ScreenState, isLive: boolean): ElementDescription {
  const chord = CHORDS[choices.chord].words;
  const what = picture === undefined ? t('no picture yet') : text.length > 0 ? t('text, {0} lines', text.length) : t('graphics, {0} by {1}', picture.width, picture.height);
  const label = captured ? t('Guest\'s screen, {0}. Keys go to the guest; {1} releases them.', what, chord) : t('Guest\'s screen, {0}. Press Enter to type into the guest.', what);
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
  const where = !isLive ? (picture === undefined ? '' : t('The guest is gone; its screen is dark. This was its last picture.'))
    : !captured ? t('Click the screen, or press Enter on it, to type into the guest.')
    : pointer === 'locked' ? t('Keyboard and mouse are the guest\'s. {0} gives them back.', chord)
    : pointer === 'over-screen' ? t('Keys go to the guest, and the mouse while it is over the screen. {0} gives them back.', chord)
    : t('Keys go to the guest. {0} gives them back.', chord);
  return h('footer', { class: 'status', key: 'status' },
    h('span', { class: captured && isLive ? 'where captured' : 'where', role: 'status' }, where),
    message !== undefined && h('span', { key: 'message', class: `message ${message.kind}`, role: message.kind === 'error' ? 'alert' : 'status' }, message.text),
    picture !== undefined && h('span', { key: 'size', class: 'size' }, `${picture.width} × ${picture.height}`));
}

/** The text screen for screen readers, which cannot read a canvas. */
function mirror({ text }: ScreenState): ElementDescription {
  return h('section', { key: 'mirror', class: 'unseen', 'aria-label': t('Text on the guest\'s screen') },
    text.map((row, i) => h('div', { key: `row-${i}` }, row)));
}
