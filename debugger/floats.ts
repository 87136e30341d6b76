/**
 * Floating-point numbers as a person types them, in the formats in which memory and registers hold them
 * (IEEE 754; Intel SDM vol. 1, 4.2.2).
 */
import { userError } from './ports';

const LITERAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const SPECIAL: ReadonlyMap<string, number> = new Map([['inf', Infinity], ['infinity', Infinity], ['nan', NaN]]);

/** The number that a text stands for, when it is a decimal number or the name of a special one. */
export function parseFloatingPoint(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  if (LITERAL.test(trimmed)) return Number(trimmed);
  const special = SPECIAL.get(trimmed.replace(/^[-+]/, ''));
  return special === undefined ? undefined : trimmed.startsWith('-') ? -special : special;
}

/** The bits of a number as float (4 bytes), double (8) or x87 extended number (10 bytes and padding). Error for other sizes. */
export function floatBits(value: number, bytes: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (bytes === 4) {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }
  view.setFloat64(0, value);
  const double = view.getBigUint64(0);
  if (bytes === 8) return double;
  if (bytes < 10) throw userError(`Floating-point numbers of ${bytes} bytes cannot be set.`);
  return extendedBits(double);
}

const DOUBLE_BIAS = 1023n, EXTENDED_BIAS = 16383n;
const INTEGER_BIT = 1n << 63n;

/** A double as an extended number: one sign bit, 15 of exponent, and 64 of significand with its integer bit. */
function extendedBits(double: bigint): bigint {
  const sign = (double >> 63n) << 79n;
  const exponent = (double >> 52n) & 0x7ffn;
  let fraction = (double & ((1n << 52n) - 1n)) << 11n;
  if (exponent === 0x7ffn) return sign | (0x7fffn << 64n) | INTEGER_BIT | fraction;
  if (exponent !== 0n) return sign | ((exponent - DOUBLE_BIAS + EXTENDED_BIAS) << 64n) | INTEGER_BIT | fraction;
  if (fraction === 0n) return sign;
  // A denormal double is a normal extended number.
  let power = 1n - DOUBLE_BIAS + EXTENDED_BIAS;
  for (; (fraction & INTEGER_BIT) === 0n; power--) fraction <<= 1n;
  return sign | (power << 64n) | fraction;
}

/** The number in the bytes of a float or double; undefined for other sizes. */
export function floatOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return view.getFloat32(0, true);
  return bytes.length === 8 ? view.getFloat64(0, true) : undefined;
}
