/** The descriptor tables of a tiny guest, read as the machine reads them: without side effects, and short where there is no memory. */
import { descriptorTables } from '../../../src/monitor/inspection/descriptorView';
import type { DescriptorTables } from '../../../src/monitor/inspection/queries';
import type { Guest } from '../cpu/guest';

const RAM = 0x400000n;

export function tablesOf(guest: Guest): DescriptorTables {
  return descriptorTables(guest.cpu, (address, bytes) => {
    const there = address < RAM ? Math.min(bytes, Number(RAM - address)) : 0;
    return Uint8Array.from({ length: there }, (_, i) => guest.map.read(Number(address) + i, 1));
  });
}
