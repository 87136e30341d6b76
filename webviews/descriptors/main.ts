/**
 * The panel *Descriptor Tables*: GDT, LDT, IDT and TSS, or real mode's interrupt table, beside what the processor has loaded from them.
 */
import { startPanel, type PanelPage } from '../ui/panelLoop';
import { DESCRIPTORS, fromKept, listOf, reduce, selectedLine, toKeep, type Act, type Movement, type State } from './state';
import { view } from './view';
import { t } from '../ui/words';

type Page = PanelPage<State, Act>;

const MOVES: Readonly<Record<string, Movement>> = {
  ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right', Home: 'home', End: 'end', PageUp: 'pageUp', PageDown: 'pageDown',
};
const REQUESTS = { code: 'editor.openCode', walk: 'editor.showInPageTables', copy: 'editor.copy' } as const;

function go(page: Page, to: keyof typeof REQUESTS, linear: string): void {
  const told = to === 'copy' ? t('{0} is in the clipboard.', linear) : '';
  page.order({ request: REQUESTS[to], arguments: to === 'copy' ? { text: linear } : { linear } }, ({ error }) => ({ type: 'remark', text: error ?? told }));
}

/** Goes to the first place of the selected line that will do. */
function goFromLine(page: Page, to: keyof typeof REQUESTS): void {
  const list = listOf(page.state(), page.inquiries());
  const line = list && selectedLine(page.state(), list);
  const place = line?.kind === 'row' ? line.row.detail().places.find(({ isCode }) => to !== 'code' || isCode) : undefined;
  if (place === undefined) page.act({ type: 'remark', text: t('The selected line leads to no place.') });
  else go(page, to, place.linear);
}

/** A key in the list; whether it means something. */
function pressed(page: Page, key: string): boolean {
  if (key in MOVES) page.act({ type: 'move', to: MOVES[key] });
  else if (key === 'Enter' || key === ' ') {
    const list = listOf(page.state(), page.inquiries());
    const line = list && selectedLine(page.state(), list);
    if (line?.kind === 'head') page.act({ type: 'fold', group: line.group.name });
    else if (key === 'Enter') document.querySelector<HTMLElement>('.detail')?.focus();
  } else if (key === 'c') goFromLine(page, 'code');
  else if (key === 'w') goFromLine(page, 'walk');
  else if (key === 'y') goFromLine(page, 'copy');
  else return false;
  return true;
}

const focusList = (root: HTMLElement): void => { root.querySelector<HTMLElement>('#tables')?.focus(); };

function key(root: HTMLElement, page: Page, event: KeyboardEvent): boolean {
  const { target, key: name } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) {
    if (name !== 'Escape' && name !== 'Enter' && name !== 'ArrowDown') return false;
    if (name === 'Escape') page.act({ type: 'filter', text: '' });
    focusList(root);
    return true;
  }
  if (name === '/') root.querySelector<HTMLInputElement>('[data-field=filter]')?.select();
  else if (name === 'Escape' && target.closest('.detail')) focusList(root);
  else return target.id === 'tables' && pressed(page, name);
  return true;
}

function clicked(page: Page, target: Element): void {
  const way = target.closest<HTMLElement>('[data-go]');
  const to = way?.dataset.go;
  if (way?.dataset.linear !== undefined && (to === 'code' || to === 'walk' || to === 'copy')) return go(page, to, way.dataset.linear);
  const line = target.closest<HTMLElement>('[data-line]')?.dataset;
  if (line?.fold !== undefined) page.act({ type: 'fold', group: line.fold });
  else if (line?.line !== undefined) page.act({ type: 'select', key: line.line });
}

function listen(root: HTMLElement, page: Page): void {
  const measure = () => {
    const list = root.querySelector('#tables');
    if (list !== null) page.act({ type: 'scrolled', top: list.scrollTop, height: list.clientHeight });
  };
  root.addEventListener('keydown', (event) => { if (key(root, page, event)) event.preventDefault(); });
  root.addEventListener('click', ({ target }) => { if (target instanceof Element) clicked(page, target); });
  root.addEventListener('dblclick', ({ target }) => { if (target instanceof Element && target.closest('.row')) goFromLine(page, 'code'); });
  root.addEventListener('input', ({ target }) => {
    if (target instanceof HTMLInputElement && target.dataset.field === 'filter') page.act({ type: 'filter', text: target.value });
  });
  // Scroll events do not bubble, but they can be caught on their way down.
  root.addEventListener('scroll', ({ target }) => { if (target instanceof Element && target.id === 'tables') measure(); }, true);
  new ResizeObserver(measure).observe(root);
}

let scrolled = 0;

startPanel<State, Act>({
  begin: fromKept,
  keep: toKeep,
  reduce,
  questions: () => [DESCRIPTORS],
  view,
  listen,
  drawn: (root, { scroll }) => {
    const list = root.querySelector('#tables');
    if (list === null || scroll.serial === scrolled) return;
    scrolled = scroll.serial;
    list.scrollTop = scroll.top;
  },
});
