/** SMBIOS against its specification (2.8), read as an operating system does it, and by dmidecode. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PlatformDescription } from '../../../../src/monitor/firmware/tables/description';
import { systemAreaTables, tableFiles } from '../../../../src/monitor/firmware/tables/placement';
import { smbios3EntryPoint, smbiosEntryPoint, smbiosTable } from '../../../../src/monitor/firmware/tables/smbios';
import { leaveOut } from '../../../support/leaveOut';
import { MIB } from '../fakes';
import { at, bytesOf, search, sumOf, textOf, type Area } from './parser';

const TWO: PlatformDescription = { cpus: 2, hasApic: true, memoryBytes: 512 * MIB };

interface Structure {
  readonly type: number;
  readonly handle: number;
  readonly area: DataView;
  readonly strings: readonly string[];
}

function parse(table: DataView, count: number): Structure[] {
  const found: Structure[] = [];
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const area = new DataView(table.buffer, table.byteOffset + offset, table.getUint8(offset + 1));
    let end = offset + area.byteLength;
    while (table.getUint16(end, true) !== 0) end++;
    const strings = textOf(table, offset + area.byteLength, end - offset - area.byteLength).split('\0').filter((s) => s !== '');
    found.push({ type: area.getUint8(0), handle: area.getUint16(2, true), area, strings });
    offset = end + 2;
  }
  assert.equal(offset, table.byteLength, 'structures fill the table');
  return found;
}

function read(description: PlatformDescription): Structure[] {
  const area: Area = { base: 0xf_0000, bytes: systemAreaTables(description) };
  const entry = at([area], search(area, '_SM_'), 31);
  assert.equal(entry.getUint8(5), 31);
  assert.equal(sumOf(bytesOf(entry)), 0);
  assert.equal(textOf(entry, 16, 5), '_DMI_');
  assert.equal(sumOf(bytesOf(entry).subarray(16)), 0);
  const structures = parse(at([area], entry.getUint32(24, true), entry.getUint16(22, true)), entry.getUint16(28, true));
  return structures;
}

describe('SMBIOS', () => {
  it('has the structures that the specification requires of us, each with a handle of its own', () => {
    const structures = read(TWO);
    assert.deepEqual(structures.map(({ type }) => type), [0, 1, 2, 3, 4, 4, 16, 17, 19, 32, 127]);
    assert.equal(new Set(structures.map(({ handle }) => handle)).size, structures.length);
  });

  it('is found by the entry point of version 3, too', () => {
    const area: Area = { base: 0xf_0000, bytes: systemAreaTables(TWO) };
    const entry = at([area], search(area, '_SM3_'), 24);
    assert.equal(sumOf(bytesOf(entry)), 0);
    assert.deepEqual([entry.getUint8(6), entry.getUint8(7), entry.getUint8(10)], [24, 3, 1]);
    const old = at([area], search(area, '_SM_'), 31);
    assert.equal(Number(entry.getBigUint64(16, true)), old.getUint32(24, true));
    assert.equal(entry.getUint32(12, true), old.getUint16(22, true));
  });

  it('tells of the memory, in the device and in the range', () => {
    for (const [memoryBytes, mib] of [[512 * MIB, 512], [40_960 * MIB, 40_960]]) {
      const structures = read({ ...TWO, memoryBytes });
      const of = (type: number): DataView => {
        const found = structures.find((s) => s.type === type);
        assert.ok(found);
        return found.area;
      };
      const device = of(17);
      assert.equal(device.getUint16(12, true) === 0x7fff ? device.getUint32(28, true) : device.getUint16(12, true), mib);
      assert.equal(device.getUint16(4, true), structures.find(({ type }) => type === 16)?.handle);
      assert.deepEqual([of(19).getUint32(4, true), of(19).getUint32(8, true)], [0, mib * 1024 - 1]);
    }
  });

  it('refers only to strings that are there', () => {
    const references: Readonly<Record<number, readonly number[]>> = { 0: [4, 5, 8], 1: [4, 5, 6], 2: [4, 5, 6], 3: [4], 4: [4, 7], 17: [16, 23] };
    for (const { type, area, strings } of read(TWO)) {
      const numbers = (references[type] ?? []).map((offset) => area.getUint8(offset));
      assert.deepEqual(numbers, strings.map((_, i) => i + 1), `type ${type}`);
    }
  });

  it('comes as files for firmware that places it', () => {
    const files = new Map(tableFiles(TWO).map(({ name, bytes }) => [name, bytes]));
    assert.equal(files.get('etc/smbios/smbios-anchor')?.length, 31);
    assert.deepEqual(files.get('etc/smbios/smbios-tables'), smbiosTable(TWO));
  });

  it('is understood by dmidecode', function () {
    if (spawnSync('dmidecode', ['--version']).error) leaveOut(this, 'no dmidecode (Debian: dmidecode)');
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-smbios-'));
    try {
      for (const [entry, version] of [[smbiosEntryPoint(TWO, 32), '2.8'], [smbios3EntryPoint(TWO, 32), '3.0.0']] as const) {
        // The form of its own dumps: the entry point, and the table at 32.
        const dump = new Uint8Array(32 + smbiosTable(TWO).length);
        dump.set(entry);
        dump.set(smbiosTable(TWO), 32);
        const file = path.join(folder, 'dump');
        writeFileSync(file, dump);
        const { stdout, stderr } = spawnSync('dmidecode', ['--from-dump', file], { encoding: 'utf8' });
        assert.equal(stderr, '');
        assert.ok(stdout.includes(`SMBIOS ${version} present.`), stdout);
        assert.match(stdout, /Size: 512 M/);
        assert.match(stdout, /ACPI is supported\n\s*System is a virtual machine/);
        assert.match(stdout, /Board is a hosting board[^]*Type: Motherboard/);
        assert.doesNotMatch(stdout, /BAD INDEX|OUT OF SPEC|wrong|broken|invalid/i);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
