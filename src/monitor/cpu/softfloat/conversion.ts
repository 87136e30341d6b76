/**
 * Conversions of lanes: to and from integers of 32 and 64 bits, and between binary32 and binary64. Operands
 * are in `b`; source and result may be different lanes.
 *
 * Source: Intel SDM volume 2, CVTxx2xx; volume 1, table 4-1 (integer indefinite), table E-18 on.
 */
import { Float, FloatKind, isNaNKind } from '../x87/float';
import { setInteger64 } from '../x87/integers';
import { quieten } from '../x87/nan';
import { FloatFlag, RoundingMode } from '../x87/rounding';
import { sumError } from './exact';
import { loadOperand, storeRounded } from './general';
import { roundToIntegralValue } from './integral';
import { BINARY32, BINARY64, isPlain, isSafeResult, readLane } from './lanes';
import type { LaneType } from './lanes';
import type { FloatUnit } from './unit';

const TWO32 = 2 ** 32;
const INT32_INDEFINITE = 0x80000000;

/** The lane of `b` rounded to an integral value; denormals are zeros with DAZ. NaN for NaNs. */
function integralOperand(unit: FloatUnit, type: LaneType, lane: number, mode: RoundingMode, limit: number): number {
  const value = readLane(type, unit.b, lane);
  const operand = unit.denormalsAreZero && !isPlain(type, value) ? value * 0 : value;
  const rounded = roundToIntegralValue(operand, mode);
  // False for NaNs as well.
  if (!(rounded >= -limit && rounded < limit)) {
    unit.flags |= FloatFlag.invalid;
    return NaN;
  }
  if (rounded !== operand) unit.flags |= FloatFlag.inexact;
  return rounded;
}

/** Converts lane `from` of `b` to a signed 32-bit integer in word `to` of the result. */
export function toInt32(unit: FloatUnit, type: LaneType, from: number, to: number, mode: RoundingMode): void {
  const value = integralOperand(unit, type, from, mode, 2 ** 31);
  if (value !== value) unit.result.u32[to] = INT32_INDEFINITE;
  else unit.result.i32[to] = value;
}

/** Converts lane 0 of `b` to a signed 64-bit integer in the result's words 0 (low) and 1. */
export function toInt64(unit: FloatUnit, type: LaneType, mode: RoundingMode): void {
  const value = integralOperand(unit, type, 0, mode, 2 ** 63);
  if (value !== value) {
    unit.result.u32[0] = 0;
    unit.result.u32[1] = INT32_INDEFINITE;
    return;
  }
  const high = Math.floor(value / TWO32);
  unit.result.i32[1] = high;
  unit.result.u32[0] = value - high * TWO32;
}

const integer = new Float();

/** Converts word `from` of `b`, a signed 32-bit integer, to lane `to` of the result. */
export function fromInt32(unit: FloatUnit, type: LaneType, from: number, to: number): void {
  const value = unit.b.i32[from];
  if (type.double) {
    unit.result.f64[to] = value;
    return;
  }
  const rounded = Math.fround(value);
  if (rounded !== value && unit.mode !== RoundingMode.nearestEven) {
    fromAnyInteger(unit, type, value < 0 ? 0xffffffff : 0, value >>> 0, to);
    return;
  }
  unit.result.f32[to] = rounded;
  if (rounded !== value) unit.flags |= FloatFlag.inexact;
}

/** Converts words 0 (low) and 1 of `b`, a signed 64-bit integer, to lane 0 of the result. */
export function fromInt64(unit: FloatUnit, type: LaneType): void {
  const low = unit.b.u32[0];
  const upper = unit.b.i32[1] * TWO32;
  const sum = upper + low;
  const error = sumError(upper, low, sum);
  const exact = error === 0 && (type.double || Math.fround(sum) === sum);
  if (exact) {
    if (type.double) unit.result.f64[0] = sum;
    else unit.result.f32[0] = sum;
  } else fromAnyInteger(unit, type, unit.b.u32[1], low, 0);
}

function fromAnyInteger(unit: FloatUnit, type: LaneType, high: number, low: number, to: number): void {
  setInteger64(integer, high, low);
  storeRounded(unit, type, to, integer);
}

const operand = new Float();

/** Converts lane `from` of `b`, a binary64, to binary32 in lane `to` of the result. */
export function narrowLane(unit: FloatUnit, from: number, to: number): void {
  const value = unit.b.f64[from];
  const rounded = Math.fround(value);
  if ((isSafeResult(BINARY32, rounded) && unit.mode === RoundingMode.nearestEven) || value === 0) {
    unit.result.f32[to] = rounded;
    if (rounded !== value) unit.flags |= FloatFlag.inexact;
    return;
  }
  convertAny(unit, BINARY64, from, BINARY32, to);
}

/** Converts lane `from` of `b`, a binary32, to binary64 in lane `to` of the result. */
export function widenLane(unit: FloatUnit, from: number, to: number): void {
  const value = unit.b.f32[from];
  if (isPlain(BINARY32, value)) unit.result.f64[to] = value;
  else convertAny(unit, BINARY32, from, BINARY64, to);
}

/** The general way between the formats. */
function convertAny(unit: FloatUnit, source: LaneType, from: number, target: LaneType, to: number): void {
  loadOperand(unit, source, operand, unit.b, from);
  if (isNaNKind(operand.kind)) {
    if (operand.kind === FloatKind.signallingNaN) unit.flags |= FloatFlag.invalid;
    quieten(operand);
  }
  if (operand.kind === FloatKind.denormal) unit.flags |= FloatFlag.denormal;
  storeRounded(unit, target, to, operand);
}
