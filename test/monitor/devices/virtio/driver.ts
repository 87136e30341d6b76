/** A driver for virtio device tests: finds the structures by configuration space, negotiates, and keeps split virtqueues in a memory of its own. */
import assert from 'node:assert/strict';
import type { AccessSize } from '../../../../src/monitor/devices/device';
import type { DmaMemory } from '../../../../src/monitor/devices/dma';
import { PciBus } from '../../../../src/monitor/devices/pci';
import type { VirtioDevice, VirtioSurroundings } from '../../../../src/monitor/devices/virtio/transport';
import { FakeHost } from '../fake-host';

export const MEMORY_BYTES = 1 << 20;
export const SLOT = 4;
const BAR = 0xfe00_0000;
/** Feature bits that every driver of a modern device takes. */
export const COMMON = { indirect: 28, eventIndex: 29, version1: 32 } as const;
export const STATUS = { acknowledge: 1, driver: 2, driverOk: 4, featuresOk: 8, needsReset: 0x40 } as const;

/** Guest memory: what is beyond its end reads FF, as the machine's does. */
export class Memory implements DmaMemory {
  readonly bytes = new Uint8Array(MEMORY_BYTES);
  readonly view = new DataView(this.bytes.buffer);

  readByte(address: number): number {
    return this.bytes[address] ?? 0xff;
  }

  writeByte(address: number, value: number): void {
    if (address < MEMORY_BYTES) this.bytes[address] = value;
  }

  read(address: number, target: Uint8Array): void {
    target.fill(0xff);
    if (address < MEMORY_BYTES) target.set(this.bytes.subarray(address, Math.min(MEMORY_BYTES, address + target.length)));
  }

  write(address: number, source: Uint8Array): void {
    if (address < MEMORY_BYTES) this.bytes.set(source.subarray(0, MEMORY_BYTES - address), address);
  }
}

/** A piece of a chain: bytes for the device to read, or room for it to write. */
export type Piece = Uint8Array | number;

export interface Used {
  readonly head: number;
  readonly written: number;
}

/** One queue as the driver keeps it: 64 KiB of memory for its rings, and for buffers behind them. */
export class DriverQueue {
  /** Where the areas are. */
  readonly descriptors: number;
  readonly available: number;
  readonly usedRing: number;
  private nextDescriptor = 0;
  private buffers: number;
  private seen = 0;
  index = 0;

  constructor(private readonly memory: Memory, readonly number: number, readonly size: number) {
    this.descriptors = 0x1_0000 * (number + 1);
    this.available = this.descriptors + 16 * size;
    this.usedRing = (this.available + 6 + 2 * size + 3) & ~3;
    this.buffers = this.descriptors + 0x4000;
  }

  descriptor(at: number, address: number, bytes: number, flags: number, next: number): void {
    const { view } = this.memory;
    view.setUint32(at, address % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
    view.setUint32(at + 8, bytes, true);
    view.setUint16(at + 12, flags, true);
    view.setUint16(at + 14, next, true);
  }

  /** Room for a piece, filled: its address. */
  place(piece: Piece): number {
    const address = this.buffers;
    const bytes = typeof piece === 'number' ? piece : piece.length;
    this.buffers += (bytes + 15) & ~15;
    if (typeof piece !== 'number') this.memory.bytes.set(piece, address);
    return address;
  }

  /** Makes a chain available; gives its head, and where its pieces are. */
  offer(pieces: readonly Piece[]): { readonly head: number; readonly at: readonly number[] } {
    const head = this.nextDescriptor;
    const at = pieces.map((piece) => this.place(piece));
    pieces.forEach((piece, index) => {
      const number = (head + index) % this.size;
      const flags = (typeof piece === 'number' ? 2 : 0) | (index + 1 < pieces.length ? 1 : 0);
      this.descriptor(this.descriptors + 16 * number, at[index], typeof piece === 'number' ? piece : piece.length, flags, (number + 1) % this.size);
    });
    this.nextDescriptor = (head + pieces.length) % this.size;
    this.announce(head);
    return { head, at };
  }

  /** Puts a head into the available ring. */
  announce(head: number): void {
    const { view } = this.memory;
    view.setUint16(this.available + 4 + 2 * (this.index % this.size), head, true);
    this.index = (this.index + 1) & 0xffff;
    view.setUint16(this.available + 2, this.index, true);
  }

  /** What the device has given back since this was last asked. */
  used(): Used[] {
    const { view } = this.memory;
    const found: Used[] = [];
    for (; this.seen !== view.getUint16(this.usedRing + 2, true); this.seen = (this.seen + 1) & 0xffff) {
      const at = this.usedRing + 4 + 8 * (this.seen % this.size);
      found.push({ head: view.getUint32(at, true), written: view.getUint32(at + 4, true) });
    }
    return found;
  }
}

interface Structure {
  readonly offset: number;
  readonly length: number;
}

export class Driver<Device extends VirtioDevice<object>> {
  readonly host = new FakeHost();
  readonly memory = new Memory();
  readonly interrupts: boolean[] = [];
  readonly pci: PciBus;
  readonly device: Device;
  readonly structures: ReadonlyMap<number, Structure>;
  /** Offset of the window's capability, and what a queue's notification is multiplied by. */
  window = 0;
  multiplier = 0;
  /** Whether the interrupt pin is asserted. */
  asserted = false;
  readonly queues: DriverQueue[] = [];

  constructor(create: (surroundings: VirtioSurroundings) => Device) {
    this.pci = new PciBus(this.host, { setInterrupt: (_slot, _pin, asserted) => { this.asserted = asserted; } });
    this.device = this.host.attach(create({ host: this.host, memory: this.memory, pci: this.pci }));
    this.pci.reset();
    this.device.reset();
    this.structures = this.#findStructures();
    this.configWrite(0x10 + 4 * 4, 4, BAR);
    this.configWrite(0x04, 2, 0x06);
  }

  configRead(register: number, size: AccessSize): number {
    this.pci.writePort(0xcf8, 4, (0x8000_0000 | (SLOT << 11) | (register & 0xfc)) >>> 0);
    return this.pci.readPort(0xcfc + (register & 3), size);
  }

  configWrite(register: number, size: AccessSize, value: number): void {
    this.pci.writePort(0xcf8, 4, (0x8000_0000 | (SLOT << 11) | (register & 0xfc)) >>> 0);
    this.pci.writePort(0xcfc + (register & 3), size, value);
  }

  /** Reads the list of capabilities as a driver does (4.1.4). */
  #findStructures(): ReadonlyMap<number, Structure> {
    const found = new Map<number, Structure>();
    for (let at = this.configRead(0x34, 1); at !== 0; at = this.configRead(at + 1, 1)) {
      assert.equal(this.configRead(at, 1), 9);
      const type = this.configRead(at + 3, 1);
      found.set(type, { offset: this.configRead(at + 8, 4), length: this.configRead(at + 12, 4) });
      if (type === 2) this.multiplier = this.configRead(at + 16, 4);
      if (type === 5) this.window = at;
      else assert.equal(this.configRead(at + 4, 1), 4);
    }
    return found;
  }

  #address(type: number, at: number): number {
    return BAR + (this.structures.get(type)?.offset ?? Number.NaN) + at;
  }

  common(at: number, size: AccessSize): number {
    return this.device.readMemory(this.#address(1, at), size);
  }

  setCommon(at: number, size: AccessSize, value: number): void {
    this.device.writeMemory(this.#address(1, at), size, value);
  }

  /** Reads the ISR status, which takes the interrupt back. */
  isr(): number {
    return this.device.readMemory(this.#address(3, 0), 1);
  }

  config(at: number, size: AccessSize): number {
    return this.device.readMemory(this.#address(4, at), size);
  }

  setConfig(at: number, size: AccessSize, value: number): void {
    this.device.writeMemory(this.#address(4, at), size, value);
  }

  get status(): number {
    return this.common(20, 1);
  }

  set status(value: number) {
    this.setCommon(20, 1, value);
  }

  offered(): Set<number> {
    const bits = new Set<number>();
    for (const word of [0, 1]) {
      this.setCommon(0, 4, word);
      const value = this.common(4, 4);
      for (let bit = 0; bit < 32; bit++) if (((value >>> bit) & 1) !== 0) bits.add(32 * word + bit);
    }
    return bits;
  }

  /** Takes features and asks whether the device goes along. */
  take(features: readonly number[]): boolean {
    for (const word of [0, 1]) {
      this.setCommon(8, 4, word);
      this.setCommon(12, 4, features.reduce((sum, bit) => (bit >> 5 === word ? (sum | (1 << (bit & 31))) >>> 0 : sum), 0));
    }
    this.status = this.status | STATUS.featuresOk;
    return (this.status & STATUS.featuresOk) !== 0;
  }

  enable(number: number, size: number): DriverQueue {
    const queue = new DriverQueue(this.memory, number, size);
    this.setCommon(22, 2, number);
    this.setCommon(24, 2, size);
    [queue.descriptors, queue.available, queue.usedRing].forEach((address, area) => {
      this.setCommon(32 + 8 * area, 4, address);
      this.setCommon(36 + 8 * area, 4, 0);
    });
    this.setCommon(28, 2, 1);
    this.queues[number] = queue;
    return queue;
  }

  /** The whole of 3.1.1: reset, acknowledge, features, queues, ready. */
  start(features: readonly number[], sizes: readonly number[]): void {
    this.status = 0;
    this.status = STATUS.acknowledge;
    this.status = STATUS.acknowledge | STATUS.driver;
    assert.ok(this.take([COMMON.version1, ...features]));
    sizes.forEach((size, number) => { this.enable(number, size); });
    this.status = this.status | STATUS.driverOk;
  }

  kick(queue: number): void {
    this.device.writeMemory(this.#address(2, this.multiplier * queue), 2, queue);
  }

  /** Offers a chain, notifies, waits a while, and gives what came back of it. */
  request(queue: number, pieces: readonly Piece[], cycles = 1_000_000): { readonly used: readonly Used[]; readonly at: readonly number[] } {
    const { at } = this.queues[queue].offer(pieces);
    this.kick(queue);
    this.host.advance(cycles);
    return { used: this.queues[queue].used(), at };
  }

  slice(address: number, bytes: number): Uint8Array {
    return this.memory.bytes.slice(address, address + bytes);
  }

  /** What came out on a channel. */
  output(channel: string): Uint8Array {
    return Uint8Array.from(this.host.sent.filter((item) => item.channel === channel), ({ byte }) => byte);
  }
}
