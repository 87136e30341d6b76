// The command 'Save Recording…': a run goes into one file, with its images if the person wants that.
import * as vscode from 'vscode';
import { activeSession } from './activeSession';
import { isRecord } from './records';

/** Asks how, and where to; saves. */
async function save(): Promise<void> {
  const session = activeSession();
  if (session === undefined) throw new Error(vscode.l10n.t('No guest is running. Start one with F5.'));
  const how = await vscode.window.showQuickPick([
    { label: vscode.l10n.t('With its images'), embed: true, snapshots: false, description: vscode.l10n.t('those of up to 64 MiB each: one file is all there is to pass on') },
    {
      label: vscode.l10n.t('With its images and snapshots'), embed: true, snapshots: true,
      description: vscode.l10n.t('whoever opens it gets to any instruction sooner; larger by what the guest has changed of its memory, compressed'),
    },
    { label: vscode.l10n.t('Without images'), embed: false, snapshots: false, description: vscode.l10n.t('a small file; whoever opens it needs the same images') },
  ], { title: vscode.l10n.t('Save Recording'), placeHolder: vscode.l10n.t('The run from power-on, with its input, bookmarks and the debugger’s changes') });
  if (how === undefined) return;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t('Save Recording'), filters: { [vscode.l10n.t('Shadowbox recording')]: ['shadowbox'] },
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, 'run.shadowbox') }),
  });
  if (target === undefined) return;
  const answer: unknown = await session.customRequest('shadowbox.saveRecording', { path: target.fsPath, embed: how.embed, snapshots: how.snapshots });
  const needed = isRecord(answer) && Array.isArray(answer.needed) ? answer.needed.filter((each) => typeof each === 'string').join(', ') : '';
  if (isRecord(answer) && typeof answer.note === 'string') void vscode.window.showWarningMessage(answer.note);
  void vscode.window.showInformationMessage(needed === ''
    ? vscode.l10n.t('Saved {0}. To open it: a launch configuration with "recording".', target.fsPath)
    : vscode.l10n.t('Saved {0}. Whoever opens it, with "recording" in a launch configuration, needs {1}, too.', target.fsPath, needed));
}

export function registerRecordingCommands(): vscode.Disposable {
  return vscode.commands.registerCommand('shadowbox.saveRecording', () => save().catch((error: unknown) => {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }));
}
