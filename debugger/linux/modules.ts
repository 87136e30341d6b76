/**
 * The kernel's loaded modules: the list of `struct module`, and the symbols of each, which the kernel keeps for its own backtraces.
 * Names lie behind the list's links in all kernels; the rest comes from BTF, or is found by what it must look like.
 */
import { littleEndian } from '../numbers';
import { memberNamed, sizeOf, stripType, type RecordType } from '../symbols/types';
import type { Btf } from './btf';
import { textIn, type KernelMemory } from './kernelMemory';
import type { KallsymsTable } from './kallsyms';
import { OrcTable } from './orc';

export interface KernelModule {
  /** Linear address of its `struct module`. */
  readonly at: bigint;
  readonly name: string;
  /** Where its code and data begin, and how many bytes there are, as /proc/modules says. */
  readonly base: bigint;
  readonly size: number;
  /** The parts of it, which lie apart from one another since 6.4. */
  readonly parts: readonly { readonly base: bigint; readonly size: number }[];
  readonly symbols: KallsymsTable;
}

interface Layout {
  /** Of the parts that are in memory: where the address and the size are. */
  readonly parts: readonly { readonly base: number; readonly size: number }[];
  readonly kallsyms: number;
}

const NAME_BYTES = 56;
const MOST_MODULES = 4096;
const MOST_SYMBOLS = 200_000;
const LARGEST_MODULE = 256 * 1024 * 1024;
/** Bytes of an unwind entry. */
const ORC_BYTES = 6;
/** Bytes of `struct module` that are looked through where there is no BTF. */
const SEARCHED = 640;
/** Bytes from core_layout to the end of init_layout, at most. */
const BETWEEN_LAYOUTS = 160;
/** Undefined and absolute symbols belong to no section of the module (ELF: SHN_UNDEF, SHN_LORESERVE and up). */
const UNDEFINED_SECTION = 0, FIRST_RESERVED_SECTION = 0xff00;

/** Whether a list that begins at `head` may be the kernel's list of modules, which may be empty. */
export async function isModuleList(memory: KernelMemory, head: bigint): Promise<boolean> {
  const word = BigInt(memory.pointerBytes);
  const [next, previous] = [await memory.pointer(head), await memory.pointer(head + word)];
  if (next === undefined || previous === undefined) return false;
  if (next === head && previous === head) return true;
  if (!memory.isKernelAddress(next) || next % word !== 0n || (await memory.pointer(next + word)) !== head) return false;
  return /^\w[\w-]+$/.test((await memory.text(next + 2n * word, NAME_BYTES)) ?? '');
}

/**
 * The modules, newest first, as the list has them.
 * @param known modules of before: what is still there is not read again
 */
export async function kernelModules(
  memory: KernelMemory, btf: Btf | undefined, head: bigint, known: readonly KernelModule[] = [],
): Promise<KernelModule[]> {
  const word = memory.pointerBytes;
  const modules: KernelModule[] = [];
  for (let link = await memory.pointer(head); link !== undefined && link !== head && modules.length < MOST_MODULES; link = await memory.pointer(link)) {
    // The list's links are behind the state, which is as long as a pointer with its padding.
    const at = link - BigInt(word);
    const name = await memory.text(link + BigInt(2 * word), NAME_BYTES);
    if (name === undefined || name === '') break;
    const layout = (btf && layoutOf(btf)) ?? await findLayout(memory, at);
    const parts = layout ? await partsOf(memory, at, layout) : [];
    const old = known.find((module) => module.at === at && module.name === name && samePlaces(module.parts, parts));
    if (old) {
      modules.push(old);
      continue;
    }
    const base = parts.reduce((low, part) => (low === 0n || part.base < low ? part.base : low), 0n);
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const symbols = layout ? await symbolsOf(memory, at + BigInt(layout.kallsyms)) : undefined;
    modules.push({ at, name, base, size, parts, symbols: symbols ?? { addresses: new BigUint64Array(0), kinds: '', names: [] } });
  }
  return modules;
}

function samePlaces(some: KernelModule['parts'], others: KernelModule['parts']): boolean {
  return some.length === others.length && some.every(({ base, size }, i) => base === others[i].base && size === others[i].size);
}

/** A module's own unwind tables (`struct mod_arch_specific`), by the kernel's types; undefined when it has none. */
export async function moduleOrc(memory: KernelMemory, btf: Btf, { at }: KernelModule): Promise<OrcTable | undefined> {
  const module = btf.record('module');
  const arch = module && memberNamed(module, 'arch');
  const type = arch && stripType(arch.type);
  if (!arch || !type || !('members' in type)) return undefined;
  const [count, addresses, entries] = await Promise.all(['num_orcs', 'orc_unwind_ip', 'orc_unwind'].map(async (name) => {
    const member = memberNamed(type, name);
    return member && memory.number(at + BigInt(arch.offset + member.offset), sizeOf(member.type));
  }));
  if (count === undefined || count === 0n || count > MOST_SYMBOLS || addresses === undefined || entries === undefined) return undefined;
  const [places, rows] = await Promise.all([memory.read(addresses, 4 * Number(count)), memory.read(entries, ORC_BYTES * Number(count))]);
  return new OrcTable(addresses, places, rows);
}

async function partsOf(memory: KernelMemory, at: bigint, layout: Layout): Promise<{ base: bigint; size: number }[]> {
  const parts = await Promise.all(layout.parts.map(async ({ base, size }) => ({
    base: (await memory.pointer(at + BigInt(base))) ?? 0n, size: Number((await memory.number(at + BigInt(size), 4)) ?? 0n),
  })));
  return parts.filter(({ base, size }) => base !== 0n && size > 0 && size <= LARGEST_MODULE);
}

function layoutOf(btf: Btf): Layout | undefined {
  const module = btf.record('module');
  const kallsyms = module && memberNamed(module, 'kallsyms');
  if (!module || !kallsyms) return undefined;
  const parts = [...(['core_layout', 'init_layout'].flatMap((name) => partAt(module, name))), ...partArray(module)];
  return parts.length === 0 ? undefined : { parts, kallsyms: kallsyms.offset };
}

/** `struct module_layout`, to 6.3. */
function partAt(module: RecordType, name: string): Layout['parts'] {
  const member = memberNamed(module, name);
  return member ? addressAndSize(stripType(member.type), member.offset) : [];
}

/** An array of `struct module_memory`, since 6.4. */
function partArray(module: RecordType): Layout['parts'] {
  const member = memberNamed(module, 'mem');
  const type = member && stripType(member.type);
  if (!member || type?.kind !== 'array') return [];
  const element = stripType(type.element);
  return Array.from({ length: type.dimensions[0] ?? 0 }, (_, i) => addressAndSize(element, member.offset + i * sizeOf(element))).flat();
}

function addressAndSize(type: ReturnType<typeof stripType>, offset: number): Layout['parts'] {
  if (!('members' in type)) return [];
  const [base, size] = [memberNamed(type, 'base'), memberNamed(type, 'size')];
  return base && size ? [{ base: offset + base.offset, size: offset + size.offset }] : [];
}

/**
 * Without BTF (to 6.3): core_layout is the first address of a page with sizes behind it, of all, of the code, and so on, each at most as
 * large as the next; init_layout is of the same form and stands behind it, empty once the module is initialised. kallsyms points into
 * `struct module` itself, which lies in the module's own data, or until then into the initialising part.
 */
async function findLayout(memory: KernelMemory, at: bigint): Promise<Layout | undefined> {
  const word = memory.pointerBytes;
  const bytes = await memory.read(at, SEARCHED);
  const field = (offset: number, size: number): bigint => littleEndian(bytes.subarray(offset, offset + size));
  const within = (address: bigint, offset: number): boolean => address >= field(offset, word) && address < field(offset, word) + field(offset + word, 4);
  const findPart = (from: number, to: number): number | undefined => {
    for (let offset = from; offset + word + 16 <= to; offset += word) {
      const base = field(offset, word);
      const [size, code, readOnly, readOnlyLater] = [0, 4, 8, 12].map((more) => Number(field(offset + word + more, 4)));
      const isPart = base !== 0n && base % 4096n === 0n && memory.isKernelAddress(base) && size > 0 && size <= LARGEST_MODULE && size % 4096 === 0
        && code > 0 && code <= readOnly && readOnly <= readOnlyLater && readOnlyLater <= size;
      if (isPart) return offset;
    }
    return undefined;
  };
  const core = findPart(2 * word + NAME_BYTES, bytes.length);
  if (core === undefined || !within(at, core)) return undefined;
  const initial = findPart(core + word + 16, Math.min(bytes.length, core + BETWEEN_LAYOUTS));
  for (let pointer = core + word; pointer + word <= bytes.length; pointer += word) {
    const target = field(pointer, word);
    const isPlace = (target > at && target < at + 4096n) || (initial !== undefined && within(target, initial));
    if (!isPlace || !(await symbolsOf(memory, at + BigInt(pointer)))) continue;
    return { parts: [core, ...(initial === undefined ? [] : [initial])].map((base) => ({ base, size: base + word })), kallsyms: pointer };
  }
  return undefined;
}

/** The symbols that a `struct mod_kallsyms *` leads to: an ELF symbol table, its strings, and `nm`'s letters. */
async function symbolsOf(memory: KernelMemory, pointerAt: bigint): Promise<KallsymsTable | undefined> {
  const word = memory.pointerBytes;
  const at = await memory.pointer(pointerAt);
  if (at === undefined || !memory.isKernelAddress(at)) return undefined;
  const [table, count, strings, letters] = await Promise.all([
    memory.pointer(at), memory.number(at + BigInt(word), 4), memory.pointer(at + BigInt(2 * word)), memory.pointer(at + BigInt(3 * word)),
  ]);
  if (table === undefined || count === undefined || strings === undefined || letters === undefined) return undefined;
  if (![table, strings].every((address) => memory.isKernelAddress(address)) || count < 1n || count > MOST_SYMBOLS) return undefined;
  const symbolBytes = word === 8 ? 24 : 16;
  const bytes = await memory.read(table, Number(count) * symbolBytes);
  if (bytes.length < Number(count) * symbolBytes) return undefined;
  const kinds = memory.isKernelAddress(letters) ? await memory.read(letters, Number(count)) : new Uint8Array(0);
  const found: { name: string; address: bigint; kind: string }[] = [];
  const texts = await stringsUpTo(memory, strings, bytes, symbolBytes);
  for (let index = 0; index < Number(count); index++) {
    const symbol = bytes.subarray(index * symbolBytes, (index + 1) * symbolBytes);
    const section = Number(littleEndian(symbol.subarray(word === 8 ? 6 : 14, word === 8 ? 8 : 16)));
    const name = textIn(texts.subarray(Number(littleEndian(symbol.subarray(0, 4)))));
    if (name === '' || section === UNDEFINED_SECTION || section >= FIRST_RESERVED_SECTION) continue;
    const address = word === 8 ? littleEndian(symbol.subarray(8, 16)) : littleEndian(symbol.subarray(4, 8));
    found.push({ name, address, kind: kinds.length > index ? String.fromCharCode(kinds[index]) : 't' });
  }
  found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return {
    addresses: BigUint64Array.from(found, ({ address }) => address),
    names: found.map(({ name }) => name),
    kinds: found.map(({ kind }) => kind).join(''),
  };
}

/** All strings that a symbol table names: up to the last one's NUL. */
async function stringsUpTo(memory: KernelMemory, strings: bigint, table: Uint8Array, symbolBytes: number): Promise<Uint8Array> {
  let last = 0;
  for (let at = 0; at < table.length; at += symbolBytes) last = Math.max(last, Number(littleEndian(table.subarray(at, at + 4))));
  return last > MOST_SYMBOLS * 64 ? new Uint8Array(0) : memory.read(strings, last + 512);
}
