/**
 * The machine's virtual CPUs, 1 to 8: whose turn it is, and what reaches those whose turn it is not. They run one
 * after the other, for a fixed quantum of retired instructions each, so that a machine with several is as
 * deterministic as one with one. The one whose turn it is lies in the active state block; the others' blocks wait.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import type { CpuPlace } from '../cpu/models/processor';
import { CR0, FLAG, NMI } from '../cpu/state';
import { FpuState } from '../cpu/x87';
import type { ApicBus, CpuSignals } from '../devices/apic-bus';
import type { Executor } from '../engine/executor';
import { resetCpu } from '../firmware/install';
import type { InitialCpu } from '../firmware/platform';
import { CPU_BASE, PAGE_BYTES, WAITING_CPUS } from '../memory/layout';
import { MachineError } from './blame';
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
  /** Retired count from which on another CPU that can run has its turn. */
  turnEnd: number;
  starts: Start[];
}

export interface ProcessorsOptions {
  readonly count: number;
  /** Retired instructions of a turn. */
  readonly quantum: number;
}

export interface ProcessorCounters {
  /** Changes from one CPU to another. */
  turns: number;
  /** Turns that PAUSE has ended early. */
  yields: number;
}

export class Processors implements CpuSignals {
  state: ProcessorsState;
  readonly counters: ProcessorCounters = { turns: 0, yields: 0 };
  /** Turns, and CPUs that were started or woken, so far: they tell moments with one retired count apart. */
  changes = 0;
  /** Where each CPU's block waits, and how to read one: the active block's view is the last. */
  private readonly blocks: readonly Uint8Array[];
  private readonly views: readonly DataView[];
  private readonly active: DataView;
  private readonly activeBlock: Uint8Array;
  private readonly places: readonly CpuPlace[];

  constructor(
    private readonly cpu: Cpu,
    private readonly executor: Executor,
    private readonly apics: () => ApicBus,
    private readonly options: ProcessorsOptions,
  ) {
    const { memory, u8 } = cpu.machine;
    const places = Array.from({ length: options.count }, (_, i) => WAITING_CPUS + i * PAGE_BYTES);
    this.blocks = places.map((at) => u8.subarray(at, at + L.CPU_STATE_END));
    this.views = places.map((at) => new DataView(memory.buffer, at, L.CPU_STATE_END));
    this.active = new DataView(memory.buffer, CPU_BASE, L.CPU_STATE_END);
    this.activeBlock = u8.subarray(CPU_BASE, CPU_BASE + L.CPU_STATE_END);
    this.places = places.map((_, index) => ({ index, count: options.count }));
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

  /**
   * After power on: the first CPU is in the active block, the others wait for a SIPI. `prepare` is called for each while it
   * lies in the active block: what the firmware does to all of them.
   */
  powerOn(prepare: () => void): void {
    this.state = this.powerOnState();
    this.state.turnEnd = this.retired + this.options.quantum;
    const first = this.activeBlock.slice();
    for (let i = 1; i < this.count; i++) {
      this.seat(i);
      resetCpuTo(this.cpu, resetCpu());
      new FpuState(this.cpu.state.view, CPU_BASE + L.FPU).initialise();
      prepare();
      this.blocks[i]?.set(this.activeBlock);
    }
    this.seat(0);
    this.activeBlock.set(first);
    prepare();
    this.activate();
  }

  /**
   * Sees to it that the CPU whose turn it is can run: the present one until its turn is over and another can, then the next
   * one that can. False when none can: all are halted. Called only when instructions are to be run then and there, so that
   * a moment looks the same whether or not the host has stopped at it.
   */
  schedule(): boolean {
    const { state } = this;
    if (this.count > 1 && (this.retired >= state.turnEnd || !this.canRun(state.current))) {
      const next = this.nextInLine();
      if (next >= 0) {
        this.switchTo(next);
        state.turnEnd = this.retired + this.options.quantum;
      }
    }
    return this.wake(state.current);
  }

  /** Retired instructions until the present turn ends; Infinity while no other CPU can run. */
  get turnLeft(): number {
    return this.nextInLine() < 0 ? Infinity : this.state.turnEnd - this.retired;
  }

  /** PAUSE: the present turn ends behind it, if there is another CPU to let go on. */
  yieldTurn(): void {
    if (this.nextInLine() < 0) return;
    this.counters.yields++;
    this.state.turnEnd = this.executor.retired() + 1;
    this.executor.requestReturn();
  }

  /** Whether no interrupt can ever wake any CPU: halted with interrupts off, or waiting for a start that nobody can send. */
  get isDead(): boolean {
    return this.state.starts.every((start, i) => start.waiting || (this.viewOf(i).getUint32(L.FLAGS_SYSTEM, true) & FLAG.IF) === 0);
  }

  /** Whether each CPU has IF set, by number. */
  interruptFlags(): boolean[] {
    return Array.from({ length: this.count }, (_, index) => this.visit(index, () => (this.cpu.state.flags & FLAG.IF) !== 0));
  }

  /**
   * Lets `act` look at a CPU, or change it, as if its turn had come. Nothing of the machine's course changes by that but what `act` does.
   * @throws MachineError when there is no such CPU
   */
  visit<T>(cpu: number, act: () => T): T {
    const { current } = this.state;
    const block = this.blocks[cpu];
    if (!block) throw new MachineError(`There is no CPU ${cpu}: the machine has ${this.count}, counted from 0.`, 'user');
    if (cpu === current) return act();
    const { activeBlock } = this;
    const present = activeBlock.slice();
    const s = this.cpu.state;
    const counts = COUNTS.map((at) => s.f64(at));
    activeBlock.set(block);
    const before = COUNTS.map((at) => s.f64(at));
    this.seat(cpu);
    COUNTS.forEach((at, i) => s.setF64(at, counts[i] ?? 0));
    try {
      this.activate();
      return act();
    } finally {
      COUNTS.forEach((at, i) => s.setF64(at, before[i] ?? 0));
      block.set(activeBlock);
      activeBlock.set(present);
      this.seat(current);
      this.activate();
    }
  }

  /** Copies of the state blocks of all CPUs, the active one's first, in the order of `restore`. */
  saveBlocks(): readonly Uint8Array[] {
    return [this.activeBlock, ...this.blocks].map((block) => block.slice());
  }

  /** Takes all CPUs back to a moment: their blocks as `saveBlocks` gave them, whose turn it was, and what had `changes` then. */
  restore(blocks: readonly Uint8Array[], state: ProcessorsState, changes: number): void {
    [this.activeBlock, ...this.blocks].forEach((block, i) => block.set(blocks[i] ?? []));
    this.state = state;
    this.changes = changes;
    this.seat(state.current);
    this.activate();
  }

  /** The state blocks of the CPUs whose turn it is not, in order. */
  waitingBlocks(): readonly Uint8Array[] {
    return this.blocks.filter((_, i) => i !== this.state.current);
  }

  /** The time-stamp counter of a CPU at a moment of virtual time. */
  timeStamp(cpu: number, now: number): bigint {
    return BigInt.asUintN(64, BigInt(now) + this.viewOf(cpu).getBigUint64(L.MSR_TSC_OFFSET, true));
  }

  // What the local APICs say. Whoever becomes able to run takes part in the turns from the next boundary on.

  interruptChanged(cpu: number): void {
    if (cpu !== this.state.current) return this.executor.requestReturn();
    this.cpu.interruptLine = this.apics().pending(cpu);
    if (this.cpu.interruptLine && this.cpu.state.systemFlags & FLAG.IF) this.cpu.attention = true;
  }

  /** Lost on a CPU that waits for a SIPI. */
  nonMaskable(cpu: number): void {
    if (this.state.starts[cpu]?.waiting !== false) return;
    const view = this.viewOf(cpu);
    view.setUint32(L.NON_MASKABLE, view.getUint32(L.NON_MASKABLE, true) | NMI.pending, true);
    if (cpu === this.state.current) this.cpu.attention = true;
    else this.executor.requestReturn();
  }

  initialise(cpu: number): void {
    this.state.starts[cpu] = { reset: true, waiting: cpu > 0, vector: -1 };
    this.executor.requestReturn();
  }

  /** INIT# has come to all at once: CPU 0 begins as it says, now, and the others wait for a SIPI. */
  initialiseAll(bootstrap: InitialCpu): void {
    for (let i = 0; i < this.count; i++) this.visit(i, () => this.initialiseCurrent(i === 0 ? bootstrap : resetCpu()));
    this.state.starts = this.powerOnState().starts;
    if (this.state.current !== 0) this.switchTo(0);
    this.state.turnEnd = this.retired + this.options.quantum;
    this.activate();
  }

  startUp(cpu: number, vector: number): void {
    const start = this.state.starts[cpu];
    if (!start?.waiting) return;
    start.waiting = false;
    start.vector = vector;
    this.executor.requestReturn();
  }

  // Turns.

  /** The next CPU after the present one that can run; -1 when no other can. */
  private nextInLine(): number {
    const { count, state } = this;
    for (let distance = 1; distance < count; distance++) {
      const next = (state.current + distance) % count;
      if (this.canRun(next)) return next;
    }
    return -1;
  }

  private canRun(i: number): boolean {
    const start = this.state.starts[i];
    if (!start || start.waiting) return false;
    if (start.reset || start.vector >= 0) return true;
    const view = this.viewOf(i);
    if (view.getUint32(L.HALTED, true) === 0) return true;
    // A debug trap behind HLT, an NMI, or an interrupt ends it.
    if (view.getUint32(L.PENDING_DEBUG, true) !== 0 || view.getUint32(L.NON_MASKABLE, true) === NMI.pending) return true;
    return (view.getUint32(L.FLAGS_SYSTEM, true) & FLAG.IF) !== 0 && this.apics().pending(i);
  }

  /** Carries out what has come for the CPU in the active block. False when it is halted all the same. */
  private wake(i: number): boolean {
    const start = this.state.starts[i];
    if (!start || !this.canRun(i)) return false;
    const { halted } = this.cpu.state;
    if (halted || start.reset || start.vector >= 0) this.changes++;
    if (start.reset) this.initialiseCurrent(resetCpu());
    if (start.vector >= 0) this.startCurrent(start.vector);
    start.reset = false;
    start.vector = -1;
    const s = this.cpu.state;
    if (!s.halted) return true;
    s.halted = false;
    this.cpu.attention = true;
    return true;
  }

  /** INIT: as a reset, but what the manual says to be unchanged stays (SDM vol. 3, table 10-1). */
  private initialiseCurrent(initial: InitialCpu): void {
    const { activeBlock } = this;
    const kept = KEPT_BY_INIT.map(([first, end]) => activeBlock.slice(first, end));
    const caching = this.cpu.state.cr0 & (CR0.CD | CR0.NW);
    resetCpuTo(this.cpu, initial);
    KEPT_BY_INIT.forEach(([first], i) => activeBlock.set(kept[i] ?? [], first));
    this.cpu.state.setU32(L.CR0, caching | CR0.ET);
  }

  /** SIPI: in real mode from the page that it names. */
  private startCurrent(vector: number): void {
    this.cpu.setSegment(L.CS, vector << 8, vector << 12, 0xffff, CODE_AFTER_SIPI);
    this.cpu.state.eip = 0;
    this.cpu.state.halted = false;
    this.cpu.changedContext();
  }

  private switchTo(next: number): void {
    const { current } = this.state;
    const s = this.cpu.state;
    const { activeBlock } = this;
    const [retired, idle] = [s.f64(L.RETIRED), s.f64(L.IDLE)];
    this.counters.turns++;
    this.changes++;
    // An interrupt shadow ends with the CPU's next own instruction, whatever others retire in between.
    s.setF64(L.SHADOW_COUNT, s.f64(L.SHADOW_COUNT) === retired ? SHADOW_NEXT : -1);
    this.blocks[current]?.set(activeBlock);
    const block = this.blocks[next];
    if (block) activeBlock.set(block);
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
    this.cpu.place = this.places[i] ?? this.cpu.place;
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

  /** A CPU's state block, wherever it lies. */
  private viewOf(i: number): DataView {
    return i === this.state.current ? this.active : (this.views[i] ?? this.active);
  }
}

/** What belongs to the machine, and lies in the active block: retired instructions and idle time. */
const COUNTS = [L.RETIRED, L.IDLE] as const;

/** Stands in a waiting block for "the shadow covers this CPU's next instruction". */
const SHADOW_NEXT = -2;

/** Attributes of real-mode code: present, writable data, accessed. */
const CODE_AFTER_SIPI = 0x93;

/** Parts of the state block that INIT leaves alone, [first, end): MSRs; x87, SSE, XCR0 and more MSRs; vector registers. */
const KEPT_BY_INIT: readonly (readonly [number, number])[] = [
  [L.SYSENTER_CS, L.PENDING_DEBUG],
  [L.MSR_BIOS_SIGNATURE, L.NON_MASKABLE],
  [L.VECTOR, L.CPU_STATE_END],
];
