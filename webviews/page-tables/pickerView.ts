/**
 * The address space that is drawn, as a button, and the list behind it.
 */
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { classes, h, type ElementDescription } from '../ui/description';
import { count } from '../ui/numbers';
import { settledSpace } from './following';
import { icon } from './icons';
import { activeSpace, listedSpaces } from './picker';
import { spaceName, spaceWords } from './spaceNames';
import { shownSpace, type State } from './state';
import { S } from './strings';
import { t } from '../ui/words';

/** More than this are not listed at once: whoever looks for one of them types. */
const MOST_LISTED = 300;

const optionId = (index: number) => `space-${index}`;

export function pickerView(state: State): ElementDescription {
  const shown = shownSpace(state);
  const spaces = state.spaces ?? [];
  const words = shown === undefined ? '' : spaceWords(spaceName(shown, state), shown.key === settledSpace(state)?.key);
  return h('div', { class: 'picker' },
    h('button', {
      type: 'button', class: 'picked hex', 'data-picker': 'toggle', 'aria-haspopup': 'listbox', 'aria-expanded': String(state.picker !== undefined),
      'aria-label': `${S.space}: ${words}`, title: words, disabled: spaces.length === 0,
    }, h('span', { class: 'picked-words' }, words), icon('open')),
    state.picker !== undefined && list(state));
}

function list(state: State): ElementDescription {
  const listed = listedSpaces(state);
  const active = activeSpace(state);
  const at = listed.findIndex(({ key }) => key === active?.key);
  return h('div', { class: 'picker-list', key: 'list' },
    h('input', {
      type: 'text', class: 'hex', 'data-field': 'space-filter', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'spaces', 'aria-autocomplete': 'list',
      'aria-activedescendant': at < 0 || at >= MOST_LISTED ? undefined : optionId(at), 'aria-label': S.spaceFilter, placeholder: S.spaceFilter,
      spellcheck: 'false', autocomplete: 'off', value: state.picker?.filter ?? '',
    }),
    h('div', { class: 'sr-only', role: 'status' }, S.spacesListed(listed.length)),
    h('ul', { id: 'spaces', role: 'listbox', 'aria-label': S.space }, listed.slice(0, MOST_LISTED).map((space, i) => option(state, space, i, space.key === active?.key))),
    listed.length === 0 && h('p', { class: 'none' }, S.noSuchSpace),
    listed.length > MOST_LISTED && h('p', { class: 'none' }, S.moreSpaces(count(listed.length - MOST_LISTED))));
}

function option(state: State, space: AddressSpaceInfo, index: number, active: boolean): ElementDescription {
  const name = spaceName(space, state);
  const { owner, half, cr3, mode } = name;
  const current = space.key === settledSpace(state)?.key;
  return h('li', {
    key: space.key, id: optionId(index), role: 'option', class: classes('space', active && 'active'), 'data-space': space.key, 'aria-selected': String(space.key === state.shown),
    'aria-label': `${spaceWords(name, current)}, ${S.spaceFilled(space.shadowEntries)}`,
  },
  h('span', { class: 'owner' }, owner ?? S.noOwner, half && h('span', { class: 'half' }, ` ${S.half[half]}`)),
  h('span', { class: 'hex cr3' }, t('CR3 {0}', cr3)), h('span', { class: 'mode' }, mode),
  h('span', { class: 'filled' }, S.spaceFilled(space.shadowEntries)), h('span', { class: 'mark' }, current ? S.currentSpace : ''));
}
