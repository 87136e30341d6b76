/**
 * The whole panel as a description; the map itself is painted on its canvas (mapPainter.ts).
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { machineState } from '../ui/machineState';
import { notice, sessionNotice } from '../ui/notice';
import { count, hex, roughSize } from '../ui/numbers';
import { baseOf, bodyOf } from '../ui/typedQuestions';
import { detailView } from './detailView';
import { FRAMES, MIB, PAGE_BYTES, cellsOf, changesOf, framesOf, runAt, type Frames } from './frames';
import { SHADES, shownOf, type Shade, type State } from './state';
import { KINDS, KIND_ORDER, NO_SNAPSHOTS, USES, USE_STORY, WRITTEN_STORY } from './words';
import { plural, t } from '../ui/words';

const SHADE_WORDS: Readonly<Record<Shade, string>> = { kind: t('Kind'), use: t('Last use'), written: t('Written') };
/** The theme's variables that the map is painted in: the painter reads what they come to. */
const COLOURS = ['--guest', '--shadow', '--trace', '--change', '--good', '--bad', '--text', '--dim', '--ground'] as const;

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const answer = bodyOf(inquiries, FRAMES);
  const error = answerTo(inquiries, FRAMES)?.error;
  const nothing = sessionNotice(inquiries)
    ?? (error !== undefined ? notice('error', t('Memory cannot be shown'), error) : answer === undefined ? notice('waiting', t('Waiting for the machine'), t('Its memory is shown as soon as it answers.')) : undefined);
  if (nothing !== undefined || answer === undefined) return [toolbar(state, inquiries, undefined), ...(nothing ? [nothing] : [])];
  const frames = framesOf(answer);
  return [toolbar(state, inquiries, frames), legend(state, frames), mapView(state, inquiries, frames), detailView(state.cursor, inquiries, state.remark)];
}

function toolbar(state: State, inquiries: Inquiries, frames: Frames | undefined): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' },
    frames !== undefined && [
      h('label', { class: 'field' }, h('span', { class: 'label' }, t('Colours')),
        h('select', { 'data-field': 'shade', value: state.shade, 'data-hold-while-focused': true }, SHADES.map((shade) => h('option', { value: shade }, SHADE_WORDS[shade])))),
      h('div', { class: 'group' },
        h('button', { type: 'button', class: 'plain wide', 'data-zoom': 'out', title: t('Zoom out (−)'), 'aria-label': t('Zoom out') }, '−'),
        h('button', { type: 'button', class: 'plain wide', 'data-zoom': 'in', title: t('Zoom in (+)'), 'aria-label': t('Zoom in') }, '+'),
        h('button', { type: 'button', class: 'quiet', 'data-show': 'memory', title: t('All of memory (m)'), 'aria-pressed': state.view === 'memory' ? 'true' : 'false' }, t('Memory')),
        h('button', { type: 'button', class: 'quiet', 'data-show': 'space', title: t('The whole guest-physical space (0)'), 'aria-pressed': state.view === 'space' ? 'true' : 'false' }, t('Whole space'))),
      h('form', { class: 'field', 'data-form': 'go' }, h('label', { class: 'field' }, h('span', { class: 'label' }, t('Address')),
        h('input', { type: 'text', class: 'hex', 'data-field': 'address', placeholder: '0xfee00000', spellcheck: 'false', autocomplete: 'off', size: 12, title: t('Guest-physical address (/)') }))),
      frames.answer.balloon !== undefined && balloonForm(frames.answer.balloon),
    ],
    machineState(inquiries));
}

/** What the guest is to be left of its memory: the balloon takes the rest. */
function balloonForm({ memory, target, taken, driven }: NonNullable<Frames['answer']['balloon']>): ElementDescription {
  const story = driven ? t('the guest has given back {0}', roughSize(taken)) : t('no driver of the guest listens');
  return h('form', { class: 'field', 'data-form': 'balloon', title: t('What the guest is asked to do with, in MiB; {0}', story) },
    h('label', { class: 'field' }, h('span', { class: 'label' }, t('Guest memory')),
      h('input', { type: 'number', 'data-field': 'balloon', 'data-hold-while-focused': true, min: 1, max: Math.floor(memory / MIB), step: 1, required: true, value: Math.floor(target / MIB) })),
    h('span', { class: 'of' }, t('of {0}', roughSize(memory))));
}

const total = (pages: number): string => roughSize(pages * PAGE_BYTES);

function swatch(colour: string, strength: number, letter: string): ElementDescription {
  return h('span', { class: 'swatch', 'aria-hidden': 'true' }, h('span', { class: 'fill', style: { background: `var(${colour})`, opacity: String(strength) } }), h('span', { class: strength > 0.5 ? 'letter inverse' : 'letter' }, letter));
}

function legend(state: State, frames: Frames): ElementDescription {
  const { answer: { snapshots, ballooned } } = frames;
  if (state.shade === 'kind') {
    return h('div', { class: 'legend', key: 'legend-kind', role: 'group', 'aria-label': t('Kinds of pages') }, KIND_ORDER.map((kind) => {
      const { name, meaning, colour, strength, letter } = KINDS[kind];
      const pages = frames.totals.get(kind) ?? 0;
      return h('button', { type: 'button', key: kind, class: classes('entry', pages === 0 && 'none'), 'data-only': kind, title: t('{0}. Press to see these alone.', meaning), 'aria-pressed': state.only === kind ? 'true' : 'false' },
        swatch(colour, strength, letter), name, h('span', { class: 'total' }, total(pages)));
    }), ballooned > 0 && h('p', {}, t('Given back by the balloon since power-on: {0} pages', count(ballooned))));
  }
  if (state.shade === 'use') {
    return h('div', { class: 'legend', key: 'legend-use' }, h('p', {}, USE_STORY), USES.map(({ name, meaning, strength }, i) => h('span', { class: 'entry', title: meaning }, swatch('--trace', strength, String(i)), name)));
  }
  return h('div', { class: 'legend', key: 'legend-written' }, h('p', {}, snapshots ? WRITTEN_STORY : NO_SNAPSHOTS),
    h('span', { class: 'entry' }, swatch('--trace', 1, 'w'), t('written')), h('span', { class: 'entry' }, swatch('--text', 0.1, ''), t('not written')));
}

function mapView(state: State, inquiries: Inquiries, frames: Frames): ElementDescription {
  const shown = shownOf(state, frames);
  const before = baseOf(inquiries, FRAMES);
  const changed = changesOf(before && framesOf(before), frames).reduce((sum, { first, end }) => sum + end - first, 0);
  return h('div', { class: 'map', key: 'map' },
    h('div', { id: 'map', class: 'room', role: 'application', tabindex: 0, 'aria-label': t('Map of guest-physical memory'), 'aria-describedby': 'here' },
      COLOURS.map((variable) => h('span', { class: 'probe', 'data-colour': variable, style: { color: `var(${variable})` } })), h('canvas', { 'aria-hidden': 'true' })),
    h('p', { class: 'scale', key: 'scale' }, h('span', {}, t('a cell is {0}, a row {1}', total(shown.pages), total(shown.pages * state.room.columns))),
      h('span', { id: 'here', role: 'status' }, state.cursor === undefined ? '' : hereWords(state.cursor, shown.pages, frames)),
      changed > 0 && h('span', { class: 'changes' }, plural(changed, '◤ {0} page of another kind since the last stop|◤ {0} pages of another kind since the last stop', count(changed)))));
}

/** What is in the cell at the cursor. */
export function hereWords(cursor: number, pages: number, frames: Frames): string {
  const first = Math.floor(cursor / pages) * pages;
  const where = `0x${hex(first * PAGE_BYTES, 8)}${pages > 1 ? t(' to 0x{0}', hex((first + pages) * PAGE_BYTES - 1, 8)) : ''}`;
  const name = frames.answer.regions.find(({ first: begin, count: long }) => cursor >= begin && cursor < begin + long)?.name;
  if (pages === 1) {
    const { kind, use, written } = runAt(frames, cursor);
    return `${where}${name === undefined ? '' : `, ${name}`}: ${[KINDS[kind].name, ...(kind === 'nothing' || use === 0 ? [] : [USES[use].name]), ...(written ? [t('written since the last snapshot')] : [])].join(', ')}`;
  }
  const sums = new Map<string, number>();
  for (const { run, pages: some } of cellsOf(frames, first, pages, 1)[0].parts) sums.set(KINDS[run.kind].name, (sums.get(KINDS[run.kind].name) ?? 0) + some);
  const parts = [...sums].sort((a, b) => b[1] - a[1]).map(([kind, some]) => `${total(some)} ${kind}`);
  return `${where}${name === undefined ? '' : `, ${name}`}: ${parts.length === 0 ? t('Nothing') : parts.join(', ')}`;
}
