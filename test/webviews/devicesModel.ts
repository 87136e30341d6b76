/** Devices as the adapter tells of them, for tests of the Devices panel. */
import type { Device, Events, Interrupts } from '../../webviews/devices/model';

const field = (name: string, low: number, meaning: string, value: number, word?: string, bits = 1) => ({ name, low, bits, meaning, value, ...(word === undefined ? {} : { word }) });

/** A timer at ports 40h to 43h, a bus with one function, and a device that is not described. `mode`: the timer's control word. */
export function devicesWith(mode = 0x34): Device[] {
  return [
    {
      name: 'pit', state: { counters: [1, 2, 3], latch: { full: false } },
      registers: {
        title: 'Interval timer (8254)', source: 'Intel 231164',
        blocks: [{
          name: 'counters', space: 'port', base: 0x40,
          registers: [
            { name: 'CNT0', title: 'counter 0', at: 0, bytes: 1, access: 'special', value: 0x12, fields: [] },
            {
              name: 'TCW', title: 'control word', at: 3, bytes: 1, access: 'write-only', value: mode,
              fields: [field('BCD', 0, 'counts in decimal', mode & 1), field('M', 1, 'mode', (mode >> 1) & 7, 'rate generator', 3), field('RW', 4, 'bytes of a count', (mode >> 4) & 3, 'low, then high', 2)],
            },
          ],
        }],
      },
    },
    {
      name: 'pci', state: {},
      registers: {
        title: 'PCI bus 0', source: 'PCI 2.1',
        blocks: [{
          name: 'configuration 3.0', space: 'configuration', base: 0x1800,
          registers: [
            { name: 'VID', title: 'vendor', at: 0, bytes: 2, access: 'read-only', value: 0x8086, fields: [] },
            { name: 'DID', title: 'device', at: 2, bytes: 2, access: 'read-only', value: 0x100e, fields: [] },
            { name: 'PCICMD', title: 'command', at: 4, bytes: 2, access: 'read-write', value: 6, fields: [field('IOSE', 0, 'ports are decoded', 0), field('MSE', 1, 'memory is decoded', 1), field('BME', 2, 'may master the bus', 1)] },
            { name: 'SCC', title: 'subclass', at: 10, bytes: 1, access: 'read-only', value: 0, fields: [] },
            { name: 'BCC', title: 'class', at: 11, bytes: 1, access: 'read-only', value: 2, fields: [] },
            { name: 'BAR0', title: 'base address 0', at: 16, bytes: 4, access: 'read-write', value: 0xfebc0000, fields: [] },
            { name: 'BAR1', title: 'base address 1', at: 20, bytes: 4, access: 'read-write', value: 0xc001, fields: [] },
            { name: 'INTLN', title: 'interrupt line', at: 60, bytes: 1, access: 'read-write', value: 11, fields: [] },
            { name: 'INTPN', title: 'interrupt pin', at: 61, bytes: 1, access: 'read-only', value: 1, fields: [] },
          ],
        }],
      },
    },
    { name: 'exit', state: { status: 0 } },
  ];
}

export const INTERRUPT_PICTURE: Interrupts = {
  lines: Array.from({ length: 24 }, (_, line) => ({
    line, devices: line === 0 ? ['pit'] : line === 17 ? ['PCI 3.0 (network)'] : [], raised: line === 0,
    ...(line < 16 ? { pic: { requested: line === 0, masked: line > 1, inService: line === 1, levelTriggered: false, vector: 8 + line } } : {}),
    ioApic: {
      input: line === 0 ? 2 : line, masked: line !== 17, levelTriggered: line === 17, activeLow: line === 17, pending: line === 17, vector: line === 17 ? 0x41 : 0, delivery: 'fixed',
      destination: 1, logical: true,
    },
    requestedAt: [], inServiceAt: line === 17 ? [0] : [],
  })),
  apics: [{ cpu: 0, mode: 'xapic', taskPriority: 0x20, requested: [0x51], inService: [0x41], external: true }],
  interruptFlags: [false],
};

export const EVENTS_AHEAD: Events = { now: 1_000_000, events: [{ device: 'pit', event: 'irq0', time: 1_838_000 }, { device: 'vga', event: 'frame', time: 15_000_000 }] };
