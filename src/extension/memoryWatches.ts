// Memory that is watched besides VS Code's own breakpoints, whose list takes none from extensions: how it is asked for.
import * as vscode from 'vscode';
import type { MemoryWatch, PanelRequests } from '../../debugger/panelProtocol';
import { byteCountIn } from './addressText';

type Wanted = PanelRequests['shadowbox.watchWrites']['arguments'];
type Access = MemoryWatch['access'];

export const ACCESSES: readonly Access[] = ['write', 'read', 'readWrite'];

export function accessWords(access: Access): string {
  switch (access) {
    case 'write': return vscode.l10n.t('writes');
    case 'read': return vscode.l10n.t('reads');
    case 'readWrite': return vscode.l10n.t('reads and writes');
  }
}

export const bytesWords = (bytes: number): string => (bytes === 1 ? vscode.l10n.t('1 byte') : vscode.l10n.t('{0} bytes', bytes));

/** Watches memory, by default for writes, and says where that stands from now on. Rejects, in words for the person, for what cannot be watched. */
export async function watchWrites(session: vscode.DebugSession, wanted: Wanted): Promise<void> {
  const { watch } = await session.customRequest('shadowbox.watchWrites', wanted) as PanelRequests['shadowbox.watchWrites']['answer'];
  const show = vscode.l10n.t('Show');
  void vscode.window.showInformationMessage(vscode.l10n.t('The guest stops at {0} of {1}, {2}.', accessWords(watch.access), watch.name, bytesWords(watch.bytes)), show).then((chosen) => {
    if (chosen === show) void vscode.commands.executeCommand('shadowbox.machines.focus');
  });
}

/**
 * Asks for what is not known of a range (where it is, how many bytes, which accesses), and watches it. Where the number of bytes is known, the place is, too.
 * Without a word when the person thinks better of it.
 */
export async function askAndWatch(session: vscode.DebugSession, { expression: given = '', bytes: known }: { readonly expression?: string; readonly bytes?: number | undefined }): Promise<void> {
  const title = vscode.l10n.t('Break on Access');
  const expression = known !== undefined ? given : await vscode.window.showInputBox({
    title, value: given, prompt: vscode.l10n.t('What is to be watched: an address (0x…, phys:0x…) or an expression'),
    validateInput: (text) => (text.trim() === '' ? vscode.l10n.t('An address or an expression is needed.') : undefined),
  });
  if (expression === undefined) return;
  const size = await vscode.window.showInputBox({
    title, value: known === undefined ? '' : String(known), prompt: vscode.l10n.t('How many bytes (nothing: all of a variable, one byte at an address)'),
    validateInput: (text) => (text.trim() === '' || byteCountIn(text) !== undefined ? undefined : vscode.l10n.t('A number of bytes is needed: 16, or 0x1000.')),
  });
  if (size === undefined) return;
  const access = await vscode.window.showQuickPick(
    ACCESSES.map((each) => ({ label: accessWords(each), access: each })), { title, placeHolder: vscode.l10n.t('Which accesses the guest is to stop at') },
  );
  if (access === undefined) return;
  const bytes = byteCountIn(size);
  await watchWrites(session, { expression: expression.trim(), access: access.access, ...(bytes === undefined ? {} : { bytes }) });
}
