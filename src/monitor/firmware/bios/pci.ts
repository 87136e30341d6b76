/** INT 1Ah AH=B1h: PCI BIOS (PCI BIOS Specification 2.1), by configuration mechanism 1 on bus 0, 16-bit calls. */
import type { AccessSize } from '../../devices/device';
import { hasPci, PCI_REGISTER, presentFunctions, readConfig, writeConfig, type ConfigAddress } from '../pci-configuration';
import { makeLevelTriggered, routePirq } from '../pci-interrupts';
import { PCI_SLOTS, pirqOf, STEERABLE_LINES } from '../tables/description';
import { routingEntries } from '../tables/pir';
import type { ServiceCall } from './call';

/** Return codes in AH. */
const SUCCESSFUL = 0x00;
const NOT_SUPPORTED = 0x81;
const BAD_VENDOR = 0x83;
const DEVICE_NOT_FOUND = 0x86;
const BAD_REGISTER = 0x87;
const SET_FAILED = 0x88;
const BUFFER_TOO_SMALL = 0x89;

/** 'PCI ' as INT 1Ah B101h returns it in EDX. */
const SIGNATURE = 0x2049_4350;
const VERSION = 0x0210;
const MECHANISM_1 = 0x01;

/** CL of function 0Fh names INTA to INTD so. */
const FIRST_PIN = 0x0a;
const PINS = 4;

function finish(call: ServiceCall, status: number): void {
  call.ah = status;
  call.carry = status !== SUCCESSFUL;
}

function installationCheck(call: ServiceCall): void {
  if (!hasPci(call.machine.ports)) return finish(call, NOT_SUPPORTED);
  call.setDword('edx', SIGNATURE);
  call.al = MECHANISM_1;
  call.bx = VERSION;
  call.cl = 0;
  return finish(call, SUCCESSFUL);
}

/** The function number SI among those whose register matches, in BX. */
function find(call: ServiceCall, matches: (deviceFunction: number) => boolean): void {
  const found = presentFunctions(call.machine.ports).filter(matches).at(call.si);
  if (found === undefined) return finish(call, DEVICE_NOT_FOUND);
  call.bx = found;
  return finish(call, SUCCESSFUL);
}

function findDevice(call: ServiceCall): void {
  if (call.dx === 0xffff) return finish(call, BAD_VENDOR);
  const wanted = ((call.cx << 16) | call.dx) >>> 0;
  return find(call, (deviceFunction) => readConfig(call.machine.ports, { deviceFunction, register: PCI_REGISTER.vendor }, 4) === wanted);
}

function findClass(call: ServiceCall): void {
  const wanted = call.dword('ecx') & 0xff_ffff;
  find(call, (deviceFunction) => readConfig(call.machine.ports, { deviceFunction, register: PCI_REGISTER.classRevision }, 4) >>> 8 === wanted);
}

/** Bus, device and function from BX, register from DI; undefined when the register is not aligned to its size. */
function addressed(call: ServiceCall, size: AccessSize): ConfigAddress | undefined {
  if (call.di > 0xff || call.di % size !== 0) return undefined;
  return { bus: call.bh, deviceFunction: call.bl, register: call.di };
}

function readRegister(call: ServiceCall, size: AccessSize): void {
  const address = addressed(call, size);
  if (address === undefined) return finish(call, BAD_REGISTER);
  const value = readConfig(call.machine.ports, address, size);
  if (size === 1) call.cl = value;
  else if (size === 2) call.cx = value;
  else call.setDword('ecx', value);
  return finish(call, SUCCESSFUL);
}

function writeRegister(call: ServiceCall, size: AccessSize): void {
  const address = addressed(call, size);
  if (address === undefined) return finish(call, BAD_REGISTER);
  const mask = size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1;
  writeConfig(call.machine.ports, address, size, call.dword('ecx') & mask);
  return finish(call, SUCCESSFUL);
}

/** Function 0Eh: the entries of the interrupt routing table to the buffer that ES:DI tells of (its size, a far pointer); BX: lines for PCI alone. */
function routingOptions(call: ServiceCall): void {
  const { memory } = call.machine;
  const at = (offset: number): number => call.pointer('es', call.di + offset);
  const entries = routingEntries();
  const room = memory.read16(at(0));
  memory.write16(at(0), entries.length);
  if (room < entries.length) return finish(call, BUFFER_TOO_SMALL);
  memory.write(memory.read16(at(4)) * 16 + memory.read16(at(2)), entries);
  call.bx = 0;
  return finish(call, SUCCESSFUL);
}

/** Function 0Fh: leads pin CL (0Ah: INTA) of the slot in BL to ISA line CH. Telling the functions is the caller's part. */
function setInterrupt(call: ServiceCall): void {
  const { ports } = call.machine;
  const pin = call.cl - FIRST_PIN;
  const slot = call.bl >> 3;
  const isKnown = call.bh === 0 && PCI_SLOTS.includes(slot) && pin >= 0 && pin < PINS;
  if (!isKnown || !STEERABLE_LINES.includes(call.ch)) return finish(call, SET_FAILED);
  makeLevelTriggered(ports, call.ch);
  routePirq(ports, pirqOf(slot, pin), call.ch);
  return finish(call, SUCCESSFUL);
}

/** The function in AL; bit 7 would choose the 32-bit entry, which is not there. */
export function pciService(call: ServiceCall): void {
  switch (call.al) {
    case 0x01: return installationCheck(call);
    case 0x02: return findDevice(call);
    case 0x03: return findClass(call);
    case 0x08: return readRegister(call, 1);
    case 0x09: return readRegister(call, 2);
    case 0x0a: return readRegister(call, 4);
    case 0x0b: return writeRegister(call, 1);
    case 0x0c: return writeRegister(call, 2);
    case 0x0d: return writeRegister(call, 4);
    case 0x0e: return routingOptions(call);
    case 0x0f: return setInterrupt(call);
    default: return finish(call, NOT_SUPPORTED);
  }
}
