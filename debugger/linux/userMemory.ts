/**
 * What of a process's memory comes from which file: its areas (`struct vm_area_struct`), in a maple tree since 6.1 and in a list before, and
 * the path of an area's file through directories and mounts.
 */
import { littleEndian } from '../numbers';
import { memberNamed, stripType, type RecordType } from '../symbols/types';
import type { Btf } from './btf';
import type { KernelMemory } from './kernelMemory';

/** Offsets in bytes, by structure. */
export interface UserLayout {
  /** Of `struct mm_struct`: the root of the tree, or the first area of the list. */
  readonly tree: number | undefined;
  readonly list: number | undefined;
  readonly area: { readonly start: number; readonly end: number; readonly next: number | undefined; readonly page: number; readonly file: number; readonly flags: number };
  /** Of `struct file`: its mount and directory entry. */
  readonly file: { readonly mount: number; readonly entry: number };
  readonly entry: { readonly parent: number; readonly name: number };
  /** Of `struct mount`. */
  readonly mount: { readonly parent: number; readonly point: number; readonly inner: number; readonly root: number };
}

/** An area of a file. */
export interface FileArea {
  readonly path: string;
  /** Where the address is in the file. */
  readonly offset: bigint;
}

const MOST_AREAS = 65_536, MOST_PARTS = 64, DEEPEST_TREE = 16;
const NAME_BYTES = 256;
const PAGE = 4096n;

/** Nodes of maple trees (include/linux/maple_tree.h): pivots behind the parent, then slots. Their type is in the address's bits 3 to 6. */
const NODE_BYTES = 256n;
const SLOTS = { 4: { leaf: 32, range: 32, allocation: 21 }, 8: { leaf: 16, range: 16, allocation: 10 } } as const;
const LEAF = 1n, RANGE = 2n, ALLOCATION = 3n;

/** The layout by the kernel's types. */
export function userLayoutOf(btf: Btf): UserLayout | undefined {
  const path = (tag: string, ...names: string[]): number | undefined => {
    let record: RecordType | undefined = btf.record(tag);
    let offset = 0;
    for (const name of names) {
      const member = record && memberNamed(record, name);
      if (!member) return undefined;
      offset += member.offset;
      const type = stripType(member.type);
      record = 'members' in type ? type : undefined;
    }
    return offset;
  };
  const [start, end, page, file, flags] = ['vm_start', 'vm_end', 'vm_pgoff', 'vm_file', 'vm_flags'].map((name) => path('vm_area_struct', name));
  const [mount, entry] = ['mnt', 'dentry'].map((name) => path('file', 'f_path', name));
  const [parent, name] = [path('dentry', 'd_parent'), path('dentry', 'd_name', 'name')];
  const [mountParent, point, inner, root] = [path('mount', 'mnt_parent'), path('mount', 'mnt_mountpoint'), path('mount', 'mnt'), path('vfsmount', 'mnt_root')];
  if (start === undefined || end === undefined || page === undefined || file === undefined || flags === undefined || mount === undefined || entry === undefined) return undefined;
  if (parent === undefined || name === undefined || mountParent === undefined || point === undefined || inner === undefined || root === undefined) return undefined;
  return {
    tree: path('mm_struct', 'mm_mt', 'ma_root'), list: path('mm_struct', 'mmap'),
    area: { start, end, page, file, flags, next: path('vm_area_struct', 'vm_next') },
    file: { mount, entry }, entry: { parent, name }, mount: { parent: mountParent, point, inner, root },
  };
}

/** The layout of 32-bit kernels 6.1 to 6.3 without types; page protections have 8 bytes with PAE. */
export function userLayout32(isPae: boolean): UserLayout {
  const more = isPae ? 4 : 0;
  return {
    tree: 4, list: undefined,
    area: { start: 0, end: 4, next: undefined, page: 52 + more, file: 56 + more, flags: 16 + more },
    file: { mount: 8, entry: 12 }, entry: { parent: 16, name: 28 }, mount: { parent: 8, point: 12, inner: 16, root: 0 },
  };
}

/** The file that an address of a process comes from; undefined for memory of no file, and where nothing is mapped. */
export async function fileAreaAt(memory: KernelMemory, layout: UserLayout, mm: bigint, address: bigint): Promise<FileArea | undefined> {
  const opened = await openedAt(memory, layout, mm, address);
  if (!opened) return undefined;
  const path = await pathOf(memory, layout, opened.file);
  return path === undefined ? undefined : { path, offset: opened.offset };
}

/** An open file (linear address of its `struct file`), and a place in it. */
export interface OpenedAt {
  readonly file: bigint;
  readonly offset: bigint;
}

/** The same, before the file has a name. */
export async function openedAt(memory: KernelMemory, layout: UserLayout, mm: bigint, address: bigint): Promise<OpenedAt | undefined> {
  const area = layout.tree === undefined ? await inList(memory, layout, mm, address) : await inTree(memory, mm + BigInt(layout.tree), address);
  if (area === undefined || !memory.isKernelAddress(area)) return undefined;
  const { start, end, page, file } = layout.area;
  const [from, to, first, opened] = await Promise.all([start, end, page, file].map((offset) => memory.pointer(area + BigInt(offset))));
  if (from === undefined || to === undefined || first === undefined || opened === undefined) return undefined;
  if (address < from || address >= to || !memory.isKernelAddress(opened)) return undefined;
  return { file: opened, offset: address - from + first * PAGE };
}

/** A file that is in a process's memory, and the lowest address of it. */
export interface MappedFile {
  readonly path: string;
  readonly lowest: bigint;
}

/** The files in a process's memory, in the order of their addresses. */
export async function mappedFiles(memory: KernelMemory, layout: UserLayout, mm: bigint): Promise<MappedFile[]> {
  const found = new Map<bigint, bigint>();
  for (const area of await areasOf(memory, layout, mm)) {
    const [start, opened] = await Promise.all([layout.area.start, layout.area.file].map((offset) => memory.pointer(area + BigInt(offset))));
    if (start === undefined || opened === undefined || !memory.isKernelAddress(opened)) continue;
    const lowest = found.get(opened);
    if (lowest === undefined || start < lowest) found.set(opened, start);
  }
  const byPath = new Map<string, bigint>();
  for (const [opened, lowest] of found) {
    const path = await pathOf(memory, layout, opened);
    // Each mapping of a file may have opened it on its own.
    if (path !== undefined && lowest < (byPath.get(path) ?? lowest + 1n)) byPath.set(path, lowest);
  }
  return [...byPath].map(([path, lowest]) => ({ path, lowest })).sort((a, b) => (a.lowest < b.lowest ? -1 : 1));
}

/** All areas of a process. */
async function areasOf(memory: KernelMemory, layout: UserLayout, mm: bigint): Promise<bigint[]> {
  const areas: bigint[] = [];
  if (layout.tree !== undefined) {
    const root = await memory.pointer(mm + BigInt(layout.tree));
    if (root !== undefined) await collect(memory, root, (1n << BigInt(8 * memory.pointerBytes)) - 1n, areas, 0);
    return areas;
  }
  if (layout.list === undefined || layout.area.next === undefined) return areas;
  for (let at = await memory.pointer(mm + BigInt(layout.list)); at !== undefined && at !== 0n && areas.length < MOST_AREAS;) {
    areas.push(at);
    at = await memory.pointer(at + BigInt(layout.area.next));
  }
  return areas;
}

/** What hangs on a node of a maple tree that is for addresses up to `last`. */
async function collect(memory: KernelMemory, pointer: bigint, last: bigint, areas: bigint[], depth: number): Promise<void> {
  const node = depth < DEEPEST_TREE && memory.isKernelAddress(pointer) ? await nodeAt(memory, pointer) : undefined;
  if (!node) return;
  for (let slot = 0; slot < node.slots && areas.length < MOST_AREAS; slot++) {
    const pivot = slot < node.slots - 1 ? node.field(1 + slot) : 0n;
    const end = pivot === 0n || pivot > last ? last : pivot;
    const next = node.field(node.slots + slot);
    if (node.isLeaf && memory.isKernelAddress(next)) areas.push(next);
    else if (!node.isLeaf) await collect(memory, next, end, areas, depth + 1);
    // Behind the last slot that is used there may be anything.
    if (end === last) return;
  }
}

interface TreeNode {
  readonly slots: number;
  readonly isLeaf: boolean;
  /** Words of it: its parent, pivots, slots. */
  field(index: number): bigint;
}

async function nodeAt(memory: KernelMemory, pointer: bigint): Promise<TreeNode | undefined> {
  const word = memory.pointerBytes;
  const type = (pointer >> 3n) & 15n;
  const slots = type === ALLOCATION ? SLOTS[word].allocation : type === RANGE ? SLOTS[word].range : type === LEAF ? SLOTS[word].leaf : 0;
  const bytes = await memory.read(pointer - (pointer % NODE_BYTES), Number(NODE_BYTES));
  if (slots === 0 || bytes.length < Number(NODE_BYTES)) return undefined;
  return { slots, isLeaf: type === LEAF, field: (index) => littleEndian(bytes.subarray(index * word, (index + 1) * word)) };
}

async function inList(memory: KernelMemory, { list, area }: UserLayout, mm: bigint, address: bigint): Promise<bigint | undefined> {
  if (list === undefined || area.next === undefined) return undefined;
  let at = await memory.pointer(mm + BigInt(list));
  for (let n = 0; n < MOST_AREAS && at !== undefined && at !== 0n; n++) {
    const end = await memory.pointer(at + BigInt(area.end));
    if (end === undefined || address < end) return end === undefined ? undefined : at;
    at = await memory.pointer(at + BigInt(area.next));
  }
  return undefined;
}

async function inTree(memory: KernelMemory, rootAt: bigint, address: bigint): Promise<bigint | undefined> {
  let pointer = await memory.pointer(rootAt);
  for (let depth = 0; depth < DEEPEST_TREE && pointer !== undefined && memory.isKernelAddress(pointer); depth++) {
    const node = await nodeAt(memory, pointer);
    if (!node) return undefined;
    const { slots, field } = node;
    let slot = 0;
    // A pivot is the last address of its slot; one that is 0 stands behind the last.
    while (slot < slots - 1 && address > field(1 + slot) && (slot === 0 || field(1 + slot) !== 0n)) slot++;
    const next = field(slots + slot);
    if (node.isLeaf) return next;
    pointer = next;
  }
  return undefined;
}

/** '/usr/bin/busybox': names up to the root of the file system, then up from where that is mounted. */
async function pathOf(memory: KernelMemory, layout: UserLayout, file: bigint): Promise<string | undefined> {
  const at = async (base: bigint, offset: number): Promise<bigint> => (await memory.pointer(base + BigInt(offset))) ?? 0n;
  let mount = (await at(file, layout.file.mount)) - BigInt(layout.mount.inner);
  let entry = await at(file, layout.file.entry);
  let path = '';
  for (let part = 0; part < MOST_PARTS && memory.isKernelAddress(entry) && memory.isKernelAddress(mount); part++) {
    if (entry === await at(mount, layout.mount.inner + layout.mount.root)) {
      const parent = await at(mount, layout.mount.parent);
      if (parent === mount) return path === '' ? '/' : path;
      entry = await at(mount, layout.mount.point);
      mount = parent;
      continue;
    }
    const parent = await at(entry, layout.entry.parent);
    const name = await memory.text(await at(entry, layout.entry.name), NAME_BYTES);
    if (name === undefined) return undefined;
    // An entry without a parent is of a file system that is mounted nowhere (memory files, what has been deleted).
    if (parent === entry) return path === '' ? name : path;
    path = `/${name}${path}`;
    entry = parent;
  }
  return undefined;
}
