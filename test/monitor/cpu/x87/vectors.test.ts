/**
 * The x87 FPU against the recorded states of a real processor: every vector of the five x87 families.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { nearlySame } from '../../../conformance/compare';
import { readFamily, SILICON } from '../../../conformance/vectorFile';
import { leaveOut } from '../../../support/leaveOut';
import { runVector } from './vectors';
import type { RunOptions } from './vectors';

/** C1 and PE, which say how the last bit was rounded. */
const ROUNDING_STATUS = 0x0220;

const FAMILIES: readonly (readonly [family: string, options: RunOptions])[] = [
  ['x87-arith', {}],
  ['x87-compare', {}],
  ['x87-control', {}],
  ['x87-loadstore', {}],
  ['x87-trans', { sameResult: nearlySame, ignoredStatus: ROUNDING_STATUS }],
];

/** As many failures as a person wants to read. */
const SHOWN = 5;

describe('x87 against recorded processor states', () => {
  for (const [family, options] of FAMILIES) {
    it(family, function run() {
      this.timeout(60_000);
      if (!existsSync(SILICON)) leaveOut(this, `no vector files in ${SILICON}: set SHADOWBOX_SILICON to their directory`);
      const { vectors } = readFamily(SILICON, family);
      const failures = vectors.flatMap((vector) => {
        const problem = runVector(vector, options);
        return problem === undefined ? [] : [`${vector.d} (${vector.b}, ${vector.m} bit): ${problem}`];
      });
      assert.equal(failures.length, 0,
        `${failures.length} of ${vectors.length} failed, among them\n${failures.slice(0, SHOWN).join('\n')}`);
    });
  }
});
