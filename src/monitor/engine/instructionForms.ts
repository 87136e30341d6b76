/**
 * Instructions by their forms: a form is all of an instruction but its displacement and its immediate. Code has some thousands of forms, and
 * whatever an instruction's record says, beside where it stands, follows from its form and the constants; so most instructions are not decoded, but
 * found by their first bytes, by routines (./formRoutines). A form is learned from the decoder: it is one if two instructions that begin alike, one with zeros and one with ones
 * behind, differ in the constants alone.
 */
import { decode, MAX_INSTRUCTION_BYTES, type AddressForm, type Instruction, type Operand } from '../isa/decoder';
import { endsBlock, transfersFar } from '../isa/definitions';
import { FORMS, FORM_BODIES, FORM_BODY_BYTES, FORM_KEYS, FORM_KEY_BYTES, OPCODE_MODRM, PREFIX_KINDS } from '../memory/layout';
import { leadsOf } from './codeAhead';
import type { CodeContext } from './codeContext';
import { CODE_BITS, FORM_BODY, FORM_HASH, FORM_KEY, FORM_LENGTH_BITS, FORM_PLACES, HEAD_FOUND, MODRM, NATURE, PREFIX } from './formLayout';
import type { FormFunctions } from './formRoutines';
import { R } from './records';
import { baseAndIndex, tailOf } from './recordWriter';

const PREFIXES = new Uint8Array(256);
for (const byte of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf0, 0xf2, 0xf3]) PREFIXES[byte] = PREFIX.plain;
PREFIXES[0x67] = PREFIX.address;
PREFIXES.fill(PREFIX.rex, 0x40, 0x50);

/** What the decoder gives where there is no instruction. */
const NO_FORMS: ReadonlySet<string> = new Set(['!ud', '!too_long']);

export class InstructionForms {
  private readonly words: Int32Array;
  private readonly modrm: Uint8Array;
  private readonly probed = new Uint8Array(2 * MAX_INSTRUCTION_BYTES);

  /** @param code all of the machine's memory, in which forms are kept */
  constructor(
    private readonly code: Uint8Array,
    private readonly routines: FormFunctions,
  ) {
    this.words = new Int32Array(code.buffer, code.byteOffset, code.byteLength >> 2);
    this.modrm = code.subarray(OPCODE_MODRM, OPCODE_MODRM + 4 * 256);
    code.set(PREFIXES, PREFIX_KINDS);
  }

  /**
   * Learns the form of an instruction that has been decoded at an address, and as what it is admitted, from its record, which is no part of a pair
   * yet. What is no form is not learned. `number`: the context's, see contextNumber.
   */
  learn(at: number, instruction: Instruction, context: CodeContext, number: number, record: number): void {
    if (instruction.vex || NO_FORMS.has(instruction.name) || !this.noteModrm(at, instruction, context.bits)) return;
    const { words } = this;
    const headLength = this.routines.readHead(at, CODE_BITS[context.bits]);
    const nature = headLength === 0 ? undefined : this.examine(at, headLength, instruction, context.bits);
    if (nature === undefined) return;
    const [low, high] = [this.found(HEAD_FOUND.low), this.found(HEAD_FOUND.high)];
    const key = (number << FORM_LENGTH_BITS) | headLength;
    const form = this.freePlace(placeOf(low, high, key));
    const k = (FORM_KEYS + form * FORM_KEY_BYTES) >> 2, b = (FORM_BODIES + form * FORM_BODY_BYTES) >> 2, w = record >> 2;
    words[k + (FORM_KEY.low >> 2)] = low;
    words[k + (FORM_KEY.high >> 2)] = high;
    words[k + (FORM_KEY.context >> 2)] = key;
    words[k + (FORM_KEY.nature >> 2)] = nature | (tailOf(instruction, context.bits) << NATURE.tail) | (leadsOf(instruction) << NATURE.leads);
    words[b + (FORM_BODY.handler >> 2)] = words[w + (R.handler >> 2)] ?? 0;
    words[b + (FORM_BODY.registers >> 2)] = words[w + (R.registerA >> 2)] ?? 0;
    words[b + (FORM_BODY.address >> 2)] = baseAndIndex(instruction);
    words[b + (FORM_BODY.sizes >> 2)] = words[w + (R.scale >> 2)] ?? 0;
    words[b + (FORM_BODY.segment >> 2)] = words[w + (R.segment >> 2)] ?? 0;
    words[b + (FORM_BODY.link >> 2)] = words[w + (R.link >> 2)] ?? 0;
    words[b + (FORM_BODY.immediate >> 2)] = Number(BigInt.asIntN(32, instruction.immediate));
  }

  /** What the routine has found that read the last head. */
  private found(address: number): number {
    return this.words[address >> 2] ?? 0;
  }

  /** The first free place from one on, or that one. */
  private freePlace(first: number): number {
    for (let i = 0; i < FORM_PLACES; i++) {
      const form = (first + i) & (FORMS - 1);
      if (this.words[(FORM_KEYS + form * FORM_KEY_BYTES + FORM_KEY.nature) >> 2] === 0) return form;
    }
    return first;
  }

  /** Notes whether an instruction's opcode has a ModRM byte. Says whether all of the opcode's instructions so far were like it. */
  private noteModrm(at: number, { modrm }: Instruction, bits: 16 | 32 | 64): boolean {
    this.routines.readHead(at, CODE_BITS[bits]);
    const opcode = this.found(HEAD_FOUND.opcode);
    if (opcode < 0) return false;
    const is = modrm >= 0 ? MODRM.present : MODRM.none;
    if (this.modrm[opcode] === MODRM.unknown) this.modrm[opcode] = is;
    else if (this.modrm[opcode] !== is) this.modrm[opcode] = MODRM.mixed;
    return this.modrm[opcode] === is;
  }

  /** What a form is like that the head belongs to; undefined when it is none. */
  private examine(at: number, headLength: number, instruction: Instruction, bits: 16 | 32 | 64): number | undefined {
    const { probed } = this;
    const headDisplacement = this.found(HEAD_FOUND.displacement);
    const probe = (filler: number): Instruction | undefined => {
      probed.fill(filler);
      for (let i = 0; i < headLength; i++) probed[i] = this.code[at + i] ?? 0;
      return decode(probed, 0, probed.length, bits);
    };
    const [zeros, ones] = [probe(0), probe(0xff)];
    if (!zeros || !ones || zeros.length !== instruction.length || !isAlike(zeros, ones)) return undefined;
    const { length } = zeros;
    // A direct address stands where others have an immediate.
    const isDirect = headDisplacement === 0 && zeros.modrm < 0 && zeros.memory?.displacement !== ones.memory?.displacement;
    const displacement = isDirect ? length - headLength : headDisplacement;
    const immediate = length - headLength - displacement;
    if (immediate < 0 || ![0, 1, 2, 4, 8].includes(immediate) || displacement > 4) return undefined;
    if ((zeros.memory?.displacement ?? 0) !== 0 || (ones.memory?.displacement ?? 0) !== (displacement > 0 ? -1 : 0)) return undefined;
    const isSigned = immediate > 0 && ones.immediate === -1n;
    if (immediate === 0 ? ones.immediate !== zeros.immediate || zeros.immediate !== BigInt.asUintN(8, zeros.immediate) : zeros.immediate !== 0n) return undefined;
    // What is not sign-extended has a byte or two.
    if (immediate > 0 && !isSigned && (immediate > 2 || ones.immediate !== (1n << BigInt(8 * immediate)) - 1n)) return undefined;
    const flags = (isSigned ? 1 << NATURE.signed : 0) | (closesBlock(instruction) ? 1 << NATURE.closes : 0) | (zeros.memory?.base === 'ip' ? 1 << NATURE.relativeToIp : 0);
    return length | (headLength << NATURE.head) | (displacement << NATURE.displacement) | (immediate << NATURE.immediate) | flags;
  }
}

/** The first place where a form is looked for. The routine that looks computes the same (./formRoutines). */
function placeOf(low: number, high: number, key: number): number {
  const mixed = Math.imul(low, FORM_HASH.low) ^ Math.imul(high, FORM_HASH.high) ^ Math.imul(key, FORM_HASH.context);
  return Math.imul(mixed, FORM_HASH.all) >>> (32 - Math.log2(FORMS));
}

/** Whether a block ends behind an instruction. */
export const closesBlock = ({ name }: Instruction): boolean => endsBlock(name) || transfersFar(name);

/** Whether two instructions differ in nothing but their constants. Neither has a VEX prefix. */
function isAlike(a: Instruction, b: Instruction): boolean {
  return a.name === b.name && a.length === b.length && a.size === b.size && a.addressSize === b.addressSize && a.opcode === b.opcode && a.modrm === b.modrm &&
    a.rex === b.rex && a.lock === b.lock && a.repeat === b.repeat && a.segment === b.segment && a.immediate2 === b.immediate2 && a.feature === b.feature &&
    a.unit === b.unit && a.operands.length === b.operands.length && a.operands.every((operand, i) => isSameOperand(operand, b.operands[i])) && isSameAddress(a.memory, b.memory);
}

function isSameOperand(a: Operand, b: Operand | undefined): boolean {
  if (a.kind === 'register') return b?.kind === 'register' && a.slot === b.slot;
  if (a.kind === 'vector' || a.kind === 'mmx') return b?.kind === a.kind && a.number === b.number;
  return b?.kind === a.kind;
}

function isSameAddress(a: AddressForm | undefined, b: AddressForm | undefined): boolean {
  if (!a || !b) return a === b;
  return a.segment === b.segment && a.base === b.base && a.index === b.index && a.scale === b.scale && a.size === b.size;
}
