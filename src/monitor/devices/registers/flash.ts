/** What a flash chip has of registers: commands and a status, at every address of it. */
import type { DeviceDescription } from '../description';
import { byte, field } from './build';

/** The chip at a guest-physical address. */
export function flashDescription(first: number): DeviceDescription {
  return {
    title: 'Flash memory (UEFI variables)',
    source: 'JEDEC JESD68.01; Intel 28F command set',
    blocks: [{
      name: 'chip', space: 'memory', base: first,
      registers: [
        byte('STATUS', 'status, in the mode that shows it', 0, 'special', { fields: [field('BPS', 4, 'programming has failed'), field('ECBLBS', 5, 'erasing has failed'), field('ISMS', 7, 'ready')] }),
        byte('COMMAND', 'command, or what belongs to one', 0, 'write-only', {
          fields: [field('command', 0, 'command', 8, { 0x10: 'program', 0x20: 'erase a block', 0x50: 'clear the status', 0x70: 'read the status', 0x90: 'read identifiers', 0x98: 'CFI query', 0xd0: 'confirm', 0xff: 'read the array' })],
        }),
      ],
    }],
  };
}
