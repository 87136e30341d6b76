/** Images made by the tools that systems use, and their own words on what is in them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Context } from 'mocha';
import type { FileSystem, Node } from '../../src/filesystems/fileSystem';
import { checkRange, type ByteSource } from '../../src/filesystems/source';
import { leaveOut } from '../support/leaveOut';

/** Tools of administrators are not in everybody's path. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' };

/** Runs a tool. @returns what it wrote */
export function run(tool: string, args: readonly string[], input?: string): string {
  return execFileSync(tool, args, { env: ENVIRONMENT, encoding: 'latin1', stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 28, ...(input === undefined ? {} : { input }) });
}

export function bytesOf(tool: string, args: readonly string[]): Buffer {
  return execFileSync(tool, args, { env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
}

/** Leaves the suite out where a tool is missing. */
export function requireTools(context: Context, tools: Readonly<Record<string, string>>): void {
  const missing = Object.keys(tools).filter((tool) => spawnSync(tool, ['--version'], { env: ENVIRONMENT }).error !== undefined);
  if (missing.length > 0) leaveOut(context, `no ${missing.join(', ')} (Debian: ${missing.map((tool) => tools[tool]).join(' ')})`);
}

/** A folder for images, and what makes it go away. */
export function scratch(): { readonly folder: string; readonly at: (name: string) => string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-fs-'));
  return { folder, at: (name) => path.join(folder, name), remove: () => { rmSync(folder, { recursive: true, force: true }); } };
}

export interface FileSource extends ByteSource {
  readonly close: () => void;
}

export function fileSource(file: string, offset = 0): FileSource {
  const descriptor = openSync(file, 'r');
  const bytes = fstatSync(descriptor).size - offset;
  return {
    bytes,
    read: async (at, count) => {
      checkRange(at, count, bytes);
      const target = new Uint8Array(count);
      for (let done = 0; done < count;) done += readSync(descriptor, target, done, count - done, offset + at + done);
      return target;
    },
    close: () => { closeSync(descriptor); },
  };
}

/** When all files of the folder were modified: FAT counts in steps of two seconds. */
export const MODIFIED = Date.UTC(2024, 4, 17, 11, 22, 34) / 1000;

/** Contents that look different at every place. */
export function pattern(bytes: number, seed: number): Buffer {
  const all = Buffer.alloc(bytes);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    all[at] = state >>> 24;
  }
  return all;
}

/** A folder with files of many sizes and kinds of names. @returns relative paths and contents of its files */
export function makeTree(folder: string, { links = true, many = 300 } = {}): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>([
    ['README.TXT', Buffer.from('Hello.\n')], ['empty', Buffer.alloc(0)], ['A long name, with spaces and more than one part.text', pattern(5000, 1)],
    ['Gr\u00fc\u00dfe \u4f60\u597d.txt', pattern(700, 2)], ['big.bin', pattern(3_300_001, 3)], ['deep/er/and deeper/file', pattern(70_000, 4)], ['block', pattern(4096, 5)],
  ]);
  for (let number = 0; number < many; number++) files.set(`many/file number ${String(number).padStart(4, '0')}.dat`, pattern(number * 7, 100 + number));
  for (const [name, contents] of files) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), contents);
    utimesSync(path.join(folder, name), MODIFIED, MODIFIED);
  }
  if (links) {
    symlinkSync('README.TXT', path.join(folder, 'short link'));
    symlinkSync(`deep/${'../deep/'.repeat(20)}er`, path.join(folder, 'long link'));
    symlinkSync('/deep/er/and deeper/file', path.join(folder, 'deep', 'absolute'));
    symlinkSync('circle', path.join(folder, 'circle'));
  }
  return files;
}

/** All paths below a directory, with their nodes. */
export async function walk(node: Node, at = ''): Promise<ReadonlyMap<string, Node>> {
  const found = new Map<string, Node>();
  for (const { name, node: child } of await node.list()) {
    found.set(`${at}${name}`, child);
    if (child.kind === 'directory') for (const [below, its] of await walk(child, `${at}${name}/`)) found.set(below, its);
  }
  return found;
}

/** The files of a file system with their contents, at most `most` bytes of each. */
export async function filesIn({ root }: FileSystem, most = Number.POSITIVE_INFINITY): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const [name, node] of await walk(root)) if (node.kind === 'file') files.set(name, Buffer.from(await node.read(0, Math.min(most, node.bytes + 1))));
  return files;
}

/** Names and digests, in order: two trees are the same when these are. */
export function digests(files: ReadonlyMap<string, Buffer>): readonly string[] {
  return [...files].map(([name, contents]) => `${name} ${contents.length} ${createHash('sha256').update(contents).digest('hex').slice(0, 16)}`).sort();
}

