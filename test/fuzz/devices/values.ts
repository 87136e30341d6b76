/** Random numbers and values for the device fuzzer. */
import { MEMORY_BYTES } from './world';

/** Below `limit`, which may be up to 2^32. */
export type Random = (limit: number) => number;

export function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[random(list.length)];
}

/** Values that mean something to devices: small numbers, bits, addresses in memory and beyond, all ones. */
export function interesting(random: Random): number {
  switch (random(8)) {
    case 0: return 0;
    case 1: return 0xffff_ffff;
    case 2: return (1 << random(32)) >>> 0;
    case 3: return random(MEMORY_BYTES) & ~3;
    case 4: return random(0x1_0000_0000);
    case 5: return (0xffff_ffff - random(4096)) >>> 0;
    default: return random(256);
  }
}
