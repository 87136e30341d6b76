/**
 * Walks up a call stack from one activation: by call frame information where the symbols have it, by frame pointers elsewhere, always from
 * registers and memory that may be rubbish, so every step is checked and the walk is bounded.
 */
import { hex, littleEndian } from './numbers';
import type { Image } from './image';
import type { Program } from './program';
import type { UnwoundFrame } from './symbols/cfi';
import type { Machine } from './symbols/elf';
import type { SyncMemory } from './syncMemory';

/** One activation of a function. */
export interface Frame {
  /** Linear address of the instruction that runs, or that the frame comes back to. */
  readonly pc: bigint;
  /** Address to look symbols up with: `pc`, or in a caller the last byte of its call. */
  readonly lookup: bigint;
  /** Known registers by DWARF number. */
  readonly registers: ReadonlyMap<number, bigint>;
  readonly machine: Machine;
  readonly image: Image | undefined;
  /** Linear address of the stack slot that holds the return address to the caller, when there is one. */
  readonly returnSlot?: bigint;
  /** What lies between it and its caller, in words. */
  readonly edge?: string;
}

export interface Stack {
  readonly frames: readonly Frame[];
  /** Why the chain does not go on, in words. */
  readonly end: string;
}

/** What is known of a caller: its registers and where it goes on; or why there is none. */
export type UnwoundCaller = UnwoundActivation | { readonly end: string };

/** Where an activation goes on, and with which registers, by DWARF number. */
export interface UnwoundActivation {
  readonly registers: ReadonlyMap<number, bigint>;
  readonly pc: bigint;
  /** Whether `pc` is the instruction that comes next, and not what a call returns to. */
  readonly isExact: boolean;
  /** The stack slot that holds `pc`, where it is a return address. */
  readonly slot?: bigint;
  /** What lies between it and the frame that it called, in words: '— interrupt —'. */
  readonly edge?: string;
}

/** Knows the callers of some frames by other means than symbol files; `inner` are the frames that are known already. */
export interface FrameUnwinder {
  caller(frame: Frame, inner: readonly Frame[]): Promise<UnwoundCaller | undefined>;
}

/** The address space that a stack lies in. */
export interface StackMemory {
  /** Up to `count` bytes at a linear address; short where a page is absent. */
  read(address: bigint, count: number): Promise<Uint8Array>;
  readonly values: SyncMemory;
  /** Where the segments of stack and code begin. */
  readonly segments: { readonly stack: bigint; readonly code: bigint };
}

const MOST_FRAMES = 256;

/** DWARF numbers of the registers that the walk itself uses. */
const NUMBERS: Record<Machine, { readonly stack: number; readonly frame: number; readonly bytes: number }> = {
  '386': { stack: 4, frame: 5, bytes: 4 },
  'x86-64': { stack: 7, frame: 6, bytes: 8 },
};

export class Unwinder {
  constructor(
    private readonly memory: StackMemory,
    private readonly program: Pick<Program, 'imageAt' | 'functionAt'>,
    private readonly guest: FrameUnwinder,
  ) {}

  /** The frames of an activation and of its callers, innermost first: at least one, at most `most`. */
  async walk({ pc, isExact, registers }: UnwoundActivation, machine: Machine, most = MOST_FRAMES): Promise<Stack> {
    let frame = this.frame(pc, isExact, registers, machine);
    const frames: Frame[] = [];
    while (frames.length < most) {
      const caller = await this.caller(frame, frames);
      if ('end' in caller) return { frames: [...frames, frame], end: caller.end };
      frames.push({
        ...frame, ...(caller.slot === undefined ? {} : { returnSlot: caller.slot }), ...(caller.edge === undefined ? {} : { edge: caller.edge }),
      });
      frame = this.frame(caller.pc, caller.isExact, caller.registers, machine);
    }
    return { frames, end: `more than ${most} frames` };
  }

  private frame(pc: bigint, isExact: boolean, registers: Frame['registers'], machine: Machine): Frame {
    const lookup = isExact ? pc : pc - 1n;
    return { pc, lookup, registers, machine, image: this.program.imageAt(lookup) };
  }

  private async caller(frame: Frame, inner: readonly Frame[]): Promise<UnwoundCaller> {
    const caller = (await this.byFrameInformation(frame)) ?? (await this.guest.caller(frame, inner)) ?? (await this.byFramePointer(frame));
    if ('end' in caller) return caller;
    if (caller.pc === 0n) return { end: 'the return address is 0' };
    const isCode = (await this.memory.read(caller.pc, 1)).length === 1;
    return isCode ? caller : { end: `the return address ${hex(caller.pc)} is not in memory` };
  }

  private async byFrameInformation(frame: Frame): Promise<UnwoundCaller | undefined> {
    const { image, machine } = frame;
    if (!image || image.ask((table) => table.machine) !== machine) return undefined;
    const numbers = NUMBERS[machine];
    const stackBefore = frame.registers.get(numbers.stack);
    const unwound = await this.unwind(image, frame);
    if (!unwound) return undefined;
    if (unwound === 'outermost') return { end: 'the outermost function: nobody called it' };
    if (stackBefore !== undefined && unwound.cfa <= stackBefore) return { end: 'the stack does not grow towards a caller' };
    return {
      registers: unwound.registers,
      pc: unwound.returnAddress,
      isExact: unwound.isSignalFrame,
      ...(unwound.isSignalFrame ? {} : { slot: unwound.cfa - BigInt(numbers.bytes) }),
    };
  }

  private unwind(image: Image, frame: Frame): Promise<UnwoundFrame | 'outermost' | undefined> {
    const { values } = this.memory;
    return values.run(() => image.ask((table) => table.unwind(frame.lookup, frame.registers, values.readLinear)));
  }

  private async byFramePointer(frame: Frame): Promise<UnwoundCaller> {
    const numbers = NUMBERS[frame.machine];
    const stackPointer = frame.registers.get(numbers.stack);
    const framePointer = frame.registers.get(numbers.frame);
    const { segments } = this.memory;
    // On a function's first instruction the return address is on top of the stack and the frame is not yet made. (A caller
    // stands behind its call; but an interrupted function may stand on its first instruction, too.)
    if (frame.lookup === frame.pc && stackPointer !== undefined && this.program.functionAt(frame.pc)?.start === frame.pc) {
      return this.returnAt(frame, segments, stackPointer, framePointer);
    }
    if (framePointer === undefined || framePointer === 0n) return { end: 'the frame pointer is 0' };
    if (stackPointer !== undefined && framePointer < stackPointer) return { end: `the frame pointer ${hex(framePointer)} lies outside of the stack` };
    const saved = await this.number(segments.stack + framePointer, numbers.bytes);
    if (saved === undefined) return { end: `the frame pointer ${hex(framePointer)} does not point to memory` };
    return this.returnAt(frame, segments, framePointer + BigInt(numbers.bytes), saved);
  }

  /** The caller when its return address is at `slot` (an offset in SS). */
  private async returnAt(
    frame: Frame, segments: { stack: bigint; code: bigint }, slot: bigint, framePointer: bigint | undefined,
  ): Promise<UnwoundCaller> {
    const numbers = NUMBERS[frame.machine];
    const offset = await this.number(segments.stack + slot, numbers.bytes);
    if (offset === undefined) return { end: `the stack at ${hex(slot)} is not in memory` };
    const registers = new Map([[numbers.stack, slot + BigInt(numbers.bytes)]]);
    if (framePointer !== undefined) registers.set(numbers.frame, framePointer);
    const pc = offset === 0n ? 0n : segments.code + offset;
    return { registers, pc, isExact: false, slot: segments.stack + slot };
  }

  private async number(address: bigint, bytes: number): Promise<bigint | undefined> {
    const read = await this.memory.read(address, bytes);
    return read.length < bytes ? undefined : littleEndian(read);
  }
}
