/** UDP between guest and host: each port of the guest's has a socket of the host's for a while, and so has each peer of a forwarded port. */
import { UNREACHABLE_CODE } from './icmp';
import type { UnreachableCode } from './icmp';
import type { Packet } from './ipv4';
import { PLAN, ipv4 } from './plan';
import type { HostDatagrams, HostNetwork } from './surroundings';
import type { Endpoint } from './tcpNat';
import type { Timer, Timers } from './timers';
import type { UdpDatagram } from './udp';

const LOOPBACK = ipv4('127.0.0.1');
const MOST_FLOWS = 256;
const MOST_SESSIONS = 256;
/** Peers of one flow that are let in; a guest that talks to more hears the latest. */
const MOST_PEERS = 256;
/** RFC 4787 asks for at least two minutes. */
const FLOW_MS = 120_000;

export interface UdpSurroundings {
  readonly timers: Timers;
  readonly host: HostNetwork;
  readonly send: (source: Endpoint, destination: Endpoint, payload: Uint8Array) => void;
  readonly unreachable: (code: UnreachableCode, packet: Packet) => void;
}

/** A port of the guest's, with its sockets. */
interface Flow {
  readonly loopback: { socket: HostDatagrams | undefined };
  readonly outside: { socket: HostDatagrams | undefined };
  /** Addresses from which answers are let in: those that the guest has sent something to. */
  readonly peers: Set<number>;
  readonly timer: Timer;
}

/** A peer that has sent something to a forwarded port: the guest answers it by a port of the gateway's. */
interface Session {
  readonly reply: (bytes: Uint8Array) => void;
  readonly timer: Timer;
  readonly end: () => void;
}

export class UdpNat {
  private readonly flows = new Map<string, Flow>();
  private readonly sessions = new Map<string, Session>();
  /** Gateway's port of each peer of each forwarded port. */
  private readonly sessionPorts = new Map<string, number>();

  constructor(private readonly around: UdpSurroundings) {}

  get count(): number {
    return this.flows.size + this.sessions.size;
  }

  /** Whether a datagram to the gateway answers somebody who has sent something to a forwarded port. */
  isAnswer(source: number, { sourcePort, destinationPort }: UdpDatagram): boolean {
    return this.sessions.has(sessionKey({ address: source, port: sourcePort }, destinationPort));
  }

  /** A datagram from the guest to the gateway (which is the host's loopback interface) or beyond. */
  send(packet: Packet, { sourcePort, destinationPort, payload }: UdpDatagram): void {
    const guest = { address: packet.source, port: sourcePort };
    const toGateway = packet.destination === PLAN.gateway;
    const session = toGateway ? this.sessions.get(sessionKey(guest, destinationPort)) : undefined;
    if (session !== undefined) {
      session.timer.set(FLOW_MS);
      session.reply(payload);
      return;
    }
    const flow = this.flowOf(guest);
    const destination = toGateway ? LOOPBACK : packet.destination;
    flow.peers.delete(destination);
    flow.peers.add(destination);
    if (flow.peers.size > MOST_PEERS) flow.peers.delete(flow.peers.values().next().value ?? 0);
    const where = toGateway ? 'loopback' : 'outside';
    const slot = flow[where];
    slot.socket ??= this.around.host.openDatagrams(where, (bytes, address, port) => {
      if (!flow.peers.has(address)) return;
      flow.timer.set(FLOW_MS);
      this.around.send({ address: address === LOOPBACK ? PLAN.gateway : address, port }, guest, bytes);
    });
    const quoted = { ...packet, payload: new Uint8Array(), quote: packet.quote.slice() };
    slot.socket.send(payload.slice(), destination, destinationPort, () => this.around.unreachable(UNREACHABLE_CODE.host, quoted));
  }

  /** Something came to a forwarded port from a peer of the host's. `reply` sends something back there. */
  forward(guest: Endpoint, peer: Endpoint, bytes: Uint8Array, reply: (bytes: Uint8Array) => void): void {
    const peerKey = `${guest.address}:${guest.port} ${peer.address}:${peer.port}`;
    const port = this.sessionPorts.get(peerKey) ?? this.freeSessionPort(guest, peer.port);
    const key = sessionKey(guest, port);
    const known = this.sessions.get(key);
    if (known === undefined) this.openSession(key, peerKey, port, reply);
    else known.timer.set(FLOW_MS);
    this.around.send({ address: PLAN.gateway, port }, guest, bytes);
  }

  close(): void {
    for (const [key, flow] of [...this.flows]) this.closeFlow(key, flow);
    for (const { end } of [...this.sessions.values()]) end();
  }

  private flowOf(guest: Endpoint): Flow {
    const key = `${guest.address}:${guest.port}`;
    const known = this.flows.get(key);
    // The map is in order of use, the longest unused first.
    this.flows.delete(key);
    const flow = known ?? {
      loopback: { socket: undefined },
      outside: { socket: undefined },
      peers: new Set<number>(),
      timer: this.around.timers.create(() => this.closeFlow(key, flow)),
    };
    flow.timer.set(FLOW_MS);
    this.flows.set(key, flow);
    if (this.flows.size > MOST_FLOWS) {
      const [oldest] = this.flows;
      this.closeFlow(...oldest);
    }
    return flow;
  }

  private closeFlow(key: string, flow: Flow): void {
    flow.timer.stop();
    flow.loopback.socket?.close();
    flow.outside.socket?.close();
    this.flows.delete(key);
  }

  private openSession(key: string, peerKey: string, port: number, reply: (bytes: Uint8Array) => void): void {
    const end = (): void => {
      timer.stop();
      this.sessions.delete(key);
      this.sessionPorts.delete(peerKey);
    };
    const timer = this.around.timers.create(end);
    if (this.sessions.size >= MOST_SESSIONS) this.sessions.values().next().value?.end();
    timer.set(FLOW_MS);
    this.sessions.set(key, { reply, timer, end });
    this.sessionPorts.set(peerKey, port);
  }

  /** The peer's own port if no other peer has it. */
  private freeSessionPort(guest: Endpoint, wanted: number): number {
    let port = wanted;
    while (this.sessions.has(sessionKey(guest, port))) port = port >= 65_535 ? 1024 : port + 1;
    return port;
  }
}

function sessionKey(guest: Endpoint, port: number): string {
  return `${guest.address}:${guest.port} ${port}`;
}
