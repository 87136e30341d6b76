/**
 * Pseudo-random choices that are the same for the same seed on every machine (xorshift128+ of Vigna, seeded by splitmix32).
 */

export class Random {
  private readonly words = new Uint32Array(4);

  /** @param seed any 32-bit number; `stream` tells apart several sequences of one seed */
  constructor(seed: number, stream = 0) {
    let state = (seed ^ Math.imul(stream, 0x9e3779b1)) >>> 0;
    for (let i = 0; i < 4; i++) {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      this.words[i] = (mixed ^ (mixed >>> 15)) >>> 0;
    }
  }

  /** 32 random bits (xorshift128). */
  u32(): number {
    const w = this.words;
    const [x = 0, , , last = 0] = w;
    let t = x ^ (x << 11);
    t ^= t >>> 8;
    w.copyWithin(0, 1);
    const next = (last ^ (last >>> 19) ^ t) >>> 0;
    w[3] = next;
    return next;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    const item = from[this.below(from.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  /** Picks by weight. */
  weighted<T>(from: readonly (readonly [weight: number, item: T])[]): T {
    let at = this.below(from.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, item] of from) {
      if (at < weight) return item;
      at -= weight;
    }
    throw new RangeError('nothing to pick from');
  }
}
