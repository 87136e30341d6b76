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

  for (const pages of [3, 3000]) {
    it(`forgets code and keeps data when code means something else, with ${pages} pages of data`, () => {
      const tlb = new Tlb(new MachineMemory(16));
      tlb.prepare(0);
      const data = Array.from({ length: pages }, (_, page) => page);
      const held = (kind: typeof TLB_KIND.read | typeof TLB_KIND.execute, page: number): boolean => tlb.holds(0, kind, false, page);
      for (const page of data) tlb.fill(0, TLB_KIND.read, false, page, 0x10000000 + page * 4096);
      for (let round = 0; round < 3; round++) {
        for (const page of [7, 8]) tlb.fill(0, TLB_KIND.execute, false, page, 0x1000);
        tlb.flushExecute(0);
        assert.deepEqual([7, 8].filter((page) => held(TLB_KIND.execute, page)), []);
        assert.deepEqual(data.filter((page) => !held(TLB_KIND.read, page)), []);
      }
      tlb.flushSpace(0);
      assert.deepEqual(data.filter((page) => held(TLB_KIND.read, page)), []);
    });
  }
});
