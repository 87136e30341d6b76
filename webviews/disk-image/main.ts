/** The editor of disk images: what one is, how it is divided, what is in it. Nothing is run or changed. */
import { startPanel, type PanelPage } from '../ui/panelLoop';
import { overviewOf, questionsOf } from './questions';
import { kept, reduce, restored, type Act, type State } from './state';
import { view } from './view';

const CLOSER = 0.5, FARTHER = 2;
const WHEEL_STEP = 1.2;

function act(page: PanelPage<State, Act>, { dataset }: HTMLElement): void {
  const { sector } = page.state();
  switch (dataset.do) {
    case 'toggle': return page.act({ type: 'toggle', path: dataset.path ?? '/' });
    case 'open': return order(page, 'image.open', { path: dataset.path ?? '/' });
    case 'sector': return page.act({ type: 'sector', sector: Number(dataset.sector), ...(dataset.volume === undefined ? {} : { volume: dataset.volume }) });
    case 'sector-before': return page.act({ type: 'sector', sector: sector - 1 });
    case 'sector-after': return page.act({ type: 'sector', sector: sector + 1 });
    case 'zoom-in': return page.act({ type: 'zoom', factor: CLOSER, at: 0.5 });
    case 'zoom-less': return page.act({ type: 'zoom', factor: FARTHER, at: 0.5 });
    case 'zoom-out': return page.act({ type: 'zoom-out' });
    default: if (dataset.order !== undefined) order(page, dataset.order, {});
  }
}

function order(page: PanelPage<State, Act>, request: string, args: Readonly<Record<string, unknown>>): void {
  page.order({ request, arguments: args }, ({ error }) => ({ type: 'done', error }));
}

function listen(root: HTMLElement, page: PanelPage<State, Act>): void {
  root.addEventListener('click', ({ target }) => {
    const element = target instanceof Element ? target.closest<HTMLElement>('[data-do], [data-order]') : null;
    if (element !== null) act(page, element);
  });
  root.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement && target.dataset.field === 'sector') page.act({ type: 'sector-text', text: target.value });
  });
  root.addEventListener('wheel', (event) => {
    const element = event.target instanceof Element ? event.target.closest('[data-strip]') : null;
    if (element === null || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const { left, width } = element.getBoundingClientRect();
    page.act({ type: 'zoom', factor: event.deltaY < 0 ? 1 / WHEEL_STEP : WHEEL_STEP, at: (event.clientX - left) / width });
  }, { passive: false });
}

startPanel<State, Act>({
  begin: restored,
  keep: kept,
  reduce: (state, what, inquiries) => reduce(state, what, overviewOf(inquiries)),
  questions: questionsOf,
  view,
  listen,
});
