// What a panel may ask of the editor instead of the guest: clipboard, files, code at an address, the page tables, discs.
import * as vscode from 'vscode';
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

/** Lets the person choose another disc for a drive, and puts it in. */
async function changeDisc(session: vscode.DebugSession, drive: string): Promise<void> {
  if (drive.startsWith('floppy')) return changeFloppy(session, drive);
  const filters = { [vscode.l10n.t('CD images')]: ['iso', 'img'], [vscode.l10n.t('All files')]: ['*'] };
  const [disc] = await vscode.window.showOpenDialog({ title: vscode.l10n.t('Disc for the CD-ROM Drive'), openLabel: vscode.l10n.t('Insert'), filters }) ?? [];
  if (disc !== undefined) await session.customRequest('shadowbox.changeDisc', { drive, image: disc.fsPath });
}

/** The same for a floppy, to which the guest may write: where that goes is asked, too. */
async function changeFloppy(session: vscode.DebugSession, drive: string): Promise<void> {
  const filters = { [vscode.l10n.t('Floppy images')]: ['img', 'ima', 'flp', 'vfd', 'dsk'], [vscode.l10n.t('All files')]: ['*'] };
  const [disk] = await vscode.window.showOpenDialog({ title: vscode.l10n.t('Floppy for the Drive'), openLabel: vscode.l10n.t('Insert'), filters }) ?? [];
  if (disk === undefined) return;
  const ways = [
    { label: vscode.l10n.t('Keep It in Memory'), description: vscode.l10n.t('The image stays as it is.'), writable: false },
    { label: vscode.l10n.t('Write It to the Image'), description: disk.fsPath, writable: true },
  ];
  const way = await vscode.window.showQuickPick(ways, { title: vscode.l10n.t('What the Guest Writes to the Floppy'), placeHolder: vscode.l10n.t('Keep it in memory, or write it to the image?') });
  if (way !== undefined) await session.customRequest('shadowbox.changeDisc', { drive, image: disk.fsPath, writable: way.writable });
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
