/** Questions about the Linux in the machine, for the console, panels and the client's list of modules. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { hex } from '../numbers';
import type { PanelRequests, ProcessInfo } from '../panelProtocol';
import { userError } from '../ports';
import { memberNamed } from '../symbols/types';
import type { Target } from '../target';
import type { LinuxGuest, LinuxMoment } from './linuxGuest';
import type { KernelModule } from './modules';
import { kernelMessages, type KernelMessage } from './printkBuffer';
import { processes, processOf, type Process } from './tasks';
import type { TaskLayout } from './taskLayout';

const PAGE = 4096n;
/** Bytes of `struct mm_struct` in which the root of the page tables is looked for without BTF. */
const SEARCHED = 256;

export class LinuxQueries {
  constructor(private readonly target: Target, private readonly guest: LinuxGuest) {}

  /** Error for other guests. */
  async linux(): Promise<LinuxMoment> {
    const moment = await this.guest.look();
    if (!moment) throw userError('No Linux kernel was found in memory: either another system runs, or the kernel has not set up its interrupt handlers yet.');
    return moment;
  }

  async processes(): Promise<ProcessInfo[]> {
    const moment = await this.linux();
    const { layout, init } = await this.layout(moment);
    const all = await processes(moment.kernel.memory, layout, init);
    const rootOf = await this.roots(moment, all);
    return Promise.all(all.map(async (process) => {
      const cr3 = await rootOf(process);
      const { pid, parent, state, name } = process;
      return { pid, parent, state, name, ...(cr3 === undefined ? {} : { cr3 }), current: process.task === moment.currentTask };
    }));
  }

  /** The process or kernel thread that this CPU runs; the idle task has number 0. */
  async current(): Promise<Process> {
    const moment = await this.linux();
    const { layout } = await this.layout(moment);
    const process = moment.currentTask === undefined ? undefined : await processOf(moment.kernel.memory, layout, moment.currentTask);
    if (!process) throw userError('The task that this CPU runs cannot be found.');
    return process;
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

  /** Guest-physical addresses of processes' page tables, as they stand in CR3. */
  private async roots({ kernel, btf }: LinuxMoment, all: readonly Process[]): Promise<(process: Process) => Promise<number | undefined>> {
    const { memory } = kernel;
    const owner = all.find((process) => process.memory !== 0n);
    const described = btf?.record('mm_struct');
    const offset = (described && memberNamed(described, 'pgd')?.offset) ?? (owner && await this.findRoot(owner.memory, kernel));
    if (offset === undefined) return async () => undefined;
    const cr3 = memory.space.kind === 'linearUnder' ? memory.space.cr3 : undefined;
    return async (process) => {
      const root = process.memory === 0n ? undefined : await memory.pointer(process.memory + BigInt(offset));
      return root === undefined ? undefined : (await this.target.inspect.walk(cr3, root)).physical;
    };
  }

  /** Without BTF: the first pointer to tables under which the kernel's code is where it is now. */
  private async findRoot(mm: bigint, kernel: LinuxMoment['kernel']): Promise<number | undefined> {
    const { memory } = kernel;
    const text = kernel.address('_text') ?? kernel.address('_stext');
    if (text === undefined) return undefined;
    const wanted = (await this.target.inspect.walk(undefined, text)).physical;
    for (let offset = 0; offset < SEARCHED; offset += memory.pointerBytes) {
      const root = await memory.pointer(mm + BigInt(offset));
      if (root === undefined || root % 32n !== 0n || !memory.isKernelAddress(root)) continue;
      const physical = (await this.target.inspect.walk(undefined, root)).physical;
      if (physical !== undefined && (await this.target.inspect.walk(physical, text)).physical === wanted) return offset;
    }
    return undefined;
  }
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
