/**
 * What a device is to the machine: plain-data state, pure steps on ports, memory regions and events,
 * and the few things it may ask of the machine around it.
 *
 * Time is counted in cycles of the virtual clock: one retired instruction is one cycle, one cycle is
 * one nanosecond of guest time, and idle time (HLT) warps to the next event (invariant 1).
 */

import type { DeviceDescription } from './description';

/** Width of a port or memory-mapped access, in bytes. */
export type AccessSize = 1 | 2 | 4;

/** Virtual clock frequency: cycles per second of guest time. */
export const CYCLES_PER_SECOND = 1_000_000_000;

/** Where the board's devices are that firmware has to tell operating systems of (ACPI and MP tables). */
export const PLATFORM = {
  /** Guest-physical addresses of the local APICs' and the I/O APIC's registers, bytes. */
  localApic: 0xfee00000,
  ioApic: 0xfec00000,
  /** High precision event timer, where there is one. */
  hpet: 0xfed00000,
  /** I/O APIC inputs of the timer (ISA line 0) and of PIRQ A; B to D follow. */
  timerInput: 2,
  firstPirqInput: 16,
  /** Where our firmware places the power management ports (64 of them) and the SMBus's; the ISA line of their interrupt (SCI). */
  powerManagement: 0x600,
  systemManagementBus: 0x700,
  sciLine: 9,
  /** The reset control register and the value that resets. */
  resetPort: 0xcf9,
  resetValue: 0x06,
} as const;

/** A range of I/O ports that a device answers to. */
export interface PortRange {
  readonly first: number;
  readonly count: number;
}

/** A range of guest-physical memory that a device answers to, bytes. What is left of its pages belongs to nobody, or to other devices. */
export interface MemoryRegion {
  readonly first: number;
  readonly bytes: number;
}

/** A range of guest-physical memory, whole pages, in which the processor reaches video memory without asking the device. */
export interface MemoryWindow extends MemoryRegion {
  /** Where in video memory its first byte is. */
  readonly offset: number;
}

/**
 * What the machine offers to a device. A device keeps the reference that its constructor was given;
 * it never lies inside the device's state.
 */
export interface DeviceHost {
  /** The present moment in cycles, exact to the instruction that is being executed. */
  now(): number;
  /**
   * Arranges for `device.event(event)` at the given cycle (at once when it has passed). A device has
   * at most one pending entry for each event name: scheduling again moves it.
   */
  schedule(device: string, event: string, at: number): void;
  /** Takes a pending event back; nothing happens when there is none. */
  cancel(device: string, event: string): void;
  /** Drives an ISA interrupt line (0 to 15). Level semantics: the device keeps it up until served. */
  setInterruptLine(line: number, level: boolean): void;
  /**
   * Bytes that leave the machine: 'com1'..'com4' serial output, 'debug' port E9; 'speaker' changes of its tone (see ./pit); 'net0' frames and '9p0' requests, each behind its
   * length (4 bytes, little-endian).
   */
  output(channel: string, bytes: Uint8Array): void;
  /** Ends the run: power-off, a reset line, or the guest's own exit status (isa-debug-exit). */
  requestStop(stop: DeviceStop): void;
  /** The A20 gate, as the keyboard controller and port 92 drive it. */
  setA20(enabled: boolean): void;
}

/** Why a device ends or restarts the run. */
export type DeviceStop =
  | { readonly kind: 'power-off' }
  /** `hard`: RESET# of the whole board (PCIRST#, RSTDRV). Otherwise INIT#, which reaches the processors alone. */
  | { readonly kind: 'reset'; readonly cause: string; readonly hard: boolean }
  | { readonly kind: 'exit'; readonly status: number };

/**
 * A device. Its whole state is `state`: structured-clonable data (numbers, strings, booleans, arrays,
 * typed arrays, Maps of these), no closures, no handles. Snapshot, hash and restore work on it
 * generically: restoring replaces `state` by a deep copy, so code always goes through `this.state`.
 */
export interface Device {
  /** Unique in its machine: 'pit', 'com1', 'ata0'. */
  readonly name: string;
  state: object;
  /** Ports and regions may move with base address registers: the board asks again when they do. */
  readonly ports: readonly PortRange[];
  readonly regions?: readonly MemoryRegion[];
  /** Back to the state after power-on. Cancels and reschedules its own events. */
  reset(): void;
  /** The board's RESET# while power stays, for a device that keeps something then. Default: as `reset`. */
  hardReset?(): void;
  /** Value of a port, zero-extended. A device takes any size; wide access to byte ports is the machine's to split. */
  readPort?(port: number, size: AccessSize): number;
  writePort?(port: number, size: AccessSize, value: number): void;
  /** Largest access that readPort/writePort take whole; wider ones are split into these. Default 1. */
  readonly portWidth?: AccessSize;
  /** Memory-mapped access at a guest-physical address inside one of `regions`. */
  readMemory?(address: number, size: AccessSize): number;
  writeMemory?(address: number, size: AccessSize, value: number): void;
  /** Whether a processor's access to its registers takes a microsecond: to timers that firmware and systems wait by reading. */
  readonly isSlow?: boolean;
  /** A scheduled event has come. 'wait' when a `BlockBackend` was not done: it comes again, and no time passes until then. */
  event?(name: string): EventAnswer;
  /** What it has of registers, for the tests that go through all devices and for those who look at it. */
  readonly description?: DeviceDescription;
  /**
   * A register of `description` as a guest would read it, without what reading it would do; for those that cannot be read,
   * what the device keeps. Undefined for a register that is not there now.
   */
  peek?(block: string, register: string): number | undefined;
}

/** How a device's event handler ends. */
export type EventAnswer = 'wait' | undefined | void;

/** The interrupt controller, as the CPU sees it. */
export interface InterruptController {
  /** Whether INTR is raised now. */
  pending(): boolean;
  /** INTA: acknowledges the highest request and gives its vector. */
  acknowledge(): number;
  /** Drives an input line (0 to 15). */
  setLine(line: number, level: boolean): void;
}

/**
 * Sectors behind a disk device. The host answers in its own time, which a guest must never see (invariant 1): a device fixes
 * the virtual moment of a transfer's end when it begins it, says what it will want (`prefetch`), and does the transfer in the
 * event of that moment. Each of the other calls says whether it is done. If not, nothing has happened, the event handler
 * answers 'wait', and virtual time stands until the host has got further and the handler is called again.
 * All throw BlockError when the host's file fails, and RangeError outside the disk.
 */
export interface BlockBackend {
  /** Size in sectors of 512 bytes. */
  readonly sectors: number;
  readonly readOnly: boolean;
  /** These sectors will be read soon: the host may begin to fetch them. Changes nothing that a guest could see. */
  prefetch(lba: number, count: number): void;
  /** Reads `count` sectors from `lba` into `target` (count * 512 bytes). False: not yet. */
  read(lba: number, count: number, target: Uint8Array): boolean;
  /** Writes whole sectors; they may be kept in a cache until `flush`. False: not yet. */
  write(lba: number, source: Uint8Array): boolean;
  /** Whether all that was written is where a crash of the host's process does no harm to it. False: not yet. */
  flush(): boolean;
  /** The guest has no more use for these sectors: they may read as zeros, or as before. False: not yet. */
  discard(lba: number, count: number): boolean;
}

/** A key of the PS/2 keyboard, by its position: the set-1 make code, with 0xE0 in the high byte for grey keys. */
export type KeyCode = number;

/** What a mouse has done since the last time. */
export interface MouseMotion {
  readonly dx: number;
  readonly dy: number;
  readonly wheel?: number;
  readonly buttons: number;
}

/**
 * A device's register is written from outside, as a guest's OUT or store would write it, with all that follows. For configuration
 * space `address` is what the low half of CF8 would be: device * 8 + function, times 256, and the register.
 */
export interface RegisterWrite {
  readonly space: 'port' | 'memory' | 'configuration';
  readonly address: number;
  readonly size: AccessSize;
  readonly value: number;
}

/** What comes into the machine from outside; each is stamped and logged before a device sees it. */
export type MachineInput =
  /** An Ethernet frame, without preamble and checksum, for the card `port`: 'net0'. */
  | { readonly kind: 'frame'; readonly port: string; readonly bytes: Uint8Array }
  /** The cable of the card `port` is plugged in, or pulled. At power-on it is in. */
  | { readonly kind: 'link'; readonly port: string; readonly up: boolean }
  /** The host's answer to a request of a device that asks it ('9p0'): the bytes are theirs to agree on. */
  | { readonly kind: 'reply'; readonly port: string; readonly bytes: Uint8Array }
  /**
   * Another disc for a drive ('cdrom', 'floppy0'): the image's path, or null to take it out. FIRST_DISK is the floppy that the drive had at
   * power-on. `writable`: what the guest writes to a floppy goes to its image, not to memory.
   */
  | { readonly kind: 'media'; readonly drive: string; readonly image: string | null; readonly writable?: boolean }
  /** The balloon is to leave the guest this much memory, in bytes. How far it gets is the guest's affair. */
  | { readonly kind: 'balloon'; readonly memory: number }
  | { readonly kind: 'serial'; readonly port: string; readonly bytes: Uint8Array }
  | { readonly kind: 'key'; readonly code: KeyCode; readonly down: boolean }
  /** The buttons in front: one press each. What the power button does is the guest's affair. */
  | { readonly kind: 'power-button' }
  | { readonly kind: 'reset-button' }
  /**
   * The mouse: counts that it has moved (right and up positive), steps of its wheel (up positive), and the buttons that are down
   * now: bit 0 left, 1 right, 2 middle, 3 and 4 the ones at its side.
   */
  | ({ readonly kind: 'mouse' } & MouseMotion)
  | ({ readonly kind: 'register' } & RegisterWrite)
  | { readonly kind: 'entropy'; readonly bytes: Uint8Array };

/**
 * A backend could not read or write because the host's file failed. The disk device reports it to the
 * guest as an error of its medium; the message is for the person who owns the file.
 */
export class BlockError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BlockError';
  }
}

/** Names the floppy that was in a drive at power-on, wherever its image is. */
export const FIRST_DISK = '';

/** A floppy format of the PC, known by its size: controller, BIOS and disk images must agree on it. */
export interface FloppyFormat {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
  /** Drive type as the CMOS counts (1: 360 KB, 2: 1.2 MB, 3: 720 KB, 4: 1.44 MB, 5: 2.88 MB). */
  readonly driveType: number;
}

const FLOPPY_FORMATS: readonly FloppyFormat[] = [
  { cylinders: 40, heads: 2, sectorsPerTrack: 9, driveType: 1 },
  { cylinders: 80, heads: 2, sectorsPerTrack: 9, driveType: 3 },
  { cylinders: 80, heads: 2, sectorsPerTrack: 15, driveType: 2 },
  { cylinders: 80, heads: 2, sectorsPerTrack: 18, driveType: 4 },
  { cylinders: 80, heads: 2, sectorsPerTrack: 36, driveType: 5 },
];

/** Sectors of a 1.44 MB floppy. */
const STANDARD_FLOPPY_SECTORS = 2880;

function sectorsOf(format: FloppyFormat): number {
  return format.cylinders * format.heads * format.sectorsPerTrack;
}

/** The format of exactly this many sectors, or undefined. */
export function floppyFormat(sectors: number): FloppyFormat | undefined {
  return FLOPPY_FORMATS.find((format) => sectorsOf(format) === sectors);
}

/**
 * Sectors of the floppy that an image of so many sectors becomes: its own size when that is a format,
 * else the 1.44 MB or 2.88 MB one that holds it. Undefined when none does.
 */
export function floppySectorsFor(imageSectors: number): number | undefined {
  if (floppyFormat(imageSectors) !== undefined) return imageSectors;
  return [STANDARD_FLOPPY_SECTORS, 2 * STANDARD_FLOPPY_SECTORS].find((sectors) => imageSectors <= sectors);
}
