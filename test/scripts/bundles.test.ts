/** What the build bundles: which sources come along with a program. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { buildAll } from '../../scripts/lib/bundles.mjs';
import { dist, root } from '../../scripts/lib/paths.mjs';

async function sourcesOf(bundle: string): Promise<readonly string[]> {
  const map: unknown = JSON.parse(await readFile(path.join(dist, `${bundle}.map`), 'utf8'));
  assert.ok(typeof map === 'object' && map !== null && 'sources' in map && Array.isArray(map.sources));
  return map.sources.map(String);
}

describe('bundles', function () {
  this.timeout(120_000);

  before(async () => { await buildAll(); });

  it('of a run have nothing of the debugger and of disks, which is loaded when it is asked for', async () => {
    const run = await sourcesOf('cli.js');
    assert.ok(run.some((source) => source.endsWith('src/cli/run.ts')));
    assert.deepEqual(run.filter((source) => /\/debugger\/|vscode|diskSubcommand/.test(source)), []);
    const others = await sourcesOf('cli-others.js');
    for (const part of ['debugger/session.ts', 'src/cli/diskSubcommand.ts']) assert.ok(others.some((source) => source.endsWith(part)), part);
  });

  it('of threads have code caches for V8 as threads find it, and no `import()`, which those do not know', async () => {
    const bundles = ['monitor-worker.js', 'translation-worker.js', 'storage-worker.js'];
    // In a process of its own, since tests of other files change V8's flags.
    const program = `const { compileBundle } = require('./src/host/node/codeCache');
      console.log(JSON.stringify(${JSON.stringify(bundles)}.map((bundle) => compileBundle(${JSON.stringify(dist + path.sep)} + bundle).fromCache)));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--require', 'tsx/cjs', '-e', program], { cwd: root });
    assert.deepEqual(JSON.parse(stdout), bundles.map(() => true));
    for (const bundle of bundles) assert.doesNotMatch(await readFile(path.join(dist, bundle), 'utf8'), /\bimport\(/, bundle);
  });

  it('are texts of one byte a character, as V8 keeps them then', async () => {
    for (const bundle of ['cli.js', 'adapter.js', 'monitor-worker.js', 'translation-worker.js', 'storage-worker.js']) {
      assert.doesNotMatch(await readFile(path.join(dist, bundle), 'utf8'), /[^\0-\xff]/, bundle);
    }
  });
});
