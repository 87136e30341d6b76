/** Whatever a guest writes into registers, rings and buffers: no exception, no endless work, no growth. */
import assert from 'node:assert/strict';
import { serialize } from 'node:v8';
import type { AccessSize } from '../../../../src/monitor/devices/device';
import { VirtioBalloon } from '../../../../src/monitor/devices/virtio/balloon';
import { VirtioBlock } from '../../../../src/monitor/devices/virtio/block';
import { VirtioConsole } from '../../../../src/monitor/devices/virtio/console';
import { VirtioNet } from '../../../../src/monitor/devices/virtio/net';
import { VirtioNinep } from '../../../../src/monitor/devices/virtio/ninep';
import { VirtioRng } from '../../../../src/monitor/devices/virtio/rng';
import type { VirtioDevice, VirtioSurroundings } from '../../../../src/monitor/devices/virtio/transport';
import { createRandom } from '../fake-host';
import { MemoryDisk } from '../memory-disk';
import { Driver, MEMORY_BYTES, SLOT } from './driver';

type Device = VirtioDevice<object>;

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const DEVICES: Readonly<Record<string, (surroundings: VirtioSurroundings) => Device>> = {
  block: (surroundings) => new VirtioBlock(surroundings, { name: 'block', slot: SLOT, disk: new MemoryDisk(64), serial: 'x' }),
  net: (surroundings) => new VirtioNet(surroundings, { name: 'net', slot: SLOT, channel: 'net0', mac: MAC }),
  rng: (surroundings) => new VirtioRng(surroundings, { name: 'rng', slot: SLOT, next: () => 0x1122_3344_5566_7788n }),
  console: (surroundings) => new VirtioConsole(surroundings, { name: 'console', slot: SLOT, ports: [{ channel: 'hvc0' }, { channel: 'hvc1', portName: 'name' }] }),
  ninep: (surroundings) => new VirtioNinep(surroundings, { name: 'ninep', slot: SLOT, channel: '9p0', tag: 'tag' }),
  balloon: (surroundings) => new VirtioBalloon(surroundings, { name: 'balloon', slot: SLOT, memoryBytes: 2 * MEMORY_BYTES, pages: { take: () => undefined, release: () => undefined } }),
};

/** The most that a device may keep of a guest's doing: chains of full length in every place that there is for one. */
const MOST_STATE = 16_000_000;
const QUEUE_SIZE = 16;

class Fuzz {
  readonly driver: Driver<Device>;

  constructor(create: (surroundings: VirtioSurroundings) => Device, private readonly random: (limit: number) => number) {
    this.driver = new Driver(create);
    this.begin();
  }

  /** All features that are offered, or some. */
  private begin(): void {
    const { driver, random } = this;
    driver.status = 0;
    driver.status = 3;
    driver.take([...driver.offered()].filter((bit) => bit === 32 || random(4) !== 0));
    for (let number = 0; number < driver.common(18, 2); number++) driver.enable(number, QUEUE_SIZE);
    driver.status = 0x0f;
  }

  private address(): number {
    const choice = this.random(8);
    if (choice === 0) return this.random(0x1_0000_0000) * 2 ** this.random(32);
    return this.random(choice === 1 ? 0x10_0000 : 0x8_0000);
  }

  /** A queue's rings and descriptors get random contents that are near to sense. */
  private scribble(): void {
    const { driver, random } = this;
    const queue = driver.queues[random(driver.queues.length)];
    for (let index = 0; index < QUEUE_SIZE; index++) {
      const bytes = random(6) === 0 ? random(0x1_0000_0000) : random(3) === 0 ? 16 * random(20) : random(600);
      queue.descriptor(queue.descriptors + 16 * index, this.address(), bytes, random(5) === 0 ? random(0x1_0000) : random(4), random(8) === 0 ? random(0x1_0000) : (index + 1) % QUEUE_SIZE);
    }
    for (let count = random(QUEUE_SIZE); count > 0; count--) queue.announce(random(10) === 0 ? random(0x1_0000) : random(QUEUE_SIZE));
    for (let count = random(40); count > 0; count--) driver.memory.bytes[random(0x8_0000)] = random(256);
    // Small numbers, as commands and types are, where headers are likely to be.
    for (let count = random(40); count > 0; count--) driver.memory.view.setUint32(random(0x8_0000), random(20), true);
    driver.kick(random(driver.queues.length));
    driver.kick(queue.number);
  }

  private input(): void {
    const { device } = this.driver;
    if (device instanceof VirtioNet) device.receive(new Uint8Array(this.random(2000)));
    if (device instanceof VirtioConsole && device.state.own.ports[0].incoming.length < 1000) device.receive(`hvc${String(this.random(2))}`, new Uint8Array(this.random(50)));
    if (device instanceof VirtioBalloon) device.setTarget(2 * MEMORY_BYTES - 4096 * this.random(2));
    if (!(device instanceof VirtioNinep)) return;
    const [request] = device.state.own.outstanding;
    if (request === undefined) return;
    const answer = new Uint8Array(11 + this.random(100));
    new DataView(answer.buffer).setUint32(0, request.number, true);
    device.reply(answer);
  }

  step(): void {
    const { driver, random } = this;
    const choice = random(12);
    const sizes: readonly AccessSize[] = [1, 2, 4];
    const size = sizes[random(3)];
    if (choice === 0 || (driver.status & 0x40) !== 0) this.begin();
    else if (choice < 5) this.scribble();
    else if (choice < 6) this.input();
    else if (choice < 7) driver.device.writeMemory(0xfe00_0000 + random(0x4000), size, random(0x1_0000_0000));
    else if (choice < 8) driver.setCommon(random(60), size, random(2) === 0 ? random(64) : random(0x1_0000_0000));
    else if (choice < 9) {
      const value = driver.device.readMemory(0xfe00_0000 + random(0x4000), size);
      assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * size), String(value));
    } else if (choice < 10) driver.configWrite(0x40 + random(0x70), size, random(0x1_0000_0000));
    else driver.host.advance(random(200_000));
    if (driver.host.sent.length > 100_000) driver.host.sent = [];
  }
}

describe('virtio devices under random guests', function () {
  this.timeout(120_000);
  for (const [name, create] of Object.entries(DEVICES)) {
    it(name, () => {
      const fuzz = new Fuzz(create, createRandom(name.length * 1000 + 1));
      let broken = 0;
      for (let step = 0; step < 6_000; step++) {
        if (fuzz.driver.device.state.fault !== '') broken++;
        fuzz.step();
      }
      const { state } = fuzz.driver.device;
      assert.ok(broken > 100, 'the rules were broken often enough');
      assert.ok(serialize(state).length < MOST_STATE);
      assert.deepEqual(structuredClone(state), state);
    });
  }

  it('does not hang when the used ring lies on the available ring', () => {
    const driver = new Driver(DEVICES['console']);
    driver.start([], []);
    driver.setCommon(22, 2, 0);
    driver.status = 0;
    driver.take([32]);
    driver.setCommon(24, 2, 8);
    [0x1_0000, 0x1_1000, 0x1_1000].forEach((address, area) => { driver.setCommon(32 + 8 * area, 4, address); });
    driver.setCommon(28, 2, 1);
    driver.status = 0x0f;
    driver.memory.view.setUint16(0x1_1002, 4, true);
    if (driver.device instanceof VirtioConsole) driver.device.receive('hvc0', new Uint8Array(100));
    driver.kick(0);
    driver.host.advance(10_000_000);
    assert.ok(driver.host.delivered < 100);
  });
});
