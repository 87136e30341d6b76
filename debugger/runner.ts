/**
 * Runs the machine from one stop to the next: turns the machine's `stopped` events into answers, and lets
 * breakpoints whose conditions do not hold pass silently.
 */
import type { MachineControl, MachineEvent, RunRequest, StopReason, StopReport, TravelTarget } from '../src/monitor/machine/session';
import type { GuestBreakpoints } from './guestBreakpoints';
import { userError } from './ports';
import type { StopJudge } from './stopJudge';
import type { Target } from './target';

/** A stop that a person gets to see. */
export interface Stop {
  readonly report: StopReport;
  readonly hitBreakpointIds: readonly number[];
  /** Whether whoever caused it works elsewhere: the client is not to turn to it. */
  readonly isElsewhere?: boolean;
  /** How it is told instead of what its report says: the end of a command that the machine does not know. */
  readonly as?: { readonly reason: 'goto' | 'restart' | 'step'; readonly description?: string };
}

/** What to do after a stop at breakpoints that do not count: go on like this, or end here. */
export type GoOn = (report: StopReport) => Promise<RunRequest | undefined>;

/** Stops that are about something that was set. */
const JUDGED: ReadonlySet<StopReason['kind']> = new Set<StopReason['kind']>(['breakpoint', 'watchpoint', 'event', 'exception']);

/** Requests that lead further than one instruction, whatever that is. */
const FAR: ReadonlySet<RunRequest['kind']> = new Set<RunRequest['kind']>(['continue', 'until', 'untilTime']);

export class Runner {
  private running = false;
  private pauseWanted = false;
  private waiting: ((report: StopReport) => void) | undefined;

  constructor(
    private readonly target: Target,
    /** For stops at what was set; others always count. */
    private readonly judge: StopJudge,
    /** What the guest must be helped past. */
    private readonly guest: Pick<GuestBreakpoints, 'leave'>,
    /** Called whenever the machine is about to go. */
    private readonly onGoing: () => void,
  ) {}

  get isRunning(): boolean {
    return this.running;
  }

  /** To be told of every event of the machine. */
  onEvent(event: MachineEvent): void {
    // Only the stop that ends our own resume counts: a machine may also tell that it stands after a reset.
    if (event.kind !== 'stopped' || event.report.reason.kind === 'entry' || !this.waiting) return;
    const deliver = this.waiting;
    this.waiting = undefined;
    this.running = false;
    this.target.stopped();
    deliver(event.report);
  }

  /** Asks the machine to stop; when it stands between two runs of one command, the next of them ends at once. */
  async pause(): Promise<void> {
    this.pauseWanted = true;
    await this.target.control.pause();
  }

  /** A new command from the user begins: a pause that came too late is forgotten. */
  begin(): void {
    this.pauseWanted = false;
  }

  /** Runs until a stop that counts. `goOn` says how to resume after a breakpoint that does not; default: in the same way. */
  async run(request: RunRequest, goOn: GoOn = async () => request): Promise<Stop> {
    for (let next = request; ;) {
      const report = await this.once(next);
      if (!JUDGED.has(report.reason.kind)) return { report, hitBreakpointIds: [] };
      const verdict = await this.judge.judge(report, false);
      if (verdict.stop) return { report, hitBreakpointIds: verdict.hitBreakpointIds };
      if (this.pauseWanted) return { report: { ...report, reason: { kind: 'pause' } }, hitBreakpointIds: [] };
      const following = await goOn(report);
      if (!following) return { report: { ...report, reason: { kind: 'step' } }, hitBreakpointIds: [] };
      next = following;
    }
  }

  /** One way through the past; see MachineControl. */
  async back(way: 'stepBack' | 'reverseContinue', judge: StopJudge = this.judge): Promise<Stop> {
    for (;;) {
      const report = await this.until(() => this.target.control[way]());
      if (!JUDGED.has(report.reason.kind)) return { report, hitBreakpointIds: [] };
      const verdict = await judge.judge(report, true);
      if (verdict.stop) return { report, hitBreakpointIds: verdict.hitBreakpointIds };
      if (this.pauseWanted) return { report: { ...report, reason: { kind: 'pause' } }, hitBreakpointIds: [] };
    }
  }

  /** To a moment; see MachineControl. It ends as a step does. */
  async travel(to: TravelTarget): Promise<Stop> {
    const report = await this.until(() => this.target.control.travel(to));
    return { report: report.reason.kind === 'count' ? { ...report, reason: { kind: 'step' } } : report, hitBreakpointIds: [] };
  }

  /** One way, to whatever ends it. */
  async straight(start: (control: MachineControl) => Promise<void>): Promise<Stop> {
    return { report: await this.until(() => start(this.target.control)), hitBreakpointIds: [] };
  }

  private async once(request: RunRequest): Promise<StopReport> {
    const resume = (wanted: RunRequest): Promise<StopReport> => this.until(() => this.target.control.resume(wanted));
    const putBack = await this.guest.leave();
    if (!putBack) return resume(request);
    try {
      if (!FAR.has(request.kind)) return await resume(request);
      const first = await resume({ kind: 'step', over: false });
      if (first.reason.kind !== 'step' || (request.kind === 'until' && first.linear === request.address)) return first;
    } finally {
      await putBack();
    }
    return resume(request);
  }

  /** Sets the machine going, and waits until it stands. */
  private async until(start: () => Promise<void>): Promise<StopReport> {
    if (this.running) throw userError('The machine is running already.');
    this.running = true;
    const stopped = new Promise<StopReport>((resolve) => {
      this.waiting = resolve;
    });
    this.target.going();
    this.onGoing();
    try {
      await start();
      // It may have been wanted while the machine stood between two runs of one command, where pausing does nothing.
      if (this.pauseWanted) await this.target.control.pause();
    } catch (error) {
      this.running = false;
      this.waiting = undefined;
      this.target.stopped();
      throw error;
    }
    return stopped;
  }
}
