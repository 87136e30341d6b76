// How VS Code runs the debug adapter: as a process of its own, so that no guest can slow the editor down.
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';

export class AdapterProcessFactory implements vscode.DebugAdapterDescriptorFactory {
  constructor(private readonly extensionUri: vscode.Uri) {}

  /**
   * The adapter runs on the editor's own Node (in the desktop editor: Electron, told to be Node) and speaks DAP
   * over stdin and stdout. Its working directory is the workspace folder, from which relative paths in
   * launch.json are meant.
   * @throws Error when the extension has not been built
   */
  createDebugAdapterDescriptor(session: vscode.DebugSession): vscode.DebugAdapterDescriptor {
    const adapter = vscode.Uri.joinPath(this.extensionUri, 'dist', 'adapter.js').fsPath;
    if (!existsSync(adapter)) {
      throw new Error(vscode.l10n.t('The debug adapter of Shadowbox is missing ({0}). In a checkout, "npm run build" makes it.', adapter));
    }
    const folder = session.workspaceFolder?.uri;
    return new vscode.DebugAdapterExecutable(process.execPath, [adapter], {
      env: { ELECTRON_RUN_AS_NODE: '1' },
      ...(folder?.scheme === 'file' ? { cwd: folder.fsPath } : {}),
    });
  }
}
