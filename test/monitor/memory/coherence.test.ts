/**
 * Memory virtualization against plain walks (./plainMachine): random writes to guest tables, by the guest and by devices, CR3
 * and mode switches, several CPUs, pages that are shared and taken away. Every access has to end as without any of it, whatever
 * techniques are in use, and memory is the same byte for byte.
 */
import assert from 'node:assert/strict';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { NO_PAGING, type PagingControls } from '../../../src/monitor/memory/guestPaging';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { PageSharing } from '../../../src/monitor/memory/pageSharing';
import { ABSENT, PhysicalMap } from '../../../src/monitor/memory/physicalMap';
import type { AddressSpace } from '../../../src/monitor/memory/shadowPaging';
import { TECHNIQUES, Techniques, type Technique } from '../../../src/monitor/memory/techniques';
import { randomNumbers } from '../../guests/harness';
import { storeBeside } from './generatedStore';
import { PDPTE_RESERVED, PlainMachine } from './plainMachine';

const PAGE = 4096;
const PAGES = 2048;
const P = 1, PS = 0x80;
/** Guest pages that serve as tables: roots first. */
const ROOTS = { '32-bit': [512, 513, 514], PAE: [515, 516, 517], '4-level': [518, 519, 520] } as const;
const TABLES = { first: 528, count: 12 };
const MODES = ['32-bit', 'PAE', '4-level'] as const;
type Mode = (typeof MODES)[number];

interface VirtualCpu {
  controls: PagingControls;
  space: AddressSpace;
}

type Outcome = number | string;

class Trial {
  private readonly memory = new MachineMemory(PAGES);
  private readonly map = new PhysicalMap(this.memory, { read: () => 0, write: () => undefined });
  private readonly mmu: Mmu;
  private readonly plain = new PlainMachine(PAGES * PAGE);
  private readonly sharing = new PageSharing(this.map, PAGES);
  private readonly random: (limit: number) => number;
  private readonly cpus: VirtualCpu[];
  private current = 0;
  /** Stores to traced pages of which the monitor was not told. */
  private stores = 0;

  constructor(seed: number, without: readonly Technique[]) {
    this.random = randomNumbers(seed);
    this.map.declare(0, PAGES, ABSENT);
    this.mmu = new Mmu(this.memory, this.map, new Techniques(without));
    this.mmu.wrap32 = false;
    this.map.traces = { tableWritten: (address, bytes) => { this.mmu.shadow.tableWritten(address, bytes); }, codeWritten: () => undefined, codeMarks: () => 0 };
    const controls = this.controlsOf('32-bit', ROOTS['32-bit'][0] * PAGE, true);
    for (let i = 0; i < 60; i++) this.writeEntry();
    this.mmu.setControls(controls);
    this.cpus = [0, 1, 2].map(() => ({ controls, space: this.mmu.currentSpace }));
  }

  get counters(): Readonly<Record<string, number>> {
    return { storesBeside: this.stores, ...this.mmu.shadow.counters, ...this.map.counters, ...this.sharing.counters };
  }

  run(steps: number): void {
    const actions = [() => { this.access(); }, () => { this.access(); }, () => { this.access(); }, () => { this.writeEntry(); }, () => { this.rare(); }];
    for (let i = 1; i <= steps; i++) {
      this.pick(actions)();
      if (i % 1000 === 0) assert.ok(Buffer.from(this.map.copyOut(0, PAGES * PAGE)).equals(this.plain.bytes), 'memory is the same');
    }
  }

  private rare(): void {
    this.pick([
      () => { this.loadCr3(); }, () => { this.loadCr3(); },
      () => { this.nextCpu(); }, () => { this.nextCpu(); },
      () => { this.writeManyEntries(); },
      () => { this.mmu.tlb.dropPage(this.mmu.currentSpace.slot, this.linearPage()); },
      () => { this.sharing.scan(this.random(PAGES)); },
      () => { this.balloon(); },
      () => { this.copyPage(); },
      () => { this.copyRoot(); },
      () => { this.writeOwnTable(); }, () => { this.writeOwnTable(); },
    ])();
  }

  private pick<T>(list: readonly T[]): T {
    const item = list[this.random(list.length)];
    if (item === undefined) throw new Error('an empty list');
    return item;
  }

  private get controls(): PagingControls {
    return this.mmu.currentControls;
  }

  private controlsOf(mode: Mode, root: number, writeProtect: boolean): PagingControls {
    const loaded = [0, 1, 2, 3].map((i) => (BigInt(this.plain.read32(root + 8 * i + 4)) << 32n) | BigInt(this.plain.read32(root + 8 * i)));
    // A CPU takes none with reserved bits (#GP).
    const pdptes = loaded.map((entry) => ((entry & PDPTE_RESERVED) === 0n ? entry : 0n));
    return { ...NO_PAGING, mode, root, largePages: true, writeProtect, noExecute: mode !== '32-bit', gigabytePages: true, pdptes: mode === 'PAE' ? pdptes : [] };
  }

  private loadCr3(): void {
    const { mode } = this.controls;
    const next = this.random(4) === 0 || mode === 'none' ? this.pick(MODES) : mode === '5-level' ? '4-level' : mode;
    const controls = this.controlsOf(next, this.pick(ROOTS[next]) * PAGE, this.random(8) === 0 ? !this.controls.writeProtect : this.controls.writeProtect);
    this.mmu.setControls(controls);
    this.cpus[this.current] = { controls, space: this.mmu.currentSpace };
  }

  private nextCpu(): void {
    this.current = this.random(this.cpus.length);
    const { controls, space } = this.pick(this.cpus.slice(this.current, this.current + 1));
    this.mmu.resumeControls(controls, space);
  }

  /** Linear pages that are used: few, and far apart at every level. */
  private linearPage(): number {
    const low = this.pick([0, 1, 2, 3, 4, 5, 255, 511, ...(this.controls.mode === '32-bit' ? [1023] : [])]);
    if (this.controls.mode === '32-bit') return this.pick([0, 1, 1023]) * 1024 + low;
    const middle = this.pick([0, 1, 511]) * 512 + low;
    if (this.controls.mode === 'PAE') return this.pick([0, 3]) * 2 ** 18 + middle;
    return this.pick([0, 1, -(2 ** 35), -(2 ** 18)]) + this.pick([0, 1]) * 2 ** 18 + middle;
  }

  /** Where an entry may lie: in a root or a table, at one of the indices that are used. */
  private entryAt(): { readonly address: number; readonly wide: boolean; readonly isRoot: boolean; readonly mode: Mode } {
    const mode = this.pick(MODES);
    const isRoot = this.random(3) === 0;
    const page = isRoot ? this.pick(ROOTS[mode]) : TABLES.first + this.random(TABLES.count);
    return { address: page * PAGE + this.offsetOfEntry(mode, isRoot), wide: mode !== '32-bit', isRoot, mode };
  }

  private offsetOfEntry(mode: Mode, isRoot: boolean): number {
    if (mode === '32-bit') return 4 * this.pick([0, 1, 2, 3, 4, 5, 255, 511, 1023]);
    return 8 * this.pick(mode === 'PAE' && isRoot ? [0, 3] : [0, 1, 2, 3, 4, 5, 255, 256, 510, 511]);
  }

  private entryValue(isRoot: boolean, mode: Mode): number {
    if (this.random(8) === 0) return 0;
    const rights = P | this.random(4) << 1 | this.random(4) << 5;
    const toTable = isRoot ? this.random(8) !== 0 : this.random(2) === 0;
    if (mode === 'PAE' && isRoot) return (TABLES.first + this.random(TABLES.count)) * PAGE | P;
    if (toTable) return (TABLES.first + this.random(TABLES.count)) * PAGE | (rights & ~PS);
    // The first large page covers all of memory there is; the second is nothing but in the smaller sizes.
    if (this.random(4) === 0) return (mode === '32-bit' ? 0 : this.random(2) * 0x200000) | rights | (isRoot && mode === '4-level' ? 0 : PS);
    // The guest sees its own tables, too.
    return (this.random(2) === 0 ? this.random(PAGES) : TABLES.first + this.random(TABLES.count)) * PAGE | (rights & ~PS);
  }

  /** One entry, by a device. */
  private writeEntry(): void {
    const { address, wide, isRoot, mode } = this.entryAt();
    this.writePhysical(address, this.entryValue(isRoot, mode));
    if (wide) this.writePhysical(address + 4, this.random(6) === 0 && !isRoot ? 0x80000000 : 0);
  }

  private writeManyEntries(): void {
    const page = TABLES.first + this.random(TABLES.count);
    for (let i = 0; i < 64; i++) this.writePhysical(page * PAGE + 0x100 + 4 * i, i % 2 === 0 ? this.entryValue(false, '32-bit') : 0);
    // And some that are in use, while the table may be out of sync.
    for (let i = this.random(4); i > 0; i--) this.writePhysical(page * PAGE + this.offsetOfEntry(this.pick(MODES), false), this.entryValue(false, '32-bit'));
  }

  /** The guest writes to one of its tables, often enough that it goes out of sync, and goes on. */
  private writeOwnTable(): void {
    for (let i = 0; i < 20; i++) {
      const page = this.linearPage();
      if (!isTable(this.mmu.peekPage(page))) continue;
      for (let n = this.random(40); n > 0; n--) {
        this.accessAt(page, this.offsetOfEntry(this.pick(MODES), false), true, false, false);
        if (n < 4) this.access();
      }
      return;
    }
  }

  /** Two pages of data with the same bytes, so that there is something to share. */
  private copyPage(): void {
    const [from, to] = [this.random(512), this.random(512)];
    this.map.copyIn(to * PAGE, this.map.copyOut(from * PAGE, PAGE));
    this.plain.bytes.copyWithin(to * PAGE, from * PAGE, (from + 1) * PAGE);
    for (let i = 0; i < 3; i++) this.sharing.scan(PAGES);
  }

  /** A new space with the entries of another, as systems make them for their own half. */
  private copyRoot(): void {
    const { mode } = this.controls;
    if (mode === 'none' || mode === '5-level') return;
    const [from, to] = [this.pick(ROOTS[mode]), this.pick(ROOTS[mode])];
    for (let at = 0; at < PAGE; at += 4) {
      const value = this.plain.read32(from * PAGE + at);
      if (value !== this.plain.read32(to * PAGE + at)) this.writePhysical(to * PAGE + at, value);
    }
  }

  private writePhysical(address: number, value: number): void {
    this.map.write(address, 4, value);
    this.plain.write32(address, value);
  }

  private balloon(): void {
    const page = this.pick([this.random(PAGES), TABLES.first + this.random(TABLES.count)]);
    assert.ok(this.map.balloon(page));
    this.plain.bytes.fill(0, page * PAGE, (page + 1) * PAGE);
  }

  private access(): void {
    const page = this.linearPage();
    const offset = isTable(this.mmu.peekPage(page)) ? this.offsetOfEntry(this.pick(MODES), false) : 4 * this.random(1024);
    const [write, user] = [this.random(2) === 0, this.random(2) === 0];
    this.accessAt(page, offset, write, user, !write && this.random(6) === 0);
  }

  private accessAt(page: number, offset: number, write: boolean, user: boolean, fetch: boolean): void {
    // Data that looks like entries: a data page may be a table elsewhere.
    const value = this.entryValue(false, '32-bit');
    const expected = this.plainly(page, offset, { write, user, fetch }, value);
    const found = this.virtually(page, offset, { write, user, fetch }, value);
    assert.equal(found, expected, `${this.controls.mode}, page ${page}, ${user ? 'user' : 'supervisor'} ${write ? 'write' : fetch ? 'fetch' : 'read'}`);
  }

  private plainly(page: number, offset: number, access: { write: boolean; user: boolean; fetch: boolean }, value: number): Outcome {
    const answer = this.plain.resolve(this.controls, page, access);
    if ('error' in answer) return `#PF(${answer.error})`;
    const address = answer.page * PAGE + offset;
    if (access.write) {
      this.plain.write32(address, value);
      return 'written';
    }
    return access.fetch ? answer.page : this.plain.read32(address);
  }

  private virtually(page: number, offset: number, { write, user, fetch }: { write: boolean; user: boolean; fetch: boolean }, value: number): Outcome {
    const { mmu } = this;
    const linear = page * PAGE + offset;
    try {
      if (fetch) return mmu.fetchPage(page, offset, user);
      if (!write) return mmu.read(linear, 4, user);
      if (storeBeside(this.memory, mmu, page, offset, value, user)) this.stores++;
      else mmu.write(linear, 4, value, user);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      assert.equal(reason.linear, BigInt.asUintN(64, BigInt(linear)));
      return `#PF(${reason.errorCode ?? -1})`;
    }
    return 'written';
  }
}

const isTable = (page: number): boolean => page >= ROOTS['32-bit'][0] && page < TABLES.first + TABLES.count;

/** Everything, each technique left out alone, and none of them. */
const CASES: readonly (readonly [string, readonly Technique[]])[] = [
  ['all techniques', []],
  ...Object.keys(TECHNIQUES).map((name) => [`without ${name}`, [name as Technique]] as const),
  ['none of them', Object.keys(TECHNIQUES) as Technique[]],
];

describe('memory virtualization against plain walks', function () {
  this.timeout(60_000);

  for (const [name, without] of CASES) {
    it(name, () => {
      for (let seed = 1; seed <= 6; seed++) new Trial(seed, without).run(5000);
    });
  }

  it('has gone through every technique meanwhile', () => {
    const trial = new Trial(7, []);
    trial.run(20_000);
    for (const name of ['batchedFills', 'directFills', 'largeFills', 'guestWalks', 'tracedWrites', 'floods', 'unsyncs', 'resyncs', 'grafts', 'cowBreaks', 'ballooned', 'pagesMerged', 'storesBeside']) {
      assert.ok((trial.counters[name] ?? 0) > 0, name);
    }
  });
});
