/**
 * Services of F16C: conversions between binary16 and binary32.
 *
 * Source: Intel SDM volume 2, VCVTPH2PS and VCVTPS2PH.
 */
import type { Cpu } from '../cpu';
import type { Operation, Outcome, Service } from '../operation';
import { halfToSingle, singleToHalf } from '../softfloat/half';
import { XMM_BYTES, beginComputation, destinationHost, loadRegister, loadSource, settleExceptions, storeToHost, unit } from './sseOperands';
import { AVX } from './vectorEncoding';

/** Bytes of a single. */
const SINGLE_BYTES = 4;

function vcvtph2ps(cpu: Cpu, op: Operation): Outcome {
  const lanes = op.vectorBytes / SINGLE_BYTES;
  loadSource(cpu, op, unit.b, op.vectorBytes / 2);
  beginComputation(cpu);
  for (let lane = 0; lane < lanes; lane++) halfToSingle(unit, lane);
  settleExceptions(cpu);
  AVX.unary.storeVector(cpu, op.slotA, op.vectorBytes);
  return 'next';
}

/** The destination is the register or memory of ModRM.rm. */
function vcvtps2ph(cpu: Cpu, op: Operation): Outcome {
  const lanes = op.vectorBytes / SINGLE_BYTES;
  loadRegister(cpu, unit.b, op.isMemory ? op.slotA : op.slotB, op.vectorBytes);
  beginComputation(cpu);
  unit.result.u32.fill(0);
  for (let lane = 0; lane < lanes; lane++) singleToHalf(unit, lane, op.immediate);
  const bytes = op.vectorBytes / 2;
  const host = op.isMemory ? destinationHost(cpu, op, bytes) : -1;
  settleExceptions(cpu);
  if (op.isMemory) storeToHost(cpu, host, bytes);
  else AVX.unary.storeVector(cpu, op.slotA, XMM_BYTES);
  return 'next';
}

export const halfServices: Readonly<Record<string, Service>> = { vcvtph2ps, vcvtps2ph };
