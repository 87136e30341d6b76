/**
 * Services for conversions between floating-point numbers and integers of SSE and SSE2, those with MMX
 * registers included.
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Service } from '../operation';
import { fromInt32, fromInt64, narrowLane, toInt32, toInt64, widenLane } from '../softfloat/conversion';
import { BINARY32, BINARY64 } from '../softfloat/lanes';
import type { LaneType } from '../softfloat/lanes';
import { FPU_REGISTER_BYTES, enterMmx, writeMmx } from '../x87';
import { RoundingMode } from '../x87/rounding';
import { XMM_BYTES, beginComputation, loadAlignedSource, loadSource, settleExceptions, storeResult, unit } from './sseOperands';
import { fpuOf, pendingMathFault } from './x87Services';

/** Works on `b` and puts what it makes into `result`. */
type Conversion = () => void;

/** A conversion whose source has 4 or 8 bytes, or 16 that are aligned; `bytes` of result go to the first operand. */
function converting(sourceBytes: 4 | 8 | 16, resultBytes: number, convert: Conversion): Service {
  return (cpu, op) => {
    loadOperand(cpu, op, sourceBytes);
    beginComputation(cpu);
    convert();
    settleExceptions(cpu);
    storeResult(cpu, op.slotA, resultBytes);
    return 'next';
  };
}

function loadOperand(cpu: Cpu, op: Operation, bytes: 4 | 8 | 16): void {
  if (bytes === XMM_BYTES) loadAlignedSource(cpu, op, unit.b);
  else loadSource(cpu, op, unit.b, bytes);
}

/** CVTSI2Sx: from a signed integer of 32 or (REX.W) 64 bits. */
function fromGeneral(type: LaneType): Service {
  return (cpu, op) => {
    const wide = op.size === 8;
    loadSource(cpu, op, unit.b, wide ? 8 : 4);
    beginComputation(cpu);
    if (wide) fromInt64(unit, type);
    else fromInt32(unit, type, 0, 0);
    settleExceptions(cpu);
    storeResult(cpu, op.slotA, type.bytes);
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

/** Makes `count` 32-bit integers, and zeros up to the fourth word. */
function toIntegers(type: LaneType, count: 2 | 4, truncate: boolean): Conversion {
  return () => {
    clearResult();
    for (let i = 0; i < count; i++) toInt32(unit, type, i, i, modeOf(truncate));
  };
}

function clearResult(): void {
  unit.result.u32[2] = 0;
  unit.result.u32[3] = 0;
}

/** Makes `count` numbers of 32-bit integers. */
function fromIntegers(type: LaneType, count: 2 | 4): Conversion {
  return () => {
    for (let i = 0; i < count; i++) fromInt32(unit, type, i, i);
  };
}

const narrowBoth: Conversion = () => {
  clearResult();
  narrowLane(unit, 0, 0);
  narrowLane(unit, 1, 1);
};

const widenBoth: Conversion = () => {
  widenLane(unit, 0, 0);
  widenLane(unit, 1, 1);
};

/** Number of the MMX register at a place in the state block. */
const mmxNumber = (slot: number): number => (slot - L.FPU) / FPU_REGISTER_BYTES;

/** CVTPI2Px: from two integers in an MMX register or memory. Memory leaves the x87 state as it is. */
function fromMmx(type: LaneType): Service {
  const convert = fromIntegers(type, 2);
  return (cpu, op) => {
    const pending = pendingMathFault(cpu, op);
    if (pending !== undefined) return pending;
    loadSource(cpu, op, unit.b, 8);
    beginComputation(cpu);
    convert();
    settleExceptions(cpu);
    if (!op.isMemory) enterMmx(fpuOf(cpu));
    storeResult(cpu, op.slotA, 2 * type.bytes);
    return 'next';
  };
}

/** CVT(T)Px2PI: to two integers in an MMX register. */
function toMmx(type: LaneType, truncate: boolean): Service {
  const convert = toIntegers(type, 2, truncate);
  const sourceBytes = type.double ? 16 : 8;
  return (cpu, op) => {
    const pending = pendingMathFault(cpu, op);
    if (pending !== undefined) return pending;
    loadOperand(cpu, op, sourceBytes);
    beginComputation(cpu);
    convert();
    settleExceptions(cpu);
    const fpu = fpuOf(cpu);
    enterMmx(fpu);
    writeMmx(fpu, mmxNumber(op.slotA), unit.result.u32[1], unit.result.u32[0]);
    return 'next';
  };
}

export const sseConversion: Readonly<Record<string, Service>> = {
  cvtsi2ss: fromGeneral(BINARY32),
  cvtsi2sd: fromGeneral(BINARY64),
  cvtss2si: toGeneral(BINARY32, false),
  cvttss2si: toGeneral(BINARY32, true),
  cvtsd2si: toGeneral(BINARY64, false),
  cvttsd2si: toGeneral(BINARY64, true),
  cvtss2sd: converting(4, 8, () => widenLane(unit, 0, 0)),
  cvtsd2ss: converting(8, 4, () => narrowLane(unit, 0, 0)),
  cvtps2pd: converting(8, XMM_BYTES, widenBoth),
  cvtpd2ps: converting(16, XMM_BYTES, narrowBoth),
  cvtdq2ps: converting(16, XMM_BYTES, fromIntegers(BINARY32, 4)),
  cvtdq2pd: converting(8, XMM_BYTES, fromIntegers(BINARY64, 2)),
  cvtps2dq: converting(16, XMM_BYTES, toIntegers(BINARY32, 4, false)),
  cvttps2dq: converting(16, XMM_BYTES, toIntegers(BINARY32, 4, true)),
  cvtpd2dq: converting(16, XMM_BYTES, toIntegers(BINARY64, 2, false)),
  cvttpd2dq: converting(16, XMM_BYTES, toIntegers(BINARY64, 2, true)),
  cvtpi2ps: fromMmx(BINARY32),
  cvtpi2pd: fromMmx(BINARY64),
  cvtps2pi: toMmx(BINARY32, false),
  cvttps2pi: toMmx(BINARY32, true),
  cvtpd2pi: toMmx(BINARY64, false),
  cvttpd2pi: toMmx(BINARY64, true),
};
