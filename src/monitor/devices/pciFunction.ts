/**
 * A PCI function's configuration space: its header, its base address registers and capabilities, made from what a data sheet
 * says; and its slot, through which a device sees what the guest has made of it.
 *
 * Source: PCI Local Bus Specification 2.1, chapter 6; 2.2 for the capabilities list.
 */

import type { RegisterDescription } from './description';

export const CONFIG_BYTES = 256;

export const CONFIG_REGISTER = {
  vendor: 0x00, device: 0x02, command: 0x04, status: 0x06, revision: 0x08, headerType: 0x0e, firstBar: 0x10, subsystemVendor: 0x2c,
  subsystem: 0x2e, rom: 0x30, capabilities: 0x34, interruptLine: 0x3c, interruptPin: 0x3d, firstFree: 0x40,
} as const;

/** Bits of the command register's low byte; `interruptsOff` is in its high byte. */
export const COMMAND = { ports: 0x01, memory: 0x02, master: 0x04, interruptsOff: 0x04 } as const;
/** Bits of the status register's low byte. */
export const STATUS = { interrupt: 0x08, capabilities: 0x10 } as const;

/** A base address register. */
export interface BaseAddressRegister {
  /** 0 to 5; a 64-bit one takes the next one as well. 6 is the expansion ROM. */
  readonly index: number;
  readonly kind: 'ports' | 'memory' | 'memory64' | 'rom';
  /** A power of two: at least 4 ports, 16 bytes of memory, 2 KiB of ROM. */
  readonly bytes: number;
  readonly prefetchable?: boolean;
}

/** A function of a device on bus 0. */
export interface PciFunction {
  readonly device: number;
  readonly function: number;
  /** The 256 bytes of configuration space after power-on. */
  readonly initial: Uint8Array;
  /** Bits that a guest may change, byte by byte. A base address register's size shows in its clear low bits. */
  readonly writable: Uint8Array;
  /** Bits that a guest clears by writing ones, byte by byte. */
  readonly clearable?: Uint8Array;
  readonly bars?: readonly BaseAddressRegister[];
  /** The chip's own registers, mostly from 40 up, for those who look at it: pciDescription.ts describes the rest. */
  readonly registers?: readonly RegisterDescription[];
  /** Called before a guest's read, for registers behind others: it may set bytes of `config`. */
  readonly onRead?: (offset: number, size: number, config: Uint8Array) => void;
  /** Called after a guest's write to the bytes from `offset`; `config` is the present space. */
  readonly onWrite?: (offset: number, config: Uint8Array, size: number) => void;
  /** Called after power-on. */
  readonly onReset?: (config: Uint8Array) => void;
}

/** A function's place on the bus, as its device sees it. */
export interface PciSlot {
  /** The present 256 bytes. */
  configuration(): Uint8Array;
  /** Port or guest-physical address that base address register `index` is decoded at now; undefined while it is not. */
  base(index: number): number | undefined;
  /** Whether the function may read and write memory by itself. A device that may not, does not. */
  isBusMaster(): boolean;
  /** Drives the function's interrupt pin. Level semantics. */
  setInterrupt(asserted: boolean): void;
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
  view.setUint16(CONFIG_REGISTER.vendor, identity.vendor, true);
  view.setUint16(CONFIG_REGISTER.device, identity.device, true);
  view.setUint32(CONFIG_REGISTER.revision, ((identity.classCode << 8) | identity.revision) >>> 0, true);
  view.setUint8(CONFIG_REGISTER.headerType, identity.multiFunction === true ? 0x80 : 0);
  view.setUint16(CONFIG_REGISTER.subsystemVendor, identity.subsystemVendor, true);
  view.setUint16(CONFIG_REGISTER.subsystem, identity.subsystem, true);
  return space;
}

/** A capability's bytes behind its link: the ID, and what follows the link byte. `writable` has a byte for each of `body`. */
export interface PciCapability {
  readonly id: number;
  readonly body: Uint8Array;
  readonly writable?: Uint8Array;
}

export interface EndpointOptions {
  readonly device: number;
  readonly function: number;
  readonly identity: PciIdentity;
  readonly bars: readonly BaseAddressRegister[];
  /** 1 for INTA to 4 for INTD; 0 for none. */
  readonly interruptPin: number;
  /** Listed from 40 up, in this order, each on a dword border. */
  readonly capabilities?: readonly PciCapability[];
}

/** Bits of the command register that an endpoint lets be written: decoding, mastering, parity, SERR, interrupts off. */
const COMMAND_WRITABLE = [0x47, 0x05];

/** Offset of a base address register. */
export function barRegister(bar: BaseAddressRegister): number {
  return bar.kind === 'rom' ? CONFIG_REGISTER.rom : CONFIG_REGISTER.firstBar + 4 * bar.index;
}

/** An ordinary function: a device with base address registers, an interrupt pin and capabilities. */
export function endpoint({ device, function: number, identity, bars, interruptPin, capabilities = [] }: EndpointOptions): PciFunction {
  const initial = configurationSpace(identity);
  const writable = new Uint8Array(CONFIG_BYTES);
  const masks = new DataView(writable.buffer);
  const view = new DataView(initial.buffer);
  writable.set(COMMAND_WRITABLE, CONFIG_REGISTER.command);
  writable[CONFIG_REGISTER.interruptLine] = 0xff;
  initial[CONFIG_REGISTER.interruptPin] = interruptPin;
  for (const bar of bars) {
    const at = barRegister(bar);
    if (bar.kind === 'ports') view.setUint32(at, 1, true);
    else if (bar.kind !== 'rom') view.setUint32(at, (bar.kind === 'memory64' ? 4 : 0) | (bar.prefetchable === true ? 8 : 0), true);
    masks.setUint32(at, (~(bar.bytes - 1) | (bar.kind === 'rom' ? 1 : 0)) >>> 0, true);
    if (bar.kind === 'memory64') masks.setUint32(at + 4, 0xffff_ffff, true);
  }
  let at: number = CONFIG_REGISTER.firstFree;
  let link: number = CONFIG_REGISTER.capabilities;
  for (const { id, body, writable: bodyMask } of capabilities) {
    initial[CONFIG_REGISTER.status] |= STATUS.capabilities;
    initial[link] = at;
    initial[at] = id;
    initial.set(body, at + 2);
    if (bodyMask !== undefined) writable.set(bodyMask, at + 2);
    link = at + 1;
    at = (at + 2 + body.length + 3) & ~3;
  }
  return { device, function: number, initial, writable, bars };
}

/** Where a base address register is decoded; undefined while its kind of decoding is off, or no address has been given. */
export function baseAddressOf(bar: BaseAddressRegister, space: Uint8Array): number | undefined {
  const view = new DataView(space.buffer, space.byteOffset, space.byteLength);
  const command = space[CONFIG_REGISTER.command];
  const decodes = bar.kind === 'ports' ? command & COMMAND.ports : command & COMMAND.memory;
  if (decodes === 0) return undefined;
  const low = view.getUint32(barRegister(bar), true);
  if (bar.kind === 'rom' && (low & 1) === 0) return undefined;
  const address = (low & ~(bar.bytes - 1)) >>> 0;
  const high = bar.kind === 'memory64' ? view.getUint32(barRegister(bar) + 4, true) : 0;
  const whole = high * 0x1_0000_0000 + address;
  // Zero is what a register has that nobody has programmed; all ones, one that is being measured.
  const isMeasured = (address | (bar.bytes - 1)) >>> 0 === 0xffff_ffff && (bar.kind !== 'memory64' || high === 0xffff_ffff || high === 0);
  if (whole === 0 || isMeasured) return undefined;
  if (bar.kind === 'ports') return whole < 0x1_0000 ? whole : undefined;
  return whole;
}
