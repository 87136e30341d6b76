/**
 * What a person has set up in the panel, and how it follows from what they do.
 */
import type { Inquiries } from '../ui/inquiries';
import { bodyOf } from '../ui/typedQuestions';
import { scrollToRow, type Viewport } from '../ui/virtualList';
import { LINE, PROFILE, SORTS, listOf, regionAt, type List, type Node, type Sort } from './model';

export const TABS = ['regions', 'execution', 'profile'] as const;
export type Tab = (typeof TABS)[number];

export interface State {
  readonly tab: Tab;
  readonly filter: string;
  readonly sort: Sort;
  /** Entry of the chosen region. */
  readonly selected: number | undefined;
  /** The instruction of it that is pointed at. */
  readonly pointed: number | undefined;
  /** Index of the place of the profile that is chosen, and of the one that fills the width; of all for none. */
  readonly place: number | undefined;
  readonly root: number | undefined;
  readonly remark: string;
  readonly viewport: Viewport;
  /** A scroll position that the page is to take, each serial once. */
  readonly scroll: { readonly top: number; readonly serial: number };
}

export const INITIAL: State = {
  tab: 'regions', filter: '', sort: 'lately', selected: undefined, pointed: undefined, place: undefined, root: undefined, remark: '', viewport: { top: 0, height: 400 }, scroll: { top: 0, serial: 0 },
};

export type Movement = 'up' | 'down' | 'pageUp' | 'pageDown' | 'home' | 'end';
export type PlaceMovement = 'in' | 'out' | 'next' | 'previous';

export type Act =
  | { readonly type: 'tab'; readonly tab: Tab }
  | { readonly type: 'filter'; readonly text: string }
  | { readonly type: 'sort'; readonly sort: Sort }
  | { readonly type: 'select'; readonly entry: number }
  | { readonly type: 'move'; readonly to: Movement }
  | { readonly type: 'point'; readonly id: number }
  | { readonly type: 'pointMove'; readonly by: number }
  | { readonly type: 'place'; readonly index: number }
  | { readonly type: 'placeMove'; readonly to: PlaceMovement }
  | { readonly type: 'zoom'; readonly index: number | undefined }
  | { readonly type: 'scrolled'; readonly top: number; readonly height: number }
  | { readonly type: 'remark'; readonly text: string };

export function reduce(state: State, act: Act, inquiries: Inquiries): State {
  switch (act.type) {
    case 'tab': return { ...state, tab: act.tab, remark: '' };
    case 'filter': return { ...state, filter: act.text, ...toTop(state) };
    case 'sort': return { ...state, sort: act.sort, ...toTop(state) };
    case 'select': return { ...state, selected: act.entry, pointed: undefined, remark: '' };
    case 'move': return moved(state, act.to, listOf(state, inquiries));
    case 'point': return { ...state, pointed: act.id };
    case 'pointMove': return pointMoved(state, act.by, inquiries);
    case 'place': return { ...state, place: act.index, remark: '' };
    case 'placeMove': return placeMoved(state, act.to, bodyOf(inquiries, PROFILE)?.nodes ?? []);
    case 'zoom': return { ...state, root: act.index };
    case 'scrolled': return act.top === state.viewport.top && act.height === state.viewport.height ? state : { ...state, viewport: { top: act.top, height: act.height } };
    case 'remark': return { ...state, remark: act.text };
  }
}

const toTop = ({ scroll, viewport }: State): Pick<State, 'scroll' | 'viewport'> => ({ scroll: { top: 0, serial: scroll.serial + 1 }, viewport: { ...viewport, top: 0 } });

function moved(state: State, to: Movement, list: List | undefined): State {
  if (list === undefined || list.rows.length === 0) return state;
  const at = list.rows.findIndex(({ region }) => region.entry === state.selected);
  const page = Math.max(1, Math.floor(state.viewport.height / LINE) - 1);
  const steps: Readonly<Record<Movement, number>> = { up: at - 1, down: at + 1, pageUp: at - page, pageDown: at + page, home: 0, end: list.rows.length - 1 };
  const index = Math.max(0, Math.min(list.rows.length - 1, steps[to]));
  const top = scrollToRow(state.viewport, list.tops, index, 'nearest');
  const scroll = top === state.viewport.top ? state.scroll : { top, serial: state.scroll.serial + 1 };
  return { ...state, selected: list.rows[index].region.entry, pointed: undefined, remark: '', scroll, viewport: { ...state.viewport, top } };
}

function pointMoved(state: State, by: number, inquiries: Inquiries): State {
  const region = state.selected === undefined ? undefined : bodyOf(inquiries, regionAt(state.selected))?.region;
  const ids = region?.blocks.flatMap(({ lines }) => lines.map(({ id }) => id)) ?? [];
  if (ids.length === 0) return state;
  const at = state.pointed === undefined ? (by > 0 ? -1 : ids.length) : ids.indexOf(state.pointed);
  return { ...state, pointed: ids[Math.max(0, Math.min(ids.length - 1, at + by))] };
}

/** The caller of a place: the last one before it that is less deep. */
export function parentOf(nodes: readonly Node[], index: number): number | undefined {
  for (let at = index - 1; at >= 0; at--) if (nodes[at].depth < nodes[index].depth) return at;
  return undefined;
}

function placeMoved(state: State, to: PlaceMovement, nodes: readonly Node[]): State {
  const { place } = state;
  if (nodes.length === 0) return state;
  if (place === undefined || nodes[place] === undefined) return { ...state, place: 0 };
  const { depth } = nodes[place];
  const goTo = (index: number | undefined): State => (index === undefined || index < 0 || index >= nodes.length ? state : { ...state, place: index, remark: '' });
  switch (to) {
    case 'out': return goTo(parentOf(nodes, place));
    case 'in': return nodes[place + 1]?.depth === depth + 1 ? goTo(place + 1) : state;
    case 'next': {
      const next = nodes.findIndex((node, i) => i > place && node.depth <= depth);
      return nodes[next]?.depth === depth ? goTo(next) : state;
    }
    case 'previous': {
      for (let at = place - 1; at >= 0 && nodes[at].depth >= depth; at--) if (nodes[at].depth === depth) return goTo(at);
      return state;
    }
  }
}

export const toKeep = ({ tab, filter, sort, selected }: State): unknown => ({ tab, filter, sort, ...(selected === undefined ? {} : { selected }) });

/** The state to begin with after a reload. What is not understood is left out. */
export function fromKept(kept: unknown): State {
  const { tab, filter, sort, selected }: { readonly tab?: unknown; readonly filter?: unknown; readonly sort?: unknown; readonly selected?: unknown } = typeof kept === 'object' && kept !== null ? kept : {};
  return {
    ...INITIAL,
    tab: TABS.find((known) => known === tab) ?? 'regions', filter: typeof filter === 'string' ? filter : '',
    sort: SORTS.find((known) => known === sort) ?? 'lately', selected: typeof selected === 'number' ? selected : undefined,
  };
}
