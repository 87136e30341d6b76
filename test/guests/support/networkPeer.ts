/**
 * A host at the other end of a guest's network cable, 10.0.2.2: answers ARP and ICMP echo, takes in UDP and TCP data on
 * port 9, and checks every checksum on the way. Frames come and go without check sequence.
 */
import assert from 'node:assert/strict';

export const PEER_ADDRESS = [10, 0, 2, 2] as const;
const PEER_MAC = [0x52, 0x55, 10, 0, 2, 2] as const;
const TYPE = { ipv4: 0x0800, arp: 0x0806 } as const;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
/** Takes everything and says nothing (RFC 863). */
const DISCARD_PORT = 9;
const TCP = { fin: 1, syn: 2, ack: 16 } as const;
const IP_AT = 14;

/** Ones' complement sum of 16-bit words (RFC 1071). */
function sum(bytes: Uint8Array): number {
  let total = 0;
  bytes.forEach((byte, index) => { total += index % 2 === 0 ? byte << 8 : byte; });
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];
const words = (...values: readonly number[]): number[] => values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]);

function withPseudoHeader(addresses: Uint8Array, protocol: number, segment: Uint8Array): Uint8Array {
  return Uint8Array.from([...addresses, 0, protocol, ...words(segment.length), ...segment]);
}

export class NetworkPeer {
  /** All frames from the guest. */
  readonly frames: Uint8Array[] = [];
  /** What came to the TCP port, in order, and whether the guest has closed. */
  readonly stream: number[] = [];
  closed = false;
  /** Datagrams that came to the UDP port that discards. */
  datagrams = 0;
  readonly #send: (frame: Uint8Array) => void;
  #guestMac: Uint8Array = new Uint8Array(6);
  #expected = 0;
  #identification = 0;

  constructor(send: (frame: Uint8Array) => void) {
    this.#send = send;
  }

  /** Output of the channel 'net0': frames behind their lengths. */
  take(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length;) {
      const length = view.getUint32(at, true);
      this.#frame(bytes.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
  }

  /** Sends a UDP datagram to a port of the guest at 10.0.2.15. */
  sendDatagram(port: number, data: readonly number[]): void {
    this.#sendUdp(Uint8Array.of(10, 0, 2, 15), DISCARD_PORT, port, Uint8Array.from(data));
  }

  #frame(frame: Uint8Array): void {
    this.frames.push(frame);
    this.#guestMac = frame.slice(6, 12);
    const type = word(frame, 12);
    if (type === TYPE.arp) this.#arp(frame.subarray(IP_AT));
    else if (type === TYPE.ipv4) this.#ip(frame.subarray(IP_AT));
  }

  #ethernet(type: number, payload: readonly number[]): void {
    const frame = [...this.#guestMac, ...PEER_MAC, ...words(type), ...payload];
    this.#send(Uint8Array.from([...frame, ...new Array<number>(Math.max(0, 60 - frame.length)).fill(0)]));
  }

  #arp(packet: Uint8Array): void {
    if (word(packet, 6) !== 1 || !PEER_ADDRESS.every((byte, index) => packet[24 + index] === byte)) return;
    this.#ethernet(TYPE.arp, [...words(1, TYPE.ipv4), 6, 4, ...words(2), ...PEER_MAC, ...PEER_ADDRESS, ...packet.subarray(8, 18)]);
  }

  #ip(packet: Uint8Array): void {
    const header = (packet[0] & 15) * 4;
    assert.equal(sum(packet.subarray(0, header)), 0xffff, 'IP checksum');
    const segment = packet.subarray(header, word(packet, 2));
    const from = packet.slice(12, 16);
    if (!PEER_ADDRESS.every((byte, index) => packet[16 + index] === byte)) return;
    const protocol = packet[9];
    if (protocol === PROTOCOL.icmp) {
      assert.equal(sum(segment), 0xffff, 'ICMP checksum');
      if (segment[0] === 8) this.#echo(from, segment);
      return;
    }
    const isFragment = (word(packet, 6) & 0x3fff) !== 0;
    if (!isFragment) assert.equal(sum(withPseudoHeader(packet.subarray(12, 20), protocol, segment)), 0xffff, 'TCP or UDP checksum');
    if (protocol === PROTOCOL.udp && !isFragment && word(segment, 2) === DISCARD_PORT) this.datagrams++;
    else if (protocol === PROTOCOL.tcp) this.#tcp(from, segment);
  }

  #sendIp(to: Uint8Array, protocol: number, segment: readonly number[]): void {
    const header = [0x45, 0, ...words(20 + segment.length, this.#identification++ & 0xffff, 0x4000), 64, protocol, 0, 0, ...PEER_ADDRESS, ...to];
    header.splice(10, 2, ...words(~sum(Uint8Array.from(header)) & 0xffff));
    this.#ethernet(TYPE.ipv4, [...header, ...segment]);
  }

  #echo(to: Uint8Array, request: Uint8Array): void {
    const reply = [0, 0, 0, 0, ...request.subarray(4)];
    reply.splice(2, 2, ...words(~sum(Uint8Array.from(reply)) & 0xffff));
    this.#sendIp(to, PROTOCOL.icmp, reply);
  }

  #sendUdp(to: Uint8Array, source: number, destination: number, data: Uint8Array): void {
    const segment = [...words(source, destination, 8 + data.length, 0), ...data];
    segment.splice(6, 2, ...words(~sum(withPseudoHeader(Uint8Array.of(...PEER_ADDRESS, ...to), PROTOCOL.udp, Uint8Array.from(segment))) & 0xffff));
    this.#sendIp(to, PROTOCOL.udp, segment);
  }

  #tcp(from: Uint8Array, segment: Uint8Array): void {
    const flags = segment[13];
    const sequence = word(segment, 4) * 0x1_0000 + word(segment, 6);
    const data = segment.subarray((segment[12] >> 4) * 4);
    if (word(segment, 2) !== DISCARD_PORT) return;
    const opens = (flags & TCP.syn) !== 0;
    if (opens) this.#expected = (sequence + 1) >>> 0;
    else if (sequence === this.#expected) {
      for (const byte of data) this.stream.push(byte);
      this.closed ||= (flags & TCP.fin) !== 0;
      this.#expected = (sequence + data.length + ((flags & TCP.fin) === 0 ? 0 : 1)) >>> 0;
    }
    if (!opens && data.length === 0 && (flags & TCP.fin) === 0) return;
    const ours = opens ? 1000 : 1001;
    const answer = [
      ...segment.subarray(2, 4), ...segment.subarray(0, 2), ...words(0, ours), ...words(this.#expected >>> 16, this.#expected & 0xffff), opens ? 0x60 : 0x50,
      TCP.ack | (opens ? TCP.syn : 0) | ((flags & TCP.fin) === 0 ? 0 : TCP.fin), ...words(0xffff, 0, 0), ...(opens ? [2, 4, ...words(1460)] : []),
    ];
    answer.splice(16, 2, ...words(~sum(withPseudoHeader(Uint8Array.of(...PEER_ADDRESS, ...from), PROTOCOL.tcp, Uint8Array.from(answer))) & 0xffff));
    this.#sendIp(from, PROTOCOL.tcp, answer);
  }
}
