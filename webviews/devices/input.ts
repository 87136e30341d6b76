/**
 * What a person does in the Devices panel: keys, the mouse, the forms.
 */
import type { PanelPage } from '../ui/panelLoop';
import { registerKeyOf, shownRows, TABS, writeOrder, type DevicesAct, type DevicesState, type Move } from './state';

type Page = PanelPage<DevicesState, DevicesAct>;

const MOVES: Readonly<Record<string, Move>> = {
  ArrowUp: 'up', ArrowDown: 'down', PageUp: 'page-up', PageDown: 'page-down', Home: 'first', End: 'last', ArrowRight: 'in', ArrowLeft: 'out',
};

export function listen(root: HTMLElement, page: Page): void {
  root.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (onKey(root, page, event)) event.preventDefault();
  });
  root.addEventListener('click', ({ target }) => {
    if (target instanceof Element) onClick(root, page, target);
  });
  root.addEventListener('dblclick', ({ target }) => {
    const { register, low } = target instanceof Element && target.closest('button') === null ? target.closest<HTMLElement>('[data-register]')?.dataset ?? {} : {};
    if (register !== undefined) edit(root, page, register, low === undefined ? undefined : Number(low));
  });
  root.addEventListener('input', ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    if (target.dataset.field === 'filter') page.act({ type: 'filter', text: target.value });
    else if (target.dataset.field === 'value') page.act({ type: 'edit-text', text: target.value });
  });
  root.addEventListener('submit', (event) => {
    event.preventDefault();
    write(root, page);
  });
  root.addEventListener('scroll', ({ target }) => {
    if (target instanceof HTMLElement && target.id === 'tree') page.act({ type: 'scrolled', viewport: { top: target.scrollTop, height: target.clientHeight } });
  }, true);
}

/** Whether the key has done something. */
function onKey(root: HTMLElement, page: Page, { key, target }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return onInputKey(root, page, key, target);
  if (key === '/') {
    root.querySelector<HTMLInputElement>('[data-field=filter]')?.select();
    return true;
  }
  if (target.getAttribute('role') === 'tab') return onTabKey(root, page, key);
  if (target.id !== 'tree') return false;
  const move = MOVES[key];
  if (move !== undefined) {
    page.act({ type: 'move', move });
    return true;
  }
  const row = shownRows(page.state(), page.inquiries()).find((candidate) => candidate.key === page.state().selected);
  const register = registerKeyOf(row);
  if (row === undefined) return false;
  if ((key === 'Enter' || key === ' ') && row.open !== undefined) page.act({ type: 'toggle', key: row.key });
  else if (key === '*') page.act({ type: 'open-all', key: row.key });
  else if (key.toLowerCase() === 'p' && register !== undefined) page.act({ type: 'pin', key: register });
  else if (key === 'F2' && register !== undefined) edit(root, page, register, row.kind === 'field' ? row.field.low : undefined);
  else return false;
  return true;
}

function onTabKey(root: HTMLElement, page: Page, key: string): boolean {
  const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return false;
  const tab = TABS[(TABS.indexOf(page.state().tab) + step + TABS.length) % TABS.length];
  page.actAndShow({ type: 'tab', tab });
  root.querySelector<HTMLElement>(`[data-tab=${tab}]`)?.focus();
  return true;
}

function onInputKey(root: HTMLElement, page: Page, key: string, input: HTMLInputElement): boolean {
  if (key === 'Escape' && input.dataset.field === 'value') cancel(root, page);
  else if (key === 'Escape' && input.value !== '') page.act({ type: 'filter', text: '' });
  else if (key === 'Escape' || (input.dataset.field === 'filter' && (key === 'ArrowDown' || key === 'Enter'))) {
    root.querySelector<HTMLElement>('#tree')?.focus();
    if (key !== 'Escape') page.act({ type: 'move', move: 'first' });
  } else return false;
  return true;
}

function onClick(root: HTMLElement, page: Page, target: Element): void {
  const { tab, act, pin, edit: editing } = target.closest<HTMLElement>('[data-tab], [data-act], [data-pin], [data-edit]')?.dataset ?? {};
  const chosen = TABS.find((name) => name === tab);
  if (chosen !== undefined) page.act({ type: 'tab', tab: chosen });
  else if (act === 'cancel-edit') cancel(root, page);
  else if (pin !== undefined) page.act({ type: 'pin', key: pin });
  else if (editing !== undefined) edit(root, page, editing);
  else {
    const key = target.closest<HTMLElement>('[data-row]')?.dataset.row;
    if (key === undefined) return;
    page.act({ type: 'select', key });
    const isTwisty = target.closest('[data-toggle]') !== null;
    const row = shownRows(page.state(), page.inquiries()).find((candidate) => candidate.key === key);
    if (isTwisty || (row?.open !== undefined && row.kind !== 'register')) page.act({ type: 'toggle', key });
  }
}

function edit(root: HTMLElement, page: Page, key: string, low?: number): void {
  page.actAndShow({ type: 'edit', key, low });
  root.querySelector<HTMLInputElement>('[data-field=value]')?.select();
}

function cancel(root: HTMLElement, page: Page): void {
  page.act({ type: 'edit', key: undefined });
  root.querySelector<HTMLElement>('#tree')?.focus();
}

function write(root: HTMLElement, page: Page): void {
  const order = writeOrder(page.state(), page.inquiries());
  if (typeof order === 'string') {
    page.act({ type: 'refuse-edit', text: order });
    return;
  }
  page.order({ request: 'shadowbox.writeRegister', arguments: order }, ({ error }) => ({ type: 'written', ...(error === undefined ? {} : { error }) }));
  root.querySelector<HTMLElement>('#tree')?.focus();
}
