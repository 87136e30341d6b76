// Descriptor tables as they are told: every kind of entry, what its use comes to (as the processor then does it), what is stale.
import assert from 'node:assert/strict';
import type { DescriptorTables, TableEntry } from '../../../src/monitor/inspection/queries';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, PRESENT, SEL, callFar, code, descriptor, dpl, gate, haltedIn, int, jmpFar, protectedGuest, setDescriptor, type Guest } from '../cpu/guest';
import { tablesOf } from './tables';

const entry = (entries: readonly TableEntry[] | undefined, index: number): TableEntry => {
  const found = entries?.find((each) => index >= each.index && index < each.index + each.count);
  assert.ok(found, `entry ${index}`);
  return found;
};
const slot = (tables: DescriptorTables, selector: number): TableEntry => entry(tables.gdt?.entries, selector >> 3);
const outcomes = ({ uses }: TableEntry) => Object.fromEntries(uses.map(({ use, fault }) => [use, fault ?? 'works']));

describe('descriptor tables', function () {
  this.timeout(30_000);

  it('decode code, data and TSS, and say in which registers they are loaded', () => {
    const tables = tablesOf(protectedGuest([HLT]));
    assert.equal(tables.mode, 'protected-32');
    const codeEntry = slot(tables, SEL.code0);
    assert.deepEqual([codeEntry.kind, codeEntry.meaning, codeEntry.dpl, codeEntry.segment?.limit], ['code', 'code, readable, 32-bit', 0, 0xffffffff]);
    assert.deepEqual(codeEntry.loadedIn, ['cs']);
    assert.equal(slot(tables, SEL.tss).kind, 'tss');
    assert.equal(entry(tables.gdt?.entries, 0).meaning, 'null descriptor');
    assert.equal(tables.gdt?.base, BigInt(AT.gdt));
  });

  /** Each use is tried by the processor itself: what the view foretells is what happens. */
  for (const [what, bytes] of [
    ['data at DPL 0', descriptor(0, 0xfffff, PRESENT | 0x12, 0xc)], ['data that is absent', descriptor(0, 0xfffff, 0x12, 0xc)],
    ['data that is read-only', descriptor(0, 0xfffff, PRESENT | 0x10, 0xc)], ['code that may only be executed', descriptor(0, 0xfffff, PRESENT | 0x18, 0xc)],
    ['code at DPL 3', descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x1a, 0xc)], ['conforming code', descriptor(0, 0xfffff, PRESENT | 0x1e, 0xc)], ['an LDT', descriptor(0, 0xff, PRESENT | 2)],
  ] as const) {
    it(`foretell what becomes of ${what}`, () => {
      const loads: Readonly<Record<string, readonly number[]>> = {
        'load DS, ES, FS, GS': [0xb8, SEL.free, 0, 0, 0, 0x8e, 0xe0, HLT], 'load SS': [0xb8, SEL.free, 0, 0, 0, 0x8e, 0xd0, HLT],
        'JMP or CALL far': jmpFar(SEL.free, AT.code + 0x100), LLDT: [0xb8, SEL.free, 0, 0, 0, 0x0f, 0x00, 0xd0, HLT],
      };
      const prepared = (program: readonly number[]): Guest => {
        const guest = protectedGuest(program);
        setDescriptor(guest, SEL.free, bytes);
        guest.put(AT.code + 0x100, [HLT]);
        return guest;
      };
      const foretold = outcomes(slot(tablesOf(prepared([HLT])), SEL.free));
      assert.ok(Object.keys(foretold).length > 0);
      for (const [use, outcome] of Object.entries(foretold)) {
        const guest = prepared(loads[use]);
        guest.runToHalt();
        const faulted = guest.state.eip >= AT.handlers && guest.state.eip < AT.handlers + 0x1000;
        const happened = !faulted ? 'works' : `${({ 11: '#NP', 12: '#SS', 13: '#GP' })[haltedIn(guest)] ?? 'another'}(0x${guest.stack(1)[0].toString(16)})`;
        assert.equal(happened, outcome, use);
      }
    });
  }

  it('follow gates to their code, and tell INT from exceptions', () => {
    const guest = protectedGuest(code(int(0x40), [HLT]));
    guest.put(AT.idt + 8 * 0x40, gate(SEL.code0, 0x12345678, PRESENT | 0xe));
    guest.put(AT.idt + 8 * 0x41, gate(SEL.data0, 0x1000, PRESENT | 0xf));
    guest.put(AT.idt + 8 * 0x42, gate(SEL.code0, 0x1000, 0xf));
    guest.put(AT.idt + 8 * 0x43, new Array<number>(8 * (0x100 - 0x43)).fill(0));
    const { idt } = tablesOf(guest);
    assert.deepEqual(entry(idt?.entries, 0x40).gate, { selector: SEL.code0, offset: 0x12345678n, linear: 0x12345678n });
    assert.deepEqual(outcomes(entry(idt?.entries, 0x40)), { interrupt: 'works', 'INT 40h': 'works' });
    assert.deepEqual(outcomes(entry(idt?.entries, 0x41)), { interrupt: '#GP(0x11)', 'INT 41h': '#GP(0x10)' });
    assert.deepEqual(outcomes(entry(idt?.entries, 0x42)), { interrupt: '#NP(0x213)', 'INT 42h': '#NP(0x212)' });
    const empty = entry(idt?.entries, 0x90);
    assert.deepEqual([empty.kind, empty.index, empty.count], ['empty', 0x43, 0x100 - 0x43]);
  });

  it('call gates: who may use them, and to what code they lead', () => {
    const guest = protectedGuest(code(callFar(SEL.free, 0), [HLT]));
    setDescriptor(guest, SEL.free, gate(SEL.code0, AT.code + 0x80, PRESENT | 0xc, 3));
    const found = slot(tablesOf(guest), SEL.free);
    assert.deepEqual([found.kind, found.gate], ['call-gate', { selector: SEL.code0, offset: BigInt(AT.code + 0x80), linear: BigInt(AT.code + 0x80), parameters: 3 }]);
    assert.deepEqual(outcomes(found), { 'CALL far': 'works', 'JMP far': 'works' });
  });

  it('mark a register as stale when its entry is not what was loaded', () => {
    const guest = protectedGuest([HLT]);
    assert.deepEqual(tablesOf(guest).loaded.filter(({ stale }) => stale), []);
    setDescriptor(guest, SEL.data0, descriptor(0x5000, 0x123, PRESENT | 0x13));
    const stale = tablesOf(guest).loaded.filter((loaded) => loaded.stale);
    assert.ok(stale.some(({ register }) => register === 'ds'));
    const ds = stale.find(({ register }) => register === 'ds');
    assert.deepEqual(ds?.differences.map(({ part, table }) => [part, table]), [['base', 0x5000n], ['limit', 0x123n], ['attributes', 0x93n]]);
  });

  it('of a table that is not mapped say so, instead of anything else', () => {
    const guest = protectedGuest([HLT]);
    guest.state.setU64(L.GDTR_BASE, 0x3ffff0n);
    const blank = tablesOf(guest).gdt?.entries.at(-1);
    assert.deepEqual([blank?.kind, blank?.index], ['unreadable', 2]);
  });

  it('show a task with the ports that its map opens', () => {
    const guest = protectedGuest([HLT]);
    guest.put(AT.tss + 0x66, [0x68, 0, 0xff, 0xfc, 0xff, 0xff]);
    setDescriptor(guest, SEL.tss, descriptor(AT.tss, 0x6c, PRESENT | 0x9));
    guest.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x6c, PRESENT | 0xb);
    const [task] = tablesOf(guest).tasks;
    assert.deepEqual([task.bits, task.current, task.openPorts], [32, true, [{ first: 8, last: 9 }]]);
  });

  it('in real mode are the vectors, with their owners', () => {
    const guest = protectedGuest([HLT]);
    guest.cpu.state.setU32(L.CR0, 0);
    guest.state.setU64(L.IDTR_BASE, 0n);
    guest.state.setU32(L.IDTR_LIMIT, 0x3ff);
    guest.put(0x10 * 4, [0x34, 0x12, 0x00, 0xf0, 0x10, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0xc0]);
    const { vectors, idt, mode } = tablesOf(guest);
    assert.deepEqual([mode, idt], ['real', undefined]);
    assert.deepEqual(vectors?.slice(0x10, 0x13).map(({ linear, owner }) => [linear, owner]), [[0xf1234n, 'BIOS ROM'], [0x7010n, 'guest'], [0xc0000n, 'VGA BIOS ROM']]);
    assert.equal(vectors[0x10].purpose, 'video services');
    assert.equal(vectors[0].owner, 'nobody');
  });
});
