/**
 * Moving about in the trees: selection, opening and closing, by keyboard as by mouse.
 */
import { hex } from '../ui/numbers';
import { scrollToRow } from '../ui/virtualList';
import type { Movement } from './messages';
import { rowsOf, type Row } from './rows';
import { ROW_HEIGHT, type State } from './state';

export function selectRow(state: State, key: string): State {
  return state.selected === key ? state : { ...state, selected: key };
}

/** Opens a closed row and closes an open one; a row that does not open stays as it is. */
export function toggled(state: State, key: string): State {
  const row = rowsOf(state).rows.find((candidate) => candidate.key === key);
  if (row?.kind !== 'part' || row.opens === undefined) return selectRow(state, key);
  return { ...state, selected: key, toggled: new Map(state.toggled).set(key, !row.open) };
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
  const top = scrollToRow(state.viewport, index, ROW_HEIGHT, 'nearest');
  const scrolls = top !== state.viewport.top;
  return {
    ...state, selected: rows[index].key,
    ...scrolls ? { viewport: { ...state.viewport, top }, scroll: { top, serial: state.scroll.serial + 1 } } : {},
  };
}

function destination(state: State, rows: readonly Row[], at: number, to: Movement): number {
  const page = Math.max(1, Math.floor(state.viewport.height / ROW_HEIGHT) - 1);
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
  return row?.kind === 'part' ? walk(`0x${hex(row.linear)}`) : state;
}
