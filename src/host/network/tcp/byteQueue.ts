/** Bytes that wait to be sent or acknowledged: a ring that grows as it is needed. */

const FIRST_BYTES = 4096;

export class ByteQueue {
  private ring = new Uint8Array(0);
  private start = 0;
  length = 0;

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.ring.length) this.grow(this.length + bytes.length);
    const end = (this.start + this.length) % Math.max(1, this.ring.length);
    const first = Math.min(bytes.length, this.ring.length - end);
    this.ring.set(bytes.subarray(0, first), end);
    this.ring.set(bytes.subarray(first), 0);
    this.length += bytes.length;
  }

  /** A copy of `count` bytes from `offset`. */
  copy(offset: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    if (count === 0) return bytes;
    const from = (this.start + offset) % this.ring.length;
    const first = Math.min(count, this.ring.length - from);
    bytes.set(this.ring.subarray(from, from + first), 0);
    bytes.set(this.ring.subarray(0, count - first), first);
    return bytes;
  }

  drop(count: number): void {
    this.length -= count;
    this.start = this.length === 0 ? 0 : (this.start + count) % this.ring.length;
  }

  private grow(least: number): void {
    let size = Math.max(FIRST_BYTES, this.ring.length);
    while (size < least) size *= 2;
    const ring = new Uint8Array(size);
    ring.set(this.copy(0, this.length), 0);
    this.ring = ring;
    this.start = 0;
  }
}
