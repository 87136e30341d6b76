/**
 * The panel *Devices*: registers, interrupts, events ahead and the PCI bus.
 */
import { startPanel, type PanelPage } from '../ui/panelLoop';
import { listen } from './input';
import { begin, keep, reduce, type DevicesAct, type DevicesState } from './state';
import { questions, view } from './view';

let page: PanelPage<DevicesState, DevicesAct> | undefined;
let scrolled = 0;

/** Takes each scroll position that the state asks for once; in between the person scrolls. */
function applyScroll(root: HTMLElement, { scroll, viewport }: DevicesState): void {
  const tree = root.querySelector<HTMLElement>('#tree');
  if (tree === null) return;
  if (scroll.serial !== scrolled) {
    scrolled = scroll.serial;
    tree.scrollTop = scroll.top;
  }
  if (tree.clientHeight !== viewport.height || tree.scrollTop !== viewport.top) page?.act({ type: 'scrolled', viewport: { top: tree.scrollTop, height: tree.clientHeight } });
}

startPanel<DevicesState, DevicesAct>({
  begin, keep, reduce, questions, view,
  // All devices' registers are some 100 KB.
  rest: 200,
  listen: (root, its) => {
    page = its;
    listen(root, its);
    window.addEventListener('resize', () => { applyScroll(root, its.state()); });
  },
  drawn: applyScroll,
});
