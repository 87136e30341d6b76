/** Registers of the high precision event timer (IA-PC HPET specification 1.0a, 2.3). */
import { PLATFORM } from '../device';
import type { DeviceDescription, RegisterDescription } from '../description';
import { dword, field } from './build';

function timer(index: number): RegisterDescription[] {
  const base = 0x100 + 0x20 * index;
  const name = (suffix: string): string => `T${String(index)}_${suffix}`;
  return [
    dword(name('CONF'), `timer ${String(index)}: configuration`, base, 'read-write', {
      reset: 0x30, writable: 0x3f4e,
      fields: [
        field('INT_TYPE', 1, 'level triggered'), field('INT_ENB', 2, 'interrupts'), field('TYPE', 3, 'periodic'), field('PER_INT_CAP', 4, 'can be periodic'),
        field('SIZE_CAP', 5, 'has 64 bits'), field('VAL_SET', 6, 'the next write sets the comparator as well as the period'), field('32MODE', 8, '32 bits'), field('INT_ROUTE', 9, 'I/O APIC input', 5),
      ],
    }),
    dword(name('ROUTES'), `timer ${String(index)}: inputs that it can be routed to`, base + 4, 'read-only', { reset: 0x00f0_0000 }),
    dword(name('COMP'), `timer ${String(index)}: comparator, low half`, base + 8, 'read-write', { reset: 0xffff_ffff }),
    dword(name('COMPH'), `timer ${String(index)}: comparator, high half`, base + 12, 'read-write', { reset: 0xffff_ffff }),
  ];
}

export const HPET_DESCRIPTION: DeviceDescription = {
  title: 'High precision event timer',
  source: 'IA-PC HPET specification 1.0a',
  blocks: [{
    name: 'registers', space: 'memory', base: PLATFORM.hpet,
    registers: [
      dword('GCAP_ID', 'capabilities', 0x00, 'read-only', {
        reset: 0x8086_a201,
        fields: [field('REV_ID', 0, 'revision', 8), field('NUM_TIM_CAP', 8, 'number of the last timer', 5), field('COUNT_SIZE_CAP', 13, 'the counter has 64 bits'), field('LEG_RT_CAP', 15, 'legacy replacement'), field('VENDOR_ID', 16, 'vendor', 16)],
      }),
      dword('PERIOD', 'femtoseconds of a tick', 0x04, 'read-only', { reset: 10_000_000 }),
      dword('GEN_CONF', 'configuration', 0x10, 'read-write', { writable: 3, fields: [field('ENABLE_CNF', 0, 'the counter runs'), field('LEG_RT_CNF', 1, 'timers 0 and 1 stand in for the 8254 and the clock')] }),
      dword('GINTR_STA', 'interrupt status', 0x20, 'write-one-clears', { writable: 7, fields: [0, 1, 2].map((index) => field(`T${String(index)}`, index, 'its level-triggered interrupt stands')) }),
      dword('MAIN_CNT', 'counter, low half', 0xf0, 'special'),
      dword('MAIN_CNTH', 'counter, high half', 0xf4, 'special'),
      ...[0, 1, 2].flatMap(timer),
    ],
  }],
};
