/**
 * Operations on any operands, in any rounding mode, over the x87 unit's unpacked numbers: the way that is
 * always right. Operations on plain numbers take shorter ways (see arithmetic.ts) and come here otherwise.
 *
 * Sources: Intel SDM volume 1, 4.8.3.4 to 4.8.3.7 and table 4-8 (NaNs), 4.9.2 (priority of exceptions),
 * 10.2.3.3 and 10.2.3.4 (flush-to-zero, denormals-are-zeros), 11.5.2.
 */
import type { BinaryOperation } from '../x87/arithmetic';
import { Float, FloatKind, copyFloat, isFiniteNonZero, isNaNKind, setZero } from '../x87/float';
import { quieten } from '../x87/nan';
import { FloatFlag, roundToFormat } from '../x87/rounding';
import type { FloatFormat } from '../x87/rounding';
import { packLane, unpackLane } from './lanes';
import type { Lanes, LaneType } from './lanes';
import type { FloatUnit } from './unit';

const first = new Float();
const second = new Float();
const outcome = new Float();

/** Takes an operand apart; with DAZ denormals are zeros. */
export function loadOperand(unit: FloatUnit, type: LaneType, to: Float, lanes: Lanes, lane: number): void {
  unpackLane(type, to, lanes, lane);
  if (to.kind === FloatKind.denormal && unit.denormalsAreZero) setZero(to, to.sign);
}

/** A two-operand operation on one lane of any kind. */
export function operateOnAny(unit: FloatUnit, type: LaneType, lane: number, operation: BinaryOperation): void {
  loadOperand(unit, type, first, unit.a, lane);
  loadOperand(unit, type, second, unit.b, lane);
  if (isNaNKind(first.kind) || isNaNKind(second.kind)) {
    chooseNaN(unit, first, second);
    packLane(type, unit.result, lane, outcome);
    return;
  }
  const flags = operation(outcome, first, second, unit.mode);
  unit.flags |= flags;
  // Invalid operations and divisions by zero go before denormal operands.
  if (flags === 0 && (first.kind === FloatKind.denormal || second.kind === FloatKind.denormal)) unit.flags |= FloatFlag.denormal;
  storeRounded(unit, type, lane, outcome);
}

/** A one-operand operation on one lane of `b`, of any kind. */
export function transformAny(unit: FloatUnit, type: LaneType, lane: number, operation: (result: Float, operand: Float) => number): void {
  loadOperand(unit, type, first, unit.b, lane);
  if (isNaNKind(first.kind)) {
    chooseNaN(unit, first, first);
    packLane(type, unit.result, lane, outcome);
    return;
  }
  const flags = operation(outcome, first);
  unit.flags |= flags;
  if (flags === 0 && first.kind === FloatKind.denormal) unit.flags |= FloatFlag.denormal;
  storeRounded(unit, type, lane, outcome);
}

/** SSE's rule for NaNs: the first operand's if that is one, otherwise the second's; made quiet. */
function chooseNaN(unit: FloatUnit, a: Float, b: Float): void {
  if (a.kind === FloatKind.signallingNaN || b.kind === FloatKind.signallingNaN) unit.flags |= FloatFlag.invalid;
  copyFloat(outcome, isNaNKind(a.kind) ? a : b);
  quieten(outcome);
}

/** Rounds a value to the type, with the exceptions that come of it, and encodes it in the result. */
export function storeRounded(unit: FloatUnit, type: LaneType, lane: number, value: Float): void {
  if (isFiniteNonZero(value)) unit.flags |= roundWithFlush(unit, type.format, value);
  packLane(type, unit.result, lane, value);
}

function roundWithFlush(unit: FloatUnit, format: FloatFormat, value: Float): number {
  const { flushToZero, mode, unmasked } = unit;
  // Flushing asks whether the result is tiny, exact or not, as an unmasked underflow does.
  const flags = roundToFormat(value, format, mode, flushToZero ? unmasked | FloatFlag.underflow : unmasked) & ~FloatFlag.roundedUp;
  if (!flushToZero || (flags & FloatFlag.underflow) === 0) return flags;
  setZero(value, value.sign);
  return FloatFlag.underflow | FloatFlag.inexact;
}
