// A panel: one webview beside the editor, which is opened by a command, brought back after a reload, and connected with
// the debug session that it shows. The picture is the webview's affair (webviews/<name>).
import * as vscode from 'vscode';
import type { DebugEvents } from '../debugEvents';
import { FocusKeeper } from './focusKeeper';
import type { PanelEvent } from './messages';
import { panelHtml, webviewFolder } from './panelHtml';
import { SessionBridge } from './sessionBridge';
import { showTab, tabOf } from './tabs';

/** What tells one panel from another. */
export interface PanelDefinition {
  /** The folder in webviews/, and the name of its bundles. */
  readonly name: string;
  /** What VS Code knows it by: activation event `onWebviewPanel:<viewType>`. */
  readonly viewType: string;
  readonly title: string;
  /** The command that shows it. */
  readonly command: string;
  /** What it shows, in a few words, for the list of panels. */
  readonly hint?: string;
  /** For a picture that would be lost, or be too slow to make anew, when the panel is hidden for a while. */
  readonly retainWhenHidden?: boolean;
}

/**
 * Where a panel of ours is already; else beside the source, unless the person wants them in the same group. Groups of panels are locked
 * (`workbench.editor.autoLockGroups`), so that the source of the next stop opens elsewhere.
 */
function columnForPanel(): vscode.ViewColumn {
  if (vscode.workspace.getConfiguration('shadowbox').get<string>('panels.openIn', 'beside') === 'active') return vscode.ViewColumn.Active;
  const ours = vscode.window.tabGroups.all.find(({ tabs }) => tabs.some(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes('shadowbox.')));
  if (ours !== undefined) return ours.viewColumn;
  // Beside nothing would be the only group, where the listing of the next stop would cover it.
  const nothingOpen = vscode.window.tabGroups.all.every(({ tabs }) => tabs.length === 0);
  return nothingOpen ? vscode.ViewColumn.Two : vscode.ViewColumn.Beside;
}

export class Panel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private bridge: SessionBridge | undefined;
  /** Whether it has been open in this window; before that it may have a tab from the window before it was loaded anew. */
  private wasOpen = false;
  /** Whether the webview's script is there to hear: it has asked something since the panel was last shown. */
  private listening = false;
  /** What to tell it as soon as it does. */
  private waiting: PanelEvent | undefined;
  private readonly registrations: vscode.Disposable;

  constructor(private readonly definition: PanelDefinition, private readonly extensionUri: vscode.Uri, private readonly events: DebugEvents) {
    this.registrations = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(definition.viewType, this),
      vscode.commands.registerCommand(definition.command, () => { this.show(); }),
    );
  }

  /** Shows the panel beside the editor; there is one at most. */
  show(): void {
    if (this.panel !== undefined) {
      this.panel.reveal(undefined, true);
      return;
    }
    const unseen = this.wasOpen ? undefined : tabOf(this.definition.viewType);
    if (unseen !== undefined) {
      void showTab(unseen);
      return;
    }
    const { viewType, title, retainWhenHidden } = this.definition;
    this.adopt(vscode.window.createWebviewPanel(
      viewType, vscode.l10n.t(title), { viewColumn: columnForPanel(), preserveFocus: true }, { retainContextWhenHidden: retainWhenHidden === true },
    ));
  }

  /** Shows the panel and tells it something: now, or once its script listens. Of several that wait the last is told. */
  tell(event: PanelEvent): void {
    this.waiting = event;
    this.show();
    if (this.listening) this.tellWaiting();
  }

  private tellWaiting(): void {
    if (this.waiting === undefined) return;
    this.bridge?.post(this.waiting);
    this.waiting = undefined;
  }

  /** Called by VS Code for a panel that was open when the window was last closed. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.adopt(panel);
    return Promise.resolve();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    const bridge = new SessionBridge(panel.webview, this.events);
    const keeper = new FocusKeeper(panel, this.events);
    this.panel = panel;
    this.bridge = bridge;
    this.wasOpen = true;
    this.listening = false;
    panel.webview.onDidReceiveMessage(() => {
      if (!this.listening) bridge.tellSession();
      this.listening = true;
      this.tellWaiting();
    });
    // A hidden webview is unloaded, unless it is retained; its script begins anew when it is shown again.
    panel.onDidChangeViewState(() => { this.listening &&= panel.visible; });
    panel.onDidDispose(() => {
      bridge.dispose();
      keeper.dispose();
      if (this.panel === panel) this.panel = this.bridge = undefined;
    });
    panel.webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(this.extensionUri)] };
    const { name, title } = this.definition;
    panel.webview.html = panelHtml(panel.webview, this.extensionUri, name, vscode.l10n.t(title));
  }

  dispose(): void {
    this.registrations.dispose();
    this.panel?.dispose();
  }
}
