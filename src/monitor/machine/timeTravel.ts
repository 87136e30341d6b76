/**
 * Time travel: the snapshots of a run, and how the machine gets to any moment of it: back to the nearest snapshot before, and on from
 * there, with the same input and without output, to the very moment. A way is gone in slices like any run, so that the host stays
 * in control. A change in the past makes a new future: what came after it is forgotten.
 */
import { MachineError } from './blame';
import { Bookmarks } from './bookmarks';
import { diskStarts, type DiskStart } from './diskStarts';
import { Forks, commonPast, type Branch } from './forks';
import type { Edit } from './inputLog';
import type { VirtualMachine } from './machine';
import { Moments, type Moment } from './moments';
import { compare, isSame, type Position } from './position';
import type { SliceOutcome } from './runnable';
import type { MachineInput } from '../devices/device';
import { SeenStops } from './seenStops';
import type { Timeline, TimelineRange } from '../inspection/queries';
import { isPowerOn, worthSaving, type SavedSnapshot, type SnapshotOrder } from './savedSnapshots';
import type { BookmarkChange, RunRecord, RunRequest, StopReason, StopReport, TravelTarget } from './session';
import { timelineView } from './timelineView';

/** Where a way leads: to a moment, or to the first one with so many retired instructions or so much virtual time. */
type Destination = Position | { readonly retired: number } | { readonly time: number };

/** What the machine is on its way to, and why it will stand there. */
interface Seek {
  readonly kind: 'seek';
  readonly to: Destination;
  readonly reason: StopReason;
  /** Whether a snapshot is to be taken shortly before, where the machine goes first. */
  approaches: boolean;
  /** Whether the instruction there is to be tried, up to the exception that it stops at: its walks of page tables have set bits by then. */
  tries: 'once' | 'under way' | 'never';
}

/** Runs from one snapshot to the next, from the last one back, to find where a run would have stopped last before `origin`. */
interface Search {
  readonly kind: 'search';
  /** Where the piece begins that is run now, and where it ends. */
  from: Moment;
  end: Position;
  readonly origin: Position;
  /** The last stop in it so far. */
  found: { readonly at: Position; readonly reason: StopReason } | undefined;
}

/**
 * So many instructions before a moment a snapshot is taken on the way there: who goes to a moment often goes back from it, step by
 * step, and each step then begins there.
 */
const APPROACH = 100_000;
/**
 * Where a run is stopped a snapshot is taken, if the last one is so many instructions away: steps are taken from there, and taken back
 * to there. Nearer, it would not save a thousandth of a second.
 */
const STOP_DISTANCE = 50_000;
/** Steps that can be taken back to where they began, however far that is. */
const MOST_STEPS = 4096;
/** Memory for images of pages, where the configuration does not say. */
const DEFAULT_BYTES = 512 * 1024 * 1024;

/** Where a step began, and whether it was one of a single instruction (which interrupts may have come between). */
interface Step {
  readonly from: Position;
  readonly isSingle: boolean;
}

export class TimeTravel {
  private readonly moments: Moments;
  private journey: Seek | Search | undefined;
  /** Where steps have led to, and from where. */
  private readonly steps = new Map<string, Step>();
  /** Where the step under way began. */
  private stepFrom: Step | undefined;
  /** The latest moment that was ever reached since the past was changed last. */
  private furthest: Position;
  private notes: string[] = [];
  private readonly bookmarks = new Bookmarks();
  private readonly forks = new Forks();
  private readonly seen = new SeenStops();
  /** Whether the time line begins with a reset by the person. */
  private wasReset = false;

  /**
   * @param recorded a time line to begin with, whose input the machine's log has
   * @param snapshots of that time line, one told from the other, the first from power-on; they are taken out
   */
  constructor(
    private readonly machine: VirtualMachine,
    mostBytes = DEFAULT_BYTES,
    private readonly recorded?: RunRecord,
    snapshots: SavedSnapshot[] = [],
  ) {
    this.moments = new Moments(machine, mostBytes);
    // Floppies that are put in on the way are there from the start: snapshots of the recording tell of them.
    for (const { input } of recorded?.inputs ?? []) {
      if (input.kind === 'media' && input.drive !== 'cdrom') machine.parts.floppies.prepare(input);
    }
    this.furthest = recorded?.end ?? machine.position;
    this.bookmarks.begin(recorded?.bookmarks ?? []);
    machine.onChange = () => this.forgetFuture();
    if (snapshots.length > 0) this.adopt(snapshots.splice(0));
  }

  // Snapshots.

  /** Takes a snapshot of the present moment, unless there is one. Others are forgotten where there are too many. Between two slices only. */
  remember(): void {
    if (!this.moments.take()) return;
    this.noteProgress();
    if (!this.moments.thin((moment) => this.isNeeded(moment))) this.forgetPast();
  }

  private isNeeded(moment: Moment): boolean {
    if (this.journey?.kind === 'search' && moment === this.journey.from) return true;
    // No way leads to a bookmark in the middle of a repeated instruction but a snapshot of it.
    return moment.position.repeating !== '' && this.bookmarks.list.some(({ position }) => isSame(position, moment.position));
  }

  /** So much changes from one snapshot to the next that no two of them have room. */
  private forgetPast(): void {
    if (!this.moments.isOutOfMemory) return;
    this.noteProgress();
    this.notes.push('Time travel ran out of memory: the time line begins anew here. Give it more with "timeTravelMemory".');
    this.begin();
  }

  /** Begins the time line anew at the present moment. */
  private begin(): void {
    const { machine } = this;
    this.moments.clear();
    this.steps.clear();
    this.seen.clear();
    this.forks.clear();
    this.bookmarks.begin(this.bookmarks.list.filter(({ position }) => compare(position, machine.position) >= 0));
    this.remember();
  }

  private restore(index: number): void {
    this.noteProgress();
    this.moments.restore(index);
  }

  // Runs, as the host sees them.

  resume(request: RunRequest): void {
    this.machine.resume(request);
    this.journey = undefined;
    this.stepFrom = request.kind === 'step' ? { from: this.machine.position, isSingle: !request.over && (request.ranges ?? []).length === 0 } : undefined;
  }

  runSlice(maxCycles: number): SliceOutcome {
    const { journey, machine } = this;
    const outcome = machine.runSlice(maxCycles);
    if (typeof outcome === 'string') return outcome;
    if (!journey) {
      if ('reason' in outcome) this.stopped(outcome.reason);
      return outcome;
    }
    if (!('reason' in outcome)) {
      // Time that passes again is not waited for.
      if (!Number.isFinite(outcome.idleCycles)) return this.arrive({ kind: 'pause' });
      machine.warp(outcome.idleCycles);
      return 'more';
    }
    if (journey.kind === 'search') return this.searched(journey, outcome.reason);
    if (outcome.reason.kind !== 'count' && outcome.reason.kind !== 'time') return this.arrive(outcome.reason);
    if (journey.approaches) {
      journey.approaches = false;
      this.remember();
      this.goOn(journey);
      return 'more';
    }
    if (journey.tries === 'under way') this.setOut(journey.to, journey.reason, 'never');
    else if (journey.tries === 'never') return this.arrive(journey.reason);
    else {
      journey.tries = 'under way';
      machine.rerun({ kind: 'instructions', count: 1 }, undefined, 'backwards');
    }
    return 'more';
  }

  requestPause(): StopReport {
    const report = this.machine.requestPause();
    this.stopped(report.reason);
    return report;
  }

  private arrive(reason: StopReason): StopReport {
    this.journey = undefined;
    this.noteProgress();
    return this.machine.report(reason);
  }

  private stopped(reason: StopReason): void {
    const { kind } = reason;
    this.journey = undefined;
    const { stepFrom } = this;
    this.stepFrom = undefined;
    const { position } = this.machine;
    this.noteProgress();
    // No way leads into the middle of a repeated instruction but a snapshot of it.
    if (this.moments.count > 0 && (position.repeating !== '' || this.sinceLast() > STOP_DISTANCE)) this.remember();
    this.seen.note(reason, position);
    if (!stepFrom || kind === 'pause') return;
    this.steps.delete(nameOf(position));
    this.steps.set(nameOf(position), stepFrom);
    const [oldest] = this.steps.keys();
    if (oldest !== undefined && this.steps.size > MOST_STEPS) this.steps.delete(oldest);
  }

  /** Instructions since the last snapshot. */
  private sinceLast(): number {
    const { retired } = this.machine;
    return retired - (this.moments.at(this.moments.present())?.position.retired ?? retired);
  }

  private noteProgress(): void {
    const { position } = this.machine;
    if (compare(position, this.furthest) > 0) this.furthest = position;
  }

  // Ways.

  /** Sets out to a moment. */
  travel(to: TravelTarget): void {
    this.noteProgress();
    if (typeof to === 'object' && 'fork' in to) return this.enterFork(to.fork);
    const destination = this.destinationOf(to);
    const { first } = this.moments;
    if (first && this.isBefore(destination, first.position)) {
      throw new MachineError(`The time line begins at instruction ${first.position.retired}: earlier ones cannot be gone back to.`, 'user');
    }
    this.setOut(destination, { kind: 'count' });
  }

  private destinationOf(to: Exclude<TravelTarget, { readonly fork: number }>): Destination {
    if (to === 'furthest') return this.furthest;
    if (to === 'recorded') {
      if (!this.recorded) throw new MachineError('This machine was not opened from a recording.', 'user');
      return this.recorded.stood.position;
    }
    const target = typeof to === 'number' ? { retired: to } : to;
    if ('bookmark' in target) return this.bookmarks.find(target.bookmark).position;
    const [value, what] = 'time' in target ? [target.time, 'virtual time in nanoseconds'] : [target.retired, 'count of retired instructions'];
    if (!Number.isSafeInteger(value) || value < 0) throw new MachineError(`${value} is no ${what}: give a whole number from 0 up.`, 'user');
    return target;
  }

  private isBefore(destination: Destination, first: Position): boolean {
    if ('events' in destination) return compare(destination, first) < 0;
    return 'time' in destination ? destination.time < first.time : destination.retired < first.retired;
  }

  /** Sets out to where the last step began that has led here, one of a single instruction if that is the unit; else to one retired instruction before. */
  stepBack(unit?: 'instruction'): void {
    const { position } = this.machine;
    const step = this.steps.get(nameOf(position));
    const from = unit === undefined || step?.isSingle ? step?.from : undefined;
    const { first } = this.moments;
    if (first && compare(first.position, position) >= 0) throw new MachineError('The time line begins here: there is no way further back.', 'user');
    if (from) this.setOut(from, { kind: 'step' });
    else this.setOut({ retired: Math.max(position.retired - 1, first?.position.retired ?? 0) }, { kind: 'step' });
  }

  /** Sets out to where a run would have stopped last before now; to the time line's beginning if nowhere. */
  reverseContinue(): void {
    const { position } = this.machine;
    this.noteProgress();
    const from = this.moments.at(this.moments.last((earlier) => compare(earlier, position) < 0));
    if (!from || compare(from.position, position) >= 0) throw new MachineError('The time line begins here: there is no way further back.', 'user');
    this.searchFrom({ kind: 'search', from, end: position, origin: position, found: undefined });
  }

  private setOut(to: Destination, reason: StopReason, tries: Seek['tries'] = reason.kind === 'exception' ? 'once' : 'never'): void {
    const { machine } = this;
    const index = this.moments.last((position) => this.leads(position, to));
    // On from here, if here is nearer.
    const here = machine.position;
    const isNearer = this.leads(here, to) && compare(this.moments.at(index)?.position ?? here, here) <= 0;
    if (isNearer && machine.isDead) throw new MachineError('The machine has come to its end: there is nothing behind it.', 'user');
    if (!isNearer) this.restore(index);
    this.stepFrom = undefined;
    this.journey = { kind: 'seek', to, reason, approaches: this.moments.count > 0 && this.distanceTo(to) > 2 * APPROACH, tries };
    this.goOn(this.journey);
  }

  /** How far it is from here, in instructions, or in cycles where the way leads to a time. */
  private distanceTo(to: Destination): number {
    return 'retired' in to ? to.retired - this.machine.retired : to.time - this.machine.time;
  }

  private goOn({ to, approaches }: Seek): void {
    const { machine } = this;
    if (!('retired' in to)) machine.rerun({ kind: 'untilTime', time: approaches ? to.time - APPROACH : to.time }, undefined, 'passed');
    else if (approaches) machine.rerun({ kind: 'instructions', count: to.retired - APPROACH - machine.retired }, undefined, 'passed');
    else if ('events' in to) machine.rerun({ kind: 'continue' }, to, 'passed');
    else machine.rerun({ kind: 'instructions', count: to.retired - machine.retired }, undefined, 'passed');
  }

  /** Whether a way leads from one moment to another. */
  private leads(position: Position, to: Destination): boolean {
    if (!('retired' in to)) return position.time < to.time;
    if (!('events' in to)) return position.retired < to.retired;
    return isSame(position, to) || (compare(position, to) < 0 && (position.repeating === '' || position.retired < to.retired));
  }

  private searchFrom(search: Search): void {
    this.restore(this.moments.indexOf(search.from));
    this.journey = search;
    this.machine.rerun({ kind: 'continue' }, search.end, 'backwards');
  }

  /** A piece has been run through to a stop, or to its end. */
  private searched(search: Search, reason: StopReason): SliceOutcome {
    const { machine, moments } = this;
    const { position } = machine;
    if (isFound(reason, position, search)) {
      search.found = { at: position, reason };
      machine.parts.executor.passOver();
      machine.rerun({ kind: 'continue' }, search.end, 'backwards');
      return 'more';
    }
    if (search.found) {
      this.setOut(search.found.at, search.found.reason);
      return 'more';
    }
    const before = moments.at(moments.indexOf(search.from) - 1);
    if (before) {
      this.searchFrom({ ...search, from: before, end: search.from.position });
      return 'more';
    }
    this.restore(0);
    return this.arrive({ kind: 'beginning' });
  }

  // Changes.

  /** A debugger changes a register or memory. Gives how many bytes were written. */
  edit(edit: Edit): number {
    const done = this.machine.edit(edit);
    this.furthest = this.machine.position;
    if (this.moments.count > 0) this.remember();
    return done;
  }

  /** Something comes in from outside, which makes a new future if the machine is in the past. Nothing can while it is on its way. */
  input(input: MachineInput): void {
    if (this.journey) throw new MachineError('The machine is on its way through its past: input is refused until it has arrived.', 'user');
    this.machine.input(input);
  }

  /** Power-on reset: the time line begins anew. */
  reset(): void {
    this.wasReset = true;
    this.journey = this.stepFrom = undefined;
    const hadMoments = this.moments.count > 0;
    // What disks and pages held is not wanted back.
    this.moments.history.clear();
    this.machine.reset();
    this.furthest = this.recorded?.end ?? this.machine.position;
    this.bookmarks.begin(this.recorded?.bookmarks ?? []);
    if (hadMoments) this.begin();
  }

  private forgetFuture(): void {
    const { machine, furthest } = this;
    const { position } = machine;
    if (compare(position, furthest) >= 0) return;
    const fork = this.forks.keep(this.branch(), position);
    this.cutAt(this.moments.present());
    machine.forgetFuture();
    this.furthest = position;
    this.notes.push(`The past was changed at instruction ${position.retired}: what came after it, up to instruction ${furthest.retired}, is kept as fork ${fork.id}, and can be gone back to.`);
  }

  /** The present time line, with what was to come. */
  private branch(): Branch {
    return { ...this.machine.log.whole, end: this.furthest, bookmarks: this.bookmarks.list };
  }

  /** Forgets snapshots behind one, and all that was remembered of what came after the present moment. */
  private cutAt(index: number): void {
    const { position } = this.machine;
    this.moments.cutAt(index);
    for (const [name, { from }] of this.steps) if (compare(from, position) >= 0) this.steps.delete(name);
    this.seen.forgetAfter(position);
    this.bookmarks.forgetAfter(position);
  }

  /** Leaves the present time line, which becomes a fork itself, for one that was left, and sets out to the latest moment of that. */
  private enterFork(id: number): void {
    const { machine } = this;
    const fork = this.forks.find(id);
    const left = this.branch();
    const isCommon = commonPast(left, fork.branch);
    const index = this.moments.last(isCommon);
    if (!isCommon(this.moments.at(index)?.position ?? fork.at)) throw new MachineError(`Fork ${id} cannot be gone back to: there is no snapshot left from before it.`, 'user');
    this.restore(index);
    this.cutAt(index);
    machine.log.replace(fork.branch.inputs, fork.branch.edits);
    machine.output.forgetFuture();
    this.furthest = fork.branch.end;
    this.bookmarks.begin(fork.branch.bookmarks);
    this.forks.remove(id);
    const kept = this.forks.keep(left, fork.at);
    this.notes.push(`Fork ${id} is the time line again; what was is kept as fork ${kept.id}.`);
    this.setOut(this.furthest, { kind: 'count' });
  }

  /** Adds, renames or removes a bookmark. */
  bookmark(change: BookmarkChange): void {
    const { position } = this.machine;
    this.bookmarks.change(change, position);
    if (change.kind === 'add' && position.repeating !== '' && this.moments.count > 0) this.remember();
  }

  // For those who look.

  /** Sentences for the person since this was last asked. */
  takeNotes(): readonly string[] {
    const { notes } = this;
    this.notes = [];
    return notes;
  }

  view(range?: TimelineRange): Timeline {
    const { moments, machine } = this;
    const { history, mostBytes } = moments;
    return timelineView({
      snapshots: moments.positions.map((position, index) => ({ position, pages: history.pagesOf(index) })),
      present: { retired: machine.retired, time: machine.time },
      branch: this.branch(), stops: this.seen.list, forks: this.forks.list, bytes: history.bytes, mostBytes,
    }, range);
  }

  /** The whole time line, as it can be saved. `hash`: the machine's, here. */
  record(hash: string): RunRecord {
    if (this.journey) throw new MachineError('The machine is on its way through its past: save the recording when it has arrived.', 'user');
    this.noteProgress();
    // Who opens the recording goes here first.
    if (this.moments.count > 0) this.remember();
    const { inputs, edits, end, bookmarks } = this.branch();
    const { position } = this.machine;
    const moments = worthSaving(this.moments.positions, end, position);
    return { inputs, edits, end, bookmarks, retired: end.retired, time: end.time, stood: { position, hash }, ...moments };
  }

  /** A snapshot of the time line, for a recording. Undefined if memory has changed by more than is wanted. */
  saveSnapshot(order: SnapshotOrder): SavedSnapshot | undefined {
    return this.moments.save(order);
  }

  /** What disks held at power-on that the guest writes to itself, for a recording. */
  diskStarts(): readonly DiskStart[] {
    const { first } = this.moments;
    if (!first || !isPowerOn(first.position)) {
      const why = first ? 'the time line does not begin at power-on any more: give it more memory with "timeTravelMemory"' : 'the machine runs without "timeTravel"';
      throw new MachineError(`The guest writes to its disk itself, and what that held at the start is not known, since ${why}. Start the machine anew to record it.`, 'user');
    }
    return diskStarts(this.machine.parts, this.moments.history, this.wasReset);
  }

  /** Takes snapshots of the future that the machine is to have, which stands at power-on. */
  private adopt(snapshots: readonly SavedSnapshot[]): void {
    this.remember();
    const trouble = this.moments.adopt(snapshots);
    if (trouble !== undefined) this.notes.push(trouble);
  }
}

/** Whether a stop in a piece of a search counts: before its end, or, for what stops behind its cause, at the end of all but the last piece. */
function isFound(reason: StopReason, position: Position, { end, origin }: Search): boolean {
  if (!SOUGHT.has(reason.kind)) return false;
  const distance = compare(position, end);
  return distance < 0 || (distance === 0 && end !== origin && stopsBehind(reason));
}

const SOUGHT: ReadonlySet<StopReason['kind']> = new Set<StopReason['kind']>(['breakpoint', 'watchpoint', 'event', 'exception']);

function stopsBehind(reason: StopReason): boolean {
  return reason.kind === 'watchpoint' || (reason.kind === 'event' && (reason.event.kind === 'mode' || reason.event.kind === 'taskSwitch'));
}

const nameOf = (position: Position): string => JSON.stringify(position);
