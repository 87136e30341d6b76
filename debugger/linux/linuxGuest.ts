/**
 * The Linux that runs in the machine, if one does: found when somebody looks, remembered as long as it is there, and asked anew at each
 * stop for what changes.
 */
import type { CpuState, Inspection } from '../../src/monitor/inspection/queries';
import type { MemorySpace } from '../../src/monitor/machine/session';
import type { RenewalPlace } from '../breakpoints';
import type { SimplePlace } from '../conditions/variablePlaces';
import { hex, toLittleEndian } from '../numbers';
import type { Image } from '../image';
import type { Frame, UnwoundCaller } from '../unwinder';
import { DESCRIBED_TASK, type PlacedImage, type SourceVariable, type SymbolSource } from '../symbolSource';
import type { NamedSymbol } from '../symbols/symbol-table';
import type { Type } from '../symbols/types';
import type { Target } from '../target';
import type { Btf } from './btf';
import { codeArrivals } from './codeArrivals';
import { kernelHint } from './kernelImage';
import { kernelCaller } from './kernelStack';
import { isCode, KernelSymbols, type KernelSymbol } from './kernelSymbols';
import { LinuxKernel, unlessBroken, type MemoryQuestions } from './linuxKernel';
import { kernelModules, moduleOrc, type KernelModule } from './modules';
import type { OrcTable } from './orc';
import type { ProcessSymbols } from './processSymbols';
import { processOf } from './tasks';
import { fileAreaAt, userLayout32, userLayoutOf, type UserLayout } from './userMemory';
import { KERNEL_VARIABLES } from './variables';

/** What the session wants to hear of. */
export interface LinuxListener {
  /** A kernel was found, and its symbols can be asked for. */
  found(): void;
  modulesChanged(loaded: readonly KernelModule[], gone: readonly KernelModule[]): void;
  /** Symbol files of the kernel or of programs have come or gone, or are in other address spaces now. */
  programsChanged(loaded: readonly Image[], gone: readonly Image[]): void;
}

/** A kernel, and what was found out about it at this stop. */
export interface LinuxMoment {
  readonly kernel: LinuxKernel;
  readonly btf: Btf | undefined;
  readonly modules: readonly KernelModule[];
  /** The CPU whose turn it is. */
  readonly cpu: CpuMoment;
  /** All of them, by their numbers. */
  readonly cpus: readonly CpuMoment[];
}

/** One CPU, and what the kernel has for it. */
export interface CpuMoment {
  readonly state: CpuState;
  /** Where the variables begin that each CPU has for itself, as an offset to their addresses. */
  readonly perCpuBase: bigint | undefined;
  /** The task that it runs; undefined for a CPU that the kernel has not started. */
  readonly task: bigint | undefined;
}

/** What is asked of the machine under the debugger. */
export interface MachineQuestions extends Pick<Target, 'stands' | 'cpu'> {
  readonly inspect: MemoryQuestions & Pick<Inspection, 'cpu'>;
}

interface ModuleSymbols {
  readonly module: KernelModule;
  readonly symbols: KernelSymbols;
}

const HANDLER_BYTES = 16;
const LONGEST_FUNCTION = 0x10000n;

export class LinuxGuest implements SymbolSource {
  private kernel: LinuxKernel | undefined;
  /** What stood where a search found no kernel, so that it is not searched again. */
  private notLinux: string | undefined;
  private looked: Promise<LinuxMoment | undefined> | undefined;
  private controller = new AbortController();
  private moment: LinuxMoment | undefined;
  private moduleSymbols: readonly ModuleSymbols[] = [];
  private readonly moduleTables = new WeakMap<KernelModule, Promise<OrcTable | undefined>>();

  constructor(
    private readonly target: MachineQuestions,
    private readonly listener: LinuxListener,
    /** Finds symbol files of what runs. */
    private readonly programs?: ProcessSymbols,
  ) {}

  /** The machine goes, or was changed: look anew when asked. A search that is under way ends. */
  forget(): void {
    this.looked = undefined;
    this.controller.abort();
    this.controller = new AbortController();
  }

  async ready(): Promise<void> {
    await this.look();
  }

  /**
   * What there is of Linux where the machine stands; undefined for other guests, and before the kernel has set up its interrupt
   * handlers. While the machine runs, what was found last.
   */
  async look(): Promise<LinuxMoment | undefined> {
    if (!this.target.stands) return this.moment;
    this.looked ??= this.find(this.controller.signal).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'AbortError') return undefined;
      throw error;
    });
    return this.looked;
  }

  private async find(signal: AbortSignal): Promise<LinuxMoment | undefined> {
    const cpu = await this.target.cpu();
    if (!this.kernel || !(await this.kernel.isThere(cpu))) this.kernel = await this.search(cpu, signal);
    const { kernel } = this;
    if (!kernel) {
      this.moment = undefined;
      this.takeModules([]);
      await this.takePrograms(undefined, signal);
      return undefined;
    }
    const isNew = this.moment?.kernel !== kernel;
    const btf = await kernel.btf();
    const list = await kernel.modulesAt();
    signal.throwIfAborted();
    const known = this.moduleSymbols.map(({ module }) => module);
    this.takeModules(list === undefined ? [] : await kernelModules(kernel.memory, btf, list, known));
    const cpus = await this.cpus(kernel, cpu);
    this.moment = { kernel, btf, modules: this.moduleSymbols.map(({ module }) => module), cpu: cpus[cpu.processor.index], cpus };
    if (isNew) this.listener.found();
    await this.takePrograms(this.moment, signal);
    return this.moment;
  }

  private async cpus(kernel: LinuxKernel, current: CpuState): Promise<CpuMoment[]> {
    const { index: turn, count } = current.processor;
    return Promise.all(Array.from({ length: count }, async (_, index) => {
      const state = index === turn ? current : await this.target.inspect.cpu(index);
      return { state, perCpuBase: await kernel.perCpu(state, 0n), task: await kernel.currentTask(state) };
    }));
  }

  private async search(cpu: CpuState, signal: AbortSignal): Promise<LinuxKernel | undefined> {
    const { inspect } = this.target;
    const hint = await kernelHint(cpu, inspect);
    if (!hint) return undefined;
    const code = await inspect.readMemory({ kind: 'linear' }, hint.handler, HANDLER_BYTES);
    const here = `${hint.handler} ${code.join()}`;
    if (code.length < HANDLER_BYTES || here === this.notLinux) return undefined;
    const found = await LinuxKernel.find(hint, cpu, inspect, signal);
    this.notLinux = found ? undefined : here;
    return found;
  }

  private takeModules(modules: readonly KernelModule[]): void {
    const before = this.moduleSymbols;
    const loaded = modules.filter((module) => !before.some((old) => isSame(old.module, module)));
    const gone = before.map(({ module }) => module).filter((old) => !modules.some((module) => isSame(old, module)));
    this.moduleSymbols = modules.map((module) => before.find((old) => old.module === module)
      ?? { module, symbols: new KernelSymbols(module.symbols, () => true) });
    if (loaded.length > 0 || gone.length > 0) this.listener.modulesChanged(loaded, gone);
  }

  private async takePrograms(moment: LinuxMoment | undefined, signal: AbortSignal): Promise<void> {
    const { programs } = this;
    if (!programs?.isWanted) return;
    const before = programs.allImages();
    if (moment) await programs.look(moment, signal);
    else programs.forget();
    const now = programs.allImages();
    const added = (some: readonly PlacedImage[], others: readonly PlacedImage[]): Image[] =>
      some.map(({ image }) => image).filter((image) => !others.some((other) => other.image === image));
    const text = (all: readonly PlacedImage[]): string => all.map(({ image, spaces = [] }) => `${image.id} ${[...spaces].sort((a, b) => a - b).join()}`).sort().join('\n');
    if (text(before) !== text(now)) this.listener.programsChanged(added(now, before), added(before, now));
  }

  /** Where the guest comes to when code has come that has not run yet; nowhere without a kernel. */
  get codeArrivals(): readonly RenewalPlace[] {
    const { moment } = this;
    return moment && this.programs?.isWanted === true ? codeArrivals(moment.kernel, userLayoutAt(moment)) : [];
  }

  images(cpu?: number): readonly Image[] {
    return this.programs?.images(cpu) ?? [];
  }

  allImages(): readonly PlacedImage[] {
    return this.programs?.allImages() ?? [];
  }

  /** The caller of a frame in the kernel; undefined for other frames. */
  async caller(frame: Frame, inner: readonly Frame[]): Promise<UnwoundCaller | undefined> {
    const moment = await this.look();
    if (!moment) return undefined;
    return kernelCaller(frame, inner, {
      kernel: moment.kernel, codeAt: (address) => this.codeAt(address), orcFor: (address) => this.orcFor(moment, address),
    });
  }

  /**
   * Page tables under which an address of the kernel's can be read where a CPU does not map it: a process may run with tables that
   * are isolated from the kernel's. Undefined for other addresses.
   */
  spaceOf(address: bigint): MemorySpace | undefined {
    const { moment } = this;
    if (!moment?.kernel.memory.isKernelAddress(address)) return undefined;
    const { space } = moment.kernel.memory;
    return space.kind === 'linear' ? { kind: 'linear', cpu: moment.cpu.state.processor.index } : space;
  }

  private async orcFor({ kernel, btf }: LinuxMoment, address: bigint): Promise<OrcTable | undefined> {
    const owner = this.ownerOf(address);
    if (!owner) return kernel.orc();
    if (!btf) return undefined;
    const known = this.moduleTables.get(owner.module);
    if (known) return known;
    const read = moduleOrc(kernel.memory, btf, owner.module);
    this.moduleTables.set(owner.module, read);
    return read;
  }

  private ownerOf(address: bigint): ModuleSymbols | undefined {
    return this.moduleSymbols.find(({ module }) => module.parts.some(({ base, size }) => address >= base && address < base + BigInt(size)));
  }

  private codeAt(address: bigint): { name: string; start: bigint } | undefined {
    const found = this.locate(address);
    return found && isCode(found.symbol.kind) ? { name: found.symbol.name, start: found.symbol.address } : undefined;
  }

  private locate(address: bigint): { symbol: KernelSymbol; module?: string } | undefined {
    if (!this.moment?.kernel.memory.isKernelAddress(address)) return undefined;
    const owner = this.ownerOf(address);
    const symbol = (owner?.symbols ?? this.moment.kernel.symbols).at(address);
    // What lies so far behind code is data that the table has no symbol for.
    if (symbol && isCode(symbol.kind) && address - symbol.address >= LONGEST_FUNCTION) return undefined;
    return symbol && { symbol, ...(owner ? { module: owner.module.name } : {}) };
  }

  symbolAt(address: bigint): ReturnType<SymbolSource['symbolAt']> {
    const found = this.locate(address);
    if (!found) return undefined;
    const { symbol: { name, size, address: start }, module } = found;
    return { name, size, offset: address - start, ...(module === undefined ? {} : { owner: module }) };
  }

  async placeNamed(address: bigint, cpu?: number): Promise<string | undefined> {
    const task = this.moment && cpuOf(this.moment, cpu).task;
    return task === undefined ? undefined : this.placeIn(task, address);
  }

  /** The same in the process of a task, whether or not a CPU runs it. */
  async placeIn(task: bigint, address: bigint): Promise<string | undefined> {
    const { moment } = this;
    if (!moment || moment.kernel.memory.isKernelAddress(address)) return undefined;
    const { kernel } = moment;
    const layout = await kernel.taskLayout();
    const process = layout && await processOf(kernel.memory, layout, task);
    if (!process || process.memory === 0n) return undefined;
    const areas = userLayoutAt(moment);
    const area = areas && await fileAreaAt(kernel.memory, areas, process.memory, address);
    const place = area ? `${area.path}+${hex(area.offset)}` : hex(address, 8);
    return `${place} — ${process.name} (${process.pid})`;
  }

  symbolNamed(name: string): NamedSymbol | undefined {
    const { moment } = this;
    if (!moment) return undefined;
    for (const symbols of [moment.kernel.symbols, ...this.moduleSymbols.map((owner) => owner.symbols)]) {
      const found = symbols.named(name);
      if (found) return { name, address: found.address, size: found.size, isFunction: isCode(found.kind) };
    }
    const address = moment.kernel.exports.get(name);
    return address === undefined ? undefined : { name, address, size: 0n, isFunction: false };
  }

  typeNamed(name: string): Type | undefined {
    const btf = this.moment?.btf;
    return btf && unlessBroken(() => btf.typeNamed(name));
  }

  variableNamed(name: string, cpu?: number): SourceVariable | undefined {
    const { moment } = this;
    if (!moment) return undefined;
    const { task, perCpuBase } = cpuOf(moment, cpu);
    const word = moment.kernel.pointerBytes;
    if (name === DESCRIBED_TASK) {
      const target = this.typeNamed('struct task_struct') ?? { kind: 'void' as const, name: 'void' };
      return task === undefined ? undefined : { type: { kind: 'pointer', size: word, target }, bytes: toLittleEndian(task, word) };
    }
    const address = this.symbolNamed(name)?.address;
    if (address === undefined) return undefined;
    const { btf } = moment;
    const ofCpu = btf && unlessBroken(() => btf.variable(name));
    if (ofCpu && perCpuBase !== undefined) return { type: ofCpu.type, address: BigInt.asUintN(word * 8, perCpuBase + address) };
    const spelling = KERNEL_VARIABLES.get(name);
    const type = spelling === undefined ? undefined : this.spelled(spelling, word);
    return type && { type, address };
  }

  codeBits(address: bigint): 32 | 64 | undefined {
    const { kernel } = this.moment ?? {};
    if (kernel?.memory.isKernelAddress(address) !== true) return undefined;
    return kernel.pointerBytes === 8 ? 64 : 32;
  }

  variablePlace(name: string, at: bigint): SimplePlace | undefined {
    const { kernel, btf } = this.moment ?? {};
    const base = kernel?.perCpuRegister(at);
    const offset = name === DESCRIBED_TASK ? kernel?.currentTaskVariable : this.symbolNamed(name)?.address;
    if (base === undefined || offset === undefined) return undefined;
    const isOfCpu = name === DESCRIBED_TASK || (btf && unlessBroken(() => btf.variable(name))) !== undefined;
    return { kind: 'memory', base: isOfCpu ? base : undefined, offset };
  }

  private spelled(spelling: string, word: number): Type | undefined {
    const pointer = /^(.*?) ?\*$/.exec(spelling);
    if (!pointer) return this.typeNamed(spelling);
    const target = this.typeNamed(pointer[1]);
    return target && { kind: 'pointer', size: word, target };
  }

  namesStartingWith(start: string, most: number): string[] {
    if (!this.moment) return [];
    return [this.moment.kernel.symbols, ...this.moduleSymbols.map(({ symbols }) => symbols)].flatMap((symbols) => symbols.startingWith(start, most)).slice(0, most);
  }
}

/** Where processes' areas have their fields. */
function userLayoutAt({ btf, cpu }: LinuxMoment): UserLayout | undefined {
  return btf ? unlessBroken(() => userLayoutOf(btf)) : userLayout32(hasPae(cpu.state));
}

function cpuOf({ cpu, cpus }: LinuxMoment, index: number | undefined): CpuMoment {
  return (index === undefined ? undefined : cpus.at(index)) ?? cpu;
}

/** Once a module is initialised, the code that has done it goes: it is the same module. */
function isSame(one: KernelModule, other: KernelModule): boolean {
  return one.at === other.at && one.name === other.name;
}

function hasPae(cpu: CpuState): boolean {
  return ((cpu.control.find(({ name }) => name === 'cr4')?.value ?? 0n) & 0x20n) !== 0n;
}
