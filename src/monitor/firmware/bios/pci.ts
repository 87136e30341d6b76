/** INT 1Ah AH=B1h: PCI BIOS (PCI BIOS Specification 2.1), by configuration mechanism 1 on bus 0. */
import type { AccessSize } from '../../devices/device';
import type { ServiceCall } from './call';

const ADDRESS_PORT = 0xcf8;
const DATA_PORT = 0xcfc;
const ENABLE = 0x8000_0000;

/** Return codes in AH. */
const SUCCESSFUL = 0x00;
const NOT_SUPPORTED = 0x81;
const BAD_VENDOR = 0x83;
const DEVICE_NOT_FOUND = 0x86;
const BAD_REGISTER = 0x87;

/** 'PCI ' as INT 1Ah B101h returns it in EDX. */
const SIGNATURE = 0x2049_4350;
const VERSION = 0x0210;
const MECHANISM_1 = 0x01;
const FUNCTIONS_PER_BUS = 256;

const VENDOR = 0x00;
const CLASS_REVISION = 0x08;
const HEADER_TYPE = 0x0e;
const MULTIFUNCTION = 0x80;

/** Bus, device and function as BX has them, and a register. */
interface ConfigAddress {
  readonly bus: number;
  readonly deviceFunction: number;
  readonly register: number;
}

function select(call: ServiceCall, { bus, deviceFunction, register }: ConfigAddress): number {
  const address = (ENABLE | (bus << 16) | (deviceFunction << 8) | (register & 0xfc)) >>> 0;
  call.machine.ports.writePort(ADDRESS_PORT, 4, address);
  return DATA_PORT + (register & 3);
}

function readConfig(call: ServiceCall, address: ConfigAddress, size: AccessSize): number {
  return call.machine.ports.readPort(select(call, address), size) >>> 0;
}

function finish(call: ServiceCall, status: number): void {
  call.ah = status;
  call.carry = status !== SUCCESSFUL;
}

/** Whether mechanism 1 is there: its address register keeps what is written. */
function hasPci(call: ServiceCall): boolean {
  call.machine.ports.writePort(ADDRESS_PORT, 4, ENABLE);
  return call.machine.ports.readPort(ADDRESS_PORT, 4) >>> 0 === ENABLE;
}

function installationCheck(call: ServiceCall): void {
  if (!hasPci(call)) return finish(call, NOT_SUPPORTED);
  call.setDword('edx', SIGNATURE);
  call.al = MECHANISM_1;
  call.bx = VERSION;
  call.cl = 0;
  return finish(call, SUCCESSFUL);
}

/** Functions of bus 0 that are there; functions 1-7 only where the device says that it has several. */
function presentFunctions(call: ServiceCall): number[] {
  const present: number[] = [];
  for (let deviceFunction = 0; deviceFunction < FUNCTIONS_PER_BUS; deviceFunction++) {
    const at = (register: number, df = deviceFunction): ConfigAddress => ({ bus: 0, deviceFunction: df, register });
    const first = deviceFunction & ~7;
    if (deviceFunction !== first && (readConfig(call, at(HEADER_TYPE, first), 1) & MULTIFUNCTION) === 0) continue;
    const vendor = readConfig(call, at(VENDOR), 2);
    if (vendor !== 0xffff && vendor !== 0) present.push(deviceFunction);
  }
  return present;
}

/** The function number SI among those whose register matches, in BX. */
function find(call: ServiceCall, matches: (deviceFunction: number) => boolean): void {
  const found = presentFunctions(call).filter(matches).at(call.si);
  if (found === undefined) return finish(call, DEVICE_NOT_FOUND);
  call.bx = found;
  return finish(call, SUCCESSFUL);
}

function findDevice(call: ServiceCall): void {
  if (call.dx === 0xffff) return finish(call, BAD_VENDOR);
  const wanted = ((call.cx << 16) | call.dx) >>> 0;
  return find(call, (deviceFunction) => readConfig(call, { bus: 0, deviceFunction, register: VENDOR }, 4) === wanted);
}

function findClass(call: ServiceCall): void {
  const wanted = call.dword('ecx') & 0xff_ffff;
  find(call, (deviceFunction) => readConfig(call, { bus: 0, deviceFunction, register: CLASS_REVISION }, 4) >>> 8 === wanted);
}

/** Bus, device and function from BX, register from DI; undefined when the register is not aligned to its size. */
function addressed(call: ServiceCall, size: AccessSize): ConfigAddress | undefined {
  if (call.di > 0xff || call.di % size !== 0) return undefined;
  return { bus: call.bh, deviceFunction: call.bl, register: call.di };
}

function readRegister(call: ServiceCall, size: AccessSize): void {
  const address = addressed(call, size);
  if (address === undefined) return finish(call, BAD_REGISTER);
  const value = readConfig(call, address, size);
  if (size === 1) call.cl = value;
  else if (size === 2) call.cx = value;
  else call.setDword('ecx', value);
  return finish(call, SUCCESSFUL);
}

function writeRegister(call: ServiceCall, size: AccessSize): void {
  const address = addressed(call, size);
  if (address === undefined) return finish(call, BAD_REGISTER);
  const mask = size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1;
  call.machine.ports.writePort(select(call, address), size, (call.dword('ecx') & mask) >>> 0);
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
    default: return finish(call, NOT_SUPPORTED);
  }
}
