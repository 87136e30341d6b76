/**
 * Services for SSE's conversions between floating-point numbers and integers in MMX registers.
 *
 * Source: Intel SDM volume 2, CVTPI2PS and its kin; volume 1, 9.6.2 (x87 state of MMX instructions).
 */
import * as L from '../layout';
import type { Service } from '../operation';
import { BINARY32, BINARY64 } from '../softfloat/lanes';
import type { LaneType } from '../softfloat/lanes';
import { FPU_REGISTER_BYTES, enterMmx, writeMmx } from '../x87';
import { fromIntegers, toIntegers } from './sseConversion';
import { beginComputation, loadSource, settleExceptions, storeResult, unit } from './sseOperands';
import { SSE } from './vectorEncoding';
import { fpuOf, pendingMathFault } from './x87Services';

/** Number of the MMX register at a place in the state block. */
const mmxNumber = (slot: number): number => (slot - L.FPU) / FPU_REGISTER_BYTES;

/** CVTPI2Px: from two integers in an MMX register or memory. Memory leaves the x87 state as it is (so did silicon). */
function fromMmx(type: LaneType): Service {
  const convert = fromIntegers(type);
  return (cpu, op) => {
    const pending = pendingMathFault(cpu, op);
    if (pending !== undefined) return pending;
    loadSource(cpu, op, unit.b, 8);
    beginComputation(cpu);
    convert(0);
    convert(1);
    settleExceptions(cpu);
    if (!op.isMemory) enterMmx(fpuOf(cpu));
    storeResult(cpu, op.slotA, 2 * type.bytes);
    return 'next';
  };
}

/** CVT(T)Px2PI: to two integers in an MMX register. */
function toMmx(type: LaneType, truncate: boolean): Service {
  const convert = toIntegers(type, truncate);
  return (cpu, op) => {
    const pending = pendingMathFault(cpu, op);
    if (pending !== undefined) return pending;
    SSE.unary.loadVector(cpu, op, unit.b, 2 * type.bytes);
    beginComputation(cpu);
    convert(0);
    convert(1);
    settleExceptions(cpu);
    const fpu = fpuOf(cpu);
    enterMmx(fpu);
    writeMmx(fpu, mmxNumber(op.slotA), unit.result.u32[1], unit.result.u32[0]);
    return 'next';
  };
}

export const sseMmxConversion: Readonly<Record<string, Service>> = {
  cvtpi2ps: fromMmx(BINARY32),
  cvtpi2pd: fromMmx(BINARY64),
  cvtps2pi: toMmx(BINARY32, false),
  cvttps2pi: toMmx(BINARY32, true),
  cvtpd2pi: toMmx(BINARY64, false),
  cvttpd2pi: toMmx(BINARY64, true),
};
