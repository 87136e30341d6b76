/** What the floppy disk controller (fdc.ts) keeps of itself and its drives, and the bits of its registers (Intel 82077AA data sheet, 290166). */

export interface FloppyDriveState {
  cylinder: number;
  /** The disk that is in it: FIRST_DISK, or the name of another one's image; null for none. */
  image: string | null;
  /** The disk change line: up when the disk is taken out or another one is put in, until the next seek with a disk in the drive. */
  changed: boolean;
  /** Status register 0 that SENSE INTERRUPT will report; -1 when there is nothing to report. */
  sense: number;
  motion: 'none' | 'seek' | 'recalibrate';
}

/** How far a data command has come. */
export interface FloppyTransfer {
  /** The sector that is next. */
  cylinder: number;
  head: number;
  sector: number;
  /** What is to be written there, once it is out of memory, and whether the DMA count has ended with it. */
  data: Uint8Array | null;
  terminal: boolean;
}

export interface FdcState {
  /** Digital output: drive (0-1), not reset (2), DMA and interrupt gate (3), motors (4-7). */
  dor: number;
  tapeDrive: number;
  phase: 'command' | 'execution' | 'result';
  /** Bytes of the command so far. */
  command: number[];
  /** Null before a data command's end, and for all other commands. */
  transfer: FloppyTransfer | null;
  result: number[];
  /** Interrupts wait for the result of a data command to be read, and for SENSE INTERRUPT. */
  resultInterrupt: boolean;
  senseInterrupt: boolean;
  drives: FloppyDriveState[];
  /** SPECIFY's two bytes and CONFIGURE's second and third. */
  timing: number[];
  configuration: number[];
  perpendicular: number;
  locked: boolean;
  /** EOT of the last data command, for DUMPREG. */
  lastSector: number;
}

/** How many drives the controller has lines for. */
export const DRIVES = 4;

export const DOR = { running: 0x04, gate: 0x08 } as const;
export const MAIN = { request: 0x80, toHost: 0x40, busy: 0x10 } as const;
export const ST0 = { abnormal: 0x40, invalid: 0x80, readyChanged: 0xc0, seekEnd: 0x20, equipment: 0x10 } as const;
export const ST1 = {
  endOfCylinder: 0x80, dataError: 0x20, overrun: 0x10, noData: 0x04, notWritable: 0x02, noAddressMark: 0x01,
} as const;
export const ST2_WRONG_CYLINDER = 0x10;
export const ST2_DATA_ERROR = 0x20;

/** After power-on, with these disks in the drives. */
export function powerOnState(images: readonly (string | null)[]): FdcState {
  const drive = (image: string | null): FloppyDriveState => ({ cylinder: 0, image, changed: true, sense: -1, motion: 'none' });
  return {
    dor: 0, tapeDrive: 0, phase: 'command', command: [], transfer: null, result: [], resultInterrupt: false, senseInterrupt: false,
    drives: Array.from({ length: DRIVES }, (_, unit) => drive(images[unit] ?? null)),
    timing: [0, 0], configuration: [0x20, 0], perpendicular: 0, locked: false, lastSector: 0,
  };
}
