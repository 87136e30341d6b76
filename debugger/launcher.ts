/** Makes machines and takes up those that were left, reads their symbols, and shows how far that has come. */
import { OutputEvent, ProgressEndEvent, ProgressStartEvent, ProgressUpdateEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { releasable, type LeftMachine, type Releasable } from './keptMachines';
import { launchOptions, type LaunchOptions } from './launchOptions';
import type { FileReader, MachineFactory, ProgressReporter } from './ports';
import { Program } from './program';

/** A machine with all that is needed to debug it. */
export interface Launched {
  readonly machine: Releasable;
  readonly program: Program;
  readonly options: LaunchOptions;
  readonly configuration: Readonly<Record<string, unknown>>;
}

export const LAUNCH_PROGRESS = 'shadowbox.launch';

export class Launcher {
  constructor(
    private readonly factory: MachineFactory,
    private readonly files: FileReader,
    private readonly send: (event: DebugProtocol.Event) => void,
    /** Whether the client shows progress. */
    private readonly showsProgress: () => boolean,
  ) {}

  launch(configuration: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Launched> {
    return this.withProgress('Starting the machine', signal, async (reporter) => {
      const machine = await Promise.race([this.create(configuration, reporter, signal), cancelled(signal)]);
      return this.withSymbols(releasable(machine), configuration, reporter);
    });
  }

  /** Takes up a machine that was left: it stands then. What `configuration` says of symbols goes before what it was launched with. */
  attach(left: LeftMachine, configuration: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Launched> {
    return this.withProgress('Attaching to the machine', signal, async (reporter) => {
      await left.machine.control.pause();
      return this.withSymbols(releasable(left.machine), { ...left.configuration, ...configuration }, reporter);
    });
  }

  private async withSymbols(machine: Releasable, configuration: Launched['configuration'], reporter: ProgressReporter): Promise<Launched> {
    const options = launchOptions(configuration);
    reporter.report('Reading symbols');
    const program = await Program.load(options, this.files, (message) => this.send(new OutputEvent(`${message}\n`, 'important')));
    const stopOnEntry = options.stopOnEntry && configuration.noDebug !== true;
    return { machine, program, configuration, options: { ...options, stopOnEntry } };
  }

  /** A machine that comes after nobody wants it any more is ended at once. */
  private async create(configuration: unknown, reporter: ProgressReporter, signal: AbortSignal): ReturnType<MachineFactory['create']> {
    const machine = await this.factory.create(configuration, reporter);
    if (signal.aborted) await machine.dispose();
    return machine;
  }

  private async withProgress<T>(title: string, signal: AbortSignal, work: (reporter: ProgressReporter) => Promise<T>): Promise<T> {
    const send = (event: DebugProtocol.Event): void => {
      if (this.showsProgress()) this.send(event);
    };
    const start: DebugProtocol.ProgressStartEvent = new ProgressStartEvent(LAUNCH_PROGRESS, title);
    start.body = { ...start.body, cancellable: true };
    send(start);
    const report = (message: string, percentage?: number): void => {
      const update: DebugProtocol.ProgressUpdateEvent = new ProgressUpdateEvent(LAUNCH_PROGRESS, message);
      if (percentage !== undefined) update.body = { ...update.body, percentage };
      send(update);
    };
    try {
      return await work({ report, signal });
    } finally {
      send(new ProgressEndEvent(LAUNCH_PROGRESS));
    }
  }
}

/** Rejects when the request is cancelled. */
export function cancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(new DOMException('The request was cancelled.', 'AbortError'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
