/** The software TLB: pages that follow one another never take each other's place, on which accesses across pages rely. */
import assert from 'node:assert/strict';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { TLB_KIND, Tlb } from '../../../src/monitor/memory/tlb';

describe('the TLB', () => {
  // Generated code knows an access across pages by the tag: that of the last byte's page is never where the first one's is.
  it('holds any page and the one behind it at the same time', () => {
    const tlb = new Tlb(new MachineMemory(16));
    for (let bits = 1; bits <= 36; bits++) {
      for (const above of [0, 1, 2, 5]) {
        const page = above * 2 ** bits + 2 ** bits - 1;
        tlb.fill(0, TLB_KIND.read, true, page, 0x10000000);
        tlb.fill(0, TLB_KIND.read, true, page + 1, 0x10001000);
        assert.equal(tlb.host(0, TLB_KIND.read, true, page), 0x10000000, page.toString(16));
        assert.equal(tlb.host(0, TLB_KIND.read, true, page + 1), 0x10001000, page.toString(16));
      }
    }
  });
});
