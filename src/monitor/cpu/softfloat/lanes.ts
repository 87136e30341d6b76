/**
 * Lanes of vector registers as floating-point numbers: binary32 and binary64.
 *
 * A lane is read as a JavaScript number, which is exact for both types but for NaNs; what has to keep a NaN
 * goes by 32-bit words. Words and numbers share their bytes, in little-endian order as on every host of
 * WebAssembly's shared memory that we know of.
 */
import { doubleHigh, doubleLow, singleBits, unpackDouble, unpackSingle } from '../x87/float';
import type { Float } from '../x87/float';
import { DOUBLE, SINGLE } from '../x87/rounding';
import type { FloatFormat } from '../x87/rounding';

/** Bytes of the widest register. */
const LANE_BYTES = 32;

/** A vector register's bytes; lane 0 comes first. NaNs may only be copied through the integer views. */
export class Lanes {
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;

  constructor() {
    const bytes = new ArrayBuffer(LANE_BYTES);
    this.u32 = new Uint32Array(bytes);
    this.i32 = new Int32Array(bytes);
    this.f32 = new Float32Array(bytes);
    this.f64 = new Float64Array(bytes);
  }
}

export interface LaneType {
  readonly double: boolean;
  readonly bytes: 4 | 8;
  readonly format: FloatFormat;
  /** Least normal and largest finite number. */
  readonly minNormal: number;
  readonly maxFinite: number;
}

export const BINARY32: LaneType = {
  double: false,
  bytes: 4,
  format: SINGLE,
  minNormal: 2 ** -126,
  maxFinite: (2 - 2 ** -23) * 2 ** 127,
};

export const BINARY64: LaneType = {
  double: true,
  bytes: 8,
  format: DOUBLE,
  minNormal: 2 ** -1022,
  maxFinite: Number.MAX_VALUE,
};

/** The first bit of a NaN's fraction, in the upper word: set in a quiet one. */
const SINGLE_QUIET = 0x400000;
const DOUBLE_QUIET = 0x80000;

/** The lane's value. */
export function readLane(type: LaneType, lanes: Lanes, lane: number): number {
  return type.double ? lanes.f64[lane] : lanes.f32[lane];
}

/** Writes a lane; the value is a number of the type, and no NaN. */
export function writeLane(type: LaneType, lanes: Lanes, lane: number, value: number): void {
  if (type.double) lanes.f64[lane] = value;
  else lanes.f32[lane] = value;
}

/** Takes a lane apart. */
export function unpackLane(type: LaneType, to: Float, lanes: Lanes, lane: number): void {
  if (type.double) unpackDouble(to, lanes.u32[2 * lane + 1], lanes.u32[2 * lane]);
  else unpackSingle(to, lanes.u32[lane]);
}

/** Encodes a value that has been rounded to the type's format. */
export function packLane(type: LaneType, lanes: Lanes, lane: number, value: Float): void {
  if (type.double) {
    lanes.u32[2 * lane] = doubleLow(value);
    lanes.u32[2 * lane + 1] = doubleHigh(value);
  } else lanes.u32[lane] = singleBits(value);
}

/** Copies lane `lane` of `from` to lane `at` of `to`, bit by bit. */
export function moveLane(type: LaneType, to: Lanes, at: number, from: Lanes, lane: number): void {
  if (type.double) {
    to.u32[2 * at] = from.u32[2 * lane];
    to.u32[2 * at + 1] = from.u32[2 * lane + 1];
  } else to.u32[at] = from.u32[lane];
}

/** Copies a lane that is a NaN, and makes it quiet. */
export function copyQuietly(type: LaneType, to: Lanes, from: Lanes, lane: number): void {
  moveLane(type, to, lane, from, lane);
  if (type.double) to.u32[2 * lane + 1] |= DOUBLE_QUIET;
  else to.u32[lane] |= SINGLE_QUIET;
}

/** Fills a lane with ones or zeros. */
export function fillLane(type: LaneType, lanes: Lanes, lane: number, ones: boolean): void {
  const word = ones ? 0xffffffff : 0;
  if (type.double) {
    lanes.u32[2 * lane] = word;
    lanes.u32[2 * lane + 1] = word;
  } else lanes.u32[lane] = word;
}

/** Whether a lane that is a NaN is a signalling one. */
export function isSignallingLane(type: LaneType, lanes: Lanes, lane: number): boolean {
  return type.double ? (lanes.u32[2 * lane + 1] & DOUBLE_QUIET) === 0 : (lanes.u32[lane] & SINGLE_QUIET) === 0;
}

/** Whether a lane is zero, normal or infinite: no special rule applies to it as an operand, unless it meets another. */
export function isPlain(type: LaneType, value: number): boolean {
  return Math.abs(value) >= type.minNormal || value === 0;
}

/**
 * Whether a rounded result is beyond doubt: finite, and not so small that it may have been tiny before
 * rounding. (A result that is the least normal number may have been.)
 */
export function isSafeResult(type: LaneType, value: number): boolean {
  const magnitude = Math.abs(value);
  return magnitude > type.minNormal && magnitude <= type.maxFinite;
}
