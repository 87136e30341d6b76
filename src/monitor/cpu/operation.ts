/**
 * What a service of the monitor sees of the instruction that it is to execute, and what it says when it
 * is done. Services are the meanings of instructions that reach beyond registers and memory: system,
 * segment, string and I/O instructions.
 */
import type { Cpu, OperandBytes } from './cpu';
import type { AddressBits } from './state';

/** One instruction in the hands of a service. */
export interface Operation {
  /** Operand size in bytes. */
  readonly size: OperandBytes;
  /** Address size in bits: the width of offsets and counters. */
  readonly addressBits: AddressBits;
  readonly modrm: number;
  readonly opcode: number;
  /** Whether the ModRM operand is in memory. */
  readonly isMemory: boolean;
  /** REX as far as services need it: register numbers of ModRM.reg and ModRM.rm, extended. */
  readonly reg: number;
  readonly rm: number;
  /** Low 32 bits of the immediate, signed, and the 16 bits above them (selector of a far pointer, ENTER's level). */
  readonly immediate: number;
  readonly immediateHigh: number;
  /** Segment of the memory operand, or the effective segment of a string instruction. */
  readonly segment: number;
  readonly repeat: 'none' | 'rep' | 'repne';
  /** Effective offset of the memory operand in its segment: unsigned, or signed with 64-bit addresses. */
  readonly offset: number;
  /** The offset a number of bytes behind that, cut to the address size. */
  offsetOf(bytes: number): number;
  /** Register slot of the first, second and (VEX instructions only) third register operand. */
  readonly slotA: number;
  readonly slotB: number;
  readonly slotC: number;
  /** Bytes of a whole vector operand of a VEX instruction. */
  readonly vectorBytes: 16 | 32;
  /** Instruction pointer of this instruction and of the one behind. */
  readonly start: number;
  readonly next: number;
}

/**
 * - next: done, go on behind the instruction;
 * - leave: done, go on at the CPU's EIP, which the service has set;
 * - again: at a border inside a long instruction: execute it again.
 */
export type Outcome = 'next' | 'leave' | 'again';

export type Service = (cpu: Cpu, op: Operation) => Outcome;
