/**
 * Entry of `npm run bench:quick`: chosen parts on our engine alone, in one boot of the guest, with seconds and MIPS for each, beside
 * what the peers needed when they were last measured. For daily work on the engine; what is published comes from `npm run bench`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { root } from '../../scripts/lib/paths.mjs';
import { table } from '../format';
import { UsageError, oneOf } from '../options';
import { ARCHITECTURES, FLAVOUR_OF, SHORT_BOOT, makeOwnGuests, ownGuest } from '../ownGuest';
import { PARTS } from '../parts';
import { readReference } from '../reference';
import type { Reference, ReferenceFigure } from '../reference';
import type { Order, Progress } from './progress';

const HELP = `npm run bench:quick -- [options] [PART ...]: parts of the benchmark on our engine alone, in one boot

  --arch A        ${ARCHITECTURES.join(' or ')} (default: i386)
  --suite S       all parts of a suite: parts, shell (default, without a PART: parts)
  --engine E      auto, interpreter or translator (default: auto)
  --cpu-model M   as \`shadowbox run\` has it
  --ablation T    a technique of memory virtualization to leave out (docs/memory-virtualization.md); may be repeated
  --counters      how far the engine's counters moved during each part
  --profile       where the time goes: a list, and a CPU profile of each part in .cache/bench/profile
  --node OPTION   an option for the Node that runs the machine, e.g. --node=--trace-deopt; may be repeated
  --serial        show the guest's serial line on stderr
  --help          print this

Parts: ${PARTS.map(({ name }) => name).join(', ')}
`;

const OUTPUT = path.join(root, '.cache', 'bench', 'quick-machine.cjs');
const PROFILES = path.join(root, '.cache', 'bench', 'profile');

function chosenParts(names: readonly string[], suite: string | undefined): readonly string[] {
  const unknown = names.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no part '${unknown}'; there are: ${PARTS.map(({ name }) => name).join(', ')}`);
  if (names.length > 0 && suite === undefined) return names;
  const wanted = suite ?? 'parts';
  const found = PARTS.filter((part) => part.suite === wanted).map(({ name }) => name);
  if (found.length === 0) throw new UsageError(`there is no suite '${wanted}'; there are: parts, shell`);
  return [...found, ...names];
}

/** A peer's seconds, with how many times as fast as it we are by the clock and by processor time. The boot here is a shorter one than the peers'. */
function comparison({ part, seconds, cpuSeconds }: Progress, figure: ReferenceFigure | undefined): readonly string[] {
  if (figure === undefined || part === 'boot') return ['', '', ''];
  const byProcessor = figure.cpuSeconds === undefined ? '' : (figure.cpuSeconds / cpuSeconds).toFixed(2);
  return [figure.seconds.toFixed(3), (figure.seconds / seconds).toFixed(2), byProcessor];
}

const HEADING = ['part', 'ours, s', 'processor, s', 'million', 'MIPS', 'µs each'];

/** Ours in seconds and MIPS (by processor time), then the peers. */
function row(progress: Progress, reference: Reference, peers: readonly string[]): readonly string[] {
  const { part, seconds, cpuSeconds, retired, count = 0, checksum = '', failure } = progress;
  const known = peers.map((peer) => reference[peer]?.[part]);
  const wrong = known.some((figure) => figure?.checksum !== undefined && checksum !== '' && figure.checksum !== checksum);
  return [
    part, seconds.toFixed(3), cpuSeconds.toFixed(3), (retired / 1e6).toFixed(1), cpuSeconds > 0 ? (retired / 1e6 / cpuSeconds).toFixed(0) : '',
    count > 0 ? (cpuSeconds * 1e6 / count).toFixed(2) : '', ...known.flatMap((figure) => comparison(progress, figure)),
    failure ?? (wrong ? `${checksum} IS NOT WHAT OTHERS HAVE` : checksum),
  ];
}

function countersText({ part, counters }: Progress): string {
  return `${part}: ${Object.entries(counters).map(([name, value]) => `${name} ${value}`).join(', ')}`;
}

function profileText({ part, hot = [] }: Progress): string {
  return [`${part}:`, ...hot.map(({ name, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`)].join('\n');
}

/** Runs the machine's process. @returns its exit status, after all lines have been taken */
async function runMachine(order: Order, nodeOptions: readonly string[], take: (progress: Progress) => void): Promise<number> {
  await build({
    entryPoints: [path.join(root, 'bench', 'quick', 'machine.ts')], outfile: OUTPUT,
    bundle: true, platform: 'node', format: 'cjs', target: 'node20', sourcemap: true, logLevel: 'warning',
  });
  const child = spawn(process.execPath, [...nodeOptions, OUTPUT, JSON.stringify(order)], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('SIGINT', () => child.kill());
  // What machine.ts writes has the type that it writes it by.
  for await (const line of createInterface(child.stdout)) take(JSON.parse(line) as Progress);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? 1;
}

/** @returns the exit status */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      arch: { type: 'string', default: 'i386' }, suite: { type: 'string' }, engine: { type: 'string', default: 'auto' }, 'cpu-model': { type: 'string' },
      ablation: { type: 'string', multiple: true },
      counters: { type: 'boolean', default: false }, profile: { type: 'boolean', default: false }, node: { type: 'string', multiple: true, default: [] },
      serial: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const architecture = oneOf('arch', ARCHITECTURES, values.arch);
  const parts = chosenParts(positionals.flatMap((word) => word.split(',')), values.suite);
  if (!await makeOwnGuests(architecture)) return 1;
  const guest = ownGuest(FLAVOUR_OF[architecture], parts, SHORT_BOOT);
  const reference = readReference(architecture);
  const peers = Object.keys(reference);
  const all: Progress[] = [];
  const model = values['cpu-model'] === undefined ? {} : { cpuModel: values['cpu-model'] };
  const ablation = values.ablation === undefined ? {} : { ablation: values.ablation };
  const configuration = { kernel: guest.kernel, initrd: guest.initrd, cmdline: guest.cmdline, memory: `${guest.memoryMiB}M`, engine: values.engine, ...model, ...ablation };
  const status = await runMachine({ configuration, serial: values.serial, ...(values.profile ? { profile: PROFILES } : {}) }, values.node, (progress) => {
    all.push(progress);
    process.stderr.write(`${progress.part.padEnd(15)} ${progress.seconds.toFixed(3)} s${progress.failure === undefined ? '' : `  ${progress.failure}`}\n`);
  });
  const heading = [...HEADING, ...peers.flatMap((peer) => [`${peer}, s`, `× ${peer}`, 'processor']), 'checksum'];
  process.stdout.write(`\n${table([heading, ...all.map((progress) => row(progress, reference, peers))])}\n`);
  if (values.counters) process.stdout.write(`\n${all.map(countersText).join('\n\n')}\n`);
  if (values.profile) process.stdout.write(`\n${all.filter(({ hot }) => hot !== undefined).map(profileText).join('\n\n')}\n`);
  return status;
}

void main().catch((error: unknown) => {
  process.stderr.write(`bench:quick: ${error instanceof UsageError || (error instanceof TypeError && 'code' in error) ? error.message : String(error)}\nnpm run bench:quick -- --help explains the options\n`);
  return 2;
}).then((status) => { process.exitCode = status; });
