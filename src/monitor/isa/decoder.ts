/**
 * The instruction decoder: bytes to one decoded instruction (Intel SDM vol. 2, chapter 2 and
 * appendix A). It knows nothing of processor state beyond the code segment's size.
 */
import { REX, decodeAddress, readPrefixes, type CodeBits, type Prefixes } from './addressing';
import { Cursor, OUT_OF_BYTES, TOO_LONG } from './cursor';
import { SEGMENT, type Instruction } from './instruction';
import { OperandReader } from './operandReader';
import { ONE_BYTE, THREE_BYTE_38, THREE_BYTE_3A, TWO_BYTE } from './opcodes';
import { isVex, readVex } from './vexPrefix';
import type { OpcodeChoice, OpcodeEntry, OpcodeSlot } from './opcodeTable';

export { MAX_INSTRUCTION_BYTES, SEGMENT, type AddressForm, type Instruction, type Operand } from './instruction';

/**
 * Decodes the instruction at `start` of `code`, of which bytes before `end` may be read.
 * Gives undefined when it runs over `end`. Undefined opcodes come as `!ud`, instructions of more
 * than 15 bytes as `!too_long`: both are executed (and fault) like any other.
 */
export function decode(code: Uint8Array, start: number, end: number, bits: CodeBits): Instruction | undefined {
  const cursor = new Cursor(code, start, end);
  try {
    return decodeAt(cursor, bits);
  } catch (reason) {
    if (reason === OUT_OF_BYTES) return undefined;
    if (reason === TOO_LONG) return bare('!too_long', cursor.length);
    throw reason;
  }
}

function bare(name: string, length: number): Instruction {
  return {
    name,
    size: 32,
    operands: [],
    memory: undefined,
    immediate: 0n,
    immediate2: 0,
    length,
    addressSize: 32,
    lock: false,
    repeat: 0,
    segment: SEGMENT.ds,
    opcode: 0,
    modrm: 0,
    rex: 0,
    feature: undefined,
    unit: 'none',
    vex: undefined,
  };
}

/** Row of XCHG with the accumulator: 90 is in it when REX.B makes its register R8, and NOP otherwise. */
const NOP = 0x90, EXCHANGE = 0x91;

function lookUp(cursor: Cursor, first: number, p: Prefixes): { slot: OpcodeSlot; opcode: number } {
  if (first === NOP && p.rex & REX.b) return { slot: ONE_BYTE[EXCHANGE], opcode: first };
  if (first !== 0x0f) return { slot: ONE_BYTE[first], opcode: first };
  const second = cursor.u8();
  if (second !== 0x38 && second !== 0x3a) return { slot: TWO_BYTE[second], opcode: second };
  const third = cursor.u8();
  return { slot: (second === 0x38 ? THREE_BYTE_38 : THREE_BYTE_3A)[third], opcode: third };
}

function decodeAt(cursor: Cursor, bits: CodeBits): Instruction {
  const [p, first] = readPrefixes(cursor, bits);
  const found = isVex(first, cursor, bits) ? readVex(first, cursor, bits, p) : lookUp(cursor, first, p);
  const { opcode } = found;
  let { slot } = found;
  let modrm = -1;
  while (slot && 'by' in slot) {
    if (MODRM_CHOICES.has(slot.by) && modrm < 0) modrm = cursor.u8();
    slot = choose(slot, modrm, bits, p);
  }
  const entry: OpcodeEntry | undefined = slot;
  if (entry?.modrm && modrm < 0) modrm = cursor.u8();
  const hasMemory = modrm >= 0 && modrm < 0xc0 && !entry?.ignoresMod;
  const memory = hasMemory ? decodeAddress(cursor, modrm, bits, p) : undefined;
  if (!entry || (bits === 64 ? entry.invalid64 : entry.only64)) return bare('!ud', cursor.length);
  const instruction = new OperandReader(cursor, bits, p, entry, opcode, modrm, memory).finish();
  return instruction ?? bare('!ud', cursor.length);
}

const MODRM_CHOICES: ReadonlySet<OpcodeChoice['by']> = new Set(['reg', 'rm', 'form'] as const);

function choose({ by, choices }: OpcodeChoice, modrm: number, bits: CodeBits, p: Prefixes): OpcodeSlot {
  switch (by) {
    case 'prefix':
      return choices[choosePrefix(p)];
    case 'reg':
      return choices[(modrm >> 3) & 7];
    case 'rm':
      return choices[modrm & 7];
    case 'form':
      return choices[modrm < 0xc0 ? 0 : 1];
    case 'mode':
      return choices[bits === 64 ? 1 : 0];
    case 'wide':
      return choices[p.rex & REX.w ? 1 : 0];
    case 'length':
      return choices[p.vex?.length === 256 ? 1 : 0];
  }
}

/** Which mandatory prefix selects the opcode: F3 and F2 go before 66, and are no repetition then; VEX has them as a field. */
function choosePrefix(p: Prefixes): number {
  const { repeat, operand } = p;
  p.repeat = 0;
  if (p.vex) p.operand = false;
  return repeat === 0xf3 ? 2 : repeat === 0xf2 ? 3 : operand ? 1 : 0;
}
