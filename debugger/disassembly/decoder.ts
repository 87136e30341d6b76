/**
 * One x86 instruction from its bytes: length, text and where it goes. The only file that knows iced-x86.
 */
import { Code, Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax, OpKind, type Instruction } from 'iced-x86';

export type CodeBits = 16 | 32 | 64;

/** An x86 instruction is never longer (SDM volume 2, 2.3.11). */
export const LONGEST_INSTRUCTION = 15;

/** Whether an instruction calls (CALL, not INT) or returns (RET, IRET). */
export type Flow = 'call' | 'return' | 'other';

export interface DecodedInstruction {
  /** In bytes. */
  readonly length: number;
  readonly text: string;
  readonly flow: Flow;
  /** Instruction pointer (offset in CS) of a direct near call or branch. */
  readonly target?: bigint;
  /** Address of a memory operand that is named relative to the instruction pointer (64-bit code). */
  readonly operand?: bigint;
}

let sharedFormatter: Formatter | undefined;

function formatter(): Formatter {
  if (!sharedFormatter) {
    sharedFormatter = new Formatter(FormatterSyntax.Intel);
    sharedFormatter.hexPrefix = '0x';
    sharedFormatter.hexSuffix = '';
    sharedFormatter.uppercaseHex = false;
    sharedFormatter.smallHexNumbersInDecimal = false;
    sharedFormatter.branchLeadingZeros = false;
    sharedFormatter.spaceAfterOperandSeparator = true;
  }
  return sharedFormatter;
}

function flowOf(instruction: Instruction): Flow {
  switch (instruction.flowControl) {
    case FlowControl.Call:
    case FlowControl.IndirectCall:
      return 'call';
    case FlowControl.Return:
      return 'return';
    default:
      return 'other';
  }
}

function hasNearTarget(instruction: Instruction): boolean {
  if (instruction.opCount === 0) return false;
  const kind = instruction.op0Kind;
  return kind === OpKind.NearBranch16 || kind === OpKind.NearBranch32 || kind === OpKind.NearBranch64;
}

function withInstruction<T>(
  bits: CodeBits, bytes: Uint8Array, instructionPointer: bigint, use: (instruction: Instruction) => T,
): T | undefined {
  if (bytes.length === 0) return undefined;
  const decoder = new Decoder(bits, bytes.subarray(0, LONGEST_INSTRUCTION), DecoderOptions.None);
  try {
    decoder.ip = BigInt.asUintN(64, instructionPointer);
    const instruction = decoder.decode();
    try {
      return instruction.code === Code.INVALID ? undefined : use(instruction);
    } finally {
      instruction.free();
    }
  } finally {
    decoder.free();
  }
}

/** The instruction at the start of `bytes`; undefined when they are none (invalid, or cut short). */
export function decodeInstruction(bits: CodeBits, bytes: Uint8Array, instructionPointer: bigint): DecodedInstruction | undefined {
  return withInstruction(bits, bytes, instructionPointer, (instruction) => ({
    length: instruction.length,
    text: formatter().format(instruction),
    flow: flowOf(instruction),
    ...(hasNearTarget(instruction) ? { target: instruction.nearBranchTarget } : {}),
    ...(instruction.isIpRelMemoryOperand ? { operand: instruction.ipRelMemoryAddress } : {}),
  }));
}

/** Only its length in bytes; 0 when the bytes are no instruction. */
export function instructionLength(bits: CodeBits, bytes: Uint8Array): number {
  return withInstruction(bits, bytes, 0n, (instruction) => instruction.length) ?? 0;
}
