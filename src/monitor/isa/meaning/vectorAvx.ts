/**
 * Meanings of what AVX and AVX2 have and SSE has not (Intel SDM vol. 2): broadcasts, permutations across the halves of
 * a vector, shifts by lane, masked moves. All see to both halves themselves.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { forHalves, repeated, test } from './vectorArithmetic';

const zero = (e: Emitter): Value => e.vectorConstant(0n, 0n);
type IntegerLanes = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2';
const LANE_BITS = { i8x16: 8, i16x8: 16, i32x4: 32, i64x2: 64 } as const;

/** The lowest lane of the source in all lanes. */
const broadcast = (lanes: IntegerLanes): Meaning => (e) => {
  const value = e.let(e.splat(lanes, e.lane(lanes, e.readLow(1, LANE_BITS[lanes]), 0)));
  forHalves(e, () => e.writeVector(0, value));
};

const broadcastHalf: Meaning = (e) => {
  const value = e.readLow(1, 128);
  forHalves(e, () => e.writeVector(0, value));
};

/** Both halves of a source operand, low first. */
function halvesOf(e: Emitter, index: number): readonly [low: Value, high: Value] {
  e.selectHalf(0);
  const low = e.readVector(index);
  e.selectHalf(1);
  return [low, e.readVector(index)];
}

/** All ones if a bit of an i32 is set. */
const everywhere = (e: Emitter, value: Value, bit: number): Value => e.let(e.splat('i32x4', e.sub(e.i32(0), e.and(e.shrU(value, e.i32(bit)), e.i32(1)))));

/** Writes both halves, which have been computed before either is written. */
function writeHalves(e: Emitter, halves: readonly Value[]): void {
  const values = halves.map((half) => e.let(half));
  forHalves(e, (half) => e.writeVector(0, values[half] ?? zero(e)));
}

/** VPERM2F128: for each half one of the sources' four, or zeros. */
const permuteHalves: Meaning = (e) => {
  const imm = e.let(e.immediate());
  const [a, b] = [halvesOf(e, 0), halvesOf(e, 1)];
  const pick = (shift: number): Value => {
    const high = everywhere(e, imm, shift);
    const second = everywhere(e, imm, shift + 1);
    const [first, other] = [a, b].map(([low, upper]) => e.vector('v128.bitselect', upper, low, high));
    return e.vector('v128.andnot', e.vector('v128.bitselect', other ?? zero(e), first ?? zero(e), second), everywhere(e, imm, shift + 3));
  };
  writeHalves(e, [pick(0), pick(4)]);
};

const insertHalf: Meaning = (e) => {
  const inserted = e.readLow(1, 128);
  const [low, high] = halvesOf(e, 0);
  const upper = everywhere(e, e.immediate(), 0);
  writeHalves(e, [e.vector('v128.bitselect', low, inserted, upper), e.vector('v128.bitselect', inserted, high, upper)]);
};

const extractHalf: Meaning = (e) => {
  const [low, high] = halvesOf(e, 1);
  const value = e.let(e.vector('v128.bitselect', high, low, everywhere(e, e.immediate(), 0)));
  e.selectHalf(0);
  if (!e.isRegister(0)) return e.writeLow(0, value, 128);
  writeHalves(e, [value, zero(e)]);
};

/** Bytes of a table of two vectors by indices from 0 to 31: those of a swizzle from 16 on are zero. */
function lookUp(e: Emitter, [low, high]: readonly [Value, Value], indices: Value): Value {
  const all = e.let(indices);
  const upper = e.vector('i8x16.sub', all, repeated(e, 16n, 8));
  return e.vector('v128.or', e.vector('i8x16.swizzle', low, all), e.vector('i8x16.swizzle', high, upper));
}

/** VPERMD, VPERMPS: doublewords of the last operand by the indices of the one before. */
const permuteDoublewords: Meaning = (e) => {
  const table = halvesOf(e, 1);
  const parts = halvesOf(e, 0).map((indices) => {
    const bytes = e.vector('i32x4.mul', e.vector('v128.and', indices, repeated(e, 7n, 32)), repeated(e, 0x04040404n, 32));
    return lookUp(e, table, e.vector('i32x4.add', bytes, repeated(e, 0x03020100n, 32)));
  });
  writeHalves(e, parts);
};

/** VPERMQ, VPERMPD: quadwords by two bits of the immediate each. */
const permuteQuadwords: Meaning = (e) => {
  const imm = e.let(e.immediate());
  const table = halvesOf(e, 1);
  const field = (shift: number): Value => e.toI64Unsigned(e.and(e.shrU(imm, e.i32(shift)), e.i32(3)));
  const parts = [0, 4].map((shift) => {
    const numbers = e.withLane('i64x2', e.splat('i64x2', field(shift)), 1, field(shift + 2));
    const bytes = e.vector('i64x2.mul', numbers, repeated(e, 0x0808080808080808n, 64));
    return lookUp(e, table, e.vector('i64x2.add', bytes, repeated(e, 0x0706050403020100n, 64)));
  });
  writeHalves(e, parts);
};

/** VPERMILPS: doublewords of each half by the low two bits of the control's lanes. */
const permuteSingles: Meaning = (e) =>
  forHalves(e, () => {
    const control = e.readVector(1);
    const bytes = e.vector('i32x4.mul', e.vector('v128.and', control, repeated(e, 3n, 32)), repeated(e, 0x04040404n, 32));
    e.writeVector(0, e.vector('i8x16.swizzle', e.readVector(0), e.vector('i32x4.add', bytes, repeated(e, 0x03020100n, 32))));
  });

/** One of two quadwords for each lane: all ones in `upper` take the upper one. */
function pickQuadwords(e: Emitter, a: Value, upper: Value): Value {
  const low = e.splat('i64x2', e.lane('i64x2', a, 0));
  return e.vector('v128.bitselect', e.splat('i64x2', e.lane('i64x2', a, 1)), low, upper);
}

/** VPERMILPD by bit 1 of the control's lanes, or by bits of the immediate. */
const permuteDoubles: Meaning = (e) =>
  forHalves(e, () => {
    const control = e.vectorShift('i64x2.shl', e.readVector(1), e.i32(62));
    e.writeVector(0, pickQuadwords(e, e.readVector(0), e.vectorShift('i64x2.shr_s', control, e.i32(63))));
  });

const permuteDoublesImmediate: Meaning = (e) =>
  forHalves(e, () => {
    const bits = e.vectorConstant(1n, 2n);
    const chosen = e.vector('v128.and', e.splat('i64x2', e.toI64Unsigned(e.halfImmediate(2))), bits);
    e.writeVector(0, pickQuadwords(e, e.readVector(1), e.vector('i64x2.eq', chosen, bits)));
  });

/** VPSLLV, VPSRLV, VPSRAV: each lane by its own count. */
function shiftByLane(lanes: 'i32x4' | 'i64x2', kind: 'shl' | 'shrU' | 'shrS'): Meaning {
  const bits = LANE_BITS[lanes];
  return (e) =>
    forHalves(e, () => {
      const [a, counts] = [e.readVector(0), e.readVector(1)];
      let result = zero(e);
      for (let i = 0; i < 128 / bits; i++) {
        const [value, count] = [e.lane(lanes, a, i), e.let(e.lane(lanes, counts, i))];
        const limit = bits === 64 ? e.i64(63n) : e.i32(31);
        const beyond = e.gtU(count, limit);
        const none = bits === 64 ? e.i64(0n) : e.i32(0);
        const shifted = kind === 'shrS' ? e.shrS(value, e.select(beyond, limit, count)) : e.select(beyond, none, e[kind](value, count));
        result = e.let(e.withLane(lanes, result, i, shifted));
      }
      e.writeVector(0, result);
    });
}

/** Lane `i` of 128-bit halves that begin at a position in memory. */
interface MemoryLane {
  readonly half: number;
  readonly lane: number;
  readonly offset: number;
}

function memoryLanes(e: Emitter, bits: 32 | 64): readonly MemoryLane[] {
  const count = 128 / bits;
  return Array.from({ length: e.halves * count }, (_, i) => ({ half: Math.floor(i / count), lane: i % count, offset: (i * bits) / 8 }));
}

/** VMASKMOV, VPMASKMOV: only the lanes whose mask has its sign set are accessed, the others of a load are zero. */
function maskedMove(lanes: 'i32x4' | 'i64x2', load: boolean): Meaning {
  const bits = lanes === 'i32x4' ? 32 : 64;
  return (e) => {
    const masks: Value[] = [];
    const values: Value[] = [];
    forHalves(e, () => {
      masks.push(e.readVector(0));
      values.push(load ? zero(e) : e.readVector(1));
    });
    const selected = ({ half, lane }: MemoryLane): Value => {
      const sign = e.lane(lanes, masks[half] ?? zero(e), lane);
      return e.ltS(sign, bits === 64 ? e.i64(0n) : e.i32(0));
    };
    if (load) maskedLoad(e, lanes, bits, selected);
    else maskedStore(e, lanes, bits, selected, values);
  };
}

function maskedLoad(e: Emitter, lanes: 'i32x4' | 'i64x2', bits: 32 | 64, selected: (at: MemoryLane) => Value): void {
  const results = Array.from({ length: e.halves }, () => e.variable(zero(e)));
  for (const at of memoryLanes(e, bits)) {
    const result = results[at.half];
    if (!result) continue;
    e.if(selected(at), () => e.assign(result, e.withLane(lanes, result, at.lane, e.readElement(1, e.i64(BigInt(at.offset)), bits))));
  }
  writeHalves(e, results);
}

/** All lanes are checked for writing before one is written. */
function maskedStore(e: Emitter, lanes: 'i32x4' | 'i64x2', bits: 32 | 64, selected: (at: MemoryLane) => Value, values: readonly Value[]): void {
  for (const at of memoryLanes(e, bits)) e.if(selected(at), () => e.checkElement(0, e.i64(BigInt(at.offset)), bits));
  for (const at of memoryLanes(e, bits)) {
    const value = e.lane(lanes, values[at.half] ?? zero(e), at.lane);
    e.if(selected(at), () => e.writeElement(0, e.i64(BigInt(at.offset)), value, bits));
  }
}

/** VZEROUPPER and VZEROALL, on the registers that a mode has. */
const clear = (count: number, all: boolean): Meaning => (e) => {
  for (let number = 0; number < count; number++) e.clearUpper(number, all);
};

/** Meanings by name. */
export const vectorAvx: Readonly<Record<string, Meaning>> = {
  vbroadcastb: broadcast('i8x16'),
  vbroadcastw: broadcast('i16x8'),
  vbroadcastd: broadcast('i32x4'),
  vbroadcastq: broadcast('i64x2'),
  vbroadcast128: broadcastHalf,
  vperm2f128: permuteHalves,
  vinsertf128: insertHalf,
  vextractf128: extractHalf,
  vpermd: permuteDoublewords,
  vpermq: permuteQuadwords,
  vpermilps: permuteSingles,
  vpermilpd: permuteDoubles,
  vpermilpdi: permuteDoublesImmediate,
  vpsllvd: shiftByLane('i32x4', 'shl'),
  vpsllvq: shiftByLane('i64x2', 'shl'),
  vpsrlvd: shiftByLane('i32x4', 'shrU'),
  vpsrlvq: shiftByLane('i64x2', 'shrU'),
  vpsravd: shiftByLane('i32x4', 'shrS'),
  vmaskloadd: maskedMove('i32x4', true),
  vmaskloadq: maskedMove('i64x2', true),
  vmaskstored: maskedMove('i32x4', false),
  vmaskstoreq: maskedMove('i64x2', false),
  vtestps: test((e) => repeated(e, 0x80000000n, 32)),
  vtestpd: test((e) => repeated(e, 0x8000000000000000n, 64)),
  vzeroupper: clear(8, false),
  vzeroupper64: clear(16, false),
  vzeroall: clear(8, true),
  vzeroall64: clear(16, true),
};
