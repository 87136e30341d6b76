// Keeps what memory is watched for the next run of the same configuration, also behind a reload of the window, as VS Code keeps breakpoints.
import * as vscode from 'vscode';
import type { PanelEvents, PanelRequests } from '../../debugger/panelProtocol';
import type { DebugEvents, SessionEvent } from './debugEvents';
import { ACCESSES } from './memoryWatches';
import { isRecord } from './records';

type Wanted = PanelRequests['shadowbox.watchWrites']['arguments'];

const CHANGED: keyof PanelEvents = 'shadowbox.watchesChanged';
const KEY = 'shadowbox.memoryWatches';

function isSaved(value: unknown): value is Wanted {
  return isRecord(value) && typeof value.expression === 'string' && typeof value.bytes === 'number' && ACCESSES.some((access) => access === value.access) && typeof value.enabled === 'boolean';
}

/** Keeps what is watched in the workspace, by the name of the configuration, and watches it again in the next run of it. */
export class MemoryWatchKeeper implements vscode.Disposable {
  private readonly registrations: vscode.Disposable;
  /** Sessions that are being given what was kept for them: what they tell meanwhile is not all. */
  private readonly giving = new Set<string>();

  constructor(private readonly state: vscode.Memento, events: DebugEvents) {
    this.registrations = vscode.Disposable.from(
      events.onEvent((event) => { this.keep(event); }),
      // Requests go out before the session is told that breakpoints may come: what is watched is watched from the first instruction on.
      events.onLaunched((session) => { void this.give(session); }),
    );
  }

  private get kept(): Readonly<Record<string, unknown>> {
    return this.state.get<Readonly<Record<string, unknown>>>(KEY, {});
  }

  private keep({ session, event, body }: SessionEvent): void {
    if (event !== CHANGED || this.giving.has(session.id)) return;
    const { watches } = body as PanelEvents['shadowbox.watchesChanged'];
    const saved = watches.map(({ memoryReference, bytes, access, enabled }): Wanted => ({ expression: memoryReference, bytes, access, enabled }));
    void this.state.update(KEY, { ...this.kept, [session.configuration.name]: saved });
  }

  private async give(session: vscode.DebugSession): Promise<void> {
    const saved = this.kept[session.configuration.name];
    if (!Array.isArray(saved)) return;
    this.giving.add(session.id);
    const given = await Promise.allSettled(saved.filter(isSaved).map((wanted) => session.customRequest('shadowbox.watchWrites', wanted)));
    this.giving.delete(session.id);
    for (const each of given) {
      if (each.status === 'rejected') void vscode.window.showWarningMessage(vscode.l10n.t('Memory that was watched in the last run is not watched now: {0}', each.reason instanceof Error ? each.reason.message : String(each.reason)));
    }
  }

  dispose(): void {
    this.registrations.dispose();
  }
}
