/**
 * Going on and stopping: one command at a time drives the machine, and each ends in one `stopped` event (or in the
 * end of the session). Commands that come during a step wait for its end, as a person's keys may be faster than it, unless it takes so
 * long that the client has been told that the machine runs.
 */
import { ContinuedEvent, ExitedEvent, StoppedEvent, TerminatedEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { StopReason } from '../src/monitor/machine/session';
import type { ExceptionManager } from './exceptions';
import { exceptionLine, tripleFaultStory } from './exceptionStories';
import { messageOf, userError } from './ports';
import type { Runner, Stop } from './runner';
import type { StopWords } from './stopWords';

/** A step that takes longer than this is answered before it is done, so that the client shows it as running. */
const STEP_ANSWER_AFTER_MS = 750;
/** How long a machine may take to stop before we say that it does not. */
const PAUSE_TIMEOUT_MS = 5000;

/** There is always one. */
const FIRST_THREAD = 1;

/** Stops from which a machine cannot go on, in words. */
const DEATHS: Partial<Record<StopReason['kind'], string>> = {
  'triple-fault': 'triple fault', 'halted-forever': 'halted for ever', 'internal-error': 'internal error',
};

/** What execution tells the rest of the session. */
export interface ExecutionListener {
  send(event: DebugProtocol.Event): void;
  /** The machine stands: what is shown of it is made anew. Called before the event goes out. */
  onStanding(): Promise<void>;
  /** What the machine stands at, where more is to be said than its reason. */
  describe(reason: StopReason): Promise<StopWords | undefined>;
  /** The thread whose turn it is. */
  threadId(): Promise<number>;
  /** A line for a person to read. */
  tell(text: string, important: boolean): void;
}

/** What a command does: a step is soon over, a run may never be. */
export type CommandKind = 'run' | 'step';

/** A command that drives the machine, until the client has been told how it ended. */
interface Driving {
  readonly kind: CommandKind;
  readonly stop: Promise<Stop>;
  /** Whether the client sees the machine as running: a run, or a step that takes long. */
  isKnownToRun: boolean;
  /** Resolves at that moment: what it came to, or nothing when it failed or does not count any more. */
  readonly told: Promise<Stop | undefined>;
  readonly tell: (stop: Stop | undefined) => void;
}

export class Execution {
  /** The command that drives the machine now. */
  private current: Driving | undefined;
  /** What the client was told last. */
  private lastStop: StoppedBody | undefined;
  /** Counts restarts: the outcome of a command from before one is not told. */
  private generation = 0;
  /** What the machine has come to when nothing but a restart leads on. */
  private dead: string | undefined;
  private ended = false;

  constructor(
    private readonly runner: Runner,
    private readonly exceptions: ExceptionManager,
    private readonly listener: ExecutionListener,
  ) {}

  /**
   * Starts a command. A run is answered at once, a step when it is done, or after 750 ms; the function that comes
   * back is to be called when the client has the response, and tells how the command ended.
   *
   * A command that comes during a step waits for it. It is then carried out if the step ended as a step does; if
   * something else stopped the machine (a breakpoint, an exception, a pause), the person is to see that first: the
   * command does nothing, and the stop is told again. One that comes during a run, or a step that has been answered, is an error.
   * @param leadsBack whether it leads back in time, which even a dead machine can do
   */
  async begin(command: () => Promise<Stop>, kind: CommandKind, leadsBack = false): Promise<() => void> {
    const { generation } = this;
    let waited = false;
    if (this.current?.isKnownToRun === true && !this.ended) throw userError('The machine is running already.');
    while (this.current?.kind === 'step') {
      waited = true;
      const stop = await this.current.told;
      if (generation !== this.generation) return () => undefined;
      if (stop?.report.reason.kind !== 'step') return () => this.tellAgain();
    }
    // Of two that have waited the first may have set the machine running: so it does what the second is for.
    if (this.current && waited) return () => undefined;
    if (this.ended) throw userError('The session has ended.');
    if (this.current) throw userError('The machine is running already.');
    if (this.dead !== undefined && !leadsBack) throw userError(`The machine is dead (${this.dead}); it can be looked at, and restarted.`);
    return this.drive(command, kind, generation);
  }

  private async drive(command: () => Promise<Stop>, kind: CommandKind, generation: number): Promise<() => void> {
    this.runner.begin();
    const driving = driver(kind, command());
    this.current = driving;
    const outcome = driving.stop.then(
      (stop) => () => this.finish(driving, stop, generation),
      (error: unknown) => {
        this.release(driving, undefined);
        throw error;
      },
    );
    // Whoever waits for it learns of a failure; it must not count as unhandled before that.
    outcome.catch(() => undefined);
    if (kind === 'step') {
      const first = await Promise.race([outcome, delay(STEP_ANSWER_AFTER_MS)]);
      if (first) return () => void first();
    }
    driving.isKnownToRun = true;
    return () => void this.tellWhenDone(outcome);
  }

  /** The client takes the answer to a command that did nothing for a machine that goes: it stands as before. */
  private tellAgain(): void {
    if (this.lastStop && !this.current) this.tellStop(this.lastStop);
  }

  private tellStop(body: StoppedBody): void {
    this.lastStop = body;
    this.listener.send(stoppedEvent(body));
  }

  private async tellWhenDone(outcome: Promise<() => Promise<void>>): Promise<void> {
    try {
      await (await outcome)();
    } catch (error) {
      this.listener.tell(messageOf(error), true);
      this.tellStop({ reason: 'pause', description: 'could not go on', text: messageOf(error), threadId: await this.listener.threadId().catch(() => FIRST_THREAD) });
    }
  }

  /** Asks a running machine to stop. */
  async pause(): Promise<void> {
    if (this.current) await this.runner.pause();
  }

  /** Stops the machine without telling the client, for a restart; error when it does not stop. */
  async quiesce(): Promise<void> {
    const current = this.abandon();
    if (!current) return;
    await this.runner.pause();
    const settled = current.stop.then(() => true, () => true);
    if (!(await Promise.race([settled, delay(PAUSE_TIMEOUT_MS)]))) throw new Error('The machine did not stop within 5 seconds.');
  }

  /** The machine has been reset and stands on its first instruction. */
  revive(): void {
    this.dead = undefined;
    this.ended = false;
    this.exceptions.standAt(undefined);
  }

  /** No command is possible any more. */
  end(): void {
    this.abandon();
    this.ended = true;
  }

  /** The command under way, and those that wait for it, do not count any more. */
  private abandon(): Driving | undefined {
    const { current } = this;
    this.generation++;
    if (current) this.release(current, undefined);
    return current;
  }

  /** A command is over, and `stop` has been told if there is one: whoever waits for it goes on. */
  private release(driving: Driving, stop: Stop | undefined): void {
    if (this.current === driving) this.current = undefined;
    driving.tell(stop);
  }

  /** Tells the client that the machine stands, or that the session is over; with it the command is over that led there. */
  async announce(stop: Stop, driving?: Driving): Promise<void> {
    const { reason } = stop.report;
    const { generation } = this;
    if (reason.kind === 'power-off' || reason.kind === 'exit') {
      this.tellEnd(reason);
      return;
    }
    this.dead = DEATHS[reason.kind];
    this.exceptions.standAt(reason);
    let words: StopWords | undefined;
    let threadId = FIRST_THREAD;
    try {
      await this.listener.onStanding();
      threadId = await this.listener.threadId();
      words = await this.listener.describe(reason);
    } catch (error) {
      // The client must learn that the machine stands even when it cannot be looked at.
      this.listener.tell(messageOf(error), true);
    }
    if (generation !== this.generation) return;
    const story = isBreakpoint(stop) ? undefined : storyOf(reason) ?? words?.text;
    if (story !== undefined) this.listener.tell(story, reason.kind === 'internal-error');
    // The client may ask for the next command as soon as it has this.
    if (driving) this.release(driving, stop);
    this.tellStop({ ...stopBody(stop, words), threadId, ...(stop.isElsewhere === true ? { preserveFocusHint: true } : {}) });
  }

  /** Tells the client that the machine goes although it did not ask for it (after a restart). */
  tellContinued(): void {
    this.listener.send(new ContinuedEvent(FIRST_THREAD, true));
  }

  private async finish(driving: Driving, stop: Stop, generation: number): Promise<void> {
    if (generation === this.generation) await this.announce(stop, driving);
  }

  private tellEnd(reason: { kind: 'power-off' } | { kind: 'exit'; status: number }): void {
    this.end();
    const status = reason.kind === 'exit' ? reason.status : 0;
    this.listener.tell(reason.kind === 'exit' ? `The guest ended the run with status ${status}.` : 'The guest has powered the machine off.', false);
    this.listener.send(new ExitedEvent(status));
    this.listener.send(new TerminatedEvent());
  }
}

function driver(kind: CommandKind, stop: Promise<Stop>): Driving {
  let tell: Driving['tell'] = () => undefined;
  const told = new Promise<Stop | undefined>((resolve) => {
    tell = resolve;
  });
  return { kind, stop, isKnownToRun: kind === 'run', told, tell };
}

function delay(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), milliseconds);
  });
}

/** What a person should read in the console about a stop; undefined when the stop speaks for itself. */
function storyOf(reason: StopReason): string | undefined {
  switch (reason.kind) {
    case 'exception': return exceptionLine(reason.exception);
    case 'triple-fault': return `Triple fault. A real processor would reset here; this one stands, to be looked at.\n${tripleFaultStory(reason.chain)}`;
    case 'halted-forever': return reason.story;
    case 'internal-error': return `Internal error of Shadowbox: ${reason.message}\n${reason.stack}`;
    default: return undefined;
  }
}

type StoppedBody = Omit<DebugProtocol.StoppedEvent['body'], 'allThreadsStopped'> & { readonly threadId: number };

/** Also one that the guest has as an exception of its own: in its debug registers, or as INT3. */
function isBreakpoint({ report: { reason }, hitBreakpointIds }: Stop): boolean {
  return reason.kind === 'breakpoint' || (hitBreakpointIds.length > 0 && (reason.kind === 'exception' || reason.kind === 'event'));
}

/** The stop in the client's words. */
function stopBody({ report, hitBreakpointIds, as }: Stop, words: StopWords | undefined): Omit<StoppedBody, 'threadId'> {
  const { reason } = report;
  if (as) return as;
  if (isBreakpoint({ report, hitBreakpointIds })) return { reason: 'breakpoint', hitBreakpointIds: [...hitBreakpointIds] };
  const hit = hitBreakpointIds.length > 0 ? { hitBreakpointIds: [...hitBreakpointIds] } : {};
  switch (reason.kind) {
    case 'entry': return { reason: 'entry' };
    case 'pause': return { reason: 'pause' };
    case 'step': return { reason: 'step' };
    case 'count': return { reason: 'pause', description: 'instruction limit reached' };
    case 'beginning': return { reason: 'pause', description: 'beginning of the time line' };
    case 'time': return { reason: 'pause', description: 'virtual time reached' };
    case 'watchpoint': return { reason: 'data breakpoint', ...words, ...hit };
    case 'event': return { reason: 'exception', ...words };
    case 'breakpoint': return { reason: 'breakpoint', hitBreakpointIds: [...hitBreakpointIds] };
    case 'exception': return { reason: 'exception', description: reason.exception.name, text: exceptionLine(reason.exception) };
    case 'triple-fault': return { reason: 'exception', description: 'triple fault', text: 'triple fault' };
    case 'halted-forever': return { reason: 'exception', description: 'halted for ever', text: reason.story };
    case 'internal-error': return { reason: 'exception', description: 'internal error', text: reason.message };
    case 'power-off':
    case 'exit': return { reason: 'exited' };
  }
}

function stoppedEvent(body: StoppedBody): DebugProtocol.StoppedEvent {
  const event: DebugProtocol.StoppedEvent = new StoppedEvent(body.reason, body.threadId);
  event.body = { ...body, allThreadsStopped: true };
  return event;
}
