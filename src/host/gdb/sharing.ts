/**
 * One machine with two that control it: an editor, whose session it is, and a GDB beside it. While a GDB is connected it alone
 * lets the machine go; the editor is refused in words, and sees all that happens. Breakpoints and exceptions of both stop the
 * machine, whoever lets it go.
 */
import { MachineError } from '../../monitor/machine/blame';
import type { ExceptionStop, ExecutionBreakpoint, MachineControl, MachineEvent, MachineSession, StopReason } from '../../monitor/machine/session';

const REFUSAL = 'A GDB is connected, and has the machine: continue or step there, or detach it first.';

/** The breakpoints and exceptions of one of the two. */
interface Wanted {
  breakpoints: readonly ExecutionBreakpoint[];
  exceptions: readonly ExceptionStop[];
}

/** Ids of both lie side by side in the machine: even ones are the editor's, odd ones GDB's. */
type Side = 0 | 1;

export class SharedMachine {
  readonly editor: MachineSession;
  readonly gdb: MachineSession;
  /** Whether a GDB has the machine. */
  handedOver = false;
  private readonly wanted: readonly [Wanted, Wanted] = [{ breakpoints: [], exceptions: [] }, { breakpoints: [], exceptions: [] }];
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
    this.session.onEvent((event) => {
      if (event.kind !== 'stopped') return listener(event);
      listener({ kind: 'stopped', report: { ...event.report, reason: seenBy(side, event.report.reason) } });
    });
  }

  private controlOf(side: Side): MachineControl {
    const { control } = this.session;
    const wanted = this.wanted[side];
    return {
      ...control,
      setBreakpoints: (breakpoints) => {
        wanted.breakpoints = breakpoints.map((each) => ({ ...each, id: 2 * each.id + side }));
        return control.setBreakpoints(this.wanted.flatMap((each) => each.breakpoints));
      },
      setExceptionStops: (exceptions) => {
        wanted.exceptions = exceptions;
        return control.setExceptionStops(this.wanted.flatMap((each) => each.exceptions));
      },
    };
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

/** A stop with the ids that this side has given. */
function seenBy(side: Side, reason: StopReason): StopReason {
  if (reason.kind !== 'breakpoint') return reason;
  return { kind: 'breakpoint', ids: reason.ids.filter((id) => id % 2 === side).map((id) => (id - side) / 2) };
}
