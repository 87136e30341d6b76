/**
 * The rounding core and basic arithmetic against the host's own IEEE 754 doubles and singles, which
 * JavaScript promises to round to nearest even.
 */

import assert from 'node:assert/strict';
import { add, divide, multiply, squareRoot, subtract } from '../../../../src/monitor/cpu/x87/arithmetic';
import type { BinaryOperation } from '../../../../src/monitor/cpu/x87/arithmetic';
import {
  Float, doubleHigh, doubleLow, extendedSignExponent, isFiniteNonZero, isNaNOrUnsupported, setFinite, singleBits,
  unpackDouble, unpackExtended, unpackSingle,
} from '../../../../src/monitor/cpu/x87/float';
import { DOUBLE, EXTENDED, FloatFlag, RoundingMode, SINGLE, roundToFormat } from '../../../../src/monitor/cpu/x87/rounding';

const bits = new DataView(new ArrayBuffer(8));

function fromNumber(number: number): Float {
  const value = new Float();
  bits.setFloat64(0, number);
  unpackDouble(value, bits.getUint32(0), bits.getUint32(4));
  return value;
}

function toNumber(value: Float): number {
  if (isFiniteNonZero(value)) roundToFormat(value, DOUBLE, RoundingMode.nearestEven, 0);
  bits.setUint32(0, doubleHigh(value));
  bits.setUint32(4, doubleLow(value));
  return bits.getFloat64(0);
}

function toSingle(value: Float): number {
  if (isFiniteNonZero(value)) roundToFormat(value, SINGLE, RoundingMode.nearestEven, 0);
  bits.setUint32(0, singleBits(value));
  return bits.getFloat32(0);
}

/** Pseudo-random 32-bit integers, the same in every run (xorshift). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const INTERESTING = [
  0, -0, 1, -1, 1.5, 3, 2 ** -1022, 2 ** -1074, -(2 ** -1074), 2 ** -1022 - 2 ** -1074, Number.MAX_VALUE, -Number.MAX_VALUE,
  Infinity, -Infinity, 2 ** 53 - 1, 2 ** 53 + 2, 1 + 2 ** -52, 1 - 2 ** -53, 2 ** 511, 2 ** -537, 2 ** 1023,
];

function samples(): number[] {
  const next = generator(0x2545f491);
  const random = Array.from({ length: 60 }, (_, index) => {
    // Half of them near each other, so that sums cancel; half of any size.
    const exponent = index % 2 === 0 ? 1023 + (next() % 8) : next() % 2047;
    bits.setUint32(0, ((next() & 0x800fffff) | (exponent << 20)) >>> 0);
    bits.setUint32(4, next());
    return bits.getFloat64(0);
  });
  return [...INTERESTING, ...random];
}

const OPERATIONS: readonly (readonly [string, BinaryOperation, (a: number, b: number) => number])[] = [
  ['+', add, (a, b) => a + b],
  ['-', subtract, (a, b) => a - b],
  ['*', multiply, (a, b) => a * b],
  ['/', divide, (a, b) => a / b],
];

describe('rounding core', () => {
  for (const [name, operation, expected] of OPERATIONS) {
    it(`a ${name} b rounds once to double as the host does`, () => {
      for (const a of samples()) {
        for (const b of samples()) {
          const result = new Float();
          const flags = operation(result, fromNumber(a), fromNumber(b), RoundingMode.nearestEven);
          const want = expected(a, b);
          assert.equal((flags & FloatFlag.invalid) !== 0, Number.isNaN(want), `${a} ${name} ${b}: invalid`);
          assert.ok(Object.is(toNumber(result), want), `${a} ${name} ${b} = ${toNumber(result)}, expected ${want}`);
        }
      }
    });
  }

  it('square roots round once to double as the host does', () => {
    for (const a of samples()) {
      const result = new Float();
      squareRoot(result, fromNumber(a));
      assert.ok(Object.is(toNumber(result), Math.sqrt(a)), `sqrt ${a}`);
    }
  });

  it('doubles round to singles as the host does, denormal and overflowing ones too', () => {
    for (const a of [...samples(), 2 ** -149, 1.5 * 2 ** -150, 2 ** -150, 3.4028235677973366e38, 3.4028235677973362e38]) {
      assert.ok(Object.is(toSingle(fromNumber(a)), Math.fround(a)), `${a} as single`);
    }
  });

  it('singles unpack to their value', () => {
    for (const a of samples().map(Math.fround)) {
      const value = new Float();
      bits.setFloat32(0, a);
      unpackSingle(value, bits.getUint32(0));
      assert.ok(Object.is(toNumber(value), a), `${a}`);
    }
  });

  it('detects tininess after rounding', () => {
    // Just below 2^-1022: to 53 bits it rounds up to that, so it is not tiny.
    const almostNormal = new Float();
    setFinite(almostNormal, 0, -1023, 0xffffffff, 0xffffffff);
    assert.equal(roundToFormat(almostNormal, DOUBLE, RoundingMode.nearestEven, 0), FloatFlag.inexact | FloatFlag.roundedUp);
    // To 53 bits this one rounds down, so it is tiny, though as a denormal it becomes 2^-1022 as well.
    const tiny = new Float();
    setFinite(tiny, 0, -1023, 0xffffffff, 0xfffffbff);
    const flags = roundToFormat(tiny, DOUBLE, RoundingMode.nearestEven, 0);
    assert.equal(flags, FloatFlag.inexact | FloatFlag.underflow | FloatFlag.roundedUp);
    assert.deepEqual([toNumber(almostNormal), toNumber(tiny)], [2 ** -1022, 2 ** -1022]);
  });

  it('an unmasked overflow or underflow scales the exponent by 24576', () => {
    const huge = new Float();
    setFinite(huge, 0, 16384, 0x80000000, 0);
    assert.equal(roundToFormat(huge, EXTENDED, RoundingMode.nearestEven, FloatFlag.overflow), FloatFlag.overflow);
    assert.equal(huge.exponent, 16384 - 24576);
    const tiny = new Float();
    setFinite(tiny, 1, -16383, 0x80000000, 0);
    assert.equal(roundToFormat(tiny, EXTENDED, RoundingMode.nearestEven, FloatFlag.underflow), FloatFlag.underflow);
    assert.equal(tiny.exponent, -16383 + 24576);
  });

  it('directed modes overflow to the largest number on one side only', () => {
    const overflowed = (sign: number, mode: RoundingMode): number => {
      const value = new Float();
      setFinite(value, sign, 1024, 0x80000000, 0);
      roundToFormat(value, DOUBLE, mode, 0);
      return toNumber(value);
    };
    assert.equal(overflowed(0, RoundingMode.up), Infinity);
    assert.equal(overflowed(0, RoundingMode.down), Number.MAX_VALUE);
    assert.equal(overflowed(1, RoundingMode.up), -Number.MAX_VALUE);
    assert.equal(overflowed(1, RoundingMode.down), -Infinity);
    assert.equal(overflowed(1, RoundingMode.truncate), -Number.MAX_VALUE);
  });

  it('double-extended encodings unpack and pack to themselves', () => {
    for (const [signExponent, high, low] of [
      [0x3fff, 0x80000000, 0], [0xc000, 0xc90fdaa2, 0x2168c235], [0, 0, 1], [0x8000, 0x7fffffff, 0xffffffff],
      [0x7ffe, 0xffffffff, 0xffffffff],
    ]) {
      const value = new Float();
      unpackExtended(value, signExponent, high, low);
      roundToFormat(value, EXTENDED, RoundingMode.nearestEven, 0);
      assert.deepEqual([extendedSignExponent(value), value.high, value.low], [signExponent, high, low]);
    }
    const unnormal = new Float();
    unpackExtended(unnormal, 0x3fff, 0x7fffffff, 0);
    assert.ok(isNaNOrUnsupported(unnormal));
  });
});
