/**
 * What several CPUs do together, on a guest of our own (multiprocessor/processors.asm): every line that it prints, on 1 to 8
 * CPUs and with turns of several lengths, and the same lines on QEMU.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot } from './harness';
import { EXIT_STATUS, assembleGuest, type AssembledGuest } from './multiprocessor/image';

/** As in the guest. */
const ROUNDS = 500, SLOW_ROUNDS = 60, BITS_CLAIMED = 512;
/** IA32_APIC_BASE: enabled; the bootstrap processor's flag (SDM vol. 3, 11.4.4). */
const ENABLED = 0x800, BOOTSTRAP = 0x100;
/** Page-fault error codes, with the guest's mark 8: not present, and a write to a page that may only be read (SDM vol. 3, 4.7). */
const FAULTS = 0x8b;

type Lines = readonly (readonly [title: string, values: readonly number[]])[];

/** What the manual lets expect of `cpus` CPUs. */
function expected(cpus: number): Lines {
  const each = (value: (cpu: number) => number): readonly number[] => Array.from({ length: cpus }, (_, cpu) => value(cpu));
  const all = cpus * ROUNDS;
  const several = cpus > 1;
  /** The last CPU is the one that an INIT reaches. */
  const victim = (cpu: number): boolean => several && cpu === cpus - 1;
  return [
    ['cpus', [cpus]],
    ['starts', each((cpu) => Math.min(cpu, 1))],
    ['apic base', each((cpu) => (cpu === 0 ? ENABLED | BOOTSTRAP : ENABLED))],
    ['ids', [2 ** cpus - 1]],
    ['wide ids', [2 ** cpus - 1]],
    ['xadd', [all]],
    ['xadd old values', [(all * (all - 1)) / 2]],
    ['inc', [all]],
    ['cmpxchg', [all]],
    ['spinlock with pause', [all]],
    ['spinlock without pause', [cpus * SLOW_ROUNDS]],
    ['ticket lock', [all]],
    ['cmpxchg8b low', [all - 0x80]],
    ['cmpxchg8b high', [1]],
    ['bts claims', [BITS_CLAIMED]],
    // Three by ID, one for all but the sender or one to itself, one for all, one by logical IDs.
    ['ipi', each(() => 6)],
    ['lowest priority, all', [5]],
    ['# lowest priority', each((cpu) => (cpu === cpus - 1 ? 5 : 0))],
    ['nmi', each(() => 3)],
    // Each reads the pages' values 1 and 100h four times.
    ['window', [cpus * 4 * 0x101]],
    ['page faults', each(() => FAULTS)],
    ['cross-modified', [cpus * 36]],
    ['self-modified', [cpus * 210]],
    ['modified while running', [cpus * 0x1234]],
    ['one-shot', each(() => 1)],
    ['periodic', each(() => 5)],
    ['# deadline', each(() => 1)],
    ['tsc warps', [0]],
    ['io apic', each(() => 0x100)],
    ['# x2apic id', each((cpu) => cpu)],
    ['# x2apic ldr', each((cpu) => 2 ** cpu)],
    ['# x2apic ipi', each(() => 2)],
    ['init stopped', [several ? 1 : 0]],
    ['starts', each((cpu) => (victim(cpu) ? 2 : Math.min(cpu, 1)))],
    ['interrupts after init', each(() => 1)],
    ['# kept by init: msr', each((cpu) => (victim(cpu) ? 0xabcd1234 : 0))],
    ['# kept by init: x87', each((cpu) => (victim(cpu) ? 1 : 0))],
    ['xadd 64 low', [several ? 0x30 : 0xfffffff0]],
    ['xadd 64 high', [several ? 1 : 0]],
    ['cmpxchg16b', [several ? ROUNDS : 0]],
    ['spinlock across modes', [several ? all : 0]],
    ['end', []],
  ];
}

/** A line is a title and numbers of eight digits. */
function linesOf(text: string): Lines {
  return text.trimEnd().split('\n').map((line) => {
    const values = line.match(/ [0-9A-F]{8}(?= |$)/g) ?? [];
    return [line.replace(/( [0-9A-F]{8})* *$/, ''), values.map((value) => parseInt(value, 16))];
  });
}

describe('several CPUs', function () {
  this.timeout(60_000);
  this.slow(20_000);

  let guest: AssembledGuest;
  before(function () {
    guest = assembleGuest(this);
  });
  after(() => guest.dispose());

  async function said(cpus: number, quantum: number, cpuModel = 'x86-64-v2'): Promise<Lines> {
    const machine = await boot({ multiboot: guest.file, memory: '16M', cpus, quantum, cpuModel });
    assert.deepEqual(machine.run({}), { kind: 'exit', status: EXIT_STATUS }, machine.debug);
    return linesOf(machine.debug);
  }

  for (const cpus of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`${cpus} do what the manual says`, async () => {
      assert.deepEqual(await said(cpus, 20_000), expected(cpus));
    });
  }

  for (const quantum of [100, 1009, 100_000]) {
    it(`4 do so in turns of ${quantum} instructions`, async () => {
      assert.deepEqual(await said(4, quantum), expected(4));
    });
  }

  it('4 do so with the instructions of x86-64-v3', async () => {
    assert.deepEqual(await said(4, 20_000, 'x86-64-v3'), expected(4));
  });

  for (const cpus of [1, 4]) {
    it(`QEMU says the same of ${cpus}`, function () {
      const output = path.join(path.dirname(guest.file), `qemu-${cpus}.txt`);
      const { error, status } = spawnSync('qemu-system-x86_64', [
        '-cpu', 'max', '-smp', String(cpus), '-m', '16', '-nodefaults', '-display', 'none', '-no-reboot', '-kernel', guest.file,
        '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-debugcon', `file:${output}`,
      ], { timeout: 50_000 });
      if (error !== undefined && 'code' in error && error.code === 'ENOENT') leaveOut(this, 'no qemu-system-x86_64 (Debian: qemu-system-x86)');
      const common = (lines: Lines): Lines => lines.filter(([title]) => !title.startsWith('#'));
      assert.deepEqual(common(linesOf(readFileSync(output, 'latin1'))), common(expected(cpus)));
      assert.equal(status, EXIT_STATUS);
    });
  }
});
