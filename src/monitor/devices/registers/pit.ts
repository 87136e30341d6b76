/** Registers of the 8254 (Intel 231164) and of port 61 (IBM PC/AT technical reference). */
import type { DeviceDescription } from '../description';
import { byte, field } from './build';

export const PIT_DESCRIPTION: DeviceDescription = {
  title: 'Interval timer (8254) and speaker control',
  source: 'Intel 8254 data sheet (231164); IBM PC/AT technical reference for port 61',
  blocks: [
    {
      name: 'counters', space: 'port', base: 0x40,
      registers: [
        byte('CNT0', 'counter 0: interrupt line 0', 0, 'special', { readEffect: 'takes the latched byte, or goes on to the other one' }),
        byte('CNT1', 'counter 1: memory refresh', 1, 'special', { readEffect: 'takes the latched byte, or goes on to the other one' }),
        byte('CNT2', 'counter 2: speaker', 2, 'special', { readEffect: 'takes the latched byte, or goes on to the other one' }),
        byte('TCW', 'control word', 3, 'write-only', {
          fields: [
            field('BCD', 0, 'counts in decimal'),
            field('M', 1, 'mode', 3, { 0: 'interrupt on terminal count', 1: 'one-shot', 2: 'rate generator', 3: 'square wave', 4: 'software strobe', 5: 'hardware strobe' }),
            field('RW', 4, 'bytes of a count', 2, { 0: 'latch', 1: 'low', 2: 'high', 3: 'low, then high' }),
            field('SC', 6, 'counter', 2, { 3: 'read back' }),
          ],
        }),
      ],
    },
    {
      name: 'speaker', space: 'port', base: 0x61,
      registers: [
        byte('NMISC', 'speaker and NMI status and control', 0, 'special', {
          fields: [
            field('TIM_CNT2_EN', 0, 'gate of counter 2'), field('SPKR_DAT_EN', 1, 'counter 2 reaches the speaker'),
            field('REF_TOGGLE', 4, 'toggles with each refresh'), field('TMR2_OUT_STS', 5, 'output of counter 2'),
          ],
        }),
      ],
    },
  ],
};
