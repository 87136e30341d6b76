/**
 * How a device describes its registers, once: names, places, widths, bit fields, reset values, and what reading and writing do.
 * Decoding (registerFile.ts), the tests that go through all devices, and the device panel work from it.
 */

/** A group of bits with a meaning of its own. */
export interface FieldDescription {
  /** The data sheet's name: 'DLAB'. */
  readonly name: string;
  /** Lowest bit, and how many. Default: one. */
  readonly low: number;
  readonly bits?: number;
  /** A sentence part on what it means: 'divisor latch instead of data'. */
  readonly meaning: string;
  /** Words for values, where they are few. */
  readonly values?: Readonly<Record<number, string>>;
}

/**
 * What a guest's accesses do. `write-one-clears`: bits written as one become zero, the others stay. `special`: the device says in
 * code (a data port, an index); reset value and mask say nothing of it.
 */
export type RegisterAccess = 'read-write' | 'read-only' | 'write-only' | 'write-one-clears' | 'special';

export interface RegisterDescription {
  /** The data sheet's name, unique in its block: 'ICR'. */
  readonly name: string;
  /** In words: 'interrupt cause read'. */
  readonly title: string;
  /** Bytes from the block's start, or the index that it is behind. One of 64 bits is described as two halves. Registers of one block may overlap where reading and writing mean different ones. */
  readonly at: number;
  readonly bytes: 1 | 2 | 4;
  readonly access: RegisterAccess;
  /** Value after power-on. Default 0. */
  readonly reset?: number;
  /** Bits that a write changes (or clears). Default: all of them. The others keep their reset value. */
  readonly writable?: number;
  /** Reading changes the device, and how: 'clears all causes'. */
  readonly readEffect?: string;
  readonly fields?: readonly FieldDescription[];
}

/** Where a block's registers are: ports, guest-physical memory, PCI configuration space, or behind an index register. */
export type RegisterSpace = 'port' | 'memory' | 'configuration' | 'index';

export interface RegisterBlock {
  /** Unique in its device: 'channel 0', 'configuration'. */
  readonly name: string;
  readonly space: RegisterSpace;
  /**
   * Port, guest-physical address, for configuration space where CF8 has device and function (0 in a device's own description), and
   * for registers behind an index where that is. Base address registers move it: this is where it is at power-on, 0 for nowhere.
   */
  readonly base: number;
  readonly registers: readonly RegisterDescription[];
}

export interface DeviceDescription {
  /** For people: 'Intel 82540EM Ethernet controller (e1000)'. */
  readonly title: string;
  /** Data sheet or specification. */
  readonly source: string;
  readonly blocks: readonly RegisterBlock[];
}

/** All bits of a register of so many bytes. */
export function allBits(bytes: 1 | 2 | 4): number {
  return bytes === 4 ? 0xffff_ffff : (1 << (8 * bytes)) - 1;
}
