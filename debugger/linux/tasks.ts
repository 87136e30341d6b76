/** The kernel's processes and their threads, read from its list of tasks. */
import { littleEndian } from '../numbers';
import { textIn, type KernelMemory } from './kernelMemory';
import type { TaskLayout } from './taskLayout';
import { threadTasks } from './threads';

/** A thread. The first one of a process stands for it. */
export interface Process {
  /** Linear address of its `struct task_struct`. */
  readonly task: bigint;
  /** The thread's number; of a process's first thread it is the process's. */
  readonly pid: number;
  /** The number of the process that it is a thread of. */
  readonly process: number;
  readonly parent: number;
  /** As `ps` says it: R, S, D, T, t, X, Z, P, I. */
  readonly state: string;
  readonly name: string;
  /** Linear address of its `struct mm_struct`; 0 for the kernel's own threads. */
  readonly memory: bigint;
}

const MOST_TASKS = 32_768;
const COMM_BYTES = 16;
/** TASK_UNINTERRUPTIBLE | TASK_NOLOAD (include/linux/sched.h). */
const IDLE = 0x402n;
const LETTERS: readonly (readonly [bit: bigint, letter: string])[] = [
  [1n, 'S'], [2n, 'D'], [4n, 'T'], [8n, 't'], [0x10n, 'X'], [0x20n, 'Z'], [0x40n, 'P'],
];

/** All processes by number of process, the idle task 0 left out, as `ps` does. */
export async function processes(memory: KernelMemory, layout: TaskLayout, init: bigint): Promise<Process[]> {
  const found: Process[] = [];
  const seen = new Set([init]);
  for (let task = init; found.length < MOST_TASKS;) {
    const next = await memory.pointer(task + BigInt(layout.tasks));
    if (next === undefined) break;
    task = next - BigInt(layout.tasks);
    if (seen.has(task)) break;
    seen.add(task);
    const process = await processOf(memory, layout, task);
    if (!process) break;
    found.push(process);
  }
  return found.sort((a, b) => a.pid - b.pid);
}

/** A process's threads beside its first, by number. */
export async function threads(memory: KernelMemory, layout: TaskLayout, { task }: Process): Promise<Process[]> {
  const tasks = layout.threadNode === undefined ? [] : await threadTasks(memory, layout.threadNode, task);
  const found = await Promise.all(tasks.map((each) => processOf(memory, layout, each)));
  return found.flatMap((each) => each ?? []).sort((a, b) => a.pid - b.pid);
}

/** The process (or thread) of a task; undefined where its memory is absent. */
export async function processOf(memory: KernelMemory, layout: TaskLayout, task: bigint): Promise<Process | undefined> {
  const at = (offset: number): bigint => task + BigInt(offset);
  const [pid, process, parentTask, state, exit, mm, comm] = await Promise.all([
    memory.number(at(layout.pid), 4), memory.number(at(layout.tgid), 4), memory.pointer(at(layout.realParent)), memory.number(at(layout.state), 4),
    layout.exitState === undefined ? 0n : memory.number(at(layout.exitState), 4), memory.pointer(at(layout.memory)),
    memory.read(at(layout.comm), COMM_BYTES),
  ]);
  if (pid === undefined || process === undefined || parentTask === undefined || state === undefined || exit === undefined || mm === undefined) return undefined;
  const parent = await memory.number(parentTask + BigInt(layout.tgid), 4);
  return { task, pid: Number(pid), process: Number(process), parent: Number(parent ?? 0n), state: stateLetter(state | exit), name: textIn(comm), memory: mm };
}

function stateLetter(state: bigint): string {
  if ((state & IDLE) === IDLE) return 'I';
  return LETTERS.find(([bit]) => (state & bit) !== 0n)?.[1] ?? 'R';
}

/** Words of memory as numbers, for layouts that are looked for. */
export function wordsOf(bytes: Uint8Array, word: number): bigint[] {
  return Array.from({ length: Math.floor(bytes.length / word) }, (_, i) => littleEndian(bytes.subarray(i * word, (i + 1) * word)));
}
