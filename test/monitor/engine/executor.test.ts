/** The executor: exact counts, the same result in blocks and in single steps, self-modifying code, breakpoints, stops before faults. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, NOP, code, handlerOf, haltedIn, le32, movEax, protectedGuest, storeEax, type Guest } from '../cpu/guest';
import { randomCode } from '../isa/randomCode';

const ud2 = [0x0f, 0x0b];

/** A loop that counts in ECX and in memory. */
const LOOP = code(0x41, [0x01, 0x0d], le32(AT.data), [0x8b, 0x15], le32(AT.data), [0x39, 0xca], [0x75, 0xef], [0xeb, 0xed]);

function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 8 }, (_, i) => s.reg(i).toString(16));
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.f64(L.RETIRED), guest.u32(AT.data).toString(16)].join(' ');
}

describe('the executor', function () {
  this.timeout(30_000);

  it('stops at exactly the retired count that was asked for, wherever it falls in a block', () => {
    const whole = protectedGuest(LOOP);
    const stepped = protectedGuest(LOOP);
    for (let count = 1; count < 60; count++) {
      whole.run(count);
      for (let i = 0; i < count; i++) stepped.run(1);
      assert.equal(snapshot(whole), snapshot(stepped), `after a run of ${count}`);
    }
  });

  it('comes to the same state in blocks and in single steps on random code', () => {
    let n = 0;
    for (const stream of randomCode(11, 100)) {
      n++;
      // Several streams one behind the other, HLT at the end; faults lead to handlers that halt.
      const program = [...stream, ...stream.slice(0, 12), HLT];
      const results = [1, 50].map((burst) => {
        const guest = protectedGuest(program);
        for (let i = 0; i < 8; i++) guest.state.setReg(i, i === L.RSP ? AT.stack0 - 0x1000 : AT.data + i * 0x100);
        for (let done = 0; done < 50 && !guest.state.halted; done += burst) {
          if (guest.run(burst).kind === 'halted') break;
        }
        return `${snapshot(guest)} ${Buffer.from(guest.map.copyOut(AT.data, 0x1000)).toString('base64')}`;
      });
      assert.equal(results[0], results[1], `stream ${n}: ${Buffer.from(stream).toString('hex')}`);
    }
  });

  it('sees code that has been changed in the block that runs', () => {
    // MOV byte [next], F4 (HLT): the very next instruction.
    const guest = protectedGuest(code([0xc6, 0x05], le32(AT.code + 7), HLT, [NOP, 0xeb, 0xfe]));
    guest.runToHalt(10);
    assert.equal(guest.state.eip, AT.code + 8);
  });

  it('sees code that has been changed after it ran, and leaves data beside code alone', () => {
    const target = AT.code + 0x40;
    // Twice: CALL target; then target's immediate is changed from 1 to 2.
    const program = code([0xe8], le32(target - AT.code - 5), [0x89, 0xc3], [0xc6, 0x05], le32(target + 1), 2, [0xe8], le32(target - AT.code - 19), HLT);
    const guest = protectedGuest(program);
    guest.put(target, code(movEax(1), 0xc3));
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RBX), 1);
    assert.equal(guest.state.reg(L.RAX), 2);
  });

  it('runs an instruction that crosses a page, and faults on the second page when that is not there', () => {
    const start = AT.code + 0xffd;
    const guest = protectedGuest([]);
    guest.put(start, code(movEax(0x12345678), HLT));
    guest.state.eip = start;
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), 0x12345678);
  });

  it('stops at breakpoints before the instruction, goes on from there, and forgets them when they are taken away', () => {
    const guest = protectedGuest([NOP, NOP, 0xeb, 0xfc]);
    guest.run(5);
    guest.executor.setBreakpoints(new Set([AT.code + 1]));
    for (let round = 0; round < 3; round++) {
      const before = guest.state.f64(L.RETIRED);
      const outcome = guest.run(100);
      assert.deepEqual(outcome, { kind: 'breakpoint', linear: AT.code + 1 });
      assert.equal(guest.state.eip, AT.code + 1);
      if (round > 0) assert.equal(guest.state.f64(L.RETIRED) - before, 3);
      guest.executor.passOver();
    }
    guest.executor.setBreakpoints(new Set());
    const decoded = guest.executor.code.counters.blocksDecoded;
    assert.equal(guest.run(1000).kind, 'budget');
    assert.ok(guest.executor.code.counters.blocksDecoded - decoded < 5, 'blocks are decoded once');
  });

  it('stops before a fault is delivered, and delivers it when told to pass', () => {
    const guest = protectedGuest(code(NOP, ud2));
    guest.executor.stopVectors = new Set([6]);
    const outcome = guest.run(10);
    assert.equal(outcome.kind, 'exception');
    assert.equal(guest.state.eip, AT.code + 1);
    guest.executor.passOver();
    guest.runToHalt();
    assert.equal(haltedIn(guest), 6);
  });

  it('does not pass a later fault over', () => {
    const guest = protectedGuest(code(NOP, NOP, ud2));
    guest.executor.stopVectors = new Set([6]);
    guest.executor.passOver();
    assert.equal(guest.run(10).kind, 'exception');
  });

  it('takes an interrupt between two instructions, not behind STI', () => {
    const guest = protectedGuest([0xfb, NOP, NOP, HLT]);
    guest.interrupt(0x21);
    guest.runToHalt();
    assert.equal(haltedIn(guest), 0x21);
    assert.equal(guest.stack(1)[0], AT.code + 2, 'the instruction behind STI is done first');
  });

  it('wakes from HLT by an interrupt', () => {
    const guest = protectedGuest([0xfb, HLT, NOP]);
    assert.equal(guest.run(10).kind, 'halted');
    guest.interrupt(0x22);
    guest.runToHalt();
    assert.equal(guest.stack(1)[0], AT.code + 2);
    assert.equal(haltedIn(guest), 0x22);
  });

  it('comes back early from a guest that does nothing but fault', () => {
    const guest = protectedGuest(ud2);
    guest.put(handlerOf(6), ud2);
    assert.equal(guest.run(1_000_000).kind, 'returned');
    assert.ok(guest.state.f64(L.RETIRED) < 10_000);
  });

  it('counts a repeated instruction as one, faults at the element, and goes on where it stood', () => {
    // REP MOVSD of a thousand elements, over a page border.
    const guest = protectedGuest(code([0xbe], le32(AT.data), [0xbf], le32(AT.data + 0x1000), [0xb9], le32(1000), [0xf3, 0xa5], HLT));
    const before = guest.state.f64(L.RETIRED);
    guest.runToHalt();
    assert.equal(guest.state.f64(L.RETIRED) - before, 5);
    assert.equal(guest.state.reg(L.RCX), 0);
    assert.equal(guest.state.reg(L.RDI), AT.data + 0x1000 + 4000);
  });

  it('keeps the handlers where they are after a fault in the middle of a block', () => {
    const guest = protectedGuest(code(movEax(7), storeEax(AT.data), ud2, NOP));
    guest.runToHalt();
    assert.equal(haltedIn(guest), 6);
    assert.equal(guest.state.eip, handlerOf(6) + 1);
    assert.equal(guest.u32(AT.data), 7);
    assert.equal(guest.stack(1)[0], AT.code + 10);
  });
});
