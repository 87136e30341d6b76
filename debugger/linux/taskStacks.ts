/** Stacks of Linux's tasks: also of those that no CPU runs, from the kernel's switch through the system call into the process. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { hex } from '../numbers';
import { callName, openCalls } from '../openCalls';
import { userError } from '../ports';
import type { Program } from '../program';
import { SyncMemory } from '../syncMemory';
import type { Target } from '../target';
import { Unwinder, type Frame, type Stack, type StackMemory } from '../unwinder';
import { KernelMemory } from './kernelMemory';
import type { LinuxGuest } from './linuxGuest';
import type { LinuxKernel } from './linuxKernel';
import { spacePage, tableKind } from './pageTables';
import { runningOn, type LinuxQueries, type Tasks } from './queries';
import { savedActivation, savedLayout, type SavedLayout } from './savedStack';
import type { Process } from './tasks';

/** A line of a stack. What has no address lies between two frames, or ends the stack. */
export interface StackRow {
  readonly address?: bigint;
  readonly text: string;
}

export interface TaskStack {
  readonly process: Process;
  /** The CPU that runs it; undefined for none. */
  readonly cpu: number | undefined;
  readonly rows: readonly StackRow[];
  /** The function of the kernel that it waits in. */
  readonly waitsIn?: string;
}

/** Between the switch and the function that waits there are fewer frames. */
const MOST_UP_TO_WAIT = 16;
const ENDED = ['Z', 'X'];

export class TaskStacks {
  private readonly layouts = new WeakMap<LinuxKernel, SavedLayout>();

  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly guest: LinuxGuest,
    private readonly queries: LinuxQueries,
    /** The stack of a CPU, as the client has it. */
    private readonly framesOf: (cpu: number) => Promise<readonly DebugProtocol.StackFrame[]>,
  ) {}

  /** The stack of a process's first thread, or of another thread, by its number. Error for one that there is not, and where its stack cannot be found. */
  async stack(pid: number): Promise<TaskStack> {
    const tasks = await this.queries.tasks();
    const process = tasks.all.find((each) => each.pid === pid);
    if (!process) throw userError(`There is no process ${pid}, and no thread: 'ps' lists those that there are.`);
    const cpu = runningOn(tasks, process);
    if (cpu !== undefined) return { process, cpu, rows: (await this.framesOf(cpu)).map(rowOfFrame) };
    if (ENDED.includes(process.state)) throw userError(`${process.name} (${pid}) has ended, and its stack is gone.`);
    const program = await this.programOf(tasks, process);
    const stack = await this.walk(tasks, process, program);
    if (!stack) throw userError(`Where ${process.name} (${pid}) goes on was not found: its task has no stack that the kernel has switched away from.`);
    const rows = await Promise.all(stack.frames.map((frame) => this.rowsOf(frame, process, program)));
    const waitsIn = this.waitIn(tasks, stack);
    return { process, cpu, rows: [...rows.flat(), { text: `(${stack.end})` }], ...(waitsIn === undefined ? {} : { waitsIn }) };
  }

  /** The function of the kernel that each thread waits in, by its number; without those that a CPU runs, or may run. */
  async waits(): Promise<ReadonlyMap<number, string>> {
    const tasks = await this.queries.tasks();
    const waiting = tasks.all.filter((process) => process.state !== 'R' && !ENDED.includes(process.state) && runningOn(tasks, process) === undefined);
    const found = new Map<number, string>();
    // One after the other, lest a thousand processes be asked about at once.
    for (const process of waiting) {
      const stack = await this.walk(tasks, process, this.program, MOST_UP_TO_WAIT);
      const place = stack && this.waitIn(tasks, stack);
      if (place !== undefined) found.set(process.pid, place);
    }
    return found;
  }

  private async walk(tasks: Tasks, process: Process, program: Program, most?: number): Promise<Stack | undefined> {
    const { moment: { kernel }, layout, rootOf } = tasks;
    if (layout.stack === undefined) return undefined;
    const saved = await this.layout(tasks);
    const first = saved && await savedActivation(kernel, saved, process.task, layout.stack);
    if (!first) return undefined;
    const root = await rootOf(process);
    const memory = root === undefined ? kernel.memory : new KernelMemory(this.target.inspect, { kind: 'linearUnder', cr3: root }, kernel.pointerBytes);
    return new Unwinder(stackMemory(memory), program, this.guest).walk(first, kernel.pointerBytes === 8 ? 'x86-64' : '386', most);
  }

  /** What is looked for in tasks does not change; a kernel that has just begun may have too few of them. */
  private async layout(tasks: Tasks): Promise<SavedLayout | undefined> {
    const { moment: { kernel, btf }, layout, all } = tasks;
    const known = this.layouts.get(kernel);
    if (known || layout.stack === undefined) return known;
    const idle = all.filter((process) => runningOn(tasks, process) === undefined && !ENDED.includes(process.state)).map(({ task }) => task);
    const found = await savedLayout(kernel, btf, idle, layout.stack);
    if (found) this.layouts.set(kernel, found);
    return found;
  }

  /** The program as a process has it. */
  private async programOf({ moment: { kernel, cpu }, rootOf }: Tasks, process: Process): Promise<Program> {
    const root = await rootOf(process);
    return root === undefined ? this.program : this.program.inSpace(await spacePage(root, this.target.inspect, tableKind(cpu.state, kernel.pointerBytes)));
  }

  private async rowsOf(frame: Frame, { task }: Process, program: Program): Promise<StackRow[]> {
    const rows = await Promise.all(openCalls(frame, program).map(async ({ scope, line }) => {
      const name = callName(scope, frame, program) ?? await this.guest.placeIn(task, frame.pc) ?? hex(frame.pc);
      return { address: frame.pc, text: line ? `${name} (${line.source.name}:${line.line})` : name };
    }));
    return frame.edge === undefined ? rows : [...rows, { text: frame.edge }];
  }

  /** As the kernel says it (get_wchan): the first function that is not the scheduler's. */
  private waitIn({ moment: { kernel } }: Tasks, { frames }: Stack): string | undefined {
    const [start, end] = [kernel.address('__sched_text_start'), kernel.address('__sched_text_end')];
    if (start === undefined || end === undefined) return undefined;
    const frame = frames.find(({ lookup }) => lookup < start || lookup >= end);
    const symbol = frame && this.guest.symbolAt(frame.lookup);
    return symbol?.name;
  }
}

function stackMemory(memory: KernelMemory): StackMemory {
  return {
    read: (address, count) => memory.read(address, count),
    values: new SyncMemory(({ address }, count) => memory.read(address, count)),
    // Linux's segments are flat.
    segments: { stack: 0n, code: 0n },
  };
}

function rowOfFrame({ name, line, source, instructionPointerReference: reference }: DebugProtocol.StackFrame): StackRow {
  if (reference === undefined) return { text: name };
  return { address: BigInt(reference), text: source?.path !== undefined && line > 0 ? `${name} (${source.name}:${line})` : name };
}
