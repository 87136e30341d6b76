/**
 * The bar at the top: which address space, which address, and what the machine does.
 */
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { h, type ElementDescription } from '../ui/description';
import { hex } from '../ui/numbers';
import { isSwitching, settledSpace } from './following';
import { formatOf } from './format';
import { shownSpace, type State } from './state';
import { S } from './strings';

export function toolbarView(state: State): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' }, spacePicker(state), addressForm(state), machineState(state));
}

function spacePicker(state: State): ElementDescription {
  const shown = shownSpace(state);
  const spaces = state.spaces ?? [];
  const current = settledSpace(state)?.key;
  return h('div', { class: 'group spaces' },
    h('label', { class: 'field' }, h('span', { class: 'label' }, S.space),
      h('select', {
        'data-field': 'space', class: 'hex', 'data-hold-while-focused': true, disabled: spaces.length === 0, value: shown?.key,
      }, spaces.map((space) => h('option', { key: space.key, value: space.key, selected: space.key === state.shown },
        S.spaceOption(hex(space.cr3, formatOf(space.mode).physicalDigits), modeName(space, spaces), space.key === current))))),
    spaceBadge(state),
    shown !== undefined && shown.mode !== 'none' && h('span', { class: 'counts', key: 'counts' }, S.spaceCounts(shown.shadowTables, shown.shadowEntries)),
    h('label', { class: 'check', title: S.followHint }, h('input', { type: 'checkbox', 'data-field': 'follow', checked: state.follow }), S.follow));
}

/** The mode of a space, with the rules for its entries where another space differs from it in them alone. */
function modeName(space: AddressSpaceInfo, spaces: readonly AddressSpaceInfo[]): string {
  if (space.mode === 'none') return S.pagingOff;
  const twins = spaces.filter(({ key, cr3, mode }) => key !== space.key && cr3 === space.cr3 && mode === space.mode);
  const rules = [
    twins.some(({ largePages }) => largePages !== space.largePages) && (space.largePages ? S.withLargePages : S.withoutLargePages),
    twins.some(({ noExecute }) => noExecute !== space.noExecute) && (space.noExecute ? S.withNoExecute : S.withoutNoExecute),
  ];
  return [space.mode, ...rules.filter((rule) => rule !== false)].join(', ');
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
