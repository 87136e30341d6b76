/**
 * Which frames the Intel 82540EM takes, by address and VLAN, and what it finds out about their checksums.
 *
 * Source: Software Developer's Manual (317453), 3.2.1 (filtering), 3.2.9 (checksums), 9.2 and 9.3 (VLAN), 13.4.22 (RCTL), 13.5 (tables).
 */
import { onesComplementSum } from './e1000-checksum';
import { RAH_SELECT, RAH_VALID, RCTL, RECEIVE_ADDRESSES, RXCSUM } from './e1000-registers';
import type { RegisterFile } from './registerFile';

export const ETHERNET = { source: 6, type: 12, header: 14, tag: 4 } as const;
const TYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const PROTOCOL = { tcp: 6, udp: 17 } as const;
const IPV6_HEADER = 40;

/** Status and error bits of a receive descriptor (3.2.3). */
export const RECEIVED = {
  done: 0x01, end: 0x02, ignoreChecksums: 0x04, vlan: 0x08, transportChecked: 0x20, ipChecked: 0x40, inexact: 0x80, transportError: 0x20, ipError: 0x40,
} as const;

export const word = (bytes: Uint8Array, at: number): number => (at + 1 < bytes.length ? (bytes[at] << 8) | bytes[at + 1] : 0);

/** The frame's tag, when it is of the VLAN type. */
export function vlanTag(file: RegisterFile, frame: Uint8Array): number | undefined {
  const type = file.value('VET');
  return type !== 0 && word(frame, ETHERNET.type) === type ? word(frame, ETHERNET.header) : undefined;
}

function isAddress(file: RegisterFile, index: number, frame: Uint8Array): boolean {
  const high = file.value(`RAH${String(index)}`);
  if ((high & RAH_VALID) === 0) return false;
  const at = ((high >>> RAH_SELECT.shift) & RAH_SELECT.mask) === RAH_SELECT.source ? ETHERNET.source : 0;
  const low = file.value(`RAL${String(index)}`);
  return [low, low >>> 8, low >>> 16, low >>> 24, high, high >>> 8].every((byte, offset) => (byte & 0xff) === frame[at + offset]);
}

/** Twelve bits of the destination's last two bytes, as RCTL.MO chooses, number a bit of the multicast table. */
function isInMulticastTable(file: RegisterFile, frame: Uint8Array): boolean {
  const shift = [4, 3, 2, 0][(file.value('RCTL') >>> 12) & 3];
  const hash = ((frame[4] | (frame[5] << 8)) >> shift) & 0xfff;
  return ((file.value(`MTA${String(hash >> 5)}`) >>> (hash & 31)) & 1) !== 0;
}

/** How a frame passes the address filter: exactly, inexactly (software has to look again), or not. */
export function addressMatch(file: RegisterFile, frame: Uint8Array): 'exact' | 'inexact' | undefined {
  const control = file.value('RCTL');
  for (let index = 0; index < RECEIVE_ADDRESSES; index++) if (isAddress(file, index, frame)) return 'exact';
  const isMulticast = (frame[0] & 1) !== 0;
  if (!isMulticast) return (control & RCTL.unicastPromiscuous) === 0 ? undefined : 'inexact';
  const isBroadcast = frame.subarray(0, 6).every((byte) => byte === 0xff);
  if (isBroadcast && (control & RCTL.broadcast) !== 0) return 'exact';
  return (control & RCTL.multicastPromiscuous) !== 0 || isInMulticastTable(file, frame) ? 'inexact' : undefined;
}

/** Whether the VLAN filter lets a frame pass: without a tag always. */
export function passesVlanFilter(file: RegisterFile, frame: Uint8Array): boolean {
  const control = file.value('RCTL');
  const tag = vlanTag(file, frame);
  if ((control & RCTL.vlanFilter) === 0 || tag === undefined) return true;
  if ((control & RCTL.canonicalFilter) !== 0 && ((tag >> 12) & 1) !== ((control & RCTL.canonical) === 0 ? 0 : 1)) return false;
  return ((file.value(`VFTA${String((tag & 0xfff) >> 5)}`) >>> (tag & 31)) & 1) !== 0;
}

export interface Verdict {
  readonly status: number;
  readonly errors: number;
}

const UNCHECKED: Verdict = { status: RECEIVED.ignoreChecksums, errors: 0 };

/** A pseudo-header's sum: addresses, protocol, length. */
function pseudoHeader(addresses: Uint8Array, protocol: number, length: number): number {
  return onesComplementSum(addresses, protocol + length);
}

/** TCP or UDP in `segment`, with the sum of its pseudo-header. Undefined: nothing to check. */
function transportVerdict(protocol: number, segment: Uint8Array, pseudo: (protocol: number, length: number) => number): Verdict | undefined {
  if (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp) return undefined;
  if (segment.length < (protocol === PROTOCOL.tcp ? 20 : 8)) return undefined;
  // A UDP checksum of zero says that there is none.
  if (protocol === PROTOCOL.udp && word(segment, 6) === 0) return undefined;
  const isRight = onesComplementSum(segment, pseudo(protocol, segment.length)) === 0xffff;
  return { status: RECEIVED.transportChecked, errors: isRight ? 0 : RECEIVED.transportError };
}

function ipv4Verdicts(control: number, packet: Uint8Array): (Verdict | undefined)[] {
  const headerBytes = (packet[0] & 15) * 4;
  const total = word(packet, 2);
  if (packet[0] >> 4 !== 4 || headerBytes < 20 || headerBytes > packet.length || total < headerBytes || total > packet.length) return [];
  const isRight = onesComplementSum(packet.subarray(0, headerBytes)) === 0xffff;
  const isFragment = (word(packet, 6) & 0x3fff) !== 0;
  return [
    (control & RXCSUM.ip) === 0 ? undefined : { status: RECEIVED.ipChecked, errors: isRight ? 0 : RECEIVED.ipError },
    (control & RXCSUM.transport) === 0 || isFragment ? undefined : transportVerdict(packet[9], packet.subarray(headerBytes, total),
      (protocol, length) => pseudoHeader(packet.subarray(12, 20), protocol, length)),
  ];
}

function ipv6Verdicts(control: number, packet: Uint8Array): (Verdict | undefined)[] {
  const end = IPV6_HEADER + word(packet, 4);
  const wanted = RXCSUM.ipv6 | RXCSUM.transport;
  if ((control & wanted) !== wanted || packet[0] >> 4 !== 6 || end > packet.length) return [];
  return [transportVerdict(packet[6], packet.subarray(IPV6_HEADER, end), (protocol, length) => pseudoHeader(packet.subarray(8, 40), protocol, length))];
}

/** What the card's checks say of a frame (without its check sequence): status and error bits of its descriptor. */
export function checksumVerdict(file: RegisterFile, frame: Uint8Array): Verdict {
  const control = file.value('RXCSUM');
  const at = vlanTag(file, frame) === undefined ? ETHERNET.header : ETHERNET.header + ETHERNET.tag;
  const type = word(frame, at - 2);
  const packet = frame.subarray(at);
  const verdicts = type === TYPE.ipv4 ? ipv4Verdicts(control, packet) : type === TYPE.ipv6 ? ipv6Verdicts(control, packet) : [];
  const given = verdicts.filter((verdict) => verdict !== undefined);
  if (given.length === 0) return UNCHECKED;
  return given.reduce((all, { status, errors }) => ({ status: all.status | status, errors: all.errors | errors }));
}
