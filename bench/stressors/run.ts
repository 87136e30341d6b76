/**
 * Entry of `npm run bench:stressors`: what stress-ng's stressors do in a second on QEMU TCG, done on TCG and on ours, one after the other. It looks for
 * cliffs: what takes ours many times as long is something that the engine leaves to a slow way. Small differences mean nothing in single runs.
 * Exit status: 0, 1 when there is no guest or an engine does not come to its shell, 2 for a bad command line, 130 after Ctrl-C.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../scripts/lib/paths.mjs';
import { enter } from '../entry';
import { UsageError } from '../options';
import { ARCHITECTURES, FLAVOUR_OF, SHORT_BOOT, type Architecture } from '../ownGuest';
import { GuestShell } from './guestShell';
import { forASecond, listOf, operationsOf, stressorsOf, until } from './stressNg';

const HELP = `npm run bench:stressors -- [options] [STRESSOR]...: what stress-ng does in a second on QEMU TCG, on TCG and on ours

  --arch A     i386 or amd64 (default: amd64)
  --class C    all stressors of a class of stress-ng's (default, where no stressor is named: cpu)
  --help       print this

A line for each: operations, seconds of both, and how many times as fast as TCG ours is; "<<<" where that is less than a half.
`;

/** Those that are about the host's devices, turn the guest off, or want what a guest without disks and network does not have. */
const LEFT_OUT: ReadonlySet<string> = new Set(['af-alg', 'bad-altstack', 'cpu-online', 'module', 'netlink-task', 'oom-pipe', 'ramfs', 'reboot', 'smi', 'softlockup', 'sysinfo']);
const QEMU: Readonly<Record<Architecture, string>> = { i386: 'qemu-system-i386', amd64: 'qemu-system-x86_64' };
const MEMORY_MIB = 512;
/** A second's work, and stress-ng's own beginning and end. */
const MOST_MS = 20_000;
/** What takes ours longer than this is called a cliff without waiting for its end. */
const CLIFF_MS = 40_000;
const WORTH_A_LOOK = 0.5;
const INTERRUPTED = 130;

/** How both are booted. */
function commands(architecture: Architecture): Readonly<Record<'tcg' | 'ours', readonly [string, readonly string[]]>> {
  const linux = path.join(root, '.cache', 'guests', 'linux');
  const kernel = path.join(linux, `vmlinuz-${FLAVOUR_OF[architecture]}`), initrd = path.join(linux, `stress-${architecture}.cpio`);
  const cmdline = `console=ttyS0,115200n8 ${SHORT_BOOT}`;
  const configuration = path.join(root, '.cache', 'bench', 'stressors.json');
  mkdirSync(path.dirname(configuration), { recursive: true });
  // In real time, so that the one that waits leaves the other alone.
  writeFileSync(configuration, JSON.stringify({ kernel, initrd, cmdline, memory: `${MEMORY_MIB}M`, pace: 'realtime' }));
  return {
    tcg: [QEMU[architecture], ['-accel', 'tcg', '-m', `${MEMORY_MIB}M`, '-kernel', kernel, '-initrd', initrd, '-append', cmdline, '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot']],
    ours: [process.execPath, ['dist/cli.js', 'run', configuration]],
  };
}

/** A guest that is booted when it is needed, and anew after it has not come to the end of something. */
class Engine {
  private shell: GuestShell | undefined;

  constructor(
    private readonly program: string,
    private readonly args: readonly string[],
  ) {}

  async run(command: string, milliseconds: number): ReturnType<GuestShell['run']> {
    this.shell ??= await GuestShell.boot(this.program, this.args);
    const done = await this.shell.run(command, milliseconds);
    if (done === undefined) this.end();
    return done;
  }

  end(): void {
    this.shell?.end();
    this.shell = undefined;
  }
}

const say = (text: string): void => { process.stdout.write(`${text}\n`); };

async function compare(stressor: string, tcg: Engine, ours: Engine): Promise<void> {
  const name = stressor.padEnd(16);
  if (LEFT_OUT.has(stressor)) return say(`${name} left out: not for a guest like this`);
  const second = await tcg.run(forASecond(stressor), MOST_MS);
  const operations = second && operationsOf(second.text, stressor);
  if (operations === undefined) return say(`${name} left out: ${second ? 'it does not say what it has done' : 'TCG does not come to its end'}`);
  const theirs = await tcg.run(until(stressor, operations), MOST_MS);
  if (!theirs) return say(`${name} left out: TCG does not come to its end`);
  const done = await ours.run(until(stressor, operations), CLIFF_MS);
  const figures = `${name} ${String(operations).padStart(9)} operations: TCG ${theirs.seconds.toFixed(2).padStart(6)} s, ours`;
  if (!done) return say(`${figures} more than ${CLIFF_MS / 1000} s <<<`);
  const ratio = theirs.seconds / done.seconds;
  say(`${figures} ${done.seconds.toFixed(2).padStart(6)} s, × TCG ${ratio.toFixed(2)}${ratio < WORTH_A_LOOK ? ' <<<' : ''}`);
}

function architectureOf(word: string): Architecture {
  const found = ARCHITECTURES.find((each) => each === word);
  if (!found) throw new UsageError(`--arch ${word}: give ${ARCHITECTURES.join(' or ')}`);
  return found;
}

/** @returns the exit status */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { arch: { type: 'string', default: 'amd64' }, class: { type: 'string' }, help: { type: 'boolean', default: false } }, allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const architecture = architectureOf(values.arch);
  for (const words of [['scripts/fetch-test-guests.mjs', 'kernels', 'stress'], ['scripts/build.mjs']]) if (spawnSync(process.execPath, words, { cwd: root, stdio: ['ignore', 2, 2] }).status !== 0) return 1;
  const { tcg, ours } = commands(architecture);
  const engines = [new Engine(...tcg), new Engine(...ours)] as const;
  const end = (): void => engines.forEach((engine) => engine.end());
  process.on('exit', end);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(INTERRUPTED));
  try {
    const group = values.class ?? (positionals.length === 0 ? 'cpu' : undefined);
    const listed = group === undefined ? [] : stressorsOf((await engines[0].run(listOf(group), MOST_MS))?.text ?? '');
    if (group !== undefined && listed.length === 0) throw new UsageError(`--class ${group}: stress-ng has no such class`);
    for (const stressor of [...positionals, ...listed]) await compare(stressor, ...engines);
  } finally {
    end();
  }
  return 0;
}

enter('bench:stressors', main);
