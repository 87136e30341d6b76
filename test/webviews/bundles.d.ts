// The types of what panelPage.ts uses of scripts/lib/bundles.mjs.
declare module '*/scripts/lib/bundles.mjs' {
  import type { BuildOptions } from 'esbuild';
  /** The esbuild options of a panel's script or style. */
  export function webviewBundle(source: string, outfile: string): BuildOptions;
}
