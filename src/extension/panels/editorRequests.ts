// What a panel may ask of the editor instead of the guest: clipboard, files, code at an address, the page tables, discs.
import * as vscode from 'vscode';
import { isRecord } from '../records';
import type { EditorRequests } from './messages';

type Arguments = Readonly<Record<string, unknown>>;
type Session = vscode.DebugSession | undefined;
type Handlers = { readonly [Name in keyof EditorRequests]: (args: Arguments, session: Session) => Promise<EditorRequests[Name]['answer']> };

function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`The panel has not said which ${name} it means.`);
  return value;
}

function needed(session: Session): vscode.DebugSession {
  if (session === undefined) throw new Error('No guest is running. Start one with F5.');
  return session;
}

/** Asks where a file is to go, and writes it there. @returns its path; nothing when the person thought better of it */
async function saveFile(name: string, bytes: Uint8Array): Promise<{ readonly path?: string }> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const extension = /\.(\w+)$/.exec(name)?.[1];
  const target = await vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, name) }),
    ...(extension === undefined ? {} : { filters: { [extension.toUpperCase()]: [extension] } }),
  });
  if (target === undefined) return {};
  await vscode.workspace.fs.writeFile(target, bytes);
  return { path: target.fsPath };
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

/** Lets the person choose another disc for a CD-ROM drive, and puts it in. */
async function changeDisc(session: vscode.DebugSession, drive: string): Promise<void> {
  const filters = { 'CD images': ['iso', 'img'], 'All files': ['*'] };
  const [disc] = await vscode.window.showOpenDialog({ title: 'Disc for the CD-ROM Drive', openLabel: 'Insert', filters }) ?? [];
  if (disc !== undefined) await session.customRequest('shadowbox.changeDisc', { drive, image: disc.fsPath });
}

const HANDLERS: Handlers = {
  'editor.copy': async (args) => {
    await vscode.env.clipboard.writeText(text(args, 'text'));
    return {};
  },
  'editor.paste': async () => ({ text: await vscode.env.clipboard.readText() }),
  'editor.saveFile': (args) => saveFile(text(args, 'name'), Buffer.from(text(args, 'data'), 'base64')),
  'editor.showInPageTables': async (args) => {
    await vscode.commands.executeCommand('shadowbox.walkAddress', text(args, 'linear'));
    return {};
  },
  'editor.openCode': async (args, session) => {
    await openCode(needed(session), text(args, 'linear'));
    return {};
  },
  'editor.openDiskFile': async (args, session) => {
    await vscode.commands.executeCommand('shadowbox.openDiskFile', needed(session).id, text(args, 'disk'), text(args, 'path'));
    return {};
  },
  'editor.changeDisc': async (args, session) => {
    await changeDisc(needed(session), text(args, 'drive'));
    return {};
  },
};

function isEditorRequest(request: string): request is keyof EditorRequests {
  return Object.hasOwn(HANDLERS, request);
}

/**
 * Does what a panel asks of the editor; undefined for a request that is the session's. Rejects with words for the person.
 * @param session the one that the panel shows, if its machine is there
 */
export function serveEditorRequest(request: string, args: unknown, session: Session): Promise<unknown> | undefined {
  return isEditorRequest(request) ? HANDLERS[request](isRecord(args) ? args : {}, session) : undefined;
}
