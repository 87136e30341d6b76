/** Configuration space of PCI bus 0 through mechanism 1 (PCI Local Bus Specification 2.1, 3.7.4.1), as firmware uses it. */
import type { AccessSize } from '../devices/device';
import type { PortBus } from './platform';

const ADDRESS_PORT = 0xcf8;
const DATA_PORT = 0xcfc;
const ENABLE = 0x8000_0000;
const FUNCTIONS_PER_BUS = 256;

export const PCI_REGISTER = {
  vendor: 0x00, command: 0x04, classRevision: 0x08, headerType: 0x0e, firstBar: 0x10, rom: 0x30, interruptLine: 0x3c, interruptPin: 0x3d,
} as const;

const MULTIFUNCTION = 0x80;
const NOBODY = 0xffff;

/** Where a register is: device * 8 + function on a bus, and its offset, a multiple of the size that is accessed. */
export interface ConfigAddress {
  /** Default: 0. */
  readonly bus?: number;
  readonly deviceFunction: number;
  readonly register: number;
}

/** Device and function in one number, as configuration addresses have them. */
export function deviceFunctionOf(device: number, number: number): number {
  return device * 8 + number;
}

/** Selects a register's dword and gives the port that the register is at. */
function select(ports: PortBus, { bus = 0, deviceFunction, register }: ConfigAddress): number {
  ports.writePort(ADDRESS_PORT, 4, (ENABLE | (bus << 16) | (deviceFunction << 8) | (register & 0xfc)) >>> 0);
  return DATA_PORT + (register & 3);
}

/** Reads a register; all ones where nobody is. */
export function readConfig(ports: PortBus, address: ConfigAddress, size: AccessSize): number {
  return ports.readPort(select(ports, address), size) >>> 0;
}

export function writeConfig(ports: PortBus, address: ConfigAddress, size: AccessSize, value: number): void {
  ports.writePort(select(ports, address), size, value >>> 0);
}

/** Whether mechanism 1 is there: its address register keeps what is written. */
export function hasPci(ports: PortBus): boolean {
  ports.writePort(ADDRESS_PORT, 4, ENABLE);
  return ports.readPort(ADDRESS_PORT, 4) >>> 0 === ENABLE;
}

/** Functions of bus 0 that are there, in order; functions 1 to 7 only where the device says that it has several. */
export function presentFunctions(ports: PortBus): number[] {
  const present: number[] = [];
  for (let deviceFunction = 0; deviceFunction < FUNCTIONS_PER_BUS; deviceFunction++) {
    const first = deviceFunction & ~7;
    const headerType = { deviceFunction: first, register: PCI_REGISTER.headerType };
    if (deviceFunction !== first && (readConfig(ports, headerType, 1) & MULTIFUNCTION) === 0) continue;
    const vendor = readConfig(ports, { deviceFunction, register: PCI_REGISTER.vendor }, 2);
    if (vendor !== NOBODY && vendor !== 0) present.push(deviceFunction);
  }
  return present;
}
