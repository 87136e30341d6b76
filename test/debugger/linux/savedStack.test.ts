/** Where a task goes on that no CPU runs, found in a 32-bit kernel without types: in a memory that is written here. */
import assert from 'node:assert/strict';
import { KernelMemory } from '../../../debugger/linux/kernelMemory';
import { KernelSymbols } from '../../../debugger/linux/kernelSymbols';
import { savedActivation, savedLayout } from '../../../debugger/linux/savedStack';
import { dwarfRegisterNumber } from '../../../debugger/symbols/registers';

const BASE = 0xc000_0000;
const TEXT = 0xc100_0000n;
const STACK_AT = 4, TOP_AT = 0x300, POINTER_AT = 0x400;
const TASK_BYTES = 8192, STACK_BYTES = 8192;

class Tasks {
  private readonly ram = new Uint8Array(1 << 20);
  private readonly view = new DataView(this.ram.buffer);
  private end = 0x2000;
  readonly kernel = {
    pointerBytes: 4 as const,
    memory: new KernelMemory({ readMemory: async (_space, address, count) => this.ram.slice(Number(address) - BASE, Number(address) - BASE + count) }, { kind: 'linear' }, 4, BigInt(BASE)),
    isText: (address: bigint) => address >= TEXT && address < TEXT + 0x1000n,
    symbols: new KernelSymbols({ names: ['__schedule', 'ret_from_fork', 'behind'], addresses: BigUint64Array.of(TEXT, TEXT + 0x800n, TEXT + 0x900n), kinds: 'tTT' }, () => true),
  };

  /** A task whose stack has the frame of the kernel's switch, as many bytes from its end. */
  add(fromEnd: number, returnTo: bigint): { task: bigint; sp: bigint } {
    const stack = this.take(STACK_BYTES), task = this.take(TASK_BYTES);
    const sp = stack + STACK_BYTES - fromEnd;
    this.word(task + STACK_AT, stack);
    // As thread.sp0, which points into the stack as well, but to no frame.
    this.word(task + TOP_AT, stack + STACK_BYTES - 16);
    this.word(task + POINTER_AT, sp);
    [0x202, 0x51, 0xd1, 0xb0, sp + 40, Number(returnTo)].forEach((value, i) => this.word(sp + 4 * i, value));
    return { task: BigInt(task), sp: BigInt(sp) };
  }

  word(at: number, value: number): void {
    this.view.setUint32(at - BASE, value, true);
  }

  private take(bytes: number): number {
    const at = this.end;
    this.end += bytes;
    return BASE + at;
  }
}

describe('tasks that do not run, without types', () => {
  it('finds the stack pointer by what it points to in all of them', async () => {
    const tasks = new Tasks();
    const all = [100, 200, 300, 400].map((fromEnd) => tasks.add(fromEnd, TEXT + 0x123n));
    const layout = await savedLayout(tasks.kernel, undefined, all.map(({ task }) => task), STACK_AT);
    assert.ok(layout);
    assert.equal(layout.pointer, POINTER_AT);
    const [{ task, sp }] = all;
    const found = await savedActivation(tasks.kernel, layout, task, STACK_AT);
    assert.ok(found);
    assert.deepEqual([found.pc, found.isExact], [TEXT + 0x123n, false]);
    const register = (name: string): bigint | undefined => found.registers.get(dwarfRegisterNumber('386', name) ?? -1);
    assert.deepEqual(['esi', 'edi', 'ebx', 'ebp', 'esp'].map(register), [0x51n, 0xd1n, 0xb0n, sp + 40n, sp + 24n]);
  });

  it('begins at the first instruction of what has never run', async () => {
    const tasks = new Tasks();
    const all = [100, 200, 300].map((fromEnd) => tasks.add(fromEnd, TEXT + 0x800n));
    const layout = await savedLayout(tasks.kernel, undefined, all.map(({ task }) => task), STACK_AT);
    assert.equal((layout && await savedActivation(tasks.kernel, layout, all[0].task, STACK_AT))?.isExact, true);
  });

  it('takes nothing for a stack that is none', async () => {
    const tasks = new Tasks();
    const all = [100, 200, 300].map((fromEnd) => tasks.add(fromEnd, TEXT + 0x123n));
    assert.equal(await savedLayout(tasks.kernel, undefined, all.slice(1).map(({ task }) => task), STACK_AT), undefined, 'two tasks say too little');
    const layout = await savedLayout(tasks.kernel, undefined, all.map(({ task }) => task), STACK_AT);
    assert.ok(layout);
    const other = tasks.add(100, 0xdead_beefn);
    assert.equal(await savedActivation(tasks.kernel, layout, other.task, STACK_AT), undefined, 'it returns nowhere');
    tasks.word(Number(all[0].task) + POINTER_AT, 0xc000_0000);
    tasks.kernel.memory.forget();
    assert.equal(await savedActivation(tasks.kernel, layout, all[0].task, STACK_AT), undefined, 'it lies in no stack of its own');
  });
});
