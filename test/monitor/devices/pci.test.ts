/** PCI configuration mechanism 1 and the chips on the board's bus. */
import assert from 'node:assert/strict';
import type { ShadowRegion } from '../../../src/monitor/devices/chipset';
import { hostBridge, ideFunction, isaBridge } from '../../../src/monitor/devices/chipset';
import type { PciFunction } from '../../../src/monitor/devices/pci';
import { configurationSpace, PciBus } from '../../../src/monitor/devices/pci';
import { FakeHost } from './fake-host';

interface Fixture {
  readonly host: FakeHost;
  readonly pci: PciBus;
  readonly shadows: ShadowRegion[][];
}

function createPci(more: readonly PciFunction[] = []): Fixture {
  const host = new FakeHost();
  const shadows: ShadowRegion[][] = [];
  const pci = new PciBus(host, [hostBridge((regions) => shadows.push(regions)), isaBridge(() => undefined), ideFunction(), ...more]);
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
    assert.deepEqual(found, ['0.0 12378086 6000002', '1.0 70008086 6010000', '1.1 70108086 1010000']);
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

  it('resets the machine by CF9', () => {
    const { host, pci } = createPci();
    pci.writePort(0xcf9, 1, 0x02);
    assert.equal(pci.readPort(0xcf9, 1), 0x02);
    pci.writePort(0xcf9, 1, 0x06);
    pci.writePort(0xcf9, 1, 0x06);
    assert.equal(host.stops.length, 1);
  });
});
