/**
 * A folder of the host as a 9P server's file system. Nothing outside of it can be reached: names come one by one, and before
 * anything is done it is made sure that no symbolic link is on the way. The last name is never followed either.
 */
import * as fs from 'node:fs';
import path from 'node:path';
import { errorOfCode, NinepError } from '../ninep/errno';
import type { AttributeChange, Attributes, FileKind, FileSystem, FileSystemStatistics, FolderEntry, OpenFile, OpenMode, Place } from '../ninep/fileSystem';

/** Never follow a link at the end, never wait for somebody at the other end of a pipe. Zero where a system has no such flag. */
const CAREFUL_FLAGS = flag('O_NOFOLLOW') | flag('O_NONBLOCK');
/** Set-user-ID and set-group-ID stay out of a guest's hands. */
const PERMISSIONS = 0o1777;
const NANOSECONDS = 1e9;
const PREFERRED_BLOCK = 4096n;

function flag(name: 'O_NOFOLLOW' | 'O_NONBLOCK'): number {
  const flags: Readonly<Record<string, number | undefined>> = fs.constants;
  return flags[name] ?? 0;
}

/** Does something with the host's files; what goes wrong is thrown as NinepError. */
function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof NinepError) throw error;
    throw errorOfCode(error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EIO');
  }
}

function kindOf(stats: fs.BigIntStats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

function attributesOf(stats: fs.BigIntStats): Attributes {
  return {
    kind: kindOf(stats), mode: Number(stats.mode), uid: Number(stats.uid), gid: Number(stats.gid), links: stats.nlink, device: stats.rdev,
    bytes: stats.size, blockBytes: PREFERRED_BLOCK, blocks: stats.blocks, inode: stats.ino,
    accessed: stats.atimeNs, modified: stats.mtimeNs, changed: stats.ctimeNs,
  };
}

/** An open file of which it is sure that it is an ordinary one. */
function openFile(descriptor: number): OpenFile {
  const file: OpenFile = {
    read: (offset, target) => attempt(() => fs.readSync(descriptor, target, 0, target.length, offset)),
    write: (offset, source) => attempt(() => fs.writeSync(descriptor, source, 0, source.length, offset)),
    attributes: () => attempt(() => attributesOf(fs.fstatSync(descriptor, { bigint: true }))),
    resize: (bytes) => attempt(() => { fs.ftruncateSync(descriptor, bytes); }),
    sync: () => attempt(() => { fs.fsyncSync(descriptor); }),
    close: () => attempt(() => { fs.closeSync(descriptor); }),
  };
  if (fs.fstatSync(descriptor).isFile()) return file;
  file.close();
  throw new NinepError('EPERM');
}

function flagsOf({ reads, writes, truncates, appends }: OpenMode): number {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_TRUNC, O_APPEND } = fs.constants;
  const access = !writes ? O_RDONLY : reads ? O_RDWR : O_WRONLY;
  return access | (truncates ? O_TRUNC : 0) | (appends ? O_APPEND : 0) | CAREFUL_FLAGS;
}

/** Seconds, as Node takes times; what is not given stays. */
function secondsOf(time: bigint | 'now' | undefined, present: bigint): number {
  if (time === 'now') return Date.now() / 1000;
  return Number(time ?? present) / NANOSECONDS;
}

export class SharedFolder implements FileSystem {
  readonly #root: string;

  /** `root` may itself be reached by links. Throws what the operating system does when it is not there. */
  constructor(root: string) {
    this.#root = fs.realpathSync(root);
  }

  attributes(place: Place): Attributes {
    return attempt(() => attributesOf(fs.lstatSync(this.#pathOf(place), { bigint: true })));
  }

  change(place: Place, { mode, uid, gid, bytes, accessed, modified }: AttributeChange): void {
    attempt(() => {
      const file = this.#pathOf(place);
      const stats = fs.lstatSync(file, { bigint: true });
      if (bytes !== undefined) this.#resize(file, bytes);
      if (mode !== undefined) {
        if (stats.isSymbolicLink()) throw new NinepError('EOPNOTSUPP');
        fs.chmodSync(file, mode & PERMISSIONS);
      }
      if (uid !== undefined || gid !== undefined) fs.lchownSync(file, uid ?? Number(stats.uid), gid ?? Number(stats.gid));
      if (accessed !== undefined || modified !== undefined) fs.lutimesSync(file, secondsOf(accessed, stats.atimeNs), secondsOf(modified, stats.mtimeNs));
    });
  }

  open(place: Place, mode: OpenMode): OpenFile {
    return attempt(() => openFile(fs.openSync(this.#pathOf(place), flagsOf(mode))));
  }

  create(place: Place, mode: OpenMode & { readonly exclusive: boolean }, permissions: number): OpenFile {
    return attempt(() => {
      const file = this.#pathOf(place);
      const isNew = fs.lstatSync(file, { throwIfNoEntry: false }) === undefined;
      const flags = flagsOf(mode) | fs.constants.O_CREAT | (mode.exclusive ? fs.constants.O_EXCL : 0);
      const descriptor = fs.openSync(file, flags, permissions & PERMISSIONS);
      const opened = openFile(descriptor);
      // The client has applied its own mask; the host's process shall not apply another.
      if (isNew) fs.fchmodSync(descriptor, permissions & PERMISSIONS);
      return opened;
    });
  }

  list(place: Place): readonly FolderEntry[] {
    return attempt(() => {
      const folder = this.#pathOf(place);
      if (!fs.lstatSync(folder).isDirectory()) throw new NinepError('ENOTDIR');
      return fs.readdirSync(folder).flatMap((name) => {
        // What has gone meanwhile is left out.
        const stats = fs.lstatSync(path.join(folder, name), { bigint: true, throwIfNoEntry: false });
        return stats === undefined ? [] : [{ name, attributes: attributesOf(stats) }];
      });
    });
  }

  makeFolder(place: Place, permissions: number): void {
    attempt(() => {
      const folder = this.#pathOf(place);
      fs.mkdirSync(folder);
      fs.chmodSync(folder, permissions & PERMISSIONS);
    });
  }

  makeLink(place: Place, target: string): void {
    if (target.includes('\0') || target === '') throw new NinepError('EINVAL');
    attempt(() => { fs.symlinkSync(target, this.#pathOf(place)); });
  }

  readLink(place: Place): string {
    return attempt(() => fs.readlinkSync(this.#pathOf(place)));
  }

  link(file: Place, place: Place): void {
    attempt(() => { fs.linkSync(this.#pathOf(file), this.#pathOf(place)); });
  }

  rename(from: Place, to: Place): void {
    attempt(() => { fs.renameSync(this.#pathOf(from), this.#pathOf(to)); });
  }

  remove(place: Place, isFolder: boolean): void {
    attempt(() => {
      if (isFolder) fs.rmdirSync(this.#pathOf(place));
      else fs.unlinkSync(this.#pathOf(place));
    });
  }

  statistics(): FileSystemStatistics {
    return attempt(() => {
      const { bsize, blocks, bfree, bavail, files, ffree } = fs.statfsSync(this.#root, { bigint: true });
      return { blockBytes: Number(bsize), blocks, free: bfree, available: bavail, files, freeFiles: ffree };
    });
  }

  /** The host's path of a place, whose folder is where its names say and not behind a link. */
  #pathOf(place: Place): string {
    const folder = path.join(this.#root, ...place.slice(0, -1));
    if (place.length > 1 && fs.realpathSync(folder) !== folder) throw new NinepError('ELOOP');
    return path.join(this.#root, ...place);
  }

  #resize(file: string, bytes: number): void {
    const opened = openFile(fs.openSync(file, fs.constants.O_WRONLY | CAREFUL_FLAGS));
    try {
      opened.resize(bytes);
    } finally {
      opened.close();
    }
  }
}
