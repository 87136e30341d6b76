/**
 * Interrupts that come up while generated code runs: when it has returned behind an instruction for nothing else, they are taken at once, and the
 * burst goes on in their handlers. The run loop would do the same, and much more besides.
 */
import type { Cpu } from '../cpu/cpu';
import { deliveredQuickly, type Interruption } from '../cpu/interrupts';
import * as L from '../cpu/layout';
import { FLAG } from '../cpu/state';
import { CODE_BASE } from '../memory/layout';
import type { Burst } from './burst';
import { EXIT } from './records';

/** The engine, as far as this takes part of it. */
export interface InterruptedEngine {
  readonly cpu: Cpu;
  readonly burst: Burst;
  /** Whether the run loop would do anything at this boundary but take an interrupt: for a debugger, or because somebody waits for control. */
  readonly isAwaited: boolean;
  /** An exit of generated code by such a reason (EXIT). */
  count(reason: number): void;
  /** An interrupt is taken at the boundary that has been come to. */
  noteInterrupt(): void;
}

/** Whether the run loop would do nothing else where generated code has returned than deliver what has come up there. */
export function mayDeliver({ cpu, isAwaited }: Pick<InterruptedEngine, 'cpu' | 'isAwaited'>): boolean {
  const s = cpu.state;
  if (isAwaited || cpu.contextChanged || cpu.machine.effort.isSpent || s.u32(L.STOP_REQUESTED) !== 0) return false;
  // An instruction that is stepped alone stands elsewhere.
  return s.u32(L.EXIT_RECORD) >= CODE_BASE && (s.systemFlags & FLAG.TF) === 0 && s.u32(L.PENDING_DEBUG) === 0;
}

/** INTR's interrupt with a vector, between two instructions. */
export const external = (vector: number, { state }: Cpu): Interruption => ({ vector, cause: 'external', returnTo: state.eip });

export class BurstInterrupts {
  private undelivered: Interruption | undefined;

  constructor(private readonly engine: InterruptedEngine) {}

  /**
   * Generated code has returned. Takes an interrupt, if that is all there is to do, and says whether the burst goes on at EIP, in its handler. When it
   * has not reached that, it ends as behind a jump.
   */
  goesOn(): boolean {
    return this.isInterrupted() && this.take();
  }

  /** What has been taken, and has to be delivered when the burst is over: generated code has no way for it. */
  takeUndelivered(): Interruption | undefined {
    const { undelivered } = this;
    this.undelivered = undefined;
    return undelivered;
  }

  private isInterrupted(): boolean {
    const { cpu, burst } = this.engine;
    const s = cpu.state;
    if (!cpu.interruptLine || s.u32(L.EXIT_REASON) !== EXIT.done || (s.systemFlags & FLAG.IF) === 0) return false;
    // Behind STI interrupts are held back.
    return mayDeliver(this.engine) && s.f64(L.SHADOW_COUNT) !== burst.retired + 1 && !s.nmiReady;
  }

  private take(): boolean {
    const { engine } = this;
    const { cpu, burst } = engine;
    const left = burst.leaveBlock(cpu.state.u32(L.EXIT_RECORD));
    cpu.state.setU32(L.EXIT_REASON, EXIT.jump);
    engine.count(EXIT.done);
    // Where the budget ends, the run may: the run loop knows what belongs to that moment.
    if (left <= 0) return false;
    cpu.attention = false;
    engine.noteInterrupt();
    const event = external(cpu.surroundings.acknowledgeInterrupt(), cpu);
    if (!deliveredQuickly(cpu, event)) this.undelivered = event;
    return !this.undelivered && !cpu.attention;
  }
}
