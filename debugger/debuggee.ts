/**
 * A launched machine with one manager for each concern, wired together; what the router talks to.
 */
import { BreakpointEvent, InvalidatedEvent, MemoryEvent, ModuleEvent, OutputEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { MachineSession, StopReason } from '../src/monitor/machine/session';
import { formatReference, type Place } from './addresses';
import { BreakpointManager } from './breakpoints';
import type { ClientFeatures } from './capabilities';
import { cpuPanelHandlers } from './cpuPanels';
import { Disassembler } from './disassembly/disassembler';
import { Listings } from './disassembly/listings';
import { Evaluation } from './evaluation';
import { ExceptionManager } from './exceptions';
import { Execution, THREAD_ID } from './execution';
import { FrameManager } from './frames';
import { GuestOutput, panelEvent } from './guestOutput';
import type { LaunchOptions } from './launchOptions';
import { LinuxCommands } from './linux/commands';
import { LinuxGuest } from './linux/linuxGuest';
import { dapModule, LinuxQueries } from './linux/queries';
import { MemoryManager } from './memory';
import { OutsideRuns } from './outsideRuns';
import { panelHandlers } from './panels';
import { messageOf, type FileReader } from './ports';
import type { Program } from './program';
import { ReplCommands } from './replCommands';
import { Runner, type Stop } from './runner';
import { SourceManager } from './sources';
import { StackManager } from './stack';
import { Stepper } from './stepping';
import { Target } from './target';
import { VariableManager } from './variables';

/** The serial port that a console is attached to. */
const CONSOLE_PORT = 'com1';

export class Debuggee {
  readonly target: Target;
  readonly exceptions: ExceptionManager;
  readonly breakpoints: BreakpointManager;
  readonly runner: Runner;
  readonly execution: Execution;
  private readonly outside: OutsideRuns;
  readonly frames: FrameManager;
  readonly variables: VariableManager;
  readonly evaluation: Evaluation;
  readonly memory: MemoryManager;
  readonly disassembler: Disassembler;
  readonly listings: Listings;
  readonly stepper: Stepper;
  readonly sources: SourceManager;
  readonly commands: ReplCommands;
  readonly panels: ReturnType<typeof panelHandlers>;
  private readonly linux: LinuxGuest;
  private readonly output: GuestOutput;

  constructor(
    private readonly machine: MachineSession,
    readonly program: Program,
    private readonly options: LaunchOptions,
    private readonly features: ClientFeatures,
    files: FileReader,
    private readonly send: (event: DebugProtocol.Event) => void,
  ) {
    const target = new Target(machine);
    this.linux = new LinuxGuest(target, {
      found: () => void this.renewFunctionBreakpoints().catch((error: unknown) => this.tell(messageOf(error), true)),
      modulesChanged: (loaded, gone) => {
        for (const module of gone) this.send(new ModuleEvent('removed', dapModule(module)));
        for (const module of loaded) this.send(new ModuleEvent('new', dapModule(module)));
      },
    });
    program.describedBy(this.linux);
    const stack = new StackManager(target, program, this.linux);
    this.target = target;
    this.disassembler = new Disassembler(target, program);
    this.listings = new Listings(target, this.disassembler);
    this.frames = new FrameManager(target, program, stack, this.listings);
    this.evaluation = new Evaluation(target, program, this.frames, (place, bytes) => this.edited(place, bytes));
    const resolve = (reference: string): Promise<Place> => this.evaluation.place(reference);
    this.exceptions = new ExceptionManager(target);
    this.breakpoints = new BreakpointManager(target, program, {
      holds: (expression) => this.evaluation.holds(expression),
      show: (expression) => this.evaluation.show(expression),
      resolve,
      log: (text, address) => this.log(text, address),
    });
    this.runner = new Runner(target, this.breakpoints, () => this.onGoing());
    this.stepper = new Stepper(target, program, this.runner, stack, this.disassembler);
    this.variables = new VariableManager(this.frames, this.evaluation);
    this.memory = new MemoryManager(target, resolve);
    const queries = new LinuxQueries(target, this.linux);
    this.sources = new SourceManager(program, files, () => queries.modules());
    this.commands = new ReplCommands(target, this.evaluation, this.disassembler, new LinuxCommands(queries).commands);
    this.output = new GuestOutput(send, async () => (await target.inspect.summary()).retired, features.ansi);
    this.execution = new Execution(this.runner, this.exceptions, {
      send,
      onStanding: () => this.onStanding(),
      tell: (text, important) => this.tell(text, important),
    });
    this.outside = new OutsideRuns(target, this.execution, () => this.onGoing());
    this.panels = panelHandlers(
      target,
      { setHexadecimal: (hexadecimal) => this.setHexadecimal(hexadecimal) },
      (text) => this.evaluation.typedLinear(text),
      cpuPanelHandlers({ target, program, evaluation: this.evaluation, listings: this.listings, edited: () => this.edited(undefined, 0) }),
      queries,
    );
    machine.onEvent((event) => {
      if (event.kind === 'stopped') {
        this.linux.forget();
        this.frames.changed();
      }
      this.outside.onEvent(event, this.runner.isRunning);
      this.runner.onEvent(event);
      this.output.onEvent(event);
    });
  }

  /** Breakpoints and filters are set: the machine goes, or stands on its first instruction. Gives what to do after the answer. */
  async start(): Promise<() => void> {
    if (this.options.serialTerminal) this.send(panelEvent('shadowbox.serialOpen', { port: CONSOLE_PORT }));
    if (this.options.stopOnEntry) {
      const entry = await this.standing({ kind: 'entry' });
      return () => void this.execution.announce(entry);
    }
    return this.goOn();
  }

  /** continue. */
  goOn(): Promise<() => void> {
    return this.execution.begin(() => this.runner.run({ kind: 'continue' }), 'run');
  }

  /** pause: whoever has let the machine go. */
  pause(): Promise<void> {
    return this.outside.isRunning ? this.target.control.pause() : this.execution.pause();
  }

  /** restart: power-on reset, then as at the start. */
  async restart(): Promise<() => void> {
    await this.execution.quiesce();
    this.onGoing();
    await this.target.control.reset();
    this.target.stopped();
    this.linux.forget();
    this.breakpoints.resetHits();
    await this.breakpoints.apply();
    await this.exceptions.apply();
    this.execution.revive();
    if (!this.options.stopOnEntry) {
      const goes = await this.goOn();
      return () => {
        this.execution.tellContinued();
        goes();
      };
    }
    const entry = await this.standing({ kind: 'entry' });
    return () => void this.execution.announce(entry);
  }

  /** Memory was written, or a register set: what is remembered goes, and the client looks again. */
  edited(place: Place | undefined, bytes: number): void {
    this.target.forget();
    this.linux.forget();
    this.frames.changed();
    if (place && bytes > 0 && this.features.memoryEvents) {
      this.send(new MemoryEvent(formatReference(place), 0, bytes));
    }
    this.invalidate(['stacks', 'variables']);
    this.output.changed();
  }

  async dispose(): Promise<void> {
    this.execution.end();
    this.output.dispose();
    this.program.close();
    await this.machine.dispose();
  }

  /** Breakpoints on functions that were not known find them. */
  private async renewFunctionBreakpoints(): Promise<void> {
    for (const breakpoint of await this.breakpoints.renewFunctions()) this.send(new BreakpointEvent('changed', breakpoint));
  }

  private setHexadecimal(hexadecimal: boolean): void {
    this.evaluation.hexadecimal = hexadecimal;
    this.invalidate(['variables']);
  }

  private invalidate(areas: DebugProtocol.InvalidatedAreas[]): void {
    if (this.features.invalidated) this.send(new InvalidatedEvent(areas, THREAD_ID));
  }

  private async standing(reason: StopReason): Promise<Stop> {
    const [cpu, summary] = await Promise.all([this.target.cpu(), this.target.inspect.summary()]);
    const { selector, instructionPointer, linear } = cpu;
    const { retired, time } = summary;
    return { report: { reason, retired, time, selector, instructionPointer, linear }, hitBreakpointIds: [] };
  }

  private onGoing(): void {
    this.variables.forget();
    this.linux.forget();
    this.frames.moved();
    this.exceptions.standAt(undefined);
    this.output.startBeat();
  }

  private async onStanding(): Promise<void> {
    this.output.stopBeat();
    this.output.flush();
    await this.disassembler.noteStanding();
    this.output.changed();
  }

  private tell(text: string, important: boolean): void {
    this.output.flush();
    this.send(new OutputEvent(`${text}\n`, important ? 'important' : 'console'));
  }

  /** Lines of the debugger and output of the guest stay in the order in which they came about. */
  private log(text: string, address: bigint): void {
    this.output.flush();
    const event: DebugProtocol.OutputEvent = new OutputEvent(`${text}\n`, 'console');
    const line = this.program.lineAt(address);
    if (line) event.body = { ...event.body, source: { name: line.source.name, path: line.source.path }, line: line.line };
    this.send(event);
  }
}
