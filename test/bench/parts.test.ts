/** Tests that the list of parts and the guest's own list are the same, and that options say what is wrong. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError, readOptions } from '../../bench/options';
import { PARTS } from '../../bench/parts';
import { root } from '../../scripts/lib/paths.mjs';

describe('parts of the benchmark', () => {
  it('are the guest\'s', () => {
    const source = readFileSync(path.join(root, 'bench', 'guests', 'init.c'), 'utf8');
    const listed = [...source.matchAll(/^\t\{ "([^"]+)", /gm)].map(([, name]) => name);
    assert.deepEqual(PARTS.map(({ name }) => name), listed);
  });

  it('fit twice on a kernel command line with everything else (2048 characters on x86)', () => {
    assert.ok(2 * PARTS.map(({ name }) => name).join(',').length < 1500);
  });
});

describe('options of the benchmark', () => {
  it('take the engines that an architecture has', () => {
    assert.deepEqual(readOptions([]).peers.map(({ name }) => name), ['ours', 'tcg', 'v86']);
    assert.deepEqual(readOptions(['--arch', 'amd64']).peers.map(({ name }) => name), ['ours', 'interpreter', 'tcg']);
    assert.deepEqual(readOptions(['--engines', 'v86,ours']).peers.map(({ name }) => name), ['ours', 'v86']);
  });

  it('are refused with what there is', () => {
    for (const [words, wrong] of [
      [['--suite', 'x'], /--suite: there is no 'x'; there is boot, parts, shell, all/],
      [['--only', 'integer,x'], /--only: there is no 'x'/],
      [['--engines', 'kvm'], /--engines: there is no 'kvm'/],
      [['--repeat', '0'], /--repeat: '0' is no whole number/],
      [['--what'], /--what/],
    ] as const) assert.throws(() => readOptions(words), (error) => error instanceof UsageError && wrong.test(error.message));
  });
});
