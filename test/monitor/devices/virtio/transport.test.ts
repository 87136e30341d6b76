/** The virtio transport over PCI: VIRTIO 1.2, chapters 2, 3 and 4.1, on the simplest device that there is (entropy), and on a disk. */
import assert from 'node:assert/strict';
import { VirtioBlock } from '../../../../src/monitor/devices/virtio/block';
import { VirtioRng } from '../../../../src/monitor/devices/virtio/rng';
import { MemoryDisk } from '../memory-disk';
import { COMMON, Driver, SLOT, STATUS } from './driver';

function rng(): Driver<VirtioRng> {
  let seed = 0n;
  return new Driver((surroundings) => new VirtioRng(surroundings, { name: 'rng', slot: SLOT, next: () => ++seed * 0x0101_0101_0101_0101n }));
}

function disk(): Driver<VirtioBlock> {
  return new Driver((surroundings) => new VirtioBlock(surroundings, { name: 'disk', slot: SLOT, disk: new MemoryDisk(0x1234), serial: 'one' }));
}

describe('virtio transport', () => {
  it('is a modern device by its IDs (4.1.2)', () => {
    const driver = rng();
    assert.deepEqual([driver.configRead(0, 4), driver.configRead(8, 1), driver.configRead(0x2c, 4)], [0x1044_1af4, 1, 0x1100_1af4]);
    assert.equal(disk().configRead(2, 2), 0x1042);
    assert.equal(driver.configRead(0x3d, 1), 1);
  });

  it('has all structures in its list of capabilities, inside the base address register', () => {
    const driver = disk();
    assert.deepEqual([...driver.structures.keys()].sort(), [1, 2, 3, 4, 5]);
    assert.ok((driver.structures.get(1)?.length ?? 0) >= 56 && (driver.structures.get(4)?.length ?? 0) >= 57);
    driver.configWrite(0x20, 4, 0xffff_ffff);
    const bytes = (~(driver.configRead(0x20, 4) & ~15) + 1) >>> 0;
    assert.ok([...driver.structures.values()].every(({ offset, length }) => offset + length <= bytes));
    assert.equal(rng().structures.has(4), false, 'no device configuration, no capability for it');
  });

  it('moves with its base address register, and is not there without one', () => {
    const driver = disk();
    assert.deepEqual(driver.device.regions, [{ first: 0xfe00_0000, bytes: 0x4000 }]);
    driver.configWrite(0x20, 4, 0xc000_0000);
    assert.deepEqual(driver.device.regions, [{ first: 0xc000_0000, bytes: 0x4000 }]);
    assert.equal(driver.device.readMemory(0xc000_0000 + 18, 2), 1, 'number of queues');
    driver.configWrite(0x04, 2, 0);
    assert.deepEqual(driver.device.regions, []);
  });

  describe('negotiation (3.1.1)', () => {
    it('offers VERSION_1, indirect descriptors and event indexes', () => {
      const offered = rng().offered();
      assert.deepEqual([...offered], [COMMON.indirect, COMMON.eventIndex, COMMON.version1]);
      const driver = rng();
      driver.setCommon(0, 4, 2);
      assert.equal(driver.common(4, 4), 0);
    });

    it('refuses a driver without VERSION_1, and one that takes what is not offered', () => {
      for (const features of [[], [COMMON.indirect], [COMMON.version1, 3], [COMMON.version1, 33]]) {
        const driver = rng();
        driver.status = STATUS.acknowledge | STATUS.driver;
        assert.equal(driver.take(features), false, features.join());
        assert.equal(driver.status, STATUS.acknowledge | STATUS.driver);
        // It may think again.
        assert.equal(driver.take([COMMON.version1]), true);
      }
    });

    it('keeps features as they were agreed on', () => {
      const driver = rng();
      assert.ok(driver.take([COMMON.version1]));
      driver.setCommon(8, 4, 0);
      driver.setCommon(12, 4, 1 << COMMON.eventIndex);
      assert.equal(driver.common(12, 4), 0);
      driver.setCommon(8, 4, 1);
      assert.equal(driver.common(12, 4), 1);
    });

    it('does nothing before DRIVER_OK, without a bus master, or without agreed features', () => {
      const driver = rng();
      const tried = (): number => driver.request(0, [16]).used.length;
      driver.status = STATUS.acknowledge | STATUS.driver;
      driver.take([COMMON.version1]);
      driver.enable(0, 8);
      assert.equal(tried(), 0);
      driver.configWrite(0x04, 2, 0x02);
      driver.status = driver.status | STATUS.driverOk;
      assert.equal(tried(), 0);
      driver.configWrite(0x04, 2, 0x06);
      assert.equal(tried(), 3);
      const hasty = rng();
      hasty.enable(0, 8);
      hasty.status = STATUS.acknowledge | STATUS.driver | STATUS.driverOk;
      assert.equal(hasty.request(0, [16]).used.length, 0);
    });
  });

  describe('queues', () => {
    it('are selected, sized and enabled (4.1.4.3)', () => {
      const driver = disk();
      assert.deepEqual([driver.common(24, 2), driver.common(28, 2), driver.common(30, 2), driver.common(26, 2)], [256, 0, 0, 0xffff]);
      for (const wrong of [0, 3, 512, 0x8000]) {
        driver.setCommon(24, 2, wrong);
        assert.equal(driver.common(24, 2), 256, String(wrong));
      }
      driver.setCommon(24, 2, 16);
      driver.setCommon(32, 4, 0x1234_5670);
      driver.setCommon(36, 4, 0x9);
      driver.setCommon(28, 2, 1);
      // From now on they stand.
      driver.setCommon(24, 2, 8);
      driver.setCommon(32, 4, 0);
      driver.setCommon(28, 2, 0);
      assert.deepEqual([driver.common(24, 2), driver.common(28, 2), driver.common(32, 4), driver.common(36, 4)], [16, 1, 0x1234_5670, 9]);
      driver.setCommon(22, 2, 1);
      assert.deepEqual([driver.common(24, 2), driver.common(28, 2), driver.common(32, 4)], [0, 0, 0], 'there is no queue 1');
    });

    it('takes bytes of its registers, too', () => {
      const driver = disk();
      [0x10, 0x32, 0x54, 0x76].forEach((byte, index) => { driver.setCommon(32 + index, 1, byte); });
      assert.equal(driver.common(32, 4), 0x7654_3210);
      assert.equal(driver.common(33, 2), 0x5432);
    });
  });

  it('a reset forgets everything, and takes the interrupt back', () => {
    const driver = rng();
    driver.start([], [8]);
    assert.equal(driver.request(0, [16]).used.length, 1);
    assert.equal(driver.asserted, true);
    driver.queues[0].offer([16]);
    driver.kick(0);
    driver.status = 0;
    assert.deepEqual([driver.asserted, driver.status, driver.common(28, 2), driver.isr()], [false, 0, 0, 0]);
    assert.deepEqual(driver.host.pendingEvents(), []);
    driver.start([], [8]);
    assert.equal(driver.request(0, [16]).used.length, 1);
  });

  it('its interrupt is a level until the ISR status has been read (4.1.4.5)', () => {
    const driver = rng();
    driver.start([], [8]);
    driver.request(0, [16]);
    assert.equal(driver.device.peek('ISR status', 'isr'), 1);
    assert.equal(driver.asserted, true);
    assert.equal(driver.isr(), 1);
    assert.deepEqual([driver.asserted, driver.isr()], [false, 0]);
  });

  it('needs a reset when the driver breaks the rules, says so, and touches nothing more', () => {
    const driver = rng();
    driver.start([], [8]);
    driver.queues[0].announce(8);
    driver.kick(0);
    driver.host.advance(1_000_000);
    assert.equal(driver.status & STATUS.needsReset, STATUS.needsReset);
    assert.deepEqual([driver.asserted, driver.isr()], [true, 2]);
    assert.match(driver.device.state.fault, /queue 0/);
    const before = driver.memory.bytes.slice();
    driver.kick(0);
    driver.host.advance(1_000_000);
    assert.deepEqual(driver.memory.bytes, before);
    driver.status = 0x0f;
    assert.equal(driver.status & STATUS.needsReset, STATUS.needsReset, 'only a reset mends it');
    driver.start([], [8]);
    assert.deepEqual([driver.status, driver.request(0, [16]).used.length, driver.device.state.fault], [0x0f, 1, '']);
  });

  it('is reached through the window in configuration space (4.1.4.9)', () => {
    const driver = disk();
    const access = (offset: number, bytes: number): void => {
      driver.configWrite(driver.window + 4, 1, 4);
      driver.configWrite(driver.window + 8, 4, offset);
      driver.configWrite(driver.window + 12, 4, bytes);
    };
    const device = driver.structures.get(4)?.offset ?? 0;
    access(device, 4);
    assert.equal(driver.configRead(driver.window + 16, 4), 0x1234);
    access(device + 1, 1);
    assert.equal(driver.configRead(driver.window + 16, 1), 0x12);
    access(20, 1);
    driver.configWrite(driver.window + 16, 1, 3);
    assert.equal(driver.status, 3);
    // Decoding need not be on, and what is not possible does nothing.
    driver.configWrite(0x04, 2, 0);
    assert.equal(driver.configRead(driver.window + 16, 1), 3);
    for (const [offset, bytes] of [[20, 3], [21, 2], [0x4000, 1], [0xffff_fffc, 4]]) {
      access(offset, bytes);
      driver.configWrite(driver.window + 16, 4, 0);
      driver.configRead(driver.window + 16, 4);
    }
    access(20, 1);
    driver.configWrite(driver.window + 4, 1, 0);
    driver.configWrite(driver.window + 16, 1, 0);
    driver.configWrite(driver.window + 4, 1, 4);
    assert.equal(driver.configRead(driver.window + 16, 1), 3);
  });

  it('describes what it has: reset values are what a driver reads', () => {
    const driver = disk();
    const base = 0xfe00_0000;
    for (const { name, base: at, registers } of driver.device.description.blocks) {
      for (const register of registers) {
        if (register.access === 'write-only') continue;
        assert.equal(driver.device.readMemory(base + at + register.at, register.bytes), register.reset ?? 0, `${name}: ${register.name}`);
        assert.equal(driver.device.peek(name, register.name), register.reset ?? 0);
      }
    }
  });
});
