// The sample guests that come with the extension: a folder of its own for them, which the person owns and may change.
import * as vscode from 'vscode';

/** Asks for a folder, copies the samples into it, and opens it in a window. */
async function openSamples(extensionUri: vscode.Uri): Promise<void> {
  const [parent] = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Folder for the sample guests'), openLabel: vscode.l10n.t('Put Samples Here'), canSelectFiles: false, canSelectFolders: true,
  }) ?? [];
  if (parent === undefined) return;
  const target = vscode.Uri.joinPath(parent, 'shadowbox-samples');
  try {
    await vscode.workspace.fs.copy(vscode.Uri.joinPath(extensionUri, 'samples'), target, { overwrite: false });
  } catch (error) {
    // What is there already may have been worked on: it is opened as it is.
    if (!(error instanceof vscode.FileSystemError && error.code === 'FileExists')) {
      void vscode.window.showErrorMessage(vscode.l10n.t('The samples could not be copied to {0}: {1}', target.fsPath, error instanceof Error ? error.message : String(error)));
      return;
    }
  }
  await vscode.commands.executeCommand('vscode.openFolder', target, { forceNewWindow: vscode.workspace.workspaceFolders !== undefined });
}

export function registerSamples(extensionUri: vscode.Uri): vscode.Disposable {
  return vscode.commands.registerCommand('shadowbox.openSamples', () => openSamples(extensionUri));
}
