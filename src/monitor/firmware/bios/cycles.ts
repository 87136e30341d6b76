/** Moments in cycles, kept in guest memory as 64-bit numbers. */
import type { PhysicalMemory } from '../platform';

const HIGH = 0x1_0000_0000;

export function readCycles(memory: PhysicalMemory, address: number): number {
  return (memory.read32(address) >>> 0) + (memory.read32(address + 4) >>> 0) * HIGH;
}

export function writeCycles(memory: PhysicalMemory, address: number, cycles: number): void {
  memory.write32(address, cycles % HIGH);
  memory.write32(address + 4, Math.floor(cycles / HIGH));
}
