/** Code that is decoded before it is come to: that it is, and that neither the guest nor a debugger can tell. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { AT, HLT, NOP, code, haltedIn, le32, protectedGuest, type Guest } from '../cpu/guest';

const PAGE = 4096, PRESENT_WRITABLE = 3, ACCESSED = 0x20, PG = 0x80000000;
const INC_EAX = 0x40, INC_EBX = 0x43, RET = 0xc3, CALL = 0xe8, JMP = 0xe9;
const GP = 13, PF = 14, UD = 6;
/** In another page than the code that calls it. */
const FUNCTION = AT.userCode;
const relative = (opcode: number, from: number, to: number): readonly number[] => [opcode, ...le32(to - from - 5)];
const callFunction = (from: number): readonly number[] => relative(CALL, from, FUNCTION);

/** A guest whose program calls the function once, and goes on behind the call. */
function callingGuest(behind: readonly number[], body: readonly number[], engine = ENGINES.translator): Guest {
  const guest = protectedGuest(code(callFunction(AT.code), behind), engine);
  guest.put(FUNCTION, body);
  return guest;
}
const BEHIND = AT.code + 5;

describe('code that is decoded ahead', () => {
  it('is what a call comes back to, what a jump leads to, and what goes on behind the longest block', () => {
    const calls = 20;
    const program = Array.from({ length: calls }, (_, i) => callFunction(AT.code + 5 * i)).flat();
    const end = AT.code + program.length;
    const guest = protectedGuest(code(program, relative(JMP, end, end + 8), [HLT, HLT, HLT], Array.from({ length: 100 }, () => INC_EAX), HLT));
    guest.put(FUNCTION, [INC_EBX, RET]);
    guest.runToHalt();
    assert.deepEqual([guest.state.reg(L.RAX), guest.state.reg(L.RBX)], [100, calls]);
    const { counters, code: cache } = guest.executor;
    // Each call's block, the jump's, two of the row behind it, and the function's.
    assert.equal(cache.counters.blocksDecoded, calls + 4);
    // What follows a call is decoded with it, or where its call has a form, when it is come to: either way without a return to the run loop.
    const { blocksAhead, blocksByForms } = cache.counters;
    assert.ok(blocksAhead > 0 && blocksAhead + blocksByForms >= (calls * 3) / 4, `${blocksAhead} blocks ahead, ${blocksByForms} by forms`);
    assert.ok(counters.entries <= calls / 2, `${counters.entries} entries`);
  });

  it('is met for itself where each block is to be translated at once', () => {
    const guest = callingGuest([HLT], [INC_EBX, RET], ENGINES['translate-all']);
    guest.runToHalt();
    assert.equal(guest.executor.code.counters.blocksAhead, 0);
    assert.equal(guest.executor.translator.counters.regions, 3);
  });

  for (const place of [BEHIND, BEHIND + 2]) {
    it(`stops at a breakpoint that is set in it before it is come to (${place - BEHIND} instructions in it)`, () => {
      const guest = callingGuest([NOP, NOP, NOP, HLT], [INC_EBX, RET]);
      assert.equal(guest.run(2).kind, 'budget');
      assert.equal(guest.executor.code.counters.blocksAhead, 1);
      guest.executor.setBreakpoints(new Set([place]));
      assert.deepEqual(guest.run(100), { kind: 'breakpoint', linear: place });
      assert.equal(guest.state.eip, place);
    });

    it(`stops at one that was there when it was decoded (${place - BEHIND} instructions in it)`, () => {
      const guest = callingGuest([NOP, NOP, NOP, HLT], [INC_EBX, RET]);
      guest.executor.setBreakpoints(new Set([place]));
      assert.deepEqual(guest.run(100), { kind: 'breakpoint', linear: place });
    });
  }

  it('ends where a budget does', () => {
    const guest = callingGuest([INC_EAX, INC_EAX, INC_EAX, HLT], [INC_EBX, RET]);
    assert.equal(guest.run(4).kind, 'budget');
    assert.deepEqual([guest.state.reg(L.RAX), guest.state.eip], [1, BEHIND + 1]);
  });

  it('is what the function has made of it', () => {
    // mov byte [BEHIND], 43h; ret
    const guest = callingGuest([INC_EAX, HLT], code([0xc6, 0x05], le32(BEHIND), INC_EBX, RET));
    guest.runToHalt();
    assert.deepEqual([guest.state.reg(L.RAX), guest.state.reg(L.RBX)], [0, 1]);
    assert.equal(guest.executor.code.counters.blocksInvalidated, 1);
  });

  it('raises nothing where it is not come to: bytes that are no instruction', () => {
    // The function drops where it came from: pop eax; hlt
    const guest = callingGuest([0x0f, 0x0b], [0x58, HLT]);
    guest.runToHalt();
    assert.deepEqual([guest.state.reg(L.RAX), guest.state.eip], [BEHIND, FUNCTION + 2]);
  });

  it('raises what it has to when it is come to', () => {
    const guest = callingGuest([0x0f, 0x0b], [RET]);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
  });

  for (const inside of [0, 3]) {
    it(`ends at the limit of CS, which faults behind it alone (${inside} instructions inside)`, () => {
      const guest = protectedGuest([]);
      const call = FUNCTION + 0x20, behind = call + 5;
      guest.cpu.setSegment(L.CS, 0x08, 0, behind + inside - 1, 0x49b);
      guest.put(FUNCTION, [INC_EAX, RET]);
      guest.put(call, code(callFunction(call), INC_EBX, INC_EBX, INC_EBX, INC_EBX));
      guest.state.eip = call;
      guest.runToHalt();
      assert.deepEqual([guest.state.reg(L.RAX), guest.state.reg(L.RBX), haltedIn(guest)], [1, inside, GP]);
    });
  }

  it("stays in its page: neither the next one's accessed bit nor a fault comes of it", () => {
    const guest = protectedGuest([]);
    const [directory, table] = [AT.tables, AT.tables + PAGE];
    guest.put32(directory, table | PRESENT_WRITABLE);
    for (let i = 0; i < 1024; i++) guest.put32(table + 4 * i, (i * PAGE) | PRESENT_WRITABLE);
    const start = 0x200000, next = start + PAGE;
    const accessed = (page: number): boolean => (guest.u32(table + 4 * (page / PAGE)) & ACCESSED) !== 0;
    // Behind the call an instruction begins that ends in the next page.
    guest.put(next - 7, code(callFunction(next - 7), [0x81, 0xc0]));
    guest.put(next, code(le32(5), HLT));
    // mov cr3, eax; mov eax, cr0; or eax, PG; mov cr0, eax; jmp
    const program = code([0xb8], le32(directory), [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d], le32(PG), [0x0f, 0x22, 0xc0]);
    guest.put(AT.code, code(program, relative(JMP, AT.code + program.length, next - 7)));
    guest.put(FUNCTION, [0x31, 0xc0, HLT, RET]);
    guest.runToHalt();
    assert.deepEqual([accessed(start), accessed(FUNCTION), accessed(next)], [true, true, false]);
    guest.put32(table + 4 * (next / PAGE), 0);
    guest.state.halted = false;
    guest.runToHalt();
    assert.equal(haltedIn(guest), PF);
    assert.equal(guest.state.u32(L.CR2), next);
  });
});
