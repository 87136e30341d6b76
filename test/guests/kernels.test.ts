/** Debian's kernels of every flavour, unmodified, with busybox: to a shell that takes commands, with one CPU and several, to power off. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { onlyInLongMode } from '../support/longTests';
import { LinuxGuest } from './support/linuxGuest';
import type { LinuxEnded } from './support/linuxGuest';
import { FETCHING_MS, needGuests } from './support/testGuests';

/** Real time for one boot. Half a minute on a quiet machine of 2024; several when it has much else to do. */
const LONGEST_SECONDS = 900;

/**
 * Skips the self-tests of the kernel's cryptography, which is half of a 32-bit boot's instructions. Runs in long mode are
 * without it.
 */
const NO_CRYPTO_TESTS = 'cryptomgr.notests';

interface Flavour {
  readonly flavour: string;
  readonly architecture: 'i386' | 'amd64';
  /** What `uname -m` says. */
  readonly machine: string;
  readonly cpuModel: string;
  /** Flags that /proc/cpuinfo must list. */
  readonly flags: readonly string[];
}

const FLAVOURS: readonly Flavour[] = [
  { flavour: '686', architecture: 'i386', machine: 'i686', cpuModel: 'pentium3', flags: ['fpu', 'tsc', 'cmov', 'fxsr', 'sse'] },
  { flavour: '686-pae', architecture: 'i386', machine: 'i686', cpuModel: 'x86-64-v2', flags: ['pae', 'nx', 'sse4_2'] },
  { flavour: 'amd64', architecture: 'amd64', machine: 'x86_64', cpuModel: 'x86-64-v2', flags: ['lm', 'syscall', 'cx16', 'popcnt', 'sse4_2'] },
];

/** The kernel takes five levels of page tables as soon as it finds them, and says so only then. */
const FIVE_LEVELS: Flavour = { flavour: 'amd64', architecture: 'amd64', machine: 'x86_64', cpuModel: 'x86-64-v2,+la57', flags: ['lm', 'la57'] };

/** Every kernel has one CPU once and several once in an ordinary run or a long one; the slower halves are long. */
const CASES: readonly (Flavour & { readonly cpus: number; readonly long: boolean })[] = [
  ...FLAVOURS.flatMap((flavour) => [
    { ...flavour, cpus: 1, long: flavour.flavour === '686-pae' },
    { ...flavour, cpus: 4, long: flavour.flavour === '686' },
  ]),
  { ...FIVE_LEVELS, cpus: 1, long: false },
  { ...FIVE_LEVELS, cpus: 4, long: true },
];

/** Signs that something went wrong in the kernel, or in a program. */
const TROUBLE = /BUG:|Oops:|Call Trace|Kernel panic|WARNING: |segfault at|general protection|trap invalid opcode|firmware bug|your BIOS|ACPI (BIOS )?(Error|Warning)/i;

function checkEnd({ status, err, out, figures: { retired, wallSeconds } }: LinuxEnded): void {
  assert.match(out, /reboot: Power down/);
  assert.deepEqual({ status, err }, { status: 0, err: '' });
  console.log(`      ${(retired / 1e9).toFixed(2)} billion instructions in ${wallSeconds.toFixed(0)} s: ${(retired / 1e6 / wallSeconds).toFixed(0)} MIPS`);
}

/** The CPUs answer by name, memory is there, programs run and compute what they should. */
async function checkShell(guest: LinuxGuest, { flavour, machine, flags, cpus }: Flavour & { readonly cpus: number }): Promise<void> {
  assert.match(await guest.type('uname -s -m -r'), new RegExp(`^Linux 6\\.1\\.0-\\d+-${flavour} ${machine}$`, 'm'));
  const cpuInfo = await guest.type('cat /proc/cpuinfo');
  assert.equal(cpuInfo.match(/^processor\t: \d+$/gm)?.length, cpus);
  const listed = /^flags\t\t: (.*)$/m.exec(cpuInfo)?.[1]?.split(' ') ?? [];
  assert.deepEqual(flags.filter((flag) => !listed.includes(flag)), []);
  const total = Number(/^Mem: +(\d+)/m.exec(await guest.type('free'))?.[1]);
  assert.ok(total > 200_000 && total < 256 * 1024, `${total} KiB of memory`);
  const numbers = Array.from({ length: 2000 }, (_, i) => `${i + 1}\n`).join('');
  const digest = createHash('sha256').update(numbers).digest('hex');
  assert.match(await guest.type('seq 1 2000 | gzip | gunzip | sort -n | sha256sum'), new RegExp(`^${digest} `, 'm'));
}

/** The shell's children on each CPU: the last column but thirteen of /proc/PID/stat is the CPU that a process runs on (proc(5)). */
async function checkEachCpu(guest: LinuxGuest, cpus: number): Promise<void> {
  const each = Array.from({ length: cpus }, (_, i) => i);
  const text = await guest.type(`for c in ${each.join(' ')}; do taskset -c $c cut -d ' ' -f 39 /proc/self/stat; done`);
  assert.deepEqual(text.match(/^\d+$/gm), each.map(String));
  const interrupts = await guest.type('grep -E "RES|CAL|LOC" /proc/interrupts');
  for (const line of ['LOC', 'RES', 'CAL']) {
    const counts = new RegExp(`^ *${line}:((?: +\\d+)+)`, 'm').exec(interrupts)?.[1]?.trim().split(/ +/).map(Number) ?? [];
    assert.ok(counts.length === cpus && counts.every((count) => count > 0), `${line}: ${counts.join(' ')}`);
  }
}

describe('Debian kernels', function () {
  this.timeout((LONGEST_SECONDS + 60) * 1000);
  this.slow(LONGEST_SECONDS * 1000);

  before(function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'kernels');
  });

  for (const tested of CASES) {
    const { flavour, architecture, cpuModel, cpus } = tested;
    it(`-${flavour} on ${cpuModel} with ${cpus === 1 ? 'one CPU' : `${cpus} CPUs`}: a shell, and power off`, async function () {
      if (tested.long) onlyInLongMode(this);
      const guest = new LinuxGuest({
        flavour, cpus, cpuModel, initrd: `shell-${architecture}`, memory: '256M', timeoutSeconds: LONGEST_SECONDS,
        ...(process.env['SHADOWBOX_LONG_TESTS'] === '1' ? {} : { parameters: NO_CRYPTO_TESTS }),
      });
      try {
        const messages = await guest.boot();
        assert.match(messages, /Run \/init as init process[^]*init: a shell on ttyS0/);
        if (cpus > 1) assert.match(messages, new RegExp(`smp: Brought up 1 node, ${cpus} CPUs`));
        await checkShell(guest, tested);
        if (cpus > 1) await checkEachCpu(guest, cpus);
        checkEnd(await guest.powerOff());
        assert.deepEqual(guest.output.split('\r\n').filter((line) => TROUBLE.test(line)), []);
      } finally {
        await guest.dispose();
      }
    });
  }
});
