#!/usr/bin/env node
// The `shadowbox` command: builds dist/ if it is not current (in a checkout), then runs the command line in it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { dist, root } from './lib/paths.mjs';
import { say } from './lib/progress.mjs';

const program = path.join(dist, 'cli.js');

/** Brings dist/ up to date where its sources are. @returns {Promise<string | undefined>} why that was not possible */
async function build() {
  if (!existsSync(path.join(root, 'src'))) return existsSync(program) ? undefined : 'dist/cli.js is missing from this installation: install Shadowbox again';
  if (!existsSync(path.join(root, 'node_modules', 'esbuild'))) return 'the dependencies are not installed yet: run "npm start" (or "npm ci") in the checkout first';
  try {
    const { buildAll } = await import('./lib/bundles.mjs');
    await buildAll();
  } catch (error) {
    return `the build failed: ${error instanceof Error ? error.message : String(error)}\n"npm run build" in the checkout shows it again`;
  }
  return existsSync(program) ? undefined : 'the build made no dist/cli.js: run "npm run build" in the checkout';
}

const fault = await build();
if (fault === undefined) {
  await import(pathToFileURL(program).href);
} else {
  say(`shadowbox: ${fault}`);
  process.exitCode = 1;
}
