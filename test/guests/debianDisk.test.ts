/** Debian booted from a hard disk as it is installed: BIOS, GRUB, kernel, systemd, a login, work, and an orderly power-off that leaves a clean file system. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { onlyInLongMode } from '../support/longTests';
import { ARCHITECTURES, DiskGuest, copyDisk, diskWord, e2fsck } from './support/debianDisk';
import type { Architecture } from './support/debianDisk';
import { FAULTS, PIECES } from './support/debianWork';
import type { PieceName } from './support/debianWork';
import { FETCHING_MS, needGuests } from './support/testGuests';

/** A boot takes a minute and a half of a processor of 2024; several times that when it has much else to do. */
const LONGEST_SECONDS = 1500;

interface Case {
  readonly architecture: Architecture;
  readonly cpus: number;
  readonly pieces: readonly PieceName[];
  readonly on: 'shadowbox' | 'qemu';
  /** Whether this is a test of many minutes. */
  readonly long: boolean;
}

const ALL: readonly PieceName[] = ['dma', 'python', 'processors', 'stress', 'network'];

const CASES: readonly Case[] = [
  { architecture: 'amd64', cpus: 1, pieces: ['dma', 'python'], on: 'shadowbox', long: false },
  ...ARCHITECTURES.flatMap((architecture) => [1, 4].map((cpus): Case => ({ architecture, cpus, pieces: ALL, on: 'shadowbox', long: true }))),
  // What is asked for is what another machine gives.
  ...ARCHITECTURES.map((architecture): Case => ({ architecture, cpus: 4, pieces: ALL, on: 'qemu', long: true })),
];

for (const { architecture, cpus, pieces, on, long } of CASES) {
  describe(`Debian ${architecture} on a hard disk, ${cpus === 1 ? 'one processor' : `${cpus} processors`}, ${on}${long ? '' : ', in short'}`, function () {
    this.timeout((LONGEST_SECONDS + 60) * 1000);
    this.slow(LONGEST_SECONDS * 1000);
    let folder = '';
    let disk = '';
    let guest: DiskGuest | undefined;
    const running = (): DiskGuest => {
      assert.ok(guest !== undefined, 'the guest has not been started');
      return guest;
    };

    before(function () {
      this.timeout(FETCHING_MS);
      if (long) onlyInLongMode(this);
      if (on === 'qemu' && !existsSync('/usr/bin/qemu-system-x86_64')) leaveOut(this, 'no QEMU (Debian: qemu-system-x86)');
      needGuests(this, diskWord(architecture));
      folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-debian-disk-'));
      disk = path.join(folder, 'disk.img');
      copyDisk(architecture, disk);
      const options = { disk: { path: disk, writable: true }, cpus, network: pieces.includes('network'), timeoutSeconds: LONGEST_SECONDS };
      guest = on === 'qemu' ? DiskGuest.onQemu(options) : DiskGuest.onShadowbox(options);
    });
    after(async () => {
      await guest?.dispose();
      if (folder !== '') rmSync(folder, { recursive: true });
    });

    it('boots to a login, and lets root in', async () => {
      await running().boot();
      await running().logIn();
      assert.match(running().console.output, /Reached target \S*multi-user\.target/);
    });

    for (const name of pieces) {
      const [title, work] = PIECES[name];
      it(title, async () => work({ guest: running(), cpus }));
    }

    it('powers off, and leaves a clean file system', async () => {
      const { status, err, figures } = await running().powerOff();
      assert.deepEqual({ status, err }, { status: 0, err: '' });
      assert.doesNotMatch(running().console.output, FAULTS);
      if (figures !== undefined) {
        assert.equal(figures.reason, 'power-off');
        console.log(`      ${(figures.retired / 1e9).toFixed(1)} billion instructions in ${figures.wallSeconds.toFixed(0)} s: ${(figures.retired / 1e6 / figures.wallSeconds).toFixed(0)} MIPS`);
      } else assert.equal(on, 'qemu');
      const check = e2fsck(disk, '-fn');
      assert.equal(check.status, 0, check.text);
      assert.doesNotMatch(check.text, /recovering journal|not cleanly unmounted/i);
    });
  });
}
