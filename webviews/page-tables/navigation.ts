/**
 * Moving about in the trees: selection, opening and closing, by keyboard as by mouse.
 */
import { hex } from '../ui/numbers';
import { scrollToRow, type Viewport } from '../ui/virtualList';
import { canonical } from './format';
import { layoutOf, LINE_HEIGHT } from './layout';
import type { Movement } from './messages';
import { rowsOf, type Row } from './rows';
import { modeOf, type State } from './state';

export function selectRow(state: State, key: string): State {
  return state.selected === key ? state : { ...state, selected: key };
}

/** Opens a closed row and closes an open one; a row that does not open stays as it is. */
export function toggled(state: State, key: string): State {
  const row = rowsOf(state).rows.find((candidate) => candidate.key === key);
  if (row?.kind !== 'part' || row.opens === undefined) return selectRow(state, key);
  return { ...state, selected: key, toggled: new Map(state.toggled).set(key, !row.open) };
}

/** Opens the tables of all rows at the selected row's depth under the same parent. */
export function openedAll(state: State): State {
  const { rows } = rowsOf(state);
  const at = selectedIndex(rows, state.selected);
  const depth = rows.at(at)?.depth;
  if (depth === undefined) return state;
  const next = rows.findIndex((row, i) => i > at && row.depth < depth);
  const siblings = rows.slice(depth === 1 ? 0 : parentOf(rows, at), next < 0 ? rows.length : next);
  const opened = new Map(state.toggled);
  for (const row of siblings) if (row.kind === 'part' && row.depth === depth && row.opens === 'table') opened.set(row.key, true);
  return { ...state, toggled: opened };
}

/** The page has been scrolled, or has another size: then a selected row that was in view stays there. */
export function resized(state: State, viewport: Viewport, width: number): State {
  const next = { ...state, viewport, width };
  if (viewport.height === state.viewport.height && width === state.width) return next;
  const at = rowsOf(state).rows.findIndex((row) => row.key === state.selected);
  return at < 0 || !inView(state, at) || inView(next, at) ? next : broughtIntoView(next, at, 'surroundings');
}

/** Whether all of a row is in view. */
export function inView(state: State, row: number): boolean {
  return scrollToRow(state.viewport, layoutOf(state).tops, row, 'nearest') === state.viewport.top;
}

/** Scrolls so that a row is in view. */
export function broughtIntoView(state: State, row: number, how: 'nearest' | 'surroundings'): State {
  const top = scrollToRow(state.viewport, layoutOf(state).tops, row, how);
  if (how === 'nearest' && top === state.viewport.top) return state;
  return { ...state, viewport: { ...state.viewport, top }, scroll: { top, serial: state.scroll.serial + 1 } };
}

/** Index of the selected row; the first when none is selected, or it is not there any more. */
export function selectedIndex(rows: readonly Row[], selected: string | undefined): number {
  return Math.max(0, rows.findIndex((row) => row.key === selected));
}

/** The selection after a movement key, scrolled into view. */
export function moved(state: State, to: Movement): State {
  const { rows } = rowsOf(state);
  if (rows.length === 0) return state;
  const at = selectedIndex(rows, state.selected);
  const row = rows[at];
  if (row.kind === 'part' && row.opens !== undefined && (to === 'left' ? row.open : to === 'right' && !row.open)) return toggled(state, row.key);
  const index = Math.min(rows.length - 1, Math.max(0, destination(state, rows, at, to)));
  return broughtIntoView({ ...state, selected: rows[index].key }, index, 'nearest');
}

function destination(state: State, rows: readonly Row[], at: number, to: Movement): number {
  const page = Math.max(1, Math.floor(state.viewport.height / LINE_HEIGHT) - 1);
  switch (to) {
    case 'up': return at - 1;
    case 'down': return at + 1;
    case 'pageUp': return at - page;
    case 'pageDown': return at + page;
    case 'home': return 0;
    case 'end': return rows.length - 1;
    case 'left': return parentOf(rows, at);
    case 'right': return opensHere(rows[at]) ? at + 1 : at;
  }
}

const opensHere = (row: Row) => row.kind === 'part' && row.opens !== undefined;

function parentOf(rows: readonly Row[], at: number): number {
  for (let i = at - 1; i >= 0; i--) {
    if (rows[i].depth < rows[at].depth) return i;
  }
  return at;
}

/** Walks the first address of the selected row. */
export function walkSelected(state: State, walk: (text: string) => State): State {
  const { rows } = rowsOf(state);
  const row = rows.find((candidate) => candidate.key === state.selected);
  return row?.kind === 'part' ? walk(`0x${hex(canonical(modeOf(state, state.shown), row.linear))}`) : state;
}
