/**
 * A process's memory as the process would find it: files' parts that nobody has touched yet are absent from its page tables, but the
 * kernel has most of them in its page cache. A program that has just begun has hardly anything else.
 */
import type { Btf } from './btf';
import { CACHE_LAYOUT_32, cachedPage, cacheLayoutOf } from './pageCache';
import { unlessBroken, type KernelData } from './linuxKernel';
import type { PageQuestions } from './pageTables';
import { openedAt, type UserLayout } from './userMemory';

/** Bytes of a process's memory; fewer where a page is absent. */
export type ReadProgram = (address: bigint, bytes: number) => Promise<Uint8Array>;

const PAGE = 4096n;

/**
 * @param root the process's root of page tables
 * @param mm linear address of its `struct mm_struct`
 */
export function programReader(kernel: KernelData, btf: Btf | undefined, layout: UserLayout, { mm, root }: { mm: bigint; root: number }, inspect: PageQuestions): ReadProgram {
  const cache = btf ? unlessBroken(() => cacheLayoutOf(btf)) : CACHE_LAYOUT_32;
  const untouched = async (address: bigint, bytes: bigint): Promise<Uint8Array> => {
    const opened = cache && await openedAt(kernel.memory, layout, mm, address);
    const page = opened && await cachedPage(kernel, cache, opened.file, opened.offset / PAGE);
    if (page === undefined) return new Uint8Array(0);
    const inside = address % PAGE;
    const count = bytes < PAGE - inside ? bytes : PAGE - inside;
    return inspect.readMemory({ kind: 'physical' }, page + inside, Number(count));
  };
  return async (address, bytes) => {
    const target = new Uint8Array(bytes);
    let done = 0;
    while (done < bytes) {
      const at = address + BigInt(done);
      const mapped = await inspect.readMemory({ kind: 'linearUnder', cr3: root }, at, bytes - done);
      const part = mapped.length > 0 ? mapped : await untouched(at, BigInt(bytes - done));
      if (part.length === 0) break;
      target.set(part, done);
      done += part.length;
    }
    return target.subarray(0, done);
  };
}
