/**
 * What keys and clicks on the panel mean.
 */
import type { PanelPage } from '../ui/panelLoop';
import { bodyOf } from '../ui/typedQuestions';
import { PROFILE, SORTS, listOf } from './model';
import { TABS, type Act, type Movement, type PlaceMovement, type State } from './state';
import { t } from '../ui/words';

type Page = PanelPage<State, Act>;

const MOVES: Readonly<Record<string, Movement>> = { ArrowUp: 'up', ArrowDown: 'down', PageUp: 'pageUp', PageDown: 'pageDown', Home: 'home', End: 'end' };
const PLACE_MOVES: Readonly<Record<string, PlaceMovement>> = { ArrowDown: 'in', ArrowUp: 'out', ArrowRight: 'next', ArrowLeft: 'previous' };
const POINT_MOVES: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -1000, End: 1000 };
const REQUESTS = { c: 'editor.openCode', w: 'editor.showInPageTables' } as const;

function go(page: Page, request: 'editor.openCode' | 'editor.showInPageTables', linear: string | undefined): void {
  if (linear === undefined) page.act({ type: 'remark', text: t('No linear address is known that leads there.') });
  else page.order({ request, arguments: { linear } }, ({ error }) => ({ type: 'remark', text: error ?? '' }));
}

const chosenLinear = (page: Page): string | undefined => listOf(page.state(), page.inquiries())?.rows.find(({ region }) => region.entry === page.state().selected)?.region.linear;

function inRegions(root: HTMLElement, page: Page, key: string): boolean {
  if (key in MOVES) page.act({ type: 'move', to: MOVES[key] });
  else if (key === 'Enter') root.querySelector<HTMLElement>('#guest')?.focus();
  else if (key === 'c' || key === 'w') go(page, REQUESTS[key], chosenLinear(page));
  else return false;
  return true;
}

function inGuest(root: HTMLElement, page: Page, key: string): boolean {
  if (key in POINT_MOVES) page.act({ type: 'pointMove', by: POINT_MOVES[key] });
  else if (key === 'Escape') root.querySelector<HTMLElement>('#regions')?.focus();
  else if (key === 'c' || key === 'w') go(page, REQUESTS[key], chosenLinear(page));
  else return false;
  return true;
}

function inFlame(page: Page, key: string): boolean {
  const { place } = page.state();
  if (key in PLACE_MOVES) page.act({ type: 'placeMove', to: PLACE_MOVES[key] });
  else if (key === 'Enter') page.act({ type: 'zoom', index: place });
  else if (key === 'Escape') page.act({ type: 'zoom', index: undefined });
  else if (key === 'c') go(page, 'editor.openCode', place === undefined ? undefined : bodyOf(page.inquiries(), PROFILE)?.nodes.at(place)?.linear);
  else return false;
  return true;
}

/** Arrow keys among the tabs. */
function inTabs(root: HTMLElement, page: Page, key: string): boolean {
  const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return false;
  const tab = TABS[(TABS.indexOf(page.state().tab) + step + TABS.length) % TABS.length];
  page.actAndShow({ type: 'tab', tab });
  root.querySelector<HTMLElement>(`[data-tab=${tab}]`)?.focus();
  return true;
}

function pressed(root: HTMLElement, page: Page, event: KeyboardEvent): boolean {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement) || target instanceof HTMLSelectElement) return false;
  if (target instanceof HTMLInputElement) {
    if (key !== 'Escape' && key !== 'Enter' && key !== 'ArrowDown') return false;
    if (key === 'Escape') page.act({ type: 'filter', text: '' });
    root.querySelector<HTMLElement>('#regions')?.focus();
    return true;
  }
  if (key === '/' && page.state().tab === 'regions') root.querySelector<HTMLInputElement>('[data-field=filter]')?.select();
  else if (target.role === 'tab') return inTabs(root, page, key);
  else if (target.id === 'regions') return inRegions(root, page, key);
  else if (target.id === 'guest') return inGuest(root, page, key);
  else return target.id === 'flame' && inFlame(page, key);
  return true;
}

function clicked(page: Page, target: Element): void {
  const dataset = target.closest<HTMLElement>('[data-tab],[data-code],[data-walk],[data-profile],[data-place],[data-id],[data-entry]')?.dataset;
  const tab = TABS.find((name) => name === dataset?.tab);
  if (dataset === undefined) return;
  if (tab !== undefined) page.act({ type: 'tab', tab });
  else if (dataset.code !== undefined) go(page, 'editor.openCode', dataset.code);
  else if (dataset.walk !== undefined) go(page, 'editor.showInPageTables', dataset.walk);
  else if (dataset.profile !== undefined) page.order({ request: 'shadowbox.profile', arguments: { action: dataset.profile } }, ({ error }) => ({ type: 'remark', text: error ?? '' }));
  else if (dataset.place !== undefined) page.act({ type: 'place', index: Number(dataset.place) });
  else if (dataset.id !== undefined) page.act({ type: 'point', id: Number(dataset.id) });
  else if (dataset.entry !== undefined) page.act({ type: 'select', entry: Number(dataset.entry) });
}

/** Puts listeners on the page. */
export function listen(root: HTMLElement, page: Page): void {
  const measure = (): void => {
    const list = root.querySelector('#regions');
    if (list !== null) page.act({ type: 'scrolled', top: list.scrollTop, height: list.clientHeight });
  };
  root.addEventListener('keydown', (event) => { if (pressed(root, page, event)) event.preventDefault(); });
  root.addEventListener('click', ({ target }) => { if (target instanceof Element) clicked(page, target); });
  root.addEventListener('dblclick', ({ target }) => {
    const place = target instanceof Element ? target.closest<HTMLElement>('[data-place]')?.dataset.place : undefined;
    if (place !== undefined) page.act({ type: 'zoom', index: Number(place) });
  });
  root.addEventListener('input', ({ target }) => { if (target instanceof HTMLInputElement && target.dataset.field === 'filter') page.act({ type: 'filter', text: target.value }); });
  root.addEventListener('change', ({ target }) => {
    const sort = target instanceof HTMLSelectElement ? SORTS.find((name) => name === target.value) : undefined;
    if (sort !== undefined) page.act({ type: 'sort', sort });
  });
  root.addEventListener('scroll', ({ target }) => { if (target instanceof Element && target.id === 'regions') measure(); }, true);
  new ResizeObserver(measure).observe(root);
}
