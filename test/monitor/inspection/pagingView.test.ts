/**
 * Address spaces, tables and walks as the inspection tells of them: which space is meant, wide addresses, and what stands
 * behind an address (Intel SDM vol. 3, chapter 4).
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { PagingView } from '../../../src/monitor/inspection/pagingView';
import type { PagingControls } from '../../../src/monitor/memory/guestPaging';
import { MAX_SPACES } from '../../../src/monitor/memory/layout';
import { DEVICE } from '../../../src/monitor/memory/physicalMap';
import { AT, HLT, code, protectedGuest, type Guest } from '../cpu/guest';

const P = 1, W = 2, U = 4, PS = 0x80;
const CR0_PG = 0x80000000, CR0_PE = 0x11;
const PSE = 0x10, PAE = 0x20;
const ROOT = AT.tables;
/** A kind of access (mmu.ts). */
const READ = 0;

function look(guest: Guest): PagingView {
  return new PagingView(guest.cpu, (physical) => (physical >= 0xfee00000 && physical < 0xfee01000 ? 'local APIC' : undefined));
}

/** CR3 = ROOT, in the mode that CR4 says. The table's first entry is a large page, a pointer for PAE's root. */
function enter(guest: Guest, cr4: number): void {
  const { state } = guest;
  state.setU32(L.CR4, cr4);
  state.setWide(L.CR3, ROOT);
  const directory = ROOT + 0x1000;
  [directory | P, 0, 0, 0].forEach((value, i) => state.setU64(L.PDPTE + 8 * i, BigInt(value)));
  state.setU32(L.CR0, (CR0_PE | CR0_PG) >>> 0);
  guest.cpu.updatePaging();
}

function oneRootThreeWays(): Guest {
  const guest = protectedGuest(code(HLT));
  // As a directory with PSE: a 4 MiB page at 0. Without PSE: a pointer to the table at 0.
  guest.put32(ROOT, PS | P | W);
  guest.put32(ROOT + 0x1000, 0x200000 | PS | P | W);
  for (const cr4 of [PAE, 0, PSE]) enter(guest, cr4);
  return guest;
}

describe('address spaces', () => {
  it('are as many as a CR3 has been read in ways, each with a key of its own', () => {
    const spaces = look(oneRootThreeWays()).addressSpaces().filter(({ cr3 }) => cr3 === ROOT);
    assert.deepEqual(spaces.map(({ mode, largePages, current }) => [mode, largePages, current]), [['PAE', true, false], ['32-bit', false, false], ['32-bit', true, true]]);
    assert.equal(new Set(spaces.map(({ key }) => key)).size, 3);
  });

  it('are read by their own rules, whichever is current', () => {
    const view = look(oneRootThreeWays());
    const [pae, small, large] = view.addressSpaces().filter(({ cr3 }) => cr3 === ROOT);
    const walk = (key: string) => view.walk(ROOT, 0x1234n, key);
    assert.deepEqual([walk(pae.key).mode, walk(pae.key).key, walk(pae.key).physical], ['PAE', pae.key, 0x201234]);
    assert.deepEqual(walk(small.key).guest.map(({ name, large: isLarge }) => [name, isLarge]), [['PDE', false], ['PTE', false]]);
    assert.deepEqual([walk(large.key).physical, walk(large.key).guest.length], [0x1234, 1]);
    assert.equal(view.table({ cr3: ROOT, key: pae.key })?.level, 3);
    assert.equal(view.table({ cr3: ROOT, key: large.key })?.level, 2);
    assert.equal(view.table({ cr3: ROOT, key: large.key })?.guest[0].kind, 'large-page');
    assert.equal(view.table({ cr3: ROOT, key: small.key })?.guest[0].kind, 'table');
  });

  it('without a key, or with one that is not known any more, are the current one under that CR3', () => {
    const view = look(oneRootThreeWays());
    const current = view.addressSpaces().find((space) => space.current);
    assert.ok(current);
    for (const key of [undefined, 'gone']) assert.equal(view.walk(ROOT, 0n, key).key, current.key);
    assert.equal(view.walk(undefined, 0n).key, current.key);
    assert.equal(view.walk(0x7000, 0n).key, undefined, 'nothing is known of this CR3');
  });

  it("are read from their own four entries with PAE before they were ever entered, whatever flags CR3 has", () => {
    const guest = protectedGuest(code(HLT));
    guest.put32(ROOT + 0x1000, 0x200000 | PS | P | W);
    enter(guest, PAE);
    const [other, directory] = [ROOT + 0x2020, ROOT + 0x3000];
    guest.put32(other, directory | P);
    guest.put32(directory, 0x400000 | PS | P | W);
    const view = look(guest);
    assert.equal(view.walk(undefined, 0x1234n).physical, 0x201234);
    for (const cr3 of [other, other | 8, other | 0x18]) assert.equal(view.walk(cr3, 0x1234n).physical, 0x401234);
    assert.equal(view.walk(other, 0x40001234n).physical, undefined, 'its second entry is not present');
    assert.equal(view.table({ cr3: other })?.guest.length, 1);
  });

  it('are told of quickly when there are as many as the monitor keeps, with hundreds of tables (printed)', () => {
    const guest = protectedGuest(code(HLT));
    const [own, shared, used] = [8, 16, 64];
    let free = ROOT;
    const page = () => (free += 0x1000) - 0x1000;
    const table = (): number => {
      const at = page();
      for (let i = 0; i < used; i++) guest.put32(at + 4 * i, AT.data | P | W);
      return at;
    };
    // The upper half is all spaces', as a kernel has it.
    const kernel = Array.from({ length: shared }, table);
    const roots = Array.from({ length: MAX_SPACES }, () => {
      const root = page();
      kernel.forEach((at, i) => { guest.put32(root + 4 * (512 + i), at | P | W); });
      for (let i = 0; i < own; i++) guest.put32(root + 4 * i, table() | P | W);
      return root;
    });
    for (const root of roots) {
      guest.state.setWide(L.CR3, root);
      guest.state.setU32(L.CR0, (CR0_PE | CR0_PG) >>> 0);
      guest.cpu.updatePaging();
      for (const directory of [...Array(own).keys(), ...kernel.map((_, i) => 512 + i)]) {
        for (let i = 0; i < used; i++) guest.cpu.mmu.access(((directory << 22) | (i << 12)) >>> 0, 0, 1, READ, false);
      }
    }
    const view = look(guest);
    const spaces = view.addressSpaces().filter(({ mode }) => mode === '32-bit');
    assert.ok(spaces.length >= MAX_SPACES - 1, String(spaces.length));
    for (const { shadowTables, shadowEntries } of spaces) assert.deepEqual([shadowTables, shadowEntries], [1 + own + shared, (own + shared) * used]);
    const [rounds, start] = [20, performance.now()];
    for (let i = 0; i < rounds; i++) view.addressSpaces();
    console.log(`      ${spaces.length} spaces with ${MAX_SPACES * own + shared} tables below them: ${((performance.now() - start) / rounds).toFixed(2)} ms of the monitor's time`);
  });
});

describe('64-bit tables', () => {
  const KEY = 5;
  const LINEAR = 0xffff888000001000n;
  const [pml4, pdpt, directory, table] = [0, 0x1000, 0x2000, 0x3000].map((offset) => ROOT + offset);

  function fourLevels(): Guest {
    const guest = protectedGuest(code(HLT));
    guest.put32(pml4 + 273 * 8, pdpt | P | W | U);
    guest.put32(pdpt, directory | P | W | U);
    guest.put32(pdpt + 8, 0x40000000 | PS | P | W);
    guest.put32(directory, table | P | W | U);
    guest.put32(table + 8, 0x200000 | P | W | U);
    guest.put32(table + 12, KEY << 27);
    const { mmu } = guest.cpu;
    const controls: PagingControls = { ...mmu.currentControls, mode: '4-level', root: pml4, largePages: true, gigabytePages: true };
    mmu.setControls(controls);
    return guest;
  }

  it('have canonical addresses of 64 bits, in the upper half too', () => {
    const view = look(fourLevels());
    const walk = view.walk(undefined, LINEAR + 0x234n);
    assert.deepEqual(walk.guest.map(({ name, index }) => [name, index]), [['PML4E', 273], ['PDPTE', 0], ['PDE', 0], ['PTE', 1]]);
    assert.deepEqual([walk.linear, walk.physical], [LINEAR + 0x234n, 0x200234]);
    const root = view.table({ cr3: pml4 });
    assert.deepEqual([root?.level, root?.linear, root?.bytes, root?.guest[0].linear], [4, 0n, 1n << 48n, 0xffff888000000000n]);
    const leaf = view.table({ cr3: pml4, linear: LINEAR, level: 1 });
    assert.deepEqual([leaf?.linear, leaf?.guest[0].linear, leaf?.guest[0].protectionKey], [0xffff888000000000n, LINEAR, KEY]);
  });

  it('may have pages of 1 GiB', () => {
    const page = look(fourLevels()).table({ cr3: pml4, linear: LINEAR, level: 3 })?.guest.find(({ kind }) => kind === 'large-page');
    assert.deepEqual([page?.linear, page?.bytes, page?.target], [0xffff888040000000n, 1n << 30n, 0x40000000]);
  });
});

describe('what stands behind an address', () => {
  it('is named: memory, ROM, a device, nothing', () => {
    const guest = protectedGuest(code(HLT));
    const { map } = guest.cpu.mmu;
    map.declare(0xa0, 0x20, DEVICE);
    map.declare(0xfee00, 1, DEVICE);
    map.protect(0xf0000, 0x10000);
    const view = look(guest);
    const backing = (physical: number) => view.walk(undefined, BigInt(physical)).backing;
    assert.equal(backing(AT.code), 'RAM');
    assert.equal(backing(0xb8000), 'device: VGA text memory');
    assert.equal(backing(0xa0000), 'device: VGA graphics memory');
    assert.equal(backing(0xfee00020), 'device: local APIC');
    assert.equal(backing(0xf0000), 'BIOS ROM');
    assert.equal(backing(0xe0000000), 'nothing');
  });
});
