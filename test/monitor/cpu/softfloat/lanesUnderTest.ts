/**
 * Runs one lane operation of the floating-point unit on encodings, for tests.
 */
import { BINARY32, BINARY64 } from '../../../../src/monitor/cpu/softfloat/lanes';
import type { Lanes, LaneType } from '../../../../src/monitor/cpu/softfloat/lanes';
import { FloatUnit } from '../../../../src/monitor/cpu/softfloat/unit';
import type { LaneOperation } from '../../../../src/monitor/cpu/softfloat/unit';
import { SHAPE32, SHAPE64 } from './reference';
import type { Mode, Shape } from './reference';

/** A lane type with its shape. */
export interface TestedType {
  readonly name: string;
  readonly shape: Shape;
  readonly type: LaneType;
}

export const TYPES: readonly TestedType[] = [
  { name: 'binary32', shape: SHAPE32, type: BINARY32 },
  { name: 'binary64', shape: SHAPE64, type: BINARY64 },
];

export interface Controls {
  readonly mode?: Mode;
  readonly flushToZero?: boolean;
  readonly denormalsAreZero?: boolean;
  /** Exceptions that are not masked. */
  readonly unmasked?: number;
}

export function mxcsrOf({ mode = 0, flushToZero = false, denormalsAreZero = false, unmasked = 0 }: Controls): number {
  return (mode << 13) | (flushToZero ? 0x8000 : 0) | (denormalsAreZero ? 0x40 : 0) | ((~unmasked & 0x3f) << 7);
}

export const unit = new FloatUnit();

/** Puts an encoding of `bits` bits at a lane of that size. */
export function put(lanes: Lanes, bits: number, lane: number, encoding: bigint): void {
  const view = new DataView(lanes.u32.buffer);
  if (bits === 64) view.setBigUint64(8 * lane, BigInt.asUintN(64, encoding), true);
  else view.setUint32(4 * lane, Number(BigInt.asUintN(32, encoding)), true);
}

export function get(lanes: Lanes, bits: number, lane: number): bigint {
  const view = new DataView(lanes.u32.buffer);
  return bits === 64 ? view.getBigUint64(8 * lane, true) : BigInt(view.getUint32(4 * lane, true));
}

/** Runs an operation in lane 0 (operands a, b and c); gives the result's encoding and the exceptions. */
export function runLane(
  tested: TestedType, operation: LaneOperation, operands: readonly bigint[], controls: Controls = {}, immediate = 0,
): { encoding: bigint; flags: number } {
  const { bits } = tested.shape;
  [unit.a, unit.b, unit.c].forEach((lanes, i) => put(lanes, bits, 0, operands[i] ?? 0n));
  unit.begin(mxcsrOf(controls));
  operation(unit, tested.type, 0, immediate);
  return { encoding: get(unit.result, bits, 0), flags: unit.flags };
}
