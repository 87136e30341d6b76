/**
 * Control registers, EFER and the changes of mode, the fast system calls, SWAPGS, and what instructions of the system refuse
 * (Intel SDM vol. 3, 2.5, 2.8, 4.1, 5.8.7, 5.9, 10.8.5; vol. 2).
 */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { HLT, NOP, code, enterUser, le16, le32, protectedGuest, realGuest, type Guest } from '../guest';
import { AT, SEL, enterLongUser, haltedIn, le64, longGuest } from './longGuest';
import { VECTOR, checks, faults, passes, type Fault } from './rows';

const { UD, GP } = VECTOR;
const PE = 1, TS = 8, NW = 0x20000000, CD = 0x40000000, PG = 0x80000000;
const PAE = 0x20, LA57 = 0x1000, PCIDE = 0x20000, UMIP = 0x800, TSD = 4, PCE = 0x100;
const HOLE = 1n << 47n;
const movToCr = (number: number): readonly number[] => (number === 8 ? [0x44, 0x0f, 0x22, 0xc0] : [0x0f, 0x22, 0xc0 | (number << 3)]);

type Change = (guest: Guest) => void;
interface Row {
  readonly what: string;
  readonly program: readonly number[];
  readonly rax: bigint;
  readonly change?: Change;
  readonly expected: Fault | 'passes';
}
function run(make: () => Guest, rows: readonly Row[]): void {
  for (const row of rows) {
    const guest = make();
    guest.put(guest.state.eip, row.program);
    guest.state.setReg64(L.RAX, row.rax);
    row.change?.(guest);
    checks(guest, row.expected, row.what);
  }
}

describe('MOV to control registers', function () {
  this.timeout(120_000);

  const CR0_LONG = BigInt(PG | 0x10031) & 0xffffffffn;

  it('in 64-bit mode', () => {
    run(() => longGuest([]), [
      { what: 'CR0, bits above 31', program: movToCr(0), rax: CR0_LONG | (1n << 32n), expected: [GP, 0] },
      { what: 'CR0, PG without PE', program: movToCr(0), rax: CR0_LONG & ~1n, expected: [GP, 0] },
      { what: 'CR0, NW without CD', program: movToCr(0), rax: CR0_LONG | BigInt(NW), expected: [GP, 0] },
      { what: 'CR0, NW with CD', program: movToCr(0), rax: CR0_LONG | BigInt(NW | CD), expected: 'passes' },
      { what: 'CR0, PG off in 64-bit code', program: movToCr(0), rax: 0x11n, expected: [GP, 0] },
      { what: 'CR0, reserved bits of the low half', program: movToCr(0), rax: CR0_LONG | 0xff80n, expected: 'passes' },
      { what: 'CR3, bits above the physical width', program: movToCr(3), rax: BigInt(AT.pml4) | (1n << 40n), expected: [GP, 0] },
      { what: 'CR3, bit 63 without PCIDE', program: movToCr(3), rax: BigInt(AT.pml4) | (1n << 63n), expected: [GP, 0] },
      { what: 'CR3, bit 63 with PCIDE', program: movToCr(3), rax: BigInt(AT.pml4) | (1n << 63n), change: (g) => g.state.setU32(L.CR4, PAE | PCIDE), expected: 'passes' },
      { what: 'CR3, PCID', program: movToCr(3), rax: BigInt(AT.pml4) | 0xfffn, change: (g) => g.state.setU32(L.CR4, PAE | PCIDE), expected: 'passes' },
      { what: 'CR4, bits above 31', program: movToCr(4), rax: BigInt(PAE) | (1n << 32n), expected: [GP, 0] },
      { what: 'CR4, a reserved bit', program: movToCr(4), rax: BigInt(PAE | 0x8000), expected: [GP, 0] },
      { what: 'CR4, PAE off in long mode', program: movToCr(4), rax: 0n, expected: [GP, 0] },
      { what: 'CR4, LA57 on in long mode', program: movToCr(4), rax: BigInt(PAE | LA57), expected: [GP, 0] },
      { what: 'CR4, PCIDE', program: movToCr(4), rax: BigInt(PAE | PCIDE), expected: 'passes' },
      { what: 'CR4, PCIDE with a PCID in CR3 already', program: movToCr(4), rax: BigInt(PAE | PCIDE), change: (g) => g.state.setWide(L.CR3, AT.pml4 | 8), expected: [GP, 0] },
      { what: 'CR0, PG off with PCIDE, in compatibility mode', program: movToCr(0), rax: 0x11n, change: (g) => { g.cpu.setSegment(L.CS, SEL.compat0, 0, 0xffffffff, 0xc9b); g.state.setU32(L.CR4, PAE | PCIDE); }, expected: [GP, 0] },
      { what: 'CR0, PG off in compatibility mode', program: movToCr(0), rax: 0x11n, change: (g) => g.cpu.setSegment(L.CS, SEL.compat0, 0, 0xffffffff, 0xc9b), expected: 'passes' },
      { what: 'CR8, 15', program: movToCr(8), rax: 15n, expected: 'passes' },
      { what: 'CR8, 16', program: movToCr(8), rax: 16n, expected: [GP, 0] },
      { what: 'CR1', program: movToCr(1), rax: 0n, expected: [UD] },
      { what: 'CR5', program: movToCr(5), rax: 0n, expected: [UD] },
      { what: 'CR2 takes any value', program: movToCr(2), rax: HOLE, expected: 'passes' },
    ]);
  });

  it('outside long mode', () => {
    run(() => protectedGuest([]), [
      { what: 'PCIDE', program: movToCr(4), rax: BigInt(PAE | PCIDE), expected: [GP, 0] },
      { what: 'LA57 may be set before long mode', program: movToCr(4), rax: BigInt(PAE | LA57), expected: 'passes' },
      { what: 'PG with LME but without PAE', program: movToCr(0), rax: BigInt(PG >>> 0) | 0x11n, change: (g) => g.state.setU32(L.EFER, 0x100), expected: [GP, 0] },
      { what: 'PG with LME, CS.L set', program: movToCr(0), rax: BigInt(PG >>> 0) | 0x11n, change: (g) => { g.state.setU32(L.EFER, 0x100); g.state.setU32(L.CR4, PAE); g.cpu.setSegment(L.CS, 8, 0, 0xffffffff, 0xe9b); }, expected: [GP, 0] },
      { what: 'PG with LME, a 16-bit TSS in TR', program: movToCr(0), rax: BigInt(PG >>> 0) | 0x11n, change: (g) => { g.state.setU32(L.EFER, 0x100); g.state.setU32(L.CR4, PAE); g.cpu.setSegment(L.TR, 0x28, AT.tss, 0x67, 0x83); }, expected: [GP, 0] },
      { what: 'PE off with PG on', program: movToCr(0), rax: BigInt(PG >>> 0) | 0x10n, expected: [GP, 0] },
    ]);
  });

  it('loads of CR3 and CR0 in PAE mode check the four PDPTEs', () => {
    for (const [entry, expected] of [[1n, 'passes'], [0n, 'passes'], [0x1e6n, 'passes'], [3n, [GP, 0]], [5n, [GP, 0]], [0x21n, [GP, 0]], [0x101n, [GP, 0]], [1n | (1n << 40n), [GP, 0]], [1n | (1n << 63n), [GP, 0]]] as const) {
      for (const index of [0, 3]) {
        const make = (program: readonly number[], cr0: number, rax: number): Guest => {
          const guest = protectedGuest(program);
          const s = guest.state;
          guest.put(0x7000, [0, 1, 2, 3].flatMap((i) => [...le64(i === index ? entry : 0n)]));
          guest.put(0x108000, [...le64(0x109001n), ...le64(0n), ...le64(0n), ...le64(0n)]);
          guest.put(0x109000, [...le64(0x83n)]);
          s.setU32(L.CR4, PAE);
          s.setWide(L.CR3, cr0 & PG ? 0x108000 : 0x7000);
          s.setU64(L.PDPTE, 0x109001n);
          s.setU32(L.CR0, cr0 >>> 0);
          guest.cpu.updatePaging();
          s.setReg(L.RAX, rax);
          return guest;
        };
        const what = `PDPTE ${index} is ${entry.toString(16)}`;
        checks(make(movToCr(3), PG | 0x11, 0x7000), expected, `CR3: ${what}`);
        if (entry !== 1n && expected !== 'passes') checks(make(movToCr(0), 0x11, (PG | 0x11) >>> 0), expected, `CR0: ${what}`);
      }
    }
  });

  it('are privileged, but #UD goes before #GP', () => {
    const user = (program: readonly number[]): Guest => {
      const guest = longGuest([]);
      enterLongUser(guest, program);
      return guest;
    };
    for (const number of [0, 2, 3, 4, 8]) faults(user(movToCr(number)), [GP, 0], `CR${number}`);
    faults(user(movToCr(1)), [UD], 'CR1');
    for (const [what, program] of [['LMSW', [0x0f, 0x01, 0xf0]], ['CLTS', [0x0f, 0x06]], ['HLT', [HLT]], ['INVLPG', [0x0f, 0x01, 0x3f]], ['WRMSR', [0x0f, 0x30]], ['RDMSR', [0x0f, 0x32]], ['WBINVD', [0x0f, 0x09]], ['INVD', [0x0f, 0x08]], ['SWAPGS', [0x0f, 0x01, 0xf8]], ['LGDT', [0x0f, 0x01, 0x17]], ['MOV DR', [0x0f, 0x23, 0xc0]], ['SYSEXIT', [0x0f, 0x35]], ['SYSRETQ', [0x48, 0x0f, 0x07]], ['INVPCID', [0x66, 0x0f, 0x38, 0x82, 0x07]], ['XSETBV', [0x0f, 0x01, 0xd1]]] as const) {
      const guest = user(program);
      guest.state.setU32(L.CR4, guest.state.cr4 | 0x40000);
      faults(guest, [GP, 0], what);
    }
  });
});

describe('EFER and long mode', function () {
  this.timeout(60_000);

  const wrmsr = (guest: Guest, value: bigint): Guest => {
    guest.put(guest.state.eip, [0x0f, 0x30]);
    guest.state.setReg(L.RCX, 0xc0000080);
    guest.state.setReg(L.RAX, Number(value & 0xffffffffn));
    guest.state.setReg(L.RDX, Number(value >> 32n));
    return guest;
  };

  it('LME does not change while paging is on; LMA is read-only; reserved bits are #GP', () => {
    faults(wrmsr(longGuest([]), 0x801n), [GP, 0], 'LME off');
    passes(wrmsr(longGuest([]), 0x901n), 'LME as it is');
    for (const bit of [1n, 2n, 9n, 12n, 32n, 63n]) faults(wrmsr(longGuest([]), 0x901n | (1n << bit)), [GP, 0], `bit ${bit}`);
    const guest = wrmsr(protectedGuest([]), 0x500n);
    passes(guest, 'LMA in the value');
    assert.equal(guest.state.efer, 0x100, 'LME is set, LMA is not');
  });

  it('into long mode and out of it by the manual’s steps', () => {
    // 32-bit code: CR4.PAE, CR3, EFER.LME, CR0.PG, far JMP to 64-bit code; and back by compatibility mode.
    const guest = protectedGuest([]);
    const other = longGuest([]);
    guest.put(AT.pml4, [...other.map.copyOut(AT.pml4, 0x4000)]);
    guest.put(AT.gdt, [...other.map.copyOut(AT.gdt, 0x60)]);
    guest.cpu.setSegment(L.CS, SEL.compat0, 0, 0xffffffff, 0xc9b);
    guest.put(AT.code, code(
      [0xb8], le32(PAE), [0x0f, 0x22, 0xe0], [0xb8], le32(AT.pml4), [0x0f, 0x22, 0xd8],
      [0xb9], le32(0xc0000080), [0x0f, 0x32, 0x0d], le32(0x100), [0x0f, 0x30],
      [0x0f, 0x20, 0xc0, 0x0d], le32(PG), [0x0f, 0x22, 0xc0], [0xea], le32(AT.code + 0x100), le16(SEL.code0),
    ));
    // 64-bit: MOV R8, -1; push a far pointer to compatibility code and RETFQ.
    guest.put(AT.code + 0x100, code([0x49, 0xc7, 0xc0], le32(0xffffffff), [0x6a, SEL.compat0, 0x68], le32(AT.code + 0x200), [0x48, 0xcb]));
    guest.put(AT.code + 0x200, code([0x0f, 0x20, 0xc0, 0x25], le32(~PG), [0x0f, 0x22, 0xc0, HLT]));
    guest.run(12);
    assert.equal(guest.state.efer, 0x500, 'LMA follows PG');
    guest.run(4);
    assert.ok(!guest.state.code64);
    assert.equal(guest.state.reg64(8), 0xffffffffffffffffn);
    guest.runToHalt();
    assert.equal(guest.state.efer, 0x100, 'LMA goes with PG');
  });
});

describe('LMSW, SMSW, CLTS, UMIP, TSD', function () {
  this.timeout(60_000);

  it('LMSW sets PE and never clears it, and changes the low four bits alone', () => {
    const lmsw = (cr0: number, value: number): number => {
      const guest = realGuest([0x0f, 0x01, 0xf0]);
      guest.state.setU32(L.CR0, cr0);
      guest.cpu.updatePaging();
      guest.state.setReg(L.RAX, value);
      guest.run(1);
      return guest.state.cr0;
    };
    assert.equal(lmsw(0x10, 0xfff1), 0x11);
    assert.equal(lmsw(0x11, 0), 0x11);
    assert.equal(lmsw(0x1f, 1), 0x11);
    assert.equal(lmsw(0x10010, 0xe), 0x1001e);
  });

  it('CLTS clears TS', () => {
    const guest = protectedGuest([0x0f, 0x06]);
    guest.state.setU32(L.CR0, 0x11 | TS);
    passes(guest, 'CLTS');
    assert.equal(guest.state.cr0 & (TS | PE), PE);
  });

  it('UMIP: SGDT, SIDT, SLDT, STR and SMSW are #GP(0) outside CPL 0', () => {
    for (const [what, program] of [['SGDT', [0x0f, 0x01, 0x07]], ['SIDT', [0x0f, 0x01, 0x0f]], ['SLDT', [0x0f, 0x00, 0xc0]], ['STR', [0x0f, 0x00, 0xc8]], ['SMSW', [0x0f, 0x01, 0xe0]], ['SMSW m16', [0x0f, 0x01, 0x27]]] as const) {
      for (const [cpl, umip, expected] of [[3, UMIP, [GP, 0]], [3, 0, 'passes'], [0, UMIP, 'passes']] as const) {
        const guest = protectedGuest(program);
        if (cpl === 3) enterUser(guest, program);
        guest.state.setU32(L.CR4, umip);
        guest.state.setReg(L.RDI, AT.data);
        checks(guest, expected, `${what} at CPL ${cpl}`);
      }
    }
  });

  it('RDTSC and RDTSCP with TSD; RDPMC', () => {
    for (const [what, program, cpl, cr4, expected] of [
      ['RDTSC', [0x0f, 0x31], 3, TSD, [GP, 0]],
      ['RDTSC', [0x0f, 0x31], 3, 0, 'passes'],
      ['RDTSC', [0x0f, 0x31], 0, TSD, 'passes'],
      ['RDTSCP', [0x0f, 0x01, 0xf9], 3, TSD, [GP, 0]],
      ['RDTSCP', [0x0f, 0x01, 0xf9], 3, 0, 'passes'],
      ['RDPMC', [0x0f, 0x33], 3, 0, [GP, 0]],
      ['RDPMC of a counter that is not there', [0x0f, 0x33], 0, PCE, [GP, 0]],
    ] as const) {
      const guest = protectedGuest(program);
      if (cpl === 3) enterUser(guest, program);
      guest.state.setU32(L.CR4, cr4);
      checks(guest, expected, what);
    }
  });

  it('protected-mode instructions are #UD in real mode', () => {
    for (const program of [[0x0f, 0x00, 0xd0], [0x0f, 0x00, 0xd8], [0x0f, 0x00, 0xc0], [0x0f, 0x02, 0xc0], [0x0f, 0x03, 0xc0], [0x0f, 0x00, 0xe0], [0x63, 0xc0]]) {
      faults(realGuest(program), [UD], Buffer.from(program).toString('hex'));
    }
  });
});

describe('INVPCID', function () {
  this.timeout(60_000);

  it('type and descriptor', () => {
    const rows: readonly (readonly [what: string, type: bigint, pcid: bigint, linear: bigint, pcide: boolean, expected: Fault | 'passes'])[] = [
      ['an address', 0n, 5n, 0x1000n, true, 'passes'],
      ['an address that is not canonical', 0n, 5n, HOLE, true, [GP, 0]],
      ['type 0, a PCID without CR4.PCIDE', 0n, 5n, 0n, false, [GP, 0]],
      ['type 0, PCID 0 without CR4.PCIDE', 0n, 0n, 0n, false, 'passes'],
      ['one context', 1n, 0xfffn, HOLE, true, 'passes'],
      ['type 1, a PCID without CR4.PCIDE', 1n, 5n, 0n, false, [GP, 0]],
      ['reserved bits of the descriptor', 1n, 0x1000n, 0n, true, [GP, 0]],
      ['all, with global', 2n, 0n, 0n, true, 'passes'],
      ['all, without global', 3n, 0n, 0n, true, 'passes'],
      ['type 4', 4n, 0n, 0n, true, [GP, 0]],
      ['a type beyond 32 bits', 1n << 32n, 0n, 0n, true, [GP, 0]],
    ];
    for (const [what, type, pcid, linear, pcide, expected] of rows) {
      const guest = longGuest([0x66, 0x0f, 0x38, 0x82, 0x07], { cr4: pcide ? PCIDE : 0 });
      guest.state.setReg64(L.RAX, type);
      guest.state.setReg(L.RDI, AT.data);
      guest.put(AT.data, [...le64(pcid), ...le64(linear)]);
      checks(guest, expected, what);
    }
  });
});

describe('fast system calls', function () {
  this.timeout(60_000);

  const SYSCALL = [0x0f, 0x05], SYSRET = [0x0f, 0x07], SYSRETQ = [0x48, 0x0f, 0x07];
  const SYSENTER = [0x0f, 0x34], SYSEXIT = [0x0f, 0x35], SYSEXITQ = [0x48, 0x0f, 0x35];
  const entry = AT.code + 0x200;

  const prepared = (guest: Guest): Guest => {
    const s = guest.state;
    s.setU64(L.MSR_STAR, (BigInt(SEL.compat3) << 48n) | (BigInt(SEL.code0) << 32n));
    s.setU64(L.MSR_LSTAR, BigInt(entry));
    s.setU64(L.MSR_FMASK, 0x47700n);
    s.setU32(L.SYSENTER_CS, SEL.code0);
    s.setU64(L.SYSENTER_ESP, BigInt(AT.stack0));
    s.setU64(L.SYSENTER_EIP, BigInt(entry));
    return guest;
  };

  it('SYSCALL: RCX, R11, flags by FMASK, selectors by STAR', () => {
    const guest = prepared(longGuest([]));
    enterLongUser(guest, SYSCALL, 0x40ed7);
    passes(guest, 'SYSCALL');
    const s = guest.state;
    assert.deepEqual([s.eip, s.reg64(L.RCX), s.reg64(11)], [entry, BigInt(AT.userCode + 2), 0x40ed7n]);
    assert.equal(s.flags, 0x40ed7 & ~0x47700);
    assert.deepEqual([s.selector(L.CS), s.selector(L.SS), s.cpl], [SEL.code0, SEL.data0, 0]);
    assert.equal(s.reg64(L.RSP), BigInt(AT.stack3), 'RSP stays');
    assert.ok(s.code64);
  });

  it('SYSCALL and SYSRET are #UD without SCE and outside 64-bit code', () => {
    for (const program of [SYSCALL, SYSRETQ]) {
      const guest = prepared(longGuest(program));
      guest.state.setU32(L.EFER, 0x500);
      faults(guest, [UD], 'SCE');
      const legacy = program === SYSRETQ ? SYSRET : program;
      const compat = prepared(longGuest(legacy));
      compat.cpu.setSegment(L.CS, SEL.compat0, 0, 0xffffffff, 0xc9b);
      faults(compat, [UD], 'compatibility mode');
      faults(protectedGuest(legacy), [UD], 'protected mode');
    }
  });

  it('SYSRET: flags from R11, code of 64 or 32 bits; #GP(0) for RCX that is not canonical', () => {
    for (const [program, selector, long] of [[SYSRETQ, SEL.compat3 + 16, true], [SYSRET, SEL.compat3, false]] as const) {
      const guest = prepared(longGuest(program));
      const s = guest.state;
      s.setReg64(L.RCX, BigInt(AT.userCode));
      s.setReg64(11, 0xffffffffn & ~0x100n);
      passes(guest, 'SYSRET');
      assert.deepEqual([s.eip, s.selector(L.CS), s.selector(L.SS), s.cpl, s.code64], [AT.userCode, selector | 3, SEL.compat3 + 8, 3, long]);
      assert.equal(s.flags, 0x3c7fd7 & ~0x100, 'neither RF nor VM');
    }
    const bad = prepared(longGuest(SYSRETQ));
    bad.state.setReg64(L.RCX, HOLE);
    faults(bad, [GP, 0], 'RCX');
    const narrow = prepared(longGuest(SYSRET));
    narrow.state.setReg64(L.RCX, HOLE | BigInt(AT.userCode));
    narrow.state.setReg64(11, 2n);
    passes(narrow, '32 bits of RCX');
  });

  it('SYSENTER: from anywhere in protected mode, IF and VM cleared', () => {
    for (const long of [false, true]) {
      const guest = prepared(long ? longGuest([]) : protectedGuest([]));
      (long ? enterLongUser : enterUser)(guest, SYSENTER, 0x3202);
      passes(guest, 'SYSENTER');
      const s = guest.state;
      assert.deepEqual([s.eip, s.reg(L.RSP), s.selector(L.CS), s.selector(L.SS), s.cpl, s.flags], [entry, AT.stack0, SEL.code0, SEL.code0 + 8, 0, 0x3002]);
      assert.equal(s.code64, long);
    }
    const none = protectedGuest(SYSENTER);
    none.state.setU32(L.SYSENTER_CS, 3);
    faults(none, [GP, 0], 'a null SYSENTER_CS');
    const real = realGuest(SYSENTER);
    real.state.setU32(L.SYSENTER_CS, 8);
    faults(real, [GP, 0], 'real mode');
  });

  it('SYSEXIT: to code of 32 or 64 bits; #GP(0) for addresses that are not canonical', () => {
    for (const [program, long, selector] of [[SYSEXIT, false, SEL.code0 + 16], [SYSEXITQ, true, SEL.code0 + 32]] as const) {
      const guest = prepared(longGuest(program));
      const s = guest.state;
      s.setReg64(L.RDX, BigInt(AT.userCode));
      s.setReg64(L.RCX, BigInt(AT.stack3));
      passes(guest, 'SYSEXIT');
      assert.deepEqual([s.eip, s.reg(L.RSP), s.selector(L.CS), s.selector(L.SS), s.cpl, s.code64], [AT.userCode, AT.stack3, selector | 3, (selector + 8) | 3, 3, long]);
    }
    for (const register of [L.RCX, L.RDX]) {
      const guest = prepared(longGuest(SYSEXITQ));
      guest.state.setReg64(register, HOLE);
      faults(guest, [GP, 0], `register ${register}`);
    }
    const none = longGuest(SYSEXIT);
    faults(none, [GP, 0], 'a null SYSENTER_CS');
  });

  it('SWAPGS exchanges the base of GS with KERNEL_GS_BASE, all 64 bits; #UD outside 64-bit code', () => {
    const guest = longGuest([0x0f, 0x01, 0xf8]);
    const s = guest.state;
    s.setU64(L.MSR_KERNEL_GS_BASE, 0xffff_8880_1234_5679n);
    s.setU64(L.SEGMENTS + L.SEGMENT_BYTES * L.GS, 0x7fff_ffff_fff1n);
    passes(guest, 'SWAPGS');
    assert.deepEqual([s.u64(L.SEGMENTS + L.SEGMENT_BYTES * L.GS), s.u64(L.MSR_KERNEL_GS_BASE)], [0xffff_8880_1234_5679n, 0x7fff_ffff_fff1n]);
    const compat = longGuest([0x0f, 0x01, 0xf8]);
    compat.cpu.setSegment(L.CS, SEL.compat0, 0, 0xffffffff, 0xc9b);
    faults(compat, [UD], 'compatibility mode');
    const user = longGuest([]);
    enterLongUser(user, [0x0f, 0x01, 0xf8, NOP]);
    faults(user, [GP, 0], 'CPL 3');
  });
});

describe('instructions that 64-bit mode does not have', function () {
  this.timeout(60_000);

  it('are #UD', () => {
    for (const opcode of [0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea]) {
      const guest = longGuest([opcode, 0, 0, 0, 0, 0, 0]);
      guest.runToHalt();
      assert.equal(haltedIn(guest), UD, opcode.toString(16));
    }
  });
});
