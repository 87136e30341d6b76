// Connects a webview with the debug session that it shows: requests go in, answers and events come out.
import * as vscode from 'vscode';
import { activeSession } from '../activeSession';
import type { DebugEvents, SessionEvent } from '../debugEvents';
import { isRecord } from '../records';
import { serveEditorRequest } from './editorRequests';
import type { MessageToPanel, PanelEvent, PanelRequest } from './messages';

/** The session's own events that a panel is told. */
type ForwardedEvent = Extract<PanelEvent, { readonly event: 'stopped' }>['event'];

function isPanelRequest(message: unknown): message is PanelRequest {
  return isRecord(message) && typeof message.id === 'number' && typeof message.request === 'string';
}

function isPanelEvent(event: string): event is ForwardedEvent {
  return event === 'stopped' || event === 'continued' || event === 'shadowbox.changed';
}

/**
 * Serves one webview, until disposed of. It follows the session that the user has chosen in the debug views;
 * while another debugger's session is the chosen one, it stays with ours.
 */
export class SessionBridge implements vscode.Disposable {
  private session: vscode.DebugSession | undefined;
  private readonly registrations: vscode.Disposable[];

  constructor(private readonly webview: vscode.Webview, private readonly events: DebugEvents) {
    this.session = this.chosen();
    this.registrations = [
      webview.onDidReceiveMessage((message: unknown) => this.serve(message)),
      vscode.debug.onDidChangeActiveDebugSession(() => { this.follow(this.chosen() ?? this.session); }),
      events.onLaunched(() => { this.follow(this.chosen() ?? this.session); }),
      events.onEvent((event) => { this.pass(event); }),
      events.onEnd((session) => { this.leave(session); }),
    ];
  }

  /** A session that has just ended may still be VS Code's active one. */
  private leave(ended: vscode.DebugSession): void {
    if (ended.id !== this.session?.id) return;
    const chosen = this.chosen();
    this.follow(chosen?.id === ended.id ? undefined : chosen);
  }

  /** The session chosen in the debug views, once there is a machine to ask. */
  private chosen(): vscode.DebugSession | undefined {
    const active = activeSession();
    return active !== undefined && this.events.isLaunched(active) ? active : undefined;
  }

  private follow(session: vscode.DebugSession | undefined): void {
    if (session?.id === this.session?.id) return;
    this.session = session;
    this.tellSession();
  }

  /** Tells the page which session it shows: one that has been loaded anew may remember another. */
  tellSession(): void {
    const { session } = this;
    this.post({ event: 'session', body: session === undefined ? null : { id: session.id, name: session.name } });
  }

  private pass({ session, event, body }: SessionEvent): void {
    if (session.id === this.session?.id && isPanelEvent(event)) this.post({ event, body });
  }

  private async serve(message: unknown): Promise<void> {
    if (!isPanelRequest(message)) return;
    const { id, request } = message;
    const session = this.session !== undefined && this.events.isLaunched(this.session) ? this.session : undefined;
    try {
      const answer = serveEditorRequest(request, message.arguments, session) ?? session?.customRequest(request, message.arguments);
      if (answer === undefined) throw new Error(vscode.l10n.t('No guest is running. Start one with F5.'));
      const body: unknown = await answer;
      this.post({ id, body });
    } catch (error) {
      this.post({ id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** A hidden webview takes no messages; it asks anew when it is shown again, for it is then loaded anew. */
  post(message: MessageToPanel): void {
    void this.webview.postMessage(message);
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
  }
}
