/** Files in memory for the monitor: what was written to each is remembered in order, and can be done again up to any point. */
import nodePath from 'node:path';
import type { FileAccess, FileStore } from '../../src/monitor/disks/file';

export type FileStep =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'resize'; readonly bytes: number }
  | { readonly kind: 'flush' };

/** Bytes that grow. */
export class MemoryFile implements FileAccess {
  readonly writable = true;
  modified = 1_700_000_000;
  readonly steps: FileStep[] = [];
  /** Every call fails as a host's file would. */
  failing = false;
  private content: Uint8Array;
  private length: number;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.content = bytes.slice();
    this.length = bytes.length;
  }

  get size(): number {
    return this.length;
  }

  get bytes(): Uint8Array {
    return this.content.subarray(0, this.length);
  }

  read(offset: number, target: Uint8Array): void {
    this.check();
    target.fill(0);
    if (offset < this.length) target.set(this.content.subarray(offset, Math.min(offset + target.length, this.length)));
  }

  write(offset: number, source: Uint8Array): void {
    this.check();
    this.steps.push({ kind: 'write', offset, bytes: source.slice() });
    this.grow(offset + source.length);
    this.content.set(source, offset);
  }

  resize(bytes: number): void {
    this.check();
    this.steps.push({ kind: 'resize', bytes });
    if (bytes < this.length) {
      this.content.fill(0, bytes, this.length);
      this.length = bytes;
    } else this.grow(bytes);
  }

  flush(): void {
    this.check();
    this.steps.push({ kind: 'flush' });
  }

  close(): void {
    // Its contents stay for whoever opens it again.
  }

  /** Does a step that was recorded elsewhere. */
  redo(step: FileStep): void {
    if (step.kind === 'write') this.write(step.offset, step.bytes);
    else if (step.kind === 'resize') this.resize(step.bytes);
  }

  private check(): void {
    if (this.failing) throw new Error('EIO');
  }

  private grow(bytes: number): void {
    if (bytes > this.content.length) {
      const larger = new Uint8Array(Math.max(bytes, this.content.length * 2));
      larger.set(this.bytes);
      this.content = larger;
    }
    this.length = Math.max(this.length, bytes);
  }
}

/** A folder of such files. */
export class MemoryFiles implements FileStore {
  readonly files = new Map<string, MemoryFile>();
  private identifiers = 0;

  constructor(files: Readonly<Record<string, Uint8Array>> = {}) {
    for (const [path, bytes] of Object.entries(files)) this.files.set(path, new MemoryFile(bytes));
  }

  /** The file of this name. */
  at(path: string): MemoryFile {
    const file = this.files.get(path);
    if (file === undefined) throw new Error(`${path}: there is no such file`);
    return file;
  }

  open(path: string): FileAccess {
    return this.at(path);
  }

  create(path: string): FileAccess {
    if (this.files.has(path)) throw new Error(`${path}: it is there already`);
    const file = new MemoryFile();
    this.files.set(path, file);
    return file;
  }

  exists(path: string): boolean {
    return this.files.has(path);
  }

  resolve(from: string, path: string): string {
    return nodePath.posix.join(nodePath.posix.dirname(from), path);
  }

  relative(from: string, to: string): string {
    return nodePath.posix.relative(nodePath.posix.dirname(from), to);
  }

  identifier(): Uint8Array {
    this.identifiers++;
    return Uint8Array.from({ length: 16 }, (_, index) => (index === 0 ? this.identifiers : index + 1));
  }

  moment(): number {
    return 1_700_000_000;
  }
}
