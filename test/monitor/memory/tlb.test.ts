/** The software TLB: pages that follow one another never take each other's place, on which accesses across pages rely. */
import assert from 'node:assert/strict';
import { MONITOR_WORDS, TLB_EXECUTE_ENTRIES } from '../../../src/monitor/memory/layout';
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

  describe('with a page of code that another one has put out', () => {
    const [PUT_OUT, IN_ITS_PLACE] = [0x201, 0x201 + TLB_EXECUTE_ENTRIES];
    const [DATA, ELSEWHERE] = [0x300, 0x900];
    /** Such a TLB, whose jumps generated code takes to be good, for the user; and whether it still does. */
    function withJumps(): { readonly tlb: Tlb; readonly areGood: () => boolean } {
      const memory = new MachineMemory(16);
      const tlb = new Tlb(memory);
      for (const slot of [0, 1]) {
        tlb.prepare(slot);
        tlb.selectCode(slot, 1);
      }
      tlb.fill(0, TLB_KIND.execute, true, PUT_OUT, 0x1000);
      tlb.fill(0, TLB_KIND.read, true, DATA, 0x3000);
      const tag = tlb.jumpTag(0, true);
      memory.view.setUint32(MONITOR_WORDS.jumpTag, tag, true);
      assert.ok(tlb.fill(0, TLB_KIND.execute, true, IN_ITS_PLACE, 0x2000), 'they share a place');
      const areGood = (): boolean => memory.view.getUint32(MONITOR_WORDS.jumpTag, true) === tag;
      return { tlb, areGood };
    }

    for (const [name, change] of Object.entries<(tlb: Tlb) => void>({
      'nothing changes': () => undefined,
      'data is dropped': (tlb) => { tlb.dropPage(0, DATA); tlb.dropRange(0, DATA, 2); },
      'a page is dropped that has had no code': (tlb) => { tlb.dropPage(0, ELSEWHERE); tlb.dropRange(0, ELSEWHERE, 9); },
      'it comes back as it was': (tlb) => { tlb.fill(0, TLB_KIND.execute, true, PUT_OUT, 0x1000); },
      'it is dropped in another space': (tlb) => { tlb.dropPage(1, PUT_OUT); tlb.flushSpace(1); tlb.flushExecute(1); },
    })) {
      it(`still knows where jumps to it have led when ${name}`, () => {
        const { tlb, areGood } = withJumps();
        change(tlb);
        assert.ok(areGood());
      });
    }

    for (const [name, drop] of Object.entries<(tlb: Tlb) => void>({
      'the page is dropped': (tlb) => { tlb.dropPage(0, PUT_OUT); },
      'the page in its place is dropped': (tlb) => { tlb.dropPage(0, IN_ITS_PLACE); },
      'a range with it is dropped': (tlb) => { tlb.dropRange(0, PUT_OUT - 1, 3); },
      'the space is emptied': (tlb) => { tlb.flushSpace(0); },
      'blocks have changed': (tlb) => { tlb.flushExecute(0); },
      'it comes back with other code': (tlb) => { tlb.fill(0, TLB_KIND.execute, true, PUT_OUT, 0x9000); },
    })) {
      it(`forgets that when ${name}`, () => {
        const { tlb, areGood } = withJumps();
        drop(tlb);
        assert.ok(!areGood());
        assert.equal(tlb.jumpTag(0, true) & 1, 1, 'the tag is a user\'s');
      });
    }
  });

  it('tells generated code the tag of the space in use, also when another space has used all tags up', () => {
    const memory = new MachineMemory(16);
    const tlb = new Tlb(memory, true, 1000);
    for (const slot of [0, 1]) {
      tlb.prepare(slot);
      tlb.selectCode(slot, 1);
    }
    const changeCode = (slot: number): void => {
      tlb.fill(slot, TLB_KIND.execute, false, 7, 0x1000);
      tlb.dropPage(slot, 7);
    };
    // From here on it is not the tag that the space gets when tags start anew.
    changeCode(1);
    memory.view.setUint32(MONITOR_WORDS.jumpTag, tlb.jumpTag(1, false), true);
    const tags = new Set<number>();
    for (let round = 0; round < 2000; round++) {
      changeCode(0);
      assert.equal(memory.view.getUint32(MONITOR_WORDS.jumpTag, true), tlb.jumpTag(1, false), `round ${round}`);
      tags.add(tlb.jumpTag(1, false));
    }
    assert.ok(tags.size > 1, 'tags have started anew');
  });

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
