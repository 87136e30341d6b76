/** Hardware task switches (Intel SDM vol. 3, chapter 7). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, IRET, NOP, PRESENT, SEL, callFar, code, descriptor, gate, haltedIn, int, jmpFar, protectedGuest, setDescriptor, setGate, type Guest } from './guest';

const NT = 0x4000, TS = 8;
const TSS2 = 0x4000;
const TASK = SEL.free;
const GATE = SEL.free + 8;
const ENTRY = AT.code + 0x400;
const GP = 13, NP = 11, INVALID_TSS = 10;

/** A guest with a second task that starts at ENTRY. */
function twoTasks(program: readonly number[], task: readonly number[]): Guest {
  const guest = protectedGuest(program);
  guest.put(ENTRY, task);
  setDescriptor(guest, TASK, descriptor(TSS2, 0x67, PRESENT | 0x09));
  setDescriptor(guest, GATE, gate(TASK, 0, PRESENT | 0x05));
  const fields: readonly (readonly [number, number])[] = [
    [0x04, AT.stack0], [0x08, SEL.data0], [0x20, ENTRY], [0x24, 0x2], [0x28, 0xaaaa], [0x2c, 0xcccc], [0x30, 0xdddd], [0x34, 0xbbbb],
    [0x38, AT.stack0 - 0x800], [0x3c, 0x5555], [0x40, 0x6666], [0x44, 0x7777], [0x48, SEL.data0], [0x4c, SEL.code0], [0x50, SEL.data0], [0x54, SEL.data0], [0x58, SEL.data0], [0x5c, 0],
  ];
  for (const [offset, value] of fields) guest.put32(TSS2 + offset, value);
  return guest;
}

const typeOf = (guest: Guest, selector: number): number => guest.map.read(AT.gdt + selector + 5, 1) & 0xf;

describe('task switches', function () {
  this.timeout(30_000);

  it('JMP saves the old task, loads the new one, and moves the busy mark', () => {
    const guest = twoTasks(jmpFar(TASK, 0), [HLT]);
    guest.state.setReg(L.RBX, 0x1357);
    guest.state.flags = 0x43;
    guest.runToHalt();
    const s = guest.state;
    assert.equal(s.eip, ENTRY + 1);
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => s.reg(i)), [0xaaaa, 0xcccc, 0xdddd, 0xbbbb, AT.stack0 - 0x800, 0x5555, 0x6666, 0x7777]);
    assert.equal(s.selector(L.TR), TASK);
    assert.equal(s.selector(L.GS), 0);
    assert.equal(s.cr0 & TS, TS);
    assert.equal(guest.u32(AT.tss + 0x20), AT.code + 7);
    assert.equal(guest.u32(AT.tss + 0x24), 0x43);
    assert.equal(guest.u32(AT.tss + 0x34), 0x1357);
    assert.deepEqual([typeOf(guest, SEL.tss), typeOf(guest, TASK)], [9, 11]);
  });

  it('CALL nests: NT and the back link lead IRET home', () => {
    const guest = twoTasks(code(callFar(TASK, 0), HLT), [NOP, IRET, HLT]);
    guest.state.setReg(L.RBX, 0x2468);
    guest.run(2);
    assert.equal(guest.state.flags & NT, NT);
    assert.equal(guest.u16(TSS2), SEL.tss);
    assert.deepEqual([typeOf(guest, SEL.tss), typeOf(guest, TASK)], [11, 11]);
    guest.runToHalt();
    assert.equal(guest.state.eip, AT.code + 8);
    assert.equal(guest.state.reg(L.RBX), 0x2468);
    assert.equal(guest.state.selector(L.TR), SEL.tss);
    assert.equal(guest.state.flags & NT, 0);
    assert.deepEqual([typeOf(guest, SEL.tss), typeOf(guest, TASK)], [11, 9]);
    assert.equal(guest.u32(TSS2 + 0x20), ENTRY + 2, 'the task goes on behind its IRET the next time');
    assert.equal(guest.u32(TSS2 + 0x24) & NT, 0);
  });

  it('an interrupt through a task gate switches, and pushes an error code on the new stack', () => {
    const guest = twoTasks(code(NOP, jmpFar(0x3f8, 0)), [HLT]);
    setGate(guest, GP, gate(TASK, 0, PRESENT | 0x05));
    guest.runToHalt();
    assert.equal(guest.state.eip, ENTRY + 1);
    assert.equal(guest.stack(1)[0], 0x3f8);
    assert.equal(guest.u32(AT.tss + 0x20), AT.code + 1);
    const plain = twoTasks(int(0x40), [HLT]);
    setGate(plain, 0x40, gate(TASK, 0, PRESENT | 0x05));
    plain.runToHalt();
    assert.equal(plain.state.reg(L.RSP), AT.stack0 - 0x800);
  });

  it('a task gate in the GDT leads to its task', () => {
    const guest = twoTasks(jmpFar(GATE, 0), [HLT]);
    guest.runToHalt();
    assert.equal(guest.state.selector(L.TR), TASK);
  });

  it('refuses busy, absent and too small tasks', () => {
    const refuses = (bytes: readonly number[], vector: number): void => {
      const guest = twoTasks(jmpFar(TASK, 0), [HLT]);
      setDescriptor(guest, TASK, bytes);
      guest.runToHalt();
      assert.equal(haltedIn(guest), vector);
      assert.deepEqual(guest.stack(2), [TASK, AT.code]);
      assert.equal(guest.state.selector(L.TR), SEL.tss);
    };
    refuses(descriptor(TSS2, 0x67, PRESENT | 0x0b), GP);
    refuses(descriptor(TSS2, 0x67, 0x09), NP);
    refuses(descriptor(TSS2, 0x66, PRESENT | 0x09), INVALID_TSS);
  });

  it('a bad code selector in the new task is #TS in the new task', () => {
    const guest = twoTasks(jmpFar(TASK, 0), [HLT]);
    guest.put32(TSS2 + 0x4c, SEL.data0);
    guest.runToHalt();
    assert.equal(haltedIn(guest), INVALID_TSS);
    assert.equal(guest.stack(1)[0], SEL.data0);
    assert.equal(guest.state.selector(L.TR), TASK);
  });

  it('the T bit traps on entry to the task', () => {
    const guest = twoTasks(jmpFar(TASK, 0), [NOP, HLT]);
    guest.put32(TSS2 + 0x64, 1);
    guest.runToHalt();
    assert.equal(haltedIn(guest), 1);
    assert.equal(guest.stack(1)[0], ENTRY);
    assert.equal(guest.state.u32(L.DR + 48) & 0x8000, 0x8000);
  });

  it('loads CR3 of the new task when paging is on', () => {
    const guest = twoTasks(jmpFar(TASK, 0), [HLT]);
    const [first, second] = [AT.tables, AT.tables + 0x1000];
    for (const directory of [first, second]) guest.put32(directory, 0x87);
    guest.put32(TSS2 + 0x1c, second);
    const s = guest.state;
    s.setU32(L.CR4, 0x10);
    s.setWide(L.CR3, first);
    s.setU32(L.CR0, 0x80000011);
    guest.cpu.updatePaging();
    guest.runToHalt();
    assert.equal(s.cr3, second);
    assert.equal(s.eip, ENTRY + 1);
  });

  it('takes the local breakpoints of the old task away', () => {
    const guest = twoTasks(jmpFar(TASK, 0), [HLT]);
    guest.state.setU32(L.DR + 56, 0x4af);
    guest.runToHalt();
    assert.equal(guest.state.u32(L.DR + 56), 0x4aa);
  });

  it('LTR marks the task busy and refuses a busy one', () => {
    const ltr = code([0x66, 0xb8, TASK, 0], [0x0f, 0x00, 0xd8]);
    const guest = twoTasks(code(ltr, HLT), []);
    guest.runToHalt();
    assert.equal(typeOf(guest, TASK), 11);
    const again = twoTasks(code(ltr, ltr), []);
    again.runToHalt();
    assert.equal(haltedIn(again), GP);
  });
});
