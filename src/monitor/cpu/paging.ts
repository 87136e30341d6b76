/**
 * Loads of CR3 and its latched PDPTEs (Intel SDM vol. 3, 4.4.1).
 */
import { generalProtection, type Cpu } from './cpu';
import * as L from './layout';
import { CR0, CR4, EFER } from './state';

const RESERVED_LOW = 0x1e6n;

/** Latches the four PDPTEs at a CR3 value; #GP(0) when a present one has reserved bits set. */
export function loadPdptes(cpu: Cpu, cr3: number): void {
  const table = cr3 - (cr3 % 32);
  const entries = [0, 1, 2, 3].map((i) => {
    const at = table + 8 * i;
    const map = cpu.mmu.map;
    return (BigInt(map.read(at + 4, 4)) << 32n) | BigInt(map.read(at, 4));
  });
  // Reserved besides: all from the physical width up.
  const reserved = RESERVED_LOW | -(1n << BigInt(cpu.physicalBits));
  for (const entry of entries) {
    if (entry & 1n && entry & reserved) throw generalProtection();
  }
  entries.forEach((entry, i) => cpu.state.setU64(L.PDPTE + 8 * i, entry));
}

/** Whether loads of CR3 latch PDPTEs now. */
export function latchesPdptes(cpu: Cpu, cr0 = cpu.state.cr0, cr4 = cpu.state.cr4): boolean {
  return (cr0 & CR0.PG) !== 0 && (cr4 & CR4.PAE) !== 0 && !(cpu.state.efer & EFER.LMA);
}
