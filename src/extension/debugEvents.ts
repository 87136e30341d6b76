// Every DAP event that a Shadowbox session sends, standard or our own, as one stream for panels and terminals.
import * as vscode from 'vscode';
import { isRecord } from './records';

/** One DAP event, as it came over the wire. `body` is unchecked: whoever takes it looks before using it. */
export interface SessionEvent {
  readonly session: vscode.DebugSession;
  readonly event: string;
  readonly body: unknown;
}

export class DebugEvents implements vscode.Disposable {
  /** Ids of sessions whose machine is there. */
  private readonly launched = new Set<string>();
  private readonly launching = new vscode.EventEmitter<vscode.DebugSession>();
  private readonly emitter = new vscode.EventEmitter<SessionEvent>();
  private readonly ending = new vscode.EventEmitter<vscode.DebugSession>();
  private readonly registrations: vscode.Disposable[];

  /** Fires for each event, in the order in which the adapter sent them, before VS Code itself acts on it. */
  readonly onEvent = this.emitter.event;
  /** Fires once when a session's machine is there and can be asked. */
  readonly onLaunched = this.launching.event;
  /** Fires once when a session is over, however it ended. */
  readonly onEnd = this.ending.event;

  constructor(debugType: string) {
    this.registrations = [
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: (session) => ({
          onWillReceiveMessage: (message: unknown) => { this.noticeEnding(session, message); },
          onDidSendMessage: (message: unknown) => { this.take(session, message); },
        }),
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.type !== debugType) return;
        this.launched.delete(session.id);
        this.ending.fire(session);
      }),
    ];
  }

  /** Whether a session's machine is there. Requests before and after would fail, with a notification in the user's face. */
  isLaunched(session: vscode.DebugSession): boolean {
    return this.launched.has(session.id);
  }

  /** From these requests on the adapter has no machine to ask, though the session lives a little longer. */
  private noticeEnding(session: vscode.DebugSession, message: unknown): void {
    if (isRecord(message) && (message.command === 'terminate' || message.command === 'disconnect')) this.launched.delete(session.id);
  }

  private take(session: vscode.DebugSession, message: unknown): void {
    if (!isRecord(message)) return;
    if (message.type === 'event' && typeof message.event === 'string') {
      this.emitter.fire({ session, event: message.event, body: message.body });
    } else if (message.type === 'response' && message.command === 'launch' && message.success === true) {
      this.launched.add(session.id);
      this.launching.fire(session);
    }
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
    this.launching.dispose();
    this.emitter.dispose();
    this.ending.dispose();
  }
}
