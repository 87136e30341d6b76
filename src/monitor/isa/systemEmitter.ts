/** The part of what an instruction's meaning is written over that system instructions need. */
import type { OperandSize, Value } from './emitter';

/** Transfers into a system's kernel and back that generated code has routines for; the number is the code's size. */
export type KernelRoutine = 'sysenter' | 'sysexit' | 'syscall' | 'sysret' | 'iret32' | 'iret64' | 'interrupt32' | 'interrupt64';

/** Far transfers in real mode: parameters are selector and offset of where to; bytes of arguments; vector; none. */
export type FarRoutine = 'realJump' | 'realCall' | 'realReturn' | 'realInterrupt' | 'realInterruptReturn';
export type TransferRoutine = KernelRoutine | FarRoutine;

/** What the interrupt routines deliver: bits of a parameter. There is an error code; INT n; a fault, which is resumed. */
export const DELIVERY = { errorCode: 1, software: 2, resume: 4 } as const;

export interface SystemEmitter {
  /** Current privilege level, i32. */
  privilegeLevel(): Value;
  /** Selector of a segment register (its number: i32), i32. */
  selector(segment: Value): Value;
  /** Pushes a selector: the pointer moves by `size` bits, and 16 are written unless `size` is 64. */
  pushSelector(selector: Value, size: OperandSize): void;
  /** Pushes a frame pointer (of the operand size) from a stack pointer of 16 bits, for so many bytes of local variables (all i32); 0 where that is no common case, and nothing has changed. */
  pushFrame(pointer: Value, frame: Value, locals: Value): Value;
  /** Host address of all registers of PUSHA and POPA, which lie from an offset (i64) up on the stack of a flat or 16-bit program; gives up where that is no common case. */
  registersOnStack(lowest: Value, kind: 'read' | 'write', giveUpIf: (condition: Value) => void): Value;
  /** One of them: at so many bytes from there. */
  loadFrom(host: Value, offset: number): Value;
  storeTo(host: Value, offset: number, value: Value): void;
  /** Loads a data segment register (its number: i32) with a selector (i32): 0 where that is no common case, and nothing has changed. */
  loadSegment(segment: Value, selector: Value): Value;
  /** Exchanges the base of GS with that of the kernel's GS. */
  exchangeGsBase(): void;
  /** Base of FS (0) or GS (1), i64; and setting that of FS, GS, or the kernel's GS (2), by a number (i32). */
  segmentBase(number: number): Value;
  setSegmentBase(number: Value, base: Value): void;
  /** Whether a linear address (i64) is not canonical. */
  isNotCanonical(address: Value): Value;
  /** CR0 to CR4, in all of its 64 bits. */
  controlRegister(number: 0 | 2 | 3 | 4): Value;
  /** Whether code is of 64 bits, and whether it knows segments as flat. */
  readonly codeModel: 'flat' | 'long' | 'seg';
  /** Whether the monitor has to be asked about writes of model-specific registers. */
  registersWatched(): Value;
  /** Whether an interrupt waits that IF may hold back. */
  interruptWaits(): Value;
  /** Bits of EFLAGS that can be changed on this processor, and those that are 1 always. */
  changeableFlags(): Value;
  fixedFlags(): Value;
  /** Holds interrupts back until the next instruction is done. */
  holdInterrupts(): void;
  /** The time-stamp counter before this instruction, i64. */
  timeStamp(): Value;
  /** IA32_TSC_AUX, i32. */
  timeStampAuxiliary(): Value;
  /** Has a routine transfer control, or the service of this instruction where that is no common case. */
  transfer(routine: TransferRoutine, ...parameters: readonly Value[]): void;
}
