/**
 * The WebAssembly binary format: byte buffer, LEB128, opcode numbers and value types
 * (WebAssembly Core Specification 2.0, section 5; tail calls and threads proposals).
 */

/** Names of imports and exports: a few, which every module has. */
const encoded = new Map<string, Uint8Array>();

/**
 * A growing byte buffer with the number encodings of the binary format. Plain arrays, joined at the end:
 * thousands of small buffers are made for a module, and typed arrays are costly to make.
 */
export class ByteWriter {
  private readonly pieces: (readonly number[])[] = [];
  private piecesLength = 0;
  private last: number[] = [];
  /** Where conditions stand that are nearly never true: positions of their opcodes, in rising order. */
  readonly unlikely: number[] = [];

  get length(): number {
    return this.piecesLength + this.last.length;
  }

  byte(value: number): void {
    this.last.push(value);
  }

  bytes(source: ArrayLike<number>): void {
    for (let i = 0; i < source.length; i++) this.last.push(source[i]);
  }

  /**
   * Leaves room for a signed number of up to 20 bits, in three bytes of LEB128; the function that is given writes it there, and
   * may do so again. Small unsigned numbers look the same.
   */
  reserve(): (value: number) => void {
    const { last } = this;
    const at = last.push(0x80, 0x80, 0) - 3;
    return (value) => {
      last[at] = (value & 0x7f) | 0x80;
      last[at + 1] = ((value >> 7) & 0x7f) | 0x80;
      last[at + 2] = (value >> 14) & 0x7f;
    };
  }

  /** Appends all that another writer has now, without copying it. */
  append(other: ByteWriter): void {
    this.close();
    other.close();
    for (const position of other.unlikely) this.unlikely.push(this.piecesLength + position);
    this.pieces.push(...other.pieces);
    this.piecesLength += other.piecesLength;
  }

  /** Unsigned LEB128 of a 32-bit number. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  /** Signed LEB128 of a 64-bit number. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && !(low & 0x40)) || (rest === -1n && low & 0x40)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  /** An opcode; those of two parts have the prefix in their upper byte. */
  opcode(op: number): void {
    if (op < 0x100) return this.byte(op);
    this.byte(op >> 8);
    this.u32(op & 0xff);
  }

  name(text: string): void {
    let bytes = encoded.get(text);
    if (!bytes) encoded.set(text, (bytes = new TextEncoder().encode(text)));
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  /** A copy of what has been written. */
  toBytes(): Uint8Array {
    this.close();
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  private close(): void {
    if (this.last.length === 0) return;
    this.pieces.push(this.last);
    this.piecesLength += this.last.length;
    this.last = [];
  }
}

/** Value types. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
export const V128 = 0x7b;
export type WasmType = typeof I32 | typeof I64 | typeof F64 | typeof V128;

/** Opcodes that the emitters use, named as in the specification. Those of vectors are in ./vectorOpcodes. */
export const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  return: 0x0f,
  call: 0x10,
  return_call: 0x12,
  call_indirect: 0x11,
  return_call_indirect: 0x13,
  drop: 0x1a,
  select: 0x1b,
  local_get: 0x20,
  local_set: 0x21,
  local_tee: 0x22,
  global_get: 0x23,
  i32_load: 0x28,
  i64_load: 0x29,
  f64_load: 0x2b,
  i32_load8_s: 0x2c,
  i32_load8_u: 0x2d,
  i32_load16_s: 0x2e,
  i32_load16_u: 0x2f,
  i64_load32_s: 0x34,
  i64_load32_u: 0x35,
  i32_store: 0x36,
  i64_store: 0x37,
  f64_store: 0x39,
  i32_store8: 0x3a,
  i32_store16: 0x3b,
  i64_store32: 0x3e,
  i32_const: 0x41,
  i64_const: 0x42,
  i32_eqz: 0x45,
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_lt_s: 0x48,
  i32_lt_u: 0x49,
  i32_gt_s: 0x4a,
  i32_gt_u: 0x4b,
  i32_le_s: 0x4c,
  i32_le_u: 0x4d,
  i32_ge_s: 0x4e,
  i32_ge_u: 0x4f,
  i64_eqz: 0x50,
  i64_eq: 0x51,
  i64_ne: 0x52,
  i64_lt_s: 0x53,
  i64_lt_u: 0x54,
  i64_gt_s: 0x55,
  i64_gt_u: 0x56,
  i64_le_s: 0x57,
  i64_le_u: 0x58,
  i64_ge_s: 0x59,
  i64_ge_u: 0x5a,
  i32_clz: 0x67,
  i32_ctz: 0x68,
  i32_popcnt: 0x69,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_div_s: 0x6d,
  i32_div_u: 0x6e,
  i32_rem_s: 0x6f,
  i32_rem_u: 0x70,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  i32_shr_s: 0x75,
  i32_shr_u: 0x76,
  i32_rotl: 0x77,
  i32_rotr: 0x78,
  i64_clz: 0x79,
  i64_ctz: 0x7a,
  i64_popcnt: 0x7b,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_mul: 0x7e,
  i64_div_s: 0x7f,
  i64_div_u: 0x80,
  i64_rem_s: 0x81,
  i64_rem_u: 0x82,
  i64_and: 0x83,
  i64_or: 0x84,
  i64_xor: 0x85,
  i64_shl: 0x86,
  i64_shr_s: 0x87,
  i64_shr_u: 0x88,
  i64_rotl: 0x89,
  i64_rotr: 0x8a,
  f64_sqrt: 0x9f,
  f64_add: 0xa0,
  f64_sub: 0xa1,
  f64_mul: 0xa2,
  f64_div: 0xa3,
  i32_wrap_i64: 0xa7,
  i64_extend_i32_s: 0xac,
  i64_extend_i32_u: 0xad,
  f64_convert_i32_s: 0xb7,
  f64_convert_i64_s: 0xb9,
  f64_convert_i64_u: 0xba,
  i32_extend8_s: 0xc0,
  i32_extend16_s: 0xc1,
  ref_func: 0xd2,
  table_fill: 0xfc11,
  i64_trunc_sat_f64_s: 0xfc06,
  i64_trunc_sat_f64_u: 0xfc07,
} as const;
