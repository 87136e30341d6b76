/**
 * Code memory as the disassembler sees it during one request: windows of bytes at addresses of one space, in code of
 * one address size, and the length of the instruction in them.
 */
import type { MemorySpace } from '../../src/monitor/machine/session';
import { CodeReader, type ReadCode } from './codeReader';
import { instructionLength, LONGEST_INSTRUCTION, type CodeBits } from './decoder';

/** Physical addresses have up to 52 bits, whatever the code's mode is (SDM volume 3, 5.1.4). */
const END_OF_PHYSICAL = 1n << 52n;

export class CodeView {
  private readonly reader: CodeReader;
  private readonly limit: bigint;

  constructor(readonly bits: CodeBits, space: MemorySpace['kind'], read: ReadCode) {
    this.limit = space === 'physical' ? END_OF_PHYSICAL : 1n << (bits === 64 ? 64n : 32n);
    this.reader = new CodeReader(read, this.limit);
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
