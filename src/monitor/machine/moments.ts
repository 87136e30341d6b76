/**
 * The snapshots of a run, in the order of their moments: taken where the machine stands, thinned out where there are too many, gone back
 * to, and saved into recordings. What memory and disks held at each is the history's (../snapshot/history).
 */
import { History } from '../snapshot/history';
import { leastMissed } from '../snapshot/thinning';
import { MachineError } from './blame';
import type { VirtualMachine } from './machine';
import type { MachineState } from './machineState';
import { compare, isSame, type Position } from './position';
import { fits, isPowerOn, type SavedSnapshot, type SnapshotOrder } from './savedSnapshots';

/** A snapshot; its number is its place in the list. */
export interface Moment {
  readonly state: MachineState;
  readonly position: Position;
}

/** Snapshots that are kept, however little they hold. */
const MOST_MOMENTS = 200;

export class Moments {
  readonly history: History;
  private list: Moment[] = [];

  /** @param mostBytes memory for images of pages and blocks */
  constructor(
    private readonly machine: VirtualMachine,
    readonly mostBytes: number,
  ) {
    const { map, mmu, drives, floppies } = machine.parts;
    this.history = new History(map, mmu, [...drives].map(([number, drive]) => [String(number), drive] as const));
    floppies.onOpened = (path, disk) => this.history.follow(path, disk);
  }

  get count(): number {
    return this.list.length;
  }

  get first(): Moment | undefined {
    return this.list[0];
  }

  /** Where the snapshots are. */
  get positions(): readonly Position[] {
    return this.list.map(({ position }) => position);
  }

  at(index: number): Moment | undefined {
    return this.list[index];
  }

  indexOf(moment: Moment): number {
    return this.list.indexOf(moment);
  }

  /** Number of the snapshot that the present lies behind; -1 when there are none. */
  present(): number {
    const { position } = this.machine;
    let index = this.list.length - 1;
    while (index > 0 && compare(this.list[index]?.position ?? position, position) > 0) index--;
    this.history.passed(index);
    return index;
  }

  /** Takes a snapshot of the present moment. Says whether there was none. Between two slices only. */
  take(): boolean {
    const { machine, list } = this;
    const { position } = machine;
    const index = this.present();
    const last = list[index];
    if (last && isSame(last.position, position)) return false;
    const state = machine.save(last?.state);
    this.history.add();
    list.splice(index + 1, 0, { state, position });
    return true;
  }

  /** Forgets those that are missed least where there are too many. Says whether there were enough that are not needed. */
  thin(isNeeded: (moment: Moment) => boolean): boolean {
    const { list, history } = this;
    const present = this.present();
    const { retired } = this.machine;
    while (list.length > MOST_MOMENTS || history.bytes > this.mostBytes) {
      const least = leastMissed(list.map(({ position }) => position.retired), retired, (index) => {
        const moment = list[index];
        return index === present || (moment !== undefined && isNeeded(moment));
      });
      if (least < 0) return false;
      list.splice(least, 1);
      history.remove(least);
    }
    return true;
  }

  /** Whether what changes from one snapshot to the next leaves no room for two. */
  get isOutOfMemory(): boolean {
    return this.list.length > 2 && this.history.bytes > 2 * this.mostBytes;
  }

  /** Puts the machine back to a snapshot. */
  restore(index: number): void {
    const moment = this.list[index];
    if (!moment) throw new MachineError('There is no time line: set "timeTravel" to true in the configuration.', 'user');
    this.history.restore(index);
    this.machine.restore(moment.state);
  }

  /** Number of the last snapshot that is not excluded; of the first one if all others are. */
  last(isWanted: (position: Position) => boolean): number {
    let index = this.list.length - 1;
    while (index > 0 && !isWanted(this.list[index]?.position ?? this.machine.position)) index--;
    return index;
  }

  /** Forgets snapshots behind one. */
  cutAt(index: number): void {
    this.history.truncate();
    this.list.length = Math.max(index + 1, 0);
  }

  /** Forgets all of them, and what memory and disks held. */
  clear(): void {
    this.history.clear();
    this.list = [];
  }

  /** One of them, for a recording. Undefined if memory has changed by more than is wanted. */
  save({ since, at, mostBytes }: SnapshotOrder): SavedSnapshot | undefined {
    const [earlier, later] = [since, at].map((wanted) => this.list.findIndex(({ position }) => isSame(position, wanted)));
    const state = this.list[later ?? -1]?.state;
    if (earlier === undefined || later === undefined || state === undefined || earlier < 0) {
      throw new MachineError('The machine has gone on while its recording was being saved: save it again, and let it stand meanwhile.', 'user');
    }
    this.present();
    const bulk = this.history.difference(earlier, later, mostBytes);
    return bulk && { state, bulk };
  }

  /** Takes snapshots of the future that the machine is to have, which stands at power-on. Gives a sentence for the person if not all of them could be. */
  adopt(snapshots: readonly SavedSnapshot[]): string | undefined {
    const { machine, history, list } = this;
    const present = machine.save();
    let trouble: string | undefined;
    for (const { state, bulk } of snapshots) {
      if (history.bytes + bulk.bytes.length > this.mostBytes) {
        trouble = 'The recording has more snapshots than "timeTravelMemory" has room for: what lies behind the last one that has is run through.';
        break;
      }
      if (!isPowerOn(machine.position) || !fits(state, present) || !history.apply(bulk)) {
        trouble = 'The snapshots in the recording are not of this machine: it is run through from the start.';
        break;
      }
      history.add();
      list.push({ state, position: state.own.position });
    }
    history.restore(0);
    return trouble;
  }
}
