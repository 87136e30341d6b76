/**
 * Error codes of what goes wrong on the way to a handler: the EXT, IDT and TI bits, for software interrupts, exceptions and
 * interrupts from outside, through interrupt, trap and task gates (Intel SDM vol. 3, 6.13; vol. 2, INT n); double and
 * triple faults (table 6-5).
 */
import assert from 'node:assert/strict';
import { TripleFault } from '../../../../src/monitor/cpu/interrupts';
import * as L from '../../../../src/monitor/cpu/layout';
import { AT, HLT, NOP, PRESENT, SEL, code, descriptor, dpl, enterUser, gate, haltedIn, int, le16, le32, protectedGuest, setDescriptor, setGate, type Guest } from '../guest';
import { VECTOR, faults } from './rows';

const { DE, UD, DF, TS, NP, SS, GP, PF } = VECTOR;
const FREE = SEL.free, OTHER = SEL.free + 8;
const INTERRUPT = 0x0e, TRAP = 0x0f, INTERRUPT_16 = 0x06, TASK = 0x05, TSS = 0x09, CODE = 0x1a, CONFORMING = 0x1e, DATA = 0x12, LDT = 0x02;
const IF = 0x200;
const IDT = 2, EXT = 1;
const flat = (access: number): readonly number[] => descriptor(0, 0xfffff, access, 0xc);

/** What stands in the way to the handler of `vector`, and the fault that comes of it, EXT left out. */
interface Obstacle {
  readonly what: string;
  readonly cpl?: 3;
  readonly change: (guest: Guest, vector: number) => void;
  readonly vector: number;
  readonly errorCode: (vector: number) => number;
}

const idtEntry = (vector: number): number => vector * 8 + IDT;
const selectorOf = (selector: number) => (): number => selector;
const to = (selector: number, type = INTERRUPT, bytes?: readonly number[], access = PRESENT | dpl(3)) => (guest: Guest, vector: number): void => {
  setGate(guest, vector, gate(selector, AT.handlers, access | type));
  if (bytes) setDescriptor(guest, selector, bytes);
};
const innerStack = (selector: number, bytes?: readonly number[], esp: number = AT.stack0) => (guest: Guest, vector: number): void => {
  to(SEL.code0)(guest, vector);
  guest.put(AT.tss + 4, [...le32(esp), ...le16(selector)]);
  if (bytes) setDescriptor(guest, selector, bytes);
};

const OBSTACLES: readonly Obstacle[] = [
  { what: 'beyond the IDT', change: (guest, vector) => guest.state.setU32(L.IDTR_LIMIT, vector * 8 + 6), vector: GP, errorCode: idtEntry },
  { what: 'a call gate in the IDT', change: to(SEL.code0, 0x0c), vector: GP, errorCode: idtEntry },
  { what: 'a segment in the IDT', change: to(SEL.code0, 0x1a), vector: GP, errorCode: idtEntry },
  { what: 'gate not present', change: to(SEL.code0, INTERRUPT, undefined, dpl(3)), vector: NP, errorCode: idtEntry },
  { what: 'trap gate not present', change: to(SEL.code0, TRAP, undefined, dpl(3)), vector: NP, errorCode: idtEntry },
  { what: 'null code selector', change: to(0), vector: GP, errorCode: selectorOf(0) },
  { what: 'code outside the GDT', change: to(0x403), vector: GP, errorCode: selectorOf(0x400) },
  { what: 'code in no LDT: TI', change: to(0x44), vector: GP, errorCode: selectorOf(0x44) },
  { what: 'data', change: to(FREE, INTERRUPT, flat(PRESENT | DATA)), vector: GP, errorCode: selectorOf(FREE) },
  { what: 'code less privileged', change: to(FREE, INTERRUPT, flat(PRESENT | CODE | dpl(1))), vector: GP, errorCode: selectorOf(FREE) },
  { what: 'conforming code less privileged', change: to(FREE, TRAP, flat(PRESENT | CONFORMING | dpl(1))), vector: GP, errorCode: selectorOf(FREE) },
  { what: 'code not present', change: to(FREE, INTERRUPT_16, flat(CODE)), vector: NP, errorCode: selectorOf(FREE) },
  { what: 'offset beyond the limit', change: to(FREE, INTERRUPT, descriptor(0, 0xff, PRESENT | CODE, 4)), vector: GP, errorCode: selectorOf(0) },
  { what: 'no TSS room for the inner stack', cpl: 3, change: (guest, vector) => { to(SEL.code0)(guest, vector); guest.cpu.setSegment(L.TR, SEL.tss, AT.tss, 8, 0x8b); }, vector: TS, errorCode: selectorOf(SEL.tss) },
  { what: 'null inner stack', cpl: 3, change: innerStack(0), vector: TS, errorCode: selectorOf(0) },
  { what: 'inner stack outside the GDT', cpl: 3, change: innerStack(0x400), vector: TS, errorCode: selectorOf(0x400) },
  { what: 'inner stack of another privilege', cpl: 3, change: innerStack(OTHER, flat(PRESENT | DATA | dpl(1))), vector: TS, errorCode: selectorOf(OTHER) },
  { what: 'inner stack not writable', cpl: 3, change: innerStack(OTHER, flat(PRESENT | 0x10)), vector: TS, errorCode: selectorOf(OTHER) },
  { what: 'inner stack not present', cpl: 3, change: innerStack(OTHER, flat(DATA)), vector: SS, errorCode: selectorOf(OTHER) },
  { what: 'inner stack too small', cpl: 3, change: innerStack(OTHER, descriptor(AT.data, 0xfff, PRESENT | DATA, 4), 19), vector: SS, errorCode: selectorOf(OTHER) },
  { what: 'task gate to what is in an LDT', change: to(FREE | 4, TASK), vector: GP, errorCode: selectorOf(FREE | 4) },
  { what: 'task gate outside the GDT', change: to(0x400, TASK), vector: GP, errorCode: selectorOf(0x400) },
  { what: 'task gate to an LDT', change: to(FREE, TASK, descriptor(0x4000, 0x67, PRESENT | LDT)), vector: GP, errorCode: selectorOf(FREE) },
  { what: 'task gate to a busy TSS', change: to(SEL.tss, TASK), vector: GP, errorCode: selectorOf(SEL.tss) },
  { what: 'task gate to an absent TSS', change: to(FREE, TASK, descriptor(0x4000, 0x67, TSS)), vector: NP, errorCode: selectorOf(FREE) },
  { what: 'task gate to a small TSS', change: to(FREE, TASK, descriptor(0x4000, 0x66, PRESENT | TSS)), vector: TS, errorCode: selectorOf(FREE) },
];

/** A guest with the obstacle in the way of `vector`; #TS, #NP, #SS and #GP go by a task of their own where the inner stack is broken. */
function blocked(obstacle: Obstacle, vector: number, program: readonly number[]): Guest {
  const guest = protectedGuest(program);
  if (obstacle.cpl === 3) enterUser(guest, program, IF | 2);
  else guest.state.flags = IF | 2;
  obstacle.change(guest, vector);
  return guest;
}

const FAULT_TASK = SEL.free + 16, FAULT_TSS = 0x5000, FAULT_ENTRY = AT.code + 0x800;

/** Has #TS, #NP, #SS and #GP handled by a task, whose stack then has the error code on top. */
function handleByTask(guest: Guest): void {
  setDescriptor(guest, FAULT_TASK, descriptor(FAULT_TSS, 0x67, PRESENT | TSS));
  for (const vector of [TS, NP, SS, GP]) setGate(guest, vector, gate(FAULT_TASK, 0, PRESENT | TASK));
  const fields: readonly (readonly [number, number])[] = [
    [0x20, FAULT_ENTRY], [0x24, 2], [0x38, AT.stack0 - 0x800], [0x48, SEL.data0], [0x4c, SEL.code0], [0x50, SEL.data0], [0x54, SEL.data0],
  ];
  for (const [offset, value] of fields) guest.put32(FAULT_TSS + offset, value);
  guest.put(FAULT_ENTRY, [HLT]);
}

describe('error codes on the way to a handler', function () {
  this.timeout(120_000);

  it('INT n: no EXT', () => {
    for (const obstacle of OBSTACLES) {
      const guest = blocked(obstacle, 0x80, int(0x80));
      faults(guest, [obstacle.vector, obstacle.errorCode(0x80)], obstacle.what);
    }
  });

  it('INT n needs a gate of its privilege; exceptions and interrupts do not', () => {
    const guest = protectedGuest([]);
    enterUser(guest, int(0x80));
    faults(guest, [GP, idtEntry(0x80)], 'DPL 0 from CPL 3');
    const absent = protectedGuest([]);
    enterUser(absent, int(0x80));
    setGate(absent, 0x80, gate(SEL.code0, AT.handlers, INTERRUPT));
    faults(absent, [GP, idtEntry(0x80)], 'privilege before presence');
    const exception = protectedGuest([]);
    enterUser(exception, [0x0f, 0x0b]);
    exception.runToHalt();
    assert.equal(haltedIn(exception), UD);
  });

  it('an interrupt from outside: EXT', () => {
    for (const obstacle of OBSTACLES) {
      const guest = blocked(obstacle, 0x80, [NOP, NOP]);
      handleByTask(guest);
      guest.interrupt(0x80);
      guest.runToHalt();
      assert.equal(guest.state.eip, FAULT_ENTRY + 1, obstacle.what);
      assert.equal(guest.stack(1)[0], obstacle.errorCode(0x80) | EXT, obstacle.what);
      assert.equal(guest.u32(AT.tss + 0x20), obstacle.cpl === 3 ? AT.userCode : AT.code, 'EIP');
    }
  });

  it('a benign exception: EXT', () => {
    for (const obstacle of OBSTACLES) {
      const guest = blocked(obstacle, UD, [0x0f, 0x0b]);
      handleByTask(guest);
      // Only a vector below #TS can lie beyond an IDT that still has the handlers of the faults.
      if (obstacle.what === 'beyond the IDT') continue;
      guest.runToHalt();
      assert.equal(guest.state.eip, FAULT_ENTRY + 1, obstacle.what);
      assert.equal(guest.stack(1)[0], obstacle.errorCode(UD) | EXT, obstacle.what);
    }
  });
});

describe('double and triple faults', function () {
  this.timeout(120_000);

  /** How an exception of each class is raised, by code at CPL 0 in flat segments with paging on. */
  const UNMAPPED = 0x800000;
  const RAISE: Readonly<Record<string, { readonly vector: number; readonly program: readonly number[]; readonly kind: 'benign' | 'contributory' | 'page fault' }>> = {
    '#UD': { vector: UD, program: [0x0f, 0x0b], kind: 'benign' },
    '#DE': { vector: DE, program: [0x31, 0xc9, 0xf7, 0xf1], kind: 'contributory' },
    '#GP': { vector: GP, program: code([0xb8], le32(0x400), [0x8e, 0xd8]), kind: 'contributory' },
    '#NP': { vector: NP, program: code([0xb8], le32(FREE), [0x8e, 0xd8]), kind: 'contributory' },
    '#SS': { vector: SS, program: code([0xb8], le32(FREE), [0x8e, 0xd0]), kind: 'contributory' },
    '#PF': { vector: PF, program: code([0xa1], le32(UNMAPPED)), kind: 'page fault' },
  };
  /** How the delivery of the first fails in turn: the second's vector. */
  const SECOND: readonly (readonly [name: string, vector: number, kind: 'contributory' | 'page fault', breaks: (guest: Guest, vector: number) => void])[] = [
    ['#NP', NP, 'contributory', (guest, vector) => setGate(guest, vector, gate(SEL.code0, AT.handlers, INTERRUPT))],
    ['#GP', GP, 'contributory', (guest, vector) => setGate(guest, vector, gate(0, AT.handlers, PRESENT | INTERRUPT))],
    ['#PF', PF, 'page fault', (guest, vector) => {
      setDescriptor(guest, OTHER, descriptor(0, 0xfffff, PRESENT | 0x1a, 0xc));
      // The gate's code segment lies in a part of the LDT that is not mapped.
      guest.cpu.setSegment(L.LDTR, 0x3f8, UNMAPPED + 0x123000, 0xffff, 0x82);
      setGate(guest, vector, gate(0x14, AT.handlers, PRESENT | INTERRUPT));
    }],
  ];

  function paged(program: readonly number[]): Guest {
    const guest = protectedGuest(program);
    setDescriptor(guest, FREE, descriptor(0, 0xfffff, 0x12, 0xc));
    guest.put32(AT.tables, 0x87);
    const s = guest.state;
    s.setU32(L.CR4, 0x10);
    s.setWide(L.CR3, AT.tables);
    s.setU32(L.CR0, 0x80010011);
    guest.cpu.updatePaging();
    return guest;
  }

  /** Table 6-5. */
  const doubles = (first: string, second: string): boolean =>
    (first === 'contributory' && second === 'contributory') || (first === 'page fault' && second !== 'benign');

  it('table 6-5, and CR2 of the last page fault whatever becomes of it', () => {
    for (const [first, { vector, program, kind }] of Object.entries(RAISE)) {
      for (const [second, secondVector, secondKind, breaks] of SECOND) {
        // A fault cannot stand in the way of itself here: that is the triple fault's test.
        if (secondVector === vector) continue;
        const guest = paged(program);
        breaks(guest, vector);
        guest.runToHalt();
        const what = `${first} and then ${second}`;
        assert.equal(haltedIn(guest), doubles(kind, secondKind) ? DF : secondVector, what);
        if (doubles(kind, secondKind)) assert.equal(guest.stack(1)[0], 0, 'error code 0');
        if (secondKind === 'page fault') assert.equal(guest.state.u64(L.CR2), BigInt(UNMAPPED + 0x123000 + 0x10), what);
        else if (kind === 'page fault') assert.equal(guest.state.u64(L.CR2), BigInt(UNMAPPED), what);
      }
    }
  });

  it('a page fault whose handler page-faults is a double fault with the second address in CR2', () => {
    const guest = paged(code([0xa1], le32(UNMAPPED)));
    guest.cpu.setSegment(L.LDTR, 0x3f8, UNMAPPED + 0x200000, 0xffff, 0x82);
    setGate(guest, PF, gate(0x14, AT.handlers, PRESENT | INTERRUPT));
    guest.runToHalt();
    assert.equal(haltedIn(guest), DF);
    assert.equal(guest.state.u64(L.CR2), BigInt(UNMAPPED + 0x200010));
  });

  it('any fault on the way to the double-fault handler shuts down', () => {
    for (const [second, , , breaks] of SECOND) {
      const guest = paged(code([0xb8], le32(0x400), [0x8e, 0xd8]));
      setGate(guest, GP, gate(SEL.code0, AT.handlers, INTERRUPT));
      breaks(guest, DF);
      assert.throws(() => guest.runToHalt(), (reason: unknown) => reason instanceof TripleFault, second);
    }
  });
});

describe('which flags an image has', function () {
  this.timeout(60_000);

  const RF = 0x10000;
  const image = (guest: Guest, hasErrorCode: boolean): number => guest.stack(4)[hasErrorCode ? 3 : 2] ?? 0;

  it('RF in those of faults; not in those of INT n, traps and interrupts (17.3.1.1)', () => {
    const rows: readonly (readonly [what: string, program: readonly number[], vector: number, hasErrorCode: boolean, rf: boolean])[] = [
      ['#UD', [0x0f, 0x0b], UD, false, true],
      ['#GP', code([0xb8], le32(0x400), [0x8e, 0xd8]), GP, true, true],
      ['INT 80h', int(0x80), 0x80, false, false],
      ['INT3', [0xcc], 3, false, false],
      ['INT1', [0xf1], 1, false, false],
    ];
    for (const [what, program, vector, hasErrorCode, rf] of rows) {
      const guest = protectedGuest(program);
      guest.runToHalt();
      assert.equal(haltedIn(guest), vector, what);
      assert.equal((image(guest, hasErrorCode) & RF) !== 0, rf, what);
      assert.equal(guest.state.flags & RF, 0, what);
    }
  });

  it('an interrupt between two iterations of a repeated instruction has RF in its image', () => {
    const guest = protectedGuest([0xf3, 0xaa, HLT]);
    guest.state.setReg(L.RCX, 200_000);
    guest.state.setReg(L.RDI, 0x100000);
    guest.state.flags = IF | 2;
    guest.run(1);
    assert.ok(guest.state.reg(L.RCX) > 0);
    guest.interrupt(0x60);
    guest.runToHalt();
    assert.equal(haltedIn(guest), 0x60);
    assert.equal(guest.stack(1)[0], AT.code);
    assert.equal(image(guest, false) & RF, RF);
  });
});

/** Keeps the table's rows honest: each obstacle stands in the way of something that works without it. */
describe('without an obstacle', function () {
  it('the same guests reach their handlers', () => {
    for (const cpl of [0, 3] as const) {
      const guest = protectedGuest(int(0x80));
      if (cpl === 3) enterUser(guest, int(0x80));
      setGate(guest, 0x80, gate(SEL.code0, AT.handlers + 0x80 * 16, PRESENT | INTERRUPT | dpl(3)));
      guest.runToHalt();
      assert.equal(haltedIn(guest), 0x80);
    }
  });
});
