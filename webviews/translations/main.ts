/**
 * The panel *Translations*: regions of translated code beside the WebAssembly that they became, how code is run, and where time goes.
 */
import { startPanel } from '../ui/panelLoop';
import { listen } from './input';
import { fromKept, reduce, toKeep, type Act, type State } from './state';
import { questions, view } from './view';

let scrolled = 0;
let pointed: number | undefined;
let selected: number | undefined;

/** Scrolls a pane so far that one of its lines is in view. */
function reveal(root: HTMLElement, pane: string, id: number): void {
  const room = root.querySelector(`#${pane}`);
  const lines = room?.querySelectorAll<HTMLElement>(`[data-id="${id}"]`);
  const [first] = lines ?? [];
  if (room === null || first === undefined) return;
  const [top, height] = [first.offsetTop, first.offsetHeight];
  if (top < room.scrollTop || top + height > room.scrollTop + room.clientHeight) room.scrollTop = Math.max(0, top - room.clientHeight / 3);
}

startPanel<State, Act>({
  begin: fromKept,
  keep: toKeep,
  reduce,
  questions,
  // Thousands of regions, and a profile's whole tree.
  rest: 1000,
  view,
  listen,
  drawn: (root, state) => {
    const list = root.querySelector('#regions');
    if (list !== null && state.scroll.serial !== scrolled) {
      scrolled = state.scroll.serial;
      list.scrollTop = state.scroll.top;
    }
    if (state.selected !== selected) for (const pane of root.querySelectorAll('.pane')) pane.scrollTop = 0;
    if (state.pointed !== undefined && (state.pointed !== pointed || state.selected !== selected)) for (const pane of ['guest', 'wasm']) reveal(root, pane, state.pointed);
    ({ pointed, selected } = state);
  },
});
