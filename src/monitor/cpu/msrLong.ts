/**
 * Model-specific registers of long mode: EFER, the system-call registers, the bases of FS and GS, TSC_AUX
 * (Intel SDM vol. 4, 2.1; vol. 3, 2.2.1).
 */
import { generalProtection, type Cpu } from './cpu';
import * as L from './layout';
import { allowedEfer } from './models/controlBits';
import { CR0, EFER, segmentAt } from './state';

/** A model-specific register. `write` is missing for read-only ones; both throw #GP(0) for what they refuse. */
export interface ModelSpecificRegister {
  read(cpu: Cpu): bigint;
  write?(cpu: Cpu, value: bigint): void;
}

const efer: ModelSpecificRegister = {
  read: (cpu) => cpu.state.u64(L.EFER),
  write: (cpu, value) => {
    const s = cpu.state;
    if (value & ~BigInt(allowedEfer(cpu.processor.features))) throw generalProtection();
    // LME cannot change while paging is on; LMA follows it and CR0.PG, never a write.
    const wanted = (Number(value) & ~EFER.LMA) | (s.efer & EFER.LMA);
    if ((wanted ^ s.efer) & EFER.LME && s.cr0 & CR0.PG) throw generalProtection();
    s.setU32(L.EFER, wanted);
    cpu.updatePaging();
  },
};

/** A register that holds any value. */
function holding(offset: number): ModelSpecificRegister {
  return { read: (cpu) => cpu.state.u64(offset), write: (cpu, value) => cpu.state.setU64(offset, value) };
}

/** A register that holds a canonical address. */
export function address(offset: number): ModelSpecificRegister {
  return {
    read: (cpu) => cpu.state.u64(offset),
    write: (cpu, value) => {
      if (!cpu.state.canonical(cpu.state.address(value))) throw generalProtection();
      cpu.state.setU64(offset, value);
    },
  };
}

/** A register of 32 bits: the upper half must be clear. */
function narrow(offset: number): ModelSpecificRegister {
  return {
    read: (cpu) => BigInt(cpu.state.u32(offset)),
    write: (cpu, value) => {
      if (value >> 32n) throw generalProtection();
      cpu.state.setU32(offset, Number(value));
    },
  };
}

export const EFER_REGISTER: readonly [number, ModelSpecificRegister] = [0xc0000080, efer];

/** By number; they exist where long mode does. */
export const LONG_MODE_REGISTERS: ReadonlyMap<number, ModelSpecificRegister> = new Map<number, ModelSpecificRegister>([
  [0xc0000081, holding(L.MSR_STAR)],
  [0xc0000082, address(L.MSR_LSTAR)],
  [0xc0000083, address(L.MSR_CSTAR)],
  [0xc0000084, narrow(L.MSR_FMASK)],
  [0xc0000100, address(segmentAt(L.FS) + L.SEG_BASE)],
  [0xc0000101, address(segmentAt(L.GS) + L.SEG_BASE)],
  [0xc0000102, address(L.MSR_KERNEL_GS_BASE)],
  [0xc0000103, narrow(L.MSR_TSC_AUX)],
]);
