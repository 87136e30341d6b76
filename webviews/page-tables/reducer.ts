/**
 * How the panel's state follows from what happens. Pure: the same state and message give the same state.
 */
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { keepIfSame } from '../ui/equal';
import { lastIndexWhere } from '../ui/lists';
import { processesOf, spacesOf, summaryOf, tableOf, walkOf } from './answers';
import { isSwitching, lookedAgain, settledSpace, spaceToShow } from './following';
import { formatOf, indexField, typedAddress, type PagingMode } from './format';
import type { Message } from './messages';
import { broughtIntoView, inView, moved, openedAll, resized, selectRow, toggled, walkSelected } from './navigation';
import { activeSpace, openedPicker, pickerMoved } from './picker';
import { nextInquiries } from './plan';
import { maySplit, rowsOf, type Row } from './rows';
import { INITIAL, modeOf, shownSpace, spaceOf, tableKey, type InFlight, type Inquiry, type SpaceName, type State, type TableSlot } from './state';
import { S } from './strings';
import { stripStepped, stripTables, zoomed, zoomedTo } from './strip';

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
    case 'quiet': return isSwitching(state) ? { ...state, changed: true } : state;
    case 'pickSpace': return pick(state, message.key);
    case 'picker': return message.open ? { ...state, picker: openedPicker(state), namedSpaces: undefined } : { ...state, picker: undefined };
    case 'pickerFilter': return state.picker === undefined ? state : { ...state, picker: { ...state.picker, filter: message.text } };
    case 'pickerMove': return pickerMoved(state, message.to);
    case 'pickActive': return pick(state, activeSpace(state)?.key);
    case 'follow': return followed({ ...state, follow: message.on });
    case 'typeAddress': return { ...state, addressText: message.text };
    case 'walk': return walk(state, message.text, shownSpace(state));
    case 'walkSelected': return walkSelected(state, (text) => walk(state, text, shownSpace(state)));
    case 'walkStep': return state.walk ? { ...state, walk: { ...state.walk, step: message.step } } : state;
    case 'closeWalk': return { ...state, walk: undefined, addressText: '' };
    case 'fold': return message.what === 'walk' ? { ...state, walkOpen: !state.walkOpen } : { ...state, legendOpen: !state.legendOpen };
    case 'toggle': return toggled(state, message.key);
    case 'select': return selectRow(state, message.key);
    case 'move': return moved(state, message.to);
    case 'openAll': return openedAll(state);
    case 'hover': return state.hovered === message.key ? state : { ...state, hovered: message.key };
    case 'scrolled': return resized(state, { top: message.top, height: message.height }, message.width);
    case 'goTo': return { ...state, toggled: openedAsStrip(state, message.linear), reveal: message.linear, stripCursor: message.linear };
    case 'stripStep': return stripStepped(state, message.forward);
    case 'zoom': return zoomed(state, message.to);
    case 'zoomTo': return zoomedTo(state, message.from, message.to);
    case 'openWalked': return { ...state, openError: undefined };
    case 'notOpened': return { ...state, openError: message.error };
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What the session does

function event(state: State, name: string, body: unknown): State {
  switch (name) {
    case 'session': return body === null ? ended(state) : sessionIs(state, body);
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

/** The extension says which session the panel shows: at each change, and to a page that has been loaded anew. */
function sessionIs(state: State, body: unknown): State {
  const { id } = (typeof body === 'object' && body !== null ? body : {}) as { readonly id?: unknown };
  const sessionId = typeof id === 'string' ? id : undefined;
  if (sessionId !== undefined && sessionId === state.sessionId && state.session !== 'none') return state;
  return { ...forgotten(state), session: 'unknown', sessionId };
}

/** Nothing that an earlier machine said holds any more; what a person has set up stays, save what speaks of that machine's spaces. */
function forgotten(state: State): State {
  const { toggled: opened, addressText, viewport, width, stripZoom, selected, nextId, epoch, scroll, walkOpen, legendOpen } = state;
  const walkText = state.walk && { ...state.walk, space: undefined, epoch: 0, answer: undefined, error: undefined, step: undefined };
  return {
    ...INITIAL, toggled: opened, addressText, viewport, width, stripZoom, selected, nextId, scroll, walkOpen, legendOpen,
    epoch: epoch + 1, stopEpoch: epoch + 1, walk: walkText,
  };
}

function ended(state: State): State {
  return { ...forgotten(state), session: 'none' };
}

function walkEvent(state: State, body: unknown): State {
  const { linear } = (typeof body === 'object' && body !== null ? body : {}) as { readonly linear?: unknown };
  return typeof linear === 'string' ? walk(state, linear, settledSpace(state) ?? shownSpace(state)) : state;
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
      const streak = keepIfSame(state.streak, lookedAgain(state.streak, spaces, state));
      return followed({ ...state, spaces, streak, spacesEpoch: epoch, error: undefined });
    }
    case 'processes': {
      const { system, processes } = processesOf(body);
      return { ...state, system, processes: keepIfSame(state.processes, processes), namedSpaces: keysOf(state) };
    }
    case 'table': {
      const { space, level, linear } = inquiry;
      return withTable(state, tableKey(space.key, level, linear), epoch, tableOf(body, modeOf(state, space.key)), undefined);
    }
    case 'walk': {
      const { walk: current } = state;
      if (current === undefined || current.text !== inquiry.text || current.space?.key !== inquiry.space?.key) return state;
      const answer = keepIfSame(current.answer, walkOf(body));
      const next = { ...state, walk: { ...current, answer, error: undefined, epoch } };
      return current.answer === undefined ? revealWalk(next) : next;
    }
  }
}

const keysOf = ({ spaces = [] }: State): ReadonlySet<string> => new Set(spaces.map(({ key }) => key));

function refused(state: State, { inquiry, epoch }: InFlight, error: string): State {
  switch (inquiry.kind) {
    case 'summary': return { ...state, error, summaryEpoch: epoch };
    case 'spaces': return { ...state, error, spacesEpoch: epoch };
    // Spaces go by their CR3 then.
    case 'processes': return { ...state, namedSpaces: keysOf(state) };
    case 'table': return withTable(state, tableKey(inquiry.space.key, inquiry.level, inquiry.linear), epoch, undefined, error);
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

/** Draws the space that a person has chosen; following ends if it is another than the present one. */
function pick(state: State, key: string | undefined): State {
  if (key === undefined) return { ...state, picker: undefined };
  return show({ ...state, picker: undefined, follow: state.follow && settledSpace(state)?.key === key }, key);
}

/** Draws another space; a walk goes on in it. */
function show(state: State, key: string | undefined): State {
  if (key === state.shown) return state;
  const again = state.walk && { ...state.walk, space: walkSpace(spaceOf(state, key)), epoch: 0 };
  return { ...state, shown: key, walk: again };
}

/** Draws the space that is to be drawn now. */
function followed(state: State): State {
  return show(state, spaceToShow(state));
}

/** The space to ask a walk in: with paging off there are no tables to name, and the machine's present state is meant. */
function walkSpace(space: AddressSpaceInfo | undefined): SpaceName | undefined {
  return space === undefined || space.mode === 'none' ? undefined : { cr3: space.cr3, key: space.key };
}

function walk(state: State, typed: string, space: AddressSpaceInfo | undefined): State {
  const text = typedAddress(typed);
  if (text === '') return { ...state, walk: undefined, addressText: '' };
  const serial = (state.walk?.serial ?? 0) + 1;
  const shown = space === undefined ? state : show(state, space.key);
  return {
    ...shown, addressText: typed, walkOpen: true, openError: undefined,
    walk: { text, space: walkSpace(space), epoch: 0, answer: undefined, error: undefined, step: undefined, serial },
  };
}

/** Opens every table on the walk's path. */
function revealWalk(state: State): State {
  const answer = state.walk?.answer;
  if (answer === undefined) return state;
  return { ...state, toggled: openedDownTo(state, answer.mode, answer.linear, 1), reveal: answer.linear, stripCursor: answer.linear };
}

/** The tables on the way to an address are open, down to one of this level. */
function openedDownTo({ toggled: known }: State, mode: PagingMode, address: bigint, lowest: number): ReadonlyMap<string, boolean> {
  const opened = new Map(known);
  for (let level = formatOf(mode).indexBits.length; level > lowest; level--) {
    const span = 1n << BigInt(indexField(mode, level).low);
    const linear = address - (address % span);
    for (const prefix of ['g', 'p']) opened.set(`${prefix}:${level}:${linear}`, true);
  }
  return opened;
}

/** The trees are as fine at a place as the strip is. */
function openedAsStrip(state: State, place: bigint): ReadonlyMap<string, boolean> {
  const mode = modeOf(state, state.shown);
  const on = stripTables(state).filter(({ level, linear }) => place >= linear && place < linear + (1n << BigInt(indexField(mode, level + 1).low)));
  return on.length === 0 ? state.toggled : openedDownTo(state, mode, place, on[on.length - 1].level);
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
  // Whether a large page opens is known once the machine has been asked, and that is for rows in view only.
  if (awaitsSplit(state, rows[at])) return inView(state, at) ? state : broughtIntoView(state, at, 'surroundings');
  return broughtIntoView({ ...state, reveal: undefined, selected: rows[at].key }, at, 'surroundings');
}

/** Whether the row is a large page of which it is not known yet if the shadow splits it into a table. */
function awaitsSplit({ tables, shown }: State, row: Row): boolean {
  if (row.kind !== 'part' || shown === undefined || !maySplit(row.part, row.level)) return false;
  return !tables.has(tableKey(shown, row.level - 1, row.linear));
}
