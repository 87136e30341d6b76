/** The ACPI tables as an operating system finds and reads them, and as ACPICA's disassembler and compiler see them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BuiltinBios } from '../../../../src/monitor/firmware/bios/builtin';
import { pirqOf, type PlatformDescription } from '../../../../src/monitor/firmware/tables/description';
import {
  RSDP_ADDRESS, systemAreaTables, tableFiles, writeControlStructure,
} from '../../../../src/monitor/firmware/tables/placement';
import { leaveOut } from '../../../support/leaveOut';
import { FakeMemory, MIB } from '../fakes';
import { acpiTables, AmlReader, at, bytesOf, entriesOf, search, sumOf, textOf, type Area } from './parser';

const SYSTEM_AREA = 0xf_0000;
const FACS = 0x9_fd00;
const FOUR: PlatformDescription = { cpus: 4, hasApic: true, memoryBytes: 256 * MIB };

function placed(description: PlatformDescription): Area[] {
  const memory = new FakeMemory(MIB);
  writeControlStructure(memory);
  return [
    { base: SYSTEM_AREA, bytes: systemAreaTables(description) },
    { base: FACS, bytes: memory.read(FACS, 64) },
  ];
}

function tablesOf(description: PlatformDescription): Map<string, DataView> {
  return acpiTables(placed(description), RSDP_ADDRESS);
}

function table(tables: Map<string, DataView>, signature: string): DataView {
  const view = tables.get(signature);
  assert.ok(view, signature);
  return view;
}

function dsdtOf(description: PlatformDescription): Map<string, unknown> {
  return new AmlReader(bytesOf(table(tablesOf(description), 'DSDT')).subarray(36)).names;
}

describe('ACPI tables', () => {
  it('are found by the signature of the root pointer, with right checksums, in both roots', () => {
    const areas = placed(FOUR);
    assert.equal(search(areas[0], 'RSD PTR '), RSDP_ADDRESS);
    assert.deepEqual([...acpiTables(areas, RSDP_ADDRESS).keys()].sort(), ['APIC', 'DSDT', 'FACP']);
  });

  it('leave the second half of the system BIOS to the BIOS', () => {
    const tables = systemAreaTables({ ...FOUR, cpus: 8 });
    assert.ok(tables.length <= 0x8000);
    for (const { address, bytes, writable } of new BuiltinBios({ platform: { ...FOUR, cpus: 8 } }).mappings) {
      assert.equal(address & 0xf_ffff, SYSTEM_AREA);
      assert.equal(writable, false);
      assert.deepEqual(bytes.subarray(0, tables.length), tables);
    }
  });

  it('name the fixed hardware', () => {
    const fadt = table(tablesOf(FOUR), 'FACP');
    assert.equal(fadt.byteLength, 244);
    assert.equal(fadt.getUint8(8), 3, 'revision of ACPI 2.0');
    assert.equal(fadt.getUint16(46, true), 9, 'SCI');
    assert.equal(fadt.getUint32(48, true), 0, 'no SMI command port: always in ACPI mode');
    assert.deepEqual([56, 64, 76].map((offset) => fadt.getUint32(offset, true)), [0x600, 0x604, 0x608]);
    assert.deepEqual([88, 89, 91].map((offset) => fadt.getUint8(offset)), [4, 2, 4]);
    assert.deepEqual([fadt.getUint32(80, true), fadt.getUint8(92)], [0x60c, 4], 'general-purpose events');
    const extended = [148, 172, 208].map((offset) => [fadt.getUint8(offset), fadt.getUint8(offset + 1), Number(fadt.getBigUint64(offset + 4, true))]);
    assert.deepEqual(extended, [[1, 32, 0x600], [1, 16, 0x604], [1, 32, 0x608]]);
    const flags = fadt.getUint32(112, true);
    assert.equal(flags & (1 << 10), 1 << 10, 'reset register');
    assert.equal(flags & (1 << 8), 0, 'PM timer of 24 bits');
    assert.equal(flags & (1 << 4), 0, 'power button in fixed hardware');
    assert.deepEqual([fadt.getUint8(116), Number(fadt.getBigUint64(120, true)), fadt.getUint8(128)], [1, 0xcf9, 6]);
    assert.equal(fadt.getUint16(109, true) & 3, 3, 'ISA devices and 8042');
  });

  it('follow the power management ports', () => {
    const tables = tablesOf({ ...FOUR, powerManagementPort: 0xb000 });
    const fadt = table(tables, 'FACP');
    assert.deepEqual([56, 64, 76, 80].map((offset) => fadt.getUint32(offset, true)), [0xb000, 0xb004, 0xb008, 0xb00c]);
    assert.deepEqual([148, 172, 208, 220].map((offset) => Number(fadt.getBigUint64(offset + 4, true))), [0xb000, 0xb004, 0xb008, 0xb00c]);
    const resources = new AmlReader(bytesOf(table(tables, 'DSDT')).subarray(36)).names.get('_SB_.PCI0.ISA_.MBRD._CRS');
    assert.ok(resources instanceof Uint8Array);
    assert.deepEqual([...resources.subarray(0, 8)], [0x47, 1, 0x00, 0xb0, 0x00, 0xb0, 1, 64]);
    assert.equal(bytesOf(table(tables, 'DSDT')).length, bytesOf(table(tablesOf(FOUR), 'DSDT')).length, 'of the same size wherever they are');
  });

  it('have the control structure in RAM, on a border of 64 bytes', () => {
    const areas = placed(FOUR);
    const address = table(acpiTables(areas, RSDP_ADDRESS), 'FACP').getUint32(36, true);
    const facs = at(areas, address, 64);
    assert.equal(address % 64, 0);
    assert.ok(address >= 0x9_fc00 && address < 0xa_0000, 'in the EBDA, which the memory map reserves');
    assert.equal(textOf(facs, 0, 4), 'FACS');
    assert.equal(facs.getUint32(4, true), 64);
  });

  for (const cpus of [1, 4, 8]) {
    it(`name ${cpus} local APICs, the I/O APIC and what is not as on ISA`, () => {
      const madt = table(tablesOf({ ...FOUR, cpus }), 'APIC');
      assert.equal(madt.getUint32(36, true), 0xfee00000);
      assert.equal(madt.getUint32(40, true), 1, 'there are 8259s');
      const entries = entriesOf(madt, 44);
      const local = entries.filter(({ type }) => type === 0);
      assert.deepEqual(
        local.map(({ view }) => [view.getUint8(2), view.getUint8(3), view.getUint32(4, true)]),
        Array.from({ length: cpus }, (_, i) => [i, i, 1]),
      );
      const io = entries.filter(({ type }) => type === 1);
      assert.deepEqual(io.map(({ view }) => [view.getUint8(2), view.getUint32(4, true), view.getUint32(8, true)]), [[0, 0xfec00000, 0]]);
      const overrides = entries.filter(({ type }) => type === 2)
        .map(({ view }) => [view.getUint8(3), view.getUint32(4, true), view.getUint16(8, true)]);
      assert.deepEqual(overrides, [[0, 2, 0], [9, 9, 0xd], [10, 10, 0xd], [11, 11, 0xd]]);
      const nmi = entries.filter(({ type }) => type === 4);
      assert.deepEqual(nmi.map(({ view }) => [view.getUint8(2), view.getUint8(5)]), [[0xff, 1]]);
    });
  }

  it('tell of the HPET where there is one', () => {
    assert.equal(tablesOf(FOUR).has('HPET'), false);
    const hpet = table(tablesOf({ ...FOUR, hasHpet: true }), 'HPET');
    assert.equal(hpet.byteLength, 56);
    assert.equal(hpet.getUint32(36, true), 0x8086a201);
    assert.deepEqual([hpet.getUint8(40), Number(hpet.getBigUint64(44, true)), hpet.getUint8(52)], [0, 0xfed00000, 0]);
  });

  it('tell of no APIC where there is none', () => {
    const description = { ...FOUR, cpus: 1, hasApic: false };
    assert.equal(tablesOf(description).has('APIC'), false);
    assert.throws(() => search(placed(description)[0], '_MP_'), /no _MP_/);
  });
});

describe('DSDT', () => {
  it('turns the machine off by sleep type 0', () => {
    assert.deepEqual(dsdtOf(FOUR).get('_S5_'), [0, 0, 0, 0]);
  });

  it('has a processor for each CPU, with the UID of its local APIC', () => {
    const names = dsdtOf(FOUR);
    for (let cpu = 0; cpu < 4; cpu++) {
      assert.equal(names.get(`_SB_.CPU${cpu}._HID`), 'ACPI0007');
      assert.equal(names.get(`_SB_.CPU${cpu}._UID`), cpu);
    }
    assert.equal(names.has('_SB_.CPU4'), false);
  });

  it('routes PCI interrupts to inputs 16-19, or to the four links without I/O APIC', () => {
    const names = dsdtOf(FOUR);
    for (const [name, sourceOf] of [['PRTA', (pirq: number) => [0, 16 + pirq]], ['PRTP', (pirq: number) => [['LNKA', 'LNKB', 'LNKC', 'LNKD'][pirq], 0]]] as const) {
      const rows = names.get(`_SB_.PCI0.${name}`);
      assert.ok(Array.isArray(rows));
      assert.equal(rows.length, 31 * 4);
      // On PIIX boards INTA of slot 1 is PIRQ A; each further slot and pin is one further.
      for (const [address, pin, ...source] of rows as number[][]) {
        assert.equal(address & 0xffff, 0xffff);
        assert.deepEqual(source, sourceOf(((address >>> 16) - 1 + pin) % 4));
      }
    }
    assert.deepEqual([pirqOf(1, 0), pirqOf(1, 3), pirqOf(4, 1)], [0, 3, 0]);
  });

  it('gives the host bridge memory behind RAM, up to the I/O APIC', () => {
    for (const [memoryBytes, first] of [[256 * MIB, 0x8000_0000], [2048 * MIB, 0x8000_0000], [2560 * MIB + 4096, 0xb000_0000]]) {
      const resources = dsdtOf({ ...FOUR, memoryBytes }).get('_SB_.PCI0._CRS');
      assert.ok(resources instanceof Uint8Array);
      const view = new DataView(resources.buffer, resources.byteOffset, resources.length);
      const windows: number[][] = [];
      for (let offset = 0; resources[offset] !== 0x79;) {
        const large = (resources[offset] & 0x80) !== 0;
        if (resources[offset] === 0x87) windows.push([view.getUint32(offset + 10, true), view.getUint32(offset + 14, true), view.getUint32(offset + 22, true)]);
        offset += large ? 3 + view.getUint16(offset + 1, true) : 1 + (resources[offset] & 7);
      }
      assert.deepEqual(windows, [[0xa_0000, 0xb_ffff, 0x2_0000], [first, 0xfebf_ffff, 0xfec0_0000 - first]]);
    }
  });

  it('names the ISA devices by their IDs', () => {
    const names = dsdtOf(FOUR);
    const id = (name: string): string => {
      // A compressed ID is big-endian: three letters of five bits, four hexadecimal digits.
      const value = Number(names.get(`_SB_.PCI0.ISA_.${name}._HID`));
      const big = new DataView(Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24).buffer).getUint32(0);
      const letters = [26, 21, 16].map((shift) => String.fromCharCode(0x40 + ((big >>> shift) & 31))).join('');
      return letters + (big & 0xffff).toString(16).toUpperCase().padStart(4, '0');
    };
    assert.deepEqual(['KBD_', 'MOU_', 'RTC_', 'COM1', 'COM4', 'TIMR', 'FDC0'].map(id), ['PNP0303', 'PNP0F13', 'PNP0B00', 'PNP0501', 'PNP0501', 'PNP0100', 'PNP0700']);
    assert.equal(names.get('_SB_.PCI0.ISA_.FWCF._HID'), 'QEMU0002');
  });
});

describe('ACPI tables for firmware with a table loader', () => {
  /** Does what SeaBIOS and OVMF do with the script; gives memory and the RSDP's address. */
  function load(description: PlatformDescription, port?: number): { areas: Area[]; rsdp: number } {
    const files = new Map(tableFiles(description, () => port).map(({ name, bytes }) => [name, typeof bytes === 'function' ? bytes() : bytes]));
    const script = files.get('etc/table-loader');
    assert.ok(script);
    assert.equal(script.length % 128, 0);
    const areas = new Map<string, Area>();
    const nameAt = (offset: number): string => textOf(new DataView(script.buffer, script.byteOffset + offset, 56), 0, 56).replace(/\0+$/, '');
    const area = (name: string): Area => {
      const found = areas.get(name);
      assert.ok(found, `${name} is allocated first`);
      return found;
    };
    let next = 0x0100_0000;
    for (let offset = 0; offset < script.length; offset += 128) {
      const view: DataView = new DataView(script.buffer, script.byteOffset + offset, 128);
      const command = view.getUint32(0, true);
      if (command === 1) {
        const name = nameAt(offset + 4);
        const bytes = files.get(name)?.slice();
        assert.ok(bytes, name);
        const alignment = view.getUint32(60, true);
        assert.equal(view.getUint8(64), name === 'etc/acpi/rsdp' ? 2 : 1);
        next = Math.ceil(next / alignment) * alignment;
        areas.set(name, { base: next, bytes });
        next += bytes.length + 1;
      } else if (command === 2) {
        const { bytes } = area(nameAt(offset + 4));
        const target = area(nameAt(offset + 60)).base;
        const field = view.getUint32(116, true);
        const fields = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        if (view.getUint8(120) === 8) fields.setBigUint64(field, fields.getBigUint64(field, true) + BigInt(target), true);
        else fields.setUint32(field, fields.getUint32(field, true) + target, true);
      } else {
        assert.equal(command, 3);
        const { bytes } = area(nameAt(offset + 4));
        const first = view.getUint32(64, true);
        bytes[view.getUint32(60, true)] -= sumOf(bytes.subarray(first, first + view.getUint32(68, true)));
      }
    }
    return { areas: [...areas.values()], rsdp: area('etc/acpi/rsdp').base };
  }

  it('come out as those that we place ourselves', () => {
    const { areas, rsdp } = load(FOUR);
    const loaded = acpiTables(areas, rsdp);
    const ours = tablesOf(FOUR);
    assert.deepEqual([...loaded.keys()], [...ours.keys()]);
    for (const signature of ['APIC', 'DSDT']) assert.deepEqual(bytesOf(table(loaded, signature)), bytesOf(table(ours, signature)));
    const facs = table(loaded, 'FACP').getUint32(36, true);
    assert.equal(textOf(at(areas, facs, 64), 0, 4), 'FACS');
    assert.equal(facs % 64, 0);
  });

  it('tell of the ports that the firmware has chosen', () => {
    const { areas, rsdp } = load(FOUR, 0xb000);
    assert.equal(table(acpiTables(areas, rsdp), 'FACP').getUint32(76, true), 0xb008);
  });
});

describe('ACPICA', () => {
  let folder = '';

  function run(command: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
    return stdout + stderr;
  }

  before(function () {
    if (spawnSync('iasl', ['-v']).error) leaveOut(this, 'no iasl (Debian: acpica-tools)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-acpi-'));
    for (const [signature, view] of tablesOf({ ...FOUR, cpus: 8, hasHpet: true })) writeFileSync(path.join(folder, `${signature}.dat`), bytesOf(view));
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  it('reads all tables, and compiles what it has disassembled without a warning', function () {
    this.timeout(20_000);
    for (const signature of ['FACP', 'APIC', 'HPET', 'DSDT']) {
      const said = run('iasl', '-d', `${signature}.dat`);
      assert.doesNotMatch(said, /error|warning|invalid|incorrect/i);
      assert.doesNotMatch(readFileSync(path.join(folder, `${signature}.dsl`), 'utf8'), /incorrect checksum|unknown/i);
    }
    assert.match(run('iasl', 'DSDT.dsl'), /0 Errors, 0 Warnings, 0 Remarks/);
  });

  /** What acpiexec says to these commands, over registers of its own in the regions' place. */
  function execute(...commands: string[]): string {
    const said = run('acpiexec', '-b', commands.join(';'), 'DSDT.dat');
    assert.doesNotMatch(said, /ACPI (Error|Warning)|AE_(?!OK)/, said);
    return said;
  }

  it('runs the method that chooses the routing table', () => {
    assert.match(execute('execute \\_PIC 1', 'execute \\PICM'), /\[Integer\] = 0+1\b/);
  });

  it('sets, gives and disables the interrupt of a link', () => {
    // The descriptor of line 11, level triggered, active high, shared, and the end tag.
    const wish = '(89 06 00 09 01 0B 00 00 00 79 00)';
    const said = execute(`execute \\_SB.LNKB._SRS ${wish}`, 'execute \\_SB.LNKB._CRS', 'execute \\_SB.LNKB._STA', 'execute \\_SB.LNKB._DIS', 'execute \\_SB.LNKB._STA');
    assert.match(said, /\[Buffer\] Length 0B = +0000: 89 06 00 09 01 0B 00 00 00 79 00/, 'what was set');
    assert.deepEqual([...said.matchAll(/\[Integer\] = 0*(\w+)/g)].map(([, value]) => value), ['B', '9'], 'working, then disabled');
  });
});
