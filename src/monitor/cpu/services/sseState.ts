/**
 * Services for the SSE state as a whole: LDMXCSR and STMXCSR, FXSAVE and FXRSTOR.
 *
 * Source: Intel SDM volume 1, 10.2.3 (MXCSR) and 10.5.1 (FXSAVE image); volume 2, FXSAVE, FXRSTOR.
 */
import { VECTOR, fault, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { CR0 } from '../state';
import { loadFxsave, storeFxsave } from '../x87';
import { checkAlignment } from './sseOperands';
import { LEGACY_BYTES, image, imageMxcsr, legacyEnd, putMxcsr, putXmm, setMxcsr, takeXmm, transferImage } from './stateImage';
import { fpuOf } from './x87Services';

function ldmxcsr(cpu: Cpu, op: Operation): Outcome {
  setMxcsr(cpu, cpu.read(op.segment, op.offset, 4));
  return 'next';
}

function stmxcsr(cpu: Cpu, op: Operation): Outcome {
  cpu.write(op.segment, op.offset, 4, cpu.state.u32(L.MXCSR));
  return 'next';
}

/** Linear address of the image, checked so that no access to it faults later. */
function locateImage(cpu: Cpu, op: Operation, write: boolean): number {
  if (cpu.state.cr0 & (CR0.EM | CR0.TS)) throw fault(VECTOR.NM);
  checkAlignment(cpu, op);
  const linear = cpu.linear(op.segment, op.offset, LEGACY_BYTES, write);
  cpu.mmu.check(linear, LEGACY_BYTES, write, cpu.user);
  return linear;
}

function fxsave(cpu: Cpu, op: Operation): Outcome {
  const linear = locateImage(cpu, op, true);
  storeFxsave(fpuOf(cpu), image, op.size === 8);
  putMxcsr(cpu);
  putXmm(cpu);
  transferImage(cpu, linear, 0, legacyEnd(cpu), true);
  return 'next';
}

function fxrstor(cpu: Cpu, op: Operation): Outcome {
  const linear = locateImage(cpu, op, false);
  transferImage(cpu, linear, 0, legacyEnd(cpu), false);
  setMxcsr(cpu, imageMxcsr());
  loadFxsave(fpuOf(cpu), image, op.size === 8);
  takeXmm(cpu);
  return 'next';
}

export const sseState: Readonly<Record<string, Service>> = { ldmxcsr, stmxcsr, fxsave, fxrstor };
