/**
 * What a network card does for its driver with frames that go out: checksums, and TCP segments.
 *
 * Source: RFC 1071 (checksum), RFC 791, RFC 9293; Virtual I/O Device (VIRTIO) Version 1.2, 5.1.6.2.
 */

const ETHERTYPE = 12;
const IPV4 = 0x0800;
const VLAN = 0x8100;
const VLAN_BYTES = 4;
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const TCP_BYTES = 20;
const TCP_PROTOCOL = 6;
/** Offsets in an IPv4 header. */
const IP = { length: 2, id: 4, checksum: 10, addresses: 12, end: 20 } as const;
/** Offsets in a TCP header, and its flags that belong to the first segment, or to the last. */
const TCP = { sequence: 4, offset: 12, flags: 13, checksum: 16 } as const;
const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;
/** No path has smaller segments; a guest could ask for one byte each. */
const LEAST_SEGMENT = 48;

/** Sum of 16-bit words, big-endian, an odd last byte padded with zero, on top of `sum`. */
function sumOf(bytes: Uint8Array, sum = 0): number {
  let total = sum;
  for (let at = 0; at + 1 < bytes.length; at += 2) total += (bytes[at] << 8) | bytes[at + 1];
  return bytes.length % 2 === 0 ? total : total + (bytes[bytes.length - 1] << 8);
}

/** The Internet checksum of a sum. Sums of frames stay below 2^32. */
function checksumOf(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/**
 * Completes a checksum whose field holds the sum of the pseudo header: from `start` to the frame's end, into `start + offset`.
 * False, and nothing changed, when that is not inside the frame.
 */
export function completeChecksum(frame: Uint8Array, start: number, offset: number): boolean {
  if (start + offset + 2 > frame.length) return false;
  const checksum = checksumOf(sumOf(frame.subarray(start)));
  // Zero means "none" in UDP; both stand for the same sum.
  put16(frame, start + offset, checksum === 0 ? 0xffff : checksum);
  return true;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** Where the headers of a TCP segment over IPv4 are; undefined when the frame is none. */
function headersOf(frame: Uint8Array): { readonly ip: number; readonly tcp: number; readonly payload: number } | undefined {
  const ip = ETHERNET_BYTES + (frame.length > ETHERNET_BYTES && get16(frame, ETHERTYPE) === VLAN ? VLAN_BYTES : 0);
  if (frame.length < ip + IPV4_BYTES + TCP_BYTES || get16(frame, ip - 2) !== IPV4) return undefined;
  const tcp = ip + 4 * (frame[ip] & 15);
  if (frame[ip] >> 4 !== 4 || tcp < ip + IPV4_BYTES || frame[ip + 9] !== TCP_PROTOCOL || tcp + TCP_BYTES > frame.length) return undefined;
  const payload = tcp + 4 * (frame[tcp + TCP.offset] >> 4);
  return payload < tcp + TCP_BYTES || payload > frame.length ? undefined : { ip, tcp, payload };
}

/**
 * Cuts a large TCP segment over IPv4 into frames of at most `size` bytes of data each, with checksums of their own.
 * Undefined for what is no such segment, or cannot be cut so.
 */
export function segmentTcp4(frame: Uint8Array, size: number): readonly Uint8Array[] | undefined {
  const headers = headersOf(frame);
  if (headers === undefined || size < LEAST_SEGMENT) return undefined;
  const { ip, tcp, payload } = headers;
  const frames: Uint8Array[] = [];
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const flags = frame[tcp + TCP.flags];
  for (let done = 0; done === 0 || payload + done < frame.length; done += size) {
    const data = frame.subarray(payload + done, payload + done + size);
    const isFirst = done === 0;
    const isLast = payload + done + data.length === frame.length;
    const part = new Uint8Array(payload + data.length);
    part.set(frame.subarray(0, payload));
    part.set(data, payload);
    put16(part, ip + IP.length, part.length - ip);
    put16(part, ip + IP.id, (get16(frame, ip + IP.id) + frames.length) & 0xffff);
    put16(part, ip + IP.checksum, 0);
    put16(part, ip + IP.checksum, checksumOf(sumOf(part.subarray(ip, tcp))));
    new DataView(part.buffer).setUint32(tcp + TCP.sequence, view.getUint32(tcp + TCP.sequence) + done);
    part[tcp + TCP.flags] = flags & ~(isFirst ? 0 : CWR) & ~(isLast ? 0 : FIN | PSH);
    put16(part, tcp + TCP.checksum, 0);
    const pseudo = sumOf(part.subarray(ip + IP.addresses, ip + IP.end), TCP_PROTOCOL + part.length - tcp);
    put16(part, tcp + TCP.checksum, checksumOf(sumOf(part.subarray(tcp), pseudo)));
    frames.push(part);
  }
  return frames;
}
