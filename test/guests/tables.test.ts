/** ACPI and MP tables as a guest finds them in memory: our BIOS's, and those that SeaBIOS has placed (ACPI) or made itself (MP). */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { acpiTables, bytesOf, entriesOf, search, sumOf, at, textOf, type Area } from '../monitor/firmware/tables/parser';
import { leaveOut } from '../support/leaveOut';
import { SAMPLES, boot } from './harness';

const FLOPPY = path.join(SAMPLES, 'hello', 'hello.img');
const SEABIOS = '/usr/share/seabios/bios-256k.bin';
const MIB = 1 << 20;

/** What an operating system can read: the EBDA, the BIOS area, and RAM above 1 MiB. */
async function memoryOf(firmware: string, cpus: number): Promise<Area[]> {
  const guest = await boot({ floppy: FLOPPY, firmware, memory: '16M', cpus });
  guest.waitForScreen('Press keys; Esc ends.');
  const ranges: readonly (readonly [number, number])[] = [[0xf_0000, 0x1_0000], [0xe_0000, 0x1_0000], [0x9_0000, 0x1_0000], [MIB, 15 * MIB]];
  return ranges.map(([base, bytes]) => ({ base, bytes: guest.machine.readMemory({ kind: 'physical' }, BigInt(base), bytes) }));
}

describe('tables in memory', function () {
  this.timeout(60_000);
  this.slow(5000);

  for (const firmware of ['builtin', 'seabios'] as const) {
    for (const cpus of [1, 4]) {
      it(`lead from the RSDP to everything, with ${cpus} CPUs, under ${firmware}`, async function () {
        if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
        const areas = await memoryOf(firmware, cpus);
        const tables = acpiTables(areas, search(areas[0], 'RSD PTR '));
        const madt = tables.get('APIC');
        const fadt = tables.get('FACP');
        assert.ok(madt && fadt && tables.has('DSDT'));
        const local = entriesOf(madt, 44).filter(({ type }) => type === 0).map(({ view }) => view.getUint8(3));
        assert.deepEqual(local, Array.from({ length: cpus }, (_, i) => i));
        assert.equal(textOf(at(areas, fadt.getUint32(36, true), 64), 0, 4), 'FACS');
        const mp = at(areas, search(areas[0], '_MP_'), 16);
        assert.equal(sumOf(bytesOf(mp)), 0);
        const header = at(areas, mp.getUint32(4, true), 44);
        assert.equal(textOf(header, 0, 4), 'PCMP');
        const table = at(areas, mp.getUint32(4, true), header.getUint16(4, true));
        assert.equal(sumOf(bytesOf(table)), 0);
        // SeaBIOS lists one processor for each package, and ours are cores of one.
        const listed = firmware === 'seabios' ? 1 : cpus;
        const types = Array.from({ length: listed + 1 }, (_, i) => table.getUint8(44 + 20 * i));
        assert.deepEqual(types, [...new Array<number>(listed).fill(0), 1], 'processors, then buses');
        for (let i = 0; i < listed; i++) assert.equal(table.getUint8(45 + 20 * i), i);
      });
    }
  }
});
