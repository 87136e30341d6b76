/** The forms that model-specific registers have: what RDMSR and WRMSR do to one. The registers themselves are in ./msr. */
import { generalProtection, type Cpu } from './cpu';
import type { Feature } from './models/features';

export interface MsrRegister {
  /** The manual's name (Intel SDM vol. 4). */
  readonly name: string;
  /** The feature that brings it, or several any of which does; without it an access is #GP(0). */
  readonly feature: Feature | readonly Feature[];
  /** Sets it to its value after reset, where that is not 0. */
  reset?(cpu: Cpu): void;
  read(cpu: Cpu): bigint;
  /** Missing for read-only registers: a write is #GP(0). Throws it for values that the register cannot hold. */
  write?(cpu: Cpu, value: bigint): void;
}

/** A register number and what is there. */
export type MsrEntry = readonly [number: number, register: MsrRegister];

interface Storage {
  /** Bits that must be written as 0. */
  readonly reserved?: bigint;
  readonly reset?: bigint | ((cpu: Cpu) => bigint);
  /** Another check: whether the register can hold a value. */
  accepts?(value: bigint, cpu: Cpu): boolean;
}

/** A register that holds what is written to it, at an offset of the state block. */
export function stored(name: string, feature: Feature, offset: number, { reserved = 0n, reset, accepts }: Storage = {}): MsrRegister {
  return {
    name,
    feature,
    read: (cpu) => cpu.state.u64(offset),
    write: (cpu, value) => {
      if (value & reserved || accepts?.(value, cpu) === false) throw generalProtection();
      cpu.state.setU64(offset, value);
    },
    ...(reset === undefined ? {} : { reset: (cpu: Cpu) => cpu.state.setU64(offset, typeof reset === 'bigint' ? reset : reset(cpu)) }),
  };
}

/** A read-only register that always says the same. */
export function constant(name: string, feature: Feature, value: bigint): MsrRegister {
  return { name, feature, read: () => value };
}

/** A register that takes every write and stays as it is. */
export function unmoved(name: string, feature: Feature, value = 0n): MsrRegister {
  return { name, feature, read: () => value, write: () => undefined };
}

/** A register that is 0, and may be written with 0 only. */
export function clearable(name: string, feature: Feature): MsrRegister {
  return {
    name,
    feature,
    read: () => 0n,
    write: (_cpu, value) => {
      if (value !== 0n) throw generalProtection();
    },
  };
}

/**
 * Whether a register for addresses takes a value: any on a 32-bit processor, else a canonical one, by the width that the
 * processor supports whatever CR4.LA57 says (Intel SDM vol. 3, 4.5.2).
 */
export function acceptsAddress(value: bigint, cpu: Cpu): boolean {
  if (!cpu.features.has('lm')) return true;
  return BigInt.asUintN(64, BigInt.asIntN(cpu.features.has('la57') ? 57 : 48, value)) === value;
}
