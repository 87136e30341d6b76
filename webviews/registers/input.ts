/**
 * From what a person does on the page to acts, and to orders for the machine and the editor. One set of listeners serves all rows.
 */
import type { PanelPage } from '../ui/panelLoop';
import { groupsOf, selectedStop, stopsOf } from './groups';
import { LANE_VIEWS } from './model';
import { cellAt, RUNNING, type Act, type Movement } from './reducer';
import type { Place, State } from './state';

type Page = PanelPage<State, Act>;

const MOVES: Readonly<Record<string, Movement>> = {
  ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right', Home: 'home', End: 'end', PageUp: 'pageUp', PageDown: 'pageDown',
};

/** Sets a register to what was typed; the outcome comes back as an act. */
function set(page: Page, cell: string, value: string): void {
  const { cpu } = page.state();
  page.order(
    { request: 'shadowbox.setRegister', arguments: { name: cell, value, ...(cpu === undefined ? {} : { cpu }) } },
    (outcome) => ({ type: 'done', cell, outcome }),
  );
}

/** Begins to edit a cell; a single bit is switched at once. */
function change(page: Page, place: Place): void {
  const found = cellAt(page.state(), page.inquiries(), place);
  if (found?.cell.toggleTo !== undefined && !page.inquiries().running) {
    page.act({ type: 'select', place: { row: found.stop.row, cell: found.cell.name } });
    set(page, found.cell.name, found.cell.toggleTo);
  } else page.actAndShow({ type: 'edit', place });
}

function commit(page: Page): void {
  const { edit } = page.state();
  if (edit === undefined || edit.sent) return;
  if (page.inquiries().running) {
    page.act({ type: 'cancel' });
    page.act({ type: 'remark', text: RUNNING });
    return;
  }
  page.act({ type: 'sent' });
  set(page, edit.cell, edit.text);
}

function go(page: Page, to: string | undefined, linear: string): void {
  page.order({ request: to === 'code' ? 'editor.openCode' : 'editor.showInPageTables', arguments: { linear } }, ({ error }) => ({ type: 'remark', text: error ?? '' }));
}

function placeOf(target: Element): Place | undefined {
  const row = target.closest('[data-row]')?.getAttribute('data-row');
  if (row === null || row === undefined) return undefined;
  const cell = target.closest('[data-cell]')?.getAttribute('data-cell');
  return cell === null || cell === undefined ? { row } : { row, cell };
}

function clicked(page: Page, target: Element): void {
  const value = (name: string) => target.closest(`[data-${name}]`)?.getAttribute(`data-${name}`) ?? undefined;
  const linear = value('linear');
  const open = value('open');
  const fold = value('fold');
  const place = placeOf(target);
  if (linear !== undefined) go(page, value('go'), linear);
  else if (value('legend') !== undefined) page.act({ type: 'legend' });
  else if (open !== undefined) page.act({ type: 'open', row: open });
  else if (fold !== undefined) {
    page.act({ type: 'select', place: { row: `group:${fold}` } });
    page.act({ type: 'fold', group: fold });
  } else if (place !== undefined && target.closest('input, select') === null) page.act({ type: 'select', place });
}

/** A key in the grid. */
function pressed(page: Page, key: string): boolean {
  const state = page.state();
  const here = selectedStop(state, stopsOf(state, groupsOf(state, page.inquiries()) ?? []));
  if (key in MOVES) {
    page.act({ type: 'move', to: MOVES[key] });
    return true;
  }
  if (here === undefined) return false;
  const { stop, cell } = here;
  const pointer = stop.content?.pointer;
  switch (key) {
    case 'Enter': case 'F2':
      if (stop.content === undefined) page.act({ type: 'fold', group: stop.group.name });
      else change(page, { row: stop.row, ...(cell ? { cell: cell.name } : {}) });
      return true;
    case ' ':
      if (stop.content === undefined) page.act({ type: 'fold', group: stop.group.name });
      else if (cell?.toggleTo !== undefined) change(page, { row: stop.row, cell: cell.name });
      else if (stop.content.more.length > 0) page.act({ type: 'open', row: stop.row });
      return true;
    case 'v':
      if (stop.content?.lanes !== undefined) page.act({ type: 'lanes', register: stop.row });
      return true;
    case 'w': case 'c':
      if (pointer !== undefined) go(page, key === 'c' ? 'code' : 'walk', pointer.linear);
      return true;
    default: return false;
  }
}

const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLInputElement || target instanceof HTMLSelectElement;

function listenToKeys(root: HTMLElement, page: Page): void {
  root.addEventListener('keydown', (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return;
    const isEdit = target.dataset.field === 'edit';
    const focusGrid = () => { root.querySelector<HTMLElement>('#registers')?.focus(); };
    let taken = true;
    if (isEdit && key === 'Enter') commit(page);
    else if (isEdit && key === 'Escape') {
      page.act({ type: 'cancel' });
      focusGrid();
    } else if (target.dataset.field === 'filter' && (key === 'Enter' || key === 'Escape' || key === 'ArrowDown')) {
      if (key === 'Escape') page.act({ type: 'filter', text: '' });
      focusGrid();
    } else if (key === '/' && !isTyping(target)) root.querySelector<HTMLInputElement>('[data-field=filter]')?.select();
    else taken = target.id === 'registers' && pressed(page, key);
    if (taken) event.preventDefault();
  });
}

/** Puts the listeners on the page. */
export function listen(root: HTMLElement, page: Page): void {
  listenToKeys(root, page);
  root.addEventListener('click', ({ target }) => { if (target instanceof Element) clicked(page, target); });
  root.addEventListener('dblclick', ({ target }) => {
    const place = target instanceof Element && !isTyping(target) ? placeOf(target) : undefined;
    if (place?.cell !== undefined) change(page, place);
  });
  root.addEventListener('input', ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    if (target.dataset.field === 'filter') page.act({ type: 'filter', text: target.value });
    if (target.dataset.field === 'edit') page.act({ type: 'typed', text: target.value });
  });
  root.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLSelectElement)) return;
    const view = LANE_VIEWS.find((each) => each === target.value);
    if (target.dataset.field === 'cpu') page.act({ type: 'cpu', cpu: target.value === '' ? undefined : Number(target.value) });
    else if (target.dataset.lanes !== undefined && view !== undefined) page.act({ type: 'lanes', register: target.dataset.lanes, view });
  });
  // What was typed and not sent is left as it was when the person turns to something else.
  root.addEventListener('focusout', ({ target }) => {
    const { edit } = page.state();
    if (target instanceof HTMLInputElement && target.dataset.field === 'edit' && edit !== undefined && !edit.sent && document.hasFocus()) page.act({ type: 'cancel' });
  });
  // Scroll events do not bubble, but they can be caught on their way down.
  root.addEventListener('scroll', ({ target }) => {
    if (target instanceof Element && target.id === 'msr-list') page.act({ type: 'scrolled', top: target.scrollTop, height: target.clientHeight });
  }, true);
}
