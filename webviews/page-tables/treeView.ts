/**
 * The two trees as they look: rows of two cells with the derivation lines between them. One pass over what is in view.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { rowWindow } from '../ui/virtualList';
import { formatOf, type PagingFormat, type PagingMode } from './format';
import { guestCell } from './guestCell';
import { linksOf, type Link } from './links';
import { selectedIndex } from './navigation';
import { rowsOf, type Row } from './rows';
import { shadowCell } from './shadowCell';
import { modeOf, ROW_HEIGHT, type State } from './state';
import { S } from './strings';

/** Width of the lines' column in CSS pixels; the style sheet's `--gutter` agrees. */
const GUTTER = 64;
/** Indentation is shown for so many levels, then it stands: rows must not run out of the panel. */
const DEEPEST_INDENT = 8;

export interface TreeContext {
  readonly mode: PagingMode;
  readonly format: PagingFormat;
}

const rowId = (key: string) => `row-${key.replaceAll(':', '-')}`;

export function treeView(state: State): ElementDescription {
  const { rows } = rowsOf(state);
  const mode = modeOf(state, state.shown);
  const context: TreeContext = { mode, format: formatOf(mode) };
  const { first, end } = rowWindow(state.viewport, rows.length, ROW_HEIGHT);
  const selected = selectedIndex(rows, state.selected);
  const links = linksOf(rows, first, end, context.format.entryBytes);
  const lit = litRows(links, state.hovered ?? (rows.length > 0 ? rows[selected].key : undefined));
  const shown = rows.slice(first, end).map((row, i) => rowView(context, row, first + i, first + i === selected, lit));
  // The selected row is always on the page, so that a screen reader can speak of it.
  if (rows.length > 0 && (selected < first || selected >= end)) shown.push(rowView(context, rows[selected], selected, true, lit));
  const isWide = context.format.linearDigits > 8;
  return h('section', { class: classes('trees', isWide && 'wide-addresses'), key: 'trees' },
    h('div', { class: 'headings', 'aria-hidden': 'true' },
      h('div', { class: 'heading guest' }, h('strong', {}, S.guestColumn), ' ', h('span', { class: 'hint' }, S.guestColumnHint)),
      h('div', { class: 'heading shadow' }, h('strong', {}, S.shadowColumn), ' ', h('span', { class: 'hint' }, S.shadowColumnHint))),
    h('div', {
      class: 'scroller', id: 'trees', role: 'treegrid', tabindex: 0, 'aria-label': `${S.guestColumn}, ${S.shadowColumn}`,
      'aria-rowcount': rows.length, 'aria-colcount': 2, 'aria-readonly': 'true',
      'aria-activedescendant': rows.length > 0 ? rowId(rows[selected].key) : undefined,
    }, h('div', { class: 'rows', role: 'presentation', style: { height: `${rows.length * ROW_HEIGHT}px` } },
      shown, linesView(links, first, end, lit))));
}

/** The rows at either end of a line that has `key` at one end. */
function litRows(links: readonly Link[], key: string | undefined): ReadonlySet<string> {
  const lit = new Set<string>();
  for (const { fromKey, toKey } of links) {
    if (fromKey === key || toKey === key) lit.add(fromKey).add(toKey);
  }
  return lit;
}

function rowView(context: TreeContext, row: Row, index: number, selected: boolean, lit: ReadonlySet<string>): ElementDescription {
  const opens = row.kind === 'part' && row.opens !== undefined;
  const walked = row.kind === 'part' ? row.walked : undefined;
  const changed = row.kind === 'part' && (row.guestChange ?? row.shadowChange) !== undefined;
  return h('div', {
    key: row.key, id: rowId(row.key), role: 'row', 'data-row': row.key,
    class: classes('row', row.kind, selected && 'selected', walked && `walked-${walked}`, lit.has(row.key) && 'lit', changed && 'changed', index % 2 === 1 && 'odd'),
    'aria-level': row.depth, 'aria-rowindex': index + 1, 'aria-selected': selected ? 'true' : 'false',
    'aria-expanded': opens ? String(row.open) : undefined,
    style: { transform: `translateY(${index * ROW_HEIGHT}px)`, '--depth': String(Math.min(DEEPEST_INDENT, row.depth - 1)) },
  }, cells(context, row));
}

function cells(context: TreeContext, row: Row): Child {
  if (row.kind === 'note') {
    const words = row.note === 'loading' ? S.loading : row.note === 'gone' ? S.tableGone : row.text;
    return h('div', { class: classes('cell', 'guest', `note-${row.note}`), role: 'gridcell', 'aria-colspan': 2 }, h('span', { class: 'indent' }), words);
  }
  return [guestCell(context, row), h('div', { class: 'gutter', role: 'presentation' }), shadowCell(context, row)];
}

function linesView(links: readonly Link[], first: number, end: number, lit: ReadonlySet<string>): ElementDescription {
  const height = (end - first) * ROW_HEIGHT;
  return h('svg', {
    key: 'lines', class: 'lines', 'aria-hidden': 'true', width: GUTTER, height, viewBox: `0 0 ${GUTTER} ${height}`,
    style: { transform: `translateY(${first * ROW_HEIGHT}px)` },
  }, links.map((link) => lineView(link, first, lit.has(link.fromKey) && lit.has(link.toKey))));
}

function lineView({ from, to, fromKey, toKey, kind, traced }: Link, first: number, lit: boolean): ElementDescription {
  const middle = (row: number) => (row - first) * ROW_HEIGHT + ROW_HEIGHT / 2;
  const [start, tip] = [middle(from), middle(to)];
  // From afar the line leaves its row downwards at once, so that a fan of lines reads as one stem.
  const curve = from === to ? `M3 ${start}H${GUTTER - 8}` : `M3 ${start}C${GUTTER * 0.55} ${start} ${GUTTER * 0.25} ${tip} ${GUTTER - 8} ${tip}`;
  return h('g', { key: `${fromKey}>${toKey}`, class: classes('line', kind, traced && 'traced', lit && 'lit') },
    h('path', { class: 'stem', d: curve, fill: 'none' }),
    h('circle', { class: 'port', cx: 3, cy: start, r: 2.5 }),
    h('path', { class: 'tip', d: `M${GUTTER - 9} ${tip - 4}L${GUTTER - 2} ${tip}L${GUTTER - 9} ${tip + 4}Z` }));
}
