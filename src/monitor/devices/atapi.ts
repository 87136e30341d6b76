/**
 * A CD-ROM drive on an ATA cable: the PACKET command set around the drive's own commands (cdrom.ts).
 *
 * Source: ATA/ATAPI-6 (T13 1410D), 6.6, 8.23-8.24 and 9.8-9.10.
 */
import { type AtaDeviceState, chooseTransferMode, COUNT, ERROR, FEATURES, HIGH, MIDDLE, POWER, powerOnDevice } from './ata-device';
import {
  type AtaDrive, AtaFailure, type AtaOutcome, type AtaTask, type AtaTransfer, COMMAND_CYCLES, DMA_SECTORS, mediumTransfer, replyTransfer,
  requestTransfer, SECTOR_BYTES, SECTOR_CYCLES,
} from './ata-drive';
import { identifyPacketData, PACKET_ULTRA_MODE } from './ata-identify';
import { acceptParameters, blocksWanted, type CdromAnswer, cdromCommand } from './cdrom';
import { BLOCK_BYTES, BLOCK_SECTORS, type CdromState, discOf, type DiscSource, noDiscSense, powerOnCdrom, SENSE, type Sense } from './cdrom-state';
import type { BlockBackend } from './device';

const PACKET_BYTES = 12;
const ABORTED = new AtaFailure(ERROR.aborted);
/** Features register of PACKET: the data moves by DMA. */
const BY_DMA = 0x01;
/** Byte count limits are even, and at most this. */
const LARGEST_LIMIT = 0xfffe;
const NO_GEOMETRY = { cylinders: 0, heads: 0, sectorsPerTrack: 0 };

export interface AtapiOptions {
  readonly serial: string;
  readonly unit: number;
  /** The image that lies in the drive at first; null for none. */
  readonly image: string | null;
  readonly discs: DiscSource;
}

export class AtapiCdrom implements AtaDrive {
  readonly #options: AtapiOptions;

  constructor(options: AtapiOptions) {
    this.#options = options;
  }

  powerOn(image = this.#options.image): AtaDeviceState {
    return powerOnDevice({ kind: 'packet', sectors: 0, geometry: NO_GEOMETRY, cdrom: powerOnCdrom(image) });
  }

  medium({ cdrom }: AtaDeviceState): BlockBackend | undefined {
    return cdrom === null ? undefined : discOf(cdrom, this.#options.discs);
  }

  reachable(device: AtaDeviceState): number {
    return this.medium(device)?.sectors ?? 0;
  }

  mediumFailure(device: AtaDeviceState, _lba: number, isBeyond: boolean): AtaFailure {
    const state = cdromOf(device);
    if (this.medium(device) === undefined) return this.#refuse(state, noDiscSense(state));
    return this.#refuse(state, isBeyond ? SENSE.beyondEnd : SENSE.unrecoveredRead);
  }

  begin(): number {
    return COMMAND_CYCLES;
  }

  execute({ device, registers }: AtaTask): AtaOutcome {
    switch (registers.command) {
      case 0xa0: return requestTransfer('packet', PACKET_BYTES);
      case 0xa1: {
        const { serial, unit } = this.#options;
        return replyTransfer(identifyPacketData({ serial, unit, mode: device.mode }), { dma: false, blockBytes: SECTOR_BYTES });
      }
      // A disk's commands tell software what this is, beside their refusal: IDENTIFY DEVICE, READ SECTORS.
      case 0xec: case 0x20: return new AtaFailure(ERROR.aborted, undefined, true);
      case 0xef:
        return device.recent[FEATURES] === 0x03 && chooseTransferMode(device, device.recent[COUNT], PACKET_ULTRA_MODE) ? undefined : ABORTED;
      // STANDBY and IDLE (IMMEDIATE), SLEEP, CHECK POWER MODE.
      case 0xe0: case 0xe2: case 0xe6: device.power = POWER.standby; return undefined;
      case 0xe1: case 0xe3: device.power = POWER.idle; return undefined;
      case 0xe5: device.recent[COUNT] = device.power; return undefined;
      default: return ABORTED;
    }
  }

  beginPacket({ device }: AtaTask, packet: Uint8Array): number {
    const wanted = blocksWanted(packet);
    const disc = this.medium(device);
    if (wanted === undefined || disc === undefined) return COMMAND_CYCLES;
    const lba = wanted.lba * BLOCK_SECTORS;
    const sectors = Math.min(wanted.count * BLOCK_SECTORS, disc.sectors - lba);
    if (sectors <= 0) return COMMAND_CYCLES;
    disc.prefetch(lba, sectors);
    return COMMAND_CYCLES + SECTOR_CYCLES * Math.min(sectors, DMA_SECTORS);
  }

  executePacket({ device }: AtaTask, packet: Uint8Array): AtaOutcome {
    device.power = POWER.active;
    return this.#outcome(device, packet, cdromCommand(cdromOf(device), packet, this.#options.discs));
  }

  accept({ device }: AtaTask, transfer: AtaTransfer): AtaOutcome {
    const answer = acceptParameters(transfer.packet, transfer.data);
    const state = cdromOf(device);
    return answer.kind === 'refused' ? this.#refuse(state, answer.sense) : undefined;
  }

  #outcome(device: AtaDeviceState, packet: Uint8Array, answer: CdromAnswer): AtaOutcome {
    const dma = (device.recent[FEATURES] & BY_DMA) !== 0;
    const limit = byteLimit(device);
    switch (answer.kind) {
      case 'done': return undefined;
      case 'refused': return this.#refuse(cdromOf(device), answer.sense);
      case 'reply': return replyTransfer(answer.data.slice(), { dma, blockBytes: limit });
      case 'parameters': return requestTransfer('parameters', answer.bytes, { dma, blockBytes: limit, packet });
      case 'blocks': {
        // Whole blocks of the disc fill a request as far as it goes.
        const pieceSectors = dma ? DMA_SECTORS : Math.max(Math.floor(limit / BLOCK_BYTES), 1) * BLOCK_SECTORS;
        return mediumTransfer({ direction: 'in', dma, lba: answer.lba * BLOCK_SECTORS, sectors: answer.count * BLOCK_SECTORS, pieceSectors, blockBytes: limit });
      }
    }
  }

  /** CHECK CONDITION: the sense key stands in the error register, too. */
  #refuse(state: CdromState, sense: Sense): AtaFailure {
    state.sense = sense;
    return new AtaFailure((sense[0] << 4) | ERROR.aborted);
  }
}

function cdromOf(device: AtaDeviceState): CdromState {
  if (device.cdrom === null) throw new Error('A packet device without its drive');
  return device.cdrom;
}

/** Bytes that PIO moves with one request, from the byte count registers as the PACKET command left them. */
function byteLimit(device: AtaDeviceState): number {
  const limit = device.recent[MIDDLE] | (device.recent[HIGH] << 8);
  return limit === 0 ? LARGEST_LIMIT : Math.max(limit & LARGEST_LIMIT, 2);
}
