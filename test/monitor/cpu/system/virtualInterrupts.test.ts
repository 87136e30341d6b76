/**
 * Virtual-8086 mode extensions and protected-mode virtual interrupts: VIF and VIP, and the redirection of INT n (Intel SDM
 * vol. 3, 20.3 and 20.4, tables 20-1 and 20-2; vol. 2, CLI, STI, PUSHF, POPF, IRET, INT n).
 */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { AT, PRESENT, SEL, code, dpl, enterUser, gate, handlerOf, haltedIn, int, le16, protectedGuest, setGate, type Guest } from '../guest';
import { VECTOR, checks, faults, passes, type Fault } from './rows';

const { GP } = VECTOR;
const TF = 0x100, IF = 0x200, IOPL = 0x3000, NT = 0x4000, VM = 0x20000, VIF = 0x80000, VIP = 0x100000;
const VME = 1, PVI = 2;
const CLI = [0xfa], STI = [0xfb], PUSHF = [0x9c], POPF = [0x9d], PUSHFD = [0x66, 0x9c], POPFD = [0x66, 0x9d], IRET = [0xcf], IRETD = [0x66, 0xcf];
/** The task's code at 0800:0010 and its stack at 0900:0100. */
const CS = 0x800, IP = 0x10, SS = 0x900, SP = 0x100;
/** The TSS: I/O map behind the redirection map, which has 32 bytes. */
const IO_MAP = 0x88;

interface TaskOptions {
  readonly flags: number;
  readonly cr4?: number;
  /** Words on its stack, from the pointer up. */
  readonly stack?: readonly number[];
  /** Vectors whose bit in the redirection map is set: they go to the monitor. */
  readonly monitored?: readonly number[];
  readonly ioMap?: number;
}

/** A virtual-8086 task that stands before its first instruction. */
function task(program: readonly number[], { flags, cr4 = VME, stack = [], monitored = [], ioMap = IO_MAP }: TaskOptions): Guest {
  const guest = protectedGuest([]);
  const { cpu, state: s } = guest;
  cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x200, 0x8b);
  guest.put(AT.tss + 0x66, le16(ioMap));
  for (const vector of monitored) {
    const at = AT.tss + ioMap - 32 + (vector >> 3);
    guest.put(at, [guest.map.read(at, 1) | (1 << (vector & 7))]);
  }
  guest.put(CS * 16 + IP, program);
  guest.put(SS * 16 + SP, stack.flatMap(le16));
  s.setU32(L.CR4, cr4);
  s.flags = flags | VM | 2;
  cpu.setCpl(3);
  for (const [segment, selector] of [[L.CS, CS], [L.SS, SS], [L.DS, 0x100], [L.ES, 0x200], [L.FS, 0], [L.GS, 0]] as const) cpu.setRealSegment(segment, selector);
  s.eip = IP;
  s.setReg(L.RSP, SP);
  return guest;
}

const word = (guest: Guest, offset: number): number => guest.u16(SS * 16 + SP + offset);

describe('CLI and STI with virtual interrupts', function () {
  this.timeout(60_000);

  interface Row {
    readonly what: string;
    readonly instruction: readonly number[];
    readonly cr4: number;
    readonly flags: number;
    /** Flags afterwards, of IF, VIF and VIP; or the fault. */
    readonly expected: number | Fault;
  }
  const VIRTUAL: readonly Row[] = [
    { what: 'CLI without VME', instruction: CLI, cr4: 0, flags: IF, expected: [GP, 0] },
    { what: 'STI without VME', instruction: STI, cr4: 0, flags: 0, expected: [GP, 0] },
    { what: 'CLI, PVI alone', instruction: CLI, cr4: PVI, flags: IF, expected: [GP, 0] },
    { what: 'CLI at IOPL 3: IF', instruction: CLI, cr4: VME, flags: IOPL | IF | VIF, expected: VIF },
    { what: 'STI at IOPL 3: IF', instruction: STI, cr4: VME, flags: IOPL, expected: IF },
    { what: 'STI at IOPL 3 does not mind VIP', instruction: STI, cr4: VME, flags: IOPL | VIP, expected: IF | VIP },
    { what: 'CLI at IOPL 0: VIF', instruction: CLI, cr4: VME, flags: IF | VIF, expected: IF },
    { what: 'CLI at IOPL 2 with VIP', instruction: CLI, cr4: VME, flags: 0x2000 | IF | VIF | VIP, expected: IF | VIP },
    { what: 'STI at IOPL 0: VIF', instruction: STI, cr4: VME, flags: 0, expected: VIF },
    { what: 'STI with VIP', instruction: STI, cr4: VME, flags: VIP, expected: [GP, 0] },
  ];
  it('in a virtual-8086 task', () => {
    for (const row of VIRTUAL) {
      const guest = task(row.instruction, row);
      if (typeof row.expected !== 'number') faults(guest, row.expected, row.what);
      else {
        passes(guest, row.what);
        assert.equal(guest.state.flags & (IF | VIF | VIP), row.expected, row.what);
      }
    }
  });

  const PROTECTED: readonly (Row & { readonly cpl: 0 | 3 })[] = [
    { what: 'CLI without PVI', cpl: 3, instruction: CLI, cr4: 0, flags: IF, expected: [GP, 0] },
    { what: 'CLI, VME alone', cpl: 3, instruction: CLI, cr4: VME, flags: IF, expected: [GP, 0] },
    { what: 'STI without PVI', cpl: 3, instruction: STI, cr4: 0, flags: IF, expected: [GP, 0] },
    { what: 'CLI: VIF', cpl: 3, instruction: CLI, cr4: PVI, flags: IF | VIF, expected: IF },
    { what: 'STI: VIF', cpl: 3, instruction: STI, cr4: PVI, flags: 0, expected: VIF },
    { what: 'STI with VIP', cpl: 3, instruction: STI, cr4: PVI, flags: VIP, expected: [GP, 0] },
    { what: 'IOPL 3: IF', cpl: 3, instruction: STI, cr4: PVI, flags: IOPL, expected: IF },
    { what: 'CPL 0: IF', cpl: 0, instruction: CLI, cr4: PVI, flags: IF | VIF, expected: VIF },
  ];
  it('in a protected-mode program', () => {
    for (const row of PROTECTED) {
      const guest = protectedGuest(row.instruction);
      if (row.cpl === 3) enterUser(guest, row.instruction);
      guest.state.setU32(L.CR4, row.cr4);
      guest.state.flags = row.flags | 2;
      if (typeof row.expected !== 'number') faults(guest, row.expected, row.what);
      else {
        passes(guest, row.what);
        assert.equal(guest.state.flags & (IF | VIF | VIP), row.expected, row.what);
      }
    }
  });

  it('PVI needs CPL 3: at CPL 1 it is #GP', () => {
    const guest = protectedGuest(STI);
    guest.state.setU32(L.CR4, PVI);
    guest.cpu.setSegment(L.CS, 0x09, 0, 0xffffffff, 0xcbb);
    guest.cpu.setSegment(L.SS, 0x11, 0, 0xffffffff, 0xcb3);
    guest.cpu.setCpl(1);
    assert.equal(guest.run(1).kind, 'budget');
    assert.notEqual(guest.state.flags & VIF, VIF);
  });
});

describe('PUSHF, POPF and IRET of a virtual-8086 task', function () {
  this.timeout(60_000);

  it('PUSHF shows IOPL 3, and VIF in the place of IF', () => {
    for (const [flags, expected] of [[VIF, IF | IOPL], [IF, IOPL], [VIF | IF | NT, IF | IOPL | NT], [IOPL | IF, IF | IOPL], [IOPL | VIF, IOPL]] as const) {
      const guest = task(PUSHF, { flags });
      passes(guest, 'PUSHF');
      assert.equal(word(guest, -2), expected | 2, flags.toString(16));
    }
  });

  it('POPF loads VIF and leaves IF and IOPL', () => {
    const rows: readonly (readonly [before: number, image: number, after: number | Fault])[] = [
      [0, IF, VIF],
      [IF | VIF, 0, IF],
      [0, IF | IOPL, VIF],
      [0x1000 | IF, 0x8d5, 0x1000 | IF | 0x8d5],
      [VIP, 0, VIP],
      [VIP, IF, [GP, 0]],
      [0, TF, [GP, 0]],
      [VIF, TF | IF, [GP, 0]],
      [IOPL, IF | TF, IOPL | IF | TF],
      [IOPL | VIP, IF, IOPL | VIP | IF],
    ];
    for (const [flags, image, after] of rows) {
      const guest = task(POPF, { flags, stack: [image] });
      const what = `${flags.toString(16)} and ${image.toString(16)}`;
      if (typeof after !== 'number') faults(guest, after, what);
      else {
        passes(guest, what);
        assert.equal(guest.state.flags, after | VM | 2, what);
        assert.equal(guest.state.reg(L.RSP), SP + 2);
      }
    }
  });

  it('IRET does as POPF', () => {
    const rows: readonly (readonly [before: number, image: number, after: number | Fault])[] = [
      [0, IF, VIF],
      [IF | VIF, IOPL, IF],
      [VIP, IF, [GP, 0]],
      [VIP, 0, VIP],
      [0, TF, [GP, 0]],
      [IOPL, IF, IOPL | IF],
    ];
    for (const [flags, image, after] of rows) {
      const guest = task(IRET, { flags, stack: [0x44, CS, image] });
      const what = `${flags.toString(16)} and ${image.toString(16)}`;
      if (typeof after !== 'number') faults(guest, after, what);
      else {
        passes(guest, what);
        assert.equal(guest.state.flags, after | VM | 2, what);
        assert.deepEqual([guest.state.eip, guest.state.reg(L.RSP)], [0x44, SP + 6]);
      }
    }
  });

  it('the forms of 32 bits need IOPL 3', () => {
    for (const instruction of [PUSHFD, POPFD, IRETD]) {
      faults(task(instruction, { flags: VIF, stack: [0x44, 0, CS, 0, 2, 0] }), [GP, 0], 'IOPL 0');
      passes(task(instruction, { flags: IOPL, stack: instruction === POPFD ? [2, 0] : [0x44, 0, CS, 0, 2, 0] }), 'IOPL 3');
    }
  });

  it('without VME all of them are #GP below IOPL 3', () => {
    for (const instruction of [PUSHF, POPF, IRET, CLI, STI, int(0x21)]) {
      faults(task(instruction, { flags: IF, cr4: 0, stack: [0x44, CS, 2] }), [GP, 0], Buffer.from(instruction).toString('hex'));
    }
  });

  it('PVI does not change POPF and IRET of protected mode', () => {
    const guest = protectedGuest([]);
    enterUser(guest, [0x9d]);
    guest.state.setU32(L.CR4, PVI);
    guest.state.flags = IF | VIF | 2;
    guest.put32(AT.stack3, VIP | 2);
    passes(guest, 'POPFD');
    assert.equal(guest.state.flags & (IF | VIF | VIP), IF | VIF);
  });
});

describe('INT n of a virtual-8086 task', function () {
  this.timeout(60_000);

  /** The task's own handler for INT 21h at 0700:0030, by the vector table at 0. */
  const own = (guest: Guest): Guest => {
    guest.put(4 * 0x21, [...le16(0x30), ...le16(0x700)]);
    setGate(guest, 0x21, gate(SEL.code0, handlerOf(0x21), PRESENT | 0x0e | dpl(3)));
    return guest;
  };
  const goesHome = (guest: Guest): void => {
    passes(guest, 'INT 21h');
    assert.deepEqual([guest.state.selector(L.CS), guest.state.eip, guest.state.reg(L.RSP)], [0x700, 0x30, SP - 6]);
    assert.deepEqual([word(guest, -6), word(guest, -4)], [IP + 2, CS]);
  };

  it('a clear bit: to the task’s own handler (methods 5 and 6)', () => {
    const virtual = own(task(int(0x21), { flags: IF | VIF | NT }));
    goesHome(virtual);
    assert.equal(word(virtual, -2), IF | IOPL | NT | 2, 'VIF for IF, IOPL 3');
    assert.equal(virtual.state.flags & (IF | VIF | TF | NT), IF | NT, 'VIF is cleared, IF is not');
    const without = own(task(int(0x21), { flags: IF }));
    goesHome(without);
    assert.equal(word(without, -2), IOPL | 2);
    const privileged = own(task(int(0x21), { flags: IOPL | IF | VIF }));
    goesHome(privileged);
    assert.equal(word(privileged, -2), IOPL | IF | 2);
    assert.equal(privileged.state.flags & (IF | VIF), VIF, 'IF is cleared, VIF is not');
  });

  it('a set bit: to the monitor by #GP below IOPL 3, by its gate at IOPL 3 (methods 2 to 4)', () => {
    faults(own(task(int(0x21), { flags: IF, monitored: [0x21] })), [GP, 0], 'IOPL 0');
    const guest = own(task(int(0x21), { flags: IF | IOPL, monitored: [0x21] }));
    guest.runToHalt();
    assert.equal(haltedIn(guest), 0x21);
    assert.deepEqual(guest.stack(3), [IP + 2, CS, VM | IF | IOPL | 2]);
  });

  it('each vector has its own bit', () => {
    for (const vector of [0, 7, 8, 0x20, 0x22, 0xff]) goesHome(own(task(int(0x21), { flags: IF, monitored: [vector] })));
  });

  it('a map outside the TSS is #GP', () => {
    faults(own(task(int(0x21), { flags: IF, ioMap: 0x10 })), [GP, 0], 'below');
    faults(own(task(int(0x21), { flags: IF, ioMap: 0x300 })), [GP, 0], 'above');
  });

  it('INT3 and INTO go by their gates whatever the map says; CD 03 does not', () => {
    const monitored = [3, 4];
    for (const [program, vector] of [[[0xcc], 3], [[0xce], 4]] as const) {
      const guest = task(program, { flags: IF | 0x800, monitored });
      setGate(guest, vector, gate(SEL.code0, handlerOf(vector), PRESENT | 0x0e | dpl(3)));
      guest.runToHalt();
      assert.equal(haltedIn(guest), vector);
    }
    faults(task(int(3), { flags: IF, monitored }), [GP, 0], 'INT 3');
    faults(task(int(3), { flags: IF, cr4: 0 }), [GP, 0], 'INT 3 without VME');
  });

  it('a stack without room for the frame is #SS(0), with nothing pushed', () => {
    const guest = own(task(int(0x21), { flags: IF }));
    guest.state.setReg(L.RSP, 1);
    checks(guest, [VECTOR.SS, 0], 'SP 1: the first word would wrap');
  });

  it('an interrupt from outside goes to the monitor with VIF as it is', () => {
    const guest = task(code([0x90, 0x90]), { flags: IF | VIF });
    guest.interrupt(0x55);
    guest.runToHalt();
    assert.equal(haltedIn(guest), 0x55);
    assert.deepEqual(guest.stack(3), [IP, CS, VM | VIF | IF | 2]);
    assert.equal(guest.state.flags & VIF, VIF);
  });
});
