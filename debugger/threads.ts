/**
 * The CPUs as the client's threads: 1 is CPU 0. The one whose turn it is, is what everything is about that names no thread; the
 * others have frames, registers and memory of their own.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { CpuState } from '../src/monitor/inspection/queries';
import type { Scope } from './expressions/evaluator';
import type { FrameManager } from './frames';
import type { FrameView } from './locals';
import { userError } from './ports';
import type { StackManager } from './stack';
import type { Stepper } from './stepping';
import type { Target } from './target';

/** All that is about one CPU. */
export interface CpuThread {
  readonly target: Target;
  readonly stack: StackManager;
  readonly frames: FrameManager;
  readonly stepper: Stepper;
}

/** Makes the managers of a CPU; undefined: of the one whose turn it is. `firstFrame`: where its frames' numbers begin. */
export type ThreadMaker = (index: number | undefined, firstFrame: number) => CpuThread;

/** Frames of different CPUs have different numbers. */
const FRAMES_EACH = 1_000_000;

export class Threads {
  readonly current: CpuThread;
  private readonly others = new Map<number, CpuThread>();

  constructor(private readonly make: ThreadMaker) {
    this.current = make(undefined, 1);
  }

  /** threads. */
  async list(): Promise<DebugProtocol.Thread[]> {
    const { target } = this.current;
    const current = await target.cpu();
    const { count } = current.processor;
    const states = await Promise.all(Array.from({ length: count }, (_, index) => (index === current.processor.index ? current : target.inspect.cpu(index))));
    return states.map((cpu) => ({ id: cpu.processor.index + 1, name: threadName(cpu) }));
  }

  /** The number of the thread whose turn it is. */
  async currentId(): Promise<number> {
    return (await this.current.target.cpu()).processor.index + 1;
  }

  /** A thread by its number; the current one when there is none. Error for a number that no CPU has. */
  async thread(id: number | undefined): Promise<CpuThread> {
    if (id === undefined) return this.current;
    const { processor } = await this.current.target.cpu();
    if (id === processor.index + 1) return this.current;
    if (id < 1 || id > processor.count) throw userError(`There is no thread ${id}: the machine has ${processor.count === 1 ? 'one CPU, thread 1' : `${processor.count} CPUs, threads 1 to ${processor.count}`}.`);
    const index = id - 1;
    const known = this.others.get(index) ?? this.make(index, (index + 1) * FRAMES_EACH + 1);
    this.others.set(index, known);
    return known;
  }

  /** The thread that a frame belongs to. */
  threadOfFrame(frameId: number | undefined): CpuThread {
    const index = Math.floor((frameId ?? 0) / FRAMES_EACH) - 1;
    return this.others.get(index) ?? this.current;
  }

  /** Whether a frame is one of an earlier stop. */
  isPast(frameId: number): boolean {
    return this.threadOfFrame(frameId).frames.isPast(frameId);
  }

  /** What an expression or a scope of a frame refers to; the innermost frame of the current CPU when there is no id. */
  scope(frameId: number | undefined): Promise<Scope & { readonly view: FrameView }> {
    return this.threadOfFrame(frameId).frames.scope(frameId);
  }

  /** The machine goes: nothing that is remembered of other CPUs holds. */
  moved(): void {
    for (const { frames } of this.all()) frames.moved();
    this.forgetOthers();
  }

  /** Something was edited where the machine stands. */
  changed(): void {
    for (const { frames } of this.all()) frames.changed();
    this.forgetOthers();
  }

  private forgetOthers(): void {
    for (const { target } of this.others.values()) target.stopped();
  }

  private all(): CpuThread[] {
    return [this.current, ...this.others.values()];
  }
}

function threadName({ processor, mode, cpl, halted }: CpuState): string {
  const cpu = processor.count === 1 ? 'CPU 0' : `CPU ${processor.index} of ${processor.count}`;
  return `${cpu} (${mode}, CPL ${cpl}${halted ? ', halted' : ''})`;
}
