/** Registers of the 8259A pair (Intel 231468) and the PIIX's edge/level control (290550). */
import type { DeviceDescription, RegisterBlock } from '../description';
import { byte, field } from './build';

const INPUTS = Array.from({ length: 8 }, (_, index) => index);

function chip(name: string, base: number): RegisterBlock {
  return {
    name, space: 'port', base,
    registers: [
      byte('IRR', 'interrupt requests', 0, 'special', { fields: INPUTS.map((input) => field(`IR${String(input)}`, input, 'requests service')) }),
      byte('ISR', 'interrupts in service: what a read gives once OCW3 has chosen it', 0, 'special', { fields: INPUTS.map((input) => field(`IS${String(input)}`, input, 'in service')) }),
      byte('COMMAND', 'ICW1, OCW2 and OCW3', 0, 'write-only', { fields: [field('D4D3', 3, 'which word it is', 2, { 0: 'OCW2', 1: 'OCW3', 2: 'ICW1', 3: 'ICW1' })] }),
      byte('OCW1', 'interrupt mask; behind ICW1, the words ICW2 to ICW4', 1, 'read-write', { fields: INPUTS.map((input) => field(`M${String(input)}`, input, 'masked')) }),
    ],
  };
}

export const PIC_DESCRIPTION: DeviceDescription = {
  title: 'Interrupt controllers (8259A pair)',
  source: 'Intel 8259A data sheet (231468); PIIX3 data sheet (290550) for ELCR',
  blocks: [
    chip('master', 0x20),
    chip('slave', 0xa0),
    {
      name: 'edge/level', space: 'port', base: 0x4d0,
      registers: [
        byte('ELCR1', 'level-triggered lines 0 to 7', 0, 'read-write', { writable: 0xf8 }),
        byte('ELCR2', 'level-triggered lines 8 to 15', 1, 'read-write', { writable: 0xde }),
      ],
    },
  ],
};
