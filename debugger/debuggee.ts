/**
 * A launched machine with one manager for each concern, wired together; what the router talks to.
 */
import { BreakpointEvent, CapabilitiesEvent, Event, InvalidatedEvent, LoadedSourceEvent, MemoryEvent, ModuleEvent, OutputEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { LogEntry, StopReason, WatchHit } from '../src/monitor/machine/session';
import { balloonCommand } from './balloonCommand';
import { formatReference, type Place } from './addresses';
import { BreakpointManager } from './breakpoints';
import { OF_A_RECORDING, WITHOUT_TIME_TRAVEL, type ClientFeatures } from './capabilities';
import { GateBuilder } from './conditions/gateBuilder';
import { cpuPanelHandlers } from './cpuPanels';
import { DataBreakpoints, type WatchedData } from './dataBreakpoints';
import { Disassembler } from './disassembly/disassembler';
import { Listings } from './disassembly/listings';
import { Evaluation } from './evaluation';
import { ExceptionManager } from './exceptions';
import { Execution } from './execution';
import { FrameManager } from './frames';
import { GuestBreakpoints } from './guestBreakpoints';
import { GuestOutput, panelEvent } from './guestOutput';
import type { LaunchOptions } from './launchOptions';
import { LinuxCommands } from './linux/commands';
import { LinuxGuest } from './linux/linuxGuest';
import { ProcessSymbols } from './linux/processSymbols';
import { dapModule, LinuxQueries } from './linux/queries';
import { TaskStacks } from './linux/taskStacks';
import { MemoryManager } from './memory';
import { MemoryWatches } from './memoryWatches';
import { Navigation } from './navigation';
import { OutsideRuns } from './outsideRuns';
import { panelHandlers } from './panels';
import { Past, SOUGHT } from './past';
import { POWER_OFF_MS, PowerButton } from './powerButton';
import { messageOf, userError, type DebuggedMachine, type FileReader } from './ports';
import type { Program } from './program';
import { Progresses } from './progress';
import { ReplCommands } from './replCommands';
import { RunUntil } from './runUntil';
import type { RequestArguments } from './requestArguments';
import { Runner, type Stop } from './runner';
import { SourceChecks } from './sourceChecks';
import { moduleOf, SourceManager } from './sources';
import { StackManager } from './stack';
import { Stepper } from './stepping';
import { anyOf } from './stopJudge';
import { StopStories, type StopWords } from './stopWords';
import { Target } from './target';
import { Threads, type CpuThread } from './threads';
import { timeCommands } from './timeCommands';
import { TimeManager } from './timeManager';
import { VariableManager } from './variables';
import { areWatched } from './watchedSpans';

/** The serial port that a console is attached to. */
const CONSOLE_PORT = 'com1';

export class Debuggee {
  readonly target: Target;
  readonly exceptions: ExceptionManager;
  readonly breakpoints: BreakpointManager;
  readonly runner: Runner;
  readonly execution: Execution;
  private readonly outside: OutsideRuns;
  readonly threads: Threads;
  readonly dataBreakpoints: DataBreakpoints;
  readonly past: Past;
  readonly navigation: Navigation;
  readonly runUntil: RunUntil;
  readonly variables: VariableManager;
  readonly evaluation: Evaluation;
  readonly memory: MemoryManager;
  readonly disassembler: Disassembler;
  readonly listings: Listings;
  readonly sources: SourceManager;
  readonly checks: SourceChecks;
  readonly commands: ReplCommands;
  readonly progresses: Progresses;
  private readonly time: TimeManager;
  readonly panels: ReturnType<typeof panelHandlers>;
  private readonly linux: LinuxGuest;
  /** Ends when breakpoints have been found anew as often as that was due. */
  private renewing: Promise<void> = Promise.resolve();
  private readonly output: GuestOutput;
  private readonly powerButton: PowerButton;
  private readonly stories: StopStories;
  /** Whether the client has been told, at this stop, that it asks for what is past. */
  private hasToldPast = false;

  constructor(
    private readonly machine: DebuggedMachine,
    readonly program: Program,
    private readonly options: LaunchOptions,
    private readonly features: ClientFeatures,
    files: FileReader,
    private readonly send: (event: DebugProtocol.Event) => void,
  ) {
    const target = new Target(machine);
    this.linux = new LinuxGuest(target, {
      found: () => this.renewBreakpoints(),
      modulesChanged: (loaded, gone) => {
        for (const module of gone) this.send(new ModuleEvent('removed', dapModule(module)));
        for (const module of loaded) this.send(new ModuleEvent('new', dapModule(module)));
      },
      programsChanged: (loaded, gone) => {
        for (const image of gone) this.send(new ModuleEvent('removed', moduleOf(image)));
        for (const image of loaded) this.send(new ModuleEvent('new', moduleOf(image)));
        for (const { reason, source } of this.sources.changes()) this.send(new LoadedSourceEvent(reason, source));
        this.renewBreakpoints();
      },
    }, new ProcessSymbols(program.loader, target.inspect));
    program.describedBy(this.linux);
    this.checks = new SourceChecks(program, files, (text) => this.tell(text, true));
    target.readValuesAlso((address) => this.linux.spaceOf(address));
    this.target = target;
    this.powerButton = new PowerButton(target.control, target.inspect);
    this.disassembler = new Disassembler(target, program);
    this.listings = new Listings(target, this.disassembler);
    this.threads = new Threads((index, firstFrame) => this.makeThread(index, firstFrame));
    this.evaluation = new Evaluation(target, program, this.threads, (place, bytes) => this.edited(place, bytes));
    const resolve = (reference: string): Promise<Place> => this.evaluation.place(reference);
    const gates = new GateBuilder(target, program, this.evaluation);
    const guest = new GuestBreakpoints(target);
    const told = (text: string): void => this.tell(text, true);
    this.stories = new StopStories(program, this.evaluation, async () => (await target.cpu()).processor.count > 1, () => this.processInWords());
    this.exceptions = new ExceptionManager(target, this.evaluation, gates, this.stories, guest, told);
    this.breakpoints = new BreakpointManager(target, program, gates, guest, {
      guestChanged: () => this.exceptions.apply(),
      holds: (expression) => this.evaluation.holds(expression),
      show: (expression) => this.evaluation.show(expression),
      resolve,
      codeHasCome: async () => {
        // What has come is found when it is looked for, and tells of itself.
        await program.ready();
        await this.renewing;
      },
      log: (text, address) => this.log(text, address),
    });
    this.variables = new VariableManager(this.threads, this.evaluation, (spans, frameId) => (
      areWatched(spans, this.dataBreakpoints.places, this.threads.threadOfFrame(frameId).target)
    ));
    this.dataBreakpoints = new DataBreakpoints(
      target, this.evaluation, gates, (reference, name) => this.variables.expressionOf(reference, name), () => this.breakpoints.newId(), told,
    );
    this.runner = new Runner(target, anyOf([this.breakpoints, this.dataBreakpoints, this.exceptions]), guest, () => this.onGoing());
    this.past = new Past(target, program, this.runner, () => this.applyStops());
    this.navigation = new Navigation(this.threads, program, this.disassembler);
    this.runUntil = new RunUntil(this.runner, this.evaluation);
    this.memory = new MemoryManager(target, resolve);
    const queries = new LinuxQueries(target, this.linux);
    this.sources = new SourceManager(program, files, () => queries.modules());
    this.output = new GuestOutput(send, async () => (await target.inspect.summary()).retired, features.ansi);
    this.execution = new Execution(this.runner, this.exceptions, {
      send,
      onStanding: () => this.onStanding(),
      describe: (reason) => this.describe(reason),
      threadId: () => this.threads.currentId(),
      tell: (text, important) => this.tell(text, important),
    });
    this.progresses = new Progresses(features.progress ? send : undefined);
    this.time = new TimeManager(machine, target, this.runner, this.execution, this.progresses, {
      tell: (text, important) => this.tell(text, important),
      changed: () => this.output.changed(),
    });
    const stacks = new TaskStacks(target, program, this.linux, queries, async (cpu) => (await (await this.threads.thread(cpu + 1)).frames.stackTrace(0, 0)).stackFrames);
    this.commands = new ReplCommands(target, this.evaluation, this.disassembler, {
      until: (text) => this.runTo(text),
      who: (expression, bytes) => this.whoWrote(expression, bytes),
    }, [...new LinuxCommands(queries, stacks).commands, ...timeCommands(target, this.time), balloonCommand(target, () => this.output.changed())]);
    const watches = new MemoryWatches(this.dataBreakpoints, (all) => this.send(panelEvent('shadowbox.watchesChanged', { watches: all })));
    this.outside = new OutsideRuns(target, this.execution, () => this.onGoing());
    this.panels = panelHandlers(
      target,
      { setHexadecimal: (hexadecimal) => this.setHexadecimal(hexadecimal), changed: () => this.output.changed() },
      (text) => this.evaluation.typedLinear(text),
      cpuPanelHandlers({ target, program, evaluation: this.evaluation, listings: this.listings, edited: () => this.edited(undefined, 0) }),
      queries,
      (linear) => program.nameOf(linear),
      { ...this.time.handlers(), ...watches.handlers() },
    );
    machine.onEvent((event) => {
      if (event.kind === 'stopped') {
        this.linux.forget();
        this.threads.changed();
      }
      if (event.kind === 'log') this.onLog(event.entries, event.lost);
      this.outside.onEvent(event, this.runner.isRunning);
      this.runner.onEvent(event);
      this.output.onEvent(event);
    });
  }

  /**
   * Breakpoints and filters are set: the machine goes, or stands on its first instruction (`isAttached`: where it was found). Gives what to do
   * after the answer.
   */
  async start(isAttached: boolean): Promise<() => void> {
    this.send(processEvent(this.options.name, isAttached));
    if (!this.options.timeTravel) this.send(new CapabilitiesEvent(WITHOUT_TIME_TRAVEL));
    if (this.options.serialTerminal) this.send(panelEvent('shadowbox.serialOpen', { port: CONSOLE_PORT }));
    if (this.machine.recordedHash !== undefined && !isAttached) {
      this.send(new CapabilitiesEvent(OF_A_RECORDING));
      return this.time.open(this.machine.recordedHash);
    }
    if (this.options.stopOnEntry) {
      const entry = await this.standing({ kind: isAttached ? 'pause' : 'entry' });
      return () => void this.execution.announce(entry);
    }
    return this.goOn();
  }

  /**
   * terminate: asks the guest to power off, and gives whether that is to be waited for. It is not where the machine stands, where nobody in it
   * listens, and the second time. `late`: it still goes after a while.
   */
  async askToPowerOff(late: () => void): Promise<boolean> {
    if (!this.isGoing || this.powerButton.isPressed || this.machine.recordedHash !== undefined || !(await this.powerButton.press(late))) return false;
    this.tell(`The power button was pressed, and the guest is to power off. Stop again to end the machine at once; in ${POWER_OFF_MS / 1000} seconds it ends in any case.`, true);
    return true;
  }

  /** Lets go of the machine: it stands, or runs on, and nothing that was set stops it. A GDB that has it does as it likes with it. */
  async release(standing: boolean): Promise<void> {
    await this.execution.quiesce();
    const { control } = this.target;
    await this.breakpoints.takeAway();
    await Promise.all([control.setBreakpoints([]), control.setWatchpoints([]), control.setEventStops([]), control.setExceptionStops([])]);
    if (!standing && !this.outside.isRunning) await control.resume({ kind: 'continue' }).catch(() => undefined);
    this.end();
  }

  /** continue. */
  goOn(): Promise<() => void> {
    return this.execution.begin(() => this.runner.run({ kind: 'continue' }), 'run');
  }

  /** pause: whoever has let the machine go. */
  pause(): Promise<void> {
    return this.outside.isRunning ? this.outside.pause() : this.execution.pause();
  }

  /** Runs until something, told as the console's `until` has it. Gives what to do after the answer. */
  async runTo(text: string, threadId?: number): Promise<() => void> {
    const command = await this.runUntil.command(text, await this.threads.thread(threadId));
    return this.execution.begin(command, 'run');
  }

  /** Back to the last write to what an expression means. Gives what is sought, and what to do after the answer. Error where there is no way back. */
  async whoWrote(expression: string, bytes?: number, frameId?: number): Promise<{ readonly data: WatchedData; readonly after: () => void }> {
    const data = await this.dataBreakpoints.dataOf(expression, frameId, bytes);
    await this.past.check();
    return { data, after: await this.execution.begin(() => this.time.show(`Looking for who wrote ${data.name}`, () => this.past.whoWrote(data)), 'run', true) };
  }

  /** reverseContinue. */
  async goBack(): Promise<() => void> {
    return this.execution.begin(() => this.time.show('Running backwards', () => this.runner.back('reverseContinue')), 'run', true);
  }

  /** goto: tells the stop anew, at the other place. */
  async goTo(threadId: number | undefined, targetId: number): Promise<() => void> {
    if (this.runner.isRunning || this.outside.isRunning) throw userError('The machine is running: pause it first.');
    await this.navigation.goTo(await this.threads.thread(threadId), targetId);
    this.edited(undefined, 0);
    const stop = await this.standing({ kind: 'pause' });
    return () => void this.execution.announce({ ...stop, as: { reason: 'goto' } });
  }

  /** restartFrame: back in time to where the frame was entered. What can be known to be impossible is refused before the machine goes. */
  async restartFrame(frameId: number): Promise<() => void> {
    if (this.isGoing) throw userError('The machine is running: pause it first.');
    const { frames, stack } = this.threads.threadOfFrame(frameId);
    const entry = await this.past.entryOf(stack, await frames.physicalIndex(frameId));
    return this.execution.begin(() => this.time.show('Looking for where the frame was entered', () => this.past.enter(entry)), 'run', true);
  }

  /** restart: power-on reset, then as at the start. */
  async restart(): Promise<() => void> {
    if (this.machine.recordedHash !== undefined) {
      throw userError('A recording is not restarted, as what was recorded would be lost with the reset: launch it again, or go to its beginning (goto 0).');
    }
    await this.execution.quiesce();
    this.powerButton.forget();
    this.onGoing();
    await this.target.control.reset();
    this.target.stopped();
    this.linux.forget();
    this.breakpoints.resetHits();
    this.dataBreakpoints.resetHits();
    await this.applyStops();
    await this.breakpoints.renewGuest().catch((error: unknown) => this.tell(messageOf(error), true));
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

  /**
   * scopes. A client may ask for a frame of the stop before: the machine goes, and it does not know yet, so there is nothing to show and
   * no reason for an error. Or it has come to the next stop by a way that was quicker than the client's questions: it is told to look again,
   * as the error would stay where the variables belong.
   */
  async scopes(frameId: number): Promise<DebugProtocol.Scope[]> {
    try {
      return await this.variables.scopes(frameId);
    } catch (error) {
      if (!this.threads.isPast(frameId)) throw error;
      if (this.isGoing) return [];
      this.askAgain();
      throw error;
    }
  }

  /** variables. Of an earlier stop there are none: an error. */
  async variablesOf(reference: number, start: number | undefined, count: number | undefined, hexOnly: boolean): Promise<DebugProtocol.Variable[]> {
    if (this.variables.isPast(reference)) this.askAgain();
    return this.variables.list(reference, start, count, hexOnly);
  }

  private get isGoing(): boolean {
    return this.runner.isRunning || this.outside.isRunning;
  }

  /**
   * A client that asks for what is past, while the machine stands, shows what is past: it is to look again. Once is enough for each stop. Stacks
   * it is fetching already, for the stop that it has been told; VS Code would lose all but the innermost frame if it were to begin anew.
   */
  private askAgain(): void {
    if (this.hasToldPast || this.isGoing) return;
    this.hasToldPast = true;
    this.invalidate(['variables']);
  }

  /** Memory was written, or a register set: what is remembered goes, and the client looks again. */
  edited(place: Place | undefined, bytes: number): void {
    this.target.forget();
    this.linux.forget();
    this.threads.changed();
    if (place && bytes > 0 && this.features.memoryEvents) {
      this.send(new MemoryEvent(formatReference(place), 0, bytes));
    }
    this.invalidate(['stacks', 'variables']);
    this.output.changed();
  }

  /** A panel has asked something: it wants to know of the next change. */
  heedPanels(): void {
    this.output.heed();
  }

  async dispose(): Promise<void> {
    this.end();
    await this.machine.dispose();
  }

  private end(): void {
    this.powerButton.forget();
    this.execution.end();
    this.output.dispose();
    this.program.close();
  }

  /** Breakpoints on code that was not known find it. */
  private renewBreakpoints(): void {
    this.renewing = this.renewing.then(async () => {
      await this.breakpoints.renewAt(this.linux.codeArrivals);
      for (const breakpoint of await this.breakpoints.renew()) this.send(new BreakpointEvent('changed', breakpoint));
    }).catch((error: unknown) => this.tell(messageOf(error), true));
  }

  private setHexadecimal(hexadecimal: boolean): void {
    this.evaluation.hexadecimal = hexadecimal;
    this.invalidate(['variables']);
  }

  private invalidate(areas: DebugProtocol.InvalidatedAreas[]): void {
    if (this.features.invalidated) this.send(new InvalidatedEvent(areas));
  }

  /** setDataBreakpoints. Variables say whether they are watched, so the client looks at those again that it has. */
  async setDataBreakpoints(args: RequestArguments): Promise<DebugProtocol.Breakpoint[]> {
    const watched = (): string => this.dataBreakpoints.places.map(({ place, bytes }) => `${formatReference(place)}/${bytes}`).join();
    const before = watched();
    const answers = await this.dataBreakpoints.replace(args);
    if (watched() !== before && this.variables.areShown) this.invalidate(['variables']);
    return answers;
  }

  /** Gives the machine again all that is to stop it. */
  private async applyStops(): Promise<void> {
    await this.breakpoints.apply();
    await this.dataBreakpoints.apply();
    await this.exceptions.apply();
  }

  /** The process of Linux that runs: 'dd (99)'. */
  private async processInWords(): Promise<string | undefined> {
    if (!(await this.linux.look())) return undefined;
    const process = await new LinuxQueries(this.target, this.linux).current().catch(() => undefined);
    return process && `${process.name} (${process.pid})`;
  }

  /** All that is about one CPU. */
  private makeThread(index: number | undefined, firstFrame: number): CpuThread {
    const target = index === undefined ? this.target : this.target.of(index);
    const program = index === undefined ? this.program : this.program.seenBy(index);
    const stack = new StackManager(target, program, this.linux);
    const frames = new FrameManager(target, program, stack, this.listings, this.checks, firstFrame);
    const disassembler = index === undefined ? this.disassembler : new Disassembler(target, program);
    // The runner is made later.
    const stepper = (): Stepper => new Stepper(target, program, this.runner, stack, disassembler);
    return { target, stack, frames, get stepper() { return stepper(); } };
  }

  private async standing(reason: StopReason): Promise<Stop> {
    const [cpu, summary] = await Promise.all([this.target.cpu(), this.target.inspect.summary()]);
    const { selector, instructionPointer, linear } = cpu;
    const { retired, time } = summary;
    return { report: { reason, retired, time, selector, instructionPointer, linear }, hitBreakpointIds: [] };
  }

  private onGoing(): void {
    this.hasToldPast = false;
    this.variables.forget();
    this.linux.forget();
    this.navigation.forget();
    this.threads.moved();
    this.exceptions.standAt(undefined);
    this.output.startBeat();
  }

  private async onStanding(): Promise<void> {
    this.powerButton.forget();
    this.output.stopBeat();
    this.output.flush();
    await this.disassembler.noteStanding();
    this.output.changed();
  }

  private async describe(reason: StopReason): Promise<StopWords | undefined> {
    const dataOf = ({ id }: WatchHit): WatchedData | undefined => (id === SOUGHT ? this.past.sought : this.dataBreakpoints.watched(id));
    switch (reason.kind) {
      case 'watchpoint': {
        const all = await Promise.all(reason.hits.map((hit) => this.stories.access(hit, dataOf(hit))));
        // The same bytes may be watched by a data breakpoint, and besides.
        const once = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
        return { description: once(all.map(({ description }) => description)).join('; '), text: once(all.map(({ text }) => text)).join('\n') };
      }
      case 'event': return this.stories.event(reason.event);
      default: return undefined;
    }
  }

  private onLog(entries: readonly LogEntry[], lost: number): void {
    for (const entry of entries) this.breakpoints.logged(entry);
    if (lost > 0) this.tell(`${lost} more log messages came too fast and are lost.`, true);
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

/** The machine is what the client calls a process; it has no number outside the adapter. */
function processEvent(name: string, isAttached: boolean): DebugProtocol.ProcessEvent {
  const event: DebugProtocol.Event = new Event('process');
  return { ...event, event: 'process', body: { name, isLocalProcess: true, startMethod: isAttached ? 'attach' : 'launch' } };
}
