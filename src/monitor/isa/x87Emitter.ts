/**
 * The x87 part of what an instruction's meaning is written over. The unit is its state in the state block, and routines
 * that compute with numbers. A number is a significand (i64) and a word with sign and exponent (i32, 16 bits).
 */
import type { Value } from './emitter';

/**
 * Routines of floating point. Those that give a number or an encoding take the control word and give PE and C1 with the
 * word, 16 bits above where the status word has them. What is not common (NaNs, denormals, results out of range, operands
 * that are invalid, a precision exception that is not masked) has a word below zero for its result.
 */
export type X87Routine = 'add' | 'multiply' | 'divide' | 'squareRoot' | 'integral' | 'toDouble' | 'toSingle' | 'toInteger' | 'compare';

/** Routines that carry the unit's environment, or all of its state, to an image in memory or back: the image, and nothing of what the instruction does beyond it. */
export type EnvironmentRoutine = 'fnstenv' | 'fldenv' | 'fnsave' | 'frstor';

export interface X87Emitter {
  /** Control word, and above it the status word. */
  x87Words(): Value;
  setX87Words(value: Value): void;
  /** Bits of registers that are not empty, in bits 0 to 7. */
  x87Tags(): Value;
  /** Sets them, and in bits 16 to 26 the last instruction's opcode. */
  setX87Tags(value: Value): void;
  /** This instruction's opcode in bits 16 to 26. */
  x87Opcode(): Value;
  /** Whether the instruction has a memory operand; else the offset of its ST(i) from ST(0): 16 * i. */
  readonly x87Memory: boolean;
  x87Operand(): Value;
  /** Makes this instruction the last one: its address, and that of its memory operand. */
  setX87Pointers(): void;
  /** There was no last instruction. */
  clearX87Pointers(): void;

  /** The register at an offset: 16 times its physical number. */
  x87Significand(register: Value): Value;
  x87Word(register: Value): Value;
  setX87Register(register: Value, significand: Value, word: Value): void;

  /** Calls a routine that gives a number. */
  x87Routine(name: Exclude<X87Routine, 'compare'>, ...values: readonly Value[]): { readonly significand: Value; readonly word: Value };
  /** Calls `compare`: C3, C2 and C0, or less than zero. */
  x87Compare(...values: readonly Value[]): Value;

  /** A memory operand of 80 bits; writing it may fault like any other. */
  readExtended(index: number): { readonly significand: Value; readonly word: Value };
  writeExtended(index: number, significand: Value, word: Value): void;

  /**
   * Carries the state of the x87 and SSE units to an image in memory, or back; gives up where a routine cannot do that, before
   * anything has changed.
   */
  transferUnits(routine: 'fxsave' | 'fxrstor', giveUpIf: (condition: Value) => void): void;
  /** Carries the environment or the state of the x87 unit in the format of protected mode and 32 bits; gives up as `transferUnits` does. */
  transferEnvironment(routine: EnvironmentRoutine, giveUpIf: (condition: Value) => void): void;
  /**
   * Does `body`; where it gives up because a condition holds, the service of the instruction's name does the instruction
   * from its beginning, so that nothing may have changed before.
   */
  orService(body: (giveUpIf: (condition: Value) => void) => void): void;
}
