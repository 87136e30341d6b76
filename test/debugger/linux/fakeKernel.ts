/**
 * Data of a 32-bit Linux 6.1 without types in a memory of 1 MiB: tasks, their areas, files with paths and pages in the page cache, and
 * what is asked of the machine around it.
 */
import type { KernelData } from '../../../debugger/linux/linuxKernel';
import { KernelMemory } from '../../../debugger/linux/kernelMemory';
import type { PageQuestions } from '../../../debugger/linux/pageTables';
import type { TaskLayout } from '../../../debugger/linux/taskLayout';

const PAGE = 4096;
const WORD = 4;
const RAM_BYTES = 1 << 20;
/** Where the kernel has all memory. */
const BASE = 0xc000_0000;
/** The kernel's code, of which nothing is there. */
const TEXT = BASE + 0x1000;
/** Its array of `struct page`, and their size. */
const PAGES = BASE + 0x8000, PAGE_STRUCT = 40;
/** A file system's root. */
const MOUNT = BASE + 0x4000, ROOT_ENTRY = BASE + 0x4100;
const NODE_SLOTS = 64;
const LEAF = 1;

export const FAKE_TASKS: TaskLayout = { tasks: 0, comm: 8, pid: 24, tgid: 28, realParent: 32, state: 36, exitState: 40, memory: 44, stack: undefined, threadNode: undefined };

/** An area of a process that shows a file. */
export interface FakeArea {
  readonly start: number;
  readonly pages: number;
  readonly file: number;
  /** The first page's number in the file. */
  readonly first: number;
}

export class FakeKernel {
  readonly ram = new Uint8Array(RAM_BYTES);
  /** Reads of processes' memory: addresses. */
  readonly userReads: bigint[] = [];
  /** What processes have mapped: physical addresses of pages, by root and linear address. */
  readonly mapped = new Map<string, number>();
  private readonly view = new DataView(this.ram.buffer);
  private readonly roots = new Set<number>();
  private readonly variables = new Map([['mem_map', 0], ['init_task', 0], ['_text', TEXT]]);
  /** Kernel data are taken from low memory, pages of files from above. */
  private free = 0x1_0000;
  private freePage = 0x8_0000;
  private readonly tasks: number[] = [];

  constructor() {
    this.variables.set('mem_map', this.record([PAGES]));
    this.variables.set('init_task', this.task(0, 'swapper', 0));
    // The root of the file system is mounted on itself.
    this.words(MOUNT, [0, 0, MOUNT, ROOT_ENTRY, ROOT_ENTRY]);
    this.words(ROOT_ENTRY + 16, [ROOT_ENTRY]);
  }

  get inspect(): PageQuestions {
    return {
      readMemory: async (space, address, count) => {
        if (space.kind === 'physical') return this.ram.slice(Number(address), Number(address) + count);
        if (address >= BigInt(BASE)) return this.ram.slice(Number(address) - BASE, Number(address) - BASE + count);
        this.userReads.push(address);
        const inside = Number(address) % PAGE;
        const page = space.kind === 'linearUnder' ? this.mapped.get(`${space.cr3} ${Number(address) - inside}`) : undefined;
        return page === undefined ? new Uint8Array(0) : this.ram.slice(page + inside, page + Math.min(PAGE, inside + count));
      },
      walk: async (cr3, linear) => ({
        cr3: cr3 ?? 0, mode: '32-bit', linear, guest: [], shadow: [], tlb: { read: false, write: false, execute: false }, story: '',
        ...(cr3 === undefined || this.roots.has(cr3) ? { physical: Number(linear) - BASE } : {}),
      }),
    };
  }

  /** What the debugger knows of it at a stop. */
  data(): KernelData {
    return {
      memory: new KernelMemory(this.inspect, { kind: 'linear' }, WORD, BigInt(BASE)), pointerBytes: WORD,
      address: (name) => {
        const at = this.variables.get(name);
        return at === undefined ? undefined : BigInt(at);
      },
    };
  }

  /** Words of kernel data, somewhere. */
  record(words: readonly number[], align = 64): number {
    const at = Math.ceil(this.free / align) * align;
    this.free = at + Math.max(words.length, 1) * WORD;
    this.words(BASE + at, words);
    return BASE + at;
  }

  words(at: number, words: readonly number[]): void {
    words.forEach((word, i) => this.view.setUint32(at - BASE + i * WORD, word, true));
  }

  /** A `struct mm_struct`, and where its page tables are. */
  memoryOf(...areas: readonly FakeArea[]): { mm: number; root: number } {
    const table = this.record([0], PAGE);
    const root = table - BASE;
    this.roots.add(root);
    const mm = this.record(Array<number>(256).fill(0));
    this.words(mm + 40, [table]);
    this.setAreas(mm, areas);
    return { mm, root };
  }

  /** Gives a process other areas, with a node of a maple tree for them. */
  setAreas(mm: number, areas: readonly FakeArea[]): void {
    const [pivots, slots] = [[], []] as [number[], number[]];
    let end = 0;
    for (const { start, pages, file, first } of areas) {
      if (start > end) {
        pivots.push(start - 1);
        slots.push(0);
      }
      end = start + pages * PAGE;
      pivots.push(end - 1);
      slots.push(this.record([start, end, ...Array<number>(11).fill(0), first, file]));
    }
    const half = NODE_SLOTS / 2;
    const node = this.record([0, ...pivots, ...Array<number>(half - 1 - pivots.length).fill(0), ...slots, ...Array<number>(half - slots.length).fill(0)], 256);
    this.words(mm + 4, [node | (LEAF << 3)]);
    this.words(mm + 48, [areas.length]);
  }

  /** A task behind all others; 0 for memory: a thread of the kernel. */
  task(pid: number, name: string, mm: number): number {
    const at = this.record(Array<number>(16).fill(0));
    this.tasks.push(at);
    this.tasks.forEach((task, i) => this.words(task, [this.tasks[(i + 1) % this.tasks.length]]));
    this.ram.set(new TextEncoder().encode(name), at - BASE + FAKE_TASKS.comm);
    this.words(at + FAKE_TASKS.pid, [pid, pid, at, 0, 0, mm]);
    return at;
  }

  /** An open file without pages: its `struct file`, and that of its `struct address_space`. */
  file(path: string): { file: number; mapping: number } {
    const entry = path.split('/').filter((part) => part !== '').reduce((parent, part) => {
      const name = this.record([0, 0, 0, 0]);
      this.ram.set(new TextEncoder().encode(part), name - BASE);
      return this.record([0, 0, 0, 0, parent, 0, 0, name]);
    }, ROOT_ENTRY);
    const mapping = this.record([0, 0, 0, 0]);
    const inode = this.record([...Array<number>(8).fill(0), mapping]);
    return { file: this.record([0, 0, MOUNT + 16, entry, inode]), mapping };
  }

  /** A page with bytes: its `struct page`, and its physical address. `index` is its number in the file. */
  page(mapping: number, index: number, bytes: Uint8Array): { page: number; physical: number } {
    const physical = this.freePage;
    this.freePage += PAGE;
    this.ram.set(bytes, physical);
    const page = PAGES + (physical / PAGE) * PAGE_STRUCT;
    this.words(page + 12, [mapping, index]);
    return { page, physical };
  }

  /** A node of an xarray with entries by slot, as an entry. */
  node(shift: number, entries: Readonly<Record<number, number>>): number {
    return this.record([shift, 0, 0, 0, 0, ...Array.from({ length: 64 }, (_, slot) => entries[slot] ?? 0)]) + 2;
  }

  setHead(mapping: number, entry: number): void {
    this.words(mapping + 12, [entry]);
  }

  /** A file that is in the page cache, but for pages that are left out. */
  cachedFile(path: string, contents: Uint8Array, without: readonly number[] = []): number {
    const { file, mapping } = this.file(path);
    const entries: Record<number, number> = {};
    for (let index = 0; index * PAGE < contents.length; index++) {
      if (!without.includes(index)) entries[index] = this.page(mapping, index, contents.subarray(index * PAGE, (index + 1) * PAGE)).page;
    }
    this.setHead(mapping, this.node(0, entries));
    return file;
  }
}
