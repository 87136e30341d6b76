// Where an address of a guest can be looked at with the editor's own means: its code, and its bytes in the hex editor.
import * as vscode from 'vscode';
import { baseAddressQuery, MEMORY_SCHEME } from './addressText';
import { isRecord } from './records';

/** VS Code's own extension with the custom editor that it opens memory in ('View Binary Data'). */
const HEX_EDITOR_EXTENSION = 'ms-vscode.hexeditor';
const HEX_EDITOR = 'hexEditor.hexedit';

/** Opens the code at a linear address: its source where there is one, else a listing of its instructions. Rejects where nothing is mapped. */
export async function openCode(session: vscode.DebugSession, linear: string): Promise<void> {
  const answer: unknown = await session.customRequest('shadowbox.codeAt', { linear });
  if (!isRecord(answer) || !isRecord(answer.source) || typeof answer.line !== 'number') throw new Error(vscode.l10n.t('There is no code to show at {0}.', linear));
  const { name, path, sourceReference } = answer.source;
  const uri = vscode.debug.asDebugSourceUri({
    ...(typeof name === 'string' ? { name } : {}), ...(typeof path === 'string' ? { path } : {}),
    ...(typeof sourceReference === 'number' ? { sourceReference } : {}),
  }, session);
  const at = new vscode.Position(answer.line - 1, 0);
  await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.One, selection: new vscode.Range(at, at), preview: true });
}

/** The memory from an address (`0x…` or an expression) on, as a file that the hex editor opens. */
export function memoryUri(session: vscode.DebugSession, reference: string): vscode.Uri {
  return vscode.Uri.from({ scheme: MEMORY_SCHEME, authority: session.id, path: `/${encodeURIComponent(reference)}/memory.bin`, query: baseAddressQuery(reference) });
}

/** Opens the bytes at an address in the hex editor, and offers to install that where it is missing. */
export async function viewMemory(session: vscode.DebugSession, reference: string): Promise<void> {
  if (vscode.extensions.getExtension(HEX_EDITOR_EXTENSION) === undefined) {
    const install = vscode.l10n.t('Show the Hex Editor');
    const chosen = await vscode.window.showInformationMessage(vscode.l10n.t('Memory is shown by the extension Hex Editor, which is not installed.'), install);
    if (chosen === install) await vscode.commands.executeCommand('workbench.extensions.search', `@id:${HEX_EDITOR_EXTENSION}`);
    return;
  }
  await vscode.commands.executeCommand('vscode.openWith', memoryUri(session, reference), HEX_EDITOR, vscode.ViewColumn.Active);
}
