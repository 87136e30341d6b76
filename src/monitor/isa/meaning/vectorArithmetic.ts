/**
 * Meanings of MMX and SSE integer arithmetic, comparisons, logic and shifts (Intel SDM vol. 2). Where nothing
 * crosses from the low to the high half, MMX and SSE have one meaning: an MMX register is a vector with a zero
 * upper half.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { auxFromCarryOverflow } from '../flags';
import type { VectorOperation, VectorShift } from '../vectorEmitter';

/** A constant with the same word of `bits` in each lane. */
export function repeated(e: Emitter, word: bigint, bits: 8 | 16 | 32 | 64): Value {
  let half = 0n;
  for (let at = 0; at < 64; at += bits) half |= BigInt.asUintN(bits, word) << BigInt(at);
  return e.vectorConstant(half, half);
}

const zero = (e: Emitter): Value => e.vectorConstant(0n, 0n);

/** Does something with each half of an instruction's vectors. */
export function forHalves(e: Emitter, body: (half: number) => void): void {
  for (let half = 0; half < e.halves; half++) {
    e.selectHalf(half);
    body(half);
  }
}

/** dst = body(dst, src). */
export function combine(body: (e: Emitter, a: Value, b: Value) => Value): Meaning {
  return (e) => {
    const a = e.readVector(0);
    const b = e.readVector(1);
    e.writeVector(0, body(e, a, b));
  };
}

const lanewise = (operation: VectorOperation): Meaning => combine((e, a, b) => e.vector(operation, a, b));
const absolute = (operation: VectorOperation): Meaning => (e) => e.writeVector(0, e.vector(operation, e.readVector(1)));

/** Instructions that are one operation on all lanes. */
const LANEWISE: Readonly<Record<string, VectorOperation>> = {
  paddb: 'i8x16.add', paddw: 'i16x8.add', paddd: 'i32x4.add', paddq: 'i64x2.add',
  psubb: 'i8x16.sub', psubw: 'i16x8.sub', psubd: 'i32x4.sub', psubq: 'i64x2.sub',
  paddsb: 'i8x16.add_sat_s', paddsw: 'i16x8.add_sat_s', paddusb: 'i8x16.add_sat_u', paddusw: 'i16x8.add_sat_u',
  psubsb: 'i8x16.sub_sat_s', psubsw: 'i16x8.sub_sat_s', psubusb: 'i8x16.sub_sat_u', psubusw: 'i16x8.sub_sat_u',
  pcmpeqb: 'i8x16.eq', pcmpeqw: 'i16x8.eq', pcmpeqd: 'i32x4.eq', pcmpeqq: 'i64x2.eq',
  pcmpgtb: 'i8x16.gt_s', pcmpgtw: 'i16x8.gt_s', pcmpgtd: 'i32x4.gt_s', pcmpgtq: 'i64x2.gt_s',
  pminub: 'i8x16.min_u', pminuw: 'i16x8.min_u', pminud: 'i32x4.min_u', pminsb: 'i8x16.min_s', pminsw: 'i16x8.min_s', pminsd: 'i32x4.min_s',
  pmaxub: 'i8x16.max_u', pmaxuw: 'i16x8.max_u', pmaxud: 'i32x4.max_u', pmaxsb: 'i8x16.max_s', pmaxsw: 'i16x8.max_s', pmaxsd: 'i32x4.max_s',
  pavgb: 'i8x16.avgr_u', pavgw: 'i16x8.avgr_u',
  pmullw: 'i16x8.mul', pmulld: 'i32x4.mul', pmaddwd: 'i32x4.dot_i16x8_s',
  pand: 'v128.and', por: 'v128.or', pxor: 'v128.xor',
};

/** The high halves of the products of words. */
function highProducts(sign: 's' | 'u'): Meaning {
  return combine((e, a, b) => {
    const low = e.vector(`i32x4.extmul_low_i16x8_${sign}`, a, b);
    const high = e.vector(`i32x4.extmul_high_i16x8_${sign}`, a, b);
    return e.shuffle(low, high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
  });
}

/** Products of the even doublewords. */
function evenProducts(sign: 's' | 'u'): Meaning {
  const even = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
  return combine((e, a, b) => e.vector(`i64x2.extmul_low_i32x4_${sign}`, e.shuffle(a, a, even), e.shuffle(b, b, even)));
}

/** PMULHRSW: products of fractions, rounded. -1 times -1 is -1 here, where WebAssembly saturates. */
const roundedProducts = combine((e, a, b) => {
  const least = e.let(repeated(e, 0x8000n, 16));
  const overflow = e.vector('v128.and', e.vector('i16x8.eq', a, least), e.vector('i16x8.eq', b, least));
  return e.vector('v128.xor', e.vector('i16x8.q15mulr_sat_s', a, b), overflow);
});

/** PMADDUBSW: unsigned bytes of the destination times signed bytes of the source, neighbours added. */
const mixedProducts = combine((e, a, b) => {
  const eight = e.i32(8);
  const even = e.vector('i16x8.mul', e.vector('v128.and', a, repeated(e, 0xffn, 16)), e.vectorShift('i16x8.shr_s', e.vectorShift('i16x8.shl', b, eight), eight));
  const odd = e.vector('i16x8.mul', e.vectorShift('i16x8.shr_u', a, eight), e.vectorShift('i16x8.shr_s', b, eight));
  return e.vector('i16x8.add_sat_s', even, odd);
});

/** Differences of unsigned bytes without their sign. */
function byteDistances(e: Emitter, a: Value, b: Value): Value {
  return e.vector('i8x16.sub', e.vector('i8x16.max_u', a, b), e.vector('i8x16.min_u', a, b));
}

const sumOfDistances = combine((e, a, b) => {
  const words = e.vector('i16x8.extadd_pairwise_i8x16_u', byteDistances(e, a, b));
  const pairs = e.let(e.vector('i32x4.extadd_pairwise_i16x8_u', words));
  const low = e.vector('v128.and', pairs, repeated(e, 0xffffffffn, 64));
  return e.vector('i64x2.add', low, e.vectorShift('i64x2.shr_u', pairs, e.i32(32)));
});

/** MPSADBW: eight sums of distances of four bytes, along the destination from byte 0 or 4, against four bytes of the source. */
const slidingDistances: Meaning = (e) => {
  const imm = e.let(e.halfImmediate(3));
  const source = e.readVector(1);
  const first = e.mul(e.and(e.shrU(imm, e.i32(2)), e.i32(1)), e.i32(4));
  const a = e.let(moveDown(e, e.readVector(0), first));
  const block = e.let(moveDown(e, source, e.mul(e.and(imm, e.i32(3)), e.i32(4))));
  let sum = zero(e);
  for (let j = 0; j < 4; j++) {
    const bytes = Array.from({ length: 16 }, (_, i) => Math.min(i + j, 15));
    const distances = byteDistances(e, e.let(e.shuffle(a, a, bytes)), e.let(e.shuffle(block, block, new Array<number>(16).fill(j))));
    sum = e.let(e.vector('i16x8.add', sum, e.vector('i16x8.extend_low_i8x16_u', distances)));
  }
  e.writeVector(0, sum);
};

/** PHADDW and its like: neighbours combined, those of the destination in the low half. */
function horizontal(operation: VectorOperation, laneBytes: 2 | 4): Meaning {
  return combine((e, a, b) => {
    const lanes = e.vectorBits / 8 / laneBytes / 2;
    const pick = (odd: number): number[] => {
      const from = (base: number): number[] => Array.from({ length: lanes * laneBytes }, (_, i) => base + Math.floor(i / laneBytes) * 2 * laneBytes + odd * laneBytes + (i % laneBytes));
      const picked = [...from(0), ...from(16)];
      return [...picked, ...new Array<number>(16 - picked.length).fill(0)];
    };
    return e.vector(operation, e.shuffle(a, b, pick(0)), e.shuffle(a, b, pick(1)));
  });
}

/** PSIGNB and its like: negated where the source is negative, zero where it is zero. */
function sign(lanes: 'i8x16' | 'i16x8' | 'i32x4', bits: number): Meaning {
  return combine((e, a, b) => {
    const negative = e.let(e.vectorShift(`${lanes}.shr_s`, b, e.i32(bits - 1)));
    const negated = e.vector(`${lanes}.sub`, e.vector('v128.xor', a, negative), negative);
    return e.vector('v128.andnot', negated, e.vector(`${lanes}.eq`, b, zero(e)));
  });
}

/** Shifts all bytes down by a number of them (i32), zeros coming in. */
export function moveDown(e: Emitter, a: Value, bytes: Value): Value {
  return e.vector('i8x16.swizzle', a, e.vector('i8x16.add', e.vectorConstant(0x0706050403020100n, 0x0f0e0d0c0b0a0908n), e.splat('i8x16', bytes)));
}

/** Shifts by one count for all lanes: of the source's low 64 bits, or immediate. Counts beyond the lane give zeros, or signs. */
function shifts(lanes: 'i16x8' | 'i32x4' | 'i64x2', kind: 'shl' | 'shr_u' | 'shr_s', immediate: boolean): Meaning {
  const last = { i16x8: 15, i32x4: 31, i64x2: 63 }[lanes];
  const operation: VectorShift = `${lanes}.${kind}`;
  return (e) => {
    const count = e.let(immediate ? e.toI64Unsigned(e.immediate()) : e.lane('i64x2', e.readLow(1, e.usesMmx ? 64 : 128), 0));
    const beyond = e.let(e.gtU(count, e.i64(BigInt(last))));
    const within = e.let(kind === 'shr_s' ? e.select(beyond, e.i32(last), e.toI32(count)) : e.toI32(count));
    const kept = kind === 'shr_s' ? undefined : e.let(e.splat('i32x4', e.sub(beyond, e.i32(1))));
    forHalves(e, () => {
      const shifted = e.vectorShift(operation, e.readVector(0), within);
      e.writeVector(0, kept ? e.vector('v128.and', shifted, kept) : shifted);
    });
  };
}

/** PSRLDQ, PSLLDQ. */
function byteShift(left: boolean): Meaning {
  return (e) => {
    const count = e.let(e.immediate());
    const bytes = e.let(e.select(e.gtU(count, e.i32(15)), e.i32(16), count));
    e.writeVector(0, moveDown(e, e.readVector(0), left ? e.sub(e.i32(0), bytes) : bytes));
  };
}

/** PTEST: ZF for dst & src, CF for ~dst & src having no bit of `mask`. */
export function test(mask?: (e: Emitter) => Value): Meaning {
  return (e) => {
    let common: Value = zero(e);
    let missing: Value = zero(e);
    forHalves(e, () => {
      const b = e.readVector(1);
      const a = e.readVector(0);
      common = e.let(e.vector('v128.or', common, e.vector('v128.and', a, b)));
      missing = e.let(e.vector('v128.or', missing, e.vector('v128.andnot', b, a)));
    });
    const none = (value: Value): Value => e.xor(e.vectorTest('v128.any_true', mask ? e.vector('v128.and', value, mask(e)) : value), e.i32(1));
    const aux = auxFromCarryOverflow(e, e.let(none(missing)), e.i32(0));
    // Bit 8 keeps PF clear, whatever the result's low byte.
    e.setStatus(() => ({ result: e.select(none(common), e.i64(0n), e.i64(0x100n)), aux: e.or(aux, e.i32(0x100)) }));
  };
}

/** PHMINPOSUW: the least word, and its position behind it. */
const leastWord: Meaning = (e) => {
  const source = e.readVector(1);
  const positioned = (half: 'low' | 'high', low: bigint, high: bigint): Value =>
    e.vector('v128.or', e.vectorShift('i32x4.shl', e.vector(`i32x4.extend_${half}_i16x8_u`, source), e.i32(16)), e.vectorConstant(low, high));
  const four = e.let(e.vector('i32x4.min_u', positioned('low', 0x1_00000000n, 0x3_00000002n), positioned('high', 0x5_00000004n, 0x7_00000006n)));
  const two = e.let(e.vector('i32x4.min_u', four, e.shuffle(four, four, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])));
  const one = e.vector('i32x4.min_u', two, e.shuffle(two, two, [4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]));
  e.writeVector(0, e.withLane('i32x4', zero(e), 0, e.rotl(e.lane('i32x4', one, 0), e.i32(16))));
};

function shiftMeanings(): Readonly<Record<string, Meaning>> {
  const names = { psrlw: ['i16x8', 'shr_u'], psrld: ['i32x4', 'shr_u'], psrlq: ['i64x2', 'shr_u'], psraw: ['i16x8', 'shr_s'], psrad: ['i32x4', 'shr_s'], psllw: ['i16x8', 'shl'], pslld: ['i32x4', 'shl'], psllq: ['i64x2', 'shl'] } as const;
  return Object.fromEntries(Object.entries(names).flatMap(([name, [lanes, kind]]) => [[name, shifts(lanes, kind, false)], [`${name}i`, shifts(lanes, kind, true)]]));
}

/** Meanings by name, of 128 bits: the halves of longer vectors are treated alike. */
export const vectorArithmetic: Readonly<Record<string, Meaning>> = {
  ...Object.fromEntries(Object.entries(LANEWISE).map(([name, operation]) => [name, lanewise(operation)])),
  pandn: combine((e, a, b) => e.vector('v128.andnot', b, a)),
  pabsb: absolute('i8x16.abs'),
  pabsw: absolute('i16x8.abs'),
  pabsd: absolute('i32x4.abs'),
  pmulhw: highProducts('s'),
  pmulhuw: highProducts('u'),
  pmuludq: evenProducts('u'),
  pmuldq: evenProducts('s'),
  pmulhrsw: roundedProducts,
  pmaddubsw: mixedProducts,
  psadbw: sumOfDistances,
  mpsadbw: slidingDistances,
  phaddw: horizontal('i16x8.add', 2),
  phaddd: horizontal('i32x4.add', 4),
  phaddsw: horizontal('i16x8.add_sat_s', 2),
  phsubw: horizontal('i16x8.sub', 2),
  phsubd: horizontal('i32x4.sub', 4),
  phsubsw: horizontal('i16x8.sub_sat_s', 2),
  psignb: sign('i8x16', 8),
  psignw: sign('i16x8', 16),
  psignd: sign('i32x4', 32),
  psrldq: byteShift(false),
  pslldq: byteShift(true),
  phminposuw: leastWord,
};

/** Meanings that see to both halves of long vectors themselves. */
export const wholeVectorArithmetic: Readonly<Record<string, Meaning>> = { ...shiftMeanings(), ptest: test() };
