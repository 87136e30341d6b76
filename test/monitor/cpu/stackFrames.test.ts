/** What instructions push, and where they fault: found by comparison with another machine (test/fuzz), asserted from the Intel SDM. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { CR0 } from '../../../src/monitor/cpu/state';
import { AT, HLT, PRESENT, SEL, callFar, code, descriptor, dpl, haltedIn, jmpFar, protectedGuest, setDescriptor, type Guest } from './guest';

const PUSHA = 0x60, ENTER = 0xc8, OPERAND_SIZE = 0x66;
const PF = 14, INVALID_TSS = 10;
const PAGE = 0x1000;

/** Paging with low memory mapped to itself, but for one page. */
function pageMissing(guest: Guest, missing: number): void {
  guest.put32(AT.tables, (AT.tables + PAGE) | 7);
  for (let page = 0; page < 1024; page++) guest.put32(AT.tables + PAGE + 4 * page, page * PAGE === missing ? 0 : (page * PAGE) | 7);
  const { state } = guest;
  state.setWide(L.CR3, AT.tables);
  state.setU32(L.CR0, (state.cr0 | CR0.PG) >>> 0);
  guest.cpu.updatePaging();
}

describe('stack frames', function () {
  this.timeout(30_000);

  it('a page fault has the address of the first push that meets it (vol. 2, PUSHA and CALL)', () => {
    const border = 0x26000;
    const rows: readonly (readonly [what: string, program: readonly number[], pushesBefore: number])[] = [
      ['PUSHA', [PUSHA], 3],
      ['far CALL', callFar(SEL.code0, AT.code + 0x100), 1],
    ];
    for (const [what, program, pushesBefore] of rows) {
      const guest = protectedGuest(code(program, HLT));
      pageMissing(guest, border - PAGE);
      guest.state.setReg(L.RSP, border + 4 * pushesBefore);
      guest.cpu.setSegment(L.SS, SEL.data0, 0, 0xffffffff, 0xc93);
      guest.executor.stopVectors = new Set([PF]);
      const outcome = guest.run(1);
      assert.equal(outcome.kind === 'exception' && outcome.fault.linear, BigInt(border - 4), what);
      assert.equal(guest.u32(border), 0, `${what}: nothing is pushed`);
    }
  });

  it('ENTER with operands of 32 bits takes all of ESP for the frame pointer, also on a stack of 16 bits (vol. 2, ENTER)', () => {
    const guest = protectedGuest([ENTER, 8, 0, 1, HLT]);
    guest.cpu.setSegment(L.SS, SEL.data0, 0, 0xffff, 0x93);
    guest.state.setReg(L.RSP, 0xabcd9000);
    guest.state.setReg(L.RBP, 0x12345678);
    guest.run(1);
    assert.deepEqual([guest.state.reg(L.RBP), guest.state.reg(L.RSP)], [0xabcd8ffc, 0xabcd8ff0]);
    assert.deepEqual([guest.u32(0x8ffc), guest.u32(0x8ff8)], [0x12345678, 0xabcd8ffc]);
  });

  it('ENTER with operands of 16 bits leaves the upper half of EBP', () => {
    const guest = protectedGuest([OPERAND_SIZE, ENTER, 8, 0, 0, HLT]);
    guest.state.setReg(L.RSP, 0x29000);
    guest.state.setReg(L.RBP, 0x12345678);
    guest.run(1);
    assert.deepEqual([guest.state.reg(L.RBP), guest.u16(0x28ffe)], [0x12348ffe, 0x5678]);
  });

  it('a task whose CS has another DPL than RPL is #TS(CS), before SS is looked at (vol. 3, table 7-1)', () => {
    const TASK = SEL.free, OTHER = SEL.free + 8, TSS = 0x4000;
    const guest = protectedGuest(jmpFar(TASK, 0));
    setDescriptor(guest, TASK, descriptor(TSS, 0x67, PRESENT | 0x09));
    setDescriptor(guest, OTHER, descriptor(0, 0xfffff, PRESENT | dpl(1) | 0x1a, 0xc));
    guest.put32(TSS + 0x24, 2);
    guest.put32(TSS + 0x4c, OTHER);
    guest.put32(TSS + 4, AT.stack0);
    guest.put32(TSS + 8, SEL.data0);
    guest.executor.stopVectors = new Set([INVALID_TSS]);
    const outcome = guest.run(1);
    assert.equal(outcome.kind, 'exception');
    assert.equal(outcome.kind === 'exception' && outcome.fault.errorCode, OTHER);
  });

  it('a bad LDT of a task of CPL 3 is delivered on the stack that its own TSS gives for CPL 0', () => {
    const TASK = SEL.free, TSS = 0x4000, STACK = AT.stack0 - 0x2000;
    const guest = protectedGuest(jmpFar(TASK, 0));
    setDescriptor(guest, TASK, descriptor(TSS, 0x67, PRESENT | 0x09));
    const fields: readonly (readonly [number, number])[] = [
      [0x04, STACK], [0x08, SEL.data0], [0x20, AT.userCode], [0x24, 2], [0x38, AT.stack3],
      [0x48, SEL.data3], [0x4c, SEL.code3], [0x50, SEL.data3], [0x54, SEL.data3], [0x58, SEL.data3], [0x5c, SEL.data3], [0x60, SEL.tss],
    ];
    for (const [offset, value] of fields) guest.put32(TSS + offset, value);
    guest.runToHalt();
    assert.equal(haltedIn(guest), INVALID_TSS);
    assert.equal(guest.state.reg(L.RSP), STACK - 24);
    assert.deepEqual(guest.stack(3), [SEL.tss, AT.userCode, SEL.code3]);
  });
});
