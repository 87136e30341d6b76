/** Every check of a hardware task switch, before and behind its commit point (Intel SDM vol. 3, 8.3 and table 8-1). */
import assert from 'node:assert/strict';
import { TripleFault } from '../../../../src/monitor/cpu/interrupts';
import * as L from '../../../../src/monitor/cpu/layout';
import { AT, HLT, IRET, NOP, PRESENT, SEL, callFar, code, descriptor, dpl, enterUser, gate, haltedIn, int, jmpFar, le16, protectedGuest, setDescriptor, setGate, type Guest } from '../guest';
import { VECTOR, checks, faults, firstFault, passes, type Fault } from './rows';

const { TS, NP, SS, GP, PF } = VECTOR;
const TASK = SEL.free, OTHER = SEL.free + 8, TASK_GATE = SEL.free + 16, LDT = SEL.free + 24;
const TSS2 = 0x4000, ENTRY = AT.code + 0x400, STACK = AT.stack0 - 0x800;
const TSS = 0x09, TSS_BUSY = 0x0b, TSS_16 = 0x01, GATE = 0x05;
const NT = 0x4000, VM = 0x20000, RF = 0x10000, AC = 0x40000;
const flat = (access: number): readonly number[] => descriptor(0, 0xfffff, access, 0xc);

const FIELD = { link: 0, esp0: 4, ss0: 8, cr3: 0x1c, eip: 0x20, flags: 0x24, esp: 0x38, es: 0x48, cs: 0x4c, ss: 0x50, ds: 0x54, fs: 0x58, gs: 0x5c, ldt: 0x60, trap: 0x64 } as const;

/** A guest with a second task of 32 bits, which begins with NOP at ENTRY. */
function guestWith(program: readonly number[], change: (guest: Guest) => void = () => undefined): Guest {
  const guest = protectedGuest(program);
  setDescriptor(guest, TASK, descriptor(TSS2, 0x67, PRESENT | TSS));
  setDescriptor(guest, TASK_GATE, gate(TASK, 0, PRESENT | GATE));
  guest.put(ENTRY, [NOP, HLT]);
  const fields: readonly (readonly [number, number])[] = [
    [FIELD.esp0, AT.stack0], [FIELD.ss0, SEL.data0], [FIELD.eip, ENTRY], [FIELD.flags, 2], [FIELD.esp, STACK], [FIELD.es, SEL.data0], [FIELD.cs, SEL.code0],
    [FIELD.ss, SEL.data0], [FIELD.ds, SEL.data0], [FIELD.fs, 0], [FIELD.gs, 0], [FIELD.ldt, 0],
  ];
  for (const [offset, value] of fields) guest.put32(TSS2 + offset, value);
  change(guest);
  return guest;
}
const field = (name: keyof typeof FIELD, value: number) => (guest: Guest): void => guest.put32(TSS2 + FIELD[name], value);
const setTask = (bytes: readonly number[]) => (guest: Guest): void => setDescriptor(guest, TASK, bytes);

describe('task switches: checks before the commit point', function () {
  this.timeout(120_000);

  it('of the TSS descriptor and the task gate: the old task goes on as it was', () => {
    const rows: readonly (readonly [what: string, selector: number, change: (guest: Guest) => void, expected: Fault | 'passes'])[] = [
      ['available', TASK, () => undefined, 'passes'],
      ['RPL above the DPL of the TSS', TASK | 1, () => undefined, [GP, TASK]],
      ['RPL at the DPL of the TSS', TASK | 1, setTask(descriptor(TSS2, 0x67, PRESENT | TSS | dpl(1))), 'passes'],
      ['busy', TASK, setTask(descriptor(TSS2, 0x67, PRESENT | TSS_BUSY)), [GP, TASK]],
      ['in the LDT', TASK | 4, (guest) => guest.cpu.setSegment(L.LDTR, LDT, AT.gdt, 0x3ff, 0x82), [GP, TASK | 4]],
      ['not present', TASK, setTask(descriptor(TSS2, 0x67, TSS)), [NP, TASK]],
      ['limit 66h', TASK, setTask(descriptor(TSS2, 0x66, PRESENT | TSS)), [TS, TASK]],
      ['16 bits, limit 2Ah', TASK, setTask(descriptor(TSS2, 0x2a, PRESENT | TSS_16)), [TS, TASK]],
      ['gate', TASK_GATE, () => undefined, 'passes'],
      ['RPL above the DPL of the gate', TASK_GATE | 2, () => undefined, [GP, TASK_GATE]],
      ['gate not present', TASK_GATE, (guest) => setDescriptor(guest, TASK_GATE, gate(TASK, 0, GATE)), [NP, TASK_GATE]],
      ['gate to an LDT’s TSS', TASK_GATE, (guest) => setDescriptor(guest, TASK_GATE, gate(TASK | 4, 0, PRESENT | GATE)), [GP, TASK | 4]],
      ['gate to what is outside the GDT', TASK_GATE, (guest) => setDescriptor(guest, TASK_GATE, gate(0x400, 0, PRESENT | GATE)), [GP, 0x400]],
      ['gate to a busy TSS', TASK_GATE, setTask(descriptor(TSS2, 0x67, PRESENT | TSS_BUSY)), [GP, TASK]],
      ['gate to data', TASK_GATE, setTask(flat(PRESENT | 0x12)), [GP, TASK]],
      ['gate to an absent TSS', TASK_GATE, setTask(descriptor(TSS2, 0x67, TSS)), [NP, TASK]],
      ['gate: the privilege of the TSS does not matter', TASK_GATE, setTask(descriptor(TSS2, 0x67, PRESENT | TSS)), 'passes'],
    ];
    for (const [what, selector, change, expected] of rows) {
      for (const program of [jmpFar(selector, 0), callFar(selector, 0)]) checks(guestWith(program, change), expected, what);
    }
  });

  it('at CPL 3 a TSS of DPL 0 is #GP, a gate of DPL 3 to it is not', () => {
    const user = (selector: number): Guest => guestWith([], (guest) => {
      setDescriptor(guest, TASK_GATE, gate(TASK, 0, PRESENT | GATE | dpl(3)));
      enterUser(guest, jmpFar(selector, 0));
    });
    faults(user(TASK | 3), [GP, TASK], 'TSS');
    passes(user(TASK_GATE | 3), 'gate');
  });

  it('a TSS that is not mapped is #PF with nothing changed', () => {
    const ABSENT = 0x800000;
    for (const program of [jmpFar(TASK, 0), callFar(TASK, 0)]) {
      const guest = guestWith(program, (g) => {
        g.put32(AT.tables, 0x87);
        g.state.setU32(L.CR4, 0x10);
        g.state.setWide(L.CR3, AT.tables);
        g.state.setU32(L.CR0, 0x80010011);
        g.cpu.updatePaging();
        setDescriptor(g, TASK, descriptor(ABSENT, 0x67, PRESENT | TSS));
      });
      const busy = guest.map.read(AT.gdt + SEL.tss + 5, 1);
      assert.equal(firstFault(guest)?.vector, PF);
      assert.equal(guest.state.selector(L.TR), SEL.tss);
      assert.equal(guest.map.read(AT.gdt + SEL.tss + 5, 1), busy);
    }
  });
});

describe('task switches: checks behind the commit point', function () {
  this.timeout(120_000);

  const CODE = 0x1a;
  const rows: readonly (readonly [what: string, change: (guest: Guest) => void, expected: Fault])[] = [
    ['LDT in an LDT', field('ldt', LDT | 4), [TS, LDT | 4]],
    ['LDT outside the GDT', field('ldt', 0x400), [TS, 0x400]],
    ['LDT that is a TSS', field('ldt', SEL.tss), [TS, SEL.tss]],
    ['LDT not present', (g) => { field('ldt', LDT)(g); setDescriptor(g, LDT, descriptor(0, 0xff, 0x02)); }, [TS, LDT]],
    ['null CS', field('cs', 0), [TS, 0]],
    ['CS outside', field('cs', 0x400), [TS, 0x400]],
    ['CS is data', field('cs', SEL.data0), [TS, SEL.data0]],
    ['CS: DPL is not RPL', (g) => { field('cs', OTHER)(g); setDescriptor(g, OTHER, flat(PRESENT | CODE | dpl(1))); }, [TS, OTHER]],
    ['CS conforming, DPL above RPL', (g) => { field('cs', OTHER)(g); setDescriptor(g, OTHER, flat(PRESENT | 0x1e | dpl(1))); }, [TS, OTHER]],
    ['CS not present', (g) => { field('cs', OTHER)(g); setDescriptor(g, OTHER, flat(CODE)); }, [NP, OTHER]],
    ['null SS', field('ss', 0), [TS, 0]],
    ['SS outside', field('ss', 0x400), [TS, 0x400]],
    ['SS read-only', (g) => { field('ss', OTHER)(g); setDescriptor(g, OTHER, flat(PRESENT | 0x10)); }, [TS, OTHER]],
    ['SS of another privilege', (g) => { field('ss', OTHER)(g); setDescriptor(g, OTHER, flat(PRESENT | 0x12 | dpl(1))); }, [TS, OTHER]],
    ['SS with another RPL', field('ss', SEL.data0 | 1), [TS, SEL.data0]],
    ['SS not present', (g) => { field('ss', OTHER)(g); setDescriptor(g, OTHER, flat(0x12)); }, [SS, OTHER]],
    ['DS outside', field('ds', 0x400), [TS, 0x400]],
    ['DS execute-only', (g) => { field('ds', OTHER)(g); setDescriptor(g, OTHER, flat(PRESENT | 0x18)); }, [TS, OTHER]],
    ['ES more privileged than its RPL', field('es', SEL.data0 | 3), [TS, SEL.data0]],
    ['FS not present', (g) => { field('fs', OTHER)(g); setDescriptor(g, OTHER, flat(0x12)); }, [NP, OTHER]],
    ['GS is a TSS', field('gs', SEL.tss), [TS, SEL.tss]],
    ['EIP beyond the limit', (g) => { field('cs', OTHER)(g); setDescriptor(g, OTHER, descriptor(0, 0xff, PRESENT | CODE, 4)); }, [GP, 0]],
  ];

  it('are faults of the new task: its registers and its EIP', () => {
    for (const [what, change, [vector, errorCode]] of rows) {
      const guest = guestWith(jmpFar(TASK, 0), change);
      const fault = firstFault(guest);
      assert.deepEqual([fault?.vector, fault?.errorCode], [vector, errorCode], what);
      const s = guest.state;
      assert.deepEqual([s.selector(L.TR), s.eip, s.reg(L.RSP)], [TASK, ENTRY, STACK], what);
      assert.equal(guest.u32(AT.tss + FIELD.eip), AT.code + 7, `${what}: the old task was saved`);
    }
  });

  it('the handler of such a fault finds the new task’s CS:EIP on its stack', () => {
    const guest = guestWith(jmpFar(TASK, 0), field('gs', SEL.tss));
    guest.runToHalt();
    assert.equal(haltedIn(guest), TS);
    assert.deepEqual(guest.stack(3), [SEL.tss, ENTRY, SEL.code0]);
  });

  it('in a switch for an interrupt from outside the error code has EXT', () => {
    const guest = guestWith([NOP, NOP], field('gs', SEL.tss));
    setGate(guest, 0x60, gate(TASK, 0, PRESENT | GATE));
    guest.state.flags = 0x202;
    guest.interrupt(0x60);
    guest.runToHalt();
    assert.equal(haltedIn(guest), TS);
    assert.deepEqual(guest.stack(3), [SEL.tss | 1, ENTRY, SEL.code0]);
  });

  it('an error code that finds no room on the new stack is a fault of the new task', () => {
    const guest = guestWith(jmpFar(0x3f8, 0), (g) => {
      setDescriptor(g, OTHER, descriptor(AT.data, 0xfff, PRESENT | 0x12, 4));
      field('ss', OTHER)(g);
      field('esp', 3)(g);
    });
    setGate(guest, GP, gate(TASK, 0, PRESENT | GATE));
    // #GP and #SS make a double fault, whose handler has no stack either.
    assert.throws(() => guest.runToHalt(), (reason: unknown) => reason instanceof TripleFault);
    assert.deepEqual([guest.state.selector(L.TR), guest.state.eip], [TASK, ENTRY]);
  });
});

describe('task switches: what is saved and loaded', function () {
  this.timeout(60_000);

  it('16-bit tasks: words, and flags without an upper half', () => {
    const guest = guestWith(jmpFar(TASK, 0), (g) => {
      setDescriptor(g, TASK, descriptor(TSS2, 0x2b, PRESENT | TSS_16));
      const words = [0, 0, 0, 0, 0, 0, 0, 0x8000, 0x8d7, 0x1111, 0x2222, 0x3333, 0x4444, 0x7000, 0x5555, 0x6666, 0x7777, SEL.data0, SEL.code0, SEL.data0, SEL.data0, 0];
      g.put(TSS2, words.flatMap(le16));
      g.state.flags = AC | 2;
    });
    guest.put(0x8000, [HLT]);
    passes(guest, 'JMP');
    const s = guest.state;
    assert.equal(s.eip, 0x8000);
    assert.equal(s.flags, 0x8d7);
    assert.deepEqual([L.RAX, L.RSP, L.RDI].map((r) => s.reg(r, 2)), [0x1111, 0x7000, 0x7777]);
  });

  it('out of a virtual-8086 task into a 16-bit task', () => {
    const guest = guestWith([], (g) => {
      setDescriptor(g, TASK, descriptor(TSS2, 0x2b, PRESENT | TSS_16));
      g.put(TSS2, [0, 0, 0, 0, 0, 0, 0, 0x8000, 2, 0, 0, 0, 0, 0x7000, 0, 0, 0, SEL.data0, SEL.code0, SEL.data0, SEL.data0, 0].flatMap(le16));
      setGate(g, 0x60, gate(TASK, 0, PRESENT | GATE));
      g.put(0x8000, [HLT]);
      g.put(0x9000, [NOP]);
      g.state.flags = VM | 0x202;
      g.cpu.setCpl(3);
      for (const segment of [L.CS, L.SS, L.DS, L.ES]) g.cpu.setRealSegment(segment, 0x900);
      g.state.eip = 0;
      g.interrupt(0x60);
    });
    guest.runToHalt();
    assert.equal(guest.state.flags & VM, 0);
    assert.deepEqual([guest.state.eip, guest.state.cpl, guest.state.selector(L.CS)], [0x8001, 0, SEL.code0]);
    assert.equal(guest.u32(AT.tss + FIELD.flags) & VM, VM, 'VM is saved with the old task');
  });

  it('into a virtual-8086 task', () => {
    const guest = guestWith(jmpFar(TASK, 0), (g) => {
      field('flags', VM | 2)(g);
      for (const name of ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const) field(name, 0x900)(g);
      field('eip', 0x10)(g);
    });
    passes(guest, 'JMP');
    assert.deepEqual([guest.state.cpl, guest.state.base(L.CS), guest.state.eip, guest.state.virtual8086], [3, 0x9000, 0x10, true]);
  });

  it('INT through a task gate saves NT of the old task as it was, and sets it in the new one', () => {
    for (const flags of [2, NT | 2]) {
      const guest = guestWith(int(0x60));
      setGate(guest, 0x60, gate(TASK, 0, PRESENT | GATE));
      guest.state.flags = flags;
      guest.run(1);
      assert.equal(guest.u32(AT.tss + FIELD.flags), flags);
      assert.equal(guest.state.flags & NT, NT);
      assert.equal(guest.u16(TSS2), SEL.tss);
    }
  });

  it('RF of the image holds an instruction breakpoint back', () => {
    const guest = guestWith(jmpFar(TASK, 0), field('flags', RF | 2));
    guest.state.setWide(L.DR, ENTRY);
    guest.state.setU32(L.DR + 56, 0x402);
    guest.cpu.changedContext();
    guest.runToHalt();
    assert.equal(guest.state.eip, ENTRY + 2);
  });

  it('IRET into a task that is busy again leaves the one that returns available', () => {
    const guest = guestWith(code(callFar(TASK, 0), HLT), (g) => g.put(ENTRY, [IRET]));
    guest.runToHalt();
    assert.deepEqual([SEL.tss, TASK].map((s) => guest.map.read(AT.gdt + s + 5, 1) & 0xf), [TSS_BUSY, TSS]);
  });
});
