/**
 * A session against Debian's kernel with its own `vmlinux`, as the package of its debugging information has it: sources, variables and
 * types of the whole kernel, wherever KASLR has moved it. It takes 600 MB, so it is asked for: node scripts/fetch-test-guests.mjs kernel-symbols.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { LINUX, needGuests } from '../../guests/support/testGuests';
import { leaveOut } from '../../support/leaveOut';
import type { DapClient } from '../client';
import { frames, GUESTS, numberNow, step, useAdapter, valueNow } from './adapter';

const CLOUD = path.join(GUESTS, 'symbols', 'cloud');
const BOOT_MS = 120_000;

describe("Debian's kernel with its vmlinux over the wire", function () {
  let client: DapClient;
  let output = '';
  before(function () {
    if (!existsSync(path.join(CLOUD, 'packages'))) leaveOut(this, "no vmlinux of Debian's (600 MB: node scripts/fetch-test-guests.mjs kernel-symbols)");
    needGuests(this, 'kernels');
  });
  useAdapter(this, 'suite', (started) => { client = started; });
  this.timeout(2 * BOOT_MS);

  async function waitFor(text: string): Promise<void> {
    while (!output.replaceAll('\r', '').includes(text)) output += Buffer.from((await client.event('shadowbox.serial', () => true, BOOT_MS)).data, 'base64').toString('latin1');
    output = '';
  }
  const type = async (line: string): Promise<void> => {
    await client.request('shadowbox.serialInput', { port: 'com1', data: Buffer.from(`${line}\n`).toString('base64') });
  };
  const timed = async <Answer>(what: string, work: () => Promise<Answer>): Promise<Answer> => {
    const began = performance.now();
    const answer = await work();
    console.log(`      ${what}: ${(performance.now() - began).toFixed(0)} ms`);
    return answer;
  };
  const lineOf = ({ name, source, line }: Dap.StackFrame): string => `${name} ${source?.name}:${line}`;

  it('finds it by its release, moves it as KASLR has, and has lines, variables and types of the code that runs', async () => {
    const [kernel] = readdirSync(path.join(CLOUD, 'boot'));
    await client.launch({
      kernel: path.join(CLOUD, 'boot', kernel), initrd: path.join(LINUX, 'shell-amd64.cpio'), memory: '256M', cpuModel: 'x86-64-v2',
      cmdline: 'console=ttyS0,115200 cryptomgr.notests', symbolPaths: [CLOUD], stopOnEntry: false, timeTravel: false,
    });
    await waitFor('guest# ');
    const stop = client.event('stopped');
    await client.request('pause', { threadId: 1 });
    await stop;
    const idle = await timed('the first stack, with the search for the kernel and its file', () => frames(client));
    assert.ok(idle.some(({ name, source }) => name === 'start_kernel' && source?.name === 'main.c'), idle.map(lineOf).join(', '));
    const { modules } = await client.request('modules', {});
    assert.deepEqual(modules.map(({ name, symbolStatus }) => [name, symbolStatus]), [[`vmlinux-${kernel.slice('vmlinuz-'.length)}`, 'symbols and lines loaded']]);
    const { breakpoints } = await timed('a breakpoint on a function', () => client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'vfs_write', condition: 'count == 6' }] }));
    assert.deepEqual(breakpoints.map(({ verified, source, message }) => [verified, source?.name, message]), [[true, 'read_write.c', undefined]]);
    await client.request('continue', { threadId: 1 });
    await type('echo hello');
    await client.event('stopped', ({ reason }) => reason === 'breakpoint', BOOT_MS);
    const stack = await frames(client);
    assert.deepEqual(stack.slice(0, 4).map(({ name, source }) => `${name} ${source?.name}`), [
      'vfs_write read_write.c', 'ksys_write read_write.c', 'do_syscall_x64 (inlined) common.c', 'do_syscall_64 common.c',
    ]);
    assert.ok(stack.some(({ name }) => name === '— system call 1 (write) —'), stack.map(lineOf).join(', '));
    assert.equal(await timed('a type of the kernel', () => valueNow(client, 'file->f_path.dentry->d_name.name,s')), '"ttyS0"');
    assert.match(await valueNow(client, 'buf'), /"hello\\n/);
    assert.equal(await valueNow(client, '((struct task_struct *)$current)->comm'), '"sh"');
    assert.equal(await numberNow(client, 'sizeof(struct task_struct)'), await numberNow(client, '(long)(&((struct task_struct *)0)[1])'));
    const over = await timed('a step over a line', () => step(client, 'next'));
    assert.deepEqual([over.name, over.line > stack[0].line], ['vfs_write', true]);
    assert.equal((await step(client, 'stepOut')).name, 'ksys_write');
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    await client.request('continue', { threadId: 1 });
    await waitFor('guest# ');
  });
});
