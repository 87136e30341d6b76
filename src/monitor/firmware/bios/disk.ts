/**
 * INT 13h: floppies, hard disks and CDs, by CHS and by LBA packets (Phoenix Enhanced Disk Drive Specification 1.1 and 3.0). What
 * moves sectors is begun by one call and collected by a second one (diskTransfers.ts); what is wrong is found out by the first.
 */
import { put16, put32, put64, u16, u32 } from '../bytes';
import type { ServiceCall, FunctionTable } from './call';
import { DISK_STATUS } from './diskStatus';
import { CD_DRIVE, countDrives, type Drive, findDrive, findFloppy, isHardDisk, NO_CD_BOOT, readCdBoot, writeCdBoot } from './drives';
import type { Geometry } from './geometry';
import { BDA, EBDA } from './layout';
import { DISKETTE_TABLE, ROM_SEGMENT } from './rom';

/** Functions that take an LBA packet: fixed disk access subset; and for CDs removable media. EDD 1.1. */
const PACKET_FUNCTIONS = 1;
const REMOVABLE_FUNCTIONS = 2;
const EDD_VERSION = 0x21;
const DISK_PARAMETERS_BYTES = 0x1a;
const PACKET_BYTES = 0x10;
const GEOMETRY_VALID = 0x0002;
/** Removable, with change line and lock; no geometry (EDD 3.0, table 5). */
const CD_FLAGS = 0x0074;
/** The specification packet of AH=4Bh. */
const CD_PACKET_BYTES = 0x13;
const HARD_DISK_EMULATION = 4;

type Operation = 'read' | 'write' | 'verify';

interface Transfer {
  readonly operation: Operation;
  readonly lba: number;
  readonly count: number;
  /** Guest-physical address of the buffer. */
  readonly address: number;
}

/** Ends a call: AH and the data area's status, CF when it is an error. */
function finish(call: ServiceCall, status: number): void {
  call.machine.memory.write8(isHardDisk(call.dl) || call.dl === CD_DRIVE ? BDA.diskStatus : BDA.floppyStatus, status);
  call.ah = status;
  call.carry = status !== DISK_STATUS.ok;
}

/** What can be said at once; undefined when the transfer has been begun. */
function begin(call: ServiceCall, drive: Drive, { operation, lba, count, address }: Transfer): number | undefined {
  if (lba + count > drive.sectors) return DISK_STATUS.sectorNotFound;
  if (operation === 'write' && drive.readOnly) return DISK_STATUS.writeProtected;
  if (count === 0 || operation === 'verify') return DISK_STATUS.ok;
  const sectors = drive.sectorBytes / 512;
  call.machine.transfer({ drive: drive.real, operation, lba: drive.first + lba * sectors, count: count * sectors, address });
  call.continueAt('diskWait');
  return undefined;
}

/** LBA of the sector in CH, CL and DH; undefined when the drive has no such sector. */
function chsToLba(call: ServiceCall, { cylinders, heads, sectorsPerTrack }: Geometry): number | undefined {
  const cylinder = call.ch | ((call.cl & 0xc0) << 2);
  const sector = call.cl & 0x3f;
  if (cylinder >= cylinders || call.dh >= heads || sector === 0 || sector > sectorsPerTrack) return undefined;
  return (cylinder * heads + call.dh) * sectorsPerTrack + sector - 1;
}

/** AH = 02h, 03h, 04h: AL sectors. */
function transferByChs(operation: Operation) {
  return (call: ServiceCall, drive: Drive): void => {
    const lba = drive.geometry && chsToLba(call, drive.geometry);
    const count = call.al;
    const address = call.pointer('es', call.bx);
    const changed = changeStatus(call);
    let status: number | undefined = DISK_STATUS.sectorNotFound;
    if (changed !== undefined) status = changed;
    else if (count === 0) status = DISK_STATUS.badCommand;
    else if (lba !== undefined) status = begin(call, drive, { operation, lba, count, address });
    if (status !== undefined) finishByChs(call, status);
  };
}

/** AL tells how many sectors were done. */
function finishByChs(call: ServiceCall, status: number): void {
  if (status !== DISK_STATUS.ok) call.al = 0;
  finish(call, status);
}

/** AH = 42h, 43h, 44h: the packet at DS:SI holds size, count, buffer and a 64-bit LBA. */
function transferByPacket(operation: Operation) {
  return (call: ServiceCall, drive: Drive): void => {
    const packet = call.machine.memory.read(call.pointer('ds', call.si), PACKET_BYTES);
    if (packet[0] < PACKET_BYTES) return finish(call, DISK_STATUS.badCommand);
    const lba = u32(packet, 8) + u32(packet, 12) * 0x1_0000_0000;
    const address = u16(packet, 6) * 16 + u16(packet, 4);
    const status = begin(call, drive, { operation, lba, count: u16(packet, 2), address });
    if (status !== undefined) finishByPacket(call, status);
    return undefined;
  };
}

/** The packet's count tells how many sectors were done. */
function finishByPacket(call: ServiceCall, status: number): void {
  if (status !== DISK_STATUS.ok) call.machine.memory.write16(call.pointer('ds', call.si) + 2, 0);
  finish(call, status);
}

/** The second call of what has moved sectors: the registers are as they were at the first one. */
export function diskDone(call: ServiceCall): void {
  const status = call.machine.memory.read8(EBDA.transferStatus);
  if (call.ah >= 0x42) finishByPacket(call, status);
  else finishByChs(call, status);
}

function seekByPacket(call: ServiceCall, drive: Drive): void {
  const lba = call.machine.memory.read32(call.pointer('ds', call.si) + 8);
  finish(call, lba < drive.sectors ? DISK_STATUS.ok : DISK_STATUS.sectorNotFound);
}

/** AH = 08h: greatest cylinder, head and sector numbers, number of drives, and for floppies type and table. */
function parameters(call: ServiceCall, { geometry, floppyType }: Drive): void {
  if (geometry === undefined) return finish(call, DISK_STATUS.badCommand);
  const hard = isHardDisk(call.dl);
  const { cylinders, heads, sectorsPerTrack } = geometry;
  const last = cylinders - 1;
  call.cx = ((last & 0xff) << 8) | ((last >>> 2) & 0xc0) | sectorsPerTrack;
  if (!hard) {
    call.bx = floppyType;
    call.machine.cpu.setSelector('es', ROM_SEGMENT);
    call.di = DISKETTE_TABLE;
  }
  call.al = 0;
  finish(call, DISK_STATUS.ok);
  call.dx = ((heads - 1) << 8) | countDrives(call.machine, hard);
  return undefined;
}

/** AH = 15h: 1 = floppy without change line (an emulated one), 2 = floppy with it, 3 = hard disk with its sectors in CX:DX. */
function driveType(call: ServiceCall, drive: Drive): void {
  finish(call, DISK_STATUS.ok);
  const floppyType = findFloppy(call.machine, call.dl) === undefined ? 1 : 2;
  call.ah = isHardDisk(call.dl) ? 3 : floppyType;
  if (!isHardDisk(call.dl)) return;
  const sectors = Math.min(drive.sectors, 0xffff_ffff);
  call.cx = Math.floor(sectors / 0x1_0000);
  call.dx = sectors & 0xffff;
}

/** AH = 41h: BX turns from 55AAh to AA55h. */
function extensionsPresent(call: ServiceCall): void {
  if (call.bx !== 0x55aa) return finish(call, DISK_STATUS.badCommand);
  finish(call, DISK_STATUS.ok);
  call.bx = 0xaa55;
  call.ah = EDD_VERSION;
  call.cx = PACKET_FUNCTIONS | (call.dl === CD_DRIVE ? REMOVABLE_FUNCTIONS : 0);
  return undefined;
}

/** AH = 48h: fills the 26 bytes of the result buffer at DS:SI. */
function extendedParameters(call: ServiceCall, { geometry, sectors, sectorBytes }: Drive): void {
  const { memory } = call.machine;
  const at = call.pointer('ds', call.si);
  if (memory.read16(at) < DISK_PARAMETERS_BYTES) return finish(call, DISK_STATUS.badCommand);
  const result = new Uint8Array(DISK_PARAMETERS_BYTES);
  put16(result, 0, DISK_PARAMETERS_BYTES);
  put16(result, 2, geometry === undefined ? CD_FLAGS : GEOMETRY_VALID);
  put32(result, 4, geometry?.cylinders ?? 0xffff_ffff);
  put32(result, 8, geometry?.heads ?? 0xffff_ffff);
  put32(result, 12, geometry?.sectorsPerTrack ?? 0xffff_ffff);
  put64(result, 16, sectors);
  put16(result, 24, sectorBytes);
  memory.write(at, result);
  return finish(call, DISK_STATUS.ok);
}

/** AH = 4Bh: what was booted from a CD, into the specification packet at DS:SI; AL = 0 ends the emulation, too. */
function cdEmulation(call: ServiceCall): void {
  const { memory } = call.machine;
  const boot = readCdBoot(memory);
  if (call.al > 1 || !boot.active) return finish(call, DISK_STATUS.badCommand);
  const { cylinders, heads, sectorsPerTrack } = boot.geometry;
  const packet = new Uint8Array(CD_PACKET_BYTES);
  packet.set([CD_PACKET_BYTES, boot.emulation, boot.drive, 1]);
  put32(packet, 4, boot.image);
  put16(packet, 12, boot.loadSegment);
  put16(packet, 14, boot.count);
  if (heads > 0) packet.set([(cylinders - 1) & 0xff, (((cylinders - 1) >>> 2) & 0xc0) | sectorsPerTrack, heads - 1], 16);
  memory.write(call.pointer('ds', call.si), packet);
  if (call.al === 0 && boot.emulation !== 0) {
    const count = boot.emulation === HARD_DISK_EMULATION ? BDA.diskCount : undefined;
    writeCdBoot(memory, NO_CD_BOOT);
    if (count !== undefined) memory.write8(count, countDrives(call.machine, true));
  }
  return finish(call, DISK_STATUS.ok);
}

function lastStatus(call: ServiceCall): void {
  const status = call.machine.memory.read8(isHardDisk(call.dl) ? BDA.diskStatus : BDA.floppyStatus);
  call.ah = status;
  call.carry = status !== DISK_STATUS.ok;
}

/** AH = 16h: whether a floppy's change line is up. It stays up: what moves sectors takes it down. */
function changeLine(call: ServiceCall): void {
  finish(call, findFloppy(call.machine, call.dl)?.isChanged() === true ? DISK_STATUS.changed : DISK_STATUS.ok);
}

/**
 * Before sectors of a floppy are moved its change line is looked at, as in the PC/AT's BIOS: if it is up and a seek takes it down, the
 * disk is another one (06h), and who is told so asks again; if it stays up, there is none (80h). Undefined when all is as it was.
 */
function changeStatus(call: ServiceCall): number | undefined {
  const floppy = findFloppy(call.machine, call.dl);
  if (floppy?.isChanged() !== true) return undefined;
  floppy.acknowledgeChange();
  return floppy.isChanged() ? DISK_STATUS.notReady : DISK_STATUS.changed;
}

type DiskFunction = (call: ServiceCall, drive: Drive) => void;

const succeed: DiskFunction = (call) => { finish(call, DISK_STATUS.ok); };

/** By number, for floppies and hard disks. */
const COMMON: Readonly<Record<number, DiskFunction | undefined>> = {
  0x00: succeed,
  0x02: transferByChs('read'),
  0x03: transferByChs('write'),
  0x04: transferByChs('verify'),
  0x08: parameters,
  0x15: driveType,
  0x16: changeLine,
};

/** For hard disks and CDs. */
const EXTENDED: Readonly<Record<number, DiskFunction | undefined>> = {
  0x41: extensionsPresent,
  0x42: transferByPacket('read'),
  0x43: transferByPacket('write'),
  0x44: transferByPacket('verify'),
  0x47: seekByPacket,
  0x48: extendedParameters,
};

/** For hard disks only. 09h-14h: initialise, seek, reset, ready, recalibrate, diagnose. */
const HARD_DISK: Readonly<Record<number, DiskFunction | undefined>> = {
  ...COMMON, ...EXTENDED,
  0x09: succeed, 0x0c: succeed, 0x0d: succeed, 0x10: succeed, 0x11: succeed, 0x14: succeed,
};

/** For the CD-ROM drive: reset, ready, and whether the disc has been changed (49h), which it has not. */
const CDROM: Readonly<Record<number, DiskFunction | undefined>> = { ...EXTENDED, 0x00: succeed, 0x10: succeed, 0x49: succeed };

/** Functions that do not need the drive to be there. */
const WITHOUT_DRIVE: FunctionTable = {
  0x01: lastStatus,
  0x15: (call) => {
    finish(call, DISK_STATUS.ok);
    call.ax = 0;
  },
};

function functionsFor(number: number): typeof COMMON {
  if (number === CD_DRIVE) return CDROM;
  return isHardDisk(number) ? HARD_DISK : COMMON;
}

function missing(call: ServiceCall): number {
  if (call.dl === CD_DRIVE && call.machine.cdrom !== undefined) return DISK_STATUS.noMedium;
  return isHardDisk(call.dl) || call.dl === CD_DRIVE ? DISK_STATUS.badCommand : DISK_STATUS.notReady;
}

/** INT 13h. */
export function diskService(call: ServiceCall): void {
  if (call.ah === 0x4b) return cdEmulation(call);
  const drive = findDrive(call.machine, call.dl);
  if (drive === undefined || call.ah === 0x01) {
    const alone = WITHOUT_DRIVE[call.ah];
    if (alone === undefined) finish(call, missing(call));
    else alone(call);
    return undefined;
  }
  const known = functionsFor(call.dl)[call.ah];
  if (known === undefined) finish(call, DISK_STATUS.badCommand);
  else known(call, drive);
  return undefined;
}
