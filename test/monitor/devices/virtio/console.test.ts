/** The virtio console: VIRTIO 1.2, 5.3. */
import assert from 'node:assert/strict';
import { type ConsolePort, VirtioConsole } from '../../../../src/monitor/devices/virtio/console';
import { Driver, SLOT } from './driver';

const MULTIPORT = 1;
const PORTS: readonly ConsolePort[] = [{ channel: 'hvc0' }, { channel: 'hvc1', portName: 'org.example.agent' }];
const READY = 0, ADD = 1, PORT_READY = 3, CONSOLE = 4, OPEN = 6, NAME = 7;

function started(ports: readonly ConsolePort[], features: readonly number[], queues: number): Driver<VirtioConsole> {
  const driver = new Driver((surroundings) => new VirtioConsole(surroundings, { name: 'console', slot: SLOT, ports }));
  driver.start(features, new Array<number>(queues).fill(8));
  return driver;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytes = (of: string): Uint8Array => new Uint8Array(Buffer.from(of, 'latin1'));

function message(port: number, event: number, value: number): Uint8Array {
  return Uint8Array.of(port, 0, 0, 0, event, 0, value, 0);
}

describe('virtio console', () => {
  describe('with one port', () => {
    it('has a size, and no ports to choose from', () => {
      const driver = started([PORTS[0]], [], 2);
      assert.deepEqual([driver.config(0, 2), driver.config(2, 2), driver.config(4, 4), driver.common(18, 2)], [80, 25, 1, 2]);
      assert.equal(driver.offered().has(MULTIPORT), false);
    });

    it('puts out what it is sent', () => {
      const driver = started([PORTS[0]], [], 2);
      driver.request(1, [bytes('Hello, '), bytes('world')]);
      assert.equal(text(driver.output('hvc0')), 'Hello, world');
    });

    it('puts out long buffers piece by piece', () => {
      const driver = started([PORTS[0]], [], 2);
      const data = Uint8Array.from({ length: 20_000 }, (_, index) => index);
      driver.queues[1].offer([data]);
      driver.queues[1].offer([bytes('end')]);
      driver.kick(1);
      driver.host.advance(6_000);
      assert.deepEqual([driver.output('hvc0').length, driver.queues[1].used().length], [4096, 0]);
      driver.host.advance(1_000_000);
      assert.deepEqual(Buffer.from(driver.output('hvc0')), Buffer.concat([data, bytes('end')]));
      assert.equal(driver.queues[1].used().length, 2);
    });

    it('takes in what is typed, before and after there are buffers', () => {
      const driver = started([PORTS[0]], [], 2);
      assert.equal(driver.device.receive('hvc0', bytes('early')), true);
      const { used, at } = driver.request(0, [3]);
      assert.deepEqual([used, text(driver.slice(at[0], 3))], [[{ head: 0, written: 3 }], 'ear']);
      const { at: more } = driver.queues[0].offer([16]);
      driver.device.receive('hvc0', bytes(' bird'));
      assert.equal(text(driver.slice(more[0], 7)), 'ly bird');
      assert.equal(driver.device.receive('hvc7', bytes('x')), false);
    });

    it('has an emergency write', () => {
      const driver = new Driver((surroundings) => new VirtioConsole(surroundings, { name: 'console', slot: SLOT, ports: [PORTS[0]] }));
      driver.setConfig(8, 4, 0x41);
      assert.equal(text(driver.output('hvc0')), 'A');
    });
  });

  describe('with several ports', () => {
    /** Gives the driver's messages, and what came back of them. */
    const talk = (driver: Driver<VirtioConsole>, ...messages: readonly Uint8Array[]): string[] => {
      for (let count = 0; count < 4; count++) driver.queues[2].offer([64]);
      driver.kick(2);
      for (const each of messages) driver.request(3, [each]);
      driver.host.advance(1_000_000);
      return driver.queues[2].used().map(({ head, written }) => {
        const at = driver.memory.view.getUint32(driver.queues[2].descriptors + 16 * head, true);
        const view = new DataView(driver.slice(at, written).buffer);
        return [view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true), text(driver.slice(at + 8, written - 8))].join(' ').trim();
      });
    };

    it('introduces them', () => {
      const driver = started(PORTS, [MULTIPORT], 6);
      assert.deepEqual([driver.config(4, 4), driver.common(18, 2)], [2, 6]);
      assert.deepEqual(talk(driver, message(0, READY, 1)), [`0 ${ADD} 1`, `1 ${ADD} 1`]);
      assert.deepEqual(talk(driver, message(0, PORT_READY, 1), message(1, PORT_READY, 1)), [
        `0 ${CONSOLE} 1`, `0 ${OPEN} 1`, `1 ${NAME} 1 org.example.agent`, `1 ${OPEN} 1`,
      ]);
    });

    it('carries each in queues of its own, input when somebody has the port open', () => {
      const driver = started(PORTS, [MULTIPORT], 6);
      driver.request(5, [bytes('to the host')]);
      assert.deepEqual([text(driver.output('hvc1')), driver.output('hvc0').length], ['to the host', 0]);
      driver.queues[4].offer([32]);
      driver.device.receive('hvc1', bytes('to the guest'));
      assert.deepEqual(driver.queues[4].used(), []);
      talk(driver, message(1, OPEN, 1));
      assert.deepEqual(driver.queues[4].used(), [{ head: 0, written: 12 }]);
    });

    it('keeps only so many messages for a driver without buffers', () => {
      const driver = started(PORTS, [MULTIPORT], 6);
      for (let count = 0; count < 500; count++) driver.request(3, [message(0, PORT_READY, 1)], 10_000);
      assert.equal(driver.device.state.own.messages.length, 128);
      driver.request(3, [message(9, PORT_READY, 1)]);
      driver.request(3, [Uint8Array.of(1, 2, 3)]);
      assert.equal(driver.status, 0x0f);
    });

    it('is a console with one port for a driver that knows no others', () => {
      const driver = started(PORTS, [], 2);
      driver.queues[0].offer([8]);
      driver.device.receive('hvc0', bytes('abc'));
      assert.deepEqual(driver.queues[0].used(), [{ head: 0, written: 3 }]);
    });
  });
});
