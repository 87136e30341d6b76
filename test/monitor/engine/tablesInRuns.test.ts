/** Page tables that a guest fills by repeated instructions: what derives from them follows, and the monitor is told of runs, not of each entry. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineName } from '../../../src/monitor/engine/engineSettings';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const PAGE = 4096, ENTRIES = 1024;
const PRESENT_WRITABLE = 3, PG = 0x80000000;
/** Maps all below 4 MiB one to one; and a table, which lies there, for what comes behind. */
const LOW = AT.tables + PAGE, TABLE = AT.tables + 2 * PAGE, COPY = AT.tables + 3 * PAGE;
/** Pages that the table maps: some of them are read before and behind the change. */
const MAPPED = 0x400000, READ = [0, 1, 2, 500, 1023];
const FRAME = 0x200000, OTHER = 0x300000;
const STOSD = [0xf3, 0xab], MOVSD = [0xf3, 0xa5], STD = 0xfd, CLD = 0xfc;

const movEcx = (value: number): readonly number[] => [0xb9, ...le32(value)];
const movEdi = (value: number): readonly number[] => [0xbf, ...le32(value)];
const movEsi = (value: number): readonly number[] => [0xbe, ...le32(value)];
const movEax = (value: number): readonly number[] => [0xb8, ...le32(value)];
/** ADD EBX,[address]. */
const addFrom = (address: number): readonly number[] => [0x03, 0x1d, ...le32(address)];
const reads = READ.flatMap((page) => addFrom(MAPPED + page * PAGE));
/** MOV EAX,CR3; MOV CR3,EAX. */
const FLUSH = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];
/** ADD EBX,EBX, 8 times over: what was read before stands above what is read behind. */
const SHIFT = [0xc1, 0xe3, 8];

function pagedGuest(change: readonly number[], engine: EngineName): Guest {
  const start = code(movEax(AT.tables), [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d], le32(PG), [0x0f, 0x22, 0xc0, 0x31, 0xdb]);
  const guest = protectedGuest(code(start, reads, SHIFT, change, CLD, FLUSH, reads, HLT), ENGINES[engine]);
  guest.put32(AT.tables, LOW | PRESENT_WRITABLE);
  guest.put32(AT.tables + 4, TABLE | PRESENT_WRITABLE);
  for (let i = 0; i < ENTRIES; i++) {
    guest.put32(LOW + 4 * i, (i * PAGE) | PRESENT_WRITABLE);
    guest.put32(TABLE + 4 * i, FRAME | PRESENT_WRITABLE);
    guest.put32(COPY + 4 * i, (i % 2 === 0 ? FRAME : OTHER) | PRESENT_WRITABLE);
  }
  guest.put32(FRAME, 1);
  guest.put32(OTHER, 3);
  return guest;
}

const CHANGES: readonly (readonly [string, readonly number[], number])[] = [
  ['filled as a whole', code(movEcx(ENTRIES), movEdi(TABLE), movEax(OTHER | PRESENT_WRITABLE), STOSD), 15],
  ['filled in part', code(movEcx(2), movEdi(TABLE + 4), movEax(OTHER | PRESENT_WRITABLE), STOSD), 9],
  ['copied', code(movEcx(ENTRIES), movEsi(COPY), movEdi(TABLE), MOVSD), 9],
  ['filled downwards', code(STD, movEcx(ENTRIES), movEdi(TABLE + PAGE - 4), movEax(OTHER | PRESENT_WRITABLE), STOSD), 15],
];

describe('page tables that repeated instructions write', () => {
  for (const engine of ['interpreter', 'translator', 'translate-again'] as const) {
    for (const [name, change, sum] of CHANGES) {
      it(`${engine}: map what they say when they are ${name}`, () => {
        const guest = pagedGuest(change, engine);
        guest.runToHalt(10_000);
        assert.equal(guest.state.reg(L.RBX), READ.length * 256 + sum);
      });
    }
  }

  it('are not looked at entry by entry', () => {
    const guest = pagedGuest(CHANGES[0]?.[1] ?? [], 'translator');
    guest.runToHalt(10_000);
    const { tracedWrites } = guest.mmu.shadow.counters;
    assert.ok(tracedWrites > 0 && tracedWrites <= 3, `${tracedWrites} traced writes`);
  });
});
