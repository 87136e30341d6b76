/**
 * PCI configuration space, mechanism 1 (ports CF8/CFC), as a table of functions; and the reset control
 * register at CF9 that the PIIX keeps in between.
 *
 * Source: PCI Local Bus Specification 2.1, 3.7.4.1; PIIX3 data sheet for CF9. A function is a register
 * image and a mask of the bits that a guest may write; a device that has base address registers or wants
 * to know of writes gives masks and a callback, and needs no code here.
 */
import { allOnes, readByBytes, writeByBytes } from './access';
import type { AccessSize, Device, DeviceHost, PortRange } from './device';

export const CONFIG_BYTES = 256;

const ADDRESS_PORT = 0xcf8;
const RESET_PORT = 0xcf9;
const DATA_PORT = 0xcfc;
const ENABLE = 0x80000000;

/** One function of a device on bus 0. */
export interface PciFunction {
  readonly device: number;
  readonly function: number;
  /** The 256 bytes of configuration space after power-on. */
  readonly initial: Uint8Array;
  /** Bits that a guest may change, byte by byte. A base address register's size shows in its clear low bits. */
  readonly writable: Uint8Array;
  /** Called after a guest's write to the bytes from `offset`; `config` is the present space. */
  readonly onWrite?: (offset: number, config: Uint8Array) => void;
  /** Called after power-on. */
  readonly onReset?: (config: Uint8Array) => void;
}

export interface PciState {
  /** CF8 as written. */
  address: number;
  resetControl: number;
  /** Configuration spaces by device * 8 + function. */
  spaces: Map<number, Uint8Array>;
}

/** What every type 0 function has; IDs, class and subsystem as the data sheets give them. */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Class, subclass, interface: 0x060000 for a host bridge. */
  readonly classCode: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
  readonly multiFunction?: boolean;
}

/** A configuration space with its header filled in. */
export function configurationSpace(identity: PciIdentity): Uint8Array {
  const space = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(space.buffer);
  view.setUint16(0x00, identity.vendor, true);
  view.setUint16(0x02, identity.device, true);
  view.setUint32(0x08, ((identity.classCode << 8) | identity.revision) >>> 0, true);
  view.setUint8(0x0e, identity.multiFunction === true ? 0x80 : 0);
  view.setUint16(0x2c, identity.subsystemVendor, true);
  view.setUint16(0x2e, identity.subsystem, true);
  return space;
}

function keyOf(pciFunction: PciFunction): number {
  return pciFunction.device * 8 + pciFunction.function;
}

function powerOnState(functions: Iterable<PciFunction>): PciState {
  const spaces = new Map<number, Uint8Array>();
  for (const pciFunction of functions) spaces.set(keyOf(pciFunction), pciFunction.initial.slice());
  return { address: 0, resetControl: 0, spaces };
}

export class PciBus implements Device {
  readonly name = 'pci';
  readonly ports: readonly PortRange[] = [{ first: ADDRESS_PORT, count: 8 }];
  readonly portWidth: AccessSize = 4;
  state: PciState;
  readonly #host: DeviceHost;
  readonly #functions: ReadonlyMap<number, PciFunction>;

  constructor(host: DeviceHost, functions: readonly PciFunction[]) {
    this.#host = host;
    this.#functions = new Map(functions.map((pciFunction) => [keyOf(pciFunction), pciFunction]));
    this.state = powerOnState(functions);
  }

  reset(): void {
    this.state = powerOnState(this.#functions.values());
    for (const [key, pciFunction] of this.#functions) {
      const space = this.state.spaces.get(key);
      if (space !== undefined) pciFunction.onReset?.(space);
    }
  }

  /** The present configuration space of a function, for devices that look their settings up. */
  configuration(device: number, pciFunction: number): Uint8Array | undefined {
    return this.state.spaces.get(device * 8 + pciFunction);
  }

  readPort(port: number, size: AccessSize): number {
    if (port >= DATA_PORT) return this.#readData(port, size);
    // Only a whole dword at CF8 is the address register; anything else passes it by.
    if (port === ADDRESS_PORT && size === 4) return this.state.address;
    return readByBytes(port, size, (byte) => (byte === RESET_PORT ? this.state.resetControl : 0xff));
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port >= DATA_PORT) {
      this.#writeData(port, size, value);
    } else if (port === ADDRESS_PORT && size === 4) {
      this.state.address = (value & 0x80fffffc) >>> 0;
    } else {
      writeByBytes(port, size, value, (byte, data) => {
        if (byte === RESET_PORT) this.#writeResetControl(data);
      });
    }
  }

  /** CF9: bit 1 chooses a hard reset, a rising bit 2 does it. */
  #writeResetControl(value: number): void {
    const rises = (value & ~this.state.resetControl & 0x04) !== 0;
    this.state.resetControl = value & 0x06;
    if (rises) this.#host.requestStop({ kind: 'reset', cause: 'reset control register CF9' });
  }

  /** Key and register of what CF8 points to; undefined for other buses and while access is disabled. */
  #target(port: number): { key: number; offset: number } | undefined {
    const { address } = this.state;
    const bus = (address >>> 16) & 0xff;
    if ((address & ENABLE) === 0 || bus !== 0) return undefined;
    return { key: (address >>> 8) & 0xff, offset: (address & 0xfc) | (port & 3) };
  }

  #readData(port: number, size: AccessSize): number {
    const target = this.#target(port);
    const space = target === undefined ? undefined : this.state.spaces.get(target.key);
    if (target === undefined || space === undefined) return allOnes(size);
    return readByBytes(target.offset, size, (offset) => space[offset] ?? 0xff);
  }

  #writeData(port: number, size: AccessSize, value: number): void {
    const target = this.#target(port);
    if (target === undefined) return;
    const space = this.state.spaces.get(target.key);
    const pciFunction = this.#functions.get(target.key);
    if (space === undefined || pciFunction === undefined) return;
    const { writable } = pciFunction;
    writeByBytes(target.offset, size, value, (offset, byte) => {
      if (offset < CONFIG_BYTES) space[offset] = (space[offset] & ~writable[offset]) | (byte & writable[offset]);
    });
    pciFunction.onWrite?.(target.offset, space);
  }
}
