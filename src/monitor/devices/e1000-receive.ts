/**
 * The receiver of the Intel 82540EM: frames pass the filters into the packet buffer, and from there into memory as descriptors come.
 *
 * Source: Software Developer's Manual (317453), 3.2 (receive descriptors), 8.7 (flow control), 13.4.22 (RCTL). The packet buffer's share for
 * receiving (PBA) bounds what waits.
 */
import type { DeviceHost } from './device';
import type { DmaMemory } from './dma';
import { frameCheck, onesComplementSum } from './e1000-checksum';
import { addressMatch, checksumVerdict, ETHERNET, passesVlanFilter, RECEIVED, vlanTag, word } from './e1000-filter';
import type { E1000Interrupts } from './e1000-interrupts';
import { CAUSE, CTRL, FCRTL_XON, RCTL, TCTL } from './e1000-registers';
import { DescriptorRing, DESCRIPTOR_BYTES, wideAddress } from './e1000-ring';
import { CHECK_SEQUENCE_BYTES, type E1000Statistics } from './e1000-statistics';
import type { RegisterFile } from './registerFile';

/** Cycles from a frame's arrival to its first descriptor, and between two batches. */
const LATENCY_CYCLES = 2000;
/** Descriptors that are used in one event. */
const BATCH = 64;
/** Frames shorter than this are filled up by whoever puts them on a wire; without check sequence. */
export const SHORTEST_FRAME = 60;
/** Longest packets with check sequence: ordinary, with a VLAN tag, and with RCTL.LPE. */
const LONGEST = { ordinary: 1522, long: 16384 } as const;
/** What a packet takes of the packet buffer beside its bytes. */
const BUFFER_OVERHEAD = 16;
const KIB = 1024;

const MAC_CONTROL = 0x8808;
const PAUSE = 0x0001;
/** Cycles of a unit of pause time at 1000 Mb/s: 512 bit times. */
const PAUSE_CYCLES = 512;
const PAUSE_ADDRESS = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x01] as const;

const EVENT = 'receive';

interface WaitingPacket {
  bytes: Uint8Array;
  status: number;
  errors: number;
  checksum: number;
  /** VLAN tag that was taken out. */
  special: number;
}

export interface E1000ReceiveState {
  packets: WaitingPacket[];
  /** Bytes of the first one that are in memory already. */
  done: number;
  scheduled: boolean;
  /** XOFF has been sent, and no XON since. */
  heldOff: boolean;
}

export function emptyReceiver(): E1000ReceiveState {
  return { packets: [], done: 0, scheduled: false, heldOff: false };
}

export interface E1000ReceiveParts {
  readonly device: string;
  readonly host: DeviceHost;
  readonly file: RegisterFile;
  readonly memory: DmaMemory;
  readonly statistics: E1000Statistics;
  readonly interrupts: E1000Interrupts;
  readonly state: () => E1000ReceiveState;
  /** The card may master the bus. */
  readonly isBusMaster: () => boolean;
  /** Puts a frame on the wire that the receiver sends itself. */
  readonly send: (frame: Uint8Array) => void;
  /** The partner wants a pause of so many cycles; 0 ends it. */
  readonly pause: (cycles: number) => void;
}

export class E1000Receiver {
  readonly #parts: E1000ReceiveParts;
  readonly #ring: DescriptorRing;

  constructor(parts: E1000ReceiveParts) {
    this.#parts = parts;
    this.#ring = new DescriptorRing('R', parts.file, parts.memory);
  }

  stop(): void {
    this.#parts.host.cancel(this.#parts.device, EVENT);
  }

  /** A frame has come in, without check sequence. The caller has made sure that there is a link or a loopback. */
  arrive(bytes: Uint8Array): void {
    const { file, statistics } = this.#parts;
    if ((file.value('RCTL') & RCTL.enable) === 0 || bytes.length < ETHERNET.header) return;
    const frame = new Uint8Array(Math.max(bytes.length, SHORTEST_FRAME));
    frame.set(bytes);
    const length = frame.length + CHECK_SEQUENCE_BYTES;
    statistics.passed(length);
    const match = addressMatch(file, frame);
    if (word(frame, ETHERNET.type) === MAC_CONTROL) {
      this.#control(frame, match !== undefined);
      return;
    }
    if (match === undefined || !passesVlanFilter(file, frame)) return;
    const longest = (file.value('RCTL') & RCTL.longPackets) === 0 ? LONGEST.ordinary : LONGEST.long;
    if (length > longest) {
      statistics.count('ROC');
      statistics.count('RLEC');
      return;
    }
    if (this.#take(frame, match === 'inexact' ? RECEIVED.inexact : 0)) statistics.received(frame, length);
  }

  /** There may be descriptors now. */
  resume(): void {
    const { device, host, state } = this.#parts;
    if (state().scheduled || state().packets.length === 0 || this.#ring.isEmpty) return;
    state().scheduled = true;
    host.schedule(device, EVENT, host.now() + LATENCY_CYCLES);
  }

  /** A scheduled event has come. Gives whether it was the receiver's. */
  event(name: string): boolean {
    if (name !== EVENT) return false;
    const { file, state, isBusMaster } = this.#parts;
    state().scheduled = false;
    if (!isBusMaster() || (file.value('RCTL') & RCTL.enable) === 0) return true;
    for (let count = 0; count < BATCH && state().packets.length > 0 && !this.#ring.isEmpty; count++) this.#fill();
    this.#relieve();
    this.resume();
    return true;
  }

  /** Packets in the buffer. */
  get waiting(): number {
    return this.#parts.state().packets.length;
  }

  /** MAC control: a PAUSE for everybody or for this card is counted and heeded; what then goes to memory, DPF and PMCF say (8.7.4). */
  #control(frame: Uint8Array, matches: boolean): void {
    const { file, statistics, pause } = this.#parts;
    const control = file.value('RCTL');
    const isForUs = this.#isFlowControlAddress(frame) || this.#isOwnAddress(frame);
    const isPause = isForUs && word(frame, ETHERNET.header) === PAUSE;
    if (isPause) {
      const quanta = word(frame, ETHERNET.header + 2);
      statistics.count(quanta === 0 ? 'XONRXC' : 'XOFFRXC');
      if ((file.value('CTRL') & CTRL.receivePause) !== 0) pause(quanta * PAUSE_CYCLES);
    } else if (isForUs) {
      statistics.count('FCRUC');
    }
    const passes = isPause ? (control & RCTL.discardPause) === 0 : (control & RCTL.passControl) !== 0;
    if (matches && passes) this.#take(frame, 0);
  }

  #isFlowControlAddress(frame: Uint8Array): boolean {
    const low = this.#parts.file.value('FCAL');
    const high = this.#parts.file.value('FCAH');
    return [low, low >>> 8, low >>> 16, low >>> 24, high, high >>> 8].every((byte, index) => (byte & 0xff) === frame[index]);
  }

  #isOwnAddress(frame: Uint8Array): boolean {
    return this.#ownAddress().every((byte, index) => byte === frame[index]);
  }

  #ownAddress(): number[] {
    const low = this.#parts.file.value('RAL0');
    const high = this.#parts.file.value('RAH0');
    return [low, low >>> 8, low >>> 16, low >>> 24, high, high >>> 8].map((byte) => byte & 0xff);
  }

  /** Puts a frame into the packet buffer. False: there was no room. */
  #take(frame: Uint8Array, status: number): boolean {
    const { file, statistics, interrupts, state } = this.#parts;
    const packet = this.#packetOf(frame, status);
    if (this.#fillLevel() + packet.bytes.length + BUFFER_OVERHEAD > (file.value('PBA') & 0x3f) * KIB) {
      statistics.count('MPC');
      interrupts.raise(CAUSE.overrun);
      return false;
    }
    if (this.#ring.isEmpty) statistics.count('RNBC');
    state().packets.push(packet);
    this.#holdOff();
    this.resume();
    return true;
  }

  #fillLevel(): number {
    return this.#parts.state().packets.reduce((sum, { bytes }) => sum + bytes.length + BUFFER_OVERHEAD, 0);
  }

  /** A packet as it goes to memory: its VLAN tag taken out (CTRL.VME), with its check sequence or without (RCTL.SECRC). */
  #packetOf(frame: Uint8Array, status: number): WaitingPacket {
    const { file } = this.#parts;
    const verdict = checksumVerdict(file, frame);
    const tag = vlanTag(file, frame);
    const isTaken = tag !== undefined && (file.value('CTRL') & CTRL.vlan) !== 0;
    const tagBytes = isTaken ? ETHERNET.tag : 0;
    const checkBytes = (file.value('RCTL') & RCTL.stripCheck) === 0 ? CHECK_SEQUENCE_BYTES : 0;
    const bytes = new Uint8Array(frame.length - tagBytes + checkBytes);
    bytes.set(frame.subarray(0, ETHERNET.type));
    bytes.set(frame.subarray(ETHERNET.type + tagBytes), ETHERNET.type);
    if (checkBytes > 0) new DataView(bytes.buffer).setUint32(bytes.length - checkBytes, frameCheck(frame), true);
    const start = file.value('RXCSUM') & 0xff;
    return {
      bytes,
      status: status | verdict.status | (isTaken ? RECEIVED.vlan : 0),
      errors: verdict.errors,
      checksum: start < bytes.length ? ~onesComplementSum(bytes.subarray(start)) & 0xffff : 0xffff,
      special: isTaken ? tag : 0,
    };
  }

  /** Puts as much of the first packet into memory as the next descriptor's buffer takes. */
  #fill(): void {
    const { file, memory, state, interrupts } = this.#parts;
    const ring = this.#ring;
    const descriptor = ring.read();
    const address = wideAddress(descriptor.getUint32(0, true), descriptor.getUint32(4, true));
    const before = ring.available;
    const [packet] = state().packets;
    // A descriptor without a buffer is given back as it is (3.2.7.3).
    if (address === 0) {
      descriptor.setUint8(12, descriptor.getUint8(12) | RECEIVED.done);
    } else {
      const count = Math.min(this.#bufferBytes(), packet.bytes.length - state().done);
      const isLast = state().done + count === packet.bytes.length;
      memory.write(address, packet.bytes.subarray(state().done, state().done + count));
      descriptor.setUint16(8, count, true);
      descriptor.setUint16(10, packet.checksum, true);
      descriptor.setUint8(12, isLast ? packet.status | RECEIVED.done | RECEIVED.end : RECEIVED.done);
      descriptor.setUint8(13, isLast ? packet.errors : 0);
      descriptor.setUint16(14, isLast ? packet.special : 0, true);
      state().done += count;
      if (isLast) {
        state().packets.shift();
        state().done = 0;
      }
    }
    memory.write(ring.address, new Uint8Array(descriptor.buffer, 0, DESCRIPTOR_BYTES));
    ring.advance();
    if (state().done === 0 && address !== 0) {
      if (packet.bytes.length <= file.value('RSRPD')) interrupts.raise(CAUSE.smallPacket);
      interrupts.received();
    }
    const threshold = ring.size >> (1 + Math.min(2, (file.value('RCTL') >>> 8) & 3));
    if (before > threshold && ring.available <= threshold) interrupts.raise(CAUSE.receiveLow);
  }

  /** RCTL.BSIZE, and BSEX for the longer ones; 2048 where that is reserved. */
  #bufferBytes(): number {
    const control = this.#parts.file.value('RCTL');
    const size = (control >>> 16) & 3;
    return (control & RCTL.extendedSize) !== 0 && size !== 0 ? 32768 >> size : 2048 >> size;
  }

  /** Asks the partner to stop when the buffer is full beyond its high mark (CTRL.TFCE). */
  #holdOff(): void {
    const { file, state } = this.#parts;
    const high = file.value('FCRTH');
    if ((file.value('CTRL') & CTRL.transmitPause) === 0 || high === 0 || state().heldOff || this.#fillLevel() < high) return;
    state().heldOff = true;
    this.sendXoff();
  }

  /** And to go on when it has fallen below its low mark. */
  #relieve(): void {
    const { file, state, statistics } = this.#parts;
    const low = file.value('FCRTL');
    if (!state().heldOff || this.#fillLevel() >= (low & 0xffff)) return;
    state().heldOff = false;
    if ((low & FCRTL_XON) === 0) return;
    this.#sendPause(0);
    statistics.count('XONTXC');
  }

  /** Asks the partner for a pause as long as FCTTV says. */
  sendXoff(): void {
    this.#sendPause(this.#parts.file.value('FCTTV'));
    this.#parts.statistics.count('XOFFTXC');
  }

  /** Sends a PAUSE frame of so many units, if the transmitter is on. */
  #sendPause(quanta: number): void {
    const { file, send } = this.#parts;
    if ((file.value('TCTL') & TCTL.enable) === 0) return;
    const frame = new Uint8Array(SHORTEST_FRAME);
    frame.set(PAUSE_ADDRESS);
    frame.set(this.#ownAddress(), ETHERNET.source);
    new DataView(frame.buffer).setUint32(ETHERNET.type, (MAC_CONTROL << 16 | PAUSE) >>> 0, false);
    new DataView(frame.buffer).setUint16(ETHERNET.header + 2, quanta, false);
    send(frame);
  }
}
