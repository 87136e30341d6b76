/**
 * The two trees as they look: rows of two cells with the derivation lines between them. One pass over what is in view.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { formatOf, type PagingFormat, type PagingMode } from './format';
import { guestCell } from './guestCell';
import { layoutOf, linesOf, middlesOf, type Layout } from './layout';
import { linksOf, type Link } from './links';
import { selectedIndex } from './navigation';
import { rowMenu } from './rowMenu';
import { rowsOf, type Row } from './rows';
import { shadowCell } from './shadowCell';
import { modeOf, type State } from './state';
import { S } from './strings';

/** Width of the lines' column in CSS pixels, beside each other and stacked; the style sheet's `--gutter` agrees. */
const GUTTER = { beside: 64, stacked: 24 } as const;
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
  const layout = layoutOf(state);
  const { first, end } = layout.window(state.viewport);
  const selected = selectedIndex(rows, state.selected);
  const links = linksOf(rows, first, end, context.format.entryBytes);
  const lit = litRows(links, state.hovered ?? (rows.length > 0 ? rows[selected].key : undefined));
  const look = (row: Row, index: number) => rowView(context, layout, row, index, index === selected, lit);
  const shown = rows.slice(first, end).map((row, i) => look(row, first + i));
  // The selected row is always on the page, so that a screen reader can speak of it.
  if (rows.length > 0 && (selected < first || selected >= end)) shown.push(look(rows[selected], selected));
  const isWide = context.format.linearDigits > 8;
  return h('section', { class: classes('trees', layout.arrangement, isWide && 'wide-addresses'), key: 'trees' },
    headings(layout),
    h('div', {
      class: 'scroller', id: 'trees', role: 'treegrid', tabindex: 0, 'aria-label': `${S.guestColumn}, ${S.shadowColumn}`,
      'aria-rowcount': rows.length, 'aria-colcount': 2, 'aria-readonly': 'true',
      'aria-activedescendant': rows.length > 0 ? rowId(rows[selected].key) : undefined,
    }, h('div', { class: 'rows', role: 'presentation', style: { height: `${layout.tops[rows.length]}px` } },
      shown, linesView(layout, links, first, lit))));
}

function headings({ arrangement }: Layout): ElementDescription {
  const [guest, shadow] = arrangement === 'beside' ? [S.guestColumn, S.shadowColumn] : [S.guest, S.shadow];
  return h('div', { class: 'headings', 'aria-hidden': 'true' },
    h('div', { class: 'heading guest' }, h('strong', {}, guest), ' ', h('span', { class: 'hint' }, S.guestColumnHint)),
    h('div', { class: 'heading shadow' }, h('strong', {}, shadow), ' ', h('span', { class: 'hint' }, S.shadowColumnHint)));
}

/** The rows at either end of a line that has `key` at one end. */
function litRows(links: readonly Link[], key: string | undefined): ReadonlySet<string> {
  const lit = new Set<string>();
  for (const { fromKey, toKey } of links) {
    if (fromKey === key || toKey === key) lit.add(fromKey).add(toKey);
  }
  return lit;
}

function rowView(context: TreeContext, layout: Layout, row: Row, index: number, selected: boolean, lit: ReadonlySet<string>): ElementDescription {
  const opens = row.kind === 'part' && row.opens !== undefined;
  const walked = row.kind === 'part' ? row.walked : undefined;
  const changed = row.kind === 'part' && (row.guestChange ?? row.shadowChange) !== undefined;
  return h('div', {
    key: row.key, id: rowId(row.key), role: 'row', 'data-row': row.key,
    class: classes('row', row.kind, linesOf(row, layout.arrangement) === 2 && 'two-lines', selected && 'selected', walked && `walked-${walked}`, lit.has(row.key) && 'lit', changed && 'changed', index % 2 === 1 && 'odd'),
    'aria-level': row.depth, 'aria-rowindex': index + 1, 'aria-selected': selected ? 'true' : 'false',
    'aria-expanded': opens ? String(row.open) : undefined,
    ...rowMenu(context, row),
    style: { transform: `translateY(${layout.tops[index]}px)`, '--depth': String(Math.min(DEEPEST_INDENT, row.depth - 1)) },
  }, cells(context, row));
}

function cells(context: TreeContext, row: Row): Child {
  if (row.kind === 'note') {
    const words = row.note === 'loading' ? S.loading : row.note === 'gone' ? S.tableGone : row.text;
    return h('div', { class: classes('cell', 'guest', `note-${row.note}`), role: 'gridcell', 'aria-colspan': 2 }, h('span', { class: 'indent' }), words);
  }
  return [guestCell(context, row), h('div', { class: 'gutter', role: 'presentation' }), shadowCell(context, row)];
}

function linesView(layout: Layout, links: readonly Link[], first: number, lit: ReadonlySet<string>): ElementDescription {
  const { tops, arrangement } = layout;
  const top = tops[first] ?? 0;
  const height = Math.max(0, ...links.map(({ from, to }) => (tops[Math.max(from, to) + 1] ?? top) - top));
  return h('svg', {
    key: 'lines', class: 'lines', 'aria-hidden': 'true', width: GUTTER[arrangement], height, viewBox: `0 0 ${GUTTER[arrangement]} ${height}`,
    style: { transform: `translateY(${top}px)` },
  }, links.map((link) => lineView(layout, link, top, lit.has(link.fromKey) && lit.has(link.toKey))));
}

interface Stroke {
  /** SVG path of the line, and where it begins. */
  readonly curve: string;
  readonly port: number;
}

function strokeBeside(start: number, tip: number): Stroke {
  const end = GUTTER.beside - 8;
  // From afar the line leaves its row downwards at once, so that a fan of lines reads as one stem.
  const curve = start === tip ? `M3 ${start}H${end}` : `M3 ${start}C${GUTTER.beside * 0.55} ${start} ${GUTTER.beside * 0.25} ${tip} ${end} ${tip}`;
  return { curve, port: 3 };
}

/** Lanes of the stacked arrangement: from a row to its own shadow line, and from another row. */
const OWN_LANE = 13;
const FAR_LANE = 5;

function strokeStacked(start: number, tip: number, own: boolean): Stroke {
  const port = own ? OWN_LANE : FAR_LANE;
  return { curve: `M${port} ${start}V${tip}H${GUTTER.stacked - 8}`, port };
}

function lineView(layout: Layout, { from, to, fromKey, toKey, kind, traced }: Link, top: number, lit: boolean): ElementDescription {
  const { arrangement } = layout;
  const start = middlesOf(layout, from).guest - top;
  const tip = middlesOf(layout, to).shadow - top;
  const { curve, port } = arrangement === 'beside' ? strokeBeside(start, tip) : strokeStacked(start, tip, from === to);
  const end = GUTTER[arrangement];
  return h('g', { key: `${fromKey}>${toKey}`, class: classes('line', kind, traced && 'traced', lit && 'lit') },
    h('path', { class: 'stem', d: curve, fill: 'none' }),
    h('circle', { class: 'port', cx: port, cy: start, r: 2.5 }),
    h('path', { class: 'tip', d: `M${end - 9} ${tip - 4}L${end - 2} ${tip}L${end - 9} ${tip + 4}Z` }));
}
