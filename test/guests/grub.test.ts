/** GRUB off its rescue floppy and its rescue CD to its prompt: on the built-in BIOS and on SeaBIOS, and on QEMU, where it says the same. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot, GUESTS, SEABIOS } from './harness';
import { QemuText } from './support/qemuText';
import { FETCHING_MS, needGuests } from './support/testGuests';

/** A machine that has much else to do takes ten times as long as a quiet one. */
const PATIENCE_MS = 120_000;
const KEY_C = 0x2e;
const GRUB = path.join(GUESTS, 'grub');

const MEDIA = { floppy: path.join(GRUB, 'grub-rescue-floppy.img'), cdrom: path.join(GRUB, 'grub-rescue-cdrom.iso') } as const;
/** An entry of GRUB's menu, which is a file on the medium; 'c' leads from it to the prompt. */
const MENU = 'Memtest86+';

/** GRUB's command line under its heading. */
const PROMPT = /GNU GRUB +version \S+[^]*grub>/;

/** The version that GRUB shows. */
function versionOf(screen: string): string | undefined {
  return /GNU GRUB +version (\S+)/.exec(screen)?.[1];
}

for (const medium of ['floppy', 'cdrom'] as const) {
  describe(`GRUB off its rescue ${medium === 'cdrom' ? 'CD' : 'floppy'}`, function () {
    this.timeout(PATIENCE_MS);
    this.slow(PATIENCE_MS);
    const file = MEDIA[medium];
    const versions = new Map<string, string | undefined>();

    before(function () {
      this.timeout(FETCHING_MS);
      needGuests(this, 'grub');
    });

    for (const firmware of ['builtin', 'seabios']) {
      it(`comes to its prompt (${firmware})`, async function () {
        if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (apt install seabios)');
        const guest = await boot({ firmware, [medium]: file, memory: '64M' });
        guest.patience = PATIENCE_MS;
        guest.waitForScreen(MENU);
        guest.press(KEY_C);
        guest.waitForScreen(PROMPT);
        versions.set(firmware, versionOf(guest.screen));
      });
    }

    it('says the same in QEMU', async function () {
      if (spawnSync('qemu-system-i386', ['--version']).error !== undefined) leaveOut(this, 'no qemu-system-i386 (Debian: qemu-system-x86)');
      const qemu = new QemuText(medium, file);
      try {
        await qemu.waitFor(MENU);
        qemu.command('sendkey c');
        const version = versionOf(await qemu.waitFor(PROMPT));
        assert.ok(version);
        for (const [firmware, ours] of versions) assert.equal(ours, version, firmware);
      } finally {
        qemu.close();
      }
    });
  });
}
