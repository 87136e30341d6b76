/** MP tables against the MultiProcessor Specification 1.4: found, checked and read as an operating system does it. */
import assert from 'node:assert/strict';
import { systemAreaTables } from '../../../../src/monitor/firmware/tables/placement';
import { at, bytesOf, search, sumOf, textOf, type Area } from './parser';

const BYTES_OF_TYPE = [20, 8, 8, 8, 8];

interface Entry {
  readonly type: number;
  readonly view: DataView;
}

function read(cpus: number): { table: DataView; entries: Entry[] } {
  const area: Area = { base: 0xf_0000, bytes: systemAreaTables({ cpus, hasApic: true, memoryBytes: 1 << 28 }) };
  const pointer = at([area], search(area, '_MP_'), 16);
  assert.equal(sumOf(bytesOf(pointer)), 0);
  assert.deepEqual([pointer.getUint8(8), pointer.getUint8(9), pointer.getUint8(11), pointer.getUint8(12)], [1, 4, 0, 0]);
  const address = pointer.getUint32(4, true);
  const table = at([area], address, at([area], address, 6).getUint16(4, true));
  assert.equal(textOf(table, 0, 4), 'PCMP');
  assert.equal(sumOf(bytesOf(table)), 0);
  const entries: Entry[] = [];
  let offset = 44;
  for (let count = table.getUint16(34, true); count > 0; count--) {
    const type = table.getUint8(offset);
    const bytes = BYTES_OF_TYPE[type];
    entries.push({ type, view: new DataView(table.buffer, table.byteOffset + offset, bytes) });
    offset += bytes;
  }
  assert.equal(offset, table.byteLength, 'entries fill the table');
  return { table, entries };
}

function ofType(entries: readonly Entry[], type: number): DataView[] {
  return entries.filter((entry) => entry.type === type).map(({ view }) => view);
}

describe('MP tables', () => {
  for (const cpus of [1, 2, 8]) {
    it(`list ${cpus} processors, the first one being the bootstrap processor`, () => {
      const { table, entries } = read(cpus);
      assert.equal(table.getUint32(36, true), 0xfee00000);
      const processors = ofType(entries, 0).map((view) => [view.getUint8(1), view.getUint8(2), view.getUint8(3)]);
      assert.deepEqual(processors, Array.from({ length: cpus }, (_, i) => [i, 0x14, i === 0 ? 3 : 1]));
    });
  }

  it('come in the order of entry types', () => {
    const types = read(2).entries.map(({ type }) => type);
    assert.deepEqual(types, [...types].sort((a, b) => a - b));
  });

  it('name the buses and the I/O APIC', () => {
    const { entries } = read(1);
    assert.deepEqual(ofType(entries, 1).map((view) => [view.getUint8(1), textOf(view, 2, 6)]), [[0, 'PCI   '], [1, 'ISA   ']]);
    assert.deepEqual(
      ofType(entries, 2).map((view) => [view.getUint8(1), view.getUint8(2), view.getUint8(3), view.getUint32(4, true)]),
      [[0, 0x11, 1, 0xfec00000]],
    );
  });

  it('assign ISA lines, PCI pins and the 8259s to I/O APIC inputs', () => {
    const assignments = ofType(read(1).entries, 3).map((view) => ({
      type: view.getUint8(1), flags: view.getUint16(2, true), bus: view.getUint8(4), source: view.getUint8(5),
      apic: view.getUint8(6), input: view.getUint8(7),
    }));
    assert.deepEqual(assignments.filter(({ type }) => type === 3).map(({ input }) => input), [0], 'ExtINT');
    const isa = new Map(assignments.filter(({ type, bus }) => type === 0 && bus === 1).map((a) => [a.source, a]));
    assert.deepEqual([...isa.keys()], [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    for (const [line, { input, flags }] of isa) {
      assert.equal(input, line === 0 ? 2 : line);
      assert.equal(flags, [9, 10, 11].includes(line) ? 0xd : 0, `line ${line}`);
    }
    const pci = assignments.filter(({ bus, type }) => bus === 0 && type === 0);
    assert.equal(pci.length, 31 * 4);
    for (const { source, input, flags } of pci) {
      assert.equal(input, 16 + (((source >> 2) - 1 + (source & 3)) % 4));
      assert.equal(flags, 0xf, 'active low, level');
    }
    assert.ok(assignments.every(({ apic }) => apic === 0));
  });

  it('assign the local inputs: the 8259s to LINT0 of the first, NMI to LINT1 of all', () => {
    const local = ofType(read(2).entries, 4).map((view) => [view.getUint8(1), view.getUint8(6), view.getUint8(7)]);
    assert.deepEqual(local, [[3, 0, 0], [1, 0xff, 1]]);
  });
});
