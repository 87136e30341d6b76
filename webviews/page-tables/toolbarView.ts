/**
 * The bar at the top: which address space, which address, and what the machine does.
 */
import { h, type ElementDescription } from '../ui/description';
import { isSwitching, settledSpace } from './following';
import { pickerView } from './pickerView';
import { shownSpace, type State } from './state';
import { S } from './strings';

export function toolbarView(state: State): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' }, spacePicker(state), addressForm(state), machineState(state));
}

function spacePicker(state: State): ElementDescription {
  const shown = shownSpace(state);
  return h('div', { class: 'group spaces' },
    h('div', { class: 'field' }, h('span', { class: 'label', 'aria-hidden': 'true' }, S.space), pickerView(state)),
    spaceBadge(state),
    shown !== undefined && shown.mode !== 'none' && h('span', { class: 'counts', key: 'counts' }, S.spaceCounts(shown.shadowTables, shown.shadowEntries)),
    h('label', { class: 'check', title: S.followHint }, h('input', { type: 'checkbox', 'data-field': 'follow', checked: state.follow }), S.follow));
}

/** Whether the guest is in the space that is drawn: nothing is said while it is. */
function spaceBadge(state: State): ElementDescription | undefined {
  if (isSwitching(state)) return h('span', { class: 'badge switching', key: 'current', title: S.switchingHint }, S.switching);
  const current = settledSpace(state);
  if (current === undefined || current.key === state.shown) return undefined;
  return h('span', { class: 'badge', key: 'current' }, S.notCurrentSpace);
}

function addressForm(state: State): ElementDescription {
  return h('form', { class: 'group walk-form', 'data-form': 'walk', role: 'search', 'aria-label': S.walkHint },
    h('label', { class: 'field' }, h('span', { class: 'label' }, S.address),
      h('input', {
        type: 'text', class: 'hex address', 'data-field': 'address', value: state.addressText, placeholder: S.addressHint, title: S.addressHelp,
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
