/**
 * The whole panel as a description: a bar with tabs, and what the chosen one shows.
 */
import { h, type ElementDescription } from '../ui/description';
import type { Inquiries, Question } from '../ui/inquiries';
import { machineState } from '../ui/machineState';
import { sessionNotice } from '../ui/notice';
import { executionView } from './executionView';
import { EXECUTION, PROFILE, REGIONS, SORTS, regionAt, type Sort } from './model';
import { profileView } from './profileView';
import { regionsView } from './regionsView';
import { TABS, type State, type Tab } from './state';
import { t } from '../ui/words';

const TAB_WORDS: Readonly<Record<Tab, string>> = { regions: t('Regions'), execution: t('Execution'), profile: t('Profile') };
const SORT_WORDS: Readonly<Record<Sort, string>> = { lately: t('run lately'), share: t('share of the profile'), newest: t('newest'), instructions: t('instructions'), address: t('address'), name: t('symbol') };

/** The panel asks for what is in view alone. */
export function questions({ tab, selected }: State): readonly Question[] {
  if (tab === 'execution') return [EXECUTION];
  if (tab === 'profile') return [PROFILE];
  return [REGIONS, PROFILE, ...(selected === undefined ? [] : [regionAt(selected)])];
}

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const nothing = sessionNotice(inquiries);
  const body = { regions: () => regionsView(state, inquiries), execution: () => executionView(inquiries), profile: () => profileView(state, inquiries) }[state.tab];
  return [toolbar(state, inquiries), nothing ?? h('main', { class: 'body', key: `body-${state.tab}`, role: 'tabpanel', 'aria-label': TAB_WORDS[state.tab] }, body())];
}

function toolbar({ tab, filter, sort }: State, inquiries: Inquiries): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' },
    h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('Translations') }, TABS.map((name) => h('button', {
      key: name, class: name === tab ? 'tab chosen' : 'tab', role: 'tab', 'data-tab': name, 'aria-selected': name === tab ? 'true' : 'false', tabindex: name === tab ? 0 : -1,
    }, TAB_WORDS[name]))),
    tab === 'regions' && [
      h('label', { class: 'field', key: 'filter' }, h('span', { class: 'label' }, t('Filter')),
        h('input', { type: 'text', 'data-field': 'filter', value: filter, placeholder: t('symbol or address'), title: t('Regions by symbol, address or kind of code (/)'), spellcheck: 'false', autocomplete: 'off' })),
      h('label', { class: 'field', key: 'sort' }, h('span', { class: 'label' }, t('Order')),
        h('select', { 'data-field': 'sort', value: sort, 'data-hold-while-focused': true }, SORTS.map((name) => h('option', { value: name }, SORT_WORDS[name])))),
    ],
    machineState(inquiries));
}
