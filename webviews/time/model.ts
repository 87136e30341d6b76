/**
 * The time line as the panel sees it: what lies where on the part that is shown, in lanes, and the next places to go to.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';
import { count, roughSize } from '../ui/numbers';
import { t } from '../ui/words';

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
  ['keys', t('Keys'), ['key']],
  ['mouse', t('Mouse'), ['mouse']],
  ['serial', t('Serial'), ['serial']],
  ['network', t('Network'), ['frame', 'link']],
  ['buttons', t('Buttons, discs'), ['power-button', 'reset-button', 'media', 'balloon']],
  ['other', t('Other input'), ['entropy', 'reply', 'register']],
];

const WORDS: Readonly<Record<InputKind, string>> = {
  key: t('key'), mouse: t('movement of the mouse'), serial: t('serial input'), frame: t('network frame'), link: t('change of the network link'), 'power-button': t('power button'),
  'reset-button': t('reset button'), media: t('change of a disc or floppy'), entropy: t('random numbers'), reply: t('answer of a shared folder'), register: t('write to a register'), balloon: t('size of the guest\'s memory'),
};

/** A virtual time for people: '1.500 s', '12 µs'. */
export function timeText(nanoseconds: number): string {
  if (nanoseconds >= 1e9) return `${(nanoseconds / 1e9).toFixed(3)} s`;
  if (nanoseconds >= 1e6) return t('{0} ms', (nanoseconds / 1e6).toFixed(3));
  return nanoseconds >= 1e3 ? `${(nanoseconds / 1e3).toFixed(3)} µs` : t('{0} ns', nanoseconds);
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
    { name: 'marks', title: t('Bookmarks, forks'), marks: [...timeline.bookmarks.map(bookmarkMark), ...timeline.forks.map(forkMark)] },
    { name: 'stops', title: t('Stops'), marks: timeline.stops.map((stop, index) => ({ key: `stop ${index}`, retired: stop.retired, size: 1, shape: 'diamond', words: t('Stopped by a {0} at instruction {1}', stop.kind, count(stop.retired)) })) },
    ...INPUT_LANES.map(([name, title, kinds]) => ({ name, title, marks: inputMarks(timeline, name, kinds) })),
    { name: 'edits', title: t('Changes'), marks: timeline.edits.map(({ retired }, index) => ({ key: `edit ${index}`, retired, size: 1, shape: 'dot', words: t('Changed by the debugger at instruction {0}', count(retired)) })) },
    { name: 'interrupts', title: t('Interrupts'), marks: densityMarks(timeline) },
    { name: 'snapshots', title: t('Snapshots'), marks: snapshotMarks(timeline) },
  ];
  const always = new Set(['marks', 'interrupts', 'snapshots']);
  return lanes.filter(({ name, marks }) => marks.length > 0 || always.has(name)).map((lane) => ({ ...lane, marks: lane.marks.filter(isShown) }));
}

function bookmarkMark({ name, retired, time }: Timeline['bookmarks'][number]): Mark {
  return { key: `bookmark ${name}`, retired, size: 1, shape: 'flag', label: name, words: t('Bookmark {0}: instruction {1}, {2}', name, count(retired), timeText(time)) };
}

function forkMark({ id, retired, end }: Timeline['forks'][number]): Mark {
  return { key: `fork ${id}`, retired, size: 1, shape: 'fork', label: t('fork {0}', id), words: t('The past was changed here: fork {0} had come to instruction {1}', id, count(end.retired)) };
}

function inputMarks({ inputs }: Timeline, name: string, kinds: readonly InputKind[]): Mark[] {
  return inputs.filter(({ kind }) => kinds.includes(kind)).map(({ kind, retired, count: many }, index) => ({
    key: `${name} ${index}`, retired, size: Math.min(1, 0.45 + Math.log10(many) / 6), shape: 'dot',
    words: t('{0}{1} at instruction {2}', many === 1 ? '' : t('{0} times from here on: ', count(many)), WORDS[kind], count(retired)),
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
    words: t('{0} interrupts from instruction {1} to {2}', count(many), count(from), count(to)),
  }));
}

function snapshotMarks({ moments }: Timeline): Mark[] {
  const most = Math.max(...moments.map(({ pages }) => pages), 1);
  return moments.map(({ retired, time, pages }, index) => ({
    key: `snapshot ${retired} ${time}`, retired, size: 0.25 + (0.75 * Math.log1p(pages)) / Math.log1p(most), shape: 'tick',
    words: t('Snapshot {0} of {1}: instruction {2}, {3}, keeps {4} at most', index + 1, moments.length, count(retired), timeText(time), roughSize(pages * PAGE_BYTES)),
  }));
}

/** A name beside its mark, on one side of it, and how far it may reach; in percent of what is shown. */
export interface Label {
  readonly key: string;
  readonly text: string;
  readonly at: number;
  readonly side: 'left' | 'right';
  readonly room: number;
}

/** Behind this share of the picture a name would reach out of it. */
const LAST_TO_THE_RIGHT = 88;

/**
 * The names of a lane's marks, none over another. A name stands to the right of its mark; to the left at the picture's end, and where it would share
 * the way to the next mark with that one's name and has more room there. What two names share is halved.
 */
export function labelsOf(marks: readonly Mark[], range: Range): readonly Label[] {
  const named = marks.flatMap(({ key, retired, label }) => (label === undefined ? [] : [{ key, text: label, at: percentOf(range, retired) }])).sort((a, b) => a.at - b.at);
  const before = (i: number): number => named[i - 1]?.at ?? 0;
  const after = (i: number): number => named[i + 1]?.at ?? 100;
  const sides: Label['side'][] = [];
  for (let i = named.length - 1; i >= 0; i--) {
    const { at } = named[i];
    const shared = sides[i + 1] === 'left';
    sides[i] = at > LAST_TO_THE_RIGHT || (shared && at - before(i) > (after(i) - at) / 2) ? 'left' : 'right';
  }
  return named.map(({ key, text, at }, i) => {
    const side = sides[i];
    const gap = side === 'right' ? after(i) - at : at - before(i);
    const shared = side === 'right' ? sides[i + 1] === 'left' : sides[i - 1] === 'right';
    return { key, text, at, side, room: shared ? gap / 2 : gap };
  });
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
  const where = t('Instruction {0}, {1}', count(present.retired), timeText(present.time));
  if (moments.length === 0) return t('{0}. Time travel is off.', where);
  return present.retired < furthest.retired ? t('{0}: in the past, {1} instructions before the furthest moment.', where, count(furthest.retired - present.retired)) : t('{0}: the furthest moment.', where);
}
