/**
 * ModRM operands of services: read and written as register or memory.
 */
import type { Cpu } from '../cpu';
import type { Operation } from '../operation';

type Bytes = 1 | 2 | 4;

/** Register slot of ModRM.rm. */
const rmSlot = (op: Operation): number => (op.modrm & 7) * 8;
/** Number in ModRM.reg. */
export const regField = (op: Operation): number => (op.modrm >> 3) & 7;

export function readOperand(cpu: Cpu, op: Operation, size: Bytes): number {
  return op.isMemory ? cpu.read(op.segment, op.offset, size) : cpu.state.slot(rmSlot(op), size);
}

export function writeOperand(cpu: Cpu, op: Operation, size: Bytes, value: number): void {
  if (op.isMemory) cpu.write(op.segment, op.offset, size, value);
  else cpu.state.setSlot(rmSlot(op), size, value);
}

/** A selector stored to a register takes the operand size; to memory always two bytes. */
export function writeSelector(cpu: Cpu, op: Operation, value: number): void {
  if (op.isMemory) cpu.write(op.segment, op.offset, 2, value);
  else cpu.state.setSlot(rmSlot(op), op.size, value);
}

/** Writes the general register of ModRM.reg in the operand size. */
export function writeReg(cpu: Cpu, op: Operation, value: number): void {
  cpu.state.setReg(regField(op), value, op.size);
}

/** A far pointer in memory: offset of the operand size, then the selector. */
export function readFarPointer(cpu: Cpu, op: Operation): { offset: number; selector: number } {
  const offset = cpu.read(op.segment, op.offset, op.size);
  const selector = cpu.read(op.segment, ((op.offset + op.size) & op.addressMask) >>> 0, 2);
  return { offset, selector };
}
