/** Two pages of code that share a place in the execute TLB, and call one another: what that costs, and that it hides no change. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { TLB_EXECUTE_ENTRIES } from '../../../src/monitor/memory/layout';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const PAGE = 4096;
const PRESENT_WRITABLE = 3;
const DIRECTORY = AT.tables, LOW = AT.tables + PAGE, HIGH = AT.tables + 2 * PAGE;
/** The caller's page, and one 16 MiB above with the same place in the table. The upper one's function lies in either of two frames. */
const CALLER = 0x200000, CALLED = 0x1200000, FRAME = 0x300000, OTHER_FRAME = 0x301000;
const TIMES = 1000;

const indexOf = (linear: number): number => {
  const page = linear / PAGE;
  return page & (TLB_EXECUTE_ENTRIES - 1);
};

/** Calls the function TIMES times, which adds to EBX, and halts. */
function pagedGuest(): Guest {
  const guest = protectedGuest([]);
  guest.put32(DIRECTORY, LOW | PRESENT_WRITABLE);
  guest.put32(DIRECTORY + 4 * (CALLED >>> 22), HIGH | PRESENT_WRITABLE);
  for (let i = 0; i < 1024; i++) guest.put32(LOW + 4 * i, (i * PAGE) | PRESENT_WRITABLE);
  guest.put32(HIGH + 4 * ((CALLED >>> 12) & 1023), FRAME | PRESENT_WRITABLE);
  // add ebx, 1 (or 2); ret
  guest.put(FRAME, [0x83, 0xc3, 1, 0xc3]);
  guest.put(OTHER_FRAME, [0x83, 0xc3, 2, 0xc3]);
  // mov ecx, TIMES; mov eax, CALLED; again: call eax; dec ecx; jnz again; hlt
  guest.put(CALLER, code([0xb9], le32(TIMES), [0xb8], le32(CALLED), [0xff, 0xd0, 0x49, 0x75, 0xfb, HLT]));
  // Paging on, and on to the caller.
  guest.put(AT.code, code([0xb8], le32(DIRECTORY), [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d], le32(0x80000000), [0x0f, 0x22, 0xc0, 0xe9], le32(CALLER - (AT.code + 19 + 5))));
  return guest;
}

/** Runs from an address to HLT. Gives how often generated code had to be entered, and what EBX has become. */
function run(guest: Guest, start: number): { readonly entries: number; readonly sum: number } {
  const { state, executor } = guest;
  state.eip = start;
  state.halted = false;
  state.setReg(L.RBX, 0);
  const before = executor.counters.entries;
  guest.runToHalt(20 * TIMES);
  return { entries: executor.counters.entries - before, sum: state.reg(L.RBX) };
}

describe('pages of code in each other\'s way', () => {
  it('share a place', () => {
    assert.equal(indexOf(CALLED), indexOf(CALLER));
  });

  it('call one another without the monitor', () => {
    const { entries, sum } = run(pagedGuest(), AT.code);
    assert.equal(sum, TIMES);
    assert.ok(entries < 60, `${entries} entries for ${TIMES} calls`);
  });

  it('are looked for anew when the one that is not there is mapped elsewhere, or not at all', () => {
    const guest = pagedGuest();
    run(guest, AT.code);
    // By a bus master, as by an instruction: the table is traced.
    guest.put32(HIGH + 4 * ((CALLED >>> 12) & 1023), OTHER_FRAME | PRESENT_WRITABLE);
    assert.equal(run(guest, CALLER).sum, 2 * TIMES);
    guest.put32(DIRECTORY + 4 * (CALLED >>> 22), 0);
    assert.equal(run(guest, CALLER).sum, 0);
    assert.notEqual(guest.state.eip, CALLER + 16, 'a page fault');
  });

  it('are looked for anew when code has been written there', () => {
    const guest = pagedGuest();
    run(guest, AT.code);
    guest.put(FRAME + 2, [5]);
    assert.equal(run(guest, CALLER).sum, 5 * TIMES);
  });
});
