// The files on disks as VS Code sees them: those in image files, and those on the drives of running machines. Read-only.
import * as vscode from 'vscode';
import type { PanelRequests } from '../../../debugger/panelProtocol';
import type { Node } from '../../filesystems/fileSystem';
import { FileSystemError, type ByteSource } from '../../filesystems/source';
import { nodeOnDisk, openDisk, type OpenedDisk } from '../../filesystems/volumes';
import type { DebugEvents } from '../debugEvents';
import { addressOf, DISK_SCHEME, diskUri, type DiskAddress } from './addresses';
import { ImageFile, isImageProblem } from './image';

/** VS Code takes files whole; a larger one would fill its memory. */
const LARGEST_FILE = 256 * 1024 * 1024;
/** The debug adapter answers with at most so many bytes. */
const PIECE = 1024 * 1024;

interface Opened {
  readonly disk: Promise<OpenedDisk>;
  /** Whether it is still what it was. */
  readonly isFresh: () => boolean;
  readonly close: () => void;
}

export class DiskFiles implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly opened = new Map<string, Opened>();
  private readonly sessions = new Map<string, vscode.DebugSession>();
  /** Counts what the machines have done, by session: a disk that was looked at earlier may be another now. */
  private readonly changes = new Map<string, number>();
  private readonly emitter = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  private readonly registrations: vscode.Disposable;
  readonly onDidChangeFile = this.emitter.event;

  constructor(events: DebugEvents) {
    this.registrations = vscode.Disposable.from(
      vscode.workspace.registerFileSystemProvider(DISK_SCHEME, this, { isReadonly: true, isCaseSensitive: true }),
      events.onLaunched((session) => { this.sessions.set(session.id, session); }),
      events.onEvent(({ session, event }) => { this.changed(session.id, event); }),
      events.onEnd((session) => { this.ended(session.id); }),
    );
  }

  private changed(session: string, event: string): void {
    if (event !== 'shadowbox.changed' && event !== 'stopped') return;
    this.changes.set(session, (this.changes.get(session) ?? 0) + 1);
    if (event === 'stopped') this.tell(session);
  }

  private ended(session: string): void {
    this.sessions.delete(session);
    this.tell(session);
  }

  /** Tells VS Code that the disks of a machine are to be looked at again. */
  private tell(session: string): void {
    const uris = [...this.opened.keys()].flatMap((authority) => {
      const uri = vscode.Uri.from({ scheme: DISK_SCHEME, authority, path: '/' });
      const address = addressOf(uri);
      return address?.kind === 'machine' && address.session === session ? [uri] : [];
    });
    if (uris.length > 0) this.emitter.fire(uris.map((uri) => ({ type: vscode.FileChangeType.Changed, uri })));
  }

  /** The disk that a URI names; looked through again if it may have changed. */
  private disk(uri: vscode.Uri): Promise<OpenedDisk> {
    const known = this.opened.get(uri.authority);
    if (known?.isFresh() === true) return known.disk;
    known?.close();
    const address = addressOf(uri);
    if (address === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    const opened = address.kind === 'image' ? openedImage(address.path) : this.openedDrive(address);
    this.opened.set(uri.authority, opened);
    // What could not be opened may be there the next time.
    opened.disk.catch(() => { this.opened.delete(uri.authority); });
    return opened.disk;
  }

  private openedDrive({ session: id, disk: name }: DiskAddress & { readonly kind: 'machine' }): Opened {
    const session = this.sessions.get(id);
    if (session === undefined) throw vscode.FileSystemError.Unavailable('The machine with this disk is gone.');
    const since = this.changes.get(id);
    return { disk: sourceOfDrive(session, name).then(openDisk), isFresh: () => this.sessions.has(id) && this.changes.get(id) === since, close: () => undefined };
  }

  private async node(uri: vscode.Uri, follow: boolean): Promise<Node> {
    try {
      return await nodeOnDisk(await this.disk(uri), uri.path, follow);
    } catch (error) {
      throw inEditorsWords(error, uri);
    }
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const own = await this.node(uri, false);
    // A link that leads nowhere is still there.
    const node = own.kind === 'link' ? await this.node(uri, true).catch(() => undefined) : own;
    const type = (own.kind === 'link' ? vscode.FileType.SymbolicLink : 0) | (node === undefined ? vscode.FileType.Unknown : typeOf(node));
    const mtime = ((node ?? own).modified ?? 0) * 1000;
    return { type, ctime: mtime, mtime, size: (node ?? own).bytes, permissions: vscode.FilePermission.Readonly };
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const directory = await this.node(uri, true);
    try {
      const entries = await directory.list();
      return await Promise.all(entries.map(async ({ name, node }): Promise<[string, vscode.FileType]> => {
        if (node.kind !== 'link') return [name, typeOf(node)];
        const target = await this.node(vscode.Uri.joinPath(uri, name), true).catch(() => undefined);
        return [name, vscode.FileType.SymbolicLink | (target === undefined ? vscode.FileType.Unknown : typeOf(target))];
      }));
    } catch (error) {
      throw inEditorsWords(error, uri);
    }
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const file = await this.node(uri, true);
    if (file.kind === 'directory') throw vscode.FileSystemError.FileIsADirectory(uri);
    if (file.bytes > LARGEST_FILE) throw vscode.FileSystemError.Unavailable(`${uri.path} has ${file.bytes} bytes: more than ${LARGEST_FILE} are not shown.`);
    try {
      return await file.read(0, file.bytes);
    } catch (error) {
      throw inEditorsWords(error, uri);
    }
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    this.registrations.dispose();
    this.emitter.dispose();
    for (const { close } of this.opened.values()) close();
    this.opened.clear();
  }
}

function openedImage(path: string): Opened {
  try {
    const file = ImageFile.open(path);
    return { disk: file.contents(), isFresh: () => file.isFresh, close: () => { file.close(); } };
  } catch (error) {
    throw inEditorsWords(error, diskUri({ kind: 'image', path }));
  }
}

async function sourceOfDrive(session: vscode.DebugSession, name: string): Promise<ByteSource> {
  const { disks } = await session.customRequest('shadowbox.disks') as PanelRequests['shadowbox.disks']['answer'];
  const disk = disks.find((each) => each.name === name);
  if (disk?.image === undefined) throw new FileSystemError(`There is no drive '${name}' with a disc in it.`, 'not-found');
  return {
    bytes: disk.bytes,
    read: async (offset, bytes) => {
      const target = new Uint8Array(bytes);
      for (let done = 0; done < bytes; done += PIECE) {
        const piece = { disk: name, offset: offset + done, bytes: Math.min(PIECE, bytes - done) };
        const { data } = await session.customRequest('shadowbox.readDisk', piece) as PanelRequests['shadowbox.readDisk']['answer'];
        target.set(Buffer.from(data, 'base64'), done);
      }
      return target;
    },
  };
}

function typeOf({ kind }: Node): vscode.FileType {
  if (kind === 'directory') return vscode.FileType.Directory;
  return kind === 'file' ? vscode.FileType.File : vscode.FileType.Unknown;
}

/** An error as VS Code understands it: a file that is not there is no failure, for instance. */
function inEditorsWords(error: unknown, uri: vscode.Uri): unknown {
  if (error instanceof FileSystemError) {
    switch (error.kind) {
      case 'not-found': return vscode.FileSystemError.FileNotFound(uri);
      case 'not-a-directory': return vscode.FileSystemError.FileNotADirectory(uri);
      case 'is-a-directory': return vscode.FileSystemError.FileIsADirectory(uri);
      case 'damaged': return vscode.FileSystemError.Unavailable(error.message);
    }
  }
  return isImageProblem(error) ? vscode.FileSystemError.Unavailable(error.message) : error;
}
