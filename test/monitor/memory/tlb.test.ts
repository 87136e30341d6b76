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

  describe('for each code context of a space', () => {
    const PAGES = [7, 8];
    const [REAL, BIOS] = [1, 2];
    const known = (tlb: Tlb, slot = 0): readonly number[] => PAGES.filter((page) => tlb.holds(slot, TLB_KIND.execute, false, page));

    function inTwoContexts(): Tlb {
      const tlb = new Tlb(new MachineMemory(16));
      tlb.prepare(0);
      for (const context of [REAL, BIOS]) {
        tlb.selectCode(0, context);
        for (const page of PAGES) tlb.fill(0, TLB_KIND.execute, false, page, 0x1000 * context);
      }
      return tlb;
    }

    it('has tables of its own, and finds them again', () => {
      const tlb = inTwoContexts();
      for (const context of [REAL, BIOS, REAL]) {
        tlb.selectCode(0, context);
        assert.equal(tlb.codeTable(tlb.table(0, TLB_KIND.execute, false), 7), 0x1000 * context);
      }
    });

    it('forgets a page, a range, or all of a space in the tables of every context', () => {
      const ways: readonly ((tlb: Tlb) => void)[] = [
        (tlb) => { tlb.dropPage(0, 7); tlb.dropPage(0, 8); },
        (tlb) => { tlb.dropRange(0, 7, 2); },
        (tlb) => { tlb.flushSpace(0); },
        (tlb) => { tlb.flushExecute(0); },
        (tlb) => {
          for (let page = 100; page < 3000; page++) tlb.fill(0, TLB_KIND.read, false, page, 0);
          tlb.dropRange(0, 7, 2);
        },
      ];
      for (const forget of ways) {
        const tlb = inTwoContexts();
        forget(tlb);
        for (const context of [REAL, BIOS]) {
          tlb.selectCode(0, context);
          assert.deepEqual(known(tlb), []);
        }
      }
    });

    it('keeps right what it has when there are more contexts than tables', () => {
      const tlb = new Tlb(new MachineMemory(16));
      for (const slot of [0, 1]) tlb.prepare(slot);
      for (let round = 0; round < 2; round++) {
        for (let context = 1; context <= 100; context++) {
          const slot = context % 2;
          tlb.selectCode(slot, context);
          const table = tlb.table(slot, TLB_KIND.execute, false);
          const found = tlb.codeTable(table, 7);
          assert.ok(found === -1 || found === context, `context ${context} has ${found}`);
          tlb.fill(slot, TLB_KIND.execute, false, 7, context);
          assert.equal(tlb.codeTable(table, 7), context);
        }
      }
    });
  });
});
