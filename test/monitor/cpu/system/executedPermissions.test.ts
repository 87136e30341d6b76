/**
 * A sample of the page permissions, by instructions: loads, stores, read-modify-writes, pushes, string instructions and
 * fetches at CPL 0 and 3, and the processor's own accesses to system tables, compared with the manual's rules
 * (Intel SDM vol. 3, 4.6 and 4.7) for error code and CR2.
 */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { HLT, code, type Guest } from '../guest';
import { AT, SEL, enterLongUser, le64, longGuest } from './longGuest';
import { expectedFault, type MemoryAccess, type Rights, type Rules } from './pagingModel';
import { firstFault } from './rows';

const WP = 0x10000, SMEP = 0x100000, SMAP = 0x200000, PKE = 0x400000, NXE = 0x800, AC = 0x40000;
const KEY = 3;
/** The page under test: 2 MiB to 2 MiB + 4 KiB of physical memory, at this linear address by a page table of its own. */
const PAGE = 0x4000_0000, TABLE = 0x110000, DIRECTORY = 0x111000, FRAME = 0x300000;

interface Program {
  readonly name: string;
  readonly kind: MemoryAccess['kind'];
  readonly implicit?: true;
  readonly bytes: readonly number[];
  readonly prepare?: (guest: Guest) => void;
  /** Linear address that the access goes to. */
  readonly at: number;
}
const PROGRAMS: readonly Program[] = [
  { name: 'MOV from memory', kind: 'read', bytes: [0x8b, 0x07], at: PAGE + 0x10 },
  { name: 'MOV to memory', kind: 'write', bytes: [0x89, 0x07], at: PAGE + 0x10 },
  { name: 'ADD to memory', kind: 'write', bytes: [0x01, 0x07], at: PAGE + 0x10 },
  { name: 'PUSH', kind: 'write', bytes: [0x50], prepare: (g) => g.state.setReg(L.RSP, PAGE + 0x18), at: PAGE + 0x10 },
  { name: 'POP', kind: 'read', bytes: [0x58], prepare: (g) => g.state.setReg(L.RSP, PAGE + 0x10), at: PAGE + 0x10 },
  { name: 'STOSB', kind: 'write', bytes: [0xaa], at: PAGE + 0x10 },
  { name: 'REP MOVSB from it', kind: 'read', bytes: [0xf3, 0xa4], prepare: (g) => { g.state.setReg(L.RSI, PAGE + 0x10); g.state.setReg(L.RDI, AT.data); }, at: PAGE + 0x10 },
  { name: 'a fetch from it', kind: 'fetch', bytes: [], at: PAGE + 0x10 },
  { name: 'MOV DS: a descriptor', kind: 'read', implicit: true, bytes: [0x8e, 0xd8], prepare: (g) => { g.state.setWide(L.GDTR_BASE, PAGE - SEL.data3 + 3 + 0x10); g.state.setReg(L.RAX, SEL.data3); }, at: PAGE + 0x10 },
];

function build(program: Program, rules: Rules, rights: Rights, user: boolean, ac: boolean): Guest {
  const cr4 = (rules.smep ? SMEP : 0) | (rules.smap ? SMAP : 0) | (rules.pkru === undefined ? 0 : PKE);
  const guest = longGuest(code(program.bytes, HLT), { cr4 });
  const s = guest.state;
  // Code and stacks of CPL 0 lie in a supervisor page, those of CPL 3 in a user page; all of it is in the first 2 MiB.
  guest.put(AT.directory, [...le64(user ? 0x87n : 0x83n)]);
  guest.put(AT.directory + 8, [...le64(0x200083n)]);
  guest.put(AT.pdpt + 8, [...le64(BigInt(DIRECTORY | 7))]);
  guest.put(DIRECTORY, [...le64(BigInt(TABLE | 7))]);
  const entry = BigInt(FRAME | 1) | (rights.writable ? 2n : 0n) | (rights.user ? 4n : 0n) | (rights.noExecute ? 1n << 63n : 0n) | (rules.pkru === undefined ? 0n : BigInt(rights.key) << 59n);
  guest.put(TABLE, [...le64(entry)]);
  guest.put(FRAME + 0x10, [0x90, 0x90]);
  if (user) enterLongUser(guest, code(program.bytes, HLT));
  if (ac) s.flags = s.flags | AC;
  s.setU32(L.EFER, 0x500 | (rules.nxe ? NXE : 0));
  s.setU32(L.CR0, ((s.cr0 & ~WP) | (rules.wp ? WP : 0)) >>> 0);
  s.setU32(L.PKRU, rules.pkru ?? 0);
  guest.cpu.updatePaging();
  s.setReg(L.RDI, PAGE + 0x10);
  s.setReg(L.RCX, 1);
  if (program.kind === 'fetch') s.eip = PAGE + 0x10;
  else program.prepare?.(guest);
  // The descriptor that MOV DS reads is the GDT's own one for data at CPL 3.
  if (program.implicit) guest.put(FRAME + 0x10, [...guest.map.copyOut(AT.gdt + SEL.data3 - 3, 8)]);
  return guest;
}

describe('page permissions, executed', function () {
  this.timeout(300_000);

  for (const program of PROGRAMS) {
    it(program.name, () => {
      let turn = 0;
      for (let bits = 0; bits < 1 << 9; bits++) {
        const bit = (n: number): boolean => ((bits >> n) & 1) === 1;
        // One in seven of all combinations, another seventh for each program.
        if ((bits + program.name.length) % 7 !== 0) continue;
        const rules: Rules = { wp: bit(0), smep: bit(1), smap: bit(2), nxe: bit(3), pkru: [undefined, 1 << (2 * KEY), 2 << (2 * KEY)][turn++ % 3] };
        const rights: Rights = { writable: bit(4), user: bit(5), noExecute: bit(6) && rules.nxe, key: KEY };
        const [user, ac] = [bit(7), bit(8)];
        const guest = build(program, rules, rights, user, ac);
        const access: MemoryAccess = { kind: program.kind, user: user && !program.implicit, implicit: program.implicit ?? false, ac };
        const expected = expectedFault('4-level', rules, rights, access);
        const fault = firstFault(guest);
        const what = JSON.stringify({ rules, rights, access });
        if (expected === undefined) assert.equal(fault, undefined, what);
        else assert.deepEqual([fault?.vector, fault?.errorCode, fault?.linear], [14, expected, BigInt(program.at)], what);
      }
    });
  }

  it('CR2 of an access over two pages is that of the page that faults', () => {
    const guest = longGuest([0x48, 0x8b, 0x07]);
    guest.state.setReg(L.RDI, 0x400000 - 3);
    assert.equal(firstFault(guest)?.linear, 0x400000n);

  });
});
