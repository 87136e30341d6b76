/**
 * Services for instructions that move selectors and far pointers into and out of segment registers.
 */
import { VECTOR, fault, type Cpu } from '../cpu';
import { loadSegment } from '../descriptors';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { StackFrame, currentFrame, currentStack } from '../stackFrame';
import { readFarPointer, readOperand, writeReg, writeSelector } from './operand';
import { stackWidth } from './stackServices';

/**
 * Holds interrupts back until the instruction behind the present one is done: STI, and MOV SS and POP SS, which do the
 * same to debug exceptions (Intel SDM vol. 3, 6.8.3). LSS holds nothing back: it loads the whole stack pointer.
 */
export function holdInterrupts(cpu: Cpu, what: 'interrupts' | 'debug too'): void {
  cpu.state.setF64(L.SHADOW_COUNT, cpu.surroundings.retired() + 1);
  cpu.state.setU32(L.SHADOW_WHOLE, what === 'interrupts' ? 0 : 1);
}

function pushSegment(segment: number): Service {
  return (cpu, op) => {
    const frame = currentFrame(cpu);
    const size = stackWidth(op);
    const selector = cpu.state.selector(segment);
    if (size !== 4) frame.push(selector, size);
    else {
      // The processor moves the pointer by four bytes and writes two.
      frame.skip(-4);
      cpu.write(L.SS, frame.offset, 2, selector);
    }
    frame.commit();
    return 'next';
  };
}

function popSegment(segment: number): Service {
  return (cpu, op) => {
    const frame = currentFrame(cpu);
    const selector = frame.pop(stackWidth(op)) & 0xffff;
    loadSegment(cpu, segment, selector);
    // With a new SS the pointer moves in the new stack's width.
    new StackFrame(cpu, currentStack(cpu), frame.offset).commit();
    if (segment === L.SS) holdInterrupts(cpu, 'debug too');
    return 'next';
  };
}

function loadFarPointer(segment: number): Service {
  return (cpu, op) => {
    // An offset of 64 bits may be any number.
    const wide = op.size === 8 ? cpu.read64(op.segment, op.offset) : undefined;
    const { offset, selector } = readFarPointer(cpu, op);
    loadSegment(cpu, segment, selector);
    if (wide !== undefined) cpu.state.setReg64(op.reg, wide);
    else writeReg(cpu, op, offset);
    return 'next';
  };
}

function moveToSegment(cpu: Cpu, op: Operation): Outcome {
  const segment = op.reg & 7;
  if (segment === L.CS || segment > L.GS) throw fault(VECTOR.UD);
  loadSegment(cpu, segment, readOperand(cpu, op, 2));
  if (segment === L.SS) holdInterrupts(cpu, 'debug too');
  return 'next';
}

function moveFromSegment(cpu: Cpu, op: Operation): Outcome {
  const segment = op.reg & 7;
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
