/** The call stack of a CPU where the machine stands. */
import type { CpuState } from '../src/monitor/inspection/queries';
import { linearPlace } from './addresses';
import type { Program } from './program';
import { registerNamed } from './registers';
import type { Machine } from './symbols/elf';
import { dwarfGeneralNames, dwarfRegisterNumber, SEGMENT_BASES } from './symbols/registers';
import type { Target } from './target';
import { Unwinder, type FrameUnwinder, type Stack, type StackMemory } from './unwinder';

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
    const registers = registersOf(cpu, machine);
    if (cpu.codeBits === 16) {
      return { frames: [{ pc: cpu.linear, lookup: cpu.linear, registers, machine, image: this.program.imageAt(cpu.linear) }], end: '16-bit code keeps no frames' };
    }
    const unwinder = new Unwinder(memoryOf(this.target, cpu), this.program, this.guest);
    return unwinder.walk({ pc: cpu.linear, isExact: true, registers }, machine);
  }
}

/** Memory as a CPU has it. */
function memoryOf(target: Target, { segments, codeBits }: CpuState): StackMemory {
  const base = (name: string): bigint => (codeBits === 64 ? 0n : segments.find((segment) => segment.name === name)?.base ?? 0n);
  return {
    read: (address, count) => target.read(linearPlace(address), count),
    values: target.memory,
    segments: { stack: base('ss'), code: base('cs') },
  };
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
