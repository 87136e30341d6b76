// The panel "Page Tables": guest and shadow page tables side by side. The picture is the webview's affair
// (webviews/page-tables); this opens it, brings it back after a reload, and connects it.
import * as vscode from 'vscode';
import type { DebugEvents } from '../debugEvents';
import { panelHtml, webviewFolder } from './panelHtml';
import { SessionBridge } from './sessionBridge';

const VIEW_TYPE = 'shadowbox.pageTables';
const TITLE = 'Page Tables';

export class PageTablesPanel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private bridge: SessionBridge | undefined;
  /** Whether the webview's script is there to hear: it has asked something since the panel was last shown. */
  private listening = false;
  /** The address to walk as soon as the script listens. */
  private waiting: string | undefined;
  private readonly registration: vscode.Disposable;

  constructor(private readonly extensionUri: vscode.Uri, private readonly events: DebugEvents) {
    this.registration = vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this);
  }

  /** Shows the panel beside the editor; there is one at most. */
  show(): void {
    if (this.panel !== undefined) {
      this.panel.reveal(undefined, true);
      return;
    }
    this.adopt(vscode.window.createWebviewPanel(VIEW_TYPE, TITLE, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true }));
  }

  /** Shows the panel and walks an address in it: `0x…` or any expression that the debugger evaluates. */
  walk(linear: string): void {
    this.waiting = linear;
    this.show();
    if (this.listening) this.sendWaiting();
  }

  private sendWaiting(): void {
    if (this.waiting === undefined) return;
    this.bridge?.post({ event: 'walk', body: { linear: this.waiting } });
    this.waiting = undefined;
  }

  /** Called by VS Code for a panel that was open when the window was last closed. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.adopt(panel);
    return Promise.resolve();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    const bridge = new SessionBridge(panel.webview, this.events);
    this.panel = panel;
    this.bridge = bridge;
    this.listening = false;
    panel.webview.onDidReceiveMessage(() => {
      if (!this.listening) bridge.tellSession();
      this.listening = true;
      this.sendWaiting();
    });
    // A hidden webview is unloaded; its script begins anew when it is shown again.
    panel.onDidChangeViewState(() => { this.listening &&= panel.visible; });
    panel.onDidDispose(() => {
      bridge.dispose();
      if (this.panel === panel) this.panel = this.bridge = undefined;
    });
    panel.webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(this.extensionUri)] };
    panel.webview.html = panelHtml(panel.webview, this.extensionUri, 'page-tables', TITLE);
  }

  dispose(): void {
    this.registration.dispose();
    this.panel?.dispose();
  }
}
