/**
 * Comparisons of lanes: CMPxx with its predicates, COMISx, MINxx and MAXxx.
 *
 * Source: Intel SDM volume 2, CMPPD (table of predicates), COMISD, UCOMISD, MINPD, MAXPD.
 */
import { Relation } from '../x87/compare';
import { FloatFlag } from '../x87/rounding';
import { fillLane, isPlain, isSignallingLane, moveLane, readLane, writeLane } from './lanes';
import type { LaneType } from './lanes';
import type { FloatUnit } from './unit';

/** An operand for comparisons: denormals are noted, or are zeros with DAZ. */
function comparable(unit: FloatUnit, type: LaneType, value: number): number {
  if (isPlain(type, value)) return value;
  if (unit.denormalsAreZero) return value * 0;
  unit.flags |= FloatFlag.denormal;
  return value;
}

/**
 * Compares the lanes of `a` and `b`. A NaN makes them unordered; a signalling one, or with `signalsQuiet` any,
 * is an invalid operation.
 */
export function relateLanes(unit: FloatUnit, type: LaneType, lane: number, signalsQuiet: boolean): Relation {
  let a = readLane(type, unit.a, lane);
  let b = readLane(type, unit.b, lane);
  if (a !== a || b !== b) {
    if (signalsQuiet || hasSignalling(unit, type, lane, a, b)) unit.flags |= FloatFlag.invalid;
    return Relation.unordered;
  }
  a = comparable(unit, type, a);
  b = comparable(unit, type, b);
  return a === b ? Relation.equal : a < b ? Relation.less : Relation.greater;
}

function hasSignalling(unit: FloatUnit, type: LaneType, lane: number, a: number, b: number): boolean {
  return (a !== a && isSignallingLane(type, unit.a, lane)) || (b !== b && isSignallingLane(type, unit.b, lane));
}

interface Predicate {
  /** Relations (as bits 1 << Relation) for which it holds. */
  readonly holds: number;
  /** Whether quiet NaNs are invalid, too. */
  readonly signalsQuiet: boolean;
}

const EQUAL = 1 << Relation.equal, LESS = 1 << Relation.less, GREATER = 1 << Relation.greater, UNORDERED = 1 << Relation.unordered;

/** Predicates 0 to 15; those from 16 up are the same, with the other answer to quiet NaNs. */
const FIRST_PREDICATES: readonly Predicate[] = [
  { holds: EQUAL, signalsQuiet: false },
  { holds: LESS, signalsQuiet: true },
  { holds: LESS | EQUAL, signalsQuiet: true },
  { holds: UNORDERED, signalsQuiet: false },
  { holds: LESS | GREATER | UNORDERED, signalsQuiet: false },
  { holds: GREATER | EQUAL | UNORDERED, signalsQuiet: true },
  { holds: GREATER | UNORDERED, signalsQuiet: true },
  { holds: LESS | EQUAL | GREATER, signalsQuiet: false },
  { holds: EQUAL | UNORDERED, signalsQuiet: false },
  { holds: LESS | UNORDERED, signalsQuiet: true },
  { holds: LESS | EQUAL | UNORDERED, signalsQuiet: true },
  { holds: 0, signalsQuiet: false },
  { holds: LESS | GREATER, signalsQuiet: false },
  { holds: GREATER | EQUAL, signalsQuiet: true },
  { holds: GREATER, signalsQuiet: true },
  { holds: LESS | EQUAL | GREATER | UNORDERED, signalsQuiet: false },
];

const PREDICATES: readonly Predicate[] = [
  ...FIRST_PREDICATES,
  ...FIRST_PREDICATES.map(({ holds, signalsQuiet }) => ({ holds, signalsQuiet: !signalsQuiet })),
];

/** Fills the result's lane with ones where predicate `number` (0 to 31; SSE has the first 8) holds. */
export function compareLane(unit: FloatUnit, type: LaneType, lane: number, number: number): void {
  const { holds, signalsQuiet } = PREDICATES[number & 31];
  const relation = relateLanes(unit, type, lane, signalsQuiet);
  fillLane(type, unit.result, lane, (holds & (1 << relation)) !== 0);
}

/** The lesser of a and b. */
export function minimumLane(unit: FloatUnit, type: LaneType, lane: number): void {
  chooseLane(unit, type, lane, false);
}

/** The greater of a and b. */
export function maximumLane(unit: FloatUnit, type: LaneType, lane: number): void {
  chooseLane(unit, type, lane, true);
}

/** The second operand unless the first is truly beyond it: so it is for equal zeros, and for NaNs, which stay as they are. */
function chooseLane(unit: FloatUnit, type: LaneType, lane: number, greater: boolean): void {
  let a = readLane(type, unit.a, lane);
  let b = readLane(type, unit.b, lane);
  if (a !== a || b !== b) {
    unit.flags |= FloatFlag.invalid;
    if (unit.denormalsAreZero && b === b && !isPlain(type, b)) writeLane(type, unit.result, lane, b * 0);
    else moveLane(type, unit.result, lane, unit.b, lane);
    return;
  }
  a = comparable(unit, type, a);
  b = comparable(unit, type, b);
  writeLane(type, unit.result, lane, (greater ? a > b : a < b) ? a : b);
}

