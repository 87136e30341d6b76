/** Decompression of raw DEFLATE streams (RFC 1951), for compressed clusters. */
import { ImageError } from './image';

/** Base values and extra bits of length codes 257 to 285, and of distance codes (RFC 1951, 3.2.5). */
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const MOST_BITS = 15;

function bases(extra: readonly number[], first: number): number[] {
  const found: number[] = [];
  extra.reduce((base, bits) => {
    found.push(base);
    return base + (1 << bits);
  }, first);
  return found;
}

const LENGTH_BASE = [...bases(LENGTH_EXTRA.slice(0, -1), 3), 258];
const DISTANCE_BASE = bases(DISTANCE_EXTRA, 1);

/** A canonical Huffman code: how many codes there are of each length, and the symbols in the order of their codes. */
interface Huffman {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

function huffman(lengths: readonly number[]): Huffman {
  const counts = new Uint16Array(MOST_BITS + 1);
  for (const length of lengths) counts[length]++;
  counts[0] = 0;
  const next = new Uint16Array(MOST_BITS + 2);
  for (let bits = 1; bits <= MOST_BITS; bits++) next[bits + 1] = next[bits] + counts[bits];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length > 0) symbols[next[length]++] = symbol;
  });
  return { counts, symbols };
}

const FIXED_LITERALS = huffman(Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)));
const FIXED_DISTANCES = huffman(new Array<number>(30).fill(5));

function broken(): ImageError {
  return new ImageError('A compressed cluster cannot be decompressed: the image is damaged. Restore it from a copy.');
}

class Inflater {
  private at = 0;
  private bits = 0;
  private bitCount = 0;
  private done = 0;

  constructor(private readonly source: Uint8Array, private readonly target: Uint8Array) {}

  private take(count: number): number {
    while (this.bitCount < count) {
      if (this.at >= this.source.length) throw broken();
      this.bits |= this.source[this.at++] << this.bitCount;
      this.bitCount += 8;
    }
    const value = this.bits & ((1 << count) - 1);
    this.bits >>>= count;
    this.bitCount -= count;
    return value;
  }

  private symbol({ counts, symbols }: Huffman): number {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length <= MOST_BITS; length++) {
      code |= this.take(1);
      const count = counts[length];
      if (code - first < count) return symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw broken();
  }

  private stored(): void {
    this.bits = 0;
    this.bitCount = 0;
    const { source, target } = this;
    if (this.at + 4 > source.length) throw broken();
    const length = source[this.at] | (source[this.at + 1] << 8);
    this.at += 4;
    const count = Math.min(length, target.length - this.done);
    if (this.at + count > source.length) throw broken();
    target.set(source.subarray(this.at, this.at + count), this.done);
    this.at += length;
    this.done += count;
  }

  private compressed(literals: Huffman, distances: Huffman): void {
    const { target } = this;
    while (this.done < target.length) {
      const symbol = this.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        target[this.done++] = symbol;
        continue;
      }
      if (symbol > 285) throw broken();
      const length = LENGTH_BASE[symbol - 257] + this.take(LENGTH_EXTRA[symbol - 257]);
      const code = this.symbol(distances);
      if (code > 29) throw broken();
      const distance = DISTANCE_BASE[code] + this.take(DISTANCE_EXTRA[code]);
      if (distance > this.done) throw broken();
      const end = Math.min(this.done + length, target.length);
      for (let at = this.done; at < end; at++) target[at] = target[at - distance];
      this.done = end;
    }
  }

  private dynamic(): void {
    const literalCount = this.take(5) + 257, distanceCount = this.take(5) + 1, codeCount = this.take(4) + 4;
    const codeLengths = new Array<number>(19).fill(0);
    for (let index = 0; index < codeCount; index++) codeLengths[CODE_LENGTH_ORDER[index]] = this.take(3);
    const code = huffman(codeLengths);
    const lengths: number[] = [];
    while (lengths.length < literalCount + distanceCount) {
      const symbol = this.symbol(code);
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16 && lengths.length === 0) throw broken();
      else {
        const [value, times] = symbol === 16 ? [lengths[lengths.length - 1], 3 + this.take(2)] : [0, symbol === 17 ? 3 + this.take(3) : 11 + this.take(7)];
        for (let index = 0; index < times; index++) lengths.push(value);
      }
    }
    if (lengths.length > literalCount + distanceCount) throw broken();
    this.compressed(huffman(lengths.slice(0, literalCount)), huffman(lengths.slice(literalCount)));
  }

  run(): void {
    for (let last = false; !last && this.done < this.target.length;) {
      last = this.take(1) === 1;
      const kind = this.take(2);
      if (kind === 0) this.stored();
      else if (kind === 1) this.compressed(FIXED_LITERALS, FIXED_DISTANCES);
      else if (kind === 2) this.dynamic();
      else throw broken();
    }
    if (this.done < this.target.length) throw broken();
  }
}

/** Fills `target` from a raw DEFLATE stream; what follows in `source` is left alone. Throws ImageError when it is none, or too short. */
export function inflateRaw(source: Uint8Array, target: Uint8Array): void {
  new Inflater(source, target).run();
}
