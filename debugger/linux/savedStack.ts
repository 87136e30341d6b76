/**
 * Where a task goes on that no CPU runs: the kernel's switch has put registers on its stack (`struct inactive_task_frame`, asm/switch_to.h) and
 * the stack pointer into the task (`thread.sp`).
 */
import { littleEndian } from '../numbers';
import { memberNamed, stripType } from '../symbols/types';
import type { UnwoundActivation } from '../unwinder';
import type { Btf } from './btf';
import { numbered } from './kernelStack';
import { unlessBroken, type LinuxKernel } from './linuxKernel';

/** Offsets in bytes. */
export interface SavedLayout {
  /** Of the stack pointer in `struct task_struct`. */
  readonly pointer: number;
  /** Of registers from the stack pointer up; the return address, behind all others, is 'pc'. */
  readonly registers: ReadonlyMap<string, number>;
}

type SearchedKernel = Pick<LinuxKernel, 'memory' | 'pointerBytes' | 'isText' | 'symbols'>;

/** What the switch pushes, by words from the stack pointer up. */
const FRAMES = { 4: ['flags', 'esi', 'edi', 'ebx', 'ebp', 'pc'], 8: ['r15', 'r14', 'r13', 'r12', 'rbx', 'rbp', 'pc'] } as const;
/** Registers that the kernel's structure has under shorter names. */
const SHORT_NAMES: Readonly<Record<4 | 8, Readonly<Record<string, string>>>> = {
  4: { bx: 'ebx', bp: 'ebp', si: 'esi', di: 'edi', ret_addr: 'pc' }, 8: { bx: 'rbx', bp: 'rbp', ret_addr: 'pc' },
};
/** Bytes of a task that are looked through without types, and how many tasks are to agree. */
const SEARCHED = 8192, MOST_TASKS = 16, FEWEST_TASKS = 3;
/** The kernel's stacks: two pages in 32-bit kernels, up to eight (with KASAN) in 64-bit ones. */
const LONGEST_STACK = { 4: 0x2000n, 8: 0x8000n } as const;

/**
 * @param idle tasks that no CPU runs
 * @param stackAt offset in a task of its stack's lowest address
 * @returns undefined where it is not found
 */
export async function savedLayout(kernel: SearchedKernel, btf: Btf | undefined, idle: readonly bigint[], stackAt: number): Promise<SavedLayout | undefined> {
  const described = btf && unlessBroken(() => describedLayout(btf, kernel.pointerBytes));
  if (described || kernel.pointerBytes === 8) return described;
  const registers = inWords(FRAMES[4], 4);
  const pointer = await findPointer(kernel, idle.slice(0, MOST_TASKS), stackAt, registers);
  return pointer === undefined ? undefined : { pointer, registers };
}

/** What the task's innermost activation is; undefined where its stack is not what it should be, as one that is being made. */
export async function savedActivation(kernel: SearchedKernel, { pointer, registers }: SavedLayout, task: bigint, stackAt: number): Promise<UnwoundActivation | undefined> {
  const { memory, pointerBytes: word } = kernel;
  const [sp, stack] = await Promise.all([memory.pointer(task + BigInt(pointer)), memory.pointer(task + BigInt(stackAt))]);
  if (sp === undefined || stack === undefined || !isIn(sp, stack, word)) return undefined;
  const values = new Map<string, bigint>();
  for (const [name, offset] of registers) {
    const value = await memory.pointer(sp + BigInt(offset));
    if (value === undefined) return undefined;
    values.set(name, value);
  }
  const pc = values.get('pc');
  if (pc === undefined || !kernel.isText(pc)) return undefined;
  const behind = sp + BigInt((registers.get('pc') ?? 0) + word);
  const [machine, stackName] = word === 8 ? ['x86-64', 'rsp'] as const : ['386', 'esp'] as const;
  // One that has never run begins where nobody calls: at a function's first instruction.
  return { pc, isExact: kernel.symbols.at(pc)?.address === pc, registers: numbered(machine, values, stackName, behind) };
}

function inWords(names: readonly string[], word: number): Map<string, number> {
  return new Map(names.map((name, i) => [name, i * word]));
}

function isIn(address: bigint, stack: bigint, word: 4 | 8): boolean {
  return stack !== 0n && address > stack && address < stack + LONGEST_STACK[word];
}

/** By the kernel's types. */
function describedLayout(btf: Btf, word: 4 | 8): SavedLayout | undefined {
  const task = btf.record('task_struct');
  const thread = task && memberNamed(task, 'thread');
  const type = thread && stripType(thread.type);
  const pointer = type && 'members' in type ? memberNamed(type, 'sp') : undefined;
  if (!thread || !pointer) return undefined;
  const names = SHORT_NAMES[word];
  const frame = btf.record('inactive_task_frame')?.members.flatMap(({ name, offset }) => (name === undefined ? [] : [[names[name] ?? name, offset] as const]));
  return { pointer: thread.offset + pointer.offset, registers: frame ? new Map(frame) : inWords(FRAMES[word], word) };
}

/** The field that in all tasks points into the task's own stack, to a frame that returns into the kernel's code. */
async function findPointer(kernel: SearchedKernel, tasks: readonly bigint[], stackAt: number, registers: ReadonlyMap<string, number>): Promise<number | undefined> {
  const { memory, pointerBytes: word } = kernel;
  if (tasks.length < FEWEST_TASKS) return undefined;
  const bytes = await Promise.all(tasks.map((task) => memory.read(task, SEARCHED)));
  const shortest = Math.min(...bytes.map(({ length }) => length));
  const at = (index: number, offset: number): bigint => littleEndian(bytes[index].subarray(offset, offset + word));
  for (let offset = 0; offset + word <= shortest; offset += word) {
    if (!tasks.every((_, i) => isIn(at(i, offset), at(i, stackAt), word))) continue;
    const returns = await Promise.all(tasks.map((_, i) => memory.pointer(at(i, offset) + BigInt(registers.get('pc') ?? 0))));
    if (returns.every((pc) => pc !== undefined && kernel.isText(pc))) return offset;
  }
  return undefined;
}
