/** Bundles the fuzzer's code: compiled file by file the monitor would be several times slower. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { cache } from '../../../scripts/lib/paths.mjs';

/** Bundles a file of this folder; gives the bundle's path, inside the checkout, so that it finds iced-x86 in node_modules. */
export function bundle(entry: string): string {
  const folder = path.join(cache, 'bad-guests');
  mkdirSync(folder, { recursive: true });
  const outfile = path.join(folder, `${path.basename(entry, '.ts')}-${process.pid}.cjs`);
  buildSync({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20',
    external: ['iced-x86'], sourcemap: 'inline', logLevel: 'warning',
  });
  return outfile;
}
