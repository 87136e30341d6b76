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
  private readonly emitter = new vscode.EventEmitter<SessionEvent>();
  private readonly ending = new vscode.EventEmitter<vscode.DebugSession>();
  private readonly registrations: vscode.Disposable[];

  /** Fires for each event, in the order in which the adapter sent them, before VS Code itself acts on it. */
  readonly onEvent = this.emitter.event;
  /** Fires once when a session is over, however it ended. */
  readonly onEnd = this.ending.event;

  constructor(debugType: string) {
    this.registrations = [
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message: unknown) => { this.take(session, message); },
        }),
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.type === debugType) this.ending.fire(session);
      }),
    ];
  }

  private take(session: vscode.DebugSession, message: unknown): void {
    if (!isRecord(message) || message.type !== 'event' || typeof message.event !== 'string') return;
    this.emitter.fire({ session, event: message.event, body: message.body });
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
    this.emitter.dispose();
    this.ending.dispose();
  }
}
