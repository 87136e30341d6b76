/** PCI configuration mechanism 1 and the chips on the board's bus. */
import assert from 'node:assert/strict';
import type { ShadowRegion } from '../../../src/monitor/devices/chipset';
import { hostBridge, ideFunction, isaBridge } from '../../../src/monitor/devices/chipset';
import { PciBus } from '../../../src/monitor/devices/pci';
import { configurationSpace, endpoint, type PciFunction, type PciSlot } from '../../../src/monitor/devices/pciFunction';
import { FakeHost } from './fake-host';

interface Fixture {
  readonly host: FakeHost;
  readonly pci: PciBus;
  readonly shadows: ShadowRegion[][];
}

function createPci(more: readonly PciFunction[] = []): Fixture {
  const host = new FakeHost();
  const shadows: ShadowRegion[][] = [];
  const pci = new PciBus(host);
  for (const part of [hostBridge((regions) => shadows.push(regions)), isaBridge(() => undefined), ideFunction(() => undefined), ...more]) pci.add(part);
  pci.reset();
  return { host, pci, shadows };
}

function select(pci: PciBus, device: number, fn: number, register: number): void {
  pci.writePort(0xcf8, 4, (0x80000000 | (device << 11) | (fn << 8) | (register & 0xfc)) >>> 0);
}

function read32(pci: PciBus, device: number, fn: number, register: number): number {
  select(pci, device, fn, register);
  return pci.readPort(0xcfc, 4);
}

describe('PCI', () => {
  it('shows bridge, ISA bridge and IDE, and nothing else', () => {
    const { pci } = createPci();
    const found: string[] = [];
    for (let device = 0; device < 32; device++) {
      for (let fn = 0; fn < 8; fn++) {
        const id = read32(pci, device, fn, 0);
        if (id !== 0xffffffff) found.push(`${device}.${fn} ${id.toString(16)} ${read32(pci, device, fn, 8).toString(16)}`);
      }
    }
    assert.deepEqual(found, ['0.0 12378086 6000002', '1.0 70008086 6010000', '1.1 70108086 1018000']);
    select(pci, 1, 0, 0x0c);
    assert.equal(pci.readPort(0xcfe, 1), 0x80, 'PIIX3 is multifunction');
    assert.equal(read32(pci, 0, 0, 0x2c), 0x11001af4, 'the board that SeaBIOS knows');
  });

  it('answers all ones on other buses and while disabled', () => {
    const { pci } = createPci();
    pci.writePort(0xcf8, 4, 0x80010000);
    assert.equal(pci.readPort(0xcfc, 4), 0xffffffff);
    pci.writePort(0xcf8, 4, 0x00000000);
    assert.equal(pci.readPort(0xcfc, 2), 0xffff);
  });

  it('keeps the address register to dword accesses', () => {
    const { pci } = createPci();
    pci.writePort(0xcf8, 4, 0x8000085b);
    assert.equal(pci.readPort(0xcf8, 4), 0x80000858);
    pci.writePort(0xcf8, 1, 0x55);
    assert.equal(pci.readPort(0xcf8, 4), 0x80000858);
    assert.equal(pci.readPort(0xcf8, 1), 0xff);
  });

  it('writes bytes and words at their offsets, IDs not at all', () => {
    const { pci } = createPci();
    select(pci, 1, 0, 0x60);
    pci.writePort(0xcfd, 1, 0x0b);
    pci.writePort(0xcfe, 2, 0x0a09);
    assert.equal(pci.readPort(0xcfc, 4), 0x0a090b80);
    select(pci, 0, 0, 0x00);
    pci.writePort(0xcfc, 4, 0);
    assert.equal(pci.readPort(0xcfc, 4), 0x12378086);
  });

  it('sizes a base address register by its writable bits, and tells the device', () => {
    const seen: number[] = [];
    const writable = new Uint8Array(256);
    writable.set([0x00, 0xf0, 0xff, 0xff], 0x10);
    const initial = configurationSpace({
      vendor: 0x1234, device: 0x5678, revision: 0, classCode: 0x020000, subsystemVendor: 0, subsystem: 0,
    });
    const { pci } = createPci([
      { device: 3, function: 0, initial, writable, onWrite: (offset) => seen.push(offset) },
    ]);
    select(pci, 3, 0, 0x10);
    pci.writePort(0xcfc, 4, 0xffffffff);
    assert.equal(pci.readPort(0xcfc, 4), 0xfffff000);
    assert.deepEqual(seen, [0x10]);
    assert.equal(initial[0x11], 0, 'the power-on image is not touched');
  });

  describe('an endpoint', () => {
    const bars = [
      { index: 0, kind: 'memory', bytes: 0x20000 }, { index: 1, kind: 'ports', bytes: 0x40 }, { index: 2, kind: 'memory64', bytes: 0x4000, prefetchable: true },
      { index: 6, kind: 'rom', bytes: 0x10000 },
    ] as const;
    const card = endpoint({
      device: 4, function: 0, bars, interruptPin: 1,
      identity: { vendor: 0x8086, device: 0x100e, revision: 3, classCode: 0x020000, subsystemVendor: 0x8086, subsystem: 0x1e },
      capabilities: [{ id: 9, body: Uint8Array.of(5, 1, 2), writable: Uint8Array.of(0, 0xf0, 0) }, { id: 5, body: new Uint8Array(2) }],
    });

    const wired = (): { pci: PciBus; slot: PciSlot; pins: [number, number, boolean][]; moves: () => number } => {
      const pins: [number, number, boolean][] = [];
      let moves = 0;
      const pci = new PciBus(new FakeHost(), { setInterrupt: (...pin) => pins.push(pin), mappingChanged: () => moves++ });
      const slot = pci.add(card);
      pci.reset();
      pins.length = 0;
      moves = 0;
      return { pci, slot, pins, moves: () => moves };
    };

    const write = (pci: PciBus, register: number, size: 1 | 2 | 4, value: number): void => {
      select(pci, 4, 0, register);
      pci.writePort(0xcfc + (register & 3), size, value);
    };

    it('tells the sizes and kinds of its base address registers', () => {
      const { pci, slot } = wired();
      for (const register of [0x10, 0x14, 0x18, 0x1c, 0x20, 0x30]) write(pci, register, 4, 0xffffffff);
      const sizes = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x30].map((register) => read32(pci, 4, 0, register));
      assert.deepEqual(sizes, [0xfffe0000, 0xffffffc1, 0xffffc00c, 0xffffffff, 0, 0xffff0001]);
      write(pci, 0x04, 2, 7);
      assert.deepEqual([0, 1, 2, 6].map((index) => slot.base(index)), [undefined, undefined, undefined, undefined], 'being measured is no place');
    });

    it('is where the guest has put it, while it decodes', () => {
      const { pci, slot, moves } = wired();
      write(pci, 0x10, 4, 0xe0000123);
      write(pci, 0x14, 4, 0xc001);
      write(pci, 0x18, 4, 0x8000);
      write(pci, 0x1c, 4, 0x2);
      write(pci, 0x30, 4, 0xf0000001);
      assert.equal(slot.base(0), undefined);
      assert.equal(moves(), 0);
      write(pci, 0x04, 2, 0x1);
      assert.deepEqual([slot.base(0), slot.base(1)], [undefined, 0xc000]);
      write(pci, 0x04, 2, 0x6);
      assert.deepEqual([0, 1, 2, 6].map((index) => slot.base(index)), [0xe0000000, undefined, 0x2_0000_8000, 0xf0000000]);
      assert.equal(slot.isBusMaster(), true);
      assert.equal(moves(), 2);
    });

    it('shows its interrupt in the status always, on its pin unless that is off', () => {
      const { pci, slot, pins } = wired();
      slot.setInterrupt(true);
      assert.deepEqual(pins.at(-1), [4, 0, true]);
      assert.equal((read32(pci, 4, 0, 0x04) >>> 16) & 8, 8);
      write(pci, 0x04, 2, 0x0400);
      assert.deepEqual(pins.at(-1), [4, 0, false]);
      assert.equal((read32(pci, 4, 0, 0x04) >>> 16) & 8, 8);
      slot.setInterrupt(false);
      assert.equal((read32(pci, 4, 0, 0x04) >>> 16) & 8, 0);
    });

    it('lists its capabilities', () => {
      const { pci } = wired();
      assert.equal((read32(pci, 4, 0, 0x04) >>> 16) & 0x10, 0x10);
      assert.equal(read32(pci, 4, 0, 0x34) & 0xff, 0x40);
      assert.equal(read32(pci, 4, 0, 0x40), 0x01054809);
      assert.equal(read32(pci, 4, 0, 0x48), 0x00000005);
      write(pci, 0x43, 1, 0xff);
      assert.equal(read32(pci, 4, 0, 0x40), 0xf1054809);
    });
  });

  it('decodes shadow RAM from the PAM registers', () => {
    const { pci, shadows } = createPci();
    assert.equal(shadows.length, 1, 'told at reset');
    assert.ok(shadows[0].every((region) => !region.readsRam && !region.writesRam));
    assert.equal(shadows[0].reduce((sum, region) => sum + region.bytes, 0), 0x40000);
    select(pci, 0, 0, 0x58);
    pci.writePort(0xcfd, 1, 0x30);
    select(pci, 0, 0, 0x5c);
    pci.writePort(0xcfc, 1, 0x12);
    const open = shadows[2].filter((region) => region.readsRam || region.writesRam);
    assert.deepEqual(open, [
      { first: 0xd0000, bytes: 0x4000, readsRam: false, writesRam: true },
      { first: 0xd4000, bytes: 0x4000, readsRam: true, writesRam: false },
      { first: 0xf0000, bytes: 0x10000, readsRam: true, writesRam: true },
    ]);
    select(pci, 0, 0, 0x40);
    pci.writePort(0xcfc, 4, 0);
    assert.equal(shadows.length, 3);
  });

  it('resets by CF9 when bit 2 rises: the board with bit 1, else the processors alone', () => {
    const { host, pci } = createPci();
    pci.writePort(0xcf9, 1, 0x02);
    assert.equal(pci.readPort(0xcf9, 1), 0x02);
    pci.writePort(0xcf9, 1, 0x0e);
    pci.writePort(0xcf9, 1, 0x06);
    pci.writePort(0xcf9, 1, 0x00);
    pci.writePort(0xcf9, 1, 0x04);
    assert.deepEqual(host.stops.map((stop) => stop.kind === 'reset' && stop.hard), [true, false]);
    assert.equal(pci.readPort(0xcf9, 1), 0x04);
  });
});
