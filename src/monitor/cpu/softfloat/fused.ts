/**
 * Fused multiply-add of lanes: a * b + c with one rounding, either of the product and `c` negated if so wished.
 *
 * The short way for normal numbers keeps the product's and the sum's errors as doubles, and rounds what is left
 * of them to odd, so that the last rounding sees that there is more (Boldo and Melquiond, "Emulation of FMA and
 * correctly rounded sums", 2008). The general way computes with integers of any length.
 *
 * Source: Intel SDM volume 1, 14.5 (FMA); volume 2, VFMADD132PD.
 */
import { Float, FloatKind, copyFloat, isFiniteNonZero, isNaNKind, setDefaultNaN, setFromBigInt, setInfinity, setZero, significandBigInt } from '../x87/float';
import { quieten } from '../x87/nan';
import { FloatFlag, RoundingMode } from '../x87/rounding';
import { productError, productIsSafe, sumError } from './exact';
import { loadOperand, storeRounded } from './general';
import { isPlain, isSafeResult, packLane, readLane, writeLane } from './lanes';
import type { LaneType } from './lanes';
import type { FloatUnit } from './unit';

/** Which sign changes a form of the instruction makes. */
export interface FusedForm {
  readonly negateProduct: boolean;
  readonly negateAddend: boolean;
}

/** a * b + c in the lane. */
export function fusedLane(unit: FloatUnit, type: LaneType, lane: number, form: FusedForm): void {
  const a = readLane(type, unit.a, lane);
  const b = form.negateProduct ? -readLane(type, unit.b, lane) : readLane(type, unit.b, lane);
  const c = form.negateAddend ? -readLane(type, unit.c, lane) : readLane(type, unit.c, lane);
  const plain = unit.mode === RoundingMode.nearestEven && isPlain(type, a) && isPlain(type, b) && isPlain(type, c);
  if (!plain || !(type.double ? fuseDoubles(unit, type, lane, a, b, c) : fuseSingles(unit, type, lane, a, b, c))) fuseAny(unit, type, lane, form);
}

/** Products of binary32 numbers are exact as doubles, so that only the sum has an error. */
function fuseSingles(unit: FloatUnit, type: LaneType, lane: number, a: number, b: number, c: number): boolean {
  const product = a * b;
  const sum = product + c;
  const error = sumError(product, c, sum);
  const value = Math.fround(roundToOdd(sum, error));
  if (!isSafeResult(type, value)) return false;
  writeLane(type, unit.result, lane, value);
  if (error !== 0 || value !== sum) unit.flags |= FloatFlag.inexact;
  return true;
}

/** Magnitude up to which an addend cannot make a sum overflow that a safe product is in. */
const LARGEST_ADDEND = 2 ** 1020;

function fuseDoubles(unit: FloatUnit, type: LaneType, lane: number, a: number, b: number, c: number): boolean {
  const product = a * b;
  if (Math.abs(c) > LARGEST_ADDEND || !productIsSafe(a, b, product)) return false;
  const low = productError(a, b, product);
  const upperLow = c + low;
  const lowLow = sumError(c, low, upperLow);
  const upper = product + upperLow;
  const lower = sumError(product, upperLow, upper);
  const rest = lower + lowLow;
  const tail = roundToOdd(rest, sumError(lower, lowLow, rest));
  const value = upper + tail;
  if (!isSafeResult(type, value)) return false;
  writeLane(type, unit.result, lane, value);
  // If the tail itself was not exact, its odd last bit is missing from the value.
  if (sumError(upper, tail, value) !== 0) unit.flags |= FloatFlag.inexact;
  return true;
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** Of a sum rounded to nearest and its error: the sum rounded to odd, whose last bit says whether anything is missing. */
function roundToOdd(sum: number, error: number): number {
  if (error === 0) return sum;
  double[0] = sum;
  if ((words[0] & 1) !== 0) return sum;
  if (error > 0 === sum > 0) words[0] += 1;
  else {
    if (words[0] === 0) words[1] -= 1;
    words[0] -= 1;
  }
  return double[0];
}

const first = new Float();
const second = new Float();
const third = new Float();
const outcome = new Float();

function fuseAny(unit: FloatUnit, type: LaneType, lane: number, form: FusedForm): void {
  loadOperand(unit, type, first, unit.a, lane);
  loadOperand(unit, type, second, unit.b, lane);
  loadOperand(unit, type, third, unit.c, lane);
  const nan = [first, second, third].find((x) => isNaNKind(x.kind));
  if (nan !== undefined) {
    if ([first, second, third].some((x) => x.kind === FloatKind.signallingNaN)) unit.flags |= FloatFlag.invalid;
    copyFloat(outcome, nan);
    quieten(outcome);
    packLane(type, unit.result, lane, outcome);
    return;
  }
  const sign = first.sign ^ second.sign ^ (form.negateProduct ? 1 : 0);
  if (form.negateAddend) third.sign ^= 1;
  const flags = fuse(sign, unit.mode);
  unit.flags |= flags;
  if (flags === 0 && [first, second, third].some((x) => x.kind === FloatKind.denormal)) unit.flags |= FloatFlag.denormal;
  storeRounded(unit, type, lane, outcome);
}

/** Works out first * second (of the given sign) + third, none of them a NaN. */
function fuse(sign: number, mode: RoundingMode): number {
  const infinite = first.kind === FloatKind.infinity || second.kind === FloatKind.infinity;
  const zero = first.kind === FloatKind.zero || second.kind === FloatKind.zero;
  const opposed = third.kind === FloatKind.infinity && third.sign !== sign;
  if (infinite && (zero || opposed)) {
    setDefaultNaN(outcome);
    return FloatFlag.invalid;
  }
  if (infinite) setInfinity(outcome, sign);
  else if (third.kind === FloatKind.infinity) copyFloat(outcome, third);
  else if (zero && third.kind !== FloatKind.zero) copyFloat(outcome, third);
  else addProduct(sign, mode);
  return 0;
}

/** A significand is an integer of 64 bits, of which the lowest has this weight below the exponent. */
const SIGNIFICAND_SCALE = 63;

function addProduct(sign: number, mode: RoundingMode): void {
  const product = significandOf(first) * significandOf(second);
  const productScale = first.exponent + second.exponent - 2 * SIGNIFICAND_SCALE;
  const addend = significandOf(third);
  const addendScale = third.exponent - SIGNIFICAND_SCALE;
  const scale = product === 0n ? addendScale : addend === 0n ? productScale : Math.min(productScale, addendScale);
  const left = product === 0n ? 0n : product << BigInt(productScale - scale);
  const right = addend === 0n ? 0n : addend << BigInt(addendScale - scale);
  const sum = (sign === 1 ? -left : left) + (third.sign === 1 ? -right : right);
  if (sum !== 0n) setFromBigInt(outcome, sum < 0n ? 1 : 0, sum < 0n ? -sum : sum, scale, false);
  // Zeros of one sign keep it; any other exact zero is positive, but negative when rounding down.
  else setZero(outcome, product === 0n && addend === 0n && sign === third.sign ? sign : mode === RoundingMode.down ? 1 : 0);
}

const significandOf = (value: Float): bigint => (isFiniteNonZero(value) ? significandBigInt(value) : 0n);
