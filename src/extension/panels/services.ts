// What panels need of VS Code besides their session: files that a person saves, and the clipboard.
import * as vscode from 'vscode';
import { isRecord } from '../records';
import type { PanelServiceRequests } from './messages';

type Service<Name extends keyof PanelServiceRequests> = (args: Readonly<Record<string, unknown>>) => Promise<PanelServiceRequests[Name]['answer']>;
type Services = { readonly [Name in keyof PanelServiceRequests]: Service<Name> };

function text(args: Readonly<Record<string, unknown>>, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`The panel has sent no text '${name}'.`);
  return value;
}

const SERVICES: Services = {
  'panel.saveFile': async (args) => {
    const name = text(args, 'name');
    const bytes = Buffer.from(text(args, 'data'), 'base64');
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const extension = /\.(\w+)$/.exec(name)?.[1];
    const target = await vscode.window.showSaveDialog({
      ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, name) }),
      ...(extension === undefined ? {} : { filters: { [extension.toUpperCase()]: [extension] } }),
    });
    if (target === undefined) return {};
    await vscode.workspace.fs.writeFile(target, bytes);
    return { path: target.fsPath };
  },
  'panel.copyText': async (args) => {
    await vscode.env.clipboard.writeText(text(args, 'text'));
    return {};
  },
  'panel.pasteText': async () => ({ text: await vscode.env.clipboard.readText() }),
};

function isService(request: string): request is keyof PanelServiceRequests {
  return Object.hasOwn(SERVICES, request);
}

/** Does what a panel asks of the extension itself; undefined for a request that is the session's. Rejects with words for the person. */
export function servePanel(request: string, args: unknown): Promise<unknown> | undefined {
  return isService(request) ? SERVICES[request](isRecord(args) ? args : {}) : undefined;
}
