/**
 * PCI bus 0 as a PC's BIOS leaves it: base address registers get ports and memory, decoding is switched on, the chipset's own
 * blocks are placed, and interrupts are routed (pci-interrupts.ts).
 *
 * Source: PCI Firmware Specification 3.0, 3.5; PCI Local Bus Specification 2.1, 6.2.5.1 (measuring base address registers);
 * PIIX4 data sheet (290562), 7.1 and 7.2, for the power management function.
 */
import { PLATFORM } from '../devices/device';
import { alignUp } from './bytes';
import { PCI_REGISTER, presentFunctions, readConfig, writeConfig } from './pci-configuration';
import { routeInterrupts } from './pci-interrupts';
import type { PortBus } from './platform';

/** Ports from here up belong to no ISA device; memory from here up to the I/O APIC belongs to PCI, however much RAM there is. */
const FIRST_PORT = 0xc000;
const END_OF_PORTS = 0x1_0000;
const FIRST_MEMORY = 0xe000_0000;
const END_OF_MEMORY = PLATFORM.ioApic;

const BARS = 6;
const HEADER_TYPE_MASK = 0x7f;
const ORDINARY_HEADER = 0;
/** The low bits of a base address register say what kind it is. */
const KIND = { ports: 0x01, typeMask: 0x06, memory64: 0x04, portBits: 0x03, memoryBits: 0x0f, romBits: 0x7ff } as const;
const COMMAND = { ports: 0x01, memory: 0x02, master: 0x04 } as const;
/** A page, so that no two devices share one. */
const MEMORY_GRANULE = 0x1000;

/** Class and subclass of IDE controllers, and of those that are bridges. */
const IDE_CLASS = 0x0101;
const BRIDGE_CLASS = 0x06;

/** 8086:7113, the PIIX4's power management function, and its registers. */
const POWER_MANAGEMENT = 0x7113_8086;
const PIIX4 = { pmBase: 0x40, pmMisc: 0x80, smbusBase: 0x90, smbusConfiguration: 0xd2 } as const;
const PM_ENABLE = 0x01;
/** SMBus host controller enabled, with its interrupt on line 9. */
const SMBUS_ENABLE = 0x09;

/** A base address register that wants room. */
interface Request {
  readonly deviceFunction: number;
  readonly register: number;
  readonly kind: 'ports' | 'memory' | 'rom';
  readonly bytes: number;
  readonly is64: boolean;
}

/** Writes all ones and reads which bits stay: the size is what the lowest of them stands for. 0 where there is no such register. */
function measure(ports: PortBus, deviceFunction: number, register: number, flags: number): number {
  const address = { deviceFunction, register };
  const before = readConfig(ports, address, 4);
  // The lowest bit of a ROM's register would enable it.
  writeConfig(ports, address, 4, flags === KIND.romBits ? ~1 : 0xffff_ffff);
  const mask = (readConfig(ports, address, 4) & ~flags) >>> 0;
  writeConfig(ports, address, 4, before);
  return mask === 0 ? 0 : (mask & -mask) >>> 0;
}

/** What a function wants. Its decoding must be off: measuring moves it about. */
function requestsOf(ports: PortBus, deviceFunction: number): Request[] {
  const found: Request[] = [];
  for (let index = 0; index < BARS; index++) {
    const register = PCI_REGISTER.firstBar + 4 * index;
    const kind = readConfig(ports, { deviceFunction, register }, 4);
    const isPorts = (kind & KIND.ports) !== 0;
    const is64 = !isPorts && (kind & KIND.typeMask) === KIND.memory64;
    const bytes = measure(ports, deviceFunction, register, isPorts ? KIND.portBits : KIND.memoryBits);
    if (bytes > 0) found.push({ deviceFunction, register, kind: isPorts ? 'ports' : 'memory', bytes, is64 });
    if (is64) index++;
  }
  const rom = measure(ports, deviceFunction, PCI_REGISTER.rom, KIND.romBits);
  if (rom > 0) found.push({ deviceFunction, register: PCI_REGISTER.rom, kind: 'rom', bytes: rom, is64: false });
  return found;
}

/** Gives out a range piece by piece. Large pieces come first, so that little is lost to alignment. */
function assign(ports: PortBus, requests: readonly Request[], first: number, end: number, granule: number): readonly Request[] {
  const placed: Request[] = [];
  let next = first;
  // Sorting keeps the order of those that are equal.
  for (const request of [...requests].sort((a, b) => b.bytes - a.bytes)) {
    const { deviceFunction, register, bytes, is64 } = request;
    const at = alignUp(next, Math.max(bytes, granule));
    if (at + bytes > end) continue;
    writeConfig(ports, { deviceFunction, register }, 4, at);
    if (is64) writeConfig(ports, { deviceFunction, register: register + 4 }, 4, 0);
    placed.push(request);
    next = at + bytes;
  }
  return placed;
}

/** A function's own decoding, by what it was given. A ROM has its address, and stays off. */
function enable(ports: PortBus, deviceFunction: number, wanted: readonly Request[], placed: readonly Request[]): void {
  const own = (list: readonly Request[], kind: Request['kind']): number => list.filter((r) => r.deviceFunction === deviceFunction && r.kind === kind).length;
  const address = { deviceFunction, register: PCI_REGISTER.command };
  let command = 0;
  // A kind of decoding is switched on for all registers of that kind at once, so all must have a place.
  if (own(wanted, 'ports') > 0 && own(placed, 'ports') === own(wanted, 'ports')) command |= COMMAND.ports;
  if (own(wanted, 'memory') > 0 && own(placed, 'memory') === own(wanted, 'memory')) command |= COMMAND.memory;
  const classCode = readConfig(ports, { deviceFunction, register: PCI_REGISTER.classRevision }, 4) >>> 16;
  // IDE answers at the ports of old besides, and its drivers expect mastering to be on.
  if (classCode === IDE_CLASS) command |= COMMAND.ports | COMMAND.master;
  writeConfig(ports, address, 2, readConfig(ports, address, 2) | command);
}

function setUpPowerManagement(ports: PortBus, deviceFunction: number): void {
  const write = (register: number, size: 1 | 4, value: number): void => writeConfig(ports, { deviceFunction, register }, size, value);
  write(PIIX4.pmBase, 4, PLATFORM.powerManagement | 1);
  write(PIIX4.pmMisc, 1, PM_ENABLE);
  write(PIIX4.smbusBase, 4, PLATFORM.systemManagementBus | 1);
  write(PIIX4.smbusConfiguration, 1, SMBUS_ENABLE);
  // The SCI is wired to line 9, wherever the function's pin leads.
  write(PCI_REGISTER.interruptLine, 1, PLATFORM.sciLine);
}

/** Assigns and enables everything on bus 0. Nothing happens where there is no PCI. */
export function setUpPci(ports: PortBus): void {
  const functions = presentFunctions(ports);
  const ordinary = functions.filter((deviceFunction) => {
    const headerType = readConfig(ports, { deviceFunction, register: PCI_REGISTER.headerType }, 1) & HEADER_TYPE_MASK;
    const classCode = readConfig(ports, { deviceFunction, register: PCI_REGISTER.classRevision }, 4) >>> 24;
    return headerType === ORDINARY_HEADER && classCode !== BRIDGE_CLASS;
  });
  const wanted = ordinary.flatMap((deviceFunction) => {
    const command = { deviceFunction, register: PCI_REGISTER.command };
    const decoding = readConfig(ports, command, 2);
    writeConfig(ports, command, 2, decoding & ~(COMMAND.ports | COMMAND.memory));
    return requestsOf(ports, deviceFunction);
  });
  const placed = [
    ...assign(ports, wanted.filter(({ kind }) => kind === 'ports'), FIRST_PORT, END_OF_PORTS, 1),
    ...assign(ports, wanted.filter(({ kind }) => kind !== 'ports'), FIRST_MEMORY, END_OF_MEMORY, MEMORY_GRANULE),
  ];
  for (const deviceFunction of ordinary) enable(ports, deviceFunction, wanted, placed);
  if (functions.length > 0) routeInterrupts(ports);
  for (const deviceFunction of functions) {
    if (readConfig(ports, { deviceFunction, register: PCI_REGISTER.vendor }, 4) === POWER_MANAGEMENT) setUpPowerManagement(ports, deviceFunction);
  }
}
