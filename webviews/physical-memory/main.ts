/**
 * The panel *Physical Memory*: what stands behind each guest-physical page, to scale, and all about one page.
 */
import type { Inquiries } from '../ui/inquiries';
import { startPanel, type PanelPage } from '../ui/panelLoop';
import { baseOf, bodyOf } from '../ui/typedQuestions';
import { FRAMES, MIB, PROCESSES, changesOf, frameOf, framesOf } from './frames';
import { MapPainter, cellAt, sizeOf, type MapSize } from './mapPainter';
import { SHADES, fromKept, reduce, shownOf, toKeep, type Act, type Movement, type State } from './state';
import { view } from './view';
import { KINDS } from './words';
import { t } from '../ui/words';

type Page = PanelPage<State, Act>;

const MOVES: Readonly<Record<string, Movement>> = {
  ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down', PageUp: 'pageUp', PageDown: 'pageDown', Home: 'home', End: 'end', ']': 'nextKind', '[': 'previousKind',
};

function go(page: Page, request: 'editor.openCode' | 'editor.showInPageTables', linear: string): void {
  page.order({ request, arguments: { linear } }, ({ error }) => ({ type: 'remark', text: error ?? '' }));
}

/** Goes to where the chosen page is mapped: in the current space if it is mapped there. */
function goToMapping(page: Page, request: 'editor.openCode' | 'editor.showInPageTables'): void {
  const { cursor } = page.state();
  const frame = cursor === undefined ? undefined : bodyOf(page.inquiries(), frameOf(cursor))?.frame;
  const mapping = frame?.mappings.find(({ current }) => current) ?? frame?.mappings.at(0);
  const start = request === 'editor.openCode' ? frame?.code.at(0)?.blocks.at(0)?.start ?? 0 : 0;
  if (mapping === undefined) page.act({ type: 'remark', text: t('No address that leads to this page is known.') });
  else go(page, request, `0x${(BigInt(mapping.linear) + BigInt(start)).toString(16)}`);
}

/** A key on the map; whether it means something. */
function pressed(root: HTMLElement, page: Page, key: string): boolean {
  if (key in MOVES) page.act({ type: 'move', to: MOVES[key] });
  else if (key === '+' || key === '=') page.act({ type: 'zoom', by: 1 });
  else if (key === '-') page.act({ type: 'zoom', by: -1 });
  else if (key === 'm' || key === '0') page.act({ type: 'show', what: key === 'm' ? 'memory' : 'space' });
  else if (key === 'Enter') root.querySelector<HTMLElement>('.detail')?.focus();
  else if (key === 'w') goToMapping(page, 'editor.showInPageTables');
  else if (key === 'c') goToMapping(page, 'editor.openCode');
  else return false;
  return true;
}

/** Up and down among the lines of bytes, so that each can be asked for its menu; whether there is another line. */
function toLine(target: HTMLElement, name: string): boolean {
  const step = name === 'ArrowDown' ? 1 : name === 'ArrowUp' ? -1 : 0;
  const lines = [...target.closest('.dump')?.children ?? []];
  const next = step === 0 ? undefined : lines.at(Math.max(0, lines.indexOf(target) + step));
  if (!(next instanceof HTMLElement)) return false;
  next.focus();
  return true;
}

function key(root: HTMLElement, page: Page, event: KeyboardEvent): boolean {
  const { target, key: name } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return false;
  const isField = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  if (name === 'Escape') root.querySelector<HTMLElement>('#map')?.focus();
  else if (isField) return false;
  else if (name === '/') root.querySelector<HTMLInputElement>('[data-field=address]')?.select();
  else return toLine(target, name) || (target.id === 'map' && pressed(root, page, name));
  return true;
}

function clicked(page: Page, target: Element): void {
  const { dataset } = target.closest<HTMLElement>('button') ?? {};
  if (dataset === undefined) return;
  if (dataset.zoom !== undefined) page.act({ type: 'zoom', by: dataset.zoom === 'in' ? 1 : -1 });
  else if (dataset.show === 'memory' || dataset.show === 'space') page.act({ type: 'show', what: dataset.show });
  else if (dataset.page !== undefined) page.act({ type: 'select', page: Number(dataset.page) });
  else if (dataset.walk !== undefined) go(page, 'editor.showInPageTables', dataset.walk);
  else if (dataset.code !== undefined) go(page, 'editor.openCode', dataset.code);
  else {
    const { only } = dataset;
    const kind = Object.keys(KINDS).find((known): known is keyof typeof KINDS => known === only);
    if (kind !== undefined) page.act({ type: 'only', kind });
  }
}

/** The map's canvas, with its size as it was last painted. */
class MapOnPage {
  size: MapSize | undefined;
  private painter: { readonly canvas: HTMLCanvasElement; readonly painter: MapPainter } | undefined;

  /** Measures the room. Says what the state has to know. */
  measure(root: HTMLElement): MapSize | undefined {
    const room = root.querySelector('#map');
    this.size = room === null || room.clientWidth === 0 ? undefined : sizeOf(room.clientWidth, room.clientHeight);
    return this.size;
  }

  paint(root: HTMLElement, state: State, inquiries: Inquiries): void {
    const canvas = root.querySelector('canvas');
    const answer = bodyOf(inquiries, FRAMES);
    if (canvas === null || answer === undefined || this.size === undefined) return;
    if (this.painter?.canvas !== canvas) this.painter = { canvas, painter: new MapPainter(canvas) };
    const frames = framesOf(answer);
    const before = baseOf(inquiries, FRAMES);
    this.painter.painter.paint(this.size, { state, frames, shown: shownOf(state, frames), changes: changesOf(before && framesOf(before), frames) });
  }

  /** The page at which the cell at a place of the window begins. */
  pageAt(root: HTMLElement, { state, inquiries }: Page, event: MouseEvent): number | undefined {
    const box = root.querySelector('canvas')?.getBoundingClientRect();
    const answer = bodyOf(inquiries(), FRAMES);
    const cell = box && this.size && cellAt(this.size, event.clientX - box.left, event.clientY - box.top);
    if (cell === undefined || answer === undefined) return undefined;
    const { from, pages } = shownOf(state(), framesOf(answer));
    return from + cell * pages;
  }
}

/** Asks the guest to do with as much memory as is written. */
function setBalloon(root: HTMLElement, page: Page): void {
  const field = root.querySelector<HTMLInputElement>('[data-field=balloon]');
  if (field === null) return;
  page.order({ request: 'shadowbox.balloon', arguments: { memory: field.valueAsNumber * MIB } }, ({ error }) => ({ type: 'remark', text: error ?? '' }));
  root.querySelector<HTMLElement>('#map')?.focus();
}

const map = new MapOnPage();
let its: Page | undefined;

function listen(root: HTMLElement, page: Page): void {
  its = page;
  root.addEventListener('keydown', (event) => { if (key(root, page, event)) event.preventDefault(); });
  root.addEventListener('click', (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const at = target.closest('#map') === null ? undefined : map.pageAt(root, page, event);
    if (at === undefined) clicked(page, target);
    else page.act({ type: 'select', page: at });
  });
  root.addEventListener('dblclick', (event) => {
    const at = event.target instanceof Element && event.target.closest('#map') !== null ? map.pageAt(root, page, event) : undefined;
    if (at !== undefined) for (let i = 0; i < 3; i++) page.act({ type: 'zoom', by: 1, at });
  });
  root.addEventListener('wheel', (event) => {
    if (!(event.target instanceof Element) || event.target.closest('#map') === null) return;
    event.preventDefault();
    const down = event.deltaY > 0;
    const at = map.pageAt(root, page, event);
    if (event.ctrlKey) page.act({ type: 'zoom', by: down ? -1 : 1, ...(at === undefined ? {} : { at }) });
    else page.act({ type: 'scroll', rows: down ? 4 : -4 });
  }, { passive: false });
  root.addEventListener('change', ({ target }) => {
    const shade = target instanceof HTMLSelectElement ? SHADES.find((known) => known === target.value) : undefined;
    if (shade !== undefined) page.act({ type: 'shade', shade });
  });
  root.addEventListener('submit', (event) => {
    event.preventDefault();
    if (event.target instanceof HTMLFormElement && event.target.dataset.form === 'balloon') return setBalloon(root, page);
    const field = root.querySelector<HTMLInputElement>('[data-field=address]');
    page.act({ type: 'go', text: field?.value ?? '' });
    if (page.state().remark === '') root.querySelector<HTMLElement>('#map')?.focus();
  });
  const repaint = (): void => { fit(root); map.paint(root, page.state(), page.inquiries()); };
  new ResizeObserver(repaint).observe(root);
  // Another theme has other colours.
  new MutationObserver(repaint).observe(document.body, { attributes: true, attributeFilter: ['class'] });
}

/** Tells the state how many cells there is room for. */
function fit(root: HTMLElement): void {
  const size = map.measure(root);
  if (size !== undefined) its?.act({ type: 'room', columns: size.columns, rows: size.rows });
}

startPanel<State, Act>({
  begin: fromKept,
  keep: toKeep,
  reduce,
  event: (event, body) => {
    const wanted: { readonly physical?: unknown } = event === 'frame' && typeof body === 'object' && body !== null ? body : {};
    const physical = typeof wanted.physical === 'string' ? Number(wanted.physical) : NaN;
    return Number.isSafeInteger(physical) ? { type: 'frame', physical } : undefined;
  },
  questions: ({ cursor }) => [FRAMES, ...(cursor === undefined ? [] : [frameOf(cursor), PROCESSES])],
  // Runs of all pages, and some milliseconds of the machine's time.
  rest: 400,
  view,
  listen,
  drawn: (root, state, inquiries) => {
    fit(root);
    map.paint(root, state, inquiries);
  },
});
