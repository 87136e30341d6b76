/**
 * Entry of `npm run bench`: ours, QEMU TCG and v86 side by side, in one run.
 * Exit status: 0, 1 when an engine that was started did not reach the last marker or there is no guest, 2 for a bad command line, 130 after Ctrl-C.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from '../scripts/lib/paths.mjs';
import { benchmark } from './benchmark';
import { markdown, summary } from './format';
import { HELP, UsageError, readOptions } from './options';
import { ratios } from './report';
import type { Report } from './report';
import type { Workload } from './workloads/workload';

const INTERRUPTED = 130;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Gets the guest's files if they are not there. @returns whether they are there now */
async function guestIsThere({ guest, fetch }: Workload, signal: AbortSignal): Promise<boolean> {
  const complete = (): boolean => [guest.kernel, guest.initrd].every((file) => existsSync(path.join(root, file)));
  if (complete()) return true;
  const child = spawn(process.execPath, [...fetch], { cwd: root, stdio: ['ignore', 2, 2], signal, killSignal: 'SIGKILL' });
  await once(child, 'close');
  return complete();
}

/** Writes both forms of the report. @returns the Markdown file */
async function save(report: Report): Promise<string> {
  const folder = path.join(root, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  const base = path.join(folder, `${report.date.slice(0, 16).replace(':', '')}-${report.workload.name}`);
  await writeFile(`${base}.md`, markdown(report));
  await writeFile(`${base}.json`, `${JSON.stringify({ ...report, ratios: ratios(report) }, undefined, 2)}\n`);
  return path.relative(root, `${base}.md`);
}

/** @returns the exit status */
async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const options = readOptions(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { workload, full, peers, repeat, timeoutSeconds } = options;
  if (!await guestIsThere(workload, signal)) {
    say('bench: there is no guest to boot, see above');
    return 1;
  }
  const markers = full ? [...workload.markers, ...workload.further] : workload.markers;
  const report = await benchmark({ workload, markers, peers, repeat, timeoutSeconds, cwd: root, signal, say });
  process.stdout.write(`\n${summary(report)}\n`);
  if (options.save) say(`\nsaved: ${await save(report)}, and .json beside it`);
  return report.engines.some(({ state }) => state === 'failed') ? 1 : 0;
}

const interrupt = new AbortController();
// Firing it kills what is running, also when we end by an error of our own.
for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit']) process.on(event, () => interrupt.abort());

function statusOfError(error: unknown): number {
  if (interrupt.signal.aborted) {
    say('bench: interrupted');
    return INTERRUPTED;
  }
  if (error instanceof UsageError) {
    say(`bench: ${error.message}\nnpm run bench -- --help explains the options`);
    return 2;
  }
  throw error;
}

void main(process.argv.slice(2), interrupt.signal).catch(statusOfError).then((status) => { process.exitCode = status; });
