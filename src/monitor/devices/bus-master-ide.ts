/**
 * The bus masters of the PIIX3's IDE function (0:1.1): 16 ports at base address 4, eight for each channel. A channel's drive hands
 * over or takes bytes; they go where the table of physical regions says.
 *
 * Source: PIIX3 data sheet (290550), 2.3 and 3.4; Programming Interface for Bus Master IDE Controller, revision 1.0.
 */
import type { DeviceDescription, FieldDescription, RegisterDescription } from './description';
import type { AccessSize, Device, PortRange } from './device';
import type { DmaMemory } from './dma';
import type { PciSlot } from './pciFunction';
import { RegisterFile } from './registerFile';

/** Base address register of the ports. */
export const BUS_MASTER_BAR = 4;
export const BUS_MASTER_PORTS = 16;
const CHANNEL_PORTS = 8;

const COMMAND = { start: 0x01, toMemory: 0x08 } as const;
const STATUS = { active: 0x01, error: 0x02, interrupt: 0x04, capable: 0x60 } as const;
/** Last region of a table, in an entry's last byte. */
const END_OF_TABLE = 0x80;
const ENTRY_BYTES = 8;
const LARGEST_REGION = 0x10000;

/** A channel's bus master: a running transfer's place in its table. */
export interface BusMasterState {
  /** Address of the next table entry. */
  next: number;
  /** What is left of the present region. */
  address: number;
  left: number;
  /** The present region is the last one. */
  last: boolean;
  /** The drive's interrupt line as it was. */
  line: boolean;
}

export interface BusMasterIdeState {
  /** Registers of both channels, as the description lists them. */
  registers: Uint32Array;
  channels: BusMasterState[];
}

/** What a channel's drive sees of its bus master. */
export interface AtaDmaEngine {
  /** Whether it runs in this direction, seen from memory. */
  isRunning(direction: 'in' | 'out'): boolean;
  /** Moves bytes as far as the table goes; gives how many. */
  toMemory(data: Uint8Array): number;
  fromMemory(target: Uint8Array): number;
  /** The drive's interrupt line, whether or not it has changed. */
  interruptLine(level: boolean): void;
}

const COMMAND_FIELDS: readonly FieldDescription[] = [
  { name: 'SSBM', low: 0, meaning: 'start or stop bus master' },
  { name: 'RWCON', low: 3, meaning: 'direction', values: { 0: 'reads memory', 1: 'writes memory' } },
];
const STATUS_FIELDS: readonly FieldDescription[] = [
  { name: 'BMIDEA', low: 0, meaning: 'bus master active' },
  { name: 'DMAERR', low: 1, meaning: 'error on the PCI bus; cleared by writing one' },
  { name: 'IDEINTS', low: 2, meaning: 'the drive has interrupted; cleared by writing one' },
  { name: 'DMA0CAP', low: 5, meaning: 'software says that drive 0 does DMA' },
  { name: 'DMA1CAP', low: 6, meaning: 'software says that drive 1 does DMA' },
];

function channelRegisters(channel: number): RegisterDescription[] {
  const suffix = channel === 0 ? 'P' : 'S';
  const at = CHANNEL_PORTS * channel;
  return [
    { name: `BMIC${suffix}`, title: 'bus master command', at, bytes: 1, access: 'read-write', writable: COMMAND.start | COMMAND.toMemory, fields: COMMAND_FIELDS },
    { name: `BMIS${suffix}`, title: 'bus master status', at: at + 2, bytes: 1, access: 'special', fields: STATUS_FIELDS },
    { name: `BMIDTP${suffix}`, title: 'descriptor table pointer', at: at + 4, bytes: 4, access: 'read-write', writable: 0xffff_fffc },
  ];
}

const DESCRIPTION: DeviceDescription = {
  title: 'PIIX3 bus master IDE',
  source: 'Intel PIIX3 data sheet (290550), 2.3',
  blocks: [{ name: 'bus masters', space: 'port', base: 0, registers: [...channelRegisters(0), ...channelRegisters(1)] }],
};
const [BLOCK] = DESCRIPTION.blocks;

function powerOnState(): BusMasterIdeState {
  const channel = (): BusMasterState => ({ next: 0, address: 0, left: 0, last: false, line: false });
  return { registers: RegisterFile.initial(BLOCK), channels: [channel(), channel()] };
}

export class BusMasterIde implements Device {
  readonly name = 'ide';
  readonly portWidth: AccessSize = 4;
  readonly description = DESCRIPTION;
  state: BusMasterIdeState = powerOnState();
  readonly #slot: PciSlot;
  readonly #memory: DmaMemory;
  readonly #started: (channel: number) => void;
  readonly #registers: RegisterFile;

  /** `started`: a channel's bus master runs from now on, or may. */
  constructor(slot: PciSlot, memory: DmaMemory, started: (channel: number) => void) {
    this.#slot = slot;
    this.#memory = memory;
    this.#started = started;
    this.#registers = new RegisterFile(BLOCK, () => this.state.registers, {
      written: (name, value, written, before) => this.#written(name, value, written, before),
    });
  }

  /** Present ports: none while base address 4 is not decoded. */
  get ports(): readonly PortRange[] {
    const first = this.#slot.base(BUS_MASTER_BAR);
    return first === undefined ? [] : [{ first, count: BUS_MASTER_PORTS }];
  }

  reset(): void {
    this.state = powerOnState();
  }

  readPort(port: number, size: AccessSize): number {
    return this.#registers.read(port & (BUS_MASTER_PORTS - 1), size);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.#registers.write(port & (BUS_MASTER_PORTS - 1), size, value);
  }

  peek(block: string, register: string): number | undefined {
    return block === BLOCK.name && BLOCK.registers.some(({ name }) => name === register) ? this.#registers.value(register) : undefined;
  }

  /** The function's command register has changed: mastering may have been allowed. */
  commandChanged(): void {
    for (const channel of [0, 1]) this.#started(channel);
  }

  /** The bus master of channel 0 or 1. */
  engine(channel: number): AtaDmaEngine {
    return {
      isRunning: (direction) => this.#isRunning(channel, direction),
      toMemory: (data) => this.#move(channel, data, (address, part) => this.#memory.write(address, part)),
      fromMemory: (target) => this.#move(channel, target, (address, part) => this.#memory.read(address, part)),
      interruptLine: (level) => this.#interruptLine(channel, level),
    };
  }

  #name(register: 'BMIC' | 'BMIS' | 'BMIDTP', channel: number): string {
    return register + (channel === 0 ? 'P' : 'S');
  }

  #isRunning(channel: number, direction: 'in' | 'out'): boolean {
    const active = (this.#registers.value(this.#name('BMIS', channel)) & STATUS.active) !== 0;
    const toMemory = (this.#registers.value(this.#name('BMIC', channel)) & COMMAND.toMemory) !== 0;
    return active && toMemory === (direction === 'in') && this.#slot.isBusMaster();
  }

  #setStatus(channel: number, clear: number, set: number): void {
    const name = this.#name('BMIS', channel);
    this.#registers.set(name, (this.#registers.value(name) & ~clear) | set);
  }

  #written(name: string, value: number, written: number, before: number): void {
    const channel = name.endsWith('S') ? 1 : 0;
    if (name.startsWith('BMIS')) {
      const cleared = written & (STATUS.error | STATUS.interrupt);
      this.#registers.set(name, (before & ~cleared & ~STATUS.capable) | (written & STATUS.capable));
    } else if (name.startsWith('BMIC')) {
      if ((value & COMMAND.start) === 0) this.#setStatus(channel, STATUS.active, 0);
      else if ((before & COMMAND.start) === 0) this.#start(channel);
    }
  }

  #start(channel: number): void {
    const next = this.#registers.value(this.#name('BMIDTP', channel));
    Object.assign(this.state.channels[channel], { next, address: 0, left: 0, last: false });
    this.#setStatus(channel, 0, STATUS.active);
    this.#started(channel);
  }

  /** Region by region. What is behind the last one does not go, and the bus master is not active any more when that one is full. */
  #move(channel: number, bytes: Uint8Array, transfer: (address: number, part: Uint8Array) => void): number {
    const state = this.state.channels[channel];
    let done = 0;
    while (done < bytes.length && (state.left > 0 || !state.last)) {
      if (state.left === 0) this.#fetchRegion(state);
      const count = Math.min(state.left, bytes.length - done);
      transfer(state.address, bytes.subarray(done, done + count));
      state.address += count;
      state.left -= count;
      done += count;
    }
    if (state.left === 0 && state.last) this.#setStatus(channel, STATUS.active, 0);
    return done;
  }

  /** An entry: address, count (0 stands for 64 KiB), and whether it is the last; both even. */
  #fetchRegion(state: BusMasterState): void {
    const entry = new Uint8Array(ENTRY_BYTES);
    this.#memory.read(state.next, entry);
    const view = new DataView(entry.buffer);
    state.next = (state.next + ENTRY_BYTES) % 0x1_0000_0000;
    state.address = (view.getUint32(0, true) & ~1) >>> 0;
    state.left = (view.getUint16(4, true) & ~1) || LARGEST_REGION;
    state.last = (entry[7] & END_OF_TABLE) !== 0;
  }

  #interruptLine(channel: number, level: boolean): void {
    const state = this.state.channels[channel];
    if (level && !state.line) this.#setStatus(channel, 0, STATUS.interrupt);
    state.line = level;
  }
}
