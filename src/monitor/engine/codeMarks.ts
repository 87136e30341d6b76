/**
 * Marks of frames that hold both code and data which is written: a bit for each byte of the frame, set where code has
 * been decoded. Generated code writes beside marked bytes by itself (see emitUnmarked); all else comes to the monitor. A frame
 * has marks once it has been written to.
 */
import { CODE_CHUNK_BYTES, PAGE_MARKS } from '../memory/layout';
import { MarkedBytes } from '../memory/markedBytes';
import type { CodePage } from './codePage';

export class CodeMarks {
  /** Addresses of marks, by frame. */
  private readonly marks = new Map<number, number>();
  /** Frames with more marks than decoded code. */
  private readonly old = new Set<number>();
  private next = 0;
  private end = 0;

  constructor(
    /** All of the machine's memory. */
    private readonly words: Int32Array,
    private readonly pagesOf: (frame: number) => readonly CodePage[],
    /** A chunk of the code cache, or undefined when it is full. */
    private readonly allocate: () => number | undefined,
  ) {}

  /** Address of a frame's marks, made if needed; 0 when there is no room. */
  of(frame: number): number {
    const known = this.marks.get(frame);
    if (known !== undefined) return known;
    if (this.next === this.end) {
      const chunk = this.allocate();
      if (chunk === undefined) return 0;
      this.next = chunk;
      this.end = chunk + CODE_CHUNK_BYTES;
    }
    const address = this.next;
    this.next += PAGE_MARKS;
    this.marks.set(frame, address);
    this.mark(frame, address);
    // Generated code that decodes more of them does not know the marks.
    for (const page of this.pagesOf(frame)) page.head.close();
    return address;
  }

  /** Address of a frame's marks if it has any; 0 otherwise. */
  known(frame: number): number {
    return this.marks.get(frame) ?? 0;
  }

  /** Code has been decoded from some bytes of a frame. */
  set(frame: number, start: number, end: number): void {
    const address = this.marks.get(frame);
    if (address !== undefined) this.at(address).mark(start, end);
  }

  /** Blocks of a frame have gone: bytes may be marked for nothing. */
  outdated(frame: number): void {
    if (this.marks.has(frame)) this.old.add(frame);
  }

  /** A write has come that no code was in the way of: brings marks that are out of date up to date. */
  renew(frame: number): void {
    const address = this.marks.get(frame);
    if (address === undefined || !this.old.delete(frame)) return;
    this.mark(frame, address);
  }

  private mark(frame: number, address: number): void {
    const marks = this.at(address);
    marks.clear();
    for (const page of this.pagesOf(frame)) page.noteDecoded(marks);
  }

  private at(address: number): MarkedBytes {
    return new MarkedBytes(this.words, address >> 2);
  }

  /** Forgets all of them: their chunks are given back by the cache, and no TLB may lead to them. */
  clear(): void {
    this.marks.clear();
    this.old.clear();
    this.next = this.end = 0;
  }
}
