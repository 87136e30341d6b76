/** A cursor over the bytes of one instruction that knows where they end. */
import { MAX_INSTRUCTION_BYTES } from './instruction';

/** Thrown inside the decoder when the bytes run out, and when an instruction is longer than any may be. */
export const OUT_OF_BYTES = Symbol('out of bytes');
export const TOO_LONG = Symbol('instruction too long');

export class Cursor {
  position: number;
  constructor(
    private readonly code: Uint8Array,
    readonly start: number,
    private readonly end: number,
  ) {
    this.position = start;
  }

  get length(): number {
    return this.position - this.start;
  }

  /** The next byte, which stays unread. */
  peek(): number {
    if (this.position >= this.end) throw OUT_OF_BYTES;
    return this.code[this.position] ?? 0;
  }

  u8(): number {
    if (this.length >= MAX_INSTRUCTION_BYTES) throw TOO_LONG;
    if (this.position >= this.end) throw OUT_OF_BYTES;
    return this.code[this.position++] ?? 0;
  }

  s8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    const low = this.u8();
    return low | (this.u8() << 8);
  }

  s16(): number {
    return (this.u16() << 16) >> 16;
  }

  s32(): number {
    const low = this.u16();
    return low | (this.u16() << 16);
  }

  s64(): bigint {
    const low = BigInt(this.s32() >>> 0);
    return (BigInt(this.s32()) << 32n) | low;
  }
}
