/**
 * What the Intel 82540EM does to a packet before it sends it: checksums where descriptors ask for them, VLAN tags, and the headers of
 * the segments that it cuts a long TCP or UDP payload into.
 *
 * Source: Software Developer's Manual (317453), 3.3.5 to 3.3.7 (descriptors), 3.5 (segmentation), 9.1 (VLAN).
 */
import { onesComplementSum } from './e1000-checksum';
import { ETHERNET } from './e1000-filter';

/** A context descriptor: where in the following packets headers begin, where sums go, and how to cut. */
export interface TransmitContext {
  ipStart: number;
  ipOffset: number;
  /** Last byte; 0 for the end of the packet. */
  ipEnd: number;
  transportStart: number;
  transportOffset: number;
  transportEnd: number;
  payload: number;
  header: number;
  /** Payload bytes in a segment. */
  segment: number;
  isIpv4: boolean;
  isTcp: boolean;
}

/** A field of a header, or nothing when it is not inside the packet. */
function put16(packet: Uint8Array, at: number, value: number): void {
  if (at + 1 >= packet.length) return;
  packet[at] = value >>> 8;
  packet[at + 1] = value;
}

function get16(packet: Uint8Array, at: number): number {
  return at + 1 < packet.length ? (packet[at] << 8) | packet[at + 1] : 0;
}

/** Sums bytes `start` to `end` (inclusive; 0: to the packet's end) on top of `more`, and puts the complement at `offset`. */
export function insertChecksum(packet: Uint8Array, { start, end, offset, isUdp }: { start: number; end: number; offset: number; isUdp?: boolean }, more = 0): void {
  if (start >= packet.length || offset + 1 >= packet.length) return;
  const sum = ~onesComplementSum(packet.subarray(start, end === 0 ? packet.length : end + 1), more) & 0xffff;
  // In UDP zero means that there is no checksum.
  put16(packet, offset, isUdp === true && sum === 0 ? 0xffff : sum);
}

/** The checksums that a data descriptor's options ask for. `more` goes into the transport's, whose field holds the pseudo-header's sum. */
export function insertChecksums(packet: Uint8Array, context: TransmitContext, { ip, transport }: { ip: boolean; transport: boolean }, more = 0): void {
  if (ip) insertChecksum(packet, { start: context.ipStart, end: context.ipEnd, offset: context.ipOffset });
  if (!transport) return;
  const { transportStart: start, transportEnd: end, transportOffset: offset } = context;
  insertChecksum(packet, { start, end, offset, isUdp: !context.isTcp }, more);
}

const TCP = { sequence: 4, flags: 13, finishOrPush: 0x09 } as const;
const IPV6_HEADER = 40;

/** Makes a segment's headers out of the packet's: lengths, identification, sequence number, flags, and checksums (3.5.7). */
export function finishSegment(
  packet: Uint8Array, context: TransmitContext, options: { ip: boolean; transport: boolean },
  { index, sent, isLast }: { index: number; sent: number; isLast: boolean },
): void {
  const { ipStart, transportStart, isIpv4, isTcp } = context;
  if (isIpv4) {
    put16(packet, ipStart + 2, packet.length - ipStart);
    put16(packet, ipStart + 4, get16(packet, ipStart + 4) + index);
  } else {
    put16(packet, ipStart + 4, packet.length - ipStart - IPV6_HEADER);
  }
  const transportBytes = packet.length - transportStart;
  if (isTcp) {
    const sequence = get16(packet, transportStart + TCP.sequence) * 0x1_0000 + get16(packet, transportStart + TCP.sequence + 2) + sent;
    put16(packet, transportStart + TCP.sequence, Math.floor(sequence / 0x1_0000));
    put16(packet, transportStart + TCP.sequence + 2, sequence);
    const flags = transportStart + TCP.flags;
    if (!isLast && flags < packet.length) packet[flags] &= ~TCP.finishOrPush;
  } else {
    put16(packet, transportStart + 4, transportBytes);
  }
  // The pseudo-header's sum in the packet is without the length, which differs.
  insertChecksums(packet, context, options, Math.max(0, transportBytes));
}

/** The packet with a VLAN tag behind its addresses. */
export function withTag(packet: Uint8Array, type: number, tag: number): Uint8Array {
  const tagged = new Uint8Array(packet.length + ETHERNET.tag);
  tagged.set(packet.subarray(0, ETHERNET.type));
  put16(tagged, ETHERNET.type, type);
  put16(tagged, ETHERNET.type + 2, tag);
  tagged.set(packet.subarray(ETHERNET.type), ETHERNET.type + ETHERNET.tag);
  return tagged;
}
