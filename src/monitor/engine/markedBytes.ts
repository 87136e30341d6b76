/** Which bytes of a page are marked: a bit each, since there are thousands of pages with code. */
import { PAGE_BYTES } from '../memory/layout';

const WORD_BITS = 32;

export class MarkedBytes {
  private readonly words = new Int32Array(PAGE_BYTES / WORD_BITS);

  /** Marks bytes [start, end). */
  mark(start: number, end: number): void {
    for (let at = start; at < end; at = nextWord(at)) this.words[at >>> 5] = (this.words[at >>> 5] ?? 0) | bitsOf(at, end);
  }

  /** Takes the marks of bytes [start, end) away. */
  unmark(start: number, end: number): void {
    for (let at = start; at < end; at = nextWord(at)) this.words[at >>> 5] = (this.words[at >>> 5] ?? 0) & ~bitsOf(at, end);
  }

  /** Whether any of the bytes [start, end) is marked. */
  has(start: number, end: number): boolean {
    for (let at = start; at < end; at = nextWord(at)) if ((this.words[at >>> 5] ?? 0) & bitsOf(at, end)) return true;
    return false;
  }

  /** Sets a byte to 1 for each `1 << shift` bytes of the page any of which is marked, from an address on. The others stay. */
  noteIn(bytes: Uint8Array, address: number, shift: number): void {
    for (let i = 0; i < this.words.length; i++) {
      if (this.words[i] === 0) continue;
      for (let start = i * WORD_BITS; start < (i + 1) * WORD_BITS; start += 1 << shift) if (this.has(start, start + (1 << shift))) bytes[address + (start >> shift)] = 1;
    }
  }

  clear(): void {
    this.words.fill(0);
  }
}

const nextWord = (at: number): number => (at | (WORD_BITS - 1)) + 1;

/** The bits of the word that holds byte `at`, from that byte on, up to byte `end`. */
function bitsOf(at: number, end: number): number {
  const from = -1 << (at & (WORD_BITS - 1));
  const behind = end - (at & ~(WORD_BITS - 1));
  return behind >= WORD_BITS ? from : from & ((1 << behind) - 1);
}
