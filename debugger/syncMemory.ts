/**
 * Lets synchronous code (DWARF expressions, call frame information, value formatting) read the machine's memory, which
 * answers asynchronously: what is missing is fetched, and the computation starts again.
 */
import type { MemorySpace } from '../src/monitor/machine/session';
import type { Place } from './addresses';

const PAGE = 4096n;
/** A computation that wants more pages than this at once is following rubbish. */
const MOST_PAGES = 256;

/** Memory at a linear address, or undefined where none can be read. */
export type SyncRead = (address: bigint, size: number) => Uint8Array | undefined;

class PageWanted extends Error {
  constructor(readonly key: string, readonly place: Place) {
    super('a page of memory is wanted');
  }
}

/** Pages of memory as they are while the machine stands. */
export class SyncMemory {
  private readonly pages = new Map<string, Uint8Array>();

  constructor(private readonly fetch: (place: Place, count: number) => Promise<Uint8Array>) {}

  /** Memory may have changed: fetch anew. */
  clear(): void {
    this.pages.clear();
  }

  /** Only inside of `run`. */
  readonly readLinear: SyncRead = (address, size) => this.read({ space: { kind: 'linear' }, address }, size);

  /** Runs `compute` with synchronous memory. It may run several times, so it must not have side effects. */
  async run<T>(compute: () => T): Promise<T> {
    for (let fetched = 0; ; fetched++) {
      try {
        return compute();
      } catch (error) {
        if (!(error instanceof PageWanted)) throw error;
        const page = fetched < MOST_PAGES ? await this.fetch(error.place, Number(PAGE)) : new Uint8Array(0);
        this.pages.set(error.key, page);
      }
    }
  }

  /** `size` bytes at a place, or undefined where one of them cannot be read. Only inside of `run`. */
  read(place: Place, size: number): Uint8Array | undefined {
    if (place.address < 0n) return undefined;
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size;) {
      const at = place.address + BigInt(done);
      const base = at & ~(PAGE - 1n);
      const from = Number(at - base);
      const piece = this.page(place.space, base).subarray(from, from + size - done);
      if (piece.length === 0) return undefined;
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }

  private page(space: MemorySpace, address: bigint): Uint8Array {
    const key = `${space.kind}:${space.kind === 'linearUnder' ? space.cr3 : ''}:${address}`;
    const page = this.pages.get(key);
    if (!page) throw new PageWanted(key, { space, address });
    return page;
  }
}
