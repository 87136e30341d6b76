/** A kernel that a loader starts (loaded.asm) finds a BIOS in working order behind it, as in QEMU; and INT 19h starts it again. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaveOut } from '../../support/leaveOut';
import { boot } from '../harness';

const SOURCE = fileURLToPath(new URL('loaded.asm', import.meta.url));
const DISK_BYTES = 40 * 16 * 63 * 512;
/** Memory below the EBDA, 80 columns and mode 3 on page 0, the cursor behind one character; the timer's ticks; the first sector. */
const SAYS = 'BIOS: 027F 5003 0001\nticks\ndisk: first LBA\nagain\n';

describe('a kernel without a boot loader', function () {
  this.timeout(60_000);
  this.slow(10_000);
  let folder = '';
  const file = (name: string): string => path.join(folder, name);

  before(function () {
    if (spawnSync('nasm', ['-v']).status !== 0) leaveOut(this, 'no nasm (Debian: nasm)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-loaded-'));
    const { status, stderr } = spawnSync('nasm', ['-f', 'bin', '-o', file('kernel'), SOURCE], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const disk = Buffer.alloc(DISK_BYTES);
    disk.write('first LBA\0');
    writeFileSync(file('disk'), disk);
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  for (const field of ['multiboot', 'kernel']) {
    it(`can call the BIOS, which starts it again at INT 19h (${field})`, async () => {
      const guest = await boot({ [field]: file('kernel'), disks: [file('disk')], memory: '32M' });
      guest.waitForSerial(`${SAYS}${SAYS}`);
      assert.equal(guest.debug, '[reset: reset control register CF9]\n'.repeat(2));
    });
  }

  it('is told the same by SeaBIOS in QEMU', function () {
    if (spawnSync('qemu-system-i386', ['--version']).status !== 0) leaveOut(this, 'no QEMU (Debian: qemu-system-x86)');
    spawnSync('qemu-system-i386', [
      '-accel', 'tcg', '-m', '32', '-nic', 'none', '-display', 'none', '-monitor', 'none', '-serial', `file:${file('serial')}`, '-snapshot', '-no-reboot',
      '-kernel', file('kernel'), '-drive', `if=ide,format=raw,file=${file('disk')}`,
    ], { timeout: 4000 });
    assert.equal(readFileSync(file('serial'), 'latin1').slice(0, SAYS.length), SAYS);
  });
});
