/**
 * Meanings of stack instructions and near transfers of control (Intel SDM vol. 2).
 */
import type { Emitter, Meaning, OperandSize, Value } from '../emitter';
import { STATUS_MASK, condition, overflowFlag, statusImage, statusWords, zeroFlag } from '../flags';

const RAX = 0, RCX = 1, RSP = 4, RBP = 5;
/** Place of OF in EFLAGS. */
const OVERFLOW_BIT = 11;

/** A near relative jump, its target checked before anything changes. */
function relative(e: Emitter, taken?: Value): void {
  e.checkRelativeTarget(taken);
  e.branch(taken);
}

const asOffset = (e: Emitter, value: Value): Value => (value.type === e.i64(0n).type ? value : e.toI64Unsigned(value));

function offsetAsOperand(e: Emitter, offset: Value): Value {
  return e.size === 64 ? offset : e.toI32(offset);
}

/** LOOP and its companions: the counter has the address size. */
function loop(extra?: (e: Emitter) => Value): Meaning {
  return (e) => {
    const wide = e.addressSize === 64;
    const one = wide ? e.i64(1n) : e.i32(1);
    const counter = e.let(e.narrow(e.sub(e.register(RCX, e.addressSize), one), e.addressSize));
    const more = e.eqz(e.eqz(counter));
    const taken = e.let(extra ? e.and(more, extra(e)) : more);
    e.checkRelativeTarget(taken);
    e.setRegister(RCX, e.addressSize, counter);
    e.branch(taken);
  };
}

/** Near return; `extra` bytes of parameters are dropped. */
function nearReturn(extra: boolean): Meaning {
  return (e) => {
    const top = e.pop(e.size);
    const target = e.let(asOffset(e, top.value));
    e.checkTarget(target);
    top.commit(extra ? e.and(asOffset(e, e.immediate()), e.i64(0xffffn)) : undefined);
    e.goBack(target);
  };
}

/** POP to a ModRM operand: its address is computed with the stack pointer behind the pop (Intel SDM vol. 2, POP). */
const popToOperand: Meaning = (e) => {
  const top = e.pop(e.size);
  const value = e.let(top.value);
  if (e.isRegister(0)) {
    top.commit();
    return e.write(0, value);
  }
  e.displace(0, e.select(e.isStackBased(), e.i64(BigInt(e.size / 8)), e.i64(0n)));
  e.write(0, value);
  top.commit();
};

const leave: Meaning = (e) => {
  const frame = e.let(e.register(RBP, 64));
  const saved = e.let(e.readStack(frame, e.size));
  e.setStackPointer(e.add(frame, e.i64(BigInt(e.size / 8))));
  e.setRegister(RBP, e.size, saved);
};

/** Nesting levels of ENTER are taken modulo 32. */
const ENTER_LEVELS = 0x1f;
/**
 * ENTER of the outermost level on a stack of 16 bits, as 16-bit programs have it; deeper ones, and other stacks, are the service's. With operands of 32 bits the
 * frame pointer is all of ESP.
 */
const enter: Meaning = (e) => {
  if (e.codeModel !== 'seg' || e.size === 64) return e.service();
  e.orService((giveUpIf) => {
    giveUpIf(e.and(e.secondImmediate(), e.i32(ENTER_LEVELS)));
    const pointer = e.let(e.toI32(e.stackPointer()));
    const locals = e.let(e.and(e.immediate(), e.i32(0xffff)));
    giveUpIf(e.eqz(e.pushFrame(pointer, e.register(RBP, e.size), locals)));
    const frame = e.let(e.sub(pointer, e.i32(e.size / 8)));
    e.setRegister(RBP, e.size, e.size === 16 ? frame : e.or(e.and(e.register(RSP, 32), e.i32(~0xffff)), frame));
    e.setStackPointer(e.toI64Unsigned(e.sub(frame, locals)));
  });
};

const REGISTERS = 8;
/** PUSHA and POPA where all registers lie in one page; ESP is pushed as it was, and not popped. */
const pushAll: Meaning = (e) => {
  if (e.codeModel === 'long') return e.service();
  e.orService((giveUpIf) => {
    const top = e.let(e.sub(e.stackPointer(), e.i64(BigInt(e.size))));
    // One that wraps around is the service's.
    giveUpIf(e.ltS(top, e.i64(0n)));
    const host = e.registersOnStack(top, 'write', giveUpIf);
    for (let i = 0; i < REGISTERS; i++) e.storeTo(host, ((REGISTERS - 1 - i) * e.size) / 8, e.register(i, e.size));
    e.setStackPointer(top);
  });
};
const popAll: Meaning = (e) => {
  if (e.codeModel === 'long') return e.service();
  e.orService((giveUpIf) => {
    const top = e.let(e.stackPointer());
    const host = e.registersOnStack(top, 'read', giveUpIf);
    for (let i = 0; i < REGISTERS; i++) if (i !== RSP) e.setRegister(i, e.size, e.loadFrom(host, ((REGISTERS - 1 - i) * e.size) / 8));
    e.setStackPointer(e.add(top, e.i64(BigInt(e.size))));
  });
};

/** Status flags as LAHF and SAHF see them: SF ZF 0 AF 0 PF 1 CF. */
const lahf: Meaning = (e) => {
  e.setHighByte(RAX, e.or(e.and(statusImage(e), e.i32(0xff)), e.i32(2)));
};

const sahf: Meaning = (e) => {
  const kept = e.shl(overflowFlag(e), e.i32(OVERFLOW_BIT));
  const image = e.let(e.or(e.and(e.highByte(RAX), e.i32(STATUS_MASK)), kept));
  e.setStatus(() => statusWords(e, image));
};

/** Meanings by name. */
export const control: Readonly<Record<string, Meaning>> = {
  push: (e) => e.push(e.read(0), e.size),
  pop: (e) => {
    const top = e.pop(e.size);
    const value = e.let(top.value);
    top.commit();
    e.write(0, value);
  },
  pop_ev: popToOperand,
  leave,
  enter,
  pusha: pushAll,
  popa: popAll,
  lahf,
  sahf,
  jmp: (e) => relative(e),
  jmpIndirect: (e) => {
    const target = e.let(asOffset(e, e.read(0)));
    e.checkTarget(target);
    e.jump(target);
  },
  call: (e) => {
    e.checkRelativeTarget();
    e.push(offsetAsOperand(e, e.nextInstruction(e.size)), e.size);
    e.branch();
  },
  callIndirect: (e) => {
    const target = e.let(asOffset(e, e.read(0)));
    e.checkTarget(target);
    e.push(offsetAsOperand(e, e.nextInstruction(e.size)), e.size);
    e.jump(target);
  },
  ret: nearReturn(false),
  retImmediate: nearReturn(true),
  loop: loop(),
  loope: loop(zeroFlag),
  loopne: loop((e) => e.eqz(zeroFlag(e))),
  jcxz: (e) => relative(e, e.let(e.eqz(e.register(RCX, e.addressSize as OperandSize)))),
};

/** Jcc by condition number. */
export function conditionalJump(code: number): Meaning {
  return (e) => relative(e, e.let(condition(e, code)));
}
