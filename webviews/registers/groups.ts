/**
 * All groups of registers as they are shown now: made from the machine's answers, filtered, and as the keyboard goes through them.
 */
import { type Inquiries } from '../ui/inquiries';
import { ask, baseOf, bodyOf } from '../ui/typedQuestions';
import { controlRows, debugRows, msrRows } from './controlRows';
import { vectorRows, x87Rows } from './floatRows';
import { flagRows } from './flagRows';
import { generalRows } from './generalRows';
import type { Cell, CpuAnswer, Group, GroupName, Row, Source } from './model';
import { segmentRows } from './segmentRows';
import { GROUPS, laneViewOf, type State } from './state';

/** The questions that the panel asks, by the CPU that it looks at. */
export const cpuQuestion = ({ cpu }: State) => ask('shadowbox.cpu', cpu === undefined ? {} : { cpu });
export const pointersQuestion = ({ cpu }: State) => ask('shadowbox.pointers', cpu === undefined ? {} : { cpu });

const ROWS: Readonly<Record<GroupName, (source: Source) => readonly Row[]>> = {
  general: generalRows, flags: flagRows, segments: segmentRows, control: controlRows, debug: debugRows, x87: x87Rows, vector: vectorRows, msrs: msrRows,
};

/** Whether a row is meant by what was typed into the filter box. */
export function matches(row: Row, filter: string): boolean {
  const words = filter.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [row.key, row.name, row.note, row.search, row.pointer?.symbol, ...[...row.cells, ...row.more].flatMap(({ name, label }) => [name, label])].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

const changesIn = (rows: readonly Row[]): number => rows.filter((row) => [...row.cells, ...row.more].some(({ changed }) => changed)).length;

function makeGroups(source: Source, filter: string): readonly Group[] {
  return GROUPS.flatMap(([name, title]) => {
    const all = ROWS[name](source);
    const rows = all.filter((row) => matches(row, filter));
    return rows.length === 0 ? [] : [{ name, title, rows, changes: changesIn(rows) }];
  });
}

let last: { readonly cpu: CpuAnswer; readonly before: CpuAnswer | undefined; readonly pointers: unknown; readonly lanes: unknown; readonly filter: string; readonly groups: readonly Group[] } | undefined;

/** The groups with their rows; undefined while nothing is known of the processor. The same answers give the same groups. */
export function groupsOf(state: State, inquiries: Inquiries): readonly Group[] | undefined {
  const cpu = bodyOf(inquiries, cpuQuestion(state));
  if (cpu === undefined) return undefined;
  const before = baseOf(inquiries, cpuQuestion(state));
  const notes = bodyOf(inquiries, pointersQuestion(state));
  if (last?.cpu === cpu && last.before === before && last.pointers === notes && last.lanes === state.lanes && last.filter === state.filter) return last.groups;
  const pointers = new Map((notes?.pointers ?? []).map((note) => [note.register, note]));
  const groups = makeGroups({ cpu, before, pointers, laneView: (register) => laneViewOf(state, register) }, state.filter);
  last = { cpu, before, pointers: notes, lanes: state.lanes, filter: state.filter, groups };
  return groups;
}

/** A filter opens all groups in which something is found. */
export const isOpen = ({ folded, filter }: State, group: string): boolean => filter.trim() !== '' || !folded.has(group);

export const groupKey = (name: string): string => `group:${name}`;

/** A row that the keyboard stops at: a group's head has no cells. */
export interface Stop {
  readonly row: string;
  readonly group: Group;
  readonly cells: readonly Cell[];
  readonly content?: Row;
}

/** Everything that the keyboard goes through, from top to bottom. */
export function stopsOf(state: State, groups: readonly Group[]): readonly Stop[] {
  return groups.flatMap((group) => [
    { row: groupKey(group.name), group, cells: [] },
    ...(isOpen(state, group.name) ? group.rows.map((content) => ({
      row: content.key, group, content, cells: [...content.cells, ...(state.open.has(content.key) ? content.more : [])],
    })) : []),
  ]);
}

/** The stop of a row, with the cell that is selected in it: the first where none is. */
export function selectedStop(state: State, stops: readonly Stop[]): { readonly at: number; readonly stop: Stop; readonly cell: Cell | undefined } | undefined {
  const at = Math.max(0, stops.findIndex(({ row }) => row === state.selected?.row));
  const stop = stops.at(at);
  if (stop === undefined) return undefined;
  return { at, stop, cell: stop.cells.find(({ name }) => name === state.selected?.cell) ?? stop.cells.at(0) };
}
