/**
 * RCPxx and RSQRTxx: estimates of 1 / b and 1 / sqrt(b) with a relative error of at most 1.5 * 2^-12. They raise
 * no exceptions and take no notice of MXCSR: denormals are zeros, and tiny results become zeros.
 *
 * The manual leaves the low bits open; here an estimate is the correctly rounded value.
 * Source: Intel SDM volume 2, RCPPS and RSQRTPS.
 */
import { Float, setDefaultNaN } from '../x87/float';
import { copyQuietly, isPlain, packLane, readLane, writeLane } from './lanes';
import type { LaneType } from './lanes';
import type { FloatUnit } from './unit';

const indefinite = new Float();
setDefaultNaN(indefinite);

const flushed = (type: LaneType, value: number): number => (isPlain(type, value) ? value : value * 0);

/** Tiny results are zeros. An estimate may be below its value, so the least normal number counts as tiny, too. */
const withoutTiny = (type: LaneType, value: number): number => (Math.abs(value) > type.minNormal ? value : value * 0);

function estimate(unit: FloatUnit, type: LaneType, lane: number, compute: (operand: number) => number): void {
  const value = readLane(type, unit.b, lane);
  if (value !== value) return copyQuietly(type, unit.result, unit.b, lane);
  const outcome = compute(flushed(type, value));
  if (outcome !== outcome) packLane(type, unit.result, lane, indefinite);
  else writeLane(type, unit.result, lane, withoutTiny(type, Math.fround(outcome)));
}

const reciprocal = (operand: number): number => 1 / operand;
/** The root of -0 is -0, and its reciprocal -infinity. */
const reciprocalRoot = (operand: number): number => 1 / Math.sqrt(operand);

export function reciprocalLane(unit: FloatUnit, type: LaneType, lane: number): void {
  estimate(unit, type, lane, reciprocal);
}

export function reciprocalRootLane(unit: FloatUnit, type: LaneType, lane: number): void {
  estimate(unit, type, lane, reciprocalRoot);
}
