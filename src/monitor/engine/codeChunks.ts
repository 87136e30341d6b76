/**
 * Memory of decoded code: chunks of equal size, each a page's table of blocks or records of its blocks. What was given back is used again first, since
 * the host has memory for it already.
 */
import { CODE_BASE, CODE_CHUNK_BYTES, CODE_CHUNKS } from '../memory/layout';

export class CodeChunks {
  private free: number[] = [];
  /** Tables that were given back: they are all zeros. */
  private freeTables: number[] = [];
  /** Chunks of dropped pages: generated code may still stand in them until it returns. */
  private limbo: number[] = [];
  private next = 0;
  /** From here on chunks were never used: they are zeros, and the host has no memory for them yet. */
  private untouched = CODE_BASE;

  constructor(private readonly words: Int32Array) {}

  /** How many are in use. */
  get inUse(): number {
    return this.next - this.free.length - this.freeTables.length - this.limbo.length;
  }

  /** Address of a chunk for records; undefined when there is none left. */
  allocate(): number | undefined {
    const free = this.free.pop();
    if (free !== undefined) return free;
    if (this.next === CODE_CHUNKS) return this.freeTables.pop();
    const chunk = CODE_BASE + CODE_CHUNK_BYTES * this.next++;
    this.untouched = Math.max(this.untouched, chunk + CODE_CHUNK_BYTES);
    return chunk;
  }

  /** Address of a table of blocks, all zeros; undefined when there is none left. */
  allocateTable(): number | undefined {
    const free = this.freeTables.pop();
    if (free !== undefined) return free;
    const { untouched } = this;
    const table = this.allocate();
    if (table !== undefined && table < untouched) this.words.fill(0, table >> 2, (table + CODE_CHUNK_BYTES) >> 2);
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
    this.next = 0;
  }
}
