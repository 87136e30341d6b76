/**
 * An ATA channel with up to two drives (1F0-1F7/3F6 on line 14, 170-177/376 on line 15): registers, reset, interrupt, and the data
 * that commands move, by PIO or by the channel's bus master. What commands mean is the drives' (ata-disk.ts, atapi.ts).
 *
 * Source: ATA/ATAPI-6 (T13 1410D). Commands and data take a fixed virtual time; a medium that is not done lets virtual time stand.
 * An absent device reads as ATA asks (status 0 beside a present device 0, a floating bus without any).
 */
import { allOnes, readByBytes, writeByBytes } from './access';
import { type AtaDeviceState, COUNT, IDLE, MIDDLE, SELECT, setSignature, showAddress, showReset, STATUS } from './ata-device';
import { type AtaDrive, AtaFailure, type AtaOutcome, type AtaTask, type AtaTransfer, BLOCK_CYCLES, COMMAND_CYCLES, SECTOR_BYTES, SECTOR_CYCLES } from './ata-drive';
import { channelDescription, READ_NAMES } from './ata-registers';
import type { AtaDmaEngine } from './bus-master-ide';
import { changeDisc } from './cdrom-state';
import type { DeviceDescription } from './description';
import type { AccessSize, BlockBackend, Device, DeviceHost, EventAnswer, PortRange } from './device';
import { BlockError } from './device';

/** What a channel without a device reads: a resistor pulls DD7 down, so that nobody waits for BSY. */
const FLOATING_BUS = 0x7f;
const EVENT = 'ready';
const CONTROL = { interruptsOff: 0x02, reset: 0x04, highOrderByte: 0x80 } as const;
const EXECUTE_DIAGNOSTICS = 0x90;
const DEVICE_RESET = 0x08;
/** Interrupt reason of a packet device, in the sector count register: C/D and I/O. */
const REASON = { packet: 0x01, toHost: 0x02, fromHost: 0x00, status: 0x03 } as const;

export interface AtaState {
  /** Device/head register, shared by both devices. */
  select: number;
  control: number;
  /** INTRQ, before nIEN. */
  interrupt: boolean;
  /** Devices 0 and 1; null where there is none. */
  devices: (AtaDeviceState | null)[];
  /** What the pending event is for. */
  pending: 'nothing' | 'command' | 'packet' | 'data' | 'reset';
  command: number;
  transfer: AtaTransfer | null;
}

export interface AtaOptions {
  readonly name: string;
  /** First of the eight command block ports, and the control port. */
  readonly command: number;
  readonly control: number;
  /** ISA interrupt line. */
  readonly line: number;
  /** Device 0, device 1. */
  readonly drives: readonly (AtaDrive | undefined)[];
  /** The channel's bus master; without it DMA commands wait for ever, as on a channel that has none. */
  readonly dma?: AtaDmaEngine;
}

/** `before`: devices that have been in use, whose discs stay where they are. */
function powerOnState(drives: AtaOptions['drives'], before: AtaState['devices'] = []): AtaState {
  const devices = [0, 1].map((unit) => drives[unit]?.powerOn(before[unit]?.cdrom?.image) ?? null);
  return { select: 0, control: 0, interrupt: false, devices, pending: 'nothing', command: 0, transfer: null };
}

/** The selected device, and what drives it. */
interface Selected extends AtaTask {
  readonly drive: AtaDrive;
}

export class AtaChannel implements Device {
  readonly name: string;
  readonly ports: readonly PortRange[];
  readonly portWidth: AccessSize = 4;
  readonly description: DeviceDescription;
  state: AtaState;
  readonly #host: DeviceHost;
  readonly #options: AtaOptions;

  constructor(host: DeviceHost, options: AtaOptions) {
    this.#host = host;
    this.#options = options;
    this.name = options.name;
    this.ports = [
      { first: options.command, count: 8 },
      { first: options.control, count: 1 },
    ];
    this.state = powerOnState(options.drives);
    const [error, status] = [options.command + 1, options.control].map((port) => this.#readRegister(port, false));
    this.description = channelDescription(options.command, options.control, { status, error });
  }

  /** Power-on, but for the discs in the drives, which nobody takes out by a reset. */
  reset(): void {
    this.#host.cancel(this.name, EVENT);
    this.state = powerOnState(this.#options.drives, this.state.devices);
    this.#driveLine();
  }

  readPort(port: number, size: AccessSize): number {
    if (port === this.#options.command) return this.#readData(size);
    return readByBytes(port, size, (byte) => this.#readRegister(byte, true));
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port === this.#options.command) this.#writeData(size, value);
    else writeByBytes(port, size, value, (byte, data) => this.#writeRegister(byte, data));
  }

  peek(block: string, register: string): number | undefined {
    const { command, control } = this.#options;
    if (block === 'control block') return register === 'ASTATUS' ? this.#readRegister(control, false) : this.state.control;
    const offset = READ_NAMES.indexOf(register);
    if (offset > 0) return this.#readRegister(command + offset, false);
    if (register === 'COMMAND') return this.state.command;
    if (register === 'FEATURES') return this.#selected()?.device.recent[1];
    return undefined;
  }

  event(): EventAnswer {
    const { pending } = this.state;
    const answer = this.#handle(pending);
    // What could not be done is still to be done.
    if (answer === 'wait') this.state.pending = this.state.transfer === null || this.state.transfer.purpose === 'packet' ? pending : 'data';
    this.#driveLine();
    return answer;
  }

  /** The channel's bus master has been started, or may run from now on. */
  dmaStarted(): void {
    const { transfer, pending } = this.state;
    if (transfer?.dma === true && pending === 'nothing' && this.#options.dma?.isRunning(transfer.direction) === true) this.#schedule('data', BLOCK_CYCLES);
  }

  /** The discs are in the drives that were there at first. */
  restoreDiscs(): void {
    this.state = powerOnState(this.#options.drives);
  }

  /** Another disc in a device's drive, or none. False when that device is no CD-ROM drive. */
  changeDisc(unit: number, image: string | null): boolean {
    const cdrom = this.state.devices[unit]?.cdrom ?? null;
    if (cdrom !== null) changeDisc(cdrom, image);
    return cdrom !== null;
  }

  /** What a device's drive reads now, if it is a CD-ROM drive. */
  disc(unit: number): BlockBackend | undefined {
    const device = this.state.devices[unit];
    return device === null || device.cdrom === null ? undefined : this.#options.drives[unit]?.medium(device);
  }

  #unit(): number {
    return (this.state.select & SELECT.device1) !== 0 ? 1 : 0;
  }

  #selected(): Selected | undefined {
    const unit = this.#unit();
    const device = this.state.devices[unit];
    const drive = this.#options.drives[unit];
    return device === null || drive === undefined ? undefined : { device, drive, registers: this.state };
  }

  #isEmpty(): boolean {
    return this.state.devices.every((device) => device === null);
  }

  #driveLine(): void {
    const { state } = this;
    const level = state.interrupt && (state.control & CONTROL.interruptsOff) === 0;
    this.#options.dma?.interruptLine(level);
    this.#host.setInterruptLine(this.#options.line, level);
  }

  #schedule(pending: AtaState['pending'], cycles: number): void {
    this.state.pending = pending;
    this.#host.schedule(this.name, EVENT, this.#host.now() + cycles);
  }

  /** `acknowledges`: reading the status takes the interrupt back. */
  #readRegister(port: number, acknowledges: boolean): number {
    const { state } = this;
    if (this.#isEmpty()) return FLOATING_BUS;
    const device = state.devices[this.#unit()];
    if (device === null) return 0;
    if (port === this.#options.control) return device.status;
    const register = port - this.#options.command;
    if (register === 7) {
      if (acknowledges) this.#takeInterruptBack();
      return device.status;
    }
    if (register === 6) return state.select | SELECT.obsolete;
    if (register === 1) return device.error;
    return (state.control & CONTROL.highOrderByte) !== 0 ? device.previous[register] : device.recent[register];
  }

  #takeInterruptBack(): void {
    this.state.interrupt = false;
    this.#driveLine();
  }

  #writeRegister(port: number, value: number): void {
    if (port === this.#options.control) {
      this.#writeControl(value);
      return;
    }
    const { state } = this;
    const register = port - this.#options.command;
    const selected = this.#selected();
    const occupied = (selected?.device.status ?? 0) & (STATUS.busy | STATUS.request);
    // DEVICE RESET is the one command that a packet device takes at any time.
    if (occupied !== 0 && !(register === 7 && value === DEVICE_RESET && selected?.device.kind === 'packet')) return;
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
    this.#abandon();
    state.interrupt = false;
    for (const device of state.devices) if (device !== null) device.status = STATUS.busy;
  }

  /** What is under way ends here, without a word. */
  #abandon(): void {
    this.#host.cancel(this.name, EVENT);
    this.state.transfer = null;
    this.state.pending = 'nothing';
  }

  #finishReset(): void {
    this.state.select = 0;
    for (const device of this.state.devices) {
      if (device === null) continue;
      showReset(device);
      device.multiple = 0;
    }
  }

  #writeCommand(command: number): void {
    const { state } = this;
    // EXECUTE DEVICE DIAGNOSTIC is for both devices, whichever is selected; device 0 answers.
    if (command === EXECUTE_DIAGNOSTICS) state.select &= ~SELECT.device1;
    const selected = this.#selected();
    if (selected === undefined) return;
    this.#abandon();
    state.command = command;
    state.interrupt = false;
    selected.device.status = STATUS.busy;
    selected.device.error = 0;
    this.#schedule('command', selected.drive.begin(selected));
    this.#driveLine();
  }

  #handle(pending: AtaState['pending']): EventAnswer {
    this.state.pending = 'nothing';
    if (pending === 'reset') {
      this.#finishReset();
      return undefined;
    }
    const selected = this.#selected();
    if (selected === undefined) return undefined;
    return this.#guard(selected, () => {
      if (pending === 'command') return this.#execute(selected);
      if (pending === 'packet') return this.#settle(selected, this.#executePacket(selected));
      const { transfer } = this.state;
      if (transfer === null) return undefined;
      return transfer.direction === 'in' ? this.#moveIn(selected, transfer) : this.#moveOut(selected, transfer, false);
    });
  }

  /** Runs a step; a host file that fails becomes the command's error. */
  #guard(selected: Selected, step: () => EventAnswer): EventAnswer {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#fail(selected, selected.drive.mediumFailure(selected.device, this.state.transfer?.lba ?? 0, false));
      return undefined;
    }
  }

  #execute(selected: Selected): EventAnswer {
    const { command } = this.state;
    if (command === EXECUTE_DIAGNOSTICS) {
      for (const device of this.state.devices) if (device !== null) showReset(device);
      this.state.interrupt = true;
      return undefined;
    }
    if (command === DEVICE_RESET && selected.device.kind === 'packet') {
      // No interrupt.
      showReset(selected.device);
      return undefined;
    }
    return this.#settle(selected, selected.drive.execute(selected));
  }

  #executePacket(selected: Selected): AtaOutcome {
    return selected.drive.executePacket?.(selected, this.state.transfer?.data ?? new Uint8Array(0));
  }

  /** What a command has come to. */
  #settle(selected: Selected, outcome: AtaOutcome): EventAnswer {
    if (outcome === 'wait') return 'wait';
    if (outcome === undefined) this.#complete(selected.device);
    else if (outcome instanceof AtaFailure) this.#fail(selected, outcome);
    else {
      this.state.transfer = outcome;
      return outcome.direction === 'in' ? this.#moveIn(selected, outcome) : this.#moveOut(selected, outcome, true);
    }
    return undefined;
  }

  #complete(device: AtaDeviceState): void {
    this.state.transfer = null;
    device.status = IDLE;
    if (device.kind === 'packet') device.recent[COUNT] = REASON.status;
    this.state.interrupt = true;
  }

  #fail({ device }: Selected, { error, lba, signature }: AtaFailure): void {
    this.#complete(device);
    device.error = error;
    device.status = IDLE | STATUS.error;
    if (lba !== undefined) this.state.select = showAddress(device, this.state.select, lba);
    if (signature) setSignature(device);
  }

  /** Data for the host: a piece is read when there is none; DMA takes it, PIO is offered its next block. */
  #moveIn(selected: Selected, transfer: AtaTransfer): EventAnswer {
    const { device } = selected;
    if (transfer.position === transfer.data.length) {
      dropPiece(transfer);
      if (transfer.sectors === 0) {
        this.#complete(device);
        return undefined;
      }
      const read = this.#readPiece(selected, transfer);
      if (read !== 'done') return read;
    }
    if (!transfer.dma) {
      this.#offerBlock(device, transfer, REASON.toHost);
      this.state.interrupt = true;
    } else if (this.#moveByDma(device, transfer)) {
      dropPiece(transfer);
      if (transfer.sectors === 0) this.#complete(device);
      else this.#scheduleNext(device, transfer);
    }
    return undefined;
  }

  /** Data from the host. `first`: nothing has been asked for yet. */
  #moveOut(selected: Selected, transfer: AtaTransfer, first: boolean): EventAnswer {
    const { device } = selected;
    if (transfer.purpose === 'medium' && transfer.data.length === 0) {
      if (transfer.sectors === 0) return this.#finishWrite(selected, transfer);
      const count = Math.min(transfer.pieceSectors, transfer.sectors);
      if (this.#mediumFor(selected, transfer, count) === undefined) return undefined;
      transfer.data = new Uint8Array(count * SECTOR_BYTES);
    }
    if (transfer.position < transfer.data.length) {
      if (!transfer.dma) {
        this.#offerBlock(device, transfer, transfer.purpose === 'packet' ? REASON.packet : REASON.fromHost);
        // A disk's first block, and a packet, are asked for without an interrupt.
        this.state.interrupt = transfer.purpose !== 'packet' && !(first && device.kind === 'disk');
        return undefined;
      }
      if (!this.#moveByDma(device, transfer)) return undefined;
    }
    return this.#takePiece(selected, transfer);
  }

  /** A piece has come whole. */
  #takePiece(selected: Selected, transfer: AtaTransfer): EventAnswer {
    const { device, drive } = selected;
    if (transfer.purpose === 'packet') {
      device.status = STATUS.busy;
      this.#schedule('packet', drive.beginPacket?.(selected, transfer.data) ?? COMMAND_CYCLES);
      return undefined;
    }
    if (transfer.purpose === 'parameters') return this.#settle(selected, drive.accept?.(selected, transfer));
    const medium = this.#mediumFor(selected, transfer, transfer.data.length / SECTOR_BYTES);
    if (medium === undefined) return undefined;
    if (!medium.write(transfer.lba, transfer.data)) return 'wait';
    dropPiece(transfer);
    if (transfer.sectors === 0) return this.#finishWrite(selected, transfer);
    if (!transfer.dma) return this.#moveOut(selected, transfer, false);
    this.#scheduleNext(device, transfer);
    return undefined;
  }

  #finishWrite({ device, drive }: Selected, { through }: AtaTransfer): EventAnswer {
    if (through && drive.medium(device)?.flush() === false) return 'wait';
    this.#complete(device);
    return undefined;
  }

  /** The next piece of a DMA transfer takes its time. */
  #scheduleNext(device: AtaDeviceState, { sectors, pieceSectors }: AtaTransfer): void {
    device.status = STATUS.busy;
    this.#schedule('data', SECTOR_CYCLES * Math.min(sectors, pieceSectors));
  }

  #readPiece(selected: Selected, transfer: AtaTransfer): 'done' | EventAnswer {
    const count = Math.min(transfer.pieceSectors, transfer.sectors);
    const medium = this.#mediumFor(selected, transfer, count);
    if (medium === undefined) return undefined;
    const data = new Uint8Array(count * SECTOR_BYTES);
    if (!medium.read(transfer.lba, count, data)) return 'wait';
    transfer.data = data;
    return 'done';
  }

  /** The medium, if it is there and has these sectors; otherwise the command fails. */
  #mediumFor(selected: Selected, { lba }: AtaTransfer, count: number): BlockBackend | undefined {
    const { device, drive } = selected;
    const medium = drive.medium(device);
    const reachable = drive.reachable(device);
    if (medium !== undefined && lba + count <= reachable) return medium;
    const isBeyond = medium !== undefined;
    this.#fail(selected, drive.mediumFailure(device, isBeyond ? Math.max(lba, reachable) : lba, isBeyond));
    return undefined;
  }

  /** Whether the rest of the piece has gone: the bus master may not run, or its table may be too short. Then the drive waits for it. */
  #moveByDma(device: AtaDeviceState, transfer: AtaTransfer): boolean {
    const { dma } = this.#options;
    if (dma?.isRunning(transfer.direction) === true) {
      const rest = transfer.data.subarray(transfer.position);
      transfer.position += transfer.direction === 'in' ? dma.toMemory(rest) : dma.fromMemory(rest);
    }
    device.status = IDLE | STATUS.request;
    return transfer.position === transfer.data.length;
  }

  /** Sets DRQ for the next block by PIO. */
  #offerBlock(device: AtaDeviceState, transfer: AtaTransfer, reason: number): void {
    transfer.end = Math.min(transfer.position + transfer.blockBytes, transfer.data.length);
    device.status = IDLE | STATUS.request;
    if (device.kind !== 'packet') return;
    device.recent[COUNT] = reason;
    if (reason === REASON.packet) return;
    const bytes = transfer.end - transfer.position;
    device.recent.set([bytes & 0xff, bytes >> 8], MIDDLE);
  }

  /** The host has moved the last byte of a block. */
  #finishBlock(device: AtaDeviceState, transfer: AtaTransfer): void {
    const lastIn = transfer.direction === 'in' && transfer.position === transfer.data.length
      && transfer.sectors * SECTOR_BYTES <= transfer.data.length;
    if (lastIn && device.kind === 'disk') {
      device.status = IDLE;
      this.state.transfer = null;
    } else {
      device.status = STATUS.busy;
      this.#schedule('data', BLOCK_CYCLES);
    }
  }

  /** The transfer that the data port is for now. */
  #atDataPort(direction: 'in' | 'out'): { device: AtaDeviceState; transfer: AtaTransfer } | undefined {
    const { transfer, devices } = this.state;
    const device = devices[this.#unit()];
    if (device === null || (device.status & STATUS.request) === 0 || transfer === null) return undefined;
    return transfer.dma || transfer.direction !== direction ? undefined : { device, transfer };
  }

  #readData(size: AccessSize): number {
    const target = this.#atDataPort('in');
    if (target === undefined) return allOnes(size);
    const { device, transfer } = target;
    const { data, position, end } = transfer;
    const value = readByBytes(position, size, (index) => (index < end ? data[index] : 0));
    transfer.position = Math.min(position + size, end);
    if (transfer.position === end) this.#finishBlock(device, transfer);
    return value;
  }

  #writeData(size: AccessSize, value: number): void {
    const target = this.#atDataPort('out');
    if (target === undefined) return;
    const { device, transfer } = target;
    const { data, position, end } = transfer;
    writeByBytes(position, size, value, (index, byte) => {
      if (index < end) data[index] = byte;
    });
    transfer.position = Math.min(position + size, end);
    if (transfer.position === end) this.#finishBlock(device, transfer);
  }
}

/** A piece is done with. */
function dropPiece(transfer: AtaTransfer): void {
  if (transfer.purpose === 'medium') {
    const moved = transfer.data.length / SECTOR_BYTES;
    transfer.lba += moved;
    transfer.sectors -= moved;
  }
  transfer.data = new Uint8Array(0);
  transfer.position = 0;
}
