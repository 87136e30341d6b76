/** A CPU's state as far as a search for Linux looks at it. */
import type { CpuMode, CpuState } from '../../../src/monitor/inspection/queries';

/** Where its interrupt descriptors are. */
export const IDT = 0x9000n;
const PAGING = 0x8000_0001n;

export function cpuIn(mode: CpuMode, cr0 = PAGING): CpuState {
  const register = (name: string, value: bigint): { name: string; value: bigint; bits: number } => ({ name, value, bits: 64 });
  return {
    processor: { index: 0, count: 1 }, mode, cpl: 0, halted: false, codeBits: mode === 'long-64' ? 64 : 32, selector: 8, instructionPointer: 0x1000n,
    linear: 0x1000n, stackLinear: 0x8000n, general: [], segments: [], flags: register('eflags', 2n),
    control: [register('cr0', cr0), register('cr3', 0x1000n), register('idtr.base', IDT)], debug: [], x87: [], vector: [], msrs: [],
  };
}
