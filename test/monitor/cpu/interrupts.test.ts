/** Delivery of interrupts and exceptions in protected and real mode, double and triple faults (Intel SDM vol. 3, chapter 6). */
import assert from 'node:assert/strict';
import { TripleFault } from '../../../src/monitor/cpu/interrupts';
import * as L from '../../../src/monitor/cpu/layout';
import {
  AT, HLT, IRET, NOP, PRESENT, SEL, code, descriptor, dpl, enterUser, gate, handlerOf, haltedIn, int, jmpFar, le16, le32, loadEax,
  protectedGuest, push, realGuest, setDescriptor, setGate, storeEax, type Guest,
} from './guest';

const IF = 0x200, TF = 0x100, NT = 0x4000, RF = 0x10000;
const UD2 = [0x0f, 0x0b];
const GP = 13, NP = 11, SS = 12, DF = 8, UD = 6, TS = 10;
const INTERRUPT_GATE = PRESENT | 0x0e, TRAP_GATE = PRESENT | 0x0f, INTERRUPT_GATE_16 = PRESENT | 0x06;
const stackTop = AT.stack0 - 0x1000;

/** Runs a program into handler `vector`; gives the words on its stack. */
function enters(guest: Guest, vector: number, words: number): readonly number[] {
  guest.runToHalt();
  assert.equal(haltedIn(guest), vector);
  return guest.stack(words);
}

describe('interrupt delivery at the same privilege', function () {
  this.timeout(30_000);

  it('pushes EFLAGS, CS, EIP; INT points behind itself', () => {
    const guest = protectedGuest(code(NOP, int(0x40)));
    guest.state.flags = IF | 0x41;
    assert.deepEqual(enters(guest, 0x40, 3), [AT.code + 3, SEL.code0, IF | 0x43]);
    assert.equal(guest.state.reg(L.RSP), stackTop - 12);
  });

  it('an interrupt gate clears IF, a trap gate leaves it; both clear TF and NT', () => {
    for (const [type, left] of [[INTERRUPT_GATE, 0], [TRAP_GATE, IF]] as const) {
      const guest = protectedGuest(int(0x41));
      setGate(guest, 0x41, gate(SEL.code0, handlerOf(0x41), type));
      guest.state.flags = IF | NT;
      enters(guest, 0x41, 3);
      assert.equal(guest.state.flags & (IF | TF | NT), left);
    }
  });

  it('a 16-bit gate pushes words and takes a 16-bit offset', () => {
    const guest = protectedGuest(code(NOP, int(0x42)));
    setGate(guest, 0x42, gate(SEL.code0, 0x12345000, INTERRUPT_GATE_16));
    guest.put(0x5000, [HLT]);
    guest.runToHalt();
    assert.equal(guest.state.eip, 0x5001);
    assert.equal(guest.state.reg(L.RSP), stackTop - 6);
    assert.equal(guest.u16(stackTop - 6), (AT.code + 3) & 0xffff);
  });

  it('a fault points to its instruction, sets RF in the image, and pushes its error code', () => {
    const guest = protectedGuest(UD2);
    const [eip, , flags] = enters(guest, UD, 3);
    assert.equal(eip, AT.code);
    assert.equal((flags ?? 0) & RF, RF);
    // MOV DS, 1234h: outside the GDT.
    const other = protectedGuest(code([0x66, 0xb8], le16(0x1234), [0x8e, 0xd8]));
    assert.deepEqual(enters(other, GP, 3), [0x1234, AT.code + 4, SEL.code0]);
  });

  it('IRET returns with the flags of the image', () => {
    const guest = protectedGuest(code(int(0x43), HLT));
    guest.put(handlerOf(0x43), [IRET]);
    guest.state.flags = IF | 0x8d7;
    guest.runToHalt();
    assert.equal(guest.state.eip, AT.code + 3);
    assert.equal(guest.state.flags, IF | 0x8d7);
    assert.equal(guest.state.reg(L.RSP), stackTop);
  });

  it('INTO traps on overflow only', () => {
    const guest = protectedGuest(code(0xce, [0xb0, 0x7f, 0x04, 0x01], 0xce, NOP));
    assert.equal(enters(guest, 4, 1)[0], AT.code + 6);
  });
});

describe('interrupt delivery to an inner privilege', function () {
  this.timeout(30_000);

  const userGuest = (program: readonly number[], flags = IF | 2): Guest => {
    const guest = protectedGuest([]);
    enterUser(guest, program, flags);
    return guest;
  };

  it('switches to the stack of the TSS and pushes the old one', () => {
    const guest = userGuest(UD2);
    const words = enters(guest, UD, 5);
    assert.deepEqual(words, [AT.userCode, SEL.code3, IF | RF | 2, AT.stack3, SEL.data3]);
    assert.equal(guest.state.reg(L.RSP), AT.stack0 - 20);
    assert.equal(guest.state.cpl, 0);
    assert.equal(guest.state.selector(L.SS), SEL.data0);
  });

  it('IRET returns to the outer privilege and drops inner data segments', () => {
    const guest = userGuest(code(int(0x50), UD2));
    setGate(guest, 0x50, gate(SEL.code0, handlerOf(0x50), INTERRUPT_GATE | dpl(3)));
    // MOV AX, data0; MOV FS, AX; IRET
    guest.put(handlerOf(0x50), code([0x66, 0xb8], le16(SEL.data0), [0x8e, 0xe0], IRET));
    const words = enters(guest, UD, 5);
    assert.deepEqual(words, [AT.userCode + 2, SEL.code3, IF | RF | 2, AT.stack3, SEL.data3]);
    assert.equal(guest.state.selector(L.FS), 0, 'FS pointed to a CPL 0 segment');
    assert.equal(guest.state.selector(L.DS), SEL.data3);
  });

  it('INT needs a gate of its privilege: #GP names the gate', () => {
    assert.equal(enters(userGuest(int(0x51)), GP, 1)[0], 0x51 * 8 + 2);
  });

  it('privileged instructions are #GP(0)', () => {
    const privileged: readonly (readonly number[])[] = [
      [HLT], [0xfa], [0xfb], [0x0f, 0x20, 0xc0], [0x0f, 0x22, 0xd8], [0x0f, 0x01, 0x15, 0, 0, 2, 0], [0x0f, 0x00, 0xd0], [0x0f, 0x06], [0x0f, 0x09], [0x0f, 0x30], [0xec],
      [0x0f, 0x01, 0x38],
    ];
    for (const program of privileged) {
      const words = enters(userGuest(program), GP, 2);
      assert.deepEqual(words, [0, AT.userCode], Buffer.from(program).toString('hex'));
    }
  });

  it('POPF and IRET leave IOPL and IF alone outside IOPL', () => {
    const guest = userGuest(code(push(0x3000), 0x9d, UD2));
    assert.equal((enters(guest, UD, 3)[2] ?? 0) & 0x3200, IF);
  });

  it('an external interrupt comes in at user level', () => {
    const guest = userGuest([NOP, NOP, 0xeb, 0xfd]);
    guest.run(2);
    guest.interrupt(0x60);
    assert.equal(enters(guest, 0x60, 5)[4], SEL.data3);
  });

  it('a bad stack selector in the TSS is #TS with that selector', () => {
    const guest = userGuest(UD2);
    guest.put32(AT.tss + 8, SEL.data3);
    // #TS(selector), with EXT: the handlers of #TS and of the double fault fail for the same reason.
    const badStack = [TS, (SEL.data3 & 0xfffc) | 1];
    assert.throws(() => guest.runToHalt(), (reason: unknown) => {
      assert.ok(reason instanceof TripleFault);
      assert.deepEqual(reason.chain.map((link) => [link.vector, link.errorCode]), [[UD, undefined], badStack, badStack, [DF, 0], badStack]);
      return true;
    });
  });
});

describe('faults on the way to a handler', function () {
  this.timeout(30_000);

  it('an absent gate is #NP, a gate of no kind and one beyond the IDT #GP, all naming the entry', () => {
    const absent = protectedGuest(int(0x44));
    setGate(absent, 0x44, gate(SEL.code0, handlerOf(0x44), 0x0e));
    assert.equal(enters(absent, NP, 1)[0], 0x44 * 8 + 2);
    const none = protectedGuest(int(0x44));
    setGate(none, 0x44, gate(SEL.code0, handlerOf(0x44), PRESENT | 0x0c));
    assert.equal(enters(none, GP, 1)[0], 0x44 * 8 + 2);
    const beyond = protectedGuest(int(0x44));
    beyond.state.setU32(L.IDTR_LIMIT, 0x44 * 8 - 1);
    assert.equal(enters(beyond, GP, 1)[0], 0x44 * 8 + 2);
  });

  it('a gate to an absent code segment is #NP, to data #GP, with the selector', () => {
    const guest = protectedGuest(int(0x45));
    setGate(guest, 0x45, gate(SEL.free, 0, INTERRUPT_GATE));
    setDescriptor(guest, SEL.free, descriptor(0, 0xfffff, 0x1b, 0xc));
    assert.equal(enters(guest, NP, 1)[0], SEL.free);
    const data = protectedGuest(int(0x45));
    setGate(data, 0x45, gate(SEL.data0, 0, INTERRUPT_GATE));
    assert.equal(enters(data, GP, 1)[0], SEL.data0);
  });

  it('two contributory faults make a double fault, with error code 0', () => {
    // #GP whose handler is not present.
    const guest = protectedGuest(code([0x66, 0xb8], le16(0x1234), [0x8e, 0xd8]));
    setGate(guest, GP, gate(SEL.code0, 0, 0x0e));
    assert.deepEqual(enters(guest, DF, 3), [0, AT.code + 4, SEL.code0]);
  });

  it('a contributory fault after a benign one is delivered by itself', () => {
    const guest = protectedGuest(UD2);
    setGate(guest, UD, gate(SEL.code0, 0, 0x0e));
    assert.deepEqual(enters(guest, NP, 2), [UD * 8 + 3, AT.code]);
  });

  it('a fault on the way to the double-fault handler is a triple fault, with its story', () => {
    const guest = protectedGuest(code(NOP, [0x66, 0xb8], le16(0x1234), [0x8e, 0xd8]));
    setGate(guest, GP, gate(SEL.code0, 0, 0x0e));
    setGate(guest, DF, gate(0, 0, INTERRUPT_GATE));
    assert.throws(() => guest.run(10), (reason: unknown) => {
      assert.ok(reason instanceof TripleFault);
      assert.deepEqual(reason.chain.map((link) => link.vector), [GP, NP, DF, GP]);
      assert.equal(reason.chain[0]?.eip, BigInt(AT.code + 5));
      return true;
    });
  });
});

describe('segment checks', function () {
  this.timeout(30_000);

  /** Loads a descriptor's selector into DS. */
  const loads = (bytes: readonly number[], selector: number = SEL.free, modrm = 0xd8): Guest => {
    const guest = protectedGuest(code([0x66, 0xb8], le16(selector), [0x8e, modrm], HLT));
    setDescriptor(guest, SEL.free, bytes);
    return guest;
  };
  const halts = (guest: Guest): void => {
    guest.runToHalt();
    assert.equal(guest.state.eip, AT.code + 7);
  };

  it('data segments: readable, present, privileged enough', () => {
    halts(loads(descriptor(0, 0xfffff, PRESENT | 0x12, 0xc)));
    halts(loads(descriptor(0, 0xfffff, PRESENT | 0x1a, 0xc)));
    halts(loads([], 0));
    assert.deepEqual(enters(loads(descriptor(0, 0xfffff, PRESENT | 0x18, 0xc)), GP, 2), [SEL.free, AT.code + 4]);
    assert.equal(enters(loads(descriptor(0, 0xfffff, 0x12, 0xc)), NP, 1)[0], SEL.free);
    assert.equal(enters(loads(descriptor(0, 0xfffff, PRESENT | 0x12, 0xc), SEL.free | 3), GP, 1)[0], SEL.free);
    assert.equal(enters(loads(descriptor(0, 0x67, PRESENT | 0x09)), GP, 1)[0], SEL.free);
  });

  it('the stack segment: writable, of the very privilege, present or #SS', () => {
    halts(loads(descriptor(0, 0xfffff, PRESENT | 0x12, 0xc), SEL.free, 0xd0));
    assert.equal(enters(loads([], 0, 0xd0), GP, 1)[0], 0);
    assert.equal(enters(loads(descriptor(0, 0xfffff, PRESENT | 0x10, 0xc), SEL.free, 0xd0), GP, 1)[0], SEL.free);
    assert.equal(enters(loads(descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x12, 0xc), SEL.free, 0xd0), GP, 1)[0], SEL.free);
    assert.equal(enters(loads(descriptor(0, 0xfffff, 0x12, 0xc), SEL.free, 0xd0), SS, 1)[0], SEL.free);
  });

  it('loading a segment sets its accessed bit', () => {
    const guest = loads(descriptor(0, 0xfffff, PRESENT | 0x12, 0xc));
    halts(guest);
    assert.equal(guest.map.read(AT.gdt + SEL.free + 5, 1), PRESENT | 0x13);
  });

  it('MOV CS is #UD', () => {
    assert.equal(enters(loads([], SEL.code0, 0xc8), UD, 1)[0], AT.code + 4);
  });

  it('limits hold, down to the byte, and upwards in expand-down segments', () => {
    const access = (type: number, offset: number): Guest => {
      const guest = protectedGuest(code([0x66, 0xb8], le16(SEL.free), [0x8e, 0xe0], [0x64], loadEax(offset), HLT));
      setDescriptor(guest, SEL.free, descriptor(AT.data, 0xfff, PRESENT | type, 0x4));
      return guest;
    };
    const finishes = (guest: Guest): void => {
      guest.runToHalt();
      assert.equal(guest.state.eip, AT.code + 13);
    };
    finishes(access(0x12, 0xffc));
    assert.deepEqual(enters(access(0x12, 0xffd), GP, 2), [0, AT.code + 6]);
    finishes(access(0x16, 0x1000));
    assert.deepEqual(enters(access(0x16, 0xfff), GP, 2), [0, AT.code + 6]);
  });

  it('a read-only segment refuses writes, a null one everything', () => {
    const store = (selector: number): Guest => {
      const guest = protectedGuest(code([0x66, 0xb8], le16(selector), [0x8e, 0xe0], [0x64], storeEax(AT.data), HLT));
      setDescriptor(guest, SEL.free, descriptor(0, 0xfffff, PRESENT | 0x10, 0xc));
      return guest;
    };
    assert.deepEqual(enters(store(SEL.free), GP, 2), [0, AT.code + 6]);
    assert.deepEqual(enters(store(0), GP, 2), [0, AT.code + 6]);
  });

  it('execution beyond the code segment is #GP', () => {
    const guest = protectedGuest(jmpFar(SEL.free, AT.code + 0x20));
    setDescriptor(guest, SEL.free, descriptor(0, AT.code + 0x21, PRESENT | 0x1a, 0x4));
    guest.put(AT.code + 0x20, [NOP, NOP, NOP]);
    assert.deepEqual(enters(guest, GP, 3), [0, AT.code + 0x22, SEL.free]);
  });
});

describe('interrupts in real mode', function () {
  this.timeout(30_000);

  it('go through the vector table, push words, and come back', () => {
    const guest = realGuest(code(int(0x21), HLT));
    guest.put(0x21 * 4, [...le16(0x100), ...le16(0x50)]);
    guest.put(0x600, [0x40, IRET]);
    guest.state.flags = IF | 2;
    guest.state.setReg(L.RAX, 0);
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), 1);
    assert.equal(guest.state.eip, 0x7c03);
    assert.equal(guest.state.reg(L.RSP), 0x7c00);
    assert.deepEqual([0, 2, 4].map((o) => guest.u16(0x7bfa + o)), [0x7c02, 0, IF | 2]);
  });

  it('faults push no error code', () => {
    const guest = realGuest(code([0x66, 0xb8], le32(0x10000), [0x67, 0x8b, 0x00]));
    guest.put(GP * 4, [...le16(0x700), ...le16(0)]);
    guest.put(0x700, [HLT]);
    guest.runToHalt();
    assert.equal(guest.u16(guest.state.reg(L.RSP)), 0x7c06);
  });

  it('protected mode is entered and left again', () => {
    // LGDT [0x800]; MOV EAX,CR0; OR AL,1; MOV CR0,EAX; JMP 08:next (32-bit); MOV [500],..; back by a 16-bit segment.
    const back = 0x7d00;
    const guest = realGuest(code([0x0f, 0x01, 0x16], le16(0x800), [0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0], [0x66], jmpFar(8, 0x7c40)));
    guest.put(0x7c40, code([0xc7, 0x05], le32(0x500), le32(0xcafe), jmpFar(0x10, back)));
    guest.put(back, code([0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0], [0xea], le16(back + 0x20), le16(0)));
    guest.put(back + 0x20, [HLT]);
    guest.put(0x800, [...le16(0x17), ...le32(0x810)]);
    guest.put(0x818, [...descriptor(0, 0xfffff, PRESENT | 0x1a, 0xc), ...descriptor(0, 0xffff, PRESENT | 0x1a)]);
    guest.runToHalt();
    assert.equal(guest.u32(0x500), 0xcafe);
    assert.equal(guest.state.eip, back + 0x21);
    assert.equal(guest.state.protectedMode, false);
    assert.equal(guest.state.selector(L.CS), 0);
  });

  it('back from protected mode every segment that is loaded may be written, CS as well', () => {
    // As above, through a 16-bit code segment that is for reading only; then MOV BYTE [CS:550],77.
    const back = 0x7d00;
    const guest = realGuest(code([0x0f, 0x01, 0x16], le16(0x800), [0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0xea], le16(back), le16(0x08)));
    guest.put(back, code([0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0], [0xea], le16(back + 0x20), le16(0)));
    guest.put(back + 0x20, [0x2e, 0xc6, 0x06, 0x50, 0x05, 0x77, HLT]);
    guest.put(0x800, [...le16(0x0f), ...le32(0x810)]);
    guest.put(0x818, descriptor(0, 0xffff, PRESENT | 0x1a));
    guest.runToHalt();
    assert.equal(guest.state.eip, back + 0x27);
    assert.equal(guest.u32(0x550) & 0xff, 0x77);
  });
});
