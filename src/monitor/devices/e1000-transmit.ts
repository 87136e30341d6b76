/**
 * The transmitter of the Intel 82540EM: descriptors of three kinds out of a ring, their data into packets, packets onto the wire.
 *
 * Source: Software Developer's Manual (317453), 3.3 (descriptors), 3.4 (ring), 3.5 (segmentation). Work is done in events: a bounded
 * number of descriptors and packets in each, and the next one after the time that the packets take at 1000 Mb/s.
 */
import type { DeviceHost } from './device';
import type { DmaMemory } from './dma';
import { frameCheck } from './e1000-checksum';
import { ETHERNET } from './e1000-filter';
import type { E1000Interrupts } from './e1000-interrupts';
import { CAUSE, CTRL, TCTL } from './e1000-registers';
import { SHORTEST_FRAME } from './e1000-receive';
import { DescriptorRing, wideAddress } from './e1000-ring';
import { finishSegment, insertChecksum, insertChecksums, withTag, type TransmitContext } from './e1000-segments';
import { CHECK_SEQUENCE_BYTES, type E1000Statistics } from './e1000-statistics';
import type { RegisterFile } from './registerFile';

/** Cycles from a write of the tail to the first descriptor, and between two batches. */
const LATENCY_CYCLES = 2000;
/** Cycles of a byte on the wire at 1000 Mb/s, and bytes of preamble and gap that go with each packet. */
const BYTE_CYCLES = 8;
const GAP_BYTES = 20;
/** Descriptors, and packets, in one event. */
const BATCH = 64;
/** Longest packet that can be sent (3.3.3); longer ones are thrown away. */
const LONGEST_PACKET = 16288;
/** Smallest part of a packet that the hardware sends without padding. */
const SHORTEST_PACKET = 17;

const EVENT = 'transmit';

/** Bits of the command byte. In a context descriptor the lowest two say TCP and IPv4. */
const COMMAND = { end: 0x01, frameCheck: 0x02, insertChecksum: 0x04, segmentation: 0x04, report: 0x08, reportSent: 0x10, extended: 0x20, vlan: 0x40, delay: 0x80 } as const;
const CONTEXT_COMMAND = { tcp: 0x01, ipv4: 0x02 } as const;
const TYPE = { context: 0, data: 1 } as const;
const OPTION = { ip: 0x01, transport: 0x02 } as const;
const DONE = 0x01;

const NO_CONTEXT: TransmitContext = {
  ipStart: 0, ipOffset: 0, ipEnd: 0, transportStart: 0, transportOffset: 0, transportEnd: 0, payload: 0, header: 0, segment: 0, isIpv4: false, isTcp: false,
};

/** A descriptor that is being worked on: its words, and how much of its data has been fetched. */
interface DescriptorUnderWay {
  address: number;
  lower: number;
  upper: number;
  done: number;
}

export interface E1000TransmitState {
  scheduled: boolean;
  /** Cycle until which the partner wants a pause. */
  pausedUntil: number;
  /** Contexts of checksums, and of segmentation: the card keeps one of each. */
  contexts: [TransmitContext, TransmitContext];
  /** What the packet under way is cut by: one that comes in its middle is for the next packet. */
  cutBy: TransmitContext;
  descriptor: DescriptorUnderWay | undefined;
  /** The packet so far. */
  packet: Uint8Array;
  bytes: number;
  /** Data has come since the last packet's end. */
  begun: boolean;
  tooLong: boolean;
  /** Under segmentation: payload bytes that were sent, and segments. */
  sent: number;
  segments: number;
  /** The segmentation's headers, once they have all come. */
  headers: Uint8Array;
  /** Options of the packet's first data descriptor, and whether it is to be cut. */
  options: number;
  isCut: boolean;
  /** VLAN tag to be put in; -1 for none. */
  tag: number;
}

export function emptyTransmitter(): E1000TransmitState {
  return {
    scheduled: false, pausedUntil: 0, contexts: [{ ...NO_CONTEXT }, { ...NO_CONTEXT }], cutBy: { ...NO_CONTEXT }, descriptor: undefined, packet: new Uint8Array(LONGEST_PACKET),
    bytes: 0, begun: false, tooLong: false, sent: 0, segments: 0, headers: new Uint8Array(0), options: 0, isCut: false, tag: -1,
  };
}

export interface E1000TransmitParts {
  readonly device: string;
  readonly host: DeviceHost;
  readonly file: RegisterFile;
  readonly memory: DmaMemory;
  readonly statistics: E1000Statistics;
  readonly interrupts: E1000Interrupts;
  readonly state: () => E1000TransmitState;
  /** The card may master the bus, and there is a link or a loopback. */
  readonly canSend: () => boolean;
  /** Puts a frame on the wire, without check sequence. */
  readonly send: (frame: Uint8Array) => void;
}

/** What an event has done. */
interface Work {
  descriptors: number;
  packets: number;
  wireBytes: number;
  /** Bytes that have come over the bus, for packets or for nothing. */
  fetchedBytes: number;
}

export class E1000Transmitter {
  readonly #parts: E1000TransmitParts;
  readonly #ring: DescriptorRing;

  constructor(parts: E1000TransmitParts) {
    this.#parts = parts;
    this.#ring = new DescriptorRing('T', parts.file, parts.memory);
  }

  stop(): void {
    this.#parts.host.cancel(this.#parts.device, EVENT);
  }

  /** There may be something to send, or a way to send it, now. */
  resume(): void {
    this.#schedule(0);
  }

  /** The partner wants a pause of so many cycles; 0 ends it. */
  pause(cycles: number): void {
    this.#parts.state().pausedUntil = this.#parts.host.now() + cycles;
  }

  get isPaused(): boolean {
    return this.#parts.state().pausedUntil > this.#parts.host.now();
  }

  /** A scheduled event has come. Gives whether it was the transmitter's. */
  event(name: string): boolean {
    if (name !== EVENT) return false;
    const { state } = this.#parts;
    state().scheduled = false;
    if (!this.#isRunning()) return true;
    if (this.isPaused) {
      this.#schedule(0);
      return true;
    }
    const work: Work = { descriptors: 0, packets: 0, wireBytes: 0, fetchedBytes: 0 };
    const wasIdle = this.#isIdle();
    while (work.descriptors < BATCH && work.packets < BATCH && !this.#isIdle()) this.#step(work);
    if (this.#isIdle()) {
      if (!wasIdle) this.#parts.interrupts.raise(CAUSE.transmitEmpty);
    } else {
      // What is fetched and never sent takes the bus's time (about the wire's), or a ring of it would hold up the host for ever.
      this.#schedule(Math.max(work.wireBytes, work.fetchedBytes) * BYTE_CYCLES);
    }
    return true;
  }

  #isRunning(): boolean {
    return (this.#parts.file.value('TCTL') & TCTL.enable) !== 0 && this.#parts.canSend();
  }

  #isIdle(): boolean {
    return this.#ring.isEmpty && this.#parts.state().descriptor === undefined;
  }

  #schedule(cycles: number): void {
    const { device, host, state } = this.#parts;
    if (state().scheduled || this.#isIdle() || !this.#isRunning()) return;
    state().scheduled = true;
    host.schedule(device, EVENT, Math.max(host.now() + LATENCY_CYCLES + cycles, state().pausedUntil));
  }

  /** Fetches the next descriptor, or goes on with the one under way. */
  #step(work: Work): void {
    const { state } = this.#parts;
    if (state().descriptor === undefined) {
      const view = this.#ring.read();
      const address = wideAddress(view.getUint32(0, true), view.getUint32(4, true));
      const descriptor = { address, lower: view.getUint32(8, true), upper: view.getUint32(12, true), done: 0 };
      work.descriptors++;
      if (this.#isContext(descriptor)) {
        this.#setContext(view);
        this.#finishDescriptor(descriptor);
        return;
      }
      this.#begin(descriptor);
      state().descriptor = descriptor;
    }
    this.#fetch(work);
  }

  #isContext({ lower }: DescriptorUnderWay): boolean {
    return ((lower >>> 24) & COMMAND.extended) !== 0 && ((lower >>> 20) & 15) === TYPE.context;
  }

  #setContext(view: DataView): void {
    const command = view.getUint8(11);
    const isSegmentation = (command & COMMAND.segmentation) !== 0;
    this.#parts.state().contexts[isSegmentation ? 1 : 0] = {
      ipStart: view.getUint8(0), ipOffset: view.getUint8(1), ipEnd: view.getUint16(2, true), transportStart: view.getUint8(4), transportOffset: view.getUint8(5),
      transportEnd: view.getUint16(6, true), payload: view.getUint32(8, true) & 0xf_ffff, header: view.getUint8(13), segment: view.getUint16(14, true),
      isIpv4: (command & CONTEXT_COMMAND.ipv4) !== 0, isTcp: (command & CONTEXT_COMMAND.tcp) !== 0,
    };
  }

  /** The first data descriptor of a packet says what is to be done with it. */
  #begin({ lower, upper }: DescriptorUnderWay): void {
    const state = this.#parts.state();
    const command = lower >>> 24;
    const isData = (command & COMMAND.extended) !== 0 && ((lower >>> 20) & 15) === TYPE.data;
    if (!state.begun) {
      const [, cutBy] = state.contexts;
      const { header, segment } = cutBy;
      const wantsCut = isData && (command & COMMAND.segmentation) !== 0;
      // Without headers or with an empty segment there is nothing to cut by: the context has failed.
      const isSound = header > 0 && segment > 0 && header + segment <= LONGEST_PACKET;
      Object.assign(state, { begun: true, bytes: 0, sent: 0, segments: 0, headers: new Uint8Array(0), tag: -1, isCut: wantsCut, cutBy, tooLong: wantsCut && !isSound });
      state.options = isData ? (upper >>> 8) & 0xff : 0;
    }
    const isTagged = (command & COMMAND.vlan) !== 0 && (state.isCut || (command & COMMAND.end) !== 0);
    if (isTagged) state.tag = upper >>> 16;
  }

  /** Fetches data up to the descriptor's end, or to the next segment's. What is too much is passed over. */
  #fetch(work: Work): void {
    const { memory, state } = this.#parts;
    const { descriptor, packet, bytes } = state();
    if (descriptor === undefined) return;
    const isExtended = ((descriptor.lower >>> 24) & COMMAND.extended) !== 0;
    const left = (descriptor.lower & (isExtended ? 0xf_ffff : 0xffff)) - descriptor.done;
    const passesOver = this.#hasEnough();
    const count = passesOver ? left : Math.min(left, this.#wanted());
    if (!passesOver && count > 0) {
      memory.read(descriptor.address + descriptor.done, packet.subarray(bytes, bytes + count));
      state().bytes += count;
      work.fetchedBytes += count;
    }
    descriptor.done += count;
    const isEnd = count === left;
    if (!isEnd && !state().isCut) state().tooLong = true;
    if (state().isCut) this.#cut(work, isEnd && this.#endsPacket(descriptor));
    if (!isEnd) return;
    state().descriptor = undefined;
    if (this.#endsPacket(descriptor)) this.#endPacket(work, descriptor);
    this.#finishDescriptor(descriptor);
  }

  /** The packet is too long already, or all of a segmentation's payload has been sent. */
  #hasEnough(): boolean {
    const { isCut, tooLong, headers, sent, cutBy } = this.#parts.state();
    return tooLong || (isCut && headers.length > 0 && sent >= cutBy.payload);
  }

  #endsPacket({ lower }: DescriptorUnderWay): boolean {
    return ((lower >>> 24) & COMMAND.end) !== 0;
  }

  /** Bytes that the packet, or the segment under way, can take. */
  #wanted(): number {
    const { isCut, headers, bytes, cutBy, sent } = this.#parts.state();
    if (!isCut) return LONGEST_PACKET - bytes;
    if (headers.length === 0) return cutBy.header - bytes;
    return Math.min(cutBy.segment, cutBy.payload - sent) + cutBy.header - bytes;
  }

  /** Headers are whole: they are kept. A segment is whole, or it is the packet's last: it is sent. */
  #cut(work: Work, isEnd: boolean): void {
    const { state } = this.#parts;
    if (state().tooLong) return;
    const { headers, bytes, packet, cutBy, sent } = state();
    if (headers.length === 0) {
      if (bytes === cutBy.header) state().headers = packet.slice(0, bytes);
      return;
    }
    const payload = bytes - headers.length;
    const isLast = isEnd || sent + payload >= cutBy.payload;
    if (payload === 0 || (payload < cutBy.segment && !isLast)) return;
    const segment = packet.slice(0, bytes);
    finishSegment(segment, cutBy, this.#options(), { index: state().segments, sent, isLast });
    state().segments++;
    state().sent += payload;
    packet.set(headers);
    state().bytes = headers.length;
    this.#put(work, segment);
  }

  #options(): { ip: boolean; transport: boolean } {
    const { options } = this.#parts.state();
    return { ip: (options & OPTION.ip) !== 0, transport: (options & OPTION.transport) !== 0 };
  }

  /** A descriptor with EOP is done: a packet that is not cut goes out. */
  #endPacket(work: Work, descriptor: DescriptorUnderWay): void {
    const { state, statistics } = this.#parts;
    const { isCut, tooLong, bytes, packet, contexts: [context] } = state();
    state().begun = false;
    if (isCut) {
      statistics.count(tooLong ? 'TSCTFC' : 'TSCTC');
    } else if (!tooLong && bytes >= SHORTEST_PACKET) {
      const whole = packet.slice(0, bytes);
      const command = descriptor.lower >>> 24;
      if ((command & COMMAND.extended) !== 0) insertChecksums(whole, context, this.#options());
      else if ((command & COMMAND.insertChecksum) !== 0) insertChecksum(whole, { start: (descriptor.upper >>> 8) & 0xff, end: 0, offset: (descriptor.lower >>> 16) & 0xff });
      this.#put(work, (command & COMMAND.frameCheck) === 0 ? withoutCheck(whole) : whole);
    }
  }

  /** Tags, pads and sends a packet. */
  #put(work: Work, packet: Uint8Array): void {
    const { file, statistics, send, state } = this.#parts;
    const tagged = state().tag >= 0 && (file.value('CTRL') & CTRL.vlan) !== 0 && packet.length >= ETHERNET.type
      ? withTag(packet, file.value('VET'), state().tag) : packet;
    const isPadded = tagged.length < SHORTEST_FRAME && (file.value('TCTL') & TCTL.padShort) !== 0;
    const frame = isPadded ? new Uint8Array(SHORTEST_FRAME) : tagged;
    if (isPadded) frame.set(tagged);
    statistics.sent(frame, frame.length + CHECK_SEQUENCE_BYTES);
    work.packets++;
    work.wireBytes += frame.length + CHECK_SEQUENCE_BYTES + GAP_BYTES;
    send(frame);
  }

  /** Reports a descriptor that is done, where it asks for that, and goes on to the next. */
  #finishDescriptor({ lower }: DescriptorUnderWay): void {
    const { file, memory, interrupts } = this.#parts;
    const command = lower >>> 24;
    const before = this.#ring.available;
    const reports = (command & (COMMAND.report | COMMAND.reportSent)) !== 0;
    if (reports) {
      const at = this.#ring.address + 12;
      memory.writeByte(at, (memory.readByte(at) & 0xf0) | DONE);
    }
    this.#ring.advance();
    if (reports) interrupts.written((command & COMMAND.delay) !== 0);
    const threshold = (file.value('TXDCTL') >>> 25) * 8;
    if (before >= threshold && this.#ring.available < threshold) interrupts.raise(CAUSE.transmitLow);
  }
}

/**
 * A packet to which software has put the check sequence itself (no IFCS). Where it is none, the packet is sent as it is: there is
 * nobody on our wire who would find out.
 */
function withoutCheck(packet: Uint8Array): Uint8Array {
  const end = packet.length - CHECK_SEQUENCE_BYTES;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return view.getUint32(end, true) === frameCheck(packet.subarray(0, end)) ? packet.subarray(0, end) : packet;
}
