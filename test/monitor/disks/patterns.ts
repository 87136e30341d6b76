/** Random work on disks for the tests of formats, and a plain array that does the same. */
import assert from 'node:assert/strict';
import type { DiskImage } from '../../../src/monitor/disks/image';

/** Pseudo-random numbers below `limit`: the same for the same seed (a linear congruential generator). */
export function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}

export function noise(bytes: number, seed: number): Uint8Array {
  const next = random(seed);
  return Uint8Array.from({ length: bytes }, () => next(256));
}

export interface Written {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What should be on a disk. */
export class Model {
  readonly bytes: Uint8Array;
  /** What was written since this was last emptied. */
  writes: Written[] = [];

  constructor(bytes: number | Uint8Array) {
    this.bytes = typeof bytes === 'number' ? new Uint8Array(bytes) : bytes.slice();
  }

  compare(image: DiskImage, what: string): void {
    const found = new Uint8Array(this.bytes.length);
    image.read(0, found);
    if (Buffer.compare(found, this.bytes) === 0) return;
    const at = found.findIndex((byte, index) => byte !== this.bytes[index]);
    assert.fail(`${what}: byte ${at} is ${found[at]} instead of ${this.bytes[at]}`);
  }

  /** `count` random writes, discards, reads and flushes, on both. `onFlush` is called after each flush. */
  work(image: DiskImage, count: number, seed: number, onFlush: () => void = () => undefined): void {
    const next = random(seed);
    const size = this.bytes.length;
    for (let step = 0; step < count; step++) {
      const kind = next(20);
      const offset = next(3) === 0 ? next(size) : next(size / 512) * 512;
      const length = Math.min(next(4) === 0 ? next(200_000) : (1 + next(16)) * 512, size - offset);
      if (kind < 12) {
        const bytes = noise(length, seed * 1000 + step);
        image.write(offset, bytes);
        this.bytes.set(bytes, offset);
        this.writes.push({ offset, bytes });
      } else if (kind < 14) {
        image.discard(offset, length);
        if (image.discards) {
          this.bytes.fill(0, offset, offset + length);
          this.writes.push({ offset, bytes: new Uint8Array(length) });
        }
      } else if (kind < 18) {
        const target = new Uint8Array(length);
        image.read(offset, target);
        assert.ok(Buffer.compare(target, this.bytes.subarray(offset, offset + length)) === 0, `step ${step}: ${length} bytes from ${offset}`);
      } else {
        image.flush();
        onFlush();
      }
    }
  }
}
