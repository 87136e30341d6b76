/**
 * From what a person does on the page to messages. One set of listeners at the panel's root serves all rows.
 */
import { menuByKey } from '../ui/memoryMenu';
import type { Message, Movement } from './messages';
import type { State } from './state';
import { stripPlace } from './strip';
import { chainOf, chosenStep } from './walkChain';

const MOVES: Readonly<Record<string, Movement>> = {
  ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right',
  Home: 'home', End: 'end', PageUp: 'pageUp', PageDown: 'pageDown',
};

/** Where on the panel a key was pressed. */
export type Place = 'trees' | 'chain' | 'strip' | 'picker' | 'other';

/** What a key means at a place; undefined when it means nothing there. */
export function keyMessage(state: State, key: string, place: Place): Message | undefined {
  switch (place) {
    case 'trees': return treeKey(state, key);
    case 'chain': return chainKey(state, key);
    case 'strip': return stripKey(state, key);
    case 'picker': return pickerKey(state, key);
    case 'other': return undefined;
  }
}

function treeKey(state: State, key: string): Message | undefined {
  if (key === 'Enter') return { type: 'walkSelected' };
  if (key === ' ' && state.selected !== undefined) return { type: 'toggle', key: state.selected };
  if (key === '*') return { type: 'openAll' };
  return key in MOVES ? { type: 'move', to: MOVES[key] } : undefined;
}

/** Rows of the list of spaces that a page key goes. */
const PICKER_PAGE = 10;

function pickerKey({ picker }: State, key: string): Message | undefined {
  if (picker === undefined) return key === 'ArrowDown' ? { type: 'picker', open: true } : undefined;
  switch (key) {
    case 'ArrowDown': return { type: 'pickerMove', to: 1 };
    case 'ArrowUp': return { type: 'pickerMove', to: -1 };
    case 'PageDown': return { type: 'pickerMove', to: PICKER_PAGE };
    case 'PageUp': return { type: 'pickerMove', to: -PICKER_PAGE };
    case 'Enter': return { type: 'pickActive' };
    case 'Escape': return { type: 'picker', open: false };
    default: return undefined;
  }
}

function chainKey({ walk }: State, key: string): Message | undefined {
  if (walk?.answer === undefined) return undefined;
  const steps = chainOf(walk.answer).length;
  const at = chosenStep(steps, walk.step);
  switch (key) {
    case 'ArrowLeft': return { type: 'walkStep', step: Math.max(0, at - 1) };
    case 'ArrowRight': return { type: 'walkStep', step: Math.min(steps - 1, at + 1) };
    case 'Home': return { type: 'walkStep', step: 0 };
    case 'End': return { type: 'walkStep', step: steps - 1 };
    case 'Escape': return { type: 'closeWalk' };
    default: return undefined;
  }
}

function stripKey(state: State, key: string): Message | undefined {
  switch (key) {
    case 'ArrowLeft': return { type: 'stripStep', forward: false };
    case 'ArrowRight': return { type: 'stripStep', forward: true };
    case 'Enter': return state.stripCursor === undefined ? undefined : { type: 'goTo', linear: state.stripCursor };
    case '+': return { type: 'zoom', to: 'in' };
    case '-': return { type: 'zoom', to: 'out' };
    case '0': return { type: 'zoom', to: 'all' };
    default: return undefined;
  }
}

function placeOf(target: Element): Place {
  if (target.closest('[role=treegrid]')) return 'trees';
  if (target.closest('[data-chain]')) return 'chain';
  if (target.closest('.picker')) return 'picker';
  return target.closest('[data-strip]') ? 'strip' : 'other';
}

function rowKey(target: EventTarget | null): string | undefined {
  return target instanceof Element ? target.closest('[data-row]')?.getAttribute('data-row') ?? undefined : undefined;
}

function clickMessage(state: State, event: MouseEvent): Message | undefined {
  const { target } = event;
  if (!(target instanceof Element)) return undefined;
  const value = (name: string) => target.closest(`[data-${name}]`)?.getAttribute(`data-${name}`) ?? undefined;
  const toggle = value('toggle');
  if (toggle !== undefined) return { type: 'toggle', key: toggle };
  const row = value('row');
  if (row !== undefined) return { type: 'select', key: row };
  if (value('close-walk') !== undefined) return { type: 'closeWalk' };
  const fold = value('fold');
  if (fold === 'walk' || fold === 'legend') return { type: 'fold', what: fold };
  const step = value('step');
  if (step !== undefined) return { type: 'walkStep', step: Number(step) };
  const picker = value('picker');
  if (picker !== undefined) return { type: 'picker', open: state.picker === undefined };
  const space = value('space');
  if (space !== undefined) return { type: 'pickSpace', key: space };
  const open = value('open');
  if (open === 'memory' || open === 'code' || open === 'frame') return { type: 'openWalked', as: open };
  const [from, to] = [value('region-from'), value('region-to')];
  if (from !== undefined && to !== undefined) return { type: 'zoomTo', from: BigInt(from), to: BigInt(to) };
  const zoom = value('zoom');
  if (zoom === 'in' || zoom === 'out' || zoom === 'all') return { type: 'zoom', to: zoom };
  const strip = target.closest('[data-strip]');
  if (strip === null) return undefined;
  const { left, width } = strip.getBoundingClientRect();
  return { type: 'goTo', linear: stripPlace(state, (event.clientX - left) / width) };
}

function changeMessage(target: EventTarget | null): Message | undefined {
  if (target instanceof HTMLInputElement && target.dataset.field === 'follow') return { type: 'follow', on: target.checked };
  return undefined;
}

/** Key that puts the cursor into the address box, as in a pager. */
const ADDRESS_KEY = '/';

/** Puts the listeners on `root`; `state` tells the state at the moment of an event. */
export function listen(root: HTMLElement, state: () => State, dispatch: (message: Message) => void): void {
  const send = (message: Message | undefined) => {
    if (message !== undefined) dispatch(message);
  };
  const on = <Name extends keyof HTMLElementEventMap>(name: Name, listener: (event: HTMLElementEventMap[Name]) => void, capture = false) => {
    root.addEventListener(name, listener, { capture });
  };
  on('click', (event) => { send(clickMessage(state(), event)); });
  on('dblclick', (event) => {
    if (rowKey(event.target) !== undefined) send({ type: 'walkSelected' });
  });
  // The menu is about the row that is marked.
  on('contextmenu', (event) => {
    const key = rowKey(event.target);
    if (key !== undefined) send({ type: 'select', key });
  });
  menuByKey(root, (focused) => (focused.id === 'trees' ? focused.querySelector('[data-row][aria-selected=true]') : undefined));
  on('change', (event) => { send(changeMessage(event.target)); });
  on('input', ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    if (target.dataset.field === 'address') send({ type: 'typeAddress', text: target.value });
    if (target.dataset.field === 'space-filter') send({ type: 'pickerFilter', text: target.value });
  });
  on('submit', (event) => {
    event.preventDefault();
    send({ type: 'walk', text: state().addressText });
  });
  // Whoever goes elsewhere has done with the list.
  on('focusout', ({ relatedTarget }) => {
    if (state().picker !== undefined && relatedTarget instanceof Element && relatedTarget.closest('.picker') === null) send({ type: 'picker', open: false });
  });
  on('mouseover', ({ target }) => { send({ type: 'hover', key: rowKey(target) }); });
  on('mouseleave', () => { send({ type: 'hover', key: undefined }); });
  // Scroll events do not bubble, but they can be caught on their way down.
  on('scroll', ({ target }) => {
    if (target instanceof Element && target.id === 'trees') send({ type: 'scrolled', top: target.scrollTop, height: target.clientHeight, width: target.clientWidth });
  }, true);
  on('keydown', (event) => {
    const { target, key } = event;
    if (!(target instanceof HTMLElement || target instanceof SVGElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (key === ADDRESS_KEY && !typing) {
      event.preventDefault();
      root.querySelector<HTMLInputElement>('[data-field=address]')?.select();
      return;
    }
    const message = keyMessage(state(), key, placeOf(target));
    if (message === undefined) return;
    event.preventDefault();
    send(message);
  });
}
