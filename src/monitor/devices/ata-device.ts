/** One ATA device behind a channel: its registers, and the three ways in which they hold a sector's address. */
import type { AtaGeometry } from './ata-identify';
import type { CdromState } from './cdrom-state';

export const STATUS = { busy: 0x80, ready: 0x40, seekDone: 0x10, request: 0x08, error: 0x01 } as const;
export const IDLE = STATUS.ready | STATUS.seekDone;
export const SELECT = { lba: 0x40, device1: 0x10, obsolete: 0xa0 } as const;
export const ERROR = { uncorrectable: 0x40, idNotFound: 0x10, aborted: 0x04 } as const;
const DIAGNOSTICS_PASSED = 0x01;

/** Task file registers 1-5, by port offset; each is two deep for 48-bit commands. */
export const FEATURES = 1;
export const COUNT = 2;
const LOW = 3;
export const MIDDLE = 4;
export const HIGH = 5;

/** What CHECK POWER MODE answers. */
export const POWER = { standby: 0x00, idle: 0x80, active: 0xff } as const;

/** What a device shows in LBA middle and high after a reset, by which software tells its kind (ATA/ATAPI-6, 9.12). */
const SIGNATURES = { disk: [0x00, 0x00], packet: [0x14, 0xeb] } as const;

export interface AtaDeviceState {
  kind: keyof typeof SIGNATURES;
  status: number;
  error: number;
  /** Registers 0-5 as last written, and before that (register 0, data, is unused). */
  recent: Uint8Array;
  previous: Uint8Array;
  geometry: AtaGeometry;
  /** Sectors a block of READ/WRITE MULTIPLE; 0 when not set. */
  multiple: number;
  /** Transfer mode as SET FEATURES gave it: 20-22 multiword DMA, 40-45 Ultra DMA, below PIO. */
  mode: number;
  writeCache: boolean;
  lookAhead: boolean;
  power: number;
  /** Sectors that SET MAX ADDRESS leaves. */
  visibleSectors: number;
  /** Whether the last command was READ NATIVE MAX ADDRESS, which SET MAX ADDRESS has to follow. */
  nativeMaximumRead: boolean;
  /** WRITE BUFFER's sector for READ BUFFER. */
  sectorBuffer: Uint8Array;
  /** What a packet device has beside. */
  cdrom: CdromState | null;
}

export interface NewDevice {
  readonly kind: AtaDeviceState['kind'];
  readonly sectors: number;
  readonly geometry: AtaGeometry;
  readonly cdrom: CdromState | null;
}

/** A device after power-on, with its diagnostics passed. */
export function powerOnDevice({ kind, sectors, geometry, cdrom }: NewDevice): AtaDeviceState {
  const device: AtaDeviceState = {
    kind, status: IDLE, error: DIAGNOSTICS_PASSED, recent: new Uint8Array(6), previous: new Uint8Array(6),
    geometry, multiple: 0, mode: 0, writeCache: true, lookAhead: true, power: POWER.active,
    visibleSectors: sectors, nativeMaximumRead: false, sectorBuffer: new Uint8Array(512), cdrom,
  };
  showReset(device);
  return device;
}

/** What a device shows after reset and diagnostics: its signature; a packet device is not 'ready' until its first command. */
export function showReset(device: AtaDeviceState): void {
  setSignature(device);
  device.error = DIAGNOSTICS_PASSED;
  device.status = device.kind === 'packet' ? 0 : IDLE;
}

export function setSignature(device: AtaDeviceState): void {
  device.recent.set([1, 1, ...SIGNATURES[device.kind]], COUNT);
  device.previous.fill(0);
}

/** Sector count of a command: 0 stands for 256, or 65536 in a 48-bit command. */
export function sectorCount(device: AtaDeviceState, wide: boolean): number {
  if (wide) return ((device.previous[COUNT] << 8) | device.recent[COUNT]) || 0x10000;
  return device.recent[COUNT] || 0x100;
}

/**
 * First sector of a command: 48 bits, 28 bits, or cylinder, head and sector, as `select` (the device/head
 * register) says; undefined for an impossible one.
 */
export function addressOf(device: AtaDeviceState, select: number, wide: boolean): number | undefined {
  const { recent, previous, geometry } = device;
  const low24 = recent[LOW] | (recent[MIDDLE] << 8) | (recent[HIGH] << 16);
  if (wide) {
    return low24 + (previous[LOW] + previous[MIDDLE] * 0x100 + previous[HIGH] * 0x10000) * 0x1000000;
  }
  if ((select & SELECT.lba) !== 0) return low24 + (select & 0x0f) * 0x1000000;
  const sector = recent[LOW];
  const head = select & 0x0f;
  if (sector === 0 || sector > geometry.sectorsPerTrack || head >= geometry.heads) return undefined;
  const cylinder = recent[MIDDLE] | (recent[HIGH] << 8);
  return (cylinder * geometry.heads + head) * geometry.sectorsPerTrack + sector - 1;
}

/**
 * Leaves a sector's address in the task file, in the form in which the command gave its own. Gives the
 * device/head register with the address's upper part.
 */
export function showAddress(device: AtaDeviceState, select: number, lba: number): number {
  if ((select & SELECT.lba) === 0) {
    const { heads, sectorsPerTrack } = device.geometry;
    const cylinder = Math.floor(lba / (heads * sectorsPerTrack));
    const head = Math.floor(lba / sectorsPerTrack) % heads;
    device.recent.set([(lba % sectorsPerTrack) + 1, cylinder & 0xff, (cylinder >> 8) & 0xff], LOW);
    return (select & 0xf0) | head;
  }
  const upper = Math.floor(lba / 0x1000000);
  device.recent.set([lba & 0xff, (lba >> 8) & 0xff, (lba >> 16) & 0xff], LOW);
  device.previous.set([upper & 0xff, (upper >> 8) & 0xff, (upper >> 16) & 0xff], LOW);
  return (select & 0xf0) | (upper & 0x0f);
}

/** Takes a mode of SET FEATURES 03 (ATA/ATAPI-6, table 43), up to the given Ultra DMA mode. False: it is none that the device has. */
export function chooseTransferMode(device: AtaDeviceState, mode: number, ultraModes: number): boolean {
  const known = mode <= 0x01 || (mode >= 0x08 && mode <= 0x0c) || (mode >= 0x20 && mode <= 0x22) || (mode >= 0x40 && mode <= 0x40 + ultraModes);
  // The PIO mode is chosen beside a DMA mode, not in its place.
  if (known && mode >= 0x20) device.mode = mode;
  return known;
}
