/** Virtual-8086 mode: entry and exit, what is sensitive to IOPL, and its I/O permissions (Intel SDM vol. 3, chapter 20). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, IRET, NOP, PRESENT, SEL, code, dpl, gate, handlerOf, haltedIn, int, le16, le32, protectedGuest, push, setGate, type Guest } from './guest';

const VM = 0x20000, IF = 0x200, IOPL3 = 0x3000;
const GP = 13, UD = 6;
const UD2 = [0x0f, 0x0b];
/** The task's code is at 0800:0010, its stack at 0900:0100. */
const CS = 0x800, IP = 0x10, SS = 0x900, SP = 0x100;

/** Enters virtual-8086 mode by IRET. */
function virtualGuest(program: readonly number[], flags = VM | IF | 2): Guest {
  const words = [0x400, 0x300, 0x200, 0x100, SS, SP, flags, CS, IP];
  const guest = protectedGuest(code(...words.map(push), IRET));
  guest.put(CS * 16 + IP, program);
  return guest;
}

describe('virtual-8086 mode', function () {
  this.timeout(30_000);

  it('is entered by IRET, with all segments from the stack and addresses of selector times 16', () => {
    const guest = virtualGuest(code([0xb8], le16(0x1234), [0xa3], le16(0x20), [0x26, 0xa3], le16(0x30), UD2));
    guest.run(13);
    const s = guest.state;
    assert.equal(s.cpl, 3);
    assert.ok(s.virtual8086);
    assert.deepEqual([L.ES, L.DS, L.FS, L.GS].map((segment) => s.selector(segment)), [0x100, 0x200, 0x300, 0x400]);
    assert.equal(guest.u16(0x2020), 0x1234);
    assert.equal(guest.u16(0x1030), 0x1234);
  });

  it('is left by a fault: the handler has a clean stack with all segments on it, and null data segments', () => {
    const guest = virtualGuest(UD2);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
    assert.deepEqual(guest.stack(9), [IP, CS, VM | IF | 0x10002, SP, SS, 0x100, 0x200, 0x300, 0x400]);
    const s = guest.state;
    assert.equal(s.cpl, 0);
    assert.equal(s.virtual8086, false);
    assert.deepEqual([L.ES, L.DS, L.FS, L.GS].map((segment) => s.selector(segment)), [0, 0, 0, 0]);
    assert.equal(s.selector(L.SS), SEL.data0);
  });

  it('is left and entered again', () => {
    const guest = virtualGuest(code(int(0x44), NOP, UD2), VM | IF | IOPL3 | 2);
    setGate(guest, 0x44, gate(SEL.code0, handlerOf(0x44), PRESENT | 0x0e | dpl(3)));
    guest.put(handlerOf(0x44), [IRET]);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
    assert.deepEqual(guest.stack(3), [IP + 3, CS, VM | IF | IOPL3 | 0x10002]);
  });

  it('traps CLI, STI, PUSHF, POPF, INT and IRET to the monitor unless IOPL is 3', () => {
    for (const sensitive of [[0xfa], [0xfb], [0x9c], [0x9d], int(0x44), [IRET]]) {
      const guest = virtualGuest(sensitive);
      guest.runToHalt();
      assert.equal(haltedIn(guest), GP, Buffer.from(sensitive).toString('hex'));
      assert.deepEqual(guest.stack(2), [0, IP]);
    }
    const free = virtualGuest(code(0xfa, 0x9c, 0x9d, UD2), VM | IF | IOPL3 | 2);
    free.runToHalt();
    assert.equal(haltedIn(free), UD);
    assert.equal((free.stack(3)[2] ?? 0) & IF, 0);
  });

  it('has no privileged and no protected-mode instructions', () => {
    const refused: readonly (readonly [number, readonly number[]])[] = [[GP, [HLT]], [GP, [0x0f, 0x20, 0xc0]], [UD, [0x0f, 0x00, 0xc8]], [UD, [0x63, 0xc0]], [UD, [0x0f, 0x02, 0xc0]]];
    for (const [vector, program] of refused) {
      const guest = virtualGuest(program);
      guest.runToHalt();
      assert.equal(haltedIn(guest), vector, Buffer.from(program).toString('hex'));
    }
  });

  it('asks the I/O permission map whatever IOPL is', () => {
    const guest = virtualGuest([0xe4, 0x60], VM | IOPL3 | 2);
    guest.runToHalt();
    assert.equal(haltedIn(guest), GP);
    const allowed = virtualGuest(code([0xe4, 0x60], UD2));
    allowed.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x100, 0x8b);
    allowed.runToHalt();
    assert.equal(haltedIn(allowed), UD);
    const denied = virtualGuest(code([0xe4, 0x60], UD2));
    denied.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x100, 0x8b);
    denied.put(AT.tss + 0x68 + 0x60 / 8, [1]);
    denied.runToHalt();
    assert.equal(haltedIn(denied), GP);
  });

  it('cuts offsets to 64 KiB: a word at FFFF is #GP', () => {
    const guest = virtualGuest(code([0xa1], le16(0xffff)));
    guest.runToHalt();
    assert.equal(haltedIn(guest), GP);
    const wide = virtualGuest(code([0x67, 0x66, 0xa1], le32(0x10000)));
    wide.runToHalt();
    assert.equal(haltedIn(wide), GP);
  });
});
