/** A decoded instruction, as the decoder gives it to everybody else. */
import type { OperandSize } from './emitter';
import type { Feature } from './opcodeTable';

/** Longest instruction in bytes; anything longer is #GP. */
export const MAX_INSTRUCTION_BYTES = 15;

/** Segment numbers, as in ModRM.reg of MOV Sreg. */
export const SEGMENT = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 } as const;

/**
 * Where an operand is. A general register's slot is its byte offset in a file of 8-byte registers (AH is 1,
 * CH 9); vector (XMM, YMM) and MMX registers have their numbers.
 */
export type Operand =
  | { readonly kind: 'register'; readonly slot: number }
  | { readonly kind: 'vector'; readonly number: number }
  | { readonly kind: 'mmx'; readonly number: number }
  | { readonly kind: 'memory' }
  | { readonly kind: 'immediate' };

/** A memory operand's address: segment, base + (index << scale) + displacement, cut to `size` bits. */
export interface AddressForm {
  readonly segment: number;
  /** Register numbers; -1 for none. 'ip' is the offset behind the instruction; 'direct': the instruction's immediate is the address (MOV with 64-bit offset). */
  readonly base: number | 'ip' | 'direct';
  readonly index: number;
  readonly scale: number;
  /** Signed, of 32 bits. */
  readonly displacement: number;
  readonly size: 16 | 32 | 64;
}

/** Which part of the processor an instruction needs to be switched on (CR0.EM, CR0.TS, CR4.OSFXSR, CR4.OSXSAVE and XCR0). */
export type Unit = 'x87' | 'mmx' | 'sse' | 'avx' | 'none';

/** What the VEX prefix of an instruction says. */
export interface VexForm {
  /** Bits of its vectors. */
  readonly length: 128 | 256;
  /** Which vector operand VEX.vvvv names: none, the first source (which is the second operand), or the destination. */
  readonly names: 'none' | 'source' | 'destination';
}

export interface Instruction {
  readonly name: string;
  /** Operand size in bits. */
  readonly size: OperandSize;
  readonly operands: readonly Operand[];
  readonly memory: AddressForm | undefined;
  /**
   * Immediate, relative displacement, far pointer (offset + selector * 2^32), number of a control, debug or
   * segment register, or a direct 64-bit address; sign-extended.
   */
  readonly immediate: bigint;
  /** Second immediate (ENTER's level). */
  readonly immediate2: number;
  /** Bytes. */
  readonly length: number;
  readonly addressSize: 16 | 32 | 64;
  readonly lock: boolean;
  /** 0, or the repeat prefix: f2 or f3. A prefix that selects an opcode is none. */
  readonly repeat: number;
  /** Segment number of the effective segment of string instructions (DS unless overridden). */
  readonly segment: number;
  /** Last opcode byte and ModRM, for services. */
  readonly opcode: number;
  readonly modrm: number;
  /** REX, or 0. */
  readonly rex: number;
  /** What a processor must have for it; undefined for what the 8086 had. */
  readonly feature: Feature | undefined;
  readonly unit: Unit;
  /** Of instructions with a VEX prefix, which exist in protected mode only. */
  readonly vex: VexForm | undefined;
}
