/** Routing of ports and memory: splitting of wide accesses, unclaimed addresses, conflicts. */
import assert from 'node:assert/strict';
import { MemoryRouter, PortBus } from '../../../src/monitor/devices/bus';
import type { AccessSize, Device, MemoryRegion } from '../../../src/monitor/devices/device';

class Recorder implements Device {
  readonly state = {};
  readonly log: string[] = [];
  readonly ports;

  constructor(
    readonly name: string,
    first: number,
    count: number,
    readonly portWidth: AccessSize = 1,
    readonly regions: readonly MemoryRegion[] = [],
  ) {
    this.ports = count === 0 ? [] : [{ first, count }];
  }

  reset(): void {
    this.log.length = 0;
  }

  readPort(port: number, size: AccessSize): number {
    this.log.push(`r${port.toString(16)}/${size}`);
    return size === 1 ? port & 0xff : 0xabcd;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.log.push(`w${port.toString(16)}/${size}=${value.toString(16)}`);
  }

  readMemory(address: number): number {
    return address & 0xff;
  }

  writeMemory(address: number, size: AccessSize, value: number): void {
    this.log.push(`m${address.toString(16)}/${size}=${value.toString(16)}`);
  }
}

describe('port bus', () => {
  it('splits accesses that are wider than a device takes, low bytes first', () => {
    const device = new Recorder('a', 0x100, 4);
    const bus = new PortBus([device]);
    assert.equal(bus.readPort(0x100, 4), 0x03020100);
    bus.writePort(0x102, 2, 0xbeef);
    assert.deepEqual(device.log, ['r100/1', 'r101/1', 'r102/1', 'r103/1', 'w102/1=ef', 'w103/1=be']);
  });

  it('passes whole what a device takes whole', () => {
    const device = new Recorder('a', 0x100, 8, 2);
    const bus = new PortBus([device]);
    bus.writePort(0x100, 4, 0x87654321);
    assert.equal(bus.readPort(0x104, 2), 0xabcd);
    assert.deepEqual(device.log, ['w100/2=4321', 'w102/2=8765', 'r104/2']);
  });

  it('splits an access over two devices, and reads ones where there is none', () => {
    const bus = new PortBus([new Recorder('a', 0x100, 1, 4), new Recorder('b', 0x101, 1, 4)]);
    assert.equal(bus.readPort(0x100, 4), 0xffff0100);
    assert.equal(bus.readPort(0x200, 4), 0xffffffff);
    assert.equal(bus.readPort(0x201, 1), 0xff);
    bus.writePort(0x200, 4, 0);
    assert.equal(bus.readPort(0xffff, 2), 0xffff);
  });

  it('refuses two devices on one port', () => {
    assert.throws(() => new PortBus([new Recorder('a', 0x60, 4), new Recorder('b', 0x63, 1)]), /Port 63.*'a'.*'b'/);
  });
});

describe('memory router', () => {
  it('finds devices by address and reads ones elsewhere', () => {
    const low = new Recorder('low', 0, 0, 1, [{ first: 0x1000, bytes: 0x1000 }]);
    const high = new Recorder('high', 0, 0, 1, [{ first: 0xa0000, bytes: 0x20000 }]);
    const router = new MemoryRouter([high, low]);
    assert.deepEqual(router.regions.map((region) => region.device.name), ['low', 'high']);
    assert.equal(router.read(0xbffff, 1), 0xff);
    assert.equal(router.read(0xa0012, 1), 0x12);
    assert.equal(router.read(0x3000, 4), 0xffffffff);
    router.write(0x1ffe, 2, 0x1234);
    assert.deepEqual(low.log, ['m1ffe/2=1234']);
    assert.equal(router.deviceAt(0x2000), undefined);
  });

  it('refuses overlaps', () => {
    const at = (first: number, bytes: number): Recorder => new Recorder('x', 0, 0, 1, [{ first, bytes }]);
    assert.throws(() => new MemoryRouter([at(0x1000, 0x2000), at(0x2000, 0x1000)]), /overlap/);
  });

  it('lets two devices share a page', () => {
    const low = new Recorder('low', 0, 0, 1, [{ first: 0x1000, bytes: 0x40 }]);
    const high = new Recorder('high', 0, 0, 1, [{ first: 0x1800, bytes: 0x800 }]);
    const router = new MemoryRouter([high, low]);
    assert.deepEqual([0x103f, 0x1040, 0x1800, 0x1fff].map((address) => router.deviceAt(address)?.name), ['low', undefined, 'high', 'high']);
  });
});
