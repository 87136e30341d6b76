/**
 * The panel *Registers*: all registers of a processor, decoded, marked where they have changed, and to be set.
 */
import type { Inquiries } from '../ui/inquiries';
import { startPanel } from '../ui/panelLoop';
import { cpuQuestion, groupsOf, isOpen, pointersQuestion } from './groups';
import { listen } from './input';
import { MSR_ROW } from './msrList';
import { reduce, type Act } from './reducer';
import { fromKept, toKeep, type State } from './state';
import { view } from './view';

let shown: string | undefined;
let edited: string | undefined;

/** Puts the cursor into a field that has just appeared, and what was just selected into view. */
function drawn(root: HTMLElement, state: State, inquiries: Inquiries): void {
  const { edit, selected } = state;
  const field = root.querySelector<HTMLInputElement>('#edit');
  if (edit !== undefined && edit.cell !== edited) field?.select();
  const ended = edited !== undefined && edit === undefined;
  edited = edit?.cell;
  const grid = root.querySelector<HTMLElement>('#registers');
  if (ended && (document.activeElement === document.body || document.activeElement === null)) grid?.focus();
  const place = selected && `${selected.row} ${selected.cell ?? ''}`;
  if (place === shown) return;
  shown = place;
  showInList(root, state, inquiries);
  root.querySelector('.active')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** A row of the list of MSRs may not be on the page yet. */
function showInList(root: HTMLElement, state: State, inquiries: Inquiries): void {
  const list = root.querySelector('#msr-list');
  const rows = groupsOf(state, inquiries)?.find(({ name }) => name === 'msrs')?.rows ?? [];
  const at = rows.findIndex(({ key }) => key === state.selected?.row);
  if (list === null || at < 0) return;
  if (at * MSR_ROW < list.scrollTop) list.scrollTop = at * MSR_ROW;
  else if ((at + 1) * MSR_ROW > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * MSR_ROW - list.clientHeight;
}

startPanel<State, Act>({
  begin: fromKept,
  keep: toKeep,
  reduce,
  questions: (state) => [cpuQuestion(state), ...(isOpen(state, 'general') || isOpen(state, 'control') ? [pointersQuestion(state)] : [])],
  view,
  listen,
  drawn,
});
