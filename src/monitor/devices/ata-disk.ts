/**
 * The commands of an ATA hard disk.
 *
 * Source: ATA/ATAPI-6 (T13 1410D), ATA8-ACS (T13 1699D) for DATA SET MANAGEMENT. Not there: security, SMART, logs, streaming,
 * overlap and queues, which IDENTIFY DEVICE says.
 */
import {
  addressOf, type AtaDeviceState, chooseTransferMode, COUNT, ERROR, FEATURES, POWER, powerOnDevice, sectorCount, SELECT, showAddress,
} from './ata-device';
import {
  type AtaDrive, AtaFailure, type AtaOutcome, type AtaTask, type AtaTransfer, COMMAND_CYCLES, DMA_SECTORS, mediumTransfer, replyTransfer,
  requestTransfer, SECTOR_BYTES, SECTOR_CYCLES,
} from './ata-drive';
import { defaultGeometry, DISK_ULTRA_MODE, identifyData, LBA28_SECTORS, MAX_MULTIPLE, MAX_TRIM_BLOCKS } from './ata-identify';
import type { BlockBackend } from './device';

/** A command that moves sectors. */
interface DataCommand {
  readonly direction: 'in' | 'out';
  readonly dma?: boolean;
  /** 48-bit address and 16-bit count. */
  readonly wide?: boolean;
  readonly multiple?: boolean;
  readonly through?: boolean;
}

/** READ and WRITE in all their forms, by code (ATA/ATAPI-6, table 11). */
const DATA_COMMANDS: Readonly<Record<number, DataCommand | undefined>> = {
  0x20: { direction: 'in' }, 0x21: { direction: 'in' }, 0x24: { direction: 'in', wide: true },
  0xc4: { direction: 'in', multiple: true }, 0x29: { direction: 'in', wide: true, multiple: true },
  0xc8: { direction: 'in', dma: true }, 0xc9: { direction: 'in', dma: true }, 0x25: { direction: 'in', dma: true, wide: true },
  0x30: { direction: 'out' }, 0x31: { direction: 'out' }, 0x34: { direction: 'out', wide: true },
  // WRITE VERIFY of older disks.
  0x3c: { direction: 'out', through: true },
  0xc5: { direction: 'out', multiple: true }, 0x39: { direction: 'out', wide: true, multiple: true },
  0xce: { direction: 'out', wide: true, multiple: true, through: true },
  0xca: { direction: 'out', dma: true }, 0xcb: { direction: 'out', dma: true }, 0x35: { direction: 'out', dma: true, wide: true },
  0x3d: { direction: 'out', dma: true, wide: true, through: true },
};

const ABORTED = new AtaFailure(ERROR.aborted);
/** Entries of a block of DATA SET MANAGEMENT. */
const RANGES_IN_BLOCK = 64;
const WRITE_BUFFER = 0xe8;

type Handler = (task: AtaTask) => AtaOutcome;

export interface AtaDiskOptions {
  readonly serial: string;
  readonly unit: number;
}

export class AtaDisk implements AtaDrive {
  readonly #disk: BlockBackend;
  readonly #options: AtaDiskOptions;
  readonly #handlers: ReadonlyMap<number, Handler>;

  constructor(disk: BlockBackend, options: AtaDiskOptions) {
    this.#disk = disk;
    this.#options = options;
    this.#handlers = this.#commandTable();
  }

  powerOn(): AtaDeviceState {
    const { sectors } = this.#disk;
    return powerOnDevice({ kind: 'disk', sectors, geometry: defaultGeometry(sectors), cdrom: null });
  }

  medium(): BlockBackend {
    return this.#disk;
  }

  reachable(device: AtaDeviceState): number {
    return device.visibleSectors;
  }

  mediumFailure(_device: AtaDeviceState, lba: number, isBeyond: boolean): AtaFailure {
    return new AtaFailure(isBeyond ? ERROR.idNotFound : ERROR.uncorrectable, lba);
  }

  begin({ device, registers }: AtaTask): number {
    const command = DATA_COMMANDS[registers.command];
    if (command === undefined) return COMMAND_CYCLES;
    const count = sectorCount(device, command.wide === true);
    const lba = addressOf(device, registers.select, command.wide === true);
    if (command.direction === 'in' && lba !== undefined && lba < this.#disk.sectors) {
      this.#disk.prefetch(lba, Math.min(count, this.#disk.sectors - lba));
    }
    return COMMAND_CYCLES + SECTOR_CYCLES * (command.dma === true ? Math.min(count, DMA_SECTORS) : 0);
  }

  execute(task: AtaTask): AtaOutcome {
    const { device, registers: { command } } = task;
    const mayEndNativeMaximum = device.nativeMaximumRead;
    device.nativeMaximumRead = false;
    const data = DATA_COMMANDS[command];
    if (data !== undefined) return this.#beginData(task, data);
    if (command === 0xf9 || command === 0x37) return mayEndNativeMaximum ? this.#setMaximum(task, command === 0x37) : ABORTED;
    const handler = this.#handlers.get(command);
    return handler === undefined ? ABORTED : handler(task);
  }

  accept({ device, registers }: AtaTask, transfer: AtaTransfer): AtaOutcome {
    if (registers.command !== WRITE_BUFFER) return this.#trim(device, transfer);
    device.sectorBuffer = transfer.data.slice();
    return undefined;
  }

  /** All commands without sectors by their code. Others are aborted, as NOP is. */
  #commandTable(): ReadonlyMap<number, Handler> {
    const nothing: Handler = () => undefined;
    const power = (mode: number): Handler => ({ device }) => {
      device.power = mode;
      return undefined;
    };
    // STANDBY and SLEEP put what is cached on the medium first.
    const rest: Handler = (task) => this.#flush() ?? power(POWER.standby)(task);
    const reply = (data: (task: AtaTask) => Uint8Array): Handler => (task) => replyTransfer(data(task), { dma: false, blockBytes: SECTOR_BYTES });
    const checkPower: Handler = ({ device }) => {
      device.recent[COUNT] = device.power;
      return undefined;
    };
    const table = new Map<number, Handler>([
      [0x06, (task) => this.#manageDataSet(task)],
      [0x40, (task) => this.#verify(task, false)], [0x41, (task) => this.#verify(task, false)], [0x42, (task) => this.#verify(task, true)],
      [0x90, nothing],
      [0x91, (task) => this.#initializeParameters(task)],
      [0xc6, ({ device }) => this.#setMultiple(device)],
      [0xe4, reply(({ device }) => device.sectorBuffer.slice())],
      [WRITE_BUFFER, () => requestTransfer('parameters', SECTOR_BYTES)],
      [0xec, reply(({ device }) => this.#identify(device))],
      [0xef, ({ device }) => this.#setFeatures(device)],
      [0xf8, (task) => this.#nativeMaximum(task, false)], [0x27, (task) => this.#nativeMaximum(task, true)],
      [0xe7, () => this.#flush()], [0xea, () => this.#flush()],
      [0xe0, rest], [0xe2, rest], [0xe6, rest], [0xe1, power(POWER.idle)], [0xe3, power(POWER.idle)], [0xe5, checkPower],
      // The same by the codes of older disks.
      [0x94, rest], [0x96, rest], [0x99, rest], [0x95, power(POWER.idle)], [0x97, power(POWER.idle)], [0x98, checkPower],
    ]);
    // RECALIBRATE 10-1F and SEEK 70-7F of older hosts.
    for (let low = 0; low < 16; low++) table.set(0x10 + low, nothing).set(0x70 + low, nothing);
    return table;
  }

  #beginData({ device, registers }: AtaTask, { direction, dma = false, wide = false, multiple = false, through = false }: DataCommand): AtaOutcome {
    if (multiple && device.multiple === 0) return ABORTED;
    if (direction === 'out' && this.#disk.readOnly) return ABORTED;
    const lba = addressOf(device, registers.select, wide);
    if (lba === undefined) return new AtaFailure(ERROR.idNotFound);
    device.power = POWER.active;
    const block = multiple ? device.multiple : 1;
    return mediumTransfer({
      direction, dma, lba, sectors: sectorCount(device, wide), pieceSectors: dma ? DMA_SECTORS : block, blockBytes: block * SECTOR_BYTES,
      through: direction === 'out' && (through || !device.writeCache),
    });
  }

  #flush(): 'wait' | undefined {
    return this.#disk.flush() ? undefined : 'wait';
  }

  #verify({ device, registers }: AtaTask, wide: boolean): AtaOutcome {
    const lba = addressOf(device, registers.select, wide);
    if (lba === undefined) return new AtaFailure(ERROR.idNotFound);
    if (lba + sectorCount(device, wide) <= device.visibleSectors) return undefined;
    return new AtaFailure(ERROR.idNotFound, Math.max(lba, device.visibleSectors));
  }

  /** INITIALIZE DEVICE PARAMETERS: heads and sectors of the translation. */
  #initializeParameters({ device, registers }: AtaTask): AtaOutcome {
    const sectorsPerTrack = device.recent[COUNT];
    if (sectorsPerTrack === 0) return ABORTED;
    const heads = (registers.select & 0x0f) + 1;
    const cylinders = Math.min(Math.floor(this.#disk.sectors / (heads * sectorsPerTrack)), 0xffff);
    device.geometry = { cylinders, heads, sectorsPerTrack };
    return undefined;
  }

  #setMultiple(device: AtaDeviceState): AtaOutcome {
    const count = device.recent[COUNT];
    const powerOfTwo = (count & (count - 1)) === 0;
    if (count > MAX_MULTIPLE || !powerOfTwo) {
      device.multiple = 0;
      return ABORTED;
    }
    device.multiple = count;
    return undefined;
  }

  #identify(device: AtaDeviceState): Uint8Array {
    const { serial, unit } = this.#options;
    const { mode, visibleSectors, geometry, multiple, writeCache, lookAhead } = device;
    return identifyData({ serial, unit, mode, sectors: this.#disk.sectors, visibleSectors, current: geometry, multiple, writeCache, lookAhead });
  }

  /** SET FEATURES: transfer modes, write cache, look-ahead; what concerns 8-bit transfers, ECC lengths and reverting is taken as it comes. */
  #setFeatures(device: AtaDeviceState): AtaOutcome {
    switch (device.recent[FEATURES]) {
      case 0x02: device.writeCache = true; return undefined;
      // What is cached is written before the cache is off.
      case 0x82:
        if (!this.#disk.flush()) return 'wait';
        device.writeCache = false;
        return undefined;
      case 0x03: return chooseTransferMode(device, device.recent[COUNT], DISK_ULTRA_MODE) ? undefined : ABORTED;
      case 0xaa: device.lookAhead = true; return undefined;
      case 0x55: device.lookAhead = false; return undefined;
      case 0x66: case 0xcc: return undefined;
      default: return ABORTED;
    }
  }

  /** READ NATIVE MAX ADDRESS (EXT): the last sector, whatever SET MAX ADDRESS has said. */
  #nativeMaximum({ device, registers }: AtaTask, wide: boolean): AtaOutcome {
    if (!wide && (registers.select & SELECT.lba) === 0) return ABORTED;
    registers.select |= SELECT.lba;
    const last = this.#disk.sectors - 1;
    registers.select = showAddress(device, registers.select, wide ? last : Math.min(last, LBA28_SECTORS - 1));
    device.nativeMaximumRead = true;
    return undefined;
  }

  /** SET MAX ADDRESS (EXT): the last sector from now on, until power-on. Its security subcommands are not there. */
  #setMaximum({ device, registers }: AtaTask, wide: boolean): AtaOutcome {
    if (!wide && device.recent[FEATURES] !== 0) return ABORTED;
    const last = addressOf(device, registers.select | SELECT.lba, wide);
    if (last === undefined || last >= this.#disk.sectors) return new AtaFailure(ERROR.idNotFound);
    device.visibleSectors = last + 1;
    return undefined;
  }

  /** DATA SET MANAGEMENT: TRIM is its one function. */
  #manageDataSet({ device }: AtaTask): AtaOutcome {
    const blocks = (device.previous[COUNT] << 8) | device.recent[COUNT];
    if ((device.recent[FEATURES] & 1) === 0 || blocks === 0 || blocks > MAX_TRIM_BLOCKS || this.#disk.readOnly) return ABORTED;
    return requestTransfer('parameters', blocks * SECTOR_BYTES, { dma: true });
  }

  /** Ranges of 48-bit address and 16-bit count; those with a count of 0 are empty. */
  #trim(device: AtaDeviceState, transfer: AtaTransfer): AtaOutcome {
    const view = new DataView(transfer.data.buffer, transfer.data.byteOffset, transfer.data.byteLength);
    const ranges = (transfer.data.length / SECTOR_BYTES) * RANGES_IN_BLOCK;
    for (; transfer.progress < ranges; transfer.progress++) {
      const at = 8 * transfer.progress;
      const lba = view.getUint32(at, true) + view.getUint16(at + 4, true) * 0x1_0000_0000;
      const count = view.getUint16(at + 6, true);
      if (count === 0) continue;
      if (lba + count > device.visibleSectors) return new AtaFailure(ERROR.idNotFound, lba);
      if (!this.#disk.discard(lba, count)) return 'wait';
    }
    return undefined;
  }
}
