/**
 * The bar at the top: which address space, which address, and what the machine does.
 */
import { h, type ElementDescription } from '../ui/description';
import { hex } from '../ui/numbers';
import { formatOf } from './format';
import { shownSpace, type State } from './state';
import { S } from './strings';

export function toolbarView(state: State): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' }, spacePicker(state), addressForm(state), machineState(state));
}

function spacePicker(state: State): ElementDescription {
  const shown = shownSpace(state);
  return h('div', { class: 'group' },
    h('label', { class: 'field' }, h('span', { class: 'label' }, S.space),
      h('select', {
        'data-field': 'space', class: 'hex', 'data-hold-while-focused': true,
        disabled: state.spaces === undefined || state.spaces.length === 0, value: shown === undefined ? undefined : String(shown.cr3),
      }, (state.spaces ?? []).map(({ cr3, mode, current }) => h('option', { key: String(cr3), value: String(cr3), selected: cr3 === state.shown },
        S.spaceOption(hex(cr3, formatOf(mode).physicalDigits), mode === 'none' ? S.pagingOff : mode, current))))),
    shown?.current === false && h('span', { class: 'badge', key: 'current' }, S.notCurrentSpace),
    shown !== undefined && shown.mode !== 'none' && h('span', { class: 'counts', key: 'counts' }, S.spaceCounts(shown.shadowTables, shown.shadowEntries)),
    h('label', { class: 'check', title: S.followHint }, h('input', { type: 'checkbox', 'data-field': 'follow', checked: state.follow }), S.follow));
}

function addressForm(state: State): ElementDescription {
  return h('form', { class: 'group', 'data-form': 'walk', role: 'search', 'aria-label': S.walkHint },
    h('label', { class: 'field' }, h('span', { class: 'label' }, S.address),
      h('input', {
        type: 'text', class: 'hex address', 'data-field': 'address', value: state.addressText, placeholder: S.addressHint,
        spellcheck: 'false', autocomplete: 'off', 'aria-invalid': state.walk?.error === undefined ? undefined : 'true',
      })),
    h('button', { type: 'submit', title: S.walkHint }, S.walkButton));
}

function machineState({ session, running, retired }: State): ElementDescription {
  if (session !== 'live') return h('div', { class: 'machine' });
  return h('div', { class: 'machine' },
    h('span', { class: running ? 'dot running' : 'dot stopped', 'aria-hidden': 'true' }),
    // Only this is announced: the count would never let a screen reader rest.
    h('span', { role: 'status' }, running ? S.running : S.stopped),
    retired !== undefined && h('span', { class: 'retired', title: S.retiredHint }, S.retired(retired)));
}
