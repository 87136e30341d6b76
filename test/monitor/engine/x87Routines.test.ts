/**
 * The routines of x87 arithmetic against the exact ones of the x87 unit, on millions of numbers: random, near one another,
 * at the ends of the range, and infinite, in all precisions and rounding modes. Where a routine gives a result, it is the unit's, with
 * its flags; and common numbers are never given up.
 */
import assert from 'node:assert/strict';
import { add, divide, multiply, squareRoot, type BinaryOperation } from '../../../src/monitor/cpu/x87/arithmetic';
import { Relation, compare } from '../../../src/monitor/cpu/x87/compare';
import { Float, FloatKind, doubleHigh, doubleLow, extendedSignExponent, isFiniteNonZero, isNaNOrUnsupported, singleBits, unpackExtended } from '../../../src/monitor/cpu/x87/float';
import { roundToIntegral, toInteger } from '../../../src/monitor/cpu/x87/integers';
import { DOUBLE, EXTENDED, EXTENDED_PRECISION_24, EXTENDED_PRECISION_53, SINGLE, roundToFormat, type FloatFormat, type RoundingMode } from '../../../src/monitor/cpu/x87/rounding';
import { buildBase } from '../../../src/monitor/engine/interpreterModule';
import { routineExport } from '../../../src/monitor/engine/routines';
import type { X87Routine } from '../../../src/monitor/isa/x87Emitter';

const ROUNDS = 300_000;
/** Common cases that may be given up: what rounding makes a normal number of something tiny, and the least integer. */
const BORDERLINE = ROUNDS / 10_000;

/** Numbers that are the same in each run. */
class Random {
  private state = 2463534242;
  word(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }
  below(count: number): number {
    return (this.word() >>> 3) % count;
  }
}

type Exported = (...values: readonly (number | bigint)[]) => number | readonly [bigint, number];

function routines(): (name: X87Routine) => Exported {
  const unused = (): number => 0;
  const env = {
    memory: new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true }),
    table: new WebAssembly.Table({ initial: 16, element: 'anyfunc' }),
    first: new WebAssembly.Global({ value: 'i32', mutable: false }, 0),
  };
  const monitor = { access: unused, commit: unused, segmentFault: unused, raise: unused, service: unused, breakpoint: unused, hot: unused, strayed: unused };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(buildBase() as BufferSource), { env, monitor });
  return (name) => exports[routineExport(name)] as Exported;
}

/** A number in both forms. */
class Operand {
  readonly float = new Float();
  high = 0;
  low = 0;
  word = 0;

  set(word: number, high: number, low: number): void {
    this.word = word;
    this.high = high >>> 0;
    this.low = low >>> 0;
    unpackExtended(this.float, word, this.high, this.low);
  }
  get significand(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
  /** Normal, or zero. */
  get isPlain(): boolean {
    return (this.word & 0x7fff) === 0 ? this.high === 0 && this.low === 0 : (this.word & 0x7fff) !== 0x7fff && this.high >= 0x80000000;
  }
  /** Plain, or infinite. */
  get isNumber(): boolean {
    return this.isPlain || this.float.kind === FloatKind.infinity;
  }
  /** What makes no exception by being there. */
  get isQuiet(): boolean {
    return this.isNumber || this.float.kind === FloatKind.quietNaN;
  }
  toString(): string {
    return `${this.word.toString(16)}:${this.significand.toString(16)}`;
  }
}

const WORDS = [0, 0x80000000, 0xffffffff, 0x7fffffff, 1, 0xfffff800, 0x800, 0x400, 0xc00, 0x80000001, 0xc0000000, 0x100, 0x80, 0x180];

/** A significand word: any, or one at an edge. */
const significandWord = (random: Random): number => (random.below(3) === 0 ? (WORDS[random.below(WORDS.length)] ?? 0) : random.word());

/** Numbers around 1, doubles among them, integers, any exponents, ends of the range, zeros, and what is no number. */
function fill(to: Operand, random: Random): void {
  const sign = random.below(2) << 15;
  const high = (significandWord(random) | 0x80000000) >>> 0;
  const low = significandWord(random);
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return to.set(sign | (0x3fff + random.below(140) - 70), high, low);
    case 3:
    case 4:
      return to.set(sign | (0x3fff + random.below(20) - 10), high, low & ~0x7ff);
    case 5:
      return to.set(sign | (0x3fff + random.below(64)), high, 0);
    case 6:
      return to.set(sign | random.below(0x8000), high, low);
    case 7:
      return to.set(sign | ([1, 2, 70, 0x7ffe, 0x7ffd, 0x7f00, 0x3c01, 0x3c00, 0x43fe, 0x43ff, 0x3f81, 0x407e][random.below(12)] ?? 1), high, low);
    case 8:
      return to.set(sign, 0, 0);
    case 9:
      return to.set(sign | 0x7fff, 0x80000000, 0);
    case 10:
      return to.set(sign | 0x7fff, (high | 0x40000000) >>> 0, low);
    default:
      return to.set(sign | ([0, 0x7fff, 0x3fff][random.below(3)] ?? 0), random.word(), random.word());
  }
}

/** A neighbour of a number: sums and quotients of both are near powers of two. */
function near(to: Operand, from: Operand, random: Random): void {
  const exponent = Math.max(0, Math.min(0x7fff, (from.word & 0x7fff) + random.below(5) - 2));
  const low = (from.low + random.below(9) - 4) >>> 0;
  to.set((random.below(2) << 15) | exponent, exponent === 0 ? from.high : (from.high | 0x80000000) >>> 0, low);
}

const PRECISIONS = [0, 0x200, 0x300, 0x300, 0x300, 0x100];
const control = (random: Random): number => (random.below(8) === 0 ? 0x1f : 0x3f) | 0x40 | (PRECISIONS[random.below(PRECISIONS.length)] ?? 0x300) | (random.below(3) === 0 ? random.below(4) << 10 : 0);
const formatOf = (word: number): FloatFormat => ({ 0: EXTENDED_PRECISION_24, 2: EXTENDED_PRECISION_53 })[(word >> 8) & 3] ?? EXTENDED;
const modeOf = (word: number): RoundingMode => ((word >> 10) & 3) as RoundingMode;

const MASKED = 0x3f, INEXACT = 0x20, DENORMAL = 2;
const asSigned = (value: bigint): bigint => BigInt.asIntN(64, value);

/** Compares what a routine gives with what it has to give; counts those given up. */
class Judge {
  given = 0;
  answer(actual: number | readonly [bigint, number], expected: bigint, word: number, text: () => string): void {
    assert.ok(typeof actual === 'object');
    if (actual[1] < 0) return;
    this.given++;
    if (asSigned(actual[0]) !== asSigned(expected) || actual[1] !== word) {
      assert.fail(`${text()}: ${BigInt.asUintN(64, actual[0]).toString(16)} ${actual[1].toString(16)}, not ${BigInt.asUintN(64, expected).toString(16)} ${word.toString(16)}`);
    }
  }
}

describe('routines of the x87 unit', function () {
  this.timeout(60_000);
  const routine = routines();
  const random = new Random();
  const a = new Operand();
  const b = new Operand();
  const result = new Float();
  const packed = (): bigint => (BigInt(result.high) << 32n) | BigInt(result.low);

  /** Whether the unit's answer is one that a routine may give. */
  const usual = (flags: number, word: number): boolean => (flags & MASKED & ~INEXACT) === 0 && !((flags & INEXACT) !== 0 && (word & INEXACT) === 0);

  const binary: readonly (readonly [X87Routine, BinaryOperation])[] = [['add', add], ['multiply', multiply], ['divide', divide]];
  for (const [name, operation] of binary) {
    it(`${name} as the unit does`, () => {
      const run = routine(name);
      const judge = new Judge();
      let plain = 0;
      for (let i = 0; i < ROUNDS; i++) {
        fill(a, random);
        if (random.below(3) === 0) near(b, a, random);
        else fill(b, random);
        const word = control(random);
        const actual = run(asSigned(a.significand), a.word, asSigned(b.significand), b.word, word);
        const text = (): string => `${name} ${a} ${b} control ${word.toString(16)}`;
        if (isNaNOrUnsupported(a.float) || isNaNOrUnsupported(b.float)) {
          assert.ok(typeof actual === 'object' && actual[1] < 0, text());
          continue;
        }
        let flags = operation(result, a.float, b.float, modeOf(word));
        if (isFiniteNonZero(result)) flags |= roundToFormat(result, formatOf(word), modeOf(word), ~word);
        const denormal = isFiniteNonZero(result) && result.high < 0x80000000;
        const allowed = usual(flags, word) && a.isNumber && b.isNumber && !denormal;
        if (allowed) plain++;
        else assert.ok(typeof actual === 'object' && actual[1] < 0, `${text()} is not given up`);
        judge.answer(actual, packed(), extendedSignExponent(result) | ((flags & 0xfff0) << 16), text);
      }
      assert.ok(plain - judge.given < BORDERLINE, `${plain - judge.given} common cases are given up`);
      assert.ok(plain > ROUNDS / 2);
    });
  }

  const converted = (name: X87Routine, takes: 'isPlain' | 'isQuiet', extra: readonly bigint[], reference: (word: number) => readonly [flags: number, value: bigint, word: number]): void => {
    const run = routine(name);
    const judge = new Judge();
    let plain = 0;
    for (let i = 0; i < ROUNDS; i++) {
      fill(a, random);
      const word = control(random);
      const actual = run(asSigned(a.significand), a.word, word, ...extra);
      const text = (): string => `${name} ${a} control ${word.toString(16)}`;
      const [flags, value, sign] = a[takes] ? reference(word) : [1, 0n, 0];
      if (usual(flags, word)) plain++;
      else assert.ok(typeof actual === 'object' && actual[1] < 0, `${text()} is not given up`);
      judge.answer(actual, value, sign | ((flags & 0xfff0) << 16), text);
    }
    assert.ok(plain - judge.given < BORDERLINE, `${plain - judge.given} common cases are given up`);
    assert.ok(plain > ROUNDS / 6, `${plain}`);
  };
  const copy = (): void => void Object.assign(result, a.float);

  it('squareRoot as the unit does', () => {
    converted('squareRoot', 'isPlain', [], (word) => {
      let flags = squareRoot(result, a.float);
      if (isFiniteNonZero(result)) flags |= roundToFormat(result, formatOf(word), modeOf(word), ~word);
      return [flags, packed(), extendedSignExponent(result)];
    });
  });

  it('integral as the unit does', () => {
    converted('integral', 'isPlain', [], (word) => {
      copy();
      const flags = roundToIntegral(result, modeOf(word));
      return [flags, packed(), extendedSignExponent(result)];
    });
  });

  for (const bits of [16, 32, 64] as const) {
    it(`toInteger of ${bits} bits as the unit does`, () => {
      converted('toInteger', 'isPlain', [asSigned(1n << BigInt(bits - 1))], (word) => {
        copy();
        const flags = toInteger(result, bits, modeOf(word));
        return [flags, a.float.kind === 0 ? 0n : packed(), 0];
      });
    });
  }

  it('toDouble and toSingle as the unit does', () => {
    // What is tiny is given up, also when it is exact.
    const tiny = (format: FloatFormat): number => (isFiniteNonZero(a.float) && a.float.exponent < format.minExponent ? DENORMAL : 0);
    converted('toDouble', 'isQuiet', [], (word) => {
      copy();
      const flags = tiny(DOUBLE) | (isFiniteNonZero(result) ? roundToFormat(result, DOUBLE, modeOf(word), ~word) : 0);
      return [flags, (BigInt(doubleHigh(result)) << 32n) | BigInt(doubleLow(result)), 0];
    });
    converted('toSingle', 'isQuiet', [], (word) => {
      copy();
      const flags = tiny(SINGLE) | (isFiniteNonZero(result) ? roundToFormat(result, SINGLE, modeOf(word), ~word) : 0);
      return [flags, BigInt(singleBits(result)), 0];
    });
  });

  it('compare as the unit does', () => {
    const run = routine('compare');
    const codes = { [Relation.greater]: 0, [Relation.less]: 0x100, [Relation.equal]: 0x4000, [Relation.unordered]: 0x4500 };
    for (let i = 0; i < ROUNDS; i++) {
      fill(a, random);
      if (random.below(3) === 0) near(b, a, random);
      else if (random.below(3) === 0) b.set(a.word ^ (random.below(2) << 15), a.high, a.low);
      else fill(b, random);
      const actual = run(asSigned(a.significand), a.word, asSigned(b.significand), b.word);
      assert.equal(actual, a.isQuiet && b.isQuiet ? codes[compare(a.float, b.float)] : -1, `${a} ${b}`);
    }
  });
});
