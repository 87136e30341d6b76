/**
 * What the services of a BIOS return to a real-mode program (services.asm): with the built-in BIOS and with SeaBIOS it is what
 * SeaBIOS returns in QEMU, line by line; where the two may differ by the interface's own words, the line stands below.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaveOut } from '../../support/leaveOut';
import { boot } from '../harness';

const SOURCE = fileURLToPath(new URL('services.asm', import.meta.url));
const SEABIOS = '/usr/share/seabios/bios-256k.bin';
const FLOPPY_BYTES = 1_474_560;
const SECTOR = 512;
const DISK_SECTORS = 40 * 16 * 63;
/** The program's exit code 0, as isa-debug-exit makes a status of it. */
const QEMU_ENDED = 1;

/** Registers of a line that are not compared, by the line's name; 'all' for what is the machine's or the BIOS's own affair. */
type Differences = Readonly<Record<string, readonly string[] | 'all'>>;

/** With every firmware: the printer port, which only QEMU has, and how much memory firmware keeps at the top for its tables. */
const OF_THE_MACHINE: Differences = {
  equipment: 'all', map: 'all', 'memory above 1 and 16 MiB': ['EBX', 'EDX'], 'extended memory': ['EAX'],
};

const OF_THE_BIOS: Differences = {
  // The status for a sector that is not there: 04h (not found) here, 01h (bad parameter) there; and for a drive that is not there.
  'floppy read sector 19': ['EAX'], 'floppy status after it': ['EAX'], 'disk read sector 0': ['EAX'], 'disk status after it': ['EAX'],
  'disk read head 16': ['EAX'], 'disk read cylinder 1000': ['EAX'], 'disk extended read behind the end': ['EAX'],
  'no floppy 1 read': ['EAX'], 'no floppy 1 parameters': ['EAX'],
  // AH=15h of a drive that is not there: AH=0 without an error, as the AT's BIOS has it.
  'no floppy 1 type': ['EAX', 'C'], 'no disk 81h type': ['EAX', 'C'],
  // Where tables lie; SeaBIOS keeps the last cylinder for diagnostics; its EDD 3.0 with more functions than 1.1's; no change line.
  'floppy parameters': ['EDI'], 'disk parameters': ['ECX'], 'disk type': ['EDX'], 'disk extensions': ['EAX', 'ECX'],
  'floppy type': ['EAX'], 'floppy change': ['EAX', 'C'], 'disk set DMA mode': ['EAX', 'C'], 'disk eject': ['EAX'], 'disk change': ['EAX', 'C'],
  // SeaBIOS takes a packet that is too short.
  'disk extended read by a short packet': ['EAX', 'C'],
  // The AT's BIOS tells success in ZF, too.
  'move up': ['Z'], 'move down': ['Z'],
  // SeaBIOS changes AL in a call that it refuses.
  'event of an unknown kind': ['EAX'],
  configuration: 'all', 'system request': ['EAX', 'C'], 'device busy': ['EAX'], 'device ready': ['EAX'],
  // AX is not defined behind these.
  'time set': ['EAX'], time: ['EAX'], 'date set': ['EAX'], date: ['EAX'], 'alarm set': ['EAX'],
  'alarm set while one is set': ['EAX'], 'alarm given up': ['EAX'],
  // There is no entry for protected mode; SeaBIOS does not look at vendor and alignment.
  'PCI BIOS': ['EDI'], 'PCI bad vendor': ['EAX'], 'PCI read odd word': ['EAX', 'ECX', 'C'], 'PCI read odd dword': ['EAX', 'ECX', 'C'],
  'PCI read beyond': ['EAX', 'ECX', 'C'],
  // IBM's 'invalid input' (2) where SeaBIOS says 'invalid function' (1).
  'mouse scaling 3': ['EAX'],
  font: ['ES'],
};

/** A line without what is not compared. */
function comparable(line: string, differences: Differences): string {
  const name = /^(.*?)(?=:| EAX=)/.exec(line)?.[1] ?? line;
  const left = differences[name];
  if (left === undefined) return line;
  return left === 'all' ? name : left.reduce((rest, register) => rest.replace(new RegExp(` ${register}=\\w+`), ` ${register}=*`), line);
}

/** The lines; those of one name that stand for themselves by their number (the map's) are one. */
function comparableLines(text: string, differences: Differences): string[] {
  const lines = text.trimEnd().split('\n').map((line) => comparable(line.trimEnd(), differences));
  return lines.filter((line, i) => line !== lines[i - 1]);
}

function disk(): Buffer {
  const bytes = Buffer.alloc(DISK_SECTORS * SECTOR);
  for (let lba = 0; lba < DISK_SECTORS; lba++) bytes.write(`LBA ${String(lba).padStart(6)}`, lba * SECTOR, 'latin1');
  return bytes;
}

/** The program on a floppy of 1.44 MB. */
function writeFloppy(file: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync('nasm', ['-f', 'bin', ...words, '-o', file, SOURCE], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  truncateSync(file, FLOPPY_BYTES);
}

describe('BIOS services as a real-mode program sees them', function () {
  this.timeout(120_000);
  this.slow(20_000);
  let folder = '';
  let expected = '';
  const file = (name: string): string => path.join(folder, name);

  before(function () {
    if (spawnSync('nasm', ['-v']).status !== 0) leaveOut(this, 'no nasm (Debian: nasm)');
    if (spawnSync('qemu-system-i386', ['--version']).status !== 0) leaveOut(this, 'no QEMU (Debian: qemu-system-x86)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-services-'));
    writeFloppy(file('floppy'));
    writeFloppy(file('floppy for input'), '-D', 'INPUT');
    writeFileSync(file('disk'), disk());
    // Its clock takes each register by itself: a day that the month which is set first does not have would become one of the next month.
    const ended = spawnSync('qemu-system-i386', [
      '-rtc', 'base=2024-01-15T12:00:00',
      '-accel', 'tcg', '-m', '32', '-nic', 'none', '-display', 'none', '-monitor', 'none', '-serial', `file:${file('serial')}`, '-boot', 'a', '-snapshot',
      '-drive', `if=floppy,format=raw,file=${file('floppy')}`, '-drive', `if=ide,format=raw,file=${file('disk')}`, '-device', 'isa-debug-exit,iobase=0xf4',
    ], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(ended.status, QEMU_ENDED, ended.stderr);
    expected = readFileSync(file('serial'), 'latin1');
    assert.match(expected, /\ndone\n$/);
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  for (const firmware of ['builtin', 'seabios'] as const) {
    it(`are QEMU's with ${firmware === 'builtin' ? 'the built-in BIOS' : 'SeaBIOS'}`, async function () {
      if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
      const guest = await boot({ floppy: file('floppy'), disks: [file('disk')], firmware, memory: '32M', bootOrder: ['floppy'] });
      guest.waitForSerial('done\n');
      const differences = firmware === 'builtin' ? { ...OF_THE_MACHINE, ...OF_THE_BIOS } : OF_THE_MACHINE;
      assert.deepEqual(comparableLines(guest.serial, differences), comparableLines(expected, differences));
    });

    it(`give a program's handler the packets of the mouse (${firmware})`, async function () {
      if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
      const guest = await boot({ floppy: file('floppy for input'), disks: [file('disk')], firmware, memory: '32M', bootOrder: ['floppy'] });
      guest.waitForSerial('move now\n');
      guest.machine.input({ kind: 'mouse', dx: -2, dy: 3, buttons: 1 });
      guest.waitForSerial('done\n');
      // Status (left button, X negative), X, Y and Z, as words.
      assert.match(guest.serial, /\nmouse packet: 19 00 FE 00 03 00 00 00\n/);
    });
  }
});
