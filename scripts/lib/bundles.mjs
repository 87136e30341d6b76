// Builds dist/: one esbuild bundle for each program that runs on its own (extension, debug adapter, command
// line, monitor, translation and storage workers, every panel), rebuilt only when something that goes into it has changed.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { dist, root } from './paths.mjs';
import { say, UserError } from './progress.mjs';

/** Programs for Node: source, bundle, and which modules their host provides. */
const NODE_PROGRAMS = [
  { source: 'src/extension/main.ts', bundle: 'extension.js', external: ['vscode'] },
  { source: 'src/cli/adapter-main.ts', bundle: 'adapter.js', external: [] },
  { source: 'src/cli/main.ts', bundle: 'cli.js', external: [] },
  { source: 'src/cli/otherSubcommands.ts', bundle: 'cli-others.js', external: [] },
  { source: 'src/host/node/start.ts', bundle: 'start.js', external: [] },
  { source: 'src/host/node/monitor-worker.ts', bundle: 'monitor-worker.js', external: [] },
  { source: 'src/host/node/translation-worker.ts', bundle: 'translation-worker.js', external: [] },
  { source: 'src/host/node/storage-worker.ts', bundle: 'storage-worker.js', external: [] },
];

/** Writes what every machine's thread would write anew: run once, and not part of dist/. */
const MODULE_WRITER = 'src/host/node/write-modules.ts';
const MODULES = 'machine-modules.bin';

/** Writes V8's code caches of what threads run: run once, and not part of dist/ either. */
const CACHE_WRITER = 'src/host/node/write-code-caches.ts';
const CACHED = ['monitor-worker.js', 'translation-worker.js', 'storage-worker.js'];
/** As src/host/node/codeCache.ts calls them. */
const CACHES = CACHED.map((bundle) => `${bundle}.cache`);

const INPUT_FOLDERS = ['src', 'debugger', 'webviews'];
const INPUT_FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/lib/bundles.mjs'];
const STAMP = path.join(dist, '.stamp');

/** VS Code 1.100, the oldest we support, runs extensions on Node 20. */
export const NODE_TARGET = 'node20';

/**
 * iced-x86 reads its .wasm from its own folder (`__dirname`), so it is not bundled: a copy of the package
 * lies in dist/iced-x86/, and every bundle asks for that.
 */
export const icedBesideBundle = {
  name: 'iced-x86-beside-bundle',
  setup(build) {
    build.onResolve({ filter: /^iced-x86$/ }, () => ({ path: './iced-x86/iced_x86.js', external: true }));
  },
};

/** What a program imports while it runs is a bundle of its own, beside it: see NODE_PROGRAMS. */
const importedBesideBundle = {
  name: 'imported-beside-bundle',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path: imported, resolveDir }) => {
      if (kind !== 'dynamic-import' || !imported.startsWith('.')) return undefined;
      const source = path.relative(root, path.resolve(resolveDir, `${imported}.ts`));
      const program = NODE_PROGRAMS.find((each) => path.normalize(each.source) === source);
      return program && { path: `./${program.bundle}`, external: true };
    });
  },
};

async function copyIced() {
  const from = path.join(root, 'node_modules', 'iced-x86');
  const to = path.join(dist, 'iced-x86');
  await mkdir(to, { recursive: true });
  for (const file of ['iced_x86.js', 'iced_x86_bg.wasm', 'LICENSE.txt']) {
    await cp(path.join(from, file), path.join(to, file));
  }
}

/** Characters after which a bundle's line ends, where it can: an error's stack names lines. */
const LINE_LIMIT = 160;

/**
 * The esbuild options that every Node bundle of ours has.
 * In a CommonJS bundle `import.meta.url` would be empty; it is given its usual meaning, the bundle's own URL.
 */
export function nodeBundle(source, outfile, external) {
  return {
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: NODE_TARGET,
    external,
    plugins: [icedBesideBundle, importedBesideBundle],
    define: { 'import.meta.url': 'bundleUrl' },
    // Each thread keeps the text of its bundle: comments and blanks are a quarter of it. Names stay, for the stacks of errors.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: LINE_LIMIT,
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  };
}

/** The esbuild options of a panel's script; CSS that it imports comes out beside it under the same name. */
export function webviewBundle(source, outfile) {
  return {
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    loader: { '.svg': 'dataurl', '.ttf': 'dataurl' },
    logLevel: 'warning',
  };
}

/** The panels: each folder of webviews/ but the shared ui/. */
async function panelNames() {
  const folder = path.join(root, 'webviews');
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && entry.name !== 'ui').map((entry) => entry.name).sort();
}

/** A panel's script, and its main.css where that is a file of its own instead of an import. */
function panelBundles(name) {
  const folder = path.join(root, 'webviews', name);
  const script = webviewBundle(path.join(folder, 'main.ts'), path.join(dist, 'webviews', `${name}.js`));
  const style = path.join(folder, 'main.css');
  return existsSync(style)
    ? [script, { ...webviewBundle(style, path.join(dist, 'webviews', `${name}.css`)) }]
    : [script];
}

/** Bundles a program, and runs it once. */
async function runOnce(build, source, files) {
  const program = path.join(dist, `${path.basename(source, '.ts')}.cjs`);
  await bundleOrSay(build, { ...nodeBundle(path.join(root, source), program, []), sourcemap: false });
  await promisify(execFile)(process.execPath, [program, ...files.map((file) => path.join(dist, file))]);
  await rm(program);
}

async function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).sort();
}

/** A digest of everything that goes into dist/; code caches are for the Node that has made them. */
async function inputDigest() {
  const hash = createHash('sha256');
  hash.update(`${process.version} ${process.arch}\0`);
  const listed = INPUT_FILES.map((file) => path.join(root, file)).filter((file) => existsSync(file));
  const found = await Promise.all(INPUT_FOLDERS.map((folder) => filesUnder(path.join(root, folder))));
  for (const file of [...listed, ...found.flat()]) {
    hash.update(`${path.relative(root, file)}\0`);
    hash.update(await readFile(file));
  }
  return hash.digest('hex');
}

/** The stamp's text: the inputs' digest, then each output; it holds only while every output is still there. */
async function upToDate(digest) {
  if (!existsSync(STAMP)) return false;
  const [stamped, ...outputs] = (await readFile(STAMP, 'utf8')).trimEnd().split('\n');
  return stamped === digest && outputs.every((file) => existsSync(path.join(dist, file)));
}

/** esbuild has printed what is wrong, with file and line, by the time it throws. */
async function bundleOrSay(build, options) {
  try {
    await build(options);
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    throw new UserError(`The build of ${path.relative(root, options.entryPoints[0])} failed: ${error.errors.length} errors, shown above.`);
  }
}

/**
 * Builds dist/ if anything has changed since it was last built.
 * @param {{force?: boolean}} [options] `force` builds regardless of the stamp
 * @returns {Promise<string>} a word on what was done, for the progress line
 */
export async function buildAll(options = {}) {
  const digest = await inputDigest();
  if (options.force !== true && await upToDate(digest)) return 'nothing has changed';
  // Dynamic, because set-up loads this file before `npm ci` has put esbuild there.
  const { build } = await import('esbuild');
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await copyIced();
  const panels = await panelNames();
  const wanted = [
    ...NODE_PROGRAMS.map(({ source, bundle, external }) => nodeBundle(path.join(root, source), path.join(dist, bundle), external)),
    ...panels.flatMap(panelBundles),
  ];
  const outputs = [];
  for (const options of wanted) {
    const [source] = options.entryPoints;
    if (!existsSync(source)) {
      say(`  skipped: ${path.relative(root, source)} does not exist yet`);
      continue;
    }
    await bundleOrSay(build, options);
    outputs.push(path.relative(dist, options.outfile));
  }
  await runOnce(build, MODULE_WRITER, [MODULES]);
  await runOnce(build, CACHE_WRITER, CACHED);
  await writeFile(STAMP, `${[digest, ...outputs, MODULES, ...CACHES].join('\n')}\n`);
  return `${outputs.length} bundles`;
}
