/**
 * What a person has set up in the panel, how it follows from what they do, and the list as it is shown.
 */
import type { Inquiries } from '../ui/inquiries';
import { ask, baseOf, bodyOf } from '../ui/typedQuestions';
import { scrollToRow, type Viewport } from '../ui/virtualList';
import type { Group, Row } from './model';
import { groupsOf } from './rows';

export interface State {
  readonly filter: string;
  readonly folded: ReadonlySet<string>;
  /** Key of the line that is selected. */
  readonly selected: string | undefined;
  readonly remark: string;
  readonly viewport: Viewport;
  /** A scroll position that the page is to take, each serial once. */
  readonly scroll: { readonly top: number; readonly serial: number };
}

export const INITIAL: State = { filter: '', folded: new Set(), selected: undefined, remark: '', viewport: { top: 0, height: 600 }, scroll: { top: 0, serial: 0 } };

export const DESCRIPTORS = ask('shadowbox.descriptors', {});

/** Height of a line in CSS pixels: main.css has it, too. */
export const LINE = 24;

/** A line of the list: the head of a group, or one of its rows. */
export type Line =
  | { readonly kind: 'head'; readonly key: string; readonly group: Group; readonly open: boolean; readonly found: number }
  | { readonly kind: 'row'; readonly key: string; readonly row: Row; readonly changed: boolean };

export interface List {
  readonly lines: readonly Line[];
  readonly tops: readonly number[];
}

export const headKey = (group: string): string => `head:${group}`;

function matches({ name, type, place, note }: Row, filter: string): boolean {
  const text = `${name} ${type} ${place} ${note}`.toLowerCase();
  return filter.trim().toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

let last: { readonly answer: unknown; readonly before: unknown; readonly filter: string; readonly folded: unknown; readonly list: List } | undefined;

/** The lines as they are shown now; undefined while there is no answer. The same answers give the same list. */
export function listOf(state: State, inquiries: Inquiries): List | undefined {
  const answer = bodyOf(inquiries, DESCRIPTORS);
  if (answer === undefined) return undefined;
  const before = baseOf(inquiries, DESCRIPTORS);
  if (last?.answer === answer && last.before === before && last.filter === state.filter && last.folded === state.folded) return last.list;
  const old = new Map(before === undefined ? [] : groupsOf(before).flatMap(({ rows }) => rows.map(({ key, raw }) => [key, raw] as const)));
  const filtering = state.filter.trim() !== '';
  const lines = groupsOf(answer).flatMap((group): Line[] => {
    const rows = group.rows.filter((row) => matches(row, state.filter));
    if (filtering && rows.length === 0) return [];
    const open = filtering || !state.folded.has(group.name);
    const changed = (row: Row) => before !== undefined && old.has(row.key) && old.get(row.key) !== row.raw;
    return [
      { kind: 'head', key: headKey(group.name), group, open, found: rows.length },
      ...(open ? rows.map((row): Line => ({ kind: 'row', key: row.key, row, changed: changed(row) })) : []),
    ];
  });
  const list = { lines, tops: Array.from({ length: lines.length + 1 }, (_, i) => i * LINE) };
  last = { answer, before, filter: state.filter, folded: state.folded, list };
  return list;
}

/** The line that the keyboard is at: the first when none is selected. */
export function selectedLine({ selected }: State, { lines }: List): Line | undefined {
  return lines.find(({ key }) => key === selected) ?? lines.at(0);
}

export type Movement = 'up' | 'down' | 'pageUp' | 'pageDown' | 'home' | 'end' | 'left' | 'right';

export type Act =
  | { readonly type: 'filter'; readonly text: string }
  | { readonly type: 'fold'; readonly group: string }
  | { readonly type: 'select'; readonly key: string }
  | { readonly type: 'move'; readonly to: Movement }
  | { readonly type: 'scrolled'; readonly top: number; readonly height: number }
  | { readonly type: 'remark'; readonly text: string };

export function reduce(state: State, act: Act, inquiries: Inquiries): State {
  switch (act.type) {
    case 'filter': return { ...state, filter: act.text, scroll: { top: 0, serial: state.scroll.serial + 1 }, viewport: { ...state.viewport, top: 0 } };
    case 'fold': return { ...state, folded: toggled(state.folded, act.group), selected: headKey(act.group) };
    case 'select': return { ...state, selected: act.key, remark: '' };
    case 'move': return moved(state, act.to, listOf(state, inquiries));
    case 'scrolled': return act.top === state.viewport.top && act.height === state.viewport.height ? state : { ...state, viewport: { top: act.top, height: act.height } };
    case 'remark': return { ...state, remark: act.text };
  }
}

function toggled(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}

function moved(state: State, to: Movement, list: List | undefined): State {
  const line = list && selectedLine(state, list);
  if (list === undefined || line === undefined) return state;
  const { lines } = list;
  const at = lines.indexOf(line);
  const page = Math.max(1, Math.floor(state.viewport.height / LINE) - 1);
  switch (to) {
    case 'up': return goTo(state, list, at - 1);
    case 'down': return goTo(state, list, at + 1);
    case 'pageUp': return goTo(state, list, at - page);
    case 'pageDown': return goTo(state, list, at + page);
    case 'home': return goTo(state, list, 0);
    case 'end': return goTo(state, list, lines.length - 1);
    case 'left':
      if (line.kind === 'head') return line.open ? { ...state, folded: toggled(state.folded, line.group.name) } : state;
      return goTo(state, list, lines.slice(0, at).map(({ kind }) => kind).lastIndexOf('head'));
    case 'right': return line.kind === 'head' && !line.open ? { ...state, folded: toggled(state.folded, line.group.name) } : state;
  }
}

function goTo(state: State, { lines, tops }: List, index: number): State {
  const at = Math.max(0, Math.min(lines.length - 1, index));
  const top = scrollToRow(state.viewport, tops, at, 'nearest');
  const scroll = top === state.viewport.top ? state.scroll : { top, serial: state.scroll.serial + 1 };
  return { ...state, selected: lines[at].key, remark: '', scroll, viewport: { ...state.viewport, top } };
}

export const toKeep = ({ filter, folded, selected }: State): unknown => ({ filter, folded: [...folded], ...(selected === undefined ? {} : { selected }) });

/** The state to begin with after a reload. What is not understood is left out. */
export function fromKept(kept: unknown): State {
  const { filter, folded, selected }: { readonly filter?: unknown; readonly folded?: unknown; readonly selected?: unknown } = typeof kept === 'object' && kept !== null ? kept : {};
  return {
    ...INITIAL, filter: typeof filter === 'string' ? filter : '', selected: typeof selected === 'string' ? selected : undefined,
    folded: new Set(Array.isArray(folded) ? folded.filter((item) => typeof item === 'string') : []),
  };
}
