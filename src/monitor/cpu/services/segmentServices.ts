/**
 * Services for instructions that move selectors and far pointers into and out of segment registers.
 */
import { VECTOR, fault, type Cpu } from '../cpu';
import { loadSegment } from '../descriptors';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { StackFrame, currentStack } from '../stackFrame';
import { readFarPointer, readOperand, regField, writeReg, writeSelector } from './operand';

const width = (op: Operation): 2 | 4 => (op.size === 2 ? 2 : 4);

/** Holds interrupts back until the instruction behind the present one is done (MOV SS, POP SS, STI). */
export function holdInterrupts(cpu: Cpu): void {
  cpu.state.setF64(L.SHADOW_COUNT, cpu.surroundings.retired() + 1);
}

function pushSegment(segment: number): Service {
  return (cpu, op) => {
    const frame = new StackFrame(cpu, currentStack(cpu), cpu.state.reg(L.RSP));
    if (op.size === 2) frame.push(cpu.state.selector(segment), 2);
    else {
      // The processor moves the pointer by four bytes and writes two.
      const at = (cpu.state.reg(L.RSP) - 4) & cpu.state.stackMask;
      cpu.write(L.SS, at >>> 0, 2, cpu.state.selector(segment));
      frame.skip(-4);
    }
    frame.commit();
    return 'next';
  };
}

function popSegment(segment: number): Service {
  return (cpu, op) => {
    const frame = new StackFrame(cpu, currentStack(cpu), cpu.state.reg(L.RSP));
    const selector = frame.pop(width(op)) & 0xffff;
    loadSegment(cpu, segment, selector);
    // With a new SS the pointer moves in the new stack's width.
    new StackFrame(cpu, currentStack(cpu), frame.offset).commit();
    if (segment === L.SS) holdInterrupts(cpu);
    return 'next';
  };
}

function loadFarPointer(segment: number): Service {
  return (cpu, op) => {
    const { offset, selector } = readFarPointer(cpu, op);
    loadSegment(cpu, segment, selector);
    writeReg(cpu, op, offset);
    if (segment === L.SS) holdInterrupts(cpu);
    return 'next';
  };
}

function moveToSegment(cpu: Cpu, op: Operation): Outcome {
  const segment = regField(op);
  if (segment === L.CS || segment > L.GS) throw fault(VECTOR.UD);
  loadSegment(cpu, segment, readOperand(cpu, op, 2));
  if (segment === L.SS) holdInterrupts(cpu);
  return 'next';
}

function moveFromSegment(cpu: Cpu, op: Operation): Outcome {
  const segment = regField(op);
  if (segment > L.GS) throw fault(VECTOR.UD);
  writeSelector(cpu, op, cpu.state.selector(segment));
  return 'next';
}

export const segmentServices: Readonly<Record<string, Service>> = {
  push_es: pushSegment(L.ES),
  push_cs: pushSegment(L.CS),
  push_ss: pushSegment(L.SS),
  push_ds: pushSegment(L.DS),
  push_fs: pushSegment(L.FS),
  push_gs: pushSegment(L.GS),
  pop_es: popSegment(L.ES),
  pop_ss: popSegment(L.SS),
  pop_ds: popSegment(L.DS),
  pop_fs: popSegment(L.FS),
  pop_gs: popSegment(L.GS),
  les: loadFarPointer(L.ES),
  lds: loadFarPointer(L.DS),
  lss: loadFarPointer(L.SS),
  lfs: loadFarPointer(L.FS),
  lgs: loadFarPointer(L.GS),
  mov_to_seg: moveToSegment,
  mov_from_seg: moveFromSegment,
};
