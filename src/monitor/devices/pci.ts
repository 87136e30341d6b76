/**
 * The PCI bus: configuration mechanism 1 (ports CF8/CFC) over the functions on bus 0, their base address registers and
 * interrupt pins; and the reset control register at CF9 that the PIIX keeps in between.
 *
 * Source: PCI Local Bus Specification 2.1 (3.7.4.1, 6.2); PIIX3 data sheet for CF9. A function is a register image and a mask of
 * the bits that a guest may write (pciFunction.ts makes them); its device asks its slot for all that follows from them.
 */
import { allOnes, readByBytes, writeByBytes } from './access';
import type { DeviceDescription, RegisterBlock } from './description';
import type { AccessSize, Device, DeviceHost, PortRange } from './device';
import { configurationBlock, peekConfiguration } from './pciDescription';
import { baseAddressOf, COMMAND, CONFIG_BYTES, CONFIG_REGISTER, type PciFunction, type PciSlot, STATUS } from './pciFunction';

const ADDRESS_PORT = 0xcf8;
const RESET_PORT = 0xcf9;
const DATA_PORT = 0xcfc;
const ENABLE = 0x80000000;

export interface PciState {
  /** CF8 as written. */
  address: number;
  resetControl: number;
  /** Configuration spaces by device * 8 + function. */
  spaces: Map<number, Uint8Array>;
  /** Functions that assert their interrupt, whether or not it is disabled: device * 8 + function. */
  asserting: Set<number>;
}

/** Where the bus leads to. */
export interface PciWiring {
  /** INTA-INTD (`pin` 0 to 3) of a slot has changed. */
  setInterrupt?(device: number, pin: number, asserted: boolean): void;
  /** A guest has moved base address registers, or switched their decoding: slots' `base` answers have changed. */
  mappingChanged?(): void;
}

/** The bus's own ports. */
const PORT_BLOCK: RegisterBlock = {
  name: 'ports', space: 'port', base: ADDRESS_PORT,
  registers: [
    {
      name: 'CONFADD', title: 'configuration address', at: 0, bytes: 4, access: 'special',
      fields: [
        { name: 'register', low: 2, bits: 6, meaning: 'dword of the space' },
        { name: 'function', low: 8, bits: 3, meaning: 'function of the device' },
        { name: 'device', low: 11, bits: 5, meaning: 'slot' },
        { name: 'bus', low: 16, bits: 8, meaning: 'bus' },
        { name: 'CONE', low: 31, meaning: 'CFC to CFF lead to configuration space' },
      ],
    },
    {
      name: 'RC', title: 'reset control', at: 1, bytes: 1, access: 'special',
      fields: [{ name: 'SRST', low: 1, meaning: 'hard reset' }, { name: 'RCPU', low: 2, meaning: 'reset when it rises' }],
    },
  ],
};

const keyOf = ({ device, function: number }: { device: number; function: number }): number => device * 8 + number;

/** The decoding of a space as text: equal when nothing has moved. */
function mappingOf(pciFunction: PciFunction, space: Uint8Array): string {
  return (pciFunction.bars ?? []).map((bar) => baseAddressOf(bar, space) ?? '-').join();
}

export class PciBus implements Device {
  readonly name = 'pci';
  readonly ports: readonly PortRange[] = [{ first: ADDRESS_PORT, count: 8 }];
  readonly portWidth: AccessSize = 4;
  state: PciState = { address: 0, resetControl: 0, spaces: new Map(), asserting: new Set() };
  readonly #host: DeviceHost;
  readonly #wiring: PciWiring;
  readonly #functions = new Map<number, PciFunction>();
  #described: ReadonlyMap<RegisterBlock, number> = new Map();

  constructor(host: DeviceHost, wiring: PciWiring = {}) {
    this.#host = host;
    this.#wiring = wiring;
  }

  /** Plugs a function in, before the machine is powered on. Throws RangeError when its place is taken. */
  add(pciFunction: PciFunction): PciSlot {
    const key = keyOf(pciFunction);
    if (this.#functions.has(key)) throw new RangeError(`PCI ${String(pciFunction.device)}.${String(pciFunction.function)} is taken.`);
    this.#functions.set(key, pciFunction);
    this.state.spaces.set(key, pciFunction.initial.slice());
    const space = (): Uint8Array => this.#space(key);
    return {
      configuration: space,
      base: (index) => {
        const bar = pciFunction.bars?.find((candidate) => candidate.index === index);
        return bar && baseAddressOf(bar, space());
      },
      isBusMaster: () => (space()[CONFIG_REGISTER.command] & COMMAND.master) !== 0,
      setInterrupt: (asserted) => {
        if (asserted) this.state.asserting.add(key);
        else this.state.asserting.delete(key);
        this.#driveInterrupt(key);
      },
    };
  }

  /** The bus, and the configuration space of each function on it. */
  get description(): DeviceDescription {
    return {
      title: 'PCI bus 0 and its functions\' configuration spaces',
      source: 'PCI Local Bus Specification 2.1; Intel 440FX (290549) and PIIX (290550, 290562) data sheets',
      blocks: [PORT_BLOCK, ...this.#blocks().keys()],
    };
  }

  peek(block: string, register: string): number | undefined {
    if (block === PORT_BLOCK.name) return register === 'RC' ? this.state.resetControl : this.state.address;
    for (const [configuration, key] of this.#blocks()) {
      if (configuration.name === block) return peekConfiguration(configuration, this.#space(key), register);
    }
    return undefined;
  }

  /** The functions' blocks, with their keys. Made once: functions are plugged in before power-on. */
  #blocks(): ReadonlyMap<RegisterBlock, number> {
    if (this.#described.size !== this.#functions.size) {
      this.#described = new Map([...this.#functions].map(([key, pciFunction]) => [configurationBlock(pciFunction), key]));
    }
    return this.#described;
  }

  /** The functions on the bus, as they are after power-on. */
  get functions(): readonly PciFunction[] {
    return [...this.#functions.values()];
  }

  reset(): void {
    this.state = { address: 0, resetControl: 0, spaces: new Map(), asserting: new Set() };
    for (const [key, pciFunction] of this.#functions) this.state.spaces.set(key, pciFunction.initial.slice());
    for (const [key, pciFunction] of this.#functions) {
      pciFunction.onReset?.(this.#space(key));
      this.#driveInterrupt(key);
    }
    this.#wiring.mappingChanged?.();
  }

  /** The present configuration space of a function. */
  configuration(device: number, number: number): Uint8Array | undefined {
    return this.state.spaces.get(keyOf({ device, function: number }));
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

  /** CF9: bit 1 chooses a hard reset, a rising bit 2 does it. A soft one leaves the register as it is. */
  #writeResetControl(value: number): void {
    const rises = (value & ~this.state.resetControl & 0x04) !== 0;
    this.state.resetControl = value & 0x06;
    if (rises) this.#host.requestStop({ kind: 'reset', cause: 'reset control register CF9', hard: (value & 0x02) !== 0 });
  }

  #space(key: number): Uint8Array {
    const space = this.state.spaces.get(key);
    if (space === undefined) throw new RangeError(`There is no PCI function ${String(key)}.`);
    return space;
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
    const pciFunction = this.#functions.get(target.key);
    pciFunction?.onRead?.(target.offset, size, space);
    return readByBytes(target.offset, size, (offset) => space[offset] ?? 0xff);
  }

  #writeData(port: number, size: AccessSize, value: number): void {
    const target = this.#target(port);
    if (target !== undefined) this.writeConfiguration(target.key, target.offset, size, value);
  }

  /** Writes to the space of the function `key` (device * 8 + function), as a guest does through CF8 and CFC. */
  writeConfiguration(key: number, at: number, size: AccessSize, value: number): void {
    const space = this.state.spaces.get(key);
    const pciFunction = this.#functions.get(key);
    if (space === undefined || pciFunction === undefined) return;
    const { writable, clearable } = pciFunction;
    const before = mappingOf(pciFunction, space);
    writeByBytes(at, size, value, (offset, byte) => {
      if (offset >= CONFIG_BYTES) return;
      space[offset] = ((space[offset] & ~writable[offset]) | (byte & writable[offset])) & ~(byte & (clearable?.[offset] ?? 0));
    });
    if (before !== mappingOf(pciFunction, space)) this.#wiring.mappingChanged?.();
    this.#driveInterrupt(key);
    pciFunction.onWrite?.(at, space, size);
  }

  /** What a function's interrupt does on its slot's pin: the status bit shows it always, the pin unless it is disabled. */
  #driveInterrupt(key: number): void {
    const space = this.#space(key);
    const pin = space[CONFIG_REGISTER.interruptPin];
    if (pin === 0) return;
    const asserted = this.state.asserting.has(key);
    space[CONFIG_REGISTER.status] = (space[CONFIG_REGISTER.status] & ~STATUS.interrupt) | (asserted ? STATUS.interrupt : 0);
    this.#wiring.setInterrupt?.(key >> 3, pin - 1, this.#pinAsserted(key >> 3, pin));
  }

  /** Functions of one device may share a pin. */
  #pinAsserted(device: number, pin: number): boolean {
    return [...this.state.asserting].some((key) => {
      const space = this.#space(key);
      return key >> 3 === device && space[CONFIG_REGISTER.interruptPin] === pin && (space[CONFIG_REGISTER.command + 1] & COMMAND.interruptsOff) === 0;
    });
  }
}
