/**
 * An ATA channel with up to two hard disks, PIO only (1F0-1F7/3F6 on line 14, 170-177/376 on line 15).
 *
 * Source: ATA/ATAPI-6 (T13 1410D). Commands and blocks take a fixed virtual time. There is no packet
 * device: the signature after reset is a disk's, and an absent device reads as ATA asks (status 0
 * beside a present device 0, a floating bus without any).
 */
import { allOnes, readByBytes, writeByBytes } from './access';
import type { AtaDeviceState } from './ata-device';
import {
  addressOf, COUNT, FEATURES, IDLE, powerOnDevice, sectorCount, SELECT, setSignature, showAddress, STATUS,
} from './ata-device';
import { identifyData, MAX_MULTIPLE } from './ata-identify';
import type { AccessSize, BlockBackend, Device, DeviceHost, PortRange } from './device';
import { BlockError } from './device';

const SECTOR_BYTES = 512;
/** Cycles from a command to its first effect, and from one data block to the next. */
const COMMAND_CYCLES = 20_000;
const BLOCK_CYCLES = 4_000;
const EVENT = 'ready';

const ERROR = { uncorrectable: 0x40, idNotFound: 0x10, aborted: 0x04 } as const;
const CONTROL = { interruptsOff: 0x02, reset: 0x04, highOrderByte: 0x80 } as const;

/** A data command under way. */
export interface AtaTransfer {
  direction: 'in' | 'out';
  lba: number;
  /** Sectors that are still to be moved, the present block included. */
  sectors: number;
  /** Sectors a block at most. */
  block: number;
}

export interface AtaState {
  /** Device/head register, shared by both devices. */
  select: number;
  control: number;
  /** INTRQ, before nIEN. */
  interrupt: boolean;
  /** Devices 0 and 1; null where there is none. */
  devices: (AtaDeviceState | null)[];
  /** What the pending event is for. */
  pending: 'nothing' | 'command' | 'block' | 'reset';
  command: number;
  transfer: AtaTransfer | null;
  buffer: Uint8Array;
  /** Next byte of the block, and its end; equal when no data is asked for. */
  position: number;
  end: number;
}

export interface AtaOptions {
  readonly name: string;
  /** First of the eight command block ports, and the control port. */
  readonly command: number;
  readonly control: number;
  /** ISA interrupt line. */
  readonly line: number;
  /** Device 0, device 1. */
  readonly disks: readonly (BlockBackend | undefined)[];
}

function powerOnState(disks: readonly (BlockBackend | undefined)[]): AtaState {
  return {
    select: 0, control: 0, interrupt: false,
    devices: [0, 1].map((index) => (disks[index] === undefined ? null : powerOnDevice(disks[index]))),
    pending: 'nothing', command: 0, transfer: null, buffer: new Uint8Array(MAX_MULTIPLE * SECTOR_BYTES),
    position: 0, end: 0,
  };
}

/** A command's refusal: bits of the error register, and the sector that it is about. */
class AtaFailure {
  constructor(
    readonly error: number,
    readonly lba?: number,
  ) {}
}

type Handler = (device: AtaDeviceState, disk: BlockBackend) => AtaFailure | undefined;

export class AtaChannel implements Device {
  readonly name: string;
  readonly ports: readonly PortRange[];
  readonly portWidth: AccessSize = 4;
  state: AtaState;
  readonly #host: DeviceHost;
  readonly #options: AtaOptions;
  readonly #handlers: ReadonlyMap<number, Handler>;

  constructor(host: DeviceHost, options: AtaOptions) {
    this.#host = host;
    this.#options = options;
    this.name = options.name;
    this.ports = [
      { first: options.command, count: 8 },
      { first: options.control, count: 1 },
    ];
    this.state = powerOnState(options.disks);
    this.#handlers = this.#commandTable();
  }

  reset(): void {
    this.#host.cancel(this.name, EVENT);
    this.state = powerOnState(this.#options.disks);
    this.#driveLine();
  }

  readPort(port: number, size: AccessSize): number {
    if (port === this.#options.command) return this.#readData(size);
    return readByBytes(port, size, (byte) => this.#readRegister(byte));
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port === this.#options.command) this.#writeData(size, value);
    else writeByBytes(port, size, value, (byte, data) => this.#writeRegister(byte, data));
  }

  event(): void {
    const { state } = this;
    const { pending } = state;
    state.pending = 'nothing';
    if (pending === 'command') this.#execute();
    else if (pending === 'block') this.#nextBlock();
    else if (pending === 'reset') this.#finishReset();
    this.#driveLine();
  }

  #unit(): number {
    return (this.state.select & SELECT.device1) !== 0 ? 1 : 0;
  }

  #selected(): AtaDeviceState | null {
    return this.state.devices[this.#unit()];
  }

  #isEmpty(): boolean {
    return this.state.devices.every((device) => device === null);
  }

  #driveLine(): void {
    const { state } = this;
    this.#host.setInterruptLine(
      this.#options.line,
      state.interrupt && (state.control & CONTROL.interruptsOff) === 0,
    );
  }

  #schedule(pending: AtaState['pending'], cycles: number): void {
    this.state.pending = pending;
    this.#host.schedule(this.name, EVENT, this.#host.now() + cycles);
  }

  #readRegister(port: number): number {
    const { state } = this;
    if (this.#isEmpty()) return 0xff;
    const device = this.#selected();
    if (device === null) return 0;
    if (port === this.#options.control) return device.status;
    const register = port - this.#options.command;
    if (register === 7) return this.#readStatus(device);
    if (register === 6) return state.select | SELECT.obsolete;
    if (register === 1) return device.error;
    return (state.control & CONTROL.highOrderByte) !== 0 ? device.previous[register] : device.recent[register];
  }

  /** The status register proper; reading it acknowledges the interrupt. */
  #readStatus(device: AtaDeviceState): number {
    this.state.interrupt = false;
    this.#driveLine();
    return device.status;
  }

  #writeRegister(port: number, value: number): void {
    if (port === this.#options.control) {
      this.#writeControl(value);
      return;
    }
    const { state } = this;
    const register = port - this.#options.command;
    const occupied = (this.#selected()?.status ?? 0) & (STATUS.busy | STATUS.request);
    if (occupied !== 0) return;
    state.control &= ~CONTROL.highOrderByte;
    if (register === 7) {
      this.#writeCommand(value);
    } else if (register === 6) {
      state.select = value;
    } else {
      for (const device of state.devices) {
        if (device === null) continue;
        device.previous[register] = device.recent[register];
        device.recent[register] = value;
      }
    }
  }

  #writeControl(value: number): void {
    const { state } = this;
    const wasReset = (state.control & CONTROL.reset) !== 0;
    const isReset = (value & CONTROL.reset) !== 0;
    state.control = value;
    if (isReset && !wasReset) this.#beginReset();
    if (!isReset && wasReset) this.#schedule('reset', COMMAND_CYCLES);
    this.#driveLine();
  }

  #beginReset(): void {
    const { state } = this;
    this.#host.cancel(this.name, EVENT);
    this.#endTransfer();
    state.pending = 'nothing';
    state.interrupt = false;
    for (const device of state.devices) if (device !== null) device.status = STATUS.busy;
  }

  #finishReset(): void {
    this.state.select = 0;
    for (const device of this.state.devices) {
      if (device === null) continue;
      setSignature(device);
      device.multiple = 0;
      device.status = IDLE;
    }
  }

  #writeCommand(command: number): void {
    const { state } = this;
    // EXECUTE DEVICE DIAGNOSTIC is for both devices, whichever is selected; device 0 answers.
    if (command === 0x90) state.select &= ~SELECT.device1;
    const device = this.#selected();
    if (device === null) return;
    state.command = command;
    state.interrupt = false;
    device.status = STATUS.busy;
    device.error = 0;
    this.#schedule('command', COMMAND_CYCLES);
    this.#driveLine();
  }

  #execute(): void {
    const unit = this.#unit();
    const device = this.state.devices[unit];
    const disk = this.#options.disks[unit];
    if (device === null || disk === undefined) return;
    device.status = IDLE;
    this.#guard(device, () => {
      const handler = this.#handlers.get(this.state.command);
      return handler === undefined ? new AtaFailure(ERROR.aborted) : handler(device, disk);
    });
    // A write asks for its first block without an interrupt.
    if (this.state.transfer?.direction !== 'out') this.state.interrupt = true;
  }

  /** Runs a step; a refusal, or a host file that fails, becomes the command's error. */
  #guard(device: AtaDeviceState, step: () => AtaFailure | undefined): void {
    let failure: AtaFailure | undefined;
    try {
      failure = step();
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      failure = new AtaFailure(ERROR.uncorrectable, this.state.transfer?.lba);
    }
    if (failure === undefined) return;
    this.#endTransfer();
    device.error = failure.error;
    device.status = IDLE | STATUS.error;
    if (failure.lba !== undefined) this.state.select = showAddress(device, this.state.select, failure.lba);
  }

  #endTransfer(): void {
    this.state.transfer = null;
    this.state.position = 0;
    this.state.end = 0;
  }

  /** All commands by their code (ATA/ATAPI-6, table 11). Others are aborted. */
  #commandTable(): ReadonlyMap<number, Handler> {
    const nothing: Handler = () => undefined;
    const read = (wide: boolean, multiple: boolean): Handler => (device, disk) =>
      this.#beginTransfer(device, disk, 'in', wide, multiple);
    const write = (wide: boolean, multiple: boolean): Handler => (device, disk) =>
      this.#beginTransfer(device, disk, 'out', wide, multiple);
    const verify = (wide: boolean): Handler => (device, disk) => this.#verify(device, disk, wide);
    const table = new Map<number, Handler>([
      [0x20, read(false, false)], [0x21, read(false, false)], [0x24, read(true, false)],
      [0xc4, read(false, true)], [0x29, read(true, true)],
      [0x30, write(false, false)], [0x31, write(false, false)], [0x34, write(true, false)],
      [0xc5, write(false, true)], [0x39, write(true, true)],
      [0x40, verify(false)], [0x41, verify(false)], [0x42, verify(true)],
      [0x90, () => this.#diagnose()],
      [0x91, (device, disk) => this.#initializeParameters(device, disk)],
      [0xc6, (device) => this.#setMultiple(device)],
      [0xec, (device, disk) => this.#identify(device, disk)],
      [0xef, (device) => this.#setFeatures(device)],
      [0xe5, (device) => this.#checkPower(device)],
      [0xf8, (device, disk) => this.#nativeMaximum(device, disk.sectors, false)],
      [0x27, (device, disk) => this.#nativeMaximum(device, disk.sectors, true)],
      // FLUSH CACHE, FLUSH CACHE EXT, and the power commands STANDBY, IDLE (at once or later), SLEEP.
      ...[0xe7, 0xea, 0xe0, 0xe1, 0xe2, 0xe3, 0xe6].map((code): [number, Handler] => [code, nothing]),
    ]);
    // RECALIBRATE 10-1F and SEEK 70-7F of older hosts.
    for (let low = 0; low < 16; low++) table.set(0x10 + low, nothing).set(0x70 + low, nothing);
    return table;
  }

  #beginTransfer(
    device: AtaDeviceState,
    disk: BlockBackend,
    direction: 'in' | 'out',
    wide: boolean,
    multiple: boolean,
  ): AtaFailure | undefined {
    if (multiple && device.multiple === 0) return new AtaFailure(ERROR.aborted);
    if (direction === 'out' && disk.readOnly) return new AtaFailure(ERROR.aborted);
    const lba = addressOf(device, this.state.select, wide);
    if (lba === undefined) return new AtaFailure(ERROR.idNotFound);
    const block = multiple ? device.multiple : 1;
    this.state.transfer = { direction, lba, sectors: sectorCount(device, wide), block };
    return this.#offerBlock(device, disk, this.state.transfer);
  }

  /** Sets DRQ for the next block: filled from the disk, or to be filled by the host. */
  #offerBlock(device: AtaDeviceState, disk: BlockBackend, transfer: AtaTransfer): AtaFailure | undefined {
    const { state } = this;
    const count = Math.min(transfer.block, transfer.sectors);
    if (transfer.lba + count > disk.sectors) {
      return new AtaFailure(ERROR.idNotFound, Math.max(transfer.lba, disk.sectors));
    }
    if (transfer.direction === 'in') {
      const data = new Uint8Array(count * SECTOR_BYTES);
      disk.read(transfer.lba, count, data);
      state.buffer.set(data);
    }
    state.position = 0;
    state.end = count * SECTOR_BYTES;
    device.status = IDLE | STATUS.request;
    return undefined;
  }

  /** The event after a block: what the host wrote goes to the disk; the next block is offered. */
  #nextBlock(): void {
    const { state } = this;
    const device = this.#selected();
    const disk = this.#options.disks[this.#unit()];
    const { transfer } = state;
    if (device === null || disk === undefined || transfer === null) return;
    device.status = IDLE;
    this.#guard(device, () => {
      if (transfer.direction === 'out') disk.write(transfer.lba, state.buffer.slice(0, state.end));
      this.#advance(transfer);
      if (transfer.sectors > 0) return this.#offerBlock(device, disk, transfer);
      this.#endTransfer();
      return undefined;
    });
    state.interrupt = true;
  }

  #advance(transfer: AtaTransfer): void {
    const count = Math.min(transfer.block, transfer.sectors);
    transfer.lba += count;
    transfer.sectors -= count;
  }

  /** The host has moved the last byte of a block. */
  #finishBlock(device: AtaDeviceState): void {
    const { transfer } = this.state;
    const lastIn = transfer === null || (transfer.direction === 'in' && transfer.sectors <= transfer.block);
    if (lastIn) {
      device.status = IDLE;
      this.#endTransfer();
    } else {
      device.status = STATUS.busy;
      this.#schedule('block', BLOCK_CYCLES);
    }
  }

  #wantsData(direction: 'in' | 'out'): AtaDeviceState | null {
    const device = this.#selected();
    if (device === null || (device.status & STATUS.request) === 0) return null;
    const present = this.state.transfer?.direction ?? 'in';
    return present === direction ? device : null;
  }

  #readData(size: AccessSize): number {
    const { state } = this;
    const device = this.#wantsData('in');
    if (device === null) return allOnes(size);
    const value = readByBytes(state.position, size, (index) => (index < state.end ? state.buffer[index] : 0));
    state.position += size;
    if (state.position >= state.end) this.#finishBlock(device);
    return value;
  }

  #writeData(size: AccessSize, value: number): void {
    const { state } = this;
    const device = this.#wantsData('out');
    if (device === null) return;
    writeByBytes(state.position, size, value, (index, byte) => {
      if (index < state.end) state.buffer[index] = byte;
    });
    state.position += size;
    if (state.position >= state.end) this.#finishBlock(device);
  }

  #verify(device: AtaDeviceState, disk: BlockBackend, wide: boolean): AtaFailure | undefined {
    const lba = addressOf(device, this.state.select, wide);
    if (lba === undefined) return new AtaFailure(ERROR.idNotFound);
    if (lba + sectorCount(device, wide) <= disk.sectors) return undefined;
    return new AtaFailure(ERROR.idNotFound, Math.max(lba, disk.sectors));
  }

  #diagnose(): undefined {
    for (const device of this.state.devices) if (device !== null) setSignature(device);
    return undefined;
  }

  /** INITIALIZE DEVICE PARAMETERS: heads and sectors of the translation. */
  #initializeParameters(device: AtaDeviceState, disk: BlockBackend): AtaFailure | undefined {
    const sectorsPerTrack = device.recent[COUNT];
    if (sectorsPerTrack === 0) return new AtaFailure(ERROR.aborted);
    const heads = (this.state.select & 0x0f) + 1;
    const cylinders = Math.min(Math.floor(disk.sectors / (heads * sectorsPerTrack)), 0xffff);
    device.geometry = { cylinders, heads, sectorsPerTrack };
    return undefined;
  }

  #setMultiple(device: AtaDeviceState): AtaFailure | undefined {
    const count = device.recent[COUNT];
    const powerOfTwo = (count & (count - 1)) === 0;
    if (count > MAX_MULTIPLE || !powerOfTwo) {
      device.multiple = 0;
      return new AtaFailure(ERROR.aborted);
    }
    device.multiple = count;
    return undefined;
  }

  #identify(device: AtaDeviceState, disk: BlockBackend): undefined {
    const { state } = this;
    const serial = `SB-${this.name}-${this.#unit()}`;
    state.buffer.set(identifyData({
      sectors: disk.sectors, serial, current: device.geometry, multiple: device.multiple,
    }));
    state.position = 0;
    state.end = SECTOR_BYTES;
    device.status = IDLE | STATUS.request;
    return undefined;
  }

  /** SET FEATURES: PIO transfer modes, write cache and look-ahead are taken as they come; DMA modes are refused. */
  #setFeatures(device: AtaDeviceState): AtaFailure | undefined {
    const feature = device.recent[FEATURES];
    if (feature === 0x03) return device.recent[COUNT] < 0x10 ? undefined : new AtaFailure(ERROR.aborted);
    const accepted = [0x02, 0x55, 0x66, 0x82, 0xaa, 0xcc];
    return accepted.includes(feature) ? undefined : new AtaFailure(ERROR.aborted);
  }

  /** CHECK POWER MODE: active or idle. */
  #checkPower(device: AtaDeviceState): undefined {
    device.recent[COUNT] = 0xff;
    return undefined;
  }

  /** READ NATIVE MAX ADDRESS (EXT): the last sector. */
  #nativeMaximum(device: AtaDeviceState, sectors: number, wide: boolean): AtaFailure | undefined {
    if (!wide && (this.state.select & SELECT.lba) === 0) return new AtaFailure(ERROR.aborted);
    this.state.select |= SELECT.lba;
    this.state.select = showAddress(device, this.state.select, wide ? sectors - 1 : Math.min(sectors - 1, 0x0fffffff));
    return undefined;
  }
}
