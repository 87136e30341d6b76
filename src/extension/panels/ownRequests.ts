// Requests of panels that the extension answers itself, because they are about the editor and not about the machine.
import * as vscode from 'vscode';
import { isRecord } from '../records';

type Handler = (session: vscode.DebugSession, args: Readonly<Record<string, unknown>>) => Promise<unknown>;

const OWN: Readonly<Record<string, Handler>> = {
  /** Shows a file on a disk of the machine in an editor. */
  'extension.openDiskFile': async (session, { disk, path }) => {
    await vscode.commands.executeCommand('shadowbox.openDiskFile', session.id, disk, path);
    return {};
  },
  /** Lets the person choose another disc for a drive. */
  'extension.changeDisc': async (session, { drive }) => {
    const [disc] = await vscode.window.showOpenDialog({ title: 'Disc for the CD-ROM Drive', openLabel: 'Insert', filters: { 'CD images': ['iso', 'img'], 'All files': ['*'] } }) ?? [];
    return disc === undefined ? {} : session.customRequest('shadowbox.changeDisc', { drive, image: disc.fsPath });
  },
};

/** The answer to a request that is the extension's own; undefined for those of the machine. */
export function ownAnswer(session: vscode.DebugSession, request: string, args: unknown): Promise<unknown> | undefined {
  return Object.hasOwn(OWN, request) ? OWN[request](session, isRecord(args) ? args : {}) : undefined;
}
