/**
 * Snapshots that leave the machine, into a recording's file, and come back in another process: the plain state of a moment, and what
 * memory and disks hold there that they did not at the snapshot before. The first of a chain is told from power-on, which
 * whoever opens the recording has anyway.
 */
import type { BulkDifference } from '../snapshot/history';
import type { MachineState } from './machineState';
import { compare, isSame, type Position } from './position';

export interface SavedSnapshot {
  readonly state: MachineState;
  readonly bulk: BulkDifference;
}

/** Which snapshot is wanted: the one at a moment, told from the one at another, earlier. */
export interface SnapshotOrder {
  readonly since: Position;
  readonly at: Position;
  /** More bytes of memory are not wanted. */
  readonly mostBytes: number;
}

/** Whether nothing has happened yet: what a machine is there follows from its configuration and images. */
export function isPowerOn({ retired, time, events, inputs, edits, resets }: Position): boolean {
  return retired === 0 && time === 0 && events === 0 && inputs === 0 && edits === 0 && resets === 0;
}

/** So many are worth saving of a run; where the machine stands is always one of them. */
const MOST_SAVED = 8;

/** Those snapshots of a time line that are saved: its beginning, some spread over the run, and where the machine stands. If none, a sentence why. */
export function worthSaving(moments: readonly Position[], end: Position, present: Position): { readonly moments: readonly Position[]; readonly momentsProblem?: string } {
  const [first, ...later] = moments;
  if (first === undefined) return { moments: [], momentsProblem: 'It has no snapshots: the machine ran without time travel.' };
  if (!isPowerOn(first)) return { moments: [], momentsProblem: 'It has no snapshots: the time line does not begin at power-on any more.' };
  const distance = (moment: Position, retired: number): number => Math.abs(moment.retired - retired);
  const nearest = (retired: number): readonly Position[] => later.slice(0).sort((one, other) => distance(one, retired) - distance(other, retired)).slice(0, 1);
  const spread = Array.from({ length: MOST_SAVED - 1 }, (_, i) => nearest(((i + 1) * end.retired) / (MOST_SAVED - 1)));
  return { moments: [first, ...[...new Set([...spread.flat(), ...later.filter((each) => isSame(each, present))])].sort(compare)] };
}

/** Whether a state can be one of a machine's: it has the same devices, and processors of the same size. */
export function fits(saved: MachineState, present: MachineState): boolean {
  const hasSame = (one: readonly unknown[], other: readonly unknown[]): boolean => one.length === other.length && one.every((each, i) => each === other[i]);
  return hasSame([...saved.devices.keys()], [...present.devices.keys()]) && hasSame(saved.cpus.map(({ length }) => length), present.cpus.map(({ length }) => length));
}
