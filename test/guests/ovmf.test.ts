/** OVMF, as Debian builds it: to the UEFI shell on the serial line, its variables in a file, and through a disk with GRUB to its prompt. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot } from './harness';

const OVMF = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const MIB = 1 << 20;
/** Half a minute each on a quiet machine. */
const MOST_MS = 240_000;

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${command}: ${error?.message ?? stderr}`);
}

function isThere(command: string): boolean {
  return spawnSync(command, ['--version']).error === undefined;
}

describe('OVMF', function () {
  this.timeout(MOST_MS + 20_000);
  this.slow(MOST_MS);
  let folder = '';

  /** A disk with nothing on it. A channel without any drive makes the firmware wait long for one. */
  function blank(name: string, bytes = MIB): string {
    const file = path.join(folder, name);
    writeFileSync(file, new Uint8Array(bytes));
    return file;
  }

  before(function () {
    if (!existsSync(OVMF)) leaveOut(this, 'no OVMF (Debian: ovmf)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-ovmf-'));
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  it('boots to the UEFI shell, which finds the tables and the bus, and turns the machine off', async () => {
    const disks = ['a', 'b', 'c'].map((name) => blank(name));
    const guest = await boot({ firmware: 'ovmf', memory: '256M', disks });
    guest.patience = MOST_MS;
    guest.waitForSerial(/skip .*startup\.nsh/);
    guest.send('\x1b');
    guest.waitForSerial(/Shell> /);
    guest.serial = '';
    guest.send('smbiosview -t 1\r');
    guest.waitForSerial(/Virtual PC[^]*Shell> /);
    guest.serial = '';
    guest.send('pci\r');
    guest.waitForSerial(/8086[^]*1237[^]*8086[^]*7113[^]*Shell> /i);
    guest.send('reset -s\r');
    assert.equal(guest.run({})?.kind, 'power-off');
  });

  it('begins again after a cold and a warm reset of the shell: of the board, and of the processors alone', async () => {
    const guest = await boot({ firmware: 'ovmf', memory: '256M', disks: ['a', 'b', 'c'].map((name) => blank(name)) });
    guest.patience = MOST_MS;
    for (const command of ['reset -c', 'reset -w', 'reset -s']) {
      guest.waitForSerial(/skip .*startup\.nsh/);
      guest.send('\x1b');
      guest.waitForSerial(/Shell> /);
      guest.serial = '';
      guest.send(`${command}\r`);
    }
    assert.equal(guest.run({})?.kind, 'power-off');
    assert.deepEqual(guest.debug.match(/\[reset: [^\]]*/g), ['[reset: reset control register CF9', '[reset: 8042 reset pulse']);
  });

  it('keeps its variables in a file when it may: one outlasts the power-off, and a machine that may only read them leaves the file', async () => {
    const store = path.join(folder, 'variables.fd');
    const disks = ['a', 'b', 'c'].map((name) => blank(name));
    const VARIABLE = 'Mark -guid 0d0f0a5e-1f3b-4c55-9d57-3d2b7c1a9e10';
    /** Types commands at the UEFI shell, each answered by a text, and turns the machine off. */
    const atShell = async (writable: boolean, ...commands: readonly (readonly [string, RegExp])[]): Promise<void> => {
      const guest = await boot({ firmware: 'ovmf', memory: '256M', disks, firmwareVariables: { path: store, writable } });
      guest.patience = MOST_MS;
      guest.waitForSerial(/skip .*startup\.nsh/);
      guest.send('\x1b');
      guest.waitForSerial(/Shell> /);
      for (const [command, answer] of commands) {
        guest.serial = '';
        guest.send(`${command}\r`);
        guest.waitForSerial(answer);
      }
      guest.send('reset -s\r');
      assert.equal(guest.run({})?.kind, 'power-off');
    };
    const shown = (bytes: string): RegExp => new RegExp(`${bytes}[^]*Shell> `, 'i');
    await atShell(true, [`setvar ${VARIABLE} -bs -nv =4D41524B`, /Shell> /], [`setvar ${VARIABLE}`, shown('4D ?41 ?52 ?4B')]);
    const kept = readFileSync(store);
    assert.notDeepEqual(kept, readFileSync(OVMF.replace('CODE', 'VARS')));
    await atShell(false, [`setvar ${VARIABLE}`, shown('4D ?41 ?52 ?4B')], [`setvar ${VARIABLE} -bs -nv =00`, /Shell> /]);
    assert.deepEqual(readFileSync(store), kept);
  });

  it('boots GRUB from the EFI system partition of a disk', async function () {
    if (!isThere('grub-mkstandalone') || !existsSync('/usr/lib/grub/x86_64-efi')) leaveOut(this, 'no GRUB for EFI (Debian: grub-efi-amd64-bin, grub-common)');
    if (!isThere('mformat')) leaveOut(this, 'no mtools (Debian: mtools)');
    const configuration = path.join(folder, 'grub.cfg');
    writeFileSync(configuration, 'serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\necho UEFI-GRUB-$grub_cpu-$grub_platform\n');
    const loader = path.join(folder, 'BOOTX64.EFI');
    run('grub-mkstandalone', '-O', 'x86_64-efi', '-o', loader, '--install-modules=serial terminal echo normal', '--locales=', '--fonts=', '--themes=', `boot/grub/grub.cfg=${configuration}`);
    // A disk that is one FAT file system, as a removable one may be (UEFI specification, 13.3.1).
    const disk = blank('esp', 32 * MIB);
    run('mformat', '-i', disk, '::');
    run('mmd', '-i', disk, '::/EFI', '::/EFI/BOOT');
    run('mcopy', '-i', disk, loader, '::/EFI/BOOT/BOOTX64.EFI');
    const guest = await boot({ firmware: 'ovmf', memory: '256M', disks: [disk, blank('b'), blank('c')] });
    guest.patience = MOST_MS;
    guest.waitForSerial('UEFI-GRUB-x86_64-efi');
    guest.waitForSerial(/grub> /);
  });
});
