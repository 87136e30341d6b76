/**
 * The whole panel as a description: a pure function of state and answers.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { machineState } from '../ui/machineState';
import { notice, sessionNotice } from '../ui/notice';
import { bodyOf } from '../ui/typedQuestions';
import { cpuQuestion, groupKey, groupsOf, isOpen, selectedStop, stopsOf } from './groups';
import { legend } from './legend';
import { LANE_VIEWS, type Cell, type CpuAnswer, type Group, type Row } from './model';
import type { Edit, State } from './state';
import { msrWindow, MSR_ROW } from './msrList';
import { t } from '../ui/words';

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const cpu = bodyOf(inquiries, cpuQuestion(state));
  const nothing = sessionNotice(inquiries) ?? answerNotice(state, inquiries);
  return [toolbar(state, inquiries, cpu), ...(nothing ? [nothing] : [body(state, inquiries)]), ...(nothing ? [] : [legend(state.legendOpen, state.remark)])];
}

function answerNotice(state: State, inquiries: Inquiries): ElementDescription | undefined {
  const answer = answerTo(inquiries, cpuQuestion(state));
  if (answer?.error !== undefined) return notice('error', t('These registers cannot be shown'), answer.error);
  return answer?.body === undefined ? notice('waiting', t('Waiting for the machine'), t('Its registers are shown as soon as it answers.')) : undefined;
}

const MODES: Readonly<Record<CpuAnswer['mode'], string>> = {
  real: t('real mode'), v8086: t('virtual-8086 mode'), 'protected-16': t('16-bit protected mode'), 'protected-32': t('32-bit protected mode'),
  compatibility: t('compatibility mode'), 'long-64': t('64-bit mode'),
};

function toolbar(state: State, inquiries: Inquiries, cpu: CpuAnswer | undefined): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' },
    h('div', { class: 'group' },
      picker(state, cpu),
      cpu !== undefined && h('span', { class: 'mode', key: 'mode' }, t('{0}, CPL {1}{2}', MODES[cpu.mode], cpu.cpl, cpu.halted ? t(', halted') : ''))),
    h('label', { class: 'field filter' }, h('span', { class: 'label' }, t('Filter')),
      h('input', { type: 'text', 'data-field': 'filter', value: state.filter, placeholder: t('name, flag or MSR'), spellcheck: 'false', autocomplete: 'off', title: t('Registers, flags, bits and MSRs by name or meaning (/)') })),
    machineState(inquiries));
}

/** Only where there is a choice. */
function picker(state: State, cpu: CpuAnswer | undefined): Child {
  const count = cpu?.processor.count ?? (state.cpu === undefined ? 1 : state.cpu + 1);
  if (count < 2) return h('span', { class: 'cpu', key: 'cpu' }, t('CPU 0'));
  return h('label', { class: 'field', key: 'picker' }, h('span', { class: 'label' }, t('CPU')),
    h('select', { 'data-field': 'cpu', value: state.cpu === undefined ? '' : String(state.cpu), 'data-hold-while-focused': true },
      h('option', { value: '' }, state.cpu === undefined && cpu ? t('CPU {0}: has its turn', cpu.processor.index) : t('the one that has its turn')),
      Array.from({ length: count }, (_, index) => h('option', { value: String(index), key: String(index) }, t('CPU {0}', index)))));
}

/** Groups that stand beside the others where there is room. */
const RIGHT: readonly string[] = ['control', 'x87', 'vector', 'msrs'];

function body(state: State, inquiries: Inquiries): ElementDescription {
  const groups = groupsOf(state, inquiries) ?? [];
  const stops = stopsOf(state, groups);
  const here = selectedStop(state, stops);
  const active = here && idOf(here.stop.row, here.cell?.name);
  const column = (right: boolean) => h('div', { class: 'column', role: 'presentation', key: right ? 'right' : 'left' },
    groups.filter(({ name }) => RIGHT.includes(name) === right).map((group) => groupView(state, group, active)));
  if (groups.length === 0) return notice('empty', t('Nothing is found'), t('No register, flag or MSR has \'{0}\' in its name or meaning.', state.filter.trim()));
  return h('div', {
    id: 'registers', key: 'registers', class: 'columns', role: 'treegrid', tabindex: 0, 'aria-label': t('Registers'), 'aria-activedescendant': active,
  }, column(false), column(true));
}

/** Ids have no blanks and brackets. */
export const idOf = (row: string, cell?: string): string => `at-${`${row}${cell === undefined ? '' : `~${cell}`}`.replace(/[^\w.~-]/g, '_')}`;

function groupView(state: State, group: Group, active: string | undefined): ElementDescription {
  const open = isOpen(state, group.name);
  const id = idOf(groupKey(group.name));
  return h('section', { class: `group ${group.name}`, key: group.name, role: 'rowgroup', 'aria-label': group.title },
    h('div', { class: 'head', role: 'row', 'aria-level': 1, 'aria-expanded': open ? 'true' : 'false', 'data-fold': group.name },
      h('span', { class: classes('title', active === id && 'active'), id, role: 'gridcell' }, h('span', { class: 'twisty', 'aria-hidden': 'true' }, open ? '▾' : '▸'), group.title,
        group.changes > 0 && h('span', { class: 'changes', key: 'changes' }, h('span', { class: 'mark', 'aria-hidden': 'true' }, '●'), t('{0} changed', group.changes)))),
    open && (group.name === 'msrs' ? msrRows(state, group, active) : h('div', { class: 'rows', role: 'presentation', key: 'rows' }, group.rows.map((row) => rowView(state, row, active)))));
}

/** Of the many MSRs only those in view are on the page. */
function msrRows(state: State, group: Group, active: string | undefined): ElementDescription {
  const { first, end } = msrWindow(state.viewport, group.rows.length);
  const space = (key: string, rows: number) => h('div', { class: 'space', key, role: 'presentation', style: { height: `${rows * MSR_ROW}px` } });
  return h('div', { class: 'rows list', id: 'msr-list', role: 'presentation', key: 'rows' },
    space('above', first), group.rows.slice(first, end).map((row) => rowView(state, row, active)), space('below', group.rows.length - end));
}

function rowView(state: State, row: Row, active: string | undefined): ElementDescription {
  const open = row.more.length > 0 && state.open.has(row.key);
  const changed = [...row.cells, ...row.more].some((cell) => cell.changed);
  const cell = (item: Cell) => cellView(state, row, item, active);
  return h('div', {
    class: classes('row', open && 'open', changed && 'changed', row.marked && 'marked', row.lanes && `lanes-${row.lanes}`), key: row.key, role: 'row', 'aria-level': 2, 'data-row': row.key,
    'aria-expanded': row.more.length === 0 ? undefined : open ? 'true' : 'false',
  },
    h('span', { class: 'name', role: 'rowheader', key: 'name' },
      h('span', { class: 'mark', 'aria-hidden': 'true' }, changed ? '●' : ''),
      h('span', { class: 'twisty', 'data-open': row.more.length > 0 && row.key, 'aria-hidden': 'true' }, row.more.length === 0 ? '' : open ? '▾' : '▸'), row.name),
    h('span', { class: 'line', role: 'presentation', key: 'line' }, row.cells.map(cell),
      row.lanes !== undefined && lanePicker(row, row.lanes), pointerView(row), row.note !== undefined && h('span', { class: 'note', role: 'gridcell', key: 'note' }, row.note)),
    open && h('span', { class: 'more', role: 'presentation', key: 'more' }, row.more.map(cell)));
}

function cellView(state: State, row: Row, cell: Cell, active: string | undefined): ElementDescription {
  const id = idOf(row.key, cell.name);
  const { edit } = state;
  if (edit?.row === row.key && edit.cell === cell.name) return editor(cell, edit, id);
  return h('span', {
    class: classes('cell', cell.kind, cell.on === true && 'on', cell.on === false && 'off', cell.changed && 'changed', cell.edit === undefined && 'fixed', active === id && 'active'),
    id, key: cell.name, role: 'gridcell', 'data-cell': cell.name, title: cell.words, 'aria-label': cell.words,
    'aria-readonly': cell.edit === undefined ? 'true' : undefined, 'aria-selected': active === id ? 'true' : undefined,
  },
    cell.label !== undefined && h('span', { class: 'label', key: 'label' }, cell.label),
    h('span', { class: 'text hex', key: 'text' }, cell.text));
}

function editor(cell: Cell, { text, sent, error }: Edit, id: string): ElementDescription {
  return h('span', { class: 'cell editing', id, key: `edit ${cell.name}`, role: 'gridcell' },
    h('input', {
      type: 'text', id: 'edit', class: 'hex', 'data-field': 'edit', value: text, 'aria-label': t('New value of {0}', cell.name), readonly: sent, spellcheck: 'false', autocomplete: 'off',
      style: { width: `${Math.max(10, Math.min(40, text.length + 3))}ch` }, 'aria-invalid': error === undefined ? undefined : 'true', 'aria-describedby': error === undefined ? undefined : 'edit-error',
    }),
    error !== undefined && h('span', { class: 'error', id: 'edit-error', role: 'alert', key: 'error' }, error));
}

function lanePicker({ key, name }: Row, view: string): ElementDescription {
  return h('span', { class: 'cell picker', role: 'gridcell', key: 'lanes' },
    h('select', { 'data-lanes': key, value: view, 'aria-label': t('Lanes of {0}', name), title: t('How the lanes are read (v)'), tabindex: -1 },
      LANE_VIEWS.map((each) => h('option', { value: each, key: each, selected: each === view }, each))));
}

/** What the register points to, with the ways there. */
function pointerView({ pointer, name }: Row): Child {
  if (pointer === undefined) return undefined;
  const { linear, symbol, text } = pointer;
  const button = (to: 'code' | 'walk', label: string, words: string) => h('button', { class: 'plain go', type: 'button', 'data-go': to, 'data-linear': linear, key: to, title: words, 'aria-label': `${words}: ${name}`, tabindex: -1 }, label);
  return h('span', { class: 'pointer', role: 'gridcell', key: 'pointer' },
    h('span', { class: 'target', title: t('points to {0}', linear) }, symbol !== undefined && h('span', { class: 'symbol hex', key: 'symbol' }, `→ ${symbol}`),
      text !== undefined && h('span', { class: 'string hex', key: 'string' }, `${symbol === undefined ? '→ ' : ''}${JSON.stringify(text)}`)),
    symbol !== undefined && button('code', t('code'), t('Open the code there')), button('walk', t('walk'), t('Show in Page Tables')));
}
