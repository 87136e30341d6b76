/**
 * Services for stack instructions with several accesses or flags: PUSHA, POPA, PUSHF, POPF, ENTER, POP to
 * memory. All memory is checked before a register changes.
 */
import { generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { FLAG } from '../state';
import { StackFrame, currentStack } from '../stackFrame';

const width = (op: Operation): 2 | 4 => (op.size === 2 ? 2 : 4);
const frameOf = (cpu: Cpu): StackFrame => new StackFrame(cpu, currentStack(cpu), cpu.state.reg(L.RSP));

function pusha(cpu: Cpu, op: Operation): Outcome {
  const size = width(op);
  const frame = frameOf(cpu);
  frame.reserve(8 * size);
  for (let i = 0; i < 8; i++) frame.push(cpu.state.reg(i, size), size);
  frame.commit();
  return 'next';
}

function popa(cpu: Cpu, op: Operation): Outcome {
  const size = width(op);
  const frame = frameOf(cpu);
  const values: number[] = [];
  for (let i = 0; i < 8; i++) values.push(frame.pop(size));
  frame.commit();
  values.reverse().forEach((value, i) => {
    if (i !== L.RSP) cpu.state.setReg(i, value, size);
  });
  return 'next';
}

function pushf(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  if (s.virtual8086 && s.iopl < 3) throw generalProtection();
  const frame = frameOf(cpu);
  frame.push(s.flags & ~(FLAG.RF | FLAG.VM), width(op));
  frame.commit();
  return 'next';
}

function popf(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  if (s.virtual8086 && s.iopl < 3) throw generalProtection();
  const frame = frameOf(cpu);
  const image = frame.pop(width(op));
  const old = s.flags;
  let keep = FLAG.VM | FLAG.VIF | FLAG.VIP | FLAG.RF;
  if (s.protectedMode) {
    if (s.cpl !== 0 || s.virtual8086) keep |= FLAG.IOPL;
    if (s.cpl > s.iopl) keep |= FLAG.IF;
    if (s.cpl === 0 && !s.virtual8086) keep &= ~(FLAG.VIF | FLAG.VIP);
  }
  if (op.size === 2) keep |= 0xffff0000;
  // VIF, VIP and RF come out clear at CPL 0.
  const cleared = keep & FLAG.VIP ? 0 : FLAG.VIF | FLAG.VIP;
  s.flags = ((old & keep) | (image & ~keep)) & ~(op.size === 4 ? FLAG.RF | cleared : 0);
  frame.commit();
  if (s.systemFlags & FLAG.TF || (cpu.interruptLine && s.systemFlags & FLAG.IF)) cpu.attention = true;
  return 'next';
}

/** POP to memory: the address is computed with the stack pointer behind the pop. */
function popToOperand(cpu: Cpu, op: Operation): Outcome {
  const size = width(op);
  const frame = frameOf(cpu);
  const value = frame.pop(size);
  if (!op.isMemory) {
    frame.commit();
    cpu.state.setReg(op.modrm & 7, value, size);
    return 'next';
  }
  const old = cpu.state.u64(L.REG + 8 * L.RSP);
  frame.commit();
  try {
    cpu.write(op.segment, op.offset, size, value);
  } catch (fault) {
    cpu.state.setU64(L.REG + 8 * L.RSP, old);
    throw fault;
  }
  return 'next';
}

function enter(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const size = width(op);
  const level = op.immediateHigh & 0x1f;
  const stack = currentStack(cpu);
  const frame = frameOf(cpu);
  const base = s.reg(L.RBP);
  frame.push(base, size);
  const pointer = frame.offset;
  if (level > 0) {
    for (let i = 1; i < level; i++) {
      const at = ((base - i * size) & stack.mask) >>> 0;
      frame.push(cpu.read(L.SS, at, size), size);
    }
    frame.push(pointer, size);
  }
  frame.skip(-(op.immediate & 0xffff));
  // The new top has to be writable, although nothing is written there.
  cpu.mmu.check(cpu.linear(L.SS, frame.offset, 1, true), 1, true, cpu.user);
  frame.commit();
  if (size === 2) s.setReg(L.RBP, pointer, 2);
  else s.setReg(L.RBP, stack.mask === 0xffff ? ((base & 0xffff0000) | pointer) >>> 0 : pointer);
  return 'next';
}

export const stackServices: Readonly<Record<string, Service>> = { pusha, popa, pushf, popf, pop_ev: popToOperand, enter };
