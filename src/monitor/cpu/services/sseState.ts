/**
 * Services for the SSE state as a whole: LDMXCSR and STMXCSR, FXSAVE and FXRSTOR.
 *
 * Source: Intel SDM volume 1, 10.2.3 (MXCSR) and 10.5.1 (FXSAVE image); volume 2, FXSAVE, FXRSTOR.
 */
import { PAGE_BYTES } from '../../memory/layout';
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { Mxcsr } from '../softfloat/unit';
import { CR0 } from '../state';
import { loadFxsave, storeFxsave } from '../x87';
import { XMM_BYTES, checkAlignment } from './sseOperands';
import { fpuOf } from './x87Services';

/** Sets MXCSR; #GP(0) when a bit is set that does not exist. */
function setMxcsr(cpu: Cpu, value: number): void {
  if ((value & ~Mxcsr.writable) !== 0) throw generalProtection();
  cpu.state.setU32(L.MXCSR, value);
}

function ldmxcsr(cpu: Cpu, op: Operation): Outcome {
  setMxcsr(cpu, cpu.read(op.segment, op.offset, 4));
  return 'next';
}

function stmxcsr(cpu: Cpu, op: Operation): Outcome {
  cpu.write(op.segment, op.offset, 4, cpu.state.u32(L.MXCSR));
  return 'next';
}

/** The FXSAVE image: 512 bytes on a 16-byte border. */
const IMAGE_BYTES = 512;
const MXCSR_AT = 24;
const MXCSR_MASK_AT = 28;
const XMM_AT = 160;

/** Bytes of the image that are saved and loaded: only 64-bit code has XMM8 to XMM15. */
const usedBytes = (cpu: Cpu): number => XMM_AT + XMM_BYTES * xmmRegisters(cpu);
const xmmRegisters = (cpu: Cpu): number => (cpu.state.code64 ? 16 : 8);

const image = new DataView(new ArrayBuffer(IMAGE_BYTES));
const imageBytes = new Uint8Array(image.buffer);

/** Carries the image's first `bytes` to memory (`write`) or from it. The range has been checked, and is aligned to 16 bytes. */
function transferImage(cpu: Cpu, linear: number, bytes: number, write: boolean): void {
  for (let done = 0; done < bytes; ) {
    const at = linear + done;
    const piece = Math.min(bytes - done, PAGE_BYTES - (at & (PAGE_BYTES - 1)));
    const host = cpu.mmu.hostRun(at, write, cpu.user);
    if (host < 0) transferWords(cpu, at, done, piece, write);
    else if (write) cpu.machine.u8.set(imageBytes.subarray(done, done + piece), host);
    else imageBytes.set(cpu.machine.u8.subarray(host, host + piece), done);
    done += piece;
  }
}

/** The same for a page that is no plain memory, or is watched. */
function transferWords(cpu: Cpu, linear: number, from: number, bytes: number, write: boolean): void {
  for (let i = 0; i < bytes; i += 4) {
    if (write) cpu.mmu.write(linear + i, 4, image.getUint32(from + i, true), cpu.user);
    else image.setUint32(from + i, cpu.mmu.read(linear + i, 4, cpu.user), true);
  }
}

/** Linear address of the image, checked so that no access to it faults later. */
function locateImage(cpu: Cpu, op: Operation, write: boolean): number {
  if (cpu.state.cr0 & (CR0.EM | CR0.TS)) throw fault(VECTOR.NM);
  checkAlignment(cpu, op);
  const linear = cpu.linear(op.segment, op.offset, IMAGE_BYTES, write);
  cpu.mmu.check(linear, IMAGE_BYTES, write, cpu.user);
  return linear;
}

/** Where an XMM register lies in the state block, and in the image. */
const registerAt = (number: number): number => L.VECTOR + L.VECTOR_BYTES * number;
const imageAt = (number: number): number => XMM_AT + XMM_BYTES * number;

function fxsave(cpu: Cpu, op: Operation): Outcome {
  const linear = locateImage(cpu, op, true);
  storeFxsave(fpuOf(cpu), image, op.size === 8);
  image.setUint32(MXCSR_AT, cpu.state.u32(L.MXCSR), true);
  image.setUint32(MXCSR_MASK_AT, Mxcsr.writable, true);
  for (let number = 0; number < xmmRegisters(cpu); number++) {
    const at = registerAt(number);
    imageBytes.set(cpu.state.block.subarray(at, at + XMM_BYTES), imageAt(number));
  }
  transferImage(cpu, linear, usedBytes(cpu), true);
  return 'next';
}

function fxrstor(cpu: Cpu, op: Operation): Outcome {
  const linear = locateImage(cpu, op, false);
  transferImage(cpu, linear, usedBytes(cpu), false);
  setMxcsr(cpu, image.getUint32(MXCSR_AT, true));
  loadFxsave(fpuOf(cpu), image, op.size === 8);
  for (let number = 0; number < xmmRegisters(cpu); number++) {
    cpu.state.block.set(imageBytes.subarray(imageAt(number), imageAt(number) + XMM_BYTES), registerAt(number));
  }
  return 'next';
}

export const sseState: Readonly<Record<string, Service>> = { ldmxcsr, stmxcsr, fxsave, fxrstor };
