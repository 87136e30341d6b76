/** An e1000 on a bus of its own, with helpers that do what a driver does. */
import assert from 'node:assert/strict';
import { E1000, type E1000Options } from '../../../src/monitor/devices/e1000';
import { PciBus } from '../../../src/monitor/devices/pci';
import { FakeHost, FakeMemory } from './fake-host';

export const REGISTERS_AT = 0xf000_0000;
export const PORTS_AT = 0xc000;
export const MAC = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56] as const;

/** Offsets of registers, as the manual's table 13-2 has them: written out here, so that the test does not share the device's table. */
export const R = {
  CTRL: 0x0000, STATUS: 0x0008, EECD: 0x0010, EERD: 0x0014, CTRL_EXT: 0x0018, MDIC: 0x0020, FCAL: 0x0028, FCAH: 0x002c, FCT: 0x0030, VET: 0x0038,
  ICR: 0x00c0, ITR: 0x00c4, ICS: 0x00c8, IMS: 0x00d0, IMC: 0x00d8, RCTL: 0x0100, FCTTV: 0x0170, TCTL: 0x0400, PBA: 0x1000, FCRTL: 0x2160, FCRTH: 0x2168,
  RDBAL: 0x2800, RDBAH: 0x2804, RDLEN: 0x2808, RDH: 0x2810, RDT: 0x2818, RDTR: 0x2820, RADV: 0x282c, RSRPD: 0x2c00,
  TDBAL: 0x3800, TDBAH: 0x3804, TDLEN: 0x3808, TDH: 0x3810, TDT: 0x3818, TIDV: 0x3820, TXDCTL: 0x3828, TADV: 0x382c,
  RXCSUM: 0x5000, MTA: 0x5200, RAL0: 0x5400, RAH0: 0x5404, VFTA: 0x5600,
  MPC: 0x4010, ROC: 0x40ac, XONRXC: 0x4048, XOFFRXC: 0x4050, XOFFTXC: 0x4054, XONTXC: 0x404c, GPRC: 0x4074, BPRC: 0x4078, MPRC: 0x407c, GPTC: 0x4080,
  GORCL: 0x4088, GORCH: 0x408c, GOTCL: 0x4090, GOTCH: 0x4094, RNBC: 0x40a0, TPR: 0x40d0, TPT: 0x40d4, PTC64: 0x40d8, PTC1522: 0x40ec, PRC64: 0x405c, PRC127: 0x4060,
  MPTC: 0x40f0, BPTC: 0x40f4, TSCTC: 0x40f8, TSCTFC: 0x40fc,
} as const;

export const CAUSES = { TXDW: 1, TXQE: 2, LSC: 4, RXDMT0: 0x10, RXO: 0x40, RXT0: 0x80, MDAC: 0x200, TXD_LOW: 0x8000, SRPD: 0x1_0000 } as const;

const CTRL_SLU = 1 << 6;
const LONG_ENOUGH_FOR_A_LINK = 1_000_000_000;
/** Where the fixture puts rings and buffers. */
export const RX_RING = 0x1_0000;
export const TX_RING = 0x2_0000;
const RX_BUFFERS = 0x10_0000;
const TX_BUFFERS = 0x80_0000;

export class Card {
  readonly host = new FakeHost();
  readonly memory = new FakeMemory();
  readonly device: E1000;
  readonly bus: PciBus;
  /** INTA, as the slot drives it, and when it rose. */
  interrupt = false;
  readonly rises: number[] = [];
  #receiveEntries = 0;
  #transmitEntries = 0;
  #tail = 0;
  #nextBuffer = TX_BUFFERS;

  constructor(options: Partial<E1000Options> = {}) {
    this.bus = new PciBus(this.host, {
      setInterrupt: (device, pin, asserted) => {
        assert.deepEqual([device, pin], [3, 0]);
        if (asserted && !this.interrupt) this.rises.push(this.host.time);
        this.interrupt = asserted;
      },
    });
    this.device = this.host.attach(new E1000(this.host, this.memory, (pciFunction) => this.bus.add(pciFunction), { slot: 3, ...options }));
    this.bus.reset();
    this.device.reset();
    this.configure(0x10, REGISTERS_AT);
    this.configure(0x14, PORTS_AT);
    this.configure(0x04, 7);
  }

  /** A card with its link up and no cause pending. */
  static up(options: Partial<E1000Options> = {}): Card {
    const card = new Card(options);
    card.write(R.CTRL, card.read(R.CTRL) | CTRL_SLU);
    card.host.advance(LONG_ENOUGH_FOR_A_LINK);
    card.read(R.ICR);
    return card;
  }

  configure(register: number, value: number): void {
    this.bus.writePort(0xcf8, 4, 0x8000_0000 + (3 << 11) + register);
    this.bus.writePort(0xcfc, 4, value);
  }

  configuration(register: number): number {
    this.bus.writePort(0xcf8, 4, 0x8000_0000 + (3 << 11) + register);
    return this.bus.readPort(0xcfc, 4);
  }

  read(register: number): number {
    return this.device.readMemory(REGISTERS_AT + register, 4);
  }

  write(register: number, value: number): void {
    this.device.writeMemory(REGISTERS_AT + register, 4, value >>> 0);
  }

  /** An access to the PHY by MDIC. */
  phy(register: number, value?: number): number {
    this.write(R.MDIC, ((value === undefined ? 2 : 1) << 26) | (1 << 21) | (register << 16) | (value ?? 0));
    const answer = this.read(R.MDIC);
    assert.equal(answer >>> 28, 1, 'ready, without error');
    return answer & 0xffff;
  }

  /** A receive ring with buffers of 16 KiB apart, and the receiver on with these bits besides. `given` descriptors are the hardware's. */
  receive({ entries = 8, given = entries - 1, control = 0x8000 }: { entries?: number; given?: number; control?: number } = {}): void {
    this.#receiveEntries = entries;
    for (let index = 0; index < entries; index++) this.words(RX_RING + 16 * index, [RX_BUFFERS + 0x4000 * index, 0, 0, 0]);
    this.write(R.RDBAL, RX_RING);
    this.write(R.RDBAH, 0);
    this.write(R.RDLEN, 16 * entries);
    this.write(R.RDH, 0);
    this.write(R.RDT, given);
    this.write(R.RCTL, control | 2);
  }

  /** A receive descriptor, and as much of its buffer as it says. */
  received(index: number): { data: number[]; length: number; checksum: number; status: number; errors: number; special: number } {
    const bytes = this.memory.slice(RX_RING + 16 * (index % this.#receiveEntries), 16);
    const length = bytes[8] | (bytes[9] << 8);
    const address = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24);
    return {
      data: this.memory.slice(address, length), length, checksum: bytes[10] | (bytes[11] << 8), status: bytes[12], errors: bytes[13],
      special: bytes[14] | (bytes[15] << 8),
    };
  }

  /** A transmit ring, and the transmitter on with padding. */
  transmit(entries = 8): void {
    this.#transmitEntries = entries;
    this.#tail = 0;
    this.write(R.TDBAL, TX_RING);
    this.write(R.TDBAH, 0);
    this.write(R.TDLEN, 16 * entries);
    this.write(R.TDH, 0);
    this.write(R.TDT, 0);
    this.write(R.TCTL, 0x0a);
  }

  /** Puts a descriptor's four words into the ring; the tail register stays. Gives its index. */
  queue(words: readonly number[]): number {
    const index = this.#tail;
    this.words(TX_RING + 16 * index, words);
    this.#tail = (this.#tail + 1) % this.#transmitEntries;
    return index;
  }

  /** Puts data into memory, and gives its address. */
  place(data: readonly number[]): number {
    const address = this.#nextBuffer;
    this.memory.load(address, data);
    this.#nextBuffer += (data.length + 63) & ~63;
    return address;
  }

  /** A legacy descriptor with a whole packet: EOP, IFCS, RS and these bits. */
  queueLegacy(data: readonly number[], { command = 0x0b, offset = 0, start = 0, special = 0 } = {}): number {
    return this.queue([this.place(data), 0, data.length + offset * 0x1_0000 + command * 0x100_0000, start * 0x100 + special * 0x1_0000]);
  }

  /** Hands everything that is queued to the hardware, and lets it work. */
  go(cycles = 10_000_000): void {
    this.write(R.TDT, this.#tail);
    this.host.advance(cycles);
  }

  status(index: number): number {
    return this.memory.readByte(TX_RING + 16 * index + 12);
  }

  words(address: number, words: readonly number[]): void {
    words.forEach((word, index) => this.memory.load(address + 4 * index, [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]));
  }

  /** The frames that have left, taken out of what the host got. */
  takeFrames(): number[][] {
    const bytes = this.host.sent.map(({ channel, byte }) => {
      assert.equal(channel, 'net0');
      return byte;
    });
    this.host.sent = [];
    const frames: number[][] = [];
    for (let at = 0; at < bytes.length;) {
      const length = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      frames.push(bytes.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return frames;
  }

  /** A frame comes in, and time to put it into memory passes. */
  arrive(frame: readonly number[], cycles = 1_000_000): void {
    this.device.receive(Uint8Array.from(frame));
    this.host.advance(cycles);
  }
}

/** A frame of this length (without check sequence) with bytes that differ. */
export function frame({ to = MAC, type = 0x0800, length = 100, from = [2, 0, 0, 0, 0, 1] }: { to?: readonly number[]; type?: number; length?: number; from?: readonly number[] } = {}): number[] {
  const head = [...to, ...from, type >> 8, type & 0xff];
  return [...head, ...Array.from({ length: length - head.length }, (_, index) => (index * 7 + 3) & 0xff)];
}

export const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] as const;

/** The Internet checksum as RFC 1071 writes it down: 16-bit words, end-around carry, complement. */
export function internetChecksum(bytes: readonly number[]): number {
  let sum = 0n;
  bytes.forEach((byte, index) => { sum += BigInt(byte) << (index % 2 === 0 ? 8n : 0n); });
  const folded = Number(sum % 0xffffn);
  return 0xffff - (folded === 0 && sum > 0n ? 0xffff : folded);
}

/** CRC-32, bit by bit, as the division that IEEE 802.3 3.2.9 describes. */
export function checkSequence(bytes: readonly number[]): number[] {
  let value = 0xffff_ffffn;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const feedback = (value & 1n) ^ BigInt((byte >> bit) & 1);
      value = (value >> 1n) ^ (feedback === 1n ? 0xedb8_8320n : 0n);
    }
  }
  const complement = Number(value ^ 0xffff_ffffn);
  return [complement & 0xff, (complement >>> 8) & 0xff, (complement >>> 16) & 0xff, complement >>> 24];
}

const word16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];

/** An IPv4 packet over Ethernet with right checksums, of TCP or UDP, and its parts. */
export function ipv4Frame(protocol: 6 | 17, payload: readonly number[], { flags = 0x18, id = 0x1234, sequence = 0x0102_0304 } = {}): number[] {
  const addresses = [10, 0, 2, 15, 10, 0, 2, 2];
  const header = protocol === 6
    ? [0x30, 0x39, 0x00, 0x50, sequence >>> 24, (sequence >> 16) & 0xff, (sequence >> 8) & 0xff, sequence & 0xff, 0, 0, 0, 9, 0x50, flags, 0x20, 0, 0, 0, 0, 0]
    : [0x30, 0x39, 0x00, 0x35, ...word16(8 + payload.length), 0, 0];
  const segment = [...header, ...payload];
  const sum = internetChecksum([...addresses, 0, protocol, ...word16(segment.length), ...segment]);
  segment.splice(protocol === 6 ? 16 : 6, 2, ...word16(sum));
  const ip = [0x45, 0, ...word16(20 + segment.length), ...word16(id), 0x40, 0, 64, protocol, 0, 0, ...addresses];
  ip.splice(10, 2, ...word16(internetChecksum(ip)));
  return [...MAC, 2, 0, 0, 0, 0, 1, 8, 0, ...ip, ...segment];
}
