/**
 * Lane arithmetic against exact rational arithmetic in all rounding modes, and against the host's own.
 */
import assert from 'node:assert/strict';
import { addLane, divideLane, multiplyLane, squareRootLane, subtractLane } from '../../../../src/monitor/cpu/softfloat/arithmetic';
import type { LaneOperation } from '../../../../src/monitor/cpu/softfloat/unit';
import { TYPES, get, put, runLane, unit } from './lanesUnderTest';
import type { Controls, TestedType } from './lanesUnderTest';
import { RandomBits, operandPairs, randomOperand } from './operands';
import {
  DE, IE, MODES, ZE, addExact, decode, defaultNaN, divideExact, flipSign, infinityOf, isNegative, kindOf, multiplyExact, quietBit,
  roundExact, squareRootExact,
} from './reference';
import type { Exact, Mode, Rounded, Shape } from './reference';

const RANDOM_PAIRS = 4000;

/** What is to come of a and b, neither of them a NaN: an exact value, or what the standard says of infinities and zeros. */
type Definition = (shape: Shape, a: bigint, b: bigint, mode: Mode) => Exact | Rounded;

const invalid = (shape: Shape): Rounded => ({ encoding: defaultNaN(shape), flags: IE });
const signOf = (shape: Shape, negative: boolean): bigint => (negative ? flipSign(shape, 0n) : 0n);
const infinite = (shape: Shape, x: bigint): boolean => kindOf(shape, x) === 'infinity';
const zero = (shape: Shape, x: bigint): boolean => kindOf(shape, x) === 'zero';
const differ = (shape: Shape, a: bigint, b: bigint): boolean => isNegative(shape, a) !== isNegative(shape, b);

const addition: Definition = (shape, a, b, mode) => {
  if (infinite(shape, a) && infinite(shape, b) && differ(shape, a, b)) return invalid(shape);
  if (infinite(shape, a)) return { encoding: a, flags: 0 };
  if (infinite(shape, b)) return { encoding: b, flags: 0 };
  return addExact(decode(shape, a), decode(shape, b), mode);
};

const multiplication: Definition = (shape, a, b) => {
  if (infinite(shape, a) || infinite(shape, b)) {
    if (zero(shape, a) || zero(shape, b)) return invalid(shape);
    return { encoding: infinityOf(shape) | signOf(shape, differ(shape, a, b)), flags: 0 };
  }
  return multiplyExact(decode(shape, a), decode(shape, b));
};

const division: Definition = (shape, a, b) => {
  const sign = signOf(shape, differ(shape, a, b));
  if (infinite(shape, a)) return infinite(shape, b) ? invalid(shape) : { encoding: infinityOf(shape) | sign, flags: 0 };
  if (infinite(shape, b)) return { encoding: sign, flags: 0 };
  if (zero(shape, b)) return zero(shape, a) ? invalid(shape) : { encoding: infinityOf(shape) | sign, flags: ZE };
  return divideExact(decode(shape, a), decode(shape, b));
};

const root: Definition = (shape, _, b) => {
  if (zero(shape, b)) return { encoding: b, flags: 0 };
  if (isNegative(shape, b)) return invalid(shape);
  return infinite(shape, b) ? { encoding: b, flags: 0 } : squareRootExact(decode(shape, b));
};

interface Case {
  readonly name: string;
  readonly operation: LaneOperation;
  readonly definition: Definition;
  /** Whether `a` plays a part. */
  readonly binary: boolean;
}

const CASES: readonly Case[] = [
  { name: 'addition', operation: addLane, definition: addition, binary: true },
  { name: 'subtraction', operation: subtractLane, definition: (shape, a, b, mode) => addition(shape, a, flipSign(shape, b), mode), binary: true },
  { name: 'multiplication', operation: multiplyLane, definition: multiplication, binary: true },
  { name: 'division', operation: divideLane, definition: division, binary: true },
  { name: 'square root', operation: squareRootLane, definition: root, binary: false },
];

/** The expected result by the manual: NaNs first, then invalid operations and divisions by zero, then denormals. */
function expected({ definition, binary }: Case, shape: Shape, pair: readonly [bigint, bigint], controls: Controls): Rounded {
  const { mode = 0, denormalsAreZero = false } = controls;
  const operands = binary ? pair : [pair[1], pair[1]];
  const nan = operands.find((x) => ['quiet', 'signalling'].includes(kindOf(shape, x)));
  if (nan !== undefined) {
    const signalling = operands.some((x) => kindOf(shape, x) === 'signalling');
    return { encoding: nan | quietBit(shape), flags: signalling ? IE : 0 };
  }
  const denormal = operands.some((x) => kindOf(shape, x) === 'denormal');
  const [a, b] = denormalsAreZero ? operands.map((x) => (kindOf(shape, x) === 'denormal' ? signOf(shape, isNegative(shape, x)) : x)) : operands;
  const outcome = definition(shape, a, b, mode);
  const rounded = 'encoding' in outcome ? outcome : roundExact(shape, outcome, { mode, flushToZero: controls.flushToZero ?? false });
  const denormalFlag = denormal && !denormalsAreZero && (rounded.flags & (IE | ZE)) === 0 ? DE : 0;
  return { encoding: rounded.encoding, flags: rounded.flags | denormalFlag };
}

function check(tested: TestedType, one: Case, pair: readonly [bigint, bigint], controls: Controls): void {
  const want = expected(one, tested.shape, pair, controls);
  const have = runLane(tested, one.operation, pair, controls);
  if (have.encoding === want.encoding && have.flags === want.flags) return;
  const hex = (r: Rounded): string => `${r.encoding.toString(16)} flags ${r.flags.toString(16)}`;
  assert.fail(`${one.name} of ${pair.map((x) => x.toString(16)).join(', ')} with ${JSON.stringify(controls)}: ${hex(have)}, expected ${hex(want)}`);
}

for (const tested of TYPES) {
  describe(`softfloat ${tested.name}`, () => {
    for (const one of CASES) {
      for (const mode of MODES) {
        it(`${one.name} is exact, rounding mode ${mode}`, function () {
          this.timeout(20_000);
          for (const pair of operandPairs(tested.shape, RANDOM_PAIRS, 17n + BigInt(mode))) check(tested, one, pair, { mode });
        });
      }
      it(`${one.name} with flush-to-zero, denormals-are-zeros and both`, function () {
        this.timeout(20_000);
        for (const pair of operandPairs(tested.shape, RANDOM_PAIRS / 4, 99n)) {
          for (const mode of MODES) {
            check(tested, one, pair, { mode, flushToZero: true });
            check(tested, one, pair, { mode, denormalsAreZero: true });
            check(tested, one, pair, { mode, flushToZero: true, denormalsAreZero: true });
          }
        }
      });
    }
  });
}

describe('softfloat against the host', () => {
  const operations: readonly (readonly [LaneOperation, (a: number, b: number) => number])[] = [
    [addLane, (a, b) => a + b], [subtractLane, (a, b) => a - b], [multiplyLane, (a, b) => a * b], [divideLane, (a, b) => a / b],
    [squareRootLane, (_, b) => Math.sqrt(b)],
  ];
  for (const { name, shape, type } of TYPES) {
    it(`gives the same numbers for ${name}, rounding to nearest`, () => {
      const random = new RandomBits(5n);
      for (let i = 0; i < 40_000; i++) {
        put(unit.a, shape.bits, 0, randomOperand(shape, random));
        put(unit.b, shape.bits, 0, randomOperand(shape, random));
        const read = (lanes: typeof unit.a): number => (type.double ? lanes.f64[0] : lanes.f32[0]);
        const [a, b] = [read(unit.a), read(unit.b)];
        for (const [operation, host] of operations) {
          // The inexact flag is set already: no way round may depend on that.
          unit.begin(0x1fa0);
          operation(unit, type, 0, 0);
          const want = type.double ? host(a, b) : Math.fround(host(a, b));
          assert.ok(Object.is(read(unit.result), want), `${a} and ${b}: ${read(unit.result)}, host says ${want}`);
        }
      }
    });
  }
});

describe('softfloat at the ends of the range', () => {
  it('knows an exact product whose halves overflow on their own', () => {
    const [, double] = TYPES;
    // (2 - 2^-40) * 2^511 by 2^512 is exact.
    const factors = [0x5ff0000000000000n - 0x1000n, 0x5ff0000000000000n];
    const { encoding, flags } = runLane(double, multiplyLane, factors);
    assert.equal(encoding.toString(16), '7feffffffffff000');
    assert.equal(flags, 0);
  });
});

describe('softfloat unmasked exceptions', () => {
  const [single] = TYPES;
  const leastNormal = 0x00800000n;

  it('take an exact tiny result for an underflow only when underflow is not masked', () => {
    assert.equal(runLane(single, subtractLane, [leastNormal + 1n, leastNormal]).flags, 0);
    assert.equal(runLane(single, subtractLane, [leastNormal + 1n, leastNormal], { unmasked: 0x10 }).flags, 0x10);
  });

  it('do not flush to zero when underflow is not masked', () => {
    const controls = { flushToZero: true, unmasked: 0x10 };
    assert.equal(runLane(single, subtractLane, [leastNormal + 1n, leastNormal], controls).flags, 0x10);
  });

  it('of a lane found before computation hide those of computing and rounding in all lanes', () => {
    put(unit.a, 32, 0, 0x3f800000n);
    put(unit.b, 32, 0, 0x40400000n);
    put(unit.a, 32, 1, 0x3f800000n);
    put(unit.b, 32, 1, 0n);
    unit.begin(0x1f80 & ~0x200);
    for (const lane of [0, 1]) divideLane(unit, single.type, lane);
    assert.equal(unit.reported, ZE);
    unit.begin(0x1f80);
    for (const lane of [0, 1]) divideLane(unit, single.type, lane);
    assert.equal(unit.reported, ZE | 0x20);
  });

  it('leave other lanes alone', () => {
    for (const lane of [0, 1, 2, 3]) put(unit.result, 32, lane, 0x1234n);
    unit.begin(0x1f80);
    addLane(unit, single.type, 2);
    assert.deepEqual([0, 1, 3].map((lane) => get(unit.result, 32, lane)), [0x1234n, 0x1234n, 0x1234n]);
  });
});
