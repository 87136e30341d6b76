/** Registers of the MC146818 and the ports to them. */
import type { DeviceDescription, RegisterDescription } from '../description';
import { byte, field } from './build';

const TIME: readonly (readonly [string, string, number])[] = [
  ['SECONDS', 'seconds', 0x00], ['MINUTES', 'minutes', 0x02], ['HOURS', 'hours', 0x04], ['WEEKDAY', 'day of the week', 0x06],
  ['DAY', 'day of the month', 0x07], ['MONTH', 'month', 0x08], ['YEAR', 'year of the century', 0x09], ['CENTURY', 'century', 0x32],
];
const ALARM: readonly (readonly [string, string, number])[] = [['SECONDS_ALARM', 'alarm: seconds', 0x01], ['MINUTES_ALARM', 'alarm: minutes', 0x03], ['HOURS_ALARM', 'alarm: hours', 0x05]];

const CONTROL: readonly RegisterDescription[] = [
  byte('A', 'register A', 0x0a, 'read-write', {
    reset: 0x26, writable: 0x7f,
    fields: [field('RS', 0, 'rate of the periodic interrupt', 4), field('DV', 4, 'time base', 3, { 2: '32768 Hz', 6: 'divider reset', 7: 'divider reset' }), field('UIP', 7, 'an update is under way, or near')],
  }),
  byte('B', 'register B', 0x0b, 'special', {
    fields: [
      field('DSE', 0, 'daylight saving'), field('24/12', 1, 'hours count to 24'), field('DM', 2, 'binary instead of BCD'), field('SQWE', 3, 'square wave'),
      field('UIE', 4, 'interrupt when an update has ended'), field('AIE', 5, 'interrupt at the alarm'), field('PIE', 6, 'periodic interrupt'), field('SET', 7, 'updates are stopped'),
    ],
  }),
  byte('C', 'register C', 0x0c, 'read-only', {
    readEffect: 'clears all flags',
    fields: [field('UF', 4, 'an update has ended'), field('AF', 5, 'alarm'), field('PF', 6, 'period'), field('IRQF', 7, 'an enabled flag is up')],
  }),
  byte('D', 'register D', 0x0d, 'read-only', { reset: 0x80, fields: [field('VRT', 7, 'the battery is good')] }),
];

/** Where the cells are that the index leads to. */
export const RTC_CELLS = 'cells';

export const RTC_DESCRIPTION: DeviceDescription = {
  title: 'Real-time clock and CMOS memory (MC146818)',
  source: 'Motorola MC146818A data sheet',
  blocks: [
    {
      name: 'ports', space: 'port', base: 0x70,
      registers: [
        byte('INDEX', 'cell that port 71 leads to', 0, 'write-only', { fields: [field('index', 0, 'cell', 7), field('NMI_DIS', 7, 'NMI is masked')] }),
        byte('DATA', 'the cell', 1, 'special', { readEffect: 'as the cell says' }),
      ],
    },
    {
      name: RTC_CELLS, space: 'index', base: 0x70,
      registers: [
        ...TIME.map(([name, title, at]) => byte(name, title, at, 'special')),
        ...ALARM.map(([name, title, at]) => byte(name, title, at, 'read-write')),
        ...CONTROL,
      ],
    },
  ],
};
