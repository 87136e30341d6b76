/**
 * What the loaders refuse, as a person at the command line sees it: status 2, the option, what is wrong, what to do.
 * (What is wrong with the options themselves is in test/cli.)
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { GUESTS, SAMPLES, shadowbox } from './harness';

const LINUX = path.join(GUESTS, 'debian-i386', 'linux');
const LAB = path.join(SAMPLES, 'paging-lab', 'paging-lab.elf');
const HELLO = path.join(SAMPLES, 'hello', 'hello.img');
/** Offset of the boot protocol's version in a bzImage (Linux, Documentation/arch/x86/boot.rst). */
const PROTOCOL_VERSION = 0x206;

describe('a bad configuration', function () {
  this.timeout(30_000);
  this.slow(3000);
  let folder = '';
  const file = (name: string): string => path.join(folder, name);

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-bad-'));
    writeFileSync(file('noise'), Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3));
    writeFileSync(file('large'), new Uint8Array(3_000_000));
    if (existsSync(LINUX)) {
      const kernel = readFileSync(LINUX);
      writeFileSync(file('short'), kernel.subarray(0, kernel.length / 2));
      kernel.writeUInt16LE(0x0201, PROTOCOL_VERSION);
      writeFileSync(file('old'), kernel);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  async function refused(words: readonly string[], message: RegExp): Promise<void> {
    const { status, out, err } = await shadowbox('run', ...words);
    assert.deepEqual([status, out], [2, ''], err);
    assert.match(err, message);
    assert.match(err, /\nshadowbox: see shadowbox run --help\n$/);
  }

  it('names a kernel that is none, and what it looks like', async () => {
    await refused(['--kernel', file('noise')], /^shadowbox: --kernel: The kernel is no Linux bzImage .* Name a Linux bzImage/);
    await refused(['--kernel', HELLO], /^shadowbox: --kernel: .*looks like a boot sector or floppy image: use --floppy/);
  });

  it('names an image without a Multiboot header', () => refused(['--multiboot', file('noise')], /^shadowbox: --multiboot: The image has no Multiboot header in its first 8 KiB\. .*1BADB002h/));

  it('names a floppy that is too large, and a firmware that is none', async () => {
    await refused(['--floppy', file('large')], /^shadowbox: --floppy: .*has 3000000 bytes: give one of 1 to 2949120 bytes, or use it as a disk/);
    await refused(['--firmware', file('noise'), '--floppy', HELLO], /^shadowbox: --firmware: .*must have a multiple of 64 KiB/);
  });

  it('says how much memory the guest needs', () => refused(['--multiboot', LAB, '--memory', '1M'], /^shadowbox: --memory: .*memory ends at 100000h\. Give it at least 2M/));

  it('names a Linux kernel that is too old, that is cut short, or that does not fit', async function () {
    if (!existsSync(LINUX)) leaveOut(this, 'no Debian kernel (node scripts/fetch-guests.mjs)');
    await refused(['--kernel', file('old')], /^shadowbox: --kernel: The kernel is too old: boot protocol 2\.01, and 2\.02 is needed\. Use Linux/);
    await refused(['--kernel', file('short')], /^shadowbox: --kernel: The kernel is cut short: .*Copy or download it again/);
    await refused(['--kernel', LINUX, '--memory', '8M'], /^shadowbox: --memory: The machine has 8 MiB of memory.*Give it at least \d+M/);
  });

  it('says that nothing can be booted from, and what was looked at', async () => {
    const { status, err } = await shadowbox('run', '--disk', file('noise'));
    assert.equal(status, 3);
    assert.match(err, /^BIOS: No bootable device: floppy 0: not there; hard disk 80h: no boot signature \(55 AA\) in its first sector; CD-ROM: not there\.\nshadowbox: the guest is dead: halted for ever/);
  });

  it('names a port of the debug adapter that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { status, err } = await shadowbox('dap', '--port', String(port));
    other.close();
    assert.equal(status, 2);
    assert.match(err, new RegExp(`^shadowbox: --port: ${port} is in use; choose another one, or 0 for any that is free\n`));
  });
});
