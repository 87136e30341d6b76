/**
 * Meanings of shifts, rotations, bit tests, bit scans and counts (Intel SDM vol. 2).
 */
import type { Emitter, Meaning, OperandSize, Value } from '../emitter';
import { auxFromCarryOverflow, carryFlag, resultWord, setCarry, setCarryOverflow, setZero } from '../flags';

const RCX = 1;

/** A constant in the operand's type. */
const constant = (e: Emitter, n: number): Value => e.operandConstant(n);

function signBit(e: Emitter, a: Value): Value {
  return e.and(lowBit(e, e.shrU(a, constant(e, e.size - 1))), e.i32(1));
}

/** Bit 0 as an i32, other bits undefined for 32-bit types. */
function lowBit(e: Emitter, a: Value): Value {
  return e.and(e.size === 64 ? e.toI32(a) : a, e.i32(1));
}

/** The count operand: CL or the immediate, taken modulo 32 (64 for 64-bit operands), as operand type. */
function maskedCount(e: Emitter, index: number): Value {
  const count = e.isRegister(index) ? e.register(RCX, 8) : e.toI32(e.immediate());
  return e.let(e.toOperand(e.and(count, e.i32(e.size === 64 ? 63 : 31))));
}

type Shift = (e: Emitter, a: Value, count: Value) => { result: Value; carry: Value; overflow: Value };

/** A shift: all flags change unless the count is 0. */
function shift(body: Shift): Meaning {
  return (e) => {
    const a = e.modify(0);
    const count = maskedCount(e, 1);
    const { result, carry, overflow } = body(e, a, count);
    e.write(0, result);
    e.if(e.eqz(e.eqz(count)), () => {
      e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: auxFromCarryOverflow(e, e.let(carry), overflow) }));
    });
  };
}

const shiftLeft: Shift = (e, a, count) => {
  const wide = e.let(e.shl(a, count));
  const result = e.let(e.narrow(wide, e.size));
  const carry =
    e.size < 32
      ? e.and(e.shrU(wide, e.i32(e.size)), e.i32(1))
      : lowBit(e, e.shrU(a, e.sub(constant(e, e.size), count)));
  const kept = e.let(carry);
  return { result, carry: kept, overflow: e.xor(signBit(e, result), kept) };
};

const shiftRight: Shift = (e, a, count) => ({
  result: e.let(e.shrU(a, count)),
  carry: lowBit(e, e.shrU(a, e.sub(count, constant(e, 1)))),
  overflow: signBit(e, a),
});

const shiftRightSigned: Shift = (e, a, count) => {
  const signed = e.let(e.signExtend(a, e.size));
  return {
    result: e.let(e.narrow(e.shrS(signed, count), e.size)),
    carry: lowBit(e, e.shrS(signed, e.sub(count, constant(e, 1)))),
    overflow: e.i32(0),
  };
};

/** A rotation without carry: CF and OF change unless the masked count is 0. */
function rotate(left: boolean): Meaning {
  return (e) => {
    const a = e.modify(0);
    const masked = maskedCount(e, 1);
    const size = constant(e, e.size);
    let result: Value;
    if (e.size >= 32) result = e.let(left ? e.rotl(a, masked) : e.rotr(a, masked));
    else {
      const count = e.let(e.and(masked, e.i32(e.size - 1)));
      const back = e.sub(size, count);
      const both = left ? e.or(e.shl(a, count), e.shrU(a, back)) : e.or(e.shrU(a, count), e.shl(a, back));
      result = e.let(e.narrow(both, e.size));
    }
    e.write(0, result);
    e.if(e.eqz(e.eqz(masked)), () => {
      const top = e.let(signBit(e, result));
      if (left) {
        const carry = e.let(lowBit(e, result));
        setCarryOverflow(e, carry, e.xor(top, carry));
      } else {
        const second = lowBit(e, e.shrU(result, constant(e, e.size - 2)));
        setCarryOverflow(e, top, e.xor(top, second));
      }
    });
  };
}

/** A rotation through the carry, of size + 1 bits held in an i64 (operands up to 32 bits). */
function rotateThroughCarryNarrow(left: boolean): Meaning {
  return (e) => {
    const a = e.modify(0);
    const masked = maskedCount(e, 1);
    const bits = e.size + 1;
    const count = e.let(e.toI64Unsigned(e.size === 32 ? masked : e.remU(masked, e.i32(bits))));
    const ring = e.let(e.or(e.toI64Unsigned(a), e.shl(e.toI64Unsigned(carryFlag(e)), e.i64(BigInt(e.size)))));
    const back = e.sub(e.i64(BigInt(bits)), count);
    const turned = e.let(
      left ? e.or(e.shl(ring, count), e.shrU(ring, back)) : e.or(e.shrU(ring, count), e.shl(ring, back)),
    );
    const result = e.let(e.narrow(e.toI32(turned), e.size));
    e.write(0, result);
    e.if(e.eqz(e.eqz(count)), () => {
      const carry = e.let(e.and(e.toI32(e.shrU(turned, e.i64(BigInt(e.size)))), e.i32(1)));
      setCarryOverflow(e, carry, rotationOverflow(e, left, result, carry));
    });
  };
}

function rotationOverflow(e: Emitter, left: boolean, result: Value, carry: Value): Value {
  const second = left ? carry : lowBit(e, e.shrU(result, constant(e, e.size - 2)));
  return e.xor(signBit(e, result), second);
}

function rotateThroughCarry64(left: boolean): Meaning {
  return (e) => {
    const a = e.modify(0);
    const count = maskedCount(e, 1);
    const carryIn = e.let(e.toI64Unsigned(carryFlag(e)));
    const one = e.i64(1n);
    const back = e.let(e.sub(e.i64(64n), count));
    const less = e.let(e.sub(count, one));
    // A shift by 64 is made of two, since WebAssembly takes counts modulo 64.
    const turned = left
      ? e.or(e.or(e.shl(a, count), e.shl(carryIn, less)), e.shrU(e.shrU(a, one), back))
      : e.or(e.or(e.shrU(a, count), e.shl(carryIn, back)), e.shl(e.shl(a, one), back));
    const moved = e.let(e.eqz(e.eqz(count)));
    const result = e.let(e.select(moved, turned, a));
    e.write(0, result);
    e.if(moved, () => {
      const carry = e.let(lowBit(e, e.shrU(a, left ? back : less)));
      setCarryOverflow(e, carry, rotationOverflow(e, left, result, carry));
    });
  };
}

const rotateThroughCarry = (left: boolean): Meaning => (e) =>
  (e.size === 64 ? rotateThroughCarry64(left) : rotateThroughCarryNarrow(left))(e);

/** SHLD, SHRD; `countIndex` names the operand that holds the count (a register means CL). */
function shiftDouble(left: boolean): Meaning {
  return (e) => {
    const a = e.modify(0);
    const b = e.read(1);
    const count = maskedCount(e, 2);
    const size = constant(e, e.size);
    const back = e.sub(size, count);
    const moved = e.let(e.eqz(e.eqz(count)));
    const shifted = left ? e.or(e.shl(a, count), e.shrU(b, back)) : e.or(e.shrU(a, count), e.shl(b, back));
    const result = e.let(e.select(moved, e.narrow(shifted, e.size), a));
    e.write(0, result);
    e.if(moved, () => {
      const carryShift = left ? back : e.sub(count, constant(e, 1));
      const carry = e.let(lowBit(e, e.shrU(a, carryShift)));
      const overflow = e.xor(signBit(e, result), signBit(e, a));
      e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: auxFromCarryOverflow(e, carry, overflow) }));
    });
  };
}

const LOG2: Readonly<Record<OperandSize, number>> = { 8: 3, 16: 4, 32: 5, 64: 6 };

/** BT and its companions. A register offset into memory reaches beyond the operand, signed. */
function bitTest(change?: (e: Emitter, a: Value, bit: Value) => Value): Meaning {
  return (e) => {
    const offset = e.read(1);
    if (!e.isRegister(0) && e.isRegister(1)) {
      const signed = e.size === 64 ? offset : e.toI64Signed(e.signExtend(offset, e.size));
      const units = e.shrS(signed, e.i64(BigInt(LOG2[e.size])));
      e.displace(0, e.shl(units, e.i64(BigInt(LOG2[e.size] - 3))));
    }
    const a = change ? e.modify(0) : e.read(0);
    const position = e.let(e.and(offset, constant(e, e.size - 1)));
    if (change) e.write(0, change(e, a, e.shl(constant(e, 1), position)));
    setCarry(e, e.let(lowBit(e, e.shrU(a, position))));
  };
}

/** BSF, BSR: ZF says that the source was zero, and then the destination keeps its value. */
function scan(forward: boolean): Meaning {
  return (e) => {
    const source = e.read(1);
    const found = e.let(e.eqz(e.eqz(source)));
    const width = e.size === 64 ? 64 : 32;
    const index = forward ? e.ctz(source) : e.sub(constant(e, width - 1), e.clz(source));
    e.if(found, () => e.write(0, index));
    setZero(e, e.let(e.xor(found, e.i32(1))));
  };
}

/** TZCNT, LZCNT: the operand size for zero; CF says that the source was zero. */
function countZeros(trailing: boolean): Meaning {
  return (e) => {
    const source = e.read(1);
    const zero = e.let(e.eqz(source));
    const width = e.size === 64 ? 64 : 32;
    const count = trailing
      ? e.ctz(e.size === 16 ? e.or(source, e.i32(0x10000)) : source)
      : e.sub(e.clz(source), constant(e, width - e.size));
    const result = e.let(count);
    e.write(0, result);
    e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: auxFromCarryOverflow(e, zero, e.i32(0)) }));
  };
}

/** Meanings by name. */
export const bits: Readonly<Record<string, Meaning>> = {
  rol: rotate(true),
  ror: rotate(false),
  rcl: rotateThroughCarry(true),
  rcr: rotateThroughCarry(false),
  shl: shift(shiftLeft),
  shr: shift(shiftRight),
  sar: shift(shiftRightSigned),
  shld: shiftDouble(true),
  shrd: shiftDouble(false),
  bt: bitTest(),
  bts: bitTest((e, a, bit) => e.or(a, bit)),
  btr: bitTest((e, a, bit) => e.and(a, e.xor(bit, constant(e, -1)))),
  btc: bitTest((e, a, bit) => e.xor(a, bit)),
  bsf: scan(true),
  bsr: scan(false),
  tzcnt: countZeros(true),
  lzcnt: countZeros(false),
  popcnt: (e) => {
    const source = e.read(1);
    e.write(0, e.popcnt(source));
    e.setStatus(() => ({ result: e.select(e.eqz(source), e.i64(0n), e.i64(0x100n)), aux: e.i32(0x100) }));
  },
};
