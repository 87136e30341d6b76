// A guest's text screen and keyboard as a VS Code terminal: its VGA text is mirrored, what is typed goes to the
// guest as keys of a PS/2 keyboard.
import * as vscode from 'vscode';
import { activeSession } from './activeSession';
import { isScreenGuest } from './debugConfiguration';
import type { DebugEvents, SessionEvent } from './debugEvents';
import { isRecord } from './records';
import type { Drawn, Room, Screen } from './screenTerminalDrawing';
import { CLEAR, draw } from './screenTerminalDrawing';
import type { KeyStroke } from './screenTerminalKeys';
import { keyStrokes } from './screenTerminalKeys';

/** Pasted text comes at the rate of a held key, so that a guest with a small buffer (the BIOS: 15 keys) keeps up. */
const KEY_PAUSE_MS = 33;
/** The room of a terminal that VS Code has not laid out yet. */
const USUAL_ROOM: Room = { columns: 80, rows: 25 };

/** The answer to `shadowbox.screen`, unpacked; undefined if it is none. */
function screenOf(answer: unknown): Screen | undefined {
  if (!isRecord(answer) || !isRecord(answer.cursor)) return undefined;
  const { columns, rows, text, attributes, cursor } = answer;
  if (typeof columns !== 'number' || typeof rows !== 'number' || typeof attributes !== 'string') return undefined;
  if (!Array.isArray(text) || !text.every((line) => typeof line === 'string')) return undefined;
  const { column, row, visible } = cursor;
  if (typeof column !== 'number' || typeof row !== 'number' || typeof visible !== 'boolean') return undefined;
  return { columns, rows, text, attributes: Buffer.from(attributes, 'base64'), cursor: { column, row, visible } };
}

/** One guest's screen. Like a serial port's terminal it outlives its session, and serves the next of the same name. */
class ScreenTerminal implements vscode.Pseudoterminal {
  private readonly writing = new vscode.EventEmitter<string>();
  private room: Room = USUAL_ROOM;
  private isOpen = false;
  private screen: Screen | undefined;
  private drawn: Drawn = [];
  private asking = false;
  private outOfDate = false;
  private keys: Promise<void> = Promise.resolve();

  readonly onDidWrite = this.writing.event;

  constructor(private session: vscode.DebugSession | undefined, private readonly events: DebugEvents, private readonly log: vscode.LogOutputChannel) {}

  get isConnected(): boolean {
    return this.session !== undefined;
  }

  belongsTo(session: vscode.DebugSession): boolean {
    return this.session?.id === session.id;
  }

  connect(session: vscode.DebugSession): void {
    this.session = session;
    this.screen = undefined;
    this.redrawAll();
    void this.refresh();
  }

  /** The last picture stays, with a note below it. */
  disconnect(): void {
    this.session = undefined;
    const below = Math.min(this.room.rows, (this.screen?.rows ?? 0) + 1);
    this.write(`\x1b[${below};1H\x1b[0;2m\x1b[K[the guest is gone; its screen is dark]\x1b[0m\x1b[?25l`);
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    this.isOpen = true;
    this.room = dimensions ?? USUAL_ROOM;
    this.redrawAll();
    void this.refresh();
  }

  setDimensions(dimensions: vscode.TerminalDimensions): void {
    this.room = dimensions;
    this.redrawAll();
  }

  close(): void {
    this.session = undefined;
    this.isOpen = false;
  }

  /** Asks for the screen and draws it; while an answer is awaited, once more after that. */
  async refresh(): Promise<void> {
    this.outOfDate = true;
    if (this.asking || !this.isOpen) return;
    this.asking = true;
    try {
      while (this.outOfDate && this.session !== undefined && this.events.isLaunched(this.session)) {
        this.outOfDate = false;
        const { session } = this;
        const screen = screenOf(await session.customRequest('shadowbox.screen'));
        if (screen !== undefined && this.belongsTo(session)) this.show(screen);
      }
    } catch (error) {
      // A session that is ending answers no more; its end is told apart from this.
      this.log.debug(`The guest's screen was not to be had: ${String(error)}`);
    } finally {
      this.asking = false;
    }
  }

  private show(screen: Screen): void {
    this.screen = screen;
    const { output, drawn } = draw(screen, this.room, this.drawn);
    this.drawn = drawn;
    if (output !== '') this.write(output);
  }

  private redrawAll(): void {
    this.drawn = [];
    this.write(CLEAR);
    if (this.screen !== undefined) this.show(this.screen);
  }

  private write(text: string): void {
    this.writing.fire(text);
  }

  handleInput(input: string): void {
    const strokes = keyStrokes(input);
    if (strokes.length === 0) return;
    this.keys = this.keys.then(() => this.type(strokes)).catch((error: unknown) => {
      this.log.error(`The guest's keyboard did not take a key: ${String(error)}`);
    });
  }

  private async type(strokes: readonly KeyStroke[]): Promise<void> {
    for (const [i, { code, modifiers }] of strokes.entries()) {
      if (i > 0) await new Promise((resolve) => { setTimeout(resolve, KEY_PAUSE_MS); });
      const presses = [...modifiers, code];
      for (const key of presses) await this.move(key, true);
      for (const key of presses.reverse()) await this.move(key, false);
    }
  }

  private async move(code: number, down: boolean): Promise<void> {
    await this.session?.customRequest('shadowbox.key', { code, down });
  }
}

/** Opens a screen for guests that are talked to by screen and keyboard, and for others when the user asks for it. */
export class ScreenTerminals implements vscode.Disposable {
  private readonly open = new Map<vscode.Terminal, ScreenTerminal>();
  private readonly registrations: vscode.Disposable[];

  constructor(private readonly events: DebugEvents, private readonly log: vscode.LogOutputChannel) {
    this.registrations = [
      events.onEvent((event) => { this.take(event); }),
      events.onLaunched((session) => { void this.connected(session)?.[1].refresh(); }),
      events.onEnd((session) => { this.connected(session)?.[1].disconnect(); }),
      vscode.window.onDidCloseTerminal((terminal) => { this.open.delete(terminal); }),
    ];
  }

  /** The command: the screen of the session chosen in the debug views. */
  showActive(): void {
    const session = activeSession();
    if (session === undefined) void vscode.window.showInformationMessage('No guest is running, so there is no screen to show. Start one with F5.');
    else this.show(session);
  }

  private take({ session, event }: SessionEvent): void {
    // Before the launch, so that the terminal is there for what comes first.
    if (event === 'initialized' && isScreenGuest(session.configuration)) this.show(session);
    else if (event === 'stopped' || event === 'shadowbox.changed') void this.connected(session)?.[1].refresh();
  }

  private connected(session: vscode.DebugSession): [vscode.Terminal, ScreenTerminal] | undefined {
    return [...this.open].find(([, screen]) => screen.belongsTo(session));
  }

  private show(session: vscode.DebugSession): void {
    const name = `${session.name}: screen`;
    const there = this.connected(session) ?? [...this.open].find(([terminal, screen]) => terminal.name === name && !screen.isConnected);
    if (there !== undefined) {
      if (!there[1].belongsTo(session)) there[1].connect(session);
      there[0].show(true);
      return;
    }
    const pty = new ScreenTerminal(session, this.events, this.log);
    const terminal = vscode.window.createTerminal({ name, pty, iconPath: new vscode.ThemeIcon('device-desktop') });
    this.open.set(terminal, pty);
    terminal.show(true);
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
    for (const terminal of this.open.keys()) terminal.dispose();
  }
}
