/**
 * Registers that are more than a number: vector registers as lanes of each size, x87 registers as floating-point numbers.
 * Their parts have C types, so that they are shown, named ($xmm0.f64[1]) and set like the program's own values.
 */
import { hexOfWidth, toLittleEndian } from './numbers';
import type { NamedRegister } from './registers';
import { DW_ATE } from './symbols/dwarf-constants';
import type { BaseType, RecordType, Type } from './symbols/types';
import { byteValue, type ValueSource } from './symbols/values';

/** Element types of a vector register's lanes, by member name. */
const LANES: readonly (readonly [name: string, type: BaseType])[] = [
  ['f32', { kind: 'base', name: 'float', size: 4, encoding: DW_ATE.float }],
  ['f64', { kind: 'base', name: 'double', size: 8, encoding: DW_ATE.float }],
  ...[1, 2, 4, 8].map((bytes): [string, BaseType] => [`u${bytes * 8}`, { kind: 'base', name: `u${bytes * 8}`, size: bytes, encoding: DW_ATE.unsigned }]),
];

function vectorType(bytes: number): RecordType {
  const members = LANES.map(([name, element]) => {
    const type: Type = { kind: 'array', element, dimensions: [bytes / element.size] };
    return { name, type, offset: 0, bits: undefined };
  });
  return { kind: 'union', name: `vector of ${bytes} bytes`, size: bytes, incomplete: false, members };
}

const EXTENDED: BaseType = { kind: 'base', name: 'long double', size: 10, encoding: DW_ATE.float };
const TYPES: ReadonlyMap<number, Type> = new Map<number, Type>([[80, EXTENDED], [128, vectorType(16)], [256, vectorType(32)]]);

/** A register as a value of a type. */
export interface TypedRegister {
  readonly type: Type;
  readonly source: ValueSource;
  /** How it is written in a line, where its type says too much at once: all digits of a vector register. */
  readonly text?: string;
}

/** A vector or x87 register as a typed value; undefined for registers that are plain numbers. */
export function typedRegister({ value, bits }: Pick<NamedRegister, 'value' | 'bits'>): TypedRegister | undefined {
  const type = TYPES.get(bits);
  if (!type) return undefined;
  const source = byteValue(toLittleEndian(value, bits / 8));
  return type === EXTENDED ? { type, source } : { type, source, text: hexOfWidth(value, bits) };
}
