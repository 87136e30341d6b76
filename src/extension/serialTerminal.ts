// A guest's serial ports as VS Code terminals: what the guest sends is shown, what is typed goes to the guest.
import * as vscode from 'vscode';
import { isScreenGuest } from './debugConfiguration';
import type { DebugEvents, SessionEvent } from './debugEvents';
import { isRecord } from './records';

const RESET_TERMINAL = '\x1bc';

/**
 * One port's terminal. It outlives its session, so that the last words of a guest can be read, and serves the
 * next session of the same name.
 */
class SerialPort implements vscode.Pseudoterminal {
  private readonly writing = new vscode.EventEmitter<string>();
  private readonly closing = new vscode.EventEmitter<void>();
  /** Bytes of one character may come in two pieces; the decoder keeps the first until the second is there. */
  private decoder = new TextDecoder();
  /** What was written before VS Code opened the terminal, for it drops what comes before that. */
  private unopened: string[] | undefined = [];

  readonly onDidWrite = this.writing.event;
  readonly onDidClose = this.closing.event;

  constructor(
    readonly port: string,
    private session: vscode.DebugSession | undefined,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  get isConnected(): boolean {
    return this.session !== undefined;
  }

  belongsTo(session: vscode.DebugSession): boolean {
    return this.session?.id === session.id;
  }

  /** Puts a new session on the line, with a clean screen. */
  connect(session: vscode.DebugSession): void {
    this.session = session;
    this.decoder = new TextDecoder();
    this.write(RESET_TERMINAL);
  }

  disconnect(): void {
    this.session = undefined;
    this.write('\r\n\x1b[2m[the guest is gone; the line is dead]\x1b[0m\r\n');
  }

  /** Shows bytes that the guest sent. */
  receive(bytes: Uint8Array): void {
    this.write(this.decoder.decode(bytes, { stream: true }));
  }

  private write(text: string): void {
    if (this.unopened === undefined) this.writing.fire(text);
    else this.unopened.push(text);
  }

  open(): void {
    const waiting = this.unopened ?? [];
    this.unopened = undefined;
    for (const text of waiting) this.writing.fire(text);
  }

  /** VS Code disposes of the terminal; a serial line has nobody to tell. */
  close(): void {
    this.session = undefined;
  }

  /** Sends what was typed (or pasted) to the guest; a serial line has no notion of the terminal's size. */
  handleInput(text: string): void {
    const data = Buffer.from(text, 'utf8').toString('base64');
    this.session?.customRequest('shadowbox.serialInput', { port: this.port, data }).then(undefined, (error: unknown) => {
      this.log.error(`Serial port ${this.port}: input was not taken: ${String(error)}`);
    });
  }
}

/** One port of one session. */
function portKey(session: vscode.DebugSession, port: string): string {
  return `${session.id}/${port}`;
}

/** Opens a terminal for each serial port that a session announces, and keeps them fed. */
export class SerialTerminals implements vscode.Disposable {
  private readonly open = new Map<vscode.Terminal, SerialPort>();
  /** Announced ports of guests that are talked to by their screen: each gets its terminal, behind that, when it sends something. */
  private readonly silent = new Set<string>();
  private readonly registrations: vscode.Disposable[];

  constructor(events: DebugEvents, private readonly log: vscode.LogOutputChannel) {
    this.registrations = [
      events.onEvent((event) => { this.take(event); }),
      events.onEnd((session) => { this.sessionEnded(session); }),
      vscode.window.onDidCloseTerminal((terminal) => { this.open.delete(terminal); }),
    ];
  }

  /**
   * `shadowbox.serialOpen` {port} announces a port, `shadowbox.serial` {port, data: base64} brings bytes.
   * Bytes for a port whose terminal the user has closed are dropped, as on a line with nothing plugged in.
   */
  private take({ session, event, body }: SessionEvent): void {
    if (!event.startsWith('shadowbox.serial') || !isRecord(body) || typeof body.port !== 'string') return;
    if (event === 'shadowbox.serialOpen') {
      if (isScreenGuest(session.configuration)) this.silent.add(portKey(session, body.port));
      else this.openPort(session, body.port).show(true);
    } else if (event === 'shadowbox.serial' && typeof body.data === 'string') {
      if (this.silent.delete(portKey(session, body.port))) this.openPort(session, body.port);
      this.find((port) => port.belongsTo(session) && port.port === body.port)?.[1].receive(Buffer.from(body.data, 'base64'));
    }
  }

  private openPort(session: vscode.DebugSession, port: string): vscode.Terminal {
    const name = `${session.name}: ${port}`;
    const idle = this.find((candidate, terminal) => terminal.name === name && !candidate.isConnected);
    if (idle !== undefined) {
      idle[1].connect(session);
      return idle[0];
    }
    const pty = new SerialPort(port, session, this.log);
    const terminal = vscode.window.createTerminal({ name, pty, iconPath: new vscode.ThemeIcon('plug') });
    this.open.set(terminal, pty);
    return terminal;
  }

  private find(wanted: (port: SerialPort, terminal: vscode.Terminal) => boolean): [vscode.Terminal, SerialPort] | undefined {
    return [...this.open].find(([terminal, port]) => wanted(port, terminal));
  }

  private sessionEnded(session: vscode.DebugSession): void {
    for (const key of this.silent) {
      if (key.startsWith(portKey(session, ''))) this.silent.delete(key);
    }
    for (const port of this.open.values()) {
      if (port.belongsTo(session)) port.disconnect();
    }
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
    for (const terminal of this.open.keys()) terminal.dispose();
  }
}
