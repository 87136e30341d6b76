/**
 * The gathers of AVX2: a vector from memory, each element at an address of its own.
 *
 * Source: Intel SDM volume 2, VGATHERDPS and VPGATHERDD with their kin.
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import type { CpuState } from '../state';

type ElementBytes = 4 | 8;

/** Signed element of a register. */
function element(s: CpuState, slot: number, i: number, bytes: ElementBytes): bigint {
  const at = slot + i * bytes;
  return bytes === 4 ? BigInt(s.u32(at) | 0) : BigInt.asIntN(64, s.u64(at));
}

function setElement(s: CpuState, slot: number, i: number, bytes: ElementBytes, value: bigint): void {
  const at = slot + i * bytes;
  if (bytes === 4) s.setU32(at, Number(BigInt.asUintN(32, value)));
  else s.setU64(at, BigInt.asUintN(64, value));
}

/**
 * Elements are loaded one by one, lowest first, where the mask has its sign set. What has been loaded is in the
 * destination, and its mask is clear, when one faults: the instruction goes on there.
 */
function gather(indexBytes: ElementBytes, bytes: ElementBytes): Service {
  return (cpu, op): Outcome => {
    const s = cpu.state;
    const { slotA: destination, slotB: indices, slotC: mask } = op;
    const count = op.vectorBytes / Math.max(indexBytes, bytes);
    for (let i = 0; i < count; i++) setElement(s, mask, i, bytes, element(s, mask, i, bytes) < 0n ? -1n : 0n);
    for (let i = 0; i < count; i++) {
      if (element(s, mask, i, bytes) === 0n) continue;
      const distance = element(s, indices, i, indexBytes) * BigInt(op.immediate);
      // An index of 64 bits may be an address by itself.
      const offset = op.addressBits === 64 ? s.address(s.exactAddress(op.offset) + distance) : op.offsetOf(Number(BigInt.asIntN(32, distance)));
      setElement(s, destination, i, bytes, load(cpu, op, offset, bytes));
      setElement(s, mask, i, bytes, 0n);
    }
    for (const register of [destination, mask]) for (let at = count * bytes; at < L.VECTOR_BYTES; at += 4) s.setU32(register + at, 0);
    return 'next';
  };
}

/** An element at an offset in the operand's segment. */
function load(cpu: Cpu, op: Operation, offset: number, bytes: ElementBytes): bigint {
  return bytes === 4 ? BigInt(cpu.read(op.segment, offset, 4)) : cpu.read64(op.segment, offset);
}

export const gatherServices: Readonly<Record<string, Service>> = {
  vpgatherdd: gather(4, 4),
  vpgatherdq: gather(4, 8),
  vpgatherqd: gather(8, 4),
  vpgatherqq: gather(8, 8),
  vgatherdps: gather(4, 4),
  vgatherdpd: gather(4, 8),
  vgatherqps: gather(8, 4),
  vgatherqpd: gather(8, 8),
};
