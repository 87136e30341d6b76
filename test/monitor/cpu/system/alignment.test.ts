/** Alignment checks: #AC(0) at CPL 3 with CR0.AM and EFLAGS.AC (Intel SDM vol. 3, 6.15, interrupt 17 and table 6-7). */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { AT, HLT, SEL, code, enterUser, gate, haltedIn, int, le32, protectedGuest, setGate, type Guest } from '../guest';
import { SEL as LONG, enterLongUser, longGuest } from './longGuest';
import { VECTOR, checks, faults, passes } from './rows';

const { AC, GP, PF } = VECTOR;
const AM = 0x40000, FLAG_AC = 0x40000;

/** User code with EDI (RDI) and ESI at an address that is `off` bytes behind an aligned one. */
function user(program: readonly number[], off: number, { am = true, ac = true, cpl = 3, long = false } = {}): Guest {
  const guest = long ? longGuest(program, { cr4: 0x600 }) : protectedGuest(program);
  const s = guest.state;
  s.setU32(L.CR4, s.cr4 | 0x600);
  s.setU32(L.CR0, (s.cr0 | (am ? AM : 0)) >>> 0);
  if (cpl === 3) (long ? enterLongUser : enterUser)(guest, program, ac ? FLAG_AC | 2 : 2);
  else s.flags = FLAG_AC | 2;
  s.setReg(L.RDI, AT.data + off);
  s.setReg(L.RSI, AT.data + 0x100);
  s.setReg(L.RAX, 0x11223344);
  return guest;
}

interface Operand {
  readonly name: string;
  readonly bytes: readonly number[];
  /** What its address must be a multiple of; 1 for operands that are not checked. */
  readonly alignment: number;
  readonly long?: true;
}

/** Operands at [EDI], by table 6-7. */
const OPERANDS: readonly Operand[] = [
  { name: 'MOV AL', bytes: [0x8a, 0x07], alignment: 1 },
  { name: 'MOV AX', bytes: [0x66, 0x8b, 0x07], alignment: 2 },
  { name: 'MOV EAX', bytes: [0x8b, 0x07], alignment: 4 },
  { name: 'MOV to memory', bytes: [0x89, 0x07], alignment: 4 },
  { name: 'ADD to memory', bytes: [0x01, 0x07], alignment: 4 },
  { name: 'XCHG', bytes: [0x87, 0x07], alignment: 4 },
  { name: 'MOV RAX', bytes: [0x48, 0x8b, 0x07], alignment: 8, long: true },
  { name: 'CMPXCHG8B', bytes: [0x0f, 0xc7, 0x0f], alignment: 8 },
  { name: 'MOV word from a segment register', bytes: [0x8c, 0x1f], alignment: 2 },
  { name: 'BT with a register', bytes: [0x0f, 0xa3, 0x0f], alignment: 4 },
  { name: 'LFS of 48 bits', bytes: [0x0f, 0xb4, 0x0f], alignment: 4 },
  { name: 'LFS of 32 bits', bytes: [0x66, 0x0f, 0xb4, 0x0f], alignment: 2 },
  { name: 'STOSD', bytes: [0xab], alignment: 4 },
  { name: 'STOSW', bytes: [0x66, 0xab], alignment: 2 },
  { name: 'STOSB', bytes: [0xaa], alignment: 1 },
  { name: 'MOVSD', bytes: [0xa5], alignment: 4 },
  { name: 'REP MOVSD', bytes: [0xf3, 0xa5], alignment: 4 },
  { name: 'SCASD', bytes: [0xaf], alignment: 4 },
  { name: 'FLD m32', bytes: [0xd9, 0x07], alignment: 4 },
  { name: 'FLD m64', bytes: [0xdd, 0x07], alignment: 8 },
  { name: 'FLD m80', bytes: [0xdb, 0x2f], alignment: 8 },
  { name: 'FILD m16', bytes: [0xdf, 0x07], alignment: 2 },
  { name: 'FSTP m80', bytes: [0xdb, 0x3f], alignment: 8 },
  { name: 'FNSTENV of 32 bits', bytes: [0xd9, 0x37], alignment: 4 },
  { name: 'FNSTENV of 16 bits', bytes: [0x66, 0xd9, 0x37], alignment: 2 },
  { name: 'FNSAVE', bytes: [0xdd, 0x37], alignment: 4 },
  { name: 'FNSTCW', bytes: [0xd9, 0x3f], alignment: 2 },
  { name: 'MOVQ m64', bytes: [0xf3, 0x0f, 0x7e, 0x07], alignment: 8 },
  { name: 'MOVSS', bytes: [0xf3, 0x0f, 0x10, 0x07], alignment: 4 },
  { name: 'ADDSD', bytes: [0xf2, 0x0f, 0x58, 0x07], alignment: 8 },
  { name: 'STMXCSR', bytes: [0x0f, 0xae, 0x1f], alignment: 4 },
  { name: 'MOVUPS of 16 bytes', bytes: [0x0f, 0x10, 0x07], alignment: 1 },
  { name: 'MOVDQU of 16 bytes', bytes: [0xf3, 0x0f, 0x7f, 0x07], alignment: 1 },
];

describe('alignment checks', function () {
  this.timeout(120_000);

  it('each type of operand at each offset', () => {
    for (const { name, bytes, alignment, long = false } of OPERANDS) {
      for (const off of new Set([0, 1, alignment >> 1, alignment])) {
        const guest = user(bytes, off, { long });
        guest.state.setReg(L.RCX, 4);
        // EDX:EAX of CMPXCHG8B, and a selector that is null for far pointers.
        guest.put(AT.data, new Array<number>(0x40).fill(0));
        checks(guest, off % alignment === 0 ? 'passes' : [AC, 0], `${name} at +${off}`);
      }
    }
  });

  it('a misaligned 16-byte operand that must be aligned is #GP, and goes first', () => {
    faults(user([0x0f, 0x28, 0x07], 8), [GP, 0], 'MOVAPS');
    faults(user([0x0f, 0x58, 0x07], 4), [GP, 0], 'ADDPS');
  });

  it('needs CPL 3, AM and AC, all of them', () => {
    const misaligned = [0x8b, 0x07];
    faults(user(misaligned, 1), [AC, 0], 'all');
    passes(user(misaligned, 1, { am: false }), 'without AM');
    passes(user(misaligned, 1, { ac: false }), 'without AC');
    passes(user(misaligned, 1, { cpl: 0 }), 'CPL 0');
  });

  it('POPF switches it on and off at once', () => {
    const load = [0x8b, 0x07];
    const push = (flags: number): readonly number[] => [0x68, ...le32(flags), 0x9d];
    const on = user(code(load, push(FLAG_AC | 2), load, HLT), 1, { ac: false });
    on.runToHalt();
    assert.equal(haltedIn(on), AC);
    assert.equal(on.stack(2)[1], AT.userCode + 2 + 6);
    const off = user(code(push(2), load, [0x0f, 0x0b]), 1);
    off.runToHalt();
    assert.equal(haltedIn(off), VECTOR.UD);
  });

  it('IRET to user code with AC set switches it on; the handler runs without', () => {
    const guest = user(code(int(0x40), [0x8b, 0x07], HLT), 1);
    setGate(guest, 0x40, gate(SEL.code0, AT.code + 0x200, 0xee));
    // The handler makes a misaligned access of its own.
    guest.put(AT.code + 0x200, [0x8b, 0x07, 0xcf]);
    guest.runToHalt();
    assert.equal(haltedIn(guest), AC);
    assert.deepEqual(guest.stack(2), [0, AT.userCode + 2]);
  });

  it('the stack: pushes, pops, calls, ENTER and PUSHA', () => {
    for (const program of [[0x50], [0x58], [0xe8, 0, 0, 0, 0], [0xc3], [0x60], [0x61], [0xc8, 8, 0, 0], [0x9c], [0x9d], [0x6a, 1]]) {
      for (const off of [1, 2]) {
        const guest = user(program, 0);
        guest.state.setReg(L.RSP, AT.stack3 - 0x100 + off);
        faults(guest, [AC, 0], `${Buffer.from(program).toString('hex')} at +${off}`);
      }
    }
    const word = user([0x66, 0x50], 0);
    word.state.setReg(L.RSP, AT.stack3 - 0x100 + 2);
    passes(word, 'a word on an even address');
  });

  it('accesses of the processor itself are not checked: a GDT at an odd address', () => {
    const guest = user([0x8e, 0xd8], 0);
    const s = guest.state;
    const gdt = guest.map.copyOut(AT.gdt, 0x400);
    guest.put(0x5003, [...gdt]);
    s.setWide(L.GDTR_BASE, 0x5003);
    s.setReg(L.RAX, SEL.data3);
    passes(guest, 'MOV DS, AX');
  });

  it('in 64-bit and compatibility mode as well', () => {
    const compat = longGuest([]);
    compat.state.setU32(L.CR0, (compat.state.cr0 | AM) >>> 0);
    enterLongUser(compat, [0x8b, 0x07], FLAG_AC | 2);
    compat.cpu.setSegment(L.CS, LONG.compat3, 0, 0xffffffff, 0xcfb);
    compat.state.setReg(L.RDI, AT.data + 1);
    faults(compat, [AC, 0], 'compatibility mode');
    faults(user([0x48, 0x89, 0x07], 4, { long: true }), [AC, 0], 'MOV [RDI], RAX');
    faults(user([0x48, 0xa5], 4, { long: true }), [AC, 0], 'MOVSQ');
  });

  it('a misaligned access to an absent page is #AC or #PF, to an aligned address #PF', () => {
    for (const off of [0, 1]) {
      const guest = user([0x8b, 0x07], 0, { long: true });
      guest.state.setReg(L.RDI, 0x700000 + off);
      const before = guest.state.eip;
      guest.runToHalt();
      const vector = (guest.state.eip - 1 - AT.handlers) / 16;
      assert.ok(off === 0 ? vector === PF : vector === PF || vector === AC, `vector ${vector} from ${before.toString(16)}`);
    }
  });
});
