/** UDP datagrams (RFC 768). */
import { folded, pseudoHeaderSum, read16, sum16, write16 } from './bytes';
import { PROTOCOL } from './ipv4';

const HEADER = 8;

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** Takes a datagram apart; undefined if it is none, or its checksum is wrong. */
export function parseUdp(bytes: Uint8Array, source: number, destination: number): UdpDatagram | undefined {
  if (bytes.length < HEADER) return undefined;
  const length = read16(bytes, 4);
  if (length < HEADER || length > bytes.length) return undefined;
  // A checksum of 0 means that the sender has made none.
  if (read16(bytes, 6) !== 0 && folded(sum16(bytes, 0, length, pseudoHeaderSum(source, destination, PROTOCOL.udp, length))) !== 0) return undefined;
  return { sourcePort: read16(bytes, 0), destinationPort: read16(bytes, 2), payload: bytes.subarray(HEADER, length) };
}

export function udpBytes({ sourcePort, destinationPort, payload }: UdpDatagram, source: number, destination: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + payload.length);
  write16(bytes, 0, sourcePort);
  write16(bytes, 2, destinationPort);
  write16(bytes, 4, bytes.length);
  bytes.set(payload, HEADER);
  const checksum = folded(sum16(bytes, 0, bytes.length, pseudoHeaderSum(source, destination, PROTOCOL.udp, bytes.length)));
  write16(bytes, 6, checksum === 0 ? 0xffff : checksum);
  return bytes;
}
