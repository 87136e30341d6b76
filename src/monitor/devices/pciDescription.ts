/**
 * A PCI function's configuration space described: the header that all have, from the function itself, and what the chip has of
 * its own; and a space made from such a description.
 *
 * Source: PCI Local Bus Specification 2.1, chapter 6.
 */
import type { FieldDescription, RegisterAccess, RegisterBlock, RegisterDescription } from './description';
import { barRegister, CONFIG_BYTES, CONFIG_REGISTER, type BaseAddressRegister, type PciFunction } from './pciFunction';

const COMMAND_FIELDS: readonly FieldDescription[] = [
  { name: 'IOSE', low: 0, meaning: 'ports are decoded' },
  { name: 'MSE', low: 1, meaning: 'memory is decoded' },
  { name: 'BME', low: 2, meaning: 'may master the bus' },
  { name: 'PERE', low: 6, meaning: 'parity errors are reported' },
  { name: 'SERRE', low: 8, meaning: 'SERR# is driven' },
  { name: 'INTDIS', low: 10, meaning: 'the interrupt pin is not driven' },
];
const STATUS_FIELDS: readonly FieldDescription[] = [
  { name: 'INTSTS', low: 3, meaning: 'the function asserts its interrupt' },
  { name: 'CAPLIST', low: 4, meaning: 'there is a list of capabilities' },
  { name: 'DEVSELT', low: 9, bits: 2, meaning: 'speed of DEVSEL#', values: { 0: 'fast', 1: 'medium', 2: 'slow' } },
];
const BAR_FIELDS: Readonly<Record<BaseAddressRegister['kind'], readonly FieldDescription[]>> = {
  ports: [{ name: 'kind', low: 0, meaning: 'ports' }],
  memory: [{ name: 'prefetchable', low: 3, meaning: 'reading has no effect' }],
  memory64: [{ name: 'type', low: 1, bits: 2, meaning: 'width of the address', values: { 2: '64 bits' } }, { name: 'prefetchable', low: 3, meaning: 'reading has no effect' }],
  rom: [{ name: 'enable', low: 0, meaning: 'the ROM is decoded' }],
};

/** Little-endian bits of a byte array. */
function bitsAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) value += bytes[at + index] * 2 ** (8 * index);
  return value;
}

/** A register as a function's images have it. */
function imaged({ initial, writable }: PciFunction, register: Pick<RegisterDescription, 'name' | 'title' | 'at' | 'bytes' | 'fields'>): RegisterDescription {
  const mask = bitsAt(writable, register.at, register.bytes);
  const access: RegisterAccess = mask === 0 ? 'read-only' : 'read-write';
  return { ...register, access, reset: bitsAt(initial, register.at, register.bytes), ...(mask === 0 ? {} : { writable: mask }) };
}

function barRegisters(pciFunction: PciFunction, bar: BaseAddressRegister): RegisterDescription[] {
  const at = barRegister(bar);
  const isRom = bar.kind === 'rom';
  const name = isRom ? 'ROMBAR' : `BAR${String(bar.index)}`;
  const low = imaged(pciFunction, { name, title: isRom ? 'expansion ROM base address' : `base address ${String(bar.index)}`, at, bytes: 4, fields: BAR_FIELDS[bar.kind] });
  if (bar.kind !== 'memory64') return [low];
  return [low, imaged(pciFunction, { name: `${name}H`, title: `base address ${String(bar.index)}, upper half`, at: at + 4, bytes: 4 })];
}

/** The block of a function's configuration space; its base is where CF8 has device and function. */
export function configurationBlock(pciFunction: PciFunction): RegisterBlock {
  const { device, function: number, bars = [], registers = [] } = pciFunction;
  const header: RegisterDescription[] = [
    imaged(pciFunction, { name: 'VID', title: 'vendor', at: CONFIG_REGISTER.vendor, bytes: 2 }),
    imaged(pciFunction, { name: 'DID', title: 'device', at: CONFIG_REGISTER.device, bytes: 2 }),
    imaged(pciFunction, { name: 'PCICMD', title: 'command', at: CONFIG_REGISTER.command, bytes: 2, fields: COMMAND_FIELDS }),
    imaged(pciFunction, { name: 'PCISTS', title: 'status', at: CONFIG_REGISTER.status, bytes: 2, fields: STATUS_FIELDS }),
    imaged(pciFunction, { name: 'RID', title: 'revision', at: CONFIG_REGISTER.revision, bytes: 1 }),
    imaged(pciFunction, { name: 'PI', title: 'programming interface', at: CONFIG_REGISTER.revision + 1, bytes: 1 }),
    imaged(pciFunction, { name: 'SCC', title: 'subclass', at: CONFIG_REGISTER.revision + 2, bytes: 1 }),
    imaged(pciFunction, { name: 'BCC', title: 'class', at: CONFIG_REGISTER.revision + 3, bytes: 1 }),
    imaged(pciFunction, { name: 'HEDT', title: 'header type', at: CONFIG_REGISTER.headerType, bytes: 1, fields: [{ name: 'MFD', low: 7, meaning: 'the device has several functions' }] }),
    ...bars.flatMap((bar) => barRegisters(pciFunction, bar)),
    imaged(pciFunction, { name: 'SVID', title: 'subsystem vendor', at: CONFIG_REGISTER.subsystemVendor, bytes: 2 }),
    imaged(pciFunction, { name: 'SID', title: 'subsystem', at: CONFIG_REGISTER.subsystem, bytes: 2 }),
    imaged(pciFunction, { name: 'INTLN', title: 'interrupt line', at: CONFIG_REGISTER.interruptLine, bytes: 1 }),
    imaged(pciFunction, { name: 'INTPN', title: 'interrupt pin', at: CONFIG_REGISTER.interruptPin, bytes: 1 }),
  ];
  return {
    name: `configuration ${String(device)}.${String(number)}`, space: 'configuration', base: (device * 8 + number) * CONFIG_BYTES,
    registers: [...header, ...registers],
  };
}

/** Puts described registers into a space: their reset values, and which bits may be written. */
export function placeRegisters(registers: readonly RegisterDescription[], initial: Uint8Array, writable: Uint8Array): void {
  for (const { at, bytes, access, reset = 0, writable: mask } of registers) {
    for (let index = 0; index < bytes; index++) {
      initial[at + index] = reset >>> (8 * index);
      writable[at + index] = access !== 'read-write' ? 0 : mask === undefined ? 0xff : mask >>> (8 * index);
    }
  }
}

/** What a space holds in a register of its block; undefined when it has no such register. */
export function peekConfiguration(block: RegisterBlock, space: Uint8Array, name: string): number | undefined {
  const register = block.registers.find((candidate) => candidate.name === name);
  return register && bitsAt(space, register.at, register.bytes);
}
