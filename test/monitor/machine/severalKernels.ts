/**
 * A kernel of a few instructions on a machine with several CPUs: the first starts the others by INIT and SIPI, and each
 * then runs the program that the test gives it, in flat 32-bit protected mode.
 */
import { code, jmpFar, le16, le32 } from '../cpu/guest';
import { CODE_SELECTOR, DATA, GDT, Kernel, PROGRAM, STACK, TABLE_REGISTERS } from './kernel';

/** Page of the real-mode code to which the SIPI leads. */
const TRAMPOLINE = 0x8000;
const TABLE_IN_TRAMPOLINE = 0x40;
const DATA_SELECTOR = 16, GDT_LIMIT = 0x17;
const ICR_LOW = 0xfee00300, ICR_HIGH = 0xfee00310, SPURIOUS = 0xfee000f0;

/** Programs of the CPUs, and a handler's data. */
export const program = (cpu: number): number => PROGRAM + 0x1000 * (cpu + 1);
export const counter = (cpu: number): number => DATA + 0x100 + 4 * cpu;

/** MOV DWORD [address], value. */
export const store = (address: number, value: number): readonly number[] => [0xc7, 0x05, ...le32(address), ...le32(value)];
/** INC DWORD [address]. */
export const inc = (address: number): readonly number[] => [0xff, 0x05, ...le32(address)];
export const PAUSE = [0xf3, 0x90];
export const STI = 0xfb, CLI = 0xfa;
/** JMP rel32 from one address to another. */
export const jump = (from: number, to: number): readonly number[] => [0xe9, ...le32(to - from - 5)];
/** The command register: fixed, INIT, start-up and so on, to the APIC of a CPU. */
export const send = (cpu: number, command: number): readonly number[] => code(store(ICR_HIGH, cpu << 24), store(ICR_LOW, command));
export const FIXED = 0x4000, NMI = 0x4400, INIT = 0x4500, START = 0x4600 | (TRAMPOLINE >> 12);
/** Lets the APIC take vectors. */
export const ENABLE_APIC = store(SPURIOUS, 0x1ff);
export const END_OF_INTERRUPT = store(0xfee000b0, 0);

/** Counts its own rounds for ever. */
export const countRounds = (cpu: number): readonly number[] => {
  const round = inc(counter(cpu));
  return [...round, ...jump(program(cpu) + round.length, program(cpu))];
};

/** Real-mode code, then protected mode at `entry`. */
function trampoline(entry: number): readonly number[] {
  const begin = code(
    [0x2e, 0x66, 0x0f, 0x01, 0x16], le16(TABLE_IN_TRAMPOLINE), // lgdt cs:[table]
    [0x0f, 0x20, 0xc0], [0x0c, 0x01], [0x0f, 0x22, 0xc0], // CR0.PE
    0x66, jmpFar(CODE_SELECTOR, entry),
  );
  return [...begin, ...new Array<number>(TABLE_IN_TRAMPOLINE - begin.length).fill(0), ...le16(GDT_LIMIT), ...le32(GDT)];
}

const ENTRY = PROGRAM + 0x800;

export class SeveralKernels extends Kernel {
  /**
   * @param programs of the CPUs by number, at `program(number)`; the others are not started
   * @param parts more code by its address
   */
  constructor(programs: readonly (readonly number[])[], parts: Readonly<Record<number, readonly number[]>> = {}, settings: Readonly<Record<string, unknown>> = {}) {
    const others = programs.slice(1).flatMap((_, i) => [...send(i + 1, INIT), ...send(i + 1, START)]);
    const begin = code(ENABLE_APIC, others);
    super({
      [PROGRAM]: code(begin, jump(PROGRAM + begin.length, program(0))),
      [ENTRY]: entryOfOthers(),
      ...Object.fromEntries(programs.map((bytes, cpu) => [program(cpu), bytes])),
      ...parts,
    }, { cpus: Math.max(programs.length, 2), quantum: 100, ...settings });
    const { map } = this.machine.parts;
    map.copyIn(TRAMPOLINE, Uint8Array.from(trampoline(ENTRY)));
  }

  /** Number of the CPU whose turn it is. */
  get current(): number {
    return this.machine.parts.processors.current;
  }

  /** Rounds of a CPU that runs `countRounds`. */
  rounds(cpu: number): number {
    return this.machine.parts.map.read(counter(cpu), 4);
  }

  /** Runs on until this CPU has the turn, and stands at an address if one is given. */
  untilTurnOf(cpu: number, address?: number): void {
    for (let i = 0; i < 100_000; i++) {
      if (this.current === cpu && (address === undefined || this.at === address)) return;
      this.run({ kind: 'instructions', count: 1 });
    }
    throw new Error(`CPU ${cpu} has not come to ${address?.toString(16) ?? 'its turn'}`);
  }
}

/** Segments, a stack of its own, an APIC that takes vectors, interrupts off; then the CPU's program. */
function entryOfOthers(): readonly number[] {
  return code(
    [0xb8, ...le32(DATA_SELECTOR)], [0x8e, 0xd8], [0x8e, 0xc0], [0x8e, 0xd0], // mov eax, selector; mov ds, es, ss
    [0x0f, 0x01, 0x1d], le32(TABLE_REGISTERS + 8), // lidt
    [0xb8, ...le32(1)], [0x0f, 0xa2], [0xc1, 0xeb, 24], // cpuid: APIC ID in EBX
    [0x89, 0xdc], [0xc1, 0xe4, 12], [0x81, 0xc4, ...le32(STACK)], // mov esp, ebx; shl esp, 12; add esp, STACK
    ENABLE_APIC,
    [0xc1, 0xe3, 12], [0x81, 0xc3, ...le32(PROGRAM + 0x1000)], [0xff, 0xe3], // shl ebx, 12; add ebx, program(0); jmp ebx
  );
}
