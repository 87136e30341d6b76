/**
 * Code memory as the disassembler sees it during one request: windows of bytes at linear addresses in code of
 * one address size, and the length of the instruction in them.
 */
import { CodeReader, type ReadLinear } from './codeReader';
import { instructionLength, LONGEST_INSTRUCTION, type CodeBits } from './decoder';

export class CodeView {
  private readonly reader: CodeReader;
  private readonly limit: bigint;

  constructor(readonly bits: CodeBits, readLinear: ReadLinear) {
    this.limit = 1n << (bits === 64 ? 64n : 32n);
    this.reader = new CodeReader(readLinear, this.limit);
  }

  /** Whether there can be no memory at this address in this mode. */
  isOutside(address: bigint): boolean {
    return address < 0n || address >= this.limit;
  }

  /** As many bytes as the longest instruction has, fewer where memory ends, none where it is absent. */
  window(address: bigint): Promise<Uint8Array> {
    return this.reader.bytes(address, LONGEST_INSTRUCTION);
  }

  /** The readable bytes that lie directly before `address + count`, at most `count` of them. */
  async span(address: bigint, count: number): Promise<Uint8Array> {
    const whole = await this.reader.bytes(address, count);
    if (whole.length === count) return whole;
    // The gap is at the front or in the middle: take what follows the last page border.
    const border = (address + BigInt(count) - 1n) & ~0xfffn;
    return border <= address ? new Uint8Array(0) : this.reader.bytes(border, Number(address + BigInt(count) - border));
  }
}

/** Length of the instruction at `offset` in `bytes`; 0 when there is none. */
export function lengthAt(code: CodeView, bytes: Uint8Array, offset: number): number {
  return instructionLength(code.bits, bytes.subarray(offset));
}
