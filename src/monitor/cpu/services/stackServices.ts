/**
 * Services for stack instructions with several accesses or flags: PUSHA, POPA, PUSHF, POPF, ENTER. All memory is checked before a register changes.
 */
import { generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { FLAG, cut } from '../state';
import { currentFrame, currentStack, type StackBytes } from '../stackFrame';
import { checkVirtualImage, loadVirtualImage, virtualImage, virtualTask } from '../virtualInterrupts';

/** Operand size of a stack instruction in bytes. */
export const stackWidth = (op: Operation): StackBytes => (op.size === 1 ? 2 : op.size);

function pusha(cpu: Cpu, op: Operation): Outcome {
  const size = stackWidth(op);
  const frame = currentFrame(cpu);
  frame.reserve(8, size);
  for (let i = 0; i < 8; i++) frame.push(cpu.state.reg(i, size), size);
  frame.commit();
  return 'next';
}

function popa(cpu: Cpu, op: Operation): Outcome {
  const size = stackWidth(op);
  const frame = currentFrame(cpu);
  const values: number[] = [];
  for (let i = 0; i < 8; i++) values.push(frame.pop(size));
  frame.commit();
  values.reverse().forEach((value, i) => {
    if (i !== L.RSP) cpu.state.setReg(i, value, size);
  });
  return 'next';
}

/**
 * Whether PUSHF and POPF act on the flags of a virtual-8086 task that has VIF for IF. #GP(0) in one that has no flags of
 * its own, and for the forms of 32 bits.
 */
function virtualWord(cpu: Cpu, op: Operation): boolean {
  const s = cpu.state;
  if (!s.virtual8086 || s.iopl === 3) return false;
  if (!virtualTask(cpu) || op.size !== 2) throw generalProtection();
  return true;
}

function pushf(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const virtual = virtualWord(cpu, op);
  const frame = currentFrame(cpu);
  frame.push(virtual ? virtualImage(cpu) : s.flags & ~(FLAG.RF | FLAG.VM), stackWidth(op));
  frame.commit();
  return 'next';
}

function popf(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const virtual = virtualWord(cpu, op);
  const frame = currentFrame(cpu);
  const image = op.size === 8 ? Number(frame.pop64() & 0xffffffffn) : frame.pop(stackWidth(op));
  if (virtual) {
    checkVirtualImage(cpu, image);
    loadVirtualImage(cpu, image);
    frame.commit();
    return 'next';
  }
  const old = s.flags;
  let keep = FLAG.VM | FLAG.VIF | FLAG.VIP | FLAG.RF;
  if (s.protectedMode) {
    if (s.cpl !== 0 || s.virtual8086) keep |= FLAG.IOPL;
    if (s.cpl > s.iopl) keep |= FLAG.IF;
  }
  if (op.size === 2) keep |= 0xffff0000;
  // VIF, VIP and VM stay as they are at every CPL; RF comes out clear.
  s.flags = ((old & keep) | (image & ~keep)) & ~FLAG.RF;
  frame.commit();
  if (s.systemFlags & FLAG.TF || (cpu.interruptLine && s.systemFlags & FLAG.IF)) cpu.attention = true;
  return 'next';
}

/** ENTER. With operands of 32 bits the frame pointer is all of ESP, also on a stack of 16 bits (Intel SDM vol. 2, ENTER). */
function enter(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const size = stackWidth(op);
  const level = op.immediateHigh & 0x1f;
  const { bits } = currentStack(cpu);
  const frame = currentFrame(cpu);
  const base = s.pointer(L.RBP, bits);
  if (size === 8) frame.push64(s.reg64(L.RBP));
  else frame.push(s.reg(L.RBP, size), size);
  const pointer = size === 4 && bits === 16 ? ((s.reg(L.RSP) & 0xffff0000) | frame.offset) >>> 0 : frame.offset;
  if (level > 0) {
    for (let i = 1; i < level; i++) {
      const at = cut(base - i * size, bits);
      if (size === 8) frame.push64(cpu.read64(L.SS, at));
      else frame.push(cpu.read(L.SS, at, size), size);
    }
    frame.push(pointer, size);
  }
  frame.skip(-(op.immediate & 0xffff));
  // The new top has to be writable, although nothing is written there.
  cpu.mmu.check(cpu.linear(L.SS, frame.offset, 1, true), 1, true, cpu.user);
  frame.commit();
  if (size === 2) s.setReg(L.RBP, pointer, 2);
  else s.setReg(L.RBP, pointer, bits === 64 ? 8 : 4);
  return 'next';
}

export const stackServices: Readonly<Record<string, Service>> = { pusha, popa, pushf, popf, enter };
