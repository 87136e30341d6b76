/**
 * Meanings of the x87 unit's arithmetic and comparisons, where operands and results are normal numbers, zeros or infinities; see ./x87
 * for who does the rest.
 *
 * Source: Intel SDM vol. 2.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { compute, readMemory, waiting, type IntegerType, type Number80, type Operation, type RealType, type Unit } from './x87Unit';

/** Codes of comparisons. */
const EQUAL = 0x4000, UNORDERED = 0x400, LESS = 0x100;

const OPERATIONS: readonly Operation[] = ['add', 'mul', 'sub', 'subr', 'div', 'divr'];
/** Types of memory operands of arithmetic. */
const TYPES: readonly (RealType | IntegerType)[] = ['m32', 'm64', 'i16', 'i32'];

/** ST(0) = ST(0) op memory. */
const withMemory = (operation: Operation, type: RealType | IntegerType): Meaning =>
  waiting((unit) => {
    const top = unit.register(0);
    unit.needs(top);
    const source = readMemory(unit, type);
    finish(unit, top, compute(unit, operation, unit.value(top), source));
  });

function finish(unit: Unit, register: Value, result: Number80): void {
  unit.set(register, result);
  unit.finish(unit.withFlags(result));
}

/** ST(0) = ST(0) op ST(i). */
const withRegister = (operation: Operation): Meaning =>
  waiting((unit) => {
    const [top, source] = operands(unit);
    finish(unit, top, compute(unit, operation, unit.value(top), unit.value(source)));
  });

/** ST(i) = ST(i) op ST(0). */
const toRegister = (operation: Operation, pops: boolean): Meaning =>
  waiting((unit) => {
    const [top, target] = operands(unit);
    const result = compute(unit, operation, unit.value(target), unit.value(top));
    unit.set(target, result);
    unit.finish(unit.moveTop(unit.withFlags(result), pops ? 1 : 0), pops ? unit.tagged([], [top]) : unit.tags);
  });

/** ST(0) and ST(i), neither empty. */
function operands(unit: Unit): readonly [Value, Value] {
  const top = unit.register(0);
  const other = unit.operand();
  unit.needs(top);
  unit.needs(other);
  return [top, other];
}

/** ST(0) = routine of ST(0). */
const onTop = (routine: 'squareRoot' | 'integral'): Meaning =>
  waiting((unit, e) => {
    const top = unit.register(0);
    unit.needs(top);
    const { significand, word } = unit.value(top);
    finish(unit, top, unit.common(e.x87Routine(routine, significand, word, unit.words)));
  });

/** What an instruction makes of a quiet NaN: FCOM an exception, FUCOM just another relation. */
type Kind = 'ordered' | 'unordered';

/** How ST(0) compares: C3, C2 and C0, in their places of the status word. */
function relation(unit: Unit, kind: Kind, a: Number80, b: Number80): Value {
  const { e } = unit;
  const codes = e.x87Compare(a.significand, a.word, b.significand, b.word);
  const refused = e.ltS(codes, e.i32(0));
  unit.giveUpIf(kind === 'ordered' ? e.or(refused, e.and(codes, e.i32(UNORDERED))) : refused);
  return codes;
}

/** Ends a comparison: so many registers leave the stack. */
function finishComparison(unit: Unit, words: Value, pops: number): void {
  const emptied = Array.from({ length: pops }, (_, i) => unit.register(i));
  unit.finish(unit.moveTop(words, pops), unit.tagged([], emptied));
}

function setCodes(unit: Unit, codes: Value, pops: number): void {
  finishComparison(unit, unit.withCodes(unit.e.shl(codes, unit.e.i32(16))), pops);
}

const compareMemory = (type: RealType | IntegerType, pops: number): Meaning =>
  waiting((unit) => {
    const top = unit.register(0);
    unit.needs(top);
    const source = readMemory(unit, type);
    setCodes(unit, relation(unit, 'ordered', unit.value(top), source), pops);
  });

const compareRegister = (kind: Kind, pops: number): Meaning =>
  waiting((unit) => {
    const [top, other] = operands(unit);
    setCodes(unit, relation(unit, kind, unit.value(top), unit.value(other)), pops);
  });

/** FCOMI: ZF, PF and CF for C3, C2 and C0, and the other status flags clear. C1 stays. */
const compareToFlags = (kind: Kind, pops: number): Meaning =>
  waiting((unit, e) => {
    const [top, other] = operands(unit);
    const codes = relation(unit, kind, unit.value(top), unit.value(other));
    setComparisonFlags(e, codes);
    finishComparison(unit, unit.words, pops);
  });

function setComparisonFlags(e: Emitter, codes: Value): void {
  const equal = e.and(codes, e.i32(EQUAL));
  // CF without OF is in both of aux's upper bits; PF is clear when the parity of the low byte is odd.
  const carry = e.select(e.and(codes, e.i32(LESS)), e.i32(0xc0000000 | 0), e.i32(0));
  const parity = e.select(e.and(codes, e.i32(UNORDERED)), e.i32(0), e.i32(0x100));
  e.setStatus(() => ({ result: e.select(equal, e.i64(0n), e.i64(0x100n)), aux: e.or(carry, parity) }));
}

const test = waiting((unit, e) => {
  const top = unit.register(0);
  unit.needs(top);
  setCodes(unit, relation(unit, 'ordered', unit.value(top), { significand: e.i64(0n), word: e.i32(0) }), 0);
});

/** Meanings by name. */
export const x87Arithmetic: Readonly<Record<string, Meaning>> = {
  ...Object.fromEntries(
    OPERATIONS.flatMap((operation) => [
      [`f${operation}_top`, withRegister(operation)],
      [`f${operation}_to`, toRegister(operation, false)],
      [`f${operation}_pop`, toRegister(operation, true)],
      ...TYPES.map((type) => [`f${operation}_${type}`, withMemory(operation, type)] as const),
    ]),
  ),
  ...Object.fromEntries(
    TYPES.flatMap((type) => [
      [`fcom_${type}`, compareMemory(type, 0)],
      [`fcomp_${type}`, compareMemory(type, 1)],
    ]),
  ),
  fcom_top: compareRegister('ordered', 0),
  fcomp_top: compareRegister('ordered', 1),
  fcompp: compareRegister('ordered', 2),
  fucom: compareRegister('unordered', 0),
  fucomp: compareRegister('unordered', 1),
  fucompp: compareRegister('unordered', 2),
  fcomi: compareToFlags('ordered', 0),
  fcomip: compareToFlags('ordered', 1),
  fucomi: compareToFlags('unordered', 0),
  fucomip: compareToFlags('unordered', 1),
  ftst: test,
  fsqrt: onTop('squareRoot'),
  frndint: onTop('integral'),
};
