// The types of bundles.mjs, for the tests that use it.
import type { BuildOptions } from 'esbuild';

export function webviewBundle(source: string, outfile: string): BuildOptions;
export function buildAll(options?: { readonly force?: boolean }): Promise<string>;
