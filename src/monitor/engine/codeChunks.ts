/**
 * Memory of decoded code: pages' tables of blocks, and chunks of records, which lie in pieces as large as a table. What was given back is used again
 * first, since the host has memory for it already.
 */
import { CODE_BASE, CODE_BYTES, CODE_CHUNK_BYTES, CODE_TABLE_BYTES } from '../memory/layout';
import type { CodePage } from './codePage';

export class CodeChunks {
  private free: number[] = [];
  /** Tables that were given back: they are all zeros. */
  private freeTables: number[] = [];
  /** Chunks of dropped pages: generated code may still stand in them until it returns. */
  private limbo: number[] = [];
  private next = CODE_BASE;
  /** From here on memory was never used: it is zeros, and the host has none for it yet. */
  private untouched = CODE_BASE;

  constructor(private readonly words: Int32Array) {}

  /** Bytes in use. */
  get inUse(): number {
    return this.next - CODE_BASE - (this.free.length + this.limbo.length) * CODE_CHUNK_BYTES - this.freeTables.length * CODE_TABLE_BYTES;
  }

  /** Address of a chunk of records; undefined when there is none left. */
  allocate(): number | undefined {
    const free = this.free.pop();
    if (free !== undefined) return free;
    const piece = this.newPiece() ?? this.freeTables.pop();
    if (piece === undefined) return undefined;
    for (let chunk = piece + CODE_TABLE_BYTES - CODE_CHUNK_BYTES; chunk > piece; chunk -= CODE_CHUNK_BYTES) this.free.push(chunk);
    return piece;
  }

  /** Room for so many bytes of records of a page, behind those that it has; undefined when there is none left. */
  reserve(page: CodePage, bytes: number): number | undefined {
    const { head } = page;
    if (head.next + bytes > head.end && !this.extend(page)) return undefined;
    const address = head.next;
    head.next += bytes;
    return address;
  }

  /** Gives a page a new chunk for the records that come next. Says whether there was one. */
  extend(page: CodePage): boolean {
    const chunk = this.allocate();
    if (chunk === undefined) return false;
    page.chunks.push(chunk);
    page.head.next = chunk;
    page.head.end = chunk + CODE_CHUNK_BYTES;
    return true;
  }

  /** Address of a table of blocks, all zeros; undefined when there is none left. */
  allocateTable(): number | undefined {
    const free = this.freeTables.pop();
    if (free !== undefined) return free;
    const { untouched } = this;
    const table = this.newPiece();
    if (table !== undefined && table < untouched) this.words.fill(0, table >> 2, (table + CODE_TABLE_BYTES) >> 2);
    return table;
  }

  /** Takes chunks of records back, as soon as generated code is not running (see `collect`). */
  drop(chunks: readonly number[]): void {
    this.limbo.push(...chunks);
  }

  /** Takes a table back that is all zeros again. Only while generated code is not running. */
  freeTable(table: number): void {
    this.freeTables.push(table);
  }

  /** What was dropped can be used again. Only while generated code is not running. */
  collect(): void {
    if (this.limbo.length === 0) return;
    this.free.push(...this.limbo);
    this.limbo = [];
  }

  /** Takes everything back. Only while generated code is not running. */
  clear(): void {
    this.free = [];
    this.freeTables = [];
    this.limbo = [];
    this.next = CODE_BASE;
  }

  private newPiece(): number | undefined {
    if (this.next === CODE_BASE + CODE_BYTES) return undefined;
    const piece = this.next;
    this.next += CODE_TABLE_BYTES;
    this.untouched = Math.max(this.untouched, this.next);
    return piece;
  }
}
