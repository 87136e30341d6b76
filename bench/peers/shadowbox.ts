/** Peer: ourselves, through the command line as everybody has it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/lib/paths.mjs';
import type { Command, Figures, Job, Peer, Probe } from './peer';

const PROGRAM = 'dist/cli.js';
const STATS = '.cache/bench/shadowbox-stats.json';

/** The field `engine` of our launch configuration, as far as there is something to compare. */
type Engine = 'auto' | 'interpreter';

/** The command of a job. */
export function shadowboxCommand(engine: Engine, { guest, until, timeoutSeconds }: Job): Command {
  return {
    program: process.execPath,
    args: [
      PROGRAM, 'run', '--kernel', guest.kernel, '--initrd', guest.initrd, '--cmdline', guest.cmdline, '--memory', `${guest.memoryMiB}M`,
      '--engine', engine, '--serial', 'stdio', '--until', until, '--timeout', String(timeoutSeconds), '--stats', STATS,
    ],
    endsItself: true,
  };
}

/** A number that is a field of a JSON object; undefined when it is not there or no number. */
function numberIn(object: object, field: string): number | undefined {
  const value: unknown = Object.entries(object).find(([name]) => name === field)?.[1];
  return typeof value === 'number' ? value : undefined;
}

/**
 * Reads what `shadowbox run --stats` wrote.
 * @returns undefined when it lacks the wall time or the count of retired instructions
 */
export function readStats(json: string): Figures | undefined {
  const stats: unknown = JSON.parse(json);
  if (typeof stats !== 'object' || stats === null) return undefined;
  const wallSeconds = numberIn(stats, 'wallSeconds');
  const retiredInstructions = numberIn(stats, 'retired');
  if (wallSeconds === undefined || retiredInstructions === undefined || !(wallSeconds > 0)) return undefined;
  const counters: unknown = 'counters' in stats ? stats.counters : undefined;
  const counted = Object.entries(typeof counters === 'object' && counters !== null ? counters : {})
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return { retiredInstructions, mips: retiredInstructions / wallSeconds / 1e6, counters: Object.fromEntries(counted) };
}

/** The figures of the run just ended. The file is taken away, so that a run that writes none cannot pass off an older one's. */
async function figures(): Promise<Figures | undefined> {
  const file = path.join(root, STATS);
  if (!existsSync(file)) return undefined;
  const found = readStats(await readFile(file, 'utf8'));
  await rm(file);
  return found;
}

/** Builds dist/. @returns why that failed; undefined when it is up to date */
async function build(signal: AbortSignal): Promise<string | undefined> {
  // Its messages go to our stderr: stdout is for the results.
  const child = spawn(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: ['ignore', 2, 2], signal, killSignal: 'SIGKILL' });
  const [status]: unknown[] = await once(child, 'close');
  if (status !== 0) return 'the build failed, see above (npm run build)';
  return existsSync(path.join(root, PROGRAM)) ? undefined : `the build made no ${PROGRAM}`;
}

/** Version, and the commit where this is a checkout with git. */
async function version(): Promise<string> {
  const description: unknown = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const number = typeof description === 'object' && description !== null && 'version' in description ? String(description.version) : 'of unknown version';
  const node = `in Node ${process.versions.node}`;
  try {
    const git = promisify(execFile);
    const commit = await git('git', ['rev-parse', '--short', 'HEAD'], { cwd: root });
    const changes = await git('git', ['status', '--porcelain'], { cwd: root });
    return `${number} at ${commit.stdout.trim()}${changes.stdout === '' ? '' : ' with changes'}, ${node}`;
  } catch {
    return `${number}, ${node}`;
  }
}

async function probe(engine: Engine, signal: AbortSignal): Promise<Probe> {
  const fault = await build(signal);
  if (fault !== undefined) return { missing: fault };
  await mkdir(path.join(root, path.dirname(STATS)), { recursive: true });
  await rm(path.join(root, STATS), { force: true });
  return {
    version: await version(),
    settings: [`built-in firmware, default CPU model, one processor, engine "${engine}"`],
    command: (job) => shadowboxCommand(engine, job),
    figures,
  };
}

export const ours: Peer = { name: 'ours', title: 'ours', probe: (_architecture, signal) => probe('auto', signal) };
export const interpreter: Peer = { name: 'interpreter', title: 'our interpreter', probe: (_architecture, signal) => probe('interpreter', signal) };
