/** One Linux kernel that was found in memory, and what does not change in it: symbols, types, unwind tables. */
import type { CpuState, Inspection } from '../../src/monitor/inspection/queries';
import type { MemorySpace } from '../../src/monitor/machine/session';
import { littleEndian } from '../numbers';
import { SymbolFileError } from '../symbols/bytes';
import { Btf } from './btf';
import { findExports } from './exports';
import { findKernel, type KernelHint } from './kernelImage';
import { KernelMemory, textIn } from './kernelMemory';
import { isCode, KernelSymbols } from './kernelSymbols';
import { isModuleList } from './modules';
import { OrcTable } from './orc';
import { buildIdIn } from './programFit';
import { kernelRoot } from './pageTables';
import { isPrintkRing } from './printkBuffer';
import { findTaskLayout, taskLayoutOf, type TaskLayout } from './taskLayout';

/** Where Linux's image is linked to: 64-bit; and 32-bit, above the user's part (CONFIG_PHYSICAL_START is 16 MiB). */
const LINKED_64 = 0xffff_ffff_8100_0000n, LINKED_32 = 0x100_0000n;
const FINGERPRINT_BYTES = 64;
const LONGEST_BANNER = 512;
/** What exported data lie behind the symbol table, at most. */
const BEHIND_SYMBOLS = 16 * 1024 * 1024;
const LONGEST_FUNCTION = 8192n;
/** The kernel's segment of what each CPU has for itself (GDT_ENTRY_PERCPU in asm/segment.h, 32-bit). */
const PER_CPU_GDT_ENTRY = 27n;

/** Kernels with a few tasks may not show which field links threads; with many, more looking does not help. */
const MOST_SEARCHES_FOR_THREADS = 16;

/** Exported data that are looked up where the symbol table has code alone. */
const EXPORTED = ['init_task', 'current_task', '__per_cpu_offset', 'init_mm', 'mem_map', 'vmemmap_base'];

/** What is asked of a machine to find a kernel. */
export type MemoryQuestions = Pick<Inspection, 'readMemory' | 'walk'>;

/** A kernel's data, and where they are. */
export type KernelData = Pick<LinuxKernel, 'memory' | 'pointerBytes' | 'address'>;

export class LinuxKernel {
  private btfKnown: Promise<Btf | undefined> | undefined;
  private orcKnown: Promise<OrcTable | undefined> | undefined;
  private layoutKnown: Promise<TaskLayout | undefined> | undefined;
  /** How often the fields of tasks may be looked for again although they were found, but for the one that links threads. */
  private searchesLeft = MOST_SEARCHES_FOR_THREADS;
  private readonly placed = new Map<string, Promise<bigint | undefined>>();

  private constructor(
    private readonly inspect: MemoryQuestions,
    readonly symbols: KernelSymbols,
    readonly pointerBytes: 4 | 8,
    /** Bytes of code, and where they lie: as long as they are there, so is the kernel. */
    private readonly fingerprint: { readonly at: bigint; readonly bytes: Uint8Array },
    private readonly exported: ReadonlyMap<string, bigint>,
    /** 'Linux version 6.1.0-50-amd64 (…)'; empty when it was not found. */
    readonly banner: string,
    public memory: KernelMemory,
  ) {}

  /** Looks for a kernel around a handler; undefined when there is none, or its symbols cannot be read. */
  static async find(hint: KernelHint, cpu: CpuState, inspect: MemoryQuestions, signal?: AbortSignal): Promise<LinuxKernel | undefined> {
    const found = await findKernel(hint, inspect, signal);
    if (!found) return undefined;
    const probe = new KernelMemory(inspect, { kind: 'linear' }, hint.pointerBytes);
    const symbols = new KernelSymbols(found, (address) => probe.isKernelAddress(address));
    const fingerprint = { at: found.base, bytes: found.bytes.slice(0, FINGERPRINT_BYTES) };
    const space = await kernelSpace(cpu, inspect, hint.pointerBytes);
    const memory = new KernelMemory(inspect, space, hint.pointerBytes, lowestAddress(hint));
    const has = (name: string): boolean => symbols.named(name) !== undefined;
    const bytes = has('init_task') ? found.bytes : await longer(memory, found.base, found.bytes);
    const exported = findExports(bytes, found.base, hint.pointerBytes, EXPORTED.filter((name) => !has(name)));
    const bannerAt = symbols.address('linux_banner');
    const banner = bannerAt === undefined ? bannerIn(bytes) : await memory.text(bannerAt, LONGEST_BANNER);
    return new LinuxKernel(inspect, symbols, hint.pointerBytes, fingerprint, exported, (banner ?? '').trim(), memory);
  }

  /** Whether this kernel is still in memory where it was. To be called at each stop: it also takes the page tables of now. */
  async isThere(cpu: CpuState): Promise<boolean> {
    const { at, bytes } = this.fingerprint;
    const now = await this.inspect.readMemory({ kind: 'linear' }, at, bytes.length);
    if (now.length !== bytes.length || now.some((byte, i) => byte !== bytes[i])) return false;
    const space = await kernelSpace(cpu, this.inspect, this.pointerBytes);
    this.memory = new KernelMemory(this.inspect, space, this.pointerBytes, lowestAddress({ pointerBytes: this.pointerBytes, handler: at }));
    // A kernel that has just begun has too few tasks to tell their fields.
    const layout = await this.layoutKnown;
    if (!layout || (layout.threadNode === undefined && this.searchesLeft-- > 0)) this.layoutKnown = undefined;
    return true;
  }

  /** The link-time address of `_text` subtracted from the real one: how far KASLR has moved the kernel. */
  get slide(): bigint | undefined {
    const text = this.symbols.address('_text') ?? this.symbols.address('_stext');
    if (text === undefined) return undefined;
    // 32-bit kernels are linked to one of a few splits of the address space, whole multiples of 1 GiB in nearly all.
    return this.pointerBytes === 8 ? text - LINKED_64 : text - ((text >> 30n) << 30n) - LINKED_32;
  }

  /** 'Linux 6.1.0-50-amd64'. */
  get release(): string {
    return /^Linux version (\S+)/.exec(this.banner)?.[1] ?? 'unknown';
  }

  /** The address of a symbol, of code or data. */
  address(name: string): bigint | undefined {
    return this.symbols.address(name) ?? this.exported.get(name);
  }

  /** All exported data that were found without the symbol table's help. */
  get exports(): ReadonlyMap<string, bigint> {
    return this.exported;
  }

  isText(address: bigint): boolean {
    const symbol = this.symbols.at(address);
    return symbol !== undefined && isCode(symbol.kind) && this.memory.isKernelAddress(address);
  }

  /** Its build id, where the symbol table says where its notes are. */
  async buildId(): Promise<string | undefined> {
    const notes = await this.section('__start_notes', '__stop_notes');
    return notes && buildIdIn(notes);
  }

  /** The kernel's types; undefined when it was built without. */
  btf(): Promise<Btf | undefined> {
    return this.btfKnown ??= this.readBtf();
  }

  /** The unwind tables; undefined when it was built without. */
  orc(): Promise<OrcTable | undefined> {
    return this.orcKnown ??= this.readOrc();
  }

  /** The fields of tasks; undefined where they cannot be found, or not yet. */
  taskLayout(): Promise<TaskLayout | undefined> {
    return this.layoutKnown ??= this.readLayout();
  }

  /** Where the list of modules begins. */
  modulesAt(): Promise<bigint | undefined> {
    return this.data('modules', ['print_modules', 'find_module_all', 'find_module', 'm_start', 'module_kallsyms_lookup_name'],
      (address) => isModuleList(this.memory, address));
  }

  /** Where the ring buffer of the kernel's messages is. */
  async messagesAt(): Promise<bigint | undefined> {
    const pointer = await this.data('prb', ['devkmsg_read', 'kmsg_dump_rewind', 'syslog_print', 'log_buf_vmcoreinfo_setup', 'kmsg_dump_get_buffer'], async (address) => {
      const target = await this.memory.pointer(address);
      return target !== undefined && this.memory.isKernelAddress(target) && isPrintkRing(this.memory, target);
    });
    return pointer === undefined ? undefined : this.memory.pointer(pointer);
  }

  /** The address of what this CPU has for itself of a per-CPU variable. */
  async perCpu(cpu: CpuState, variable: bigint): Promise<bigint | undefined> {
    const base = this.pointerBytes === 8 ? perCpuBase64(cpu) : await this.perCpuBase32(cpu);
    return base === undefined ? undefined : BigInt.asUintN(this.pointerBytes * 8, base + variable);
  }

  /** The per-CPU variable that points to the task which a CPU runs. Since 6.2 it is the first field of pcpu_hot. */
  get currentTaskVariable(): bigint | undefined {
    return this.address('current_task') ?? this.address('pcpu_hot');
  }

  /**
   * The register whose content is what a CPU adds to the addresses of its per-CPU variables, in all of the kernel's code at an address; undefined for user code,
   * and for where the kernel is entered and left, which begins and ends with the user's segments.
   */
  perCpuRegister(code: bigint): string | undefined {
    const [start, end] = [this.address('__entry_text_start'), this.address('__entry_text_end')];
    const isEntry = start === undefined || end === undefined || (code >= start && code < end);
    if (!this.memory.isKernelAddress(code) || isEntry) return undefined;
    return this.pointerBytes === 8 ? 'gs.base' : 'fs.base';
  }

  /** The task that this CPU runs: its `struct task_struct`. */
  async currentTask(cpu: CpuState): Promise<bigint | undefined> {
    const variable = this.currentTaskVariable;
    const at = variable === undefined ? undefined : await this.perCpu(cpu, variable);
    const task = at === undefined ? undefined : await this.memory.pointer(at);
    return task !== undefined && this.memory.isKernelAddress(task) ? task : undefined;
  }

  /**
   * The place of data: by the symbol table, or where that has code alone, out of functions that use them: of all addresses in their
   * instructions the one that `holds` says it is.
   */
  private async data(name: string, users: readonly string[], holds: (address: bigint) => Promise<boolean>): Promise<bigint | undefined> {
    const known = this.address(name);
    if (known !== undefined) return known;
    let searched = this.placed.get(name);
    if (!searched) this.placed.set(name, searched = this.search(users, holds));
    return searched;
  }

  private async search(users: readonly string[], holds: (address: bigint) => Promise<boolean>): Promise<bigint | undefined> {
    const tried = new Set<bigint>();
    for (const user of users) {
      const symbol = this.symbols.named(user);
      if (!symbol) continue;
      const size = symbol.size < LONGEST_FUNCTION ? symbol.size : LONGEST_FUNCTION;
      const code = await this.memory.read(symbol.address, Number(size));
      for (let at = 0; at + 4 <= code.length; at++) {
        const word = littleEndian(code.subarray(at, at + 4));
        const address = this.pointerBytes === 8 ? BigInt.asUintN(64, BigInt.asIntN(32, word)) : word;
        if (tried.has(address) || address % BigInt(this.pointerBytes) !== 0n || !this.memory.isKernelAddress(address)) continue;
        tried.add(address);
        if (await holds(address)) return address;
      }
    }
    return undefined;
  }

  private async perCpuBase32(cpu: CpuState): Promise<bigint | undefined> {
    const gdt = cpu.control.find(({ name }) => name === 'gdtr.base')?.value;
    const descriptor = gdt === undefined ? undefined : await this.memory.number(gdt + 8n * PER_CPU_GDT_ENTRY, 8);
    if (descriptor === undefined) return undefined;
    return ((descriptor >> 16n) & 0xff_ffffn) | ((descriptor >> 32n) & 0xff00_0000n);
  }

  private async readBtf(): Promise<Btf | undefined> {
    const bytes = await this.section('__start_BTF', '__stop_BTF');
    return bytes && unlessBroken(() => Btf.parse(bytes, this.pointerBytes));
  }

  private async readOrc(): Promise<OrcTable | undefined> {
    const base = this.address('__start_orc_unwind_ip');
    const [addresses, entries] = await Promise.all([
      this.section('__start_orc_unwind_ip', '__stop_orc_unwind_ip'), this.section('__start_orc_unwind', '__stop_orc_unwind'),
    ]);
    return base === undefined || !addresses || !entries ? undefined : new OrcTable(base, addresses, entries);
  }

  private async readLayout(): Promise<TaskLayout | undefined> {
    const btf = await this.btf();
    const described = btf && unlessBroken(() => taskLayoutOf(btf));
    if (described) return described;
    const init = this.address('init_task');
    return init === undefined ? undefined : findTaskLayout(this.memory, init);
  }

  private async section(from: string, to: string): Promise<Uint8Array | undefined> {
    const [start, end] = [this.address(from), this.address(to)];
    if (start === undefined || end === undefined || end <= start || end - start > 64n * 1024n * 1024n) return undefined;
    const bytes = await this.memory.read(start, Number(end - start));
    return bytes.length === Number(end - start) ? bytes : undefined;
  }
}

/** Where the kernel's part of the addresses begins. 32-bit ones are split at a multiple of 1 GiB in nearly all kernels. */
function lowestAddress({ pointerBytes, handler }: KernelHint): bigint {
  return pointerBytes === 8 ? 0xffff_8000_0000_0000n : (handler >> 30n) << 30n;
}

/** What a broken part of the kernel's tables gives: nothing. */
export function unlessBroken<Answer>(question: () => Answer): Answer | undefined {
  try {
    return question();
  } catch (error) {
    if (error instanceof SymbolFileError) return undefined;
    throw error;
  }
}

/** Page tables under which the kernel's data can be read: those of now, unless a process runs with tables that are isolated from the kernel. */
async function kernelSpace(cpu: CpuState, inspect: MemoryQuestions, pointerBytes: 4 | 8): Promise<MemorySpace> {
  const kernel = await kernelRoot(cpu, inspect, pointerBytes);
  return kernel === undefined ? { kind: 'linear' } : { kind: 'linearUnder', cr3: kernel };
}

/** GS leads to what the CPU has for itself, or does so after the SWAPGS that the kernel begins with. */
function perCpuBase64(cpu: CpuState): bigint | undefined {
  const isKernel = (address: bigint | undefined): address is bigint => address !== undefined && address >= 0xffff_8000_0000_0000n;
  const gs = cpu.segments.find(({ name }) => name === 'gs')?.base;
  const swapped = cpu.msrs.find(({ name }) => name === 'ia32_kernel_gs_base')?.value;
  return [gs, swapped].find(isKernel);
}

async function longer(memory: KernelMemory, base: bigint, bytes: Uint8Array): Promise<Uint8Array> {
  const behind = await memory.read(base + BigInt(bytes.length), BEHIND_SYMBOLS);
  const all = new Uint8Array(bytes.length + behind.length);
  all.set(bytes);
  all.set(behind, bytes.length);
  return all;
}

/** The banner in the image. It has forms without the number of the build, and formats with '%s'. */
function bannerIn(bytes: Uint8Array): string | undefined {
  const wanted = new TextEncoder().encode('Linux version ');
  let first: string | undefined;
  for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
    if (!wanted.every((byte, i) => bytes[at + i] === byte)) continue;
    const text = textIn(bytes.subarray(at, at + LONGEST_BANNER));
    if (/^Linux version \d.* #\d/.test(text)) return text;
    if (/^Linux version \d/.test(text)) first ??= text;
  }
  return first;
}
