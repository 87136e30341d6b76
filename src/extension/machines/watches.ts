// Memory of a running machine that is watched, in the view 'Machines': how it looks, and what can be done with it.
import * as vscode from 'vscode';
import type { MemoryWatch, PanelRequests } from '../../../debugger/panelProtocol';
import { accessWords, bytesWords } from '../memoryWatches';
import type { RunningMachine } from './runningMachines';

type Change = PanelRequests['shadowbox.changeWatch']['arguments']['kind'];

/** The line that they stand below; it is there without any, so that the first can be added. */
export function watchesItem({ session }: RunningMachine, watches: readonly MemoryWatch[]): vscode.TreeItem {
  // A line that could not be opened at first would stay closed over the first that comes.
  const item = new vscode.TreeItem(vscode.l10n.t('Watched Memory'), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `${session.id}/watches`;
  item.description = watches.length === 0 ? vscode.l10n.t('none') : String(watches.length);
  item.iconPath = new vscode.ThemeIcon('eye');
  item.contextValue = 'watches';
  return item;
}

export function watchItem({ session }: RunningMachine, { id, name, memoryReference, bytes, access, enabled }: MemoryWatch): vscode.TreeItem {
  const item = new vscode.TreeItem(name);
  item.id = `${session.id}/watch/${id}`;
  const [words, size] = [accessWords(access), bytesWords(bytes)];
  const what = name === memoryReference ? vscode.l10n.t('{0}, {1}', words, size) : vscode.l10n.t('{0}, {1} at {2}', words, size, memoryReference);
  item.description = enabled ? what : vscode.l10n.t('disabled: {0}', what);
  item.tooltip = `${name}: ${item.description}`;
  item.iconPath = new vscode.ThemeIcon(enabled ? 'debug-breakpoint-data' : 'debug-breakpoint-data-disabled');
  item.contextValue = enabled ? 'watch.enabled' : 'watch.disabled';
  const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
  item.checkboxState = {
    state: enabled ? Checked : Unchecked, tooltip: enabled ? vscode.l10n.t('Disable') : vscode.l10n.t('Enable'),
    accessibilityInformation: { label: vscode.l10n.t('Stop at it'), role: 'checkbox' },
  };
  return item;
}

export const changeWatch = ({ session }: RunningMachine, { id }: MemoryWatch, kind: Change): Thenable<unknown> => session.customRequest('shadowbox.changeWatch', { id, kind });
