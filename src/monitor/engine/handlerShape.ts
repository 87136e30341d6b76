/** What tells one interpreter handler of an instruction from another, and what handlers may call. */
import type { OperandSize } from '../isa/emitter';
import type { VexForm } from '../isa/instruction';
import type { Model } from './records';
import type { Routines } from './routines';

/** Function numbers that handlers call, and the type of a handler in the module. */
export interface Callees {
  readonly handlerType: number;
  readonly jump: number;
  readonly arrive: number;
  readonly access: number;
  readonly commit: number;
  readonly segmentFault: number;
  readonly raise: number;
  readonly service: number;
  readonly routines: Routines;
}

/**
 * Where an operand of a handler is: general register, vector register (x), MMX register (m), memory (flat,
 * long, through a segment, or at a direct 64-bit offset), immediate.
 */
export type OperandKind = 'r' | 'x' | 'm' | 'F' | 'L' | 'S' | 'D' | 'i';

/** Whether an operand of this kind takes one of the record's register fields. */
export const isRegisterKind = (kind: OperandKind | undefined): boolean => kind === 'r' || kind === 'x' || kind === 'm';

export interface HandlerShape {
  readonly size: OperandSize;
  readonly kinds: readonly OperandKind[];
  readonly model: Model;
  readonly addressSize: 16 | 32 | 64;
  readonly vex: VexForm | undefined;
}

/** A handler: the instruction that it is for, in one shape. */
export interface HandlerKey {
  readonly key: string;
  readonly name: string;
  readonly shape: HandlerShape;
}
