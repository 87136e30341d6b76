// Bundles the tests that run inside VS Code's extension host (test/editor/inside).
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { nodeBundle } from './bundles.mjs';
import { cache, root } from './paths.mjs';

const source = path.join(root, 'test', 'editor', 'inside');

/** Mocha is not bundled: it is found in the checkout's node_modules, in which the cache lies. */
const EXTERNAL = ['vscode', 'mocha'];

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
  await mkdir(runner, { recursive: true });
  await build(nodeBundle(path.join(source, 'index.ts'), suite, EXTERNAL));
  await build(nodeBundle(path.join(source, 'runner', 'runner.ts'), path.join(runner, 'runner.js'), EXTERNAL));
  await cp(path.join(source, 'runner', 'package.json'), path.join(runner, 'package.json'));
  return { suite, runner };
}
