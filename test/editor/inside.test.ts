// Runs the suite of inside/ in the extension host of VS Code from npm (`npm run test:electron` runs the same files
// in the desktop VS Code).
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { buildInsideSuite } from '../../scripts/lib/inside-suite.mjs';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { openEditor, requireEditor } from './harness/editor';
import { waitUntil } from './harness/workbench';
import type { InsideResult } from './inside/result';
import { RESULT_FILE_VARIABLE } from './inside/result';

const SUITE_TIMEOUT_MS = 90_000;

describe('inside the extension host', function () {
  let result: InsideResult;

  before(async function () {
    this.timeout(300_000);
    await requireEditor(this);
    const { runner } = await buildInsideSuite();
    const folder = await mkdtemp(path.join(cache, 'inside-result-'));
    const file = path.join(folder, 'result.json');
    const editor = await openEditor({
      folder: samples,
      extensions: [runner],
      env: { [RESULT_FILE_VARIABLE]: file },
    });
    try {
      await waitUntil('the suite inside VS Code to end', () => Promise.resolve(existsSync(file)), (there) => there, SUITE_TIMEOUT_MS);
      result = JSON.parse(await readFile(file, 'utf8')) as InsideResult;
    } finally {
      await editor.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('every test passes', () => {
    for (const title of result.passed) console.log(`      passed inside: ${title}`);
    for (const title of result.leftOut) console.log(`      left out inside: ${title}`);
    assert.deepEqual(result.failed.map(({ test, error }) => `${test}: ${error}`), []);
    assert.ok(result.passed.length > 0, 'no test ran');
  });
});
