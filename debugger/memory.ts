/**
 * readMemory and writeMemory: bytes at a memory reference, with the count of unreadable bytes.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { formatReference, type Place } from './addresses';
import { base64ToBytes, bytesToBase64 } from './codec';
import { userError } from './ports';
import type { Target } from './target';

const PAGE = 4096n;
/** More than a client can sensibly want at once; it keeps one answer under 90 MB of JSON. */
const LARGEST_READ = 64 * 1024 * 1024;
const SEARCHED_PAGES = 256;
/** No address has more than 64 bits: behind the last one there is nothing, and what lies at 0 does not follow it. */
const END_OF_ADDRESSES = 1n << 64n;

export class MemoryManager {
  constructor(
    private readonly target: Target,
    /** Finds the place that a reference (or an expression) means; error when there is none. */
    private readonly resolve: (reference: string) => Promise<Place>,
  ) {}

  async read(reference: string, offset: number, count: number): Promise<DebugProtocol.ReadMemoryResponse['body']> {
    if (count < 0 || count > LARGEST_READ) throw userError(`readMemory: 'count' must lie between 0 and ${LARGEST_READ}, got ${count}.`);
    const base = await this.resolve(reference);
    const start = base.address + BigInt(offset);
    if (start < 0n) {
      // Below address 0 there is nothing; the client may skip to 0.
      const gap = -start < BigInt(count) ? Number(-start) : count;
      return { address: '0x0', unreadableBytes: gap };
    }
    const place: Place = { space: base.space, address: start };
    if (start >= END_OF_ADDRESSES) return { address: addressText(place), unreadableBytes: count };
    if (count === 0) return { address: addressText(place), data: '' };
    const bytes = await this.target.read(place, count);
    const body = { address: addressText(place), ...(bytes.length > 0 ? { data: bytesToBase64(bytes) } : {}) };
    if (bytes.length >= count) return body;
    return { ...body, unreadableBytes: await this.gapAfter(place, bytes.length, count) };
  }

  /** Bytes from `place + from` to the next readable page, as far as a bounded search and `count` reach. */
  private async gapAfter(place: Place, from: number, count: number): Promise<number> {
    const asked = place.address + BigInt(count);
    const gapStart = place.address + BigInt(from);
    const searched = gapStart + BigInt(SEARCHED_PAGES) * PAGE;
    const end = asked < searched ? asked : searched;
    for (let page = (gapStart & ~(PAGE - 1n)) + PAGE; page < end; page += PAGE) {
      const probe = await this.target.read({ space: place.space, address: page }, 1);
      if (probe.length > 0) return Number(page - gapStart);
    }
    return Number(end - gapStart);
  }

  /**
   * Writes base64 bytes; gives how many were written and where. Error when they do not all fit and
   * `allowPartial` is not set.
   */
  async write(
    reference: string, offset: number, data: string, allowPartial: boolean,
  ): Promise<{ readonly place: Place; readonly written: number }> {
    const bytes = base64ToBytes(data);
    if (!bytes) throw userError("writeMemory: 'data' is not valid base64.");
    const base = await this.resolve(reference);
    const place: Place = { space: base.space, address: base.address + BigInt(offset) };
    if (place.address < 0n) throw userError(`writeMemory: ${reference} with offset ${offset} lies below address 0.`);
    if (place.address >= END_OF_ADDRESSES) throw userError(`writeMemory: ${reference} with offset ${offset} lies behind the last address.`);
    if (!allowPartial && bytes.length > 0) await this.requireMapped(place, bytes.length);
    const written = await this.target.control.writeMemory(place.space, place.address, bytes);
    this.target.forget();
    if (written < bytes.length && !allowPartial) {
      throw userError(`Only ${written} of ${bytes.length} bytes could be written at ${formatReference(place)}: the rest is not mapped memory.`);
    }
    return { place, written };
  }

  private async requireMapped(place: Place, count: number): Promise<void> {
    const readable = (await this.target.read(place, count)).length;
    if (readable < count) {
      throw userError(`Nothing was written: ${count - readable} of ${count} bytes at ${formatReference(place)} are not mapped memory.`);
    }
  }
}

/** The answer's `address` is a number for the client to show, whatever space it is in. */
function addressText(place: Place): string {
  return `0x${place.address.toString(16)}`;
}
