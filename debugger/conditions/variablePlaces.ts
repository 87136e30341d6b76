/**
 * Where a variable is whenever the machine stands at one address, as far as that can be said beforehand: at a fixed address, at a
 * distance from one register, in a register, a constant, or in pieces of these. Found by asking the symbols with made-up registers: a
 * place that follows exactly one of them, in the same way for all values, is such a place; anything else is not.
 */
import type { Image } from '../image';
import type { Machine } from '../symbols/elf';
import { dwarfGeneralNames, dwarfRegisterName } from '../symbols/registers';
import type { Location, Piece } from '../symbols/expression';
import type { Variable } from '../symbols/variables';

export type SimplePlace =
  | { readonly kind: 'memory'; readonly base: string | undefined; readonly offset: bigint }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'constant'; readonly bytes: Uint8Array }
  | { readonly kind: 'pieces'; readonly pieces: readonly SimplePiece[] };

/** Bytes of a variable that lies in several places. What is in none of its pieces has no simple place. */
export interface SimplePiece {
  /** Number of its first byte in the variable. */
  readonly offset: number;
  readonly bytes: number;
  readonly place: Exclude<SimplePlace, { kind: 'pieces' }>;
  /** Number of its first byte in that place. */
  readonly skip: number;
}

/** Far apart, so that no sum of two of them looks like another; no multiple of anything that compilers align to. */
const FIRST = 0x1000_0013n;
const APART = 0x0123_4567n;
const MOVED = 0x35_7bd1n;
const SECOND_START = 0x2f00_0131n;
const SECOND_APART = 0x0098_7643n;

/** The place of a variable at an address of code; undefined where it is not as simple as that. */
export function simplePlace(image: Image, variable: Variable, pc: bigint): SimplePlace | undefined {
  const machine = image.ask((table) => table.machine);
  if (!machine) return undefined;
  return placeBy(machine, (values) => image.ask((table) => table.locate(variable, {
    pc, readRegister: (register) => values[register], readMemory: () => undefined, caller: undefined,
  })));
}

/** Where something is, given values of the general registers. */
type Locate = (values: readonly bigint[]) => Location | undefined;

function placeBy(machine: Machine, locate: Locate): SimplePlace | undefined {
  const count = dwarfGeneralNames(machine).length;
  const first = Array.from({ length: count }, (_, index) => FIRST + APART * BigInt(index));
  const second = Array.from({ length: count }, (_, index) => SECOND_START + SECOND_APART * BigInt(index));
  const here = locate(first);
  const there = locate(second);
  if (!here || !there) return undefined;
  if (here.kind === 'register' && there.kind === 'register') return inRegister(machine, here.register, there.register);
  if (here.kind === 'value' && there.kind === 'value') return sameBytes(here.bytes, there.bytes) ? { kind: 'constant', bytes: here.bytes } : undefined;
  if (here.kind === 'pieces' && there.kind === 'pieces') return inPieces(machine, here.pieces, there.pieces, locate);
  if (here.kind !== 'memory' || there.kind !== 'memory') return undefined;
  const bits = machine === 'x86-64' ? 64 : 32;
  const followed = first.flatMap((value, index) => {
    const moved = locate(first.map((each, other) => (other === index ? value + MOVED : each)));
    const distance = moved?.kind === 'memory' ? moved.address - here.address : undefined;
    return distance === 0n ? [] : [{ index, follows: distance === MOVED }];
  });
  if (followed.length === 0) return here.address === there.address ? { kind: 'memory', base: undefined, offset: here.address } : undefined;
  const [{ index, follows }] = followed;
  const offset = here.address - first[index];
  const holdsThere = BigInt.asUintN(bits, second[index] + offset) === there.address;
  const base = dwarfRegisterName(machine, index);
  return followed.length === 1 && follows && holdsThere && base !== undefined ? { kind: 'memory', base, offset } : undefined;
}

/** Those pieces that are whole bytes at simple places; all of them must be cut in the same way whatever the registers have. */
function inPieces(machine: Machine, here: readonly Piece[], there: readonly Piece[], locate: Locate): SimplePlace | undefined {
  const isCutAlike = here.length === there.length && here.every(({ bitSize, bitOffset }, i) => bitSize === there[i].bitSize && bitOffset === there[i].bitOffset);
  if (!isCutAlike) return undefined;
  let bit = 0;
  const pieces = here.flatMap(({ bitSize, bitOffset }, i): SimplePiece[] => {
    const start = bit;
    bit += bitSize;
    if ([start, bitSize, bitOffset].some((bits) => bits % 8 !== 0)) return [];
    const place = placeBy(machine, (values) => pieceOf(locate(values), i));
    return !place || place.kind === 'pieces' ? [] : [{ offset: start / 8, bytes: bitSize / 8, place, skip: bitOffset / 8 }];
  });
  return { kind: 'pieces', pieces };
}

function pieceOf(location: Location | undefined, index: number): Location | undefined {
  return location?.kind === 'pieces' ? location.pieces.at(index)?.location : undefined;
}

function inRegister(machine: Machine, here: number, there: number): SimplePlace | undefined {
  const name = dwarfRegisterName(machine, here);
  return here === there && name !== undefined ? { kind: 'register', name } : undefined;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
