/**
 * Numbers of registers as people read them: hexadecimal digits of a fixed width, signed, characters, floating point.
 */
import { hex } from '../ui/numbers';

/** All hexadecimal digits of a value of so many bits. */
export const digits = (value: bigint, bits: number): string => hex(value, Math.ceil(bits / 4));

/** Some bits of a value. */
export const bitsOf = (value: bigint, low: number, count: number): bigint => BigInt.asUintN(count, value >> BigInt(low));

/** As an unsigned number, and as a signed one where that is another: '4294967295 (−1)'. */
export function decimal(value: bigint, bits: number): string {
  const signed = BigInt.asIntN(bits, value);
  return signed === value ? String(value) : `${value} (−${-signed})`;
}

/** The bytes as characters, lowest first; undefined when they are not all printable (zeros behind the last do not count). */
export function characters(value: bigint, bits: number): string | undefined {
  let text = '';
  for (let rest = value, left = bits; rest !== 0n && left > 0; rest >>= 8n, left -= 8) {
    const byte = Number(rest & 0xffn);
    if (byte < 0x20 || byte >= 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text === '' ? undefined : `'${text}'`;
}

/** The shortest text that reads back as the same number: of a float with seven digits or so, not seventeen. */
export function floatText(number: number, single: boolean): string {
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
  if (Object.is(number, -0)) return '-0';
  if (!single) return String(number);
  for (let precision = 1; precision < 9; precision++) {
    const text = String(Number(number.toPrecision(precision)));
    if (Math.fround(Number(text)) === number) return text;
  }
  return String(Number(number.toPrecision(9)));
}

/** The floating-point number whose bits these are. */
export function floatOf(bits: bigint, width: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 32) {
    view.setUint32(0, Number(bits));
    return view.getFloat32(0);
  }
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}
