// The status bar's one item while a guest of ours is there: mode and privilege, how fast it runs or why it stands, and where in
// time it is. A click lists the panels.
import * as vscode from 'vscode';
import type { PanelRequests } from '../../debugger/panelProtocol';
import { activeSession } from './activeSession';
import type { DebugEvents } from './debugEvents';
import { isRecord } from './records';
import { retiredPerSecond, statusText, type Look } from './statusText';

/** A guest that runs is looked at no more often: the item is read, not watched. */
const LOOK_MS = 1000;

export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly registrations: vscode.Disposable;
  /** Why each session stands, by id; missing while it runs. */
  private readonly stops = new Map<string, string>();
  private look: Look | undefined;
  private lookedAt: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isAsking = false;

  constructor(private readonly events: DebugEvents) {
    this.item = vscode.window.createStatusBarItem('shadowbox.status', vscode.StatusBarAlignment.Left, 10);
    this.item.name = vscode.l10n.t('Shadowbox Guest');
    this.item.command = 'shadowbox.showPanel';
    this.registrations = vscode.Disposable.from(
      this.item,
      events.onEvent(({ session, event, body }) => { this.take(session, event, body); }),
      events.onLaunched(() => { this.lookSoon(0); }),
      events.onEnd((session) => {
        this.stops.delete(session.id);
        this.lookSoon(0);
      }),
      vscode.debug.onDidChangeActiveDebugSession(() => { this.lookSoon(0); }),
      vscode.workspace.onDidChangeConfiguration((change) => { if (change.affectsConfiguration('shadowbox')) this.lookSoon(0); }),
    );
  }

  private take(session: vscode.DebugSession, event: string, body: unknown): void {
    if (event === 'stopped') {
      const stop = isRecord(body) ? body : {};
      this.stops.set(session.id, typeof stop.description === 'string' ? stop.description : String(stop.reason));
      this.lookSoon(0);
    } else if (event === 'continued') {
      this.stops.delete(session.id);
      this.lookSoon(0);
    } else if (event === 'shadowbox.changed') {
      this.lookSoon(LOOK_MS);
    }
  }

  /** Looks after so long; a look that is due earlier stays so. */
  private lookSoon(milliseconds: number): void {
    if (milliseconds > 0 && this.timer !== undefined) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.update();
    }, milliseconds);
  }

  private async update(): Promise<void> {
    const session = activeSession();
    const wanted = vscode.workspace.getConfiguration('shadowbox').get('statusBar.show', true);
    if (!wanted || session === undefined || !this.events.isLaunched(session)) {
      this.item.hide();
      this.lookedAt = this.look = undefined;
      return;
    }
    // One question at a time; whatever happens meanwhile is seen by the next look.
    if (this.isAsking) {
      this.lookSoon(LOOK_MS);
      return;
    }
    this.isAsking = true;
    try {
      this.show(session, await this.ask(session));
    } catch {
      // It ended while it was asked.
    } finally {
      this.isAsking = false;
    }
  }

  private async ask(session: vscode.DebugSession): Promise<Look> {
    const [cpu, summary, timeline] = await Promise.all([
      session.customRequest('shadowbox.cpu') as Promise<PanelRequests['shadowbox.cpu']['answer']>,
      session.customRequest('shadowbox.summary') as Promise<PanelRequests['shadowbox.summary']['answer']>,
      session.customRequest('shadowbox.timeline') as Promise<PanelRequests['shadowbox.timeline']['answer']>,
    ]);
    return {
      at: performance.now(), mode: cpu.mode, cpl: cpu.cpl, running: summary.running, retired: summary.retired, furthest: timeline.furthest.retired,
    };
  }

  private show(session: vscode.DebugSession, look: Look): void {
    const speed = this.lookedAt === session.id && this.look !== undefined ? retiredPerSecond(this.look, look) : undefined;
    this.look = look;
    this.lookedAt = session.id;
    const { text, tooltip } = statusText(session.name, look, speed, this.stops.get(session.id));
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: tooltip };
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.registrations.dispose();
  }
}
