/** What a BIOS leaves of interrupt routing: PIIX3 routes, level triggers, and the line that each function is told. */
import assert from 'node:assert/strict';
import type { AccessSize } from '../../../src/monitor/devices/device';
import { routeInterrupts } from '../../../src/monitor/firmware/pci-interrupts';
import type { PortBus } from '../../../src/monitor/firmware/platform';

/** Configuration mechanism 1 over some functions, and two ELCR ports. */
class PciPorts implements PortBus {
  readonly functions = new Map<number, Uint8Array>();
  readonly triggers = new Map<number, number>();
  private address = 0;

  /** A function with an interrupt pin: 0 for none, 1 for INTA. */
  add(device: number, pin: number): Uint8Array {
    const space = new Uint8Array(256);
    space.set([0x86, 0x80], 0);
    space[0x3d] = pin;
    this.functions.set(device << 3, space);
    return space;
  }

  readPort(port: number, size: AccessSize): number {
    let value = 0;
    const space = this.functions.get((this.address >>> 8) & 0xff);
    for (let i = 0; i < size; i++) value |= (space?.[(this.address & 0xfc) + (port & 3) + i] ?? 0xff) << (8 * i);
    return value >>> 0;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port === 0xcf8 && size === 4) this.address = value;
    else if (port === 0x4d0 || port === 0x4d1) this.triggers.set(port, value);
    else {
      assert.equal(size, 1);
      this.functions.get((this.address >>> 8) & 0xff)?.set([value], (this.address & 0xfc) + (port & 3));
    }
  }
}

describe('PCI interrupt routing', () => {
  it('leads PIRQ A to D to lines that are level triggered, with the one of ACPI', () => {
    const ports = new PciPorts();
    const bridge = ports.add(1, 0);
    routeInterrupts(ports);
    const routes = [...bridge.subarray(0x60, 0x64)];
    const levels = (ports.triggers.get(0x4d0) ?? 0) | ((ports.triggers.get(0x4d1) ?? 0) << 8);
    for (const route of routes) {
      assert.equal(route & 0x80, 0, 'enabled');
      assert.equal((levels >> (route & 15)) & 1, 1, `line ${route} is level triggered`);
    }
    assert.equal((levels >> 9) & 1, 1, 'SCI');
    for (const line of [0, 1, 2, 8, 13]) assert.equal((levels >> line) & 1, 0, `line ${line} must be edge triggered`);
  });

  it('tells functions the line that their pin leads to', () => {
    const ports = new PciPorts();
    const bridge = ports.add(1, 0);
    const cards = [[2, 1], [3, 1], [4, 2], [5, 4]].map(([device, pin]) => ({ device, pin, space: ports.add(device, pin) }));
    const silent = ports.add(7, 0);
    routeInterrupts(ports);
    // INTA of slot 1 is PIRQ A; each further slot and pin is one further.
    for (const { device, pin, space } of cards) {
      assert.equal(space[0x3c], bridge[0x60 + ((device - 1 + pin - 1) % 4)], `slot ${device}`);
    }
    assert.equal(silent[0x3c], 0);
  });
});
