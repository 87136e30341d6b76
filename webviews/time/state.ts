/** What a person has set up in the panel *Time* and is doing: plain data and pure functions. */
import { bodyOf, ask, type TypedQuestion } from '../ui/typedQuestions';
import type { Inquiries } from '../ui/inquiries';
import { wholeOf, type Range, type Timeline } from './model';
import { t } from '../ui/words';

export interface State {
  /** The part that is shown; all of it when undefined. */
  readonly range: Range | undefined;
  /** Where the pointer drags the present to. */
  readonly dragged: number | undefined;
  /** A bookmark that is being named: a new one, or the one of that name. */
  readonly edit: { readonly name: string | undefined; readonly text: string; readonly error?: string } | undefined;
  /** A way that the machine is on: from where, and to where if that is known. */
  readonly way: { readonly from: number; readonly to: number | undefined; readonly words: string } | undefined;
  readonly message: { readonly kind: 'done' | 'error'; readonly text: string } | undefined;
}

export const INITIAL: State = { range: undefined, dragged: undefined, edit: undefined, way: undefined, message: undefined };

export type Act =
  | { readonly type: 'zoom'; readonly factor: number; readonly around?: number }
  | { readonly type: 'whole' }
  | { readonly type: 'pan'; readonly share: number }
  | { readonly type: 'drag'; readonly to: number | undefined }
  | { readonly type: 'edit'; readonly name: string | undefined }
  | { readonly type: 'edit-text'; readonly text: string }
  | { readonly type: 'edit-end' }
  | { readonly type: 'bookmarked'; readonly text: string; readonly error?: string }
  | { readonly type: 'set-out'; readonly to: number | undefined; readonly words: string }
  | { readonly type: 'refused'; readonly text: string }
  | { readonly type: 'answered' }
  | { readonly type: 'stopped' };

/** So few instructions at least are shown. */
const SHORTEST = 10;

export function timelineQuestion({ range }: State): TypedQuestion<'shadowbox.timeline'> {
  return ask('shadowbox.timeline', range === undefined ? {} : { from: range.from, to: range.to });
}

export function timelineOf(state: State, inquiries: Inquiries): Timeline | undefined {
  return bodyOf(inquiries, timelineQuestion(state)) ?? bodyOf(inquiries, ask('shadowbox.timeline', {}));
}

export function shownRange({ range }: State, timeline: Timeline): Range {
  return range ?? wholeOf(timeline);
}

export function reduce(state: State, act: Act, inquiries: Inquiries): State {
  const timeline = timelineOf(state, inquiries);
  switch (act.type) {
    case 'zoom': return timeline === undefined ? state : { ...state, range: zoomed(state, timeline, act.factor, act.around ?? timeline.present.retired) };
    case 'whole': return { ...state, range: undefined };
    case 'pan': return timeline === undefined || state.range === undefined ? state : { ...state, range: panned(state.range, timeline, act.share) };
    case 'drag': return { ...state, dragged: act.to };
    case 'edit': return { ...state, edit: { name: act.name, text: act.name ?? newName(timeline) }, message: undefined };
    case 'edit-text': return state.edit === undefined ? state : { ...state, edit: { name: state.edit.name, text: act.text } };
    case 'edit-end': return { ...state, edit: undefined };
    case 'bookmarked': return bookmarked(state, act);
    case 'set-out': return { ...state, dragged: undefined, message: undefined, way: { from: timeline?.present.retired ?? 0, to: act.to, words: act.words } };
    case 'refused': return { ...state, way: undefined, dragged: undefined, message: { kind: 'error', text: act.text } };
    case 'answered': return state;
    case 'stopped': return { ...state, way: undefined };
  }
}

function bookmarked(state: State, { text, error }: { readonly text: string; readonly error?: string }): State {
  if (error === undefined) return { ...state, edit: undefined, message: { kind: 'done', text } };
  return state.edit === undefined ? { ...state, message: { kind: 'error', text: error } } : { ...state, edit: { ...state.edit, error } };
}

/** A name that there is not yet. */
function newName(timeline: Timeline | undefined): string {
  const names = new Set(timeline?.bookmarks.map(({ name }) => name));
  let number = 1;
  while (names.has(t('bookmark {0}', number))) number++;
  return t('bookmark {0}', number);
}

function zoomed(state: State, timeline: Timeline, factor: number, around: number): Range | undefined {
  const whole = wholeOf(timeline);
  const { from, to } = shownRange(state, timeline);
  const length = Math.max(SHORTEST, Math.round((to - from) / factor));
  if (length >= whole.to - whole.from) return undefined;
  // What is pointed at stays where it is; from outside, it comes into the middle.
  const share = around >= from && around <= to ? (around - from) / Math.max(to - from, 1) : 0.5;
  return within({ from: Math.round(around - share * length), to: Math.round(around - share * length) + length }, whole);
}

function panned({ from, to }: Range, timeline: Timeline, share: number): Range {
  const distance = Math.round((to - from) * share);
  return within({ from: from + distance, to: to + distance }, wholeOf(timeline));
}

/** A part that does not reach over the ends. */
function within({ from, to }: Range, whole: Range): Range {
  const length = to - from;
  const start = Math.max(whole.from, Math.min(from, Math.max(whole.from, whole.to - length)));
  return { from: start, to: start + length };
}

/** When the machine has come to stand outside of what is shown, that follows. */
export function follow(state: State, inquiries: Inquiries): State {
  const timeline = timelineOf(state, inquiries);
  const { range } = state;
  if (timeline === undefined || range === undefined || inquiries.running) return state;
  const { retired } = timeline.present;
  if (retired >= range.from && retired <= range.to) return state;
  const half = Math.round((range.to - range.from) / 2);
  return { ...state, range: within({ from: retired - half, to: retired - half + (range.to - range.from) }, wholeOf(timeline)) };
}

export function toKeep({ range }: State): unknown {
  return range === undefined ? {} : { range };
}

export function fromKept(kept: unknown): State {
  const range = typeof kept === 'object' && kept !== null && 'range' in kept ? kept.range : undefined;
  if (typeof range !== 'object' || range === null || !('from' in range) || !('to' in range)) return INITIAL;
  const { from, to } = range;
  return typeof from === 'number' && typeof to === 'number' && from >= 0 && to > from ? { ...INITIAL, range: { from, to } } : INITIAL;
}
