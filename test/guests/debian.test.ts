/** Debian's own kernel and installer for 32-bit PCs, unmodified, booted once by the command line. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { Command, GUESTS } from './harness';

const DEBIAN = path.join(GUESTS, 'debian-i386');
/** Two minutes on a quiet machine of 2024; five when it has much else to do. */
const LONGEST_SECONDS = 900;

/** What the kernel and the installer print on the way, in order. */
const MARKS = [
  'Linux version 6.1',
  'Memory: ',
  'Calibrating delay loop',
  'Serial: 8250/16550 driver',
  'ttyS0 at I/O 0x3f8 (irq = 4',
  'i8042 KBD port at 0x60,0x64 irq 1',
  'registered as rtc0',
  'Freeing unused kernel image',
  'Run /init as init process',
  'Select a language',
  'Choose the language to be used for the installation process.',
  'default=',
];

describe('debian-i386', function () {
  this.timeout((LONGEST_SECONDS + 60) * 1000);
  this.slow(LONGEST_SECONDS * 1000);
  let folder = '';

  before(function () {
    if (!existsSync(path.join(DEBIAN, 'linux'))) leaveOut(this, 'no Debian kernel (node scripts/fetch-guests.mjs)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-debian-'));
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  it('boots to the installer\'s first question, takes an answer on the serial line, and asks the next', async () => {
    const statsFile = path.join(folder, 'stats.json');
    let answered = false;
    // The text frontend asks line by line: a bare Enter takes the default, and the next question is where one lives.
    const command = new Command([
      'run', '--kernel', path.join(DEBIAN, 'linux'), '--initrd', path.join(DEBIAN, 'initrd.gz'), '--memory', '512M',
      '--cmdline', 'console=ttyS0,115200 DEBIAN_FRONTEND=text', '--until', 'Select your location', '--timeout', String(LONGEST_SECONDS), '--stats', statsFile,
    ], ({ out, child }) => {
      if (answered || !/Select a language[^]*default=\d+>/.test(out)) return;
      answered = true;
      child.stdin.write('\r');
    });
    const { status, out, err } = await command.ended;
    const found = MARKS.map((mark) => out.indexOf(mark));
    const missing = MARKS.filter((_, i) => (found[i] ?? -1) < (i === 0 ? 0 : found[i - 1] ?? 0));
    assert.deepEqual({ status, err, answered, missing }, { status: 0, err: '', answered: true, missing: [] }, `it ended in:\n${out.slice(-3000)}`);
    assert.doesNotMatch(out, /BUG:|Oops|Call Trace|Kernel panic|segfault at/);
    const { retired, wallSeconds } = JSON.parse(readFileSync(statsFile, 'utf8')) as { retired: number; wallSeconds: number };
    console.log(`      ${(retired / 1e9).toFixed(1)} billion instructions in ${wallSeconds.toFixed(0)} s: ${(retired / 1e6 / wallSeconds).toFixed(0)} MIPS`);
  });
});
