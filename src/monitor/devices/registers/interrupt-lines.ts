/** The board's interrupt wires, shown as registers: no guest can read them. */
import type { DeviceDescription } from '../description';
import { byte, field, word } from './build';

const ISA_LINES: readonly string[] = [
  'timer', 'keyboard', 'cascade', 'COM2 and COM4', 'COM1 and COM3', 'free', 'floppy', 'printer', 'clock', 'ACPI', 'PCI', 'PCI', 'mouse', 'x87 unit', 'first ATA channel',
  'second ATA channel',
];
const PIRQS = ['A', 'B', 'C', 'D'];

export const INTERRUPT_LINES_DESCRIPTION: DeviceDescription = {
  title: 'Interrupt lines',
  source: 'IBM PC/AT technical reference; PIIX3 data sheet (290550) for the steering of PCI interrupts',
  blocks: [{
    name: 'lines', space: 'index', base: 0,
    registers: [
      word('ISA', 'ISA lines as their devices drive them', 0, 'special', { fields: ISA_LINES.map((owner, line) => field(`IRQ${String(line)}`, line, owner)) }),
      byte('PIRQ', 'PCI interrupts that some device asserts', 1, 'special', { fields: PIRQS.map((name, index) => field(`PIRQ${name}`, index, `I/O APIC input ${String(16 + index)}, and the line that it is steered to`)) }),
      ...PIRQS.map((name, index) => byte(`ROUTE ${name}`, `where PIRQ ${name} is steered to`, 2 + index, 'special', { fields: [field('line', 0, 'ISA line', 4), field('disabled', 7, 'nowhere')] })),
    ],
  }],
};
