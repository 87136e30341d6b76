/** Simple system instructions in generated code: what they do, that they need no service, and that they ask who may. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { FLAG } from '../../../src/monitor/cpu/state';
import { HLT, SEL, code, enterUser, le32, protectedGuest, push, type Guest } from '../cpu/guest';

/** Runs a program at CPL 0 to its HLT: services that it has asked for besides. */
function services(guest: Guest): number {
  guest.runToHalt();
  return guest.executor.counters.services - 1;
}

describe('simple system instructions', () => {
  it('PUSHF stores all flags but RF and VM', () => {
    // mov eax, 7fffffffh; add eax, 1; pushf
    const guest = protectedGuest(code(0xb8, le32(0x7fffffff), 0x83, 0xc0, 1, 0x9c, HLT));
    guest.state.setU32(L.FLAGS_SYSTEM, guest.state.systemFlags | FLAG.DF | FLAG.IF | FLAG.IOPL | FLAG.ID);
    assert.equal(services(guest), 0);
    assert.deepEqual(guest.stack(1), [FLAG.OF | FLAG.SF | FLAG.AF | FLAG.PF | FLAG.DF | FLAG.IF | FLAG.IOPL | FLAG.ID | 2]);
    assert.equal(guest.state.flags, guest.stack(1)[0]);
  });

  it('CLI clears IF', () => {
    const guest = protectedGuest([0xfa, HLT]);
    guest.state.setU32(L.FLAGS_SYSTEM, guest.state.systemFlags | FLAG.IF);
    assert.equal(services(guest), 0);
    assert.equal(guest.state.systemFlags & FLAG.IF, 0);
  });

  it('CLI is #GP where IOPL does not let it', () => {
    for (const [iopl, vector] of [[0, 13], [2, 13], [3, undefined]] as const) {
      const guest = protectedGuest([]);
      guest.executor.stopVectors = new Set([13]);
      enterUser(guest, [0xfa, 0x90], 2 | FLAG.IF | (iopl << 12));
      const outcome = guest.run(1);
      assert.equal(outcome.kind === 'exception' ? outcome.fault.vector : undefined, vector, `IOPL ${iopl}`);
      assert.equal((guest.state.systemFlags & FLAG.IF) !== 0, vector !== undefined);
    }
  });

  it('POPF changes IF where IOPL lets the program, and leaves it alone elsewhere', () => {
    for (const [iopl, changes] of [[0, false], [2, false], [3, true]] as const) {
      const guest = protectedGuest([]);
      // push flags; popf
      enterUser(guest, code(push(2 | FLAG.CF | (iopl << 12)), 0x9d, 0x90), 2 | FLAG.IF | (iopl << 12));
      guest.run(2);
      assert.equal(guest.state.flags, 2 | FLAG.CF | (iopl << 12) | (changes ? 0 : FLAG.IF), `IOPL ${iopl}`);
    }
  });

  it('POPF of the system changes all flags but RF, VM, VIF and VIP', () => {
    const all = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.OF | FLAG.DF | FLAG.IOPL | FLAG.NT | FLAG.ID;
    const guest = protectedGuest(code(push(all | FLAG.VM | FLAG.RF | FLAG.VIF | FLAG.VIP), 0x9d, HLT));
    assert.equal(services(guest), 0);
    assert.equal(guest.state.flags, all | 2);
  });

  it('selectors go to registers, to memory as 16 bits, and to the stack as 16 of 32', () => {
    // push 11223344h; pop eax; mov ecx, ds; mov [esp - 16], cs; push ds
    const guest = protectedGuest(code(push(0x11223344), 0x58, 0x8c, 0xd9, 0x8c, 0x4c, 0x24, 0xf0, 0x1e, HLT));
    const top = guest.state.reg(L.RSP);
    guest.put32(top - 16, 0x55667788);
    assert.equal(services(guest), 0);
    assert.equal(guest.state.reg(L.RCX), SEL.data0);
    assert.equal(guest.u32(top - 16), 0x55660000 | SEL.code0);
    assert.equal(guest.state.reg(L.RSP), top - 4);
    assert.deepEqual(guest.stack(1), [0x11220000 | SEL.data0]);
  });
});
