/**
 * The small bar beside a table or a run: where in it entries are present, and which of them the shadow has.
 */
import type { TablePair } from '../../src/monitor/inspection/queries';
import { h, type ElementDescription } from '../ui/description';
import { align, type Part } from './alignment';

export const BAR_WIDTH = 64;
const BAR_HEIGHT = 8;

/** What a bar shows at a place, from least to most: where several meet in one place, the most counts. */
type Look = 'empty' | 'unfilled' | 'filled';
const RANK: Readonly<Record<Look, number>> = { empty: 0, unfilled: 1, filled: 2 };

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly look: Look;
}

/** Stretches of equal look along the bar. `total` is what the parts' ranges add up to. */
function stretches(parts: readonly Part[], lookOf: (part: Part) => Look, start: bigint, total: bigint): Stretch[] {
  const places: Look[] = new Array<Look>(BAR_WIDTH).fill('empty');
  const place = (linear: bigint) => Number(((linear - start) * BigInt(BAR_WIDTH) * 16n) / total) / 16;
  for (const part of parts) {
    const look = lookOf(part);
    const from = Math.floor(place(part.linear));
    const to = Math.max(from + 1, Math.round(place(part.linear + part.bytes)));
    for (let at = from; at < Math.min(BAR_WIDTH, to); at++) if (RANK[look] > RANK[places[at]]) places[at] = look;
  }
  const out: Stretch[] = [];
  places.forEach((look, at) => {
    const last = out.at(-1);
    if (last?.look === look) out[out.length - 1] = { ...last, to: at + 1 };
    else out.push({ from: at, to: at + 1, look });
  });
  return out;
}

function bar(all: readonly Stretch[], side: 'guest' | 'shadow'): ElementDescription {
  return h('svg', { class: `bar ${side}`, viewBox: `0 0 ${BAR_WIDTH} ${BAR_HEIGHT}`, width: BAR_WIDTH, height: BAR_HEIGHT, 'aria-hidden': 'true' },
    h('rect', { class: 'ground', x: 0, y: 0, width: BAR_WIDTH, height: BAR_HEIGHT }),
    all.filter(({ look }) => look !== 'empty').map(({ from, to, look }) =>
      h('rect', { class: look, x: from, y: look === 'filled' ? 0 : BAR_HEIGHT / 4, width: to - from, height: look === 'filled' ? BAR_HEIGHT : BAR_HEIGHT / 2 })));
}

const guestLook = (part: Part): Look => (part.guest === undefined ? 'empty' : 'filled');
const shadowLook = (part: Part): Look => (part.state === 'none' ? 'empty' : part.state);

/** Both bars of a table. */
export function tableBars(pair: TablePair): { readonly guest: ElementDescription; readonly shadow: ElementDescription } {
  const parts = align(pair).flatMap((group) => group.parts);
  return {
    guest: bar(stretches(parts, guestLook, pair.linear, pair.bytes), 'guest'),
    shadow: bar(stretches(parts, shadowLook, pair.linear, pair.bytes), 'shadow'),
  };
}

/** The shadow's bar of a run. */
export function runBar(parts: readonly Part[], linear: bigint, bytes: bigint): ElementDescription {
  return bar(stretches(parts, shadowLook, linear, bytes), 'shadow');
}

/** How many entries of a table are present in the guest, and filled in the shadow. */
export function tableCounts(pair: TablePair): { readonly present: number; readonly filled: number; readonly all: number } {
  return {
    present: pair.guest.reduce((sum, run) => sum + run.count, 0),
    filled: (pair.shadow?.runs ?? []).reduce((sum, run) => sum + run.count, 0),
    all: Number(pair.bytes / pair.entryBytes),
  };
}
