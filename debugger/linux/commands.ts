/** The console's commands about the Linux in the machine. */
import { hex } from '../numbers';
import type { Command } from '../replCommands';
import { userError } from '../ports';
import { isFurther, runningOn, type LinuxQueries } from './queries';
import { messageLines } from './printkBuffer';
import type { Process } from './tasks';
import type { TaskStacks } from './taskStacks';

export class LinuxCommands {
  readonly commands: readonly (readonly [string, Command])[];

  constructor(private readonly queries: LinuxQueries, private readonly stacks: TaskStacks) {
    this.commands = [
      ['linux', { usage: 'linux', help: 'the Linux kernel that runs: version, where it lies, what is known of it', run: () => this.linux() }],
      ['ps', { usage: 'ps', help: "Linux's processes and threads, and where they wait", run: () => this.processes() }],
      ['stack', { usage: 'stack PID', help: 'the stack of a process or thread, whether or not a CPU runs it', words: (before) => this.pids(before), run: (words) => this.stack(words) }],
      ['current', { usage: 'current', help: 'the process that each CPU runs', run: () => this.current() }],
      ['lsmod', { usage: 'lsmod', help: "Linux's loaded modules", run: () => this.modules() }],
      ['dmesg', { usage: 'dmesg', help: "the kernel's messages", run: () => this.messages() }],
    ];
  }

  private async linux(): Promise<string> {
    const { kernel, btf, modules } = await this.queries.linux();
    const { slide, symbols } = kernel;
    const orc = await kernel.orc();
    return [
      kernel.banner === '' ? 'Linux; its banner was not found' : kernel.banner,
      `_text at ${hex(symbols.address('_text') ?? symbols.address('_stext') ?? 0n)}, ${slideText(slide)}`,
      `${symbols.count} symbols, ${btf ? `${btf.count} types (BTF)` : 'no types (no BTF)'}, ${orc ? 'ORC unwind tables' : 'no unwind tables: frame pointers'}`,
      `${modules.length} modules, ${(await this.queries.processes()).length} processes`,
    ].join('\n');
  }

  private async processes(): Promise<string> {
    const waits = await this.stacks.waits();
    const tasks = await this.queries.tasks();
    const rows = await Promise.all(tasks.all.map(async (thread) => {
      const { pid, process, parent, state, name } = thread;
      const cr3 = await tasks.rootOf(thread);
      const isRunning = runningOn(tasks, thread) !== undefined;
      return [
        `${isRunning ? '*' : ' '}${pid}`, isFurther(thread) ? `(${process})` : `${parent}`, state, cr3 === undefined ? '-' : hex(cr3, 8), waits.get(pid) ?? '-',
        cr3 === undefined ? `[${name}]` : name,
      ];
    }));
    return table([[' PID', 'PPID', 'S', 'CR3', 'WAITS IN', 'COMMAND'], ...rows]);
  }

  private async pids(before: readonly string[]): Promise<string[]> {
    // There may be no Linux, and then no process.
    return before.length > 0 ? [] : (await this.queries.processList()).processes.flatMap(({ pid, threads = [] }) => [pid, ...threads.map(({ tid }) => tid)]).map(String);
  }

  private async stack(words: readonly string[]): Promise<string> {
    const [word = ''] = words;
    if (words.length !== 1 || !/^\d+$/.test(word)) throw userError("Usage: stack PID, with the number of a process or thread: 'ps' lists them.");
    const { process: thread, cpu, waitsIn, rows } = await this.stacks.stack(Number(word));
    const how = cpu === undefined ? `state ${thread.state}${waitsIn === undefined ? '' : `, waits in ${waitsIn}`}` : `runs on CPU ${cpu}`;
    const width = Math.max(0, ...rows.map(({ address }) => (address === undefined ? 0 : hex(address).length)));
    return [`${threadText(thread)}, ${how}`, ...rows.map(({ address, text }) => `${(address === undefined ? '' : hex(address)).padEnd(width)}  ${text}`)].join('\n');
  }

  private async current(): Promise<string> {
    const all = await this.queries.currentOfAll();
    if (all.length === 1) return processText(await this.queries.current());
    return all.map((process, cpu) => `CPU ${cpu}: ${process ? processText(process) : 'not started by the kernel'}`).join('\n');
  }

  private async modules(): Promise<string> {
    const { modules } = await this.queries.linux();
    if (modules.length === 0) return 'No modules are loaded.';
    return table([['MODULE', 'SIZE', 'ADDRESS', 'SYMBOLS'], ...modules.map(({ name, size, base, symbols }) => [name, `${size}`, hex(base), `${symbols.names.length}`])]);
  }

  private async messages(): Promise<string> {
    return (await this.queries.messages()).flatMap(messageLines).join('\n');
  }
}

/** 'sh (102)', 'worker (105), thread of 104'. */
function threadText(thread: Process): string {
  return `${thread.name} (${thread.pid})${isFurther(thread) ? `, thread of ${thread.process}` : ''}`;
}

function processText(thread: Process): string {
  const { parent, state, task } = thread;
  return `${threadText(thread)}, parent ${parent}, state ${state}, struct task_struct at ${hex(task)}`;
}

function slideText(slide: bigint | undefined): string {
  if (slide === undefined) return 'KASLR unknown';
  return slide === 0n ? 'where it was linked to (no KASLR)' : `moved by ${slide < 0n ? '-' : ''}${hex(slide < 0n ? -slide : slide)} (KASLR)`;
}

/** Columns as wide as they need to be. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]))).join('  ')).join('\n');
}
