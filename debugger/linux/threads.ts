/**
 * Threads of a process: each one's task is in a ring of links (`thread_node`) that begins in what they share (`signal_struct.thread_head`). The first
 * thread stays in front of all others as long as there are any, so what is before it is the ring's beginning.
 */
import { littleEndian } from '../numbers';
import type { KernelMemory } from './kernelMemory';

/** Linux's limit of threads (PID_MAX_DEFAULT); a longer ring is none. */
const MOST_THREADS = 32_768;
/** Where most processes have one thread, the ring is the task and its beginning: of four processes three. */
const SINGLE_OF_FOUR = 3;

/** The tasks of a process's threads beside its first, in the order in which they were made. */
export async function threadTasks(memory: KernelMemory, node: number, first: bigint): Promise<bigint[]> {
  const word = BigInt(memory.pointerBytes);
  const own = first + BigInt(node);
  const beginning = await memory.pointer(own + word);
  const found: bigint[] = [];
  for (let link = own; found.length < MOST_THREADS;) {
    const next = await memory.pointer(link);
    if (next === undefined || next === beginning || next === own) break;
    // What does not point back is being changed, or is no ring.
    if (await memory.pointer(next + word) !== link) break;
    found.push(next - BigInt(node));
    link = next;
  }
  return found;
}

/**
 * Finds `thread_node` without types: in all first threads it is in a ring with something of their own outside of them, and in most there is nothing
 * else in it. Empty lists are rings of themselves; children, and tasks of a group, share theirs.
 * @param tasks first threads, and the bytes of each
 * @returns its offset; undefined where it is not found, or several fields look like it
 */
export async function findThreadNode(memory: KernelMemory, tasks: readonly { readonly task: bigint; readonly bytes: Uint8Array }[]): Promise<number | undefined> {
  const word = memory.pointerBytes;
  const found: number[] = [];
  const shortest = Math.min(...tasks.map(({ bytes }) => bytes.length));
  for (let offset = 0; offset + 2 * word <= shortest; offset += word) {
    const links = tasks.map(({ task, bytes }) => ({
      own: task + BigInt(offset), next: littleEndian(bytes.subarray(offset, offset + word)), previous: littleEndian(bytes.subarray(offset + word, offset + 2 * word)),
    }));
    const isOther = links.every(({ own, next, previous }) => next !== own && [next, previous].every((each) => memory.isKernelAddress(each) && each % BigInt(word) === 0n));
    if (!isOther || new Set(links.map(({ previous }) => previous)).size < links.length) continue;
    if (4 * links.filter(({ next, previous }) => next === previous).length < SINGLE_OF_FOUR * links.length) continue;
    const backs = await Promise.all(links.flatMap(({ own, next, previous }) => [isPointer(memory, next + BigInt(word), own), isPointer(memory, previous, own)]));
    if (backs.every((holds) => holds)) found.push(offset);
  }
  return found.length === 1 ? found[0] : undefined;
}

async function isPointer(memory: KernelMemory, at: bigint, to: bigint): Promise<boolean> {
  return await memory.pointer(at) === to;
}
