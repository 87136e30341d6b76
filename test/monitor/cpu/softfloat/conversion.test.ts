/**
 * Conversions of lanes and rounding to integral values against exact rational arithmetic.
 */
import assert from 'node:assert/strict';
import { fromInt32, fromInt64, narrowLane, toInt32, toInt64, widenLane } from '../../../../src/monitor/cpu/softfloat/conversion';
import { halfToSingle, singleToHalf } from '../../../../src/monitor/cpu/softfloat/half';
import { roundLane } from '../../../../src/monitor/cpu/softfloat/integral';
import { TYPES, get, mxcsrOf, put, runLane, unit } from './lanesUnderTest';
import type { Controls } from './lanesUnderTest';
import { RandomBits, edges, randomOperand } from './operands';
import {
  DE, IE, MODES, PE, SHAPE16, SHAPE32, SHAPE64, decode, infinityOf, isNegative, kindOf, quietBit, roundExact, roundToInteger, withoutSign,
} from './reference';
import type { Exact, Mode, Rounded, Shape } from './reference';

const COUNT = 3000;

/** Edges, random encodings, and numbers around the limits of integers and halfway between integers. */
function* operandsOf(shape: Shape, seed: bigint): Generator<bigint> {
  yield* edges(shape);
  const random = new RandomBits(seed);
  const limits: readonly Exact[] = [31, 32, 52, 53, 63, 64].flatMap((power) =>
    [-2n, -1n, 0n, 1n, 2n].map((offset) => ({ negative: false, numerator: (1n << BigInt(power + 1)) + offset, denominator: 2n })));
  for (const limit of limits) {
    for (const mode of MODES) {
      for (const negative of [false, true]) yield roundExact(shape, { ...limit, negative }, { mode }).encoding;
    }
  }
  for (let i = -20n; i <= 20n; i++) yield roundExact(shape, { negative: i < 0n, numerator: i < 0n ? -i : i, denominator: 4n }, { mode: 0 }).encoding;
  for (let i = 0; i < COUNT; i++) yield randomOperand(shape, random);
}

const isNaNKind = (shape: Shape, x: bigint): boolean => ['quiet', 'signalling'].includes(kindOf(shape, x));

/** The integer of `bits` that an encoding is rounded to; undefined where there is none. */
function integerOf(shape: Shape, x: bigint, bits: bigint, mode: Mode): { integer: bigint; inexact: boolean } | undefined {
  if (isNaNKind(shape, x) || kindOf(shape, x) === 'infinity') return undefined;
  const { negative, numerator, denominator } = decode(shape, x);
  const { integer, inexact } = roundToInteger(negative, numerator, denominator, mode);
  const signed = negative ? -integer : integer;
  return BigInt.asIntN(Number(bits), signed) === signed ? { integer: signed, inexact } : undefined;
}

/** What conversion to an integer answers: its two's complement, or the integer indefinite with IE. */
function expectedInteger(shape: Shape, x: bigint, bits: bigint, mode: Mode): Rounded {
  const outcome = integerOf(shape, x, bits, mode);
  if (outcome === undefined) return { encoding: 1n << (bits - 1n), flags: IE };
  return { encoding: BigInt.asUintN(Number(bits), outcome.integer), flags: outcome.inexact ? PE : 0 };
}

for (const { name, shape, type } of TYPES) {
  describe(`softfloat conversions of ${name}`, () => {
    for (const mode of MODES) {
      it(`to integers, rounding mode ${mode}`, () => {
        for (const x of operandsOf(shape, 7n)) {
          put(unit.b, shape.bits, 0, x);
          unit.begin(mxcsrOf({}));
          toInt32(unit, type, 0, 0, mode);
          assert.deepEqual({ encoding: get(unit.result, 32, 0), flags: unit.flags }, expectedInteger(shape, x, 32n, mode), x.toString(16));
          unit.begin(mxcsrOf({}));
          toInt64(unit, type, mode);
          assert.deepEqual({ encoding: get(unit.result, 64, 0), flags: unit.flags }, expectedInteger(shape, x, 64n, mode), x.toString(16));
        }
      });

      it(`from integers, rounding mode ${mode}`, () => {
        const random = new RandomBits(8n);
        const integers = [0n, 1n, -1n, (1n << 63n) - 1n, -(1n << 63n), (1n << 31n) - 1n, -(1n << 31n), (1n << 53n) + 1n, (1n << 24n) + 1n, (1n << 55n) + (1n << 31n) + 1n];
        for (let i = 0; i < COUNT; i++) integers.push(BigInt.asIntN(random.below(63) + 2, random.next(64)));
        for (const integer of integers) {
          for (const bits of [32, 64]) {
            const value = BigInt.asIntN(bits, integer);
            put(unit.b, bits, 0, value);
            unit.begin(mxcsrOf({ mode }));
            if (bits === 32) fromInt32(unit, type, 0, 0);
            else fromInt64(unit, type);
            const want = roundExact(shape, { negative: value < 0n, numerator: value < 0n ? -value : value, denominator: 1n }, { mode });
            assert.deepEqual({ encoding: get(unit.result, shape.bits, 0), flags: unit.flags }, want, `${value} of ${bits} bits`);
          }
        }
      });

      it(`to integral values, rounding mode ${mode}`, () => {
        for (const x of operandsOf(shape, 9n)) {
          const special = isNaNKind(shape, x) || kindOf(shape, x) === 'infinity';
          let want: Rounded = { encoding: isNaNKind(shape, x) ? x | quietBit(shape) : x, flags: kindOf(shape, x) === 'signalling' ? IE : 0 };
          if (!special) {
            const { negative, numerator, denominator } = decode(shape, x);
            const { integer, inexact } = roundToInteger(negative, numerator, denominator, mode);
            want = { encoding: roundExact(shape, { negative, numerator: integer, denominator: 1n }, { mode: 0 }).encoding, flags: inexact ? PE : 0 };
          }
          const tested = { name, shape, type };
          assert.deepEqual(runLane(tested, roundLane, [0n, x], {}, mode), want, `mode from the immediate, ${x.toString(16)}`);
          assert.deepEqual(runLane(tested, roundLane, [0n, x], { mode }, 4), want, `mode from MXCSR, ${x.toString(16)}`);
          assert.equal(runLane(tested, roundLane, [0n, x], {}, mode | 8).flags, want.flags & ~PE, 'inexact is suppressed');
        }
      });
    }

    it('take denormals as zeros with DAZ', () => {
      put(unit.b, shape.bits, 0, 1n);
      unit.begin(mxcsrOf({ denormalsAreZero: true }));
      toInt32(unit, type, 0, 0, 2);
      assert.deepEqual([get(unit.result, 32, 0), unit.flags], [0n, 0]);
      assert.deepEqual(runLane({ name, shape, type }, roundLane, [0n, 1n], { denormalsAreZero: true }, 2), { encoding: 0n, flags: 0 });
    });
  });
}

/** A conversion between formats: NaNs keep their upper bits and become quiet; denormals are noted when `notesDenormals`. */
function expectedFormat(from: Shape, to: Shape, x: bigint, controls: Controls, notesDenormals: boolean): Rounded {
  const sign = isNegative(from, x) ? 1n << BigInt(to.bits - 1) : 0n;
  const kind = kindOf(from, x);
  if (isNaNKind(from, x)) {
    const fraction = withoutSign(from, x) & ((1n << BigInt(from.precision - 1)) - 1n);
    const shift = BigInt(to.precision - from.precision);
    const moved = shift >= 0n ? fraction << shift : fraction >> -shift;
    return { encoding: sign | infinityOf(to) | quietBit(to) | moved, flags: kind === 'signalling' ? IE : 0 };
  }
  if (kind === 'infinity') return { encoding: sign | infinityOf(to), flags: 0 };
  if (kind === 'denormal' && controls.denormalsAreZero && notesDenormals) return { encoding: sign, flags: 0 };
  const { encoding, flags } = roundExact(to, decode(from, x), { mode: controls.mode ?? 0, flushToZero: controls.flushToZero ?? false });
  return { encoding, flags: flags | (kind === 'denormal' && notesDenormals ? DE : 0) };
}

const ALL_CONTROLS: readonly Controls[] = MODES.flatMap((mode) =>
  [false, true].flatMap((flushToZero) => [false, true].map((denormalsAreZero) => ({ mode, flushToZero, denormalsAreZero }))));

describe('softfloat conversions between formats', () => {
  it('from binary64 to binary32', () => {
    for (const controls of ALL_CONTROLS) {
      for (const x of operandsOf(SHAPE64, 10n)) {
        put(unit.b, 64, 1, x);
        unit.begin(mxcsrOf(controls));
        narrowLane(unit, 1, 3);
        assert.deepEqual({ encoding: get(unit.result, 32, 3), flags: unit.flags }, expectedFormat(SHAPE64, SHAPE32, x, controls, true), x.toString(16));
      }
    }
  });

  it('from binary32 to binary64', () => {
    for (const controls of ALL_CONTROLS) {
      for (const x of operandsOf(SHAPE32, 11n)) {
        put(unit.b, 32, 3, x);
        unit.begin(mxcsrOf(controls));
        widenLane(unit, 3, 1);
        assert.deepEqual({ encoding: get(unit.result, 64, 1), flags: unit.flags }, expectedFormat(SHAPE32, SHAPE64, x, controls, true), x.toString(16));
      }
    }
  });

  it('from binary16 to binary32, all halves, whatever DAZ', () => {
    for (const controls of [{}, { denormalsAreZero: true }]) {
      for (let half = 0n; half < 0x10000n; half++) {
        unit.b.u32[1] = Number(half) << 16;
        unit.begin(mxcsrOf(controls));
        halfToSingle(unit, 3);
        assert.deepEqual({ encoding: get(unit.result, 32, 3), flags: unit.flags }, expectedFormat(SHAPE16, SHAPE32, half, controls, false), half.toString(16));
      }
    }
  });

  it('from binary32 to binary16, whatever FTZ', () => {
    for (const controls of ALL_CONTROLS) {
      for (const x of [...operandsOf(SHAPE32, 12n), ...nearHalves()]) {
        put(unit.b, 32, 1, x);
        for (const immediate of [4, controls.mode ?? 0]) {
          unit.begin(mxcsrOf(immediate === 4 ? controls : { ...controls, mode: 0 }));
          unit.result.u32[0] = 0;
          singleToHalf(unit, 1, immediate);
          const want = expectedFormat(SHAPE32, SHAPE16, x, { ...controls, flushToZero: false }, true);
          assert.deepEqual({ encoding: get(unit.result, 32, 0) >> 16n, flags: unit.flags }, want, x.toString(16));
        }
      }
    }
  });
});

/** Numbers in the range of halves, on and between them. */
function nearHalves(): bigint[] {
  const random = new RandomBits(13n);
  return Array.from({ length: 2000 }, () => {
    const half = random.next(15);
    const x = expectedFormat(SHAPE16, SHAPE32, half < infinityOf(SHAPE16) ? half : 1n, {}, false).encoding;
    return x + BigInt(random.below(3)) * 0x1000n + BigInt(random.below(3)) - 1n;
  }).map((x) => (x < 0n ? 0n : x));
}
