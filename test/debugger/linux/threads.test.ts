/** Threads beside a process's first, in a 32-bit kernel without types: in a memory that is written here. */
import assert from 'node:assert/strict';
import { KernelMemory } from '../../../debugger/linux/kernelMemory';
import { findThreadNode, threadTasks } from '../../../debugger/linux/threads';

const BASE = 0xc000_0000;
const TASK_BYTES = 512;
/** Fields of a task with links: children's, a list that is empty, its group's, and the one that is looked for. */
const SIBLING = 64, EMPTY = 80, GROUP = 96, NODE = 128;

class Tasks {
  private readonly ram = new Uint8Array(1 << 16);
  private readonly view = new DataView(this.ram.buffer);
  private end = 64;
  readonly memory = new KernelMemory({ readMemory: async (_space, address, count) => this.ram.slice(Number(address) - BASE, Number(address) - BASE + count) }, { kind: 'linear' }, 4, BigInt(BASE));

  /** A ring of links, in this order. */
  ring(...links: readonly number[]): void {
    links.forEach((link, i) => {
      this.view.setUint32(link - BASE, links[(i + 1) % links.length], true);
      this.view.setUint32(link - BASE + 4, links[(i + links.length - 1) % links.length], true);
    });
  }

  take(bytes: number): number {
    const at = this.end;
    this.end += bytes;
    return BASE + at;
  }

  /** A process of so many threads. Gives their tasks. */
  process(threads: number): number[] {
    const tasks = Array.from({ length: threads }, () => this.take(TASK_BYTES));
    const beginning = this.take(64) + 16;
    this.ring(beginning, ...tasks.map((task) => task + NODE));
    for (const task of tasks) this.ring(task + EMPTY);
    return tasks;
  }

  search(firsts: readonly number[]): Promise<number | undefined> {
    this.memory.forget();
    return findThreadNode(this.memory, firsts.map((task) => ({ task: BigInt(task), bytes: this.ram.slice(task - BASE, task - BASE + TASK_BYTES) })));
  }
}

describe('threads of processes, without types', () => {
  it('finds the links among others that look alike, also where a process has several threads', async () => {
    for (const counts of [[1, 1, 1, 1, 1], [1, 1, 1, 4, 1]]) {
      const tasks = new Tasks();
      const processes = counts.map((count) => tasks.process(count));
      const firsts = processes.map(([first]) => first);
      tasks.ring(tasks.take(8), ...firsts.map((task) => task + SIBLING));
      tasks.ring(...firsts.map((task) => task + GROUP));
      assert.equal(await tasks.search(firsts), NODE);
      for (const [first, ...others] of processes) assert.deepEqual(await threadTasks(tasks.memory, NODE, BigInt(first)), others.map(BigInt));
    }
  });

  it('finds none where two fields look alike, and ends at links that are broken', async () => {
    const tasks = new Tasks();
    const processes = [3, 1, 1, 1].map((count) => tasks.process(count));
    const firsts = processes.map(([first]) => first);
    assert.equal(await tasks.search(firsts), NODE);
    const [[first, second, third]] = processes;
    tasks.ring(third + NODE);
    tasks.memory.forget();
    assert.deepEqual(await threadTasks(tasks.memory, NODE, BigInt(first)), [BigInt(second)], 'the third does not point back');
    for (const task of firsts) tasks.ring(task + SIBLING, tasks.take(8));
    assert.equal(await tasks.search(firsts), undefined);
  });
});
