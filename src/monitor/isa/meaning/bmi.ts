/** Meanings of BMI1 and BMI2: bit manipulation of general registers with three operands (Intel SDM vol. 2). */
import type { Emitter, Meaning, Value } from '../emitter';
import { auxFromCarryOverflow, resultWord } from '../flags';
import { highProduct64 } from './arithmetic';

const RDX = 2;

/** Flags of a result with CF given (0 or 1); OF is cleared, AF and PF are undefined. */
function setResult(e: Emitter, result: Value, carry: Value): void {
  e.setStatus(() => ({ result: resultWord(e, result, e.size), aux: auxFromCarryOverflow(e, e.let(carry), e.i32(0)) }));
}

const one = (e: Emitter): Value => e.operandConstant(1);
const isZero = (e: Emitter, a: Value): Value => e.eqz(a);
const isSet = (e: Emitter, a: Value): Value => e.xor(e.eqz(a), e.i32(1));

const andNot: Meaning = (e) => {
  const b = e.read(2);
  const result = e.let(e.and(e.xor(e.read(1), e.operandConstant(-1)), b));
  e.write(0, result);
  setResult(e, result, e.i32(0));
};

/** BLSR, BLSMSK, BLSI: about the lowest set bit. */
const lowestBit = (body: (e: Emitter, a: Value) => Value, carry: (e: Emitter, a: Value) => Value): Meaning => (e) => {
  const a = e.read(1);
  const result = e.let(body(e, a));
  e.write(0, result);
  setResult(e, result, carry(e, a));
};

/** BEXTR: as many bits as the control's second byte says, from the bit that its first says. */
const extract: Meaning = (e) => {
  const a = e.read(1);
  const control = e.let(e.toI32(e.read(2)));
  const start = e.let(e.and(control, e.i32(0xff)));
  const length = e.let(e.and(e.shrU(control, e.i32(8)), e.i32(0xff)));
  const shifted = e.select(e.ltU(start, e.i32(e.size)), e.shrU(a, e.toOperand(start)), e.operandConstant(0));
  const result = e.let(e.and(shifted, lowBits(e, length)));
  e.write(0, result);
  setResult(e, result, e.i32(0));
};

/** As many ones as an i32 says, from bit 0 up; all from the operand size on. */
const lowBits = (e: Emitter, count: Value): Value =>
  e.select(e.ltU(count, e.i32(e.size)), e.sub(e.shl(one(e), e.toOperand(count)), one(e)), e.operandConstant(-1));

/** BZHI: bits from the index on are cleared; CF says that there are none. */
const zeroHigh: Meaning = (e) => {
  const a = e.read(1);
  const index = e.let(e.and(e.toI32(e.read(2)), e.i32(0xff)));
  const result = e.let(e.and(a, lowBits(e, index)));
  e.write(0, result);
  setResult(e, result, e.xor(e.ltU(index, e.i32(e.size)), e.i32(1)));
};

/** MULX: both halves of a product, no flags. The high half is written last: it stays when both go to one register. */
const multiply: Meaning = (e) => {
  const factor = e.read(2);
  const other = e.let(e.register(RDX, e.size));
  if (e.size === 64) {
    const high = e.let(highProduct64(e, factor, other));
    e.write(1, e.mul(factor, other));
    return e.write(0, high);
  }
  const product = e.let(e.mul(e.toI64Unsigned(factor), e.toI64Unsigned(other)));
  e.write(1, e.toI32(product));
  e.write(0, e.toI32(e.shrU(product, e.i64(32n))));
};

/** PDEP and PEXT: bit after bit of the mask, lowest first. */
function spread(deposit: boolean): Meaning {
  return (e) => {
    const mask = e.variable(e.read(2));
    const source = e.read(1);
    const result = e.variable(e.operandConstant(0));
    const next = e.variable(one(e));
    e.repeatWhile(
      () => isSet(e, mask),
      () => {
        const lowest = e.let(e.and(mask, e.sub(e.operandConstant(0), mask)));
        const [test, set] = deposit ? [next, lowest] : [lowest, next];
        e.if(isSet(e, e.and(source, test)), () => e.assign(result, e.or(result, set)));
        e.assign(next, e.shl(next, one(e)));
        e.assign(mask, e.xor(mask, lowest));
      },
    );
    e.write(0, result);
  };
}

/** RORX, SHLX and its like: without flags. */
const shiftBy = (kind: 'shl' | 'shrU' | 'shrS' | 'rotr'): Meaning => (e) => {
  const a = e.read(1);
  e.write(0, e[kind](a, kind === 'rotr' ? e.immediate() : e.read(2)));
};

/** Meanings by name. */
export const bmi: Readonly<Record<string, Meaning>> = {
  andn: andNot,
  blsr: lowestBit((e, a) => e.and(a, e.sub(a, one(e))), isZero),
  blsmsk: lowestBit((e, a) => e.xor(a, e.sub(a, one(e))), isZero),
  blsi: lowestBit((e, a) => e.and(a, e.sub(e.operandConstant(0), a)), isSet),
  bextr: extract,
  bzhi: zeroHigh,
  mulx: multiply,
  pdep: spread(true),
  pext: spread(false),
  rorx: shiftBy('rotr'),
  shlx: shiftBy('shl'),
  shrx: shiftBy('shrU'),
  sarx: shiftBy('shrS'),
};
