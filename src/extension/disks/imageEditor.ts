// The editor for disk images: looks at one, never runs or changes anything. The picture is webviews/disk-image.
import path from 'node:path';
import * as vscode from 'vscode';
import { entriesAt, reportOf } from '../../filesystems/volumes';
import type { PanelReply, PanelRequest } from '../panels/messages';
import { panelHtml, webviewFolder } from '../panels/panelHtml';
import { isRecord } from '../records';
import { diskUri } from './addresses';
import { blockMapOf, ImageFile, isImageProblem, sourceOfImage } from './image';
import type { ImageCommand, ImageOverview, ImageRequests } from './messages';

export const IMAGE_EDITOR = 'shadowbox.diskImage';
const WEBVIEW = 'disk-image';
const HEX_EDITOR = { extension: 'ms-vscode.hexeditor', viewType: 'hexEditor.hexedit' };
/** One question is answered with at most so much. */
const LARGEST_READ = 64 * 1024, MOST_CELLS = 4096;

/** An image that is open in an editor; opened anew when its file has changed. */
class ImageDocument implements vscode.CustomDocument {
  private file: ImageFile | undefined;

  constructor(readonly uri: vscode.Uri) {}

  /** Throws what says what is wrong with the file. */
  image(): ImageFile {
    if (this.file?.isFresh === true) return this.file;
    this.dispose();
    if (this.uri.scheme !== 'file') throw new Error(vscode.l10n.t('{0} is not on this computer: images are read by the paths of their files.', this.uri.path));
    this.file = ImageFile.open(this.uri.fsPath);
    return this.file;
  }

  dispose(): void {
    this.file?.close();
    this.file = undefined;
  }
}

type Arguments = Readonly<Record<string, unknown>>;
type Handlers = { readonly [Command in ImageCommand]: (document: ImageDocument, args: Arguments) => Promise<ImageRequests[Command]['answer']> };

function numberOf(args: Arguments, name: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = args[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > most) throw new Error(`'${name}' must be a whole number from 0 to ${most}.`);
  return value;
}

function textOf(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`'${name}' must be a text.`);
  return value;
}

async function overview(document: ImageDocument): Promise<ImageOverview> {
  const { fsPath } = document.uri;
  const about = { name: path.basename(fsPath), path: fsPath, hexEditor: vscode.extensions.getExtension(HEX_EDITOR.extension) !== undefined };
  try {
    const image = document.image();
    return { ...about, chain: image.chain, report: reportOf(await image.contents()) };
  } catch (error) {
    // The picture says it, in place of what there would be to see.
    return { ...about, chain: [], problem: error instanceof Error ? error.message : String(error) };
  }
}

const HANDLERS: Handlers = {
  'image.overview': overview,
  'image.blocks': (document, args) => {
    const { image } = document.image();
    return blockMapOf(image, numberOf(args, 'from', image.bytes), numberOf(args, 'to'), Math.max(1, numberOf(args, 'cells', MOST_CELLS)));
  },
  'image.entries': async (document, args) => ({ entries: await entriesAt(await document.image().contents(), textOf(args, 'path')) }),
  'image.bytes': async (document, args) => {
    const source = sourceOfImage(document.image().image);
    const offset = numberOf(args, 'offset');
    const bytes = await source.read(offset, Math.max(0, Math.min(numberOf(args, 'bytes', LARGEST_READ), source.bytes - offset)));
    return { data: Buffer.from(bytes).toString('base64') };
  },
  'image.open': async (document, args) => {
    await vscode.commands.executeCommand('vscode.open', diskUri({ kind: 'image', path: document.uri.fsPath }, textOf(args, 'path')), { preview: true, viewColumn: vscode.ViewColumn.Active });
    return {};
  },
  'image.boot': async (document) => {
    await vscode.commands.executeCommand('shadowbox.bootFile', document.uri);
    return {};
  },
  'image.mount': async (document) => {
    await vscode.commands.executeCommand('shadowbox.mountDisk', document.uri);
    return {};
  },
  'image.hex': async (document) => {
    await vscode.commands.executeCommand('vscode.openWith', document.uri, HEX_EDITOR.viewType);
    return {};
  },
};

function isCommand(request: string): request is ImageCommand {
  return Object.hasOwn(HANDLERS, request);
}

export class DiskImageEditors implements vscode.CustomReadonlyEditorProvider<ImageDocument>, vscode.Disposable {
  private readonly registration: vscode.Disposable;

  constructor(private readonly extensionUri: vscode.Uri, private readonly log: vscode.LogOutputChannel) {
    this.registration = vscode.window.registerCustomEditorProvider(IMAGE_EDITOR, this, { supportsMultipleEditorsPerDocument: true });
  }

  openCustomDocument(uri: vscode.Uri): ImageDocument {
    return new ImageDocument(uri);
  }

  resolveCustomEditor(document: ImageDocument, { webview }: vscode.WebviewPanel): void {
    webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(this.extensionUri)] };
    webview.onDidReceiveMessage(async (message: unknown) => {
      if (isRecord(message) && typeof message.id === 'number' && typeof message.request === 'string') {
        await webview.postMessage(await this.answer(document, { id: message.id, request: message.request, arguments: message.arguments }));
      }
    });
    webview.html = panelHtml(webview, this.extensionUri, WEBVIEW, path.basename(document.uri.fsPath));
  }

  /** What is no machine stands still: a page that asks what panels of machines ask is told so. */
  private async answer(document: ImageDocument, { id, request, arguments: args }: PanelRequest): Promise<PanelReply> {
    if (request === 'shadowbox.summary') return { id, body: { running: false } };
    if (!isCommand(request)) return { id, error: `There is no request '${request}'.` };
    try {
      return { id, body: await HANDLERS[request](document, isRecord(args) ? args : {}) };
    } catch (error) {
      if (!isImageProblem(error)) this.log.error(`${request}:`, error instanceof Error ? error : String(error));
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  dispose(): void {
    this.registration.dispose();
  }
}
