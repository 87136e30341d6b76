/** Registers of the 8237A pair (Intel 231466) and the page registers. */
import type { DeviceDescription, RegisterBlock, RegisterDescription } from '../description';
import { byte, field } from './build';

const CHANNELS = [0, 1, 2, 3];
const HALF_BY_HALF = { readEffect: 'the next access is for the other byte' } as const;
const MASK_FIELDS = CHANNELS.map((channel) => field(`MASK${String(channel)}`, channel, 'masked'));

/** A controller's sixteen registers, `step` ports apart. */
function controller(name: string, base: number, step: 1 | 2, first: number): RegisterBlock {
  const channels = CHANNELS.flatMap((channel): RegisterDescription[] => [
    byte(`ADDR${String(first + channel)}`, `channel ${String(first + channel)}: address`, 2 * channel * step, 'special', HALF_BY_HALF),
    byte(`COUNT${String(first + channel)}`, `channel ${String(first + channel)}: count`, (2 * channel + 1) * step, 'special', HALF_BY_HALF),
  ]);
  return {
    name, space: 'port', base,
    registers: [
      ...channels,
      byte('STATUS', 'terminal counts and requests', 8 * step, 'read-only', { readEffect: 'clears the terminal counts', fields: CHANNELS.map((channel) => field(`TC${String(channel)}`, channel, 'has come to the end of its count')) }),
      byte('COMMAND', 'command', 8 * step, 'write-only', { fields: [field('DISABLE', 2, 'the controller does nothing')] }),
      byte('REQUEST', 'software request', 9 * step, 'write-only'),
      byte('MASK', 'masks one channel', 10 * step, 'write-only', { fields: [field('channel', 0, 'channel', 2), field('set', 2, 'masked')] }),
      byte('MODE', 'mode of a channel', 11 * step, 'write-only', {
        fields: [field('channel', 0, 'channel', 2), field('type', 2, 'transfer', 2, { 0: 'verify', 1: 'to memory', 2: 'from memory' }), field('auto', 4, 'begins anew at the end'), field('down', 5, 'addresses go down'), field('kind', 6, 'request mode', 2, { 0: 'demand', 1: 'single', 2: 'block', 3: 'cascade' })],
      }),
      byte('CLEARBP', 'the next byte is the low one', 12 * step, 'write-only'),
      byte('MASTERCLEAR', 'resets the controller', 13 * step, 'write-only'),
      byte('CLEARMASK', 'unmasks all channels', 14 * step, 'write-only'),
      byte('WRITEMASK', 'masks of all channels', 15 * step, 'write-only', { fields: MASK_FIELDS }),
    ],
  };
}

const PAGES: Readonly<Record<number, string>> = { 1: 'channel 2', 2: 'channel 3', 3: 'channel 1', 7: 'channel 0', 9: 'channel 6', 10: 'channel 7', 11: 'channel 5', 15: 'refresh' };

export const DMA_DESCRIPTION: DeviceDescription = {
  title: 'DMA controllers (8237A pair)',
  source: 'Intel 8237A data sheet (231466); IBM PC/AT technical reference for the page registers',
  blocks: [
    controller('controller 1', 0x00, 1, 0),
    controller('controller 2', 0xc0, 2, 4),
    {
      name: 'pages', space: 'port', base: 0x80,
      registers: Array.from({ length: 15 }, (_, index) => byte(`PAGE${(index + 1).toString(16).toUpperCase()}`, `address bits 16 to 23: ${PAGES[index + 1] ?? 'nobody'}`, index + 1, 'read-write')),
    },
  ],
};
