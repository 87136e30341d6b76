/**
 * The drives that INT 13h knows: floppies from 0, hard disks from 80h, the CD-ROM drive at E0h, and the floppy or hard disk that an
 * El Torito boot image stands for, which takes the first number of its kind and moves the others up by one.
 *
 * Source: "El Torito" Bootable CD-ROM Format Specification 1.0. What was booted from is in the EBDA.
 */
import type { BlockBackend } from '../../devices/device';
import type { FirmwareEnvironment, FirmwareFloppy, PhysicalMemory } from '../platform';
import { diskGeometry, floppyDriveGeometry, floppyGeometry, type Geometry } from './geometry';
import { EBDA } from './layout';

export const FIRST_HARD_DISK = 0x80;
export const CD_DRIVE = 0xe0;
export const CD_SECTOR = 2048;
const SECTOR = 512;
/** Sectors of 512 bytes in one of a CD. */
export const SECTORS_IN_CD_SECTOR = CD_SECTOR / SECTOR;

/** Kinds of emulation in a boot catalog's entry. */
export const EMULATION = { none: 0, floppy12: 1, floppy144: 2, floppy288: 3, hardDisk: 4 } as const;
const FLOPPIES: Readonly<Record<number, Geometry & { readonly type: number } | undefined>> = {
  [EMULATION.floppy12]: { cylinders: 80, heads: 2, sectorsPerTrack: 15, type: 2 },
  [EMULATION.floppy144]: { cylinders: 80, heads: 2, sectorsPerTrack: 18, type: 4 },
  [EMULATION.floppy288]: { cylinders: 80, heads: 2, sectorsPerTrack: 36, type: 5 },
};

/** A drive as a program sees it. */
export interface Drive {
  /** BIOS number of the drive that has the medium, and the sector of it (512 bytes) where this one begins. */
  readonly real: number;
  readonly first: number;
  /** Sectors, and bytes of one. A floppy drive without a disk has none. */
  readonly sectors: number;
  readonly sectorBytes: number;
  readonly readOnly: boolean;
  /** Undefined for a CD. */
  readonly geometry: Geometry | undefined;
  /** Drive type of a floppy as the CMOS counts. */
  readonly floppyType: number;
}

export function isHardDisk(drive: number): boolean {
  return drive >= FIRST_HARD_DISK && drive !== CD_DRIVE;
}

/** What an El Torito boot has left: the catalog's entry, and the geometry of what it emulates. */
export interface CdBoot {
  /** Whether a CD has been booted from, and its image is still used. */
  readonly active: boolean;
  readonly emulation: number;
  readonly drive: number;
  readonly loadSegment: number;
  /** Virtual sectors that were loaded, and the image's first sector on the CD. */
  readonly count: number;
  readonly image: number;
  readonly geometry: Geometry;
}

export const NO_CD_BOOT: CdBoot = {
  active: false, emulation: EMULATION.none, drive: 0, loadSegment: 0, count: 0, image: 0, geometry: { cylinders: 0, heads: 0, sectorsPerTrack: 0 },
};

export function readCdBoot(memory: PhysicalMemory): CdBoot {
  const at = EBDA.cdBoot;
  return {
    active: memory.read8(at) !== 0, emulation: memory.read8(at + 1), drive: memory.read8(at + 2), loadSegment: memory.read16(at + 4),
    count: memory.read16(at + 6), image: memory.read32(at + 8),
    geometry: { cylinders: memory.read16(at + 12), heads: memory.read8(at + 14), sectorsPerTrack: memory.read8(at + 15) },
  };
}

export function writeCdBoot(memory: PhysicalMemory, { active, emulation, drive, loadSegment, count, image, geometry }: CdBoot): void {
  const at = EBDA.cdBoot;
  memory.write(at, Uint8Array.of(active ? 1 : 0, emulation, drive, 0));
  memory.write16(at + 4, loadSegment);
  memory.write16(at + 6, count);
  memory.write32(at + 8, image);
  memory.write16(at + 12, geometry.cylinders);
  memory.write(at + 14, Uint8Array.of(geometry.heads, geometry.sectorsPerTrack));
}

/** Geometry of an emulated floppy; undefined for a hard disk, whose partition table tells. */
export function emulatedFloppy(emulation: number): Geometry | undefined {
  return FLOPPIES[emulation];
}

/** The number that the emulated drive takes; undefined while there is none. */
function emulatedNumber({ active, emulation }: CdBoot): number | undefined {
  if (!active || emulation === EMULATION.none) return undefined;
  return emulation === EMULATION.hardDisk ? FIRST_HARD_DISK : 0;
}

function realDisk(real: number, disk: BlockBackend | undefined): Drive | undefined {
  if (disk === undefined) return undefined;
  const { sectors, readOnly } = disk;
  return { real, first: 0, sectors, sectorBytes: SECTOR, readOnly, geometry: diskGeometry(sectors), floppyType: 0 };
}

/** The geometry is that of the disk in the drive, and without one that of the drive. */
function realFloppy(real: number, floppy: FirmwareFloppy | undefined): Drive | undefined {
  if (floppy === undefined) return undefined;
  const disk = floppy.disk();
  const geometry = disk === undefined ? floppyDriveGeometry(floppy.type) : floppyGeometry(disk.sectors);
  return { real, first: 0, sectors: disk?.sectors ?? 0, sectorBytes: SECTOR, readOnly: disk?.readOnly ?? true, geometry, floppyType: floppy.type };
}

/** The image as a drive: what its geometry has, as far as the CD goes. */
function emulatedDrive({ emulation, image, geometry }: CdBoot, disc: BlockBackend | undefined): Drive | undefined {
  if (disc === undefined) return undefined;
  const first = image * SECTORS_IN_CD_SECTOR;
  const sectors = Math.max(0, Math.min(geometry.cylinders * geometry.heads * geometry.sectorsPerTrack, disc.sectors - first));
  return { real: CD_DRIVE, first, sectors, sectorBytes: SECTOR, readOnly: true, geometry, floppyType: FLOPPIES[emulation]?.type ?? 0 };
}

/** A drive by its number; undefined when there is none, or none with a medium. */
export function findDrive(machine: FirmwareEnvironment, number: number): Drive | undefined {
  const { floppies, drives, cdrom, memory } = machine;
  const disc = cdrom?.disc();
  if (number === CD_DRIVE) {
    if (disc === undefined) return undefined;
    const sectors = Math.floor(disc.sectors / SECTORS_IN_CD_SECTOR);
    return { real: CD_DRIVE, first: 0, sectors, sectorBytes: CD_SECTOR, readOnly: true, geometry: undefined, floppyType: 0 };
  }
  const boot = readCdBoot(memory);
  const emulated = emulatedNumber(boot);
  if (number === emulated) return emulatedDrive(boot, disc);
  const moved = movedBy(emulated, number);
  return isHardDisk(number) ? realDisk(moved, drives.get(moved)) : realFloppy(moved, floppies[moved]);
}

/** The real drive behind a number, when an emulated one may have taken the first number of its kind. */
function movedBy(emulated: number | undefined, number: number): number {
  return emulated !== undefined && isHardDisk(number) === isHardDisk(emulated) ? number - 1 : number;
}

/** The real floppy drive behind a number; undefined for every other drive. */
export function findFloppy({ floppies, memory }: FirmwareEnvironment, number: number): FirmwareFloppy | undefined {
  return isHardDisk(number) || number === CD_DRIVE ? undefined : floppies[movedBy(emulatedNumber(readCdBoot(memory)), number)];
}

/** Hard disks, the emulated one left out. */
export function hardDiskCount({ drives }: FirmwareEnvironment): number {
  return [...drives.keys()].filter(isHardDisk).length;
}

/** Floppies or hard disks, the emulated one included. */
export function countDrives(machine: FirmwareEnvironment, hard: boolean): number {
  const emulated = emulatedNumber(readCdBoot(machine.memory));
  const real = hard ? hardDiskCount(machine) : machine.floppies.length;
  return real + (emulated !== undefined && isHardDisk(emulated) === hard ? 1 : 0);
}
