/**
 * What a person does, and what it makes of the state. Pure; setting a register is the listener's (input.ts), which tells the outcome.
 */
import type { Inquiries } from '../ui/inquiries';
import type { Outcome } from '../ui/panelLoop';
import { groupsOf, selectedStop, stopsOf, type Stop } from './groups';
import { LANE_VIEWS, type Cell, type LaneView } from './model';
import { laneViewOf, type Place, type State } from './state';
import { t } from '../ui/words';

export type Movement = 'up' | 'down' | 'left' | 'right' | 'home' | 'end' | 'pageUp' | 'pageDown';

export type Act =
  | { readonly type: 'filter'; readonly text: string }
  | { readonly type: 'cpu'; readonly cpu: number | undefined }
  | { readonly type: 'fold'; readonly group: string }
  | { readonly type: 'open'; readonly row: string }
  | { readonly type: 'lanes'; readonly register: string; readonly view?: LaneView }
  | { readonly type: 'select'; readonly place: Place }
  | { readonly type: 'move'; readonly to: Movement }
  | { readonly type: 'edit'; readonly place: Place; readonly text?: string }
  | { readonly type: 'typed'; readonly text: string }
  | { readonly type: 'sent' }
  | { readonly type: 'cancel' }
  | { readonly type: 'done'; readonly cell: string; readonly outcome: Outcome }
  | { readonly type: 'remark'; readonly text: string }
  | { readonly type: 'scrolled'; readonly top: number; readonly height: number }
  | { readonly type: 'legend' };

export const RUNNING = t('The guest is running: pause it, then its registers can be set.');

export function reduce(state: State, act: Act, inquiries: Inquiries): State {
  switch (act.type) {
    case 'filter': return { ...state, filter: act.text, edit: undefined };
    case 'cpu': return { ...state, cpu: act.cpu, edit: undefined };
    case 'fold': return { ...state, folded: toggled(state.folded, act.group) };
    case 'open': return { ...state, open: toggled(state.open, act.row) };
    case 'lanes': return withLanes(state, act.register, act.view);
    case 'select': return { ...state, selected: act.place, remark: '' };
    case 'move': return moved(state, act.to, inquiries);
    case 'edit': return begun(state, act, inquiries);
    case 'typed': return state.edit === undefined ? state : { ...state, edit: { row: state.edit.row, cell: state.edit.cell, text: act.text, sent: false } };
    case 'sent': return state.edit === undefined ? state : { ...state, edit: { ...state.edit, sent: true } };
    case 'cancel': return { ...state, edit: undefined, remark: '' };
    case 'done': return done(state, act.cell, act.outcome);
    case 'remark': return { ...state, remark: act.text };
    case 'scrolled': return act.top === state.viewport.top && act.height === state.viewport.height ? state : { ...state, viewport: { top: act.top, height: act.height } };
    case 'legend': return { ...state, legendOpen: !state.legendOpen };
  }
}

function toggled(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}

function withLanes(state: State, register: string, view: LaneView | undefined): State {
  const next = view ?? LANE_VIEWS[(LANE_VIEWS.indexOf(laneViewOf(state, register)) + 1) % LANE_VIEWS.length];
  return { ...state, lanes: new Map(state.lanes).set(register, next), edit: undefined };
}

/** What was refused stays in the field, with the reason; without a field (a bit that was switched) the reason is a remark. */
function done(state: State, cell: string, { error }: Outcome): State {
  if (state.edit?.cell === cell) return error === undefined ? { ...state, edit: undefined, remark: '' } : { ...state, edit: { ...state.edit, sent: false, error } };
  return { ...state, remark: error ?? '' };
}

/** The cell that a place names, in the picture as it is now. */
export function cellAt(state: State, inquiries: Inquiries, place: Place): { readonly stop: Stop; readonly cell: Cell } | undefined {
  const stop = stopsOf(state, groupsOf(state, inquiries) ?? []).find(({ row }) => row === place.row);
  const cell = stop?.cells.find(({ name }) => name === place.cell) ?? stop?.cells.at(0);
  return stop && cell ? { stop, cell } : undefined;
}

function begun(state: State, { place, text }: { readonly place: Place; readonly text?: string }, inquiries: Inquiries): State {
  const found = cellAt(state, inquiries, place);
  if (found === undefined) return state;
  const { cell, stop } = found;
  const selected = { row: stop.row, cell: cell.name };
  if (inquiries.running) return { ...state, selected, remark: RUNNING };
  if (cell.edit === undefined) return { ...state, selected, remark: cell.fixed ?? '' };
  return { ...state, selected, remark: '', edit: { row: stop.row, cell: cell.name, text: text ?? cell.edit, sent: false } };
}

function moved(state: State, to: Movement, inquiries: Inquiries): State {
  const stops = stopsOf(state, groupsOf(state, inquiries) ?? []);
  const here = selectedStop(state, stops);
  if (here === undefined) return state;
  const next = to === 'left' || to === 'right' ? sideways(state, here, to) : vertically(state, stops, here.at, to);
  return { ...next, remark: '' };
}

function vertically(state: State, stops: readonly Stop[], at: number, to: Exclude<Movement, 'left' | 'right'>): State {
  const go = (index: number): State => {
    const { row, cells } = stops[Math.max(0, Math.min(stops.length - 1, index))];
    // In the same column as far as there is one.
    const column = stops[at].cells.findIndex(({ name }) => name === state.selected?.cell);
    const cell = cells.at(Math.min(Math.max(0, column), Math.max(0, cells.length - 1)));
    return { ...state, selected: cell === undefined ? { row } : { row, cell: cell.name } };
  };
  const heads = stops.flatMap(({ content }, index) => (content === undefined ? [index] : []));
  switch (to) {
    case 'up': return go(at - 1);
    case 'down': return go(at + 1);
    case 'home': return go(0);
    case 'end': return go(stops.length - 1);
    case 'pageUp': return go(heads.filter((head) => head < at).at(-1) ?? 0);
    case 'pageDown': return go(heads.find((head) => head > at) ?? stops.length - 1);
  }
}

/** Among a row's cells; from the first to the group's head, which folds and unfolds. */
function sideways(state: State, { stop, cell }: { readonly stop: Stop; readonly cell: Cell | undefined }, to: 'left' | 'right'): State {
  const { group, cells, content } = stop;
  if (content === undefined) {
    const isFolded = state.folded.has(group.name);
    return isFolded === (to === 'right') ? { ...state, folded: toggled(state.folded, group.name) } : state;
  }
  const index = cells.findIndex(({ name }) => name === cell?.name) + (to === 'right' ? 1 : -1);
  if (index < 0) return { ...state, selected: { row: `group:${group.name}` } };
  const next = cells.at(Math.min(index, cells.length - 1));
  return next === undefined ? state : { ...state, selected: { row: stop.row, cell: next.name } };
}
