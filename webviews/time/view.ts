/** The panel *Time* as a description: a pure function of state and answers. */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { machineState } from '../ui/machineState';
import { notice, sessionNotice } from '../ui/notice';
import { count, roughSize } from '../ui/numbers';
import { labelsOf, lanesOf, percentOf, ticksOf, timeText, whereText, wholeOf, type Label, type Lane, type Mark, type Range, type Timeline } from './model';
import { shownRange, timelineOf, timelineQuestion, type State } from './state';
import { t } from '../ui/words';

/** Heights in pixels; main.css knows them, too. */
const LANE = 26;
const AXIS = 24;

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const timeline = timelineOf(state, inquiries);
  const nothing = sessionNotice(inquiries) ?? (timeline === undefined ? missing(state, inquiries) : undefined);
  return [toolbar(state, inquiries, timeline), ...(nothing ? [nothing] : timeline === undefined ? [] : [body(state, inquiries, timeline)])];
}

function missing(state: State, inquiries: Inquiries): ElementDescription {
  const error = answerTo(inquiries, timelineQuestion(state))?.error;
  return error === undefined ? notice('waiting', t('Waiting for the machine'), t('Its time line is shown as soon as it answers.')) : notice('error', t('The time line cannot be shown'), error);
}

/** Icons of buttons, 16 by 16: triangles and bars, since not every font has the signs. */
const ICONS = {
  begin: 'M 2 3 H 4 V 13 H 2 Z M 14 3 L 5 8 L 14 13 Z', 'snapshot-back': 'M 8 3 L 1 8 L 8 13 Z M 15 3 L 8 8 L 15 13 Z', 'step-back': 'M 12 3 L 4 8 L 12 13 Z',
  step: 'M 4 3 L 12 8 L 4 13 Z', 'snapshot-forward': 'M 1 3 L 8 8 L 1 13 Z M 8 3 L 15 8 L 8 13 Z', end: 'M 12 3 H 14 V 13 H 12 Z M 2 3 L 11 8 L 2 13 Z',
  'zoom-out': 'M 2 7 H 14 V 9 H 2 Z', 'zoom-in': 'M 2 7 H 7 V 2 H 9 V 7 H 14 V 9 H 9 V 14 H 7 V 9 H 2 Z', whole: 'M 1 3 H 3 V 13 H 1 Z M 13 3 H 15 V 13 H 13 Z M 4 8 L 7 5 V 7 H 9 V 5 L 12 8 L 9 11 V 9 H 7 V 11 Z',
} as const;

function button(name: keyof typeof ICONS, words: string, isPossible: boolean): ElementDescription {
  return h('button', { class: 'plain', type: 'button', 'data-do': name, key: name, title: words, 'aria-label': words, disabled: !isPossible },
    h('svg', { class: 'icon', width: 16, height: 16, viewBox: '0 0 16 16', fill: 'currentColor', 'aria-hidden': 'true' }, h('path', { d: ICONS[name] })));
}

function toolbar(state: State, inquiries: Inquiries, timeline: Timeline | undefined): ElementDescription {
  const stands = timeline !== undefined && !inquiries.running && state.way === undefined;
  const isPast = timeline !== undefined && timeline.present.retired < timeline.furthest.retired;
  const canGoBack = stands && timeline.moments.length > 0 && timeline.present.time > (timeline.moments[0]?.time ?? 0);
  return h('header', { class: 'toolbar', key: 'toolbar' },
    h('div', { class: 'group ways', role: 'group', 'aria-label': t('Travel') },
      button('begin', t('To the beginning (Home)'), canGoBack),
      button('snapshot-back', t('To the snapshot before (←)'), canGoBack),
      button('step-back', t('One instruction back (Shift+←)'), canGoBack),
      button('step', t('One instruction on (Shift+→)'), stands),
      button('snapshot-forward', t('To the next snapshot (→)'), stands && isPast),
      button('end', t('To the furthest moment (End)'), stands && isPast)),
    h('div', { class: 'group', role: 'group', 'aria-label': t('Zoom') },
      button('zoom-out', t('Show more of the time line (−)'), state.range !== undefined),
      button('zoom-in', t('Show less of the time line, nearer (+)'), timeline !== undefined),
      button('whole', t('Show all of the time line (0)'), state.range !== undefined)),
    h('button', { type: 'button', 'data-do': 'bookmark', key: 'bookmark', title: t('Give the present moment a name (B)'), disabled: !stands }, t('Bookmark')),
    machineState(inquiries));
}

function body(state: State, inquiries: Inquiries, timeline: Timeline): ElementDescription {
  const isOff = timeline.moments.length === 0;
  return h('div', { class: 'time', key: 'time' },
    wayView(state, timeline),
    h('p', { class: 'where', role: 'status', key: 'where' }, inquiries.running ? '' : whereText(timeline)),
    isOff && notice('empty', t('There are no snapshots'), t('Time travel is off, so that there is no way back. Set "timeTravel" to true in the launch configuration.')),
    state.message !== undefined && h('p', { class: `message ${state.message.kind}`, role: state.message.kind === 'error' ? 'alert' : 'status', key: 'message' }, state.message.text),
    picture(state, timeline),
    nameEditor(state),
    bookmarkList(state, inquiries, timeline),
    forkList(inquiries, timeline),
    h('p', { class: 'memory', key: 'memory' }, t('{0} snapshots keep {1} of memory, of {2} that they may. ', count(timeline.moments.length), roughSize(timeline.bytes), roughSize(timeline.mostBytes))
      + t('Click or drag in the picture to go to a moment. ← → from snapshot to snapshot, with Shift one instruction; + − 0 zoom; B names the moment.')));
}

/** The way that the machine is on, with a means to end it. */
function wayView({ way }: State, { present }: Timeline): Child {
  if (way === undefined) return undefined;
  const share = way.to === undefined ? undefined : progress(way.from, way.to, present.retired);
  return h('div', { class: 'way', key: 'way', role: 'status' },
    h('span', { key: 'words' }, way.words),
    h('progress', { key: 'progress', max: 100, value: share, 'aria-label': t('How far the machine has come') }),
    h('button', { type: 'button', 'data-do': 'cancel', key: 'cancel', title: t('Stop where the machine is now (Escape)') }, t('Cancel')));
}

/** A way back begins at a snapshot before its end: what counts is how near that is. */
function progress(from: number, to: number, now: number): number {
  if (now > to) return 0;
  const start = from < to ? from : 0;
  return Math.round(Math.max(0, Math.min(100, (100 * (now - start)) / Math.max(to - start, 1))));
}

function picture(state: State, timeline: Timeline): ElementDescription {
  const range = shownRange(state, timeline);
  const lanes = lanesOf(timeline, range);
  const height = AXIS + lanes.length * LANE;
  const at = state.dragged ?? timeline.present.retired;
  const whole = wholeOf(timeline);
  return h('div', { class: 'picture', key: 'picture' },
    h('div', { class: 'titles', 'aria-hidden': 'true' }, h('div', { class: 'axis', key: 'axis' }, t('Instructions')), lanes.map(({ name, title }) => h('div', { class: 'title', key: name }, title))),
    h('div', { class: 'drawing', key: 'drawing' }, h('svg', {
      id: 'line', role: 'slider', tabindex: 0, height, width: '100%', 'aria-label': t('Time line'), 'aria-orientation': 'horizontal',
      'aria-valuemin': whole.from, 'aria-valuemax': whole.to, 'aria-valuenow': at, 'aria-valuetext': spoken(timeline, lanes),
    },
    ticksOf(range).map((tick) => h('g', { key: `tick ${tick}` },
      h('line', { class: 'grid', x1: x(range, tick), x2: x(range, tick), y1: AXIS - 6, y2: height }),
      h('text', { class: 'tick', x: x(range, tick), y: AXIS - 12, 'text-anchor': anchor(range, tick) }, count(tick)))),
    lanes.map((lane, index) => laneView(lane, range, AXIS + index * LANE)),
    future(range, timeline, height),
    h('g', { key: 'present', class: classes('present', state.dragged !== undefined && 'dragged') },
      h('line', { class: 'now', x1: x(range, at), x2: x(range, at), y1: AXIS - 1, y2: height }),
      h('svg', { class: 'grip', x: x(range, at), y: AXIS, overflow: 'visible', width: 1, height: 1 }, h('path', { d: 'M -6 -9 L 6 -9 L 0 0 Z' }), h('title', {}, t('Here: instruction {0}', count(at)))))),
    h('div', { class: 'names', 'aria-hidden': 'true' }, lanes.map((lane, index) => labelsOf(lane.marks, range).map((label) => nameView(label, AXIS + index * LANE))))));
}

/** A name beside its mark: cut short where the next one begins. */
function nameView({ key, text, at, side, room }: Label, top: number): ElementDescription {
  const edge = side === 'right' ? { left: `calc(${at.toFixed(3)}% + 11px)` } : { right: `calc(${(100 - at).toFixed(3)}% + 9px)` };
  return h('span', { class: 'name-of-mark', key, style: { top: `${top}px`, 'max-width': `calc(${room.toFixed(3)}% - 15px)`, ...edge } }, text);
}

/** What a screen reader says of the picture. */
function spoken(timeline: Timeline, lanes: readonly Lane[]): string {
  const here = timeline.bookmarks.filter(({ retired }) => retired === timeline.present.retired).map(({ name }) => t('bookmark {0}', name));
  const shown = lanes.filter(({ marks }) => marks.length > 0).map(({ title, marks }) => `${title.toLowerCase()}: ${marks.length}`);
  return t('{0} {1}In view: {2}.', whereText(timeline), here.length === 0 ? '' : `${here.join(', ')}. `, shown.join('; '));
}

const x = (range: Range, retired: number): string => `${percentOf(range, retired).toFixed(3)}%`;

/** Numbers at the ends stay inside. */
function anchor(range: Range, tick: number): string {
  const percent = percentOf(range, tick);
  if (percent < 4) return 'start';
  return percent > 96 ? 'end' : 'middle';
}

/** What lies behind the present moment: it was run already. */
function future(range: Range, { present, furthest }: Timeline, height: number): Child {
  const from = Math.max(0, percentOf(range, present.retired));
  const to = Math.min(100, percentOf(range, furthest.retired));
  return to > from && h('rect', { class: 'future', key: 'future', x: `${from.toFixed(3)}%`, width: `${(to - from).toFixed(3)}%`, y: AXIS, height: height - AXIS });
}

function laneView({ name, marks }: Lane, range: Range, top: number): ElementDescription {
  return h('g', { class: `lane ${name}`, key: name },
    h('line', { class: 'base', x1: '0', x2: '100%', y1: top + LANE - 0.5, y2: top + LANE - 0.5 }),
    marks.map((mark) => markView(mark, range, top)));
}

function markView(mark: Mark, range: Range, top: number): ElementDescription {
  const { key, retired, end, size, words, shape } = mark;
  const room = LANE - 5;
  const title = h('title', {}, words);
  const attributes = { class: `mark ${shape}`, key, 'data-at': retired };
  if (shape === 'bar') {
    const from = Math.max(0, percentOf(range, retired));
    const to = Math.min(100, percentOf(range, end ?? retired));
    return h('rect', { ...attributes, x: `${from.toFixed(3)}%`, width: `${Math.max(0.1, to - from).toFixed(3)}%`, y: top + LANE - 1 - size * room, height: size * room }, title);
  }
  if (shape === 'tick') return h('rect', { ...attributes, x: x(range, retired), width: 2, y: top + LANE - 1 - size * room, height: size * room }, title);
  const figure = shape === 'dot' ? h('circle', { r: 2 + 3 * size, cy: LANE / 2 }) : h('path', { d: PATHS[shape] });
  return h('svg', { ...attributes, x: x(range, retired), y: top, overflow: 'visible', width: 1, height: LANE }, title, figure);
}

const PATHS = { diamond: 'M 0 7 L 6 13 L 0 19 L -6 13 Z', flag: 'M 0 24 L 0 4 L 9 8 L 0 13', fork: 'M 0 24 L 0 15 L -5 6 M 0 15 L 5 6' } as const;

function nameEditor({ edit }: State): Child {
  if (edit === undefined) return undefined;
  return h('form', { class: 'naming', key: 'naming', 'data-form': 'bookmark' },
    h('label', { class: 'field' }, h('span', { class: 'label' }, edit.name === undefined ? t('Name of this moment') : t('New name of {0}', edit.name)),
      h('input', { type: 'text', id: 'name', 'data-field': 'name', value: edit.text, autocomplete: 'off', spellcheck: 'false', 'aria-invalid': edit.error === undefined ? undefined : 'true', 'aria-describedby': edit.error === undefined ? undefined : 'name-error' })),
    h('button', { type: 'submit' }, edit.name === undefined ? t('Add') : t('Rename')),
    h('button', { type: 'button', class: 'plain', 'data-do': 'edit-end' }, t('Cancel')),
    edit.error !== undefined && h('span', { class: 'error', id: 'name-error', role: 'alert', key: 'error' }, edit.error));
}

function bookmarkList(state: State, inquiries: Inquiries, timeline: Timeline): Child {
  const { bookmarks, present } = timeline;
  if (bookmarks.length === 0) return undefined;
  const stands = !inquiries.running && state.way === undefined;
  return h('section', { class: 'list', key: 'bookmarks', 'aria-label': t('Bookmarks') }, h('h2', {}, t('Bookmarks')),
    h('ul', {}, bookmarks.map(({ name, retired, time }) => h('li', { key: name },
      h('span', { class: classes('name', retired === present.retired && 'here') }, name, retired === present.retired && h('span', { class: 'present-one', key: 'here' }, ` ${t('(here)')}`)),
      h('span', { class: 'at' }, t('instruction {0}, {1}', count(retired), timeText(time))),
      h('button', { type: 'button', class: 'plain', 'data-do': 'go', 'data-name': name, disabled: !stands, 'aria-label': t('Go to {0}', name) }, t('Go')),
      h('button', { type: 'button', class: 'plain', 'data-do': 'rename', 'data-name': name, 'aria-label': t('Rename {0}', name) }, t('Rename')),
      h('button', { type: 'button', class: 'plain', 'data-do': 'remove', 'data-name': name, 'aria-label': t('Remove {0}', name) }, t('Remove'))))));
}

function forkList(inquiries: Inquiries, { forks }: Timeline): Child {
  if (forks.length === 0) return undefined;
  return h('section', { class: 'list', key: 'forks', 'aria-label': t('Forks') }, h('h2', {}, t('Futures that were left')),
    h('ul', {}, forks.map(({ id, retired, end }) => h('li', { key: String(id) },
      h('span', { class: 'name' }, t('fork {0}', id)),
      h('span', { class: 'at' }, t('left at instruction {0}, had come to {1}', count(retired), count(end.retired))),
      h('button', { type: 'button', class: 'plain', 'data-do': 'fork', 'data-fork': id, disabled: inquiries.running, 'aria-label': t('Go back to fork {0}', id) }, t('Go back to it'))))));
}
