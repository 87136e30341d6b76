// Bundles what tests have VS Code's extension host run: the suite in test/editor/inside, and the meter in test/editor/meter.
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { nodeBundle } from './bundles.mjs';
import { cache, root } from './paths.mjs';

const source = path.join(root, 'test', 'editor', 'inside');

/** Mocha is not bundled: it is found in the checkout's node_modules, in which the cache lies. */
const EXTERNAL = ['vscode', 'mocha'];

/** An extension of one file, `<name>.ts`, and its package.json. */
async function buildExtension(from, name, to) {
  const { build } = await import('esbuild');
  await mkdir(to, { recursive: true });
  await build(nodeBundle(path.join(from, `${name}.ts`), path.join(to, `${name}.js`), EXTERNAL));
  await cp(path.join(from, 'package.json'), path.join(to, 'package.json'));
}

/** @returns {Promise<string>} the folder of the extension that measures */
export async function buildMeter() {
  const folder = path.join(cache, 'meter');
  await buildExtension(path.join(root, 'test', 'editor', 'meter'), 'meter', folder);
  return folder;
}

/**
 * Builds the suite.
 * @returns {Promise<{suite: string, runner: string}>} `suite` is the file whose `run` @vscode/test-electron calls;
 *   `runner` the folder of an extension that runs the suite when it is activated
 */
export async function buildInsideSuite() {
  const { build } = await import('esbuild');
  const folder = path.join(cache, 'inside');
  const suite = path.join(folder, 'suite', 'index.js');
  const runner = path.join(folder, 'runner');
  await build(nodeBundle(path.join(source, 'index.ts'), suite, EXTERNAL));
  await buildExtension(path.join(source, 'runner'), 'runner', runner);
  return { suite, runner };
}
