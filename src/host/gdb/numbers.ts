/** Numbers and bytes in packets: hexadecimal digits, registers and memory in the order of their bytes (little-endian). */
import { MachineError } from '../../monitor/machine/blame';

/** A packet that says something that is no number, or the like: the other side's mistake. */
export function malformed(what: string): MachineError {
  return new MachineError(`The packet is malformed: ${what}.`, 'user');
}

/** A hexadecimal number without sign. Throws when it is none, or has more than 64 bits. */
export function bigNumber(text: string | undefined): bigint {
  if (text === undefined || !/^[0-9a-f]{1,16}$/i.test(text)) throw malformed(`'${text ?? ''}' is no hexadecimal number`);
  return BigInt(`0x${text}`);
}

/** The same for counts and lengths, up to 2^48. */
export function smallNumber(text: string | undefined): number {
  const value = bigNumber(text);
  if (value >> 48n !== 0n) throw malformed(`${text} is too great`);
  return Number(value);
}

/** Bytes, a character each, as hexadecimal digits. */
export function hexOfText(text: string): string {
  let hex = '';
  for (let i = 0; i < text.length; i++) hex += text.charCodeAt(i).toString(16).padStart(2, '0');
  return hex;
}

/** The other way round. */
export function textOfHex(hex: string): string {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex)) throw malformed('its bytes are no pairs of hexadecimal digits');
  return (hex.match(/../g) ?? []).map((pair) => String.fromCharCode(parseInt(pair, 16))).join('');
}

/** A sentence for a person as the hexadecimal digits of its UTF-8 bytes. */
export function hexOfSentence(sentence: string): string {
  return [...new TextEncoder().encode(sentence)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A register's value in so many bytes; undefined, which is not there, as `x`s. */
export function hexOfValue(value: bigint | undefined, bytes: number): string {
  if (value === undefined) return 'x'.repeat(2 * bytes);
  const digits = BigInt.asUintN(8 * bytes, value).toString(16).padStart(2 * bytes, '0');
  return (digits.match(/../g) ?? []).reverse().join('');
}

/** The other way round; undefined for `x`s. */
export function valueOfHex(hex: string): bigint | undefined {
  if (/^x+$/.test(hex)) return undefined;
  const digits = hexOfText([...textOfHex(hex)].reverse().join(''));
  return digits === '' ? 0n : BigInt(`0x${digits}`);
}
