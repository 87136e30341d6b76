// A sorted map from address ranges to things, answered by binary search; ranges may nest or overlap.

/** Addresses from `start` up to, but not including, `end`. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Index of the last element whose key is <= the wanted one, or -1. `keyOf` must rise along the array. */
export function lastAtOrBelow<T>(items: readonly T[], wanted: bigint, keyOf: (item: T) => bigint): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(items[middle]) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

interface Interval<T> extends AddressRange {
  readonly value: T;
  /** The largest end of this and all earlier intervals: where a backward search may stop. */
  reach: bigint;
}

/** Compares two bigints for sorting. */
export function compareAddresses(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Read-only after construction. */
export class IntervalMap<T> {
  private readonly intervals: Interval<T>[];

  constructor(entries: Iterable<readonly [AddressRange, T]>) {
    this.intervals = [];
    for (const [range, value] of entries) {
      if (range.start < range.end) this.intervals.push({ start: range.start, end: range.end, value, reach: range.end });
    }
    this.intervals.sort((a, b) => compareAddresses(a.start, b.start) || compareAddresses(b.end, a.end));
    for (let i = 1; i < this.intervals.length; i++) {
      const before = this.intervals[i - 1].reach;
      if (before > this.intervals[i].reach) this.intervals[i].reach = before;
    }
  }

  /** The values of all ranges that hold the address, the one that starts last (the innermost) first. */
  *containing(address: bigint): Generator<T> {
    for (let i = lastAtOrBelow(this.intervals, address, interval => interval.start); i >= 0; i--) {
      const interval = this.intervals[i];
      if (interval.reach <= address) return;
      if (address < interval.end) yield interval.value;
    }
  }

  /** The value of the innermost range that holds the address. */
  at(address: bigint): T | undefined {
    for (const value of this.containing(address)) return value;
    return undefined;
  }
}
