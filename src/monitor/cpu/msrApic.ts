/**
 * The registers by which a processor reaches its local APIC: IA32_APIC_BASE, IA32_TSC_DEADLINE, and in x2APIC mode all of
 * the APIC's own (Intel SDM vol. 3, 11.4.4, 11.5.4.1, 11.12). They are in the APIC, which checks what is written.
 */
import { generalProtection, type Cpu } from './cpu';
import { APIC_BASE } from './msrBits';
import type { MsrEntry, MsrRegister } from './msrRegister';

/** What the MSRs ask of the local APIC; the machine lends it to the CPU (`CpuSurroundings.localApic`). */
export interface LocalApicPort {
  /** IA32_APIC_BASE. */
  readBase(): bigint;
  /** False where WRMSR raises #GP(0). */
  writeBase(value: bigint): boolean;
  /** Reads an MSR of 800h-8FFh; undefined where RDMSR raises #GP(0). */
  readMsr(number: number): bigint | undefined;
  /** Writes one; false where WRMSR raises #GP(0). */
  writeMsr(number: number, value: bigint): boolean;
  /** IA32_TSC_DEADLINE. */
  readDeadline(): bigint;
  writeDeadline(value: bigint): void;
  /** The time-stamp counter was set: a deadline may be due at another time now. */
  timeStampChanged(): void;
}

function apicOf(cpu: Cpu): LocalApicPort {
  const { localApic } = cpu.surroundings;
  if (!localApic) throw generalProtection();
  return localApic;
}

/** Whether the local APIC is there and enabled: CPUID's APIC flag follows (SDM vol. 3, 11.4.3). */
export function apicEnabled(cpu: Cpu): boolean {
  return ((cpu.surroundings.localApic?.readBase() ?? 0n) & BigInt(APIC_BASE.enable)) !== 0n;
}

const base: MsrRegister = {
  name: 'IA32_APIC_BASE',
  feature: 'apic',
  read: (cpu) => apicOf(cpu).readBase(),
  write: (cpu, value) => {
    if (!apicOf(cpu).writeBase(value)) throw generalProtection();
  },
};

const deadline: MsrRegister = {
  name: 'IA32_TSC_DEADLINE',
  feature: 'tscDeadline',
  read: (cpu) => apicOf(cpu).readDeadline(),
  write: (cpu, value) => apicOf(cpu).writeDeadline(value),
};

function x2apicRegister(number: number): MsrRegister {
  return {
    name: `x2APIC ${number.toString(16)}`,
    feature: 'x2apic',
    read: (cpu) => {
      const value = apicOf(cpu).readMsr(number);
      if (value === undefined) throw generalProtection();
      return value;
    },
    write: (cpu, value) => {
      if (!apicOf(cpu).writeMsr(number, value)) throw generalProtection();
    },
  };
}

const X2APIC_FIRST = 0x800, X2APIC_COUNT = 0x100;

export const IA32_APIC_BASE = 0x1b;

export const apicRegisters: readonly MsrEntry[] = [
  [IA32_APIC_BASE, base],
  [0x6e0, deadline],
  ...Array.from({ length: X2APIC_COUNT }, (_, i): MsrEntry => [X2APIC_FIRST + i, x2apicRegister(X2APIC_FIRST + i)]),
];
