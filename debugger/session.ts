/**
 * The Debug Adapter Protocol server: receives requests, reads their arguments, hands them to the manager that they
 * concern, and answers. Nothing is decided here.
 */
import { DebugSession, InitializedEvent, OutputEvent, Response, TerminatedEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { formatReference } from './addresses';
import { CAPABILITIES, clientFeatures, KEEPING, NO_FEATURES, type ClientFeatures } from './capabilities';
import { complete } from './completions';
import { Debuggee } from './debuggee';
import { answerFields, type Shown } from './evaluation';
import { splitAssignment } from './expressions/parser';
import { dapSource } from './frames';
import type { KeptMachines } from './keptMachines';
import { cancelled, LAUNCH_PROGRESS, Launcher, type Launched } from './launcher';
import { blameOf, messageOf, userError, type FileReader, type MachineFactory } from './ports';
import { RequestArguments } from './requestArguments';
import type { StepKind } from './stepping';

/** What a handler may do besides answering. */
interface Call {
  /** Aborted when the client cancels the request. */
  readonly signal: AbortSignal;
  /** Runs something once the response is out. */
  afterResponse(action: () => void): void;
}

type Handler = (args: RequestArguments, call: Call) => Promise<object | void>;

/** Requests whose failure the client shows where it asked; a notification besides would only be in the way. */
const QUIET = new Set([
  'evaluate', 'completions', 'scopes', 'variables', 'stackTrace', 'readMemory', 'writeMemory', 'disassemble', 'setVariable', 'setExpression',
  'exceptionInfo', 'source', 'breakpointLocations', 'threads', 'modules', 'loadedSources', 'cancel',
]);

export class ShadowboxDebugSession extends DebugSession {
  private features: ClientFeatures = NO_FEATURES;
  private debuggee: Debuggee | undefined;
  /** What it was launched with, or attached to; its machine is the client's to end unless it was attached to. */
  private subject: { readonly launched: Launched; readonly isAttached: boolean } | undefined;
  private readonly launcher: Launcher;
  /** Set while a machine is being made. */
  private launchController: AbortController | undefined;
  /** Requests that are being worked on, by their number. */
  private readonly open = new Map<number, AbortController>();
  private readonly handlers: ReadonlyMap<string, Handler>;

  /** @param kept where a machine stays that its client leaves; without it, a machine ends with its session */
  constructor(factory: MachineFactory, private readonly files: FileReader, private readonly kept?: KeptMachines) {
    super();
    this.launcher = new Launcher(factory, files, (event) => this.sendEvent(event), () => this.features.progress);
    this.setDebuggerLinesStartAt1(true);
    this.setDebuggerColumnsStartAt1(true);
    this.setDebuggerPathFormat('path');
    this.handlers = new Map<string, Handler>(Object.entries({
      ...this.lifecycleHandlers(),
      ...this.breakpointHandlers(),
      ...this.executionHandlers(),
      ...this.navigationHandlers(),
      ...this.inspectionHandlers(),
      ...this.valueHandlers(),
    }));
  }

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    if (request.command === 'initialize') {
      // The base class keeps the client's line, column and path conventions.
      const args: unknown = request.arguments;
      const fields = typeof args === 'object' && args !== null ? args : {};
      super.dispatchRequest({ ...request, arguments: { pathFormat: 'path', ...fields } });
      return;
    }
    void this.answer(request);
  }

  protected override initializeRequest(response: DebugProtocol.InitializeResponse, args: DebugProtocol.InitializeRequestArguments): void {
    try {
      this.features = clientFeatures(new RequestArguments('initialize', args));
      response.body = this.kept ? { ...CAPABILITIES, ...KEEPING } : CAPABILITIES;
    } catch (error) {
      this.fail(response, error);
    }
    this.sendResponse(response);
  }

  /** Ends the machine with the connection. */
  override shutdown(): void {
    void this.endMachine().catch(() => undefined).then(() => super.shutdown());
  }

  private async answer(request: DebugProtocol.Request): Promise<void> {
    const response: DebugProtocol.Response = new Response(request);
    const controller = new AbortController();
    const after: (() => void)[] = [];
    let isAnswered = false;
    this.open.set(request.seq, controller);
    try {
      // What was cancelled may set the machine going all the same: how that ends is told then, too.
      const call: Call = { signal: controller.signal, afterResponse: (action) => (isAnswered ? action() : void after.push(action)) };
      const work = this.handle(request, call);
      response.body = (await Promise.race([work, cancelled(controller.signal)])) ?? {};
    } catch (error) {
      this.fail(response, error);
    } finally {
      this.open.delete(request.seq);
    }
    this.sendResponse(response);
    isAnswered = true;
    for (const action of after) action();
  }

  private async handle(request: DebugProtocol.Request, call: Call): Promise<object | void> {
    const args = new RequestArguments(request.command, request.arguments);
    const handler = this.handlers.get(request.command) ?? this.panelHandler(request.command);
    if (!handler) throw userError(`This debug adapter does not know the request '${request.command}'.`);
    return handler(args, call);
  }

  private panelHandler(command: string): Handler | undefined {
    if (!command.startsWith('shadowbox.')) return undefined;
    const panels: Readonly<Record<string, Handler>> = this.machine.panels;
    if (!Object.hasOwn(panels, command)) return undefined;
    this.machine.heedPanels();
    return panels[command];
  }

  /** A failed response: the message in full, and whether the client should put it before the user. */
  private fail(response: DebugProtocol.Response, error: unknown): void {
    const isCancelled = error instanceof Error && error.name === 'AbortError';
    const isOurs = !isCancelled && blameOf(error) === 'internal';
    const message = isOurs ? `Internal error of Shadowbox: ${messageOf(error)}` : messageOf(error);
    if (isOurs && error instanceof Error) this.sendEvent(new OutputEvent(`${error.stack ?? error.message}\n`, 'stderr'));
    response.success = false;
    response.message = isCancelled ? 'cancelled' : message;
    const showUser = !isCancelled && !QUIET.has(response.command) && !response.command.startsWith('shadowbox.');
    // The message goes in as a variable, because braces in a format have a meaning.
    response.body = { error: { id: isOurs ? 2 : 1, format: '{message}', variables: { message }, showUser } };
  }

  private get machine(): Debuggee {
    if (!this.debuggee) throw userError('No machine has been launched.');
    return this.debuggee;
  }

  private lifecycleHandlers(): Record<string, Handler> {
    return {
      launch: (args, call) => this.begin(call, false, (signal) => this.launcher.launch(args.raw, signal)),
      attach: (args, call) => this.begin(call, true, (signal) => this.attach(args, signal)),
      configurationDone: async (_args, call) => call.afterResponse(await this.machine.start(this.subject?.isAttached === true)),
      restart: async (_args, call) => call.afterResponse(await this.machine.restart()),
      terminate: async (args, call) => {
        const end = async (): Promise<void> => {
          await this.endMachine();
          call.afterResponse(() => this.sendEvent(new TerminatedEvent()));
        };
        // A client that starts it anew next does not wait.
        const late = (): void => void end().catch((error: unknown) => this.sendEvent(new OutputEvent(`${messageOf(error)}\n`, 'stderr')));
        const waits = args.optionalBoolean('restart') !== true && await this.debuggee?.askToPowerOff(late);
        if (waits !== true) await end();
      },
      disconnect: async (args, call) => {
        const suspends = args.optionalBoolean('suspendDebuggee') === true;
        const ends = args.optionalBoolean('terminateDebuggee') ?? !(this.subject?.isAttached === true || suspends);
        if (!ends) await this.leave(suspends);
        await this.endMachine();
        call.afterResponse(() => this.shutdown());
      },
      cancel: async (args) => {
        const id = args.optionalInteger('requestId');
        const progress = args.optionalString('progressId');
        const isLaunch = progress === LAUNCH_PROGRESS;
        if (progress !== undefined) this.debuggee?.progresses.cancel(progress);
        if (id !== undefined) this.open.get(id)?.abort();
        if (isLaunch) this.launchController?.abort();
      },
    };
  }

  /** launch and attach: `initialized` follows the answer. */
  private async begin(call: Call, isAttached: boolean, launch: (signal: AbortSignal) => Promise<Launched>): Promise<void> {
    if (this.debuggee || this.launchController) throw userError('A machine has been launched already.');
    const controller = new AbortController();
    this.launchController = controller;
    call.signal.addEventListener('abort', () => controller.abort());
    try {
      const launched = await launch(controller.signal);
      const { machine, program, options } = launched;
      this.subject = { launched, isAttached };
      this.debuggee = new Debuggee(machine, program, options, this.features, this.files, (event) => this.sendEvent(event));
      call.afterResponse(() => this.sendEvent(new InitializedEvent()));
    } finally {
      this.launchController = undefined;
    }
  }

  private async attach(args: RequestArguments, signal: AbortSignal): Promise<Launched> {
    const { kept } = this;
    if (!kept) {
      throw userError("This adapter has one machine, and starts it itself: use 'request': 'launch'. Machines to attach to are in adapters that serve a port (shadowbox dap --port).");
    }
    const left = kept.take(args.optionalString('machine'));
    try {
      return await this.launcher.attach(left, args.raw, signal);
    } catch (error) {
      kept.keep(left);
      throw error;
    }
  }

  /** The client goes, and its machine stays: standing, or running. Where there is no place for it, it ends all the same. */
  private async leave(standing: boolean): Promise<void> {
    const { debuggee, subject, kept } = this;
    if (!debuggee || !subject) return;
    if (!kept) {
      this.sendEvent(new OutputEvent('The machine ends with this session: it lives in the adapter, whose process is yours. One that serves a port (shadowbox dap --port) keeps its machines.\n', 'important'));
      return;
    }
    this.debuggee = undefined;
    const { machine, configuration } = subject.launched;
    await debuggee.release(standing);
    machine.silence();
    const name = kept.keep({ machine, configuration });
    this.sendEvent(new OutputEvent(`The machine ${standing ? 'stands' : 'runs on'}; 'request': 'attach' with 'machine': '${name}' leads back to it.\n`, 'important'));
  }

  private async endMachine(): Promise<void> {
    const { debuggee } = this;
    this.debuggee = undefined;
    this.launchController?.abort();
    await debuggee?.dispose();
  }

  private breakpointHandlers(): Record<string, Handler> {
    return {
      setBreakpoints: async (args) => {
        const set = await this.machine.breakpoints.setSource(args, (line) => this.convertClientLineToDebugger(line));
        const problem = await this.machine.checks.problemOfText(args.object('source'));
        return { breakpoints: set.map((item) => this.toClient(problem !== undefined && item.verified ? { ...item, message: problem } : item)) };
      },
      setFunctionBreakpoints: async (args) => ({ breakpoints: (await this.machine.breakpoints.setFunctions(args)).map((item) => this.toClient(item)) }),
      setInstructionBreakpoints: async (args) => ({ breakpoints: await this.machine.breakpoints.setInstructions(args) }),
      setExceptionBreakpoints: (args) => this.machine.exceptions.set(args),
      exceptionInfo: () => this.machine.exceptions.info(),
      dataBreakpointInfo: (args) => this.machine.dataBreakpoints.info(args),
      setDataBreakpoints: async (args) => ({ breakpoints: await this.machine.setDataBreakpoints(args) }),
      breakpointLocations: async (args) => {
        const first = this.convertClientLineToDebugger(args.integer('line', 0));
        const last = args.optionalInteger('endLine', 0);
        const path = args.object('source').string('path');
        const found = this.machine.sources.breakpointLocations(path, first, last === undefined ? first : this.convertClientLineToDebugger(last));
        return { breakpoints: found.map((item) => this.toClient(item)) };
      },
    };
  }

  /** Lines are counted as the client counts them. */
  private toClient<Item extends { line?: number }>(item: Item): Item {
    return item.line === undefined || item.line === 0 ? item : { ...item, line: this.convertDebuggerLineToClient(item.line) };
  }

  private executionHandlers(): Record<string, Handler> {
    const handlers = this.movingHandlers();
    // Who cancels a command that moves the machine wants it to stand.
    const stoppable = (handler: Handler): Handler => (args, call) => {
      call.signal.addEventListener('abort', () => void this.debuggee?.pause().catch(() => undefined));
      return handler(args, call);
    };
    return {
      threads: async () => ({ threads: this.debuggee ? await this.debuggee.threads.list() : [{ id: 1, name: 'CPU 0' }] }),
      pause: () => this.machine.pause(),
      ...Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, stoppable(handler)])),
    };
  }

  private movingHandlers(): Record<string, Handler> {
    const step = (kind: StepKind): Handler => async (args, call) => {
      const granularity = args.choice('granularity', ['statement', 'line', 'instruction']);
      const { execution, threads, navigation } = this.machine;
      const unit = granularity === 'instruction' ? 'instruction' : 'line';
      const threadId = args.optionalInteger('threadId');
      const targetId = kind === 'in' ? args.optionalInteger('targetId') : undefined;
      // Commands are carried out in the order in which they come: nothing is waited for before this.
      call.afterResponse(await execution.begin(async () => {
        const { stepper } = await threads.thread(threadId);
        return targetId === undefined ? stepper.step(kind, unit) : stepper.stepInto(navigation.target(targetId));
      }, 'step'));
    };
    return {
      continue: async (_args, call) => {
        call.afterResponse(await this.machine.goOn());
        return { allThreadsContinued: true };
      },
      next: step('over'),
      stepIn: step('in'),
      stepBack: async (args, call) => {
        const unit = args.choice('granularity', ['statement', 'line', 'instruction']) === 'instruction' ? 'instruction' : 'line';
        const { execution, threads } = this.machine;
        const { stepper } = threads.current;
        call.afterResponse(await execution.begin(() => stepper.back(unit), 'step', true));
      },
      reverseContinue: async (_args, call) => call.afterResponse(await this.machine.goBack()),
      stepOut: async (args, call) => {
        const { execution, threads } = this.machine;
        const threadId = args.optionalInteger('threadId');
        call.afterResponse(await execution.begin(async () => (await threads.thread(threadId)).stepper.stepOut(), 'step'));
      },
    };
  }

  /** Requests that lead somewhere else than on. */
  private navigationHandlers(): Record<string, Handler> {
    return {
      gotoTargets: async (args) => {
        const path = args.object('source').string('path');
        const targets = this.machine.navigation.gotoTargets(path, this.convertClientLineToDebugger(args.integer('line', 0)));
        return { targets: targets.map((target) => this.toClient(target)) };
      },
      goto: async (args, call) => {
        call.afterResponse(await this.machine.goTo(args.optionalInteger('threadId'), args.integer('targetId')));
      },
      stepInTargets: async (args) => {
        const targets = await this.machine.navigation.stepInTargets(args.integer('frameId'));
        return { targets: targets.map((target) => this.toClient(target)) };
      },
      restartFrame: async (args, call) => call.afterResponse(await this.machine.restartFrame(args.integer('frameId'))),
      'shadowbox.runUntil': async (args, call) => call.afterResponse(await this.machine.runTo(args.string('until'), args.optionalInteger('threadId'))),
      'shadowbox.whoWrote': async (args, call) => {
        const { data, after } = await this.machine.whoWrote(args.string('expression'), args.optionalInteger('bytes', 1), args.optionalInteger('frameId'));
        call.afterResponse(after);
        return { memoryReference: formatReference(data.place), bytes: data.bytes };
      },
    };
  }

  private inspectionHandlers(): Record<string, Handler> {
    return {
      stackTrace: async (args) => {
        const { frames } = await this.machine.threads.thread(args.optionalInteger('threadId'));
        const body = await frames.stackTrace(args.optionalInteger('startFrame', 0) ?? 0, args.optionalInteger('levels', 0) ?? 0);
        return { ...body, stackFrames: body.stackFrames.map((frame) => this.toClient(frame)) };
      },
      scopes: async (args) => ({ scopes: await this.machine.scopes(args.integer('frameId')) }),
      variables: async (args) => ({
        variables: await this.machine.variablesOf(
          args.integer('variablesReference'), args.optionalInteger('start', 0), args.optionalInteger('count', 0) || undefined, hexWanted(args),
        ),
      }),
      locations: async (args) => {
        const { source, line } = this.machine.variables.declaration(args.integer('locationReference'));
        return this.toClient({ source: dapSource(source), line });
      },
      loadedSources: async () => ({ sources: await this.machine.sources.loadedSources() }),
      source: async (args) => {
        const source = args.optionalObject('source');
        const listing = source?.optionalInteger('sourceReference') ?? args.optionalInteger('sourceReference') ?? 0;
        if (listing > 0) return { content: this.machine.listings.text(listing) };
        const path = source?.optionalString('path');
        if (path === undefined) throw userError('source: the source has neither a path nor a reference.');
        return { content: await this.machine.sources.content(path) };
      },
      modules: async (args) => this.machine.sources.modules(args.optionalInteger('startModule', 0) ?? 0, args.optionalInteger('moduleCount', 0) ?? 0),
      disassemble: async (args, call) => {
        const { space, address } = await this.machine.evaluation.place(args.string('memoryReference'));
        const instructions = await this.machine.disassembler.disassemble({
          place: { space, address: address + BigInt(args.optionalInteger('offset') ?? 0) },
          instructionOffset: args.optionalInteger('instructionOffset') ?? 0,
          count: args.integer('instructionCount', 0),
          symbols: args.optionalBoolean('resolveSymbols') ?? true,
        }, call.signal);
        return { instructions: instructions.map((item) => this.toClient(item)) };
      },
      readMemory: (args) => this.machine.memory.read(args.string('memoryReference'), args.optionalInteger('offset') ?? 0, args.integer('count', 0))
        .then((body) => body ?? {}),
      writeMemory: async (args) => {
        const { place, written } = await this.machine.memory.write(
          args.string('memoryReference'), args.optionalInteger('offset') ?? 0, args.string('data'), args.optionalBoolean('allowPartial') ?? false,
        );
        this.machine.edited(place, written);
        return { bytesWritten: written };
      },
    };
  }

  private valueHandlers(): Record<string, Handler> {
    return {
      evaluate: (args) => this.evaluate(args),
      setVariable: async (args) => {
        const name = args.string('name');
        const shown = await this.machine.variables.set(args.integer('variablesReference'), name, args.string('value'));
        return this.changedValue(shown, undefined, hexWanted(args));
      },
      setExpression: async (args) => {
        const expression = args.string('expression');
        const frameId = args.optionalInteger('frameId');
        const shown = await this.machine.evaluation.assign(expression, args.string('value'), frameId);
        return this.changedValue(shown, frameId, hexWanted(args));
      },
      completions: async (args) => {
        const { threads: frames, evaluation, program, commands } = this.machine;
        const text = args.string('text');
        const column = this.convertClientColumnToDebugger(args.integer('column', 0)) - 1;
        const targets = await complete(text, column, args.optionalInteger('frameId'), { frames, evaluation, program, commands });
        return { targets };
      },
    };
  }

  private async evaluate(args: RequestArguments): Promise<DebugProtocol.EvaluateResponse['body']> {
    const { evaluation, commands } = this.machine;
    const expression = args.string('expression');
    const frameId = args.optionalInteger('frameId');
    const hexOnly = hexWanted(args);
    const context = args.optionalString('context');
    if (context === 'repl') {
      const output = commands.run(expression);
      if (output) return { result: await output, variablesReference: 0 };
      const assignment = splitAssignment(expression);
      if (assignment) return this.result(await evaluation.assign(assignment.left, assignment.right, frameId), frameId, hexOnly);
    }
    const inFull = context === 'clipboard';
    return this.result(await evaluation.evaluate(expression, frameId, { hexOnly, inFull }), frameId, hexOnly);
  }

  private async result(shown: Shown, frameId: number | undefined, hexOnly: boolean): Promise<DebugProtocol.EvaluateResponse['body']> {
    const children = await this.machine.variables.childrenOf(shown, frameId, hexOnly);
    const place = await this.machine.evaluation.placeOf(shown);
    return { result: shown.text, ...children, ...answerFields(shown, place && formatReference(place)) };
  }

  private async changedValue(shown: Shown, frameId: number | undefined, hexOnly: boolean): Promise<DebugProtocol.SetExpressionResponse['body']> {
    const { result, ...rest } = await this.result(shown, frameId, hexOnly);
    return { value: result, ...rest };
  }
}

/** The client's wish for hexadecimal numbers. */
function hexWanted(args: RequestArguments): boolean {
  return args.optionalObject('format')?.optionalBoolean('hex') === true;
}
