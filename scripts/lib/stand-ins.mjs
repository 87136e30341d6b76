// Bundles the stand-ins of test/editor/fixtures, for tests that want the editor's side alone.
import path from 'node:path';
import { nodeBundle, webviewBundle } from './bundles.mjs';
import { cache, root } from './paths.mjs';

const fixtures = path.join(root, 'test', 'editor', 'fixtures');

/** The workspace whose launch.json fits the stand-in adapter. */
export const fixtureWorkspace = path.join(fixtures, 'workspace');

/** Builds the stand-ins and gives the replacements that put them in (see stageShadowbox). */
export async function buildStandIns() {
  const { build } = await import('esbuild');
  const folder = path.join(cache, 'stand-ins');
  const adapter = path.join(folder, 'adapter.js');
  const panel = path.join(folder, 'page-tables.js');
  await build(nodeBundle(path.join(fixtures, 'adapter.ts'), adapter, []));
  await build(webviewBundle(path.join(fixtures, 'page-tables.ts'), panel));
  return { 'dist/adapter.js': adapter, 'dist/webviews/page-tables.js': panel };
}
