/**
 * Symbol files of what a Linux guest runs: of the kernel, and of the programs and libraries in its processes' memory. They are looked
 * for in the directories of `symbolPaths`, by build id and by path, and told apart from other builds by what lies in memory.
 */
import type { CpuState } from '../../src/monitor/inspection/queries';
import type { Image } from '../image';
import { hex } from '../numbers';
import type { LoadedSymbols, SymbolLoader } from '../symbolLoader';
import type { PlacedImage } from '../symbolSource';
import { kernelPlaces, programPlaces } from '../symbols/separate-files';
import type { Btf } from './btf';
import { unlessBroken, type KernelData, type LinuxKernel } from './linuxKernel';
import { rootFinder, spacePage, tableKind, type PageQuestions } from './pageTables';
import { buildIdInMemory, fitOf, type Fit } from './programFit';
import { programReader, type ReadProgram } from './programMemory';
import { processes, processOf, type Process } from './tasks';
import { mappedFiles, userLayout32, userLayoutOf } from './userMemory';

/** A kernel with its processes and its own symbol file. */
type SearchedKernel = KernelData & Pick<LinuxKernel, 'slide' | 'release' | 'buildId' | 'taskLayout'>;

/** What is known of the guest at a stop. */
export interface RunningKernel {
  readonly kernel: SearchedKernel;
  readonly btf: Btf | undefined;
  readonly cpu: { readonly state: CpuState };
  readonly cpus: readonly { readonly task: bigint | undefined }[];
}

/** What is known of a file in processes' memory. What has just begun has hardly anything there that tells builds apart: that is seen later. */
interface KnownFile {
  readonly symbols: LoadedSymbols | undefined;
  readonly isSettled: boolean;
  /** Symbol files that are of other builds. */
  readonly refused: Set<string>;
}

/** The files of one address space. */
interface Space {
  readonly root: number;
  readonly images: readonly Image[];
  /** What the kernel had noted of it. */
  readonly mark: string;
}

const PAGE = 4096n;
/** Call frame information that is fetched from memory at most. */
const MOST_FRAME_BYTES = 64n << 20n;
/** The first bytes of `struct mm_struct`, of which some change with each area that comes or goes: the number of areas, and of their pages. */
const MARK_BYTES = 512;
/** A program that is loaded anywhere is another file each time. */
const MOST_FILES = 128;

export class ProcessSymbols {
  /** By path in the guest and lowest address, what was asked for last at the end. */
  private readonly files = new Map<string, KnownFile>();
  private readonly kernels = new WeakMap<SearchedKernel, Promise<LoadedSymbols | undefined>>();
  private spaces = new Map<string, Space>();
  private ofKernel: readonly Image[] = [];
  private ofCpus: readonly (readonly Image[])[] = [];
  private turn = 0;
  /** Images of other builds. */
  private readonly unused: Image[] = [];

  constructor(
    private readonly loader: SymbolLoader,
    private readonly inspect: PageQuestions,
    /** Files that are remembered for when their programs are run again, or are run by others at the same address. */
    private readonly mostFiles = MOST_FILES,
  ) {}

  /** Whether there is anywhere to look. */
  get isWanted(): boolean {
    return this.loader.directories.length > 0;
  }

  /** What the CPU has in its address space; the one whose turn it is when it is missing. */
  images(cpu = this.turn): readonly Image[] {
    return [...this.ofKernel, ...(this.ofCpus[cpu] ?? [])];
  }

  /** All that is known, what runs now first. */
  allImages(): readonly PlacedImage[] {
    const roots = new Map<Image, number[]>((this.ofCpus[this.turn] ?? []).map((image) => [image, []]));
    for (const { root, images } of this.spaces.values()) for (const image of images) roots.set(image, [...roots.get(image) ?? [], root]);
    return [...this.ofKernel.map((image) => ({ image })), ...[...roots].map(([image, spaces]) => ({ image, spaces }))];
  }

  /** No kernel is there any more. */
  forget(): void {
    this.spaces = new Map();
    this.ofKernel = this.ofCpus = [];
  }

  /** Looks what there is at this stop. Ends with the signal's reason when the machine has gone on meanwhile. */
  async look(moment: RunningKernel, signal: AbortSignal): Promise<void> {
    const { kernel, btf, cpu, cpus } = moment;
    this.forgetOldFiles();
    const ofKernel = await this.kernelFile(kernel);
    const [layout, init] = [await kernel.taskLayout(), kernel.address('init_task')];
    signal.throwIfAborted();
    this.turn = cpu.state.processor.index;
    this.ofKernel = ofKernel ? [ofKernel.image] : [];
    if (!layout || init === undefined) return;
    const running = await Promise.all(cpus.map(({ task }) => (task === undefined ? undefined : processOf(kernel.memory, layout, task))));
    const all = [...running.filter((process) => process !== undefined), ...await processes(kernel.memory, layout, init)].filter(({ memory }) => memory !== 0n);
    const rootOf = await rootFinder(kernel, btf, all, this.inspect);
    const spaces = new Map<string, Space>();
    for (const process of all) {
      const key = keyOf(process);
      if (spaces.has(key)) continue;
      // It may have run since the last stop, and mapped files; what it runs now may have come into memory.
      const mark = (await kernel.memory.read(process.memory, MARK_BYTES)).join();
      const known = running.some((each) => each?.task === process.task) ? undefined : this.spaces.get(key);
      const space = known?.mark === mark ? known : await this.space(moment, process, await rootOf(process), mark);
      if (space) spaces.set(key, space);
    }
    signal.throwIfAborted();
    this.spaces = spaces;
    this.ofCpus = running.map((process) => (process && spaces.get(keyOf(process))?.images) ?? []);
  }

  private async space({ kernel, btf, cpu }: RunningKernel, { memory }: Process, root: number | undefined, mark: string): Promise<Space | undefined> {
    const kind = tableKind(cpu.state, kernel.pointerBytes);
    const layout = btf ? unlessBroken(() => userLayoutOf(btf)) : userLayout32(kind === 'PAE');
    if (!layout || root === undefined) return undefined;
    const read = programReader(kernel, btf, layout, { mm: memory, root }, this.inspect);
    const found = await Promise.all((await mappedFiles(kernel.memory, layout, memory)).map(({ path, lowest }) => this.file(path, lowest, read)));
    return { root: await spacePage(root, this.inspect, kind), images: found.flatMap((each) => each?.image ?? []), mark };
  }

  /** The symbols of a file that lies in a process's memory; undefined where there is none that fits. */
  private async file(path: string, lowest: bigint, read: ReadProgram): Promise<LoadedSymbols | undefined> {
    const key = `${path} ${lowest}`;
    const known = this.files.get(key);
    if (known) {
      this.files.delete(key);
      this.files.set(key, known);
    }
    if (known?.isSettled === true) return known.symbols;
    const refused = known?.refused ?? new Set<string>();
    const buildId = await buildIdInMemory(lowest, read);
    let found = known?.symbols && { symbols: known.symbols, fit: await fitOf(known.symbols, buildId, read) };
    if (found?.fit === 'other') {
      refused.add(found.symbols.image.path);
      this.tellOther(found.symbols, path, lowest);
      found = undefined;
    }
    // Where nothing is known that was not known before, nothing else is found.
    if (!found && !(known && !known.symbols && buildId === undefined)) found = await this.find(path, lowest, buildId, read, refused);
    const isSettled = found ? found.fit === 'same' && (await hasFrames(found.symbols, read)) : buildId !== undefined;
    this.files.set(key, { symbols: found?.symbols, isSettled, refused });
    return found?.symbols;
  }

  private async find(
    path: string, lowest: bigint, buildId: string | undefined, read: ReadProgram, refused: Set<string>,
  ): Promise<{ symbols: LoadedSymbols; fit: Fit } | undefined> {
    for (const place of programPlaces(path, buildId, this.loader.directories)) {
      if (refused.has(place) || !(await this.isElf(place))) continue;
      const symbols = await this.loader.loadOrTell(place, (first) => lowest - (first - (first % PAGE)));
      if (!symbols) continue;
      const fit = await fitOf(symbols, buildId, read);
      if (fit !== 'other') return { symbols, fit };
      refused.add(place);
      this.tellOther(symbols, path, lowest);
    }
    return undefined;
  }

  private tellOther({ image }: LoadedSymbols, path: string, lowest: bigint): void {
    this.unused.push(image);
    this.loader.complain(`${image.path} is another build of ${path} than the guest runs at ${hex(lowest)}, and is not used.`);
  }

  /**
   * Lets go of what is not used, but for the files that were asked for last. At the next stop, as long as the client may be told of what has
   * gone at one.
   */
  private forgetOldFiles(): void {
    const inUse = new Set([...this.spaces.values()].flatMap(({ images }) => images));
    for (const image of this.unused.splice(0)) this.loader.release(image);
    for (const [key, { symbols }] of this.files) {
      if (this.files.size <= this.mostFiles) break;
      if (symbols && inUse.has(symbols.image)) continue;
      this.files.delete(key);
      if (symbols) this.loader.release(symbols.image);
    }
  }

  private kernelFile(kernel: SearchedKernel): Promise<LoadedSymbols | undefined> {
    const known = this.kernels.get(kernel);
    if (known) return known;
    const found = this.findKernel(kernel);
    this.kernels.set(kernel, found);
    return found;
  }

  private async findKernel(kernel: SearchedKernel): Promise<LoadedSymbols | undefined> {
    const { slide } = kernel;
    if (slide === undefined) return undefined;
    const buildId = await kernel.buildId();
    for (const place of kernelPlaces(kernel.release, buildId, this.loader.directories)) {
      if (!(await this.isElf(place))) continue;
      const loaded = await this.loader.loadOrTell(place, slide);
      const theirs = loaded?.image.details.buildId;
      if (loaded && (buildId === undefined || theirs === undefined || theirs === buildId)) return loaded;
      if (!loaded) continue;
      this.unused.push(loaded.image);
      this.loader.complain(`${place} is another build of the kernel than the guest runs, and is not used.`);
    }
    return undefined;
  }

  private async isElf(place: string): Promise<boolean> {
    return (await this.loader.exists(place)) && this.loader.isElf(place).catch(() => false);
  }
}

/** Whether there is call frame information: separate debugging information has none, and the program's own is taken from memory. */
async function hasFrames({ image }: LoadedSymbols, read: ReadProgram): Promise<boolean> {
  const wanted = image.ask((table) => table.framesLeftOut);
  if (!wanted || wanted.end - wanted.start > MOST_FRAME_BYTES) return true;
  const bytes = Number(wanted.end - wanted.start);
  const frames = await read(wanted.start, bytes);
  if (frames.length < bytes) return false;
  image.ask((table) => { table.takeFrames(frames); });
  return true;
}

/** Memory may be that of another process later, where one has ended or has begun another program. */
function keyOf({ memory, pid, name }: Process): string {
  return `${memory} ${pid} ${name}`;
}
