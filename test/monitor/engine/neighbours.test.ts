/** Code that is known from one address space, where another one comes to it: a page is asked for, and those around it come along. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const PAGE = 4096;
const PRESENT_WRITABLE = 3, ACCESSED = 0x20;
/** Two spaces: a directory and a table each. The tables map the first 4 MiB to themselves. */
const SPACES = [0, 1].map((i) => ({ directory: AT.tables + 2 * i * PAGE, table: AT.tables + (2 * i + 1) * PAGE }));
/** Sixteen pages that lead from one to the next, and where the last one ends. */
const FIRST = 0x200000, COUNT = 16;
const PG = 0x80000000;

/** jmp rel32 to the next page; the last one halts. */
const link = (i: number): readonly number[] => (i === COUNT - 1 ? [HLT] : code([0xe9], le32(PAGE - 5)));

function pagedGuest(flags: number): Guest {
  const guest = protectedGuest([]);
  for (const { directory, table } of SPACES) {
    guest.put32(directory, table | PRESENT_WRITABLE | ACCESSED);
    for (let i = 0; i < 1024; i++) guest.put32(table + 4 * i, (i * PAGE) | PRESENT_WRITABLE | flags);
  }
  for (let i = 0; i < COUNT; i++) guest.put(FIRST + i * PAGE, link(i));
  return guest;
}

/** Runs the chain in a space: MOV CR3 and CR0 as the guest does it. Gives how often generated code had to be entered. */
function run(guest: Guest, directory: number): number {
  const program = code([0xb8], le32(directory), [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d], le32(PG), [0x0f, 0x22, 0xc0, 0xe9], le32(FIRST - (AT.code + 19 + 5)));
  guest.put(AT.code, program);
  const { state, executor } = guest;
  state.eip = AT.code;
  state.halted = false;
  const before = executor.counters.entries;
  guest.runToHalt();
  assert.equal(state.eip, FIRST + (COUNT - 1) * PAGE + 1);
  assert.equal(state.reg(L.RAX) >>> 31, 1);
  return executor.counters.entries - before;
}

describe('code of a space that begins', () => {
  it('comes along with a page that is asked for, where it is known and its entries are accessed already', () => {
    const guest = pagedGuest(ACCESSED);
    const [first, second] = SPACES.map(({ directory }) => run(guest, directory));
    assert.ok(first !== undefined && first > COUNT, `${first} entries to find ${COUNT} pages`);
    // Groups of eight are filled together.
    assert.ok(second !== undefined && second < 8, `${second} entries in the second space`);
  });

  it('does not where the guest would see an accessed bit come', () => {
    const guest = pagedGuest(0);
    run(guest, SPACES[0]?.directory ?? 0);
    const table = SPACES[1]?.table ?? 0;
    guest.put(FIRST, [HLT]);
    guest.put(AT.code, code([0xb8], le32(SPACES[1]?.directory ?? 0), [0x0f, 0x22, 0xd8, 0xe9], le32(FIRST - (AT.code + 8 + 5))));
    guest.state.eip = AT.code;
    guest.state.halted = false;
    guest.runToHalt();
    const accessed = Array.from({ length: COUNT }, (_, i) => (guest.map.read(table + 4 * (FIRST / PAGE + i), 4) & ACCESSED) !== 0);
    assert.deepEqual(accessed, accessed.map((_, i) => i === 0));
  });

  it('is not what stands there no longer', () => {
    const guest = pagedGuest(ACCESSED);
    for (const { directory } of SPACES) run(guest, directory);
    // The second space has another page in the place of the fifth: it halts there.
    const other = 0x300000;
    guest.put(other, [HLT]);
    guest.put32((SPACES[1]?.table ?? 0) + 4 * (FIRST / PAGE + 4), other | PRESENT_WRITABLE | ACCESSED);
    guest.state.eip = FIRST;
    guest.state.halted = false;
    guest.runToHalt();
    assert.equal(guest.state.eip, FIRST + 4 * PAGE + 1);
  });
});
