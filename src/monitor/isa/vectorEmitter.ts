/**
 * The vector part of what an instruction's meaning is written over: values of 128 bits. An MMX register is a
 * vector whose upper half is zero when read and dropped when written.
 */
import type { Value } from './emitter';

type Integers = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2';
type Floats = 'f32x4' | 'f64x2';
type Small = 'i8x16' | 'i16x8';
type UpTo32 = 'i8x16' | 'i16x8' | 'i32x4';
type Sign = 's' | 'u';

/** Lane shapes. */
export type Lanes = Integers | Floats;

/** Operations on one, two or three vectors that give a vector: names and meanings of WebAssembly's SIMD instructions. */
export type VectorOperation =
  | `v128.${'not' | 'and' | 'andnot' | 'or' | 'xor' | 'bitselect'}`
  | `${Integers}.${'add' | 'sub' | 'eq' | 'ne' | 'gt_s' | 'lt_s' | 'ge_s' | 'le_s' | 'abs' | 'neg'}`
  | `${UpTo32}.${'min' | 'max'}_${Sign}`
  | `${Small}.${'add' | 'sub'}_sat_${Sign}`
  | `${Small}.avgr_u`
  | `${'i16x8' | 'i32x4' | 'i64x2'}.mul`
  | `i8x16.narrow_i16x8_${Sign}`
  | `i16x8.narrow_i32x4_${Sign}`
  | `i16x8.ext${'end_low' | 'end_high' | 'mul_low' | 'mul_high'}_i8x16_${Sign}`
  | `i32x4.ext${'end_low' | 'end_high' | 'mul_low' | 'mul_high'}_i16x8_${Sign}`
  | `i64x2.ext${'end_low' | 'end_high' | 'mul_low' | 'mul_high'}_i32x4_${Sign}`
  | `i16x8.extadd_pairwise_i8x16_${Sign}`
  | `i32x4.extadd_pairwise_i16x8_${Sign}`
  | 'i16x8.q15mulr_sat_s'
  | 'i32x4.dot_i16x8_s'
  | 'i8x16.swizzle'
  | 'i8x16.popcnt'
  | `${Floats}.${'add' | 'sub' | 'mul' | 'div' | 'sqrt' | 'abs' | 'neg' | 'eq' | 'ne' | 'lt' | 'gt' | 'le' | 'ge' | 'pmin' | 'pmax' | 'ceil' | 'floor' | 'trunc' | 'nearest'}`
  | 'f32x4.convert_i32x4_s'
  | 'f64x2.convert_low_i32x4_s'
  | 'f32x4.demote_f64x2_zero'
  | 'f64x2.promote_low_f32x4'
  | 'i32x4.trunc_sat_f32x4_s'
  | 'i32x4.trunc_sat_f64x2_s_zero';

/** Shifts of all lanes by one count (i32, taken modulo the lane's width). */
export type VectorShift = `${Integers}.${'shl' | 'shr_s' | 'shr_u'}`;

/** Questions about a vector, answered by an i32. */
export type VectorTest = 'v128.any_true' | `${Integers}.${'all_true' | 'bitmask'}`;

/** Whether a memory operand must be aligned to its size: #GP(0) otherwise. */
export type Alignment = 'aligned' | 'any';

export interface VectorEmitter {
  /** Width of the instruction's vectors: 64 when it has an MMX operand. */
  readonly vectorBits: 64 | 128;

  /** Halves of 128 bits that an instruction works on one by one: two with vectors of 256 bits. */
  readonly halves: 1 | 2;
  /** Vector operands are read and written in this half from now on. */
  selectHalf(half: number): void;

  /** A constant from its low and high 64 bits. */
  vectorConstant(low: bigint, high: bigint): Value;
  vector(operation: VectorOperation, a: Value, b?: Value, c?: Value): Value;
  vectorShift(operation: VectorShift, a: Value, count: Value): Value;
  vectorTest(operation: VectorTest, a: Value): Value;
  /** Bytes picked out of two vectors: 0-15 of the first, 16-31 of the second. */
  shuffle(a: Value, b: Value, bytes: readonly number[]): Value;
  /** A lane as an unsigned i32 or an i64 (integer shapes). */
  lane(lanes: Integers, a: Value, index: number): Value;
  withLane(lanes: Integers, a: Value, index: number, value: Value): Value;
  splat(lanes: Integers, value: Value): Value;

  /**
   * Vector operand `index`: 0 is the destination, and the first source if there are two. Memory of the vector's width is
   * read now; without VEX it must be aligned unless `alignment` says otherwise, with VEX only if it says so.
   */
  readVector(index: number, alignment?: Alignment): Value;
  /** The low bits of a vector operand or of memory, as a vector that is zero above. 128 bits are a vector's lowest. */
  readLow(index: number, bits: 8 | 16 | 32 | 64 | 128): Value;
  /** Writes a vector operand; memory as `readVector` reads it. */
  writeVector(index: number, value: Value, alignment?: Alignment): void;
  /** Reads memory that will be written, and checks it for writing first; no alignment is asked for but on request. */
  modifyVector(index: number, alignment?: Alignment): Value;
  /**
   * The lowest bits of a vector into memory, or into the low part of a register whose rest stays (with VEX: comes from
   * the first source).
   */
  writeLow(index: number, value: Value, bits: 32 | 64 | 128): void;
  /** The mask of a blend by sign bits: XMM0, or with VEX the register that the immediate names. */
  blendMask(): Value;
  /** Clears the upper half of YMM register `number`, or all of it. */
  clearUpper(number: number, all: boolean): void;
  /** The immediate (i32), or for the upper half what stands `bits` above that of the lower half. */
  halfImmediate(bits: number): Value;
  /** XMM register `number` (XMM0 is an implicit operand of some). */
  vectorRegister(number: number): Value;

  /**
   * Packed comparison of strings of bytes that end at a zero, as PCMPISTRI has it: the final mask, -1 where the control
   * byte (i32) asks for what there is no routine for; lengths of both.
   */
  compareStrings(set: Value, text: Value, control: Value): { readonly mask: Value; readonly setLength: Value; readonly textLength: Value };

  /** MXCSR, i32. */
  mxcsr(): Value;
  setMxcsr(value: Value): void;
  /** Lane 0, a float of `from` bits, cut to a signed integer of `to` bits; it must fit. */
  truncateFloat(a: Value, from: 32 | 64, to: 32 | 64): Value;
  /** A signed integer (i32 or i64) as a float of `to` bits, rounded to nearest, in all lanes. */
  convertInteger(value: Value, to: 32 | 64): Value;

  /** Whether the instruction has an MMX operand: it wants no x87 exception pending, and resets the register stack. */
  readonly usesMmx: boolean;
  /** #MF when an unmasked x87 exception is pending. */
  checkX87(): void;
  /** What each MMX instruction but EMMS does to the x87 state when it has succeeded: TOP = 0, all registers valid. */
  enterMmx(): void;
  /** EMMS: TOP = 0, all x87 registers are empty. */
  emptyMmx(): void;
}
