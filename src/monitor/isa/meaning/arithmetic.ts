/**
 * Meanings of integer arithmetic and logic, data movement and conversions (Intel SDM vol. 2).
 */
import type { Emitter, Meaning, OperandSize, Value } from '../emitter';
import {
  auxFromCarryOverflow,
  carryFlag,
  condition,
  overflowFlag,
  resultWord,
  setAddition,
  setBorrow,
  setCarry,
  setDecrement,
  setIncrement,
  setLogic,
  setOverflow,
  setSubtraction,
  setZero,
} from '../flags';

const RAX = 0, RDX = 2, RBX = 3, RCX = 1;

type Combine = (e: Emitter, a: Value, b: Value) => Value;

/** dst = dst op src, flags set by `flags`. */
function update(combine: Combine, flags: (e: Emitter, a: Value, b: Value, result: Value) => void): Meaning {
  return (e) => {
    const a = e.modify(0);
    const b = e.read(1);
    const result = e.let(combine(e, a, b));
    e.write(0, result);
    flags(e, a, b, result);
  };
}

/** Only the flags of dst op src. */
function compare(combine: Combine, flags: (e: Emitter, a: Value, b: Value, result: Value) => void): Meaning {
  return (e) => {
    const a = e.read(0);
    const b = e.read(1);
    flags(e, a, b, e.let(combine(e, a, b)));
  };
}

const logic = (e: Emitter, _a: Value, _b: Value, result: Value): void => setLogic(e, result);
const difference: Combine = (e, a, b) => e.sub(a, b);

/** The high half of the double-width unsigned product (64-bit operands only). */
export function highProduct64(e: Emitter, a: Value, b: Value): Value {
  const mask = e.i64(0xffffffffn), shift = e.i64(32n);
  const aLow = e.let(e.and(a, mask)), aHigh = e.let(e.shrU(a, shift));
  const bLow = e.let(e.and(b, mask)), bHigh = e.let(e.shrU(b, shift));
  const low = e.mul(aLow, bLow);
  const middle1 = e.let(e.add(e.mul(aHigh, bLow), e.shrU(low, shift)));
  const middle2 = e.let(e.add(e.mul(aLow, bHigh), e.and(middle1, mask)));
  return e.add(e.add(e.mul(aHigh, bHigh), e.shrU(middle1, shift)), e.shrU(middle2, shift));
}

function highProduct64Signed(e: Emitter, a: Value, b: Value): Value {
  const sign = e.i64(63n);
  const unsigned = highProduct64(e, a, b);
  return e.sub(e.sub(unsigned, e.and(e.shrS(a, sign), b)), e.and(e.shrS(b, sign), a));
}

/** Flags after a multiplication: CF = OF = the product does not fit its low half. */
function setProduct(e: Emitter, low: Value, overflow: Value): void {
  const flag = e.let(overflow);
  e.setStatus(() => ({ result: resultWord(e, low, e.size), aux: auxFromCarryOverflow(e, flag, flag) }));
}

/** Writes a product's halves to AX or DX:AX, EDX:EAX. */
function setAccumulatorPair(e: Emitter, product: Value, size: OperandSize): void {
  if (size === 8) return e.setRegister(RAX, 16, e.toI32(product));
  e.setRegister(RAX, size, e.toI32(product));
  e.setRegister(RDX, size, e.toI32(e.shrU(product, e.i64(BigInt(size)))));
}

const multiplyUnsigned: Meaning = (e) => {
  const factor = e.read(0);
  const accumulator = e.let(e.register(RAX, e.size));
  if (e.size === 64) {
    const high = e.let(highProduct64(e, accumulator, factor));
    const low = e.let(e.mul(accumulator, factor));
    e.setRegister(RAX, 64, low);
    e.setRegister(RDX, 64, high);
    return setProduct(e, low, e.eqz(e.eqz(high)));
  }
  const product = e.let(e.mul(e.toI64Unsigned(accumulator), e.toI64Unsigned(factor)));
  setAccumulatorPair(e, product, e.size);
  setProduct(e, e.let(e.toI32(product)), e.eqz(e.eqz(e.shrU(product, e.i64(BigInt(e.size))))));
};

/** Whether a full signed product (i64, of an operand size up to 32) does not fit its low half. */
function signedOverflow(e: Emitter, product: Value): Value {
  return e.ne(product, e.toI64Signed(e.signExtend(e.toI32(product), e.size)));
}

const multiplySigned: Meaning = (e) => {
  const factor = e.read(0);
  const accumulator = e.let(e.register(RAX, e.size));
  if (e.size === 64) {
    const high = e.let(highProduct64Signed(e, accumulator, factor));
    const low = e.let(e.mul(accumulator, factor));
    e.setRegister(RAX, 64, low);
    e.setRegister(RDX, 64, high);
    return setProduct(e, low, e.ne(high, e.shrS(low, e.i64(63n))));
  }
  const product = e.let(
    e.mul(e.toI64Signed(e.signExtend(accumulator, e.size)), e.toI64Signed(e.signExtend(factor, e.size))),
  );
  setAccumulatorPair(e, product, e.size);
  setProduct(e, e.let(e.toI32(product)), signedOverflow(e, product));
};

/** IMUL with two or three operands: dst = a * b, cut to the operand size. */
function multiplyInto(e: Emitter, a: Value, b: Value): void {
  if (e.size === 64) {
    const low = e.let(e.mul(a, b));
    const high = e.let(highProduct64Signed(e, a, b));
    e.write(0, low);
    return setProduct(e, low, e.ne(high, e.shrS(low, e.i64(63n))));
  }
  const product = e.let(e.mul(e.toI64Signed(e.signExtend(a, e.size)), e.toI64Signed(e.signExtend(b, e.size))));
  const low = e.let(e.toI32(product));
  e.write(0, low);
  setProduct(e, low, signedOverflow(e, product));
}

const DIVIDE_ERROR = 0;

/** The dividend of an operand size up to 32 as i64: AX, DX:AX or EDX:EAX, zero-extended. */
function dividend(e: Emitter): Value {
  if (e.size === 8) return e.toI64Unsigned(e.register(RAX, 16));
  const high = e.shl(e.toI64Unsigned(e.register(RDX, e.size)), e.i64(BigInt(e.size)));
  return e.or(high, e.toI64Unsigned(e.register(RAX, e.size)));
}

function setQuotient(e: Emitter, quotient: Value, remainder: Value): void {
  if (e.size === 8) {
    e.setRegister(RAX, 8, e.toI32(quotient));
    e.setHighByte(RAX, e.toI32(remainder));
  } else {
    e.setRegister(RAX, e.size, e.toI32(quotient));
    e.setRegister(RDX, e.size, e.toI32(remainder));
  }
}

const divideUnsigned: Meaning = (e) => {
  const divisor = e.read(0);
  e.if(e.eqz(divisor), () => e.raise(DIVIDE_ERROR));
  const wide = e.let(e.toI64Unsigned(divisor));
  const all = e.let(dividend(e));
  const quotient = e.let(e.divU(all, wide));
  e.if(e.eqz(e.eqz(e.shrU(quotient, e.i64(BigInt(e.size))))), () => e.raise(DIVIDE_ERROR));
  setQuotient(e, quotient, e.let(e.remU(all, wide)));
};

const divideSigned: Meaning = (e) => {
  const divisor = e.read(0);
  e.if(e.eqz(divisor), () => e.raise(DIVIDE_ERROR));
  const wide = e.let(e.toI64Signed(e.signExtend(divisor, e.size)));
  const unsigned = dividend(e);
  // The dividend has twice the operand's size: sign-extend it from there.
  const shift = e.i64(BigInt(64 - 2 * e.size));
  const all = e.let(e.size === 32 ? unsigned : e.shrS(e.shl(unsigned, shift), shift));
  const least = e.i64(-(2n ** 63n));
  e.if(e.and(e.eq(all, least), e.eq(wide, e.i64(-1n))), () => e.raise(DIVIDE_ERROR));
  const quotient = e.let(e.divS(all, wide));
  const fits = e.eq(quotient, e.toI64Signed(e.signExtend(e.toI32(quotient), e.size)));
  e.if(e.eqz(fits), () => e.raise(DIVIDE_ERROR));
  setQuotient(e, quotient, e.let(e.remS(all, wide)));
};

/**
 * Division of 128 bits where WebAssembly's integers are enough: the upper half of the dividend is but the extension of
 * the lower, and the quotient cannot overflow. A service does the rest, and faults.
 */
function divideWide(signed: boolean): Meaning {
  return (e) => {
    const divisor = e.read(0);
    const low = e.let(e.register(RAX, 64));
    const extension = signed ? e.shrS(low, e.i64(63n)) : e.i64(0n);
    const narrow = e.let(e.and(e.eq(e.register(RDX, 64), extension), e.ne(divisor, e.i64(0n))));
    const overflow = signed ? e.and(e.eq(low, e.i64(-(2n ** 63n))), e.eq(divisor, e.i64(-1n))) : e.i32(0);
    e.if(
      e.and(narrow, e.eqz(overflow)),
      () => {
        const quotient = e.let(signed ? e.divS(low, divisor) : e.divU(low, divisor));
        e.setRegister(RDX, 64, signed ? e.remS(low, divisor) : e.remU(low, divisor));
        e.setRegister(RAX, 64, quotient);
      },
      () => e.service(),
    );
  };
}

const bySize = (narrow: Meaning, wide: Meaning): Meaning => (e) => (e.size === 64 ? wide(e) : narrow(e));

/** ADCX, ADOX: addition with one flag as the carry, which alone changes. */
function addWith(flag: (e: Emitter) => Value, setFlag: (e: Emitter, carry: Value) => void): Meaning {
  return (e) => {
    const b = e.read(1);
    const a = e.read(0);
    const sum = e.let(e.add(e.add(a, b), e.toOperand(flag(e))));
    const carries = e.or(e.and(a, b), e.and(e.or(a, b), e.xor(sum, e.operandConstant(-1))));
    const carry = e.let(e.toI32(e.shrU(carries, e.operandConstant(e.size - 1))));
    e.write(0, sum);
    setFlag(e, carry);
  };
}

const exchange: Meaning = (e) => {
  const a = e.modify(0);
  const b = e.read(1);
  e.write(0, b);
  e.write(1, a);
};

const exchangeAdd: Meaning = (e) => {
  const a = e.modify(0);
  const b = e.read(1);
  const sum = e.let(e.add(a, b));
  e.write(1, a);
  e.write(0, sum);
  setAddition(e, a, b, sum);
};

const compareExchange: Meaning = (e) => {
  const a = e.modify(0);
  const b = e.read(1);
  const accumulator = e.let(e.register(RAX, e.size));
  const result = e.let(e.sub(accumulator, a));
  const equal = e.let(e.eq(a, accumulator));
  e.if(
    equal,
    () => e.write(0, b),
    () => {
      // Memory is written in either case, with its own value; a register is not, and keeps its upper half.
      if (!e.isRegister(0)) e.write(0, a);
      e.setRegister(RAX, e.size, a);
    },
  );
  setSubtraction(e, accumulator, a, result);
};

/** CMPXCHG8B: EDX:EAX against a quadword. */
const compareExchange8: Meaning = (e) => {
  const a = e.modify(0, 64);
  const low = e.toI64Unsigned(e.register(RAX, 32));
  const accumulator = e.let(e.or(e.shl(e.toI64Unsigned(e.register(RDX, 32)), e.i64(32n)), low));
  const equal = e.let(e.eq(a, accumulator));
  e.if(
    equal,
    () => {
      const high = e.shl(e.toI64Unsigned(e.register(RCX, 32)), e.i64(32n));
      e.write(0, e.or(high, e.toI64Unsigned(e.register(RBX, 32))), 64);
    },
    () => {
      e.write(0, a, 64);
      e.setRegister(RAX, 32, e.toI32(a));
      e.setRegister(RDX, 32, e.toI32(e.shrU(a, e.i64(32n))));
    },
  );
  setZero(e, equal);
};

/** The same of 16 bytes, which must be aligned. */
const compareExchange16: Meaning = (e) => {
  const old = e.modifyVector(0, 'aligned');
  const [low, high] = [e.let(e.lane('i64x2', old, 0)), e.let(e.lane('i64x2', old, 1))];
  const equal = e.let(e.and(e.eq(low, e.register(RAX, 64)), e.eq(high, e.register(RDX, 64))));
  const replacement = e.withLane('i64x2', e.splat('i64x2', e.register(RBX, 64)), 1, e.register(RCX, 64));
  e.if(
    equal,
    () => e.writeVector(0, replacement),
    () => {
      e.writeVector(0, old);
      e.setRegister(RAX, 64, low);
      e.setRegister(RDX, 64, high);
    },
  );
  setZero(e, equal);
};

/** Byte order reversed. The 16-bit form is undefined; it clears the register, as processors do. */
function reverseBytes(e: Emitter, a: Value, size: OperandSize): Value {
  if (size === 64) {
    const low = e.toI64Unsigned(reverseBytes(e, e.let(e.toI32(a)), 32));
    const high = e.toI64Unsigned(reverseBytes(e, e.let(e.toI32(e.shrU(a, e.i64(32n)))), 32));
    return e.or(e.shl(low, e.i64(32n)), high);
  }
  if (size === 16) return e.or(e.shl(e.and(a, e.i32(0xff)), e.i32(8)), e.shrU(a, e.i32(8)));
  const odd = e.and(e.rotl(a, e.i32(8)), e.i32(0x00ff00ff));
  return e.or(odd, e.and(e.rotl(a, e.i32(24)), e.i32(0xff00ff00 | 0)));
}

/** Moves with a source narrower than the destination. */
function widen(from: OperandSize, signed: boolean): Meaning {
  return (e) => {
    const source = e.read(1, from);
    if (e.size === 64 && from === 64) return e.write(0, source);
    const value = signed ? e.signExtend(source, from) : source;
    e.write(0, e.size === 64 ? (signed ? e.toI64Signed(value) : e.toI64Unsigned(value)) : value);
  };
}

/** CBW, CWDE, CDQE: AL to AX, AX to EAX, EAX to RAX. */
const extendAccumulator: Meaning = (e) => {
  const half = (e.size / 2) as OperandSize;
  const value = e.signExtend(e.register(RAX, half), half);
  e.setRegister(RAX, e.size, e.size === 64 ? e.toI64Signed(value) : value);
};

/** CWD, CDQ, CQO: the sign of the accumulator into rDX. */
const signIntoData: Meaning = (e) => {
  const value = e.size === 64 ? e.register(RAX, 64) : e.signExtend(e.register(RAX, e.size), e.size);
  e.setRegister(RDX, e.size, e.shrS(value, e.size === 64 ? e.i64(63n) : e.i32(31)));
};

const CRC32C = 0x82f63b78;

/** CRC32: accumulates a source of the operand's size, polynomial 11EDC6F41h (bit-reflected). */
function crc32(from: OperandSize): Meaning {
  return (e) => {
    const source = e.read(1, from);
    const low = from === 64 ? e.toI32(source) : source;
    const crc = e.variable(e.xor(e.toI32(e.read(0)), low));
    const step = (bits: number): void => {
      for (let i = 0; i < bits; i++) {
        const shifted = e.shrU(crc, e.i32(1));
        e.assign(crc, e.select(e.and(crc, e.i32(1)), e.xor(shifted, e.i32(CRC32C | 0)), shifted));
      }
    };
    if (from === 64) {
      step(32);
      e.assign(crc, e.xor(crc, e.toI32(e.shrU(source, e.i64(32n)))));
      step(32);
    } else step(from);
    e.write(0, e.toOperand(crc));
  };
}

/** Meanings by name. */
export const arithmetic: Readonly<Record<string, Meaning>> = {
  add: update((e, a, b) => e.add(a, b), setAddition),
  or: update((e, a, b) => e.or(a, b), logic),
  adc: update((e, a, b) => e.add(e.add(a, b), e.toOperand(carryFlag(e))), setAddition),
  sbb: update((e, a, b) => e.sub(e.sub(a, b), e.toOperand(carryFlag(e))), setBorrow),
  and: update((e, a, b) => e.and(a, b), logic),
  sub: update(difference, setSubtraction),
  xor: update((e, a, b) => e.xor(a, b), logic),
  cmp: compare(difference, setSubtraction),
  test: compare((e, a, b) => e.and(a, b), logic),
  adcx: addWith(carryFlag, setCarry),
  adox: addWith(overflowFlag, setOverflow),
  inc: (e) => {
    const a = e.modify(0);
    const result = e.let(e.add(a, e.operandConstant(1)));
    e.write(0, result);
    setIncrement(e, a, result);
  },
  dec: (e) => {
    const a = e.modify(0);
    const result = e.let(e.sub(a, e.operandConstant(1)));
    e.write(0, result);
    setDecrement(e, a, result);
  },
  not: (e) => e.write(0, e.xor(e.modify(0), e.operandConstant(-1))),
  neg: (e) => {
    const a = e.modify(0);
    const zero = e.operandConstant(0);
    const result = e.let(e.sub(zero, a));
    e.write(0, result);
    setSubtraction(e, zero, a, result);
  },
  mul: multiplyUnsigned,
  imul: multiplySigned,
  imul2: (e) => multiplyInto(e, e.read(0), e.read(1)),
  imul3: (e) => multiplyInto(e, e.read(1), e.read(2)),
  div: bySize(divideUnsigned, divideWide(false)),
  idiv: bySize(divideSigned, divideWide(true)),
  mov: (e) => e.write(0, e.read(1)),
  movzx8: widen(8, false),
  movzx16: widen(16, false),
  movsx8: widen(8, true),
  movsx16: widen(16, true),
  movsxd: (e) => e.write(0, e.size === 64 ? e.toI64Signed(e.read(1, 32)) : e.read(1)),
  movbe: (e) => e.write(0, reverseBytes(e, e.read(1), e.size)),
  lea: (e) => {
    const address = e.effectiveAddress(1);
    e.write(0, e.size === 64 ? address : e.toI32(address));
  },
  xchg: exchange,
  xadd: exchangeAdd,
  cmpxchg: compareExchange,
  cmpxchg8b: compareExchange8,
  cmpxchg16b: compareExchange16,
  bswap: (e) => e.write(0, e.size === 16 ? e.operandConstant(0) : reverseBytes(e, e.read(0), e.size)),
  cbw: extendAccumulator,
  cwd: signIntoData,
  xlat: (e) => {
    e.displace(1, e.toI64Unsigned(e.register(RAX, 8)));
    e.write(0, e.read(1));
  },
  salc: (e) => e.setRegister(RAX, 8, e.sub(e.i32(0), carryFlag(e))),
  nop: () => undefined,
  clc: (e) => setCarry(e, e.i32(0)),
  stc: (e) => setCarry(e, e.i32(1)),
  cmc: (e) => setCarry(e, e.let(e.xor(carryFlag(e), e.i32(1)))),
  cld: (e) => e.setSystemFlags(e.and(e.systemFlags(), e.i32(~0x400))),
  std: (e) => e.setSystemFlags(e.or(e.systemFlags(), e.i32(0x400))),
  crc32b: crc32(8),
  crc32w: crc32(16),
  crc32d: crc32(32),
  crc32q: crc32(64),
};

/** SETcc, CMOVcc by condition number. */
export function conditional(code: number): { readonly set: Meaning; readonly move: Meaning } {
  return {
    set: (e) => e.write(0, condition(e, code)),
    move: (e) => {
      const source = e.read(1);
      const old = e.read(0);
      e.write(0, e.select(condition(e, code), source, old));
    },
  };
}
