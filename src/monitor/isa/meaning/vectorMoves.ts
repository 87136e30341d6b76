/**
 * Meanings of MMX and SSE instructions that move, shuffle, pack, insert and extract (Intel SDM vol. 2). An
 * immediate byte is known at run time only: what it selects is found by arithmetic on vectors of indices.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import type { VectorOperation } from '../vectorEmitter';
import { combine, forHalves, moveDown, repeated } from './vectorArithmetic';

const zero = (e: Emitter): Value => e.vectorConstant(0n, 0n);
const LOW = [0, 1, 2, 3, 4, 5, 6, 7], HIGH = [8, 9, 10, 11, 12, 13, 14, 15];
const inSecond = (bytes: readonly number[]): readonly number[] => bytes.map((byte) => byte + 16);

/** A whole vector; `aligned` when its memory must be. */
const move = (alignment: 'aligned' | 'any'): Meaning => (e) => e.writeVector(0, e.readVector(1, alignment), alignment);

/** MOVSS, MOVSD: into a register's low part, which from memory clears the rest. */
function scalar(bits: 32 | 64): Meaning {
  return (e) => {
    const value = e.readLow(1, bits);
    if (e.isRegister(0) && !e.isRegister(1)) e.writeVector(0, value);
    else e.writeLow(0, value, bits);
  };
}

/** MOVQ: a register's upper half becomes zero. */
const quadword: Meaning = (e) => {
  const value = e.readLow(1, 64);
  if (e.isRegister(0)) e.writeVector(0, value);
  else e.writeLow(0, value, 64);
};

/** MOVD and MOVQ between vector and general registers. */
function general(toVector: boolean): Meaning {
  return (e) => {
    const lanes = e.size === 64 ? 'i64x2' : 'i32x4';
    if (toVector) e.writeVector(0, e.withLane(lanes, zero(e), 0, e.read(1)));
    else e.write(0, e.lane(lanes, e.readLow(1, 64), 0));
  };
}

const highToLow = (e: Emitter, a: Value): Value => e.shuffle(a, a, [...HIGH, ...HIGH]);

/** A shuffle of the source that is fixed. */
const arranged = (bytes: readonly number[]): Meaning => (e) => {
  const a = e.readVector(1);
  e.writeVector(0, e.shuffle(a, a, bytes));
};

/** PUNPCK: lanes of both operands in turn, from their low or high halves. */
function interleave(laneBytes: number, high: boolean): Meaning {
  return (e) => {
    const a = e.readVector(0);
    // The low forms of MMX read no more memory than they use.
    const b = e.usesMmx && !high ? e.readLow(1, 32) : e.readVector(1);
    const start = high ? e.vectorBits / 16 : 0;
    const bytes = Array.from({ length: 16 }, (_, i) => {
      const lane = Math.floor(i / (2 * laneBytes));
      const second = Math.floor(i / laneBytes) % 2;
      return Math.min(start + lane * laneBytes + (i % laneBytes), 15) + 16 * second;
    });
    e.writeVector(0, e.shuffle(a, b, bytes));
  };
}

/** PACK: both operands with lanes of half the width, saturated. */
function pack(operation: VectorOperation): Meaning {
  return combine((e, a, b) => {
    if (!e.usesMmx) return e.vector(operation, a, b);
    const both = e.let(e.shuffle(a, b, [...LOW, ...inSecond(LOW)]));
    return e.vector(operation, both, both);
  });
}

const shuffleBytes = combine((e, a, b) => e.vector('i8x16.swizzle', a, e.vector('v128.and', b, repeated(e, e.usesMmx ? 0x87n : 0x8fn, 8))));

/** Four two-bit fields of the immediate, in the words of each half or in the doublewords of a vector. */
function fields(e: Emitter, lanes: 'i16x8' | 'i32x4'): Value {
  // Lane n takes the field up to bits 6 and 7, which are then brought down.
  const weights = lanes === 'i16x8' ? e.vectorConstant(0x0001_0004_0010_0040n, 0x0001_0004_0010_0040n) : e.vectorConstant(0x10_00000040n, 0x1_00000004n);
  const raised = e.vector(`${lanes}.mul`, e.splat(lanes, e.immediate()), weights);
  return e.vector('v128.and', e.vectorShift(`${lanes}.shr_u`, raised, e.i32(6)), repeated(e, 3n, lanes === 'i16x8' ? 16 : 32));
}

/** Byte indices of the doublewords that the immediate selects. */
function doublewordIndices(e: Emitter): Value {
  return e.vector('i32x4.add', e.vector('i32x4.mul', fields(e, 'i32x4'), repeated(e, 0x04040404n, 32)), repeated(e, 0x03020100n, 32));
}

/** PSHUFLW, PSHUFHW, PSHUFW: words within one half. */
function shuffleWords(half: 'low' | 'high'): Meaning {
  const steps = 0x0202_0202_0202_0202n;
  return (e) => {
    const source = e.readVector(1);
    const [scale, start] =
      half === 'low'
        ? [e.vectorConstant(steps, 0n), e.vectorConstant(0x0100_0100_0100_0100n, 0x0f0e_0d0c_0b0a_0908n)]
        : [e.vectorConstant(0n, steps), e.vectorConstant(0x0706_0504_0302_0100n, 0x0908_0908_0908_0908n)];
    const indices = e.vector('i16x8.add', e.vector('i16x8.mul', fields(e, 'i16x8'), scale), start);
    e.writeVector(0, e.vector('i8x16.swizzle', source, indices));
  };
}

/** SHUFPS: two lanes of the destination, then two of the source. */
const shuffleSingles = combine((e, a, b) => {
  const indices = e.let(doublewordIndices(e));
  return e.shuffle(e.vector('i8x16.swizzle', a, indices), e.vector('i8x16.swizzle', b, indices), [...LOW, ...inSecond(HIGH)]);
});

const shuffleDoubles = combine((e, a, b) => {
  const imm = e.let(e.halfImmediate(2));
  const pick = (value: Value, bit: number): Value => e.select(e.and(imm, e.i32(bit)), e.lane('i64x2', value, 1), e.lane('i64x2', value, 0));
  return e.withLane('i64x2', e.splat('i64x2', pick(a, 1)), 1, pick(b, 2));
});

/** PALIGNR: both operands side by side, the destination above, moved down by bytes. */
const align = combine((e, a, b) => {
  const imm = e.let(e.immediate());
  const most = e.usesMmx ? 16 : 32;
  const bytes = e.let(e.select(e.gtU(imm, e.i32(most)), e.i32(most), imm));
  if (e.usesMmx) return moveDown(e, e.shuffle(b, a, [...LOW, ...inSecond(LOW)]), bytes);
  return e.vector('v128.or', moveDown(e, b, bytes), moveDown(e, a, e.sub(bytes, e.i32(16))));
});

type IntegerLanes = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2';
const LANE_BYTES = { i8x16: 1, i16x8: 2, i32x4: 4, i64x2: 8 } as const;

/** All ones in the lane of the given number (i32), zeros in the others. */
function laneMask(e: Emitter, lanes: IntegerLanes, number: Value): Value {
  const bytes = LANE_BYTES[lanes];
  const numbers = Array.from({ length: 16 }, (_, i) => (i % bytes === 0 ? i / bytes : 0));
  const half = (from: number): bigint => numbers.slice(from, from + 8).reduceRight((all, n) => (all << 8n) | BigInt(n), 0n);
  return e.vector(`${lanes}.eq`, e.vectorConstant(half(0), half(8)), e.splat(lanes, lanes === 'i64x2' ? e.toI64Unsigned(number) : number));
}

/** The immediate as the number of a lane. */
const laneNumber = (e: Emitter, lanes: IntegerLanes): Value => e.and(e.toI32(e.immediate()), e.i32(e.vectorBits / 8 / LANE_BYTES[lanes] - 1));

/** PINSR: a general register's low part or memory into a lane. */
function insert(lanesOf: (e: Emitter) => IntegerLanes): Meaning {
  return (e) => {
    const lanes = lanesOf(e);
    const value = e.read(1, e.isRegister(1) ? e.size : ((LANE_BYTES[lanes] * 8) as 8 | 16 | 32 | 64));
    e.writeVector(0, e.vector('v128.bitselect', e.splat(lanes, value), e.readVector(0), laneMask(e, lanes, laneNumber(e, lanes))));
  };
}

/** PEXTR: a lane to a general register, zero-extended, or to memory. */
function extract(lanesOf: (e: Emitter) => IntegerLanes): Meaning {
  return (e) => {
    const lanes = lanesOf(e);
    const bytes = e.mul(laneNumber(e, lanes), e.i32(LANE_BYTES[lanes]));
    const value = e.lane(lanes, moveDown(e, e.readVector(1), bytes), 0);
    e.write(0, value, e.isRegister(0) ? e.size : ((LANE_BYTES[lanes] * 8) as 8 | 16 | 32 | 64));
  };
}

const byOperandSize = (e: Emitter): IntegerLanes => (e.size === 64 ? 'i64x2' : 'i32x4');

/** Lanes whose bit of the immediate is set, as all ones. Words of both halves have the same eight bits. */
function chosenLanes(e: Emitter, lanes: 'i16x8' | 'i32x4' | 'i64x2'): Value {
  const bits = e.let(
    { i16x8: e.vectorConstant(0x0008_0004_0002_0001n, 0x0080_0040_0020_0010n), i32x4: e.vectorConstant(0x2_00000001n, 0x8_00000004n), i64x2: e.vectorConstant(1n, 2n) }[lanes],
  );
  const bitsOfHalf = { i16x8: 0, i32x4: 4, i64x2: 2 }[lanes];
  const narrow = e.halfImmediate(bitsOfHalf);
  const imm = lanes === 'i64x2' ? e.toI64Unsigned(narrow) : narrow;
  return e.vector(`${lanes}.eq`, e.vector('v128.and', e.splat(lanes, imm), bits), bits);
}

/** INSERTPS: a lane of the source, or memory, into one of the destination; then lanes are cleared. */
const insertSingle: Meaning = (e) => {
  const imm = e.let(e.immediate());
  const value = e.isRegister(1) ? moveDown(e, e.readVector(1), e.mul(e.shrU(imm, e.i32(6)), e.i32(4))) : e.readLow(1, 32);
  const target = laneMask(e, 'i32x4', e.and(e.shrU(imm, e.i32(4)), e.i32(3)));
  const inserted = e.vector('v128.bitselect', e.splat('i32x4', e.lane('i32x4', value, 0)), e.readVector(0), target);
  e.writeVector(0, e.vector('v128.andnot', inserted, chosenLanes(e, 'i32x4')));
};

/** Lanes of the source where the immediate has a bit, of the destination elsewhere. */
const blend = (lanes: 'i16x8' | 'i32x4' | 'i64x2'): Meaning => combine((e, a, b) => e.vector('v128.bitselect', b, a, chosenLanes(e, lanes)));

/** Lanes of the source where the mask has its sign set. */
const blendBySign = (lanes: 'i8x16' | 'i32x4' | 'i64x2', bits: number): Meaning =>
  combine((e, a, b) => e.vector('v128.bitselect', b, a, e.vectorShift(`${lanes}.shr_s`, e.blendMask(), e.i32(bits - 1))));

/** The low or high lanes of a vector, widened to the next size: from bytes (0), words (1) or doublewords (2). */
function extension(from: number, half: 'low' | 'high', sign: 's' | 'u'): VectorOperation {
  if (from === 0) return `i16x8.extend_${half}_i8x16_${sign}`;
  return from === 1 ? `i32x4.extend_${half}_i16x8_${sign}` : `i64x2.extend_${half}_i32x4_${sign}`;
}

/** PMOVSX, PMOVZX: the low lanes of the source, widened once or several times; the last time its upper ones for an upper half. */
function widen(from: number, to: number, sign: 's' | 'u'): Meaning {
  const bits = 128 >> (to - from);
  return (e) => {
    let lanes = e.readLow(1, (e.halves * bits) as 16 | 32 | 64 | 128);
    for (let size = from; size < to - 1; size++) lanes = e.vector(extension(size, 'low', sign), lanes);
    const last = e.let(lanes);
    forHalves(e, (half) => e.writeVector(0, e.vector(extension(to - 1, half === 0 ? 'low' : 'high', sign), last)));
  };
}

function widenings(): Readonly<Record<string, Meaning>> {
  const sizes = ['b', 'w', 'd', 'q'];
  const pairs = sizes.flatMap((_, from) => sizes.map((__, to) => ({ from, to }))).filter(({ from, to }) => from < to);
  return Object.fromEntries(
    pairs.flatMap(({ from, to }) => [
      [`pmovsx${sizes[from]}${sizes[to]}`, widen(from, to, 's')] as const,
      [`pmovzx${sizes[from]}${sizes[to]}`, widen(from, to, 'u')] as const,
    ]),
  );
}

/** MASKMOVQ, MASKMOVDQU: bytes whose mask has its sign set, to memory. */
const maskedMove: Meaning = (e) => {
  const old = e.modifyVector(0);
  const mask = e.vectorShift('i8x16.shr_s', e.readVector(2), e.i32(7));
  e.writeVector(0, e.vector('v128.bitselect', e.readVector(1), old, mask));
};

/** The sign bits of all lanes in a general register. */
const signs = (lanes: 'i8x16' | 'i32x4' | 'i64x2'): Meaning => (e) => {
  let all: Value | undefined;
  forHalves(e, () => {
    const bits = e.vectorTest(`${lanes}.bitmask`, e.readVector(1));
    all = all ? e.or(all, e.shl(bits, e.i32(16 / LANE_BYTES[lanes]))) : e.let(bits);
  });
  e.write(0, all ?? e.i32(0));
};

/** MOVDDUP: the low doubles of each half, of which 128 bits read no more. */
const duplicateDoubles: Meaning = (e) =>
  forHalves(e, () => {
    const a = e.halves === 1 ? e.readLow(1, 64) : e.readVector(1);
    e.writeVector(0, e.shuffle(a, a, [...LOW, ...LOW]));
  });

/** Meanings by name, of 128 bits: the halves of longer vectors are treated alike. */
export const vectorMoves: Readonly<Record<string, Meaning>> = {
  mova: move('aligned'),
  movu: move('any'),
  movss: scalar(32),
  movsd: scalar(64),
  movq: quadword,
  movdto: general(true),
  movdfrom: general(false),
  movlow: (e) => e.writeLow(0, e.readLow(1, 64), 64),
  movhlps: (e) => e.writeLow(0, highToLow(e, e.readVector(1)), 64),
  movhigh: (e) => {
    const b = e.readLow(1, 64);
    e.writeVector(0, e.shuffle(e.readVector(0), b, [...LOW, ...inSecond(LOW)]));
  },
  movhighstore: (e) => e.writeLow(0, highToLow(e, e.readVector(1)), 64),
  movsldup: arranged([0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11]),
  movshdup: arranged([4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15]),
  maskmov: maskedMove,
  punpcklbw: interleave(1, false),
  punpcklwd: interleave(2, false),
  punpckldq: interleave(4, false),
  punpcklqdq: interleave(8, false),
  punpckhbw: interleave(1, true),
  punpckhwd: interleave(2, true),
  punpckhdq: interleave(4, true),
  punpckhqdq: interleave(8, true),
  packsswb: pack('i8x16.narrow_i16x8_s'),
  packuswb: pack('i8x16.narrow_i16x8_u'),
  packssdw: pack('i16x8.narrow_i32x4_s'),
  packusdw: pack('i16x8.narrow_i32x4_u'),
  pshufb: shuffleBytes,
  pshufd: (e) => e.writeVector(0, e.vector('i8x16.swizzle', e.readVector(1), doublewordIndices(e))),
  pshufw: shuffleWords('low'),
  pshuflw: shuffleWords('low'),
  pshufhw: shuffleWords('high'),
  shufps: shuffleSingles,
  shufpd: shuffleDoubles,
  palignr: align,
  pinsrb: insert(() => 'i8x16'),
  pinsrw: insert(() => 'i16x8'),
  pinsrd: insert(byOperandSize),
  pextrb: extract(() => 'i8x16'),
  pextrw: extract(() => 'i16x8'),
  pextrd: extract(byOperandSize),
  insertps: insertSingle,
  blendps: blend('i32x4'),
  blendpd: blend('i64x2'),
  pblendw: blend('i16x8'),
  pblendvb: blendBySign('i8x16', 8),
  blendvps: blendBySign('i32x4', 32),
  blendvpd: blendBySign('i64x2', 64),
  emms: (e) => {
    e.checkX87();
    e.emptyMmx();
  },
};

/** Meanings that see to both halves of long vectors themselves. */
export const wholeVectorMoves: Readonly<Record<string, Meaning>> = {
  ...widenings(),
  movddup: duplicateDoubles,
  pmovmskb: signs('i8x16'),
  movmskps: signs('i32x4'),
  movmskpd: signs('i64x2'),
};
