/**
 * All about the selected line: its fields, what its uses would come to, and the ways to where it leads.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import type { Detail, Row } from './model';
import { t } from '../ui/words';

/** Has its place always, so that the list above does not jump. */
export function detailView(row: Row | undefined, remark: string): ElementDescription {
  return h('section', { class: 'detail', key: 'detail', 'aria-label': t('The selected entry'), tabindex: 0 },
    h('p', { class: 'remark', role: 'status', key: 'remark' }, remark),
    row === undefined
      ? h('p', { class: 'hint', key: 'hint' }, t('Choose an entry: what it says, and what its use would come to, stands here. Keys: ↑ ↓ rows, ← → fold, / filter, c code, w Page Tables, y copies the address.'))
      : h('div', { class: 'about', key: row.key }, about(row.detail())));
}

function about({ title, facts, bits, uses, story, places }: Detail): ElementDescription[] {
  return [
    h('h2', {}, title),
    ...(story === '' ? [] : [h('p', { class: 'story' }, story)]),
    ...(uses.length === 0 ? [] : [h('ul', { class: 'uses', 'aria-label': t('What its uses would come to now') }, uses.map(useView))]),
    ...(bits.length === 0 ? [] : [h('ul', { class: 'bits', 'aria-label': t('Attributes') }, bits.map(({ name, value, meaning }) => h('li', { class: classes('bit', value !== 0 && 'on'), title: `${name}: ${meaning}` }, `${name} `, h('b', {}, String(value)))))]),
    waysView(places),
    h('dl', {}, facts.map(([name, value, meaning = '']) => h('div', { class: 'fact' }, h('dt', {}, name), h('dd', {}, h('span', { class: 'hex' }, value), meaning !== '' && h('span', { class: 'meaning' }, meaning))))),
  ];
}

function waysView(places: Detail['places']): ElementDescription {
  return h('p', { class: 'ways' }, places.map(({ what, linear, isCode }) => [
      isCode && h('button', { type: 'button', 'data-go': 'code', 'data-linear': linear }, t('Open {0}', what)),
      h('button', { type: 'button', 'data-go': 'walk', 'data-linear': linear }, t('Show {0} in Page Tables', what)),
      h('button', { type: 'button', 'data-go': 'copy', 'data-linear': linear }, t('Copy address of {0}', what)),
    ]));
}

function useView({ use, fault, why }: Detail['uses'][number]): ElementDescription {
  return h('li', { class: fault === undefined ? 'works' : 'fails' },
    h('span', { class: 'sign', 'aria-hidden': 'true' }, fault === undefined ? '✓' : '✗'), h('b', {}, use),
    fault === undefined ? t(' works') : [t(' raises '), h('span', { class: 'hex' }, fault), `: ${why ?? ''}`]);
}
