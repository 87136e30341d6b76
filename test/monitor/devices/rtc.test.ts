/** The MC146818 against its data sheet: time, formats, SET, UIP, alarm, periodic and update interrupts, CMOS cells. */
import assert from 'node:assert/strict';
import { cmosCells } from '../../../src/monitor/devices/cmos';
import { Rtc } from '../../../src/monitor/devices/rtc';
import { FakeHost } from './fake-host';

const SECOND = 1_000_000_000;
/** 2024-02-28 23:59:58 UTC, a Wednesday. */
const START = Date.UTC(2024, 1, 28, 23, 59, 58) / 1000;
const CELLS = cmosCells({
  memoryBytes: 256 << 20, floppyTypes: [4], disks: [true, false], bootOrder: ['floppy', 'disk'], cpus: 2,
});

function createRtc(epochSeconds = START): { host: FakeHost; rtc: Rtc } {
  const host = new FakeHost();
  const rtc = host.attach(new Rtc(host, { epochSeconds, cells: CELLS }));
  rtc.reset();
  return { host, rtc };
}

function read(rtc: Rtc, index: number): number {
  rtc.writePort(0x70, 1, index);
  return rtc.readPort(0x71);
}

function write(rtc: Rtc, index: number, value: number): void {
  rtc.writePort(0x70, 1, index);
  rtc.writePort(0x71, 1, value);
}

/** Century, year, month, day, weekday, hour, minute, second, in hex digits. */
function time(rtc: Rtc): string {
  return [0x32, 9, 8, 7, 6, 4, 2, 0].map((index) => read(rtc, index).toString(16).padStart(2, '0')).join(' ');
}

describe('MC146818', () => {
  it('shows the start plus virtual time, over midnight of a leap February', () => {
    const { host, rtc } = createRtc();
    assert.equal(time(rtc), '20 24 02 28 04 23 59 58');
    host.advance(2 * SECOND);
    assert.equal(time(rtc), '20 24 02 29 05 00 00 00');
    host.advance(86400 * SECOND);
    assert.equal(time(rtc), '20 24 03 01 06 00 00 00');
  });

  it('counts in binary and in twelve hours', () => {
    const { host, rtc } = createRtc();
    write(rtc, 0x0b, 0x06);
    assert.equal(time(rtc), '14 18 02 1c 04 17 3b 3a');
    write(rtc, 0x0b, 0x00);
    assert.equal(read(rtc, 4), 0x91, '11 PM');
    host.advance(2 * SECOND);
    assert.equal(read(rtc, 4), 0x12, 'midnight is 12 AM');
    host.advance(12 * 3600 * SECOND);
    assert.equal(read(rtc, 4), 0x92, 'noon is 12 PM');
  });

  it('is set while SET holds it, and goes on from there', () => {
    const { host, rtc } = createRtc();
    write(rtc, 0x0b, 0x82);
    host.advance(5 * SECOND);
    assert.equal(time(rtc), '20 24 02 28 04 23 59 58', 'stands still');
    const fields: readonly (readonly [number, number])[] =
      [[0x32, 0x19], [9, 0x99], [8, 0x12], [7, 0x31], [6, 6], [4, 0x23], [2, 0x59], [0, 0x59]];
    for (const [index, value] of fields) write(rtc, index, value);
    write(rtc, 0x0b, 0x02);
    assert.equal(time(rtc), '19 99 12 31 06 23 59 59');
    host.advance(SECOND);
    assert.equal(time(rtc), '20 00 01 01 07 00 00 00');
  });

  it('takes a single register written on the run', () => {
    const { host, rtc } = createRtc();
    write(rtc, 2, 0x30);
    host.advance(SECOND);
    assert.equal(time(rtc), '20 24 02 28 04 23 30 59');
  });

  it('raises UIP before each update, and not while stopped', () => {
    const { host, rtc } = createRtc();
    host.advance(SECOND - 3_000_000);
    assert.equal(read(rtc, 0x0a), 0x26);
    host.advance(1_000_000);
    assert.equal(read(rtc, 0x0a), 0xa6);
    host.advance(2_000_000);
    assert.equal(read(rtc, 0x0a), 0x26);
    write(rtc, 0x0b, 0x82);
    host.advance(SECOND - 100);
    assert.equal(read(rtc, 0x0a), 0x26);
  });

  it('interrupts periodically at the chosen rate, on line 8, until register C is read', () => {
    const { host, rtc } = createRtc();
    write(rtc, 0x0b, 0x42);
    let served = 0;
    for (let step = 0; step < 20_000; step++) {
      host.advance(50_000);
      if (!host.lines[8]) continue;
      served++;
      assert.equal(read(rtc, 0x0c) & 0xc0, 0xc0);
      assert.equal(host.lines[8], false);
    }
    assert.equal(served, 1024);
    assert.equal(host.rises[8][0], Math.ceil((32 * SECOND) / 32768));
  });

  it('interrupts at the end of each update', () => {
    const { host, rtc } = createRtc();
    write(rtc, 0x0b, 0x12);
    host.advance(SECOND);
    assert.equal(host.rises[8][0], SECOND);
    assert.equal(read(rtc, 0x0c), 0xd0, 'IRQF, UF, and PF by the way');
    host.advance(SECOND);
    assert.equal(host.rises[8].length, 2);
    write(rtc, 0x0b, 0x92);
    assert.equal(read(rtc, 0x0b), 0x82, 'SET clears UIE');
  });

  it('interrupts at the alarm, with wildcards', () => {
    const { host, rtc } = createRtc();
    write(rtc, 5, 0x00);
    write(rtc, 3, 0x01);
    write(rtc, 1, 0x30);
    write(rtc, 0x0b, 0x22);
    host.advance(200 * SECOND);
    assert.deepEqual(host.rises[8], [92 * SECOND], '00:01:30');
    assert.equal(read(rtc, 0x0c) & 0xa0, 0xa0);
    write(rtc, 5, 0xff);
    write(rtc, 3, 0xc0);
    host.advance(60 * SECOND);
    assert.deepEqual(host.rises[8].slice(1), [212 * SECOND], 'second 30 of any minute');
    read(rtc, 0x0c);
    write(rtc, 1, 0x7f);
    host.advance(90_000 * SECOND);
    assert.equal(host.rises[8].length, 2, 'an impossible alarm never comes');
  });

  it('shows flags without interrupts to those who poll', () => {
    const { host, rtc } = createRtc();
    assert.equal(host.pendingEvents().length, 0);
    host.advance(SECOND);
    assert.equal(read(rtc, 0x0c), 0x50);
    assert.equal(read(rtc, 0x0c), 0);
    assert.equal(host.rises[8].length, 0);
  });

  it('makes its first update half a second after the divider was released', () => {
    const { host, rtc } = createRtc();
    write(rtc, 0x0a, 0x76);
    host.advance(3 * SECOND);
    assert.equal(read(rtc, 0), 0x58);
    write(rtc, 0x0a, 0x26);
    host.advance(SECOND / 2 - 1);
    assert.equal(read(rtc, 0), 0x58);
    host.advance(1);
    assert.equal(read(rtc, 0), 0x59);
  });

  it('keeps the NMI mask, valid RAM, and the cells that firmware looks at', () => {
    const { rtc } = createRtc();
    rtc.writePort(0x70, 1, 0x8d);
    assert.equal(rtc.state.nmiMasked, true);
    assert.equal(rtc.readPort(0x71), 0x80);
    const word = (low: number, high: number): number => read(rtc, low) | (read(rtc, high) << 8);
    assert.equal(word(0x15, 0x16), 640);
    assert.equal(word(0x17, 0x18), 0xffff);
    assert.equal(word(0x30, 0x31), 0xffff);
    assert.equal(word(0x34, 0x35), (240 << 20) / 65536);
    assert.deepEqual([0x10, 0x12, 0x19, 0x14, 0x3d, 0x38, 0x5f].map((index) => read(rtc, index)),
      [0x40, 0xf0, 47, 0x07, 0x21, 0x01, 1]);
    const sum = Array.from({ length: 0x1e }, (_, index) => read(rtc, 0x10 + index)).reduce((a, b) => a + b, 0);
    assert.equal(word(0x2f, 0x2e), sum);
    write(rtc, 0x0f, 0x5a);
    assert.equal(read(rtc, 0x0f), 0x5a);
  });

  it('keeps time and cells over RESET#, which switches interrupts and square wave off', () => {
    const { host, rtc } = createRtc();
    write(rtc, 0x0f, 0x5a);
    write(rtc, 0x0a, 0x2f);
    write(rtc, 0x0b, 0x7e);
    host.advance(SECOND);
    assert.equal(host.lines[8], true);
    rtc.hardReset();
    assert.equal(host.lines[8], false);
    assert.deepEqual([0x0f, 0x0a, 0x0b, 0x0c, 0].map((index) => read(rtc, index)), [0x5a, 0x2f, 0x06, 0, 59], 'in binary, as it was set');
    host.advance(2 * SECOND);
    assert.equal(host.lines[8], false);
    rtc.reset();
    assert.equal(read(rtc, 0x0f), 0, 'power-on is with what the set-up program has left');
  });

  it('counts small and large memories in the cells', () => {
    const configuration = { floppyTypes: [], disks: [], bootOrder: [], cpus: 1 };
    const small = cmosCells({ ...configuration, memoryBytes: 8 << 20 });
    assert.equal(small[0x30] | (small[0x31] << 8), 7 * 1024);
    assert.equal(small[0x34] | (small[0x35] << 8), 0);
    const large = cmosCells({ ...configuration, memoryBytes: 3 * 2 ** 30, memoryAbove4GBytes: 5 * 2 ** 30 });
    assert.equal(large[0x5b] | (large[0x5c] << 8) | (large[0x5d] << 16), (5 * 2 ** 30) / 65536);
  });
});
