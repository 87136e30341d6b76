/**
 * A guest's resets (resets.asm): what they leave in memory, CMOS and devices, and the way back from protected mode that BIOSes offer by
 * them. SeaBIOS does its part in our machine; that it begins anew with memory as it was is seen in QEMU, too.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaveOut } from '../../support/leaveOut';
import { boot, type Guest, SEABIOS, STEADY, uneven, type Rhythm } from '../harness';

const SOURCE = fileURLToPath(new URL('resets.asm', import.meta.url));

/** By which way and shutdown code it came back from protected mode. */
const BACK = ['controller 05', 'controller 0A', 'port 92 0A', 'CF9 soft 0A', 'triple fault 0A', 'controller 0B', 'port 92 0C'];
const ANEW = ['controller', 'port 92', 'CF9 soft', 'CF9 hard', 'triple fault', 'jump'];
/** The BIOS has mended its data area: 639 KiB of memory, COM1. */
const anew = (more: string): string => ANEW.map((way) => `anew by ${way} :, memory kept, data area 027F 03F8${more}\n`).join('');

/** With the interrupt mask of a BIOS that waits for keys; the high mark is out of reach while line 20 is closed, as code 9 leaves it. */
const WHOLE = `begin\n${BACK.map((way) => `${way}: back, memory kept, mask B8, line 20 open\n`).join('')}`
  + 'triple fault 09: back, memory lost, mask B8, AH BX 00 B0B0, line 20 closed\n'
  + `closed, line 20 closed\n${anew(' 1234')}done\n`;
const ANYWHERE = `begin\n${BACK.map((way) => `${way}: back, memory kept\n`).join('')}${anew('')}done\n`;
const ONLY_ANEW = `begin\n${anew('')}done\n`;

describe('a guest that resets its machine', function () {
  this.timeout(60_000);
  this.slow(20_000);
  let folder = '';
  const file = (name: string): string => path.join(folder, name);

  function assemble(name: string, ...options: readonly string[]): void {
    const { status, stderr } = spawnSync('nasm', [...options, '-f', 'bin', '-o', file(name), SOURCE], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  before(function () {
    if (spawnSync('nasm', ['-v']).status !== 0) leaveOut(this, 'no nasm (Debian: nasm)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-resets-'));
    assemble('whole', '-dWHOLE');
    assemble('anywhere');
    assemble('anew', '-dANEW');
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  const start = (name: string, settings: Readonly<Record<string, unknown>>, rhythm: Rhythm = STEADY): Promise<Guest> =>
    boot({ floppy: file(name), memory: '32M', tripleFault: 'reset', ...settings }, { rhythm });

  let hash = '';
  for (const engine of ['auto', 'interpreter', 'translate-all']) {
    it(`goes on where the shutdown byte says, and begins anew with memory as it was (${engine})`, async () => {
      const guest = await start('whole', { engine }, engine === 'interpreter' ? uneven(7) : STEADY);
      assert.deepEqual(guest.run({}), { kind: 'exit', status: 1 });
      assert.equal(guest.serial, WHOLE);
      const present = guest.machine.hash();
      if (hash !== '') assert.equal(present, hash, 'the same on every engine, however it is driven');
      hash = present;
    });
  }

  it('is gone back over, from either side of its resets', async () => {
    const straight = await start('whole', {});
    straight.run({});
    const end = straight.retired - 1;
    const counts = Array.from({ length: 12 }, (_, i) => Math.floor((end * (i + 1)) / 12));
    const reference = await start('whole', {});
    const hashes = counts.map((count) => reference.hashAt(count));
    const guest = await start('whole', {});
    guest.machine.remember();
    for (const count of counts) {
      guest.run({ count });
      // Every other stretch is gone back over from an earlier one.
      if (counts.indexOf(count) % 2 === 0) guest.machine.remember();
    }
    for (const i of [7, 0, 11, 4, 9, 2, 10]) {
      guest.machine.travel(counts[i]);
      while (typeof guest.machine.runSlice(1_000_000) === 'string');
      assert.equal(guest.machine.hash(), hashes[i], `at ${String(counts[i])}`);
    }
  });

  it('comes to the same in a replay, with the reset button pressed and a key held in between', async () => {
    const original = await start('whole', {}, uneven(3));
    original.waitForSerial('port 92 0A');
    original.machine.input({ kind: 'key', code: 0x1e, down: true });
    original.machine.input({ kind: 'reset-button' });
    assert.equal(original.run({})?.kind, 'exit');
    // It begins once more: the board has been reset, and CMOS and memory are what they were.
    assert.match(original.serial, /port 92 0A[^]*begin\n[^]*done\n$/);
    const recording = original.machine.record();
    const again = await boot({ floppy: file('whole'), memory: '32M', tripleFault: 'reset', engine: 'interpreter' }, { recording, rhythm: uneven(11) });
    assert.equal(again.run({})?.kind, 'exit');
    assert.equal(again.machine.hash(), recording.stood.hash);
    assert.equal(again.serial, original.serial);
  });

  it('finds empty memory after a restart by the person', async () => {
    const guest = await start('anywhere', {});
    const first = guest.machine.hash();
    guest.waitForSerial('anew by port 92');
    guest.machine.reset();
    assert.equal(guest.machine.hash(), first);
  });

  it('is served by SeaBIOS as well', async function () {
    if (!existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
    const guest = await start('anywhere', { firmware: 'seabios' });
    guest.waitForSerial('done');
    assert.equal(guest.serial.trimEnd(), ANYWHERE.trimEnd());
  });

  it('begins anew in QEMU as it does here', function () {
    if (spawnSync('qemu-system-i386', ['--version']).status !== 0) leaveOut(this, 'no QEMU (Debian: qemu-system-x86)');
    spawnSync('qemu-system-i386', [
      '-accel', 'tcg', '-m', '32', '-nic', 'none', '-display', 'none', '-monitor', 'none', '-serial', `file:${file('serial')}`, '-snapshot', '-boot', 'a',
      '-drive', `if=floppy,format=raw,file=${file('anew')}`, '-device', 'isa-debug-exit,iobase=0xf4',
    ], { timeout: 30_000 });
    assert.equal(readFileSync(file('serial'), 'latin1'), ONLY_ANEW);
  });
});
