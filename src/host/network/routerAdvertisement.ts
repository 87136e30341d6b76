/**
 * What a guest is told that looks for IPv6 (RFC 4861, 6.2): a router is on the link, but it is nobody's way out and has no addresses to
 * give. Without an answer clients wait for one; iPXE does nothing else for a quarter of a minute.
 */
import { folded, read16, sum16, write16 } from './bytes';

const HEADER = 40;
const ICMPV6 = 58;
const SOLICITATION = { type: 133, bytes: 8 } as const;
const ADVERTISEMENT = { type: 134, bytes: 16 } as const;
/** What has come through a router has less: both messages stay on the link (6.1.1, 6.1.2). */
const HOP_LIMIT = 255;
const SOURCE_LINK_ADDRESS = 1;

/** fe80::2, as QEMU's router has it, and ff02::1, all nodes on the link, with that group's Ethernet address (RFC 2464, 7). */
const ROUTER = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
const ALL_NODES = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
export const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

/** The checksum over message and pseudo header (RFC 8200, 8.1): 0 when the message has the right one. */
function checksum(packet: Uint8Array, length: number): number {
  return folded(sum16(packet, HEADER, HEADER + length, sum16(packet, 8, HEADER, length + ICMPV6)));
}

/** Whether options fill the message to its end, none of them empty. @param hasAddress whether its sender may tell its link address */
function hasSoundOptions(message: Uint8Array, hasAddress: boolean): boolean {
  let at: number = SOLICITATION.bytes;
  while (at + 1 < message.length) {
    if (message[at + 1] === 0 || (message[at] === SOURCE_LINK_ADDRESS && !hasAddress)) return false;
    at += 8 * message[at + 1];
  }
  return at === message.length;
}

/** Whether an IPv6 packet (padding may be behind it) is a valid router solicitation (6.1.1). */
function isSolicitation(packet: Uint8Array): boolean {
  if (packet.length < HEADER + SOLICITATION.bytes || packet[0] >> 4 !== 6 || packet[6] !== ICMPV6 || packet[7] !== HOP_LIMIT) return false;
  const length = read16(packet, 4);
  if (length < SOLICITATION.bytes || HEADER + length > packet.length || checksum(packet, length) !== 0) return false;
  const message = packet.subarray(HEADER, HEADER + length);
  return message[0] === SOLICITATION.type && message[1] === 0 && hasSoundOptions(message, packet.subarray(8, 24).some((byte) => byte !== 0));
}

/** The answer to a router solicitation, for all nodes; undefined for any other packet. */
export function routerAdvertisement(packet: Uint8Array): Uint8Array | undefined {
  if (!isSolicitation(packet)) return undefined;
  const answer = new Uint8Array(HEADER + ADVERTISEMENT.bytes);
  answer[0] = 0x60;
  write16(answer, 4, ADVERTISEMENT.bytes);
  answer[6] = ICMPV6;
  answer[7] = HOP_LIMIT;
  answer.set(ROUTER, 8);
  answer.set(ALL_NODES, 24);
  // Neither managed addresses nor other configuration, a lifetime of 0 as default router, no prefix: all zero (4.2).
  answer[HEADER] = ADVERTISEMENT.type;
  write16(answer, HEADER + 2, checksum(answer, ADVERTISEMENT.bytes));
  return answer;
}
