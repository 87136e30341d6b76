/**
 * How the panel's state follows from what happens. Pure: the same state and message give the same state.
 */
import { keepIfSame } from '../ui/equal';
import { lastIndexWhere } from '../ui/lists';
import { scrollToRow } from '../ui/virtualList';
import { spacesOf, summaryOf, tableOf, walkOf } from './answers';
import { formatOf, indexField } from './format';
import type { Message } from './messages';
import { moved, openedAll, resized, selectRow, toggled, walkSelected } from './navigation';
import { nextInquiries } from './plan';
import { rowsOf } from './rows';
import { INITIAL, modeOf, ROW_HEIGHT, shownSpace, tableKey, type InFlight, type Inquiry, type State, type TableSlot } from './state';
import { S } from './strings';
import { stripStepped, zoomed } from './strip';

/** Tables of spaces that are not drawn are forgotten when there are more than this. */
const MOST_TABLES = 2000;

/** The state after a message. */
export function reduce(state: State, message: Message): State {
  return settle(applied(state, message));
}

function applied(state: State, message: Message): State {
  switch (message.type) {
    case 'event': return event(state, message.event, message.body);
    case 'answer': return answered(state, message.id, (flight) => takeAnswer(state, flight, message.body));
    case 'refused': return answered(state, message.id, (flight) => refused(state, flight, message.error));
    case 'sent': return sent(state, message.inquiries);
    case 'pickSpace': return show({ ...state, follow: state.follow && isCurrent(state, message.cr3) }, message.cr3);
    case 'follow': return followed({ ...state, follow: message.on });
    case 'typeAddress': return { ...state, addressText: message.text };
    case 'walk': return walk(state, message.text, state.shown);
    case 'walkSelected': return walkSelected(state, (text) => walk(state, text, state.shown));
    case 'walkStep': return state.walk ? { ...state, walk: { ...state.walk, step: message.step } } : state;
    case 'closeWalk': return { ...state, walk: undefined, addressText: '' };
    case 'toggle': return toggled(state, message.key);
    case 'select': return selectRow(state, message.key);
    case 'move': return moved(state, message.to);
    case 'openAll': return openedAll(state);
    case 'hover': return state.hovered === message.key ? state : { ...state, hovered: message.key };
    case 'scrolled': return resized(state, { top: message.top, height: message.height });
    case 'goTo': return { ...state, reveal: message.linear, stripCursor: message.linear };
    case 'stripStep': return stripStepped(state, message.forward);
    case 'zoom': return zoomed(state, message.to);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What the session does

function event(state: State, name: string, body: unknown): State {
  switch (name) {
    case 'session': return body === null ? ended(state) : { ...forgotten(state), session: 'unknown' };
    case 'stopped': {
      const epoch = state.epoch + 1;
      const session = state.session === 'none' ? 'unknown' : state.session;
      return { ...state, session, running: false, epoch, changed: false, stop: state.stop + 1, stopEpoch: epoch };
    }
    case 'continued': return { ...state, running: true, changed: true };
    case 'shadowbox.changed': return { ...state, changed: true };
    case 'walk': return walkEvent(state, body);
    default: return state;
  }
}

/** Nothing that an earlier machine said holds any more; what a person has set up stays. */
function forgotten(state: State): State {
  const { follow, toggled: opened, addressText, viewport, stripZoom, selected, nextId, epoch, scroll } = state;
  const walkText = state.walk && { ...state.walk, cr3: undefined, epoch: 0, answer: undefined, error: undefined, step: undefined };
  return { ...INITIAL, follow, toggled: opened, addressText, viewport, stripZoom, selected, nextId, epoch: epoch + 1, stopEpoch: epoch + 1, scroll, walk: walkText };
}

function ended(state: State): State {
  return { ...forgotten(state), session: 'none' };
}

function walkEvent(state: State, body: unknown): State {
  const { linear, cr3 } = (typeof body === 'object' && body !== null ? body : {}) as { readonly linear?: unknown; readonly cr3?: unknown };
  if (typeof linear !== 'string') return state;
  const current = state.spaces?.find((space) => space.current)?.cr3;
  return walk(state, linear, typeof cr3 === 'number' ? cr3 : current);
}

// ---------------------------------------------------------------------------------------------------------------------
// Answers

function sent(state: State, inquiries: readonly Inquiry[]): State {
  if (inquiries.length === 0) return state;
  const inFlight = new Map(state.inFlight);
  inquiries.forEach((inquiry, i) => inFlight.set(state.nextId + i, { inquiry, epoch: state.epoch }));
  return { ...state, inFlight, nextId: state.nextId + inquiries.length };
}

/** An answer to a question that nobody remembers (another session's) changes nothing. */
function answered(state: State, id: number, take: (flight: InFlight) => State): State {
  const flight = state.inFlight.get(id);
  if (flight === undefined) return state;
  const inFlight = new Map(state.inFlight);
  inFlight.delete(id);
  return { ...take(flight), inFlight };
}

function takeAnswer(state: State, flight: InFlight, body: unknown): State {
  try {
    return understood(state, flight, body);
  } catch (error) {
    return refused(state, flight, `${S.malformed}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function understood(state: State, { inquiry, epoch }: InFlight, body: unknown): State {
  switch (inquiry.kind) {
    case 'summary': {
      const { running, retired } = summaryOf(body);
      return { ...state, session: 'live', running, retired, error: undefined, summaryEpoch: epoch };
    }
    case 'spaces': {
      const spaces = keepIfSame(state.spaces, spacesOf(body));
      return followed({ ...state, spaces, spacesEpoch: epoch, error: undefined });
    }
    case 'table': {
      const key = tableKey(inquiry.cr3, inquiry.level, inquiry.linear);
      return withTable(state, key, epoch, tableOf(body, modeOf(state, inquiry.cr3)), undefined);
    }
    case 'walk': {
      const { walk: current } = state;
      if (current === undefined || current.text !== inquiry.text || current.cr3 !== inquiry.cr3) return state;
      const answer = keepIfSame(current.answer, walkOf(body, (cr3) => modeOf(state, cr3)));
      const next = { ...state, walk: { ...current, answer, error: undefined, epoch } };
      return current.answer === undefined ? revealWalk(next) : next;
    }
  }
}

function refused(state: State, { inquiry, epoch }: InFlight, error: string): State {
  switch (inquiry.kind) {
    case 'summary': return { ...state, error, summaryEpoch: epoch };
    case 'spaces': return { ...state, error, spacesEpoch: epoch };
    case 'table': return withTable(state, tableKey(inquiry.cr3, inquiry.level, inquiry.linear), epoch, undefined, error);
    case 'walk': return state.walk ? { ...state, walk: { ...state.walk, answer: undefined, error, epoch } } : state;
  }
}

function withTable(state: State, key: string, epoch: number, answer: TableSlot['pair'], error: string | undefined): State {
  const old = state.tables.get(key);
  const pair = answer && keepIfSame(old?.pair, answer);
  let { kept, keptAt, before }: Pick<TableSlot, 'kept' | 'keptAt' | 'before'> = old ?? { kept: undefined, keptAt: -1, before: undefined };
  if (!state.running && epoch >= state.stopEpoch && keptAt !== state.stop) {
    before = kept;
    kept = pair;
    keptAt = state.stop;
  }
  const tables = new Map(state.tables.size > MOST_TABLES ? tablesOfShown(state) : state.tables);
  tables.set(key, { pair, error, epoch, kept, keptAt, before });
  return { ...state, tables };
}

function tablesOfShown(state: State): [string, TableSlot][] {
  return [...state.tables].filter(([key]) => key.startsWith(`${state.shown}/`));
}

// ---------------------------------------------------------------------------------------------------------------------
// Which space, which address

function isCurrent(state: State, cr3: number): boolean {
  return state.spaces?.some((space) => space.cr3 === cr3 && space.current) ?? false;
}

/** Draws another space; a walk goes on in it. */
function show(state: State, cr3: number | undefined): State {
  if (cr3 === state.shown) return state;
  const again = state.walk && { ...state.walk, cr3: walkSpace(state, cr3), epoch: 0 };
  return { ...state, shown: cr3, walk: again };
}

/** Chooses the space to draw: the current one while it is to be followed (at stops) or there is no other choice. */
function followed(state: State): State {
  const { spaces, shown, follow, running } = state;
  if (spaces === undefined) return state;
  const stays = spaces.some((space) => space.cr3 === shown) && !(follow && !running);
  return stays ? state : show(state, (spaces.find((space) => space.current) ?? spaces.at(0))?.cr3);
}

/** The space to ask a walk in: with paging off there are no tables to name, and the machine's present state is meant. */
function walkSpace(state: State, cr3: number | undefined): number | undefined {
  return modeOf(state, cr3) === 'none' ? undefined : cr3;
}

function walk(state: State, text: string, cr3: number | undefined): State {
  const trimmed = text.trim();
  if (trimmed === '') return { ...state, walk: undefined, addressText: '' };
  const serial = (state.walk?.serial ?? 0) + 1;
  const shown = cr3 === undefined ? state : show({ ...state, follow: state.follow && isCurrent(state, cr3) }, cr3);
  return { ...shown, addressText: text, walk: { text: trimmed, cr3: walkSpace(state, cr3), epoch: 0, answer: undefined, error: undefined, step: undefined, serial } };
}

/** Opens every table on the walk's path. */
function revealWalk(state: State): State {
  const answer = state.walk?.answer;
  if (answer === undefined) return state;
  const mode = modeOf(state, answer.cr3);
  const opened = new Map(state.toggled);
  for (let level = formatOf(mode).indexBits.length; level > 1; level--) {
    const span = 1n << BigInt(indexField(mode, level).low);
    const linear = answer.linear - (answer.linear % span);
    for (const prefix of ['g', 'p']) opened.set(`${prefix}:${level}:${linear}`, true);
  }
  return { ...state, toggled: opened, reveal: answer.linear, stripCursor: answer.linear };
}

/** What follows from the new state by itself: a new epoch when the last one is answered, an address brought into view. */
function settle(state: State): State {
  return revealed(renewed(state));
}

function renewed(state: State): State {
  if (!state.changed || state.inFlight.size > 0 || nextInquiries(state).length > 0) return state;
  return { ...state, changed: false, epoch: state.epoch + 1 };
}

function revealed(state: State): State {
  const { reveal } = state;
  if (reveal === undefined || shownSpace(state) === undefined) return state;
  const { rows } = rowsOf(state);
  const at = lastIndexWhere(rows, (row) => row.kind === 'part' && reveal >= row.linear && reveal < row.linear + row.bytes);
  const next = rows.at(at + 1);
  if (at < 0 || (next?.kind === 'note' && next.note === 'loading')) return state;
  const top = scrollToRow(state.viewport, at, ROW_HEIGHT, 'surroundings');
  return {
    ...state, reveal: undefined, selected: rows[at].key,
    viewport: { ...state.viewport, top }, scroll: { top, serial: state.scroll.serial + 1 },
  };
}
