/**
 * The machine's virtual CPUs, 1 to 8: whose turn it is, and what reaches those whose turn it is not. They run one
 * after the other, for a fixed quantum of retired instructions each, so that a machine with several is as
 * deterministic as one with one. The one whose turn it is lies in the active state block; the others' blocks wait.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { FLAG, NMI } from '../cpu/state';
import { FpuState } from '../cpu/x87';
import type { ApicBus, CpuSignals } from '../devices/apic-bus';
import type { Executor } from '../engine/executor';
import type { InitialCpu } from '../firmware/platform';
import { CPU_BASE, CPU_BYTES, WAITING_CPUS } from '../memory/layout';
import { resetCpuTo } from './firmwareCpu';

/** Where a processor stands that an INIT has reached (SDM vol. 3, 9.4.4). */
interface Start {
  /** An INIT is to be carried out when its turn comes. */
  reset: boolean;
  /** It waits for a SIPI. */
  waiting: boolean;
  /** Vector of the SIPI that has come; -1 for none. */
  vector: number;
}

export interface ProcessorsState {
  current: number;
  /** Retired count at which the present turn ends. */
  turnEnd: number;
  starts: Start[];
}

/** Retired instructions of a turn unless the configuration says otherwise. */
export const DEFAULT_QUANTUM = 20_000;

export interface ProcessorsOptions {
  readonly count: number;
  /** Retired instructions. */
  readonly quantum: number;
}

export class Processors implements CpuSignals {
  state: ProcessorsState;

  constructor(
    private readonly cpu: Cpu,
    private readonly executor: Executor,
    private readonly apics: () => ApicBus,
    private readonly options: ProcessorsOptions,
  ) {
    this.state = this.powerOnState();
  }

  private powerOnState(): ProcessorsState {
    const starts = Array.from({ length: this.options.count }, (_, i): Start => ({ reset: false, waiting: i > 0, vector: -1 }));
    return { current: 0, turnEnd: 0, starts };
  }

  get count(): number {
    return this.options.count;
  }

  get current(): number {
    return this.state.current;
  }

  /** After power on: the first CPU is in the active block, the others are halted until a SIPI starts them. */
  powerOn(): void {
    this.state = this.powerOnState();
    this.state.turnEnd = this.retired + this.options.quantum;
    this.seat(0);
    const active = this.cpu.state.block.slice();
    for (let i = 1; i < this.count; i++) {
      this.seat(i);
      this.resetCurrent({ instructionPointer: 0xfff0 });
      this.waitingBlock(i).set(this.cpu.state.block);
    }
    this.seat(0);
    this.cpu.state.block.set(active);
    this.activate();
  }

  /**
   * Sees to it that the CPU whose turn it is can run: the present one until its turn ends, then the next that can.
   * False when none can: all are halted.
   */
  schedule(): boolean {
    const { state, count } = this;
    if (count === 1 && !this.state.starts[0].reset) return this.wake(0);
    const expired = this.retired >= state.turnEnd || this.cpu.yields;
    if (!expired && this.canRun(state.current)) return this.wake(state.current);
    for (let distance = 1; distance <= count; distance++) {
      const next = (state.current + distance) % count;
      if (!this.canRun(next)) continue;
      this.switchTo(next);
      state.turnEnd = this.retired + this.options.quantum;
      this.cpu.yields = false;
      return this.wake(next);
    }
    return false;
  }

  /** Retired instructions until the present turn ends; Infinity with a single CPU. */
  get turnLeft(): number {
    return this.count === 1 ? Infinity : this.state.turnEnd - this.retired;
  }

  /** Whether no interrupt can ever wake any CPU: halted with interrupts off, or waiting for a start that nobody can send. */
  get isDead(): boolean {
    return this.state.starts.every((start, i) => start.waiting || (this.read(i, (s) => (s.u32(L.FLAGS_SYSTEM) & FLAG.IF) === 0)));
  }

  /** The state blocks of the CPUs whose turn it is not, by CPU number. */
  waitingBlocks(): ReadonlyMap<number, Uint8Array> {
    const others = this.state.starts.map((_, i) => i).filter((i) => i !== this.state.current);
    return new Map(others.map((i) => [i, this.waitingBlock(i)]));
  }

  /** The time-stamp counter of a CPU at a moment of virtual time. */
  timeStamp(cpu: number, now: number): bigint {
    return BigInt.asUintN(64, BigInt(now) + this.viewOf(cpu).getBigUint64(L.MSR_TSC_OFFSET, true));
  }

  // What the local APICs say.

  interruptChanged(cpu: number): void {
    if (cpu !== this.state.current) return;
    this.cpu.interruptLine = this.apics().pending(cpu);
    if (this.cpu.interruptLine && this.cpu.state.systemFlags & FLAG.IF) this.cpu.attention = true;
  }

  nonMaskable(cpu: number): void {
    const view = this.viewOf(cpu);
    view.setUint32(L.NON_MASKABLE, view.getUint32(L.NON_MASKABLE, true) | NMI.pending, true);
    if (cpu === this.state.current) this.cpu.attention = true;
  }

  initialise(cpu: number): void {
    const start = this.state.starts[cpu];
    start.reset = true;
    start.waiting = cpu > 0;
    start.vector = -1;
    if (cpu === this.state.current) this.executor.requestReturn();
  }

  startUp(cpu: number, vector: number): void {
    const start = this.state.starts[cpu];
    if (!start.waiting) return;
    start.waiting = false;
    start.vector = vector;
  }

  // Turns.

  private canRun(i: number): boolean {
    const start = this.state.starts[i];
    if (start.waiting) return false;
    if (start.reset || start.vector >= 0) return true;
    return this.read(i, (s) => s.u32(L.HALTED) === 0 || s.u32(L.NON_MASKABLE) === NMI.pending || ((s.u32(L.FLAGS_SYSTEM) & FLAG.IF) !== 0 && this.apics().pending(i)));
  }

  /** Carries out what has come for the CPU in the active block. False when it is halted all the same. */
  private wake(i: number): boolean {
    const start = this.state.starts[i];
    if (start.waiting) return false;
    if (start.reset) this.resetCurrent({ instructionPointer: 0xfff0 });
    if (start.vector >= 0) this.resetCurrent(startAt(start.vector));
    start.reset = false;
    start.vector = -1;
    const s = this.cpu.state;
    if (!s.halted) return true;
    if (!s.nmiReady && !(this.cpu.interruptLine && s.systemFlags & FLAG.IF)) return false;
    s.halted = false;
    this.cpu.attention = true;
    return true;
  }

  private resetCurrent(initial: InitialCpu): void {
    resetCpuTo(this.cpu, initial);
    new FpuState(this.cpu.state.view, CPU_BASE + L.FPU).initialise();
  }

  private switchTo(next: number): void {
    const { current } = this.state;
    if (next === current) return;
    const s = this.cpu.state;
    const [retired, idle] = [s.f64(L.RETIRED), s.f64(L.IDLE)];
    // An interrupt shadow ends with the CPU's next own instruction, whatever others retire in between.
    const held = s.f64(L.SHADOW_COUNT) === retired;
    this.waitingBlock(current).set(s.block);
    this.viewOf(current).setFloat64(L.SHADOW_COUNT, held ? SHADOW_NEXT : -1, true);
    s.block.set(this.waitingBlock(next));
    this.seat(next);
    s.setF64(L.RETIRED, retired);
    s.setF64(L.IDLE, idle);
    if (s.f64(L.SHADOW_COUNT) === SHADOW_NEXT) s.setF64(L.SHADOW_COUNT, retired);
    this.activate();
  }

  /** Says everywhere that from now on this CPU is the one in the active block. */
  private seat(i: number): void {
    this.state.current = i;
    this.apics().currentCpu = i;
    this.cpu.place = { index: i, count: this.count };
  }

  private activate(): void {
    const { cpu } = this;
    cpu.updatePaging();
    cpu.interruptLine = this.apics().pending(this.state.current);
    cpu.attention = true;
  }

  private get retired(): number {
    return this.cpu.state.f64(L.RETIRED);
  }

  private waitingBlock(i: number): Uint8Array {
    return this.cpu.machine.u8.subarray(WAITING_CPUS + i * CPU_BYTES, WAITING_CPUS + (i + 1) * CPU_BYTES);
  }

  /** A CPU's state block, wherever it lies, as a view. */
  private viewOf(i: number): DataView {
    const start = i === this.state.current ? CPU_BASE : WAITING_CPUS + i * CPU_BYTES;
    return new DataView(this.cpu.machine.memory.buffer, start, CPU_BYTES);
  }

  private read<T>(i: number, question: (s: { u32(offset: number): number }) => T): T {
    const view = this.viewOf(i);
    return question({ u32: (offset) => view.getUint32(offset, true) });
  }
}

/** Stands in a waiting block for "the shadow covers this CPU's next instruction". */
const SHADOW_NEXT = -2;

/** Real mode at the page that a SIPI names. */
function startAt(vector: number): InitialCpu {
  return { instructionPointer: 0, segments: { cs: { selector: vector << 8, base: vector << 12, limit: 0xffff, attributes: 0x93 } } };
}
