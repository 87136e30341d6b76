/** The panel *Disks*: the drives of a running machine, what is in them, and what the guest does with them. */
import { startPanel, type PanelPage } from '../ui/panelLoop';
import { disksOf, questionsOf } from './questions';
import { kept, reduce, restored, shownDisk, type Act, type State } from './state';
import { view } from './view';

function act(page: PanelPage<State, Act>, element: HTMLElement): void {
  const { dataset } = element;
  const inquiries = page.inquiries();
  const disk = shownDisk(page.state(), disksOf(inquiries) ?? [])?.name ?? '';
  const order = (request: string, args: Readonly<Record<string, unknown>>): void => {
    page.order({ request, arguments: args }, ({ error }) => ({ type: 'done', error }));
  };
  switch (dataset.do) {
    case 'show': return page.act({ type: 'show', disk: dataset.disk ?? '' });
    case 'toggle': return page.act({ type: 'toggle', path: dataset.path ?? '/' });
    case 'open': return order('editor.openDiskFile', { disk, path: dataset.path ?? '/' });
    case 'insert': return order('editor.changeDisc', { drive: disk });
    case 'eject':
      // The button will be gone; the keyboard goes on at the one that puts the next one in.
      element.parentElement?.querySelector<HTMLElement>('[data-do=insert]')?.focus();
      return order('shadowbox.changeDisc', { drive: disk });
    default:
  }
}

startPanel<State, Act>({
  begin: restored,
  keep: kept,
  reduce,
  heard: (state, inquiries) => {
    const disks = disksOf(inquiries);
    // Answers that say nothing new are the same object: then it was nobody's turn, and nothing fades.
    return disks === undefined || disks === state.heard ? state : reduce(state, { type: 'disks', disks });
  },
  questions: questionsOf,
  view,
  listen: (root, page) => {
    root.addEventListener('click', ({ target }) => {
      const element = target instanceof Element ? target.closest<HTMLElement>('[data-do]') : null;
      if (element !== null) act(page, element);
    });
  },
});
