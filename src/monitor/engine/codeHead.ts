/**
 * What generated code has to know of a page with decoded code, so that it can decode more of it: where the code and its records are, and how it is read. It lies
 * in memory, by the place of the page's table of blocks. A page is closed to generated code, which leaves it to the monitor then, until it is opened.
 */
import { CODE_BASE, CODE_HEADS, CODE_HEAD_BYTES, CODE_TABLE_BYTES } from '../memory/layout';

/**
 * Fields (u32 each): host address of the page's bytes, 0 while it is closed; number of its context; where the next record comes, and where its chunk ends; id of the
 * page for profile records, 0 for none; address of its marks (./codeMarks), 0 for none; the count from which blocks count down; most instructions of a block.
 */
export const HEAD = { code: 0, context: 4, next: 8, end: 12, id: 16, marks: 20, heat: 24, longest: 28 } as const;

/** What a page is opened with. */
export interface OpenHead {
  readonly code: number;
  readonly context: number;
  readonly id: number;
  readonly marks: number;
  readonly heat: number;
  readonly longest: number;
}

export class CodeHead {
  private readonly at: number;

  constructor(
    private readonly words: Int32Array,
    table: number,
  ) {
    this.at = (CODE_HEADS + ((table - CODE_BASE) / CODE_TABLE_BYTES) * CODE_HEAD_BYTES) >> 2;
    words.fill(0, this.at, this.at + (CODE_HEAD_BYTES >> 2));
  }

  /** Where the next record comes. */
  get next(): number {
    return this.field(HEAD.next);
  }
  set next(address: number) {
    this.set(HEAD.next, address);
  }

  /** Where the chunk ends that records are being written to. */
  get end(): number {
    return this.field(HEAD.end);
  }
  set end(address: number) {
    this.set(HEAD.end, address);
  }

  get isOpen(): boolean {
    return this.field(HEAD.code) !== 0;
  }

  open({ code, context, id, marks, heat, longest }: OpenHead): void {
    this.set(HEAD.code, code);
    this.set(HEAD.context, context);
    this.set(HEAD.id, id);
    this.set(HEAD.marks, marks);
    this.set(HEAD.heat, heat);
    this.set(HEAD.longest, longest);
  }

  close(): void {
    this.set(HEAD.code, 0);
  }

  private field(offset: number): number {
    return this.words[this.at + (offset >> 2)] ?? 0;
  }

  private set(offset: number, value: number): void {
    this.words[this.at + (offset >> 2)] = value;
  }
}
