/** TCP segments (RFC 9293, 3.1): taking them apart and putting them together; sequence numbers. */
import { folded, pseudoHeaderSum, read16, read32, sum16, write16, write32 } from '../bytes';
import { PROTOCOL } from '../ipv4';

export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;
const HEADER = 20;
const OPTION = { end: 0, nothing: 1, segmentSize: 2, windowScale: 3 } as const;
/** Scales beyond this one are taken as this one (RFC 7323, 2.3). */
const GREATEST_SCALE = 14;

export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  /** As it stands in the header, not scaled. */
  readonly window: number;
  /** Options of a SYN. */
  readonly segmentSize?: number;
  readonly windowScale?: number;
  readonly payload: Uint8Array;
}

/** How far sequence number `a` lies behind `b`; negative: before it. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

export function advance(sequence: number, by: number): number {
  return (sequence + by) >>> 0;
}

function synOptions(bytes: Uint8Array, end: number): { segmentSize?: number; windowScale?: number } {
  const found: { segmentSize?: number; windowScale?: number } = {};
  for (let at = HEADER; at < end && bytes[at] !== OPTION.end;) {
    if (bytes[at] === OPTION.nothing) {
      at += 1;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1] : 0;
    if (length < 2 || at + length > end) break;
    if (bytes[at] === OPTION.segmentSize && length === 4) found.segmentSize = read16(bytes, at + 2);
    if (bytes[at] === OPTION.windowScale && length === 3) found.windowScale = Math.min(bytes[at + 2], GREATEST_SCALE);
    at += length;
  }
  return found;
}

/** Takes a segment apart; undefined if it is none, or its checksum is wrong. */
export function parseSegment(bytes: Uint8Array, source: number, destination: number): Segment | undefined {
  if (bytes.length < HEADER) return undefined;
  const header = (bytes[12] >> 4) * 4;
  if (header < HEADER || header > bytes.length) return undefined;
  if (folded(sum16(bytes, 0, bytes.length, pseudoHeaderSum(source, destination, PROTOCOL.tcp, bytes.length))) !== 0) return undefined;
  const flags = bytes[13] & 0x3f;
  return {
    sourcePort: read16(bytes, 0),
    destinationPort: read16(bytes, 2),
    sequence: read32(bytes, 4),
    acknowledgment: read32(bytes, 8),
    flags,
    window: read16(bytes, 14),
    ...((flags & FLAG.syn) === 0 ? {} : synOptions(bytes, header)),
    payload: bytes.subarray(header),
  };
}

export function segmentBytes(segment: Segment, source: number, destination: number): Uint8Array {
  const { segmentSize, windowScale, payload } = segment;
  const header = HEADER + (segmentSize === undefined ? 0 : 4) + (windowScale === undefined ? 0 : 4);
  const bytes = new Uint8Array(header + payload.length);
  write16(bytes, 0, segment.sourcePort);
  write16(bytes, 2, segment.destinationPort);
  write32(bytes, 4, segment.sequence);
  write32(bytes, 8, segment.acknowledgment);
  bytes[12] = (header / 4) << 4;
  bytes[13] = segment.flags;
  write16(bytes, 14, segment.window);
  let at = HEADER;
  if (segmentSize !== undefined) {
    bytes.set([OPTION.segmentSize, 4, segmentSize >> 8, segmentSize & 0xff], at);
    at += 4;
  }
  if (windowScale !== undefined) bytes.set([OPTION.nothing, OPTION.windowScale, 3, windowScale], at);
  bytes.set(payload, header);
  write16(bytes, 16, folded(sum16(bytes, 0, bytes.length, pseudoHeaderSum(source, destination, PROTOCOL.tcp, bytes.length))));
  return bytes;
}

/** Sequence numbers that a segment takes up. */
export function sequenceLength({ flags, payload }: Segment): number {
  return payload.length + ((flags & FLAG.syn) === 0 ? 0 : 1) + ((flags & FLAG.fin) === 0 ? 0 : 1);
}
