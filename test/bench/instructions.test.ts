/** Tests of the comparison of instructions: its images are assembled, and each boots into its mode and comes through all of its sequences. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { MARKS, makeImage, sourceOf } from '../../bench/instructions/bootImage';
import { MODES, sequencesOf } from '../../bench/instructions/sequences';
import { root } from '../../scripts/lib/paths.mjs';

describe('the comparison of instructions', function () {
  this.timeout(120_000);

  for (const mode of MODES) {
    it(`comes through all sequences of ${mode} mode`, () => {
      const sequences = sequencesOf(mode);
      const image = makeImage(mode, sequences, 20);
      const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', 'run', '--floppy', image, '--memory', '64M', '--until', `^\\${MARKS.all}$`, '--timeout', '60'], { cwd: root, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      const said = stdout.split('\n').map((line) => line.trim());
      sequences.forEach((_, i) => { for (const mark of [MARKS.begin, MARKS.end]) assert.ok(said.includes(`${mark}${i}`), `${mark}${i}`); });
    });
  }

  it('gives each sequence labels of its own', () => {
    const source = sourceOf('real', [{ name: 'twice', code: 'jmp @e / @e:' }], 5);
    for (const label of ['w0_e:', 't0_e:']) assert.ok(source.includes(label), label);
    assert.ok(!source.includes('@'));
  });
});
