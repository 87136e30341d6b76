/**
 * The machine as one client of GDB's sees it: its CPUs as threads with numbers from 1, registers by GDB's numbers, memory as the
 * selected thread has it. What was asked is kept while the machine stands.
 */
import type { CpuState, Timeline } from '../../monitor/inspection/queries';
import { MachineError } from '../../monitor/machine/blame';
import type { MachineSession, MemorySpace } from '../../monitor/machine/session';
import { CpuRegisters, registerLayout, type GdbArchitecture, type GdbRegister, type RegisterLayout } from './registers';

/** A thread of GDB's. */
export type ThreadId = number;

export class Target {
  /** Whose registers and memory are asked for (packet `Hg`). */
  selected: ThreadId = 1;
  /** Whether addresses mean guest-physical memory, instead of linear. */
  physical = false;
  private readonly states = new Map<ThreadId, CpuRegisters>();

  private constructor(
    readonly session: MachineSession,
    readonly layout: RegisterLayout,
    readonly threads: readonly ThreadId[],
    /** Whether it can be gone back in time. */
    readonly hasTimeline: boolean,
  ) {}

  /** Settles what a client that connects now is told of the machine. */
  static async of(session: MachineSession, architecture: GdbArchitecture): Promise<Target> {
    const state = await session.inspect.cpu();
    const { moments } = await session.inspect.timeline();
    const threads = Array.from({ length: state.processor.count }, (_, i) => i + 1);
    const target = new Target(session, registerLayout(architecture, state), threads, moments.length > 0);
    target.selected = state.processor.index + 1;
    return target;
  }

  /** Something has changed, or the machine has run: what was asked is not true any more. */
  changed(): void {
    this.states.clear();
  }

  has(thread: ThreadId): boolean {
    return this.threads.includes(thread);
  }

  /** The thread whose turn it is. */
  async current(): Promise<ThreadId> {
    return (await this.session.inspect.cpu()).processor.index + 1;
  }

  timeline(): Promise<Timeline> {
    return this.session.inspect.timeline();
  }

  async state(thread: ThreadId = this.selected): Promise<CpuState> {
    return (await this.registers(thread)).state;
  }

  async registers(thread: ThreadId = this.selected): Promise<CpuRegisters> {
    const known = this.states.get(thread);
    if (known) return known;
    const registers = new CpuRegisters(await this.session.inspect.cpu(thread - 1));
    this.states.set(thread, registers);
    return registers;
  }

  /** Sets a register of the selected thread. Throws MachineError with the reason when it cannot be set. */
  async setRegister(register: GdbRegister, value: bigint): Promise<void> {
    if (value >> BigInt(register.bits) !== 0n) throw new MachineError(`${register.name} has ${register.bits} bits.`, 'user');
    const cpu = await this.registers();
    // After a function that it has called GDB gives back all registers, also those that cannot be set to anything but what they have.
    const now = register.read(cpu);
    if (now !== undefined && BigInt.asUintN(register.bits, now) === value) return;
    const writes = register.write(cpu, value);
    try {
      for (const write of writes) await this.session.control.setRegister(write.name, write.value, this.selected - 1);
    } finally {
      this.changed();
    }
  }

  private space(): MemorySpace {
    return this.physical ? { kind: 'physical' } : { kind: 'linear', cpu: this.selected - 1 };
  }

  /** An address as the machine has it: with the i386 description GDB may send more than its 32 bits. */
  private address(address: bigint): bigint {
    return this.layout.architecture === 'i386' && !this.physical ? BigInt.asUintN(32, address) : address;
  }

  /** Memory of the selected thread; short where something is not there. */
  readMemory(address: bigint, bytes: number): Promise<Uint8Array> {
    return this.session.inspect.readMemory(this.space(), this.address(address), bytes);
  }

  /** Gives the number of bytes written: fewer where something is not there. */
  async writeMemory(address: bigint, bytes: Uint8Array): Promise<number> {
    try {
      return await this.session.control.writeMemory(this.space(), this.address(address), bytes);
    } finally {
      this.changed();
    }
  }
}

/** What a CPU does now, in a few words: 'long-64, CPL 3', 'real, halted'. */
export function storyOfCpu({ mode, cpl, halted }: CpuState): string {
  return `${mode}, CPL ${cpl}${halted ? ', halted' : ''}`;
}
