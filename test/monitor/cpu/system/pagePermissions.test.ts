/**
 * Access rights of pages: every combination of control bits, entries and kinds of access in all formats of page tables,
 * compared with the manual's rules (Intel SDM vol. 3, 4.3 to 4.8).
 */
import assert from 'node:assert/strict';
import { GuestFault } from '../../../../src/monitor/memory/guestFault';
import { NO_PAGING, type PagingControls } from '../../../../src/monitor/memory/guestPaging';
import { MachineMemory } from '../../../../src/monitor/memory/machineMemory';
import { Mmu, REFUSED } from '../../../../src/monitor/memory/mmu';
import { ABSENT, PhysicalMap } from '../../../../src/monitor/memory/physicalMap';
import { ACCESSES, expectedFault, notPresent, reserved, type MemoryAccess, type Mode, type Rights, type Rules } from './pagingModel';

const PAGE = 4096;
const PRESENT = 1n, WRITABLE = 2n, USER = 4n, ACCESSED = 0x20n, DIRTY = 0x40n, LARGE = 0x80n, NX = 1n << 63n;
const RAM_BYTES = 0x800000;
/** Tables, one for each level, and where the page under test lies: 4 KiB pages in plain memory, large ones at 4 MiB or 0. */
const TABLES = 0x10000, SMALL_PAGE = 0x30000, LARGE_PAGE = 0x400000;
const ALL_ONES = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const PHYSICAL_BITS = 40;

/** A format of translation: the level whose entry maps the page (1: a page table's). */
interface Format {
  readonly name: string;
  readonly mode: Mode;
  readonly levels: number;
  readonly leaf: number;
  readonly linear: bigint;
}

const FORMATS: readonly Format[] = [
  { name: '32-bit, 4 KiB', mode: '32-bit', levels: 2, leaf: 1, linear: 0x00c03000n },
  { name: '32-bit, 4 MiB', mode: '32-bit', levels: 2, leaf: 2, linear: 0x00c03000n },
  { name: 'PAE, 4 KiB', mode: 'PAE', levels: 3, leaf: 1, linear: 0xc0803000n },
  { name: 'PAE, 2 MiB', mode: 'PAE', levels: 3, leaf: 2, linear: 0x40803000n },
  { name: '4-level, 4 KiB', mode: '4-level', levels: 4, leaf: 1, linear: 0x0000_7f80_c0a0_3000n },
  { name: '4-level, 2 MiB', mode: '4-level', levels: 4, leaf: 2, linear: -0x0000_7f80_c0a0_3000n },
  { name: '4-level, 1 GiB', mode: '4-level', levels: 4, leaf: 3, linear: 0x0000_0180_0040_3000n },
  { name: '5-level, 4 KiB, below 4 GiB', mode: '5-level', levels: 5, leaf: 1, linear: 0x40a0_3000n },
  { name: '5-level, 4 KiB', mode: '5-level', levels: 5, leaf: 1, linear: -0x00ef_0000_0000_5000n },
  { name: '5-level, 2 MiB', mode: '5-level', levels: 5, leaf: 2, linear: 0x00ab_7f80_c0a0_3000n },
  { name: '5-level, 1 GiB', mode: '5-level', levels: 5, leaf: 3, linear: -0x0012_3456_0040_3000n },
];

const entryBytes = ({ mode }: Format): number => (mode === '32-bit' ? 4 : 8);
const indexBits = ({ mode }: Format): number => (mode === '32-bit' ? 10 : 9);
const indexAt = (format: Format, level: number): number =>
  Number((BigInt.asUintN(64, format.linear) >> BigInt(12 + indexBits(format) * (level - 1))) & ALL_ONES(level === 3 && format.mode === 'PAE' ? 2 : indexBits(format)));
const tableAt = (level: number): number => TABLES + level * PAGE;
const entryAt = (format: Format, level: number): number => tableAt(level) + indexAt(format, level) * entryBytes(format);
const frameOf = ({ leaf }: Format): number => (leaf === 1 ? SMALL_PAGE : leaf === 2 ? LARGE_PAGE : 0);
/** PAE's top level is latched in registers, and has neither rights nor A and D bits. */
const isLatched = ({ mode }: Format, level: number): boolean => mode === 'PAE' && level === 3;

class Bench {
  private readonly memory = new MachineMemory(RAM_BYTES / PAGE);
  readonly map = new PhysicalMap(this.memory, { read: () => 0, write: () => undefined });
  readonly mmu = new Mmu(this.memory, this.map);
  private ac = false;

  constructor() {
    this.map.declare(0, RAM_BYTES / PAGE, ABSENT);
    this.mmu.shadow.alignmentFlag = () => this.ac;
    this.map.traces = { tableWritten: (address, bytes) => this.mmu.shadow.tableWritten(address, bytes), codeWritten: () => undefined, codeMarks: () => 0 };
  }

  /** Lays out tables for a format; `bits` gives an entry's flags by its level. */
  lay(format: Format, bits: (level: number) => bigint): void {
    for (let level = format.levels; level >= format.leaf; level--) {
      const target = BigInt(level === format.leaf ? frameOf(format) : tableAt(level - 1));
      const large = level === format.leaf && level > 1 ? LARGE : 0n;
      this.put(format, level, target | large | bits(level));
    }
  }
  put(format: Format, level: number, entry: bigint): void {
    const at = entryAt(format, level);
    this.map.write(at, 4, Number(entry & 0xffffffffn));
    if (entryBytes(format) === 8) this.map.write(at + 4, 4, Number(BigInt.asUintN(64, entry) >> 32n));
  }
  entry(format: Format, level: number): bigint {
    const at = entryAt(format, level);
    const high = entryBytes(format) === 8 ? BigInt(this.map.read(at + 4, 4)) << 32n : 0n;
    return high | BigInt(this.map.read(at, 4));
  }

  enter(format: Format, rules: Rules): void {
    const latched = (i: number): bigint => BigInt(this.map.read(tableAt(3) + 8 * i, 4));
    const controls: PagingControls = {
      ...NO_PAGING,
      mode: format.mode,
      root: tableAt(format.levels),
      largePages: true,
      gigabytePages: true,
      writeProtect: rules.wp,
      smep: rules.smep,
      smap: rules.smap,
      noExecute: rules.nxe,
      pkru: rules.pkru ?? 0,
      pdptes: format.mode === 'PAE' ? [0, 1, 2, 3].map(latched) : [],
    };
    this.mmu.wrap32 = format.mode === '32-bit' || format.mode === 'PAE';
    this.mmu.setControls(controls);
  }

  /** Makes an access: the error code of its page fault, or undefined. */
  try(format: Format, access: MemoryAccess, offset = 0x120): number | undefined {
    const { mmu } = this;
    const address = format.linear + BigInt(offset);
    this.ac = access.ac;
    mmu.shadow.implicit = access.implicit;
    try {
      if (access.kind === 'fetch') mmu.fetchPage(Number(address >> 12n), offset, access.user);
      else {
        const host = mmu.access(Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n)), 4, access.kind === 'write' ? 1 : 0, access.user);
        if (host === REFUSED) throw mmu.takeFault();
        if (access.kind === 'write') mmu.commit();
      }
      return undefined;
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      assert.equal(reason.vector, 14);
      assert.equal(reason.linear, BigInt.asUintN(64, address), 'CR2');
      return reason.errorCode;
    } finally {
      mmu.shadow.implicit = false;
    }
  }
}

/** Every combination of some yes-or-no questions. */
function* combinations<K extends string>(names: readonly K[]): Generator<Readonly<Record<K, boolean>>> {
  for (let bits = 0; bits < 1 << names.length; bits++) {
    yield Object.fromEntries(names.map((name, i) => [name, (bits >> i) % 2 === 1])) as Record<K, boolean>;
  }
}

const KEY = 5;
/** CR4.PKE clear; the key open, closed, closed for writing; another key closed. */
const KEYS: readonly (number | undefined)[] = [undefined, 0, 1 << (2 * KEY), 2 << (2 * KEY), 0xffffffff & ~(3 << (2 * KEY))];

function allRules(format: Format): readonly Rules[] {
  const keyed = format.mode === '4-level' || format.mode === '5-level';
  return [...combinations(['wp', 'smep', 'smap', 'nxe'])].flatMap((rules) => (keyed ? KEYS : [undefined]).map((pkru) => ({ ...rules, pkru })));
}

const say = (what: unknown): string => JSON.stringify(what, (_, value: unknown) => (typeof value === 'bigint' ? value.toString(16) : value));

describe('page permissions', function () {
  this.timeout(120_000);

  const bench = new Bench();

  for (const format of FORMATS) {
    it(`${format.name}: rights by all combinations of controls, entries and accesses`, () => {
      let compared = 0;
      for (const rules of allRules(format)) {
        // The upper entry that restricts changes with the combination.
        let turn = 0;
        for (const entry of combinations(['leafWritable', 'leafUser', 'leafClosed', 'upperWritable', 'upperUser', 'upperClosed'])) {
          const uppers = Array.from({ length: format.levels - format.leaf }, (_, i) => format.leaf + 1 + i).filter((level) => !isLatched(format, level));
          const restricts = uppers.length > 0 ? uppers[turn++ % uppers.length] : undefined;
          if (restricts === undefined && !(entry.upperWritable && entry.upperUser && !entry.upperClosed)) continue;
          // XD is a reserved bit without EFER.NXE, and does not exist in 32-bit entries.
          const closable = rules.nxe && format.mode !== '32-bit';
          if ((entry.leafClosed || entry.upperClosed) && !closable) continue;
          const bits = (writable: boolean, user: boolean, closed: boolean): bigint =>
            PRESENT | (writable ? WRITABLE : 0n) | (user ? USER : 0n) | (closed ? NX : 0n);
          bench.lay(format, (level) => {
            if (isLatched(format, level)) return PRESENT;
            if (level === format.leaf) return bits(entry.leafWritable, entry.leafUser, entry.leafClosed) | (rules.pkru === undefined ? 0n : BigInt(KEY) << 59n);
            return level === restricts ? bits(entry.upperWritable, entry.upperUser, entry.upperClosed) : bits(true, true, false);
          });
          bench.enter(format, rules);
          const rights: Rights = {
            writable: entry.leafWritable && entry.upperWritable,
            user: entry.leafUser && entry.upperUser,
            noExecute: entry.leafClosed || entry.upperClosed,
            key: KEY,
          };
          // Forwards on fresh entries, and backwards on what the monitor remembers of them.
          for (const access of [...ACCESSES, ...[...ACCESSES].reverse()]) {
            const expected = expectedFault(format.mode, rules, rights, access);
            assert.equal(bench.try(format, access), expected, say({ rules, rights, access, restricts }));
            compared++;
          }
        }
      }
      assert.ok(compared > 1000, `${compared} comparisons`);
    });
  }

  const OPEN: Rules = { wp: true, smep: false, smap: false, nxe: false, pkru: undefined };

  for (const format of FORMATS) {
    it(`${format.name}: an entry that is not present, at each level`, () => {
      for (const nxe of [false, true]) {
        const rules = { ...OPEN, nxe };
        for (let absent = format.levels; absent >= format.leaf; absent--) {
          // All other bits are ignored then.
          const junk = format.mode === '32-bit' ? 0x00000ffen : 0x7fffffff00000ffen | (nxe ? NX : 0n);
          bench.lay(format, (level) => (level === absent ? (isLatched(format, level) ? 0n : junk) : isLatched(format, level) ? PRESENT : PRESENT | WRITABLE | USER));
          bench.enter(format, rules);
          for (const access of ACCESSES) assert.equal(bench.try(format, access), notPresent(format.mode, rules, access), say({ absent, access }));
        }
      }
    });

    it(`${format.name}: each reserved bit, at each level`, () => {
      for (const nxe of [false, true]) {
        const rules = { ...OPEN, nxe };
        for (let level = format.levels; level >= format.leaf; level--) {
          if (isLatched(format, level)) continue;
          for (const bit of reservedBits(format, level, nxe)) {
            bench.lay(format, (l) => (isLatched(format, l) ? PRESENT : PRESENT | WRITABLE | USER | (l === level ? 1n << BigInt(bit) : 0n)));
            bench.enter(format, rules);
            for (const access of ACCESSES) assert.equal(bench.try(format, access), reserved(format.mode, rules, access), say({ level, bit, nxe, access }));
          }
        }
      }
    });

    it(`${format.name}: bits that are ignored, at each level`, () => {
      for (let level = format.levels; level >= format.leaf; level--) {
        if (isLatched(format, level)) continue;
        const bits = [9, 10, 11, ...(format.mode === '4-level' || format.mode === '5-level' ? range(52, 58) : [])];
        for (const bit of bits) {
          bench.lay(format, (l) => (isLatched(format, l) ? PRESENT : PRESENT | WRITABLE | USER | (l === level ? 1n << BigInt(bit) : 0n)));
          bench.enter(format, OPEN);
          assert.equal(bench.try(format, { kind: 'write', user: true, implicit: false, ac: false }), undefined, say({ level, bit }));
        }
      }
    });

    it(`${format.name}: A in every entry that is used, D in the last on a write, and no D where the access is refused`, () => {
      for (const access of ACCESSES) {
        for (const allowed of [true, false]) {
          const rules: Rules = { wp: true, smep: true, smap: true, nxe: true, pkru: undefined };
          const user = access.user === allowed;
          bench.lay(format, (level) => (isLatched(format, level) ? PRESENT : PRESENT | WRITABLE | (user ? USER : 0n)));
          bench.enter(format, rules);
          const rights = { writable: true, user, noExecute: false, key: 0 };
          const fault = expectedFault(format.mode, rules, rights, access);
          assert.equal(bench.try(format, access), fault);
          for (let level = format.levels; level >= format.leaf; level--) {
            if (isLatched(format, level)) continue;
            const now = bench.entry(format, level);
            const last = level === format.leaf;
            if (fault === undefined) assert.equal((now & ACCESSED) !== 0n, true, say({ access, level }));
            assert.equal((now & DIRTY) !== 0n, fault === undefined && last && access.kind === 'write', say({ access, level }));
          }
        }
      }
    });
  }

  it('4 MiB pages: bits 20-13 are address bits 39-32 (PSE-36)', () => {
    const format: Format = { name: '', mode: '32-bit', levels: 2, leaf: 2, linear: 0x00c03000n };
    for (let bit = 13; bit <= 20; bit++) {
      bench.lay(format, () => PRESENT | (1n << BigInt(bit)));
      bench.enter(format, OPEN);
      assert.equal(bench.mmu.fetchPage(0xc03, 0, false), (LARGE_PAGE + 0x3000 + 2 ** (bit + 19)) / PAGE);
    }
  });

  it('with 32 and 36 bits of physical addresses all bits above are reserved, and without PSE-36 those of a 4 MiB page (table 4-4; 4.4.2)', () => {
    const access: MemoryAccess = { kind: 'read', user: false, implicit: false, ac: false };
    const refused = (format: Format, bit: number, width: Pick<PagingControls, 'physicalBits' | 'largePageBits'>): boolean => {
      bench.lay(format, (level) => PRESENT | (level === format.leaf ? 1n << BigInt(bit) : 0n));
      bench.enter(format, OPEN);
      bench.mmu.setControls({ ...bench.mmu.currentControls, ...width });
      const code = bench.try(format, access);
      assert.ok(code === undefined || code === reserved(format.mode, OPEN, access), say({ bit, ...width, code }));
      return code !== undefined;
    };
    const ofMode = (name: string): Format => FORMATS.find((format) => format.name === name) ?? assert.fail(name);
    for (const physicalBits of [32, 36, 40]) {
      for (let bit = 32; bit <= 51; bit++) {
        for (const name of ['PAE, 4 KiB', 'PAE, 2 MiB']) assert.equal(refused(ofMode(name), bit, { physicalBits, largePageBits: 40 }), bit >= physicalBits, say({ name, bit, physicalBits }));
      }
      for (let bit = 13; bit <= 21; bit++) {
        assert.equal(refused(ofMode('32-bit, 4 MiB'), bit, { physicalBits: 40, largePageBits: physicalBits }), bit >= physicalBits - 19, say({ bit, physicalBits }));
      }
    }
  });

  it('bit 7 of a page-directory entry is ignored without CR4.PSE', () => {
    const format: Format = { name: '', mode: '32-bit', levels: 2, leaf: 1, linear: 0x00c03000n };
    bench.lay(format, (level) => PRESENT | (level === 2 ? LARGE : 0n));
    bench.enter(format, OPEN);
    bench.mmu.setControls({ ...bench.mmu.currentControls, largePages: false });
    assert.equal(bench.mmu.fetchPage(0xc03, 0, false), SMALL_PAGE / PAGE);
  });
});

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Reserved bits of an entry that is present (tables 4-5 to 4-20), with 40 bits of physical addresses and 1 GiB pages. */
function reservedBits({ mode, leaf }: Format, level: number, nxe: boolean): readonly number[] {
  const large = level === leaf && level > 1;
  if (mode === '32-bit') return large ? [21] : [];
  const address = mode === 'PAE' ? range(PHYSICAL_BITS, 62) : range(PHYSICAL_BITS, 51);
  const execute = nxe ? [] : [63];
  const low = large ? (level === 2 ? range(13, 20) : range(13, 29)) : level >= 4 ? [7] : [];
  return [...address, ...execute, ...low];
}
