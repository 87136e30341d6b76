/** Five-level paging: addresses of 57 bits in loads, stores, stacks, faults and bases (Intel SDM vol. 3, 4.5; vol. 1, 3.3.7.1). */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { HLT, NOP, code, type Guest } from '../guest';
import { AT, SEL, handlerOf, le64, longGuest } from './longGuest';
import { VECTOR, faults, firstFault, passes } from './rows';

const { GP, SS } = VECTOR;
/** Where Linux has its direct map with five levels; here all of memory is mapped there, too. */
const DIRECT_MAP = 0xff11_0000_0000_0000n;
const UPPER_TABLE = 0x120000;
const HOLE = 1n << 56n;

function guestAt(program: readonly number[]): Guest {
  const guest = longGuest(code(program, HLT), { fiveLevels: true, cr4: 0x10600 });
  const index = (level: bigint): number => Number((DIRECT_MAP >> (12n + 9n * (level - 1n))) & 511n);
  guest.put(AT.pml5 + 8 * index(5n), le64(BigInt(UPPER_TABLE | 7)));
  guest.put(UPPER_TABLE + 8 * index(4n), le64(BigInt(AT.pdpt | 7)));
  guest.put(AT.data, Array.from({ length: 0x100 }, (_, i) => i));
  guest.cpu.updatePaging();
  return guest;
}
const data = (offset: number): bigint => DIRECT_MAP + BigInt(AT.data + offset);
const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

/** Words from the stack pointer up. */
function stackAt(guest: Guest, words: number): readonly bigint[] {
  const offset = Number(guest.state.reg64(L.RSP) - data(0));
  const view = new DataView(guest.map.copyOut(AT.data + offset, 8 * words).buffer);
  return Array.from({ length: words }, (_, i) => view.getBigUint64(8 * i, true));
}

describe('five-level paging', function () {
  this.timeout(60_000);

  it('reads and writes at any byte of the upper half', () => {
    for (let offset = 0; offset < 9; offset++) {
      const guest = guestAt([0x8a, 0x07, 0x88, 0x47, 0x40]);
      guest.state.setReg64(L.RDI, data(offset));
      guest.run(2);
      assert.equal(guest.state.reg(L.RAX, 1), offset);
      assert.equal(guest.map.read(AT.data + 0x40 + offset, 1), offset);
    }
  });

  it('has its stack there', () => {
    const guest = guestAt([0x50, 0x9c, 0x58, 0x5b]);
    guest.state.setReg64(L.RAX, 0x1122334455667788n);
    guest.state.setReg64(L.RSP, data(0x40));
    guest.run(4);
    assert.deepEqual([guest.state.reg64(L.RSP), guest.state.reg64(L.RBX)], [data(0x40), 0x1122334455667788n]);
  });

  it('gives the exact address of a page fault', () => {
    for (const offset of [0x900001n, 0x900007n, 0x900ffdn]) {
      const guest = guestAt([0x8a, 0x07]);
      guest.state.setReg64(L.RDI, DIRECT_MAP + offset);
      assert.equal(firstFault(guest)?.linear, DIRECT_MAP + offset);
    }
  });

  it('has canonical addresses of 57 bits', () => {
    for (const [address, canonical] of [[HOLE - 8n, true], [HOLE - 7n, false], [HOLE, false], [-HOLE, true], [-HOLE - 8n, false], [1n << 47n, true]] as const) {
      const guest = guestAt([0x48, 0x8b, 0x07]);
      guest.state.setReg64(L.RDI, address);
      assert.equal(firstFault(guest)?.vector, canonical ? VECTOR.PF : GP, address.toString(16));
    }
    const stack = guestAt([0x58]);
    stack.state.setReg64(L.RSP, HOLE);
    faults(stack, [SS, 0], 'POP');
  });

  it('keeps all bits of the bases of FS and GS', () => {
    for (const reg of [2, 3]) {
      const guest = guestAt([0xf3, 0x48, 0x0f, 0xae, 0xc0 | (reg << 3)]);
      guest.state.setReg64(L.RAX, DIRECT_MAP + 5n);
      passes(guest, 'WRFSBASE, WRGSBASE');
      assert.equal(guest.state.u64(L.SEGMENTS + L.SEGMENT_BYTES * (reg === 2 ? L.FS : L.GS)), DIRECT_MAP + 5n);
    }
  });

  it('string instructions at any byte, and over a page border', () => {
    for (const start of [3, 0xffa]) {
      const guest = guestAt([0xf3, 0xa4]);
      guest.put(AT.data + start, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      guest.state.setReg64(L.RSI, data(start));
      guest.state.setReg64(L.RDI, data(0x2005));
      guest.state.setReg64(L.RCX, 11n);
      guest.run(1);
      assert.deepEqual([...guest.map.copyOut(AT.data + 0x2005, 11)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      assert.deepEqual([guest.state.reg64(L.RSI), guest.state.reg64(L.RDI)], [data(start + 11), data(0x2010)]);
    }
    for (const [what, program, left] of [['REPE CMPSB', [0xf3, 0xa6], 3n], ['REPNE SCASB', [0xf2, 0xae], 3n]] as const) {
      const guest = guestAt(program);
      guest.put(AT.data + 0x101, [7, 7, 7, 9, 7, 7, 7]);
      guest.put(AT.data + 0x201, [7, 7, 7, 8, 7, 7, 7]);
      guest.state.setReg64(L.RSI, data(0x201));
      guest.state.setReg64(L.RDI, data(0x101));
      guest.state.setReg64(L.RCX, 7n);
      guest.state.setReg64(L.RAX, 9n);
      guest.run(1);
      assert.deepEqual([guest.state.reg64(L.RCX), guest.state.reg64(L.RDI)], [left, data(0x105)], what);
    }
  });

  it('operands of services: descriptor tables, x87, far pointers', () => {
    const table = guestAt([0x0f, 0x01, 0x17, 0x0f, 0x01, 0x03]);
    table.put(AT.data + 5, [0xff, 3, ...le64(data(0x123))]);
    table.state.setReg64(L.RDI, data(5));
    table.state.setReg64(L.RBX, data(0x33));
    table.run(2);
    assert.equal(table.state.u64(L.GDTR_BASE), data(0x123));
    assert.deepEqual(table.map.copyOut(AT.data + 0x33, 10), table.map.copyOut(AT.data + 5, 10));
    const x87 = guestAt([0xdf, 0x2f, 0xdf, 0x3b]);
    x87.put(AT.data + 1, le64(0x0123_4567_89ab_cdefn));
    x87.state.setReg64(L.RDI, data(1));
    x87.state.setReg64(L.RBX, data(0x77));
    x87.run(2);
    assert.deepEqual(x87.map.copyOut(AT.data + 0x77, 8), x87.map.copyOut(AT.data + 1, 8));
  });

  it('gathers by indices that are addresses', () => {
    const guest = guestAt([0xc4, 0xe2, 0xf1, 0x91, 0x04, 0x17]);
    guest.put(AT.data + 5, le64(0x1111_2222_3333_4444n));
    guest.put(AT.data + 0x1003, le64(0x5555_6666_7777_8888n));
    guest.state.setU32(L.CR4, guest.state.cr4 | 0x40000);
    guest.state.setU32(L.XCR0, 7);
    guest.cpu.changedContext();
    guest.state.setReg64(L.RDI, 0xffff_ffff_ffff_fff0n);
    [data(0x15), data(0x1013)].forEach((index, i) => guest.state.setU64(L.VECTOR + 2 * L.VECTOR_BYTES + 8 * i, index));
    [0, 8].forEach((at) => guest.state.setU64(L.VECTOR + L.VECTOR_BYTES + at, 1n << 63n));
    guest.run(1);
    assert.deepEqual([0, 8].map((at) => guest.state.u64(L.VECTOR + at)), [0x1111_2222_3333_4444n, 0x5555_6666_7777_8888n]);
  });

  it('code there: calls, interrupts, IRETQ and instructions over a page border have their exact addresses', () => {
    // CALL to the next instruction, INT 20h, NOP; the second begins a page later.
    for (const start of [0x101, 0xffd]) {
      const guest = guestAt([]);
      guest.put(AT.data + start, [0xe8, 1, 0, 0, 0, HLT, 0xcd, 0x20, HLT]);
      guest.put(handlerOf(0x20), [0x48, 0xcf]);
      guest.state.setU64(L.EIP, data(start));
      guest.state.setReg64(L.RSP, data(0x3805));
      guest.cpu.changedContext();
      guest.run(1);
      assert.deepEqual(stackAt(guest, 1), [data(start + 5)]);
      guest.run(1);
      assert.deepEqual(stackAt(guest, 5), [data(start + 8), BigInt(SEL.code0), 2n, data(0x37fd), BigInt(SEL.data0)]);
      guest.run(1);
      assert.deepEqual([guest.state.u64(L.EIP), guest.state.reg64(L.RSP)], [data(start + 8), data(0x37fd)]);
    }
  });

  it('single steps and breakpoints of the guest there', () => {
    const guest = guestAt([]);
    guest.put(AT.data + 0x101, [NOP, NOP, 0x88, 0x07, NOP, HLT]);
    guest.state.setReg64(L.RDI, data(0x203));
    guest.state.setU64(L.EIP, data(0x101));
    guest.state.setU64(L.DR, data(0x102));
    guest.state.setU64(L.DR + 8, data(0x203));
    guest.state.setU32(L.DR + 56, 0x100405);
    guest.cpu.changedContext();
    guest.executor.stopVectors = new Set([VECTOR.DB]);
    for (const expected of [0x102, 0x105]) {
      const outcome = guest.run(10);
      assert.deepEqual([outcome.kind, guest.state.u64(L.EIP)], ['exception', data(expected)]);
      guest.state.setU64(L.DR, 0n);
      guest.executor.passOver();
      guest.state.flags = 0x10002;
      guest.state.setU64(L.EIP, data(expected));
      guest.cpu.changedContext();
    }
  });

  it('more places than there are numbers for, one after the other', () => {
    const guest = guestAt([0xa4, 0xeb, 0xfd]);
    for (let i = 1; i < 512; i++) guest.put(AT.pml5 + 8 * i, le64(BigInt(UPPER_TABLE | 7)));
    guest.put(UPPER_TABLE, le64(BigInt(AT.pdpt | 7)));
    for (let i = 1; i < 60; i++) {
      const from = BigInt.asIntN(57, BigInt(i * 7) << 48n) + BigInt(AT.data + i);
      const to = BigInt.asIntN(57, BigInt(512 - i * 5) << 48n) + BigInt(AT.data + 0x1001 + i);
      guest.state.setReg64(L.RSI, BigInt.asUintN(64, from));
      guest.state.setReg64(L.RDI, BigInt.asUintN(64, to));
      guest.run(2);
      assert.equal(guest.map.read(AT.data + 0x1001 + i, 1), i, `copy ${i}`);
      assert.deepEqual([signed(guest.state.reg64(L.RSI)), signed(guest.state.reg64(L.RDI))], [from + 1n, to + 1n]);
    }
  });

  it('an access that runs over the end of the upper half of a region, and out of canonical addresses', () => {
    const guest = guestAt([0xf3, 0xa4]);
    for (let i = 1; i < 512; i++) guest.put(AT.pml5 + 8 * i, le64(BigInt(UPPER_TABLE | 7)));
    for (const i of [0, 255, 256]) guest.put(UPPER_TABLE + 8 * i, le64(BigInt(AT.pdpt | 7)));
    // The last page below a border of 2^47, and the first above it, are the same memory: bytes 4 to 7 of its end, and 0 to 3.
    guest.put(AT.pdpt + 8 * 511, le64(BigInt(AT.directory | 7)));
    guest.put(AT.directory + 8 * 511, le64(0x87n));
    const border = BigInt.asIntN(57, 0x1a3n << 48n) + (1n << 47n);
    guest.put(0x1ffffc, [1, 2, 3, 4]);
    guest.put(0, [5, 6, 7, 8]);
    guest.state.setReg64(L.RSI, BigInt.asUintN(64, border - 4n));
    guest.state.setReg64(L.RDI, data(0x41));
    guest.state.setReg64(L.RCX, 8n);
    guest.run(1);
    assert.deepEqual([...guest.map.copyOut(AT.data + 0x41, 8)], [1, 2, 3, 4, 5, 6, 7, 8]);
    const out = guestAt([0xf3, 0x48, 0xa5]);
    out.state.setReg64(L.RSI, HOLE - 7n);
    out.state.setReg64(L.RDI, data(0));
    out.state.setReg64(L.RCX, 1n);
    faults(out, [GP, 0], 'MOVSQ into the hole');
  });
});
