/**
 * The time line as the panel sees it: what lies where on the part that is shown, in lanes, and the next places to go to.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';
import { count, roughSize } from '../ui/numbers';

export type Timeline = PanelRequests['shadowbox.timeline']['answer'];

/** The part of the time line that is shown, in retired instructions. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Something at one place. `size`: its share of the lane's height, from 0 to 1. */
export interface Mark {
  readonly key: string;
  readonly retired: number;
  /** Where it ends, for what has a length. */
  readonly end?: number;
  readonly size: number;
  readonly words: string;
  readonly shape: 'tick' | 'bar' | 'dot' | 'diamond' | 'flag' | 'fork';
  readonly label?: string;
}

export interface Lane {
  readonly name: string;
  readonly title: string;
  readonly marks: readonly Mark[];
}

/** Bytes of a page, at most, that a snapshot keeps. */
const PAGE_BYTES = 4096;

type InputKind = Timeline['inputs'][number]['kind'];

/** Which inputs share a lane. */
const INPUT_LANES: readonly (readonly [name: string, title: string, kinds: readonly InputKind[]])[] = [
  ['keys', 'Keys', ['key']],
  ['mouse', 'Mouse', ['mouse']],
  ['serial', 'Serial', ['serial']],
  ['network', 'Network', ['frame', 'link']],
  ['buttons', 'Buttons, discs', ['power-button', 'reset-button', 'media']],
  ['other', 'Other input', ['entropy', 'reply', 'register']],
];

const WORDS: Readonly<Record<InputKind, string>> = {
  key: 'key', mouse: 'movement of the mouse', serial: 'serial input', frame: 'network frame', link: 'change of the network link', 'power-button': 'power button',
  'reset-button': 'reset button', media: 'change of a disc', entropy: 'random numbers', reply: 'answer of a shared folder', register: 'write to a register',
};

/** A virtual time for people: '1.500 s', '12 µs'. */
export function timeText(nanoseconds: number): string {
  if (nanoseconds >= 1e9) return `${(nanoseconds / 1e9).toFixed(3)} s`;
  if (nanoseconds >= 1e6) return `${(nanoseconds / 1e6).toFixed(3)} ms`;
  return nanoseconds >= 1e3 ? `${(nanoseconds / 1e3).toFixed(3)} µs` : `${nanoseconds} ns`;
}

/** All of the time line; never empty. */
export function wholeOf(timeline: Timeline): Range {
  const from = Math.min(timeline.moments[0]?.retired ?? 0, timeline.present.retired);
  return { from, to: Math.max(timeline.furthest.retired, from + 1) };
}

/** The share of the shown part at which a count lies, in percent; it may lie outside. */
export function percentOf({ from, to }: Range, retired: number): number {
  return (100 * (retired - from)) / Math.max(to - from, 1);
}

export function lanesOf(timeline: Timeline, range: Range): readonly Lane[] {
  const isShown = ({ retired, end = retired }: Mark): boolean => end >= range.from && retired <= range.to;
  const lanes: Lane[] = [
    { name: 'marks', title: 'Bookmarks, forks', marks: [...timeline.bookmarks.map(bookmarkMark), ...timeline.forks.map(forkMark)] },
    { name: 'stops', title: 'Stops', marks: timeline.stops.map((stop, index) => ({ key: `stop ${index}`, retired: stop.retired, size: 1, shape: 'diamond', words: `Stopped by a ${stop.kind} at instruction ${count(stop.retired)}` })) },
    ...INPUT_LANES.map(([name, title, kinds]) => ({ name, title, marks: inputMarks(timeline, name, kinds) })),
    { name: 'edits', title: 'Changes', marks: timeline.edits.map(({ retired }, index) => ({ key: `edit ${index}`, retired, size: 1, shape: 'dot', words: `Changed by the debugger at instruction ${count(retired)}` })) },
    { name: 'interrupts', title: 'Interrupts', marks: densityMarks(timeline) },
    { name: 'snapshots', title: 'Snapshots', marks: snapshotMarks(timeline) },
  ];
  const always = new Set(['marks', 'interrupts', 'snapshots']);
  return lanes.filter(({ name, marks }) => marks.length > 0 || always.has(name)).map((lane) => ({ ...lane, marks: lane.marks.filter(isShown) }));
}

function bookmarkMark({ name, retired, time }: Timeline['bookmarks'][number]): Mark {
  return { key: `bookmark ${name}`, retired, size: 1, shape: 'flag', label: name, words: `Bookmark ${name}: instruction ${count(retired)}, ${timeText(time)}` };
}

function forkMark({ id, retired, end }: Timeline['forks'][number]): Mark {
  return { key: `fork ${id}`, retired, size: 1, shape: 'fork', label: `fork ${id}`, words: `The past was changed here: fork ${id} had come to instruction ${count(end.retired)}` };
}

function inputMarks({ inputs }: Timeline, name: string, kinds: readonly InputKind[]): Mark[] {
  return inputs.filter(({ kind }) => kinds.includes(kind)).map(({ kind, retired, count: many }, index) => ({
    key: `${name} ${index}`, retired, size: Math.min(1, 0.45 + Math.log10(many) / 6), shape: 'dot',
    words: `${many === 1 ? '' : `${count(many)} times from here on: `}${WORDS[kind]} at instruction ${count(retired)}`,
  }));
}

/** Interrupts for each instruction between two snapshots, compared with where there are most. */
function densityMarks({ moments }: Timeline): Mark[] {
  const gaps = moments.slice(1).flatMap((moment, index) => {
    const before = moments[index];
    const instructions = before === undefined ? 0 : moment.retired - before.retired;
    return before === undefined || instructions <= 0 ? [] : [{ from: before.retired, to: moment.retired, many: moment.interrupts - before.interrupts, density: (moment.interrupts - before.interrupts) / instructions }];
  });
  const most = Math.max(...gaps.map(({ density }) => density), 0);
  return gaps.filter(({ many }) => many > 0).map(({ from, to, many, density }) => ({
    key: `interrupts ${from}`, retired: from, end: to, size: most === 0 ? 0 : Math.max(0.08, density / most), shape: 'bar',
    words: `${count(many)} interrupts from instruction ${count(from)} to ${count(to)}`,
  }));
}

function snapshotMarks({ moments }: Timeline): Mark[] {
  const most = Math.max(...moments.map(({ pages }) => pages), 1);
  return moments.map(({ retired, time, pages }, index) => ({
    key: `snapshot ${retired} ${time}`, retired, size: 0.25 + (0.75 * Math.log1p(pages)) / Math.log1p(most), shape: 'tick',
    words: `Snapshot ${index + 1} of ${moments.length}: instruction ${count(retired)}, ${timeText(time)}, keeps ${roughSize(pages * PAGE_BYTES)} at most`,
  }));
}

/** Round counts to write at the axis: as many as have room. */
export function ticksOf({ from, to }: Range, most = 8): readonly number[] {
  const rough = Math.max((to - from) / most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? power);
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

/** The snapshot before the present moment, or behind it; else the beginning, or the furthest moment. */
export function nextSnapshot(timeline: Timeline, way: 'back' | 'forward'): number {
  const { moments, present, furthest } = timeline;
  if (way === 'back') return moments.filter(({ retired }) => retired < present.retired).at(-1)?.retired ?? moments[0]?.retired ?? present.retired;
  return moments.find(({ retired }) => retired > present.retired)?.retired ?? furthest.retired;
}

/** Where one is, in a sentence. */
export function whereText({ present, furthest, moments }: Timeline): string {
  const where = `Instruction ${count(present.retired)}, ${timeText(present.time)}`;
  if (moments.length === 0) return `${where}. Time travel is off.`;
  return present.retired < furthest.retired ? `${where}: in the past, ${count(furthest.retired - present.retired)} instructions before the furthest moment.` : `${where}: the furthest moment.`;
}
