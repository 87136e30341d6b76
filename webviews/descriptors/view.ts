/**
 * The whole panel as a description: the tables above, all about the selected line below.
 */
import { classes, h, type Attributes, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { machineState } from '../ui/machineState';
import { notice, sessionNotice } from '../ui/notice';
import { bodyOf } from '../ui/typedQuestions';
import { rowWindow } from '../ui/virtualList';
import { detailView } from './detailView';
import type { Row, Standing } from './model';
import { DESCRIPTORS, LINE, listOf, selectedLine, type Line, type List, type State } from './state';
import { plural, t } from '../ui/words';

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const list = listOf(state, inquiries);
  const nothing = sessionNotice(inquiries) ?? listNotice(state, inquiries, list);
  const line = list && selectedLine(state, list);
  const below = nothing || list === undefined ? [] : [listView(state, list, line), detailView(line?.kind === 'row' ? line.row : undefined, state.remark)];
  return [toolbar(state, inquiries), ...(nothing ? [nothing] : []), ...below];
}

function listNotice(state: State, inquiries: Inquiries, list: List | undefined): ElementDescription | undefined {
  const error = answerTo(inquiries, DESCRIPTORS)?.error;
  if (error !== undefined) return notice('error', t('The tables cannot be shown'), error);
  if (list === undefined) return notice('waiting', t('Waiting for the machine'), t('Its tables are shown as soon as it answers.'));
  return list.lines.length === 0 ? notice('empty', t('Nothing is found'), t('No entry says \'{0}\'.', state.filter.trim())) : undefined;
}

const MODES: Readonly<Record<string, string>> = {
  real: t('real mode: segments come from no table'), v8086: t('virtual-8086 mode'), 'protected-16': t('16-bit protected mode'), 'protected-32': t('32-bit protected mode'),
  compatibility: t('long mode (compatibility)'), 'long-64': t('long mode'),
};

function toolbar(state: State, inquiries: Inquiries): ElementDescription {
  const tables = bodyOf(inquiries, DESCRIPTORS)?.tables;
  return h('header', { class: 'toolbar', key: 'toolbar' },
    tables !== undefined && h('span', { class: 'mode', key: 'mode' }, t('CPU {0}: {1}, CPL {2}', tables.processor.index, MODES[tables.mode] ?? tables.mode, tables.cpl)),
    h('label', { class: 'field filter' }, h('span', { class: 'label' }, t('Filter')),
      h('input', { type: 'text', 'data-field': 'filter', value: state.filter, placeholder: t('selector, type or symbol'), spellcheck: 'false', autocomplete: 'off', title: t('Entries by selector, vector, type, address or symbol (/)') })),
    machineState(inquiries));
}

export const idOf = (key: string): string => `line-${key.replace(/\W/g, '_')}`;

function listView(state: State, { lines, tops }: List, selected: Line | undefined): ElementDescription {
  const { first, end } = rowWindow(state.viewport, tops);
  const shown = lines.slice(first, end);
  return h('div', { class: 'list', key: 'list' },
    h('div', { class: 'line headings', 'aria-hidden': 'true' }, ['', t('Entry'), t('Type'), t('Base or target'), t('Limit'), 'DPL', t('Loaded in, symbol, owner')].map((title, i) => h('span', { class: COLUMNS[i] }, title))),
    h('div', {
      id: 'tables', class: 'scroller', role: 'treegrid', tabindex: 0, 'aria-label': t('Descriptor tables'), 'aria-rowcount': lines.length, 'aria-colcount': COLUMNS.length,
      'aria-activedescendant': shown.some((line) => line === selected) && selected ? idOf(selected.key) : undefined,
    }, h('div', { class: 'lines', role: 'rowgroup', style: { height: `${tops[lines.length] ?? 0}px` } },
      shown.map((line, i) => lineView(line, first + i, line === selected)))));
}

const COLUMNS = ['mark', 'entry', 'type', 'place', 'limit', 'dpl', 'note'] as const;

function lineView(line: Line, index: number, selected: boolean): ElementDescription {
  const common: Attributes = { key: line.key, id: idOf(line.key), role: 'row', 'data-line': line.key, 'aria-rowindex': index + 1, 'aria-selected': selected ? 'true' : 'false', style: { top: `${index * LINE}px` } };
  if (line.kind === 'row') return rowView(line.row, line.changed, selected, common);
  const { group, open, found } = line;
  return h('div', { ...common, class: classes('line', 'head', selected && 'selected'), 'aria-level': 1, 'aria-expanded': open ? 'true' : 'false', 'data-fold': group.name },
    h('span', { class: 'title', role: 'gridcell' }, h('span', { class: 'twisty', 'aria-hidden': 'true' }, open ? '▾' : '▸'), h('strong', {}, group.title), h('span', { class: 'where hex' }, group.place),
      h('span', { class: 'count' }, plural(found, '{0} line|{0} lines'))));
}

/** A letter beside colour: nothing is told by hue alone. */
const MARKS: Readonly<Record<Standing, string>> = { plain: '', stale: '≠', refused: '✗', absent: '–', blank: '' };
const WORDS: Readonly<Record<Standing, string>> = { plain: '', stale: t('the processor holds something else'), refused: t('every use would be refused now'), absent: t('not in use'), blank: '' };

function rowView(row: Row, changed: boolean, selected: boolean, common: Attributes): ElementDescription {
  const { standing } = row;
  const words = [WORDS[standing], changed ? t('changed since the last stop') : ''].filter(Boolean).join(', ');
  const cell = (name: (typeof COLUMNS)[number], text: string, isHex: boolean) => h('span', { class: classes(name, isHex && 'hex'), role: 'gridcell', title: text, 'aria-colindex': COLUMNS.indexOf(name) + 1 }, text);
  return h('div', { ...common, class: classes('line', 'row', standing, changed && 'changed', selected && 'selected'), 'aria-level': 2 },
    h('span', { class: 'mark', role: 'gridcell', title: words, 'aria-label': words, 'aria-colindex': 1 }, `${changed ? '●' : ''}${MARKS[standing]}`),
    cell('entry', row.name, true), cell('type', row.type, false), cell('place', row.place, true), cell('limit', row.limit, true), cell('dpl', row.dpl, true), cell('note', row.note, false));
}
