/** INT 13h: floppies and hard disks, by CHS and by LBA packets (Phoenix Enhanced Disk Drive Specification 1.1 and 3.0). */
import type { BlockBackend } from '../../devices/device';
import { put16, put32, put64, u16, u32 } from '../bytes';
import type { ServiceCall, FunctionTable } from './call';
import { diskGeometry, floppyGeometry, type Geometry } from './geometry';
import { BDA } from './layout';
import { DISKETTE_TABLE, ROM_SEGMENT } from './rom';

const SECTOR = 512;
export const FIRST_HARD_DISK = 0x80;

/** Status codes in AH. */
const OK = 0x00;
const BAD_COMMAND = 0x01;
const WRITE_PROTECTED = 0x03;
const SECTOR_NOT_FOUND = 0x04;
const NOT_READY = 0x80;

/** Functions that take an LBA packet: fixed disk access subset, EDD 1.1. */
const PACKET_FUNCTIONS = 1;
const EDD_VERSION = 0x21;
const DISK_PARAMETERS_BYTES = 0x1a;
const PACKET_BYTES = 0x10;
const GEOMETRY_VALID = 0x0002;

type Operation = 'read' | 'write' | 'verify';

interface Transfer {
  readonly operation: Operation;
  readonly lba: number;
  readonly count: number;
  /** Guest-physical address of the buffer. */
  readonly address: number;
}

export function isHardDisk(drive: number): boolean {
  return drive >= FIRST_HARD_DISK;
}

export function driveGeometry(drive: number, backend: BlockBackend): Geometry {
  return isHardDisk(drive) ? diskGeometry(backend.sectors) : floppyGeometry(backend.sectors);
}

/** Ends a call: AH and the data area's status, CF when it is an error. */
function finish(call: ServiceCall, status: number): void {
  call.machine.memory.write8(isHardDisk(call.dl) ? BDA.diskStatus : BDA.floppyStatus, status);
  call.ah = status;
  call.carry = status !== OK;
}

function transfer(call: ServiceCall, disk: BlockBackend, { operation, lba, count, address }: Transfer): number {
  if (lba + count > disk.sectors) return SECTOR_NOT_FOUND;
  if (operation === 'write' && disk.readOnly) return WRITE_PROTECTED;
  if (count === 0 || operation === 'verify') return OK;
  if (operation === 'read') {
    const buffer = new Uint8Array(count * SECTOR);
    disk.read(lba, count, buffer);
    call.machine.memory.write(address, buffer);
  } else {
    disk.write(lba, call.machine.memory.read(address, count * SECTOR));
  }
  return OK;
}

/** LBA of the sector in CH, CL and DH; undefined when the drive has no such sector. */
function chsToLba(call: ServiceCall, { cylinders, heads, sectorsPerTrack }: Geometry): number | undefined {
  const cylinder = call.ch | ((call.cl & 0xc0) << 2);
  const sector = call.cl & 0x3f;
  if (cylinder >= cylinders || call.dh >= heads || sector === 0 || sector > sectorsPerTrack) return undefined;
  return (cylinder * heads + call.dh) * sectorsPerTrack + sector - 1;
}

/** AH = 02h, 03h, 04h: AL sectors; AL tells afterwards how many were done. */
function transferByChs(operation: Operation) {
  return (call: ServiceCall, disk: BlockBackend): void => {
    const lba = chsToLba(call, driveGeometry(call.dl, disk));
    const count = call.al;
    const address = call.pointer('es', call.bx);
    let status = SECTOR_NOT_FOUND;
    if (count === 0) status = BAD_COMMAND;
    else if (lba !== undefined) status = transfer(call, disk, { operation, lba, count, address });
    call.al = status === OK ? count : 0;
    finish(call, status);
  };
}

/** AH = 42h, 43h, 44h, 47h: the packet at DS:SI holds size, count, buffer and a 64-bit LBA. */
function transferByPacket(operation: Operation) {
  return (call: ServiceCall, disk: BlockBackend): void => {
    const { memory } = call.machine;
    const at = call.pointer('ds', call.si);
    const packet = memory.read(at, PACKET_BYTES);
    if (packet[0] < PACKET_BYTES) return finish(call, BAD_COMMAND);
    const lba = u32(packet, 8) + u32(packet, 12) * 0x1_0000_0000;
    const address = u16(packet, 6) * 16 + u16(packet, 4);
    const status = transfer(call, disk, { operation, lba, count: u16(packet, 2), address });
    if (status !== OK) memory.write16(at + 2, 0);
    return finish(call, status);
  };
}

function seekByPacket(call: ServiceCall, disk: BlockBackend): void {
  const lba = call.machine.memory.read32(call.pointer('ds', call.si) + 8);
  finish(call, lba < disk.sectors ? OK : SECTOR_NOT_FOUND);
}

function countDrives(call: ServiceCall, hard: boolean): number {
  return [...call.machine.drives.keys()].filter((drive) => isHardDisk(drive) === hard).length;
}

/** AH = 08h: greatest cylinder, head and sector numbers, number of drives, and for floppies type and table. */
function parameters(call: ServiceCall, disk: BlockBackend): void {
  const hard = isHardDisk(call.dl);
  const { cylinders, heads, sectorsPerTrack } = driveGeometry(call.dl, disk);
  const last = cylinders - 1;
  call.cx = ((last & 0xff) << 8) | ((last >>> 2) & 0xc0) | sectorsPerTrack;
  if (!hard) {
    call.bx = floppyGeometry(disk.sectors).type;
    call.machine.cpu.setSelector('es', ROM_SEGMENT);
    call.di = DISKETTE_TABLE;
  }
  call.al = 0;
  finish(call, OK);
  call.dx = ((heads - 1) << 8) | countDrives(call, hard);
}

/** AH = 15h: 1 = floppy without change line, 3 = hard disk with its sectors in CX:DX. */
function driveType(call: ServiceCall, disk: BlockBackend): void {
  finish(call, OK);
  call.ah = isHardDisk(call.dl) ? 3 : 1;
  if (!isHardDisk(call.dl)) return;
  const sectors = Math.min(disk.sectors, 0xffff_ffff);
  call.cx = Math.floor(sectors / 0x1_0000);
  call.dx = sectors & 0xffff;
}

/** AH = 41h: BX turns from 55AAh to AA55h. */
function extensionsPresent(call: ServiceCall): void {
  if (call.bx !== 0x55aa) return finish(call, BAD_COMMAND);
  finish(call, OK);
  call.bx = 0xaa55;
  call.ah = EDD_VERSION;
  call.cx = PACKET_FUNCTIONS;
}

/** AH = 48h: fills the 26 bytes of the result buffer at DS:SI. */
function extendedParameters(call: ServiceCall, disk: BlockBackend): void {
  const { memory } = call.machine;
  const at = call.pointer('ds', call.si);
  if (memory.read16(at) < DISK_PARAMETERS_BYTES) return finish(call, BAD_COMMAND);
  const { cylinders, heads, sectorsPerTrack } = diskGeometry(disk.sectors);
  const result = new Uint8Array(DISK_PARAMETERS_BYTES);
  put16(result, 0, DISK_PARAMETERS_BYTES);
  put16(result, 2, GEOMETRY_VALID);
  put32(result, 4, cylinders);
  put32(result, 8, heads);
  put32(result, 12, sectorsPerTrack);
  put64(result, 16, disk.sectors);
  put16(result, 24, SECTOR);
  memory.write(at, result);
  return finish(call, OK);
}

function lastStatus(call: ServiceCall): void {
  const status = call.machine.memory.read8(isHardDisk(call.dl) ? BDA.diskStatus : BDA.floppyStatus);
  call.ah = status;
  call.carry = status !== OK;
}

type DiskFunction = (call: ServiceCall, disk: BlockBackend) => void;

const succeed: DiskFunction = (call) => { finish(call, OK); };

/** For every drive. */
const COMMON: Readonly<Record<number, DiskFunction | undefined>> = {
  0x00: succeed,
  0x02: transferByChs('read'),
  0x03: transferByChs('write'),
  0x04: transferByChs('verify'),
  0x08: parameters,
  0x15: driveType,
  // Media do not change while the machine runs.
  0x16: succeed,
};

/** For hard disks only. 09h-14h: initialise, seek, reset, ready, recalibrate, diagnose. */
const HARD_DISK: Readonly<Record<number, DiskFunction | undefined>> = {
  0x09: succeed, 0x0c: succeed, 0x0d: succeed, 0x10: succeed, 0x11: succeed, 0x14: succeed,
  0x41: extensionsPresent,
  0x42: transferByPacket('read'),
  0x43: transferByPacket('write'),
  0x44: transferByPacket('verify'),
  0x47: seekByPacket,
  0x48: extendedParameters,
};

/** Functions that do not need the drive to be there. */
const WITHOUT_DRIVE: FunctionTable = {
  0x01: lastStatus,
  0x15: (call) => {
    finish(call, OK);
    call.ax = 0;
  },
};

/** INT 13h. */
export function diskService(call: ServiceCall): void {
  const disk = call.machine.drives.get(call.dl);
  if (disk === undefined || call.ah === 0x01) {
    const missing = isHardDisk(call.dl) ? BAD_COMMAND : NOT_READY;
    const alone = WITHOUT_DRIVE[call.ah];
    if (alone === undefined) finish(call, missing);
    else alone(call);
    return;
  }
  const known = COMMON[call.ah] ?? (isHardDisk(call.dl) ? HARD_DISK[call.ah] : undefined);
  if (known === undefined) finish(call, BAD_COMMAND);
  else known(call, disk);
}
