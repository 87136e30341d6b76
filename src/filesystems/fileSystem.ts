/** A file system as all readers give it: facts, and a tree of nodes that can be listed and read. Nothing is ever written. */
import { FileSystemError } from './source';

export interface FileSystemFacts {
  /** 'ext4', 'FAT16', 'ISO 9660' ... */
  readonly kind: string;
  readonly label?: string;
  /** Serial number or UUID, as tools write it. */
  readonly identifier?: string;
  /** Size as the file system says it, bytes. */
  readonly bytes: number;
  /** Unknown for what is never written. */
  readonly freeBytes?: number;
  /** In which it allocates, bytes. */
  readonly blockBytes: number;
  /** Sentences on what else is worth knowing: not cleanly unmounted, extensions. */
  readonly notes: readonly string[];
}

export type NodeKind = 'file' | 'directory' | 'link' | 'special';

/** A file, directory, symbolic link, or something else that has a name. */
export interface Node {
  readonly kind: NodeKind;
  /** Length of the contents. */
  readonly bytes: number;
  /** In seconds since 1970; FAT and ISO 9660 without a time zone are taken as UTC. */
  readonly modified?: number | undefined;
  /** Unix permissions and type (st_mode), where there are any. */
  readonly mode?: number;
  /** Tells it from all other nodes of its file system: inode number, first cluster, first block. */
  readonly id: number;
  /** What is in a directory, without '.' and '..', in the order in which it is stored. */
  list(): Promise<readonly Entry[]>;
  /** Bytes of a file; fewer than asked for at its end. */
  read(offset: number, bytes: number): Promise<Uint8Array>;
  /** Where a symbolic link points. */
  target(): Promise<string>;
}

export interface Entry {
  readonly name: string;
  readonly node: Node;
}

export interface FileSystem {
  readonly facts: FileSystemFacts;
  readonly root: Node;
}

/** What a kind of node does not do. */
export abstract class BaseNode {
  list(): Promise<readonly Entry[]> {
    return Promise.reject(new FileSystemError('This is no directory.', 'not-a-directory'));
  }

  read(_offset: number, _bytes: number): Promise<Uint8Array> {
    return Promise.reject(new FileSystemError('This has no contents that can be read.', 'is-a-directory'));
  }

  target(): Promise<string> {
    return Promise.reject(new FileSystemError('This is no symbolic link.'));
  }
}

/** More symbolic links in one path than any system follows: a circle. */
const MOST_LINKS = 40;

/**
 * The node at a path ('/' between names), following symbolic links inside the file system; the last name's too if `follow`.
 * @throws FileSystemError (not-found, not-a-directory) naming what is missing
 */
export async function nodeAt({ root }: FileSystem, path: string, follow: boolean): Promise<Node> {
  const names = path.split('/').filter((name) => name !== '');
  const stack: { readonly name: string; readonly node: Node }[] = [{ name: '', node: root }];
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const at = stack[stack.length - 1].node;
    if (name === '.') continue;
    if (name === '..') {
      if (stack.length > 1) stack.pop();
      continue;
    }
    if (at.kind !== 'directory') throw new FileSystemError(`${stack.map((each) => each.name).join('/') || '/'} is no directory.`, 'not-a-directory');
    const found = (await at.list()).find((entry) => entry.name === name);
    if (found === undefined) throw new FileSystemError(`There is no ${path} in this file system.`, 'not-found');
    if (found.node.kind !== 'link' || (names.length === 0 && !follow)) {
      stack.push({ name, node: found.node });
      continue;
    }
    if (++links > MOST_LINKS) throw new FileSystemError(`${path}: more than ${MOST_LINKS} symbolic links lead to one another.`);
    const target = await found.node.target();
    if (target.startsWith('/')) stack.length = 1;
    names.unshift(...target.split('/').filter((each) => each !== ''));
  }
  return stack[stack.length - 1].node;
}
