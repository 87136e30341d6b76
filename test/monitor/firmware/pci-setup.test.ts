/** PCI as a BIOS leaves it, on the bus itself: base addresses, decoding, chipset blocks, interrupt lines. */
import assert from 'node:assert/strict';
import { AcpiPm } from '../../../src/monitor/devices/acpi-pm';
import { hostBridge, ideFunction, isaBridge } from '../../../src/monitor/devices/chipset';
import type { AccessSize } from '../../../src/monitor/devices/device';
import { PciBus } from '../../../src/monitor/devices/pci';
import { endpoint, type BaseAddressRegister, type PciSlot } from '../../../src/monitor/devices/pciFunction';
import { setUpPci } from '../../../src/monitor/firmware/pci-setup';
import type { PortBus } from '../../../src/monitor/firmware/platform';
import { FakeHost } from '../devices/fake-host';

class Bus implements PortBus {
  readonly pci = new PciBus(new FakeHost());
  readonly power = new AcpiPm(new FakeHost(), this.pci, () => undefined);
  readonly other = new Map<number, number>();

  constructor() {
    for (const part of [hostBridge(() => undefined), isaBridge(() => undefined), ideFunction(() => undefined)]) this.pci.add(part);
  }

  add(device: number, bars: readonly BaseAddressRegister[], interruptPin = 1): PciSlot {
    const identity = { vendor: 0x1234, device: 0x1111, revision: 0, classCode: 0x020000, subsystemVendor: 0, subsystem: 0 };
    return this.pci.add(endpoint({ device, function: 0, identity, bars, interruptPin }));
  }

  readPort(port: number, size: AccessSize): number {
    return port >= 0xcf8 && port < 0xd00 ? this.pci.readPort(port, size) : this.other.get(port) ?? 0xff;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port >= 0xcf8 && port < 0xd00) this.pci.writePort(port, size, value);
    else this.other.set(port, value);
  }

  /** A dword of a function's space. */
  dword(device: number, fn: number, register: number): number {
    const space = this.pci.configuration(device, fn);
    assert.ok(space);
    return new DataView(space.buffer).getUint32(register, true);
  }
}

describe('PCI set-up', () => {
  it('gives every base address register a place of its own, aligned to its size, in the host bridge\'s windows', () => {
    const bus = new Bus();
    const sizes: readonly (readonly BaseAddressRegister[])[] = [
      [{ index: 0, kind: 'memory', bytes: 0x100_0000, prefetchable: true }, { index: 2, kind: 'memory', bytes: 0x1000 }],
      [{ index: 0, kind: 'memory', bytes: 0x2_0000 }, { index: 1, kind: 'ports', bytes: 64 }],
      [{ index: 0, kind: 'ports', bytes: 32 }, { index: 1, kind: 'memory', bytes: 16 }, { index: 4, kind: 'memory64', bytes: 0x4000 }],
      [{ index: 0, kind: 'ports', bytes: 4 }, { index: 1, kind: 'memory64', bytes: 0x1000_0000, prefetchable: true }, { index: 3, kind: 'ports', bytes: 256 }],
    ];
    const slots = sizes.map((bars, index) => ({ bars, slot: bus.add(2 + index, bars) }));
    bus.pci.reset();
    setUpPci(bus);
    const ranges = slots.flatMap(({ bars, slot }) => bars.map(({ index, kind, bytes }) => {
      const first = slot.base(index);
      assert.ok(first !== undefined, `decoded: ${kind} of ${bytes}`);
      assert.equal(first % bytes, 0);
      const [low, high] = kind === 'ports' ? [0xc000, 0x1_0000] : [0x8000_0000, 0xfec0_0000];
      assert.ok(first >= low && first + bytes <= high, first.toString(16));
      return { kind: kind === 'ports', first, end: first + bytes };
    }));
    for (const a of ranges) for (const b of ranges) if (a !== b && a.kind === b.kind) assert.ok(a.end <= b.first || b.end <= a.first);
    const pages = ranges.filter(({ kind }) => !kind).map(({ first }) => Math.floor(first / 4096));
    assert.equal(new Set(pages).size, pages.length, 'no two devices share a page');
  });

  it('leaves mastering to drivers, and gives an expansion ROM an address without enabling it', () => {
    const bus = new Bus();
    const slot = bus.add(3, [{ index: 0, kind: 'memory', bytes: 0x1000 }, { index: 6, kind: 'rom', bytes: 0x1_0000 }]);
    bus.pci.reset();
    setUpPci(bus);
    assert.equal(slot.isBusMaster(), false);
    assert.equal(bus.dword(3, 0, 4) & 0x07, 0x02);
    const rom = bus.dword(3, 0, 0x30);
    assert.equal(rom & 0xffff, 0, 'aligned, and bit 0 is off');
    assert.ok(rom >= 0x8000_0000);
    assert.equal(slot.base(6), undefined);
  });

  it('does not decode what does not fit', () => {
    const bus = new Bus();
    const slot = bus.add(3, [{ index: 0, kind: 'memory', bytes: 0x8000_0000 }, { index: 1, kind: 'ports', bytes: 16 }]);
    bus.pci.reset();
    setUpPci(bus);
    assert.equal(slot.base(0), undefined);
    assert.equal(slot.base(1), 0xc000);
  });

  it('leaves IDE decoding and mastering', () => {
    const bus = new Bus();
    bus.pci.reset();
    setUpPci(bus);
    assert.equal(bus.dword(1, 1, 4) & 0x05, 0x05);
  });

  it('places power management and SMBus, with the line that SCI is wired to', () => {
    const bus = new Bus();
    bus.pci.reset();
    setUpPci(bus);
    assert.deepEqual(bus.power.ports, [{ first: 0x600, count: 64 }, { first: 0x700, count: 16 }]);
    assert.equal(bus.dword(1, 3, 0x3c) & 0xff, 9);
  });

  it('comes out alike when it is done again, as after a reset of the processor alone', () => {
    const bus = new Bus();
    bus.add(2, [{ index: 0, kind: 'memory', bytes: 0x1000 }, { index: 1, kind: 'ports', bytes: 64 }]);
    bus.pci.reset();
    setUpPci(bus);
    const spaces = structuredClone(bus.pci.state.spaces);
    setUpPci(bus);
    assert.deepEqual(bus.pci.state.spaces, spaces);
  });
});
