/**
 * The panel *Time*: the time line of a run as a picture, and ways to any moment of it.
 */
import { startPanel } from '../ui/panelLoop';
import { listen } from './input';
import { follow, fromKept, reduce, timelineQuestion, toKeep, type Act, type State } from './state';
import { view } from './view';

let named = false;

startPanel<State, Act>({
  begin: fromKept,
  keep: toKeep,
  reduce,
  event: (event) => (event === 'stopped' ? { type: 'stopped' } : undefined),
  heard: follow,
  questions: (state) => [timelineQuestion(state)],
  // Hundreds of marks: ten times a second is enough.
  rest: 100,
  view,
  listen,
  drawn: (root, { edit }) => {
    // A field that has just appeared has the cursor; when it goes, the picture has it again.
    if ((edit !== undefined) === named) return;
    named = edit !== undefined;
    if (named) root.querySelector<HTMLInputElement>('#name')?.select();
    else root.querySelector<SVGElement>('#line')?.focus();
  },
});
