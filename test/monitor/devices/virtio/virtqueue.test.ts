/** Split virtqueues: VIRTIO 1.2, 2.7, by way of the entropy device, which fills whatever it is given. */
import assert from 'node:assert/strict';
import { VirtioRng } from '../../../../src/monitor/devices/virtio/rng';
import { COMMON, Driver, type DriverQueue, MEMORY_BYTES, SLOT, STATUS } from './driver';

function started(features: readonly number[] = [], size = 8): Driver<VirtioRng> {
  const driver = new Driver((surroundings) => new VirtioRng(surroundings, { name: 'rng', slot: SLOT, next: () => 0xa5a5_a5a5_a5a5_a5a5n }));
  driver.start(features, [size]);
  return driver;
}

const INDIRECT = 4;
const WRITE = 2;
const NEXT = 1;

/** An indirect table of room for the device: pieces of these sizes. Gives its address. */
function table(driver: Driver<VirtioRng>, sizes: readonly number[], change: (queue: DriverQueue, at: number) => void = () => undefined): number {
  const [queue] = driver.queues;
  const at = queue.place(16 * sizes.length);
  sizes.forEach((bytes, index) => { queue.descriptor(at + 16 * index, queue.place(bytes), bytes, WRITE | (index + 1 < sizes.length ? NEXT : 0), index + 1); });
  change(queue, at);
  return at;
}

function offerTable(driver: Driver<VirtioRng>, at: number, bytes: number, flags = INDIRECT): void {
  const [queue] = driver.queues;
  queue.descriptor(queue.descriptors, at, bytes, flags, 1);
  queue.announce(0);
  driver.kick(0);
  driver.host.advance(1_000_000);
}

describe('split virtqueue', () => {
  it('takes chains and gives them back with what was written', () => {
    const driver = started();
    const { used, at } = driver.request(0, [10, 20, 5]);
    assert.deepEqual(used, [{ head: 0, written: 35 }]);
    assert.deepEqual(at.map((address, index) => driver.slice(address, [10, 20, 5][index]).every((byte) => byte === 0xa5)), [true, true, true]);
    assert.deepEqual([...driver.slice(at[0] + 10, 6)], [0, 0, 0, 0, 0, 0], 'and nothing beyond');
  });

  it('goes round its rings and over 2^16', function () {
    this.timeout(20_000);
    const driver = started();
    const [queue] = driver.queues;
    let given = 0;
    for (let round = 0; round < 70_000 / 4; round++) {
      for (let count = 0; count < 4; count++) {
        queue.descriptor(queue.descriptors + 16 * count, 0x8000, 1, WRITE, 0);
        queue.announce(count);
      }
      driver.kick(0);
      driver.host.advance(5_000);
      given += queue.used().length;
    }
    assert.deepEqual([given, queue.index], [70_000, 70_000 % 65_536]);
  });

  it('takes indirect tables of any order, when they have been negotiated (2.7.5.3)', () => {
    const driver = started([COMMON.indirect]);
    const at = table(driver, [3, 4, 5], (queue, start) => {
      // 0 -> 2 -> 1
      queue.descriptor(start, 0x9000, 3, WRITE | NEXT, 2);
      queue.descriptor(start + 32, 0x9100, 5, WRITE | NEXT, 1);
      queue.descriptor(start + 16, 0x9200, 4, WRITE, 0);
    });
    offerTable(driver, at, 48);
    assert.deepEqual(driver.queues[0].used(), [{ head: 0, written: 12 }]);
    const without = started();
    offerTable(without, table(without, [3]), 16);
    assert.equal(without.status & STATUS.needsReset, STATUS.needsReset);
  });

  it('takes an indirect table behind ordinary descriptors, and longer ones than the queue', () => {
    const driver = started([COMMON.indirect]);
    const [queue] = driver.queues;
    const at = table(driver, new Array<number>(40).fill(2));
    queue.descriptor(queue.descriptors, 0x9000, 7, WRITE | NEXT, 1);
    queue.descriptor(queue.descriptors + 16, at, 16 * 40, INDIRECT, 0);
    queue.announce(0);
    driver.kick(0);
    driver.host.advance(1_000_000);
    assert.deepEqual(queue.used(), [{ head: 0, written: 87 }]);
  });

  describe('broken by its driver', () => {
    const CASES: Readonly<Record<string, (driver: Driver<VirtioRng>) => void>> = {
      'a head that there is not': ({ queues: [queue] }) => { queue.announce(8); },
      'an available index that runs ahead': ({ memory, queues: [queue] }) => { memory.view.setUint16(queue.available + 2, 9, true); },
      'a chain that is a loop': ({ queues: [queue] }) => {
        queue.descriptor(queue.descriptors, 0x9000, 1, WRITE | NEXT, 1);
        queue.descriptor(queue.descriptors + 16, 0x9000, 1, WRITE | NEXT, 0);
        queue.announce(0);
      },
      'a link to nowhere': ({ queues: [queue] }) => {
        queue.descriptor(queue.descriptors, 0x9000, 1, WRITE | NEXT, 8);
        queue.announce(0);
      },
      'something to read behind room to write': ({ queues: [queue] }) => {
        queue.descriptor(queue.descriptors, 0x9000, 1, WRITE | NEXT, 1);
        queue.descriptor(queue.descriptors + 16, 0x9000, 1, 0, 0);
        queue.announce(0);
      },
      'a descriptor beyond 40 bits': ({ queues: [queue] }) => {
        queue.descriptor(queue.descriptors, 2 ** 40 - 1, 2, WRITE, 0);
        queue.announce(0);
      },
      'more than 4 GiB': ({ queues: [queue] }) => {
        queue.descriptor(queue.descriptors, 0, 0xffff_ffff, WRITE | NEXT, 1);
        queue.descriptor(queue.descriptors + 16, 0, 0xffff_ffff, WRITE, 0);
        queue.announce(0);
      },
    };
    for (const [name, breaks] of Object.entries(CASES)) {
      it(name, () => {
        const driver = started([COMMON.indirect]);
        breaks(driver);
        driver.kick(0);
        driver.host.advance(1_000_000);
        assert.deepEqual([driver.status & STATUS.needsReset, driver.queues[0].used()], [STATUS.needsReset, []]);
      });
    }

    const TABLES: Readonly<Record<string, (driver: Driver<VirtioRng>) => readonly [at: number, bytes: number, flags?: number]>> = {
      'an indirect table of no size': (driver) => [table(driver, [1]), 0],
      'an indirect table of a size that is no multiple of 16': (driver) => [table(driver, [1]), 17],
      'an indirect table that is far too long': () => [0x8000, 16 * 1025],
      'an indirect table beyond memory': () => [2 ** 40 - 16, 32],
      'an indirect table with a successor': (driver) => [table(driver, [1]), 16, INDIRECT | NEXT],
      'an indirect table in an indirect table': (driver) => [table(driver, [1, 1], (queue, at) => { queue.descriptor(at, at, 32, INDIRECT, 0); }), 32],
      'a loop in an indirect table': (driver) => [table(driver, [1, 1], (queue, at) => { queue.descriptor(at + 16, 0x9000, 1, WRITE | NEXT, 0); }), 32],
      'a link out of an indirect table': (driver) => [table(driver, [1, 1], (queue, at) => { queue.descriptor(at + 16, 0x9000, 1, WRITE | NEXT, 2); }), 32],
    };
    for (const [name, make] of Object.entries(TABLES)) {
      it(name, () => {
        const driver = started([COMMON.indirect]);
        offerTable(driver, ...make(driver));
        assert.deepEqual([driver.status & STATUS.needsReset, driver.queues[0].used()], [STATUS.needsReset, []]);
      });
    }

    it('rings where no memory is', () => {
      const driver = started();
      driver.start([], []);
      driver.enable(0, 8);
      driver.status = 0;
      driver.take([COMMON.version1]);
      driver.setCommon(22, 2, 0);
      [0, 1, 2].forEach((area) => { driver.setCommon(32 + 8 * area, 4, MEMORY_BYTES * 2); });
      driver.setCommon(28, 2, 1);
      driver.status = 0x0f;
      driver.kick(0);
      driver.host.advance(1_000_000);
      assert.equal(driver.status & STATUS.needsReset, STATUS.needsReset);
    });
  });

  describe('interrupts', () => {
    it('come unless the driver does not want them (2.7.7)', () => {
      const driver = started();
      driver.memory.view.setUint16(driver.queues[0].available, 1, true);
      driver.request(0, [4]);
      assert.equal(driver.asserted, false);
      driver.memory.view.setUint16(driver.queues[0].available, 0, true);
      driver.request(0, [4]);
      assert.equal(driver.asserted, true);
    });

    it('come at the index that the driver names, with event indexes (2.7.10)', () => {
      const driver = started([COMMON.eventIndex]);
      const [queue] = driver.queues;
      const usedEvent = queue.available + 4 + 2 * queue.size;
      driver.memory.view.setUint16(usedEvent, 2, true);
      const seen: boolean[] = [];
      for (let count = 0; count < 5; count++) {
        driver.request(0, [4]);
        seen.push(driver.asserted);
        driver.isr();
      }
      // The first time always; then when the third has been used, and no more.
      assert.deepEqual(seen, [true, false, true, false, false]);
    });

    it('come once for many that were used at a time', () => {
      const driver = started([COMMON.eventIndex]);
      const [queue] = driver.queues;
      driver.request(0, [4]);
      driver.isr();
      driver.memory.view.setUint16(queue.available + 4 + 2 * queue.size, 3, true);
      for (let count = 0; count < 4; count++) queue.offer([4]);
      driver.kick(0);
      driver.host.advance(1_000_000);
      assert.deepEqual([queue.used().length, driver.asserted], [4, true]);
    });

    it('and the device names the index at which it wants to be notified', () => {
      const driver = started([COMMON.eventIndex]);
      const [queue] = driver.queues;
      const availableEvent = queue.usedRing + 4 + 8 * queue.size;
      for (let count = 1; count < 4; count++) {
        driver.request(0, [4]);
        assert.equal(driver.memory.view.getUint16(availableEvent, true), count);
      }
    });
  });
});
