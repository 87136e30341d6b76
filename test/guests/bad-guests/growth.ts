/**
 * Watches what the process holds: after a collection the heap and the array buffers may not grow with the number of
 * machines that there have been, nor with the time that one runs.
 */

/** Bytes that are held after a collection. */
export interface Held {
  readonly heap: number;
  /** Array buffers and other memory outside the heap. */
  readonly outside: number;
  readonly resident: number;
}

const MIB = 1 << 20;
/** Measurements that only warm up: handlers are compiled and kept, tables reach their size. */
const WARM_UP = 4;
/** More than the least of the first measurements by so much is growth. Resident memory is the collector's to give back, so it may swing. */
const MOST_GROWTH = { heap: 64 * MIB, outside: 64 * MIB, resident: 1024 * MIB } as const;

/** Needs --expose-gc. */
export function held(): Held {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed, outside: Math.max(external, arrayBuffers), resident: rss };
}

export class GrowthWatch {
  private readonly first: Held[] = [];
  last: Held | undefined;
  private over = 0;

  /** @param measure gives what is held now */
  constructor(private readonly measure: () => Held = held) {}

  /** Measures; gives what has grown, when it has done so three times running. */
  look(): string | undefined {
    const now = this.measure();
    this.last = now;
    if (this.first.length < WARM_UP) {
      this.first.push(now);
      return undefined;
    }
    const grown = (['heap', 'outside', 'resident'] as const).filter((kind) => now[kind] > Math.max(...this.first.map((f) => f[kind])) + MOST_GROWTH[kind]);
    this.over = grown.length > 0 ? this.over + 1 : 0;
    if (this.over < 3) return undefined;
    return grown.map((kind) => `${kind} ${mib(Math.max(...this.first.map((f) => f[kind])))} at first, now ${mib(now[kind])}`).join('; ');
  }

  text(): string {
    const { last, first } = this;
    const [begin] = [first.at(-1)];
    if (!last || !begin) return 'memory: not measured';
    return `memory after collections, when warm and at the end: heap ${mib(begin.heap)}, ${mib(last.heap)}; outside ${mib(begin.outside)}, ${mib(last.outside)}; resident ${mib(begin.resident)}, ${mib(last.resident)}`;
  }
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
