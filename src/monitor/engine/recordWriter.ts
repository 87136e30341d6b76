/**
 * Writes records: decoded instructions in the form that handlers read (see ./records).
 */
import { findService, serviceNumber } from '../cpu/services';
import * as L from '../cpu/layout';
import { FPU_LAYOUT, FPU_REGISTER_BYTES } from '../cpu/x87/layout';
import type { AddressForm, Instruction, Operand } from '../isa/decoder';
import { endsBlock } from '../isa/definitions';
import { NULL_SLOT } from '../memory/layout';
import type { CodeContext } from './codeCache';
import { handlerFor } from './handlerSet';
import type { Interpreter } from './interpreter';
import { FLAG, R } from './records';

/** What an instruction comes to whose service is not written. */
const UNDEFINED_SERVICE = serviceNumber('ud');
/** What knows all of an x87 instruction. */
const X87_SERVICE = serviceNumber('x87');

/** Transfers of control to where a register or memory says. */
const INDIRECT: ReadonlySet<string> = new Set(['jmpIndirect', 'callIndirect', 'ret', 'retImmediate']);

export class RecordWriter {
  constructor(
    private readonly view: DataView,
    private readonly interpreter: Interpreter,
  ) {}

  /** Writes the record of one instruction. `table`: the page's block table, for branches inside it; 0 for none. */
  writeRecord(at: number, instruction: Instruction, offset: number, context: CodeContext, back: number, table: number): void {
    const { view } = this;
    const handler = handlerFor(instruction, context.model);
    view.setUint32(at + R.handler, this.interpreter.entry(handler, context.model), true);
    view.setUint16(at + R.offset, offset, true);
    view.setUint8(at + R.length, instruction.length);
    view.setUint8(at + R.back, back);
    const registers = instruction.operands.flatMap(registerOffset);
    view.setUint16(at + R.registerA, registers[0] ?? L.ZERO, true);
    view.setUint16(at + R.registerB, registers[1] ?? L.ZERO, true);
    const memory = instruction.memory;
    const register = (n: AddressForm['base'] | undefined): number =>
      n === undefined || n === -1 || n === 'direct' ? L.ZERO : n === 'ip' ? L.EIP_BASE : n * 8;
    // A displacement from the instruction's end is one from its page here: it may run over 32 bits.
    const displacement = (memory?.displacement ?? 0) + (memory?.base === 'ip' ? offset + instruction.length : 0);
    view.setInt32(at + R.displacement, displacement, true);
    view.setUint16(at + R.base, register(memory?.base), true);
    view.setUint16(at + R.index, displacement > 0x7fffffff ? L.TWO32 : register(memory?.index), true);
    view.setUint8(at + R.scale, (memory?.scale ?? 0) | rexBits(instruction.rex));
    view.setUint8(at + R.flags, flagsOf(instruction));
    view.setUint16(at + R.mask, { 16: L.MASK16, 32: L.MASK32, 64: L.MASK64 }[instruction.addressSize], true);
    const segment = memory?.segment ?? instruction.segment;
    view.setUint16(at + R.segment, L.SEGMENTS + segment * L.SEGMENT_BYTES, true);
    view.setUint8(at + R.modrm, instruction.modrm);
    view.setUint8(at + R.opcode, instruction.opcode);
    this.writeTail(at, instruction, offset, context, table);
    if (!instruction.vex) return;
    view.setUint16(at + R.registerC, registers[2] ?? L.ZERO, true);
    view.setUint8(at + R.vexLength, instruction.vex.length === 256 ? 1 : 0);
  }

  /** Link and immediate: branches, services, and the rest use them differently. */
  private writeTail(at: number, instruction: Instruction, offset: number, context: CodeContext, table: number): void {
    const { view } = this;
    const { name, immediate } = instruction;
    if (name.startsWith('!')) {
      view.setUint32(at + R.link, findService(name.slice(1)) ?? UNDEFINED_SERVICE, true);
      const extra = name === '!enter' ? BigInt(instruction.immediate2) << 32n : 0n;
      view.setBigInt64(at + R.immediate, immediate | extra, true);
      return;
    }
    if (!endsBlock(name)) {
      // A meaning may leave a hard case to the service of its name.
      view.setUint32(at + R.link, serviceBehind(instruction) ?? NULL_SLOT, true);
      view.setBigInt64(at + R.immediate, BigInt.asIntN(64, immediate), true);
      return;
    }
    const behind = offset + instruction.length;
    const slot = (target: number): number => {
      const inside = target >= context.first && target < context.end;
      return inside && table !== 0 ? table + target * 4 : NULL_SLOT;
    };
    // A branch of another size than the code's cuts its target: its offset is not known here.
    if (INDIRECT.has(name)) view.setUint32(at + R.target, 0, true);
    else view.setUint32(at + R.link, instruction.size === context.bits ? slot(behind + Number(immediate)) : NULL_SLOT, true);
    view.setBigInt64(at + R.immediate, BigInt.asIntN(64, immediate), true);
    // `retImmediate` has its parameter count there and no link behind.
    if (name !== 'retImmediate') view.setUint32(at + R.linkBehind, slot(behind), true);
  }

  writeSpecial(at: number, handler: number, offset: number, back: number): void {
    const { view } = this;
    view.setUint32(at + R.handler, handler, true);
    view.setUint16(at + R.offset, offset, true);
    view.setUint8(at + R.length, 0);
    view.setUint8(at + R.back, back);
  }
}

/** REX.B and REX.R, in bits 6 and 7. */
const rexBits = (rex: number): number => ((rex & 1) << 6) | ((rex & 4) << 5);

/** State-block offset of a register operand; nothing for other operands. */
function registerOffset(operand: Operand): readonly number[] {
  switch (operand.kind) {
    case 'register':
      return [L.REG + operand.slot];
    case 'vector':
      return [L.VECTOR + L.VECTOR_BYTES * operand.number];
    case 'mmx':
      return [L.FPU + FPU_LAYOUT.registers + FPU_REGISTER_BYTES * operand.number];
    default:
      return [];
  }
}

function flagsOf(instruction: Instruction): number {
  let flags = instruction.memory ? FLAG.memory : 0;
  if (instruction.lock) flags |= FLAG.lock;
  if (instruction.repeat === 0xf2) flags |= FLAG.repeatNotEqual;
  if (instruction.repeat === 0xf3) flags |= FLAG.repeat;
  flags |= { 8: 0, 16: 1, 32: 2, 64: 3 }[instruction.size] << FLAG.sizeShift;
  return flags | ({ 16: 0, 32: 1, 64: 2 }[instruction.addressSize] << FLAG.addressShift);
}

/** Number of the service to which an instruction's meaning leaves hard cases. */
function serviceBehind({ name, unit }: Instruction): number | undefined {
  return findService(name) ?? (unit === 'x87' ? X87_SERVICE : undefined);
}
