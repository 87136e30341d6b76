/**
 * Texts in quotes, as C has them: their bytes, and what they are compared with by == and !=, which are arrays of characters and pointers
 * to them. The text there ends before its first NUL, or with its array.
 */
import { LONGEST_TEXT } from '../../src/monitor/machine/stops';
import { isText } from '../../src/monitor/machine/texts';
import { userError } from '../ports';
import { DW_ATE } from '../symbols/dwarf-constants';
import { stripType, typeName, type Type } from '../symbols/types';
import { byteValue } from '../symbols/values';
import { int, type IntegerValue, type ObjectValue, type Value } from './values';

const ESCAPE = /\\(?:x(?<hex>[0-9a-f]{1,2})|(?<character>.))/giu;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
/** A number in hexadecimal is a byte, everything else a character in UTF-8. */
const encoder = new TextEncoder();

/** The bytes of a text with its quotes, without the NUL that ends it. Error for one that has a NUL in it, or more than `LONGEST_TEXT` bytes. */
export function bytesOfQuoted(quoted: string): Uint8Array {
  const inner = quoted.slice(1, -1);
  const bytes: number[] = [];
  let done = 0;
  for (const match of inner.matchAll(ESCAPE)) {
    bytes.push(...encoder.encode(inner.slice(done, match.index)));
    const { hex, character = '' } = match.groups ?? {};
    if (hex === undefined && character !== '0') bytes.push(...encoder.encode(ESCAPED[character] ?? character));
    else bytes.push(Number.parseInt(hex ?? '0', 16));
    done = match.index + match[0].length;
  }
  bytes.push(...encoder.encode(inner.slice(done)));
  if (bytes.includes(0)) throw userError(`${quoted} has a NUL in it, which ends a text: leave it out, one is behind each text.`);
  if (bytes.length > LONGEST_TEXT) throw userError(`A text in quotes has ${LONGEST_TEXT} bytes at most, not ${bytes.length}.`);
  return Uint8Array.from(bytes);
}

const CHARACTER: Type = { kind: 'base', name: 'char', size: 1, encoding: DW_ATE.signed_char };

/** A text as a value: an array of characters that lies nowhere. */
export function textValue(bytes: Uint8Array): ObjectValue {
  const zeroTerminated = Uint8Array.from([...bytes, 0]);
  return { kind: 'object', type: { kind: 'array', element: CHARACTER, dimensions: [zeroTerminated.length] }, source: byteValue(zeroTerminated), text: bytes };
}

/** Where a value of a type has its text: in itself, in so many bytes if that is known, or where it points. */
export type TextHolder = { readonly kind: 'array'; readonly room: number | undefined } | { readonly kind: 'pointer' };

/** How a value of this type holds a text. Error for one that holds none. */
export function textHolder(type: Type): TextHolder {
  const bare = stripType(type);
  if (bare.kind === 'pointer' && isCharacter(bare.target)) return { kind: 'pointer' };
  // `char name[]` and `char name[0]` leave open how long they are.
  if (bare.kind === 'array' && bare.dimensions.length === 1 && isCharacter(bare.element)) return { kind: 'array', room: bare.dimensions[0] === 0 ? undefined : bare.dimensions[0] };
  throw notComparable(`a value of type ${typeName(type)}`);
}

/** What is said of a value that a text cannot be compared with. */
export function notComparable(what: string): Error {
  return userError(`A text is compared with an array of characters or a pointer to them, not with ${what}: cast an address, as in (char *)$rsi.`);
}

function isCharacter(type: Type): boolean {
  const bare = stripType(type);
  return bare.kind === 'base' && bare.size === 1;
}

/** Whether a comparison is one of texts. */
export function hasText(...sides: readonly Value[]): boolean {
  return sides.some((side) => side.kind === 'object' && side.text !== undefined);
}

/**
 * Whether the text of a value is the one in quotes on the other side.
 * @param pointed what a pointer points at
 */
export function comparedTexts(operator: string, left: Value, right: Value, pointed: (pointer: ObjectValue) => Value): IntegerValue {
  const [text, other] = left.kind === 'object' && left.text !== undefined ? [left.text, right] : [right.kind === 'object' ? right.text : undefined, left];
  if (text === undefined || (operator !== '==' && operator !== '!=')) throw userError("A text in quotes is compared by == and !=, and nothing else is done with it.");
  if (other.kind === 'integer') throw notComparable('a number');
  const holder = textHolder(other.type);
  const held = holder.kind === 'pointer' ? pointed(other) : other;
  const isSame = held.kind === 'object' && isText(text, (holder.kind === 'array' ? holder.room : undefined) ?? Infinity, (index) => byteOf(held, index));
  return int(isSame === (operator === '==') ? 1n : 0n);
}

function byteOf({ source }: ObjectValue, index: number): number {
  if (source.missing !== undefined) throw userError(`It is optimised out: ${source.missing}.`);
  const byte = source.read(index, 1)?.at(0);
  if (byte === undefined) throw userError(source.address === undefined ? 'Its value is not known.' : `Memory at 0x${(source.address + BigInt(index)).toString(16)} cannot be read.`);
  return byte;
}
