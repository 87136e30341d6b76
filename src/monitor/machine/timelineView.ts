/** What the outside gets to see of a time line: its marks, as many as can be looked at. */
import type { Timeline, TimelineInput, TimelineMoment, TimelineRange } from '../inspection/queries';
import type { Branch, Fork } from './forks';
import type { Position } from './position';
import type { SeenStop } from './seenStops';
import type { LoggedInput } from './session';

/** Marks of inputs of one kind in a picture: those that lie closer than a part of so many are put together. */
const MARKS = 500;

export interface TimelineParts {
  readonly snapshots: readonly { readonly position: Position; readonly pages: number }[];
  readonly present: TimelineMoment;
  readonly branch: Branch;
  readonly stops: readonly SeenStop[];
  readonly forks: readonly Fork[];
  readonly bytes: number;
  readonly mostBytes: number;
}

const momentOf = ({ retired, time }: TimelineMoment): TimelineMoment => ({ retired, time });

/** @param range retired instructions whose inputs are wanted one by one; the whole time line when it is missing */
export function timelineView({ snapshots, present, branch, stops, forks, bytes, mostBytes }: TimelineParts, range?: TimelineRange): Timeline {
  const { end, inputs, edits, bookmarks } = branch;
  const furthest = { retired: Math.max(end.retired, present.retired), time: Math.max(end.time, present.time) };
  const { from, to } = range ?? { from: snapshots[0]?.position.retired ?? 0, to: furthest.retired };
  return {
    moments: snapshots.map(({ position, pages }) => ({ ...momentOf(position), interrupts: position.deliveries, events: position.events, pages })),
    present,
    furthest,
    bytes,
    mostBytes,
    inputs: inputMarks(inputs, from, to),
    edits: edits.slice(-MARKS).map(({ at }) => momentOf(at)),
    stops: stops.map(({ kind, position }) => ({ ...momentOf(position), kind })),
    bookmarks: bookmarks.map(({ name, position }) => ({ ...momentOf(position), name })),
    forks: forks.map(({ id, at, branch: left }) => ({ ...momentOf(at), id, end: momentOf(left.end) })),
  };
}

/** Inputs in a range, those of a kind that lie close together as one mark. */
function inputMarks(inputs: readonly LoggedInput[], from: number, to: number): readonly TimelineInput[] {
  const distance = Math.max(to - from, 0) / MARKS;
  const last = new Map<string, number>();
  const marks: TimelineInput[] = [];
  for (const { retired, time, input: { kind } } of inputs) {
    if (retired < from || retired > to) continue;
    const index = last.get(kind);
    const mark = index === undefined ? undefined : marks[index];
    if (index !== undefined && mark && retired - mark.retired < distance) marks[index] = { ...mark, count: mark.count + 1 };
    else last.set(kind, marks.push({ retired, time, kind, count: 1 }) - 1);
  }
  return marks;
}
