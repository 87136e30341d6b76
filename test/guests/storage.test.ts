/**
 * Disks and CDs as whole guests find them: Linux's ata_piix, sr, isofs and ext4 by DMA, against checksums.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot, randomNumbers } from './harness';
import { askShell } from './support/shell';
import { LINUX, needGuests } from './support/testGuests';

const MIB = 1024 * 1024;
/** A machine that has much else to do takes ten times as long as a quiet one. */
const PATIENCE_MS = 600_000;

/** Bytes that look random, the same in every run. */
function noise(bytes: number, seed: number): Buffer {
  const random = randomNumbers(seed);
  return Buffer.from(Uint32Array.from({ length: bytes / 4 }, () => random(2 ** 31)).buffer);
}

const md5 = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');

describe('storage', function () {
  this.timeout(PATIENCE_MS);
  this.slow(PATIENCE_MS);
  let folder = '';
  const disk = noise(8 * MIB, 1);
  const file = noise(MIB, 2);

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-storage-'));
    writeFileSync(path.join(folder, 'disk.img'), disk);
    mkdirSync(path.join(folder, 'tree'));
    writeFileSync(path.join(folder, 'tree', 'noise.bin'), file);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [flavour, firmware] of [['686', 'builtin'], ['amd64', 'builtin'], ['amd64', 'seabios']] as const) {
    it(`Linux (${flavour}, ${firmware === 'builtin' ? 'our BIOS' : 'SeaBIOS'}) reads and writes a disk and mounts a CD, by DMA`, async function () {
      needGuests(this, 'kernels', 'virtio');
      const initrd = path.join(LINUX, `virtio-${flavour}.cpio`);
      const iso = path.join(folder, 'test.iso');
      const made = spawnSync('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-o', iso, path.join(folder, 'tree')]);
      if (made.status !== 0) leaveOut(this, 'no xorriso (apt install xorriso)');
      const guest = await boot({
        kernel: path.join(LINUX, `vmlinuz-${flavour}`), initrd, cmdline: 'console=ttyS0', memory: '256M', disks: [path.join(folder, 'disk.img')], cdrom: iso, firmware,
      });
      guest.patience = PATIENCE_MS;
      guest.waitForSerial('guest# ');
      const found = askShell(guest, 'drivers ata cdrom ext4; cat /sys/class/ata_device/*/xfer_mode; grep ata_piix /proc/interrupts');
      assert.match(found, /ATA-7: Shadowbox disk/);
      assert.equal(found.match(/XFER_MW_DMA_2/g)?.length, 2, 'both drives do DMA');
      assert.match(found, /14: +\d+.*ata_piix/);
      assert.ok(askShell(guest, 'md5sum /dev/sda').includes(md5(disk)), 'what is read is what is on the disk');
      assert.ok(askShell(guest, 'mount -o ro /dev/sr0 /mnt; md5sum /mnt/noise.bin; umount /mnt').includes(md5(file)), 'a file on the CD');
      const written = askShell(guest, 'mke2fs -q -t ext4 /dev/sda; mount /dev/sda /mnt; dd if=/dev/sr0 of=/mnt/copy bs=4k; sync; umount /mnt; '
        + 'echo 3 > /proc/sys/vm/drop_caches; e2fsck -fn /dev/sda; mount /dev/sda /mnt; md5sum /mnt/copy /dev/sr0; umount /mnt');
      const [copy, original] = [...written.matchAll(/([0-9a-f]{32}) /g)].map((match) => match[1]);
      assert.ok(copy !== undefined && copy === original, written);
      assert.equal(askShell(guest, 'dmesg | grep -c "exception Emask\\|I/O error"'), '0', 'no command had to be repeated');
    });
  }
});
