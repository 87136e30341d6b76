/** Page tables of Linux's processes: where their roots are, as they stand in CR3, and whether a process runs on a second set of them. */
import type { CpuState, Inspection } from '../../src/monitor/inspection/queries';
import { memberNamed } from '../symbols/types';
import type { Btf } from './btf';
import type { KernelData } from './linuxKernel';
import type { Process } from './tasks';

/** Bytes of `struct mm_struct` in which the root of the page tables is looked for without BTF. */
const SEARCHED = 256;
/** With page-table isolation the user's half of the tables is the page behind the kernel's. */
const ISOLATED = 0x1000;
/** Bytes of the root for the user's part of the addresses: half of 512 entries; with PAE three of four entries. */
const USER_ENTRIES_64 = 2048, USER_ENTRIES_PAE = 24;
const ENTRY_BYTES = 8;
const PAGE = 4096;
const CR4_PAE = 0x20n;
/** An entry is present (byte 0), may be accessed (bit 5), and in the kernel's tables not be executed (byte 7, bit 63). */
const PRESENT = 1, ACCESSED = 0x20, NO_EXECUTE = 0x80;

export type PageQuestions = Pick<Inspection, 'readMemory' | 'walk'>;

/** Gives the guest-physical address of a process's root; undefined for threads of the kernel. */
export type RootOf = (process: Pick<Process, 'memory'>) => Promise<number | undefined>;

/** @param all processes, of which one has memory of its own */
export async function rootFinder(kernel: KernelData, btf: Btf | undefined, all: readonly Process[], inspect: PageQuestions): Promise<RootOf> {
  const { memory } = kernel;
  const owner = all.find((process) => process.memory !== 0n);
  const described = btf?.record('mm_struct');
  const offset = (described && memberNamed(described, 'pgd')?.offset) ?? (owner && await findRoot(owner.memory, kernel, inspect));
  if (offset === undefined) return async () => undefined;
  return async (process) => {
    const root = process.memory === 0n ? undefined : await memory.pointer(process.memory + BigInt(offset));
    return root === undefined ? undefined : (await inspect.walk(kernelTables(kernel), root)).physical;
  };
}

/** The CR3 under which the kernel's data can be walked to; undefined: the present one. */
function kernelTables({ memory: { space } }: KernelData): number | undefined {
  return space.kind === 'linearUnder' ? space.cr3 : undefined;
}

/** Without BTF: the first pointer to tables under which the kernel's code is where it is now. */
async function findRoot(mm: bigint, kernel: KernelData, inspect: PageQuestions): Promise<number | undefined> {
  const { memory } = kernel;
  const text = kernel.address('_text') ?? kernel.address('_stext');
  if (text === undefined) return undefined;
  const tables = kernelTables(kernel);
  const wanted = (await inspect.walk(tables, text)).physical;
  for (let offset = 0; offset < SEARCHED; offset += memory.pointerBytes) {
    const root = await memory.pointer(mm + BigInt(offset));
    if (root === undefined || root % 32n !== 0n || !memory.isKernelAddress(root)) continue;
    const physical = (await inspect.walk(tables, root)).physical;
    if (physical !== undefined && (await inspect.walk(physical, text)).physical === wanted) return offset;
  }
  return undefined;
}

/** How the tables are built. */
export type TableKind = '32-bit' | 'PAE' | '64-bit';

export function tableKind(cpu: CpuState, pointerBytes: 4 | 8): TableKind {
  if (pointerBytes === 8) return '64-bit';
  return ((cpu.control.find(({ name }) => name === 'cr4')?.value ?? 0n) & CR4_PAE) !== 0n ? 'PAE' : '32-bit';
}

/** The kernel's root, where a CPU runs on the second set of an isolated process's tables; undefined where the present ones are the kernel's. */
export async function kernelRoot(cpu: CpuState, inspect: Pick<Inspection, 'readMemory'>, pointerBytes: 4 | 8): Promise<number | undefined> {
  const cr3 = Number(cpu.control.find(({ name }) => name === 'cr3')?.value ?? 0n);
  const page = cr3 - (cr3 % PAGE);
  if (Math.floor(page / ISOLATED) % 2 === 0) return undefined;
  const root = page - ISOLATED;
  return (await userRoot(root, inspect, tableKind(cpu, pointerBytes))) === page ? root : undefined;
}

/**
 * The root that a process's own code runs under: with page-table isolation the second one, whose entries for the user's part are the
 * kernel's, but for that the kernel may not execute there.
 */
export async function userRoot(root: number, inspect: Pick<Inspection, 'readMemory'>, kind: TableKind): Promise<number> {
  if (kind === '32-bit') return root;
  const bytes = kind === 'PAE' ? USER_ENTRIES_PAE : USER_ENTRIES_64;
  const [own, second] = await Promise.all([root, root + ISOLATED].map((at) => inspect.readMemory({ kind: 'physical' }, BigInt(at), bytes)));
  if (own.length < bytes || second.length < bytes) return root;
  let isAny = false;
  for (let at = 0; at < bytes; at += ENTRY_BYTES) {
    if ((own[at] & PRESENT) === 0 && (second[at] & PRESENT) === 0) continue;
    for (let byte = 0; byte < ENTRY_BYTES; byte++) {
      const ignored = byte === 0 ? ACCESSED : byte === ENTRY_BYTES - 1 ? NO_EXECUTE : 0;
      if (((own[at + byte] ^ second[at + byte]) & ~ignored) !== 0) return root;
    }
    isAny = true;
  }
  return isAny ? root + ISOLATED : root;
}

/** The page by which a process's address space is known while its own code runs. Roots of PAE are smaller than pages; of CR3 the page counts. */
export async function spacePage(root: number, inspect: Pick<Inspection, 'readMemory'>, kind: TableKind): Promise<number> {
  const own = await userRoot(root, inspect, kind);
  return own - (own % PAGE);
}
