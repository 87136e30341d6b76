// What a panel may ask of the editor instead of the guest: clipboard, files, code at an address, the page tables, discs.
import * as vscode from 'vscode';
import { changeDisc } from '../disks/changeDisc';
import { openCode, viewMemory } from '../places';
import { isRecord } from '../records';
import type { EditorRequests } from './messages';

type Arguments = Readonly<Record<string, unknown>>;
type Session = vscode.DebugSession | undefined;
type Handlers = { readonly [Name in keyof EditorRequests]: (args: Arguments, session: Session) => Promise<EditorRequests[Name]['answer']> };

function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(vscode.l10n.t('The panel has not said which {0} it means.', name));
  return value;
}

function needed(session: Session): vscode.DebugSession {
  if (session === undefined) throw new Error(vscode.l10n.t('No guest is running. Start one with F5.'));
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
  'editor.showInPhysicalMemory': async (args) => {
    await vscode.commands.executeCommand('shadowbox.showFrameAt', text(args, 'physical'));
    return {};
  },
  'editor.openCode': async (args, session) => {
    await openCode(needed(session), text(args, 'linear'));
    return {};
  },
  'editor.viewMemory': async (args, session) => {
    await viewMemory(needed(session), text(args, 'reference'));
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
