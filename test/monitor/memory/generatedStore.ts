/** A store as generated code does it: by the TLB's table for writing, else beside what is marked in a traced page, else by the monitor. */
import { TLB_ENTRY_BYTES, TLB_TRACED_ENTRIES } from '../../../src/monitor/memory/layout';
import type { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import type { Mmu } from '../../../src/monitor/memory/mmu';
import { TLB_KIND } from '../../../src/monitor/memory/tlb';

/**
 * Stores 4 bytes at an aligned offset of a linear page if that takes no more than what emitUnmarked does for a traced page.
 * @returns whether it has
 */
export function storeBeside({ u8, view }: MachineMemory, mmu: Mmu, page: number, offset: number, value: number, user: boolean): boolean {
  const { tlb, currentSpace: { slot } } = mmu;
  if (tlb.host(slot, TLB_KIND.write, user, page) >= 0) return false;
  const host = tlb.host(slot, TLB_KIND.traced, user, page);
  if (host < 0) return false;
  const low = page & 0xfffff;
  const entry = tlb.table(slot, TLB_KIND.traced, user) + (low & (TLB_TRACED_ENTRIES - 1)) * TLB_ENTRY_BYTES;
  const marks = (u8[view.getUint32(entry + 12, true) + (offset >> 3)] ?? 0) >> (offset & 7);
  if ((marks & 0xf) !== 0) return false;
  view.setUint32(host + offset, value, true);
  return true;
}
