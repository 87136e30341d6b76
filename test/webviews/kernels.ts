/**
 * Address spaces as kernels build them, on the paging model: a 32-bit one like the sample paging-lab, one with PAE, one
 * with four levels.
 */
import type { ProcessInfo } from '../../debugger/panelProtocol';
import { BIT, PagingModel } from './pagingModel';

const KERNEL = BIT.writable;
const USER = BIT.user;
const USER_DATA = BIT.user | BIT.writable;

export interface LabKernel {
  readonly model: PagingModel;
  /** CR3 of the kernel's own space, and of each task's. */
  readonly kernel: number;
  readonly sweeper: number;
  readonly ping: number;
  readonly pong: number;
  readonly painter: number;
  /** Physical address of the page that ping and pong share. */
  readonly notebook: number;
}

/** Five spaces; the kernel's part is shared, ping and pong share a page copied on write, painter has a 4 MiB page. */
export function labKernel(): LabKernel {
  const [kernel, sweeper, ping, pong, painter] = [0x400000, 0x401000, 0x402000, 0x403000, 0x404000];
  const model = new PagingModel('32-bit', [kernel, sweeper, ping, pong, painter], 0x405000);
  for (let page = 0x1000; page < 0x400000; page += 0x1000) {
    const readOnly = page >= 0x100000 && page < 0x108000;
    model.map(kernel, BigInt(page), page, readOnly ? 0n : KERNEL);
  }
  for (const large of [0x400000, 0x800000]) model.map(kernel, BigInt(large), large, KERNEL, 2);
  model.map(kernel, 0x3ffff000n, 0x7f0000, KERNEL);
  for (const task of [sweeper, ping, pong, painter]) {
    model.share(kernel, task, 0, 256);
    for (let i = 0; i < 3; i++) model.map(task, 0x40000000n + BigInt(i) * 0x1000n, 0x108000 + i * 0x1000, USER);
    model.map(task, 0x48000000n, 0x10c000, USER);
    model.map(task, 0xbffff000n, model.allocate(), USER_DATA);
  }
  for (let i = 0; i < 24; i++) model.map(sweeper, 0x50000000n + BigInt(i) * 0x1000n, model.allocate(), USER_DATA);
  const notebook = model.allocate();
  for (const task of [ping, pong]) model.map(task, 0x60000000n, notebook, USER);
  model.map(painter, 0x80000000n, 0xc00000, USER_DATA, 2);
  for (const task of [sweeper, ping, pong, painter]) useTask(model, task);
  for (const task of [sweeper, ping, painter]) useKernel(model, task);
  for (let i = 0; i < 14; i++) model.touch(sweeper, 0x50000000n + BigInt(i) * 0x1000n, i < 12);
  for (let i = 0; i < 300; i++) model.touch(painter, 0x80000000n + BigInt(i) * 0x1000n, true);
  model.touch(ping, 0x60000000n);
  model.current = sweeper;
  return { model, kernel, sweeper, ping, pong, painter, notebook };
}

/** What every task uses: its code, the clock, its stack. */
function useTask(model: PagingModel, task: number): void {
  model.touch(task, 0x40000000n);
  model.touch(task, 0x40001000n);
  model.touch(task, 0x48000000n);
  model.touch(task, 0xbffff000n, true);
}

/** The kernel's own steps: code, data, the screen, and a page directory and tables in the frame pool. */
function useKernel(model: PagingModel, cr3: number): void {
  for (const page of [0x100000, 0x101000, 0x102000, 0x103000, 0x105000]) model.touch(cr3, BigInt(page));
  for (const page of [0x10a000, 0x10b000, 0x10c000]) model.touch(cr3, BigInt(page), true);
  model.touch(cr3, 0xb8000n, true);
  for (const page of [0x401000, 0x402000, 0x407000, 0x410000, 0x411000]) model.touch(cr3, BigInt(page), true);
  model.touch(cr3, 0x3ffff000n, true);
}

/** A small PAE space: 2 MiB pages for the kernel, 4 KiB pages for a program. */
export function paeKernel(): PagingModel {
  const model = new PagingModel('PAE', [0x1000], 0x2000);
  for (let i = 0; i < 8; i++) model.map(0x1000, 0xc0000000n + BigInt(i) * 0x200000n, i * 0x200000, KERNEL | BIT.global, 2);
  for (let i = 0; i < 16; i++) model.map(0x1000, 0x8048000n + BigInt(i) * 0x1000n, 0x800000 + i * 0x1000, USER);
  for (let i = 0; i < 4; i++) model.touch(0x1000, 0xc0100000n + BigInt(i) * 0x1000n, true);
  model.touch(0x1000, 0x8048000n);
  return model;
}

/** A small 4-level space with both halves in use. */
export function longKernel(): PagingModel {
  const model = new PagingModel('4-level', [0x1000], 0x2000);
  for (let i = 0; i < 16; i++) model.map(0x1000, 0xffffffff81000000n + BigInt(i) * 0x200000n, 0x1000000 + i * 0x200000, KERNEL | BIT.global, 2);
  for (let i = 0; i < 40; i++) model.map(0x1000, 0x555555554000n + BigInt(i) * 0x1000n, 0x4000000 + i * 0x1000, USER);
  for (let i = 0; i < 8; i++) model.map(0x1000, 0x7ffffffde000n + BigInt(i) * 0x1000n, 0x5000000 + i * 0x1000, USER_DATA);
  for (let i = 0; i < 10; i++) model.touch(0x1000, 0xffffffff81000000n + BigInt(i) * 0x1000n);
  for (let i = 0; i < 5; i++) model.touch(0x1000, 0x555555554000n + BigInt(i) * 0x1000n);
  return model;
}

/**
 * A 64-bit kernel as Linux lays one out, on a 4-level or 5-level machine: all memory mapped from ffff8880 00000000 on with a
 * 1 GiB page and 2 MiB pages, its text at ffffffff 81000000, and a program with a page under a protection key.
 */
export function linuxKernel(mode: '4-level' | '5-level' = '4-level'): PagingModel {
  const model = new PagingModel(mode, [0x1000, 0x2000], 0x3000);
  const direct = mode === '4-level' ? 0xffff888000000000n : 0xff11000000000000n;
  model.map(0x1000, direct + 0x40000000n, 0x40000000, KERNEL | BIT.global, 3);
  for (let i = 0; i < 24; i++) model.map(0x1000, direct + BigInt(i) * 0x200000n, i * 0x200000, KERNEL | BIT.global, 2);
  for (let i = 0; i < 8; i++) model.map(0x1000, 0xffffffff81000000n + BigInt(i) * 0x200000n, 0x1000000 + i * 0x200000, BIT.global, 2);
  for (let i = 0; i < 40; i++) model.map(0x1000, 0x555555554000n + BigInt(i) * 0x1000n, 0x4000000 + i * 0x1000, USER);
  model.map(0x1000, 0x7ffff7fc1000n, 0x4800000, USER | 5n << 59n);
  model.share(0x1000, 0x2000, 256, 256);
  for (let i = 0; i < 6; i++) model.touch(0x1000, direct + 0x1000n + BigInt(i) * 0x1000n, true);
  for (let i = 0; i < 3; i++) model.touch(0x1000, direct + 0x40000000n + 0x600000n + BigInt(i) * 0x1000n, true);
  for (let i = 0; i < 10; i++) model.touch(0x1000, 0xffffffff81000000n + BigInt(i) * 0x1000n);
  for (let i = 0; i < 5; i++) model.touch(0x1000, 0x555555554000n + BigInt(i) * 0x1000n);
  model.touch(0x1000, 0x7ffff7fc1000n);
  return model;
}

export interface BusyLinux {
  readonly model: PagingModel;
  readonly processes: readonly ProcessInfo[];
}

/** A 64-bit Linux with so many processes, each with a space of its own; the kernel's half is shared. The first one is current. */
export function busyLinux(count: number): BusyLinux {
  const roots = Array.from({ length: count }, (_, i) => 0x100000 + i * 0x2000);
  const model = new PagingModel('4-level', roots, 0x4000000);
  const direct = 0xffff888000000000n;
  const [first] = roots;
  for (let i = 0; i < 64; i++) model.map(first, direct + BigInt(i) * 0x200000n, i * 0x200000, KERNEL | BIT.global, 2);
  for (let i = 0; i < 8; i++) model.map(first, 0xffffffff81000000n + BigInt(i) * 0x200000n, 0x1000000 + i * 0x200000, BIT.global, 2);
  for (let i = 0; i < 200; i++) model.map(first, 0xffffffffc0000000n + BigInt(i) * 0x1000n, 0x2000000 + i * 0x1000, BIT.global);
  for (let i = 0; i < 4; i++) model.map(first, 0xfffffe0000000000n + BigInt(i) * 0x1000n, 0x2100000 + i * 0x1000, BIT.global);
  for (let i = 0; i < 32; i++) model.map(first, 0xffffc90000000000n + BigInt(i) * 0x5000n, 0x2200000 + i * 0x1000, KERNEL);
  for (const root of roots.slice(1)) model.share(first, root, 256, 256);
  for (const [n, root] of [...roots.entries()].reverse()) {
    for (let i = 0; i < 60; i++) model.map(root, 0x555555554000n + BigInt(i) * 0x1000n, 0x8000000 + (n * 256 + i) * 0x1000, i < 30 ? USER : USER_DATA);
    for (let i = 0; i < 100; i++) model.map(root, 0x7ffff7a00000n + BigInt(i) * 0x1000n, 0x6000000 + i * 0x1000, USER);
    for (let i = 0; i < 16; i++) model.map(root, 0x7ffffffde000n + BigInt(i) * 0x1000n, 0x9000000 + (n * 256 + i) * 0x1000, USER_DATA);
    for (let i = 0; i < 24; i++) model.touch(root, 0x555555554000n + BigInt(i) * 0x1000n);
    for (let i = 0; i < 20; i++) model.touch(root, 0xffffffff81000000n + BigInt(i) * 0x1000n);
  }
  const names = ['systemd', 'systemd-journal', 'systemd-udevd', 'dbus-daemon', 'cron', 'sshd', 'bash', 'agetty', 'nginx', 'postgres'];
  const processes = roots.map((cr3, n): ProcessInfo => ({
    pid: n + 1, parent: n === 0 ? 0 : 1, state: n === 0 ? 'R' : 'S', name: names[n % names.length], cr3, current: n === 0,
  }));
  return { model, processes: [...processes, { pid: count + 1, parent: 2, state: 'I', name: 'kworker/0:1', current: false }] };
}
