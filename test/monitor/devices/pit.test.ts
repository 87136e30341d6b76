/** The 8254 against its data sheet's mode diagrams, tick by tick, and the clock arithmetic against BigInt. */
import assert from 'node:assert/strict';
import { cycleOfTick, ticksAt } from '../../../src/monitor/devices/clock';
import { PIT_HERTZ, Pit } from '../../../src/monitor/devices/pit';
import { createRandom, FakeHost } from './fake-host';

function createPit(): { host: FakeHost; pit: Pit } {
  const host = new FakeHost();
  const pit = host.attach(new Pit(host));
  pit.reset();
  return { host, pit };
}

/** Passes whole ticks of the input clock. */
function tick(host: FakeHost, count = 1): void {
  const target = ticksAt(host.time, PIT_HERTZ) + count;
  host.advance(cycleOfTick(target, PIT_HERTZ) - host.time);
}

function program(pit: Pit, counter: number, mode: number, count: number, bcd = 0): void {
  pit.writePort(0x43, 1, (counter << 6) | 0x30 | (mode << 1) | bcd);
  pit.writePort(0x40 + counter, 1, count & 0xff);
  pit.writePort(0x40 + counter, 1, count >> 8);
}

function readCount(pit: Pit, counter: number): number {
  pit.writePort(0x43, 1, counter << 6);
  return pit.readPort(0x40 + counter) | (pit.readPort(0x40 + counter) << 8);
}

function status(pit: Pit, counter: number): number {
  pit.writePort(0x43, 1, 0xe0 | (2 << counter));
  return pit.readPort(0x40 + counter);
}

function out2(pit: Pit): number {
  return (pit.readPort(0x61) >> 5) & 1;
}

/** OUT of counter 2 at this and the following ticks, as a string of digits. */
function trace(host: FakeHost, pit: Pit, ticks: number): string {
  let digits = '';
  for (let index = 0; index < ticks; index++) {
    digits += out2(pit);
    tick(host);
  }
  return digits;
}

describe('clock arithmetic', () => {
  it('is exact at any time', () => {
    const random = createRandom(5);
    for (let round = 0; round < 2000; round++) {
      const cycle = random(1_000_000_000) * 1_000_000 + random(1_000_000);
      const ticks = ticksAt(cycle, PIT_HERTZ);
      assert.equal(BigInt(ticks), (BigInt(cycle) * BigInt(PIT_HERTZ)) / 1_000_000_000n);
      const first = cycleOfTick(ticks, PIT_HERTZ);
      assert.equal(ticksAt(first, PIT_HERTZ), ticks);
      if (first > 0) assert.equal(ticksAt(first - 1, PIT_HERTZ), ticks - 1);
    }
  });
});

describe('8254', () => {
  it('mode 0: OUT rises N + 1 ticks after the count was written', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 0, 4);
    assert.equal(trace(host, pit, 8), '00000111');
    assert.equal(readCount(pit, 2), 0x10000 - 3, 'counts on below zero');
  });

  it('mode 0: the gate holds the count, the first byte of a new one stops it', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 0, 10);
    tick(host, 3);
    assert.equal(readCount(pit, 2), 8);
    pit.writePort(0x61, 1, 0);
    tick(host, 5);
    assert.equal(readCount(pit, 2), 8);
    pit.writePort(0x61, 1, 1);
    tick(host, 2);
    assert.equal(readCount(pit, 2), 6);
    pit.writePort(0x42, 1, 3);
    tick(host, 4);
    assert.equal(readCount(pit, 2), 6);
    pit.writePort(0x42, 1, 0);
    assert.equal(trace(host, pit, 6), '000011');
  });

  it('mode 1: a gate edge makes a pulse of N ticks, and another restarts it', () => {
    const { host, pit } = createPit();
    program(pit, 2, 1, 3);
    assert.equal(trace(host, pit, 3), '111');
    pit.writePort(0x61, 1, 1);
    assert.equal(trace(host, pit, 6), '100011');
    pit.writePort(0x61, 1, 0);
    pit.writePort(0x61, 1, 1);
    assert.equal(trace(host, pit, 2), '10');
    pit.writePort(0x61, 1, 0);
    pit.writePort(0x61, 1, 1);
    assert.equal(trace(host, pit, 5), '00001');
  });

  it('mode 2: one low tick in N, a new count from the next cycle on', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 2, 3);
    assert.equal(trace(host, pit, 10), '1110110110');
    pit.writePort(0x42, 1, 4);
    pit.writePort(0x42, 1, 0);
    assert.equal(status(pit, 2) & 0x40, 0x40, 'null count until the cycle ends');
    assert.equal(trace(host, pit, 11), '11011101110');
    assert.equal(status(pit, 2) & 0x40, 0);
  });

  it('mode 2: a low gate sets OUT at once, its edge starts a new cycle', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 2, 3);
    tick(host, 3);
    assert.equal(out2(pit), 0);
    pit.writePort(0x61, 1, 0);
    assert.equal(out2(pit), 1);
    tick(host, 7);
    pit.writePort(0x61, 1, 1);
    assert.equal(trace(host, pit, 5), '11101');
  });

  it('mode 3: even counts halve, odd counts give the odd tick to the high half', () => {
    const even = createPit();
    even.pit.writePort(0x61, 1, 1);
    program(even.pit, 2, 3, 4);
    assert.equal(trace(even.host, even.pit, 10), '1110011001');
    const odd = createPit();
    odd.pit.writePort(0x61, 1, 1);
    program(odd.pit, 2, 3, 5);
    assert.equal(trace(odd.host, odd.pit, 12), '111100111001');
  });

  it('mode 3: counts by two', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 3, 6);
    tick(host);
    const counts: number[] = [];
    for (let index = 0; index < 6; index++, tick(host)) counts.push(readCount(pit, 2));
    assert.deepEqual(counts, [6, 4, 2, 6, 4, 2]);
  });

  it('mode 4: one low tick N + 1 ticks after the count; mode 5: after the gate edge', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 4, 3);
    assert.equal(trace(host, pit, 8), '11110111');
    const hardware = createPit();
    program(hardware.pit, 2, 5, 3);
    assert.equal(trace(hardware.host, hardware.pit, 6), '111111');
    hardware.pit.writePort(0x61, 1, 1);
    assert.equal(trace(hardware.host, hardware.pit, 8), '11110111');
  });

  it('counts in BCD', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 1);
    program(pit, 2, 0, 0x1000, 1);
    tick(host, 2);
    assert.equal(readCount(pit, 2), 0x0999);
    tick(host, 999);
    assert.equal(readCount(pit, 2), 0x0000);
    tick(host);
    assert.equal(readCount(pit, 2), 0x9999);
  });

  it('latches count and status by read-back, status first, until read', () => {
    const { host, pit } = createPit();
    program(pit, 0, 2, 1000);
    assert.equal(status(pit, 0), 0xf4, 'OUT high, null count, two bytes, mode 2');
    tick(host, 11);
    pit.writePort(0x43, 1, 0xc2);
    tick(host, 100);
    pit.writePort(0x43, 1, 0xc2);
    assert.equal(pit.readPort(0x40), 0xb4);
    assert.equal(pit.readPort(0x40) | (pit.readPort(0x40) << 8), 990);
    assert.equal(readCount(pit, 0), 890);
  });

  it('reads and writes single bytes in formats 1 and 2', () => {
    const { host, pit } = createPit();
    pit.writePort(0x43, 1, 0x14);
    pit.writePort(0x40, 1, 100);
    tick(host, 11);
    assert.equal(pit.readPort(0x40), 90);
    pit.writePort(0x43, 1, 0x24);
    pit.writePort(0x40, 1, 2);
    tick(host, 257);
    assert.equal(pit.readPort(0x40), 1);
  });

  it('raises line 0 at the exact cycle of each edge, with no drift', () => {
    const { host, pit } = createPit();
    program(pit, 0, 2, 1193);
    host.rises[0] = [];
    host.advance(10_000_000_000);
    const expected = (index: number): number => cycleOfTick(1 + 1193 * (index + 1), PIT_HERTZ);
    assert.equal(host.rises[0].length, Math.floor((10 * PIT_HERTZ - 1) / 1193));
    host.rises[0].forEach((at, index) => assert.equal(at, expected(index)));
  });

  it('mode 0 on counter 0 makes one interrupt and then no more events', () => {
    const { host, pit } = createPit();
    program(pit, 0, 0, 1000);
    host.advance(1_000_000_000);
    assert.deepEqual(host.rises[0], [cycleOfTick(1001, PIT_HERTZ)]);
    assert.equal(host.pendingEvents().length, 0);
  });

  it('toggles the refresh bit of port 61 every 18 ticks and keeps bits 0-3', () => {
    const { host, pit } = createPit();
    pit.writePort(0x61, 1, 0xff);
    assert.equal(pit.readPort(0x61) & 0x0f, 0x0f);
    const seen: number[] = [];
    for (let index = 0; index < 4; index++, tick(host, 18)) seen.push(pit.readPort(0x61) & 0x10);
    assert.deepEqual(seen, [0, 0x10, 0, 0x10]);
  });
});
