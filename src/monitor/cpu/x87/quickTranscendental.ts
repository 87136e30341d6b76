/**
 * The transcendental functions of ordinary arguments by the quick kernels (./quickElementary). Each gives false, and says nothing, where the argument or the result is
 * none that these can tell the rounding of: ./transcendental has the whole of them. All results are inexact.
 */
import { DoubleDouble } from './doubleDouble';
import { type Float } from './float';
import {
  QUICK_ANGLE_EXPONENT, quickAngle, quickLogarithm, quickLogarithmPlusOne, quickPowerLessOne, quickReduce, quickSineCosine, setQuick, significandOf,
} from './quickElementary';
import type { TrigonometricResults } from './transcendental';

/** Exponents from which on numbers are kept apart from 0 by far enough for a double's range, and series for a relative error. */
const LEAST_EXPONENT = -60;

const argument = new DoubleDouble(), value = new DoubleDouble(), rest = new DoubleDouble(), factor = new DoubleDouble();
const sine = new DoubleDouble(), cosine = new DoubleDouble();

/** to := the number, of a moderate exponent. */
function valueOf(to: DoubleDouble, from: Float): DoubleDouble {
  const scale = (from.sign === 1 ? -1 : 1) * 2 ** from.exponent;
  significandOf(to, from);
  return to.set(to.hi * scale, to.lo * scale);
}

/** FSIN, FCOS, FSINCOS, FPTAN. */
export function quickTrigonometric(results: TrigonometricResults, angle: Float): boolean {
  if (angle.exponent < LEAST_EXPONENT || angle.exponent >= QUICK_ANGLE_EXPONENT) return false;
  const quadrant = quickReduce(rest, valueOf(argument, angle)) & 3;
  if (Math.abs(rest.hi) < 2 ** LEAST_EXPONENT) return false;
  quickSineCosine(sine, cosine, rest);
  const odd = (quadrant & 1) !== 0;
  const [over, beside] = odd ? [cosine, sine] : [sine, cosine];
  if (quadrant >= 2) over.negate(over);
  if (quadrant === 1 || quadrant === 2) beside.negate(beside);
  if (results.sine && !setQuick(results.sine, over, 0, 0)) return false;
  if (results.cosine && !setQuick(results.cosine, beside, 0, 0)) return false;
  return !results.tangent || setQuick(results.tangent, value.divide(over, beside), 0, 0);
}

/** F2XM1. */
export function quickExponential(result: Float, x: Float): boolean {
  if (x.exponent < LEAST_EXPONENT || x.exponent >= 0) return false;
  quickPowerLessOne(value, valueOf(argument, x));
  return setQuick(result, value, 0, 0);
}

/** FYL2X, of numbers that are no powers of two. */
export function quickLogarithmTimes(result: Float, x: Float, y: Float): boolean {
  if (x.high === 0x80000000 && x.low === 0) return false;
  quickLogarithm(value, significandOf(argument, x), x.exponent);
  return setProduct(result, y);
}

/** FYL2XP1, of numbers below 1/2 in magnitude. */
export function quickLogarithmPlusOneTimes(result: Float, x: Float, y: Float): boolean {
  if (x.exponent < LEAST_EXPONENT || x.exponent >= -1) return false;
  quickLogarithmPlusOne(value, valueOf(argument, x));
  return setProduct(result, y);
}

/** result := value * y. */
function setProduct(result: Float, y: Float): boolean {
  value.multiply(value, significandOf(factor, y));
  return setQuick(result, value, y.exponent, y.sign);
}

/** FPATAN, of numbers whose exponents lie near one another. */
export function quickArctangentOfQuotient(result: Float, y: Float, x: Float): boolean {
  const difference = y.exponent - x.exponent;
  if (Math.abs(difference) > -LEAST_EXPONENT) return false;
  const scale = 2 ** difference, side = x.sign === 1 ? -1 : 1;
  significandOf(argument, y);
  argument.set(argument.hi * scale, argument.lo * scale);
  significandOf(factor, x);
  quickAngle(value, argument, factor.set(side * factor.hi, side * factor.lo));
  return setQuick(result, value, 0, y.sign);
}
