// 'Show Panel…': one way to all panels, in the debug toolbar, the status bar and on a key. A panel is on the list by being
// in definitions.ts; its icon is that of its command in package.json.
import * as vscode from 'vscode';
import { isRecord } from '../records';
import type { PanelDefinition } from './panel';

interface PanelItem extends vscode.QuickPickItem {
  readonly command: string;
}

/** Icons of contributed commands, by command: `$(list-tree)`. */
function iconsOf(manifest: unknown): ReadonlyMap<string, string> {
  const contributes = isRecord(manifest) && isRecord(manifest.contributes) ? manifest.contributes : {};
  const commands: readonly unknown[] = Array.isArray(contributes.commands) ? contributes.commands : [];
  return new Map(commands.flatMap((entry): [string, string][] => (
    isRecord(entry) && typeof entry.command === 'string' && typeof entry.icon === 'string' ? [[entry.command, entry.icon]] : [])));
}

/** The list to choose from, in the definitions' order. */
export function panelItems(panels: readonly PanelDefinition[], manifest: unknown): readonly PanelItem[] {
  const icons = iconsOf(manifest);
  return panels.map(({ title, command, hint }) => {
    const icon = icons.get(command);
    const words = vscode.l10n.t(title);
    return { label: icon === undefined ? words : `${icon} ${words}`, command, ...(hint === undefined ? {} : { detail: vscode.l10n.t(hint) }) };
  });
}

/** Registers the command. `manifest` is the extension's package.json. */
export function registerPanelMenu(panels: readonly PanelDefinition[], manifest: unknown): vscode.Disposable {
  return vscode.commands.registerCommand('shadowbox.showPanel', async () => {
    const chosen = await vscode.window.showQuickPick(panelItems(panels, manifest), { placeHolder: vscode.l10n.t('Panel to show'), matchOnDetail: true });
    if (chosen !== undefined) await vscode.commands.executeCommand(chosen.command);
  });
}
