/**
 * Transfers that the built-in BIOS begins: a device of its own, so that a host's file may take its time. A service begins a
 * transfer; the event for it is due at once, before the guest's next instruction, and lets virtual time stand until it is done;
 * that instruction calls the service again, which finds the status in the EBDA.
 */
import type { BlockBackend, Device, DeviceHost, EventAnswer } from '../../devices/device';
import { BlockError } from '../../devices/device';
import type { DiskRequest, PhysicalMemory } from '../platform';
import { DISK_STATUS } from './diskStatus';
import { FIRST_HARD_DISK } from './drives';
import { EBDA } from './layout';

const EVENT = 'transfer';
const SECTOR = 512;

export interface DiskTransfersState {
  request: DiskRequest | null;
}

export interface DiskTransferSurroundings {
  readonly memory: PhysicalMemory;
  /** What is in a drive, by BIOS number; undefined for nothing. */
  medium(drive: number): BlockBackend | undefined;
}

export class DiskTransfers implements Device {
  readonly name = 'bios';
  readonly ports = [];
  state: DiskTransfersState = { request: null };
  readonly #host: DeviceHost;
  readonly #surroundings: DiskTransferSurroundings;

  constructor(host: DeviceHost, surroundings: DiskTransferSurroundings) {
    this.#host = host;
    this.#surroundings = surroundings;
  }

  reset(): void {
    this.#host.cancel(this.name, EVENT);
    this.state = { request: null };
  }

  /** The sectors have been looked at: the medium has them, and may be written if they are. */
  begin(request: DiskRequest): void {
    this.state.request = request;
    if (request.operation === 'read') this.#surroundings.medium(request.drive)?.prefetch(request.lba, request.count);
    this.#host.schedule(this.name, EVENT, this.#host.now());
  }

  event(): EventAnswer {
    const { request } = this.state;
    if (request === null) return undefined;
    const status = this.#transfer(request);
    if (status === 'wait') return 'wait';
    this.state.request = null;
    this.#surroundings.memory.write8(EBDA.transferStatus, status);
    return undefined;
  }

  #transfer({ drive, operation, lba, count, address }: DiskRequest): number | 'wait' {
    const { memory } = this.#surroundings;
    const medium = this.#surroundings.medium(drive);
    if (medium === undefined) return drive < FIRST_HARD_DISK ? DISK_STATUS.notReady : DISK_STATUS.noMedium;
    // Another medium may have been put in while the first was not done.
    if (lba + count > medium.sectors) return DISK_STATUS.sectorNotFound;
    try {
      if (operation === 'write') return medium.write(lba, memory.read(address, count * SECTOR)) ? DISK_STATUS.ok : 'wait';
      const data = new Uint8Array(count * SECTOR);
      if (!medium.read(lba, count, data)) return 'wait';
      memory.write(address, data);
      return DISK_STATUS.ok;
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      return DISK_STATUS.uncorrectable;
    }
  }
}
