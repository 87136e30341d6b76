/**
 * Meanings of stack instructions and near transfers of control (Intel SDM vol. 2).
 */
import type { Emitter, Meaning, OperandSize, Value } from '../emitter';
import { AF, CF, PF, SF, ZF, condition, overflowFlag, statusImage, zeroFlag } from '../flags';

const RAX = 0, RCX = 1, RBP = 5;

/** A near relative jump, its target checked before anything changes. */
function relative(e: Emitter, taken?: Value): void {
  if (taken) e.if(taken, () => e.checkTarget(e.relativeTarget()));
  else e.checkTarget(e.relativeTarget());
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
    e.if(taken, () => e.checkTarget(e.relativeTarget()));
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
    e.jump(target);
  };
}

const leave: Meaning = (e) => {
  const frame = e.let(e.register(RBP, 64));
  const saved = e.let(e.readStack(frame, e.size));
  e.setStackPointer(e.add(frame, e.i64(BigInt(e.size / 8))));
  e.setRegister(RBP, e.size, saved);
};

/** Status flags as LAHF and SAHF see them: SF ZF 0 AF 0 PF 1 CF. */
const lahf: Meaning = (e) => {
  e.setHighByte(RAX, e.or(e.and(statusImage(e), e.i32(0xff)), e.i32(2)));
};

const sahf: Meaning = (e) => {
  const flags = e.let(e.highByte(RAX));
  const bit = (mask: number): Value => e.eqz(e.eqz(e.and(flags, e.i32(mask))));
  const carry = e.let(bit(CF));
  const overflow = overflowFlag(e);
  const carries = e.or(e.shl(carry, e.i32(31)), e.shl(e.xor(carry, overflow), e.i32(30)));
  const adjust = e.shl(bit(AF), e.i32(3));
  const parity = e.shl(e.xor(bit(PF), e.i32(1)), e.i32(8));
  const aux = e.let(e.or(e.or(carries, adjust), e.or(bit(SF), parity)));
  e.setStatus(() => ({ result: e.select(bit(ZF), e.i64(0n), e.i64(0x100n)), aux: aux }));
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
  leave,
  lahf,
  sahf,
  jmp: (e) => relative(e),
  jmpIndirect: (e) => {
    const target = e.let(asOffset(e, e.read(0)));
    e.checkTarget(target);
    e.jump(target);
  },
  call: (e) => {
    e.checkTarget(e.relativeTarget());
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
