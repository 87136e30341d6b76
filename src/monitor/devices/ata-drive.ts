/**
 * What an ATA channel and the drives on it (ata-disk.ts, atapi.ts) agree on: a drive says what a command comes to, the channel
 * moves the data, by PIO or by a bus master.
 */
import type { AtaDeviceState } from './ata-device';
import type { BlockBackend } from './device';

export const SECTOR_BYTES = 512;
/** Sectors that a DMA transfer moves in one event: what bounds the work of it. */
export const DMA_SECTORS = 128;

/** Cycles from a command to its first effect, from one data block to the next, and what a sector takes besides: half a gigabyte a second. */
export const COMMAND_CYCLES = 20_000;
export const BLOCK_CYCLES = 4_000;
export const SECTOR_CYCLES = 1_000;

/** A command's data under way. */
export interface AtaTransfer {
  /** Where data comes from or goes to: the medium, an answer, a packet device's command, parameters for `accept`. */
  purpose: 'medium' | 'reply' | 'packet' | 'parameters';
  direction: 'in' | 'out';
  dma: boolean;
  /** Next sector, and how many are still to be moved; those of the present piece included. */
  lba: number;
  sectors: number;
  /** Sectors that are read from or written to the medium at a time, and bytes that PIO moves with one request. */
  pieceSectors: number;
  blockBytes: number;
  /** The write is to be on the medium when the command ends. */
  through: boolean;
  /** The present piece. Empty: not begun yet. */
  data: Uint8Array;
  /** Next byte of it, and where the block ends that is being asked for. */
  position: number;
  end: number;
  /** The packet that 'parameters' belong to; empty for a disk's. */
  packet: Uint8Array;
  /** How far a command with parameters has been carried out when it has to wait; its own to count. */
  progress: number;
}

/** A command's refusal: bits of the error register, the sector that it is about, and whether the device shows its kind's signature. */
export class AtaFailure {
  constructor(
    readonly error: number,
    readonly lba?: number,
    readonly signature = false,
  ) {}
}

/** What a command comes to: its end, a refusal, data to move, or that the medium is not done (nothing has happened then). */
export type AtaOutcome = undefined | 'wait' | AtaFailure | AtaTransfer;

/** A command and what it works on. `registers` is the channel's: the device/head register, which may be left with an address, and the command. */
export interface AtaTask {
  readonly device: AtaDeviceState;
  readonly registers: { select: number; readonly command: number };
}

export interface AtaDrive {
  /** `image`: the disc that lies in it, when it has been in use (null for none); otherwise the one that it came with. */
  powerOn(image?: string | null): AtaDeviceState;
  /** A command has been written: cycles until `execute`. Tells the medium what it will be asked for. */
  begin(task: AtaTask): number;
  execute(task: AtaTask): AtaOutcome;
  /** The same for a packet device's commands of 12 bytes. */
  beginPacket?(task: AtaTask, packet: Uint8Array): number;
  executePacket?(task: AtaTask, packet: Uint8Array): AtaOutcome;
  /** Takes what an 'out' transfer for 'parameters' has brought. */
  accept?(task: AtaTask, transfer: AtaTransfer): AtaOutcome;
  /** What a transfer for 'medium' works on; undefined when it has been taken away. */
  medium(device: AtaDeviceState): BlockBackend | undefined;
  /** Sectors of it that a transfer may reach. */
  reachable(device: AtaDeviceState): number;
  /** The refusal for a sector that could not be read or written, or that is beyond what is reachable. */
  mediumFailure(device: AtaDeviceState, lba: number, isBeyond: boolean): AtaFailure;
}

const NO_DATA = new Uint8Array(0);

function transfer(properties: Pick<AtaTransfer, 'purpose' | 'direction'> & Partial<AtaTransfer>): AtaTransfer {
  return {
    dma: false, lba: 0, sectors: 0, pieceSectors: 0, blockBytes: SECTOR_BYTES, through: false,
    data: NO_DATA, position: 0, end: 0, packet: NO_DATA, progress: 0, ...properties,
  };
}

/** Sectors between the medium and the host. */
export function mediumTransfer(properties: Pick<AtaTransfer, 'direction' | 'dma' | 'lba' | 'sectors' | 'pieceSectors' | 'blockBytes'> & Partial<AtaTransfer>): AtaTransfer {
  return transfer({ purpose: 'medium', ...properties });
}

/** Bytes for the host. */
export function replyTransfer(data: Uint8Array, properties: Pick<AtaTransfer, 'dma' | 'blockBytes'>): AtaTransfer {
  return transfer({ purpose: 'reply', direction: 'in', data, ...properties });
}

/** Bytes from the host: a packet, or parameters (`sectors` pieces of one sector for those that come by sectors). */
export function requestTransfer(purpose: 'packet' | 'parameters', bytes: number, properties: Partial<AtaTransfer> = {}): AtaTransfer {
  return transfer({ purpose, direction: 'out', data: new Uint8Array(bytes), blockBytes: bytes, ...properties });
}
