/**
 * What a person has set up in the map, and how it follows from what they do.
 */
import type { Inquiries } from '../ui/inquiries';
import { bodyOf } from '../ui/typedQuestions';
import { FRAMES, PAGE_BYTES, framesOf, nextKind, type Frames, type Kind } from './frames';
import { KINDS } from './words';
import { t } from '../ui/words';

/** What colours say. */
export const SHADES = ['kind', 'use', 'written'] as const;
export type Shade = (typeof SHADES)[number];

export interface State {
  readonly shade: Shade;
  /** Only this kind is in colour. */
  readonly only: Kind | undefined;
  /** Where the person is. */
  readonly cursor: number | undefined;
  /** What is shown: all of memory, the whole space, or 2^scale pages a cell from a page on. */
  readonly view: 'memory' | 'space' | { readonly from: number; readonly scale: number };
  /** Room on the page: cells in a row, and rows. */
  readonly room: { readonly columns: number; readonly rows: number };
  readonly remark: string;
}

export const INITIAL: State = { shade: 'kind', only: undefined, cursor: undefined, view: 'memory', room: { columns: 64, rows: 32 }, remark: '' };

export type Movement = 'left' | 'right' | 'up' | 'down' | 'pageUp' | 'pageDown' | 'home' | 'end' | 'nextKind' | 'previousKind';

export type Act =
  | { readonly type: 'room'; readonly columns: number; readonly rows: number }
  | { readonly type: 'shade'; readonly shade: Shade }
  | { readonly type: 'only'; readonly kind: Kind }
  | { readonly type: 'show'; readonly what: 'memory' | 'space' }
  /** `at`: the page that stays where it is; the cursor when it is missing. */
  | { readonly type: 'zoom'; readonly by: 1 | -1; readonly at?: number }
  | { readonly type: 'scroll'; readonly rows: number }
  | { readonly type: 'move'; readonly to: Movement }
  | { readonly type: 'select'; readonly page: number }
  /** The page at an address that is wanted from elsewhere, a cell a page. */
  | { readonly type: 'frame'; readonly physical: number }
  /** An address as it was typed. */
  | { readonly type: 'go'; readonly text: string }
  | { readonly type: 'remark'; readonly text: string };

/** The part of the space that is shown: cells of `pages` pages each, from a page on. */
export interface Shown {
  readonly from: number;
  readonly scale: number;
  readonly pages: number;
  readonly cells: number;
}

/** Steps of zooming that make a cell of the whole space a page. */
const LARGEST_SCALE = 24;

/** What the map shows now. */
export function shownOf({ view, room }: State, frames: Frames): Shown {
  const cells = room.columns * room.rows;
  const span = frames.answer.pages;
  const wanted = view === 'memory' ? frames.memoryEnd : span;
  let scale = typeof view === 'object' ? view.scale : 0;
  if (typeof view !== 'object') while (wanted > cells * 2 ** scale && scale < LARGEST_SCALE) scale++;
  const row = room.columns * 2 ** scale;
  const last = Math.max(0, Math.ceil(span / row) - room.rows) * row;
  const from = typeof view === 'object' ? Math.min(last, Math.max(0, Math.floor(view.from / row) * row)) : 0;
  return { from, scale, pages: 2 ** scale, cells };
}

export function reduce(state: State, act: Act, inquiries: Inquiries): State {
  const answer = bodyOf(inquiries, FRAMES);
  const frames = answer && framesOf(answer);
  switch (act.type) {
    case 'room': return act.columns === state.room.columns && act.rows === state.room.rows ? state : { ...state, room: { columns: act.columns, rows: act.rows } };
    case 'shade': return { ...state, shade: act.shade };
    case 'only': return { ...state, only: state.only === act.kind ? undefined : act.kind };
    case 'show': return { ...state, view: act.what, remark: '' };
    case 'remark': return { ...state, remark: act.text };
    case 'frame': return framed(state, Math.floor(act.physical / PAGE_BYTES));
    default: return frames === undefined ? state : within(state, act, frames);
  }
}

function within(state: State, act: Extract<Act, { type: 'zoom' | 'scroll' | 'move' | 'select' | 'go' }>, frames: Frames): State {
  const shown = shownOf(state, frames);
  switch (act.type) {
    case 'zoom': return zoomed(state, shown, act.by, act.at ?? state.cursor ?? shown.from, frames);
    case 'scroll': return { ...state, view: { from: shown.from + act.rows * state.room.columns * shown.pages, scale: shown.scale } };
    case 'move': return at(state, moved(state, shown, act.to, frames), frames);
    case 'select': return at(state, act.page, frames);
    case 'go': return gone(state, act.text, frames);
  }
}

/** Zooms by two, such that a page stays about where it is. */
function zoomed(state: State, { from, scale }: Shown, by: 1 | -1, page: number, frames: Frames): State {
  let whole = 0;
  while (frames.answer.pages > state.room.columns * state.room.rows * 2 ** whole) whole++;
  const next = Math.min(whole, Math.max(0, scale - by));
  if (next === scale) return state;
  const row = (at: number): number => state.room.columns * 2 ** at;
  const rowsAbove = Math.max(0, Math.floor((page - from) / row(scale)));
  return { ...state, view: { from: (Math.floor(page / row(next)) - rowsAbove) * row(next), scale: next } };
}

function moved({ cursor, room }: State, { from, pages, cells }: Shown, to: Movement, frames: Frames): number {
  if (cursor === undefined) return from;
  const cell = Math.floor(cursor / pages) * pages;
  switch (to) {
    case 'left': return cell - pages;
    case 'right': return cell + pages;
    case 'up': return cell - room.columns * pages;
    case 'down': return cell + room.columns * pages;
    case 'pageUp': return cell - cells * pages;
    case 'pageDown': return cell + cells * pages;
    case 'home': return 0;
    case 'end': return frames.memoryEnd - 1;
    case 'nextKind': return nextKind(frames, cursor, true);
    case 'previousKind': return nextKind(frames, cursor, false);
  }
}

/** Puts the cursor on a page, and shows that. */
function at(state: State, page: number, frames: Frames): State {
  const cursor = Math.min(frames.answer.pages - 1, Math.max(0, page));
  const next = { ...state, cursor, remark: '' };
  const { from, pages, cells, scale } = shownOf(next, frames);
  if (cursor >= from && cursor < from + cells * pages) return next;
  const row = state.room.columns * pages;
  const top = cursor < from ? Math.floor(cursor / row) : Math.floor(cursor / row) - state.room.rows + 1;
  return { ...next, view: { from: top * row, scale } };
}

/** Rows above a page that is wanted from elsewhere. */
const ROWS_ABOVE = 2;

/** The cursor on a page, whether the machine has answered yet or not, with its neighbours around it. */
function framed(state: State, page: number): State {
  return { ...state, cursor: page, only: undefined, remark: '', view: { from: Math.max(0, page - ROWS_ABOVE * state.room.columns), scale: 0 } };
}

function gone(state: State, text: string, frames: Frames): State {
  const digits = /^\s*(?:0x)?([0-9a-f]{1,13})h?\s*$/i.exec(text)?.[1];
  const page = digits === undefined ? NaN : Math.floor(parseInt(digits, 16) / PAGE_BYTES);
  if (Number.isNaN(page)) return { ...state, remark: t('\'{0}\' is no physical address: type hexadecimal digits, as 0xfee00000.', text.trim()) };
  const { pages } = frames.answer;
  if (page >= pages) return { ...state, remark: t('The machine\'s physical addresses end at 0x{0}.', (pages * PAGE_BYTES - 1).toString(16)) };
  return at(state, page, frames);
}

export const toKeep = ({ shade, only, cursor, view }: State): unknown => ({ shade, view, ...(only === undefined ? {} : { only }), ...(cursor === undefined ? {} : { cursor }) });

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0;

function viewOf(kept: unknown): State['view'] {
  if (kept === 'space') return kept;
  const { from, scale }: { readonly from?: unknown; readonly scale?: unknown } = typeof kept === 'object' && kept !== null ? kept : {};
  return isNumber(from) && isNumber(scale) && scale <= LARGEST_SCALE ? { from, scale } : 'memory';
}

/** The state to begin with after a reload. What is not understood is left out. */
export function fromKept(kept: unknown): State {
  const { shade, only, cursor, view }: { readonly shade?: unknown; readonly only?: unknown; readonly cursor?: unknown; readonly view?: unknown } = typeof kept === 'object' && kept !== null ? kept : {};
  return {
    ...INITIAL,
    shade: SHADES.find((known) => known === shade) ?? 'kind',
    only: typeof only === 'string' && Object.hasOwn(KINDS, only) ? (only as Kind) : undefined,
    cursor: isNumber(cursor) ? cursor : undefined,
    view: viewOf(view),
  };
}
