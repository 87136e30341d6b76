/** Much code that is run through once, and some that is used all the time: what is kept of it, and that the guest cannot tell. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { FRAME } from '../../../src/monitor/memory/machineMemory';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const PAGE = 4096;
/** Pages that lead from one to the next; each counts in EAX, and calls a function that counts in EBX. */
const FIRST = 0x180000, COUNT = 600, STEPS = 1000;
const FUNCTION = 0x14000;
const INC_EAX = 0x40, DEC_EAX = 0x48, INC_EBX = 0x43, RET = 0xc3, CALL = 0xe8, JMP = 0xe9;
const relative = (opcode: number, from: number, to: number): readonly number[] => [opcode, ...le32(to - from - 5)];

function longGuest(): Guest {
  const guest = protectedGuest(code(relative(JMP, AT.code, FIRST)));
  guest.put(FUNCTION, [INC_EBX, RET]);
  for (let i = 0; i < COUNT; i++) {
    const page = FIRST + i * PAGE;
    guest.put(page, code(
      Array.from({ length: STEPS }, () => INC_EAX),
      relative(CALL, page + STEPS, FUNCTION),
      i === COUNT - 1 ? HLT : relative(JMP, page + STEPS + 5, page + PAGE),
    ));
  }
  return guest;
}

/** Runs through all of it. Gives what EAX and EBX have come to. */
function run(guest: Guest): readonly [number, number] {
  const { state } = guest;
  state.eip = AT.code;
  state.halted = false;
  state.setReg(L.RAX, 0);
  state.setReg(L.RBX, 0);
  guest.runToHalt(COUNT * (STEPS + 10));
  return [state.reg(L.RAX), state.reg(L.RBX)];
}

describe('decoded code that is executed no more', () => {
  it('is given up when there is much of it, and what is used stays', () => {
    const guest = longGuest();
    assert.deepEqual(run(guest), [COUNT * STEPS, COUNT]);
    const { code: cache } = guest.executor;
    const { codePages, codeBytes } = cache.held;
    assert.ok(cache.counters.pagesGivenUp > COUNT / 3, `${cache.counters.pagesGivenUp} pages given up`);
    assert.equal(codePages + cache.counters.pagesGivenUp, COUNT + 2);
    // Decoded, each of them takes 40 bytes an instruction.
    assert.ok(codeBytes < COUNT * STEPS * 40 * 1.25, `${codeBytes} bytes of decoded code`);
    assert.equal(cache.pagesOf(guest.map.frame(FUNCTION / PAGE)).length, 1);
    assert.equal(cache.counters.cacheFlushes, 0);
  });

  it('is decoded again when it is executed again', () => {
    const guest = longGuest();
    run(guest);
    const { counters } = guest.executor.code;
    const before = counters.instructionsDecoded;
    assert.deepEqual(run(guest), [COUNT * STEPS, COUNT]);
    assert.ok(counters.instructionsDecoded > before + (COUNT / 3) * STEPS);
  });

  it('is found changed where it has been written to meanwhile', () => {
    const guest = longGuest();
    run(guest);
    for (let i = 0; i < COUNT; i += 7) guest.put(FIRST + i * PAGE + 500, [DEC_EAX]);
    assert.deepEqual(run(guest), [COUNT * STEPS - 2 * Math.ceil(COUNT / 7), COUNT]);
  });

  it('leaves no frame traced', () => {
    const guest = longGuest();
    run(guest);
    const { executor: { code: cache }, map, memory } = guest;
    for (let i = 0; i < COUNT; i++) {
      const frame = map.frame((FIRST + i * PAGE) / PAGE);
      assert.equal((memory.frameFlags(frame) & FRAME.code) !== 0, cache.pagesOf(frame).length > 0, `page ${i}`);
    }
  });
});
