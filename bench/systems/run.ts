/**
 * Entry of `npm run guests:report`: whole systems from their disks, each with work to do; what they reach, how long it takes, how much memory our
 * process needs. The figures are kept in bench/results/systems.json, and docs/guests.md is written from all that are there.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../scripts/lib/paths.mjs';
import { ARCHITECTURES, DiskGuest, copyDisk, diskWord, e2fsck } from '../../test/guests/support/debianDisk';
import type { Architecture } from '../../test/guests/support/debianDisk';
import { FAULTS, PIECES } from '../../test/guests/support/debianWork';
import { UsageError } from '../options';
import { guestsPage, readFigures, saveFigures } from './page';
import type { SystemFigures } from './page';

const SYSTEMS = ARCHITECTURES.flatMap((architecture) => [1, 4].map((cpus) => ({ name: `debian-${architecture}-${cpus}`, architecture, cpus })));

const HELP = `npm run guests:report -- [SYSTEM ...]: whole systems from their disks, and docs/guests.md with what they reach

  --minutes N     how long one may take (default: 25)
  --help          print this

Systems (without a word, all): ${SYSTEMS.map(({ name }) => name).join(', ')}
`;

const message = (error: unknown): string => (error instanceof Error ? error.message.split('\n', 1)[0] : String(error));

/** One system, from power-on to the check of its file system. What fails is in the figures; nothing is thrown for it. */
async function measure(name: string, architecture: Architecture, cpus: number, seconds: number): Promise<SystemFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-systems-'));
  const disk = path.join(folder, 'disk.img');
  copyDisk(architecture, disk);
  const [load] = loadavg();
  const guest = DiskGuest.onShadowbox({ disk: { path: disk, writable: true }, cpus, network: true, timeoutSeconds: seconds });
  const start = performance.now();
  const marks: SystemFigures['marks'][number][] = [];
  const reach = async (mark: string, work: () => Promise<void>): Promise<void> => {
    let failure: string | undefined;
    try {
      await work();
    } catch (error) {
      failure = message(error);
    }
    marks.push({ mark, seconds: (performance.now() - start) / 1000, ...(failure === undefined ? {} : { failure }) });
    process.stderr.write(`${name}: ${mark}${failure === undefined ? '' : ` FAILED: ${failure}`} (${((performance.now() - start) / 1000).toFixed(0)} s)\n`);
  };
  try {
    await reach('kernel', async () => { await guest.console.waitFor(/Linux version/); });
    await reach('login', async () => {
      await guest.boot();
      await guest.logIn();
    });
    for (const [piece, [, work]] of Object.entries(PIECES)) await reach(piece, async () => work({ guest, cpus }));
    let peakBytes = 0;
    let run: Awaited<ReturnType<DiskGuest['powerOff']>>['figures'];
    await reach('power-off', async () => {
      peakBytes = guest.peakMemory();
      const ended = await guest.powerOff();
      run = ended.figures;
      if (ended.status !== 0) throw new Error(`the run ended with status ${ended.status}: ${ended.err}`);
    });
    await reach('clean disk', () => {
      const { status, text } = e2fsck(disk, '-fn');
      const fault = FAULTS.exec(guest.console.output);
      return status === 0 && fault === null ? Promise.resolve() : Promise.reject(new Error(fault?.[0] ?? text.trim()));
    });
    return { name, date: new Date().toISOString().slice(0, 10), marks, peakBytes, wallSeconds: run?.wallSeconds ?? 0, retired: run?.retired ?? 0, load };
  } finally {
    await guest.dispose();
    rmSync(folder, { recursive: true });
  }
}

/** @returns the exit status: 1 when a system has not reached all that it should */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { minutes: { type: 'string', default: '25' }, help: { type: 'boolean', default: false } } });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new UsageError(`--minutes ${values.minutes}: give a number above 0`);
  const unknown = positionals.find((word) => !SYSTEMS.some(({ name }) => name === word));
  if (unknown !== undefined) throw new UsageError(`there is no system '${unknown}'; there are: ${SYSTEMS.map(({ name }) => name).join(', ')}`);
  const wanted = SYSTEMS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const words = [...new Set(wanted.map(({ architecture }) => diskWord(architecture)))];
  if (spawnSync(process.execPath, [path.join(root, 'scripts', 'fetch-test-guests.mjs'), ...words], { stdio: 'inherit' }).status !== 0) return 1;
  let failed = false;
  for (const { name, architecture, cpus } of wanted) {
    const figures = await measure(name, architecture, cpus, minutes * 60);
    failed ||= figures.marks.some(({ failure }) => failure !== undefined);
    saveFigures(figures);
  }
  const page = guestsPage(readFigures());
  writeFileSync(path.join(root, 'docs', 'guests.md'), page);
  process.stdout.write(page);
  return failed ? 1 : 0;
}

main().then(
  (status) => { process.exitCode = status; },
  (error: unknown) => {
    process.stderr.write(`guests:report: ${error instanceof UsageError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
    process.exitCode = 2;
  },
);
