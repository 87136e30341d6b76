/**
 * Where the fields of `struct task_struct` and `struct mm_struct` lie: from BTF where the kernel has it, else found by what is known of
 * the first tasks. Task 0 is 'swapper' and its own parent, 1 is its child, 2 (kthreadd) has no memory of its own, and so on.
 */
import { littleEndian } from '../numbers';
import { memberNamed } from '../symbols/types';
import type { Btf } from './btf';
import { textIn, type KernelMemory } from './kernelMemory';
import { findThreadNode } from './threads';

/** Offsets in bytes. */
export interface TaskLayout {
  readonly tasks: number;
  readonly comm: number;
  readonly pid: number;
  readonly tgid: number;
  readonly realParent: number;
  readonly state: number;
  readonly exitState: number | undefined;
  readonly memory: number;
  /** The kernel stack's lowest address. */
  readonly stack: number | undefined;
  /** Links to the other threads of the process; undefined where that was not found. */
  readonly threadNode: number | undefined;
}

const COMM_BYTES = 16;
const MOST_TASKS = 32_768;
/** Bytes of the first task that are looked through. */
const SEARCHED = 6144;
/** Fewer tasks than the three that every kernel has are no list. */
const FEWEST_TASKS = 3;

export function taskLayoutOf(btf: Btf): TaskLayout | undefined {
  const task = btf.record('task_struct');
  if (!task) return undefined;
  const offset = (name: string): number | undefined => memberNamed(task, name)?.offset;
  const found = {
    tasks: offset('tasks'), comm: offset('comm'), pid: offset('pid'), tgid: offset('tgid'), realParent: offset('real_parent'),
    state: offset('__state') ?? offset('state'), memory: offset('mm'),
  };
  const { tasks, comm, pid, tgid, realParent, state, memory } = found;
  if (tasks === undefined || comm === undefined || pid === undefined || tgid === undefined) return undefined;
  if (realParent === undefined || state === undefined || memory === undefined) return undefined;
  return { tasks, comm, pid, tgid, realParent, state, memory, exitState: offset('exit_state'), stack: offset('stack'), threadNode: offset('thread_node') };
}

/** Finds the fields in the tasks themselves, from the first one's address on. */
export async function findTaskLayout(memory: KernelMemory, init: bigint): Promise<TaskLayout | undefined> {
  const word = memory.pointerBytes;
  const first = await memory.read(init, SEARCHED);
  const comm = findComm(first);
  if (comm === undefined) return undefined;
  let best: { tasks: number; all: bigint[] } | undefined;
  for (let offset = word; offset + 2 * word <= first.length; offset += word) {
    const all = await ringOf(memory, init, offset, comm);
    if (all.length > (best?.all.length ?? FEWEST_TASKS - 1)) best = { tasks: offset, all };
  }
  if (!best) return undefined;
  const { tasks, all } = best;
  const bytes = await Promise.all(all.map((task) => memory.read(task, SEARCHED)));
  const number = (index: number, offset: number, size: number = word): bigint => littleEndian(bytes[index].subarray(offset, offset + size));
  const find = (holds: (offset: number) => boolean, from = 0, step: number = word): number | undefined => {
    for (let offset = from; offset + 2 * word <= SEARCHED; offset += step) if (holds(offset)) return offset;
    return undefined;
  };
  // The list is in the order in which processes were made: 0, 1, 2, and growing; they lead their thread groups.
  const pid = find((offset) => all.every((_, i) => {
    const value = number(i, offset, 4);
    return value === number(i, offset + 4, 4) && (i < 3 ? value === BigInt(i) : value > number(i - 1, offset, 4));
  }), tasks, 4);
  if (pid === undefined) return undefined;
  const realParent = find((offset) => number(0, offset) === init && number(1, offset) === init && number(2, offset) === init, pid);
  const ofMemory = find((offset) => number(0, offset) === 0n && number(2, offset) === 0n && memory.isKernelAddress(number(1, offset))
    && number(1, offset) === number(1, offset + word), tasks);
  // In front of everything that a kernel's builder may order at random: thread_info, then state and stack.
  const stack = find((offset) => all.every((_, i) => number(i, offset) % 4096n === 0n && memory.isKernelAddress(number(i, offset))), 0);
  if (realParent === undefined || ofMemory === undefined || stack === undefined) return undefined;
  const threadNode = await findThreadNode(memory, all.map((task, i) => ({ task, bytes: bytes[i] })));
  return { tasks, comm, pid, tgid: pid + 4, realParent, memory: ofMemory, state: stack - word, exitState: undefined, stack, threadNode };
}

function findComm(bytes: Uint8Array): number | undefined {
  const wanted = new TextEncoder().encode('swapper');
  for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte) && (bytes[at + 7] === 0 || bytes[at + 7] === 0x2f)) return at;
  }
  return undefined;
}

/** The tasks of a ring of links at `offset`, `init` first; none when it is no ring of tasks. */
async function ringOf(memory: KernelMemory, init: bigint, offset: number, comm: number): Promise<bigint[]> {
  const all: bigint[] = [];
  for (let task = init; all.length < MOST_TASKS;) {
    all.push(task);
    const next = await memory.pointer(task + BigInt(offset));
    if (next === undefined || !memory.isKernelAddress(next) || next % BigInt(memory.pointerBytes) !== 0n) return [];
    const back = await memory.pointer(next + BigInt(memory.pointerBytes));
    if (back !== task + BigInt(offset)) return [];
    const following = next - BigInt(offset);
    if (following === init) return all;
    const name = textIn(await memory.read(following + BigInt(comm), COMM_BYTES));
    if (!/^[!-~][ -~]{0,14}$/.test(name)) return [];
    task = following;
  }
  return [];
}
