/**
 * Floating-point numbers in expressions: C's operators and conversions over float, double and long double. All of them are computed
 * with as double; what two floats come to is a float again.
 */
import { floatBits } from '../floats';
import { userError } from '../ports';
import { DW_ATE } from '../symbols/dwarf-constants';
import { sizeOf, stripType, typeName, type BaseType, type Type } from '../symbols/types';
import { floatText } from '../symbols/values';
import { comparison, toInteger, valueObject, type ObjectValue, type Value } from './values';

export const FLOAT: BaseType = { kind: 'base', name: 'float', size: 4, encoding: DW_ATE.float };
export const DOUBLE: BaseType = { kind: 'base', name: 'double', size: 8, encoding: DW_ATE.float };

export function isFloating(type: Type): boolean {
  const bare = stripType(type);
  return bare.kind === 'base' && bare.encoding === DW_ATE.float;
}

export function isFloatingValue(value: Value): value is ObjectValue {
  return value.kind === 'object' && isFloating(value.type);
}

/** A number of a floating-point type, double if nothing else is said. */
export function floating(value: number, type: Type = DOUBLE): ObjectValue {
  return valueObject(type, floatBits(value, sizeOf(type)), sizeOf(type));
}

/** The number that a value is, whole ones converted. Error for what is none, cannot be read, or has a format that is not known. */
export function numberIn(value: Value): number {
  if (!isFloatingValue(value)) return Number(toInteger(value).value);
  const { type, source } = value;
  if (source.missing !== undefined) throw userError(`It is optimised out: ${source.missing}.`);
  const size = sizeOf(type);
  const bytes = source.read(0, size);
  if (!bytes) throw userError('Its value is not known.');
  const text = floatText(bytes, size, size > 8 ? nameOf(type) : '');
  if (text === undefined) throw userError(`Numbers of type ${typeName(type)} cannot be computed with.`);
  return Number(text);
}

function nameOf(type: Type): string {
  const bare = stripType(type);
  return bare.kind === 'base' ? bare.name : '';
}

/** Whether a value is true: not zero. */
export function isTrue(value: Value): boolean {
  return isFloatingValue(value) ? numberIn(value) !== 0 : toInteger(value).value !== 0n;
}

/** A cast to a floating-point type. */
export function toFloating(type: Type, value: Value): ObjectValue {
  return floating(numberIn(value), type);
}

/** The whole part of a floating-point number, before it is cut to a type's width. Error for what has none. */
export function wholePart(value: Value): bigint {
  const number = Math.trunc(numberIn(value));
  if (!Number.isFinite(number)) throw userError(`${number} has no whole part.`);
  return BigInt(number);
}

/** A binary operator at least one of whose sides is a floating-point number. */
export function floatingArithmetic(operator: string, left: Value, right: Value): Value {
  const [x, y] = [numberIn(left), numberIn(right)];
  const result = (number: number): ObjectValue => floating(number, isSingle(left) && isSingle(right) ? FLOAT : DOUBLE);
  const compared = comparison(operator, x, y);
  if (compared) return compared;
  switch (operator) {
    case '+': return result(x + y);
    case '-': return result(x - y);
    case '*': return result(x * y);
    case '/': return result(x / y);
    default: throw userError(`The operator '${operator}' is for whole numbers: cast what is none, as in (int)x.`);
  }
}

/** Whether C would not go over to double because of it: a float, or a whole number. */
function isSingle(value: Value): boolean {
  return !isFloatingValue(value) || sizeOf(value.type) === 4;
}
