/** Registers of the 82077AA floppy controller (Intel 290166). */
import type { DeviceDescription } from '../description';
import { byte, field } from './build';

export const FDC_DESCRIPTION: DeviceDescription = {
  title: 'Floppy disk controller (82077AA)',
  source: 'Intel 82077AA data sheet (290166)',
  blocks: [{
    name: 'registers', space: 'port', base: 0x3f0,
    registers: [
      byte('SRA', 'status A', 0, 'read-only', { fields: [field('INTPENDING', 7, 'an interrupt stands')] }),
      byte('SRB', 'status B', 1, 'read-only', { reset: 0xc0 }),
      byte('DOR', 'digital output', 2, 'read-write', {
        fields: [field('DRIVE SEL', 0, 'drive', 2), field('RESET', 2, 'runs; zero resets'), field('DMAGATE', 3, 'DMA and interrupts'), ...[0, 1, 2, 3].map((drive) => field(`MOT EN${String(drive)}`, 4 + drive, 'its motor runs'))],
      }),
      byte('TDR', 'tape drive', 3, 'read-write', { writable: 3 }),
      byte('MSR', 'main status', 4, 'read-only', {
        fields: [...[0, 1, 2, 3].map((drive) => field(`DRV${String(drive)} BUSY`, drive, 'seeks')), field('CMD BSY', 4, 'a command is under way'), field('NON DMA', 5, 'moves data without DMA'), field('DIO', 6, 'the host reads'), field('RQM', 7, 'the data register may be accessed')],
      }),
      byte('DSR', 'data rate select', 4, 'write-only', { fields: [field('DRATE SEL', 0, 'data rate', 2), field('S/W RESET', 7, 'resets')] }),
      byte('FIFO', 'commands and results', 5, 'special', { readEffect: 'takes the byte' }),
      byte('DIR', 'digital input', 7, 'read-only', { fields: [field('DSK CHG', 7, 'the disk may have been changed')] }),
      byte('CCR', 'configuration control', 7, 'write-only', { fields: [field('DRATE SEL', 0, 'data rate', 2)] }),
    ],
  }],
};
