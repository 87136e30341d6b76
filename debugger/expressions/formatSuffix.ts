/**
 * What may stand behind an expression to say how its value is to be written: `flags,x`, `name,s`, `table,8`, `table,8x`.
 */
import { DW_ATE } from '../symbols/dwarf-constants';
import { formatReference, type Place } from '../addresses';
import { userError } from '../ports';
import { stripType, type Type } from '../symbols/types';
import type { SyncMemory } from '../syncMemory';
import type { Expression } from './syntax';
import { toInteger, type ObjectValue, type Value } from './values';

/** x hexadecimal, d decimal, u decimal without sign, o octal, b binary, c character, s string. */
export type Notation = 'x' | 'd' | 'u' | 'o' | 'b' | 'c' | 's';

export interface FormatSuffix {
  readonly notation?: Notation;
  /** So many elements, from what a pointer points at, or an array's first. */
  readonly count?: number;
}

/** The language has no comma, so one outside of brackets begins the suffix. */
const SUFFIX = /^(?<expression>.*[^\s,]),\s*(?:(?<count>\d+)\s*(?<each>[xduobcs])?|(?<notation>[xduobcs]))\s*$/s;
const MOST_ELEMENTS = 65_536;
const LONGEST_STRING = 4096;
const PRINTABLE = /^[\x20-\x7e]$/;

/** An expression and the format behind it, if there is one. Error: a count that no list may have. */
export function splitFormat(text: string): { readonly expression: string; readonly format: FormatSuffix | undefined } {
  const groups = SUFFIX.exec(text)?.groups;
  if (groups === undefined) return { expression: text, format: undefined };
  const notation = (groups.notation ?? groups.each) as Notation | undefined;
  const count = groups.count === undefined ? undefined : Number(groups.count);
  if (count !== undefined && (count < 1 || count > MOST_ELEMENTS)) throw userError(`'${groups.count}' elements cannot be shown: 1 to ${MOST_ELEMENTS}.`);
  return { expression: groups.expression, format: { ...(notation === undefined ? {} : { notation }), ...(count === undefined ? {} : { count }) } };
}

/** The tree whose value is the first of the elements that a count asks for. */
export function firstElement(tree: Expression, value: Value): Expression {
  if (value.kind === 'integer') return { kind: 'memory', size: 'u8', address: tree };
  const { kind } = stripType(value.type);
  if (kind === 'pointer') return { kind: 'unary', operator: '*', operand: tree };
  if (kind === 'array') return { kind: 'index', object: tree, index: { kind: 'number', value: 0n, isHex: false } };
  throw userError('A count of elements needs a pointer, an array, or an address.');
}

/** An array of `count` elements, of which `first` is the first. */
export function elementsFrom(first: Value, count: number): ObjectValue {
  if (first.kind === 'integer') throw userError('There is nothing to count here.');
  const { type, source, place } = first;
  return { kind: 'object', type: { kind: 'array', element: type, dimensions: [count] }, source, ...(place === undefined ? {} : { place }) };
}

/** A whole number in a notation; undefined for a value that is none, or a notation that is not about numbers. */
export function inNotation(value: Value, notation: Notation): string | undefined {
  if (value.kind === 'object' && !isScalar(value.type)) return undefined;
  const { value: number, bits } = toInteger(value);
  const plain = BigInt.asUintN(bits, number);
  switch (notation) {
    case 'x': return `0x${plain.toString(16)}`;
    case 'd': return BigInt.asIntN(bits, number).toString();
    case 'u': return plain.toString();
    case 'o': return `0o${plain.toString(8)}`;
    case 'b': return `0b${grouped(plain.toString(2))}`;
    case 'c': return character(plain);
    case 's': return undefined;
  }
}

/** The zero-terminated string that is at an address, in quotes; `…` behind one that does not end in a page's length. */
export function stringAt({ space, address }: Place, memory: Pick<SyncMemory, 'read'>): string {
  const bytes: number[] = [];
  for (let at = 0; at < LONGEST_STRING; at++) {
    const [byte] = memory.read({ space, address: address + BigInt(at) }, 1) ?? [];
    if (byte === undefined && at === 0) throw userError(`Memory at ${formatReference({ space, address })} cannot be read.`);
    if (byte === undefined || byte === 0) return quoted(bytes, '');
    bytes.push(byte);
  }
  return quoted(bytes, '…');
}

function quoted(bytes: readonly number[], end: string): string {
  return `${JSON.stringify(new TextDecoder().decode(Uint8Array.from(bytes)))}${end}`;
}

function character(number: bigint): string {
  const text = number < 256n ? String.fromCharCode(Number(number)) : '';
  return PRINTABLE.test(text) ? `${number} '${text}'` : `${number}`;
}

/** Binary digits in fours, from the right. */
function grouped(digits: string): string {
  return digits.padStart(Math.ceil(digits.length / 4) * 4, '0').replace(/\B(?=(\d{4})+$)/g, '_');
}

function isScalar(type: Type): boolean {
  const bare = stripType(type);
  if (bare.kind === 'base') return bare.encoding !== DW_ATE.float && bare.encoding !== DW_ATE.complex_float;
  return bare.kind === 'enum' || bare.kind === 'pointer';
}
