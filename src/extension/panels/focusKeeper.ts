// Who sends the machine on its way from a panel, by keys, goes on there: at the stop VS Code gives the keyboard to the source (setting
// `debug.focusEditorOnBreak`), and the next key would go to that.
import * as vscode from 'vscode';
import type { DebugEvents } from '../debugEvents';
import { isRecord } from '../records';

/** Requests of panels after which the machine stands elsewhere. */
const WAYS: ReadonlySet<unknown> = new Set(['shadowbox.travel', 'stepBack', 'stepIn']);
/** VS Code asks for threads and frames before it chooses one, and then for the source that it opens: the longest time for each. */
const LONGEST_MS = 8000;
/** VS Code may take the keyboard twice at a stop: for the listing that stands there already, and for the source that has come. */
const MOST_RETURNS = 2;

const takesKeyboard = (): boolean => vscode.workspace.getConfiguration('debug').get('focusEditorOnBreak', true);

export class FocusKeeper implements vscode.Disposable {
  /** 'under way' from an order that came by a panel with the keyboard to the stop; then, for a while, 'arrived'. */
  private state: 'idle' | 'under way' | 'arrived' = 'idle';
  private timer: NodeJS.Timeout | undefined;
  private returns = 0;
  private readonly registrations: vscode.Disposable;

  constructor(panel: vscode.WebviewPanel, events: DebugEvents) {
    this.registrations = vscode.Disposable.from(
      panel.webview.onDidReceiveMessage((message: unknown) => {
        if (panel.active && isRecord(message) && WAYS.has(message.request) && takesKeyboard()) {
          this.returns = 0;
          this.be('under way');
        }
      }),
      events.onEvent(({ event }) => {
        if (event === 'stopped' && this.state === 'under way') this.be('arrived');
      }),
      vscode.debug.onDidChangeActiveStackItem(() => {
        if (this.state === 'arrived') this.be('arrived');
      }),
      panel.onDidChangeViewState(() => {
        if (panel.active || this.state === 'idle') return;
        // Before the stop it was the person who went elsewhere.
        const isOurs = this.state === 'arrived' && panel.visible && this.returns++ < MOST_RETURNS;
        if (isOurs) panel.reveal(undefined, false);
        else this.be('idle');
      }),
    );
  }

  private be(state: FocusKeeper['state']): void {
    clearTimeout(this.timer);
    this.state = state;
    if (state === 'arrived') this.timer = setTimeout(() => { this.state = 'idle'; }, LONGEST_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.registrations.dispose();
  }
}
