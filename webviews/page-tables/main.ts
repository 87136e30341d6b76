/**
 * The panel *Page Tables*: puts the host, the state and the page together.
 */
import type { MessageToPanel } from '../../src/extension/panels/messages';
import { sameContent } from '../ui/equal';
import { paced } from '../ui/frames';
import { connect } from '../ui/host';
import { hex } from '../ui/numbers';
import { rendererFor } from '../ui/renderer';
import { canonical } from './format';
import { listen } from './input';
import type { Elsewhere, Message } from './messages';
import { nextInquiries, questionOf } from './plan';
import { reduce } from './reducer';
import { fromKept, toKeep, type State, type Walk } from './state';
import { view } from './view';

/** Requests to the editor itself; the state's own begin at 1. */
const EDITOR_ID = -1;

function messageOf(message: MessageToPanel): Message {
  if ('id' in message && message.id === EDITOR_ID && 'error' in message) return { type: 'notOpened', error: message.error };
  if ('event' in message) return { type: 'event', event: message.event, body: message.body };
  return 'error' in message
    ? { type: 'refused', id: message.id, error: message.error }
    : { type: 'answer', id: message.id, body: message.body };
}

/** After so long without news of a machine that runs it may be idle for good, and is looked at once more (following.ts). */
const QUIET_MS = 500;

function start(root: HTMLElement): void {
  const host = connect((message) => { dispatch(messageOf(message)); });
  const render = rendererFor(root);
  const scheduleUpdate = paced(update);
  let state: State = fromKept(host.kept());
  let drawn: State | undefined;
  let scrolled = 0;
  let quiet: number | undefined;

  function dispatch(message: Message): void {
    const before = state;
    state = reduce(state, message);
    ask();
    if (state !== before) scheduleUpdate();
    // The focus goes to the list's filter, and back: a key that came before the next animation frame would go astray.
    if ((before.picker === undefined) !== (state.picker === undefined)) update();
    if (message.type === 'event' || message.type === 'quiet') awaitQuiet();
    if (message.type === 'openWalked') openWalked(message.as);
  }

  /** Asks the editor to show the walked address; no answer is awaited but a refusal. */
  function openWalked(as: Elsewhere): void {
    const answer = state.walk?.answer;
    if (answer === undefined) return;
    const linear = `0x${hex(canonical(answer.mode, answer.linear))}`;
    if (as === 'code') host.ask({ id: EDITOR_ID, request: 'editor.openCode', arguments: { linear } });
    else if (as === 'memory') host.ask({ id: EDITOR_ID, request: 'editor.viewMemory', arguments: { reference: linear } });
    else if (answer.physical !== undefined) host.ask({ id: EDITOR_ID, request: 'editor.showInPhysicalMemory', arguments: { physical: `0x${answer.physical.toString(16)}` } });
  }

  function awaitQuiet(): void {
    window.clearTimeout(quiet);
    if (state.running) quiet = window.setTimeout(() => { dispatch({ type: 'quiet' }); }, QUIET_MS);
  }

  /** Sends what is to be asked now. */
  function ask(): void {
    const inquiries = nextInquiries(state);
    if (inquiries.length === 0) return;
    const firstId = state.nextId;
    state = reduce(state, { type: 'sent', inquiries });
    inquiries.forEach((inquiry, i) => { host.ask({ id: firstId + i, ...questionOf(state, inquiry) }); });
  }

  function update(): void {
    if (state === drawn) return;
    const before = drawn;
    drawn = state;
    render(view(state));
    followPicker(before, drawn);
    applyScroll(drawn);
    showStep(before?.walk, drawn.walk);
    if (before === undefined || !sameContent(toKeep(before), toKeep(drawn))) host.keep(toKeep(drawn));
  }

  /** The list's filter has the focus while it is open, and the button when it closes by a choice or by Escape; the marked space is in view. */
  function followPicker(before: State | undefined, after: State): void {
    if (before?.picker === after.picker) return;
    const hadFocus = root.querySelector('.picker')?.contains(document.activeElement) === true || document.activeElement === document.body;
    if (before?.picker === undefined) root.querySelector<HTMLElement>('[data-field=space-filter]')?.focus();
    else if (after.picker === undefined && hadFocus) root.querySelector<HTMLElement>('[data-picker]')?.focus();
    root.querySelector('.space.active')?.scrollIntoView({ block: 'nearest' });
  }

  /** Brings a step that was just chosen into view, and the end of a new walk; a look that says the same moves nothing. */
  function showStep(before: Walk | undefined, after: Walk | undefined): void {
    const isNew = before?.serial !== after?.serial || before?.answer === undefined;
    if (after?.answer === undefined || (!isNew && before.step === after.step)) return;
    const chain = root.querySelector('#chain');
    // Sideways only: the verdict above is to stay in view.
    if (after.step === undefined) chain?.scrollTo({ left: chain.scrollWidth });
    else chain?.querySelector('.step.chosen')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /** Takes each scroll position that the state asks for once; in between the person scrolls. */
  function applyScroll({ scroll }: State): void {
    const scroller = root.querySelector('#trees');
    if (scroller === null) return;
    if (scroll.serial !== scrolled) {
      scrolled = scroll.serial;
      scroller.scrollTop = scroll.top;
    }
    const { scrollTop: top, clientHeight: height, clientWidth: width } = scroller;
    if (height !== state.viewport.height || width !== state.width) dispatch({ type: 'scrolled', top, height, width });
  }

  listen(root, () => state, dispatch);
  window.addEventListener('resize', () => { applyScroll(state); });
  ask();
  scheduleUpdate();
}

const root = document.getElementById('root');
if (root !== null) start(root);
