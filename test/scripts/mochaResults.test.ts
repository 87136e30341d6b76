/** The reporter by which `npm test` counts: what passed, failed and was left out, and why. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

describe('the results that npm test adds up', function () {
  this.timeout(20_000);
  this.slow(3000);
  let folder = '';
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-results-')); });
  afterEach(() => rmSync(folder, { recursive: true }));

  function runSuite(text: string): { results: unknown; status: number | null; printed: string } {
    const suite = path.join(folder, 'suite.test.ts');
    const output = path.join(folder, 'results.json');
    writeFileSync(suite, text);
    const { status, stdout } = spawnSync(process.execPath, [
      '--import', 'tsx', path.join('node_modules', 'mocha', 'bin', 'mocha.js'), '--reporter', path.join('scripts', 'lib', 'mocha-results.cjs'), '--reporter-option', `output=${output}`, suite,
    ], { cwd: checkout, encoding: 'utf8' });
    return { results: existsSync(output) ? JSON.parse(readFileSync(output, 'utf8')) : undefined, status, printed: stdout };
  }

  it('are counted, with the skipped by name and reason', () => {
    const leaveOut = path.join(checkout, 'test', 'support', 'leaveOut').replaceAll('\\', '/');
    const { results, status, printed } = runSuite(`
      import { leaveOut } from '${leaveOut}';
      describe('suite', () => {
        it('passes', () => undefined);
        it('fails', () => { throw new Error('because'); });
        it('is left out', function () { leaveOut(this, 'no gcc'); });
        describe('inner', () => {
          before(function () { leaveOut(this, 'no qemu'); });
          it('one', () => undefined);
          it('two', () => undefined);
        });
      });`);
    assert.deepEqual(results, { passed: 1, failed: 1, skipped: ['suite is left out [left out: no gcc]', 'suite inner [left out: no qemu] one', 'suite inner [left out: no qemu] two'] });
    assert.equal(status, 1);
    assert.match(printed, /FAILED: suite fails\n\s+Error: because/);
  });

  it('are missing when the suite does not come to its end', () => {
    const { results, status } = runSuite("describe('suite', () => { it('crashes', () => { process.exit(0); }); });");
    assert.deepEqual([results, status], [undefined, 0]);
  });
});
