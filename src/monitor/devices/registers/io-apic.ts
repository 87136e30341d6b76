/** Registers of the I/O APIC (Intel 290566). */
import { PLATFORM } from '../device';
import type { DeviceDescription, RegisterDescription } from '../description';
import { byte, dword, field } from './build';

const INPUTS = 24;

function entry(input: number): RegisterDescription[] {
  return [
    dword(`REDIR${String(input)}`, `input ${String(input)}`, 0x10 + 2 * input, 'read-write', {
      reset: 0x1_0000, writable: 0x1_afff,
      fields: [
        field('vector', 0, 'vector', 8),
        field('delivery', 8, 'delivery mode', 3, { 0: 'fixed', 1: 'lowest priority', 2: 'SMI', 4: 'NMI', 5: 'INIT', 7: 'ExtINT' }),
        field('logical', 11, 'logical destination'), field('pending', 12, 'waits for an APIC that takes it'), field('low', 13, 'active low'),
        field('remoteIRR', 14, 'is being served'), field('level', 15, 'level triggered'), field('mask', 16, 'masked'),
      ],
    }),
    dword(`REDIR${String(input)}H`, `input ${String(input)}: destination`, 0x11 + 2 * input, 'read-write', { writable: 0xff00_0000, fields: [field('destination', 24, 'APIC ID, or set of them', 8)] }),
  ];
}

/** The registers behind the index. */
export const IO_APIC_REGISTERS = 'registers';

export const IO_APIC_DESCRIPTION: DeviceDescription = {
  title: 'I/O APIC (82093AA)',
  source: 'Intel 82093AA data sheet (290566)',
  blocks: [
    {
      name: 'page', space: 'memory', base: PLATFORM.ioApic,
      registers: [byte('IOREGSEL', 'index', 0x00, 'read-write'), dword('IOWIN', 'the register at the index', 0x10, 'special')],
    },
    {
      name: IO_APIC_REGISTERS, space: 'index', base: PLATFORM.ioApic,
      registers: [
        dword('IOAPICID', 'ID', 0, 'read-write', { writable: 0x0f00_0000, fields: [field('ID', 24, 'ID', 4)] }),
        dword('IOAPICVER', 'version', 1, 'read-only', { reset: 0x17_0011, fields: [field('version', 0, 'version', 8), field('last', 16, 'number of the last input', 8)] }),
        dword('IOAPICARB', 'arbitration ID', 2, 'read-only', { fields: [field('ID', 24, 'arbitration ID', 4)] }),
        ...Array.from({ length: INPUTS }, (_, input) => entry(input)).flat(),
      ],
    },
  ],
};
