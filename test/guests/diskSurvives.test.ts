/**
 * A disk image whose monitor is killed under load: the file system in it recovers by its journal, what was synced is there, and the image is sound
 * by its format's rules. The guest is Debian (debianDisk.ts) without systemd, and says on its serial line which files it has synced.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { leaveOut } from '../support/leaveOut';
import { onlyInLongMode } from '../support/longTests';
import { DiskGuest, copyDisk, copyKernelOut, diskWord, extractPartition, fsck, succeed } from './support/debianDisk';
import { FETCHING_MS, needGuests } from './support/testGuests';

const ARCHITECTURE = 'i386';
const LONGEST_SECONDS = 1500;
/** The kill comes after this many files, and up to this many milliseconds later. */
const MOST_FILES = 60;
const LONGEST_WAIT_MS = 1000;

/** What support/synced-files.py writes to the file of this number. */
function contentsOf(n: number): Buffer {
  const blocks = (n * 37) % 1500 + 1;
  return Buffer.concat(Array.from({ length: blocks }, (_, i) => createHash('sha256').update(`${n} ${i}`).digest()));
}

describe('a disk image whose monitor is killed while the guest writes', function () {
  this.timeout((LONGEST_SECONDS + 60) * 1000);
  this.slow(LONGEST_SECONDS * 1000);
  let folder = '';
  let guest: DiskGuest | undefined;

  before(function () {
    this.timeout(FETCHING_MS);
    onlyInLongMode(this);
    if (!existsSync('/usr/bin/qemu-img')) leaveOut(this, 'no qemu-img (Debian: qemu-utils)');
    needGuests(this, diskWord(ARCHITECTURE));
  });
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-survives-')); });
  afterEach(async () => {
    await guest?.dispose();
    guest = undefined;
    rmSync(folder, { recursive: true });
  });

  for (const format of ['raw', 'qcow2'] as const) {
    it(`recovers, with every file that was synced: ${format}`, async () => {
      const raw = path.join(folder, 'disk.img');
      const disk = path.join(folder, `killed.${format}`);
      copyDisk(ARCHITECTURE, raw);
      const direct = copyKernelOut(raw, folder);
      if (format === 'qcow2') {
        succeed('qemu-img', 'convert', '-O', 'qcow2', raw, disk);
        rmSync(raw);
      } else renameSync(raw, disk);

      guest = DiskGuest.onShadowbox({ disk: { path: disk, writable: true }, cpus: 1, direct, timeoutSeconds: LONGEST_SECONDS });
      await guest.shell();
      await guest.put('/tmp/synced-files.py', readFileSync(new URL('support/synced-files.py', import.meta.url), 'utf8'));
      guest.console.send('python3 /tmp/synced-files.py');
      // The moment is random, and only the message says which it was: the image differs each time anyhow.
      const last = 5 + Math.floor(Math.random() * MOST_FILES);
      const wait = Math.random() * LONGEST_WAIT_MS;
      await guest.console.waitFor(new RegExp(`synced ${last}\r?$`, 'm'));
      await delay(wait);
      guest.console.child.kill('SIGKILL');
      assert.equal((await guest.console.ended).signal, 'SIGKILL');
      // Prompts stand before the first one, since nothing is echoed.
      const synced = [...guest.console.output.matchAll(/^(?:guest# )*synced (\d+)\r?$/gm)].map(([, n]) => Number(n));
      assert.deepEqual(synced, synced.map((_, i) => i), 'none is missing in the output');
      console.log(`      killed ${wait.toFixed(0)} ms after file ${last}, with ${synced.length} files synced`);

      if (format === 'qcow2') {
        assert.match(succeed('qemu-img', 'check', disk), /No errors were found|leaked clusters/);
        succeed('qemu-img', 'convert', '-O', 'raw', disk, raw);
      } else renameSync(disk, raw);
      // e2fsck forgets the offset when it opens the file system again behind the journal's replay.
      const partition = path.join(folder, 'partition');
      extractPartition(raw, partition);
      const recovery = fsck(partition, '-fy');
      assert.ok(recovery.status === 0 || recovery.status === 1, recovery.text);
      assert.match(recovery.text, /recovering journal/);
      // Besides the journal's replay there is nothing to mend but files that were deleted while they were open, and the file system's own sums of
      // what is free, which ext4 keeps in memory and writes when it is unmounted.
      assert.doesNotMatch(recovery.text.replace(/^Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.\nFix\? yes$/gm, ''), /\? yes/, recovery.text);
      const check = fsck(partition, '-fn');
      assert.equal(check.status, 0, check.text);
      const copy = path.join(folder, 'file');
      for (const n of synced) {
        succeed('debugfs', '-R', `dump /var/synced/${n} ${copy}`, partition);
        assert.ok(readFileSync(copy).equals(contentsOf(n)), `file ${n} is not as it was synced`);
      }
    });
  }
});
