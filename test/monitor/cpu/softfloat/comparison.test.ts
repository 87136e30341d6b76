/**
 * Comparisons, minimum and maximum of lanes, as SDM volume 2 has them in its tables (CMPPD, MINPD, MAXPD).
 */
import assert from 'node:assert/strict';
import { compareLane, maximumLane, minimumLane, relateLanes } from '../../../../src/monitor/cpu/softfloat/comparison';
import { Relation } from '../../../../src/monitor/cpu/x87/compare';
import { TYPES, put, runLane, unit } from './lanesUnderTest';
import type { TestedType } from './lanesUnderTest';
import { operandPairs } from './operands';
import { DE, IE, compareExact, decode, infinityOf, isNegative, kindOf, withoutSign } from './reference';
import type { Shape } from './reference';

const isNaNKind = (shape: Shape, x: bigint): boolean => ['quiet', 'signalling'].includes(kindOf(shape, x));

/** greater, less, equal, unordered, by exact values. */
function relation(shape: Shape, a: bigint, b: bigint): Relation {
  if (isNaNKind(shape, a) || isNaNKind(shape, b)) return Relation.unordered;
  const rank = (x: bigint): number => (kindOf(shape, x) === 'infinity' ? (isNegative(shape, x) ? -1 : 1) : 0);
  const order = rank(a) !== rank(b) ? rank(a) - rank(b) : rank(a) !== 0 ? 0 : compareExact(decode(shape, a), decode(shape, b));
  return order < 0 ? Relation.less : order > 0 ? Relation.greater : Relation.equal;
}

const flush = (shape: Shape, x: bigint): bigint => (kindOf(shape, x) === 'denormal' ? x - withoutSign(shape, x) : x);

/** The manual's table of predicates: result for greater, less, equal, unordered, and whether QNaNs signal invalid. */
const PREDICATES: readonly (readonly [name: string, greater: boolean, less: boolean, equal: boolean, unordered: boolean, signals: boolean])[] = [
  ['EQ_OQ', false, false, true, false, false], ['LT_OS', false, true, false, false, true], ['LE_OS', false, true, true, false, true],
  ['UNORD_Q', false, false, false, true, false], ['NEQ_UQ', true, true, false, true, false], ['NLT_US', true, false, true, true, true],
  ['NLE_US', true, false, false, true, true], ['ORD_Q', true, true, true, false, false], ['EQ_UQ', false, false, true, true, false],
  ['NGE_US', false, true, false, true, true], ['NGT_US', false, true, true, true, true], ['FALSE_OQ', false, false, false, false, false],
  ['NEQ_OQ', true, true, false, false, false], ['GE_OS', true, false, true, false, true], ['GT_OS', true, false, false, false, true],
  ['TRUE_UQ', true, true, true, true, false], ['EQ_OS', false, false, true, false, true], ['LT_OQ', false, true, false, false, false],
  ['LE_OQ', false, true, true, false, false], ['UNORD_S', false, false, false, true, true], ['NEQ_US', true, true, false, true, true],
  ['NLT_UQ', true, false, true, true, false], ['NLE_UQ', true, false, false, true, false], ['ORD_S', true, true, true, false, true],
  ['EQ_US', false, false, true, true, true], ['NGE_UQ', false, true, false, true, false], ['NGT_UQ', false, true, true, true, false],
  ['FALSE_OS', false, false, false, false, true], ['NEQ_OS', true, true, false, false, true], ['GE_OQ', true, false, true, false, false],
  ['GT_OQ', true, false, false, false, false], ['TRUE_US', true, true, true, true, true],
];

/** IE and DE of a comparison. */
function flagsOf(shape: Shape, a: bigint, b: bigint, signalsQuiet: boolean): number {
  const kinds = [kindOf(shape, a), kindOf(shape, b)];
  if (kinds.includes('signalling')) return IE;
  if (kinds.includes('quiet')) return signalsQuiet ? IE : 0;
  return kinds.includes('denormal') ? DE : 0;
}

const allOnes = (shape: Shape): bigint => (1n << BigInt(shape.bits)) - 1n;

function checkPredicates(tested: TestedType, a: bigint, b: bigint): void {
  const { shape } = tested;
  PREDICATES.forEach(([name, ...row], number) => {
    const signals = row[4];
    const want = { encoding: row[relation(shape, a, b)] ? allOnes(shape) : 0n, flags: flagsOf(shape, a, b, signals) };
    assert.deepEqual(runLane(tested, compareLane, [a, b], {}, number), want, `${name} of ${a.toString(16)} and ${b.toString(16)}`);
  });
}

for (const tested of TYPES) {
  const { name, shape, type } = tested;

  describe(`softfloat comparisons of ${name}`, () => {
    it('answer all 32 predicates', () => {
      for (const [a, b] of operandPairs(shape, 300, 3n)) checkPredicates(tested, a, b);
    });

    it('take denormals as zeros with DAZ', () => {
      for (const [a, b] of operandPairs(shape, 1000, 4n)) {
        put(unit.a, shape.bits, 0, a);
        put(unit.b, shape.bits, 0, b);
        unit.begin(0x1fc0);
        assert.equal(relateLanes(unit, type, 0, true), relation(shape, flush(shape, a), flush(shape, b)));
        assert.equal(unit.flags & DE, 0);
      }
    });

    it('MIN and MAX give the second operand for NaNs and equal numbers', () => {
      for (const [a, b] of operandPairs(shape, 2000, 5n)) {
        const order = relation(shape, a, b);
        const flags = order === Relation.unordered ? IE : flagsOf(shape, a, b, true);
        const pair = `${a.toString(16)} and ${b.toString(16)}`;
        assert.deepEqual(runLane(tested, minimumLane, [a, b]), { encoding: order === Relation.less ? a : b, flags }, `min of ${pair}`);
        assert.deepEqual(runLane(tested, maximumLane, [a, b]), { encoding: order === Relation.greater ? a : b, flags }, `max of ${pair}`);
      }
    });

    it('MIN and MAX give zeros for denormals with DAZ, also beside a NaN', () => {
      const nan = infinityOf(shape) + 1n;
      const denormal = 5n;
      assert.deepEqual(runLane(tested, maximumLane, [nan, denormal], { denormalsAreZero: true }), { encoding: 0n, flags: IE });
      assert.deepEqual(runLane(tested, maximumLane, [denormal, denormal], { denormalsAreZero: true }), { encoding: 0n, flags: 0 });
      assert.deepEqual(runLane(tested, minimumLane, [denormal, nan], { denormalsAreZero: true }), { encoding: nan, flags: IE });
    });
  });
}
