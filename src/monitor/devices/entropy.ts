/**
 * Where RDRAND and RDSEED have their numbers from: a generator whose seed is fixed, so that a machine's runs are alike,
 * until entropy comes in from outside, by the input log like everything that does.
 *
 * The generator is SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): well
 * spread, and of no cryptographic worth.
 */
import type { Device, PortRange } from './device';

const FIXED_SEED = 0x5eed_0f_5ad0b0cn;
const INCREMENT = 0x9e3779b97f4a7c15n;
const FIRST_FACTOR = 0xbf58476d1ce4e5b9n;
const SECOND_FACTOR = 0x94d049bb133111ebn;

const wrapped = (value: bigint): bigint => BigInt.asUintN(64, value);

export class Entropy implements Device {
  readonly name = 'entropy';
  readonly ports: readonly PortRange[] = [];
  state: { seed: bigint } = { seed: FIXED_SEED };

  reset(): void {
    this.state = { seed: FIXED_SEED };
  }

  /** It goes on: a system that boots again must not be given the same numbers again. */
  hardReset(): void {
    // Nothing begins anew.
  }

  /** The next 64 bits. */
  next(): bigint {
    this.state.seed = wrapped(this.state.seed + INCREMENT);
    let mixed = this.state.seed;
    mixed = wrapped((mixed ^ (mixed >> 30n)) * FIRST_FACTOR);
    mixed = wrapped((mixed ^ (mixed >> 27n)) * SECOND_FACTOR);
    return mixed ^ (mixed >> 31n);
  }

  /** Bytes from outside, any number, change all that follows. */
  stir(bytes: Uint8Array): void {
    for (const byte of bytes) this.state.seed = wrapped((this.state.seed ^ BigInt(byte)) * FIRST_FACTOR + INCREMENT);
  }
}
