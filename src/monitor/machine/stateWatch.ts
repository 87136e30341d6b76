/**
 * What is seen between two instructions by comparing with before: changes of mode, privilege and address space, and what hooks of the
 * CPU have noted meanwhile.
 */
import * as L from '../cpu/layout';
import type { Cpu } from '../cpu/cpu';
import { cpuMode } from '../inspection/cpuView';
import { privilegeOf } from './stopLists';
import type { EventReport } from './stops';

/** What a run may wait for. */
export type Awaited = 'interruptReturn' | 'privilege' | 'cr3';

export class StateWatch {
  /** The mode that each CPU was last seen in. */
  private modes: string[] = [];
  private taskSwitch: { readonly from: number; readonly to: number } | undefined;
  private awaited: { readonly what: Awaited; readonly processor: number; before: string | undefined } | undefined;
  /** An IRET of the CPU that is waited for is under way, or done. */
  private returns = false;

  constructor(private readonly cpu: Cpu) {
    cpu.onTaskSwitch = (from, to) => {
      this.taskSwitch = { from, to };
    };
  }

  /** A run begins, which waits for something on a CPU, or for nothing. */
  begin(awaited: Awaited | undefined, processor: number): void {
    this.modes = [];
    this.taskSwitch = undefined;
    this.returns = false;
    this.awaited = awaited && { what: awaited, processor, before: undefined };
    this.noteModes();
    this.hasArrived();
  }

  get waitsFor(): Awaited | undefined {
    return this.awaited?.what;
  }

  /** An IRET comes next. */
  noteReturn(): void {
    this.returns = this.awaited?.what === 'interruptReturn' && this.awaited.processor === this.cpu.place.index;
  }

  /** The instruction under way has faulted. */
  faulted(): void {
    this.returns = false;
  }

  get isPending(): boolean {
    return this.returns || this.taskSwitch !== undefined;
  }

  /** Whether what the run waits for has happened. */
  hasArrived(): boolean {
    const { awaited, cpu } = this;
    if (awaited?.processor !== cpu.place.index) return false;
    if (awaited.what === 'interruptReturn') return this.returns;
    const { state } = cpu;
    const now = awaited.what === 'privilege' ? privilegeOf(state.cpl) : state.u64(L.CR3).toString();
    const { before } = awaited;
    awaited.before = now;
    return before !== undefined && before !== now;
  }

  /** What has changed since this was last asked. */
  *changes(): Generator<EventReport> {
    const { taskSwitch } = this;
    this.taskSwitch = undefined;
    if (taskSwitch) yield { kind: 'taskSwitch', ...taskSwitch };
    const [from, to] = this.noteModes();
    if (from !== undefined && from !== to) yield { kind: 'mode', from, to };
  }

  private noteModes(): readonly [before: string | undefined, now: string] {
    const { index } = this.cpu.place;
    const before = this.modes[index];
    const now = cpuMode(this.cpu);
    this.modes[index] = now;
    return [before, now];
  }
}
