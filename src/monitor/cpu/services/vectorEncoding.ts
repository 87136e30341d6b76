/**
 * The two encodings of vector instructions, and what they differ in: where the first source is, how wide vectors are,
 * whether memory must be aligned, and what becomes of the rest of the destination register.
 *
 * Source: Intel SDM volume 1, 14.1.3 and 14.9 (VEX); volume 2, 2.3.10 (destination's upper bits), 2.4 (alignment).
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation } from '../operation';
import type { Lanes } from '../softfloat/lanes';
import { XMM_BYTES, loadAlignedSource, loadSource, storeResult, unit } from './sseOperands';

export interface Encoding {
  /** What mnemonics begin with. */
  readonly prefix: '' | 'v';
  /** Bytes of a whole vector operand. */
  vectorBytes(op: Operation): number;
  /** Slot of the first of two sources. */
  firstSource(op: Operation): number;
  /** Loads the last operand, `bytes` of a vector. */
  loadVector(cpu: Cpu, op: Operation, to: Lanes, bytes: number): void;
  /** Stores the result's first `bytes` as the whole result. */
  storeVector(cpu: Cpu, op: Operation, bytes: number): void;
  /** Stores the result's first `bytes` as the lowest lane of the destination. */
  storeScalar(cpu: Cpu, op: Operation, bytes: number): void;
}

/** SSE: the destination is the first source; what lies behind the result stays. */
export const LEGACY: Encoding = {
  prefix: '',
  vectorBytes: () => XMM_BYTES,
  firstSource: (op) => op.slotA,
  loadVector: (cpu, op, to, bytes) => {
    if (bytes === XMM_BYTES) loadAlignedSource(cpu, op, to);
    else loadSource(cpu, op, to, bytes);
  },
  storeVector: (cpu, op, bytes) => storeResult(cpu, op.slotA, bytes),
  storeScalar: (cpu, op, bytes) => storeResult(cpu, op.slotA, bytes),
};

/** AVX: the first source is VEX.vvvv's. Scalars take the rest of XMM from it; all bits above the result are cleared. */
export const VEX: Encoding = {
  prefix: 'v',
  vectorBytes: (op) => op.vectorBytes,
  firstSource: (op) => op.slotC,
  loadVector: loadSource,
  storeVector: (cpu, op, bytes) => {
    unit.result.u32.fill(0, bytes >> 2);
    storeResult(cpu, op.slotA, L.VECTOR_BYTES);
  },
  storeScalar: (cpu, op, bytes) => {
    const { u32 } = unit.result;
    for (let at = bytes; at < XMM_BYTES; at += 4) u32[at >> 2] = cpu.state.u32(op.slotC + at);
    VEX.storeVector(cpu, op, XMM_BYTES);
  },
};
