/**
 * Rounding to integral values: ROUNDxx, and what conversions to integers share with it.
 *
 * Everything here is done with doubles: integral values up to 2^53 are exact in them, and greater ones have
 * no fraction to lose.
 */
import { FloatFlag, RoundingMode } from '../x87/rounding';
import { copyQuietly, isPlain, isSignallingLane, readLane, writeLane } from './lanes';
import type { LaneType } from './lanes';
import { roundingMode } from './unit';
import type { FloatUnit } from './unit';

/** Magnitudes from here up are integral. */
const ALL_INTEGRAL = 2 ** 52;

/** Rounds a number (no NaN) to an integral value; a zero has the number's sign. */
export function roundToIntegralValue(value: number, mode: RoundingMode): number {
  switch (mode) {
    case RoundingMode.nearestEven: return nearestEven(value);
    case RoundingMode.down: return Math.floor(value);
    case RoundingMode.up: return Math.ceil(value);
    case RoundingMode.truncate: return Math.trunc(value);
  }
}

function nearestEven(value: number): number {
  if (Math.abs(value) >= ALL_INTEGRAL) return value;
  // Adding 2^52 leaves no bit for the fraction, so the sum is rounded to it.
  const rounded = value < 0 ? value - ALL_INTEGRAL + ALL_INTEGRAL : value + ALL_INTEGRAL - ALL_INTEGRAL;
  return rounded === 0 ? value * 0 : rounded;
}

/** ROUNDxx's immediate byte. */
const RoundControl = { useMxcsr: 4, suppressInexact: 8 } as const;

/** Rounds the lane of `b` to an integral value, as the immediate byte of ROUNDxx says (SDM volume 2, ROUNDPD). */
export function roundLane(unit: FloatUnit, type: LaneType, lane: number, control: number): void {
  const value = readLane(type, unit.b, lane);
  if (value !== value) {
    if (isSignallingLane(type, unit.b, lane)) unit.flags |= FloatFlag.invalid;
    return copyQuietly(type, unit.result, unit.b, lane);
  }
  const operand = unit.denormalsAreZero && !isPlain(type, value) ? value * 0 : value;
  const mode = (control & RoundControl.useMxcsr) !== 0 ? unit.mode : roundingMode(control);
  const rounded = roundToIntegralValue(operand, mode);
  writeLane(type, unit.result, lane, rounded);
  if (rounded !== operand && (control & RoundControl.suppressInexact) === 0) unit.flags |= FloatFlag.inexact;
}
