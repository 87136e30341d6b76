/**
 * TCP between guest and host: each connection of the guest's is one of the host's, and the other way round for ports that are
 * forwarded. Each side is read only as fast as the other takes it.
 */
import { UNREACHABLE_CODE } from './icmp';
import type { UnreachableCode } from './icmp';
import type { Packet } from './ipv4';
import { PLAN } from './plan';
import type { HostNetwork, HostStream, StreamEvents, StreamFailure } from './surroundings';
import { TcpConnection } from './tcp/connection';
import type { ConnectionSurroundings, TcpUser } from './tcp/connection';
import { FLAG, advance, parseSegment, segmentBytes, sequenceLength } from './tcp/segment';
import type { Segment } from './tcp/segment';
import type { Timers } from './timers';

const MOST_CONNECTIONS = 512;
/** Connections of the guest's that the host has not made yet; more of its SYNs are dropped. */
const MOST_CONNECTING = 128;
/** The guest has long given up by then. */
const CONNECT_MS = 75_000;
/** Ports of ours from which forwarded connections come. */
const FIRST_PORT = 49_152;
const LAST_PORT = 65_535;

export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

export interface TcpSurroundings {
  readonly timers: Timers;
  readonly host: HostNetwork;
  /** Sends the bytes of a segment to a guest. */
  readonly send: (source: number, destination: number, segment: Uint8Array) => void;
  readonly unreachable: (code: UnreachableCode, packet: Packet) => void;
  /** Where the host finds what the guest calls this; or why it may not go there. */
  readonly route: (destination: Endpoint) => Endpoint | 'refused' | 'prohibited';
}

/** The four numbers that make a connection, the guest's first. */
interface Place {
  readonly guest: Endpoint;
  readonly far: Endpoint;
}

function keyOf({ guest, far }: Place): string {
  return `${guest.address}:${guest.port} ${far.address}:${far.port}`;
}

/** A connection of the guest's and one of the host's, tied together. */
class Relay implements TcpUser, StreamEvents {
  connection: TcpConnection | undefined;
  private stream: HostStream | undefined;
  private paused = false;
  private hostEnded = false;
  private over = false;

  constructor(readonly place: Place, private readonly nat: TcpNat, private syn: { segment: Segment; readonly packet: Packet } | undefined) {}

  get isConnecting(): boolean {
    return this.connection === undefined;
  }

  attach(stream: HostStream): void {
    if (this.over) stream.reset();
    else this.stream = stream;
  }

  /** The guest calls again before the host has answered: its latest SYN counts. */
  calledAgain(segment: Segment): void {
    if (this.syn !== undefined) this.syn.segment = segment;
  }

  callGuest(connection: TcpConnection): void {
    this.connection = connection;
    this.pause();
  }

  /** Takes both sides down; the guest sees a reset. */
  drop(): void {
    this.connection?.abort();
    this.stream?.reset();
    this.leave();
  }

  // What the guest's side says.

  /** Of the guest's connection, or of the host's when the guest is still to be answered. */
  connected(): void {
    if (this.over) return;
    if (this.connection === undefined) {
      if (this.syn !== undefined) this.connection = this.nat.accept(this, this.syn.segment);
      this.syn = undefined;
      return;
    }
    this.resume();
  }

  received(bytes: Uint8Array): void {
    this.stream?.write(bytes, () => {
      this.connection?.consumed(bytes.length);
      this.connection?.settle();
    });
  }

  /** Of either side: which one is told by whom it is asked. */
  ended(): void {
    this.stream?.end();
  }

  sendable(): void {
    if (this.paused && (this.connection?.room ?? 0) > 0) this.resume();
  }

  closed(how: 'orderly' | 'reset' | 'refused' | 'timed-out'): void {
    if (how !== 'orderly' || !this.hostEnded) this.stream?.reset();
    this.leave();
  }

  // What the host's side says.

  data(bytes: Uint8Array): void {
    this.connection?.send(bytes);
    if ((this.connection?.room ?? 0) <= 0) this.pause();
  }

  hostEnd(): void {
    this.hostEnded = true;
    this.connection?.end();
  }

  failed(why: StreamFailure): void {
    if (this.over) return;
    if (this.connection !== undefined) this.connection.abort();
    else if (this.syn !== undefined) this.nat.callFailed(this.syn.segment, this.syn.packet, why);
    this.leave();
  }

  private pause(): void {
    this.paused = true;
    this.stream?.pause();
  }

  private resume(): void {
    this.paused = false;
    this.stream?.resume();
  }

  private leave(): void {
    this.over = true;
    this.nat.forget(this);
  }
}

export class TcpNat {
  private readonly relays = new Map<string, Relay>();
  private connecting = 0;
  private readonly touched = new Set<TcpConnection>();
  private lastPort = FIRST_PORT - 1;

  constructor(private readonly around: TcpSurroundings) {}

  get connections(): number {
    return this.relays.size;
  }

  receive(packet: Packet): void {
    const segment = parseSegment(packet.payload, packet.source, packet.destination);
    if (segment === undefined) return;
    const place = {
      guest: { address: packet.source, port: segment.sourcePort },
      far: { address: packet.destination, port: segment.destinationPort },
    };
    const relay = this.relays.get(keyOf(place));
    if (relay === undefined || relay.connection?.mayBeReopenedBy(segment) === true) {
      relay?.drop();
      this.unknown(place, segment, packet);
    } else if (relay.connection === undefined) {
      if ((segment.flags & FLAG.rst) !== 0) relay.drop();
      else if ((segment.flags & FLAG.syn) !== 0) relay.calledAgain(segment);
    } else {
      relay.connection.receive(segment);
      this.touched.add(relay.connection);
    }
  }

  /** Acknowledges what has come since the last call. */
  settle(): void {
    for (const connection of this.touched) connection.settle();
    this.touched.clear();
  }

  /** Connects a stream that somebody has opened to the host with a port of the guest's. */
  forward(guest: Endpoint, open: (events: StreamEvents) => HostStream): void {
    const place = { guest, far: { address: PLAN.gateway, port: this.freePort(guest) } };
    const relay = new Relay(place, this, undefined);
    relay.attach(open(this.eventsOf(relay)));
    if (!this.makeRoom() || place.far.port === 0) {
      relay.drop();
      return;
    }
    this.relays.set(keyOf(place), relay);
    relay.callGuest(TcpConnection.open({ sourcePort: place.far.port, destinationPort: guest.port }, relay, this.surroundingsOf(place)));
  }

  close(): void {
    for (const relay of [...this.relays.values()]) relay.drop();
  }

  // What relays ask.

  accept(relay: Relay, syn: Segment): TcpConnection {
    this.connecting -= 1;
    const ends = { sourcePort: relay.place.far.port, destinationPort: relay.place.guest.port };
    return TcpConnection.accept(syn, ends, relay, this.surroundingsOf(relay.place));
  }

  callFailed(syn: Segment, packet: Packet, why: StreamFailure): void {
    if (why === 'unreachable') this.around.unreachable(UNREACHABLE_CODE.host, packet);
    else this.refuse(syn, packet);
  }

  forget(relay: Relay): void {
    if (this.relays.get(keyOf(relay.place)) !== relay) return;
    this.relays.delete(keyOf(relay.place));
    if (relay.isConnecting) this.connecting -= 1;
    if (relay.connection !== undefined) this.touched.delete(relay.connection);
  }

  private unknown(place: Place, segment: Segment, packet: Packet): void {
    if ((segment.flags & (FLAG.syn | FLAG.ack | FLAG.rst)) !== FLAG.syn) {
      this.refuse(segment, packet);
      return;
    }
    const target = this.around.route(place.far);
    if (target === 'prohibited') this.around.unreachable(UNREACHABLE_CODE.prohibited, packet);
    else if (target === 'refused' || !this.makeRoom()) this.refuse(segment, packet);
    else if (this.connecting < MOST_CONNECTING) this.call(place, target, segment, packet);
  }

  private call(place: Place, target: Endpoint, segment: Segment, packet: Packet): void {
    const relay = new Relay(place, this, { segment, packet: { ...packet, payload: new Uint8Array(), quote: packet.quote.slice() } });
    this.relays.set(keyOf(place), relay);
    this.connecting += 1;
    const limit = this.around.timers.create(() => { if (relay.isConnecting) relay.drop(); });
    limit.set(CONNECT_MS);
    const events = this.eventsOf(relay);
    relay.attach(this.around.host.connect(target.address, target.port, {
      ...events,
      connected: () => {
        limit.stop();
        events.connected();
      },
      failed: (why) => {
        limit.stop();
        events.failed(why);
      },
    }));
  }

  private eventsOf(relay: Relay): StreamEvents {
    return {
      connected: () => relay.connected(),
      data: (bytes) => relay.data(bytes),
      ended: () => relay.hostEnd(),
      failed: (why) => relay.failed(why),
    };
  }

  private surroundingsOf({ guest, far }: Place): ConnectionSurroundings {
    const { timers, host, send } = this.around;
    return { timers, random: () => host.random(), send: (segment) => send(far.address, guest.address, segmentBytes(segment, far.address, guest.address)) };
  }

  /** RFC 9293, 3.10.7.1: what belongs to no connection is answered with a reset, but for resets. */
  private refuse(segment: Segment, packet: Packet): void {
    if ((segment.flags & FLAG.rst) !== 0) return;
    const isAck = (segment.flags & FLAG.ack) !== 0;
    const reset: Segment = {
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      sequence: isAck ? segment.acknowledgment : 0,
      acknowledgment: isAck ? 0 : advance(segment.sequence, sequenceLength(segment)),
      flags: isAck ? FLAG.rst : FLAG.rst | FLAG.ack,
      window: 0,
      payload: new Uint8Array(),
    };
    this.around.send(packet.destination, packet.source, segmentBytes(reset, packet.destination, packet.source));
  }

  /** Room for one more connection, of those that only wait for stragglers if need be. */
  private makeRoom(): boolean {
    if (this.relays.size < MOST_CONNECTIONS) return true;
    for (const relay of this.relays.values()) {
      if (relay.connection?.state !== 'time-wait') continue;
      relay.drop();
      return true;
    }
    return false;
  }

  /** A port of the gateway's that has no connection with this one of the guest's; 0 when there is none. */
  private freePort(guest: Endpoint): number {
    for (let tries = FIRST_PORT; tries <= LAST_PORT; tries += 1) {
      this.lastPort = this.lastPort >= LAST_PORT ? FIRST_PORT : this.lastPort + 1;
      if (!this.relays.has(keyOf({ guest, far: { address: PLAN.gateway, port: this.lastPort } }))) return this.lastPort;
    }
    return 0;
  }
}
