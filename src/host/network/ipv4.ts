/** IPv4 packets (RFC 791): taking them apart, putting them together, fragments of them. */
import { folded, read16, read32, sum16, write16, write32 } from './bytes';
import { MTU } from './plan';

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
export const IP_HEADER = 20;
const DEFAULT_TTL = 64;
const MORE_FRAGMENTS = 0x2000;
const DO_NOT_FRAGMENT = 0x4000;
const OFFSET_MASK = 0x1fff;

export interface Packet {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly ttl: number;
  readonly identification: number;
  /** Where the payload lies in the datagram that this may be a fragment of, bytes. */
  readonly offset: number;
  readonly moreFragments: boolean;
  readonly payload: Uint8Array;
  /** Header and first bytes of the payload, as ICMP errors quote them. */
  readonly quote: Uint8Array;
}

/** Takes a packet apart; undefined if it is none, or its checksum is wrong. Bytes behind it are padding. */
export function parsePacket(bytes: Uint8Array): Packet | undefined {
  if (bytes.length < IP_HEADER || bytes[0] >> 4 !== 4) return undefined;
  const header = (bytes[0] & 0xf) * 4;
  const length = read16(bytes, 2);
  if (header < IP_HEADER || length < header || length > bytes.length) return undefined;
  if (folded(sum16(bytes, 0, header)) !== 0) return undefined;
  const fragment = read16(bytes, 6);
  return {
    source: read32(bytes, 12),
    destination: read32(bytes, 16),
    protocol: bytes[9],
    ttl: bytes[8],
    identification: read16(bytes, 4),
    offset: (fragment & OFFSET_MASK) * 8,
    moreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    payload: bytes.subarray(header, length),
    quote: bytes.subarray(0, Math.min(length, header + 8)),
  };
}

let lastIdentification = 0;

interface Outgoing {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
}

function packet({ source, destination, protocol }: Outgoing, identification: number, fragment: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(IP_HEADER + payload.length);
  bytes[0] = 0x45;
  write16(bytes, 2, bytes.length);
  write16(bytes, 4, identification);
  write16(bytes, 6, fragment);
  bytes[8] = DEFAULT_TTL;
  bytes[9] = protocol;
  write32(bytes, 12, source);
  write32(bytes, 16, destination);
  write16(bytes, 10, folded(sum16(bytes, 0, IP_HEADER)));
  bytes.set(payload, IP_HEADER);
  return bytes;
}

/** The packets of a datagram: several where it is longer than the network takes at once. */
export function packetsOf(about: Outgoing, payload: Uint8Array): Uint8Array[] {
  lastIdentification = (lastIdentification + 1) & 0xffff;
  if (payload.length <= MTU - IP_HEADER) return [packet(about, lastIdentification, DO_NOT_FRAGMENT, payload)];
  const step = (MTU - IP_HEADER) & ~7;
  const packets: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += step) {
    const more = offset + step < payload.length ? MORE_FRAGMENTS : 0;
    packets.push(packet(about, lastIdentification, more | (offset / 8), payload.subarray(offset, offset + step)));
  }
  return packets;
}
