/**
 * Instructions by their forms: a form is all of an instruction but its displacement and its immediate. Code has some thousands of forms, and
 * whatever an instruction's record says, beside where it stands, follows from its form and the constants; so most instructions are not decoded, but
 * found by their first bytes. A form is learned from the decoder: it is one if two instructions that begin alike, one with zeros and one with ones
 * behind, differ in the constants alone.
 */
import { decode, MAX_INSTRUCTION_BYTES, type AddressForm, type Instruction, type Operand } from '../isa/decoder';
import { endsBlock, transfersFar } from '../isa/definitions';
import { leadsOf } from './codeAhead';
import type { CodeContext } from './codeCache';
import { R } from './records';
import { TAIL, addressWord, baseAndIndex, tailOf, type RecordWriter, type Tail } from './recordWriter';

/** Forms that are kept, a power of 2 (a Debian's boot has some 9000), and places that are looked at for one. */
const FORMS = 16384, PLACES = 4;
const FORMS_SHIFT = Math.log2(FORMS);
/** Prefixes, opcode, ModRM and SIB of a form: no more bytes than two words. */
const MOST_HEAD_BYTES = 8;

/** Words that a form is found by, and known: its head, its context with the head's length, and what it is like. They lie apart from the rest, of which only what is written needs any. */
const K = { low: 0, high: 1, context: 2, nature: 3 } as const;
const KEY_WORDS = 4;
/** Words of a form's record that are neither a constant nor a place. An immediate that stands in the head is no constant. */
const F = { handler: 0, registers: 1, address: 2, sizes: 3, segment: 4, link: 5, immediate: 6 } as const;
const FORM_WORDS = 8;

/** Fields of `nature`: lengths in bytes, of the instruction, its head, displacement and immediate; the rest are flags, its tail, and where it leads (LEADS). */
const NATURE = { length: 0, head: 4, displacement: 8, immediate: 12, signed: 16, closes: 17, relativeToIp: 18, tail: 20, leads: 23 } as const;

/** Whether opcodes of the four maps have a ModRM byte: not known yet, no, yes, some of them. */
const MODRM = { unknown: 0, none: 1, present: 2, mixed: 3 } as const;

/** What a byte in front of an opcode is: nothing, a prefix, the one for the address size, one in 64-bit code only. */
const PREFIX = { none: 0, plain: 1, address: 2, rex: 3 } as const;
const PREFIXES = new Uint8Array(256);
for (const byte of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf0, 0xf2, 0xf3]) PREFIXES[byte] = PREFIX.plain;
PREFIXES[0x67] = PREFIX.address;
PREFIXES.fill(PREFIX.rex, 0x40, 0x50);

/** What the decoder gives where there is no instruction. */
const NO_FORMS: ReadonlySet<string> = new Set(['!ud', '!too_long']);

/** First bytes of VEX prefixes, and of instructions that look like them: they are left to the decoder. */
const isVexLike = (byte: number): boolean => byte === 0xc4 || byte === 0xc5;

const BITS = { 16: 0, 32: 1, 64: 2 } as const;
const MODEL = { flat: 0, seg: 1, long: 2 } as const;
const VECTORS = { sse: 0, mmx: 1, none: 2 } as const;
const VEX = { avx: 0, general: 1, none: 2 } as const;

/** A number for what of a context an instruction's meaning depends on. */
export const contextNumber = ({ bits, model, vectors, vex }: CodeContext): number => BITS[bits] | (MODEL[model] << 2) | (VECTORS[vectors] << 4) | (VEX[vex] << 6);

/** Where the parts of an instruction stand. */
interface Head {
  /** Bytes up to the displacement: 0 where no form is looked for. */
  length: number;
  /** The first four bytes of them, and the rest. */
  low: number;
  high: number;
  /** Bytes of the displacement that ModRM and SIB ask for. */
  displacement: number;
  /** The opcode, with its map in bits 8 and 9. */
  opcode: number;
}

export class InstructionForms {
  private readonly keys = new Int32Array(FORMS * KEY_WORDS);
  private readonly words = new Int32Array(FORMS * FORM_WORDS);
  private readonly modrm = new Uint8Array(4 * 256);
  private readonly probed = new Uint8Array(2 * MAX_INSTRUCTION_BYTES);
  private readonly head: Head = { length: 0, low: 0, high: 0, displacement: 0, opcode: 0 };

  constructor(
    private readonly code: Uint8Array,
    private readonly records: RecordWriter,
  ) {}

  /** The number of the form of the instruction at an address, whose bytes all lie before `end`; -1 when it has to be decoded. */
  find(at: number, end: number, bits: 16 | 32 | 64, context: number): number {
    if (!this.readHead(at, bits)) return -1;
    const { keys, head } = this;
    const key = (context << 4) | head.length;
    const first = this.placeOf(key);
    for (let i = 0; i < PLACES; i++) {
      const form = (first + i) & (FORMS - 1);
      const k = form * KEY_WORDS;
      // What is read of a head behind `end` makes its instruction too long.
      if (keys[k] === head.low && keys[k + K.high] === head.high && keys[k + K.context] === key) return this.lengthOf(form) <= end - at ? form : -1;
    }
    return -1;
  }

  lengthOf(form: number): number {
    return (this.natureOf(form) >> NATURE.length) & 15;
  }

  /** Whether an instruction of the form is a block's last. */
  closes(form: number): boolean {
    return ((this.natureOf(form) >> NATURE.closes) & 1) !== 0;
  }

  /** Where an instruction of the form leads for sure (LEADS). */
  leads(form: number): number {
    return (this.natureOf(form) >> NATURE.leads) & 3;
  }

  /** Writes the record of the instruction at an address, which has the form. The other parameters are those of RecordWriter.writeRecord. */
  write(form: number, at: number, record: number, offset: number, context: CodeContext, back: number, table: number): void {
    const { words: own, records } = this;
    const { words } = records;
    const nature = this.natureOf(form);
    const f = form * FORM_WORDS;
    const length = (nature >> NATURE.length) & 15;
    const displacementAt = at + ((nature >> NATURE.head) & 15);
    const displacementBytes = (nature >> NATURE.displacement) & 15;
    const isIpRelative = ((nature >> NATURE.relativeToIp) & 1) !== 0;
    const displacement = this.constant(displacementAt, displacementBytes, true) + (isIpRelative ? offset + length : 0);
    const immediateAt = displacementAt + displacementBytes;
    const immediateBytes = (nature >> NATURE.immediate) & 15;
    const isSigned = ((nature >> NATURE.signed) & 1) !== 0;
    const low = immediateBytes === 0 ? (own[f + F.immediate] ?? 0) : this.constant(immediateAt, Math.min(immediateBytes, 4), isSigned);
    const w = record >> 2;
    words[w + (R.handler >> 2)] = own[f + F.handler] ?? 0;
    words[w + (R.offset >> 2)] = offset | (length << 16) | (back << 24);
    words[w + (R.registerA >> 2)] = own[f + F.registers] ?? 0;
    words[w + (R.base >> 2)] = addressWord(own[f + F.address] ?? 0, displacement);
    words[w + (R.scale >> 2)] = own[f + F.sizes] ?? 0;
    words[w + (R.segment >> 2)] = own[f + F.segment] ?? 0;
    words[w + (R.displacement >> 2)] = displacement;
    words[w + (R.link >> 2)] = own[f + F.link] ?? 0;
    words[w + (R.immediate >> 2)] = low;
    words[w + (R.immediate >> 2) + 1] = immediateBytes > 4 ? this.constant(immediateAt + 4, 4, true) : isSigned ? low >> 31 : 0;
    const tail = ((nature >> NATURE.tail) & 7) as Tail;
    if (tail !== TAIL.none) records.writeBranch(record, tail, low, offset + length, context, table);
  }

  /**
   * Learns the form of an instruction that has been decoded at an address, and as what it is admitted, from its record, which is no part of a pair
   * yet. What is no form is not learned. `number`: the context's, see `contextNumber`.
   */
  learn(at: number, instruction: Instruction, context: CodeContext, number: number, record: number): void {
    if (instruction.vex || NO_FORMS.has(instruction.name) || !this.noteModrm(at, instruction, context.bits) || !this.readHead(at, context.bits)) return;
    const nature = this.examine(at, instruction, context.bits);
    if (nature === undefined) return;
    const { head, keys, words } = this;
    const key = (number << 4) | head.length;
    const form = this.freePlace(this.placeOf(key));
    const written = this.records.words;
    const k = form * KEY_WORDS, f = form * FORM_WORDS, w = record >> 2;
    keys[k] = head.low;
    keys[k + K.high] = head.high;
    keys[k + K.context] = key;
    keys[k + K.nature] = nature | (tailOf(instruction, context.bits) << NATURE.tail) | (leadsOf(instruction) << NATURE.leads);
    words[f + F.handler] = written[w + (R.handler >> 2)] ?? 0;
    words[f + F.registers] = written[w + (R.registerA >> 2)] ?? 0;
    words[f + F.address] = baseAndIndex(instruction);
    words[f + F.sizes] = written[w + (R.scale >> 2)] ?? 0;
    words[f + F.segment] = written[w + (R.segment >> 2)] ?? 0;
    words[f + F.link] = written[w + (R.link >> 2)] ?? 0;
    words[f + F.immediate] = Number(BigInt.asIntN(32, instruction.immediate));
  }

  private natureOf(form: number): number {
    return this.keys[form * KEY_WORDS + K.nature] ?? 0;
  }

  private placeOf(key: number): number {
    const { low, high } = this.head;
    const hash = Math.imul(Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77) ^ Math.imul(key, 0xc2b2ae3d), 0x27d4eb2f);
    return hash >>> (32 - FORMS_SHIFT);
  }

  /** The first free place from one on, or that one. */
  private freePlace(first: number): number {
    for (let i = 0; i < PLACES; i++) {
      const form = (first + i) & (FORMS - 1);
      if (this.natureOf(form) === 0) return form;
    }
    return first;
  }

  /** A constant of 0, 1, 2 or 4 bytes. */
  private constant(at: number, bytes: number, isSigned: boolean): number {
    const { code } = this;
    const first = code[at] ?? 0;
    switch (bytes) {
      case 0:
        return 0;
      case 1:
        return isSigned ? (first << 24) >> 24 : first;
      case 2: {
        const both = first | ((code[at + 1] ?? 0) << 8);
        return isSigned ? (both << 16) >> 16 : both;
      }
      default:
        return first | ((code[at + 1] ?? 0) << 8) | ((code[at + 2] ?? 0) << 16) | ((code[at + 3] ?? 0) << 24);
    }
  }

  /** Finds where an instruction's head ends. Says whether it has one of a form. */
  private readHead(at: number, bits: 16 | 32 | 64): boolean {
    const { code, head } = this;
    let p = at;
    let isOther = false;
    let byte = code[p++] ?? 0;
    for (let prefix = PREFIXES[byte] ?? 0; prefix !== PREFIX.none; prefix = PREFIXES[byte] ?? 0) {
      if (prefix === PREFIX.rex && bits !== 64) break;
      if (prefix === PREFIX.address) isOther = true;
      if (p - at >= MOST_HEAD_BYTES) return false;
      byte = code[p++] ?? 0;
    }
    if (isVexLike(byte)) return false;
    let map = 0;
    if (byte === 0x0f) {
      byte = code[p++] ?? 0;
      map = byte === 0x38 ? 2 : byte === 0x3a ? 3 : 1;
      if (map > 1) byte = code[p++] ?? 0;
    }
    head.opcode = (map << 8) | byte;
    head.displacement = 0;
    const known = this.modrm[head.opcode] ?? 0;
    if (known === MODRM.unknown || known === MODRM.mixed) return false;
    if (known === MODRM.present) {
      const modrm = code[p++] ?? 0;
      const isNarrow = bits === 16 ? !isOther : bits === 32 && isOther;
      if (modrm < 0xc0) p = isNarrow ? this.readModrm16(p, modrm) : this.readModrm(p, modrm);
    }
    const length = p - at;
    if (length > MOST_HEAD_BYTES) return false;
    head.length = length;
    head.low = this.constant(at, 4, true) & (length >= 4 ? -1 : (1 << (8 * length)) - 1);
    head.high = length <= 4 ? 0 : this.constant(at + 4, 4, true) & (length === 8 ? -1 : (1 << (8 * (length - 4))) - 1);
    return true;
  }

  /** Takes SIB in, and finds the displacement (Intel SDM vol. 2, table 2-2). */
  private readModrm(p: number, modrm: number): number {
    const mod = modrm >> 6;
    let base = modrm & 7;
    let behind = p;
    if (base === 4) base = (this.code[behind++] ?? 0) & 7;
    this.head.displacement = mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0;
    return behind;
  }

  /** The same for addresses of 16 bits (table 2-1). */
  private readModrm16(p: number, modrm: number): number {
    const mod = modrm >> 6;
    this.head.displacement = mod === 1 ? 1 : mod === 2 || (modrm & 7) === 6 ? 2 : 0;
    return p;
  }

  /** Notes whether an instruction's opcode has a ModRM byte. Says whether all of the opcode's instructions so far were like it. */
  private noteModrm(at: number, { modrm }: Instruction, bits: 16 | 32 | 64): boolean {
    this.readHead(at, bits);
    const { opcode } = this.head;
    const is = modrm >= 0 ? MODRM.present : MODRM.none;
    if (this.modrm[opcode] === MODRM.unknown) this.modrm[opcode] = is;
    else if (this.modrm[opcode] !== is) this.modrm[opcode] = MODRM.mixed;
    return this.modrm[opcode] === is;
  }

  /** What a form is like that the head belongs to; undefined when it is none. */
  private examine(at: number, instruction: Instruction, bits: 16 | 32 | 64): number | undefined {
    const { head } = this;
    const { probed } = this;
    const probe = (filler: number): Instruction | undefined => {
      probed.fill(filler);
      for (let i = 0; i < head.length; i++) probed[i] = this.code[at + i] ?? 0;
      return decode(probed, 0, probed.length, bits);
    };
    const [zeros, ones] = [probe(0), probe(0xff)];
    if (!zeros || !ones || zeros.length !== instruction.length || !isAlike(zeros, ones)) return undefined;
    const { length } = zeros;
    // A direct address stands where others have an immediate.
    const isDirect = head.displacement === 0 && zeros.modrm < 0 && zeros.memory?.displacement !== ones.memory?.displacement;
    const displacement = isDirect ? length - head.length : head.displacement;
    const immediate = length - head.length - displacement;
    if (immediate < 0 || ![0, 1, 2, 4, 8].includes(immediate) || displacement > 4) return undefined;
    if ((zeros.memory?.displacement ?? 0) !== 0 || (ones.memory?.displacement ?? 0) !== (displacement > 0 ? -1 : 0)) return undefined;
    const isSigned = immediate > 0 && ones.immediate === -1n;
    if (immediate === 0 ? ones.immediate !== zeros.immediate || zeros.immediate !== BigInt.asUintN(8, zeros.immediate) : zeros.immediate !== 0n) return undefined;
    // What is not sign-extended has a byte or two.
    if (immediate > 0 && !isSigned && (immediate > 2 || ones.immediate !== (1n << BigInt(8 * immediate)) - 1n)) return undefined;
    const flags = (isSigned ? 1 << NATURE.signed : 0) | (closesBlock(instruction) ? 1 << NATURE.closes : 0) | (zeros.memory?.base === 'ip' ? 1 << NATURE.relativeToIp : 0);
    return length | (head.length << NATURE.head) | (displacement << NATURE.displacement) | (immediate << NATURE.immediate) | flags;
  }
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
