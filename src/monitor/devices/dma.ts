/**
 * The two 8237A DMA controllers of a PC/AT with their page registers (ports 00-0F, C0-DF, 81-8F).
 *
 * Source: Intel 8237A data sheet (231466), IBM PC/AT technical reference. A device with data asks for its
 * channel's transfer; the whole of it happens at once, between two instructions.
 */
import type { Device, PortRange } from './device';
import { DMA_DESCRIPTION } from './registers/dma';

/**
 * Guest-physical memory as a bus master sees it. An address may be any number from zero up: where there is no memory, and from
 * 2^40 up, bytes read FF and writes are dropped, as they are by ROM. Pages of devices are reached byte by byte; a device that is
 * reached so finds the bus taken: its own accesses meanwhile read FF and are dropped, so that devices cannot drive one another round.
 */
export interface DmaMemory {
  readByte(address: number): number;
  writeByte(address: number, value: number): void;
  /** Fills `target` from `address` on. The caller bounds how much a guest can ask for. */
  read(address: number, target: Uint8Array): void;
  /** Puts all of `source` at `address`. What has been derived from these bytes (code, translations) goes, as with the processor's writes. */
  write(address: number, source: Uint8Array): void;
  /** The same memory as another device reaches it: who it is can be told to a debugger that watches memory. */
  of?(device: string): DmaMemory;
}

export interface DmaChannelState {
  baseAddress: number;
  baseCount: number;
  address: number;
  count: number;
  /** Mode register, bits 2-7. */
  mode: number;
  masked: boolean;
}

export interface DmaState {
  channels: DmaChannelState[];
  /** Per controller: next byte of a 16-bit register is the high one. */
  highByte: boolean[];
  command: number[];
  /** Per controller: channels that have reached terminal count since the last read of the status. */
  terminal: number[];
  /** Page registers 81-8F, by port minus 80. */
  pages: Uint8Array;
}

/** How a transfer ended. */
export interface DmaTransfer {
  /** Bytes moved. */
  readonly bytes: number;
  /** The channel has come to the end of its count. */
  readonly terminal: boolean;
}

/** Page register (offset from port 80) of each channel; channel 4 is the cascade. */
const PAGE_OF_CHANNEL = [0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa];
const COMMAND_DISABLE = 0x04;
/** Transfer type in mode bits 2-3: 01 writes memory, 10 reads it, 00 only verifies. */
const TYPE_WRITE_MEMORY = 0x04;
const TYPE_READ_MEMORY = 0x08;
const MODE_AUTO_INITIALIZE = 0x10;
const MODE_DECREMENT = 0x20;

function powerOnState(): DmaState {
  const channel = (): DmaChannelState => ({
    baseAddress: 0, baseCount: 0, address: 0, count: 0, mode: 0, masked: true,
  });
  return {
    channels: Array.from({ length: 8 }, channel),
    highByte: [false, false],
    command: [0, 0],
    terminal: [0, 0],
    pages: new Uint8Array(16),
  };
}

/** Puts a byte into one half of a 16-bit register. */
function withByte(word: number, high: boolean, byte: number): number {
  return high ? (word & 0x00ff) | (byte << 8) : (word & 0xff00) | byte;
}

export class Dma implements Device {
  readonly name = 'dma';
  readonly ports: readonly PortRange[] = [
    { first: 0x00, count: 0x10 },
    { first: 0x81, count: 0x0f },
    { first: 0xc0, count: 0x20 },
  ];
  readonly description = DMA_DESCRIPTION;
  state: DmaState = powerOnState();
  readonly #memory: DmaMemory;

  constructor(memory: DmaMemory) {
    this.#memory = memory;
  }

  reset(): void {
    this.state = powerOnState();
  }

  readPort(port: number): number {
    if ((port & 0xf0) === 0x80) return this.state.pages[port & 15];
    const { controller, register } = this.#decode(port);
    if (register < 8) return this.#readChannelRegister(controller, register);
    if (register !== 8) return 0;
    const status = this.state.terminal[controller];
    this.state.terminal[controller] = 0;
    return status;
  }

  writePort(port: number, _size: number, value: number): void {
    const byte = value & 0xff;
    if ((port & 0xf0) === 0x80) {
      this.state.pages[port & 15] = byte;
      return;
    }
    const { controller, register } = this.#decode(port);
    if (register < 8) this.#writeChannelRegister(controller, register, byte);
    else this.#writeControl(controller, register, byte);
  }

  peek(block: string, register: string): number | undefined {
    const { state } = this;
    if (block === 'pages') return state.pages[parseInt(register.slice('PAGE'.length), 16)];
    const controller = block === 'controller 1' ? 0 : 1;
    if (register === 'STATUS') return state.terminal[controller];
    if (register === 'COMMAND') return state.command[controller];
    const channel = /^(ADDR|COUNT)(\d)$/.exec(register);
    if (channel === null) return undefined;
    const { address, count } = state.channels[Number(channel[2])];
    const word = channel[1] === 'ADDR' ? address : count;
    return state.highByte[controller] ? word >> 8 : word & 0xff;
  }

  /**
   * A device's data to memory over an 8-bit channel (0 to 3). Gives how many bytes went; none while the
   * channel is masked or programmed for another direction. With 'verify' the data is counted, not stored.
   */
  toMemory(channel: number, data: Uint8Array): DmaTransfer {
    return this.#transfer(channel, data.length, TYPE_WRITE_MEMORY, (address, index) => {
      this.#memory.writeByte(address, data[index]);
    });
  }

  /** Memory to a device over an 8-bit channel; fills `data` as far as the count goes. */
  fromMemory(channel: number, data: Uint8Array): DmaTransfer {
    return this.#transfer(channel, data.length, TYPE_READ_MEMORY, (address, index) => {
      data[index] = this.#memory.readByte(address);
    });
  }

  /** Controller 0 has byte channels 0-3; controller 1 word channels 4-7, its registers two ports apart. */
  #decode(port: number): { controller: number; register: number } {
    return port < 0x80 ? { controller: 0, register: port & 15 } : { controller: 1, register: (port >> 1) & 15 };
  }

  #takeHighByte(controller: number): boolean {
    const high = this.state.highByte[controller];
    this.state.highByte[controller] = !high;
    return high;
  }

  #readChannelRegister(controller: number, register: number): number {
    const channel = this.state.channels[controller * 4 + (register >> 1)];
    const word = (register & 1) === 0 ? channel.address : channel.count;
    return this.#takeHighByte(controller) ? word >> 8 : word & 0xff;
  }

  #writeChannelRegister(controller: number, register: number, byte: number): void {
    const channel = this.state.channels[controller * 4 + (register >> 1)];
    const high = this.#takeHighByte(controller);
    if ((register & 1) === 0) {
      channel.baseAddress = withByte(channel.baseAddress, high, byte);
      channel.address = channel.baseAddress;
    } else {
      channel.baseCount = withByte(channel.baseCount, high, byte);
      channel.count = channel.baseCount;
    }
  }

  #writeControl(controller: number, register: number, byte: number): void {
    const { state } = this;
    const channels = state.channels.slice(controller * 4, controller * 4 + 4);
    switch (register) {
      case 8: state.command[controller] = byte; break;
      case 10: channels[byte & 3].masked = (byte & 4) !== 0; break;
      case 11: channels[byte & 3].mode = byte & 0xfc; break;
      case 12: state.highByte[controller] = false; break;
      case 13: this.#masterClear(controller, channels); break;
      case 14: this.#maskAll(channels, 0); break;
      case 15: this.#maskAll(channels, byte); break;
      // Register 9: software requests drive memory-to-memory transfers, which a PC does not have.
      default: break;
    }
  }

  #masterClear(controller: number, channels: readonly DmaChannelState[]): void {
    this.state.command[controller] = 0;
    this.state.terminal[controller] = 0;
    this.state.highByte[controller] = false;
    this.#maskAll(channels, 0x0f);
  }

  #maskAll(channels: readonly DmaChannelState[], mask: number): void {
    channels.forEach((channel, index) => {
      channel.masked = ((mask >> index) & 1) !== 0;
    });
  }

  #transfer(
    number: number,
    limit: number,
    type: number,
    move: (address: number, index: number) => void,
  ): DmaTransfer {
    const { state } = this;
    const channel = state.channels[number];
    const programmed = channel.mode & 0x0c;
    const disabled = ((state.command[0] | state.command[1]) & COMMAND_DISABLE) !== 0;
    if (channel.masked || disabled || (programmed !== type && programmed !== 0)) return { bytes: 0, terminal: false };
    const page = state.pages[PAGE_OF_CHANNEL[number]] << 16;
    const step = (channel.mode & MODE_DECREMENT) !== 0 ? -1 : 1;
    for (let index = 0; index < limit; index++) {
      if (programmed !== 0) move(page | channel.address, index);
      channel.address = (channel.address + step) & 0xffff;
      channel.count = (channel.count - 1) & 0xffff;
      if (channel.count === 0xffff) {
        this.#endOfCount(number, channel);
        return { bytes: index + 1, terminal: true };
      }
    }
    return { bytes: limit, terminal: false };
  }

  #endOfCount(number: number, channel: DmaChannelState): void {
    this.state.terminal[0] |= 1 << number;
    if ((channel.mode & MODE_AUTO_INITIALIZE) !== 0) {
      channel.address = channel.baseAddress;
      channel.count = channel.baseCount;
    } else {
      channel.masked = true;
    }
  }
}
