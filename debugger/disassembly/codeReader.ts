/**
 * Code bytes for one disassembly request: whole pages, each read once, so that all rows of an answer come from
 * the same reading.
 */
const PAGE = 4096n;

export type ReadCode = (address: bigint, count: number) => Promise<Uint8Array>;

export class CodeReader {
  private readonly pages = new Map<bigint, Promise<Uint8Array>>();

  constructor(private readonly read: ReadCode, private readonly limit: bigint) {}

  /** Up to `count` bytes from `address`; ends early where memory is absent or the address space ends. */
  async bytes(address: bigint, count: number): Promise<Uint8Array> {
    if (address < 0n || address >= this.limit) return new Uint8Array(0);
    const base = address & ~(PAGE - 1n);
    const skip = Number(address - base);
    const head = (await this.page(base)).subarray(skip, skip + count);
    if (head.length === count || skip + head.length < Number(PAGE) || base + PAGE >= this.limit) return head;
    const tail = await this.page(base + PAGE);
    const joined = new Uint8Array(Math.min(count, head.length + tail.length));
    joined.set(head);
    joined.set(tail.subarray(0, joined.length - head.length), head.length);
    return joined;
  }

  private page(base: bigint): Promise<Uint8Array> {
    let page = this.pages.get(base);
    if (!page) {
      page = this.read(base, Number(PAGE));
      this.pages.set(base, page);
    }
    return page;
  }
}
