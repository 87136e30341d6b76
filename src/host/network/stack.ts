/**
 * The network behind a machine's card: what QEMU's user network is to a guest. Takes the guest's frames, gives frames to it,
 * and asks the host for connections. No Node API and no clock of its own: see ./surroundings and ./timers.
 */
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpServer } from './dhcp';
import { DNS_CODE, DNS_PORT, failure, isQuery } from './dns';
import { EthernetLink } from './ethernet';
import { UNREACHABLE_CODE, echoReply, isIcmpQuery, timeExceeded, unreachable } from './icmp';
import type { UnreachableCode } from './icmp';
import { PROTOCOL, packetsOf, parsePacket } from './ipv4';
import type { Packet } from './ipv4';
import { LIMITED_BROADCAST, PLAN, ipv4, isGuestAddress, isOutside } from './plan';
import type { StackOptions } from './plan';
import { Reassembly } from './reassembly';
import type { HostNetwork, HostStream, StreamEvents } from './surroundings';
import { TcpNat } from './tcpNat';
import type { Endpoint } from './tcpNat';
import { TftpServer } from './tftp';
import type { Timers } from './timers';
import { parseUdp, udpBytes } from './udp';
import type { UdpDatagram } from './udp';
import { UdpNat } from './udpNat';

const LOOPBACK = ipv4('127.0.0.1');
/** Questions to the host's resolver, and echo requests to elsewhere, at once; more are dropped. */
const MOST_QUESTIONS = 64;
const MOST_PINGS = 8;

/** How much the stack holds, for tests and the curious. */
export interface StackCounts {
  readonly connections: number;
  readonly datagramFlows: number;
  readonly transfers: number;
  readonly reassemblies: number;
  readonly timers: number;
}

export class NetworkStack {
  private readonly link: EthernetLink;
  private readonly reassembly: Reassembly;
  private readonly dhcp: DhcpServer;
  private readonly tftp: TftpServer;
  private readonly tcp: TcpNat;
  private readonly udp: UdpNat;
  private questions = 0;
  private pings = 0;
  private closed = false;

  /** @param emit takes a frame for the guest's card */
  constructor(private readonly options: StackOptions, private readonly host: HostNetwork, private readonly timers: Timers, emit: (frame: Uint8Array) => void) {
    this.link = new EthernetLink((frame) => { if (!this.closed) emit(frame); }, (bytes, mac) => this.receivePacket(bytes, mac));
    this.reassembly = new Reassembly(timers);
    this.dhcp = new DhcpServer(options);
    const around = { timers, host, unreachable: (code: UnreachableCode, packet: Packet) => this.report(unreachable(code, packet.quote), packet) };
    const send = (source: Endpoint, destination: Endpoint, payload: Uint8Array): void => this.sendUdp(source, destination, payload);
    this.tftp = new TftpServer({ ...around, send: (port, client, payload) => send({ address: PLAN.gateway, port }, client, payload) });
    this.udp = new UdpNat({ ...around, send });
    this.tcp = new TcpNat({
      ...around,
      send: (source, destination, segment) => this.send(source, destination, PROTOCOL.tcp, segment),
      route: (destination) => this.route(destination),
    });
  }

  /** Takes a frame from the guest. `settle` is called when no more are at hand. */
  receive(frame: Uint8Array): void {
    this.link.receive(frame);
  }

  /** Acknowledges what came. */
  settle(): void {
    this.tcp.settle();
  }

  /** Connects what somebody has opened to the host with a TCP port of the guest's. */
  forwardStream(guest: Endpoint, open: (events: StreamEvents) => HostStream): void {
    this.tcp.forward(guest, open);
  }

  /** Hands a datagram that came to the host to a UDP port of the guest's. */
  forwardDatagram(guest: Endpoint, peer: Endpoint, bytes: Uint8Array, reply: (bytes: Uint8Array) => void): void {
    this.udp.forward(guest, peer, bytes, reply);
  }

  get counts(): StackCounts {
    return {
      connections: this.tcp.connections, datagramFlows: this.udp.count, transfers: this.tftp.count,
      reassemblies: this.reassembly.waiting, timers: this.timers.count,
    };
  }

  close(): void {
    this.tcp.close();
    this.udp.close();
    this.tftp.close();
    this.closed = true;
  }

  private receivePacket(bytes: Uint8Array, mac: Uint8Array): void {
    const part = parsePacket(bytes);
    if (part === undefined || (part.source !== 0 && !isGuestAddress(part.source))) return;
    if (part.source !== 0) this.link.learn(part.source, mac);
    const packet = this.reassembly.take(part);
    if (packet === undefined) return;
    const { destination, protocol, source } = packet;
    if (protocol === PROTOCOL.udp) {
      const datagram = parseUdp(packet.payload, source, destination);
      if (datagram !== undefined) this.receiveUdp(packet, datagram);
      return;
    }
    // Without an address of its own a guest can but ask for one.
    if (source === 0) return;
    const isLocal = destination === PLAN.gateway || destination === PLAN.nameServer;
    if (!isLocal && !this.mayLeave(packet)) return;
    if (protocol === PROTOCOL.icmp) this.receiveIcmp(packet, isLocal);
    else if (protocol === PROTOCOL.tcp) this.tcp.receive(packet);
  }

  /** Whether a packet may be sent on; if it may not, its sender is told where that is right. */
  private mayLeave(packet: Packet): boolean {
    if (!isOutside(packet.destination)) return false;
    if (packet.protocol === PROTOCOL.icmp && !isIcmpQuery(packet.payload)) return false;
    if (packet.ttl <= 1) this.report(timeExceeded(packet.quote), packet);
    else if (this.options.restrict) this.report(unreachable(UNREACHABLE_CODE.prohibited, packet.quote), packet);
    else return true;
    return false;
  }

  private route({ address, port }: Endpoint): Endpoint | 'refused' | 'prohibited' {
    if (address === PLAN.nameServer) return port === DNS_PORT && !this.options.restrict ? this.host.resolverAddress ?? 'refused' : 'refused';
    if (this.options.restrict) return 'prohibited';
    return { address: address === PLAN.gateway ? LOOPBACK : address, port };
  }

  private receiveUdp(packet: Packet, datagram: UdpDatagram): void {
    const { source, destination } = packet;
    const isBroadcast = destination === LIMITED_BROADCAST || destination === PLAN.broadcast;
    if (datagram.destinationPort === DHCP_SERVER_PORT && (isBroadcast || destination === PLAN.gateway)) this.receiveDhcp(datagram);
    else if (source === 0 || isBroadcast) return;
    else if (destination === PLAN.nameServer) this.receiveDns(packet, datagram);
    else if (destination === PLAN.gateway) this.receiveForGateway(packet, datagram);
    else if (this.mayLeave(packet)) this.udp.send(packet, datagram);
  }

  private receiveDhcp(datagram: UdpDatagram): void {
    const reply = this.dhcp.answer(datagram.payload);
    if (reply === undefined) return;
    const destination = reply.destination ?? LIMITED_BROADCAST;
    const bytes = udpBytes({ sourcePort: DHCP_SERVER_PORT, destinationPort: DHCP_CLIENT_PORT, payload: reply.bytes }, PLAN.gateway, destination);
    for (const each of packetsOf({ source: PLAN.gateway, destination, protocol: PROTOCOL.udp }, bytes)) {
      if (reply.destination === undefined) this.link.send(destination, each);
      else this.link.sendTo(reply.mac, each);
    }
  }

  private receiveForGateway(packet: Packet, datagram: UdpDatagram): void {
    const { sourcePort, destinationPort, payload } = datagram;
    if (this.tftp.receive({ address: packet.source, port: sourcePort }, destinationPort, payload)) return;
    if (this.options.restrict && !this.udp.isAnswer(packet.source, datagram)) {
      this.report(unreachable(UNREACHABLE_CODE.prohibited, packet.quote), packet);
      return;
    }
    this.udp.send(packet, datagram);
  }

  private receiveDns(packet: Packet, { sourcePort, destinationPort, payload }: UdpDatagram): void {
    if (destinationPort !== DNS_PORT) {
      this.report(unreachable(UNREACHABLE_CODE.port, packet.quote), packet);
      return;
    }
    if (!isQuery(payload)) return;
    const query = payload.slice();
    const answer = (bytes: Uint8Array | undefined): void => {
      if (bytes !== undefined) this.sendUdp({ address: PLAN.nameServer, port: DNS_PORT }, { address: packet.source, port: sourcePort }, bytes);
    };
    if (this.options.restrict) {
      answer(failure(query, DNS_CODE.refused));
      return;
    }
    if (this.questions >= MOST_QUESTIONS) return;
    this.questions += 1;
    this.host.resolve(query).catch(() => undefined).then((bytes) => {
      this.questions -= 1;
      answer(bytes ?? failure(query, DNS_CODE.serverFailure));
    }, () => undefined);
  }

  private receiveIcmp(packet: Packet, isLocal: boolean): void {
    const reply = echoReply(packet.payload);
    if (reply === undefined) return;
    const { source, destination } = packet;
    if (isLocal) {
      this.send(destination, source, PROTOCOL.icmp, reply);
      return;
    }
    if (this.pings >= MOST_PINGS) return;
    this.pings += 1;
    this.host.ping(destination).catch(() => false).then((isThere) => {
      this.pings -= 1;
      if (isThere) this.send(destination, source, PROTOCOL.icmp, reply);
    }, () => undefined);
  }

  /** Tells a packet's sender what became of it. */
  private report(message: Uint8Array, { source }: Packet): void {
    this.send(PLAN.gateway, source, PROTOCOL.icmp, message);
  }

  private sendUdp(source: Endpoint, destination: Endpoint, payload: Uint8Array): void {
    const bytes = udpBytes({ sourcePort: source.port, destinationPort: destination.port, payload }, source.address, destination.address);
    this.send(source.address, destination.address, PROTOCOL.udp, bytes);
  }

  private send(source: number, destination: number, protocol: number, payload: Uint8Array): void {
    for (const packet of packetsOf({ source, destination, protocol }, payload)) this.link.send(destination, packet);
  }
}
