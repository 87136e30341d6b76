/**
 * Entry of `npm run bench`: ours, QEMU TCG and v86 side by side, in one run.
 * Exit status: 0, 1 when an engine that was started did not do all its work or there is no guest, 2 for a bad command line, 130 after Ctrl-C.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from '../scripts/lib/paths.mjs';
import { benchmark } from './benchmark';
import { markdown, summary } from './format';
import { HELP, UsageError, readOptions } from './options';
import { makeOwnGuests } from './ownGuest';
import { addToReference, referenceOf } from './reference';
import { brokenSessions, isAgreed, rowsOf, rowsOfSecondTime } from './report';
import type { Report } from './report';
import { sessionsOf } from './sessions';

const INTERRUPTED = 130;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes both forms of the report. @returns the Markdown file */
async function save(report: Report): Promise<string> {
  const folder = path.join(root, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  const base = path.join(folder, `${report.date.slice(0, 16).replace(':', '')}-${report.suite}-${report.architecture}`);
  await writeFile(`${base}.md`, markdown(report));
  await writeFile(`${base}.json`, `${JSON.stringify({ ...report, rows: rowsOf(report), rowsOfSecondTime: rowsOfSecondTime(report) }, undefined, 2)}\n`);
  return path.relative(root, `${base}.md`);
}

/** Whether everybody who was started has done all the work, and the same. */
function isSound(report: Report): boolean {
  return brokenSessions(report).length === 0 && [...rowsOf(report), ...rowsOfSecondTime(report)].every((row) => Object.keys(row.failures).length === 0 && isAgreed(row));
}

/** @returns the exit status */
async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  const options = readOptions(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { architecture, suite, peers, repeat, timeoutSeconds } = options;
  if (!await makeOwnGuests(architecture, signal)) {
    say('bench: there is no guest to boot, see above');
    return 1;
  }
  const command = ['npm run bench --', ...words].join(' ');
  const report = await benchmark({ architecture, suite, sessions: sessionsOf(options), peers, repeat, timeoutSeconds, cwd: root, command, signal, say });
  process.stdout.write(`\n${summary(report)}\n`);
  await addToReference(architecture, referenceOf(report));
  if (options.save) say(`\nsaved: ${await save(report)}, and .json beside it`);
  return isSound(report) ? 0 : 1;
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
