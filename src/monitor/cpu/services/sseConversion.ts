/**
 * Services for conversions between floating-point numbers and integers: SSE and SSE2, and the same of AVX. Those with MMX
 * registers are in ./sseMmxConversion.
 */
import type { Service } from '../operation';
import { fromInt32, fromInt64, narrowLane, toInt32, toInt64, widenLane } from '../softfloat/conversion';
import { BINARY32, BINARY64 } from '../softfloat/lanes';
import type { LaneType } from '../softfloat/lanes';
import { RoundingMode } from '../x87/rounding';
import { XMM_BYTES, beginComputation, loadSource, settleExceptions, storeResult, unit } from './sseOperands';
import type { Encoding, EncodingSet } from './vectorEncoding';

/** One lane's conversion, from `b` to the same lane of `result`. */
export type LaneConversion = (lane: number) => void;

/**
 * A conversion of whole vectors, whose lanes have `from` bytes in the source and `to` in the result. The wider ones
 * fill the vector; a result of less than 16 bytes is followed by zeros.
 */
function packed(encoding: Encoding, from: 4 | 8, to: 4 | 8, convert: LaneConversion): Service {
  return (cpu, op) => {
    const count = encoding.vectorBytes(op) / Math.max(from, to);
    encoding.loadVector(cpu, op, unit.b, count * from);
    beginComputation(cpu);
    unit.result.u32[2] = 0;
    unit.result.u32[3] = 0;
    for (let lane = 0; lane < count; lane++) convert(lane);
    settleExceptions(cpu);
    encoding.storeVector(cpu, op.slotA, Math.max(count * to, XMM_BYTES));
    return 'next';
  };
}

/** A conversion of the lowest lane. */
function scalar(encoding: Encoding, from: 4 | 8, to: 4 | 8, convert: LaneConversion): Service {
  return (cpu, op) => {
    encoding.loadScalar(cpu, op, unit.b, from);
    beginComputation(cpu);
    convert(0);
    settleExceptions(cpu);
    encoding.storeScalar(cpu, op, to);
    return 'next';
  };
}

/** CVTSI2Sx: from a signed integer of 32 or (REX.W) 64 bits. */
function fromGeneral(encoding: Encoding, type: LaneType): Service {
  return (cpu, op) => {
    const wide = op.size === 8;
    encoding.loadScalar(cpu, op, unit.b, wide ? 8 : 4);
    beginComputation(cpu);
    if (wide) fromInt64(unit, type);
    else fromInt32(unit, type, 0, 0);
    settleExceptions(cpu);
    encoding.storeScalar(cpu, op, type.bytes);
    return 'next';
  };
}

/** The rounding mode of a conversion to integers: MXCSR's, or truncation. */
const modeOf = (truncate: boolean): RoundingMode => (truncate ? RoundingMode.truncate : unit.mode);

/** CVT(T)Sx2SI: to a signed integer in a general register. */
function toGeneral(type: LaneType, truncate: boolean): Service {
  return (cpu, op) => {
    loadSource(cpu, op, unit.b, type.bytes);
    beginComputation(cpu);
    const wide = op.size === 8;
    if (wide) toInt64(unit, type, modeOf(truncate));
    else {
      toInt32(unit, type, 0, 0, modeOf(truncate));
      // A 32-bit result clears the upper half of its register.
      unit.result.u32[1] = 0;
    }
    settleExceptions(cpu);
    storeResult(cpu, op.slotA, 8);
    return 'next';
  };
}

/** To signed 32-bit integers. */
export const toIntegers = (type: LaneType, truncate: boolean): LaneConversion => (lane) => toInt32(unit, type, lane, lane, modeOf(truncate));
/** From signed 32-bit integers. */
export const fromIntegers = (type: LaneType): LaneConversion => (lane) => fromInt32(unit, type, lane, lane);

const narrow: LaneConversion = (lane) => narrowLane(unit, lane, lane);
const widen: LaneConversion = (lane) => widenLane(unit, lane, lane);

/** All of them, by their mnemonics in SSE. */
export function conversionServices({ unary, binary }: EncodingSet): Readonly<Record<string, Service>> {
  return {
    cvtsi2ss: fromGeneral(binary, BINARY32),
    cvtsi2sd: fromGeneral(binary, BINARY64),
    cvtss2si: toGeneral(BINARY32, false),
    cvttss2si: toGeneral(BINARY32, true),
    cvtsd2si: toGeneral(BINARY64, false),
    cvttsd2si: toGeneral(BINARY64, true),
    cvtss2sd: scalar(binary, 4, 8, widen),
    cvtsd2ss: scalar(binary, 8, 4, narrow),
    cvtps2pd: packed(unary, 4, 8, widen),
    cvtpd2ps: packed(unary, 8, 4, narrow),
    cvtdq2ps: packed(unary, 4, 4, fromIntegers(BINARY32)),
    cvtdq2pd: packed(unary, 4, 8, fromIntegers(BINARY64)),
    cvtps2dq: packed(unary, 4, 4, toIntegers(BINARY32, false)),
    cvttps2dq: packed(unary, 4, 4, toIntegers(BINARY32, true)),
    cvtpd2dq: packed(unary, 8, 4, toIntegers(BINARY64, false)),
    cvttpd2dq: packed(unary, 8, 4, toIntegers(BINARY64, true)),
  };
}
