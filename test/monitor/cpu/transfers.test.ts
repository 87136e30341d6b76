/** Far transfers: direct, through call gates with and without a stack switch, and back (Intel SDM vol. 3, 5.8). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import {
  AT, HLT, IRET, NOP, PRESENT, RETF, SEL, callFar, code, descriptor, dpl, enterUser, gate, haltedIn, jmpFar, le16, le32, protectedGuest, push,
  setDescriptor, type Guest,
} from './guest';

const GP = 13, NP = 11, UD = 6;
const UD2 = [0x0f, 0x0b];
const CALL_GATE = PRESENT | 0x0c;
const TARGET = AT.code + 0x100;
const stackTop = AT.stack0 - 0x1000;

function faults(guest: Guest, vector: number, errorCode: number): void {
  guest.runToHalt();
  assert.equal(haltedIn(guest), vector);
  assert.equal(guest.stack(1)[0], errorCode);
}

describe('far jumps and calls at one privilege', function () {
  this.timeout(30_000);

  it('JMP loads CS with the present privilege in its RPL', () => {
    const guest = protectedGuest(jmpFar(SEL.free, TARGET));
    setDescriptor(guest, SEL.free, descriptor(0, 0xfffff, PRESENT | 0x1a, 0xc));
    guest.put(TARGET, [HLT]);
    guest.runToHalt();
    assert.equal(guest.state.selector(L.CS), SEL.free);
    assert.equal(guest.state.eip, TARGET + 1);
    assert.equal(guest.map.read(AT.gdt + SEL.free + 5, 1), PRESENT | 0x1b, 'accessed');
  });

  it('CALL pushes CS and EIP, RETF returns and drops parameters', () => {
    const guest = protectedGuest(code(push(7), callFar(SEL.code0, TARGET), HLT));
    guest.put(TARGET, [0xca, ...le16(4)]);
    guest.runToHalt();
    assert.equal(guest.state.eip, AT.code + 13);
    assert.equal(guest.state.reg(L.RSP), stackTop);
    assert.deepEqual([guest.u32(stackTop - 12), guest.u32(stackTop - 8)], [AT.code + 12, SEL.code0]);
  });

  it('goes to 16-bit code and back', () => {
    const guest = protectedGuest(jmpFar(SEL.free, 0x10));
    setDescriptor(guest, SEL.free, descriptor(AT.data, 0xffff, PRESENT | 0x1a));
    // 16-bit: MOV AX, 1234h; JMP FAR 32-bit.
    guest.put(AT.data + 0x10, code([0xb8], le16(0x1234), [0x66], jmpFar(SEL.code0, TARGET)));
    guest.put(TARGET, [HLT]);
    guest.state.setReg(L.RAX, 0);
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), 0x1234);
    assert.equal(guest.state.eip, TARGET + 1);
  });

  it('goes back to real mode, where code may be written through CS, and every segment be used', () => {
    const base = 0x8000;
    const guest = protectedGuest(jmpFar(SEL.free, 0));
    setDescriptor(guest, SEL.free, descriptor(base, 0xffff, PRESENT | 0x1a));
    // 16-bit code: XOR EAX, EAX; MOV FS, AX; MOV CR0, EAX; JMP FAR to what follows, which is in real mode then.
    const leave = code([0x66, 0x31, 0xc0, 0x8e, 0xe0, 0x0f, 0x22, 0xc0]);
    const behind = leave.length + 5;
    // MOV FS, AX; MOV word CS:[100h], 1234h; MOV BX, FS:[8100h]; HLT
    const real = code([0x8e, 0xe0], [0x2e, 0xc7, 0x06], le16(0x100), le16(0x1234), [0x64, 0x8b, 0x1e], le16(base + 0x100), HLT);
    guest.put(base, code(leave, [0xea], le16(behind), le16(base >> 4), real));
    guest.runToHalt();
    assert.equal(guest.map.read(base + 0x100, 2), 0x1234);
    assert.equal(guest.state.reg(L.RBX, 2), 0x1234);
  });

  it('refuses data, absent, null, and more privileged code, and offsets beyond the limit', () => {
    const jump = (selector: number, bytes: readonly number[] = [], offset = TARGET): Guest => {
      const guest = protectedGuest(jmpFar(selector, offset));
      setDescriptor(guest, SEL.free, bytes);
      return guest;
    };
    faults(jump(SEL.data0), GP, SEL.data0);
    faults(jump(0), GP, 0);
    faults(jump(SEL.free, descriptor(0, 0xfffff, 0x1a, 0xc)), NP, SEL.free);
    faults(jump(SEL.free | 3, descriptor(0, 0xfffff, PRESENT | 0x1a, 0xc)), GP, SEL.free);
    faults(jump(SEL.free, descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x1a, 0xc)), GP, SEL.free);
    faults(jump(SEL.free, descriptor(0, 0xff, PRESENT | 0x1a, 0x4)), GP, 0);
    faults(jump(0x3f8 | 4), GP, 0x3f8 | 4);
  });

  it('conforming code runs at the privilege of its caller', () => {
    const guest = protectedGuest([]);
    setDescriptor(guest, SEL.free, descriptor(0, 0xfffff, PRESENT | 0x1e, 0xc));
    enterUser(guest, jmpFar(SEL.free, TARGET));
    guest.put(TARGET, UD2);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
    assert.equal(guest.stack(2)[1], SEL.free | 3);
  });
});

describe('call gates', function () {
  this.timeout(30_000);

  const user = (program: readonly number[], gateBytes: readonly number[]): Guest => {
    const guest = protectedGuest([]);
    setDescriptor(guest, SEL.free, gateBytes);
    enterUser(guest, program);
    guest.put(TARGET, [HLT]);
    return guest;
  };

  it('to an inner privilege switches stacks and copies parameters; RETF goes back', () => {
    const guest = user(code(push(0x11), push(0x22), callFar(SEL.free | 3, 0), UD2), gate(SEL.code0, TARGET, CALL_GATE | dpl(3), 2));
    guest.runToHalt();
    assert.equal(guest.state.eip, TARGET + 1);
    assert.equal(guest.state.cpl, 0);
    assert.deepEqual(guest.stack(6), [AT.userCode + 17, SEL.code3, 0x22, 0x11, AT.stack3 - 8, SEL.data3]);
    assert.equal(guest.state.reg(L.RSP), AT.stack0 - 24);
    guest.put(TARGET, [NOP, 0xca, ...le16(8)]);
    guest.state.halted = false;
    guest.runToHalt();
    // UD2 behind the call.
    assert.equal(haltedIn(guest), UD);
    assert.equal(guest.stack(1)[0], AT.userCode + 17);
    assert.equal(guest.stack(4)[3], AT.stack3, 'both stacks have dropped the parameters');
  });

  it('at the same privilege push CS:EIP in the size of the gate', () => {
    const guest = protectedGuest(callFar(SEL.free, 0));
    setDescriptor(guest, SEL.free, gate(SEL.code0, TARGET, CALL_GATE));
    guest.put(TARGET, [HLT]);
    guest.runToHalt();
    assert.deepEqual(guest.stack(2), [AT.code + 7, SEL.code0]);
  });

  it('need their privilege and presence', () => {
    faults(user(callFar(SEL.free | 3, 0), gate(SEL.code0, TARGET, CALL_GATE)), GP, SEL.free);
    faults(user(callFar(SEL.free | 3, 0), gate(SEL.code0, TARGET, 0x0c | dpl(3))), NP, SEL.free);
    faults(user(callFar(SEL.free | 3, 0), gate(SEL.data0, TARGET, CALL_GATE | dpl(3))), GP, SEL.data0);
    // JMP cannot change the privilege.
    faults(user(jmpFar(SEL.free | 3, 0), gate(SEL.code0, TARGET, CALL_GATE | dpl(3))), GP, SEL.code0);
  });
});

describe('RETF', function () {
  this.timeout(30_000);

  it('to an outer privilege pops SS:ESP', () => {
    const guest = protectedGuest(code(push(SEL.data3), push(AT.stack3), push(SEL.code3), push(AT.userCode), RETF));
    guest.put(AT.userCode, UD2);
    guest.runToHalt();
    assert.deepEqual(guest.stack(5), [AT.userCode, SEL.code3, 0x10002, AT.stack3, SEL.data3]);
    assert.equal(guest.state.selector(L.DS), 0, 'DS of CPL 0 is dropped');
  });

  it('to an outer privilege null selectors lose their RPL, and FS and GS keep their hidden bases (vol. 2, RET and IRET)', () => {
    for (const [name, frame, instruction] of [['RETF', [], RETF], ['IRET', push(2), IRET]] as const) {
      const guest = protectedGuest(code(push(SEL.data3), push(AT.stack3), frame, push(SEL.code3), push(AT.userCode), instruction));
      for (const segment of [L.DS, L.ES, L.FS, L.GS]) guest.cpu.setSegment(segment, 3, segment < L.FS ? 0 : 0x1234, 0, 0);
      guest.run(frame.length === 0 ? 5 : 6);
      assert.equal(guest.state.cpl, 3, name);
      assert.deepEqual([L.DS, L.ES, L.FS, L.GS].map((segment) => guest.state.selector(segment)), [0, 0, 0, 0], name);
      assert.equal(guest.state.base(L.FS), 0x1234, name);
    }
  });

  it('to an inner privilege is #GP', () => {
    const guest = protectedGuest([]);
    enterUser(guest, code(push(SEL.code0), push(TARGET), RETF));
    faults(guest, GP, SEL.code0);
  });
});

describe('SYSENTER and SYSEXIT', function () {
  this.timeout(30_000);

  it('go to the kernel and back with flat segments', () => {
    const guest = protectedGuest([]);
    guest.state.setU32(L.SYSENTER_CS, SEL.code0);
    guest.state.setU32(L.SYSENTER_ESP, AT.stack0);
    guest.state.setU32(L.SYSENTER_EIP, TARGET);
    enterUser(guest, [0x0f, 0x34], 0x202);
    guest.put(TARGET, code([0xba], le32(AT.userCode + 0x40), [0xb9], le32(AT.stack3), [0x0f, 0x35]));
    guest.put(AT.userCode + 0x40, UD2);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
    const [eip, cs, flags = 0, esp, ss] = guest.stack(5);
    assert.deepEqual([eip, cs, esp, ss], [AT.userCode + 0x40, SEL.code0 + 16 + 3, AT.stack3, SEL.code0 + 24 + 3]);
    assert.equal(flags & 0x200, 0, 'SYSENTER clears IF');
  });
});
