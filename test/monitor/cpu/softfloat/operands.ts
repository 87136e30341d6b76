/**
 * Operands for tests of floating-point lanes: edges, and random encodings of which many meet at edges. The same
 * seed gives the same operands.
 */
import type { Shape } from './reference';
import { infinityOf } from './reference';

/** A linear congruential generator of 64 bits (Knuth's MMIX constants). */
export class RandomBits {
  constructor(private state: bigint) {}

  next(bits: number): bigint {
    this.state = BigInt.asUintN(64, this.state * 6364136223846793005n + 1442695040888963407n);
    return this.state >> BigInt(64 - bits);
  }

  below(limit: number): number {
    return Number(this.next(32) % BigInt(limit));
  }
}

/** Encodings at the borders of all kinds, of both signs. */
export function edges(shape: Shape): readonly bigint[] {
  const one = (1n << BigInt(shape.bits - 2)) - (1n << BigInt(shape.precision - 1));
  const leastNormal = 1n << BigInt(shape.precision - 1);
  const infinity = infinityOf(shape);
  const quiet = leastNormal >> 1n;
  const magnitudes = [
    0n, 1n, 2n, leastNormal >> 1n, leastNormal - 1n, leastNormal, leastNormal + 1n, 2n * leastNormal - 1n, 2n * leastNormal,
    one - 1n, one, one + 1n, one + quiet, one + leastNormal, infinity - leastNormal, infinity - 2n, infinity - 1n,
    infinity, infinity + 1n, infinity + quiet, infinity + quiet + 5n,
  ];
  return [...magnitudes, ...magnitudes.map((m) => m | (1n << BigInt(shape.bits - 1)))];
}

/** A random encoding: any bits, few bits, or an exponent near the middle or the ends. */
export function randomOperand(shape: Shape, random: RandomBits): bigint {
  const fractionBits = shape.precision - 1;
  const sign = random.next(1) << BigInt(shape.bits - 1);
  const exponents = 2 ** shape.exponentBits;
  const bias = exponents / 2 - 1;
  const exponent = [
    () => random.below(exponents), () => bias + random.below(9) - 4, () => random.below(4), () => exponents - 1 - random.below(4),
    () => bias + random.below(4 * shape.precision) - 2 * shape.precision, () => Math.floor(bias / 2) + random.below(60) - 30,
  ][random.below(6)]();
  const whole = random.next(fractionBits);
  const fraction = [() => whole, () => whole & (random.next(fractionBits) << BigInt(random.below(fractionBits))), () => 0n, () => whole | ((1n << BigInt(random.below(fractionBits))) - 1n)][random.below(4)]();
  const clamped = BigInt(Math.min(Math.max(exponent, 0), exponents - 1));
  return sign | (clamped << BigInt(fractionBits)) | (fraction & ((1n << BigInt(fractionBits)) - 1n));
}

/** All pairs of edges, and `count` random pairs, some of them close to each other. */
export function* operandPairs(shape: Shape, count: number, seed: bigint): Generator<readonly [bigint, bigint]> {
  const some = edges(shape);
  for (const a of some) for (const b of some) yield [a, b];
  const random = new RandomBits(seed);
  for (let i = 0; i < count; i++) {
    const a = randomOperand(shape, random);
    const near = BigInt.asUintN(shape.bits, (a ^ (random.next(1) << BigInt(shape.bits - 1))) + random.next(8) - 128n);
    yield [a, random.below(4) === 0 ? near : randomOperand(shape, random)];
  }
}
