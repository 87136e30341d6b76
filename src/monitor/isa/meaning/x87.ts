/**
 * Meanings of x87 instructions: loads, stores, exchanges, conditional moves, constants, and control. They do what is
 * common; the service does the rest: stack faults, pending and unmasked exceptions, signalling NaNs, denormals. Where
 * CR0.TS or CR0.EM is set, the service has the instruction from the start (../../engine/admission).
 *
 * Source: Intel SDM vol. 2.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { carryFlag, parityFlag, zeroFlag } from '../flags';
import { EXPONENT, INTEGER_BIT, SIGN, STATUS, readMemory, waiting, type IntegerType, type Number80, type RealType, type Unit } from './x87Unit';

const RAX = 0;
/** Control word: what can be written, and what is always set. */
const CONTROL_WRITABLE = 0x1f3f, CONTROL_FIXED = 0x40, EXCEPTIONS = 0x3f, ROUNDING = 0xc00, TRUNCATE = 0xc00;

/** Pushes a value that is there when the instruction begins. */
function push(unit: Unit, register: Value, value: Number80): void {
  unit.set(register, value);
  unit.finish(unit.moveTop(unit.withFlags(), -1), unit.tagged([register]));
}

/** The register that a push fills. */
function room(unit: Unit): Value {
  const register = unit.register(-1);
  unit.needsRoom(register);
  return register;
}

const loadMemory = (type: RealType | IntegerType): Meaning =>
  waiting((unit) => {
    const register = room(unit);
    push(unit, register, readMemory(unit, type));
  });

const loadExtended = waiting((unit, e) => {
  const register = room(unit);
  push(unit, register, e.readExtended(0));
});

const loadRegister = waiting((unit) => {
  const source = unit.operand();
  unit.needs(source);
  const register = room(unit);
  push(unit, register, unit.value(source));
});

/** A constant that RC rounds: the significand that is next below the number, and whether that is nearest. Exact ones are the same either way. */
const constant = (significand: bigint, word: number, rounding: 'exact' | 'down' | 'up'): Meaning =>
  waiting((unit, e) => {
    const register = room(unit);
    const next = e.i64(significand + 1n);
    const given = e.i64(significand);
    const mode = e.and(unit.words, e.i32(ROUNDING));
    const increases = rounding === 'up' ? e.eqz(e.and(mode, e.i32(0x400))) : e.eq(mode, e.i32(0x800));
    push(unit, register, { significand: rounding === 'exact' ? given : e.select(increases, next, given), word: e.i32(word) });
  });

/** Ends a store: ST(0) leaves the stack if it is popped. */
function finishStore(unit: Unit, top: Value, pops: boolean, result?: Number80): void {
  unit.finish(unit.moveTop(unit.withFlags(result), pops ? 1 : 0), pops ? unit.tagged([], [top]) : unit.tags);
}

const storeReal = (type: RealType, pops: boolean): Meaning =>
  waiting((unit, e) => {
    const top = unit.register(0);
    unit.needs(top);
    const { significand, word } = unit.value(top);
    const encoded = unit.common(e.x87Routine(type === 'm64' ? 'toDouble' : 'toSingle', significand, word, unit.words));
    e.write(0, type === 'm64' ? encoded.significand : e.toI32(encoded.significand), type === 'm64' ? 64 : 32);
    finishStore(unit, top, pops, encoded);
  });

const BITS = { i16: 16, i32: 32, i64: 64 } as const;

const storeInteger = (type: IntegerType, pops: boolean, truncates = false): Meaning =>
  waiting((unit, e) => {
    const bits = BITS[type];
    const top = unit.register(0);
    unit.needs(top);
    const { significand, word } = unit.value(top);
    const control = truncates ? e.or(unit.words, e.i32(TRUNCATE)) : unit.words;
    const integer = unit.common(e.x87Routine('toInteger', significand, word, control, e.i64(1n << BigInt(bits - 1))));
    e.write(0, bits === 64 ? integer.significand : e.toI32(integer.significand), bits);
    finishStore(unit, top, pops, integer);
  });

const storeExtended = waiting((unit, e) => {
  const top = unit.register(0);
  unit.needs(top);
  const { significand, word } = unit.value(top);
  e.writeExtended(0, significand, word);
  finishStore(unit, top, true);
});

const storeRegister = (pops: boolean): Meaning =>
  waiting((unit) => {
    const top = unit.register(0);
    unit.needs(top);
    const target = unit.operand();
    unit.set(target, unit.value(top));
    unit.finish(unit.moveTop(unit.withFlags(), pops ? 1 : 0), unit.tagged([target], pops ? [top] : []));
  });

const exchange = waiting((unit) => {
  const top = unit.register(0);
  const other = unit.operand();
  unit.needs(top);
  unit.needs(other);
  const [first, second] = [unit.value(top), unit.value(other)];
  unit.set(top, second);
  unit.set(other, first);
  unit.finish(unit.withFlags());
});

const moveIf = (condition: (e: Emitter) => Value): Meaning =>
  waiting((unit, e) => {
    const top = unit.register(0);
    const source = unit.operand();
    unit.needs(top);
    unit.needs(source);
    e.if(condition(e), () => unit.set(top, unit.value(source)));
    unit.finish(unit.words);
  });

/** FABS, FCHS: the sign alone changes. */
const changeSign = (change: (e: Emitter, word: Value) => Value): Meaning =>
  waiting((unit, e) => {
    const top = unit.register(0);
    unit.needs(top);
    const { significand, word } = unit.value(top);
    unit.set(top, { significand, word: change(e, word) });
    unit.finish(unit.withFlags());
  });

/** C3, C2 and C0 say what ST(0) is, and C1 its sign; also of an empty register. */
const examine = waiting((unit, e) => {
  const top = unit.register(0);
  const { significand, word } = unit.value(top);
  const exponent = e.let(e.and(word, e.i32(EXPONENT)));
  const code = (bits: number): Value => e.i32(bits);
  const { c0, c2, c3 } = STATUS;
  const least = e.select(e.eqz(significand), code(c3), code(c3 | c2));
  const greatest = e.select(e.eq(significand, e.i64(INTEGER_BIT)), code(c2 | c0), code(c0));
  const supported = e.select(e.eq(exponent, e.i32(EXPONENT)), greatest, code(c2));
  const others = e.select(e.ltS(significand, e.i64(0n)), supported, code(0));
  const filled = e.select(e.eqz(exponent), least, others);
  const kind = e.select(e.and(e.shrU(unit.tags, e.shrU(top, e.i32(4))), e.i32(1)), filled, code(c3 | c0));
  const sign = e.select(e.and(word, e.i32(SIGN)), code(STATUS.c1), code(0));
  unit.finish(e.let(unit.withCodes(e.or(kind, sign))));
});

const moveTop = (by: number): Meaning => waiting((unit) => unit.finish(unit.moveTop(unit.withFlags(), by)));

const free = (pops: boolean): Meaning =>
  waiting((unit) => {
    const emptied = [unit.operand(), ...(pops ? [unit.register(0)] : [])];
    unit.finish(unit.moveTop(unit.words, pops ? 1 : 0), unit.tagged([], emptied));
  });

/** Which exceptions are pending hangs on the masks, so that a control word that unmasks one is the service's. */
const loadControl: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const words = e.let(e.x87Words());
    giveUpIf(e.and(words, e.i32(STATUS.summary)));
    const control = e.let(e.or(e.and(e.read(0, 16), e.i32(CONTROL_WRITABLE)), e.i32(CONTROL_FIXED)));
    giveUpIf(e.and(e.and(e.shrU(words, e.i32(16)), e.i32(EXCEPTIONS)), e.xor(control, e.i32(-1))));
    e.setX87Words(e.or(e.and(words, e.i32(0xffff0000 & ~STATUS.busy)), control));
  });

const storeControl: Meaning = (e) => e.write(0, e.and(e.x87Words(), e.i32(0xffff)), 16);
const status = (e: Emitter): Value => e.let(e.shrU(e.x87Words(), e.i32(16)));

const CONTROL_AFTER_INIT = 0x37f;
function initialise(e: Emitter): void {
  e.setX87Words(e.i32(CONTROL_AFTER_INIT));
  e.setX87Tags(e.i32(0));
  e.clearX87Pointers();
}

const clearExceptions: Meaning = (e) => e.setX87Words(e.and(e.x87Words(), e.i32(~(STATUS.exceptions | STATUS.stackFault | STATUS.summary | STATUS.busy))));

/** FNSTENV masks all exceptions behind it. */
const storeEnvironment: Meaning = (e) =>
  e.orService((giveUpIf) => {
    e.transferEnvironment('fnstenv', giveUpIf);
    e.setX87Words(e.and(e.or(e.x87Words(), e.i32(EXCEPTIONS)), e.i32(~(STATUS.summary | STATUS.busy))));
  });

const saveState: Meaning = (e) =>
  e.orService((giveUpIf) => {
    e.transferEnvironment('fnsave', giveUpIf);
    initialise(e);
  });

const restore = (name: 'fldenv' | 'frstor'): Meaning => waiting((unit, e) => e.transferEnvironment(name, unit.giveUpIf));

const CONDITIONS: Readonly<Record<string, (e: Emitter) => Value>> = { b: carryFlag, e: zeroFlag, be: (e) => e.or(carryFlag(e), zeroFlag(e)), u: parityFlag };
const moves = Object.entries(CONDITIONS).flatMap(([name, condition]) => [
  [`fcmov${name}`, moveIf(condition)] as const,
  [`fcmovn${name}`, moveIf((e) => e.eqz(condition(e)))] as const,
]);

/** Meanings by name. */
export const x87: Readonly<Record<string, Meaning>> = {
  ...Object.fromEntries(moves),
  fwait: (e) => e.orService((giveUpIf) => giveUpIf(e.and(e.x87Words(), e.i32(STATUS.summary)))),
  fld_m32: loadMemory('m32'),
  fld_m64: loadMemory('m64'),
  fld_m80: loadExtended,
  fld_st: loadRegister,
  fild_m16: loadMemory('i16'),
  fild_m32: loadMemory('i32'),
  fild_m64: loadMemory('i64'),
  fld1: constant(0x8000000000000000n, 0x3fff, 'exact'),
  fldl2t: constant(0xd49a784bcd1b8afen, 0x4000, 'down'),
  fldl2e: constant(0xb8aa3b295c17f0bbn, 0x3fff, 'up'),
  fldpi: constant(0xc90fdaa22168c234n, 0x4000, 'up'),
  fldlg2: constant(0x9a209a84fbcff798n, 0x3ffd, 'up'),
  fldln2: constant(0xb17217f7d1cf79abn, 0x3ffe, 'up'),
  fldz: constant(0n, 0, 'exact'),
  fst_m32: storeReal('m32', false),
  fst_m64: storeReal('m64', false),
  fstp_m32: storeReal('m32', true),
  fstp_m64: storeReal('m64', true),
  fstp_m80: storeExtended,
  fst_st: storeRegister(false),
  fstp_st: storeRegister(true),
  fist_m16: storeInteger('i16', false),
  fist_m32: storeInteger('i32', false),
  fistp_m16: storeInteger('i16', true),
  fistp_m32: storeInteger('i32', true),
  fistp_m64: storeInteger('i64', true),
  fisttp_m16: storeInteger('i16', true, true),
  fisttp_m32: storeInteger('i32', true, true),
  fisttp_m64: storeInteger('i64', true, true),
  fxch: exchange,
  fabs: changeSign((e, word) => e.and(word, e.i32(EXPONENT))),
  fchs: changeSign((e, word) => e.xor(word, e.i32(SIGN))),
  fxam: examine,
  fdecstp: moveTop(-1),
  fincstp: moveTop(1),
  ffree: free(false),
  ffreep: free(true),
  fldcw: loadControl,
  fnstcw: storeControl,
  fnclex: clearExceptions,
  fninit: initialise,
  fnstenv: storeEnvironment,
  fldenv: restore('fldenv'),
  fnsave: saveState,
  frstor: restore('frstor'),
  fnstsw_m16: (e) => e.write(0, status(e), 16),
  fnstsw_ax: (e) => e.setRegister(RAX, 16, status(e)),
};
