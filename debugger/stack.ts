/**
 * The call stack: by call frame information where the symbols have it, by frame pointers elsewhere, always from
 * registers and memory that may be rubbish, so every step is checked and the walk is bounded.
 */
import type { CpuState } from '../src/monitor/inspection/queries';
import { linearPlace } from './addresses';
import { hex } from './numbers';
import type { Image } from './image';
import type { Program } from './program';
import type { UnwoundFrame } from './symbols/cfi';
import type { Machine } from './symbols/elf';
import { registerNamed } from './registers';
import { dwarfGeneralNames, dwarfRegisterNumber, SEGMENT_BASES } from './symbols/registers';
import type { Target } from './target';

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
export type UnwoundCaller =
  | {
    readonly registers: ReadonlyMap<number, bigint>; readonly pc: bigint; readonly isExact: boolean; readonly slot?: bigint;
    /** What lies between it and the frame that it called, in words: '— interrupt —'. */
    readonly edge?: string;
  }
  | { readonly end: string };

/** Knows the callers of some frames by other means than symbol files; `inner` are the frames that are known already. */
export interface FrameUnwinder {
  caller(frame: Frame, inner: readonly Frame[]): Promise<UnwoundCaller | undefined>;
}

const MOST_FRAMES = 256;

/** DWARF numbers of the registers that the walk itself uses. */
const NUMBERS: Record<Machine, { readonly stack: number; readonly frame: number; readonly bytes: number }> = {
  '386': { stack: 4, frame: 5, bytes: 4 },
  'x86-64': { stack: 7, frame: 6, bytes: 8 },
};

export class StackManager {
  private known: Promise<Stack> | undefined;

  constructor(private readonly target: Target, private readonly program: Program, private readonly guest: FrameUnwinder) {}

  /** The machine has moved, or was changed: walk anew when asked. */
  forget(): void {
    this.known = undefined;
  }

  /** All frames, innermost first; there is always at least one. */
  stack(): Promise<Stack> {
    this.known ??= this.walk();
    return this.known;
  }

  /** Where the innermost function returns to; undefined when that is not known. */
  async callerOfTop(): Promise<{ readonly address: bigint; readonly slot?: bigint } | undefined> {
    return this.returnInto(() => true);
  }

  /** The innermost caller whose return address is accepted. */
  async returnInto(accepts: (address: bigint) => boolean): Promise<{ readonly address: bigint; readonly slot?: bigint } | undefined> {
    const { frames } = await this.stack();
    for (let index = 1; index < frames.length; index++) {
      const slot = frames[index - 1].returnSlot;
      if (accepts(frames[index].pc)) return { address: frames[index].pc, ...(slot === undefined ? {} : { slot }) };
    }
    return undefined;
  }

  private async walk(): Promise<Stack> {
    await this.program.ready();
    const cpu = await this.target.cpu();
    const machine: Machine = cpu.codeBits === 64 ? 'x86-64' : '386';
    let frame: Frame = {
      pc: cpu.linear, lookup: cpu.linear, registers: registersOf(cpu, machine), machine, image: this.program.imageAt(cpu.linear),
    };
    const frames: Frame[] = [];
    if (cpu.codeBits === 16) return { frames: [frame], end: '16-bit code keeps no frames' };
    while (frames.length < MOST_FRAMES) {
      const caller = await this.caller(frame, frames);
      if ('end' in caller) return { frames: [...frames, frame], end: caller.end };
      frames.push({
        ...frame, ...(caller.slot === undefined ? {} : { returnSlot: caller.slot }), ...(caller.edge === undefined ? {} : { edge: caller.edge }),
      });
      const lookup = caller.isExact ? caller.pc : caller.pc - 1n;
      frame = { pc: caller.pc, lookup, registers: caller.registers, machine, image: this.program.imageAt(lookup) };
    }
    return { frames, end: `more than ${MOST_FRAMES} frames` };
  }

  private async caller(frame: Frame, inner: readonly Frame[]): Promise<UnwoundCaller> {
    const caller = (await this.byFrameInformation(frame)) ?? (await this.guest.caller(frame, inner)) ?? (await this.byFramePointer(frame));
    if ('end' in caller) return caller;
    if (caller.pc === 0n) return { end: 'the return address is 0' };
    const isCode = (await this.target.read(linearPlace(caller.pc), 1)).length === 1;
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
    const { memory } = this.target;
    return memory.run(() => image.ask((table) => table.unwind(frame.lookup, frame.registers, memory.readLinear)));
  }

  private async byFramePointer(frame: Frame): Promise<UnwoundCaller> {
    const numbers = NUMBERS[frame.machine];
    const stackPointer = frame.registers.get(numbers.stack);
    const framePointer = frame.registers.get(numbers.frame);
    const segments = await this.segmentBases();
    // On a function's first instruction the return address is on top of the stack and the frame is not yet made. (A caller
    // stands behind its call; but an interrupted function may stand on its first instruction, too.)
    if (frame.lookup === frame.pc && stackPointer !== undefined && this.program.functionAt(frame.pc)?.start === frame.pc) {
      return this.returnAt(frame, segments, stackPointer, framePointer);
    }
    if (framePointer === undefined || framePointer === 0n) return { end: 'the frame pointer is 0' };
    if (stackPointer !== undefined && framePointer < stackPointer) return { end: `the frame pointer ${hex(framePointer)} lies outside of the stack` };
    const saved = await this.target.readNumber(linearPlace(segments.stack + framePointer), numbers.bytes);
    if (saved === undefined) return { end: `the frame pointer ${hex(framePointer)} does not point to memory` };
    return this.returnAt(frame, segments, framePointer + BigInt(numbers.bytes), saved);
  }

  /** The caller when its return address is at `slot` (an offset in SS). */
  private async returnAt(
    frame: Frame, segments: { stack: bigint; code: bigint }, slot: bigint, framePointer: bigint | undefined,
  ): Promise<UnwoundCaller> {
    const numbers = NUMBERS[frame.machine];
    const offset = await this.target.readNumber(linearPlace(segments.stack + slot), numbers.bytes);
    if (offset === undefined) return { end: `the stack at ${hex(slot)} is not in memory` };
    const registers = new Map([[numbers.stack, slot + BigInt(numbers.bytes)]]);
    if (framePointer !== undefined) registers.set(numbers.frame, framePointer);
    const pc = offset === 0n ? 0n : segments.code + offset;
    return { registers, pc, isExact: false, slot: segments.stack + slot };
  }

  private async segmentBases(): Promise<{ stack: bigint; code: bigint }> {
    const { segments, codeBits } = await this.target.cpu();
    const base = (name: string): bigint => (codeBits === 64 ? 0n : segments.find((segment) => segment.name === name)?.base ?? 0n);
    return { stack: base('ss'), code: base('cs') };
  }
}

function registersOf(cpu: CpuState, machine: Machine): Map<number, bigint> {
  const registers = new Map<number, bigint>();
  for (const [name, number] of SEGMENT_BASES[machine]) {
    const register = registerNamed(cpu, name);
    if (register) registers.set(number, register.value);
  }
  for (const name of dwarfGeneralNames(machine)) {
    // 32-bit code in long mode has the low halves of the registers, under their own names.
    const number = dwarfRegisterNumber(machine, name);
    const register = registerNamed(cpu, name);
    if (number !== undefined && register) registers.set(number, register.value);
  }
  return registers;
}
