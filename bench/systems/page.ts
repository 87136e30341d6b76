/** Figures of whole systems: kept as JSON, shown as a page of the documentation. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../scripts/lib/paths.mjs';
import { table } from '../format';

const FILE = path.join(root, 'bench', 'results', 'systems.json');

/** What a system has reached, and what it took. */
export interface SystemFigures {
  readonly name: string;
  /** The day of the run. */
  readonly date: string;
  /** In their order, with seconds since power-on by the host's clock. */
  readonly marks: readonly { readonly mark: string; readonly seconds: number; readonly failure?: string }[];
  /** The most memory that our process has had resident, in bytes. */
  readonly peakBytes: number;
  readonly wallSeconds: number;
  readonly retired: number;
  /** The host's load average when the run began: with more than 1, others had a part of the processors. */
  readonly load: number;
}

/** The last figures of each system. */
export function readFigures(): readonly SystemFigures[] {
  // What saveFigures has written.
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) as SystemFigures[] : [];
}

/** Puts a system's figures in place of its former ones. */
export function saveFigures(figures: SystemFigures): void {
  const all = [...readFigures().filter(({ name }) => name !== figures.name), figures].sort((a, b) => a.name.localeCompare(b.name));
  writeFileSync(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
}

/** A line for each system, a column for each mark. */
export function guestsPage(systems: readonly SystemFigures[]): string {
  const names = [...new Set(systems.flatMap(({ marks }) => marks.map(({ mark }) => mark)))];
  const cell = ({ marks }: SystemFigures, name: string): string => {
    const found = marks.find(({ mark }) => mark === name);
    if (found === undefined) return '';
    return found.failure === undefined ? found.seconds.toFixed(0) : 'FAILED';
  };
  const rows = systems.map((system) => [
    system.name, ...names.map((name) => cell(system, name)), (system.retired / 1e9).toFixed(1),
    system.wallSeconds > 0 ? (system.retired / 1e6 / system.wallSeconds).toFixed(0) : '', (system.peakBytes / 2 ** 20).toFixed(0), system.load.toFixed(1), system.date,
  ]);
  const failures = systems.flatMap(({ name, marks }) => marks.flatMap(({ mark, failure }) => (failure === undefined ? [] : [`- ${name}, ${mark}: ${failure}`])));
  return `${[
    '# Whole systems from their disks',
    `Debian 12 as an installer leaves it on a hard disk: our BIOS, GRUB in the boot record, the distribution's kernel, systemd, ext4. Each is booted with
512 MiB, is logged in to on its serial line, and works; then it powers off, and the file system is checked. (This page is written by
\`npm run guests:report\`; \`test/guests/debianDisk.test.ts\` asks for the same things.)`,
    table([['system', ...names.map((name) => `${name}, s`), 'billion instructions', 'MIPS', 'memory, MiB', 'load', 'date'], ...rows]),
    `Seconds are by the host's clock, from the start of our process; MIPS are retired instructions by the same clock, with what is waited for.
Memory is the most that our process has had resident; load is the host's load average when the run began: with more than 1, others had a part of the
processors, and the seconds say little. The marks: the kernel's first message; a shell after the login; the disk is used by DMA;
a Python program of integers and floating point gives the known results; a process on each processor; stress-ng verifies what its stressors do
(cpu, memory, vm, io); an address by DHCP and 3 MB by HTTP; the end of the run by \`systemctl poweroff\`; \`e2fsck -fn\` finds nothing.`,
    ...(failures.length === 0 ? [] : [failures.join('\n')]),
  ].join('\n\n')}\n`;
}
