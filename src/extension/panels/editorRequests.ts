// What a panel may ask of the editor instead of the guest: to copy text, to show an address in the page tables, to open the code at one.
import * as vscode from 'vscode';
import { isRecord } from '../records';

/** Requests of panels that begin with this are not the debug adapter's. */
const PREFIX = 'editor.';

/** Whether a panel's request is for the editor. */
export function isEditorRequest(request: string): boolean {
  return request.startsWith(PREFIX);
}

function textOf(args: unknown, name: string): string {
  const value = isRecord(args) ? args[name] : undefined;
  if (typeof value !== 'string') throw new Error(`The panel has not said which ${name} it means.`);
  return value;
}

/** Opens the code at a linear address: its source where there is one, else a listing of its instructions. */
async function openCode(session: vscode.DebugSession, linear: string): Promise<void> {
  const answer: unknown = await session.customRequest('shadowbox.codeAt', { linear });
  if (!isRecord(answer) || !isRecord(answer.source) || typeof answer.line !== 'number') throw new Error(`There is no code to show at ${linear}.`);
  const { name, path, sourceReference } = answer.source;
  const uri = vscode.debug.asDebugSourceUri({
    ...(typeof name === 'string' ? { name } : {}), ...(typeof path === 'string' ? { path } : {}),
    ...(typeof sourceReference === 'number' ? { sourceReference } : {}),
  }, session);
  const at = new vscode.Position(answer.line - 1, 0);
  await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.One, selection: new vscode.Range(at, at), preview: true });
}

/**
 * Does what a panel asks of the editor.
 * @throws Error with words for the person
 */
export async function serveEditorRequest(request: string, args: unknown, session: vscode.DebugSession): Promise<Record<string, never>> {
  switch (request) {
    case 'editor.copy':
      await vscode.env.clipboard.writeText(textOf(args, 'text'));
      break;
    case 'editor.showInPageTables':
      await vscode.commands.executeCommand('shadowbox.walkAddress', textOf(args, 'linear'));
      break;
    case 'editor.openCode':
      await openCode(session, textOf(args, 'linear'));
      break;
    default:
      throw new Error(`The extension does not know the request '${request}'.`);
  }
  return {};
}
