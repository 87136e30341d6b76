/**
 * Decoded code of one frame in one context: which blocks there are and from which bytes each was decoded. A block whose bytes
 * are written goes by itself, and is kept aside: code that is patched back and forth finds its records again when its bytes
 * come out equal (translation groups: Dehnert et al., The Transmeta Code Morphing Software, 2003).
 */
import { PAGE_BYTES } from '../memory/layout';
import { MarkedBytes } from '../memory/markedBytes';
import type { CodeContext } from './codeContext';
import { CodeHead } from './codeHead';
import type { Region } from './regionRegistry';

/** A decoded basic block. */
export interface CodeBlock {
  /** Offsets in the page: of its first byte, and behind the last one that was looked at. */
  readonly start: number;
  readonly end: number;
  /** Address of its first record, and bytes of all of them. */
  readonly address: number;
  readonly recordBytes: number;
  /** Its code, in pages whose code has been written to before. */
  readonly bytes: Uint8Array | undefined;
}

/** Versions of a block that are kept aside. */
const MOST_VERSIONS = 4;

export class CodePage {
  /** Bytes that have been decoded, to tell a write to code from one beside it. */
  private readonly decoded = new MarkedBytes();
  chunks: number[] = [];
  /** Where its records come, and what generated code has to know to decode more of it. */
  readonly head: CodeHead;
  /** Linear page that has led to it last, as the TLB counts them; undefined while none has. */
  lastPage: number | undefined;
  /** Offsets before which a breakpoint record stands. */
  breakpoints: ReadonlySet<number> = new Set();
  /** Pages with an instruction that ends in this one. */
  readonly dependents = new Set<CodePage>();
  /** Regions that have blocks of it. */
  readonly regions = new Set<Region>();
  /**
   * Offsets of instructions whose constants have been patched, with the number of their first byte that is known to be a
   * constant's. Translated code reads these constants from the records.
   */
  readonly patched = new Map<number, number>();
  /** Offsets of instructions whose accesses keep coming to the monitor. */
  readonly callouts = new Set<number>();
  /** Offsets of instructions whose accesses were often not in one page with those near them. */
  readonly apart = new Set<number>();
  /** Bytes of records that lead nowhere any more, and of those that are kept aside. */
  deadBytes = 0;
  /** Whether code in it has been written to: from then on blocks keep their bytes. */
  unstable = false;
  /** How often all of its blocks have been dropped, or an instruction was found to have constants that change. */
  generation = 0;
  /** What the counts of its blocks came to when it was last looked whether it is used (see ./idleCode). */
  lastCounts: number | undefined;
  private blocks: CodeBlock[] = [];
  private readonly aside = new Map<number, CodeBlock[]>();
  /** Bytes from the page's start on that belong to an instruction which begins in the page before. */
  private bridged = 0;

  constructor(
    readonly frame: number,
    readonly context: CodeContext,
    /** Address of the table of 4096 block addresses. */
    readonly table: number,
    /** What its profile records know it by. */
    readonly id: number,
    /** All of the machine's memory. */
    words: Int32Array,
  ) {
    this.head = new CodeHead(words, table);
  }

  /** Whether anything has been decoded from its bytes as they are. */
  get live(): boolean {
    return this.blocks.length > 0 || this.bridged > 0;
  }

  /** Its blocks, in any order. */
  get unordered(): readonly CodeBlock[] {
    return this.blocks;
  }

  /** Its blocks, by their offsets. */
  get present(): readonly CodeBlock[] {
    return [...this.blocks].sort((a, b) => a.start - b.start);
  }

  /** Takes a block in that has been decoded from the page's bytes. `memory`: all of the machine's. */
  add(start: number, end: number, address: number, recordBytes: number, memory: Uint8Array): void {
    const code = this.frame * PAGE_BYTES;
    this.enter({ start, end, address, recordBytes, bytes: this.unstable ? memory.slice(code + start, code + end) : undefined });
  }

  /** An instruction of the page before ends at an offset here. */
  addBridge(end: number): void {
    this.bridged = Math.max(this.bridged, end);
    this.decoded.mark(0, end);
  }

  /** The block that was decoded at an offset from the very bytes that are there now, taken back in. */
  takeBack(start: number, memory: Uint8Array): CodeBlock | undefined {
    const versions = this.aside.get(start);
    if (!versions) return undefined;
    const code = this.frame * PAGE_BYTES + start;
    const index = versions.findIndex(({ bytes, end }) => bytes?.every((byte, i) => memory[code + i] === byte) && bytes.length === end - start);
    const found = versions[index];
    if (!found) return undefined;
    versions.splice(index, 1);
    this.deadBytes -= found.recordBytes;
    // Regions that sleep with it may have constants of others' as they were.
    this.forgetPatched(found);
    this.enter(found);
    return found;
  }

  /** The block that a record belongs to. */
  blockOf(record: number): CodeBlock | undefined {
    for (const block of this.blocks) if (record >= block.address && record < block.address + block.recordBytes) return block;
    return undefined;
  }

  /** Whether any of these bytes has been decoded. */
  isDecoded(start: number, end: number): boolean {
    return this.decoded.has(start, end);
  }

  /** Marks the bytes of the page that have been decoded among others. */
  noteDecoded(marks: MarkedBytes): void {
    marks.add(this.decoded);
  }

  /** Whether any of these bytes is part of an instruction that begins in the page before. */
  isBridged(start: number): boolean {
    return start < this.bridged;
  }

  /** The blocks from whose bytes these are. */
  blocksOf(start: number, end: number): readonly CodeBlock[] {
    return this.blocks.filter((block) => block.start < end && start < block.end);
  }

  /** Takes blocks out, because their code has been written to. */
  remove(removed: readonly CodeBlock[]): void {
    this.unstable = true;
    this.head.close();
    this.blocks = this.blocks.filter((block) => !removed.includes(block));
    for (const block of removed) {
      this.decoded.unmark(block.start, block.end);
      this.deadBytes += block.recordBytes;
      if (block.bytes) this.keepAside(block);
      this.forgetPatched(block);
    }
    // What others have decoded, too.
    for (const { start: first, end: last } of removed) {
      for (const block of this.blocks) if (block.start < last && first < block.end) this.decoded.mark(block.start, block.end);
    }
    this.decoded.mark(0, this.bridged);
  }

  /** Forgets all blocks. */
  clear(): void {
    this.blocks = [];
    this.aside.clear();
    this.bridged = 0;
    this.callouts.clear();
    this.apart.clear();
    this.patched.clear();
    this.decoded.clear();
    this.deadBytes = 0;
    this.chunks = [];
    this.head.next = this.head.end = 0;
  }

  private enter(block: CodeBlock): void {
    this.blocks.push(block);
    this.decoded.mark(block.start, block.end);
  }

  /** The next patch of a constant of a block is news to its regions. */
  private forgetPatched({ start, end }: CodeBlock): void {
    for (const offset of this.patched.keys()) if (offset >= start && offset < end) this.patched.delete(offset);
  }

  private keepAside(block: CodeBlock): void {
    const versions = this.aside.get(block.start);
    if (!versions) this.aside.set(block.start, [block]);
    else if (versions.unshift(block) > MOST_VERSIONS) versions.pop();
  }
}
