/**
 * The register tree: a treegrid of which only the rows in view are on the page.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import type { Inquiries } from '../ui/inquiries';
import { hex } from '../ui/numbers';
import { rowWindow } from '../ui/virtualList';
import { bitsText, changedValues, placeText, valueText, type Field, type Register } from './model';
import type { Row } from './rows';
import { ROW_PIXELS, shownRows, topsOf, type DevicesState } from './state';
import { plural, t } from '../ui/words';

const ACCESS_WORDS: Readonly<Record<Register['access'], string>> = {
  'read-write': 'R/W', 'read-only': 'RO', 'write-only': 'WO', 'write-one-clears': 'W1C', special: 'special',
};
const SPACE_WORDS = { port: t('ports'), memory: t('memory'), configuration: t('configuration space'), index: t('behind an index') } as const;
/** Boxes in a register's own row: the most that one takes in. */
const MOST_BOXES = 12;

export function treeView(state: DevicesState, inquiries: Inquiries): ElementDescription {
  const rows = shownRows(state, inquiries);
  const changed = changedValues(inquiries);
  const { first, end } = rowWindow(state.viewport, topsOf(rows));
  const selected = rows.some(({ key }) => key === state.selected) ? state.selected : undefined;
  return h('div', { class: 'tree-frame', key: 'tree' },
    h('div', {
      id: 'tree', class: 'scroller', tabindex: 0, role: 'treegrid', 'aria-label': t('Devices and their registers'), 'aria-rowcount': rows.length,
      'aria-activedescendant': selected === undefined ? undefined : idOf(selected),
    },
    h('div', { class: 'rows', style: { height: `${rows.length * ROW_PIXELS}px` } },
      rows.slice(first, end).map((row, i) => rowView(row, first + i, row.key === selected, changed)))),
    rows.length === 0 && h('p', { class: 'nothing-found', key: 'nothing-found' }, state.filter === '' ? t('The machine has no devices.') : t('Nothing has \'{0}\' in its name or meaning.', state.filter)));
}

function idOf(key: string): string {
  return `row-${key.replaceAll(/[^\w/:-]/g, '_')}`;
}

function rowView(row: Row, index: number, isSelected: boolean, changed: ReadonlyMap<string, number | undefined>): ElementDescription {
  const key = row.kind === 'register' || row.kind === 'field' ? row.registerKey : undefined;
  const isChanged = row.kind === 'register' && changed.has(row.registerKey);
  return h('div', {
    key: row.key, id: idOf(row.key), class: classes('row', row.kind, isSelected && 'selected', isChanged && 'changed'), role: 'row', 'data-row': row.key, 'data-register': key, 'data-low': row.kind === 'field' ? row.field.low : undefined,
    'aria-level': row.depth + 1, 'aria-rowindex': index + 1, 'aria-selected': isSelected ? 'true' : 'false',
    'aria-expanded': row.open === undefined ? undefined : row.open ? 'true' : 'false', style: { top: `${index * ROW_PIXELS}px`, '--depth': String(row.depth) },
  }, cells(row, changed));
}

/** The first cell: how deep it is, whether it opens, whether it has changed, its name. */
function nameCell(row: Row, isChanged: boolean, ...name: readonly Child[]): ElementDescription {
  return h('div', { class: 'cell name', role: 'gridcell' },
    h('span', { class: 'indent', 'aria-hidden': 'true' }),
    h('span', { class: 'twisty', 'data-toggle': row.open !== undefined, 'aria-hidden': 'true' }, row.open === undefined ? '' : row.open ? '▾' : '▸'),
    h('span', { class: 'mark', title: isChanged ? t('Changed since the last stop') : undefined }, isChanged ? '●' : ''),
    isChanged && h('span', { class: 'unseen' }, t('changed ')),
    name);
}

function cells(row: Row, changed: ReadonlyMap<string, number | undefined>): readonly Child[] {
  switch (row.kind) {
    case 'heading': return [h('div', { class: 'cell heading', role: 'gridcell' }, row.words)];
    case 'device': return [
      nameCell(row, false, h('strong', {}, row.device.name)),
      h('div', { class: 'cell words', role: 'gridcell', title: row.device.registers?.source }, row.device.registers?.title ?? t('not described: its raw state only')),
    ];
    case 'block': return [
      nameCell(row, false, row.block.name),
      h('div', { class: 'cell words', role: 'gridcell' }, `${plural(row.block.registers.length, '{0} register|{0} registers')}, ${SPACE_WORDS[row.block.space]}${row.block.base === 0 || row.block.space === 'configuration' ? '' : t(' from {0}', hex(row.block.base, 3))}`),
    ];
    case 'register': return registerCells(row, changed);
    case 'field': return fieldCells(row, row.register, row.field);
    case 'state': return [nameCell(row, false, h('em', {}, t('state'))), h('div', { class: 'cell words', role: 'gridcell' }, t('what the device keeps, as it keeps it'))];
    case 'line': return [h('div', { class: 'cell line hex', role: 'gridcell' }, h('span', { class: 'indent', 'aria-hidden': 'true' }), row.text)];
  }
}

function registerCells(row: Row & { readonly kind: 'register' }, changed: ReadonlyMap<string, number | undefined>): readonly Child[] {
  const { place, registerKey, pinned } = row;
  const { register, device } = place;
  const isChanged = changed.has(registerKey);
  const was = isChanged ? t('was {0}', valueText(changed.get(registerKey), register.bytes)) : undefined;
  return [
    nameCell(row, isChanged, row.depth === 0 && h('span', { class: 'path' }, `${device.name} · `), h('span', { class: 'hex' }, register.name)),
    h('div', { class: 'cell value hex', role: 'gridcell', title: was, 'aria-label': `${valueText(register.value, register.bytes)}${was === undefined ? '' : `, ${was}`}` },
      valueText(register.value, register.bytes)),
    h('div', { class: 'cell words', role: 'gridcell', title: register.title },
      h('span', { class: 'title' }, register.title),
      register.value !== undefined && row.open === false && h('span', { class: 'boxes', 'aria-hidden': 'true' }, register.fields.slice(0, MOST_BOXES).map(box))),
    h('div', { class: 'cell place', role: 'gridcell' }, placeText(place)),
    h('div', { class: 'cell access', role: 'gridcell', title: register.access }, ACCESS_WORDS[register.access]),
    h('div', { class: 'cell tools', role: 'gridcell' },
      register.access !== 'read-only' && h('button', { class: 'plain', key: 'edit', 'data-edit': registerKey, tabindex: -1, title: t('Write this register (F2)'), 'aria-label': t('Write {0}', register.name) }, '✎'),
      h('button', { class: classes('plain', pinned && 'on'), key: 'pin', 'data-pin': registerKey, tabindex: -1, 'aria-pressed': pinned ? 'true' : 'false', title: pinned ? t('Unpin (P)') : t('Pin to the top (P)'), 'aria-label': t('Pin {0}', register.name) }, pinned ? '★' : '☆')),
  ];
}

/** A field in its register's row: its name, and what it says. A single bit that is clear is dim. */
function box(field: Field): ElementDescription {
  const { name, bits, value, word, meaning } = field;
  const isFlag = bits === 1 && word === undefined;
  return h('span', { class: classes('box', isFlag && (value === 0 ? 'clear' : 'set')), title: `${bitsText(field)} ${name}: ${meaning}${word === undefined ? '' : ` = ${word}`}` },
    isFlag ? name : `${name} ${word ?? (value === undefined ? '—' : hex(value))}`);
}

function fieldCells(row: Row, register: Register, field: Field): readonly Child[] {
  const { name, bits, meaning, value, word } = field;
  const shown = value === undefined ? '—' : bits <= 8 ? value.toString(2).padStart(bits, '0') : `0x${hex(value, Math.ceil(bits / 4))}`;
  return [
    nameCell(row, false, h('span', { class: 'bits hex', 'aria-label': t('bits {0}', bitsText(field)) }, bitsText(field)), h('span', { class: 'hex' }, name)),
    h('div', { class: 'cell value hex', role: 'gridcell' }, h('span', { class: classes('digits', value === 0 && 'clear') }, shown)),
    h('div', { class: 'cell words', role: 'gridcell', title: `${register.name}.${name}` }, meaning, word !== undefined && h('strong', { class: 'word' }, ` ${word}`)),
  ];
}
