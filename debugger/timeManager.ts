/** The time line for people: ways to any moment of it with progress, bookmarks, recordings; for the panel *Time* and the console. */
import type { TravelTarget } from '../src/monitor/machine/session';
import { toWire } from './codec';
import type { CommandKind, Execution } from './execution';
import type { PanelCommand, PanelRequests } from './panelProtocol';
import { userError, type DebuggedMachine } from './ports';
import type { Progresses } from './progress';
import type { RequestArguments } from './requestArguments';
import type { Runner, Stop } from './runner';
import type { Target } from './target';

/** What a handler may do besides answering. */
export interface PanelCall {
  readonly signal: AbortSignal;
  afterResponse(action: () => void): void;
}

type TimeCommand = Extract<PanelCommand, 'shadowbox.timeline' | 'shadowbox.travel' | 'shadowbox.bookmark' | 'shadowbox.saveRecording'>;
export type TimeHandlers = { readonly [Command in TimeCommand]: (args: RequestArguments, call: PanelCall) => Promise<PanelRequests[Command]['answer']> };

/** How often the progress of a way is looked at, in milliseconds. */
const LOOK_MS = 200;

export class TimeManager {
  constructor(
    private readonly machine: DebuggedMachine,
    private readonly target: Target,
    private readonly runner: Runner,
    private readonly execution: Execution,
    private readonly progresses: Progresses,
    private readonly listener: {
      tell(text: string, important: boolean): void;
      /** Bookmarks have changed: panels ask anew. */
      changed(): void;
    },
  ) {}

  /** Sets out to a moment; gives what to do when the client has the answer. */
  go(to: TravelTarget, kind: CommandKind = 'run'): Promise<() => void> {
    return this.execution.begin(() => this.travel(to), kind, true);
  }

  /** The machine of a recording goes to where it stood, and is compared with what it was. */
  open(recordedHash: string): Promise<() => void> {
    return this.execution.begin(async () => {
      const stop = await this.travel('recorded');
      if (stop.report.reason.kind !== 'pause' && await this.target.inspect.hash() !== recordedHash) {
        this.listener.tell('The machine has not come to the state that was recorded: its hash is another one. Was it recorded by another version of Shadowbox?', true);
      }
      return stop;
    }, 'run', true);
  }

  private async travel(to: TravelTarget): Promise<Stop> {
    const end = await this.retiredAt(to);
    return this.show('Travelling through time', () => this.runner.travel(to), end);
  }

  /** Goes some way through time, while the client sees where the machine is, and may cancel it, which leaves the machine where it then is. */
  show(title: string, way: () => Promise<Stop>, end?: number): Promise<Stop> {
    return this.progresses.show(title, async ({ report, signal }) => {
      signal.addEventListener('abort', () => void this.execution.pause());
      const look = setInterval(() => {
        void this.target.inspect.summary().then(({ retired }) => {
          report(`at instruction ${retired.toLocaleString('en-GB')}`, end === undefined || end === 0 ? undefined : Math.min(100, Math.floor((100 * retired) / end)));
        }, () => undefined);
      }, LOOK_MS);
      try {
        return await way();
      } finally {
        clearInterval(look);
      }
    });
  }

  /** The count of instructions that a way ends at, where it is known. */
  private async retiredAt(to: TravelTarget): Promise<number | undefined> {
    if (typeof to === 'number') return to;
    const { furthest, bookmarks, forks } = await this.target.inspect.timeline();
    if (typeof to === 'string') return furthest.retired;
    if ('retired' in to) return to.retired;
    if ('bookmark' in to) return bookmarks.find(({ name }) => name === to.bookmark)?.retired;
    return 'fork' in to ? forks.find(({ id }) => id === to.fork)?.end.retired : undefined;
  }

  async addBookmark(name: string): Promise<void> {
    await this.target.control.bookmark({ kind: 'add', name });
    this.listener.changed();
  }

  /** Saves the run of the machine, which has to stand. */
  async save(path: string, what: { readonly embed: boolean; readonly snapshots: boolean }, signal?: AbortSignal): Promise<PanelRequests['shadowbox.saveRecording']['answer']> {
    const { machine } = this;
    if (!machine.saveRecording) throw userError('This machine cannot be recorded.');
    const saved = await this.progresses.show('Saving the recording', (progress) => machine.saveRecording?.(path, { ...what, progress }) ?? Promise.reject(userError('This machine cannot be recorded.')), signal);
    return { ...saved };
  }

  handlers(): TimeHandlers {
    return {
      'shadowbox.timeline': async (args) => {
        const [from, to] = [args.optionalInteger('from', 0), args.optionalInteger('to', 0)];
        return toWire(await this.target.inspect.timeline(from === undefined || to === undefined ? undefined : { from, to }));
      },
      'shadowbox.travel': async (args, call) => {
        const tell = await this.go(targetIn(args));
        call.afterResponse(() => {
          // The client has not asked for it itself.
          this.execution.tellContinued();
          tell();
        });
        return {};
      },
      'shadowbox.bookmark': async (args) => {
        const [kind, name] = [args.string('kind'), args.string('name')];
        if (kind === 'rename') await this.target.control.bookmark({ kind, name, to: args.string('to') });
        else if (kind === 'add' || kind === 'remove') await this.target.control.bookmark({ kind, name });
        else throw userError(`shadowbox.bookmark: there is no '${kind}'; there are 'add', 'rename' and 'remove'.`);
        this.listener.changed();
        return {};
      },
      'shadowbox.saveRecording': (args, call) => this.save(
        args.string('path'), { embed: args.optionalBoolean('embed') ?? false, snapshots: args.optionalBoolean('snapshots') ?? false }, call.signal,
      ),
    };
  }
}

function targetIn(args: RequestArguments): TravelTarget {
  const [retired, time, fork] = [args.optionalInteger('retired', 0), args.optionalInteger('time', 0), args.optionalInteger('fork', 1)];
  const bookmark = args.optionalString('bookmark');
  const given = [retired, time, fork, bookmark, args.optionalBoolean('furthest') === true ? true : undefined].filter((each) => each !== undefined);
  if (given.length > 1) throw userError("shadowbox.travel: only one of 'retired', 'time', 'bookmark', 'fork' and 'furthest' can say where to go.");
  if (retired !== undefined) return { retired };
  if (time !== undefined) return { time };
  if (bookmark !== undefined) return { bookmark };
  if (fork !== undefined) return { fork };
  if (args.optionalBoolean('furthest') === true) return 'furthest';
  throw userError("shadowbox.travel: one of 'retired', 'time', 'bookmark', 'fork' and 'furthest' says where to go.");
}
