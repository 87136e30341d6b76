/** A guest's TCP as plain as can be, for tests: go-back-N, a fixed time-out, an acknowledgment for each segment. */
import { PROTOCOL } from '../../../src/host/network/ipv4';
import { FLAG, advance, distance, parseSegment, segmentBytes } from '../../../src/host/network/tcp/segment';
import type { Segment } from '../../../src/host/network/tcp/segment';
import { GUEST } from './world';
import type { World } from './world';

const TIMEOUT_MS = 250;

export interface GuestOptions {
  readonly segmentSize?: number;
  /** Bytes that it has room for; what it has taken is read at once unless `reads` says otherwise. */
  readonly window?: number;
  readonly windowScale?: number;
  /** Whether it reads at this moment. */
  readonly reads?: () => boolean;
  readonly initial?: number;
}

export class GuestTcp {
  state: 'syn' | 'open' | 'reset' = 'syn';
  readonly received: Uint8Array[] = [];
  peerEnded = false;
  /** The server's segments in order of arrival. */
  readonly segments: Segment[] = [];
  largestSegment = 0;
  private unread = 0;
  private una: number;
  private next: number;
  private expected = 0;
  private sendWindow = 0;
  private peerScale = 0;
  private outgoing = new Uint8Array();
  private finWanted = false;
  private readonly early = new Map<number, Segment>();
  private quietSince = 0;
  private stopped = false;

  constructor(private readonly world: World, readonly address: number, readonly port: number, readonly local: number, private readonly options: GuestOptions = {}) {
    this.una = options.initial ?? 0xffff_f000;
    this.next = this.una;
  }

  get receivedBytes(): Uint8Array {
    return Buffer.concat(this.received);
  }

  get isAllAcknowledged(): boolean {
    return this.outgoing.length === 0 && this.una === this.next;
  }

  connect(): this {
    this.sendSyn();
    this.tick();
    return this;
  }

  write(bytes: Uint8Array): void {
    this.outgoing = new Uint8Array(Buffer.concat([this.outgoing, bytes]));
    this.transmit();
  }

  end(): void {
    this.finWanted = true;
    this.transmit();
  }

  abort(): void {
    this.send(FLAG.rst | FLAG.ack, this.next);
    this.state = 'reset';
  }

  /** Stops its clock, as a guest does that is switched off. */
  stop(): void {
    this.stopped = true;
  }

  /** Takes a packet's payload if it is for this connection. */
  receive(bytes: Uint8Array, source: number, destination: number): void {
    const segment = parseSegment(bytes, source, destination);
    if (segment === undefined) throw new Error('a segment of the stack has a wrong checksum');
    if (source !== this.address || segment.sourcePort !== this.port || segment.destinationPort !== this.local || this.stopped) return;
    this.segments.push({ ...segment, payload: segment.payload.slice(0, 8) });
    this.largestSegment = Math.max(this.largestSegment, segment.payload.length);
    if (this.state === 'reset') return;
    if ((segment.flags & FLAG.rst) !== 0) {
      this.state = 'reset';
      return;
    }
    if (this.state === 'syn') {
      if ((segment.flags & (FLAG.syn | FLAG.ack)) !== (FLAG.syn | FLAG.ack)) return;
      this.state = 'open';
      this.expected = advance(segment.sequence, 1);
      this.peerScale = this.options.windowScale === undefined ? 0 : segment.windowScale ?? 0;
      this.una = advance(this.una, 1);
      this.sendWindow = segment.window;
      this.acknowledge();
      this.transmit();
      return;
    }
    if ((segment.flags & FLAG.syn) !== 0) {
      this.acknowledge();
      return;
    }
    this.takeAck(segment);
    if (segment.payload.length > 0 || (segment.flags & FLAG.fin) !== 0) this.takeData(segment);
    else if (distance(segment.sequence, this.expected) < 0) this.acknowledge();
    this.transmit();
  }

  /** Sends the window again: it has read. */
  acknowledge(): void {
    this.send(FLAG.ack, this.next);
  }

  private takeAck({ acknowledgment, window }: Segment): void {
    const acked = distance(acknowledgment, this.una);
    if (acked < 0) return;
    if (acked > 0) {
      this.outgoing = this.outgoing.subarray(Math.min(acked, this.outgoing.length));
      this.una = acknowledgment;
      if (distance(this.next, this.una) < 0) this.next = this.una;
      this.quietSince = this.world.now;
    }
    this.sendWindow = window << this.peerScale;
  }

  private takeData(segment: Segment): void {
    const past = distance(this.expected, segment.sequence);
    const length = segment.payload.length;
    if (past < 0) this.early.set(segment.sequence, { ...segment, payload: segment.payload.slice() });
    else if (length > past || (length === past && (segment.flags & FLAG.fin) !== 0)) {
      // What the window has no room for was sent against our will.
      const room = this.room();
      const bytes = segment.payload.slice(past, past + room);
      this.received.push(bytes);
      this.unread += bytes.length;
      this.expected = advance(this.expected, bytes.length);
      if ((segment.flags & FLAG.fin) !== 0 && bytes.length === length - past && !this.peerEnded) {
        this.peerEnded = true;
        this.expected = advance(this.expected, 1);
      }
      for (const [sequence, early] of [...this.early].sort(([a], [b]) => distance(a, b))) {
        if (distance(sequence, this.expected) > 0) break;
        this.early.delete(sequence);
        this.takeData(early);
      }
    }
    this.acknowledge();
  }

  private room(): number {
    if (this.options.reads?.() ?? true) this.unread = 0;
    return Math.max(0, (this.options.window ?? 65_535) - this.unread);
  }

  private transmit(): void {
    if (this.state !== 'open') return;
    for (;;) {
      const offset = distance(this.next, this.una);
      const count = Math.min(this.outgoing.length - offset, 1460, this.sendWindow - offset);
      if (count <= 0) break;
      this.send(FLAG.ack, this.next, this.outgoing.subarray(offset, offset + count));
      this.next = advance(this.next, count);
    }
    if (this.finWanted && distance(this.next, this.una) === this.outgoing.length && !this.finAcknowledged) {
      this.send(FLAG.ack | FLAG.fin, this.next);
      this.finAt ??= this.next;
      this.next = advance(this.next, 1);
    }
  }

  private finAt: number | undefined;

  get finAcknowledged(): boolean {
    return this.finAt !== undefined && distance(this.una, this.finAt) > 0;
  }

  private tick(): void {
    this.world.later(TIMEOUT_MS, () => {
      if (this.stopped || this.state === 'reset') return;
      if (this.state === 'syn') this.sendSyn();
      else if (this.una !== this.next && this.world.now - this.quietSince >= TIMEOUT_MS) {
        this.next = this.una;
        this.transmit();
        // A closed window is asked about with one byte.
        if (this.next === this.una && this.outgoing.length > 0) this.send(FLAG.ack, this.una, this.outgoing.subarray(0, 1));
      } else if (this.una === this.next && this.outgoing.length > 0) this.send(FLAG.ack, this.una, this.outgoing.subarray(0, 1));
      this.tick();
    });
  }

  private sendSyn(): void {
    this.next = this.una;
    this.send(FLAG.syn, this.una);
    this.next = advance(this.una, 1);
  }

  private send(flags: number, sequence: number, payload: Uint8Array = new Uint8Array()): void {
    const { segmentSize, windowScale } = this.options;
    const isSyn = (flags & FLAG.syn) !== 0;
    const scale = isSyn ? 0 : windowScale ?? 0;
    const segment = {
      sourcePort: this.local, destinationPort: this.port, sequence, acknowledgment: (flags & FLAG.ack) === 0 ? 0 : this.expected, flags,
      window: Math.min(0xffff, this.room() >> scale), payload,
      ...(isSyn && segmentSize !== undefined ? { segmentSize } : {}), ...(isSyn && windowScale !== undefined ? { windowScale } : {}),
    };
    this.world.sendPacket(this.address, PROTOCOL.tcp, segmentBytes(segment, GUEST, this.address));
  }
}

/** Hands packets to the guest's connections. */
export class Guest {
  readonly connections = new Map<number, GuestTcp>();

  constructor(readonly world: World) {
    world.onPacket = ({ protocol, payload, source, destination }) => {
      if (protocol !== PROTOCOL.tcp) return;
      this.connections.get((payload[2] << 8) | payload[3])?.receive(payload, source, destination);
    };
  }

  open(port: number, address: number, options?: GuestOptions): GuestTcp {
    const connection = new GuestTcp(this.world, address, port, 30_000 + this.connections.size, options);
    this.connections.set(connection.local, connection);
    return connection.connect();
  }
}
