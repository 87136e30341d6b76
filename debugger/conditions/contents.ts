/**
 * Values that lie in no one place of memory, in conditions for the monitor: in a register, constant, or put together from pieces. Members and
 * elements are parts of them, and a text is compared piece by piece. What lies in no piece is refused, for the adapter to look at.
 */
import type { GateExpression } from '../../src/monitor/machine/session';
import { littleEndian } from '../numbers';
import { binary, constant, converted, plus } from './gateArithmetic';
import { refuse } from './refusals';

/** Bytes of a value: the low ones of what an expression gives. */
export interface ContentPiece {
  /** Number of the first of them in the value. */
  readonly offset: number;
  /** 1 to 8. */
  readonly bytes: number;
  readonly gate: GateExpression;
}

/** No two pieces have a byte in common. */
export type Content = readonly ContentPiece[];

const MOST_BYTES = 8;

/** A value of so many bytes, 1 to 8, that an expression gives whole. */
export function wholeContent(gate: GateExpression, bytes: number): Content {
  return [{ offset: 0, bytes, gate }];
}

/** Bytes that are known. */
export function constantContent(bytes: Uint8Array): Content {
  return chunks(bytes.length).map(({ offset, size }) => ({ offset, bytes: size, gate: constant(littleEndian(bytes.subarray(offset, offset + size))) }));
}

/** Bytes in memory, from a linear address of so many bits. */
export function memoryContent(address: GateExpression, bytes: number, addressBits: 32 | 64): Content {
  return chunks(bytes).map(({ offset, size }) => ({
    offset, bytes: size, gate: { kind: 'memory', space: 'linear', address: plus(address, constant(BigInt(offset)), addressBits), bytes: size },
  }));
}

function chunks(bytes: number): readonly { readonly offset: number; readonly size: number }[] {
  return Array.from({ length: Math.ceil(bytes / MOST_BYTES) }, (_, i) => ({ offset: i * MOST_BYTES, size: Math.min(MOST_BYTES, bytes - i * MOST_BYTES) }));
}

/** Part of a value, as a value. */
export function partOfContent(content: Content, from: number, bytes: number): Content {
  return content.flatMap((piece) => {
    const skip = Math.max(0, from - piece.offset);
    const end = Math.min(piece.offset + piece.bytes, from + bytes);
    const size = end - piece.offset - skip;
    if (size <= 0) return [];
    const gate = skip === 0 ? piece.gate : binary('>>', piece.gate, constant(BigInt(skip * 8)));
    return [{ offset: piece.offset + skip - from, bytes: size, gate }];
  });
}

/** Pieces moved to where they begin in a larger value. */
export function movedContent(content: Content, by: number): Content {
  return content.map((piece) => ({ ...piece, offset: piece.offset + by }));
}

/** The first bytes of a value, 1 to 8, as a number without sign. NotCompilable where one of them is in no piece. */
export function contentNumber(content: Content, bytes: number): GateExpression {
  const shifted = firstPieces(content, bytes).map(({ offset, value }) => (offset === 0 ? value : binary('<<', value, constant(BigInt(offset * 8)))));
  return shifted.reduce((left, right) => binary('|', left, right));
}

/**
 * Whether a zero-terminated text that ends at the latest behind `room` bytes is the one of `wanted`, as the evaluator says it.
 * NotCompilable where a byte that may decide is in no piece.
 */
export function contentText(content: Content, room: number, wanted: Uint8Array): GateExpression {
  if (wanted.length > room) return constant(0n);
  const bytes = Uint8Array.from([...wanted, 0]).subarray(0, room);
  const comparisons = firstPieces(content, bytes.length).map(({ offset, size, value }) => binary('==', value, constant(littleEndian(bytes.subarray(offset, offset + size)))));
  return comparisons.reduce((left, right): GateExpression => ({ kind: 'and', left, right }));
}

/** The pieces of the first bytes, one behind the other: where each begins, how many bytes it has, and their value without sign. */
function firstPieces(content: Content, bytes: number): { readonly offset: number; readonly size: number; readonly value: GateExpression }[] {
  const pieces = [...partOfContent(content, 0, bytes)].sort((one, other) => one.offset - other.offset);
  const covered = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  if (covered < bytes) return refuse('a part has no simple place');
  return pieces.map(({ offset, bytes: size, gate }) => ({ offset, size, value: converted(gate, size * 8, false) }));
}
