/** Two pages of data that share a place in the TLB, accessed in turn: what that costs, and that it hides no change of their tables. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { TLB_ENTRIES } from '../../../src/monitor/memory/layout';
import { AT, HLT, code, handlerOf, le32, protectedGuest, type Guest } from '../cpu/guest';

const PAGE = 4096;
const PRESENT = 1, WRITABLE = 2;
const DIRECTORY = AT.tables, LOW = AT.tables + PAGE, HIGH = AT.tables + 2 * PAGE;
const BELOW = 0x200000, ABOVE = 0x1200000, FRAME = 0x300000, OTHER_FRAME = 0x301000;
const ENTRY = HIGH + 4 * ((ABOVE >>> 12) & 1023);
const TIMES = 3000;
const PG_WP = 0x80010000;

const indexOf = (linear: number): number => {
  const page = linear / PAGE;
  return page & (TLB_ENTRIES - 1);
};

/** Adds what both pages hold to EBX, and one to what they hold, TIMES times; then halts at `end`. */
const LOOP = code([0x03, 0x1d], le32(BELOW), [0xff, 0x05], le32(BELOW), [0x03, 0x1d], le32(ABOVE), [0xff, 0x05], le32(ABOVE));
const PROGRAM = code([0xb9], le32(TIMES), LOOP, [0x49, 0x0f, 0x85], le32(-(LOOP.length + 7)), HLT);
/** Behind what turns paging on. */
const START = AT.code + 19;
const END = START + PROGRAM.length;

function pagedGuest(engine: keyof typeof ENGINES): Guest {
  const guest = protectedGuest([], ENGINES[engine]);
  guest.put32(DIRECTORY, LOW | PRESENT | WRITABLE);
  guest.put32(DIRECTORY + 4 * (ABOVE >>> 22), HIGH | PRESENT | WRITABLE);
  for (let i = 0; i < 1024; i++) guest.put32(LOW + 4 * i, (i * PAGE) | PRESENT | WRITABLE);
  guest.put32(ENTRY, FRAME | PRESENT | WRITABLE);
  guest.put(AT.code, code([0xb8], le32(DIRECTORY), [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d], le32(PG_WP), [0x0f, 0x22, 0xc0], PROGRAM));
  return guest;
}

/** Runs to HLT; gives how many accesses came to the monitor. */
function run(guest: Guest, start: number): number {
  const { state, executor } = guest;
  state.eip = start;
  state.halted = false;
  const before = executor.counters.slowAccesses;
  guest.runToHalt(100 * TIMES);
  return executor.counters.slowAccesses - before;
}

describe('pages of data in each other\'s way', () => {
  it('share a place', () => {
    assert.equal(indexOf(ABOVE), indexOf(BELOW));
  });

  for (const engine of ['interpreter', 'translator', 'translate-all'] as const) {
    it(`are accessed without the monitor on ${engine}`, () => {
      const guest = pagedGuest(engine);
      const slow = run(guest, AT.code);
      assert.equal(guest.state.eip, END);
      assert.equal(guest.state.reg(L.RBX), TIMES * (TIMES - 1));
      assert.equal(guest.map.read(FRAME, 4), TIMES);
      assert.ok(slow < TIMES / 50, `${slow} accesses in ${TIMES} turns came to the monitor`);
    });

    it(`are looked for anew when one is mapped elsewhere, on ${engine}`, () => {
      const guest = pagedGuest(engine);
      run(guest, AT.code);
      guest.put32(ENTRY, OTHER_FRAME | PRESENT | WRITABLE);
      run(guest, START);
      assert.equal(guest.map.read(FRAME, 4), TIMES);
      assert.equal(guest.map.read(OTHER_FRAME, 4), TIMES);
      assert.equal(guest.map.read(BELOW, 4), 2 * TIMES);
    });

    it(`fault when one is there no more, or may not be written, on ${engine}`, () => {
      for (const entry of [0, FRAME | PRESENT]) {
        const guest = pagedGuest(engine);
        run(guest, AT.code);
        guest.put32(ENTRY, entry);
        run(guest, START);
        assert.equal(guest.state.eip, handlerOf(14) + 1);
        assert.equal(guest.map.read(FRAME, 4), TIMES);
        assert.equal(guest.map.read(BELOW, 4), TIMES + 1);
      }
    });
  }
});
