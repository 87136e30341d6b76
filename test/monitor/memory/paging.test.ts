/**
 * Paging as the guest sees it: rights and page-fault error codes, accessed and dirty bits, write protection,
 * no-execute, large pages, and translations that follow the guest's tables (Intel SDM vol. 3, chapter 4).
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, NOP, code, enterUser, haltedIn, le32, loadEax, movEax, protectedGuest, storeEax, type Guest } from '../cpu/guest';

const P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80;
const CR0_PG = 0x80000000, CR0_WP = 0x10000, CR0_PE = 0x11;
const PSE = 0x10, PAE = 0x20;
const NXE = 0x800;
/** The page under test, linear and physical, and where its entry lies. */
const PAGE = 0x200000;
const OTHER = 0x201000;
const PAGE_FAULT = 14;

type Mode = '32-bit' | 'PAE';

/** The lowest 4 MiB mapped one to one for all, but the page under test as told. */
interface Tables {
  readonly entryAt: (linear: number) => number;
  readonly directoryAt: (linear: number) => number;
}

function pagingOn(guest: Guest, mode: Mode, entry: number, options: { writeProtect?: boolean; noExecute?: boolean; nx?: boolean } = {}): Tables {
  const wide = mode === 'PAE';
  const bytes = wide ? 8 : 4;
  const pdpt = AT.tables;
  const directory = AT.tables + 0x1000;
  const tables = AT.tables + 0x2000;
  const span = wide ? 0x200000 : 0x400000;
  const entryAt = (linear: number): number => tables + (linear / 4096) * bytes;
  const directoryAt = (linear: number): number => directory + Math.floor(linear / span) * bytes;
  if (wide) guest.put32(pdpt, directory | P);
  for (let linear = 0; linear < 0x400000; linear += span) guest.put32(directoryAt(linear), (tables + (linear / 4096) * bytes) | P | W | U);
  for (let linear = 0; linear < 0x400000; linear += 4096) guest.put32(entryAt(linear), linear | P | W | U);
  guest.put32(entryAt(PAGE), entry);
  if (options.nx) guest.put32(entryAt(PAGE) + 4, 0x80000000);
  const s = guest.state;
  s.setU32(L.CR4, wide ? PAE : PSE);
  s.setU64(L.EFER, options.noExecute ? BigInt(NXE) : 0n);
  s.setWide(L.CR3, wide ? pdpt : directory);
  if (wide) [directory | P, 0, 0, 0].forEach((value, i) => s.setU64(L.PDPTE + 8 * i, BigInt(value)));
  s.setU32(L.CR0, (CR0_PE | CR0_PG | (options.writeProtect ? CR0_WP : 0)) >>> 0);
  guest.cpu.updatePaging();
  return { entryAt, directoryAt };
}

/** Error code of the page fault that a program ends in, or undefined when it comes to its own HLT. */
function outcome(guest: Guest): number | undefined {
  guest.runToHalt();
  if (haltedIn(guest) !== PAGE_FAULT) return undefined;
  const [error = -1, eip = 0] = guest.stack(2);
  assert.equal(guest.state.u32(L.CR2), PAGE);
  assert.ok(eip >= AT.code && eip < AT.data, 'the fault points to the instruction');
  return error;
}

const READ = code(loadEax(PAGE), HLT);
const WRITE = code(storeEax(PAGE), HLT);
/** A call to the page, where a RET stands. */
const fetchFrom = (start: number): readonly number[] => code([0xe8], le32(PAGE - start - 5), HLT);

describe('paging: rights', function () {
  this.timeout(30_000);

  for (const mode of ['32-bit', 'PAE'] as const) {
    for (const [entryName, entry] of [['not present', 0], ['read-only supervisor', P], ['writable supervisor', P | W], ['read-only user', P | U], ['writable user', P | W | U]] as const) {
      for (const writeProtect of [false, true]) {
        it(`${mode}: ${entryName} page${writeProtect ? ', CR0.WP' : ''}`, () => {
          const present = (entry & P) !== 0;
          for (const user of [false, true]) {
            for (const write of [false, true]) {
              const guest = protectedGuest(write ? WRITE : READ);
              pagingOn(guest, mode, present ? PAGE | entry : 0, { writeProtect });
              // User code cannot HLT: UD2 ends it.
              if (user) {
                enterUser(guest, code(write ? storeEax(PAGE) : loadEax(PAGE), [0x0f, 0x0b]));
              }
              const allowed = present && (!user || (entry & U) !== 0) && (!write || (entry & W) !== 0 || (!user && !writeProtect));
              const expected = allowed ? undefined : (present ? 1 : 0) | (write ? 2 : 0) | (user ? 4 : 0);
              assert.equal(outcome(guest), expected, `${user ? 'user' : 'supervisor'} ${write ? 'write' : 'read'}`);
            }
          }
        });
      }
    }
  }

  it('takes the rights of all levels together', () => {
    const guest = protectedGuest([]);
    const { directoryAt } = pagingOn(guest, '32-bit', PAGE | P | W | U);
    enterUser(guest, code(storeEax(PAGE), [0x0f, 0x0b]));
    // The directory entry covers the code, too: only W can be taken away.
    guest.put32(directoryAt(PAGE), guest.u32(directoryAt(PAGE)) & ~W);
    assert.equal(outcome(guest), 7);
  });

  it('refuses to fetch from a no-execute page, with the fetch bit in the error code', () => {
    for (const [noExecute, expected] of [[true, 0x11], [false, undefined]] as const) {
      const guest = protectedGuest(fetchFrom(AT.code));
      guest.put(PAGE, [0xc3]);
      pagingOn(guest, 'PAE', PAGE | P | W, { noExecute, nx: noExecute });
      guest.runToHalt();
      const found = haltedIn(guest) === PAGE_FAULT ? guest.stack(1)[0] : undefined;
      assert.equal(found, expected);
    }
  });

  it('reads a no-execute page', () => {
    const guest = protectedGuest(READ);
    pagingOn(guest, 'PAE', PAGE | P, { noExecute: true, nx: true });
    assert.equal(outcome(guest), undefined);
  });

  it('reports reserved bits: NX where EFER.NXE is clear, and address bits that do not exist', () => {
    for (const high of [0x80000000, 0x00000100]) {
      const guest = protectedGuest(READ);
      const { entryAt } = pagingOn(guest, 'PAE', PAGE | P | W);
      guest.put32(entryAt(PAGE) + 4, high);
      assert.equal(outcome(guest), 9);
    }
  });

  it('has no fetch bit in the error code without NXE', () => {
    const guest = protectedGuest(fetchFrom(AT.code));
    pagingOn(guest, '32-bit', 0);
    guest.runToHalt();
    assert.equal(haltedIn(guest), PAGE_FAULT);
    assert.equal(guest.stack(1)[0], 0);
    assert.equal(guest.stack(2)[1], PAGE);
  });
});

describe('paging: accessed and dirty bits', function () {
  this.timeout(30_000);

  for (const mode of ['32-bit', 'PAE'] as const) {
    it(`${mode}: a read sets A at each level, a write sets D in the leaf`, () => {
      const guest = protectedGuest(code(loadEax(PAGE), HLT, storeEax(PAGE), HLT));
      const { entryAt, directoryAt } = pagingOn(guest, mode, PAGE | P | W);
      guest.runToHalt();
      assert.equal(guest.u32(entryAt(PAGE)) & (A | D), A);
      assert.equal(guest.u32(directoryAt(PAGE)) & (A | D), A);
      assert.equal(guest.u32(entryAt(OTHER)) & (A | D), 0, 'neighbours stay untouched');
      guest.state.halted = false;
      guest.runToHalt();
      assert.equal(guest.u32(entryAt(PAGE)) & (A | D), A | D);
      assert.equal(guest.u32(directoryAt(PAGE)) & D, 0);
    });
  }

  it('a refused access sets no bits in the leaf', () => {
    const guest = protectedGuest([]);
    const { entryAt } = pagingOn(guest, '32-bit', PAGE | P);
    enterUser(guest, storeEax(PAGE));
    guest.runToHalt();
    assert.equal(guest.u32(entryAt(PAGE)) & (A | D), 0);
  });

  it('bits that the guest clears are set again', () => {
    const clear = (address: number): readonly number[] => code([0xc7, 0x05], le32(address), le32(PAGE | P | W));
    const guest = protectedGuest([]);
    const { entryAt } = pagingOn(guest, '32-bit', PAGE | P | W);
    const invlpg = code([0x0f, 0x01, 0x3d], le32(PAGE));
    guest.put(AT.code, code(storeEax(PAGE), clear(entryAt(PAGE)), invlpg, loadEax(PAGE), HLT, storeEax(PAGE), HLT));
    guest.runToHalt();
    assert.equal(guest.u32(entryAt(PAGE)) & (A | D), A);
    guest.state.halted = false;
    guest.runToHalt();
    assert.equal(guest.u32(entryAt(PAGE)) & (A | D), A | D);
  });
});

describe('paging: translations follow the tables', function () {
  this.timeout(30_000);

  const storeAt = (address: number, value: number): readonly number[] => code([0xc7, 0x05], le32(address), le32(value));
  const moveCr3 = (value: number): readonly number[] => code(movEax(value), [0x0f, 0x22, 0xd8]);

  for (const mode of ['32-bit', 'PAE'] as const) {
    it(`${mode}: an entry that is changed takes effect`, () => {
      const guest = protectedGuest([]);
      const { entryAt } = pagingOn(guest, mode, PAGE | P | W);
      guest.put32(PAGE, 0x11111111);
      guest.put32(OTHER, 0x22222222);
      const invlpg = code([0x0f, 0x01, 0x3d], le32(PAGE));
      guest.put(AT.code, code(loadEax(PAGE), [0x89, 0xc3], storeAt(entryAt(PAGE), OTHER | P | W), invlpg, loadEax(PAGE), HLT));
      guest.runToHalt();
      assert.equal(guest.state.reg(L.RBX), 0x11111111);
      assert.equal(guest.state.reg(L.RAX), 0x22222222);
    });

    it(`${mode}: an entry that is taken away faults, also when the tables are written by a repeated store`, () => {
      const guest = protectedGuest([]);
      const { entryAt } = pagingOn(guest, mode, PAGE | P | W);
      const clear = code([0xbf], le32(entryAt(PAGE)), [0xb9], le32(mode === 'PAE' ? 2 : 1), [0x31, 0xc0, 0xf3, 0xab]);
      guest.put(AT.code, code(loadEax(PAGE), clear, loadEax(PAGE), HLT));
      assert.equal(outcome(guest), 0);
    });
  }

  it('a directory entry that is changed takes effect for all its pages', () => {
    const guest = protectedGuest([]);
    const { directoryAt } = pagingOn(guest, 'PAE', PAGE | P | W);
    guest.put32(PAGE, 1);
    // The second directory entry to the first table: 200000h is then physical 0.
    guest.put32(0, 0x33333333);
    guest.put(AT.code, code(loadEax(PAGE), storeAt(directoryAt(PAGE), guest.u32(directoryAt(0))), moveCr3(AT.tables), loadEax(PAGE), HLT));
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), 0x33333333);
  });

  it('two address spaces are kept apart and found again', () => {
    const guest = protectedGuest([]);
    const { directoryAt, entryAt } = pagingOn(guest, '32-bit', PAGE | P | W);
    const directory2 = AT.tables + 0x10000;
    const table2 = AT.tables + 0x11000;
    guest.put(table2, [...guest.map.copyOut(entryAt(0), 4096)]);
    guest.put32(table2 + (PAGE / 4096) * 4, OTHER | P | W);
    guest.put32(directory2, table2 | P | W | U);
    guest.put32(PAGE, 0xaaaa);
    guest.put32(OTHER, 0xbbbb);
    const first = directoryAt(0);
    const look = (address: number): readonly number[] => code(loadEax(PAGE), storeEax(address));
    guest.put(AT.code, code(look(AT.data), moveCr3(directory2), look(AT.data + 4), moveCr3(first), look(AT.data + 8), moveCr3(directory2), look(AT.data + 12), HLT));
    guest.runToHalt();
    assert.deepEqual([0, 4, 8, 12].map((o) => guest.u32(AT.data + o)), [0xaaaa, 0xbbbb, 0xaaaa, 0xbbbb]);
  });

  it('a large page of 4 MiB translates, has A and D in its entry, and can be split', () => {
    const guest = protectedGuest([]);
    const { directoryAt } = pagingOn(guest, '32-bit', PAGE | P | W);
    const linear = 0x800000;
    const at = directoryAt(linear);
    guest.put32(at, P | W | PS);
    guest.put32(PAGE, 0x44444444);
    const table = guest.u32(directoryAt(0));
    guest.put(AT.code, code(loadEax(linear + PAGE), HLT, storeEax(linear + OTHER), HLT, storeAt(at, table), moveCr3(AT.tables + 0x1000), loadEax(linear + OTHER), HLT));
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), 0x44444444);
    assert.equal(guest.u32(at) & (A | D), A);
    guest.state.halted = false;
    guest.runToHalt();
    assert.equal(guest.u32(OTHER), 0x44444444);
    assert.equal(guest.u32(at) & (A | D), A | D);
    guest.state.halted = false;
    guest.state.setReg(L.RAX, 0);
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), 0x44444444);
  });

  it('a page that was read-only for the guest is writable once its entry says so', () => {
    const guest = protectedGuest([]);
    const { entryAt } = pagingOn(guest, '32-bit', PAGE | P | U);
    enterUser(guest, code(loadEax(PAGE), [0xcd, 0x30], storeEax(PAGE), [0x0f, 0x0b]));
    guest.put(AT.idt + 8 * 0x30 + 5, [0xee]);
    // INT 30h makes it writable and returns.
    guest.put(AT.handlers + 0x300, code([0x80, 0x0d], le32(entryAt(PAGE)), W, 0xcf));
    guest.runToHalt();
    assert.equal(haltedIn(guest), 6, 'no page fault on the way');
  });

  it('stores that cross into a page that may not be written change nothing', () => {
    const guest = protectedGuest([]);
    pagingOn(guest, '32-bit', 0);
    guest.put32(PAGE - 4, 0x55555555);
    guest.put(AT.code, code(movEax(0), storeEax(PAGE - 2), HLT));
    assert.equal(outcome(guest), 2);
    assert.equal(guest.u32(PAGE - 4), 0x55555555);
  });

  it('self-modifying code is seen through another mapping of the page', () => {
    const guest = protectedGuest([]);
    pagingOn(guest, '32-bit', (AT.userCode) | P | W);
    guest.put(AT.userCode, [0xc3]);
    // The called page is also mapped at PAGE, where its RET is made HLT.
    guest.put(AT.code, code([0xe8], le32(AT.userCode - AT.code - 5), [0xc6, 0x05], le32(PAGE), HLT, [0xe8], le32(AT.userCode - AT.code - 17), NOP, NOP, HLT));
    guest.runToHalt();
    assert.equal(guest.state.eip, AT.userCode + 1);
  });
});
