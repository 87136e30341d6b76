/**
 * Guest memory as the kernel sees it, also while a process runs: numbers, texts and tables, read by pages that are
 * remembered until `forget`.
 */
import type { Inspection } from '../../src/monitor/inspection/queries';
import type { MemorySpace } from '../../src/monitor/machine/session';
import { littleEndian } from '../numbers';

const PAGE = 4096;
const REMEMBERED_PAGES = 4096;

export class KernelMemory {
  private readonly pages = new Map<bigint, Promise<Uint8Array>>();

  constructor(
    private readonly inspect: Pick<Inspection, 'readMemory'>,
    /** Page tables in which the kernel is mapped whole. */
    readonly space: MemorySpace,
    readonly pointerBytes: 4 | 8,
    /** The lowest address that belongs to the kernel. */
    private readonly lowest = pointerBytes === 8 ? 0xffff_8000_0000_0000n : 0x4000_0000n,
  ) {}

  /** Memory may have changed. */
  forget(): void {
    this.pages.clear();
  }

  /** Bytes at an address; fewer where a page is absent. */
  async read(address: bigint, count: number): Promise<Uint8Array> {
    if (address < 0n || count <= 0) return new Uint8Array(0);
    if (count > PAGE) return this.inspect.readMemory(this.space, address, count);
    const skip = Number(address % BigInt(PAGE));
    const head = (await this.page(address - BigInt(skip))).subarray(skip, skip + count);
    if (head.length === count || skip + head.length < PAGE) return head;
    const tail = (await this.page(address + BigInt(head.length))).subarray(0, count - head.length);
    const both = new Uint8Array(head.length + tail.length);
    both.set(head);
    both.set(tail, head.length);
    return both;
  }

  /** An unsigned number of 1 to 8 bytes; undefined where it cannot be read whole. */
  async number(address: bigint, size: number): Promise<bigint | undefined> {
    const bytes = await this.read(address, size);
    return bytes.length < size ? undefined : littleEndian(bytes);
  }

  pointer(address: bigint): Promise<bigint | undefined> {
    return this.number(address, this.pointerBytes);
  }

  /** The text up to its NUL, or as much of it as `limit` bytes hold; undefined where nothing can be read. */
  async text(address: bigint, limit: number): Promise<string | undefined> {
    const bytes = await this.read(address, limit);
    return bytes.length === 0 ? undefined : textIn(bytes);
  }

  /** Whether a number may be the address of something in the kernel: upper half of the addresses. */
  isKernelAddress(address: bigint): boolean {
    return address >= this.lowest && (this.pointerBytes === 8 || address < 0xffff_f000n);
  }

  private page(base: bigint): Promise<Uint8Array> {
    const known = this.pages.get(base);
    if (known) return known;
    if (this.pages.size >= REMEMBERED_PAGES) this.pages.clear();
    const asked = this.inspect.readMemory(this.space, base, PAGE);
    this.pages.set(base, asked);
    return asked;
  }
}

const decoder = new TextDecoder();

/** The text in front of the first NUL. */
export function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
