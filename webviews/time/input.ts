/** What a person does in the panel *Time*: keys, clicks, drags, and what they ask of the machine. */
import type { PanelPage } from '../ui/panelLoop';
import type { Question } from '../ui/inquiries';
import { count } from '../ui/numbers';
import { ask } from '../ui/typedQuestions';
import { nextSnapshot, type Timeline } from './model';
import { shownRange, timelineOf, type Act, type State } from './state';
import { t } from '../ui/words';

type Page = PanelPage<State, Act>;

const ZOOM = 4;
const WHEEL_ZOOM = 1.5;
/** The adapter has one thread. */
const THREAD = { threadId: 1 };

const timelineNow = (page: Page): Timeline | undefined => timelineOf(page.state(), page.inquiries());

/** Sets the machine out; a second way has to wait for the first one's end. */
function setOut(page: Page, order: Question, words: string, to?: number): void {
  const { way } = page.state();
  if (way !== undefined) return;
  if (page.inquiries().running) return page.act({ type: 'refused', text: t('The machine runs: pause it, then it can travel.') });
  page.act({ type: 'set-out', words, to });
  // The machine may have arrived before the answer comes.
  page.order(order, ({ error }) => (error === undefined ? { type: 'answered' } : { type: 'refused', text: error }));
}

/** To a count of instructions. */
function travel(page: Page, retired: number): void {
  const timeline = timelineNow(page);
  if (timeline === undefined) return;
  page.act({ type: 'drag', to: undefined });
  if (retired === timeline.present.retired && retired !== timeline.furthest.retired) return;
  setOut(page, ask('shadowbox.travel', { retired }), t('Going to instruction {0}', count(retired)), retired);
}

function bookmark(page: Page, change: { readonly kind: 'add' | 'remove' | 'rename'; readonly name: string; readonly to?: string }, text: string): void {
  page.order(ask('shadowbox.bookmark', change), ({ error }) => ({ type: 'bookmarked', text, ...(error === undefined ? {} : { error }) }));
}

/** Does what a button says. */
function perform(page: Page, what: string, data: DOMStringMap): void {
  const timeline = timelineNow(page);
  if (timeline === undefined) return;
  const { name } = data;
  switch (what) {
    case 'begin': return travel(page, timeline.moments[0]?.retired ?? 0);
    case 'end': return setOut(page, ask('shadowbox.travel', { furthest: true }), t('Going to the furthest moment'), timeline.furthest.retired);
    case 'snapshot-back': return travel(page, nextSnapshot(timeline, 'back'));
    case 'snapshot-forward': return travel(page, nextSnapshot(timeline, 'forward'));
    case 'step-back': return setOut(page, { request: 'stepBack', arguments: { ...THREAD, granularity: 'instruction' } }, t('Stepping back'));
    case 'step': return setOut(page, { request: 'stepIn', arguments: { ...THREAD, granularity: 'instruction' } }, t('Stepping'));
    case 'zoom-in': return page.act({ type: 'zoom', factor: ZOOM });
    case 'zoom-out': return page.act({ type: 'zoom', factor: 1 / ZOOM });
    case 'whole': return page.act({ type: 'whole' });
    case 'bookmark': return page.actAndShow({ type: 'edit', name: undefined });
    case 'edit-end': return page.act({ type: 'edit-end' });
    case 'cancel': return page.ask({ request: 'pause', arguments: THREAD });
    case 'go': return name === undefined ? undefined : setOut(page, ask('shadowbox.travel', { bookmark: name }), t('Going to {0}', name), timeline.bookmarks.find((each) => each.name === name)?.retired);
    case 'rename': return page.actAndShow({ type: 'edit', name });
    case 'remove': return name === undefined ? undefined : bookmark(page, { kind: 'remove', name }, t('Removed {0}.', name));
    case 'fork': return setOut(page, ask('shadowbox.travel', { fork: Number(data.fork) }), t('Going back to fork {0}', data.fork ?? ''), timeline.forks.find(({ id }) => id === Number(data.fork))?.end.retired);
  }
}

const KEYS: Readonly<Record<string, string>> = {
  ArrowLeft: 'snapshot-back', ArrowRight: 'snapshot-forward', 'Shift+ArrowLeft': 'step-back', 'Shift+ArrowRight': 'step', Home: 'begin', End: 'end',
  '+': 'zoom-in', '=': 'zoom-in', '-': 'zoom-out', 0: 'whole', b: 'bookmark', B: 'bookmark', Escape: 'cancel',
};

function pressed(page: Page, event: KeyboardEvent): boolean {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return false;
  if (target instanceof HTMLInputElement) {
    if (key !== 'Escape') return false;
    page.act({ type: 'edit-end' });
    return true;
  }
  if (target.id !== 'line') return false;
  if (key === 'PageUp' || key === 'PageDown') {
    page.act({ type: 'pan', share: key === 'PageUp' ? -0.5 : 0.5 });
    return true;
  }
  const what = KEYS[event.shiftKey && key.startsWith('Arrow') ? `Shift+${key}` : key];
  if (what === undefined) return false;
  perform(page, what, {});
  return true;
}

/** The count of instructions under the pointer. */
function pointedAt(page: Page, line: Element, clientX: number): number | undefined {
  const timeline = timelineNow(page);
  if (timeline === undefined) return undefined;
  const { left, width } = line.getBoundingClientRect();
  const { from, to } = shownRange(page.state(), timeline);
  return Math.round(from + Math.max(0, Math.min(1, (clientX - left) / width)) * (to - from));
}

function listenToPointer(root: HTMLElement, page: Page): void {
  /** Where the button was pressed, until it is let go. */
  let pressedAt: { readonly x: number; readonly mark: number | undefined } | undefined;
  root.addEventListener('pointerdown', ({ target, button, clientX, pointerId }) => {
    if (!(target instanceof Element) || button !== 0) return;
    const line = target.closest('#line');
    if (line === null) return;
    line.setPointerCapture(pointerId);
    const mark = target.closest('[data-at]')?.getAttribute('data-at');
    pressedAt = { x: clientX, mark: mark === null || mark === undefined ? undefined : Number(mark) };
    page.act({ type: 'drag', to: pressedAt.mark ?? pointedAt(page, line, clientX) });
  });
  root.addEventListener('pointermove', ({ clientX }) => {
    const line = root.querySelector('#line');
    if (pressedAt === undefined || line === null || Math.abs(clientX - pressedAt.x) < 3) return;
    pressedAt = { ...pressedAt, mark: undefined };
    page.act({ type: 'drag', to: pointedAt(page, line, clientX) });
  });
  root.addEventListener('pointerup', () => {
    const { dragged } = page.state();
    if (pressedAt !== undefined && dragged !== undefined) travel(page, dragged);
    pressedAt = undefined;
  });
  root.addEventListener('pointercancel', () => {
    pressedAt = undefined;
    page.act({ type: 'drag', to: undefined });
  });
  root.addEventListener('wheel', (event) => {
    const line = event.target instanceof Element ? event.target.closest('#line') : null;
    if (line === null) return;
    event.preventDefault();
    if (event.shiftKey || event.deltaX !== 0) return page.act({ type: 'pan', share: Math.sign(event.deltaX === 0 ? event.deltaY : event.deltaX) / 10 });
    const around = pointedAt(page, line, event.clientX);
    page.act({ type: 'zoom', factor: event.deltaY < 0 ? WHEEL_ZOOM : 1 / WHEEL_ZOOM, ...(around === undefined ? {} : { around }) });
  }, { passive: false });
}

export function listen(root: HTMLElement, page: Page): void {
  root.addEventListener('keydown', (event) => { if (pressed(page, event)) event.preventDefault(); });
  root.addEventListener('click', ({ target }) => {
    const order = target instanceof Element ? target.closest<HTMLElement>('[data-do]') : null;
    if (order?.dataset.do !== undefined) perform(page, order.dataset.do, order.dataset);
  });
  root.addEventListener('input', ({ target }) => { if (target instanceof HTMLInputElement) page.act({ type: 'edit-text', text: target.value }); });
  root.addEventListener('submit', (event) => {
    event.preventDefault();
    const { edit } = page.state();
    if (edit === undefined) return;
    const name = edit.text.trim();
    if (edit.name === undefined) bookmark(page, { kind: 'add', name }, t('Bookmark {0}.', name));
    else bookmark(page, { kind: 'rename', name: edit.name, to: name }, t('{0} is {1} now.', edit.name, name));
  });
  listenToPointer(root, page);
}
