/** Finds room in guest RAM: which ranges are taken, and the first hole that fits. */
import { alignUp } from './bytes';
import { E820_RAM, memoryMap } from './memory-map';

/** Guest-physical addresses from `first` up to, not including, `end`. */
export interface AddressRange {
  readonly first: number;
  readonly end: number;
}

export function overlap(a: AddressRange, b: AddressRange): boolean {
  return a.first < b.end && b.first < a.end;
}

/** Keeps the ranges that a loader has used, so that nothing is put over anything else. */
export class Placement {
  private readonly ram: readonly AddressRange[];
  private readonly taken: AddressRange[] = [];

  constructor(ramBytes: number) {
    this.ram = memoryMap(ramBytes)
      .filter((range) => range.type === E820_RAM)
      .map((range) => ({ first: range.base, end: range.base + range.bytes }));
  }

  /** Whether a range lies wholly in one piece of RAM. */
  isRam(range: AddressRange): boolean {
    return this.ram.some((piece) => range.first >= piece.first && range.end <= piece.end);
  }

  take(range: AddressRange): void {
    this.taken.push(range);
  }

  /** Takes the lowest free and aligned `bytes` of RAM at or above `from`; undefined when there are none. */
  takeFirstFit(bytes: number, alignment: number, from: number): number | undefined {
    for (const piece of this.ram) {
      let first = alignUp(Math.max(from, piece.first), alignment);
      while (first + bytes <= piece.end) {
        const candidate = { first, end: first + bytes };
        const obstacle = this.taken.find((range) => overlap(range, candidate));
        if (obstacle === undefined) {
          this.take(candidate);
          return first;
        }
        first = alignUp(obstacle.end, alignment);
      }
    }
    return undefined;
  }
}
