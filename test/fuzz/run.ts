/**
 * Entry of `npm run fuzz`: bundles the fuzzer with the monitor (compiled file by file it would be several times slower) and runs it.
 * Exit status: see HELP.
 */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { cache } from '../../scripts/lib/paths.mjs';
import { HELP, UsageError, readOptions } from './options';
import type * as Main from './main';

function bundled(): typeof Main {
  // Inside the checkout, so that the bundle finds iced-x86 in node_modules.
  const folder = path.join(cache, 'fuzz');
  mkdirSync(folder, { recursive: true });
  const outfile = path.join(folder, `main-${process.pid}.cjs`);
  buildSync({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20',
    external: ['iced-x86'], sourcemap: 'inline', logLevel: 'warning',
  });
  // The bundle's exports are those of its entry, which nothing but that entry's type can say.
  return createRequire(import.meta.url)(outfile) as typeof Main;
}

async function main(words: readonly string[]): Promise<number> {
  const options = readOptions(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return bundled().fuzz(options);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

void main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`fuzz: ${error.message}\nnpm run fuzz -- --help explains the options\n`);
  return 2;
}).then((status) => { process.exitCode = status; });
