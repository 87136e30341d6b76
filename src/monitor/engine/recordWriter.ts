/**
 * Writes records: decoded instructions in the form that handlers read (see ./records).
 */
import { findService, serviceNumber } from '../cpu/services';
import * as L from '../cpu/layout';
import { FPU_LAYOUT, FPU_REGISTER_BYTES } from '../cpu/x87/layout';
import type { AddressForm, Instruction, Operand } from '../isa/decoder';
import { endsBlock } from '../isa/definitions';
import { NULL_SLOT } from '../memory/layout';
import type { CodeContext } from './codeContext';
import { handlerFor } from './handlerKeys';
import type { Interpreter } from './interpreter';
import { FLAG, R } from './records';

/** What an instruction comes to whose service is not written. */
const UNDEFINED_SERVICE = serviceNumber('ud');
/** What knows all of an x87 instruction. */
const X87_SERVICE = serviceNumber('x87');

/** Transfers of control to where a register or memory says. */
const INDIRECT: ReadonlySet<string> = new Set(['jmpIndirect', 'callIndirect', 'ret', 'retImmediate']);

/** State-block offset of the mask, and the number in a record's flags, of each address size. */
const MASK_OF = { 16: L.MASK16, 32: L.MASK32, 64: L.MASK64 } as const;
const ADDRESS_SIZE = { 16: 0, 32: 1, 64: 2 } as const;
const OPERAND_SIZE = { 8: 0, 16: 1, 32: 2, 64: 3 } as const;

/** What a record's link and the word behind its immediate are for: nothing, or the places where a branch leads. */
export const TAIL = { none: 0, relative: 1, cut: 2, indirect: 3, parameters: 4 } as const;
export type Tail = (typeof TAIL)[keyof typeof TAIL];

/** What those of an instruction are for, in code of so many bits. A branch of another size than the code's cuts its target: its offset is not known here. */
export function tailOf({ name, size }: Instruction, bits: CodeContext['bits']): Tail {
  if (name.startsWith('!') || !endsBlock(name)) return TAIL.none;
  // `retImmediate` has its parameter count there and no link behind.
  if (name === 'retImmediate') return TAIL.parameters;
  return INDIRECT.has(name) ? TAIL.indirect : size === bits ? TAIL.relative : TAIL.cut;
}

/** Base and index of an instruction's address, as its record has them. */
export const baseAndIndex = ({ memory }: Instruction): number => addressOffset(memory?.base) | (addressOffset(memory?.index) << 16);

/** The same with the displacement that goes with it, which may have run over 31 bits: the index says so then. */
export const addressWord = (baseAndIndexes: number, displacement: number): number => (displacement > 0x7fffffff ? (baseAndIndexes & 0xffff) | (L.TWO32 << 16) : baseAndIndexes);

export class RecordWriter {
  /** All of the memory. */
  readonly words: Int32Array;

  constructor(
    private readonly view: DataView,
    private readonly interpreter: Interpreter,
  ) {
    this.words = new Int32Array(view.buffer, view.byteOffset, view.byteLength >> 2);
  }

  /**
   * Writes the record of one instruction, in words: it is done for all code that is ever met. `table`: the page's block
   * table, for branches inside it; 0 for none.
   */
  writeRecord(at: number, instruction: Instruction, offset: number, context: CodeContext, back: number, table: number): void {
    const { words } = this;
    const { operands, memory, vex, length } = instruction;
    const handler = handlerFor(instruction, context.model);
    const first = nextRegister(operands, 0);
    const second = nextRegister(operands, first + 1);
    const displacement = displacementOf(instruction, offset);
    const scale = (memory?.scale ?? 0) | rexBits(instruction.rex);
    const segment = L.SEGMENTS + (memory?.segment ?? instruction.segment) * L.SEGMENT_BYTES;
    const w = at >> 2;
    words[w + (R.handler >> 2)] = this.interpreter.entry(handler, context.model);
    words[w + (R.offset >> 2)] = offset | (length << 16) | (back << 24);
    words[w + (R.registerA >> 2)] = registerOffset(operands[first]) | (registerOffset(operands[second]) << 16);
    words[w + (R.base >> 2)] = addressWord(baseAndIndex(instruction), displacement);
    words[w + (R.scale >> 2)] = scale | (flagsOf(instruction) << 8) | (MASK_OF[instruction.addressSize] << 16);
    words[w + (R.segment >> 2)] = segment | ((instruction.modrm & 0xff) << 16) | (instruction.opcode << 24);
    words[w + (R.displacement >> 2)] = displacement;
    this.writeTail(at, instruction, offset, context, table);
    if (!vex) return;
    this.view.setUint16(at + R.registerC, registerOffset(operands[nextRegister(operands, second + 1)]), true);
    this.view.setUint8(at + R.vexLength, vex.length === 256 ? 1 : 0);
  }

  /** Gives a record other constants, of an instruction that differs in nothing else. Says whether it could. */
  writeConstants(at: number, instruction: Instruction, offset: number): boolean {
    const { view } = this;
    const displacement = displacementOf(instruction, offset);
    // Where it takes more than 32 bits, the index says so.
    if (displacement > 0x7fffffff || view.getUint16(at + R.index, true) === L.TWO32) return false;
    view.setInt32(at + R.displacement, displacement, true);
    view.setBigInt64(at + R.immediate, BigInt.asIntN(64, instruction.immediate), true);
    return true;
  }

  /** Link and immediate: branches, services, and the rest use them differently. */
  private writeTail(at: number, instruction: Instruction, offset: number, context: CodeContext, table: number): void {
    const { name, immediate } = instruction;
    const isService = name.startsWith('!');
    const extra = name === 'enter' ? BigInt(instruction.immediate2) << 32n : 0n;
    this.view.setBigInt64(at + R.immediate, extra === 0n ? immediate : immediate | extra, true);
    if (isService) return this.link(at, findService(name.slice(1)) ?? UNDEFINED_SERVICE);
    const tail = tailOf(instruction, context.bits);
    // A meaning may leave a hard case to the service of its name.
    if (tail === TAIL.none) return this.link(at, serviceBehind(instruction) ?? NULL_SLOT);
    this.writeBranch(at, tail, Number(immediate), offset + instruction.length, context, table);
  }

  /** Where the branch of a record leads: `distance` from the offset behind it, which is `behind`. */
  writeBranch(at: number, tail: Tail, distance: number, behind: number, { first, end }: CodeContext, table: number): void {
    const slot = (target: number): number => (target >= first && target < end && table !== 0 ? table + target * 4 : NULL_SLOT);
    if (tail === TAIL.indirect || tail === TAIL.parameters) this.words[(at + R.target) >> 2] = 0;
    else this.link(at, tail === TAIL.relative ? slot(behind + distance) : NULL_SLOT);
    if (tail !== TAIL.parameters) this.words[(at + R.linkBehind) >> 2] = slot(behind);
  }

  private link(at: number, value: number): void {
    this.words[(at + R.link) >> 2] = value;
  }

  /** Entry of the handler of a record's instruction, whether or not it begins a pair. */
  handlerAlone(at: number): number {
    return this.interpreter.alone(this.words[(at + R.handler) >> 2] ?? 0);
  }

  writeSpecial(at: number, handler: number, offset: number, back: number): void {
    const w = at >> 2;
    this.words[w + (R.handler >> 2)] = handler;
    this.words[w + (R.offset >> 2)] = offset | (back << 24);
  }
}

/** REX.B and REX.R, in bits 6 and 7. */
const rexBits = (rex: number): number => ((rex & 1) << 6) | ((rex & 4) << 5);

/** A displacement from the instruction's end is one from its page here: it may run over 32 bits. */
function displacementOf({ memory, length }: Instruction, offset: number): number {
  return (memory?.displacement ?? 0) + (memory?.base === 'ip' ? offset + length : 0);
}

/** Position of the first register operand from `start` on; behind all operands when there is none. */
function nextRegister(operands: readonly Operand[], start: number): number {
  let at = start;
  for (; at < operands.length; at++) {
    const kind = operands[at]?.kind;
    if (kind === 'register' || kind === 'vector' || kind === 'mmx') break;
  }
  return at;
}

/** State-block offset of a register operand; ZERO for none. */
function registerOffset(operand: Operand | undefined): number {
  switch (operand?.kind) {
    case 'register':
      return L.REG + operand.slot;
    case 'vector':
      return L.VECTOR + L.VECTOR_BYTES * operand.number;
    case 'mmx':
      return L.FPU + FPU_LAYOUT.registers + FPU_REGISTER_BYTES * operand.number;
    default:
      return L.ZERO;
  }
}

/** State-block offset of a base or index register; ZERO for none. */
function addressOffset(register: AddressForm['base'] | undefined): number {
  if (register === undefined || register === -1 || register === 'direct') return L.ZERO;
  return register === 'ip' ? L.EIP_BASE : register * 8;
}

function flagsOf(instruction: Instruction): number {
  let flags = instruction.memory ? FLAG.memory : 0;
  if (instruction.lock) flags |= FLAG.lock;
  if (instruction.repeat === 0xf2) flags |= FLAG.repeatNotEqual;
  if (instruction.repeat === 0xf3) flags |= FLAG.repeat;
  flags |= OPERAND_SIZE[instruction.size] << FLAG.sizeShift;
  return flags | (ADDRESS_SIZE[instruction.addressSize] << FLAG.addressShift);
}

/** Number of the service to which an instruction's meaning leaves hard cases. */
function serviceBehind({ name, unit }: Instruction): number | undefined {
  return findService(name) ?? (unit === 'x87' ? X87_SERVICE : undefined);
}
