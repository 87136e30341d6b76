// Bounds-checked little-endian reading of a symbol file, and the one error that a broken file raises.

/** What every reader of this folder throws when a file is broken or is not supported: what is wrong, and where. */
export class SymbolFileError extends Error {
  /**
   * @param problem what is wrong, in words
   * @param place the file or section it was found in
   * @param offset byte offset inside the place, where one is known
   */
  constructor(problem: string, readonly place: string, readonly offset?: number) {
    super(`${problem} (${place}${offset === undefined ? "" : ` at offset 0x${offset.toString(16)}`})`);
    this.name = "SymbolFileError";
  }
}

const textDecoder = new TextDecoder();
const SHORT_TEXT = 48;

/** Bytes as text: short ASCII (nearly every symbol name) without the cost of a decoder call. */
function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_TEXT) {
    let text = "";
    let i = start;
    for (; i < end && bytes[i] < 0x80; i++) text += String.fromCharCode(bytes[i]);
    if (i === end) return text;
  }
  return textDecoder.decode(bytes.subarray(start, end));
}

/** A cursor over part of a byte array. Every read is checked against the part's end and throws `SymbolFileError` past it. */
export class ByteReader {
  /**
   * @param bytes the whole file or section, or a window on it
   * @param name what to call it in errors
   * @param offset where reading starts (bytes)
   * @param end first offset that may not be read
   * @param origin the offset that the first of `bytes` has: 0 unless they are a window
   * @param view a view of exactly the same bytes, to be shared between cursors
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly name: string,
    public offset = 0,
    readonly end = bytes.length,
    readonly origin = 0,
    private readonly view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  ) {
    if (end - origin > bytes.length || offset > end || offset < origin) {
      throw new SymbolFileError(`a part from 0x${offset.toString(16)} to 0x${end.toString(16)} lies outside the ${bytes.length} bytes there are`, name);
    }
  }

  /** Bytes left to read. */
  get remaining(): number {
    return this.end - this.offset;
  }

  /** Throws `SymbolFileError` naming this place and the given (or current) offset. */
  fail(problem: string, offset = this.offset): never {
    throw new SymbolFileError(problem, this.name, offset);
  }

  /** A second cursor over [offset, end) of the same bytes. */
  part(offset: number, end: number): ByteReader {
    if (end > this.end) this.fail(`needs bytes up to 0x${end.toString(16)}, but the data ends at 0x${this.end.toString(16)}`, offset);
    return new ByteReader(this.bytes, this.name, offset, end, this.origin, this.view);
  }

  private advance(size: number): number {
    const at = this.offset;
    if (size < 0 || size > this.end - at) this.fail(`needs ${size} more bytes, but only ${this.end - at} are left`);
    this.offset = at + size;
    return at - this.origin;
  }

  seek(offset: number): void {
    if (offset < this.origin || offset > this.end) this.fail(`offset 0x${offset.toString(16)} lies outside the data, which ends at 0x${this.end.toString(16)}`);
    this.offset = offset;
  }

  skip(size: number): void {
    this.advance(size);
  }

  u8(): number {
    return this.bytes[this.advance(1)];
  }

  i8(): number {
    return this.view.getInt8(this.advance(1));
  }

  u16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  u24(): number {
    return this.u16() | (this.u8() << 16);
  }

  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.advance(8), true);
  }

  /** A 64-bit size or offset, which must be small enough to index an array. */
  size64(): number {
    const at = this.offset;
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`0x${value.toString(16)} is too large for a size or offset`, at);
    return Number(value);
  }

  /** A size or offset of 4 or 8 bytes. */
  sized(size: 4 | 8): number {
    return size === 4 ? this.u32() : this.size64();
  }

  /** An unsigned integer of 1, 2, 4 or 8 bytes. */
  unsigned(size: number): bigint {
    switch (size) {
      case 1: return BigInt(this.u8());
      case 2: return BigInt(this.u16());
      case 4: return BigInt(this.u32());
      case 8: return this.u64();
      default: return this.fail(`an integer of ${size} bytes is not supported`);
    }
  }

  /** A two's complement integer of 1, 2, 4 or 8 bytes. */
  signed(size: number): bigint {
    return BigInt.asIntN(size * 8, this.unsigned(size));
  }

  take(size: number): Uint8Array {
    const at = this.advance(size);
    return this.bytes.subarray(at, at + size);
  }

  /** Text up to a zero byte, which is consumed. */
  text(): string {
    const start = this.offset - this.origin;
    const zero = this.bytes.indexOf(0, start);
    if (zero < 0 || zero >= this.end - this.origin) this.fail("text without a closing zero byte");
    this.offset = zero + 1 + this.origin;
    return decodeText(this.bytes, start, zero);
  }

  skipText(): void {
    const zero = this.bytes.indexOf(0, this.offset - this.origin);
    if (zero < 0 || zero >= this.end - this.origin) this.fail("text without a closing zero byte");
    this.offset = zero + 1 + this.origin;
  }

  /** A ULEB128 (DWARF 5, 7.6) of any 64-bit value. Higher bits are dropped. */
  ulebBig(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
      if (shift > 128n) this.fail("a LEB128 number that does not end");
    }
  }

  /** An SLEB128 (DWARF 5, 7.6) of any 64-bit value. */
  slebBig(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (byte & 0x40) !== 0 ? value - (1n << (shift + 7n)) : value);
      if (shift > 128n) this.fail("a LEB128 number that does not end");
    }
  }

  /** A ULEB128 that serves as a count, code or offset; throws where it exceeds what a JavaScript number holds exactly. */
  uleb(): number {
    const at = this.offset;
    const first = this.u8();
    if (first < 0x80) return first;
    this.offset = at;
    const value = this.ulebBig();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail("a LEB128 number that is too large here", at);
    return Number(value);
  }

  /** An SLEB128 that serves as a small step; throws where it exceeds what a JavaScript number holds exactly. */
  sleb(): number {
    const at = this.offset;
    const first = this.u8();
    if (first < 0x80) return (first & 0x40) !== 0 ? first - 0x80 : first;
    this.offset = at;
    const value = Number(this.slebBig());
    if (!Number.isSafeInteger(value)) this.fail("a LEB128 number that is too large here", at);
    return value;
  }

  skipLeb(): void {
    while (this.u8() >= 0x80);
  }
}
