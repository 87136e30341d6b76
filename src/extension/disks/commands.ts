// Commands on image files and the disks of machines: boot one, show its files in the explorer, take them out again.
import path from 'node:path';
import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../debugConfiguration';
import { DISK_SCHEME, diskUri, type DiskAddress } from './addresses';
import { bootFieldsOf, identifyFile, whyNotBootable } from './bootFile';

/** The file that a command is about: the one it was called on, else the one in front. */
function fileOf(argument: unknown): vscode.Uri | undefined {
  if (argument instanceof vscode.Uri) return argument;
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom || input instanceof vscode.TabInputText ? input.uri : undefined;
}

async function chosenFile(argument: unknown, title: string): Promise<vscode.Uri | undefined> {
  const known = fileOf(argument);
  if (known?.scheme === 'file') return known;
  const [chosen] = await vscode.window.showOpenDialog({ title, openLabel: vscode.l10n.t('Choose') }) ?? [];
  return chosen;
}

function complain(message: string): void {
  void vscode.window.showErrorMessage(message);
}

/** Starts a machine with the file in it, as what it is. */
async function bootFile(argument: unknown): Promise<void> {
  const uri = await chosenFile(argument, vscode.l10n.t('Boot in Shadowbox'));
  if (uri === undefined) return;
  try {
    const identity = identifyFile(uri.fsPath);
    const fields = bootFieldsOf(identity, uri.fsPath);
    if (fields === undefined) {
      complain(whyNotBootable(identity, uri.fsPath));
      return;
    }
    const name = path.basename(uri.fsPath);
    await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(uri), { type: DEBUG_TYPE, request: 'launch', name, stopOnEntry: false, ...fields });
  } catch (error) {
    complain(vscode.l10n.t('{0} cannot be read: {1}', uri.fsPath, error instanceof Error ? error.message : String(error)));
  }
}

/** A window of one folder becomes one of several, and VS Code starts all extensions anew then. */
async function mayRestart(): Promise<boolean> {
  const folders = vscode.workspace.workspaceFolders?.length ?? 0;
  if (folders > 1 || vscode.debug.activeDebugSession === undefined) return true;
  const go = vscode.l10n.t('Mount and End Guests');
  const message = vscode.l10n.t('Mounting a disk makes this a window of several folders, and VS Code restarts its extensions then: guests that run would end. The Disks panel and the disk image editor show the same files without that.');
  return await vscode.window.showWarningMessage(message, { modal: true }, go) === go;
}

async function mount(address: DiskAddress, name: string): Promise<void> {
  const uri = diskUri(address);
  try {
    // What cannot be opened is said here, and not by an empty folder.
    const entries = await vscode.workspace.fs.readDirectory(uri);
    if (entries.length === 0) {
      complain(vscode.l10n.t('{0} has no file system that can be shown; its partitions are shown by the disk image editor.', name));
      return;
    }
  } catch (error) {
    complain(vscode.l10n.t('{0} cannot be mounted: {1}', name, error instanceof Error ? error.message : String(error)));
    return;
  }
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.some((folder) => folder.uri.toString() === uri.toString())) {
    await vscode.commands.executeCommand('revealInExplorer', uri);
    return;
  }
  if (await mayRestart()) vscode.workspace.updateWorkspaceFolders(folders.length, 0, { uri, name });
}

async function mountDisk(argument: unknown): Promise<void> {
  const uri = await chosenFile(argument, vscode.l10n.t('Mount Disk Image'));
  if (uri !== undefined) await mount({ kind: 'image', path: uri.fsPath }, path.basename(uri.fsPath));
}

async function unmountDisk(argument: unknown): Promise<void> {
  const mounted = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === DISK_SCHEME);
  const named = argument instanceof vscode.Uri ? mounted.find(({ uri }) => uri.authority === argument.authority) : undefined;
  const chosen = named ?? (mounted.length <= 1 ? mounted[0] : await vscode.window.showWorkspaceFolderPick({ placeHolder: vscode.l10n.t('Which disk is to be taken out of the explorer?') }));
  if (chosen?.uri.scheme !== DISK_SCHEME) {
    if (chosen !== undefined || mounted.length === 0) void vscode.window.showInformationMessage(vscode.l10n.t('No disk is mounted in the explorer.'));
    return;
  }
  vscode.workspace.updateWorkspaceFolders(chosen.index, 1);
}

/** Opens a file of a machine's disk in an editor. */
async function openDiskFile(session: unknown, disk: unknown, file: unknown): Promise<void> {
  if (typeof session !== 'string' || typeof disk !== 'string' || typeof file !== 'string') return;
  await vscode.commands.executeCommand('vscode.open', diskUri({ kind: 'machine', session, disk }, file), { preview: true });
}

export function registerDiskCommands(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand('shadowbox.bootFile', bootFile),
    vscode.commands.registerCommand('shadowbox.mountDisk', mountDisk),
    vscode.commands.registerCommand('shadowbox.unmountDisk', unmountDisk),
    vscode.commands.registerCommand('shadowbox.openDiskFile', openDiskFile),
  );
}
