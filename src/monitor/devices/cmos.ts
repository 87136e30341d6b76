/**
 * What a PC's set-up program has left in the CMOS memory: sizes of memory, drives, boot order.
 *
 * Cells below 0x30 are the PC/AT's; 0x34-0x3D and 0x5B-0x5F are those that SeaBIOS reads on QEMU's boards.
 */

const CMOS_BYTES = 128;
const KIB = 1024;
const MIB = 1024 * KIB;

export type BootDevice = 'floppy' | 'disk' | 'cdrom' | 'network';

const BOOT_CODES: Readonly<Record<BootDevice, number>> = { floppy: 1, disk: 2, cdrom: 3, network: 4 };

export interface CmosConfiguration {
  /** Guest RAM below 4 GiB in bytes, from address 0. */
  readonly memoryBytes: number;
  /** Guest RAM from 4 GiB up, in bytes. Default 0. */
  readonly memoryAbove4GBytes?: number;
  /** Type of drives A and B as the CMOS counts: 0 absent, 4 a 1.44 MB drive, 5 a 2.88 MB drive, 2 1.2 MB, 3 720 KB, 1 360 KB. */
  readonly floppyTypes: readonly number[];
  /** Hard disks on the primary channel: present or not, master first. */
  readonly disks: readonly boolean[];
  /** The first three count; missing ones are skipped by the BIOS. */
  readonly bootOrder: readonly BootDevice[];
  readonly cpus: number;
}

function setWord(cells: Uint8Array, low: number, high: number, value: number): void {
  cells[low] = value & 0xff;
  cells[high] = (value >> 8) & 0xff;
}

function setMemory(cells: Uint8Array, configuration: CmosConfiguration): void {
  const { memoryBytes, memoryAbove4GBytes = 0 } = configuration;
  const baseKib = Math.min(Math.floor(memoryBytes / KIB), 640);
  const extendedKib = Math.min(Math.max(Math.floor(memoryBytes / KIB) - KIB, 0), 0xffff);
  const above16M = Math.min(Math.max(Math.floor((memoryBytes - 16 * MIB) / (64 * KIB)), 0), 0xffff);
  const above4G = Math.floor(memoryAbove4GBytes / (64 * KIB));
  setWord(cells, 0x15, 0x16, baseKib);
  setWord(cells, 0x17, 0x18, extendedKib);
  setWord(cells, 0x30, 0x31, extendedKib);
  setWord(cells, 0x34, 0x35, above16M);
  setWord(cells, 0x5b, 0x5c, above4G);
  cells[0x5d] = (above4G >> 16) & 0xff;
}

function setDrives(cells: Uint8Array, configuration: CmosConfiguration): void {
  const [typeA = 0, typeB = 0] = configuration.floppyTypes;
  const floppies = [typeA, typeB].filter((type) => type !== 0).length;
  const [disk0 = false, disk1 = false] = configuration.disks;
  cells[0x10] = (typeA << 4) | typeB;
  // Type 15 says 'see the extended type', and that is 47: geometry by IDENTIFY.
  cells[0x12] = (disk0 ? 0xf0 : 0) | (disk1 ? 0x0f : 0);
  cells[0x19] = disk0 ? 47 : 0;
  cells[0x1a] = disk1 ? 47 : 0;
  // Equipment: floppies, PS/2 mouse, coprocessor.
  cells[0x14] = (floppies > 0 ? 1 | ((floppies - 1) << 6) : 0) | 0x06;
}

function setBootOrder(cells: Uint8Array, configuration: CmosConfiguration): void {
  const [first = 0, second = 0, third = 0] = configuration.bootOrder.map((device) => BOOT_CODES[device]);
  cells[0x3d] = first | (second << 4);
  // Bit 0: a floppy's boot sector need not carry the 55 AA signature.
  cells[0x38] = (third << 4) | 0x01;
}

/** The 128 cells; 00-0D and 32 (time, status, century) belong to the clock and are left zero. */
export function cmosCells(configuration: CmosConfiguration): Uint8Array {
  const cells = new Uint8Array(CMOS_BYTES);
  setMemory(cells, configuration);
  setDrives(cells, configuration);
  setBootOrder(cells, configuration);
  cells[0x5f] = configuration.cpus - 1;
  const checksum = cells.subarray(0x10, 0x2e).reduce((sum, cell) => sum + cell, 0);
  setWord(cells, 0x2f, 0x2e, checksum);
  return cells;
}
