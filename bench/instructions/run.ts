/**
 * Entry of `npm run bench:instructions`: short sequences of instructions, one after the other, on QEMU TCG and on ours: what takes ours many times as long is
 * something that the engine leaves to a slow way. Guests are boot images of our own, timed from outside by what they say on their serial line.
 * Exit status: 0, 1 when an engine does not come to its end, 2 for a bad command line, 130 after Ctrl-C.
 */
import { spawn, spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { root } from '../../scripts/lib/paths.mjs';
import { enter } from '../entry';
import { UsageError } from '../options';
import { MARKS, makeImage } from './bootImage';
import { MODES, sequencesOf, type Mode, type Sequence } from './sequences';

const HELP = `npm run bench:instructions -- [options] [NAME]...: short sequences of instructions on QEMU TCG and on ours

  --mode M     real, protected or long (default: all)
  --rounds N   how many times each is done (default: 3000000)
  --help       print this

NAME is a part of a sequence's name; without one all are done. A line for each: nanoseconds of both, and how many times as fast as TCG ours is; "<<<" where that
is less than a third.
`;

const QEMU = ['qemu-system-x86_64', ['-accel', 'tcg', '-cpu', 'max', '-m', '64', '-boot', 'a', '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot', '-drive']] as const;
/** An engine that says nothing for so long has come to nothing. */
const SILENCE_MS = 60_000;
const WORTH_A_LOOK = 1 / 3;
const INTERRUPTED = 130;

const say = (text: string): void => { process.stdout.write(`${text}\n`); };

/** Runs an image; gives the seconds of each sequence. @throws Error when it does not come to its end */
function timed(program: string, args: readonly string[], sequences: readonly Sequence[]): Promise<readonly number[]> {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const begun: number[] = [], seconds: number[] = [];
  let text = '', complaints = '';
  return new Promise<readonly number[]>((resolve, reject) => {
    const at = (): string => sequences[seconds.length]?.name ?? 'the end';
    const fail = (why: string): void => reject(new Error(`${program}: ${why}; it was at '${at()}'\n${complaints.slice(-1000)}`.trimEnd()));
    let patience = setTimeout(fail, SILENCE_MS, 'nothing more comes');
    child.stderr.on('data', (data: Buffer) => { complaints += data.toString('utf8'); });
    child.on('error', (error) => fail(error.message));
    child.on('close', (status) => fail(`it has ended (status ${String(status)})`));
    child.stdout.on('data', (data: Buffer) => {
      const now = performance.now();
      clearTimeout(patience);
      patience = setTimeout(fail, SILENCE_MS, 'nothing more comes');
      text += data.toString('latin1');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const number = Number(line.slice(1));
        if (line.startsWith(MARKS.begin)) begun[number] = now;
        else if (line.startsWith(MARKS.end)) seconds[number] = (now - (begun[number] ?? now)) / 1000;
        else if (line.startsWith(MARKS.all)) resolve(seconds);
      }
    });
  }).finally(() => {
    process.off('exit', end);
    end();
  });
}

async function compare(mode: Mode, names: readonly string[], rounds: number): Promise<void> {
  const sequences = sequencesOf(mode).filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
  if (sequences.length === 0) return;
  const image = makeImage(mode, sequences, rounds);
  const [program, words] = QEMU;
  const theirs = await timed(program, [...words, `if=floppy,format=raw,readonly=on,file=${image}`], sequences);
  const ours = await timed(process.execPath, ['dist/cli.js', 'run', '--floppy', image, '--memory', '64M'], sequences);
  say(`${mode} mode`);
  sequences.forEach(({ name }, i) => {
    const [tcg, own] = [theirs[i] ?? 0, ours[i] ?? 0];
    const nanoseconds = (seconds: number): string => ((seconds / rounds) * 1e9).toFixed(1).padStart(9);
    const ratio = tcg / own;
    say(`  ${name.padEnd(26)} TCG ${nanoseconds(tcg)}, ours ${nanoseconds(own)}, × TCG ${ratio.toFixed(2)}${ratio < WORTH_A_LOOK ? ' <<<' : ''}`);
  });
}

function modesOf(word: string | undefined): readonly Mode[] {
  const found = MODES.filter((mode) => word === undefined || mode === word);
  if (found.length === 0) throw new UsageError(`--mode ${String(word)}: give ${MODES.join(', ')}`);
  return found;
}

function roundsOf(word: string): number {
  const rounds = Number(word);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds >= 2 ** 31) throw new UsageError(`--rounds ${word}: give a whole number from 1 to ${2 ** 31 - 1}`);
  return rounds;
}

/** @returns the exit status */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { mode: { type: 'string' }, rounds: { type: 'string', default: '3000000' }, help: { type: 'boolean', default: false } }, allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const modes = modesOf(values.mode), rounds = roundsOf(values.rounds);
  if (modes.every((mode) => sequencesOf(mode).every(({ name }) => positionals.length > 0 && !positionals.some((part) => name.includes(part))))) throw new UsageError(`there is no sequence with '${positionals.join("' or '")}' in its name`);
  if (spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: ['ignore', 2, 2] }).status !== 0) return 1;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(INTERRUPTED));
  for (const mode of modes) await compare(mode, positionals, rounds);
  return 0;
}

enter('bench:instructions', main);
