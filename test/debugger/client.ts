/**
 * A debug adapter client for tests: over a process's stdio or any pair of streams, with typed requests, events that can
 * be waited for, and a transcript of the whole conversation.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { PanelEvents, PanelRequests } from '../../debugger/panelProtocol';

/** What a request takes and what its response's body is. */
interface Exchange<Arguments, Response extends Dap.Response> {
  arguments: Arguments;
  answer: Response['body'];
}

/** The protocol's requests that tests use. */
interface StandardRequests {
  initialize: Exchange<Partial<Dap.InitializeRequestArguments>, Dap.InitializeResponse>;
  launch: Exchange<object, Dap.LaunchResponse>;
  attach: Exchange<object, Dap.AttachResponse>;
  configurationDone: Exchange<Dap.ConfigurationDoneArguments, Dap.ConfigurationDoneResponse>;
  disconnect: Exchange<Dap.DisconnectArguments, Dap.DisconnectResponse>;
  terminate: Exchange<Dap.TerminateArguments, Dap.TerminateResponse>;
  restart: Exchange<Dap.RestartArguments, Dap.RestartResponse>;
  cancel: Exchange<Dap.CancelArguments, Dap.CancelResponse>;
  setBreakpoints: Exchange<Dap.SetBreakpointsArguments, Dap.SetBreakpointsResponse>;
  setFunctionBreakpoints: Exchange<Dap.SetFunctionBreakpointsArguments, Dap.SetFunctionBreakpointsResponse>;
  setInstructionBreakpoints: Exchange<Dap.SetInstructionBreakpointsArguments, Dap.SetInstructionBreakpointsResponse>;
  setExceptionBreakpoints: Exchange<Dap.SetExceptionBreakpointsArguments, Dap.SetExceptionBreakpointsResponse>;
  dataBreakpointInfo: Exchange<Dap.DataBreakpointInfoArguments, Dap.DataBreakpointInfoResponse>;
  setDataBreakpoints: Exchange<Dap.SetDataBreakpointsArguments, Dap.SetDataBreakpointsResponse>;
  gotoTargets: Exchange<Dap.GotoTargetsArguments, Dap.GotoTargetsResponse>;
  goto: Exchange<Dap.GotoArguments, Dap.GotoResponse>;
  stepInTargets: Exchange<Dap.StepInTargetsArguments, Dap.StepInTargetsResponse>;
  restartFrame: Exchange<Dap.RestartFrameArguments, Dap.RestartFrameResponse>;
  'shadowbox.runUntil': { arguments: { readonly until: string; readonly threadId?: number }; answer: object };
  'shadowbox.whoWrote': { arguments: { readonly expression: string; readonly bytes?: number; readonly frameId?: number }; answer: object };
  breakpointLocations: Exchange<Dap.BreakpointLocationsArguments, Dap.BreakpointLocationsResponse>;
  continue: Exchange<Partial<Dap.ContinueArguments>, Dap.ContinueResponse>;
  pause: Exchange<Partial<Dap.PauseArguments>, Dap.PauseResponse>;
  next: Exchange<Partial<Dap.NextArguments>, Dap.NextResponse>;
  stepIn: Exchange<Partial<Dap.StepInArguments>, Dap.StepInResponse>;
  stepOut: Exchange<Partial<Dap.StepOutArguments>, Dap.StepOutResponse>;
  stepBack: Exchange<Partial<Dap.StepBackArguments>, Dap.StepBackResponse>;
  reverseContinue: Exchange<Partial<Dap.ReverseContinueArguments>, Dap.ReverseContinueResponse>;
  threads: Exchange<object, Dap.ThreadsResponse>;
  stackTrace: Exchange<Partial<Dap.StackTraceArguments>, Dap.StackTraceResponse>;
  scopes: Exchange<Dap.ScopesArguments, Dap.ScopesResponse>;
  variables: Exchange<Dap.VariablesArguments, Dap.VariablesResponse>;
  setVariable: Exchange<Dap.SetVariableArguments, Dap.SetVariableResponse>;
  setExpression: Exchange<Dap.SetExpressionArguments, Dap.SetExpressionResponse>;
  evaluate: Exchange<Dap.EvaluateArguments, Dap.EvaluateResponse>;
  completions: Exchange<Dap.CompletionsArguments, Dap.CompletionsResponse>;
  exceptionInfo: Exchange<Partial<Dap.ExceptionInfoArguments>, Dap.ExceptionInfoResponse>;
  locations: Exchange<Dap.LocationsArguments, Dap.LocationsResponse>;
  loadedSources: Exchange<object, Dap.LoadedSourcesResponse>;
  source: Exchange<Dap.SourceArguments, Dap.SourceResponse>;
  modules: Exchange<Dap.ModulesArguments, Dap.ModulesResponse>;
  readMemory: Exchange<Dap.ReadMemoryArguments, Dap.ReadMemoryResponse>;
  writeMemory: Exchange<Dap.WriteMemoryArguments, Dap.WriteMemoryResponse>;
  disassemble: Exchange<Dap.DisassembleArguments, Dap.DisassembleResponse>;
}

export type Requests = StandardRequests & PanelRequests;
type Answer<Command extends keyof Requests> = NonNullable<Requests[Command]['answer']>;

/** Bodies of the events that tests wait for; others are plain objects. */
interface Events {
  initialized: undefined;
  stopped: Dap.StoppedEvent['body'];
  continued: Dap.ContinuedEvent['body'];
  process: Dap.ProcessEvent['body'];
  exited: Dap.ExitedEvent['body'];
  terminated: Dap.TerminatedEvent['body'];
  output: Dap.OutputEvent['body'];
  memory: Dap.MemoryEvent['body'];
  breakpoint: Dap.BreakpointEvent['body'];
  module: Dap.ModuleEvent['body'];
  loadedSource: Dap.LoadedSourceEvent['body'];
  capabilities: Dap.CapabilitiesEvent['body'];
  invalidated: Dap.InvalidatedEvent['body'];
  progressStart: Dap.ProgressStartEvent['body'];
  progressEnd: Dap.ProgressEndEvent['body'];
  'shadowbox.serialOpen': { port: string };
  'shadowbox.serial': { port: string; data: string };
  'shadowbox.changed': object;
  'shadowbox.watchesChanged': PanelEvents['shadowbox.watchesChanged'];
}

export interface ReceivedEvent<Body = unknown> {
  readonly event: string;
  readonly body: Body;
}

/** One message of the conversation, in the order in which the client saw it. */
export interface TranscriptEntry {
  readonly direction: 'to adapter' | 'from adapter';
  readonly message: Dap.ProtocolMessage;
}

/** A failed response. */
export class RequestFailed extends Error {
  constructor(readonly command: string, readonly response: Dap.Response) {
    super(`${command} failed: ${response.message ?? '(no message)'}`);
  }
}

const DEFAULT_TIMEOUT_MS = 10_000;
const HEADER_END = '\r\n\r\n';

interface Waiting {
  readonly accepts: (event: ReceivedEvent) => boolean;
  readonly resolve: (event: ReceivedEvent) => void;
}

export class DapClient {
  readonly transcript: TranscriptEntry[] = [];
  /** Events that nobody has waited for yet. */
  private readonly unread: ReceivedEvent[] = [];
  private readonly waiting = new Set<Waiting>();
  private readonly pending = new Map<number, (response: Dap.Response) => void>();
  private sequence = 1;
  private received: Buffer = Buffer.alloc(0);
  private process: ChildProcess | undefined;
  private errorText = '';

  private constructor(input: Readable, private readonly output: Writable, readonly timeout: number) {
    input.on('data', (data: Buffer) => this.receive(data));
  }

  /** Speaks over a pair of streams. */
  static connect(input: Readable, output: Writable, timeout = DEFAULT_TIMEOUT_MS): DapClient {
    return new DapClient(input, output, timeout);
  }

  /** Starts an adapter as a process that speaks over its stdio. */
  static start(command: string, args: readonly string[], options: { cwd?: string; timeout?: number } = {}): DapClient {
    const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'], ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
    const client = new DapClient(child.stdout, child.stdin, options.timeout ?? DEFAULT_TIMEOUT_MS);
    client.process = child;
    child.stderr.on('data', (data: Buffer) => {
      client.errorText += data.toString();
    });
    return client;
  }

  /** Number of the adapter's process, if it is one of its own. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** What the adapter's process has written to stderr. */
  get stderr(): string {
    return this.errorText;
  }

  /** Sends a request and gives the response's body. Errors: `RequestFailed`, or no answer in time. */
  async request<Command extends keyof Requests>(command: Command, args?: Requests[Command]['arguments']): Promise<Answer<Command>> {
    const response = await this.raw(command, args);
    if (!response.success) throw new RequestFailed(command, response);
    return response.body as Answer<Command>;
  }

  /** Sends a request that must fail, and gives the message. */
  async refused(command: string, args?: unknown): Promise<string> {
    const response = await this.raw(command, args);
    if (response.success) throw new Error(`${command} was to fail but answered ${JSON.stringify(response.body)}`);
    return response.message ?? '';
  }

  /** Sends anything, and gives the response as it came. */
  raw(command: string, args?: unknown): Promise<Dap.Response> {
    return this.send(command, args).response;
  }

  /** Like `raw`, with the request's number, for `cancel`. */
  send(command: string, args?: unknown): { readonly seq: number; readonly response: Promise<Dap.Response> } {
    const seq = this.sequence++;
    const request: Dap.Request = { seq, type: 'request', command, ...(args === undefined ? {} : { arguments: args }) };
    this.transcript.push({ direction: 'to adapter', message: request });
    const response = new Promise<Dap.Response>((resolve) => this.pending.set(seq, resolve));
    const json = JSON.stringify(request);
    this.output.write(`Content-Length: ${Buffer.byteLength(json)}${HEADER_END}${json}`);
    return { seq, response: this.inTime(response, `a response to ${command}`) };
  }

  /** The first event of that name that nobody has taken yet, already here or still to come. */
  async event<Name extends keyof Events>(
    name: Name, accepts: (body: Events[Name]) => boolean = () => true, timeout = this.timeout,
  ): Promise<Events[Name]> {
    const fits = (event: ReceivedEvent): boolean => event.event === name && accepts(event.body as Events[Name]);
    const index = this.unread.findIndex(fits);
    if (index >= 0) return this.unread.splice(index, 1)[0].body as Events[Name];
    const entry: { waiting?: Waiting } = {};
    const coming = new Promise<ReceivedEvent>((resolve) => {
      entry.waiting = { accepts: fits, resolve };
      this.waiting.add(entry.waiting);
    });
    try {
      return (await this.inTime(coming, `the event ${name}`, timeout)).body as Events[Name];
    } finally {
      if (entry.waiting) this.waiting.delete(entry.waiting);
    }
  }

  /** Events of that name which have come and which nobody has taken. */
  unreadEvents(name: keyof Events): readonly ReceivedEvent[] {
    return this.unread.filter((event) => event.event === name);
  }

  /** initialize and launch with all that a VS Code client says of itself; `configure` sets breakpoints. */
  async launch(configuration: object, configure: () => Promise<void> = async () => undefined): Promise<Dap.Capabilities> {
    const capabilities = await this.request('initialize', VSCODE_CLIENT);
    await this.request('launch', configuration);
    await this.event('initialized');
    await configure();
    await this.request('configurationDone', {});
    return capabilities;
  }

  /** Waits for a stop and gives it with the innermost frame. */
  async stopped(reason?: string): Promise<{ readonly stop: Events['stopped']; readonly frame: Dap.StackFrame }> {
    const stop = await this.event('stopped');
    if (reason !== undefined && stop.reason !== reason) {
      throw new Error(`stopped for '${stop.reason}' instead of '${reason}': ${JSON.stringify(stop)}`);
    }
    const { stackFrames } = await this.request('stackTrace', { threadId: 1, levels: 1 });
    return { stop, frame: stackFrames[0] };
  }

  /** Ends the conversation; gives the exit status of the process, if there is one that ended by itself. */
  async close(): Promise<number | null> {
    const child = this.process;
    await Promise.race([this.raw('disconnect', { terminateDebuggee: true }).catch(() => undefined), pause(2000)]);
    if (!child) return null;
    if (child.exitCode === null) await Promise.race([new Promise((resolve) => child.once('exit', resolve)), pause(2000)]);
    if (child.exitCode === null) child.kill('SIGKILL');
    return child.exitCode;
  }

  private receive(data: Buffer): void {
    this.received = Buffer.concat([this.received, data]);
    for (;;) {
      const end = this.received.indexOf(HEADER_END);
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.received.toString('ascii', 0, end))?.[1] ?? Number.NaN);
      if (Number.isNaN(length)) throw new Error(`no Content-Length in '${this.received.toString('utf8', 0, end)}'`);
      const start = end + HEADER_END.length;
      if (this.received.length < start + length) return;
      const message: Dap.ProtocolMessage = JSON.parse(this.received.toString('utf8', start, start + length));
      this.received = this.received.subarray(start + length);
      this.take(message);
    }
  }

  private take(message: Dap.ProtocolMessage): void {
    this.transcript.push({ direction: 'from adapter', message });
    if (isResponse(message)) {
      this.pending.get(message.request_seq)?.(message);
      this.pending.delete(message.request_seq);
    } else if (isEvent(message)) {
      const event: ReceivedEvent = { event: message.event, body: message.body };
      const waiting = [...this.waiting].find((entry) => entry.accepts(event));
      if (!waiting) {
        this.unread.push(event);
        return;
      }
      this.waiting.delete(waiting);
      waiting.resolve(event);
    }
  }

  private async inTime<T>(promise: Promise<T>, what: string, timeout = this.timeout): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} did not come within ${timeout} ms${this.errorText ? `; stderr: ${this.errorText}` : ''}`)), timeout);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What VS Code says in `initialize`. */
export const VSCODE_CLIENT: Dap.InitializeRequestArguments = {
  clientID: 'vscode',
  clientName: 'Visual Studio Code',
  adapterID: 'shadowbox',
  locale: 'en',
  linesStartAt1: true,
  columnsStartAt1: true,
  pathFormat: 'path',
  supportsVariableType: true,
  supportsVariablePaging: true,
  supportsRunInTerminalRequest: true,
  supportsProgressReporting: true,
  supportsInvalidatedEvent: true,
  supportsMemoryReferences: true,
  supportsArgsCanBeInterpretedByShell: true,
  supportsMemoryEvent: true,
  supportsStartDebuggingRequest: true,
  supportsANSIStyling: true,
};

function isResponse(message: Dap.ProtocolMessage): message is Dap.Response {
  return message.type === 'response';
}

function isEvent(message: Dap.ProtocolMessage): message is Dap.Event {
  return message.type === 'event';
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
