/**
 * The commands of the floppy disk controller (fdc.ts) that look for sectors on a disk: READ, WRITE and VERIFY, a step each sector, and
 * READ ID. One that does not find its sector ends when the index hole has come by twice: without a disk in the drive it does not end.
 *
 * Source: Intel 82077AA data sheet (290166).
 */
import type { BlockBackend } from './device';
import { BlockError } from './device';
import type { DmaTransfer } from './dma';
import type { FloppyMedia, Medium } from './fdc-media';
import { ST0, ST1, ST2_DATA_ERROR, ST2_WRONG_CYLINDER, type FdcState, type FloppyDriveState, type FloppyTransfer } from './fdc-state';

/** The channel of the DMA controller that the floppy controller is wired to. */
export interface FloppyDma {
  toMemory(channel: number, data: Uint8Array): DmaTransfer;
  fromMemory(channel: number, data: Uint8Array): DmaTransfer;
}

const SECTOR_BYTES = 512;
const DMA_CHANNEL = 2;
const MULTI_TRACK = 0x80;
const IMPLIED_SEEK = 0x40;
const NON_DMA = 0x01;
const SIZE_CODE = 2;

/** What a data command's bytes say. */
interface DataCommand {
  readonly operation: number;
  readonly drive: FloppyDriveState;
  readonly unit: number;
  readonly medium: Medium;
  readonly multiTrack: boolean;
  readonly cylinder: number;
  readonly head: number;
  readonly sector: number;
  readonly size: number;
  readonly lastSector: number;
}

/** Status registers 1 and 2 of a command that ended badly. */
interface Failure {
  readonly st1: number;
  readonly st2: number;
}

/** What has come of a step of a data command: nothing, for the disk was not done; more to do; its end. */
type Step = 'wait' | 'more' | 'end' | Failure;

/**
 * How a command stands: the disk was not done; there is no disk, whose index pulses the controller could count; there is more to do at
 * once; or the result bytes that it has ended with.
 */
export type Progress = 'wait' | 'no index' | 'more' | number[];

/** Codes of operations without their option bits: READ and READ DELETED, WRITE and WRITE DELETED, VERIFY, READ ID. */
export const READS: readonly number[] = [0x06, 0x0c];
export const WRITES: readonly number[] = [0x05, 0x09];
export const VERIFY = 0x16;
export const READ_ID = 0x0a;

function failure(st1: number, st2 = 0): Failure {
  return { st1, st2 };
}


/** What READ, WRITE or VERIFY names; undefined when there is no disk, or for another command. */
function dataCommand(state: FdcState, media: FloppyMedia): DataCommand | undefined {
  const [opcode, select, cylinder, head, sector, size, lastSector] = state.command;
  const medium = media.medium(state, select & 3);
  if (medium === undefined || state.command.length < 9) return undefined;
  return {
    operation: opcode & 0x1f, drive: state.drives[select & 3], unit: select & 7, medium, multiTrack: (opcode & MULTI_TRACK) !== 0,
    cylinder, head, sector, size, lastSector,
  };
}

/** A read may go on to the end of its track, with MT to the end of the cylinder: tells the disk so. */
export function prefetch(state: FdcState, media: FloppyMedia): void {
  const command = dataCommand(state, media);
  if (command === undefined || !READS.includes(command.operation)) return;
  const { cylinder, head, sector, multiTrack, medium: { disk, format } } = command;
  const { cylinders, heads, sectorsPerTrack } = format;
  if (cylinder >= cylinders || head >= heads || sector < 1 || sector > sectorsPerTrack) return;
  const first = head * sectorsPerTrack + sector - 1;
  disk.prefetch(cylinder * heads * sectorsPerTrack + first, (multiTrack ? heads : head + 1) * sectorsPerTrack - first);
}

/** READ ID: the first sector that comes by under the head. */
function readId(state: FdcState, { format }: Medium): number[] {
  const unit = state.command[1] & 7;
  const drive = state.drives[unit & 3];
  const place = [drive.cylinder, unit >> 2, 1, SIZE_CODE];
  return drive.cylinder >= format.cylinders ? [ST0.abnormal | unit, ST1.noAddressMark, 0, ...place] : [unit, 0, 0, ...place];
}

/** Does the next step of the command that is being executed. */
export function goOn(state: FdcState, media: FloppyMedia, dma: FloppyDma): Progress {
  const isReadId = (state.command[0] & 0x1f) === READ_ID;
  if (!isReadId) state.lastSector = state.command[6];
  const medium = media.medium(state, state.command[1] & 3);
  if (medium === undefined) return 'no index';
  if (isReadId) return readId(state, medium);
  const command = dataCommand(state, media);
  const step = command === undefined ? failure(ST1.noAddressMark) : stepData(state, command, dma);
  if (step === 'wait' || step === 'more') return step;
  return result(state, step === 'end' ? undefined : step);
}

/** One step of READ, WRITE or VERIFY: whether it can be done at all, then a sector, or a sector's way out of memory. */
function stepData(state: FdcState, command: DataCommand, dma: FloppyDma): Step {
  const { transfer } = state;
  if (transfer !== null) return guard(() => moveSector(command, transfer, dma));
  const bad = checkPlace(state, command);
  if (bad !== undefined) return bad;
  const { cylinder, head, sector } = command;
  state.transfer = { cylinder, head, sector, data: null, terminal: false };
  return 'more';
}

/** The seven result bytes of a data command: where it would go on, or where it has failed. */
function result(state: FdcState, bad: Failure | undefined): number[] {
  const [, select, ...place] = state.command;
  const { cylinder, head, sector } = state.transfer ?? { cylinder: place[0], head: place[1], sector: place[2] };
  const st0 = (select & 7) | (bad === undefined ? 0 : ST0.abnormal);
  return [st0, bad?.st1 ?? 0, bad?.st2 ?? 0, cylinder, head, sector, place[3]];
}

/** Whether the head is over what the command names (or may be sent there by implied seek). */
function checkPlace(state: FdcState, { drive, cylinder, head, unit, size, medium }: DataCommand): Failure | undefined {
  if ((state.timing[1] & NON_DMA) !== 0) return failure(ST1.overrun);
  if ((state.configuration[0] & IMPLIED_SEEK) !== 0) drive.cylinder = cylinder;
  if (drive.cylinder >= medium.format.cylinders) return failure(ST1.noAddressMark);
  if (drive.cylinder !== cylinder) return failure(ST1.noData, ST2_WRONG_CYLINDER);
  const otherHead = head !== unit >> 2 || head >= medium.format.heads;
  return otherHead || size !== SIZE_CODE ? failure(ST1.noData) : undefined;
}

/** Until the DMA count ends, or the last sector of the cylinder has gone by without that. */
function moveSector(command: DataCommand, transfer: FloppyTransfer, dma: FloppyDma): Step {
  const { operation, drive, medium: { disk, format } } = command;
  const { cylinders, heads, sectorsPerTrack } = format;
  // Another disk than the one that it began with may be in the drive by now.
  if (drive.cylinder >= cylinders) return failure(ST1.noAddressMark);
  if (transfer.sector < 1 || transfer.sector > sectorsPerTrack) return failure(ST1.noData);
  const lba = (drive.cylinder * heads + transfer.head) * sectorsPerTrack + transfer.sector - 1;
  if (WRITES.includes(operation)) {
    if (transfer.data === null) return takeSector(disk, transfer, dma);
    if (!disk.write(lba, transfer.data)) return 'wait';
    transfer.data = null;
  } else if (READS.includes(operation)) {
    const data = new Uint8Array(SECTOR_BYTES);
    if (!disk.read(lba, 1, data)) return 'wait';
    const { bytes, terminal } = dma.toMemory(DMA_CHANNEL, data);
    if (bytes === 0) return failure(ST1.overrun);
    transfer.terminal = terminal;
  }
  const cylinderEnds = advance(command, transfer);
  if (transfer.terminal) return 'end';
  if (!cylinderEnds) return 'more';
  return operation === VERIFY ? 'end' : failure(ST1.endOfCylinder);
}

/** A sector to be written comes out of memory: a step of its own, for it cannot be taken back when the disk is not done. */
function takeSector(disk: BlockBackend, transfer: FloppyTransfer, dma: FloppyDma): Step {
  if (disk.readOnly) return failure(ST1.notWritable);
  const data = new Uint8Array(SECTOR_BYTES);
  const { bytes, terminal } = dma.fromMemory(DMA_CHANNEL, data);
  if (bytes === 0) return failure(ST1.overrun);
  transfer.data = data;
  transfer.terminal = terminal;
  return 'more';
}

function guard(step: () => Step): Step {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return failure(ST1.dataError, ST2_DATA_ERROR);
  }
}

/** The next sector's address (data sheet, table 'result phase'); true when the cylinder has come to its end. */
function advance({ lastSector, multiTrack }: DataCommand, transfer: FloppyTransfer): boolean {
  if (transfer.sector !== lastSector) {
    transfer.sector++;
    return false;
  }
  transfer.sector = 1;
  if (multiTrack && transfer.head === 0) {
    transfer.head = 1;
    return false;
  }
  if (multiTrack) transfer.head = 0;
  transfer.cylinder++;
  return true;
}
