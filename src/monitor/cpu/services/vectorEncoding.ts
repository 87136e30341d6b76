/**
 * The encodings of vector instructions, and what they differ in: where the sources are, how wide vectors are, whether
 * memory must be aligned, and what becomes of the rest of the destination register.
 *
 * Source: Intel SDM volume 1, 14.1.3 and 14.9 (VEX); volume 2, 2.3.10 (the destination's upper bits), 2.4 (alignment).
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation } from '../operation';
import type { Lanes } from '../softfloat/lanes';
import { XMM_BYTES, loadAlignedSource, loadSource, storeResult, unit } from './sseOperands';

/** One encoding of an instruction with a given number of operands. */
export interface Encoding {
  /** Bytes of a whole vector operand. */
  vectorBytes(op: Operation): number;
  /** Slot of the first of two sources. */
  firstSource(op: Operation): number;
  /** Loads the last source: `bytes` of a vector, or of a scalar. */
  loadVector(cpu: Cpu, op: Operation, to: Lanes, bytes: number): void;
  loadScalar(cpu: Cpu, op: Operation, to: Lanes, bytes: number): void;
  /** Stores the result's first `bytes` in a register. */
  storeVector(cpu: Cpu, slot: number, bytes: number): void;
  /** Stores the result's first `bytes` as the lowest lane of the first operand. */
  storeScalar(cpu: Cpu, op: Operation, bytes: number): void;
}

/** SSE: the destination is the first source; what lies behind the result stays. */
const LEGACY: Encoding = {
  vectorBytes: () => XMM_BYTES,
  firstSource: (op) => op.slotA,
  loadVector: (cpu, op, to, bytes) => {
    if (bytes === XMM_BYTES) loadAlignedSource(cpu, op, to);
    else loadSource(cpu, op, to, bytes);
  },
  loadScalar: loadSource,
  storeVector: storeResult,
  storeScalar: (cpu, op, bytes) => storeResult(cpu, op.slotA, bytes),
};

/** Stores the result's first `bytes` in a vector register, with zeros behind them. */
function storeWithZeros(cpu: Cpu, slot: number, bytes: number): void {
  unit.result.u32.fill(0, bytes >> 2);
  storeResult(cpu, slot, L.VECTOR_BYTES);
}

/** Stores the result's first `bytes`, behind them the rest of another register's lowest 16, and zeros behind these. */
export function storeScalarOver(cpu: Cpu, op: Operation, bytes: number, rest: number): void {
  const { u32 } = unit.result;
  for (let at = bytes; at < XMM_BYTES; at += 4) u32[at >> 2] = cpu.state.u32(rest + at);
  storeWithZeros(cpu, op.slotA, XMM_BYTES);
}

/** AVX with a destination and one source. */
const VEX_UNARY: Encoding = {
  vectorBytes: (op) => op.vectorBytes,
  firstSource: (op) => op.slotA,
  loadVector: loadSource,
  loadScalar: loadSource,
  storeVector: storeWithZeros,
  storeScalar: (cpu, op, bytes) => storeScalarOver(cpu, op, bytes, op.slotA),
};

const loadThird = (cpu: Cpu, op: Operation, to: Lanes, bytes: number): void => loadSource(cpu, op, to, bytes, op.slotC);

/** AVX with a destination and two sources; scalars take the rest of XMM from the first source. */
const VEX_BINARY: Encoding = {
  ...VEX_UNARY,
  firstSource: (op) => op.slotB,
  loadVector: loadThird,
  loadScalar: loadThird,
  storeScalar: (cpu, op, bytes) => storeScalarOver(cpu, op, bytes, op.slotB),
};

/** An instruction set's encodings: of vector operations with one source, and of all others. */
export interface EncodingSet {
  readonly unary: Encoding;
  readonly binary: Encoding;
  /** Predicates of CMPxx; the other bits of its immediate do not count. */
  readonly predicates: 8 | 32;
}

export const SSE: EncodingSet = { unary: LEGACY, binary: LEGACY, predicates: 8 };
export const AVX: EncodingSet = { unary: VEX_UNARY, binary: VEX_BINARY, predicates: 32 };
