/**
 * Floating-point numbers as they are typed, in the formats of memory and registers (IEEE 754; SDM volume 1, 4.2.2 and 4.8.3).
 */
import assert from 'node:assert/strict';
import { floatBits, floatOf, parseFloatingPoint } from '../../debugger/floats';
import { toLittleEndian } from '../../debugger/numbers';

describe('floating-point numbers', () => {
  it('are read in decimal, with exponents, and by name', () => {
    assert.deepEqual(['1.5', '-.25', '2.', '1e3', '-1.5E-2', '7', 'inf', '-Infinity'].map(parseFloatingPoint), [1.5, -0.25, 2, 1000, -0.015, 7, Infinity, -Infinity]);
    assert.ok(Number.isNaN(parseFloatingPoint('nan')));
    for (const text of ['', '.', '0x10', '1.2.3', 'e5', 'x']) assert.equal(parseFloatingPoint(text), undefined, text);
  });

  it('have the bits of their format', () => {
    assert.equal(floatBits(1, 4), 0x3f800000n);
    assert.equal(floatBits(-2.5, 8), 0xc004000000000000n);
    // Extended: sign, exponent with bias 3FFFh, significand with its integer bit.
    assert.equal(floatBits(1, 10), 0x3fff8000000000000000n);
    assert.equal(floatBits(-2.5, 10), 0xc000a000000000000000n);
    assert.equal(floatBits(0, 10), 0n);
    assert.equal(floatBits(-0, 10), 1n << 79n);
    assert.equal(floatBits(Infinity, 12), 0x7fff8000000000000000n);
    // The smallest denormal double is 2 to the power -1074: exponent 3FFFh - 1074.
    assert.equal(floatBits(Number.MIN_VALUE, 16), (BigInt(0x3fff - 1074) << 64n) | (1n << 63n));
    assert.throws(() => floatBits(1, 2), /2 bytes cannot be set/);
  });

  it('come back from float and double', () => {
    for (const value of [0, -1.5, 0.1, 1e300]) assert.equal(floatOf(toLittleEndian(floatBits(value, 8), 8)), value);
    assert.equal(floatOf(toLittleEndian(floatBits(0.1, 4), 4)), Math.fround(0.1));
    assert.equal(floatOf(new Uint8Array(10)), undefined);
  });
});
