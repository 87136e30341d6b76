/**
 * The instruction decoder: bytes to one decoded instruction (Intel SDM vol. 2, chapter 2 and
 * appendix A). It knows nothing of processor state beyond the code segment's size.
 */
import type { OperandSize } from './emitter';
import { ONE_BYTE, PREFIXED, THREE_BYTE_38, TWO_BYTE, type OpcodeEntry, type OpcodeSlot } from './opcodes';

/** Longest instruction in bytes; anything longer is #GP. */
export const MAX_INSTRUCTION_BYTES = 15;

/** Segment numbers, as in ModRM.reg of MOV Sreg. */
export const SEGMENT = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 } as const;

/** Where an operand is. A register slot is its byte offset in a file of 8-byte registers (AH is 1, CH 9). */
export type Operand =
  | { readonly kind: 'register'; readonly slot: number }
  | { readonly kind: 'memory' }
  | { readonly kind: 'immediate' };

/** A memory operand's address: segment, base + (index << scale) + displacement, cut to `size` bits. */
export interface AddressForm {
  readonly segment: number;
  /** Register numbers; -1 for none. 'ip' is the offset behind the instruction. */
  readonly base: number | 'ip';
  readonly index: number;
  readonly scale: number;
  readonly displacement: number;
  readonly size: 16 | 32 | 64;
}

export interface Instruction {
  readonly name: string;
  /** Operand size in bits. */
  readonly size: OperandSize;
  readonly operands: readonly Operand[];
  readonly memory: AddressForm | undefined;
  /** Immediate, relative displacement, or far pointer (offset + selector * 2^32), sign-extended. */
  readonly immediate: bigint;
  /** Second immediate (ENTER's level). */
  readonly immediate2: number;
  /** Bytes. */
  readonly length: number;
  readonly addressSize: 16 | 32 | 64;
  readonly lock: boolean;
  /** 0, or the repeat prefix: f2 or f3. */
  readonly repeat: number;
  /** Segment number of the effective segment of string instructions (DS unless overridden). */
  readonly segment: number;
  /** Last opcode byte and ModRM, for services. */
  readonly opcode: number;
  readonly modrm: number;
}

/** A cursor over code bytes that knows where they end. */
class Cursor {
  position: number;
  constructor(
    private readonly code: Uint8Array,
    readonly start: number,
    private readonly end: number,
  ) {
    this.position = start;
  }

  get length(): number {
    return this.position - this.start;
  }

  u8(): number {
    if (this.length >= MAX_INSTRUCTION_BYTES) throw TOO_LONG;
    if (this.position >= this.end) throw OUT_OF_BYTES;
    return this.code[this.position++] ?? 0;
  }

  s8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    const low = this.u8();
    return low | (this.u8() << 8);
  }

  s16(): number {
    return (this.u16() << 16) >> 16;
  }

  s32(): number {
    const low = this.u16();
    return low | (this.u16() << 16);
  }

  s64(): bigint {
    const low = BigInt(this.s32() >>> 0);
    return (BigInt(this.s32()) << 32n) | low;
  }
}

const OUT_OF_BYTES = Symbol('out of bytes');
const TOO_LONG = Symbol('instruction too long');

interface Prefixes {
  operand: boolean;
  address: boolean;
  lock: boolean;
  repeat: number;
  segment: number;
  rex: number;
}

const SEGMENT_PREFIX: ReadonlyMap<number, number> = new Map([
  [0x26, SEGMENT.es],
  [0x2e, SEGMENT.cs],
  [0x36, SEGMENT.ss],
  [0x3e, SEGMENT.ds],
  [0x64, SEGMENT.fs],
  [0x65, SEGMENT.gs],
]);

/**
 * Decodes the instruction at `start` of `code`, of which bytes before `end` may be read.
 * Gives undefined when it runs over `end`. Undefined opcodes come as `!ud`, instructions of more
 * than 15 bytes as `!too_long`: both are executed (and fault) like any other.
 */
export function decode(code: Uint8Array, start: number, end: number, bits: 16 | 32 | 64): Instruction | undefined {
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
  };
}

function readPrefixes(cursor: Cursor, bits: 16 | 32 | 64): [Prefixes, opcode: number] {
  const p: Prefixes = { operand: false, address: false, lock: false, repeat: 0, segment: -1, rex: 0 };
  for (;;) {
    const byte = cursor.u8();
    const segment = SEGMENT_PREFIX.get(byte);
    if (segment !== undefined) {
      if (bits !== 64 || segment >= SEGMENT.fs) p.segment = segment;
    } else if (byte === 0x66) p.operand = true;
    else if (byte === 0x67) p.address = true;
    else if (byte === 0xf0) p.lock = true;
    else if (byte === 0xf2 || byte === 0xf3) p.repeat = byte;
    else if (bits === 64 && (byte & 0xf0) === 0x40) {
      p.rex = byte;
      continue;
    } else return [p, byte];
    p.rex = 0;
  }
}

function lookUp(cursor: Cursor, first: number, p: Prefixes): { slot: OpcodeSlot; opcode: number } {
  if (first !== 0x0f) return { slot: ONE_BYTE[first], opcode: first };
  const second = cursor.u8();
  if (second === 0x38) {
    const third = cursor.u8();
    return { slot: THREE_BYTE_38.get((p.repeat << 8) | third), opcode: third };
  }
  const prefixed = (p.repeat << 16) | 0x0f00 | second;
  return { slot: PREFIXED.has(prefixed) ? PREFIXED.get(prefixed) : TWO_BYTE[second], opcode: second };
}

function decodeAt(cursor: Cursor, bits: 16 | 32 | 64): Instruction {
  const [p, first] = readPrefixes(cursor, bits);
  const { slot, opcode } = lookUp(cursor, first, p);
  if (slot === undefined) return bare('!ud', cursor.length);
  let modrm = -1;
  let entry: OpcodeEntry | undefined;
  if ('group' in slot) {
    modrm = cursor.u8();
    entry = slot.group[(modrm >> 3) & 7];
  } else {
    entry = slot;
    if (entry.modrm) modrm = cursor.u8();
  }
  const addressSize = bits === 64 ? (p.address ? 32 : 64) : (bits === 32) !== p.address ? 32 : 16;
  const controlMove = entry !== undefined && /_(cr|dr)$/.test(entry.name);
  const hasMemory = modrm >= 0 && modrm < 0xc0 && !controlMove;
  const memory = hasMemory ? decodeAddress(cursor, modrm, addressSize, p) : undefined;
  if (!entry || (entry.invalid64 && bits === 64)) return bare('!ud', cursor.length);
  return new OperandReader(cursor, bits, p, entry, opcode, modrm, addressSize, memory).finish();
}

/** Base and index registers of the 16-bit forms, by ModRM.rm. */
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3];
const INDEX16 = [6, 7, 6, 7, -1, -1, -1, -1];
const RSP = 4, RBP = 5;

function decodeAddress(cursor: Cursor, modrm: number, size: 16 | 32 | 64, p: Prefixes): AddressForm {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (size === 16) {
    const direct = mod === 0 && rm === 6;
    const base = direct ? -1 : (BASE16[rm] ?? -1);
    const displacement = direct || mod === 2 ? cursor.s16() : mod === 1 ? cursor.s8() : 0;
    const segment = p.segment >= 0 ? p.segment : base === RBP ? SEGMENT.ss : SEGMENT.ds;
    return { segment, base, index: INDEX16[rm] ?? -1, scale: 0, displacement, size };
  }
  let base: number | 'ip' = rm | ((p.rex & 1) << 3);
  let index = -1;
  let scale = 0;
  let none = mod === 0 && rm === 5;
  if (rm === 4) {
    const sib = cursor.u8();
    scale = sib >> 6;
    index = ((sib >> 3) & 7) | ((p.rex & 2) << 2);
    if (index === RSP) index = -1;
    base = (sib & 7) | ((p.rex & 1) << 3);
    none = mod === 0 && (sib & 7) === 5;
  }
  const displacement = none || mod === 2 ? cursor.s32() : mod === 1 ? cursor.s8() : 0;
  const stackBase = !none && (base === RSP || base === RBP);
  const segment = p.segment >= 0 ? p.segment : stackBase ? SEGMENT.ss : SEGMENT.ds;
  if (none) base = rm === 5 && isLong(p, size) ? 'ip' : -1;
  return { segment, base, index, scale, displacement, size };
}

/** RIP-relative forms exist in long mode only: there the address size is 64, or 32 by a prefix. */
function isLong(p: Prefixes, size: 16 | 32 | 64): boolean {
  return size === 64 || (size === 32 && p.address && p.rex !== 0);
}

const MEMORY: Operand = { kind: 'memory' };
/** String instructions that are plain moves when they are not repeated. */
const SINGLE_STRING: ReadonlyMap<string, 'lods' | 'stos'> = new Map([
  ['!lodsb', 'lods'],
  ['!lodsv', 'lods'],
  ['!stosb', 'stos'],
  ['!stosv', 'stos'],
]);

/** Reads what the opcode entry's operand codes ask for, and puts the instruction together. */
class OperandReader {
  private readonly operands: Operand[] = [];
  private immediate = 0n;
  private immediate2 = 0;
  private memory: AddressForm | undefined;
  private invalid = false;
  private readonly operandSize: 16 | 32 | 64;

  constructor(
    private readonly cursor: Cursor,
    private readonly bits: 16 | 32 | 64,
    private readonly p: Prefixes,
    private readonly entry: OpcodeEntry,
    private readonly opcode: number,
    private readonly modrm: number,
    private readonly addressSize: 16 | 32 | 64,
    memory: AddressForm | undefined,
  ) {
    this.memory = memory;
    const wide = bits === 64 && (p.rex & 8) !== 0;
    const narrow = (bits === 16) !== p.operand;
    const near = entry.default64 && bits === 64;
    this.operandSize = wide ? 64 : narrow ? 16 : near ? 64 : 32;
  }

  finish(): Instruction {
    const { entry, p } = this;
    const size = this.instructionSize();
    for (const code of entry.operands) this.read(code, size);
    if (entry.name === '!enter') this.immediate2 = this.cursor.u8();
    const memoryFirst = this.operands[0]?.kind === 'memory';
    if (p.lock && !(entry.lockable && memoryFirst)) this.invalid = true;
    if (this.invalid) return bare('!ud', this.cursor.length);
    const single = p.repeat === 0 ? SINGLE_STRING.get(entry.name) : undefined;
    if (single) this.implicitString(single);
    return {
      name: single ?? this.resolvedName(),
      size: single && entry.name.endsWith('b') ? 8 : size,
      operands: this.operands,
      memory: this.memory,
      immediate: this.immediate,
      immediate2: this.immediate2,
      length: this.cursor.length,
      addressSize: this.addressSize,
      lock: p.lock,
      repeat: p.repeat,
      segment: p.segment >= 0 ? p.segment : SEGMENT.ds,
      opcode: this.opcode,
      modrm: this.modrm,
    };
  }

  /** NOP is XCHG with the accumulator unless REX.B names another register; CRC32 is named by its source's size. */
  private resolvedName(): string {
    if (this.entry.name === 'crc32v') return { 16: 'crc32w', 32: 'crc32d', 64: 'crc32q' }[this.operandSize];
    return this.entry.name;
  }

  private instructionSize(): OperandSize {
    const kinds = this.entry.operands.filter((o) => !/^[IJX1]/.test(o) && o !== 'CL');
    const letter = (l: string): boolean => kinds.some((o) => o.length === 2 && o[1] === l);
    // CRC32 has a destination of its own size beside the source's.
    if (letter('d')) return this.bits === 64 ? 64 : 32;
    if (kinds.includes('rAX') || letter('v')) return this.operandSize;
    if (letter('y')) return this.operandSize === 64 ? 64 : 32;
    if (kinds.includes('AL') || letter('b')) return 8;
    if (letter('w')) return 16;
    return this.operandSize;
  }

  private read(code: string, size: OperandSize): void {
    const byte = code[1] === 'b';
    switch (code[0]) {
      case 'E':
        if (this.memory) this.operands.push({ kind: 'memory' });
        else this.register((this.modrm & 7) | ((this.p.rex & 1) << 3), byte);
        return;
      case 'G':
        return this.register(((this.modrm >> 3) & 7) | ((this.p.rex & 4) << 1), byte);
      case 'Z':
        return this.register((this.opcode & 7) | ((this.p.rex & 1) << 3), byte);
      case 'R':
        if (this.memory) this.invalid = true;
        return this.register((this.modrm & 7) | ((this.p.rex & 1) << 3), false);
      case 'M':
        if (!this.memory) this.invalid = true;
        this.operands.push({ kind: 'memory' });
        return;
      case 'S':
      case 'D':
        return;
      case 'C':
        if (code === 'CL') this.register(1, true);
        return;
      case 'I':
        this.immediate = this.readImmediate(code, size);
        this.operands.push({ kind: 'immediate' });
        return;
      case '1':
        this.immediate = 1n;
        this.operands.push({ kind: 'immediate' });
        return;
      case 'J':
        this.immediate = BigInt(byte ? this.cursor.s8() : this.operandSize === 16 ? this.cursor.s16() : this.cursor.s32());
        return;
      case 'A':
        if (code === 'AL') return this.register(0, true);
        return this.readFarPointer();
      case 'O':
        return this.readDirect();
      case 'X':
        this.memory = this.implicit(3);
        this.operands.push({ kind: 'memory' });
        return;
      default:
        if (code === 'rAX') return this.register(0, false);
        throw new Error(`Unknown operand code ${code} of ${this.entry.name}`);
    }
  }

  /** LODS and STOS without a repeat prefix: the accumulator, and memory at SI or DI. */
  private implicitString(name: 'lods' | 'stos'): void {
    const accumulator: Operand = { kind: 'register', slot: 0 };
    const load = name === 'lods';
    const segment = load ? this.implicit(-1).segment : SEGMENT.es;
    this.memory = { ...this.implicit(load ? 6 : 7), segment };
    this.operands.push(...(load ? [accumulator, MEMORY] : [MEMORY, accumulator]));
  }

  private register(number: number, byte: boolean): void {
    const high = byte && number >= 4 && number < 8 && this.p.rex === 0;
    this.operands.push({ kind: 'register', slot: high ? (number - 4) * 8 + 1 : number * 8 });
  }

  private readImmediate(code: string, size: OperandSize): bigint {
    if (code === 'Iw') return BigInt(this.cursor.u16());
    if (code === 'Ibs') return BigInt(this.cursor.s8());
    if (code === 'Ib') return BigInt(this.cursor.u8());
    if (size === 16) return BigInt(this.cursor.s16());
    if (size === 64 && code === 'Iv') return this.cursor.s64();
    return BigInt(this.cursor.s32());
  }

  private readFarPointer(): void {
    const offset = this.operandSize === 16 ? this.cursor.u16() : this.cursor.s32() >>> 0;
    this.immediate = BigInt(offset) | (BigInt(this.cursor.u16()) << 32n);
  }

  /** MOV with a direct offset of the address size. */
  private readDirect(): void {
    const { cursor, addressSize } = this;
    const displacement =
      addressSize === 16 ? cursor.u16() : addressSize === 32 ? cursor.s32() : Number(BigInt.asIntN(32, cursor.s64()));
    this.memory = { ...this.implicit(-1), displacement };
    this.operands.push({ kind: 'memory' });
  }

  private implicit(base: number): AddressForm {
    const segment = this.p.segment >= 0 ? this.p.segment : SEGMENT.ds;
    return { segment, base, index: -1, scale: 0, displacement: 0, size: this.addressSize };
  }
}
