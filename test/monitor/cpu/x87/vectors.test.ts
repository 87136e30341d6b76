/**
 * The x87 FPU against the recorded states of a real processor: every vector of the five x87 families.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFamily, SILICON } from '../../../conformance/vectorFile';
import { leaveOut } from '../../../support/leaveOut';
import { runVector } from './vectors';
import type { RunOptions } from './vectors';

const SIGNIFICAND = (1n << 64n) - 1n;

/** An 80-bit encoding's magnitude in units of the smallest denormal. */
function magnitude(encoding: bigint): bigint {
  const exponent = (encoding >> 64n) & 0x7fffn;
  return (encoding & SIGNIFICAND) << (exponent === 0n ? 0n : exponent - 1n);
}

/**
 * What the vectors' description allows for transcendental results: a relative error of 2^-62. Denormals
 * have fewer bits than that; for them it is one unit in the last place.
 */
function nearlySame(actual: bigint, expected: bigint): boolean {
  if (actual >> 79n !== expected >> 79n) return false;
  const difference = magnitude(actual) - magnitude(expected);
  const size = difference < 0n ? -difference : difference;
  return size <= 1n || size << 62n <= magnitude(expected);
}

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
