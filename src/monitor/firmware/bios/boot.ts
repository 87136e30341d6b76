/**
 * INT 19h: looks through the drives in order for something to boot. Each look reads a sector or more, so it goes step by step: a
 * service says what to read and where, and the stub calls again when it has been read. Where it stands is in the EBDA.
 *
 * Source: for CDs "El Torito" Bootable CD-ROM Format Specification 1.0.
 */
import { hex, u16, u32 } from '../bytes';
import type { ServiceCall } from './call';
import { DISK_STATUS } from './diskStatus';
import {
  CD_DRIVE, CD_SECTOR, countDrives, EMULATION, emulatedFloppy, findDrive, findFloppy, FIRST_HARD_DISK, isHardDisk, NO_CD_BOOT, readCdBoot, SECTORS_IN_CD_SECTOR, writeCdBoot,
} from './drives';
import type { Geometry } from './geometry';
import { BDA, EBDA } from './layout';
import { resetBoard } from './restart';
import { print } from './text-screen';

const BOOT_ADDRESS = 0x7c00;
const SECTOR = 512;
const BOOT_SIGNATURE = 0xaa55;
/** Candidates whose failures are remembered. */
const MOST_CANDIDATES = 8;

/** What has just been read. */
const STEP = { sector: 0, descriptor: 1, catalog: 2, image: 3 } as const;

/** Why a drive was not booted from, by the number that stands for it in the EBDA. */
const REASONS = [
  'not there', 'empty', 'no boot signature (55 AA) in its first sector', 'it could not be read', 'no boot record for CDs (El Torito) on it',
  'its boot catalog is damaged', 'no entry for PCs in its boot catalog',
] as const;
const REASON = { missing: 0, empty: 1, signature: 2, unreadable: 3, record: 4, catalog: 5, entry: 6 } as const;

/** Boot record volume descriptor: always in this sector; its identifier; where the catalog's sector stands in it. */
const DESCRIPTOR_SECTOR = 17;
const DESCRIPTOR_START = '\0CD001\u0001EL TORITO SPECIFICATION';
const CATALOG_POINTER = 0x47;
/** Entries of the catalog: validation, and the default one. */
const ENTRY_BYTES = 32;
const VALIDATION_ID = 0x01;
const PLATFORM_80X86 = 0;
const BOOTABLE = 0x88;
const DEFAULT_SEGMENT = 0x7c0;
/** Images are loaded below the video memory. */
const LOAD_END = 0xa0000;
const PARTITION_TABLE = 446;

function driveName(drive: number): string {
  if (drive === CD_DRIVE) return 'CD-ROM';
  return isHardDisk(drive) ? `hard disk ${hex(drive)}h` : `floppy ${String(drive)}`;
}

export function tell(call: ServiceCall, message: string): void {
  print(call.machine, message);
  call.machine.log(`BIOS: ${message}`);
}

/** INT 19h: begins with the first candidate. Behind the calls the stub halts for ever. */
export function bootstrap(call: ServiceCall, order: readonly number[]): void {
  const { memory } = call.machine;
  writeCdBoot(memory, NO_CD_BOOT);
  tellDriveCounts(call);
  memory.write8(EBDA.bootCandidate, 0);
  tryCandidates(call, order.slice(0, MOST_CANDIDATES));
}

/** INT 19h where a loader has put the system into memory: a reset of the machine has it do so again. */
export function bootAgain({ machine }: ServiceCall): void {
  resetBoard(machine.ports);
}

/** What was asked for has been read, or could not be. */
export function bootNext(call: ServiceCall, wholeOrder: readonly number[]): void {
  const { memory } = call.machine;
  const order = wholeOrder.slice(0, MOST_CANDIDATES);
  const unreadable = memory.read8(EBDA.transferStatus) !== DISK_STATUS.ok;
  const failure = unreadable ? REASON.unreadable : takeStep(call, order[memory.read8(EBDA.bootCandidate)] ?? 0, memory.read8(EBDA.bootStep));
  if (failure === undefined) return;
  giveUp(call, failure);
  tryCandidates(call, order);
}

/** Notes why the present candidate is none, and goes to the next one. */
function giveUp(call: ServiceCall, reason: number): void {
  const { memory } = call.machine;
  const index = memory.read8(EBDA.bootCandidate);
  writeCdBoot(memory, NO_CD_BOOT);
  memory.write8(EBDA.bootFailures + index, reason);
  memory.write8(EBDA.bootCandidate, index + 1);
}

/** The first candidate from the present one on that has a medium. */
function tryCandidates(call: ServiceCall, order: readonly number[]): void {
  const { memory } = call.machine;
  for (let index = memory.read8(EBDA.bootCandidate); index < order.length; index++) {
    const number = order[index];
    const drive = findDrive(call.machine, number);
    if (drive !== undefined && drive.sectors > 0) {
      findFloppy(call.machine, number)?.acknowledgeChange();
      if (number === CD_DRIVE) readNext(call, STEP.descriptor, { lba: DESCRIPTOR_SECTOR * SECTORS_IN_CD_SECTOR, bytes: CD_SECTOR });
      else readNext(call, STEP.sector, { drive: number, lba: 0, bytes: SECTOR });
      return;
    }
    const isEmpty = drive !== undefined || (number === CD_DRIVE && call.machine.cdrom !== undefined);
    giveUp(call, isEmpty ? REASON.empty : REASON.missing);
  }
  const failures = order.map((number, index) => `${driveName(number)}: ${REASONS[memory.read8(EBDA.bootFailures + index)] ?? ''}`);
  tell(call, `No bootable device: ${failures.join('; ')}.\n`);
  call.continueAt('halt');
}

interface Look {
  /** Default: the CD-ROM drive. */
  readonly drive?: number;
  /** Sector of 512 bytes, and bytes, at most as many as the medium has. */
  readonly lba: number;
  readonly bytes: number;
  readonly address?: number;
}

/** Reads for the next step; what is beyond the medium's end counts as unreadable. */
function readNext(call: ServiceCall, step: number, { drive = CD_DRIVE, lba, bytes, address = BOOT_ADDRESS }: Look): void {
  const { machine } = call;
  const found = findDrive(machine, drive);
  const count = Math.ceil(bytes / SECTOR);
  const available = found === undefined ? 0 : found.sectors * (found.sectorBytes / SECTOR) - lba;
  machine.memory.write8(EBDA.bootStep, step);
  if (available < count) machine.memory.write8(EBDA.transferStatus, DISK_STATUS.sectorNotFound);
  else machine.transfer({ drive: found?.real ?? drive, operation: 'read', lba: (found?.first ?? 0) + lba, count, address });
  call.continueAt('bootWait');
}

/** Looks at what was read. Gives a reason when there is nothing to boot in it. */
function takeStep(call: ServiceCall, drive: number, step: number): number | undefined {
  const { memory } = call.machine;
  switch (step) {
    case STEP.sector:
      if (memory.read16(BOOT_ADDRESS + SECTOR - 2) !== BOOT_SIGNATURE) return REASON.signature;
      start(call, drive, BOOT_ADDRESS);
      return undefined;
    case STEP.descriptor: return readCatalog(call, memory.read(BOOT_ADDRESS, CD_SECTOR));
    case STEP.catalog: return readImage(call, memory.read(BOOT_ADDRESS, 2 * ENTRY_BYTES));
    default: return startImage(call);
  }
}

function readCatalog(call: ServiceCall, descriptor: Uint8Array): number | undefined {
  const text = String.fromCharCode(...descriptor.subarray(0, DESCRIPTOR_START.length));
  if (text !== DESCRIPTOR_START) return REASON.record;
  readNext(call, STEP.catalog, { lba: u32(descriptor, CATALOG_POINTER) * SECTORS_IN_CD_SECTOR, bytes: CD_SECTOR });
  return undefined;
}

function isValid(entry: Uint8Array): boolean {
  let sum = 0;
  for (let at = 0; at < ENTRY_BYTES; at += 2) sum += u16(entry, at);
  return entry[0] === VALIDATION_ID && u16(entry, 30) === BOOT_SIGNATURE && (sum & 0xffff) === 0;
}

/** The default entry: kind of emulation, load segment, count of virtual sectors (512 bytes), and the image's sector. */
function readImage(call: ServiceCall, catalog: Uint8Array): number | undefined {
  if (!isValid(catalog)) return REASON.catalog;
  const entry = catalog.subarray(ENTRY_BYTES);
  const emulation = entry[1] & 0x0f;
  if (catalog[1] !== PLATFORM_80X86 || entry[0] !== BOOTABLE || emulation > EMULATION.hardDisk) return REASON.entry;
  const loadSegment = emulation === EMULATION.none ? u16(entry, 2) || DEFAULT_SEGMENT : DEFAULT_SEGMENT;
  const count = u16(entry, 6) || 1;
  const image = u32(entry, 8);
  const drive = emulation === EMULATION.none ? CD_DRIVE : emulation === EMULATION.hardDisk ? FIRST_HARD_DISK : 0;
  const geometry = emulatedFloppy(emulation) ?? NO_CD_BOOT.geometry;
  writeCdBoot(call.machine.memory, { active: true, emulation, drive, loadSegment, count, image, geometry });
  const address = loadSegment * 16;
  readNext(call, STEP.image, { lba: image * SECTORS_IN_CD_SECTOR, bytes: Math.min(count * SECTOR, Math.max(LOAD_END - address, SECTOR)), address });
  return undefined;
}

/** Geometry of an emulated hard disk: where its first partition ends (El Torito, 4.4). */
function partitionGeometry(record: Uint8Array): Geometry {
  const [head, sector, cylinder] = record.subarray(PARTITION_TABLE + 5, PARTITION_TABLE + 8);
  return { cylinders: (cylinder | ((sector & 0xc0) << 2)) + 1, heads: head + 1, sectorsPerTrack: sector & 0x3f };
}

function startImage(call: ServiceCall): undefined {
  const { memory } = call.machine;
  const boot = readCdBoot(memory);
  if (boot.emulation === EMULATION.hardDisk) writeCdBoot(memory, { ...boot, geometry: partitionGeometry(memory.read(BOOT_ADDRESS, SECTOR)) });
  tellDriveCounts(call);
  start(call, boot.drive, boot.loadSegment * 16);
  return undefined;
}

/** Numbers of drives in the data area: an emulated one counts. */
function tellDriveCounts({ machine }: ServiceCall): void {
  const { memory } = machine;
  const floppies = countDrives(machine, false);
  const floppyBits = floppies === 0 ? 0 : 1 | ((floppies - 1) << 6);
  memory.write16(BDA.equipment, (memory.read16(BDA.equipment) & ~0x00c1) | floppyBits);
  memory.write8(BDA.diskCount, countDrives(machine, true));
}

/** The state in which boot code starts: DL = drive, segments 0, stack below the usual place, CS as low as the address allows. */
function start(call: ServiceCall, drive: number, address: number): void {
  const { cpu, memory } = call.machine;
  for (const segment of ['ds', 'es', 'ss'] as const) cpu.setSelector(segment, 0);
  cpu.set('esp', BOOT_ADDRESS);
  call.dx = drive;
  memory.write16(BDA.resumeVector, address & 0xffff);
  memory.write16(BDA.resumeVector + 2, (address >>> 4) & 0xf000);
  call.continueAt('bootJump');
}

/** INT 18h: a boot sector has given up. */
export function noBoot(call: ServiceCall): void {
  tell(call, 'No bootable device: the boot sector found no system.\n');
}
