/** Reads what an opcode entry's operand codes ask for, and puts the instruction together. */
import { REX, addressSizeOf, type CodeBits, type Prefixes } from './addressing';
import type { Cursor } from './cursor';
import type { OperandSize } from './emitter';
import { SEGMENT, type AddressForm, type Instruction, type Operand, type Unit, type VexForm } from './instruction';
import type { OpcodeEntry } from './opcodeTable';

const MEMORY: Operand = { kind: 'memory' };
const IMMEDIATE: Operand = { kind: 'immediate' };
const RBX = 3, RSI = 6, RDI = 7;
/** ModRM.rm that says that SIB follows, and the index that is none of a general register's, but XMM4. */
const SIB = 4, NO_INDEX = 4;

type StringName = 'movs' | 'cmps' | 'stos' | 'lods' | 'scas';

/** String instructions, which are like any other when they are not repeated. */
const STRINGS: ReadonlyMap<string, StringName> = new Map(
  (['movs', 'cmps', 'stos', 'lods', 'scas'] as const).flatMap((name) => ['b', 'v'].map((size) => [`!${name}${size}`, name] as const)),
);
const REP = 0xf3, REPNE = 0xf2;

/**
 * The name of one that is repeated a few times, where generated code can do that: moves, comparisons while elements are equal, and the
 * search for a byte. Undefined for the others.
 */
function repeatedName(entryName: string, repeat: number): string | undefined {
  const string = STRINGS.get(entryName);
  if (string === 'movs' || string === 'stos') return `rep_${string}`;
  if (string === 'cmps' && repeat === REP) return 'repe_cmps';
  return entryName === '!scasb' && repeat === REPNE ? 'repne_scas' : undefined;
}

const CRC32_BY_SIZE = { 16: 'crc32w', 32: 'crc32d', 64: 'crc32q' } as const;

/** Whether a repeat prefix may make another instruction of an opcode entry. */
export function isString(entryName: string): boolean {
  return STRINGS.has(entryName);
}

/** Names under which instructions of an opcode entry are decoded. */
export function decodedNames(entryName: string): readonly string[] {
  const string = STRINGS.get(entryName);
  if (string) return [string, ...new Set([REP, REPNE].map((repeat) => repeatedName(entryName, repeat) ?? entryName))];
  return entryName === 'crc32v' ? Object.values(CRC32_BY_SIZE) : [entryName];
}

export class OperandReader {
  private readonly operands: Operand[] = [];
  private immediate = 0n;
  private immediate2 = 0;
  private memory: AddressForm | undefined;
  private invalid = false;
  /** Whether ModRM names memory: implicit operands are in `memory`, too. */
  private readonly modrmMemory: boolean;
  private readonly operandSize: 16 | 32 | 64;
  private readonly addressSize: 16 | 32 | 64;

  constructor(
    private readonly cursor: Cursor,
    private readonly bits: CodeBits,
    private readonly p: Prefixes,
    private readonly entry: OpcodeEntry,
    private readonly opcode: number,
    private readonly modrm: number,
    memory: AddressForm | undefined,
  ) {
    this.memory = memory;
    this.modrmMemory = memory !== undefined;
    this.addressSize = addressSizeOf(p, bits);
    this.operandSize = operandSizeOf(p, entry, bits);
  }

  /** The instruction; undefined when its operands are not allowed. */
  finish(): Instruction | undefined {
    const { entry, p } = this;
    const size = this.instructionSize();
    for (const code of entry.operands) this.read(code, size);
    if (entry.name === 'enter') this.immediate2 = this.cursor.u8();
    const memoryFirst = this.operands[0]?.kind === 'memory';
    if (p.vex && p.vex.register !== 0 && !this.namesVexRegister) this.invalid = true;
    if (p.lock && !(entry.lockable && memoryFirst)) this.invalid = true;
    if (this.invalid) return undefined;
    const string = STRINGS.get(entry.name);
    const name = string && (p.repeat === 0 ? string : repeatedName(entry.name, p.repeat));
    if (string && name) this.implicitString(string);
    return {
      name: name ?? this.resolvedName(),
      size: name && entry.name.endsWith('b') ? 8 : size,
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
      rex: p.rex,
      feature: entry.feature,
      unit: this.unit(),
      vex: this.vexForm(),
    };
  }

  /** CRC32 is named by its source's size: its own is that of the destination. */
  private resolvedName(): string {
    return this.entry.name === 'crc32v' ? CRC32_BY_SIZE[this.operandSize] : this.entry.name;
  }

  private unit(): Unit {
    const { entry, operands } = this;
    if (this.p.vex) return /^bmi/.test(entry.feature ?? '') ? 'none' : 'avx';
    if (entry.xmm || operands.some((o) => o.kind === 'vector')) return 'sse';
    if (entry.feature === 'fpu' || entry.name === 'fwait') return 'x87';
    return operands.some((o) => o.kind === 'mmx') || entry.name === 'emms' ? 'mmx' : 'none';
  }

  /** Number of the register that VEX.vvvv names. */
  private get vexRegister(): number {
    return (this.p.vex?.register ?? 0) & (this.bits === 64 ? 15 : 7);
  }

  /** Whether an operand code takes the register of VEX.vvvv. */
  private get namesVexRegister(): boolean {
    return this.entry.operands.some((code) => code[0] === 'H' || code[0] === 'B');
  }

  private vexForm(): VexForm | undefined {
    const { vex } = this.p;
    if (!vex) return undefined;
    const at = this.entry.operands.findIndex((code) => code[0] === 'H');
    const gather = this.entry.operands[1]?.[0] === 'Y';
    const names = at < 0 || gather ? 'none' : at === 0 ? 'destination' : 'source';
    return { length: this.entry.ignoresLength ? 128 : vex.length, names };
  }

  private instructionSize(): OperandSize {
    switch (this.entry.size) {
      case 'v':
        return this.operandSize;
      case 'y':
        return this.operandSize === 64 ? 64 : 32;
      case 'r':
        return this.bits === 64 ? 64 : 32;
      default:
        return this.entry.size;
    }
  }

  private get reg(): number {
    return ((this.modrm >> 3) & 7) | ((this.p.rex & REX.r) << 1);
  }
  private get rm(): number {
    return (this.modrm & 7) | ((this.p.rex & REX.b) << 3);
  }

  private read(code: string, size: OperandSize): void {
    if (code === 'AL') return this.register(0, true);
    if (code === 'CL') return this.register(1, true);
    if (code === 'rAX') return this.register(0, false);
    const byte = code[1] === 'b';
    switch (code[0]) {
      case 'E':
        return this.memory ? this.push(MEMORY) : this.register(this.rm, byte);
      case 'G':
        return this.register(this.reg, byte);
      case 'Z':
        return this.register((this.opcode & 7) | ((this.p.rex & REX.b) << 3), byte);
      case 'R':
        this.invalid ||= this.modrmMemory;
        return this.register(this.rm, false);
      case 'M':
        this.invalid ||= !this.modrmMemory;
        return this.push(MEMORY);
      case 'B':
        return this.register(this.vexRegister, false);
      case 'H':
        return this.push({ kind: 'vector', number: this.vexRegister });
      case 'V':
        return this.push({ kind: 'vector', number: this.reg });
      case 'W':
        return this.push(this.memory ? MEMORY : { kind: 'vector', number: this.rm });
      case 'U':
        this.invalid ||= this.modrmMemory;
        return this.push({ kind: 'vector', number: this.rm });
      case 'P':
        return this.push({ kind: 'mmx', number: this.reg & 7 });
      case 'Q':
        return this.push(this.memory ? MEMORY : { kind: 'mmx', number: this.rm & 7 });
      case 'N':
        this.invalid ||= this.modrmMemory;
        return this.push({ kind: 'mmx', number: this.rm & 7 });
      default:
        return this.readRest(code, size);
    }
  }

  /** Operands that are not named by ModRM's register numbers. */
  private readRest(code: string, size: OperandSize): void {
    switch (code[0]) {
      case 'S':
        this.immediate = BigInt(this.reg & 7);
        return;
      case 'C':
      case 'D':
        this.immediate = BigInt(this.reg);
        return;
      case 'I':
        this.immediate = this.readImmediate(code, size);
        return this.push(IMMEDIATE);
      case '1':
        this.immediate = 1n;
        return this.push(IMMEDIATE);
      case 'J':
        this.immediate = BigInt(code === 'Jb' ? this.cursor.s8() : this.operandSize === 16 ? this.cursor.s16() : this.cursor.s32());
        return;
      case 'A':
        return this.readFarPointer();
      case 'O':
        return this.readDirect();
      case 'X':
        this.memory = this.implicit(RBX);
        return this.push(MEMORY);
      case 'Y':
        return this.readIndexVector();
      case 'L':
        this.immediate = BigInt(this.cursor.u8() & (this.bits === 64 ? 0xff : 0x7f));
        return;
      case 'K':
        this.memory = this.implicit(RDI);
        return this.push(MEMORY);
      default:
        throw new Error(`Unknown operand code ${code} of ${this.entry.name}`);
    }
  }

  /**
   * The index register of a gather; its scale is the immediate. Destination, index and mask must be three registers.
   */
  private readIndexVector(): void {
    const { memory } = this;
    const number = memory === undefined || memory.index < 0 ? NO_INDEX : memory.index;
    if (!memory || memory.size === 16 || (this.modrm & 7) !== SIB) this.invalid = true;
    else this.memory = { ...memory, index: -1, scale: 0 };
    const mask = this.vexRegister;
    if (number === this.reg || number === mask || mask === this.reg) this.invalid = true;
    this.immediate = BigInt(1 << (memory?.scale ?? 0));
    this.push({ kind: 'vector', number });
  }

  private push(operand: Operand): void {
    this.operands.push(operand);
  }

  private register(number: number, byte: boolean): void {
    const high = byte && number >= 4 && number < 8 && this.p.rex === 0;
    this.push({ kind: 'register', slot: high ? (number - 4) * 8 + 1 : number * 8 });
  }

  /**
   * Operands of string instructions: memory at rSI, or at rDI in ES, and the accumulator. MOVS and CMPS have both; theirs
   * at rDI is no operand, but known to the meaning.
   */
  private implicitString(name: StringName): void {
    const accumulator: Operand = { kind: 'register', slot: 0 };
    const destination = name === 'stos' || name === 'scas';
    this.memory = destination ? { ...this.implicit(RDI), segment: SEGMENT.es } : this.implicit(RSI);
    if (name === 'lods' || name === 'scas') this.push(accumulator);
    this.push(MEMORY);
    if (name === 'stos') this.push(accumulator);
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
    if (addressSize === 64) {
      this.immediate = cursor.s64();
      this.memory = this.implicit('direct');
    } else this.memory = { ...this.implicit(-1), displacement: addressSize === 16 ? cursor.u16() : cursor.s32() };
    this.push(MEMORY);
  }

  private implicit(base: AddressForm['base']): AddressForm {
    const segment = this.p.segment >= 0 ? this.p.segment : SEGMENT.ds;
    return { segment, base, index: -1, scale: 0, displacement: 0, size: this.addressSize };
  }
}

function operandSizeOf(p: Prefixes, entry: OpcodeEntry, bits: CodeBits): 16 | 32 | 64 {
  if (bits !== 64) return (bits === 16) !== p.operand ? 16 : 32;
  if (entry.forced64 || p.rex & REX.w) return 64;
  if (p.operand) return 16;
  return entry.default64 ? 64 : 32;
}
