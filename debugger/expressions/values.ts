/**
 * What an expression can come to: a whole number (perhaps an address, perhaps a register's content) or a typed value of
 * the program; and how either is shown.
 */
import type { MemorySpace } from '../../src/monitor/machine/session';
import { formatReference, type Place } from '../addresses';
import { hex, hexOfWidth, littleEndian, toLittleEndian } from '../numbers';
import { userError } from '../ports';
import type { NamedRegister } from '../registers';
import { DW_ATE } from '../symbols/dwarf-constants';
import { formatValue, type DisplayNode, type FormatOptions } from '../symbols/format';
import { sizeOf, stripType, typeName, type BaseType, type Type } from '../symbols/types';
import { byteValue, isSignedEncoding, type ValueSource } from '../symbols/values';

export interface IntegerValue {
  readonly kind: 'integer';
  readonly value: bigint;
  readonly bits: number;
  readonly signed: boolean;
  /** The register (or part of one) that it was read from, which can be assigned to. */
  readonly register?: NamedRegister;
  /** Set when the number is an address in this space. */
  readonly space?: MemorySpace;
}

export interface ObjectValue {
  readonly kind: 'object';
  readonly type: Type;
  readonly source: ValueSource;
  /** Where it lies in memory. */
  readonly place?: Place;
  /** Set for what lies whole in a register of the innermost frame: its first byte there, and whether it is only a part of what lies there. */
  readonly register?: { readonly name: string; readonly offset: number; readonly isPart: boolean };
  /** How it is written instead of what its type says (vector registers), and the name of its type. */
  readonly shownAs?: { readonly text: string; readonly typeName: string };
  /** Of a pointer that does not point into the present address space: where to, and what is there. */
  readonly elsewhere?: { readonly space: MemorySpace; readonly target: ObjectValue };
  /** The bytes of a text in quotes, without the NUL behind it. */
  readonly text?: Uint8Array;
  /** Lowest bit and width, for a bit field. */
  readonly bitField?: { readonly offset: number; readonly size: number };
}

export type Value = IntegerValue | ObjectValue;

/** C's int: what comparisons and small literals are. */
export function int(value: bigint): IntegerValue {
  return { kind: 'integer', value: BigInt.asIntN(32, value), bits: 32, signed: true };
}

export function unsigned(value: bigint, bits: number): IntegerValue {
  return { kind: 'integer', value: BigInt.asUintN(bits, value), bits, signed: false };
}

/** Cuts a number to a width, as C does when it converts. */
export function wrap(value: bigint, bits: number, signed: boolean): IntegerValue {
  return { kind: 'integer', value: signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value), bits, signed };
}

/** The number that a value is. Error for records, arrays, floats, and what cannot be read. */
export function toInteger(value: Value): IntegerValue {
  if (value.kind === 'integer') return value;
  const type = stripType(value.type);
  switch (type.kind) {
    case 'array':
    case 'subroutine': {
      // In arithmetic they are their address, as in C.
      if (value.source.address === undefined) throw userError(`A value of type ${typeName(value.type)} has no address here.`);
      return unsigned(value.source.address, 64);
    }
    case 'base':
      if (type.encoding === DW_ATE.float || type.encoding === DW_ATE.complex_float) {
        throw userError(`A whole number is needed, and ${typeName(value.type)} is none: cast it, as in (int)x.`);
      }
      return load(value, type.size * 8, isSignedEncoding(type));
    case 'enum': return load(value, type.size * 8, type.signed);
    case 'pointer': return { ...load(value, type.size * 8, false), ...(value.elsewhere ? { space: value.elsewhere.space } : {}) };
    case 'reference':
    case 'rvalue-reference': return load(value, type.size * 8, false);
    default: throw userError(`A value of type ${typeName(value.type)} is not a number.`);
  }
}

function load(value: ObjectValue, bits: number, signed: boolean): IntegerValue {
  const { source, bitField } = value;
  if (source.missing !== undefined) throw userError(`It is optimised out: ${source.missing}.`);
  const first = bitField ? Math.floor(bitField.offset / 8) : 0;
  const width = bitField ? bitField.size : bits;
  const skip = bitField ? bitField.offset % 8 : 0;
  const bytes = source.read(first, Math.ceil((skip + width) / 8));
  if (!bytes) throw userError(source.address === undefined ? 'Its value is not known.' : `Memory at ${hex(source.address)} cannot be read.`);
  return wrap(littleEndian(bytes) >> BigInt(skip), width, signed);
}

/** A base type for memory operators and casts that the program has no type for. */
export function integerType(name: string, bytes: number, signed: boolean): BaseType {
  return { kind: 'base', name, size: bytes, encoding: signed ? DW_ATE.signed : DW_ATE.unsigned };
}

/** A computed value of a type; it lies nowhere. */
export function valueObject(type: Type, value: bigint, size: number): ObjectValue {
  return { kind: 'object', type, source: byteValue(toLittleEndian(value, size)) };
}

/** The text of a number: registers in full width, other numbers in decimal and hexadecimal. */
export function integerText(value: IntegerValue, hexOnly: boolean): string {
  if (value.space && value.space.kind !== 'linear') return formatReference({ space: value.space, address: value.value });
  const unsignedValue = BigInt.asUintN(value.bits, value.value);
  if (value.register) {
    const full = hexOfWidth(unsignedValue, value.bits);
    return hexOnly || unsignedValue < 10n ? full : `${full} (${unsignedValue})`;
  }
  if (hexOnly) return hex(unsignedValue);
  return value.value >= 0n && value.value < 10n ? value.value.toString() : `${value.value} (${hex(unsignedValue)})`;
}

/** A line of text, type and children of any value. */
export function display(name: string, value: Value, options: FormatOptions): Pick<DisplayNode, 'value' | 'typeName' | 'childCount' | 'isIndexed' | 'children'> {
  if (value.kind === 'integer') {
    return {
      value: integerText(value, options.integers === 'hexadecimal'),
      typeName: value.register ? `${value.bits}-bit register` : `${value.signed ? 'i' : 'u'}${value.bits}`,
      childCount: 0, isIndexed: false, children: () => [],
    };
  }
  if (value.bitField) {
    const text = integerText(toInteger(value), options.integers === 'hexadecimal');
    return { value: text, typeName: `${typeName(value.type)} : ${value.bitField.size}`, childCount: 0, isIndexed: false, children: () => [] };
  }
  if (value.elsewhere) {
    const { target, space } = value.elsewhere;
    const text = formatReference({ space, address: toInteger(value).value });
    const inner = stripType(target.type).kind === 'void' ? { childCount: 0, isIndexed: false, children: () => [] } : display(name, target, options);
    return { ...inner, value: text, typeName: typeName(value.type) };
  }
  const shown = formatValue(name, value.type, value.source, options);
  return value.shownAs ? { ...shown, value: value.shownAs.text, typeName: value.shownAs.typeName } : shown;
}

/** The place whose memory a person wants to see for a value: what a pointer points at, else where the value lies. */
export function memoryOf(value: Value): Place | undefined {
  if (value.kind === 'integer') {
    return value.value < 0n ? undefined : { space: value.space ?? { kind: 'linear' }, address: value.value };
  }
  if (value.bitField) return undefined;
  if (stripType(value.type).kind === 'pointer') {
    try {
      return { space: value.elsewhere?.space ?? { kind: 'linear' }, address: toInteger(value).value };
    } catch {
      return undefined;
    }
  }
  return value.place;
}

/** How many bytes a value takes in memory. */
export function sizeOfValue(value: Value): number {
  return value.kind === 'integer' ? Math.ceil(value.bits / 8) : sizeOf(value.type);
}

/** What C's comparisons come to; undefined for another operator. */
export function comparison<T extends number | bigint>(operator: string, left: T, right: T): IntegerValue | undefined {
  switch (operator) {
    case '<': return int(left < right ? 1n : 0n);
    case '<=': return int(left <= right ? 1n : 0n);
    case '>': return int(left > right ? 1n : 0n);
    case '>=': return int(left >= right ? 1n : 0n);
    case '==': return int(left === right ? 1n : 0n);
    case '!=': return int(left !== right ? 1n : 0n);
    default: return undefined;
  }
}
