/**
 * Entry of `npm run bench:stress`: stress-ng for so many minutes, with a line every ten seconds about the translation cache and the process's
 * memory. Nothing of what is held may grow without end.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { root } from '../../scripts/lib/paths.mjs';
import { UsageError } from '../options';
import { SHORT_BOOT } from '../ownGuest';
import type { StressOrder } from './order';

const HELP = `npm run bench:stress -- [options]: stress-ng in Debian's amd64 kernel, and what the engine holds meanwhile

  --minutes N     how long (default: 30)
  --engine E      auto, interpreter or translator (default: auto)
  --command C     what is typed at the guest's shell again and again (default: stress-ng's classes cpu, memory and scheduler, one second each)
  --serial        show the guest's serial line on stderr
  --help          print this
`;

/** Stressors one after the other; those that would fill the guest's memory stay small. */
const COMMAND = 'stress-ng --sequential 1 --class cpu,memory,scheduler --timeout 1s --vm-bytes 16m --mmap-bytes 16m --malloc-bytes 4m --memfd-bytes 16m --oomable -q';

const OUTPUT = path.join(root, '.cache', 'bench', 'stress-machine.cjs');
const LINUX = path.join(root, '.cache', 'guests', 'linux');

/** @returns the exit status */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' }, engine: { type: 'string', default: 'auto' }, command: { type: 'string', default: COMMAND },
      serial: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new UsageError(`--minutes ${values.minutes}: give a number above 0`);
  const { status } = spawnSync(process.execPath, [path.join(root, 'scripts', 'fetch-test-guests.mjs'), 'kernels', 'stress'], { stdio: 'inherit' });
  if (status !== 0) return 1;
  await build({
    entryPoints: [path.join(root, 'bench', 'stress', 'machine.ts')], outfile: OUTPUT,
    bundle: true, platform: 'node', format: 'cjs', target: 'node20', sourcemap: true, logLevel: 'warning',
  });
  const order: StressOrder = {
    configuration: {
      kernel: path.join(LINUX, 'vmlinuz-amd64'), initrd: path.join(LINUX, 'stress-amd64.cpio'), cmdline: `console=ttyS0,115200 ${SHORT_BOOT}`,
      memory: '512M', cpuModel: 'x86-64-v2', engine: values.engine,
    },
    command: values.command, minutes, serial: values.serial,
  };
  const child = spawn(process.execPath, [OUTPUT, JSON.stringify(order)], { cwd: root, stdio: 'inherit' });
  process.on('SIGINT', () => child.kill());
  const [code] = await once(child, 'exit') as [number | null];
  return code ?? 1;
}

main().then(
  (status) => { process.exitCode = status; },
  (error: unknown) => {
    process.stderr.write(`${error instanceof UsageError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
    process.exitCode = 2;
  },
);
