/**
 * The image in which FXSAVE and XSAVE keep the x87 and vector state, between the CPU and guest memory: it is put
 * together, and taken apart, outside guest memory.
 *
 * Source: Intel SDM volume 1, 10.5.1 (legacy region).
 */
import { PAGE_BYTES } from '../../memory/layout';
import { generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import { Mxcsr } from '../softfloat/unit';
import { XMM_BYTES } from './sseOperands';

/** The FXSAVE image: 512 bytes on a 16-byte border; it is XSAVE's legacy region, too. */
export const LEGACY_BYTES = 512;
const MXCSR_AT = 24;
const MXCSR_MASK_AT = 28;
const XMM_AT = 160;
/** Room for the largest image. */
const ROOM = 4096;

export const image = new DataView(new ArrayBuffer(ROOM));
export const imageBytes = new Uint8Array(image.buffer);

/** Sets MXCSR; #GP(0) when a bit is set that does not exist. */
export function setMxcsr(cpu: Cpu, value: number): void {
  if ((value & ~Mxcsr.writable) !== 0) throw generalProtection();
  cpu.state.setU32(L.MXCSR, value);
}

/** Only 64-bit code has XMM8 to XMM15. */
export const vectorRegisters = (cpu: Cpu): number => (cpu.state.code64 ? 16 : 8);
/** End of the part of the legacy region that is saved and loaded. */
export const legacyEnd = (cpu: Cpu): number => XMM_AT + XMM_BYTES * vectorRegisters(cpu);

/** Carries bytes [from, from + bytes) of the image to memory (`write`) or from it. The range has been checked, and is aligned to 8 bytes. */
export function transferImage(cpu: Cpu, linear: number, from: number, bytes: number, write: boolean): void {
  for (let done = from; done < from + bytes; ) {
    const at = linear + done;
    const piece = Math.min(from + bytes - done, PAGE_BYTES - (at & (PAGE_BYTES - 1)));
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

/** Where an XMM register lies in the state block, and in the image. */
const registerAt = (number: number): number => L.VECTOR + L.VECTOR_BYTES * number;
const imageAt = (number: number): number => XMM_AT + XMM_BYTES * number;

export function putMxcsr(cpu: Cpu): void {
  image.setUint32(MXCSR_AT, cpu.state.u32(L.MXCSR), true);
  image.setUint32(MXCSR_MASK_AT, Mxcsr.writable, true);
}

/** MXCSR as the image has it. */
export const imageMxcsr = (): number => image.getUint32(MXCSR_AT, true);

export function putXmm(cpu: Cpu): void {
  for (let number = 0; number < vectorRegisters(cpu); number++) {
    const at = registerAt(number);
    imageBytes.set(cpu.state.block.subarray(at, at + XMM_BYTES), imageAt(number));
  }
}

export function takeXmm(cpu: Cpu): void {
  for (let number = 0; number < vectorRegisters(cpu); number++) {
    cpu.state.block.set(imageBytes.subarray(imageAt(number), imageAt(number) + XMM_BYTES), registerAt(number));
  }
}

/** The upper halves of the YMM registers, 16 bytes each, from an offset of the image. */
export function putYmmHigh(cpu: Cpu, offset: number): void {
  for (let number = 0; number < vectorRegisters(cpu); number++) {
    const at = registerAt(number) + XMM_BYTES;
    imageBytes.set(cpu.state.block.subarray(at, at + XMM_BYTES), offset + XMM_BYTES * number);
  }
}

export function takeYmmHigh(cpu: Cpu, offset: number): void {
  for (let number = 0; number < vectorRegisters(cpu); number++) {
    const from = offset + XMM_BYTES * number;
    cpu.state.block.set(imageBytes.subarray(from, from + XMM_BYTES), registerAt(number) + XMM_BYTES);
  }
}

/** Puts registers into their initial state: all zeros, in the lower or the upper halves. */
export function clearVectors(cpu: Cpu, half: 'low' | 'high'): void {
  for (let number = 0; number < vectorRegisters(cpu); number++) {
    const at = registerAt(number) + (half === 'high' ? XMM_BYTES : 0);
    cpu.state.block.fill(0, at, at + XMM_BYTES);
  }
}
