/**
 * What is known of an instruction beside what the two machines make of it: its text, which flags it leaves undefined,
 * and which memory it needs by the manual. The source is iced-x86, so it is independent of our decoder.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax, InstructionInfoFactory, MemorySizeExt, Mnemonic, OpAccess, OpKind, Register, RegisterExt, RflagsBits, type Instruction, type UsedMemory } from 'iced-x86';
import { FLAG, type SegmentName } from './machineState';

/** A memory operand, explicit or implied. Registers by iced's numbers; None where there is none. */
export interface MemoryUse {
  readonly segment: SegmentName;
  readonly base: Register;
  readonly index: Register;
  readonly scale: number;
  readonly displacement: bigint;
  /** Bytes; 0 when the instruction does not say. */
  readonly bytes: number;
  readonly read: boolean;
  readonly write: boolean;
  /** Addressed through the stack pointer in the width of SS. */
  readonly stack: boolean;
}

export interface KnownInstruction {
  readonly length: number;
  readonly text: string;
  readonly mnemonic: Mnemonic;
  readonly name: string;
  /** Status flags whose values the manual leaves open. */
  readonly undefinedFlags: number;
  /** A string instruction under REP, REPE or REPNE. */
  readonly repeated: boolean;
  readonly memory: readonly MemoryUse[];
  /** The register that holds a bit offset, which moves the memory operand (BT, BTS, BTR, BTC), and its bytes. */
  readonly bitOffset: Register | undefined;
  /** Offset in CS where a direct near branch leads. */
  readonly target: bigint | undefined;
  readonly invalid: boolean;
}

const LONGEST = 15;
const FLAG_BITS: readonly (readonly [RflagsBits, number])[] = [
  [RflagsBits.OF, FLAG.OF], [RflagsBits.SF, FLAG.SF], [RflagsBits.ZF, FLAG.ZF], [RflagsBits.AF, FLAG.AF], [RflagsBits.CF, FLAG.CF], [RflagsBits.PF, FLAG.PF],
];
const SEGMENT_OF: ReadonlyMap<Register, SegmentName> = new Map([
  [Register.ES, 'es'], [Register.CS, 'cs'], [Register.SS, 'ss'], [Register.DS, 'ds'], [Register.FS, 'fs'], [Register.GS, 'gs'],
]);
const READS: ReadonlySet<OpAccess> = new Set([OpAccess.Read, OpAccess.CondRead, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);
const WRITES: ReadonlySet<OpAccess> = new Set([OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);
const BIT_TESTS: ReadonlySet<Mnemonic> = new Set([Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc]);
const STACK_POINTERS: ReadonlySet<Register> = new Set([Register.SP, Register.ESP, Register.RSP]);

const formatter = new Formatter(FormatterSyntax.Nasm);
formatter.hexPrefix = '0x';
formatter.hexSuffix = '';
formatter.spaceAfterOperandSeparator = true;
formatter.branchLeadingZeros = false;
formatter.alwaysShowSegmentRegister = true;
const infoFactory = new InstructionInfoFactory();

function memoryUse(used: UsedMemory, instruction: Instruction): MemoryUse {
  const base = used.base;
  return {
    segment: SEGMENT_OF.get(used.segment) ?? 'ds',
    base,
    index: used.index,
    scale: used.scale,
    displacement: used.displacement,
    // Repeated string instructions do not say it with the operand.
    bytes: MemorySizeExt.size(used.memorySize) || MemorySizeExt.size(instruction.memorySize),
    read: READS.has(used.access),
    write: WRITES.has(used.access),
    stack: STACK_POINTERS.has(base) && used.index === Register.None && instruction.isStackInstruction,
  };
}

function memoryOf(instruction: Instruction): readonly MemoryUse[] {
  const info = infoFactory.info(instruction);
  const list = info.usedMemory() as UsedMemory[];
  const uses = list.filter(({ access }) => access !== OpAccess.NoMemAccess && access !== OpAccess.None).map((used) => memoryUse(used, instruction));
  for (const used of list) used.free();
  info.free();
  return uses;
}

function undefinedFlags(instruction: Instruction): number {
  const bits = instruction.rflagsUndefined;
  return FLAG_BITS.reduce((flags, [theirs, ours]) => (bits & theirs ? flags | ours : flags), 0);
}

/**
 * @param bytes at the instruction pointer, as many as there are
 * @returns undefined when the bytes are no instruction
 */
export function decode(bits: 16 | 32 | 64, bytes: Uint8Array, ip: bigint): KnownInstruction | undefined {
  if (bytes.length === 0) return undefined;
  const decoder = new Decoder(bits, bytes.subarray(0, LONGEST), DecoderOptions.None);
  decoder.ip = ip;
  const instruction = decoder.decode();
  try {
    const { mnemonic, length } = instruction;
    if (instruction.isInvalid) return undefined;
    return {
      length,
      text: formatter.format(instruction),
      mnemonic,
      name: (Mnemonic[mnemonic] ?? '').toLowerCase(),
      undefinedFlags: undefinedFlags(instruction),
      repeated: instruction.isStringInstruction && (instruction.hasRepPrefix || instruction.hasRepnePrefix),
      memory: memoryOf(instruction),
      bitOffset: BIT_TESTS.has(mnemonic) && instruction.op1Kind === OpKind.Register ? instruction.op1Register : undefined,
      target: instruction.isJccShortOrNear || instruction.isJmpShortOrNear || instruction.isCallNear || instruction.isLoop || instruction.isLoopcc || instruction.isJcxShort ? instruction.nearBranchTarget : undefined,
      invalid: false,
    };
  } finally {
    instruction.free();
    decoder.free();
  }
}

/** Value of a general register by iced's number, out of the sixteen full ones. */
export function registerValue(general: readonly bigint[], register: Register): bigint {
  if (register === Register.None) return 0n;
  const full = general[RegisterExt.number(RegisterExt.fullRegister(register))] ?? 0n;
  switch (RegisterExt.size(register)) {
    case 1:
      // AL and BL alone stand in addresses (XLAT), never the high bytes.
      return full & 0xffn;
    case 2:
      return full & 0xffffn;
    case 4:
      return full & 0xffffffffn;
    default:
      return full;
  }
}

/** Width in bytes of an address that is formed from these registers; 0 when there are none. */
export function addressBytes(use: MemoryUse): number {
  const register = use.base === Register.None ? use.index : use.base;
  return register === Register.None ? 0 : RegisterExt.size(register);
}
