/** Captured frames as a file that tcpdump and Wireshark read: pcap, with nanoseconds. */

const MAGIC_NANOSECONDS = 0xa1b2_3c4d;
const LINK_ETHERNET = 1;
const SNAP_LENGTH = 262_144;
const CYCLES_PER_SECOND = 1_000_000_000;

/** What stands at the file's beginning. */
export function captureHeader(): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAP_LENGTH, true);
  view.setUint32(20, LINK_ETHERNET, true);
  return bytes;
}

/**
 * A frame with its header.
 * @param epoch seconds since 1970 at power-on, by the guest's clock
 * @param time virtual time since then in cycles
 */
export function captureRecord(frame: Uint8Array, epoch: number, time: number): Uint8Array {
  const bytes = new Uint8Array(16 + frame.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, epoch + Math.floor(time / CYCLES_PER_SECOND), true);
  view.setUint32(4, Math.floor(time % CYCLES_PER_SECOND), true);
  view.setUint32(8, frame.length, true);
  view.setUint32(12, frame.length, true);
  bytes.set(frame, 16);
  return bytes;
}
