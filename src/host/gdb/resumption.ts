/**
 * How a client lets the machine go: the packets c, C, s, S, vCont, bc and bs.
 *
 * Source: Debugging with GDB, E.2 (Packets). All CPUs stop together (all-stop mode), and go together: a step is about one of
 * them, while the others go on as their turns come.
 */
import type { LinearRange, RunRequest } from '../../monitor/machine/session';
import { bigNumber, malformed, smallNumber } from './numbers';
import type { ThreadId } from './target';

/** What the machine is to do. */
export type Resumption =
  | { readonly kind: 'run'; readonly request: RunRequest }
  | { readonly kind: 'step-back' }
  | { readonly kind: 'reverse-continue' };

export const CONTINUE: Resumption = { kind: 'run', request: { kind: 'continue' } };

/** One instruction of a thread, or as many as it takes to leave a range. Interrupts that come meanwhile are run through. */
export function step(thread: ThreadId | undefined, range?: LinearRange): Resumption {
  const cpu = thread === undefined ? {} : { cpu: thread - 1 };
  return { kind: 'run', request: { kind: 'step', over: false, ...cpu, ...(range ? { ranges: [range] } : {}) } };
}

/** A thread as it is written: 'all' for -1 and 0, which is any. */
export function threadOf(text: string): ThreadId | 'all' {
  return text === '-1' || text === '0' ? 'all' : smallNumber(text);
}

/** `r start,end`: an empty range is left by one instruction. */
function rangeOf(text: string): LinearRange {
  const [start, end] = text.split(',');
  return { start: bigNumber(start), end: bigNumber(end) };
}

interface Action {
  readonly resumption: Resumption;
  readonly isStep: boolean;
}

function actionOf(text: string, current: ThreadId): Action {
  const colon = text.indexOf(':');
  const thread = colon < 0 ? 'all' : threadOf(text.slice(colon + 1));
  const verb = colon < 0 ? text : text.slice(0, colon);
  const stepped = thread === 'all' ? current : thread;
  switch (verb.charAt(0)) {
    // A signal has nobody to go to here: there are no processes that could take it.
    case 'c':
    case 'C': return { resumption: CONTINUE, isStep: false };
    case 's':
    case 'S': return { resumption: step(stepped), isStep: true };
    case 'r': return { resumption: step(stepped, rangeOf(verb.slice(1))), isStep: true };
    default: throw malformed(`there is no action '${verb}'`);
  }
}

/**
 * `vCont;action:thread;action:thread`…: if one of them is a step, that counts.
 * @param current the thread whose turn it is
 */
export function resumptionOf(text: string, current: ThreadId): Resumption {
  const actions = text.split(';').map((each) => actionOf(each, current));
  const [first] = actions;
  if (!first) throw malformed('there is no action');
  return (actions.find(({ isStep }) => isStep) ?? first).resumption;
}
