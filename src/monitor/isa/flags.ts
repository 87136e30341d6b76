/**
 * Status flags, kept lazily in two words, so that setting them is cheap and reading one has no branch:
 *
 * - result: the operation's result, sign-extended to 64 bits: ZF = (result = 0).
 * - aux: bit 31 = CF; bit 30 = CF xor OF (the carry into the sign bit); bit 3 = AF;
 *   bits 8-15 are exclusive-ored into the result's low byte before its parity is taken (PF);
 *   bit 0 is exclusive-ored with the result's sign (SF).
 *
 * Carries come out of an addition as (a & b) | ((a | b) & ~r), of a subtraction as
 * (~a & b) | ((~a ^ b) & r): bit i is the carry (borrow) out of bit i.
 * Condition codes: Intel SDM vol. 1, appendix B.
 */
import type { Emitter, OperandSize, StatusSource, StatusWords, Value } from './emitter';

/** What reading the flags, and putting them together, is written over. */
type FlagReader = Pick<Emitter, 'i32' | 'i64' | 'and' | 'or' | 'xor' | 'shl' | 'shrU' | 'eqz' | 'select' | 'toI32' | 'popcnt' | 'let' | 'flagResult' | 'flagAux'>;

export const CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800;
export const STATUS_MASK = CF | PF | AF | ZF | SF | OF;
export const TF = 0x100, IF = 0x200, DF = 0x400, IOPL = 0x3000, NT = 0x4000;
export const RF = 0x10000, VM = 0x20000, AC = 0x40000, VIF = 0x80000, VIP = 0x100000, ID = 0x200000;

export const AUX_CARRY = 0x80000000 | 0;
const AUX_CARRIES = 0xc0000000 | 0;
const AUX_ADJUST = 8;

/** The result word from a result of the given size. */
export function resultWord(e: Emitter, result: Value, size: OperandSize): Value {
  return size === 64 ? result : e.toI64Signed(e.signExtend(result, size));
}

/** aux from a vector of carries of the given size. */
function auxFromCarries(e: Emitter, carries: Value, size: OperandSize): Value {
  if (size === 64) {
    const high = e.and(e.toI32(e.shrU(carries, e.i64(32n))), e.i32(AUX_CARRIES));
    return e.or(high, e.and(e.toI32(carries), e.i32(AUX_ADJUST)));
  }
  if (size === 32) return e.and(carries, e.i32(AUX_CARRIES | AUX_ADJUST));
  const high = e.and(e.shl(carries, e.i32(32 - size)), e.i32(AUX_CARRIES));
  return e.or(high, e.and(carries, e.i32(AUX_ADJUST)));
}

function not(e: Emitter, a: Value): Value {
  return e.xor(a, e.operandConstant(-1));
}

function additionAux(e: Emitter, a: Value, b: Value, result: Value, size: OperandSize): Value {
  const carries = e.or(e.and(a, b), e.and(e.or(a, b), not(e, result)));
  return auxFromCarries(e, size === 32 ? carries : e.let(carries), size);
}

function subtractionAux(e: Emitter, a: Value, b: Value, result: Value, size: OperandSize): Value {
  const inverse = e.let(not(e, a));
  const carries = e.or(e.and(inverse, b), e.and(e.xor(inverse, b), result));
  return auxFromCarries(e, size === 32 ? carries : e.let(carries), size);
}

/** Flags of a + b (+ carry) = result. */
export function setAddition(e: Emitter, a: Value, b: Value, result: Value): void {
  e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: additionAux(e, a, b, result, e.size) }));
}

/** Flags of a - b - borrow = result. */
export function setBorrow(e: Emitter, a: Value, b: Value, result: Value): void {
  e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: subtractionAux(e, a, b, result, e.size) }));
}

/** Flags of a - b = result; all three are bound, the result without bits above its size in operations on its type only. */
export function setSubtraction(e: Emitter, a: Value, b: Value, result: Value): void {
  const words = (): StatusWords => ({ result: resultWord(e, result, e.size), aux: subtractionAux(e, a, b, result, e.size) });
  e.setStatus(words, { operation: 'subtraction', size: e.size, a, b, result });
}

/** Puts the present CF into an aux word whose OF is right: INC and DEC leave CF alone. */
function keepCarry(e: Emitter, aux: Value, carry: Value): Value {
  const word = e.let(aux);
  const overflow = e.and(e.xor(word, e.shl(word, e.i32(1))), e.i32(AUX_CARRY));
  const carryBit = e.let(e.shl(carry, e.i32(31)));
  const second = e.shrU(e.xor(carryBit, overflow), e.i32(1));
  return e.or(e.or(e.and(word, e.i32(AUX_ADJUST)), carryBit), second);
}

export function setIncrement(e: Emitter, a: Value, result: Value): void {
  e.setStatus(() => {
    const carry = e.let(carryFlag(e));
    return { result: resultWord(e, result, e.size), aux: keepCarry(e, additionAux(e, a, e.operandConstant(1), result, e.size), carry) };
  });
}

export function setDecrement(e: Emitter, a: Value, result: Value): void {
  e.setStatus(() => {
    const carry = e.let(carryFlag(e));
    return { result: resultWord(e, result, e.size), aux: keepCarry(e, subtractionAux(e, a, e.operandConstant(1), result, e.size), carry) };
  });
}

/** Flags of a logical operation: CF = OF = 0 (AF is undefined; cleared). */
export function setLogic(e: Emitter, result: Value): void {
  e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: e.i32(0) }), { operation: 'logic', size: e.size, a: result, b: result, result });
}

/** aux from CF and OF given as 0 or 1 (i32), AF clear: shifts and multiplications. */
export function auxFromCarryOverflow(e: Emitter, carry: Value, overflow: Value): Value {
  const carryBit = e.let(e.shl(carry, e.i32(31)));
  return e.or(carryBit, e.xor(e.shrU(carryBit, e.i32(1)), e.shl(overflow, e.i32(30))));
}

/** Replaces CF and OF, keeping the others: rotations. */
export function setCarryOverflow(e: Emitter, carry: Value, overflow: Value): void {
  e.setStatus(() => {
    const rest = e.and(e.flagAux(), e.i32(0x3fffffff));
    return { result: e.flagResult(), aux: e.or(rest, auxFromCarryOverflow(e, carry, overflow)) };
  });
}

/** Replaces CF alone. */
export function setCarry(e: Emitter, carry: Value): void {
  const overflow = e.let(overflowFlag(e));
  setCarryOverflow(e, carry, overflow);
}

/** Replaces OF alone. */
export function setOverflow(e: Emitter, overflow: Value): void {
  setCarryOverflow(e, e.let(carryFlag(e)), overflow);
}

/** Replaces ZF alone, keeping SF, PF and the rest. */
export function setZero(e: Emitter, zero: Value): void {
  e.setStatus(() => {
    const aux = e.and(e.flagAux(), e.i32(AUX_CARRIES | AUX_ADJUST));
    const sign = signFlag(e);
    const parity = e.shl(e.xor(parityFlag(e), e.i32(1)), e.i32(8));
    const word = e.let(e.or(e.or(aux, sign), parity));
    return { result: e.select(zero, e.i64(0n), e.i64(0x100n)), aux: word };
  });
}

export function carryFlag(e: FlagReader): Value {
  return e.shrU(e.flagAux(), e.i32(31));
}

export function zeroFlag(e: FlagReader): Value {
  return e.eqz(e.flagResult());
}

export function signFlag(e: FlagReader): Value {
  const sign = e.toI32(e.shrU(e.flagResult(), e.i64(63n)));
  return e.xor(sign, e.and(e.flagAux(), e.i32(1)));
}

export function overflowFlag(e: FlagReader): Value {
  const aux = e.let(e.flagAux());
  return e.and(e.xor(e.shrU(aux, e.i32(31)), e.shrU(aux, e.i32(30))), e.i32(1));
}

export function adjustFlag(e: FlagReader): Value {
  return e.and(e.shrU(e.flagAux(), e.i32(3)), e.i32(1));
}

export function parityFlag(e: FlagReader): Value {
  const low = e.xor(e.toI32(e.flagResult()), e.shrU(e.flagAux(), e.i32(8)));
  return e.and(e.xor(e.popcnt(e.and(low, e.i32(0xff))), e.i32(1)), e.i32(1));
}

/** The status flags in their places in EFLAGS, i32. */
export function statusImage(e: FlagReader): Value {
  const at = (flag: Value, bit: number): Value => e.shl(flag, e.i32(bit));
  const rest = [at(parityFlag(e), 2), at(adjustFlag(e), 4), at(zeroFlag(e), 6), at(signFlag(e), 7), at(overflowFlag(e), 11)];
  return rest.reduce((sum, flag) => e.or(sum, flag), carryFlag(e));
}

/** The two words for the status flags of an image of EFLAGS (i32, bound). */
export function statusWords(e: FlagReader, image: Value): StatusWords {
  const bit = (flag: number, shift: number): Value => e.and(e.shrU(image, e.i32(shift)), e.i32(flag >> shift));
  const carry = e.let(bit(CF, 0));
  const carries = e.or(e.shl(carry, e.i32(31)), e.shl(e.xor(carry, bit(OF, 11)), e.i32(30)));
  const parity = e.shl(e.xor(bit(PF, 2), e.i32(1)), e.i32(8));
  const aux = e.or(e.or(carries, e.shl(bit(AF, 4), e.i32(3))), e.or(bit(SF, 7), parity));
  return { result: e.select(bit(ZF, 6), e.i64(0n), e.i64(0x100n)), aux };
}

/** Condition `code` (0 to 15: O, NO, B, NB, Z, NZ, BE, NBE, S, NS, P, NP, L, NL, LE, NLE), 0 or 1. */
export function condition(e: Emitter, code: number): Value {
  const source = e.statusSource();
  const positive = (source && conditionOf(e, code >> 1, source)) ?? positiveCondition(e, code >> 1);
  return code & 1 ? e.eqz(positive) : positive;
}

/** A condition out of the operation that has set the flags; undefined where the flags are as good. */
function conditionOf(e: Emitter, pair: number, { operation, size, a, b, result }: StatusSource): Value | undefined {
  const signed = (value: Value): Value => e.signExtend(value, size);
  const zero = size === 64 ? e.i64(0n) : e.i32(0);
  if (operation === 'logic') {
    switch (pair) {
      case 0:
      case 1:
        return e.i32(0);
      case 2:
      case 3:
        return e.eqz(e.narrow(result, size));
      case 4:
      case 6:
        return e.ltS(signed(result), zero);
      case 7:
        return e.leS(signed(result), zero);
      default:
        return undefined;
    }
  }
  switch (pair) {
    case 1:
      return e.ltU(a, b);
    case 2:
      return e.eq(a, b);
    case 3:
      return e.leU(a, b);
    case 4:
      return e.ltS(signed(result), zero);
    case 6:
      return e.ltS(signed(a), signed(b));
    case 7:
      return e.leS(signed(a), signed(b));
    default:
      return undefined;
  }
}

function positiveCondition(e: Emitter, pair: number): Value {
  switch (pair) {
    case 0:
      return overflowFlag(e);
    case 1:
      return carryFlag(e);
    case 2:
      return zeroFlag(e);
    case 3:
      return e.or(carryFlag(e), zeroFlag(e));
    case 4:
      return signFlag(e);
    case 5:
      return parityFlag(e);
    case 6:
      return e.xor(signFlag(e), overflowFlag(e));
    default:
      return e.or(e.xor(signFlag(e), overflowFlag(e)), zeroFlag(e));
  }
}
