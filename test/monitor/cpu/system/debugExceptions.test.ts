/**
 * Debug exceptions: data breakpoints of every length, I/O breakpoints, single steps and steps of branches, general detect,
 * what MOV SS, POP SS, STI and LSS hold back, and what comes first (Intel SDM vol. 3, 17.2, 17.3 and 6.8.3).
 */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { AT, HLT, IRET, NOP, SEL, code, handlerOf, haltedIn, int, le16, le32, loadEax, protectedGuest, push, storeEax, type Guest } from '../guest';
import { AT as LONG_AT, SEL as LONG_SEL, enterLongUser, haltedIn as longHaltedIn, longGuest, stack64 } from './longGuest';
import { VECTOR, faults } from './rows';

const { DB, NMI, UD, GP } = VECTOR;
const TF = 0x100, IF = 0x200, RF = 0x10000;
const BD = 0x2000, BS = 0x4000;
const DE = 8;
const BTF = 2, LBR = 1;
/** DR6 after reset, and what a breakpoint adds. */
const DR6_CLEAR = 0xffff0ff0;
const dr6 = (guest: Guest): number => guest.state.u32(L.DR + 48);
const setDr7 = (guest: Guest, value: number): void => {
  guest.state.setU32(L.DR + 56, value);
  guest.cpu.changedContext();
};
/** DR7 for breakpoint `number`: condition (0 execute, 1 write, 2 I/O, 3 read or write) and length. */
const LENGTH: Readonly<Record<number, number>> = { 1: 0, 2: 1, 4: 3, 8: 2 };
const enabled = (number: number, condition: number, bytes: number, global = false): number =>
  0x400 | ((global ? 2 : 1) << (2 * number)) | (condition << (16 + 4 * number)) | ((LENGTH[bytes] ?? 0) << (18 + 4 * number));

function watch(guest: Guest, number: number, address: number, condition: number, bytes: number): Guest {
  guest.state.setWide(L.DR + 8 * number, address);
  setDr7(guest, guest.state.u32(L.DR + 56) | enabled(number, condition, bytes));
  return guest;
}

/** Runs to a HLT: the return address of #DB if its handler was entered, or undefined. */
function trap(guest: Guest): number | undefined {
  guest.runToHalt();
  return haltedIn(guest) === DB ? guest.stack(1)[0] : undefined;
}

describe('data breakpoints', function () {
  this.timeout(120_000);

  const WRITE = 1, ACCESS = 3;

  it('match where an access of any size touches the watched bytes, and nowhere else', () => {
    for (const length of [1, 2, 4]) {
      // The breakpoint's address is cut to its length.
      for (const [size, store] of [[1, [0x88, 0x07]], [2, [0x66, 0x89, 0x07]], [4, [0x89, 0x07]]] as const) {
        for (let offset = -5; offset <= 5; offset++) {
          const guest = watch(protectedGuest(code(store, HLT)), 1, AT.data + length - 1, WRITE, length);
          guest.state.setReg(L.RDI, AT.data + offset);
          const touches = offset < length && 0 < offset + size;
          const what = `${length} watched, ${size} written at ${offset}`;
          assert.equal(trap(guest), touches ? AT.code + store.length : undefined, what);
          assert.equal(dr6(guest), touches ? DR6_CLEAR + 2 : DR6_CLEAR, what);
        }
      }
    }
  });

  it('of 8 bytes, in 64-bit mode', () => {
    for (const [offset, hits] of [[-1, false], [0, true], [7, true], [8, false]] as const) {
      const guest = longGuest([0xc6, 0x07, 0x01, HLT]);
      guest.state.setWide(L.DR, LONG_AT.data + 5);
      setDr7(guest, enabled(0, WRITE, 8));
      guest.state.setReg(L.RDI, LONG_AT.data + offset);
      guest.runToHalt();
      assert.equal(longHaltedIn(guest) === DB, hits, `+${offset}`);
    }
  });

  it('reads match conditions of reading only', () => {
    assert.equal(trap(watch(protectedGuest(code(loadEax(AT.data), HLT)), 0, AT.data, WRITE, 4)), undefined);
    assert.equal(trap(watch(protectedGuest(code(loadEax(AT.data), HLT)), 0, AT.data, ACCESS, 4)), AT.code + 5);
  });

  it('fetches match neither', () => {
    const guest = watch(protectedGuest([NOP, NOP, HLT]), 0, AT.code, ACCESS, 4);
    assert.equal(trap(guest), undefined);
  });

  it('are not there unless L or G enables them', () => {
    const guest = protectedGuest(code(storeEax(AT.data), HLT));
    guest.state.setWide(L.DR, AT.data);
    setDr7(guest, enabled(0, WRITE, 4) & ~3);
    assert.equal(trap(guest), undefined);
    const global = protectedGuest(code(storeEax(AT.data), HLT));
    global.state.setWide(L.DR, AT.data);
    setDr7(global, enabled(0, WRITE, 4, true));
    assert.equal(trap(global), AT.code + 5);
  });

  it('several at once: a bit of DR6 for each', () => {
    const guest = protectedGuest(code(storeEax(AT.data + 2), HLT));
    watch(watch(watch(guest, 0, AT.data, WRITE, 4), 2, AT.data + 5, ACCESS, 1), 3, AT.data + 6, ACCESS, 1);
    assert.equal(trap(guest), AT.code + 5);
    assert.equal(dr6(guest) & 0xf, 0b0101);
  });

  it('trap behind the iteration of a repeated instruction that met them, with RF in the image', () => {
    for (const program of [[0xf3, 0xaa, HLT], [0xf3, 0xa4, HLT]]) {
      const guest = watch(protectedGuest(program), 0, AT.data + 5, WRITE, 1);
      guest.state.setReg(L.RCX, 100);
      guest.state.setReg(L.RDI, AT.data);
      guest.state.setReg(L.RSI, AT.data + 0x400);
      assert.equal(trap(guest), AT.code);
      assert.equal(guest.state.reg(L.RCX), 94);
      assert.equal(guest.state.reg(L.RDI), AT.data + 6);
      assert.equal((guest.stack(3)[2] ?? 0) & RF, RF);
    }
  });

  it('are forgotten when the instruction faults all the same', () => {
    // A read-modify-write of the watched word through a read-only segment: the read has happened, the write may not.
    const guest = watch(protectedGuest(code([0xff, 0x32])), 0, AT.data, ACCESS, 4);
    guest.state.setReg(L.RDX, AT.data);
    // PUSH [EDX] without room on the stack.
    guest.cpu.setSegment(L.SS, SEL.data0, AT.data, 0xfff, 0x493);
    guest.state.setReg(L.RSP, 0x2000);
    faults(guest, [VECTOR.SS, 0], 'PUSH');
    assert.equal(dr6(guest), DR6_CLEAR);
  });
});

describe('I/O breakpoints', function () {
  this.timeout(60_000);

  const IO = 2;
  const rows: readonly (readonly [what: string, program: readonly number[], bytes: number])[] = [
    ['IN AL, imm', [0xe4, 0x60], 1],
    ['IN EAX, DX', [0xed], 4],
    ['OUT imm, AL', [0xe6, 0x60], 1],
    ['OUT DX, AX', [0x66, 0xef], 2],
    ['INSB', [0x6c], 1],
    ['OUTSD', [0x6f], 4],
  ];
  const guestFor = (program: readonly number[], port: number, length: number, cr4 = DE): Guest => {
    const guest = protectedGuest(code(program, HLT));
    const s = guest.state;
    s.setU32(L.CR4, cr4);
    s.setReg(L.RDX, 0x60);
    s.setReg(L.RDI, AT.data);
    s.setReg(L.RSI, AT.data);
    return watch(guest, 2, port, IO, length);
  };

  it('trap behind every form of port access, with CR4.DE', () => {
    for (const [what, program] of rows) {
      const guest = guestFor(program, 0x60, 1);
      assert.equal(trap(guest), AT.code + program.length, what);
      assert.equal(dr6(guest) & 0xf, 4, what);
    }
  });

  it('match the ports that an access covers', () => {
    for (const [what, program, bytes] of rows) {
      for (const length of [1, 2, 4]) {
        for (let port = 0x58; port <= 0x68; port += length) {
          const touches = port < 0x60 + bytes && 0x60 < port + length;
          assert.equal(trap(guestFor(program, port, length)) !== undefined, touches, `${what}: ${length} at ${port.toString(16)}`);
        }
      }
    }
  });

  it('a repeated one traps behind its first iteration', () => {
    const guest = guestFor([0xf3, 0x6c], 0x60, 1);
    guest.state.setReg(L.RCX, 10);
    assert.equal(trap(guest), AT.code);
    assert.equal(guest.state.reg(L.RCX), 9);
  });

  it('a port access that is refused does not trap', () => {
    const guest = guestFor([0xe4, 0x60], 0x60, 1);
    guest.cpu.setSegment(L.CS, SEL.code3, 0, 0xffffffff, 0xcfb);
    guest.cpu.setSegment(L.SS, SEL.data3, 0, 0xffffffff, 0xcf3);
    guest.cpu.setCpl(3);
    faults(guest, [GP, 0], 'IN at CPL 3');
    assert.equal(dr6(guest), DR6_CLEAR);
  });

  it('do not match memory', () => {
    const guest = protectedGuest(code(storeEax(AT.data), HLT));
    guest.state.setU32(L.CR4, DE);
    assert.equal(trap(watch(guest, 0, AT.data, IO, 4)), undefined);
  });
});

describe('single steps of branches (DEBUGCTL.BTF)', function () {
  this.timeout(60_000);

  const stepping = (program: readonly number[], debugctl = BTF): Guest => {
    const guest = protectedGuest(program);
    guest.state.setU32(L.MSR_DEBUGCTL, debugctl);
    guest.state.flags = TF | 2;
    guest.put(AT.code + 0x40, [NOP, HLT]);
    return guest;
  };
  const TO_40 = (length: number, at = 0): number => 0x40 - at - length;

  it('trap behind a branch that is taken, not behind other instructions', () => {
    const rows: readonly (readonly [what: string, program: readonly number[]])[] = [
      ['JMP', code(NOP, NOP, [0xeb, TO_40(2, 2)])],
      ['JZ taken', code([0x31, 0xc0], [0x74, TO_40(2, 2)])],
      ['CALL', code(NOP, [0xe8], le32(TO_40(5, 1)))],
      ['RET', code(push(AT.code + 0x40), [0xc3])],
      ['JMP EAX', code([0xb8], le32(AT.code + 0x40), [0xff, 0xe0])],
      ['LOOP taken', code([0xb9], le32(2), [0xe2, TO_40(2, 5)])],
      ['far JMP', code(NOP, [0xea], le32(AT.code + 0x40), le16(SEL.code0))],
      ['behind a JZ not taken', code([0x31, 0xc0], [0x75, 0x10], [0xeb, TO_40(2, 4)])],
      ['behind a repeated instruction', code([0xb9], le32(3), [0xbf], le32(AT.data), [0xf3, 0xaa], [0xeb, TO_40(2, 12)])],
    ];
    for (const [what, program] of rows) {
      const guest = stepping(program);
      assert.equal(trap(guest), AT.code + 0x40, what);
      assert.equal(dr6(guest) & BS, BS, what);
    }
  });

  it('trap behind a branch to the next instruction if it is taken', () => {
    const next = AT.code + 0x20;
    const placed = (before: readonly number[], branch: readonly number[]): Guest => {
      const at = 0x20 - branch.length - before.length;
      const guest = stepping(code(before, branch, NOP, HLT));
      guest.put(AT.code + at, code(before, branch, [0xeb, TO_40(2, 0x20)]));
      guest.state.eip = AT.code + at;
      return guest;
    };
    const taken: readonly (readonly [what: string, before: readonly number[], branch: readonly number[]])[] = [
      ['JMP', [], [0xeb, 0]], ['near JMP', [], [0xe9, 0, 0, 0, 0]], ['CALL', [], [0xe8, 0, 0, 0, 0]],
      ['JZ', [0x31, 0xc0], [0x74, 0]], ['near JZ', [0x31, 0xc0], [0x0f, 0x84, 0, 0, 0, 0]], ['LOOP', [0xb9, ...le32(2)], [0xe2, 0]], ['JECXZ', [0x31, 0xc9], [0xe3, 0]],
      ['RET', push(next), [0xc3]], ['JMP EAX', [0xb8, ...le32(next)], [0xff, 0xe0]], ['far JMP', [], [0xea, ...le32(next), ...le16(SEL.code0)]],
    ];
    for (const [what, before, branch] of taken) assert.equal(trap(placed(before, branch)), next, what);
    const called = placed([], [0xe8, 0, 0, 0, 0]);
    const stack = called.state.reg(L.RSP);
    trap(called);
    assert.equal(called.u32(stack - 4), next, 'what CALL pushes');
    for (const [what, before, branch] of [['JNZ', [0x31, 0xc0], [0x75, 0]], ['LOOP', [0xb9, ...le32(1)], [0xe2, 0]], ['JECXZ', [0xb9, ...le32(1)], [0xe3, 0]]] as const) {
      assert.equal(trap(placed(before, branch)), AT.code + 0x40, `${what}, not taken`);
    }
  });

  it('TF alone traps behind each instruction', () => {
    assert.equal(trap(stepping([NOP, NOP, HLT], 0)), AT.code + 1);
  });

  it('#DB clears BTF and LBR', () => {
    const guest = stepping([0xeb, TO_40(2)], BTF | LBR);
    trap(guest);
    assert.equal(guest.state.u32(L.MSR_DEBUGCTL), 0);
  });
});

describe('general detect', function () {
  this.timeout(60_000);

  it('a fault before any access to a debug register: BD, RF in the image, and GD cleared for the handler', () => {
    for (const instruction of [[0x0f, 0x21, 0xf8], [0x0f, 0x23, 0xc0], [0x0f, 0x21, 0xf0]]) {
      const guest = protectedGuest(code(instruction, HLT));
      setDr7(guest, 0x2400);
      guest.put(handlerOf(DB), code([0x0f, 0x21, 0xf9], HLT));
      guest.runToHalt();
      assert.equal(guest.state.eip, handlerOf(DB) + 4, 'the handler reads DR7');
      assert.deepEqual(guest.stack(2), [AT.code, SEL.code0]);
      assert.equal((guest.stack(3)[2] ?? 0) & RF, RF);
      assert.equal(dr6(guest) & BD, BD);
      assert.equal(guest.state.reg(L.RCX), 0x400);
    }
  });

  it('what goes first: #UD, then #GP, then #DB', () => {
    const guest = protectedGuest([0x0f, 0x21, 0xe0]);
    setDr7(guest, 0x2400);
    guest.state.setU32(L.CR4, DE);
    faults(guest, [UD], 'DR4 with CR4.DE');
    const user = longGuest([]);
    enterLongUser(user, [0x0f, 0x21, 0xc0]);
    setDr7(user, 0x2400);
    faults(user, [GP, 0], 'CPL 3');
    const userFour = longGuest([], { cr4: DE });
    enterLongUser(userFour, [0x0f, 0x21, 0xe0]);
    faults(userFour, [UD], 'DR4 at CPL 3');
  });

  it('reserved bits of DR6 and DR7', () => {
    const mov = (number: number, value: number): number => {
      const guest = protectedGuest(code([0xb8], le32(value), [0x0f, 0x23, 0xc0 | (number << 3)], HLT));
      guest.state.setReg(L.RAX, value);
      guest.run(2);
      return guest.state.u32(L.DR + 8 * number);
    };
    assert.equal(mov(6, 0), 0xffff0ff0);
    assert.equal(mov(6, 0xffffffff), 0xffffefff);
    assert.equal(mov(7, 0), 0x400);
    assert.equal(mov(7, 0xffffdfff), 0xffff07ff, 'bits 11, 12, 14 and 15 are 0');
    const wide = longGuest(code([0x0f, 0x23, 0xf0]));
    wide.state.setReg64(L.RAX, 1n << 32n);
    faults(wide, [GP, 0], 'upper half of DR6');
  });
});

describe('what holds interrupts and debug exceptions back (6.8.3)', function () {
  this.timeout(60_000);

  const LOAD_SS = [0x8e, 0xd0], POP_SS = [0x17], STI = [0xfb];
  const LSS = code([0x0f, 0xb2, 0x25], le32(AT.data));

  /** A guest that is about to execute a stack load or STI, with EAX, the stack and AT.data set for all of them. */
  const before = (instruction: readonly number[], flags: number): Guest => {
    const guest = protectedGuest(code(instruction, NOP, NOP, HLT));
    const s = guest.state;
    s.setReg(L.RAX, SEL.data0);
    s.setReg(L.RSP, AT.stack0 - 0x1000);
    guest.put32(AT.stack0 - 0x1000, SEL.data0);
    guest.put(AT.data, [...le32(AT.stack0 - 0x1000), ...le16(SEL.data0)]);
    s.flags = flags | 2;
    return guest;
  };
  const rows: readonly (readonly [what: string, instruction: readonly number[], holdsInterrupt: boolean, holdsDebug: boolean])[] = [
    ['MOV SS', LOAD_SS, true, true],
    ['POP SS', POP_SS, true, true],
    ['STI', STI, true, false],
    ['LSS', LSS, false, false],
  ];

  it('interrupts from outside', () => {
    for (const [what, instruction, holds] of rows) {
      const guest = before(instruction, what === 'STI' ? 0 : IF);
      guest.run(1);
      guest.interrupt(0x70);
      guest.runToHalt();
      assert.equal(haltedIn(guest), 0x70);
      assert.equal(guest.stack(1)[0], AT.code + instruction.length + (holds ? 1 : 0), what);
    }
  });

  it('STI holds nothing back when IF was set already', () => {
    const guest = before(STI, IF);
    guest.run(1);
    guest.interrupt(0x70);
    guest.runToHalt();
    assert.equal(guest.stack(1)[0], AT.code + 1);
  });

  it('single-step traps', () => {
    for (const [what, instruction, , holds] of rows) {
      assert.equal(trap(before(instruction, TF)), AT.code + instruction.length + (holds ? 1 : 0), what);
    }
  });

  it('data breakpoints of the load itself', () => {
    // MOV SS, [data]: the trap comes behind the next instruction.
    const guest = before(code([0x8e, 0x15], le32(AT.data)), 0);
    guest.put(AT.data, le16(SEL.data0));
    watch(guest, 0, AT.data, 3, 2);
    assert.equal(trap(guest), AT.code + 7);
    assert.equal(dr6(guest) & 0xf, 1);
  });

  it('instruction breakpoints behind MOV SS do not fire', () => {
    const guest = watch(before(LOAD_SS, 0), 0, AT.code + 2, 0, 1);
    assert.equal(trap(guest), undefined);
    const behindSti = watch(before(STI, 0), 0, AT.code + 1, 0, 1);
    assert.equal(trap(behindSti), AT.code + 1);
  });

  it('a debug trap that MOV SS holds back comes in the handler of the INT behind it', () => {
    const guest = before(code([0x8e, 0x15], le32(AT.data), int(0x40)), 0);
    guest.put(AT.data, le16(SEL.data0));
    guest.put(handlerOf(0x40), [NOP, HLT]);
    watch(guest, 0, AT.data, 3, 2);
    assert.equal(trap(guest), handlerOf(0x40));
  });
});

describe('priority of what comes at one boundary (table 6-2)', function () {
  this.timeout(60_000);

  it('traps of the last instruction, then NMI, then INTR, then instruction breakpoints', () => {
    const guest = protectedGuest([NOP, NOP, NOP, HLT]);
    guest.state.flags = TF | IF | 2;
    // Each handler notes its turn and returns; IRET gives TF and IF back.
    const note = (vector: number, clear: readonly number[] = []): void =>
      guest.put(handlerOf(vector), code([0xff, 0x05], le32(AT.data + 4 * vector), clear, IRET));
    // TF is taken out of the image by the first one.
    guest.put(AT.code + 0x400, code([0x80, 0x64, 0x24, 0x09, 0xfe], [0xff, 0x05], le32(AT.data), IRET));
    guest.put(handlerOf(DB), code([0xe9], le32(AT.code + 0x400 - handlerOf(DB) - 5)));
    note(NMI);
    note(0x20);
    // All of them are there at the boundary behind an OUT.
    guest.put(AT.code, [0xe6, 0x40]);
    watch(guest, 0, AT.code + 2, 0, 1);
    guest.onWrite = () => {
      guest.state.setU32(L.NON_MASKABLE, 1);
      guest.interrupt(0x20);
    };
    const order = [1, 2, 3, 4].map(() => {
      const outcome = guest.executor.run(40, true);
      return outcome.kind === 'delivered' ? (guest.state.eip - AT.handlers) / 16 : -1;
    });
    assert.deepEqual(order, [DB, NMI, 0x20, DB]);
    assert.equal(dr6(guest) & (BS | 1), BS | 1);
  });

  it('an instruction breakpoint goes before the faults of its instruction', () => {
    const guest = watch(protectedGuest([0x0f, 0x0b]), 0, AT.code, 0, 1);
    assert.equal(trap(guest), AT.code);
  });

  it('NMI is held back until IRET, once', () => {
    const guest = protectedGuest([NOP, NOP, HLT]);
    guest.put(handlerOf(NMI), code(NOP, NOP, IRET));
    guest.run(1);
    guest.state.setU32(L.NON_MASKABLE, 1);
    guest.cpu.attention = true;
    guest.run(1);
    assert.equal(guest.state.eip, handlerOf(NMI) + 1);
    // Another one, and one more that is merged with it.
    guest.state.setU32(L.NON_MASKABLE, guest.state.u32(L.NON_MASKABLE) | 1);
    guest.cpu.attention = true;
    guest.run(1);
    assert.equal(guest.state.eip, handlerOf(NMI) + 2, 'blocked');
    guest.run(2);
    assert.equal(guest.state.eip, handlerOf(NMI) + 1, 'taken behind IRET');
  });

  it('an IRET that faults unblocks NMI as well', () => {
    const guest = protectedGuest([NOP]);
    guest.put(handlerOf(NMI), [IRET]);
    guest.state.setU32(L.NON_MASKABLE, 1);
    guest.cpu.attention = true;
    guest.run(0);
    guest.put32(guest.state.reg(L.RSP) + 4, 0);
    guest.runToHalt();
    assert.equal(haltedIn(guest), GP);
    assert.equal(guest.state.u32(L.NON_MASKABLE), 0);
  });
});

describe('TF with SYSCALL and SYSRET', function () {
  this.timeout(60_000);

  const entry = LONG_AT.code + 0x200;
  const SYSCALL = [0x0f, 0x05], SYSRETQ = [0x48, 0x0f, 0x07];
  const calling = (mask: number): Guest => {
    const guest = longGuest([]);
    const s = guest.state;
    s.setU64(L.MSR_STAR, (BigInt(LONG_SEL.compat3 - 3) << 48n) | (BigInt(LONG_SEL.code0) << 32n));
    s.setU64(L.MSR_LSTAR, BigInt(entry));
    s.setU64(L.MSR_FMASK, BigInt(mask));
    guest.put(entry, [NOP, HLT]);
    enterLongUser(guest, code(SYSCALL, NOP, [0x0f, 0x0b]), TF | 2);
    return guest;
  };

  it('no trap in a kernel whose FMASK has TF', () => {
    const guest = calling(TF);
    guest.runToHalt();
    assert.equal(guest.state.eip, entry + 2);
    assert.equal(guest.state.reg(11) & TF, TF);
  });

  it('a trap at the kernel’s first instruction otherwise', () => {
    const guest = calling(0);
    guest.runToHalt();
    assert.equal(longHaltedIn(guest), DB);
    assert.equal(stack64(guest, 1)[0], BigInt(entry));
  });

  it('SYSRET that sets TF traps at once', () => {
    const guest = calling(TF);
    guest.put(entry, code(SYSRETQ));
    guest.runToHalt();
    assert.equal(longHaltedIn(guest), DB);
    assert.equal(stack64(guest, 1)[0], BigInt(LONG_AT.userCode + 2));
  });
});
