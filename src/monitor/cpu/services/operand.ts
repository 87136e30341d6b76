/**
 * ModRM operands of services: read and written as register or memory.
 */
import type { Cpu, OperandBytes } from '../cpu';
import type { Operation } from '../operation';

/** The ModRM operand: 1, 2 or 4 bytes, or an address of 8. */
export function readOperand(cpu: Cpu, op: Operation, size: OperandBytes): number {
  return op.isMemory ? cpu.read(op.segment, op.offset, size) : cpu.state.reg(op.rm, size);
}

export function writeOperand(cpu: Cpu, op: Operation, size: OperandBytes, value: number): void {
  if (op.isMemory) cpu.write(op.segment, op.offset, size, value);
  else cpu.state.setReg(op.rm, value, size);
}

/** A selector stored to a register takes the operand size; to memory always two bytes. */
export function writeSelector(cpu: Cpu, op: Operation, value: number): void {
  if (op.isMemory) cpu.write(op.segment, op.offset, 2, value);
  else cpu.state.setReg(op.rm, value, op.size);
}

/** Writes the general register of ModRM.reg in the operand size. */
export function writeReg(cpu: Cpu, op: Operation, value: number): void {
  cpu.state.setReg(op.reg, value, op.size);
}

/** A far pointer in memory: offset of the operand size, then the selector. */
export function readFarPointer(cpu: Cpu, op: Operation): { offset: number; selector: number } {
  const offset = cpu.read(op.segment, op.offset, op.size);
  const selector = cpu.read(op.segment, op.offsetOf(op.size), 2);
  return { offset, selector };
}
