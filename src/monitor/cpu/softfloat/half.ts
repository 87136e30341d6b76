/**
 * Conversions between binary16 and binary32 (F16C). Halves are packed two to a word.
 *
 * Source: Intel SDM volume 2, VCVTPH2PS (denormal halves are numbers like others, DAZ or not) and VCVTPS2PH (FTZ
 * plays no part).
 */
import { Float, FloatKind, isFiniteNonZero, isNaNKind } from '../x87/float';
import { quieten } from '../x87/nan';
import { FloatFlag, HALF, roundToFormat } from '../x87/rounding';
import { loadOperand } from './general';
import { BINARY32 } from './lanes';
import type { Lanes } from './lanes';
import { roundingMode } from './unit';
import type { FloatUnit } from './unit';

const EXPONENT_BITS = 5;
const FRACTION_BITS = 10;
const SPECIAL_EXPONENT = (1 << EXPONENT_BITS) - 1;
const BIAS = 15;
/** Weight of a denormal's last bit. */
const LEAST = 2 ** (1 - BIAS - FRACTION_BITS);
const SINGLE_INFINITY = 0x7f800000;
const SINGLE_QUIET = 0x400000;
/** Bits that a binary32 fraction has more than a binary16 one. */
const WIDER_BY = 23 - FRACTION_BITS;

function readHalf(lanes: Lanes, lane: number): number {
  return (lanes.u32[lane >> 1] >>> (16 * (lane & 1))) & 0xffff;
}

function writeHalf(lanes: Lanes, lane: number, value: number): void {
  const shift = 16 * (lane & 1);
  lanes.u32[lane >> 1] = (lanes.u32[lane >> 1] & ~(0xffff << shift)) | (value << shift);
}

/** Converts half `lane` of `b` to the binary32 lane of the result. */
export function halfToSingle(unit: FloatUnit, lane: number): void {
  const half = readHalf(unit.b, lane);
  const sign = half >>> 15;
  const exponent = (half >>> FRACTION_BITS) & SPECIAL_EXPONENT;
  const fraction = half & ((1 << FRACTION_BITS) - 1);
  if (exponent === SPECIAL_EXPONENT) {
    const quiet = fraction === 0 ? 0 : SINGLE_QUIET;
    const bits = ((sign << 31) | SINGLE_INFINITY | (fraction << WIDER_BY)) >>> 0;
    if ((bits & quiet) !== quiet) unit.flags |= FloatFlag.invalid;
    unit.result.u32[lane] = bits | quiet;
    return;
  }
  const magnitude = exponent === 0 ? fraction * LEAST : (fraction + (1 << FRACTION_BITS)) * LEAST * 2 ** (exponent - 1);
  unit.result.f32[lane] = sign === 0 ? magnitude : -magnitude;
}

const value = new Float();

/** Bit 2 of VCVTPS2PH's immediate: round as MXCSR says, not as bits 0 and 1 do. */
const USE_MXCSR = 4;

/** Converts the binary32 lane of `b` to half `lane` of the result, as the immediate of VCVTPS2PH says. */
export function singleToHalf(unit: FloatUnit, lane: number, control: number): void {
  loadOperand(unit, BINARY32, value, unit.b, lane);
  if (isNaNKind(value.kind)) {
    if (value.kind === FloatKind.signallingNaN) unit.flags |= FloatFlag.invalid;
    quieten(value);
  }
  if (value.kind === FloatKind.denormal) unit.flags |= FloatFlag.denormal;
  const mode = (control & USE_MXCSR) !== 0 ? unit.mode : roundingMode(control);
  if (isFiniteNonZero(value)) unit.flags |= roundToFormat(value, HALF, mode, unit.unmasked) & ~FloatFlag.roundedUp;
  writeHalf(unit.result, lane, halfBits(value));
}

/** The encoding of a value that has been rounded to HALF. */
function halfBits({ kind, sign, exponent, high }: Float): number {
  const fraction = (high >>> (31 - FRACTION_BITS)) & ((1 << FRACTION_BITS) - 1);
  const finite = kind === FloatKind.normal || kind === FloatKind.denormal;
  const biased = finite ? (high >= 0x80000000 ? exponent + BIAS : 0) : kind === FloatKind.zero ? 0 : SPECIAL_EXPONENT;
  return (sign << 15) | (biased << FRACTION_BITS) | fraction;
}
