/** The virtio memory balloon: VIRTIO 1.2, 5.5. */
import assert from 'node:assert/strict';
import { VirtioBalloon } from '../../../../src/monitor/devices/virtio/balloon';
import { Driver, SLOT } from './driver';

const FEATURE = { mustTellHost: 0, statistics: 1, deflateOnOom: 2, freePageHint: 3, pagePoison: 4, reporting: 5 } as const;
const QUEUE = { inflate: 0, deflate: 1, statistics: 2, reporting: 4 } as const;
const CONFIG = { pages: 0, actual: 4, poison: 12 } as const;
const GUEST = 64 << 20;
const PAGE = 4096;
const ISR_CONFIGURATION = 2;
const TEN_SECONDS = 10_000_000_000;
const NEEDS_RESET = 0x40;

interface Fixture {
  readonly driver: Driver<VirtioBalloon>;
  /** What has been done to pages, in order. */
  readonly done: string[];
}

function plugged(): Fixture {
  const done: string[] = [];
  const pages = { take: (page: number) => void done.push(`-${String(page)}`), release: (page: number) => void done.push(`+${String(page)}`) };
  return { done, driver: new Driver((surroundings) => new VirtioBalloon(surroundings, { name: 'balloon', slot: SLOT, memoryBytes: GUEST, pages })) };
}

function started(features: readonly number[] = [FEATURE.statistics, FEATURE.reporting]): Fixture {
  const fixture = plugged();
  fixture.driver.start(features, [8, 8, 8, 8, 8]);
  return fixture;
}

/** Page numbers as a driver sends them. */
function numbers(...pages: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(pages).buffer);
}

function statistic(tag: number, value: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(10));
  view.setUint16(0, tag, true);
  view.setBigUint64(2, value, true);
  return new Uint8Array(view.buffer);
}

describe('virtio balloon', () => {
  it('offers what it does, and five queues', () => {
    const { driver } = plugged();
    const offered = driver.offered();
    assert.deepEqual(Object.values(FEATURE).filter((bit) => offered.has(bit)), [FEATURE.statistics, FEATURE.deflateOnOom, FEATURE.pagePoison, FEATURE.reporting]);
    assert.equal(driver.common(18, 2), 5);
    assert.deepEqual([driver.config(CONFIG.pages, 4), driver.config(CONFIG.actual, 4)], [0, 0]);
    assert.equal(driver.configRead(2, 2), 0x1045);
  });

  describe('size', () => {
    it('is told to the driver by an interrupt, once for each change', () => {
      const { driver } = started();
      const generation = driver.common(21, 1);
      driver.device.setTarget(GUEST - 100 * PAGE);
      assert.deepEqual([driver.config(CONFIG.pages, 4), driver.asserted, driver.isr()], [100, true, ISR_CONFIGURATION]);
      assert.notEqual(driver.common(21, 1), generation);
      driver.device.setTarget(GUEST - 100 * PAGE);
      assert.equal(driver.asserted, false);
      driver.device.setTarget(GUEST);
      assert.deepEqual([driver.config(CONFIG.pages, 4), driver.asserted], [0, true]);
    });

    it('leaves parts of pages to the guest', () => {
      const { driver } = started();
      driver.device.setTarget(GUEST - 3 * PAGE + 1);
      assert.equal(driver.config(CONFIG.pages, 4), 2);
    });

    it('is nothing that the machine does not have', () => {
      const { driver } = started();
      for (const memory of [GUEST + 1, 64, -1, NaN]) assert.throws(() => driver.device.setTarget(memory), RangeError, String(memory));
      assert.equal(driver.config(CONFIG.pages, 4), 0);
    });

    it('waits for a driver, and stays when a driver begins anew; power-on forgets it', () => {
      const { driver } = plugged();
      driver.device.setTarget(GUEST - 5 * PAGE);
      assert.deepEqual([driver.config(CONFIG.pages, 4), driver.asserted], [5, false]);
      driver.start([], [8, 8, 8, 8, 8]);
      driver.setConfig(CONFIG.actual, 4, 5);
      driver.status = 0;
      assert.deepEqual([driver.config(CONFIG.pages, 4), driver.config(CONFIG.actual, 4)], [5, 0]);
      driver.device.setTarget(GUEST - 5 * PAGE);
      driver.device.reset();
      assert.equal(driver.device.view().target, GUEST);
    });

    it('is shown, with what the driver says that it has done', () => {
      const { driver } = started();
      driver.device.setTarget(GUEST - 9 * PAGE);
      driver.setConfig(CONFIG.actual, 4, 4);
      driver.setConfig(CONFIG.pages, 4, 77);
      const { target, taken, driven, memory } = driver.device.view();
      assert.deepEqual({ target, taken, driven, memory }, { target: GUEST - 9 * PAGE, taken: 4 * PAGE, driven: true, memory: GUEST });
    });
  });

  describe('inflating and deflating', () => {
    it('takes the pages whose numbers it is sent, and lets go of them', () => {
      const { driver, done } = started();
      const { used } = driver.request(QUEUE.inflate, [numbers(7, 9), numbers(8)]);
      assert.deepEqual([done, used.map(({ written }) => written), driver.asserted], [['-7', '-9', '-8'], [0], true]);
      driver.request(QUEUE.deflate, [numbers(9)]);
      assert.deepEqual(done.slice(3), ['+9']);
    });

    it('does nothing at once, and much of it bit by bit', () => {
      const { driver, done } = started();
      const many = Array.from({ length: 600 }, (_, index) => index);
      driver.queues[QUEUE.inflate].offer([numbers(...many)]);
      driver.kick(QUEUE.inflate);
      assert.equal(done.length, 0);
      driver.host.advance(6_000);
      assert.deepEqual([done.length, driver.queues[QUEUE.inflate].used().length], [256, 0]);
      driver.host.advance(1_000_000);
      assert.deepEqual([done, driver.queues[QUEUE.inflate].used().length], [many.map((page) => `-${String(page)}`), 1]);
    });

    it('gives chains back that have no whole number in them', () => {
      const { driver, done } = started();
      for (const piece of [Uint8Array.of(1, 2, 3), 64, numbers(5).subarray(0, 4), Uint8Array.of(6, 0, 0, 0, 7)]) assert.equal(driver.request(QUEUE.inflate, [piece]).used.length, 1);
      assert.deepEqual(done, ['-5', '-6']);
    });

    it('breaks when a descriptor is none, and touches nothing until it is reset', () => {
      const { driver, done } = started();
      driver.queues[QUEUE.inflate].offer([numbers(...Array.from({ length: 900 }, () => 1))]);
      driver.kick(QUEUE.inflate);
      driver.host.advance(6_000);
      driver.queues[QUEUE.deflate].announce(99);
      driver.kick(QUEUE.deflate);
      driver.host.advance(1_000_000);
      assert.notEqual(driver.status & NEEDS_RESET, 0);
      assert.match(driver.device.state.fault, /queue 1: the available ring names a descriptor that there is not/);
      assert.equal(done.length, 512, 'what came before that');
      driver.memory.bytes.fill(0);
      driver.start([], [8, 8, 8, 8, 8]);
      driver.host.advance(1_000_000);
      assert.deepEqual([done.length, driver.device.state.fault], [512, '']);
    });
  });

  describe('statistics', () => {
    it('are taken from the buffer, which is kept for the next question', () => {
      const { driver } = started();
      const { used } = driver.request(QUEUE.statistics, [statistic(4, 1000n), Uint8Array.from([...statistic(5, 5_000_000_000n), ...statistic(0, 2n ** 64n - 1n), ...statistic(77, 1n), 1, 2])]);
      assert.deepEqual(used, []);
      assert.deepEqual(driver.device.view().statistics, [{ name: 'free', value: 1000 }, { name: 'total', value: 5_000_000_000 }]);
      driver.host.advance(TEN_SECONDS);
      assert.deepEqual([driver.queues[QUEUE.statistics].used().length, driver.asserted], [1, true]);
      driver.request(QUEUE.statistics, [statistic(6, 9n)]);
      assert.deepEqual(driver.device.view().statistics, [{ name: 'available', value: 9 }]);
    });

    it('are found when the driver has notified before it was ready, as Linux does', () => {
      const { driver } = plugged();
      driver.start([FEATURE.statistics], [8, 8, 8, 8, 8]);
      driver.status = 0;
      driver.status = 3;
      driver.take([32, FEATURE.statistics]);
      for (let number = 0; number < 5; number++) driver.enable(number, 8);
      driver.queues[QUEUE.statistics].offer([statistic(4, 5n)]);
      driver.kick(QUEUE.statistics);
      driver.status = 0x0f;
      driver.host.advance(1_000_000);
      assert.deepEqual(driver.device.view().statistics, [{ name: 'free', value: 5 }]);
    });

    it('have one buffer: of more the earlier ones are given back', () => {
      const { driver } = started();
      driver.request(QUEUE.statistics, [statistic(4, 1n)]);
      assert.equal(driver.request(QUEUE.statistics, [statistic(4, 2n)]).used.length, 1);
      assert.deepEqual(driver.device.view().statistics, [{ name: 'free', value: 2 }]);
    });
  });

  describe('reporting of free pages', () => {
    it('takes the whole pages of the buffers', () => {
      const { driver, done } = started();
      const queue = driver.queues[QUEUE.reporting];
      queue.descriptor(queue.descriptors, 10 * PAGE, 2 * PAGE, 3, 1);
      queue.descriptor(queue.descriptors + 16, 20 * PAGE + 1, 3 * PAGE, 2, 0);
      queue.announce(0);
      driver.kick(QUEUE.reporting);
      driver.host.advance(1_000_000);
      assert.deepEqual([done, queue.used().length], [['-10', '-11', '-21', '-22'], 1]);
    });

    it('takes much bit by bit, over several buffers', () => {
      const { driver, done } = started();
      const queue = driver.queues[QUEUE.reporting];
      queue.descriptor(queue.descriptors, 0, 250 * PAGE, 3, 1);
      queue.descriptor(queue.descriptors + 16, 1000 * PAGE, 300 * PAGE, 2, 0);
      queue.announce(0);
      driver.kick(QUEUE.reporting);
      driver.host.advance(6_000);
      assert.equal(done.length, 256);
      driver.host.advance(1_000_000);
      assert.deepEqual(done, [...Array.from({ length: 250 }, (_, index) => `-${String(index)}`), ...Array.from({ length: 300 }, (_, index) => `-${String(1000 + index)}`)]);
      assert.equal(queue.used().length, 1);
    });

    it('leaves pages alone that hold a pattern which the guest will look for', () => {
      const { driver, done } = started([FEATURE.reporting, FEATURE.pagePoison]);
      driver.setConfig(CONFIG.poison, 4, 0xaaaaaaaa);
      assert.equal(driver.request(QUEUE.reporting, [2 * PAGE]).used.length, 1);
      assert.deepEqual(done, []);
      driver.setConfig(CONFIG.poison, 4, 0);
      driver.request(QUEUE.reporting, [3 * PAGE]);
      assert.ok(done.length >= 2);
    });

    it('is found where drivers put it that number only the queues which they have agreed on', () => {
      for (const [features, place] of [[[FEATURE.statistics, FEATURE.reporting], 3], [[FEATURE.reporting], 2]] as const) {
        const { driver, done } = started(features);
        driver.request(place, [3 * PAGE]);
        assert.ok(done.length >= 2, String(place));
      }
    });

    it('is not done for a driver that has not agreed on it', () => {
      const { driver, done } = started([FEATURE.statistics]);
      driver.request(QUEUE.reporting, [3 * PAGE]);
      assert.deepEqual(done, []);
    });
  });
});
