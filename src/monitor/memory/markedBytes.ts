/** Which bytes of a page are marked: a bit for each, in words of memory that generated code may read as well (see PAGE_MARKS). */
import { PAGE_BYTES } from './layout';

const WORD_BITS = 32;
const WORDS = PAGE_BYTES / WORD_BITS;

export class MarkedBytes {
  /**
   * The marks that stand in words of memory, from one on.
   * @param words where they stand; default: words of their own, where nothing is marked
   */
  constructor(
    private readonly words: Int32Array = new Int32Array(WORDS),
    private readonly first = 0,
  ) {}

  /** Marks bytes [start, end). */
  mark(start: number, end: number): void {
    for (let at = start; at < end; at = nextWord(at)) this.put(at, this.wordOf(at) | bitsOf(at, end));
  }

  /** Takes the marks of bytes [start, end) away. */
  unmark(start: number, end: number): void {
    for (let at = start; at < end; at = nextWord(at)) this.put(at, this.wordOf(at) & ~bitsOf(at, end));
  }

  /** Whether any of the bytes [start, end) is marked. */
  has(start: number, end: number): boolean {
    for (let at = start; at < end; at = nextWord(at)) if (this.wordOf(at) & bitsOf(at, end)) return true;
    return false;
  }

  /** Marks what others have marked as well. */
  add(others: MarkedBytes): void {
    for (let at = 0; at < PAGE_BYTES; at += WORD_BITS) this.put(at, this.wordOf(at) | others.wordOf(at));
  }

  clear(): void {
    this.words.fill(0, this.first, this.first + WORDS);
  }

  private wordOf(at: number): number {
    return this.words[this.first + (at >>> 5)] ?? 0;
  }

  private put(at: number, word: number): void {
    this.words[this.first + (at >>> 5)] = word;
  }
}

const nextWord = (at: number): number => (at | (WORD_BITS - 1)) + 1;

/** The bits of the word that holds byte `at`, from that byte on, up to byte `end`. */
function bitsOf(at: number, end: number): number {
  const from = -1 << (at & (WORD_BITS - 1));
  const behind = end - (at & ~(WORD_BITS - 1));
  return behind >= WORD_BITS ? from : from & ((1 << behind) - 1);
}
