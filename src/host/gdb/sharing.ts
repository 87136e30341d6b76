/**
 * One machine with two that control it: an editor, whose session it is, and a GDB beside it. While a GDB is connected it alone
 * lets the machine go; the editor is refused in words, and sees all that happens. Breakpoints and exceptions of both stop the
 * machine, whoever lets it go.
 */
import { MachineError } from '../../monitor/machine/blame';
import type {
  EventStop, ExceptionStop, ExecutionBreakpoint, GateProblem, MachineControl, MachineEvent, MachineSession, StopReason, Watchpoint,
} from '../../monitor/machine/session';

const REFUSAL = 'A GDB is connected, and has the machine: continue or step there, or detach it first.';

/** What one of the two wants to stop at. */
interface Wanted {
  breakpoints: readonly ExecutionBreakpoint[];
  exceptions: readonly ExceptionStop[];
  watchpoints: readonly Watchpoint[];
  events: readonly EventStop[];
}

const nothing = (): Wanted => ({ breakpoints: [], exceptions: [], watchpoints: [], events: [] });

/** Ids of both lie side by side in the machine: even ones are the editor's, odd ones GDB's. */
type Side = 0 | 1;

export class SharedMachine {
  readonly editor: MachineSession;
  readonly gdb: MachineSession;
  /** Whether a GDB has the machine. */
  handedOver = false;
  private readonly wanted: readonly [Wanted, Wanted] = [nothing(), nothing()];
  private readonly editorListeners: ((event: MachineEvent) => void)[] = [];

  constructor(private readonly session: MachineSession, onDispose: () => void) {
    const dispose = async (): Promise<void> => {
      onDispose();
      await session.dispose();
    };
    const { inspect } = session;
    this.editor = { control: this.editorControl(), inspect, dispose, onEvent: (listener) => this.listen(0, listener) };
    this.gdb = { control: this.controlOf(1), inspect, dispose, onEvent: (listener) => this.listen(1, listener) };
  }

  /** Says something to the person, in the editor. */
  tell(text: string): void {
    for (const listener of this.editorListeners) listener({ kind: 'message', blame: 'user', text });
  }

  private listen(side: Side, listener: (event: MachineEvent) => void): void {
    if (side === 0) this.editorListeners.push(listener);
    this.session.onEvent((event) => listener(eventSeenBy(side, event)));
  }

  private controlOf(side: Side): MachineControl {
    const { control } = this.session;
    const wanted = this.wanted[side];
    return {
      ...control,
      setBreakpoints: (list) => this.set(wanted, { breakpoints: marked(side, list) }, () => control.setBreakpoints(this.wanted.flatMap(({ breakpoints }) => breakpoints))),
      setExceptionStops: (list) => this.set(wanted, { exceptions: list.map((each) => (each.id === undefined ? each : { ...each, id: markedId(side, each.id) })) }, () =>
        control.setExceptionStops(this.wanted.flatMap(({ exceptions }) => exceptions))),
      setWatchpoints: (list) => this.set(wanted, { watchpoints: marked(side, list) }, () => control.setWatchpoints(this.wanted.flatMap(({ watchpoints }) => watchpoints))),
      setEventStops: (list) => this.set(wanted, { events: marked(side, list) }, () => control.setEventStops(this.wanted.flatMap(({ events }) => events))),
    };
  }

  /** Tells the machine what is wanted now; what it refuses is not wanted any more. */
  private async set(wanted: Wanted, change: Partial<Wanted>, tell: () => Promise<void>): Promise<void> {
    const before = { ...wanted };
    Object.assign(wanted, change);
    try {
      await tell();
    } catch (error) {
      Object.assign(wanted, before);
      throw error;
    }
  }

  private editorControl(): MachineControl {
    const control = this.controlOf(0);
    const unlessHandedOver = <Parameters extends readonly unknown[]>(call: (...parameters: Parameters) => Promise<void>) =>
      (...parameters: Parameters): Promise<void> => (this.handedOver ? Promise.reject(new MachineError(REFUSAL, 'user')) : call(...parameters));
    return {
      ...control,
      resume: unlessHandedOver(control.resume),
      travel: unlessHandedOver(control.travel),
      stepBack: unlessHandedOver(control.stepBack),
      reverseContinue: unlessHandedOver(control.reverseContinue),
      reset: unlessHandedOver(control.reset),
    };
  }
}

const markedId = (side: Side, id: number): number => 2 * id + side;

function marked<T extends { readonly id: number }>(side: Side, list: readonly T[]): readonly T[] {
  return list.map((each) => ({ ...each, id: markedId(side, each.id) }));
}

/** An id that this side has given; nothing for one of the other side's. */
const ownId = (side: Side, id: number): readonly number[] => (id % 2 === side ? [(id - side) / 2] : []);

function own<T extends { readonly id: number }>(side: Side, list: readonly T[]): readonly T[] {
  return list.flatMap((each) => ownId(side, each.id).map((id) => ({ ...each, id })));
}

const ownProblems = (side: Side, problems: readonly GateProblem[] | undefined): { readonly problems?: readonly GateProblem[] } =>
  (problems ? { problems: own(side, problems) } : {});

/** A stop with the ids that this side has given. */
function seenBy(side: Side, reason: StopReason): StopReason {
  switch (reason.kind) {
    case 'breakpoint':
    case 'event': return { ...reason, ids: reason.ids.flatMap((id) => ownId(side, id)), ...ownProblems(side, reason.problems) };
    case 'watchpoint': return { ...reason, hits: own(side, reason.hits), ...ownProblems(side, reason.problems) };
    case 'exception': return { ...reason, ...(reason.ids ? { ids: reason.ids.flatMap((id) => ownId(side, id)) } : {}), ...ownProblems(side, reason.problems) };
    default: return reason;
  }
}

/** An event with the ids that this side has given. */
function eventSeenBy(side: Side, event: MachineEvent): MachineEvent {
  if (event.kind === 'log') return { ...event, entries: own(side, event.entries) };
  return event.kind === 'stopped' ? { kind: 'stopped', report: { ...event.report, reason: seenBy(side, event.report.reason) } } : event;
}
