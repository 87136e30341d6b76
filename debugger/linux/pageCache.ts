/**
 * The kernel's page cache: where in memory the pages of a file are, whether or not a process has them mapped. An inode's pages hang on
 * an xarray (include/linux/xarray.h), by their number in the file.
 */
import { littleEndian } from '../numbers';
import { memberNamed } from '../symbols/types';
import type { Btf } from './btf';
import type { KernelMemory } from './kernelMemory';
import type { KernelData } from './linuxKernel';

/** Offsets and sizes in bytes, by structure. */
export interface CacheLayout {
  /** Of `struct file`: its inode. */
  readonly inode: number;
  /** Of `struct inode`: its mapping. */
  readonly mapping: number;
  /** Of `struct address_space`: the head of the xarray with its pages. */
  readonly head: number;
  /** Of `struct xa_node`. */
  readonly node: { readonly shift: number; readonly slots: number };
  readonly page: { readonly mapping: number; readonly index: number; readonly size: number };
}

const PAGE = 4096n;
const SLOTS = 64n;
const DEEPEST = 16;
/** The low bits of an entry, and what they are in one that leads to a node or says something of its slot. */
const TAGS = 3n, INTERNAL = 2n;
/** Pages that one entry stands for at most: a folio of 2 MiB. */
const LARGEST_FOLIO = 512n;
/** Where 64-bit kernels have their array of `struct page` when they do not move it (Documentation/x86/x86_64/mm.rst). */
const FIXED_PAGES = 0xffff_ea00_0000_0000n;

/** The layout by the kernel's types. */
export function cacheLayoutOf(btf: Btf): CacheLayout | undefined {
  const offset = (tag: string, name: string): number | undefined => {
    const record = btf.record(tag);
    return record && memberNamed(record, name)?.offset;
  };
  const [inode, mapping] = [offset('file', 'f_inode'), offset('inode', 'i_mapping')];
  const [pages, head] = [offset('address_space', 'i_pages'), offset('xarray', 'xa_head')];
  const [shift, slots] = [offset('xa_node', 'shift'), offset('xa_node', 'slots')];
  // A folio's first page is the folio, and says more of it in kernels to come.
  const [owner, index] = ['mapping', 'index'].map((name) => offset('folio', name) ?? offset('page', name));
  const size = btf.record('page')?.size;
  if (inode === undefined || mapping === undefined || pages === undefined || head === undefined || shift === undefined || slots === undefined) return undefined;
  if (owner === undefined || index === undefined || size === undefined) return undefined;
  return { inode, mapping, head: pages + head, node: { shift, slots }, page: { mapping: owner, index, size } };
}

/** The layout of 32-bit kernels 6.1 to 6.3 without types. */
export const CACHE_LAYOUT_32: CacheLayout = {
  inode: 16, mapping: 32, head: 12, node: { shift: 0, slots: 20 }, page: { mapping: 12, index: 16, size: 40 },
};

/**
 * The guest-physical address of a page of a file.
 * @param file linear address of its `struct file`
 * @param index the page's number in the file
 * @returns undefined where the page is not in memory
 */
export async function cachedPage(kernel: KernelData, layout: CacheLayout, file: bigint, index: bigint): Promise<bigint | undefined> {
  const { memory } = kernel;
  const follow = async (at: bigint | undefined, offset: number): Promise<bigint | undefined> => {
    const target = at === undefined ? undefined : await memory.pointer(at + BigInt(offset));
    return target !== undefined && memory.isKernelAddress(target) ? target : undefined;
  };
  const mapping = await follow(await follow(file, layout.inode), layout.mapping);
  const page = mapping && await entryOf(kernel, layout, mapping, index);
  if (page === undefined || !memory.isKernelAddress(page)) return undefined;
  const [owner, first] = await Promise.all([layout.page.mapping, layout.page.index].map((offset) => memory.pointer(page + BigInt(offset))));
  // Of pages that belong together the first stands for all.
  if (owner !== mapping || first === undefined || index < first || index - first >= LARGEST_FOLIO) return undefined;
  const pages = await pagesAt(kernel);
  return pages === undefined || page < pages ? undefined : ((page - pages) / BigInt(layout.page.size) + index - first) * PAGE;
}

/** The entry for a page: the address of its `struct page`, where the page is in memory. */
async function entryOf({ memory }: KernelData, layout: CacheLayout, mapping: bigint, index: bigint): Promise<bigint | undefined> {
  let entry = await memory.pointer(mapping + BigInt(layout.head));
  let isFirst = true;
  for (let depth = 0; depth < DEEPEST && isNode(memory, entry); depth++) {
    const node = entry - INTERNAL;
    const shift = littleEndian(await memory.read(node + BigInt(layout.node.shift), 1));
    const number = index >> shift;
    if (isFirst && number >= SLOTS) return undefined;
    isFirst = false;
    const slot = (at: bigint): Promise<bigint | undefined> => memory.pointer(node + BigInt(layout.node.slots) + at * BigInt(memory.pointerBytes));
    entry = await slot(number % SLOTS);
    // A sibling names the slot that has the entry for both.
    if (entry !== undefined && (entry & TAGS) === INTERNAL && entry >> 2n < SLOTS) entry = await slot(entry >> 2n);
  }
  // A single page hangs on the head itself: the file's first.
  return isFirst && index !== 0n ? undefined : entry;
}

function isNode(memory: KernelMemory, entry: bigint | undefined): entry is bigint {
  return entry !== undefined && (entry & TAGS) === INTERNAL && memory.isKernelAddress(entry);
}

/** Where the `struct page` of the first page of memory is, as if there were one for each page. */
async function pagesAt(kernel: KernelData): Promise<bigint | undefined> {
  const variable = kernel.address(kernel.pointerBytes === 8 ? 'vmemmap_base' : 'mem_map');
  if (variable === undefined) return kernel.pointerBytes === 8 ? FIXED_PAGES : undefined;
  return kernel.memory.pointer(variable);
}
