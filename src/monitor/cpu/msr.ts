/**
 * Model-specific registers (Intel SDM vol. 4).
 */
import { generalProtection, type Cpu } from './cpu';
import * as L from './layout';
import { EFER } from './state';

interface Register {
  read(cpu: Cpu): bigint;
  /** Missing for read-only registers. */
  write?(cpu: Cpu, value: bigint): void;
}

/** A register that holds what is written to it, with some bits reserved. */
function plain(offset: number, reserved = 0n): Register {
  return {
    read: (cpu) => cpu.state.u64(offset),
    write: (cpu, value) => {
      if (value & reserved) throw generalProtection();
      cpu.state.setU64(offset, value);
    },
  };
}

const constant = (value: bigint): Register => ({ read: () => value });
const ignored = (value: bigint): Register => ({ read: () => value, write: () => undefined });
const HIGH_HALF = 0xffffffff00000000n;

const PAT_TYPES = new Set([0n, 1n, 4n, 5n, 6n, 7n]);

const pat: Register = {
  read: (cpu) => cpu.state.u64(L.MSR_PAT),
  write: (cpu, value) => {
    for (let i = 0n; i < 64n; i += 8n) if (!PAT_TYPES.has((value >> i) & 0xffn)) throw generalProtection();
    cpu.state.setU64(L.MSR_PAT, value);
  },
};

const efer: Register = {
  read: (cpu) => cpu.state.u64(L.EFER),
  write: (cpu, value) => {
    if (value & ~BigInt(EFER.NXE)) throw generalProtection();
    cpu.state.setU64(L.EFER, value);
    cpu.updatePaging();
  },
};

const timeStamp: Register = {
  read: (cpu) => BigInt(cpu.surroundings.now()) + cpu.state.u64(L.MSR_TSC_OFFSET),
  write: (cpu, value) => {
    cpu.state.setU64(L.MSR_TSC_OFFSET, BigInt.asUintN(64, value - BigInt(cpu.surroundings.now())));
  },
};

const REGISTERS: ReadonlyMap<number, Register> = new Map<number, Register>([
  [0x10, timeStamp],
  [0x17, constant(0n)],
  [0x1b, plain(L.MSR_APIC_BASE)],
  [0x2a, ignored(0n)],
  [0x79, ignored(0n)],
  [0x8b, plain(L.MSR_BIOS_SIGNATURE)],
  [0x174, plain(L.SYSENTER_CS, HIGH_HALF)],
  [0x175, plain(L.SYSENTER_ESP)],
  [0x176, plain(L.SYSENTER_EIP)],
  [0x1a0, plain(L.MSR_MISC_ENABLE)],
  [0x277, pat],
  [0xc0000080, efer],
]);

/** RDMSR; #GP(0) for registers that do not exist. */
export function readMsr(cpu: Cpu, number: number): bigint {
  const register = REGISTERS.get(number);
  if (!register) throw generalProtection();
  return register.read(cpu);
}

/** WRMSR; #GP(0) for registers that do not exist or may not be written. */
export function writeMsr(cpu: Cpu, number: number, value: bigint): void {
  const register = REGISTERS.get(number);
  if (!register?.write) throw generalProtection();
  register.write(cpu, value);
}
