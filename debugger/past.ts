/**
 * Questions to the past: who has written to memory last, and where a frame was entered. The machine goes back to the moment, and
 * nothing else that is set stops it on the way.
 */
import type { CpuState } from '../src/monitor/inspection/queries';
import type { ExecutionBreakpoint, MachineControl, Watchpoint } from '../src/monitor/machine/session';
import { watchpoint, type WatchedData } from './dataBreakpoints';
import { userError } from './ports';
import type { Runner, Stop } from './runner';
import type { StackManager } from './stack';
import type { Program } from './program';
import type { Target } from './target';

/** The first instruction of a function, where the stack pointer was as a frame has it. */
export type FrameEntry = ExecutionBreakpoint;

/** A bookmark at the moment from which a frame's beginning is looked for, while it is. */
const HERE = 'the frame that is to be restarted';
/** No data breakpoint has this number. */
export const SOUGHT = 0;

export class Past {
  /** What was asked about last. */
  sought: WatchedData | undefined;

  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly runner: Runner,
    /** Gives the machine again what is set. */
    private readonly restore: () => Promise<void>,
  ) {}

  /**
   * Back to the last write to some bytes: the machine then stands behind it; at the beginning if there is none. Where it stands behind
   * one already it stays: bytes have one writer, however often it is asked for.
   */
  whoWrote(data: WatchedData): Promise<Stop> {
    this.sought = data;
    return this.alone({ watchpoints: [watchpoint(SOUGHT, data, 'write')] }, async () => (await this.justWritten()) ?? this.runner.back('reverseContinue', ANY));
  }

  /** Error where there is no way back: to be asked before the machine goes. */
  async check(): Promise<void> {
    await this.beginning();
  }

  /** Retired instructions where the time line begins. Error where there is none. */
  private async beginning(): Promise<number> {
    const { moments: [first] } = await this.target.inspect.timeline();
    if (!first) throw userError('There is no way back: set "timeTravel" to true in the launch configuration.');
    return first.retired;
  }

  /** The last instruction is executed once more, to see whether it was the one. */
  private async justWritten(): Promise<Stop | undefined> {
    const { retired } = await this.target.inspect.summary();
    if (retired <= await this.beginning()) return undefined;
    const before = await this.runner.straight((control) => control.travel(retired - 1));
    if (before.report.reason.kind !== 'count') return before;
    const behind = await this.runner.straight((control) => control.resume({ kind: 'instructions', count: 1 }));
    return behind.report.reason.kind === 'count' ? undefined : behind;
  }

  /**
   * Where the function was entered that a frame is an activation of. Error for a frame without a known function or return address, and where
   * there is no past. The machine stays where it is.
   */
  async entryOf(stack: StackManager, index: number): Promise<FrameEntry> {
    if (await this.beginning() >= (await this.target.inspect.summary()).retired) throw userError('The time line begins here: there is no way back to where the frame was entered.');
    const { frames } = await stack.stack();
    const frame = frames[index];
    const start = frame && this.program.functionAt(frame.lookup)?.start;
    if (!frame || start === undefined) throw userError('Where this frame was entered is not known: no symbols say which function it is.');
    const cpu = await this.target.cpu();
    if (frame.pc === start && index === 0) throw userError('The frame stands on its first instruction already.');
    const slot = frame.returnSlot;
    if (slot === undefined) throw userError('Where this frame was entered is not known: its return address was not found.');
    const stackBase = cpu.codeBits === 64 ? 0n : cpu.segments.find(({ name }) => name === 'ss')?.base ?? 0n;
    const register = cpu.codeBits === 64 ? 'rsp' : 'esp';
    return {
      id: SOUGHT, linear: start, ...sameProcess(cpu),
      gate: { condition: { kind: 'binary', op: '==', left: { kind: 'register', name: register }, right: { kind: 'constant', value: slot - stackBase } } },
    };
  }

  /** Back to there. Where the time line does not reach back so far the machine is left where it stands, with an error that says so. */
  async enter(entry: FrameEntry): Promise<Stop> {
    const { control } = this.target;
    await control.bookmark({ kind: 'add', name: HERE });
    try {
      const stop = await this.alone({ breakpoints: [entry] }, () => this.runner.back('reverseContinue', ANY));
      if (stop.report.reason.kind === 'breakpoint') return { ...stop, as: { reason: 'restart' } };
      if (stop.report.reason.kind !== 'beginning') return stop;
      await this.runner.travel({ bookmark: HERE });
      throw userError('The frame was entered before the time line begins: there is no way back to there.');
    } finally {
      await control.bookmark({ kind: 'remove', name: HERE });
    }
  }

  /** Does something while these stops alone are set. */
  private async alone(
    only: { readonly breakpoints?: readonly ExecutionBreakpoint[]; readonly watchpoints?: readonly Watchpoint[] }, way: () => Promise<Stop>,
  ): Promise<Stop> {
    const { control }: { readonly control: MachineControl } = this.target;
    try {
      await control.setExceptionStops([]);
      await control.setEventStops([]);
      await control.setBreakpoints(only.breakpoints ?? []);
      await control.setWatchpoints(only.watchpoints ?? []);
      return await way();
    } finally {
      await this.restore();
    }
  }
}

/** Other processes may have the same function and stack at the same addresses: code at CPL 3 was entered in the address space that it runs in. */
function sameProcess(cpu: CpuState): Pick<ExecutionBreakpoint, 'cr3' | 'privilege'> {
  const cr3 = cpu.cpl === 3 ? cpu.control.find(({ name }) => name === 'cr3')?.value : undefined;
  return cr3 === undefined ? {} : { cr3: Number(cr3), privilege: 'user' };
}

const ANY = { judge: async () => ({ stop: true, hitBreakpointIds: [] }) };
