/** The HPET against the IA-PC HPET specification 1.0a: registers, matches, periodic mode, widths, level status, legacy replacement. */
import assert from 'node:assert/strict';
import { Hpet } from '../../../src/monitor/devices/hpet';
import { FakeHost } from './fake-host';

const BASE = 0xfed00000;
const CONFIGURATION = 0x10;
const STATUS = 0x20;
const COUNTER = 0xf0;
/** Configuration and comparator of timer 0; the others are 20h further each. */
const TIMER = 0x100;
const COMPARATOR = 0x108;
const LEVEL = 0x02;
const INTERRUPT = 0x04;
const PERIODIC = 0x08;
const SET_VALUE = 0x40;
const NARROW = 0x100;
const ROUTE_20 = 20 << 9;
/** Cycles in a tick of 10 ns. */
const TICK = 10;

class Fixture {
  readonly host = new FakeHost();
  /** Rising edges: 'input 20', 'line 0', with the time. */
  readonly edges: (readonly [string, number])[] = [];
  readonly levels = new Map<string, boolean>();
  legacy: boolean[] = [];
  readonly hpet = new Hpet(this.host, {
    setInput: (input, asserted) => this.drive(`input ${input}`, asserted),
    setLegacyLine: (line, level) => this.drive(`line ${line}`, level),
    legacyChanged: (on) => this.legacy.push(on),
  });

  constructor() {
    this.host.attach(this.hpet);
    this.hpet.reset();
  }

  drive(wire: string, level: boolean): void {
    if (level && this.levels.get(wire) !== true) this.edges.push([wire, this.host.time]);
    this.levels.set(wire, level);
  }

  read(register: number): number {
    return this.hpet.readMemory(BASE + register, 4);
  }

  write(register: number, value: number): void {
    this.hpet.writeMemory(BASE + register, 4, value);
  }

  times(): number[] {
    return this.edges.map(([, time]) => time);
  }
}

describe('HPET', () => {
  it('tells its period and what it can', () => {
    const fixture = new Fixture();
    assert.equal(fixture.read(4), 10_000_000, 'femtoseconds of a tick');
    const capabilities = fixture.read(0);
    assert.equal(capabilities & 0xff, 1, 'revision');
    assert.equal((capabilities >> 8) & 0x1f, 2, 'the last timer');
    assert.equal(capabilities & 0xa000, 0xa000, '64 bits and legacy replacement');
    for (const timer of [0, 1, 2]) {
      assert.equal(fixture.read(TIMER + 0x20 * timer) & 0x30, 0x30, 'periodic, 64 bits');
      assert.equal(fixture.read(TIMER + 0x20 * timer + 4), 0x00f00000, 'inputs 20 to 23');
    }
  });

  it('counts only while enabled, and takes a value', () => {
    const fixture = new Fixture();
    fixture.host.advance(1000);
    assert.equal(fixture.read(COUNTER), 0);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(1005);
    assert.equal(fixture.read(COUNTER), 100);
    fixture.write(CONFIGURATION, 0);
    fixture.host.advance(1000);
    assert.equal(fixture.read(COUNTER), 100);
    fixture.write(COUNTER, 0xffffffff);
    fixture.write(COUNTER + 4, 7);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(TICK);
    assert.deepEqual([fixture.read(COUNTER), fixture.read(COUNTER + 4)], [0, 8]);
  });

  it('interrupts once when the counter reaches the comparator', () => {
    const fixture = new Fixture();
    fixture.write(TIMER, INTERRUPT | ROUTE_20);
    fixture.write(COMPARATOR, 100);
    fixture.write(COMPARATOR + 4, 0);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(100_000);
    assert.deepEqual(fixture.edges, [['input 20', 1000]]);
    fixture.write(COMPARATOR, 20_000);
    fixture.host.advance(1_000_000);
    assert.deepEqual(fixture.times(), [1000, 200_000]);
  });

  it('needs no event and says nothing while the interrupt is off', () => {
    const fixture = new Fixture();
    fixture.write(TIMER, ROUTE_20 | PERIODIC);
    fixture.write(COMPARATOR, 100);
    fixture.write(CONFIGURATION, 1);
    assert.deepEqual(fixture.host.pendingEvents(), []);
    fixture.host.advance(100_000);
    assert.deepEqual(fixture.edges, []);
  });

  it('sets match and period by VAL_SET, and goes on without drift', () => {
    const fixture = new Fixture();
    fixture.write(TIMER, INTERRUPT | PERIODIC | SET_VALUE | NARROW | ROUTE_20);
    fixture.write(COMPARATOR, 50);
    assert.equal(fixture.read(TIMER) & SET_VALUE, 0);
    fixture.write(COMPARATOR, 200);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(9000);
    assert.deepEqual(fixture.times(), [500, 2500, 4500, 6500, 8500]);
    assert.equal(fixture.read(COMPARATOR), 50 + 5 * 200);
  });

  it('takes VAL_SET for both halves of a 64-bit write', () => {
    const fixture = new Fixture();
    fixture.write(TIMER, INTERRUPT | PERIODIC | SET_VALUE | ROUTE_20);
    fixture.write(COMPARATOR, 50);
    fixture.write(COMPARATOR + 4, 0);
    fixture.write(COMPARATOR, 200);
    fixture.write(COMPARATOR + 4, 0);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(5000);
    assert.deepEqual(fixture.times(), [500, 2500, 4500]);
  });

  it('matches in 32 bits when told to, and then after each turn of them', () => {
    const fixture = new Fixture();
    fixture.write(COUNTER, 0xfffffff0);
    fixture.write(TIMER, INTERRUPT | NARROW | ROUTE_20);
    fixture.write(COMPARATOR, 0x10);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(0x20 * TICK);
    assert.deepEqual(fixture.times(), [0x20 * TICK]);
    fixture.host.advance(2 ** 32 * TICK);
    assert.deepEqual(fixture.times(), [0x20 * TICK, (2 ** 32 + 0x20) * TICK]);
  });

  it('keeps a level up until its status is cleared', () => {
    const fixture = new Fixture();
    fixture.write(TIMER + 0x20, INTERRUPT | LEVEL | (21 << 9));
    fixture.write(COMPARATOR + 0x20, 100);
    fixture.write(COMPARATOR + 0x24, 0);
    fixture.write(CONFIGURATION, 1);
    fixture.host.advance(5000);
    assert.equal(fixture.read(STATUS), 2);
    assert.equal(fixture.levels.get('input 21'), true);
    fixture.write(STATUS, 1);
    assert.equal(fixture.levels.get('input 21'), true);
    fixture.write(STATUS, 2);
    assert.equal(fixture.read(STATUS), 0);
    assert.equal(fixture.levels.get('input 21'), false);
  });

  it('takes the lines of 8254 and clock under legacy replacement', () => {
    const fixture = new Fixture();
    for (const timer of [0, 1]) {
      fixture.write(TIMER + 0x20 * timer, INTERRUPT | ROUTE_20);
      fixture.write(COMPARATOR + 0x20 * timer, 100 + timer);
      fixture.write(COMPARATOR + 0x20 * timer + 4, 0);
    }
    fixture.write(CONFIGURATION, 3);
    assert.deepEqual(fixture.legacy, [true]);
    fixture.host.advance(5000);
    assert.deepEqual(fixture.edges, [['line 0', 1000], ['line 8', 1010]]);
    fixture.write(CONFIGURATION, 1);
    assert.deepEqual(fixture.legacy, [true, false]);
    assert.equal(fixture.levels.get('line 0'), false);
  });
});
