/** Questions about the Linux in the machine, for the console, panels and the client's list of modules. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { hex } from '../numbers';
import type { PanelRequests, ProcessInfo } from '../panelProtocol';
import { userError } from '../ports';
import type { Target } from '../target';
import type { CpuMoment, LinuxGuest, LinuxMoment } from './linuxGuest';
import type { KernelModule } from './modules';
import { rootFinder, type RootOf } from './pageTables';
import { kernelMessages, type KernelMessage } from './printkBuffer';
import { processes, processOf, threads, type Process } from './tasks';
import type { TaskLayout } from './taskLayout';

const PAGE = 4096n;

/** The tasks of a Linux where the machine stands. */
export interface Tasks {
  readonly moment: LinuxMoment;
  readonly layout: TaskLayout;
  /** By number of process, and behind each process's first thread its others. */
  readonly all: readonly Process[];
  readonly rootOf: RootOf;
}

export class LinuxQueries {
  constructor(private readonly target: Target, private readonly guest: LinuxGuest) {}

  /** Error for other guests. */
  async linux(): Promise<LinuxMoment> {
    const moment = await this.guest.look();
    if (!moment) throw userError('No Linux kernel was found in memory: either another system runs, or the kernel has not set up its interrupt handlers yet.');
    return moment;
  }

  /** All processes, as their tasks have it. */
  async tasks(): Promise<Tasks> {
    const moment = await this.linux();
    const { layout, init } = await this.layout(moment);
    const firsts = await processes(moment.kernel.memory, layout, init);
    const all = (await Promise.all(firsts.map(async (first) => [first, ...await threads(moment.kernel.memory, layout, first)]))).flat();
    return { moment, layout, all, rootOf: await rootFinder(moment.kernel, moment.btf, all, this.target.inspect) };
  }

  async processes(): Promise<ProcessInfo[]> {
    const tasks = await this.tasks();
    const { all, rootOf } = tasks;
    const isRunning = (thread: Process): boolean => runningOn(tasks, thread) !== undefined;
    return Promise.all(all.filter((thread) => !isFurther(thread)).map(async (first) => {
      const cr3 = await rootOf(first);
      const { pid, parent, state, name } = first;
      const further = all.filter((thread) => isFurther(thread) && thread.process === pid);
      const told = further.map((thread) => ({ tid: thread.pid, state: thread.state, name: thread.name, current: isRunning(thread) }));
      return {
        pid, parent, state, name, ...(cr3 === undefined ? {} : { cr3 }), current: [first, ...further].some(isRunning), ...(told.length === 0 ? {} : { threads: told }),
      };
    }));
  }

  /** The process or kernel thread that the CPU runs whose turn it is; the idle task has number 0. */
  async current(): Promise<Process> {
    const moment = await this.linux();
    const process = await this.running(moment, moment.cpu);
    if (!process) throw userError('The task that this CPU runs cannot be found.');
    return process;
  }

  /** What each CPU runs, by its number; undefined for one that the kernel has not started. */
  async currentOfAll(): Promise<(Process | undefined)[]> {
    const moment = await this.linux();
    return Promise.all(moment.cpus.map((cpu) => this.running(moment, cpu)));
  }

  private async running(moment: LinuxMoment, { task }: CpuMoment): Promise<Process | undefined> {
    const { layout } = await this.layout(moment);
    return task === undefined ? undefined : processOf(moment.kernel.memory, layout, task);
  }

  async messages(): Promise<KernelMessage[]> {
    const { kernel } = await this.linux();
    const at = await kernel.messagesAt();
    if (at === undefined) throw userError("The kernel's message buffer was not found: that takes Linux 5.10 or later.");
    return kernelMessages(kernel.memory, at);
  }

  async modules(): Promise<readonly DebugProtocol.Module[]> {
    const moment = await this.guest.look();
    return moment?.modules.map(dapModule) ?? [];
  }

  async processList(): Promise<PanelRequests['shadowbox.processes']['answer']> {
    const moment = await this.guest.look();
    if (!moment) return { processes: [] };
    return { system: `Linux ${moment.kernel.release}`, processes: await this.processes() };
  }

  private async layout({ kernel }: LinuxMoment): Promise<{ layout: TaskLayout; init: bigint }> {
    const [layout, init] = [await kernel.taskLayout(), kernel.address('init_task')];
    if (!layout || init === undefined) throw userError("The fields of this kernel's tasks were not found.");
    return { layout, init };
  }
}

/** The CPU that runs a thread; undefined for none. */
export function runningOn({ moment: { cpus } }: Tasks, { task }: Process): number | undefined {
  const index = cpus.findIndex((cpu) => cpu.task === task);
  return index < 0 ? undefined : index;
}

/** Whether it is a thread beside its process's first. */
export function isFurther({ pid, process }: Process): boolean {
  return pid !== process;
}

/** A kernel module in the protocol's form. */
export function dapModule({ name, base, size, symbols }: KernelModule): DebugProtocol.Module {
  return {
    id: `linux:${name}`,
    name: `${name}.ko`,
    isUserCode: false,
    symbolStatus: `${symbols.names.length} names from the kernel's memory`,
    addressRange: `${hex(base)}-${hex(base + (BigInt(size) + PAGE - 1n) / PAGE * PAGE)}`,
  };
}
