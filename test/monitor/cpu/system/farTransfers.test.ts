/** Every check of far jumps, calls, returns and IRET in 32-bit protected mode (Intel SDM vol. 2, JMP, CALL, RET, IRET; vol. 3, 5.8). */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import {
  AT, HLT, IRET, PRESENT, RETF, SEL, callFar, code, descriptor, dpl, enterUser, gate, jmpFar, le16, le32, protectedGuest, setDescriptor, type Guest,
} from '../guest';
import { VECTOR, checks, faults, passes, type Fault } from './rows';

const { GP, NP, SS, TS } = VECTOR;
const CODE = 0x1a, CODE_ONLY = 0x18, CONFORMING = 0x1e, DATA = 0x12, TSS = 0x09, TSS_BUSY = 0x0b, LDT = 0x02, TASK_GATE = 0x05;
const CALL_GATE = 0x0c, CALL_GATE_16 = 0x04, INTERRUPT_GATE = 0x0e;
const FREE = SEL.free, OTHER = SEL.free + 8;
const TARGET = AT.code + 0x100;

/** A guest at a CPL, with descriptors in the GDT. */
function at(cpl: 0 | 3, program: readonly number[], descriptors: readonly (readonly [selector: number, bytes: readonly number[]])[]): Guest {
  const guest = protectedGuest(program);
  if (cpl === 3) enterUser(guest, program);
  for (const [selector, bytes] of descriptors) setDescriptor(guest, selector, bytes);
  return guest;
}

const flat = (access: number, flags = 0xc): readonly number[] => descriptor(0, 0xfffff, access, flags);

interface Direct {
  readonly what: string;
  readonly cpl: 0 | 3;
  readonly selector: number;
  readonly bytes?: readonly number[];
  readonly offset?: number;
  readonly expected: Fault | 'passes';
}

describe('far JMP and CALL to code segments', function () {
  this.timeout(120_000);

  const rows: readonly Direct[] = [
    { what: 'null selector', cpl: 0, selector: 0, expected: [GP, 0] },
    { what: 'null selector with RPL', cpl: 3, selector: 3, expected: [GP, 0] },
    { what: 'outside the GDT', cpl: 0, selector: 0x403, expected: [GP, 0x400] },
    { what: 'outside the LDT', cpl: 0, selector: 0x44, expected: [GP, 0x44] },
    { what: 'data', cpl: 0, selector: FREE, bytes: flat(PRESENT | DATA), expected: [GP, FREE] },
    { what: 'an LDT', cpl: 0, selector: FREE, bytes: flat(PRESENT | LDT), expected: [GP, FREE] },
    { what: 'an interrupt gate', cpl: 0, selector: FREE, bytes: gate(SEL.code0, TARGET, PRESENT | INTERRUPT_GATE), expected: [GP, FREE] },
    { what: 'execute-only code', cpl: 0, selector: FREE, bytes: flat(PRESENT | CODE_ONLY), expected: 'passes' },
    { what: 'RPL above CPL, non-conforming', cpl: 0, selector: FREE | 1, bytes: flat(PRESENT | CODE), expected: [GP, FREE] },
    { what: 'RPL below CPL', cpl: 3, selector: FREE, bytes: flat(PRESENT | CODE | dpl(3)), expected: 'passes' },
    { what: 'DPL above CPL, non-conforming', cpl: 0, selector: FREE, bytes: flat(PRESENT | CODE | dpl(1)), expected: [GP, FREE] },
    { what: 'DPL below CPL, non-conforming', cpl: 3, selector: FREE | 3, bytes: flat(PRESENT | CODE | dpl(2)), expected: [GP, FREE] },
    { what: 'DPL above CPL, conforming', cpl: 0, selector: FREE, bytes: flat(PRESENT | CONFORMING | dpl(1)), expected: [GP, FREE] },
    { what: 'DPL below CPL, conforming, any RPL', cpl: 3, selector: FREE, bytes: flat(PRESENT | CONFORMING), expected: 'passes' },
    { what: 'RPL above CPL, conforming', cpl: 0, selector: FREE | 3, bytes: flat(PRESENT | CONFORMING), expected: 'passes' },
    { what: 'not present', cpl: 0, selector: FREE, bytes: flat(CODE), expected: [NP, FREE] },
    { what: 'privilege before presence', cpl: 0, selector: FREE, bytes: flat(CODE | dpl(1)), expected: [GP, FREE] },
    { what: 'offset beyond the limit', cpl: 0, selector: FREE, bytes: descriptor(0, TARGET - 1, PRESENT | CODE, 4), expected: [GP, 0] },
    { what: 'offset at the limit', cpl: 0, selector: FREE, bytes: descriptor(0, TARGET, PRESENT | CODE, 4), expected: 'passes' },
  ];
  for (const [name, instruction] of [['JMP', jmpFar], ['CALL', callFar]] as const) {
    it(name, () => {
      for (const row of rows) {
        const guest = at(row.cpl, instruction(row.selector, row.offset ?? TARGET), row.bytes ? [[row.selector, row.bytes]] : []);
        checks(guest, row.expected, row.what);
        if (row.expected !== 'passes') continue;
        assert.equal(guest.state.eip, TARGET, row.what);
        assert.equal(guest.state.selector(L.CS), (row.selector & 0xfffc) | row.cpl, row.what);
        assert.equal(guest.state.cpl, row.cpl, row.what);
      }
    });
  }

  it('CALL without room on the stack is #SS(0), one byte short and at the bottom', () => {
    for (const esp of [4, 7, 0]) {
      const guest = at(0, callFar(SEL.code0, TARGET), []);
      guest.cpu.setSegment(L.SS, SEL.data0, AT.data, 0xfff, 0x493);
      guest.state.setReg(L.RSP, esp);
      faults(guest, [SS, 0], `ESP ${esp}`);
    }
    const fits = at(0, callFar(SEL.code0, TARGET), []);
    fits.cpu.setSegment(L.SS, SEL.data0, AT.data, 0xfff, 0x493);
    fits.state.setReg(L.RSP, 8);
    passes(fits, 'ESP 8');
  });
});

interface GateRow {
  readonly what: string;
  readonly cpl: 0 | 3;
  readonly gateAccess: number;
  readonly rpl?: number;
  readonly target: number;
  /** Descriptor of the target, where it is none of the guest's own. */
  readonly targetBytes?: readonly number[];
  readonly jump: Fault | 'passes';
  readonly call: Fault | 'passes';
}

describe('call gates of 16 and 32 bits', function () {
  this.timeout(120_000);

  const both = (fault: Fault | 'passes'): { jump: Fault | 'passes'; call: Fault | 'passes' } => ({ jump: fault, call: fault });
  const rows: readonly GateRow[] = [
    { what: 'gate DPL below CPL', cpl: 3, gateAccess: PRESENT | dpl(2), target: SEL.code3, ...both([GP, FREE]) },
    { what: 'gate DPL below RPL', cpl: 0, gateAccess: PRESENT | dpl(1), rpl: 2, target: SEL.code0, ...both([GP, FREE]) },
    { what: 'gate not present', cpl: 0, gateAccess: 0, target: SEL.code0, ...both([NP, FREE]) },
    { what: 'gate privilege before presence', cpl: 3, gateAccess: 0, target: SEL.code0, ...both([GP, FREE]) },
    { what: 'null code selector', cpl: 0, gateAccess: PRESENT, target: 3, ...both([GP, 0]) },
    { what: 'code selector outside the GDT', cpl: 0, gateAccess: PRESENT, target: 0x402, ...both([GP, 0x400]) },
    { what: 'code selector outside the LDT', cpl: 0, gateAccess: PRESENT, target: 0x14, ...both([GP, 0x14]) },
    { what: 'target is data', cpl: 0, gateAccess: PRESENT, target: OTHER, targetBytes: flat(PRESENT | DATA), ...both([GP, OTHER]) },
    { what: 'target is a TSS', cpl: 0, gateAccess: PRESENT, target: OTHER, targetBytes: flat(PRESENT | TSS), ...both([GP, OTHER]) },
    { what: 'target less privileged', cpl: 0, gateAccess: PRESENT, target: OTHER, targetBytes: flat(PRESENT | CODE | dpl(1)), ...both([GP, OTHER]) },
    { what: 'conforming target less privileged', cpl: 0, gateAccess: PRESENT, target: OTHER, targetBytes: flat(PRESENT | CONFORMING | dpl(1)), ...both([GP, OTHER]) },
    { what: 'target not present', cpl: 0, gateAccess: PRESENT, target: OTHER, targetBytes: flat(CODE), ...both([NP, OTHER]) },
    { what: 'the RPL of the code selector does not matter', cpl: 0, gateAccess: PRESENT, target: OTHER | 3, targetBytes: flat(PRESENT | CODE), ...both('passes') },
    { what: 'target more privileged: JMP may not', cpl: 3, gateAccess: PRESENT | dpl(3), rpl: 3, target: OTHER, targetBytes: flat(PRESENT | CODE), jump: [GP, OTHER], call: 'passes' },
    { what: 'more privileged and absent: privilege first', cpl: 3, gateAccess: PRESENT | dpl(3), rpl: 3, target: OTHER, targetBytes: flat(CODE), jump: [GP, OTHER], call: [NP, OTHER] },
    { what: 'conforming target more privileged', cpl: 3, gateAccess: PRESENT | dpl(3), rpl: 3, target: OTHER, targetBytes: flat(PRESENT | CONFORMING), ...both('passes') },
    { what: 'offset beyond the limit', cpl: 0, gateAccess: PRESENT, target: OTHER, targetBytes: descriptor(0, 0x10, PRESENT | CODE, 4), ...both([GP, 0]) },
  ];
  // A 16-bit gate takes the low half of the offset only: its targets lie below 64 KiB.
  const low = 0x8000;
  for (const [name, type] of [['32 bits', CALL_GATE], ['16 bits', CALL_GATE_16]] as const) {
    it(name, () => {
      for (const row of rows) {
        for (const [verb, instruction, expected] of [['JMP', jmpFar, row.jump], ['CALL', callFar, row.call]] as const) {
          const guest = at(row.cpl, instruction(FREE | (row.rpl ?? row.cpl), 0xdddddddd), [
            [FREE, gate(row.target, low, row.gateAccess | type)],
            ...(row.targetBytes ? [[OTHER, row.targetBytes] as const] : []),
          ]);
          checks(guest, expected, `${verb}: ${row.what}`);
          if (expected === 'passes') assert.equal(guest.state.eip, low, row.what);
        }
      }
    });
  }

  /** CALL through a gate from CPL 3 to 0. */
  const inward = (type: number, parameters: number, change: (guest: Guest) => void): Guest => {
    const guest = at(3, callFar(FREE | 3, 0), [[FREE, gate(SEL.code0, low, PRESENT | type | dpl(3), parameters)]]);
    change(guest);
    return guest;
  };

  it('the inner stack: TSS limit, selector, room, presence', () => {
    const STACK = OTHER;
    const ss0 = (guest: Guest, selector: number): void => guest.put(AT.tss + 8, le16(selector));
    const stackOf = (bytes: readonly number[], selector = STACK) => (guest: Guest): void => {
      setDescriptor(guest, STACK, bytes);
      ss0(guest, selector);
    };
    const cases: readonly (readonly [string, (guest: Guest) => void, Fault])[] = [
      ['TSS too small', (guest) => guest.cpu.setSegment(L.TR, SEL.tss, AT.tss, 8, 0x8b), [TS, SEL.tss]],
      ['null', (guest) => ss0(guest, 0), [TS, 0]],
      ['outside the GDT', (guest) => ss0(guest, 0x400), [TS, 0x400]],
      ['RPL', stackOf(flat(PRESENT | DATA), STACK | 1), [TS, STACK]],
      ['DPL', stackOf(flat(PRESENT | DATA | dpl(1))), [TS, STACK]],
      ['read-only', stackOf(flat(PRESENT | 0x10)), [TS, STACK]],
      ['code', stackOf(flat(PRESENT | CODE)), [TS, STACK]],
      ['not present', stackOf(flat(DATA)), [SS, STACK]],
      ['no room', stackOf(descriptor(AT.data, 0xfff, PRESENT | DATA, 4)), [SS, STACK]],
    ];
    for (const [what, change, expected] of cases) faults(inward(CALL_GATE, 0, change), expected, what);
    const small = (esp: number) => (guest: Guest): void => {
      stackOf(descriptor(AT.data, 0xfff, PRESENT | DATA, 4))(guest);
      guest.put32(AT.tss + 4, esp);
    };
    faults(inward(CALL_GATE, 0, small(15)), [SS, STACK], 'room for less than four values');
    passes(inward(CALL_GATE, 0, small(16)), 'room for four');
    faults(inward(CALL_GATE, 3, small(27)), [SS, STACK], 'parameters need room, too');
    passes(inward(CALL_GATE, 3, small(28)), 'room for all');
    passes(inward(CALL_GATE_16, 3, small(14)), 'half of it for a 16-bit gate');
  });

  it('a 16-bit gate pushes words and copies words', () => {
    const guest = inward(CALL_GATE_16, 2, (g) => g.put(g.state.reg(L.RSP), [...le16(0x1111), ...le16(0x2222), ...le16(0x3333)]));
    passes(guest, 'CALL');
    const top = guest.state.reg(L.RSP);
    assert.equal(top, AT.stack0 - 12);
    assert.deepEqual([0, 2, 4, 6, 8, 10].map((i) => guest.u16(top + i)), [(AT.userCode + 7) & 0xffff, SEL.code3, 0x1111, 0x2222, AT.stack3 & 0xffff, SEL.data3]);
  });

  it('a 16-bit TSS gives the inner stack in words', () => {
    const guest = inward(CALL_GATE, 0, (g) => {
      g.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x2b, 0x83);
      g.put(AT.tss + 2, [...le16(0x9000), ...le16(SEL.data0)]);
    });
    passes(guest, 'CALL');
    assert.equal(guest.state.reg(L.RSP), 0x9000 - 16);
    faults(inward(CALL_GATE, 0, (g) => g.cpu.setSegment(L.TR, SEL.tss, AT.tss, 4, 0x83)), [TS, SEL.tss], 'too small');
  });

  it('parameters that cannot be read fault on the outer stack', () => {
    const guest = inward(CALL_GATE, 4, (g) => {
      g.cpu.setSegment(L.SS, SEL.data3, AT.data, 0xfff, 0x4f3);
      g.state.setReg(L.RSP, 0xff4);
    });
    faults(guest, [SS, 0], 'three of four are there');
  });
});

describe('RETF and IRET', function () {
  this.timeout(120_000);

  interface Return {
    readonly what: string;
    readonly cpl: 0 | 3;
    readonly cs: number;
    readonly csBytes?: readonly number[];
    readonly eip?: number;
    readonly ss?: number;
    readonly ssBytes?: readonly number[];
    readonly expected: Fault | 'passes';
  }
  const STACK = OTHER;
  const outer = (access: number): readonly number[] => flat(access | dpl(3));
  const rows: readonly Return[] = [
    { what: 'null CS', cpl: 0, cs: 0, expected: [GP, 0] },
    { what: 'CS outside the GDT', cpl: 0, cs: 0x400, expected: [GP, 0x400] },
    { what: 'CS is data', cpl: 0, cs: FREE, csBytes: flat(PRESENT | DATA), expected: [GP, FREE] },
    { what: 'CS is a call gate', cpl: 0, cs: FREE, csBytes: flat(PRESENT | CALL_GATE), expected: [GP, FREE] },
    { what: 'RPL below CPL', cpl: 3, cs: SEL.code0, expected: [GP, SEL.code0] },
    { what: 'non-conforming, DPL is not RPL', cpl: 0, cs: FREE | 3, csBytes: flat(PRESENT | CODE | dpl(2)), expected: [GP, FREE] },
    { what: 'conforming, DPL above RPL', cpl: 0, cs: FREE | 1, csBytes: flat(PRESENT | CONFORMING | dpl(2)), expected: [GP, FREE] },
    { what: 'CS not present', cpl: 0, cs: FREE, csBytes: flat(CODE), expected: [NP, FREE] },
    { what: 'privilege before presence', cpl: 0, cs: FREE, csBytes: flat(CODE | dpl(1)), expected: [GP, FREE] },
    { what: 'offset beyond the limit', cpl: 0, cs: FREE, csBytes: descriptor(0, 0xfff, PRESENT | CODE, 4), expected: [GP, 0] },
    { what: 'same privilege', cpl: 0, cs: FREE, csBytes: flat(PRESENT | CODE), expected: 'passes' },
    { what: 'outward', cpl: 0, cs: SEL.code3, ss: SEL.data3, expected: 'passes' },
    { what: 'outward to conforming code', cpl: 0, cs: FREE | 3, csBytes: flat(PRESENT | CONFORMING), ss: SEL.data3, expected: 'passes' },
    { what: 'outward, null SS', cpl: 0, cs: SEL.code3, ss: 3, expected: [GP, 0] },
    { what: 'outward, SS outside the GDT', cpl: 0, cs: SEL.code3, ss: 0x403, expected: [GP, 0x400] },
    { what: 'outward, RPL of SS', cpl: 0, cs: SEL.code3, ss: STACK | 2, ssBytes: outer(PRESENT | DATA), expected: [GP, STACK] },
    { what: 'outward, DPL of SS', cpl: 0, cs: SEL.code3, ss: STACK | 3, ssBytes: flat(PRESENT | DATA | dpl(2)), expected: [GP, STACK] },
    { what: 'outward, read-only SS', cpl: 0, cs: SEL.code3, ss: STACK | 3, ssBytes: outer(PRESENT | 0x10), expected: [GP, STACK] },
    { what: 'outward, SS is code', cpl: 0, cs: SEL.code3, ss: STACK | 3, ssBytes: outer(PRESENT | CODE), expected: [GP, STACK] },
    { what: 'outward, SS not present', cpl: 0, cs: SEL.code3, ss: STACK | 3, ssBytes: outer(DATA), expected: [SS, STACK] },
    { what: 'outward, offset beyond the limit', cpl: 0, cs: FREE | 3, csBytes: descriptor(0, 0xfff, PRESENT | CODE | dpl(3), 4), ss: SEL.data3, expected: [GP, 0] },
  ];

  for (const [name, instruction, flags] of [['RETF', [RETF], []], ['IRET', [IRET], [0x202]]] as const) {
    it(`${name}: CS and SS`, () => {
      for (const row of rows) {
        const guest = at(row.cpl, instruction, [
          ...(row.csBytes ? [[FREE, row.csBytes] as const] : []),
          ...(row.ssBytes ? [[STACK, row.ssBytes] as const] : []),
        ]);
        guest.put(guest.state.reg(L.RSP), [TARGET, row.cs, ...flags, AT.stack3 - 0x40, row.ss ?? 0xbad0].flatMap(le32));
        checks(guest, row.expected, row.what);
        if (row.expected === 'passes') assert.deepEqual([guest.state.eip, guest.state.selector(L.CS), guest.state.cpl], [TARGET, row.cs, row.cs & 3], row.what);
      }
    });

    it(`${name}: a stack that ends too soon`, () => {
      const values = [TARGET, SEL.code3, ...flags, AT.stack3, SEL.data3];
      for (let have = 0; have <= values.length; have++) {
        const guest = at(0, instruction, []);
        guest.cpu.setSegment(L.SS, SEL.data0, AT.data, 0xfff, 0x493);
        guest.state.setReg(L.RSP, 0x1000 - 4 * have);
        guest.put(AT.data + 0x1000 - 4 * have, values.slice(0, have).flatMap(le32));
        checks(guest, have === values.length ? 'passes' : [SS, 0], `${have} of ${values.length} values`);
      }
    });
  }

  it('an outward return makes data segments null that it may not see', () => {
    const guest = at(0, [RETF], [[FREE, flat(PRESENT | CONFORMING)]]);
    guest.put(guest.state.reg(L.RSP), [TARGET, SEL.code3, AT.stack3, SEL.data3].flatMap(le32));
    guest.cpu.setSegment(L.ES, SEL.data3, 0, 0xffffffff, 0xcf3);
    guest.cpu.setSegment(L.FS, FREE, 0, 0xffffffff, 0xc9f);
    passes(guest, 'RETF');
    assert.deepEqual([L.DS, L.ES, L.FS, L.GS].map((s) => guest.state.selector(s)), [0, SEL.data3, FREE, 0]);
  });

  it('IRET loads the flags that its CPL and IOPL allow', () => {
    const ALL = 0x3c4fd7, IOPL = 0x3000, IF = 0x200;
    const flagsAfter = (cpl: 0 | 3, before: number): number => {
      const guest = at(cpl, [IRET], []);
      guest.state.flags = before;
      guest.put(guest.state.reg(L.RSP), [TARGET, cpl === 0 ? SEL.code0 : SEL.code3, (ALL | IOPL) & ~0x4100].flatMap(le32));
      passes(guest, 'IRET');
      return guest.state.flags;
    };
    const VIF_VIP = 0x180000;
    assert.equal(flagsAfter(0, 2), (ALL | IOPL) & ~0x4100, 'CPL 0: everything');
    assert.equal(flagsAfter(3, 2), (ALL & ~0x4100 & ~VIF_VIP & ~IF), 'CPL 3, IOPL 0: neither IF, IOPL, VIF nor VIP');
    assert.equal(flagsAfter(3, IOPL | 2), (ALL & ~0x4100 & ~VIF_VIP) | IOPL, 'CPL 3, IOPL 3: IF as well');
  });

  it('IRET with NT set goes by the back link, and refuses what is no busy TSS', () => {
    const NT = 0x4000;
    const nested = (link: number, bytes: readonly number[]): Guest => {
      const guest = at(0, [IRET], [[FREE, bytes]]);
      guest.put(AT.tss, le16(link));
      guest.state.flags = NT;
      return guest;
    };
    faults(nested(0x400, []), [TS, 0x400], 'outside the GDT');
    faults(nested(FREE | 4, []), [TS, FREE | 4], 'in the LDT');
    faults(nested(FREE, descriptor(0x4000, 0x67, PRESENT | TSS)), [TS, FREE], 'not busy');
    faults(nested(FREE, flat(PRESENT | DATA)), [TS, FREE], 'data');
    faults(nested(FREE, descriptor(0x4000, 0x67, TSS_BUSY)), [NP, FREE], 'not present');
  });

  it('far returns of 16 bits take words', () => {
    const guest = at(0, [0x66, RETF], []);
    guest.put(guest.state.reg(L.RSP), [...le16(0x8000), ...le16(SEL.code0)]);
    passes(guest, 'RETF');
    assert.deepEqual([guest.state.eip, guest.state.reg(L.RSP)], [0x8000, AT.stack0 - 0x1000 + 4]);
  });
});

describe('LLDT and LTR', function () {
  this.timeout(120_000);

  const LLDT = [0x0f, 0x00, 0xd0], LTR = [0x0f, 0x00, 0xd8];
  const rows: readonly (readonly [what: string, instruction: readonly number[], cpl: 0 | 3, selector: number, access: number | undefined, expected: Fault | 'passes'])[] = [
    ['LLDT at CPL 3', LLDT, 3, FREE, PRESENT | LDT, [GP, 0]],
    ['LLDT null', LLDT, 0, 0, undefined, 'passes'],
    ['LLDT in the LDT', LLDT, 0, FREE | 4, undefined, [GP, FREE | 4]],
    ['LLDT outside', LLDT, 0, 0x400, undefined, [GP, 0x400]],
    ['LLDT of a TSS', LLDT, 0, FREE, PRESENT | TSS, [GP, FREE]],
    ['LLDT of data', LLDT, 0, FREE, PRESENT | DATA, [GP, FREE]],
    ['LLDT not present', LLDT, 0, FREE, LDT, [NP, FREE]],
    ['LLDT', LLDT, 0, FREE, PRESENT | LDT, 'passes'],
    ['LTR at CPL 3', LTR, 3, FREE, PRESENT | TSS, [GP, 0]],
    ['LTR null', LTR, 0, 0, undefined, [GP, 0]],
    ['LTR in the LDT', LTR, 0, FREE | 4, undefined, [GP, FREE | 4]],
    ['LTR outside', LTR, 0, 0x403, undefined, [GP, 0x400]],
    ['LTR busy', LTR, 0, FREE, PRESENT | TSS_BUSY, [GP, FREE]],
    ['LTR of an LDT', LTR, 0, FREE, PRESENT | LDT, [GP, FREE]],
    ['LTR of a task gate', LTR, 0, FREE, PRESENT | TASK_GATE, [GP, FREE]],
    ['LTR not present', LTR, 0, FREE, TSS, [NP, FREE]],
    ['LTR', LTR, 0, FREE, PRESENT | TSS, 'passes'],
    ['LTR of 16 bits', LTR, 0, FREE, PRESENT | 1, 'passes'],
  ];
  it('every check', () => {
    for (const [what, instruction, cpl, selector, access, expected] of rows) {
      const guest = at(cpl, code(instruction, HLT), access === undefined ? [] : [[FREE, descriptor(0x4000, 0x67, access)]]);
      guest.state.setReg(L.RAX, selector);
      checks(guest, expected, what);
      if (instruction === LTR && expected === 'passes') assert.equal(guest.map.read(AT.gdt + FREE + 5, 1) & 2, 2, 'busy');
    }
  });
});
