/** Code as it would be fetched, without what fetching it would do. */
import type { Cpu } from '../cpu/cpu';
import { PAGE_BYTES } from '../memory/layout';

/** Up to `count` bytes of code at a linear address, without side effects; fewer when a page is absent. */
export function peekCode(cpu: Cpu, count: number, linear: number): Uint8Array {
  const { mmu, state } = cpu;
  for (let have = count; have > 0; have--) {
    const bytes = new Uint8Array(have);
    const complete = bytes.every((_, i) => {
      const at = state.code64 ? linear + i : (linear + i) % 2 ** 32;
      const page = mmu.peekPage(mmu.pageOf(at));
      if (page >= 0) bytes[i] = mmu.map.copyOut(page * PAGE_BYTES + at - Math.floor(at / PAGE_BYTES) * PAGE_BYTES, 1)[0] ?? 0;
      return page >= 0;
    });
    if (complete) return bytes;
  }
  return new Uint8Array(0);
}
