/**
 * Time travel: the snapshots of a run, and how the machine gets to any moment of it: back to the nearest snapshot before, and on from
 * there, with the same input and without output, to the very moment. A way is gone in slices like any run, so that the host stays
 * in control. A change in the past makes a new future: what came after it is forgotten.
 */
import { History } from '../snapshot/history';
import { leastMissed } from '../snapshot/thinning';
import { MachineError } from './blame';
import type { Edit } from './inputLog';
import type { VirtualMachine } from './machine';
import type { MachineState } from './machineState';
import { compare, isSame, type Position } from './position';
import type { SliceOutcome } from './runnable';
import type { MachineInput } from '../devices/device';
import type { Timeline } from '../inspection/queries';
import type { RunRequest, StopReason, StopReport } from './session';

/** A snapshot; its number is its place in the list. */
interface Moment {
  readonly state: MachineState;
  readonly position: Position;
}

/** Where a way leads: to a moment, or to the first one with so many retired instructions. */
type Destination = Position | { readonly retired: number };

/** What the machine is on its way to, and why it will stand there. */
interface Seek {
  readonly kind: 'seek';
  readonly to: Destination;
  readonly reason: StopReason;
  /** Whether a snapshot is to be taken shortly before, where the machine goes first. */
  approaches: boolean;
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

/** Snapshots that are kept, however little they hold. */
const MOST_MOMENTS = 200;
/**
 * So many instructions before a moment a snapshot is taken on the way there: who goes to a moment often goes back from it, step by
 * step, and each step then begins there.
 */
const APPROACH = 100_000;
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
  private readonly history: History;
  private moments: Moment[] = [];
  private journey: Seek | Search | undefined;
  /** Where steps have led to, and from where. */
  private readonly steps = new Map<string, Step>();
  /** Where the step under way began. */
  private stepFrom: Step | undefined;
  /** The latest moment that was ever reached since the past was changed last. */
  private furthest: Position;
  private notes: string[] = [];

  constructor(
    private readonly machine: VirtualMachine,
    private readonly mostBytes = DEFAULT_BYTES,
  ) {
    const { map, mmu, drives } = machine.parts;
    this.history = new History(map, mmu, [...drives.values()]);
    this.furthest = machine.position;
    machine.onChange = () => this.forgetFuture();
  }

  // Snapshots.

  /** Takes a snapshot of the present moment, unless there is one. Others are forgotten where there are too many. Between two slices only. */
  remember(): void {
    const { machine, history, moments } = this;
    const { position } = machine;
    const index = this.present();
    const last = moments[index];
    if (last && isSame(last.position, position)) return;
    const state = machine.save(last?.state);
    history.add();
    moments.splice(index + 1, 0, { state, position });
    this.noteProgress();
    this.thin();
  }

  /** Number of the snapshot that the present lies behind; -1 when there are none. */
  private present(): number {
    const { position } = this.machine;
    let index = this.moments.length - 1;
    while (index > 0 && compare(this.moments[index]?.position ?? position, position) > 0) index--;
    this.history.passed(index);
    return index;
  }

  private thin(): void {
    const { moments, history } = this;
    const present = this.present();
    const { retired } = this.machine;
    while (moments.length > MOST_MOMENTS || history.bytes > this.mostBytes) {
      const least = leastMissed(moments.map(({ position }) => position.retired), retired, (index) => index === present || this.isNeeded(moments[index]));
      if (least < 0) return this.forgetPast();
      moments.splice(least, 1);
      history.remove(least);
    }
  }

  private isNeeded(moment: Moment | undefined): boolean {
    return this.journey?.kind === 'search' && moment === this.journey.from;
  }

  /** So much changes from one snapshot to the next that no two of them have room. */
  private forgetPast(): void {
    if (this.moments.length <= 2 || this.history.bytes <= 2 * this.mostBytes) return;
    this.notes.push('Time travel ran out of memory: the time line begins anew here. Give it more with "timeTravelMemory".');
    this.begin();
  }

  /** Begins the time line anew at the present moment. */
  private begin(): void {
    const { machine, history } = this;
    history.clear();
    this.moments = [];
    this.steps.clear();
    this.furthest = machine.position;
    this.remember();
  }

  private restore(index: number): void {
    const moment = this.moments[index];
    if (!moment) throw new MachineError('There is no time line: set "timeTravel" to true in the configuration.', 'user');
    this.noteProgress();
    this.history.restore(index);
    this.machine.restore(moment.state);
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
    if (outcome.reason.kind !== 'count') return this.arrive(outcome.reason);
    if (!journey.approaches) return this.arrive(journey.reason);
    journey.approaches = false;
    this.remember();
    this.goOn(journey);
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

  private stopped({ kind }: StopReason): void {
    this.journey = undefined;
    const { stepFrom } = this;
    this.stepFrom = undefined;
    const { position } = this.machine;
    this.noteProgress();
    // No way leads into the middle of a repeated instruction but a snapshot of it.
    if (position.repeating !== '' && this.moments.length > 0) this.remember();
    if (!stepFrom || kind === 'pause') return;
    this.steps.delete(nameOf(position));
    this.steps.set(nameOf(position), stepFrom);
    const [oldest] = this.steps.keys();
    if (oldest !== undefined && this.steps.size > MOST_STEPS) this.steps.delete(oldest);
  }

  private noteProgress(): void {
    const { position } = this.machine;
    if (compare(position, this.furthest) > 0) this.furthest = position;
  }

  // Ways.

  /** Sets out to the first moment with so many retired instructions. */
  travel(retired: number): void {
    if (!Number.isSafeInteger(retired) || retired < 0) throw new MachineError(`${retired} is no count of retired instructions: give a whole number from 0 up.`, 'user');
    const [first] = this.moments;
    if (first && retired < first.position.retired) {
      throw new MachineError(`The time line begins at instruction ${first.position.retired}: earlier ones cannot be gone back to.`, 'user');
    }
    this.setOut({ retired }, { kind: 'count' });
  }

  /** Sets out to where the last step began that has led here, one of a single instruction if that is the unit; else to one retired instruction before. */
  stepBack(unit?: 'instruction'): void {
    const { position } = this.machine;
    const step = this.steps.get(nameOf(position));
    const from = unit === undefined || step?.isSingle ? step?.from : undefined;
    const [first] = this.moments;
    if (first && compare(first.position, position) >= 0) throw new MachineError('The time line begins here: there is no way further back.', 'user');
    if (from) this.setOut(from, { kind: 'step' });
    else this.setOut({ retired: Math.max(position.retired - 1, first?.position.retired ?? 0) }, { kind: 'step' });
  }

  /** Sets out to where a run would have stopped last before now; to the time line's beginning if nowhere. */
  reverseContinue(): void {
    const { position } = this.machine;
    this.noteProgress();
    let index = this.present();
    while (index > 0 && compare(this.moments[index]?.position ?? position, position) >= 0) index--;
    const from = this.moments[index];
    if (!from || compare(from.position, position) >= 0) throw new MachineError('The time line begins here: there is no way further back.', 'user');
    this.searchFrom({ kind: 'search', from, end: position, origin: position, found: undefined });
  }

  private setOut(to: Destination, reason: StopReason): void {
    const { machine } = this;
    const index = this.nearest(to);
    // On from here, if here is nearer.
    const here = machine.position;
    const isNearer = this.leads(here, to) && compare(this.moments[index]?.position ?? here, here) <= 0;
    if (isNearer && machine.isDead) throw new MachineError('The machine has come to its end: there is nothing behind it.', 'user');
    if (!isNearer) this.restore(index);
    this.stepFrom = undefined;
    this.journey = { kind: 'seek', to, reason, approaches: to.retired - machine.retired > 2 * APPROACH };
    this.goOn(this.journey);
  }

  private goOn({ to, approaches }: Seek): void {
    const { machine } = this;
    if (approaches) machine.rerun({ kind: 'instructions', count: to.retired - APPROACH - machine.retired }, undefined, 'passed');
    else if ('events' in to) machine.rerun({ kind: 'continue' }, to, 'passed');
    else machine.rerun({ kind: 'instructions', count: to.retired - machine.retired }, undefined, 'passed');
  }

  /** Number of the last snapshot from which a way leads to a moment. */
  private nearest(to: Destination): number {
    let index = this.moments.length - 1;
    for (; index > 0; index--) {
      const moment = this.moments[index];
      if (moment && this.leads(moment.position, to)) break;
    }
    return index;
  }

  /** Whether a way leads from one moment to another. */
  private leads(position: Position, to: Destination): boolean {
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
    const index = moments.indexOf(search.from);
    const before = moments[index - 1];
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
    if (this.moments.length > 0) this.remember();
    return done;
  }

  /** Something comes in from outside, which makes a new future if the machine is in the past. Nothing can while it is on its way. */
  input(input: MachineInput): void {
    if (this.journey) throw new MachineError('The machine is on its way through its past: input is refused until it has arrived.', 'user');
    this.machine.input(input);
  }

  /** Power-on reset: the time line begins anew. */
  reset(): void {
    this.journey = this.stepFrom = undefined;
    const hadMoments = this.moments.length > 0;
    // What disks and pages held is not wanted back.
    this.history.clear();
    this.machine.reset();
    if (hadMoments) this.begin();
    else this.furthest = this.machine.position;
  }

  private forgetFuture(): void {
    const { machine, furthest } = this;
    const { position } = machine;
    if (compare(position, furthest) >= 0) return;
    const index = this.present();
    this.history.truncate();
    this.moments.length = Math.max(index + 1, 0);
    machine.forgetFuture();
    for (const [name, { from }] of this.steps) if (compare(from, position) >= 0) this.steps.delete(name);
    this.furthest = position;
    this.notes.push(`The past was changed at instruction ${position.retired}: what came after it, up to instruction ${furthest.retired}, is forgotten.`);
  }

  // For those who look.

  /** Sentences for the person since this was last asked. */
  takeNotes(): readonly string[] {
    const { notes } = this;
    this.notes = [];
    return notes;
  }

  view(): Timeline {
    const { moments, machine, furthest, history } = this;
    return {
      moments: moments.map(({ position }) => ({ retired: position.retired, time: position.time })),
      present: { retired: machine.retired, time: machine.time },
      furthest: { retired: Math.max(furthest.retired, machine.retired), time: Math.max(furthest.time, machine.time) },
      bytes: history.bytes,
    };
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
