/**
 * Fused multiply-add of lanes against exact rational arithmetic.
 */
import assert from 'node:assert/strict';
import { fusedLane } from '../../../../src/monitor/cpu/softfloat/fused';
import { TYPES, runLane } from './lanesUnderTest';
import type { Controls, TestedType } from './lanesUnderTest';
import { RandomBits, edges, randomOperand } from './operands';
import { DE, IE, MODES, addExact, decode, defaultNaN, flipSign, infinityOf, isNegative, kindOf, multiplyExact, quietBit, roundExact } from './reference';
import type { Exact, Rounded, Shape } from './reference';

type Triple = readonly [a: bigint, b: bigint, c: bigint];

const FORMS = [false, true].flatMap((negateProduct) => [false, true].map((negateAddend) => ({ negateProduct, negateAddend })));

/** Triples at the edges, random ones, and such whose addend nearly cancels the product. */
function* triples(shape: Shape, count: number, seed: bigint): Generator<Triple> {
  const some = edges(shape).filter((_, i) => i % 2 === 0);
  for (const a of some) for (const b of some) for (const c of some) yield [a, b, c];
  const random = new RandomBits(seed);
  for (let i = 0; i < count; i++) {
    const [a, b] = [randomOperand(shape, random), randomOperand(shape, random)];
    const cancels = random.below(2) === 0 && finite(shape, a) && finite(shape, b);
    yield [a, b, cancels ? nearProduct(shape, a, b, random) : randomOperand(shape, random)];
  }
}

const finite = (shape: Shape, x: bigint): boolean => ['zero', 'denormal', 'normal'].includes(kindOf(shape, x));

function nearProduct(shape: Shape, a: bigint, b: bigint, random: RandomBits): bigint {
  const { encoding } = roundExact(shape, multiplyExact(decode(shape, a), decode(shape, b)), { mode: 0 });
  const scaled = encoding + (BigInt(random.below(120) - 60) << BigInt(shape.precision - 1)) * BigInt(random.below(2));
  const near = random.below(4) === 0 ? encoding : BigInt.asUintN(shape.bits, scaled + BigInt(random.below(5) - 2));
  return random.below(2) === 0 ? flipSign(shape, near) : near;
}

function expected(shape: Shape, operands: Triple, form: (typeof FORMS)[number], controls: Controls): Rounded {
  const kinds = operands.map((x) => kindOf(shape, x));
  const nan = operands.find((_, i) => ['quiet', 'signalling'].includes(kinds[i]));
  if (nan !== undefined) return { encoding: nan | quietBit(shape), flags: kinds.includes('signalling') ? IE : 0 };
  const daz = controls.denormalsAreZero === true;
  const [a, b, c] = operands.map((x, i) => (daz && kinds[i] === 'denormal' ? (isNegative(shape, x) ? flipSign(shape, 0n) : 0n) : x));
  const productNegative = isNegative(shape, a) !== (isNegative(shape, b) !== form.negateProduct);
  const addend = form.negateAddend ? flipSign(shape, c) : c;
  const denormal = kinds.includes('denormal') && !daz ? DE : 0;
  const infinity = (negative: boolean): bigint => (negative ? flipSign(shape, infinityOf(shape)) : infinityOf(shape));
  if (kindOf(shape, a) === 'infinity' || kindOf(shape, b) === 'infinity') {
    const opposed = kindOf(shape, c) === 'infinity' && isNegative(shape, addend) !== productNegative;
    if (kindOf(shape, a) === 'zero' || kindOf(shape, b) === 'zero' || opposed) return { encoding: defaultNaN(shape), flags: IE };
    return { encoding: infinity(productNegative), flags: denormal };
  }
  if (kindOf(shape, c) === 'infinity') return { encoding: addend, flags: denormal };
  const product: Exact = { ...multiplyExact(decode(shape, a), decode(shape, b)), negative: productNegative };
  const mode = controls.mode ?? 0;
  const rounded = roundExact(shape, addExact(product, decode(shape, addend), mode), { mode, flushToZero: controls.flushToZero ?? false });
  return { encoding: rounded.encoding, flags: rounded.flags | denormal };
}

function check(tested: TestedType, operands: Triple, controls: Controls): void {
  for (const form of FORMS) {
    const want = expected(tested.shape, operands, form, controls);
    const have = runLane(tested, (unit, type, lane) => fusedLane(unit, type, lane, form), operands, controls);
    if (have.encoding === want.encoding && have.flags === want.flags) continue;
    const hex = (r: Rounded): string => `${r.encoding.toString(16)} flags ${r.flags.toString(16)}`;
    assert.fail(`${operands.map((x) => x.toString(16)).join(', ')} ${JSON.stringify({ ...form, ...controls })}: ${hex(have)}, expected ${hex(want)}`);
  }
}

for (const tested of TYPES) {
  describe(`softfloat fused multiply-add of ${tested.name}`, () => {
    for (const mode of MODES) {
      it(`is exact, rounding mode ${mode}`, function () {
        this.timeout(30_000);
        for (const triple of triples(tested.shape, mode === 0 ? 6000 : 1500, 40n + BigInt(mode))) check(tested, triple, { mode });
      });
    }

    it('with flush-to-zero and denormals-are-zeros', function () {
      this.timeout(30_000);
      for (const triple of triples(tested.shape, 500, 50n)) check(tested, triple, { flushToZero: true, denormalsAreZero: true });
    });
  });
}
