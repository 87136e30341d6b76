/**
 * The quick kernels of transcendental instructions against those that are always right: on random arguments, and on those where rounding or
 * reduction is hard, both are rounded to the same numbers, in every direction.
 */
import assert from 'node:assert/strict';
import { Float, FloatKind, copyFloat, unpackExtended } from '../../../../src/monitor/cpu/x87/float';
import { EXTENDED, roundToFormat, type RoundingMode } from '../../../../src/monitor/cpu/x87/rounding';
import {
  arctangentOfQuotient, exponential2MinusOne, logarithmPlusOneTimes, logarithmTimes, trigonometric, type Kernels,
} from '../../../../src/monitor/cpu/x87/transcendental';
import { Random } from '../../../fuzz/random';

const ROUNDS = 20_000;

/** A number with an exponent from `least` to `most`: any significand, or one near those at which something changes. */
function number(random: Random, least: number, most: number, signs: 1 | 2): Float {
  const exponent = least + random.below(most - least + 1);
  const [high, low] = [
    () => [random.u32() | 0x80000000, random.u32()],
    () => [random.u32() | 0x80000000, 0],
    () => [0x80000000 + random.below(3), random.u32()],
    () => [0x80000000, random.below(5)],
    () => [0xffffffff, -1 - random.below(1000)],
    // pi / 2, or sqrt 2, and near them.
    () => [random.below(2) ? 0xc90fdaa2 : 0xb504f333, (0x2168c234 + random.below(9) - 4)],
    // k / 64 and k / 128 and what lies half-way between.
    () => [(0x80000000 + random.below(256) * 2 ** 23) >>> 0, 0],
  ][random.below(7)]?.() ?? [0x80000000, 0];
  const to = new Float();
  unpackExtended(to, (random.below(signs) << 15) | (exponent + 16383), high >>> 0, low >>> 0);
  return to;
}

/** The same, with an exponent in one of some ranges. */
function numberIn(random: Random, ranges: readonly (readonly [least: number, most: number])[], signs: 1 | 2): Float {
  const [least, most] = ranges[random.below(ranges.length)] ?? [0, 0];
  return number(random, least, most, signs);
}

const MODES = [0, 1, 2, 3] as const satisfies readonly RoundingMode[];

/** All that an instruction makes of a result. */
function rounded(value: Float): string {
  return MODES.map((mode) => {
    const copy = new Float();
    copyFloat(copy, value);
    copy.extra = value.extra;
    const flags = copy.kind === FloatKind.normal ? roundToFormat(copy, EXTENDED, mode, 0) : 0;
    return `${copy.kind} ${copy.sign} ${copy.exponent} ${copy.high.toString(16)} ${copy.low.toString(16)} ${flags}`;
  }).join(', ');
}

type Compute = (kernels: Kernels) => readonly Float[];

function same(compute: Compute, text: () => string): void {
  const quick = compute('quick first').map(rounded), exact = compute('exact').map(rounded);
  if (quick.join() !== exact.join()) assert.fail(`${text()}: ${quick.join(' | ')}, not ${exact.join(' | ')}`);
}

const textOf = (x: Float): string => `${x.sign ? '-' : ''}${x.high.toString(16)}.${x.low.toString(16)} e${x.exponent}`;
const withResult = (body: (result: Float) => void): readonly Float[] => {
  const result = new Float();
  body(result);
  return [result];
};

describe('transcendental functions', function () {
  this.timeout(120_000);
  const random = new Random(5);

  it('sine, cosine and tangent', () => {
    for (let i = 0; i < ROUNDS; i++) {
      const angle = numberIn(random, [[-62, 27], [-8, 3], [-3, 1]], 2);
      same((kernels) => {
        const results = { sine: new Float(), cosine: new Float(), tangent: new Float() };
        trigonometric(results, angle, kernels);
        return [results.sine, results.cosine, results.tangent];
      }, () => `angle ${textOf(angle)}`);
    }
  });

  it('2^x - 1', () => {
    for (let i = 0; i < ROUNDS; i++) {
      const x = number(random, random.below(2) ? -62 : -6, -1, 2);
      same((kernels) => withResult((result) => exponential2MinusOne(result, x, kernels)), () => `2^x - 1 of ${textOf(x)}`);
    }
  });

  it('y log2 x', () => {
    for (let i = 0; i < ROUNDS; i++) {
      const x = numberIn(random, [[-16400, 16383], [-2, 1], [-1, 0]], 1);
      const y = number(random, -16382, 16383, 2);
      if (random.below(2)) y.exponent = random.below(3);
      same((kernels) => withResult((result) => logarithmTimes(result, x, y, kernels)), () => `${textOf(y)} log2 ${textOf(x)}`);
    }
  });

  it('y log2 (x + 1)', () => {
    for (let i = 0; i < ROUNDS; i++) {
      const x = number(random, random.below(2) ? -62 : -9, -1, 2);
      const y = number(random, -4, 4, 2);
      same((kernels) => withResult((result) => logarithmPlusOneTimes(result, x, y, kernels)), () => `${textOf(y)} log2 (1 + ${textOf(x)})`);
    }
  });

  it('the angle of a point', () => {
    for (let i = 0; i < ROUNDS; i++) {
      const x = number(random, -3, 3, 2);
      const y = numberIn(random, [[-63, 63], [-3, 3], [-8, -1]], 2);
      if (random.below(20) === 0) Object.assign(y, { high: x.high, low: x.low, exponent: x.exponent });
      same((kernels) => withResult((result) => arctangentOfQuotient(result, y, x, kernels)), () => `angle of (${textOf(x)}, ${textOf(y)})`);
    }
  });
});
