/**
 * Addition, subtraction, multiplication, division and square root of lanes, the short way: the host's own
 * arithmetic, rounded to nearest, where operands and result are normal numbers or zeros. Everything else goes
 * the general way.
 *
 * The host computes with doubles (IEEE 754, as ECMAScript has it). For binary32 lanes its result is rounded
 * a second time, which gives what one rounding would, because 53 >= 2 * 24 + 2 (Figueroa 1995).
 */
import { add, divide, multiply, squareRoot, subtract } from '../x87/arithmetic';
import { FloatFlag, RoundingMode } from '../x87/rounding';
import { isExactProduct, productError, productIsSafe, sumError } from './exact';
import { operateOnAny, transformAny } from './general';
import { isPlain, isSafeResult, readLane, writeLane } from './lanes';
import type { LaneType } from './lanes';
import type { FloatUnit } from './unit';

function roundTo(type: LaneType, value: number): number {
  return type.double ? value : Math.fround(value);
}

function finish(unit: FloatUnit, type: LaneType, lane: number, value: number, inexact: boolean): void {
  writeLane(type, unit.result, lane, value);
  if (inexact) unit.flags |= FloatFlag.inexact;
}

/** a + b. */
export function addLane(unit: FloatUnit, type: LaneType, lane: number): void {
  if (!addPlain(unit, type, lane, readLane(type, unit.b, lane))) operateOnAny(unit, type, lane, add);
}

/** a - b. */
export function subtractLane(unit: FloatUnit, type: LaneType, lane: number): void {
  if (!addPlain(unit, type, lane, -readLane(type, unit.b, lane))) operateOnAny(unit, type, lane, subtract);
}

/** Adds `b` to the lane of `a` if both are plain and the result is safe. */
function addPlain(unit: FloatUnit, type: LaneType, lane: number, b: number): boolean {
  const a = readLane(type, unit.a, lane);
  const sum = a + b;
  const value = roundTo(type, sum);
  // A sum of zero is exact, whatever the operands.
  if (!(isSafeResult(type, value) || sum === 0) || unit.mode !== RoundingMode.nearestEven || !isPlain(type, a) || !isPlain(type, b)) return false;
  finish(unit, type, lane, value, unit.watchInexact && (value !== sum || sumError(a, b, sum) !== 0));
  return true;
}

/** a * b. */
export function multiplyLane(unit: FloatUnit, type: LaneType, lane: number): void {
  const a = readLane(type, unit.a, lane);
  const b = readLane(type, unit.b, lane);
  const product = a * b;
  const value = roundTo(type, product);
  const zero = product === 0 && (a === 0 || b === 0);
  if ((isSafeResult(type, value) || zero) && unit.mode === RoundingMode.nearestEven && isPlain(type, a) && isPlain(type, b)) {
    // Products of two binary32 numbers are exact as doubles.
    if (!unit.watchInexact || zero || !type.double) return finish(unit, type, lane, value, value !== product);
    if (productIsSafe(a, b, product)) return finish(unit, type, lane, value, productError(a, b, product) !== 0);
  }
  operateOnAny(unit, type, lane, multiply);
}

/** a / b. */
export function divideLane(unit: FloatUnit, type: LaneType, lane: number): void {
  const a = readLane(type, unit.a, lane);
  const b = readLane(type, unit.b, lane);
  const value = roundTo(type, a / b);
  const zero = a === 0 && b !== 0;
  if ((isSafeResult(type, value) || zero) && unit.mode === RoundingMode.nearestEven && isPlain(type, a) && isPlain(type, b)) {
    if (!unit.watchInexact || zero) return finish(unit, type, lane, value, false);
    if (!type.double) return finish(unit, type, lane, value, value * b !== a);
    if (productIsSafe(value, b, a)) return finish(unit, type, lane, value, !isExactProduct(value, b, a));
  }
  operateOnAny(unit, type, lane, divide);
}

/** Square root of b. */
export function squareRootLane(unit: FloatUnit, type: LaneType, lane: number): void {
  const b = readLane(type, unit.b, lane);
  const value = roundTo(type, Math.sqrt(b));
  if ((isSafeResult(type, value) || b === 0) && unit.mode === RoundingMode.nearestEven && isPlain(type, b)) {
    if (!unit.watchInexact || b === 0) return finish(unit, type, lane, value, false);
    if (!type.double) return finish(unit, type, lane, value, value * value !== b);
    if (productIsSafe(value, value, b)) return finish(unit, type, lane, value, !isExactProduct(value, value, b));
  }
  transformAny(unit, type, lane, squareRoot);
}
