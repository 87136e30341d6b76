// Makes the initial RAM disks that the benchmark boots, bench-i386.cpio and bench-amd64.cpio in .cache/bench: our own programs
// (bench/guests, compiled here) behind Debian's busybox of scripts/fetch-test-guests.mjs.
//
//   node scripts/make-bench-guests.mjs [i386] [amd64]
//
// Without a word: both. What is newer than its sources is left alone. The status is 1 when something is missing (no gcc, no
// gcc-multilib, no Debian archive), with the reason on stderr.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { needTools } from './lib/debian-packages.mjs';
import { initramfs } from './lib/initramfs.mjs';
import { cache, root } from './lib/paths.mjs';
import { main, run, say, UserError } from './lib/progress.mjs';

const SOURCES = path.join(root, 'bench', 'guests');
const BENCH = path.join(cache, 'bench');

/** What is compiled for each architecture. i686 has everything that Debian's i386 may count on. */
const ARCHITECTURES = { i386: ['-m32', '-march=i686'], amd64: ['-m64'] };
const COMPILER = ['-std=gnu11', '-O2', '-fno-pie', '-Wall', '-Wextra', '-Werror'];

/** Which unit a file is about; what is not listed takes the architecture's own. */
const UNITS = { 'x87.c': ['-mfpmath=387', '-fno-tree-vectorize'], 'sse2.c': ['-msse2'], 'memory.c': ['-msse2'] };

async function sourceFiles() {
  const names = await readdir(SOURCES, { recursive: true });
  return names.filter((name) => /\.[ch]$/.test(name)).sort();
}

/** A digest of all that goes into the image of an architecture. */
async function digestOf(architecture, shell) {
  const hash = createHash('sha256').update(JSON.stringify([ARCHITECTURES[architecture], COMPILER, UNITS]));
  for (const name of await sourceFiles()) hash.update(`${name}\0`).update(await readFile(path.join(SOURCES, name)));
  return hash.update(shell).digest('hex');
}

/** Compiles everything for an architecture: the program's bytes. */
async function compile(architecture) {
  needTools('gcc');
  const folder = await mkdtemp(path.join(BENCH, 'compile-'));
  try {
    const objects = [];
    for (const name of (await sourceFiles()).filter((file) => file.endsWith('.c'))) {
      const object = path.join(folder, `${path.basename(name, '.c')}.o`);
      await run(`compiling ${name} for ${architecture}`, 'gcc', [
        ...COMPILER, ...ARCHITECTURES[architecture], ...(UNITS[path.basename(name)] ?? []), '-c', path.join(SOURCES, name), '-o', object,
      ]);
      objects.push(object);
    }
    const program = path.join(folder, 'init');
    await run(`linking for ${architecture} (Debian: gcc-multilib has the libraries)`, 'gcc', [...ARCHITECTURES[architecture], '-static', '-no-pie', '-s', ...objects, '-o', program]);
    return await readFile(program);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Linux unpacks archives that follow each other one over the other: ours has another /init than Debian's. */
async function makeImage(architecture) {
  const shell = await readFile(path.join(cache, 'guests', 'linux', `shell-${architecture}.cpio`));
  const file = path.join(BENCH, `bench-${architecture}.cpio`);
  const stamp = `${file}.digest`;
  const digest = await digestOf(architecture, shell);
  if (existsSync(file) && existsSync(stamp) && await readFile(stamp, 'utf8') === digest) return;
  const ours = initramfs({ programs: { init: await compile(architecture) } });
  await writeFile(`${file}.unfinished`, Buffer.concat([shell, ours]));
  await rename(`${file}.unfinished`, file);
  await writeFile(stamp, digest);
  say(`  put ${path.relative(root, file)}`);
}

await main(async () => {
  const words = process.argv.slice(2);
  const unknown = words.find((word) => !(word in ARCHITECTURES));
  if (unknown !== undefined) throw new UserError(`there is no architecture '${unknown}'; there are: ${Object.keys(ARCHITECTURES).join(', ')}`);
  await run('fetching kernels and busybox', process.execPath, [path.join(root, 'scripts', 'fetch-test-guests.mjs'), 'kernels']);
  await mkdir(BENCH, { recursive: true });
  for (const architecture of words.length > 0 ? words : Object.keys(ARCHITECTURES)) await makeImage(architecture);
});
