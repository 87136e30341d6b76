/**
 * A flash chip with the Intel command set, in which UEFI firmware keeps its variables: read as memory, erased by blocks of 4 KiB,
 * programmed byte by byte.
 *
 * Source: JEDEC JESD68.01 (CFI) and Intel's 28F-series command set, as QEMU's pflash_cfi01 has it for OVMF: status reads zero once
 * it has been cleared. An operation is done at once. What is written lies over the image that the chip came with.
 */
import { readByBytes, writeByBytes } from './access';
import type { DeviceDescription } from './description';
import type { AccessSize, Device, MemoryRegion, PortRange } from './device';
import { flashDescription } from './registers/flash';

const BLOCK_BYTES = 4096;
const ERASED = 0xff;

const COMMAND = {
  program: 0x10, erase: 0x20, program2: 0x40, clearStatus: 0x50, readStatus: 0x70, identify: 0x90, query: 0x98, confirm: 0xd0, readArray: 0xff,
} as const;
/** Status: ready; and with it, a command sequence that is none. */
const READY = 0x80;
const SEQUENCE_ERROR = 0x30;

/** Manufacturer and device: Intel, and the part that QEMU shows for a byte-wide chip. */
const IDENTIFIERS = [0x89, 0x18];
/** CFI query (JESD68.01): 'QRY' at 10h, Intel's standard command set. What is not here reads as zero. */
const QUERY: ReadonlyMap<number, number> = new Map([[0x10, 0x51], [0x11, 0x52], [0x12, 0x59], [0x13, 0x01], [0x15, 0x31]]);

export interface FlashState {
  /** What a read gives. */
  mode: 'array' | 'status' | 'identifiers' | 'query';
  /** What the next write is: a command, a byte to program, or the confirmation of an erasure. */
  next: 'command' | 'data' | 'confirmation';
  status: number;
  /** Blocks that differ from the image, by number. */
  blocks: Map<number, Uint8Array>;
}

export class Flash implements Device {
  readonly name = 'flash';
  readonly ports: readonly PortRange[] = [];
  readonly regions: readonly MemoryRegion[];
  readonly description: DeviceDescription;
  state: FlashState = { mode: 'array', next: 'command', status: 0, blocks: new Map() };
  readonly #image: Uint8Array;
  readonly #first: number;

  /** `image` is whole blocks long, and lies at guest-physical address `first`. */
  constructor(first: number, image: Uint8Array) {
    this.#first = first;
    this.#image = image;
    this.regions = [{ first, bytes: image.length }];
    this.description = flashDescription(first);
  }

  /** The chip forgets its mode, and keeps its contents. */
  reset(): void {
    this.state = { mode: 'array', next: 'command', status: 0, blocks: this.state.blocks };
  }

  /** Back to the image, as a new chip. */
  renew(): void {
    this.state.blocks = new Map();
  }

  /** Blocks of 4 KiB that were written since the chip was new, by number. */
  get written(): ReadonlyMap<number, Uint8Array> {
    return this.state.blocks;
  }

  readMemory(address: number, size: AccessSize): number {
    return readByBytes(address - this.#first, size, (offset) => this.#read(offset));
  }

  writeMemory(address: number, size: AccessSize, value: number): void {
    writeByBytes(address - this.#first, size, value, (offset, byte) => this.#write(offset, byte));
  }

  peek(_block: string, register: string): number | undefined {
    return register === 'STATUS' ? this.state.status : undefined;
  }

  #read(offset: number): number {
    const { state } = this;
    switch (state.mode) {
      case 'status': return state.status;
      case 'identifiers': return IDENTIFIERS[offset & 0xff] ?? 0;
      case 'query': return QUERY.get(offset & 0xff) ?? 0;
      default: return this.#contents(offset);
    }
  }

  #contents(offset: number): number {
    const block = this.state.blocks.get(Math.floor(offset / BLOCK_BYTES));
    return block === undefined ? this.#image[offset] ?? ERASED : block[offset % BLOCK_BYTES];
  }

  #write(offset: number, byte: number): void {
    const { state } = this;
    const { next } = state;
    state.next = 'command';
    if (next === 'data') this.#program(offset, byte);
    else if (next === 'confirmation') this.#erase(offset, byte);
    else this.#command(byte);
  }

  #command(byte: number): void {
    const { state } = this;
    switch (byte) {
      case COMMAND.program:
      case COMMAND.program2:
        state.next = 'data';
        state.mode = 'status';
        break;
      case COMMAND.erase:
        state.next = 'confirmation';
        state.mode = 'status';
        break;
      case COMMAND.clearStatus:
        state.status = 0;
        state.mode = 'array';
        break;
      case COMMAND.readStatus:
        state.mode = 'status';
        break;
      case COMMAND.identify:
        state.mode = 'identifiers';
        break;
      case COMMAND.query:
        state.mode = 'query';
        break;
      default:
        state.mode = 'array';
    }
  }

  /** Programming makes zeros of ones; only erasing makes ones. */
  #program(offset: number, byte: number): void {
    this.#block(offset)[offset % BLOCK_BYTES] &= byte;
    this.state.status |= READY;
  }

  #erase(offset: number, byte: number): void {
    if (byte === COMMAND.confirm) this.#block(offset).fill(ERASED);
    else this.state.status |= SEQUENCE_ERROR;
    this.state.status |= READY;
  }

  /** The block that an offset lies in, as one that may be changed. */
  #block(offset: number): Uint8Array {
    const number = Math.floor(offset / BLOCK_BYTES);
    const known = this.state.blocks.get(number);
    if (known !== undefined) return known;
    const block = new Uint8Array(BLOCK_BYTES).fill(ERASED);
    block.set(this.#image.subarray(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES));
    this.state.blocks.set(number, block);
    return block;
  }
}
