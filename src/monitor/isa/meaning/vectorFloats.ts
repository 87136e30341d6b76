/**
 * Meanings of SSE floating-point instructions where they are easy: operands are normal numbers, zeros, or single infinities, and no flag
 * of MXCSR can change. WebAssembly computes these to the bit. All else is left to the service of the same name.
 *
 * Sources: Intel SDM vol. 1, 10.2.3 (MXCSR) and 11.5.2 (exceptions); IEEE 754, 7.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import type { VectorOperation } from '../vectorEmitter';
import { repeated } from './vectorArithmetic';

/** A format of floating-point numbers, in vector lanes. */
interface Format {
  readonly lanes: 'f32x4' | 'f64x2';
  readonly bits: 32 | 64;
  /** Encodings of the least normal and the greatest number. */
  readonly leastNormal: bigint;
  readonly greatest: bigint;
}

const SINGLE: Format = { lanes: 'f32x4', bits: 32, leastNormal: 0x00800000n, greatest: 0x7f7fffffn };
const DOUBLE: Format = { lanes: 'f64x2', bits: 64, leastNormal: 0x0010000000000000n, greatest: 0x7fefffffffffffffn };

/** MXCSR: PE, its mask, DAZ, and rounding control, which is 0 for to nearest. */
const PRECISION = 0x20, PRECISION_MASK = 0x1000, DENORMALS_ARE_ZEROS = 0x40, ROUNDING = 0x6000;

// The other masks, DAZ and FTZ have no say where no operand is denormal, no result tiny, and no other flag raised: programs that
// flush denormals, or unmask division by zero, are as fast as others.

/** Whether exact results are what WebAssembly computes: the sign of an exact zero hangs on the rounding. */
const roundsToNearest = (e: Emitter): Value => e.eqz(e.and(e.mxcsr(), e.i32(ROUNDING)));
/** Whether an inexact result is, too, and changes nothing. */
const inexactAllowed = (e: Emitter): Value => e.eq(e.and(e.mxcsr(), e.i32(ROUNDING | PRECISION | PRECISION_MASK)), e.i32(PRECISION | PRECISION_MASK));

/** For conversions to integers: PE is set and masked, and rounding, if it matters, is to nearest. They heed denormals with DAZ alone, which makes them exact. */
function inexactIntegerAllowed(e: Emitter, truncated: boolean, denormals: boolean): Value {
  const heeded = PRECISION | PRECISION_MASK | (denormals ? DENORMALS_ARE_ZEROS : 0) | (truncated ? 0 : ROUNDING);
  return e.eq(e.and(e.mxcsr(), e.i32(heeded)), e.i32(PRECISION | PRECISION_MASK));
}

type LaneOperation = 'add' | 'sub' | 'mul' | 'div' | 'sqrt' | 'abs' | 'eq' | 'gt' | 'ge' | 'le' | 'lt' | 'pmin' | 'pmax' | 'nearest' | 'floor' | 'ceil' | 'trunc';

/** Operations on lanes of a format. */
class Lanes {
  constructor(
    private readonly e: Emitter,
    readonly format: Format,
  ) {}

  apply(operation: LaneOperation, a: Value, b?: Value): Value {
    return this.e.vector(`${this.format.lanes}.${operation}`, a, b);
  }
  constant(encoding: bigint): Value {
    return repeated(this.e, encoding, this.format.bits);
  }
  both(a: Value, b: Value): Value {
    return this.e.vector('v128.and', a, b);
  }
  either(a: Value, b: Value): Value {
    return this.e.vector('v128.or', a, b);
  }
  isZero(a: Value): Value {
    return this.apply('eq', a, this.constant(0n));
  }
  /** Neither denormal nor NaN. */
  plain(a: Value): Value {
    return this.either(this.apply('ge', this.apply('abs', a), this.constant(this.format.leastNormal)), this.isZero(a));
  }
  finite(a: Value): Value {
    return this.apply('le', this.apply('abs', a), this.constant(this.format.greatest));
  }
  isInfinite(a: Value): Value {
    return this.apply('gt', this.apply('abs', a), this.constant(this.format.greatest));
  }
  negated(a: Value): Value {
    return this.e.vector(`${this.format.lanes}.neg`, a);
  }
  let(a: Value): Value {
    return this.e.let(a);
  }
  /** Zero, or far from overflow and underflow (doubles). */
  moderate(a: Value): Value {
    const size = this.let(this.apply('abs', a));
    return this.either(this.both(this.apply('gt', size, this.constant(LEAST_MODERATE)), this.apply('lt', size, this.constant(MOST_MODERATE))), this.isZero(a));
  }
  /** Finite and above the least normal number, to which tiny results may have been rounded. */
  normal(a: Value): Value {
    return this.both(this.apply('gt', this.apply('abs', a), this.constant(this.format.leastNormal)), this.finite(a));
  }
}

/** What an instruction works on: whole vectors, or the lowest lane of so many bits. */
type Width = 'packed' | 32 | 64;

const readOperand = (e: Emitter, index: number, width: Width): Value => (width === 'packed' ? e.readVector(index) : e.readLow(index, width));

function writeResult(e: Emitter, value: Value, width: Width): void {
  if (width === 'packed') e.writeVector(0, value);
  else e.writeLow(0, value, width);
}

/** Whether a mask is all ones in the lanes that count. */
function holds(e: Emitter, mask: Value, width: Width): Value {
  return width === 'packed' ? e.vectorTest('i32x4.all_true', mask) : e.eqz(e.eqz(e.lane('i32x4', mask, 0)));
}

/** One 128-bit part of a computation. */
interface Part {
  readonly result: Value;
  /** All ones in the lanes where the result is right and no flag but PE is raised. */
  readonly right: Value;
  /** All ones in the lanes where PE is not raised either; emitted only where that is asked. */
  exact?(): Value;
  /** All ones in the lanes where infinities make a result that is right, and no flag raised; for single numbers. */
  infinite?(): Value;
}

/** When the result may be taken: always, if PE is no matter, or else if the state of MXCSR allows what happens. */
interface Rule {
  readonly inexact: (e: Emitter) => Value;
  readonly exact: (e: Emitter) => Value;
}

const ALWAYS: Rule = { inexact: (e) => e.i32(1), exact: (e) => e.i32(1) };
const ROUNDED: Rule = { inexact: inexactAllowed, exact: roundsToNearest };

/** Computes all parts of an instruction; writes them if they are right and allowed, or else has the service do it. */
function guarded(width: Width, rule: Rule, part: (e: Emitter) => Part): Meaning {
  return (e) => {
    const parts: Part[] = [];
    for (let half = 0; half < e.halves; half++) {
      e.selectHalf(half);
      const { result, right, ...tests } = part(e);
      parts.push({ result: e.let(result), right: e.let(right), ...tests });
    }
    const all = (masks: readonly Value[]): Value => holds(e, masks.reduce((one, other) => e.vector('v128.and', one, other)), width);
    const right = e.let(all(parts.map((p) => p.right)));
    const taken = e.variable(e.and(rule.inexact(e), right));
    const exact = parts.flatMap((p) => (p.exact ? [p.exact] : []));
    if (exact.length > 0) {
      const undecided = e.and(e.eqz(taken), e.and(rule.exact(e), right));
      e.if(undecided, () => e.assign(taken, all(exact.map((test) => test()))));
    }
    const { infinite } = parts[0] ?? {};
    if (infinite && width !== 'packed') e.if(e.eqz(e.or(taken, right)), () => e.assign(taken, all([infinite()])));
    e.if(
      taken,
      () =>
        parts.forEach(({ result }, half) => {
          e.selectHalf(half);
          writeResult(e, result, width);
        }),
      () => e.service(),
    );
  };
}

/** The error of a sum of doubles or singles is zero (Knuth's two-sum). */
function sumIsExact(l: Lanes, a: Value, b: Value, sum: Value): Value {
  const virtual = l.let(l.apply('sub', sum, a));
  const error = l.apply('add', l.apply('sub', a, l.apply('sub', sum, virtual)), l.apply('sub', b, virtual));
  return l.isZero(error);
}

/**
 * The error of a product of doubles is zero (Dekker's product, with Veltkamp's halves of each factor). Only factors and
 * products far from overflow and underflow are looked at.
 */
function productIsExact(l: Lanes, a: Value, b: Value, product: Value): Value {
  const halves = (x: Value): readonly [high: Value, low: Value] => {
    const scaled = l.let(l.apply('mul', x, l.constant(SPLITTER)));
    const high = l.let(l.apply('sub', scaled, l.apply('sub', scaled, x)));
    return [high, l.let(l.apply('sub', x, high))];
  };
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  const high = l.apply('sub', l.apply('mul', aHigh, bHigh), product);
  const middle = l.apply('add', l.apply('add', high, l.apply('mul', aHigh, bLow)), l.apply('mul', aLow, bHigh));
  const error = l.apply('add', middle, l.apply('mul', aLow, bLow));
  const moderate = l.both(l.both(l.moderate(a), l.moderate(b)), l.moderate(product));
  return l.both(l.isZero(error), moderate);
}

/** 2^27 + 1, and bounds of moderate numbers: 2^-400 and 2^400. */
const SPLITTER = 0x41a0000002000000n, LEAST_MODERATE = BigInt(1023 - 400) << 52n, MOST_MODERATE = BigInt(1023 + 400) << 52n;

/** dst = dst op src of plain operands; `right` says where flags do not change but for PE. */
interface Arithmetic {
  readonly operation: 'add' | 'sub' | 'mul' | 'div';
  right(l: Lanes, a: Value, b: Value, result: Value): Value;
  /** For doubles. */
  exact(l: Lanes, a: Value, b: Value, result: Value): Value;
  /** Where infinite operands make the result, and it is no NaN. */
  infinite(l: Lanes, a: Value, b: Value, result: Value): Value;
}

const infinityOfEither = (l: Lanes, a: Value, b: Value, result: Value): Value => l.both(l.isInfinite(result), l.either(l.isInfinite(a), l.isInfinite(b)));

const SUM: Arithmetic = { operation: 'add', right: (l, _a, _b, result) => l.either(l.normal(result), l.isZero(result)), exact: sumIsExact, infinite: infinityOfEither };
const DIFFERENCE: Arithmetic = { ...SUM, operation: 'sub', exact: (l, a, b, result) => sumIsExact(l, a, l.negated(b), result) };
const PRODUCT: Arithmetic = {
  operation: 'mul',
  right: (l, a, b, result) => l.either(l.normal(result), l.both(l.isZero(result), l.either(l.isZero(a), l.isZero(b)))),
  exact: productIsExact,
  infinite: infinityOfEither,
};
const QUOTIENT: Arithmetic = {
  operation: 'div',
  right: (l, a, _b, result) => l.either(l.normal(result), l.both(l.isZero(result), l.isZero(a))),
  exact: (l, a, b, result) => l.both(productIsExact(l, result, b, a), l.apply('eq', l.apply('mul', result, b), a)),
  infinite: (l, a, b, result) => l.either(l.both(l.isInfinite(result), l.isInfinite(a)), l.both(l.isZero(result), l.isInfinite(b))),
};

function arithmetic(format: Format, { operation, right, exact, infinite }: Arithmetic, a: Value, b: Value, e: Emitter): Part {
  const lanes = new Lanes(e, format);
  const result = e.let(lanes.apply(operation, a, b));
  return {
    result,
    right: lanes.both(lanes.both(lanes.plain(a), lanes.plain(b)), right(lanes, a, b, result)),
    ...(format.bits === 64 ? { exact: () => exact(lanes, a, b, result) } : {}),
    infinite: () => lanes.both(lanes.both(lanes.plain(a), lanes.plain(b)), infinite(lanes, a, b, result)),
  };
}

const binary = (format: Format, width: Width, kind: Arithmetic): Meaning =>
  guarded(width, ROUNDED, (e) => {
    const b = readOperand(e, 1, width);
    return arithmetic(format, kind, readOperand(e, 0, width), b, e);
  });

const lanesOfBytes = (format: Format, numbers: readonly number[]): readonly number[] =>
  numbers.flatMap((n) => Array.from({ length: format.bits / 8 }, (_, i) => (n * format.bits) / 8 + i));

/** HADD, HSUB: neighbours of the destination, then of the source. */
const horizontal = (format: Format, kind: Arithmetic): Meaning =>
  guarded('packed', ROUNDED, (e) => {
    const count = 128 / format.bits;
    const numbers = (odd: number): readonly number[] => Array.from({ length: count }, (_, i) => 2 * i + odd);
    const b = e.readVector(1);
    const a = e.readVector(0);
    const pick = (odd: number): Value => e.let(e.shuffle(a, b, lanesOfBytes(format, numbers(odd))));
    return arithmetic(format, kind, pick(0), pick(1), e);
  });

/** ADDSUB: even lanes are subtracted. */
const addSubtract = (format: Format): Meaning =>
  guarded('packed', ROUNDED, (e) => {
    const sign = 1n << BigInt(format.bits - 1);
    const even = format.bits === 64 ? e.vectorConstant(sign, 0n) : e.vectorConstant(sign, sign);
    const b = e.let(e.vector('v128.xor', e.readVector(1), even));
    return arithmetic(format, SUM, e.readVector(0), b, e);
  });

const squareRoot = (format: Format, width: Width): Meaning =>
  guarded(width, ROUNDED, (e) => {
    const lanes = new Lanes(e, format);
    const a = readOperand(e, 1, width);
    const result = e.let(lanes.apply('sqrt', a));
    const positive = lanes.both(lanes.apply('ge', a, lanes.constant(format.leastNormal)), lanes.finite(a));
    const right = lanes.either(positive, lanes.isZero(a));
    const exact = (): Value => lanes.both(productIsExact(lanes, result, result, a), lanes.apply('eq', lanes.apply('mul', result, result), a));
    return { result, right, ...(format.bits === 64 ? { exact } : {}) };
  });

/** MIN, MAX: the second operand unless the first is truly less, or greater. */
const extreme = (format: Format, width: Width, operation: 'pmin' | 'pmax'): Meaning =>
  guarded(width, ALWAYS, (e) => {
    const lanes = new Lanes(e, format);
    const b = readOperand(e, 1, width);
    const a = readOperand(e, 0, width);
    return { result: lanes.apply(operation, b, a), right: lanes.both(lanes.plain(a), lanes.plain(b)) };
  });

/** All ones in every lane if an i32 is 1, zeros if it is 0. */
const everywhere = (e: Emitter, condition: Value): Value => e.splat('i32x4', e.sub(e.i32(0), condition));

/** CMPPS and its like: bits 0 and 1 of the immediate are equal, less, less or equal, unordered (none here); bit 2 negates. */
const compare = (format: Format, width: Width): Meaning =>
  guarded(width, ALWAYS, (e) => {
    const lanes = new Lanes(e, format);
    const b = readOperand(e, 1, width);
    const a = readOperand(e, 0, width);
    const relation = e.let(e.and(e.immediate(), e.i32(7)));
    const orEqual = e.eqz(e.and(relation, e.i32(1)));
    const orLess = e.and(e.xor(relation, e.shrU(relation, e.i32(1))), e.i32(1));
    const equal = lanes.both(lanes.apply('eq', a, b), everywhere(e, orEqual));
    const found = lanes.either(equal, lanes.both(lanes.apply('lt', a, b), everywhere(e, orLess)));
    const negated = everywhere(e, e.shrU(relation, e.i32(2)));
    return { result: e.vector('v128.xor', found, negated), right: lanes.both(lanes.plain(a), lanes.plain(b)) };
  });

/** Whether the lowest number is a quiet NaN. */
function isQuietNaN(e: Emitter, a: Value, { bits }: Format): Value {
  const magnitude = bits === 64 ? e.and(e.lane('i64x2', a, 0), e.i64(0x7fffffffffffffffn)) : e.and(e.lane('i32x4', a, 0), e.i32(0x7fffffff));
  return bits === 64 ? e.geU(magnitude, e.i64(0x7ff8000000000000n)) : e.geU(magnitude, e.i32(0x7fc00000));
}

/** COMIS, UCOMIS: ZF for equal, CF for less; the other status flags are cleared. UCOMIS takes quiet NaNs: all of ZF, PF and CF. */
const compareToFlags = (format: Format, takesNaNs: boolean): Meaning => (e) => {
  const lanes = new Lanes(e, format);
  const b = e.readLow(1, format.bits);
  const a = e.readLow(0, format.bits);
  e.if(
    holds(e, lanes.both(lanes.plain(a), lanes.plain(b)), format.bits),
    () => {
      const equal = e.lane('i32x4', lanes.apply('eq', a, b), 0);
      const less = e.lane('i32x4', lanes.apply('lt', a, b), 0);
      // CF, with OF clear; bit 8 keeps PF clear, whatever the result's low byte.
      e.setStatus(() => ({ result: e.select(equal, e.i64(0n), e.i64(0x100n)), aux: e.or(e.and(less, e.i32(0xc0000000 | 0)), e.i32(0x100)) }));
    },
    () => {
      if (!takesNaNs) return e.service();
      const [quietA, quietB] = [e.let(isQuietNaN(e, a, format)), e.let(isQuietNaN(e, b, format))];
      const known = (x: Value, quiet: Value): Value => e.or(quiet, holds(e, lanes.plain(x), format.bits));
      e.if(
        e.and(e.or(quietA, quietB), e.and(known(a, quietA), known(b, quietB))),
        () => e.setStatus(() => ({ result: e.i64(0n), aux: e.i32(0xc0000000 | 0) })),
        () => e.service(),
      );
    },
  );
};

/** Lanes with a number nearer to zero than 2^(bits - 1): its integer part fits a signed integer of so many bits. */
function inIntegerRange(lanes: Lanes, a: Value, bits: 32 | 64): Value {
  const limit = lanes.format.bits === 32 ? BigInt(127 + bits - 1) << 23n : BigInt(1023 + bits - 1) << 52n;
  return lanes.apply('lt', lanes.apply('abs', a), lanes.constant(limit));
}

/** Conversion to integers: the source rounded, where that fits; `exact` says also where it need not be. */
function integral(e: Emitter, format: Format, truncated: boolean, source: Value, bits: 32 | 64): Part & Required<Pick<Part, 'exact'>> {
  const lanes = new Lanes(e, format);
  const result = e.let(lanes.apply(truncated ? 'trunc' : 'nearest', source));
  const exact = (): Value => lanes.either(lanes.apply('eq', result, source), lanes.both(lanes.plain(source), everywhere(e, inexactIntegerAllowed(e, truncated, false))));
  return { result, right: inIntegerRange(lanes, result, bits), exact };
}

/** CVT(T)SS2SI, CVT(T)SD2SI: to a general register. */
const toInteger = (format: Format, truncated: boolean): Meaning => (e) => {
  const bits = e.size === 64 ? 64 : 32;
  const { result, right, exact } = integral(e, format, truncated, e.readLow(1, format.bits), bits);
  const allowed = e.variable(inexactIntegerAllowed(e, truncated, true));
  e.if(e.eqz(allowed), () => e.assign(allowed, holds(e, exact(), format.bits)));
  e.if(
    e.and(allowed, holds(e, right, format.bits)),
    () => e.write(0, e.truncateFloat(result, format.bits, bits)),
    () => e.service(),
  );
};

/** CVTSI2SS, CVTSI2SD: from a general register or memory. 32 bits to a double are always exact. */
const fromInteger = (format: Format): Meaning => (e) => {
  const value = e.read(1);
  const convert = (): void => e.writeLow(0, e.convertInteger(value, format.bits), format.bits);
  if (format.bits === 64 && e.size === 32) return convert();
  // Nearer to zero than 2^53 or 2^24, integers have no more bits than the format.
  const places = format.bits === 64 ? 53n : 24n;
  const wide = e.toI64Signed(value);
  const small = e.ltU(e.add(wide, e.i64(1n << places)), e.i64(2n << places));
  e.if(e.or(e.and(small, e.i32(1)), inexactAllowed(e)), convert, () => e.service());
};

/** Packed conversions to doublewords; from doubles, into the low half. */
const toDoublewords = (format: Format, truncated: boolean): Meaning => {
  const operation: VectorOperation = format.bits === 32 ? 'i32x4.trunc_sat_f32x4_s' : 'i32x4.trunc_sat_f64x2_s_zero';
  const rule: Rule = { inexact: (e) => inexactIntegerAllowed(e, truncated, true), exact: (e) => e.i32(1) };
  return guarded('packed', rule, (e) => {
    const { result, ...rest } = integral(e, format, truncated, e.readVector(1), 32);
    return { ...rest, result: e.vector(operation, result) };
  });
};

/** CVTDQ2PS: doublewords to singles. */
const fromDoublewords: Meaning = guarded('packed', ROUNDED, (e) => {
  const ones = repeated(e, 0xffffffffn, 32);
  return { result: e.vector('f32x4.convert_i32x4_s', e.readVector(1)), right: ones };
});

/** Doubles that are normal singles after rounding, too, or zero. */
function singleRange(e: Emitter, a: Value): Value {
  const doubles = new Lanes(e, DOUBLE);
  const size = e.let(doubles.apply('abs', a));
  const least = BigInt(1023 - 126) << 52n;
  const greatest = (BigInt(1023 + 127) << 52n) | (0x7fffffn << 29n);
  const normal = doubles.both(doubles.apply('ge', size, doubles.constant(least)), doubles.apply('le', size, doubles.constant(greatest)));
  return doubles.either(normal, doubles.isZero(a));
}

/** CVTSS2SD, CVTPS2PD. */
const toDoubles = (width: 'packed' | 64): Meaning =>
  guarded(width, ALWAYS, (e) => {
    const result = e.let(e.vector('f64x2.promote_low_f32x4', e.readLow(1, width === 'packed' ? 64 : 32)));
    return { result, right: singleRange(e, result) };
  });

/** CVTSD2SS, CVTPD2PS. */
const toSingles = (width: 'packed' | 32): Meaning =>
  guarded(width, ROUNDED, (e) => {
    const a = width === 'packed' ? e.readVector(1) : e.readLow(1, 64);
    const result = e.let(e.vector('f32x4.demote_f64x2_zero', a));
    return { result, right: singleRange(e, a), exact: () => e.vector('f64x2.eq', e.vector('f64x2.promote_low_f32x4', result), a) };
  });

/** ROUND: bits 0 and 1 of the immediate are the rounding, unless bit 2 says MXCSR's; bit 3 says that PE is not raised. */
const round = (format: Format, width: Width): Meaning => {
  const silent = (e: Emitter): Value => e.eqz(e.eqz(e.and(e.immediate(), e.i32(8))));
  const pending = (e: Emitter): Value => e.eq(e.and(e.mxcsr(), e.i32(PRECISION | PRECISION_MASK)), e.i32(PRECISION | PRECISION_MASK));
  const rule: Rule = { inexact: (e) => e.or(silent(e), pending(e)), exact: (e) => e.i32(1) };
  return guarded(width, rule, (e) => {
    const lanes = new Lanes(e, format);
    const a = readOperand(e, 1, width);
    const imm = e.let(e.immediate());
    const control = e.shrU(e.mxcsr(), e.i32(13));
    const mode = e.let(e.and(e.select(e.and(imm, e.i32(4)), control, imm), e.i32(3)));
    const modes = (['nearest', 'floor', 'ceil', 'trunc'] as const).map((operation, i) => lanes.both(lanes.apply(operation, a), everywhere(e, e.eq(mode, e.i32(i)))));
    const result = e.let(modes.reduce((all, next) => lanes.either(all, next)));
    return { result, right: lanes.both(lanes.plain(a), lanes.finite(a)), exact: () => lanes.apply('eq', result, a) };
  });
};

/** The four forms of an instruction: packed and scalar, singles and doubles. */
function forms(name: string, meaning: (format: Format, width: Width) => Meaning): Readonly<Record<string, Meaning>> {
  return { [`${name}ps`]: meaning(SINGLE, 'packed'), [`${name}pd`]: meaning(DOUBLE, 'packed'), [`${name}ss`]: meaning(SINGLE, 32), [`${name}sd`]: meaning(DOUBLE, 64) };
}

/** Meanings by name. */
export const vectorFloats: Readonly<Record<string, Meaning>> = {
  ...forms('add', (format, width) => binary(format, width, SUM)),
  ...forms('sub', (format, width) => binary(format, width, DIFFERENCE)),
  ...forms('mul', (format, width) => binary(format, width, PRODUCT)),
  ...forms('div', (format, width) => binary(format, width, QUOTIENT)),
  ...forms('sqrt', squareRoot),
  ...forms('min', (format, width) => extreme(format, width, 'pmin')),
  ...forms('max', (format, width) => extreme(format, width, 'pmax')),
  ...forms('cmp', compare),
  ...forms('round', round),
  haddps: horizontal(SINGLE, SUM),
  haddpd: horizontal(DOUBLE, SUM),
  hsubps: horizontal(SINGLE, DIFFERENCE),
  hsubpd: horizontal(DOUBLE, DIFFERENCE),
  addsubps: addSubtract(SINGLE),
  addsubpd: addSubtract(DOUBLE),
  comiss: compareToFlags(SINGLE, false),
  comisd: compareToFlags(DOUBLE, false),
  ucomiss: compareToFlags(SINGLE, true),
  ucomisd: compareToFlags(DOUBLE, true),
  cvtsi2ss: fromInteger(SINGLE),
  cvtsi2sd: fromInteger(DOUBLE),
  cvtss2si: toInteger(SINGLE, false),
  cvtsd2si: toInteger(DOUBLE, false),
  cvttss2si: toInteger(SINGLE, true),
  cvttsd2si: toInteger(DOUBLE, true),
  cvtss2sd: toDoubles(64),
  cvtps2pd: toDoubles('packed'),
  cvtsd2ss: toSingles(32),
  cvtpd2ps: toSingles('packed'),
  cvtdq2ps: fromDoublewords,
  cvtdq2pd: (e) => e.writeVector(0, e.vector('f64x2.convert_low_i32x4_s', e.readLow(1, 64))),
  cvtps2dq: toDoublewords(SINGLE, false),
  cvttps2dq: toDoublewords(SINGLE, true),
  cvtpd2dq: toDoublewords(DOUBLE, false),
  cvttpd2dq: toDoublewords(DOUBLE, true),
};
