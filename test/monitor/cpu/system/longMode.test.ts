/**
 * Far transfers, interrupts and system segments of 64-bit mode: call gates, RETF, IRETQ, LTR and LLDT with descriptors of
 * 16 bytes, interrupt stacks, canonical addresses (Intel SDM vol. 3, 5.8.3, 6.14, 7.7, 8.2; vol. 2).
 */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { HLT, NOP, PRESENT, code, descriptor, dpl, gate, le16, le32, setDescriptor, type Guest } from '../guest';
import { AT, SEL, enterLongUser, haltedIn, handlerOf, le64, longGuest, setGate, stack64, wideDescriptor, wideGate } from './longGuest';
import { VECTOR, checks, faults, passes, type Fault } from './rows';

const { UD, DF, TS, NP, SS, GP, PF } = VECTOR;
const FREE = SEL.free, OTHER = SEL.free + 0x10;
const TARGET = AT.code + 0x100;
const CODE64 = (access: number): readonly number[] => descriptor(0, 0, access | 0x1a, 0x2);
const CODE32 = (access: number): readonly number[] => descriptor(0, 0xfffff, access | 0x1a, 0xc);
const DATA = (access: number): readonly number[] => descriptor(0, 0xfffff, access | 0x12, 0xc);
/** The first address that is not canonical, and one in the middle of the hole. */
const HOLE = 1n << 47n;
const IRETQ = [0x48, 0xcf], RETFQ = [0x48, 0xcb], RETF = [0xcb];

/** CALL FAR [AT.data] of 16:64, and JMP. */
const CALL_M = code([0x48, 0xff, 0x1c, 0x25], le32(AT.data));
const JMP_M = code([0x48, 0xff, 0x2c, 0x25], le32(AT.data));

function at(cpl: 0 | 3, program: readonly number[], descriptors: readonly (readonly [selector: number, bytes: readonly number[]])[] = []): Guest {
  const guest = longGuest(program);
  if (cpl === 3) enterLongUser(guest, program);
  for (const [selector, bytes] of descriptors) setDescriptor(guest, selector, bytes);
  return guest;
}
function farThrough(cpl: 0 | 3, program: readonly number[], selector: number, offset: bigint, descriptors: readonly (readonly [number, readonly number[]])[] = []): Guest {
  const guest = at(cpl, program, descriptors);
  guest.put(AT.data, [...le64(offset), ...le16(selector)]);
  return guest;
}

describe('far transfers of 64-bit mode', function () {
  this.timeout(120_000);

  it('direct: code of 64 bits, of 32 bits, and what is neither', () => {
    const rows: readonly (readonly [what: string, bytes: readonly number[], offset: bigint, expected: Fault | 'passes'])[] = [
      ['64-bit code', CODE64(PRESENT), BigInt(TARGET), 'passes'],
      ['32-bit code: compatibility mode', CODE32(PRESENT), BigInt(TARGET), 'passes'],
      ['L and D together', descriptor(0, 0xfffff, PRESENT | 0x1a, 0xe), BigInt(TARGET), [GP, FREE]],
      ['not present', CODE64(0), BigInt(TARGET), [NP, FREE]],
      ['64-bit code at an address that is not canonical', CODE64(PRESENT), HOLE, [GP, 0]],
      ['32-bit code beyond its limit', descriptor(0, 0xff, PRESENT | 0x1a, 4), BigInt(TARGET), [GP, 0]],
      ['32-bit code above 4 GiB', CODE32(PRESENT), (1n << 32n) | BigInt(TARGET), [GP, 0]],
      ['a TSS: there are no task switches', wideDescriptor(BigInt(AT.data), 0x67, PRESENT | 0x09), BigInt(TARGET), [GP, FREE]],
      ['a task gate', gate(SEL.tss, 0, PRESENT | 0x05), BigInt(TARGET), [GP, FREE]],
      ['a 16-bit call gate', gate(SEL.code0, TARGET, PRESENT | 0x04), BigInt(TARGET), [GP, FREE]],
      ['an LDT', wideDescriptor(0n, 0xff, PRESENT | 0x02), BigInt(TARGET), [GP, FREE]],
    ];
    for (const [what, bytes, offset, expected] of rows) {
      for (const program of [JMP_M, CALL_M]) checks(farThrough(0, program, FREE, offset, [[FREE, bytes]]), expected, what);
    }
  });

  it('call gates have 16 bytes and lead to 64-bit code', () => {
    const CALL_GATE = 0x0c;
    const through = (bytes: readonly number[], target?: readonly number[], cpl: 0 | 3 = 0): Guest =>
      farThrough(cpl, CALL_M, FREE | cpl, 0n, [[FREE, bytes], ...(target ? [[OTHER, target] as const] : [])]);
    const gateTo = (selector: number, access = PRESENT, offset = BigInt(TARGET)): readonly number[] => wideGate(selector, offset, access | CALL_GATE);
    passes(through(gateTo(SEL.code0)), 'same privilege');
    faults(through(gateTo(OTHER), CODE32(PRESENT)), [GP, OTHER], '32-bit code');
    faults(through(gateTo(OTHER), descriptor(0, 0, PRESENT | 0x1a, 6)), [GP, OTHER], 'L and D');
    faults(through(gateTo(OTHER), CODE64(0)), [NP, OTHER], 'target not present');
    faults(through(gateTo(0)), [GP, 0], 'null');
    faults(through(gateTo(0x3ff8)), [GP, 0x3ff8], 'outside the GDT');
    faults(through(gateTo(SEL.code0, 0)), [NP, FREE], 'gate not present');
    faults(through(gateTo(SEL.code0), undefined, 3), [GP, FREE], 'gate DPL');
    faults(through(gateTo(SEL.code0, PRESENT, HOLE)), [GP, 0], 'offset not canonical');
    const typed = [...gateTo(SEL.code0)];
    typed[13] = 0x01;
    faults(through(typed), [GP, FREE], 'type in the upper half');
    const last = farThrough(0, CALL_M, 0x3f8, 0n, [[0x3f8, gateTo(SEL.code0).slice(0, 8)]]);
    faults(last, [GP, 0x3f8], 'the upper half lies outside the GDT');
  });

  it('a call gate to CPL 0: RSP of the TSS, a null SS, four values of 8 bytes', () => {
    const guest = farThrough(3, CALL_M, FREE | 3, 0n, [[FREE, wideGate(SEL.code0, BigInt(TARGET), PRESENT | dpl(3) | 0x0c)]]);
    passes(guest, 'CALL');
    assert.deepEqual(stack64(guest, 4), [BigInt(AT.userCode + CALL_M.length), BigInt(SEL.code3), BigInt(AT.stack3), BigInt(SEL.data3)]);
    assert.deepEqual([guest.state.selector(L.SS), guest.state.cpl, guest.state.eip], [0, 0, TARGET]);
    const broken = (change: (g: Guest) => void): Guest => {
      const g = farThrough(3, CALL_M, FREE | 3, 0n, [[FREE, wideGate(SEL.code0, BigInt(TARGET), PRESENT | dpl(3) | 0x0c)]]);
      change(g);
      return g;
    };
    faults(broken((g) => g.cpu.setSegment(L.TR, SEL.tss, AT.tss, 10, 0x8b)), [TS, SEL.tss], 'TSS too small');
    faults(broken((g) => g.put(AT.tss + 4, le64(HOLE))), [SS, 0], 'RSP0 not canonical');
    faults(broken((g) => g.put(AT.tss + 4, le64(-HOLE))), [SS, 0], 'below the lowest address');
  });

  interface Return {
    readonly what: string;
    readonly cs: number;
    readonly ss: number;
    readonly rip?: bigint;
    readonly descriptors?: readonly (readonly [number, readonly number[]])[];
    readonly expected: Fault | 'passes';
  }
  const returns: readonly Return[] = [
    { what: 'outward to 64-bit code', cs: SEL.code3, ss: SEL.data3, expected: 'passes' },
    { what: 'outward to compatibility mode', cs: SEL.compat3, ss: SEL.data3, expected: 'passes' },
    { what: 'outward with a null SS to CPL 3', cs: SEL.code3, ss: 3, expected: [GP, 0] },
    { what: 'outward with a null SS to 64-bit code at CPL 1', cs: FREE | 1, ss: 1, descriptors: [[FREE, CODE64(PRESENT | dpl(1))]], expected: 'passes' },
    { what: 'outward with a null SS to 32-bit code', cs: FREE | 1, ss: 1, descriptors: [[FREE, CODE32(PRESENT | dpl(1))]], expected: [GP, 0] },
    { what: 'L and D together', cs: FREE | 3, ss: SEL.data3, descriptors: [[FREE, descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x1a, 0xe)]], expected: [GP, FREE] },
    { what: 'RIP not canonical', cs: SEL.code3, ss: SEL.data3, rip: HOLE, expected: [GP, 0] },
    { what: 'RIP above 4 GiB in compatibility mode', cs: SEL.compat3, ss: SEL.data3, rip: 1n << 32n, expected: [GP, 0] },
    { what: 'SS not present', cs: SEL.code3, ss: OTHER | 3, descriptors: [[OTHER, DATA(dpl(3))]], expected: [SS, OTHER] },
    { what: 'SS of another privilege', cs: SEL.code3, ss: OTHER | 3, descriptors: [[OTHER, DATA(PRESENT)]], expected: [GP, OTHER] },
    { what: 'CS not present', cs: FREE | 3, ss: SEL.data3, descriptors: [[FREE, CODE64(dpl(3))]], expected: [NP, FREE] },
    { what: 'null CS', cs: 0, ss: SEL.data3, expected: [GP, 0] },
  ];
  for (const [name, program, flags] of [['RETFQ', RETFQ, []], ['IRETQ', IRETQ, [0x202n]]] as const) {
    it(name, () => {
      for (const row of returns) {
        const guest = at(0, program, row.descriptors);
        guest.put(guest.state.reg(L.RSP), [row.rip ?? BigInt(TARGET), BigInt(row.cs), ...flags, BigInt(AT.stack3 - 0x100), BigInt(row.ss)].flatMap((v) => [...le64(v)]));
        checks(guest, row.expected, row.what);
        if (row.expected === 'passes') {
          const s = guest.state;
          assert.deepEqual([s.selector(L.CS), s.selector(L.SS), s.reg(L.RSP), s.eip, s.cpl], [row.cs, row.ss, AT.stack3 - 0x100, TARGET, row.cs & 3], row.what);
        }
      }
    });
  }

  it('IRETQ at the same privilege loads SS:RSP, also a null SS at CPL 0', () => {
    for (const ss of [SEL.data0, 0]) {
      const guest = at(0, IRETQ);
      guest.put(guest.state.reg(L.RSP), [BigInt(TARGET), BigInt(SEL.code0), 2n, BigInt(AT.stack0 - 0x800), BigInt(ss)].flatMap((v) => [...le64(v)]));
      passes(guest, 'IRETQ');
      assert.deepEqual([guest.state.reg(L.RSP), guest.state.selector(L.SS)], [AT.stack0 - 0x800, ss]);
    }
  });

  it('IRET with NT is #GP(0), and VM in the image is ignored', () => {
    const nested = at(0, IRETQ);
    nested.state.flags = 0x4002;
    faults(nested, [GP, 0], 'NT');
    const virtual = at(0, IRETQ);
    virtual.put(virtual.state.reg(L.RSP), [BigInt(TARGET), BigInt(SEL.code3), 0x20202n, BigInt(AT.stack3), BigInt(SEL.data3)].flatMap((v) => [...le64(v)]));
    passes(virtual, 'IRETQ');
    assert.equal(virtual.state.flags & 0x20000, 0);
  });

  it('returns from a stack that is not canonical are #SS(0)', () => {
    for (const program of [IRETQ, RETFQ, RETF]) {
      const guest = at(0, program);
      guest.state.setReg64(L.RSP, HOLE - 8n);
      guest.put32(AT.pml4 + 8 * 255, AT.pdpt | 7);
      guest.put32(AT.pdpt + 8 * 511, AT.directory | 7);
      guest.put32(AT.directory + 8 * 511, 0x87);
      faults(guest, program === RETF ? [GP, 0] : [SS, 0], 'the second value lies in the hole');
    }
  });

  it('a null SS is loaded by MOV at CPL 0 to 2 with its RPL, and at CPL 3 never', () => {
    const mov = (cpl: 0 | 3, selector: number): Guest => {
      const guest = at(cpl, [0x8e, 0xd0]);
      guest.state.setReg(L.RAX, selector);
      return guest;
    };
    passes(mov(0, 0), 'CPL 0');
    faults(mov(0, 1), [GP, 0], 'RPL is not CPL');
    faults(mov(3, 3), [GP, 0], 'CPL 3');
  });
});

describe('far pointers of 64-bit mode', () => {
  it('LSS, LFS and LGS with REX.W load all 64 bits of the offset, and the selector behind them (vol. 2, LFS)', () => {
    const offset = 0x0123_4567_89ab_cdefn;
    for (const opcode of [0xb2, 0xb4, 0xb5]) {
      const guest = farThrough(0, code([0x48, 0x0f, opcode, 0x04, 0x25], le32(AT.data)), SEL.data0, offset);
      passes(guest, `0F ${opcode.toString(16)}`);
      assert.equal(guest.state.reg64(L.RAX), offset);
    }
  });
});

describe('LTR and LLDT of 64-bit mode', function () {
  this.timeout(60_000);

  it('every check of descriptors of 16 bytes', () => {
    const LLDT = [0x0f, 0x00, 0xd0], LTR = [0x0f, 0x00, 0xd8];
    const rows: readonly (readonly [what: string, program: readonly number[], selector: number, bytes: readonly number[] | undefined, expected: Fault | 'passes'])[] = [
      ['LTR', LTR, FREE, wideDescriptor(-0x1000n, 0x67, PRESENT | 0x09), 'passes'],
      ['LTR busy', LTR, FREE, wideDescriptor(0n, 0x67, PRESENT | 0x0b), [GP, FREE]],
      ['LTR of a 16-bit TSS', LTR, FREE, wideDescriptor(0n, 0x67, PRESENT | 0x01), [GP, FREE]],
      ['LTR not present', LTR, FREE, wideDescriptor(0n, 0x67, 0x09), [NP, FREE]],
      ['LTR with a base that is not canonical', LTR, FREE, wideDescriptor(HOLE, 0x67, PRESENT | 0x09), [GP, FREE]],
      ['LTR, the upper half outside the GDT', LTR, 0x3f8, descriptor(0, 0x67, PRESENT | 0x09), [GP, 0x3f8]],
      ['LTR, a type in the upper half', LTR, FREE, [...wideDescriptor(0n, 0x67, PRESENT | 0x09).slice(0, 12), ...le32(0x100)], [GP, FREE]],
      ['LLDT', LLDT, FREE, wideDescriptor(0x7fff_ffff_f000n, 0xfff, PRESENT | 0x02), 'passes'],
      ['LLDT not present', LLDT, FREE, wideDescriptor(0n, 0xfff, 0x02), [NP, FREE]],
      ['LLDT of data', LLDT, FREE, DATA(PRESENT), [GP, FREE]],
      ['LLDT with a base that is not canonical', LLDT, FREE, wideDescriptor(HOLE, 0xfff, PRESENT | 0x02), [GP, FREE]],
      ['LLDT null', LLDT, 0, undefined, 'passes'],
    ];
    for (const [what, program, selector, bytes, expected] of rows) {
      const guest = at(0, program, bytes ? [[selector, bytes]] : []);
      guest.state.setReg(L.RAX, selector);
      checks(guest, expected, what);
    }
  });
});

describe('interrupts in 64-bit mode', function () {
  this.timeout(120_000);

  it('push SS, RSP, RFLAGS, CS and RIP on an aligned stack, at every privilege', () => {
    for (const rsp of [0, 1, 7, 8, 15]) {
      const guest = at(0, [0xcd, 0x80]);
      guest.state.setReg(L.RSP, AT.stack0 - 0x800 + rsp);
      guest.runToHalt();
      assert.equal(haltedIn(guest), 0x80);
      assert.equal(guest.state.reg(L.RSP), AT.stack0 - 0x800 - 40, `RSP +${rsp}`);
      assert.deepEqual(stack64(guest, 5), [BigInt(AT.code + 2), BigInt(SEL.code0), 2n, BigInt(AT.stack0 - 0x800 + rsp), BigInt(SEL.data0)]);
    }
  });

  it('from CPL 3: RSP0, SS null with the new RPL', () => {
    const guest = at(3, [0x0f, 0x0b]);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
    assert.deepEqual(stack64(guest, 5), [BigInt(AT.userCode), BigInt(SEL.code3), 0x10002n, BigInt(AT.stack3), BigInt(SEL.data3)]);
    assert.equal(guest.state.reg(L.RSP), AT.stack0 - 40);
    assert.equal(guest.state.selector(L.SS), 0);
  });

  it('from compatibility mode as from 64-bit code', () => {
    const guest = at(3, [0x0f, 0x0b]);
    guest.cpu.setSegment(L.CS, SEL.compat3, 0, 0xffffffff, 0xcfb);
    guest.runToHalt();
    assert.equal(haltedIn(guest), UD);
    assert.deepEqual(stack64(guest, 2), [BigInt(AT.userCode), BigInt(SEL.compat3)]);
    assert.ok(guest.state.code64);
  });

  it('an IST entry gives the stack at any privilege', () => {
    for (const cpl of [0, 3] as const) {
      const guest = at(cpl, [0x0f, 0x0b]);
      setGate(guest, UD, wideGate(SEL.code0, BigInt(handlerOf(UD)), PRESENT | 0x0e, 1));
      guest.runToHalt();
      assert.equal(guest.state.reg(L.RSP), AT.ist - 40, `CPL ${cpl}`);
    }
  });

  it('gates: what is refused, with INT n, and with EXT for an interrupt from outside', () => {
    const GATE = 0x0e;
    const rows: readonly (readonly [what: string, change: (g: Guest) => void, vector: number, errorCode: number])[] = [
      ['beyond the IDT', (g) => g.state.setU32(L.IDTR_LIMIT, 0x80 * 16 + 14), GP, 0x402],
      ['a 16-bit gate', (g) => setGate(g, 0x80, wideGate(SEL.code0, BigInt(TARGET), PRESENT | 0x06)), GP, 0x402],
      ['a task gate', (g) => setGate(g, 0x80, wideGate(SEL.tss, 0n, PRESENT | 0x05)), GP, 0x402],
      ['not present', (g) => setGate(g, 0x80, wideGate(SEL.code0, BigInt(TARGET), GATE)), NP, 0x402],
      ['null code selector', (g) => setGate(g, 0x80, wideGate(0, BigInt(TARGET), PRESENT | GATE)), GP, 0],
      ['32-bit code', (g) => setGate(g, 0x80, wideGate(SEL.compat0, BigInt(TARGET), PRESENT | GATE)), GP, SEL.compat0],
      ['data', (g) => setGate(g, 0x80, wideGate(SEL.data0, BigInt(TARGET), PRESENT | GATE)), GP, SEL.data0],
      ['code not present', (g) => { setDescriptor(g, FREE, CODE64(0)); setGate(g, 0x80, wideGate(FREE, BigInt(TARGET), PRESENT | GATE)); }, NP, FREE],
      ['offset not canonical', (g) => setGate(g, 0x80, wideGate(SEL.code0, HOLE, PRESENT | GATE)), GP, 0],
      ['IST outside the TSS', (g) => { g.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x2a, 0x8b); setGate(g, 0x80, wideGate(SEL.code0, BigInt(TARGET), PRESENT | GATE, 1)); }, TS, SEL.tss],
      ['IST not canonical', (g) => { g.put(AT.tss + 0x24, le64(HOLE)); setGate(g, 0x80, wideGate(SEL.code0, BigInt(TARGET), PRESENT | GATE, 1)); }, SS, 0],
    ];
    for (const [what, change, vector, errorCode] of rows) {
      const guest = at(0, [0xcd, 0x80]);
      change(guest);
      faults(guest, [vector, errorCode], what);
      const external = at(0, [NOP, HLT]);
      external.state.flags = 0x202;
      change(external);
      external.interrupt(0x80);
      external.runToHalt();
      assert.equal(haltedIn(external), vector, what);
      assert.deepEqual(stack64(external, 2), [BigInt(errorCode | 1), BigInt(AT.code)], what);
    }
  });

  it('a double fault with IST gets a stack even when RSP is lost', () => {
    const guest = at(0, [0x0f, 0x0b]);
    guest.state.setReg64(L.RSP, HOLE + 0x100n);
    setGate(guest, DF, wideGate(SEL.code0, BigInt(handlerOf(DF)), PRESENT | 0x0e, 1));
    guest.runToHalt();
    // #UD, then #SS for the stack, then #SS again: contributory on contributory.
    assert.equal(haltedIn(guest), DF);
  });
});

describe('canonical addresses', function () {
  this.timeout(60_000);

  const rows: readonly (readonly [what: string, program: readonly number[], expected: Fault])[] = [
    ['MOV RAX, [RDI]', [0x48, 0x8b, 0x07], [GP, 0]],
    ['MOV [RDI], AL', [0x88, 0x07], [GP, 0]],
    ['MOV RAX, [RBP]: the stack segment', [0x48, 0x8b, 0x45, 0x00], [SS, 0]],
    ['MOV RAX, [RSP]', [0x48, 0x8b, 0x04, 0x24], [SS, 0]],
    ['MOV RAX, DS:[RBP]: the prefix is ignored', [0x3e, 0x48, 0x8b, 0x45, 0x00], [SS, 0]],
    ['MOV RAX, FS:[RBP]: FS is not the stack segment', [0x64, 0x48, 0x8b, 0x45, 0x00], [GP, 0]],
    ['PUSH RAX', [0x50], [SS, 0]],
    ['POP RAX', [0x58], [SS, 0]],
    ['CALL', [0xe8, 0, 0, 0, 0], [SS, 0]],
    ['RET', [0xc3], [SS, 0]],
    ['PUSH [RDI]: the operand', [0xff, 0x37], [GP, 0]],
    ['LEAVE', [0xc9], [SS, 0]],
    ['ENTER', [0xc8, 8, 0, 0], [SS, 0]],
    ['PUSHFQ', [0x9c], [SS, 0]],
    ['PUSH FS', [0x0f, 0xa0], [SS, 0]],
    ['LODSB', [0xac], [GP, 0]],
    ['STOSB', [0xaa], [GP, 0]],
    ['MOVSB', [0xa4], [GP, 0]],
    ['FLD m64', [0xdd, 0x07], [GP, 0]],
    ['FLD m64 of the stack', [0xdd, 0x45, 0x00], [SS, 0]],
    ['MOVUPS', [0x0f, 0x10, 0x07], [GP, 0]],
    ['CMPXCHG16B', [0x48, 0x0f, 0xc7, 0x0f], [GP, 0]],
    ['LGDT', [0x0f, 0x01, 0x17], [GP, 0]],
    ['JMP RDI', [0xff, 0xe7], [GP, 0]],
  ];

  it('#GP(0), and #SS(0) for what goes by the stack segment', () => {
    for (const where of [HOLE + 0x100n, HOLE + 0x1230n, -HOLE - 0x1000n]) {
      for (const [what, program, expected] of rows) {
        const guest = longGuest(program, { cr4: 0x600 });
        const s = guest.state;
        // PUSH [mem] has two operands; only one of them is bad.
        const stackIsBad = expected[0] === SS;
        s.setReg64(L.RDI, where);
        s.setReg64(L.RSI, where);
        s.setReg64(L.RBP, where);
        if (stackIsBad) s.setReg64(L.RSP, where);
        faults(guest, expected, `${what} at ${where.toString(16)}`);
      }
    }
  });

  it('an operand that runs into the hole', () => {
    const guest = longGuest([0x48, 0x8b, 0x07]);
    guest.state.setReg64(L.RDI, HOLE - 7n);
    faults(guest, [GP, 0], 'the last byte');
    const last = longGuest([0x48, 0x8b, 0x07]);
    last.state.setReg64(L.RDI, HOLE - 8n);
    faults(last, [PF, 0], 'up to the last byte');
  });

  it('LGDT, LIDT and the bases', () => {
    for (const reg of [2, 3]) {
      const guest = longGuest([0x0f, 0x01, (reg << 3) | 7]);
      guest.state.setReg(L.RDI, AT.data);
      guest.put(AT.data, [...le16(0xff), ...le64(HOLE)]);
      faults(guest, [GP, 0], `0F 01 /${reg}`);
    }
    // WRFSBASE, WRGSBASE; WRMSR of FS_BASE, KERNEL_GS_BASE, LSTAR.
    for (const reg of [2, 3]) {
      const guest = longGuest([0xf3, 0x48, 0x0f, 0xae, 0xc0 | (reg << 3)], { cr4: 0x10000 });
      guest.state.setReg64(L.RAX, HOLE);
      faults(guest, [GP, 0], `WR${'FG'[reg - 2]}SBASE`);
    }
    for (const msr of [0xc0000100, 0xc0000101, 0xc0000102, 0xc0000082, 0xc0000083]) {
      const guest = longGuest([0x0f, 0x30]);
      guest.state.setReg(L.RCX, msr);
      guest.state.setReg(L.RAX, 0);
      guest.state.setReg(L.RDX, 0x00ff0000);
      faults(guest, [GP, 0], `WRMSR ${msr.toString(16)}`);
    }
  });

  it('INVLPG of such an address does nothing', () => {
    const guest = longGuest([0x0f, 0x01, 0x3f]);
    guest.state.setReg64(L.RDI, HOLE);
    passes(guest, 'INVLPG');
  });
});
