/**
 * What is to be asked next: a pure function of the state, so that nothing is asked twice or left stale.
 */
import { hex } from '../ui/numbers';
import type { Question } from './answers';
import { canonical } from './format';
import { layoutOf } from './layout';
import { rowsOf } from './rows';
import { modeOf, shownSpace, tableKey, type Inquiry, type SpaceName, type State } from './state';
import { stripTables } from './strip';

/** Questions under way at the same time: enough to hide the way to the adapter and back, few enough to leave it free. */
const AT_ONCE = 6;

function inquiryKey(inquiry: Inquiry): string {
  if (inquiry.kind === 'table') return tableKey(inquiry.space.key, inquiry.level, inquiry.linear);
  return inquiry.kind;
}

/** Whether an inquiry is a walk or table whose subject is still the one wanted. */
function sameInquiry(a: Inquiry, b: Inquiry): boolean {
  if (inquiryKey(a) !== inquiryKey(b)) return false;
  return a.kind !== 'walk' || b.kind !== 'walk' || (a.text === b.text && a.space?.key === b.space?.key);
}

/** All that is stale and needed now, the most important first. */
function wanted(state: State): Inquiry[] {
  if (state.session === 'none') return [];
  const { epoch } = state;
  const inquiries: Inquiry[] = [];
  if (state.summaryEpoch < epoch) inquiries.push({ kind: 'summary' });
  // The rest would only bring more of the same error.
  if (state.session === 'unknown') return inquiries;
  if (state.spacesEpoch < epoch) inquiries.push({ kind: 'spaces' });
  // What follows is understood only in a known space.
  if (shownSpace(state) === undefined) return inquiries;
  const { walk } = state;
  if (walk !== undefined && walk.epoch < epoch) inquiries.push({ kind: 'walk', space: walk.space, text: walk.text });
  return [...inquiries, ...wantedTables(state), ...wantsProcesses(state) ? [{ kind: 'processes' } as const] : []];
}

/**
 * Whether the guest's processes are to be asked for: when the list of spaces opens, and at a stop that finds spaces which were not
 * there the last time. Reading them all costs the guest time, so a running one is not asked at each look.
 */
function wantsProcesses({ spaces = [], namedSpaces, picker, running }: State): boolean {
  if (running && picker === undefined) return false;
  if (!spaces.some(({ mode }) => mode !== 'none')) return false;
  return namedSpaces === undefined || (!running && spaces.some(({ key }) => !namedSpaces.has(key)));
}

/** The tables of the trees, then those of the strip that are not among them. */
function wantedTables(state: State): Inquiry[] {
  const { epoch, running } = state;
  const space = shownSpace(state);
  if (space === undefined) return [];
  const { cr3, key } = space;
  const { needed } = rowsOf(state);
  const view = layoutOf(state).window(state.viewport);
  const inquiries = new Map<string, Inquiry>();
  const want = (level: number | undefined, linear: bigint): void => {
    const table = tableKey(key, level, linear);
    if ((state.tables.get(table)?.epoch ?? -1) < epoch) inquiries.set(table, { kind: 'table', space: { cr3, key }, level, linear });
  };
  for (const { level, linear, row, end, peek } of needed) {
    const visible = row < view.end && end > view.first;
    const isRoot = level === undefined;
    if (isRoot || visible || (!running && !peek)) want(level, linear);
  }
  for (const { level, linear } of stripTables(state)) want(level, linear);
  return [...inquiries.values()];
}

/** The inquiries to send now. */
export function nextInquiries(state: State): Inquiry[] {
  const underWay = [...state.inFlight.values()].filter(({ epoch }) => epoch === state.epoch);
  const free = AT_ONCE - state.inFlight.size;
  return wanted(state).filter((inquiry) => !underWay.some((flight) => sameInquiry(flight.inquiry, inquiry))).slice(0, Math.max(0, free));
}

/** How an inquiry is put to the debug adapter. */
export function questionOf(state: State, inquiry: Inquiry): Question {
  switch (inquiry.kind) {
    case 'summary': return { request: 'shadowbox.summary', arguments: {} };
    case 'processes': return { request: 'shadowbox.processes', arguments: {} };
    case 'spaces': return { request: 'shadowbox.addressSpaces', arguments: {} };
    case 'walk': return { request: 'shadowbox.walk', arguments: { linear: inquiry.text, ...inquiry.space === undefined ? {} : asked(inquiry.space) } };
    case 'table': {
      const { space, level } = inquiry;
      const place = level === undefined ? {} : { level, linear: `0x${hex(canonical(modeOf(state, space.key), inquiry.linear))}` };
      return { request: 'shadowbox.table', arguments: { ...asked(space), ...place } };
    }
  }
}

const asked = ({ cr3, key }: SpaceName) => ({ cr3, space: key });
