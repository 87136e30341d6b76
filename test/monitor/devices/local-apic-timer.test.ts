/** The local APIC's timer against Intel SDM vol. 3, 11.5.4; the bus clock is 1 GHz, one count a cycle before the divider. */
import assert from 'node:assert/strict';
import { ApicFixture, REG } from './apic-fixture';

const VECTOR = 0x40;
const MODE = { oneShot: 0, periodic: 0x20000, deadline: 0x40000 } as const;
const MASKED = 0x10000;
/** Divide configuration: by 1. */
const BY_1 = 0xb;

function create(lvt: number, divide = BY_1): ApicFixture {
  const fixture = new ApicFixture().enable(0);
  fixture.write(REG.lvtTimer, lvt);
  fixture.write(REG.divide, divide);
  return fixture;
}

/** Takes and serves what has come. */
function serve(fixture: ApicFixture): number[] {
  const taken = fixture.takeAll();
  for (let count = taken.length; count > 0; count--) fixture.write(REG.eoi, 0);
  return taken;
}

describe('local APIC timer', () => {
  it('counts down once in one-shot mode', () => {
    const fixture = create(MODE.oneShot | VECTOR);
    fixture.write(REG.initialCount, 1000);
    assert.equal(fixture.read(REG.currentCount), 1000);
    fixture.host.advance(400);
    assert.equal(fixture.read(REG.currentCount), 600);
    fixture.host.advance(599);
    assert.deepEqual(fixture.intr, [false]);
    fixture.host.advance(1);
    assert.deepEqual(fixture.intr, [true]);
    assert.equal(fixture.read(REG.currentCount), 0);
    assert.equal(fixture.read(REG.initialCount), 1000);
    assert.deepEqual(serve(fixture), [VECTOR]);
    fixture.host.advance(1_000_000);
    assert.deepEqual(serve(fixture), []);
    assert.deepEqual(fixture.host.pendingEvents(), []);
  });

  it('reloads in periodic mode, without drift', () => {
    const fixture = create(MODE.periodic | VECTOR);
    fixture.write(REG.initialCount, 1000);
    const times: number[] = [];
    for (let cycle = 0; cycle < 5500; cycle++) {
      fixture.host.advance(1);
      if (serve(fixture).length > 0) times.push(fixture.host.time);
    }
    assert.deepEqual(times, [1000, 2000, 3000, 4000, 5000]);
    assert.equal(fixture.read(REG.currentCount), 500);
  });

  it('divides by what the divide configuration register says', () => {
    const divisors: readonly (readonly [number, number])[] = [
      [0x0, 2], [0x1, 4], [0x2, 8], [0x3, 16], [0x8, 32], [0x9, 64], [0xa, 128], [0xb, 1],
    ];
    for (const [code, divisor] of divisors) {
      const fixture = create(MODE.oneShot | VECTOR, code);
      fixture.write(REG.initialCount, 10);
      fixture.host.advance(10 * divisor - 1);
      assert.deepEqual(fixture.intr, [false], `by ${divisor}`);
      assert.equal(fixture.read(REG.currentCount), 1);
      fixture.host.advance(1);
      assert.deepEqual(fixture.intr, [true], `by ${divisor}`);
    }
  });

  it('goes on at the new rate when the divisor changes', () => {
    const fixture = create(MODE.oneShot | VECTOR);
    fixture.write(REG.initialCount, 1000);
    fixture.host.advance(500);
    fixture.write(REG.divide, 0x1);
    assert.equal(fixture.read(REG.currentCount), 500);
    fixture.host.advance(1999);
    assert.deepEqual(fixture.intr, [false]);
    fixture.host.advance(1);
    assert.deepEqual(fixture.intr, [true]);
  });

  it('counts but stays silent while masked', () => {
    const fixture = create(MODE.periodic | MASKED | VECTOR);
    fixture.write(REG.initialCount, 1000);
    assert.deepEqual(fixture.host.pendingEvents(), [], 'no events for nothing');
    fixture.host.advance(2300);
    assert.equal(fixture.read(REG.currentCount), 700);
    fixture.write(REG.lvtTimer, MODE.periodic | VECTOR);
    assert.deepEqual(fixture.intr, [false], 'what has passed is past');
    fixture.host.advance(700);
    assert.deepEqual(serve(fixture), [VECTOR]);
  });

  it('stops by an initial count of 0, and starts anew by any other', () => {
    const fixture = create(MODE.oneShot | VECTOR);
    fixture.write(REG.initialCount, 1000);
    fixture.host.advance(500);
    fixture.write(REG.initialCount, 0);
    assert.equal(fixture.read(REG.currentCount), 0);
    fixture.host.advance(5000);
    assert.deepEqual(fixture.intr, [false]);
    fixture.write(REG.initialCount, 100);
    fixture.host.advance(60);
    fixture.write(REG.initialCount, 100);
    fixture.host.advance(99);
    assert.deepEqual(fixture.intr, [false]);
    fixture.host.advance(1);
    assert.deepEqual(fixture.intr, [true]);
  });

  it('merges expiries that nobody has taken, and loses no beat', () => {
    const fixture = create(MODE.periodic | VECTOR);
    fixture.write(REG.initialCount, 10);
    fixture.host.advance(105);
    assert.ok(fixture.host.delivered <= 2, 'a request that stands needs no further events');
    assert.deepEqual(fixture.takeAll(), [VECTOR]);
    assert.deepEqual(fixture.intr, [false], 'it is in service');
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.intr, [false]);
    fixture.host.advance(5);
    assert.deepEqual(fixture.intr, [true], 'on the beat at 110');
  });

  it('takes the whole range of counts', () => {
    const fixture = create(MODE.oneShot | VECTOR, 0xa);
    fixture.write(REG.initialCount, 0xffffffff);
    fixture.host.advance(0xffffffff * 128 - 1);
    assert.equal(fixture.read(REG.currentCount), 1);
    fixture.host.advance(1);
    assert.deepEqual(fixture.intr, [true]);
  });

  it('becomes periodic or one-shot in the middle of a count', () => {
    const fixture = create(MODE.oneShot | VECTOR);
    fixture.write(REG.initialCount, 100);
    fixture.host.advance(50);
    fixture.write(REG.lvtTimer, MODE.periodic | VECTOR);
    fixture.host.advance(50);
    assert.deepEqual(serve(fixture), [VECTOR]);
    fixture.host.advance(100);
    assert.deepEqual(serve(fixture), [VECTOR]);
    fixture.write(REG.lvtTimer, MODE.oneShot | VECTOR);
    fixture.host.advance(100);
    assert.deepEqual(serve(fixture), [VECTOR]);
    fixture.host.advance(1000);
    assert.deepEqual(serve(fixture), []);
  });
});

describe('TSC-deadline mode', () => {
  it('raises one interrupt when the time-stamp counter reaches the deadline, and clears it', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.host.advance(100);
    fixture.bus.writeDeadline(0, 1100n);
    assert.equal(fixture.bus.readDeadline(0), 1100n);
    fixture.host.advance(999);
    assert.deepEqual(fixture.intr, [false]);
    fixture.host.advance(1);
    assert.deepEqual(serve(fixture), [VECTOR]);
    assert.equal(fixture.bus.readDeadline(0), 0n);
    fixture.host.advance(10_000);
    assert.deepEqual(serve(fixture), []);
  });

  it('raises it at once for a deadline that has passed', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.host.advance(5000);
    fixture.bus.writeDeadline(0, 1n);
    assert.deepEqual(serve(fixture), [VECTOR]);
  });

  it('is disarmed by 0', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.bus.writeDeadline(0, 1000n);
    fixture.bus.writeDeadline(0, 0n);
    fixture.host.advance(5000);
    assert.deepEqual(serve(fixture), []);
    assert.deepEqual(fixture.host.pendingEvents(), []);
  });

  it('follows a time-stamp counter that the guest sets', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.bus.writeDeadline(0, 1_000_000n);
    fixture.timeStampOffset = 999_000n;
    fixture.bus.timeStampChanged(0);
    fixture.host.advance(1000);
    assert.deepEqual(serve(fixture), [VECTOR]);
  });

  it('ignores the initial count, and the deadline is ignored in other modes', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.write(REG.initialCount, 1000);
    assert.equal(fixture.read(REG.currentCount), 0);
    fixture.host.advance(5000);
    assert.deepEqual(serve(fixture), []);
    fixture.write(REG.lvtTimer, MODE.oneShot | VECTOR);
    fixture.bus.writeDeadline(0, 6000n);
    assert.equal(fixture.bus.readDeadline(0), 0n);
    fixture.host.advance(5000);
    assert.deepEqual(serve(fixture), []);
  });

  it('disarms the timer on the way in and out', () => {
    const fixture = create(MODE.periodic | VECTOR);
    fixture.write(REG.initialCount, 1000);
    fixture.write(REG.lvtTimer, MODE.deadline | VECTOR);
    fixture.write(REG.lvtTimer, MODE.periodic | VECTOR);
    assert.equal(fixture.read(REG.currentCount), 0);
    fixture.host.advance(5000);
    assert.deepEqual(serve(fixture), []);
    fixture.write(REG.lvtTimer, MODE.deadline | VECTOR);
    fixture.bus.writeDeadline(0, 1_000_000n);
    fixture.write(REG.lvtTimer, MODE.oneShot | VECTOR);
    fixture.write(REG.lvtTimer, MODE.deadline | VECTOR);
    assert.equal(fixture.bus.readDeadline(0), 0n);
  });

  it('follows a deadline that comes within sight only later, whatever is done meanwhile', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.bus.writeDeadline(0, 2n ** 52n + 1000n);
    assert.deepEqual(fixture.host.pendingEvents(), []);
    fixture.host.advance(2000);
    fixture.write(REG.tpr, 0);
    fixture.host.advance(2 ** 52 - 1001);
    assert.deepEqual(serve(fixture), []);
    fixture.host.advance(1);
    assert.deepEqual(serve(fixture), [VECTOR]);
  });

  it('holds any 64-bit deadline', () => {
    const fixture = create(MODE.deadline | VECTOR);
    fixture.bus.writeDeadline(0, 0xffff_ffff_ffff_ffffn);
    assert.equal(fixture.bus.readDeadline(0), 0xffff_ffff_ffff_ffffn);
    fixture.host.advance(1_000_000);
    assert.deepEqual(serve(fixture), []);
  });
});
