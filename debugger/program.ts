/**
 * The guest's program as its symbol files describe it, in the places where its sources are on this computer.
 * Every answer is about run-time linear addresses; without symbol files all answers are empty.
 */
import type { SimplePlace } from './conditions/variablePlaces';
import type { LaunchOptions } from './launchOptions';
import type { Image } from './image';
import { messageOf, type FileReader } from './ports';
import type { ProgramSource } from './sourcePlaces';
import { SymbolLoader } from './symbolLoader';
import { readableName } from './symbols/demangle';
import type { DeclarationKind } from './symbols/declarations';
import type { FunctionInfo } from './symbols/functions';
import { matchPaths, normalisePath } from './symbols/paths';
import { lastPart } from './symbols/separate-files';
import type { NamedSymbol, SymbolTable } from './symbols/symbol-table';
import type { PlacedImage, SourceVariable, SymbolSource } from './symbolSource';
import type { Type } from './symbols/types';
import type { Variable } from './symbols/variables';

export type { ProgramSource } from './sourcePlaces';

export interface SourceLine {
  readonly source: ProgramSource;
  readonly line: number;
  /** From 1; 0 when only the line is known. */
  readonly column: number;
}

/** A function, where it begins, and where a breakpoint on it belongs. */
export type NamedFunction = Pick<FunctionInfo, 'name' | 'start' | 'end' | 'prologueEnd'> & { readonly cr3?: number };

/** A variable outside functions, and the image that describes it. */
export interface GlobalVariable {
  readonly variable: Variable;
  readonly image: Image;
  /** Whether the name means others elsewhere in the image. */
  readonly isOneOfSeveral: boolean;
}

/** The code of the statement at an address. */
export interface Statement {
  readonly ranges: readonly { readonly start: bigint; readonly end: bigint }[];
  /** Whether the address is its first instruction. */
  readonly isStart: boolean;
}

/** An address of code; `cr3`: where it holds for the processes with this root of page tables alone. */
export interface CodeAddress {
  readonly address: bigint;
  readonly cr3?: number;
}

export type LineAddresses =
  | { readonly source: ProgramSource; readonly line: number; readonly addresses: readonly CodeAddress[] }
  | { readonly reason: string };

/** Why nothing can be found by line or name. */
export const NO_SYMBOLS = "No symbols are loaded: name the guest's ELF file in 'symbols' of the launch configuration.";

/** Names are gathered for so long at a time, with such pauses (milliseconds). */
const GATHER_SLICE = 8;
const GATHER_PAUSE = 12;
const PAGE = 4096;
/** A label without a size names the code after it only so far. */
const LABEL_REACH = 0x10000n;

export class Program {
  private isClosed = false;
  private gathering: ReturnType<typeof setTimeout> | undefined;
  /** Is asked after all images. */
  private described: SymbolSource | undefined;

  private constructor(
    private readonly files: readonly Image[],
    readonly loader: SymbolLoader,
    /** The CPU that sees it so; undefined: the one whose turn it is. */
    private readonly cpu?: number,
    /** The page of the root of the address space that is meant instead of a CPU's. */
    private readonly root?: number,
  ) {}

  /**
   * Reads symbol files. One that cannot be read or understood is left out, and told through `complain`: it is no
   * reason not to start the machine. Of `images`, those that are no ELF files are passed over in silence.
   */
  static async load(
    wanted: Pick<LaunchOptions, 'symbols' | 'images' | 'sourceMap' | 'symbolPaths'>, files: FileReader, complain: (message: string) => void,
  ): Promise<Program> {
    const loader = new SymbolLoader(wanted, files, complain);
    const isElf = (path: string): Promise<boolean> => loader.isElf(path).catch((error: unknown) => {
      complain(`No symbols from ${path}: ${messageOf(error)}`);
      return false;
    });
    const guessed: LaunchOptions['symbols'][number][] = [];
    for (const path of wanted.images) if (await isElf(path)) guessed.push({ path, bias: 0n });
    const images: Image[] = [];
    for (const { path, bias } of [...wanted.symbols, ...guessed]) {
      const loaded = await loader.loadOrTell(path, bias);
      if (loaded) images.push(loaded.image);
    }
    const program = new Program(images, loader);
    program.gatherNames();
    return program;
  }

  /** All that knows addresses where the machine stands: symbol files that were named, and those of what the guest runs. */
  get images(): readonly Image[] {
    const { root } = this;
    if (root !== undefined) return this.allImages.filter(({ spaces }) => spaces?.includes(root) ?? true).map(({ image }) => image);
    const guests = this.described?.images(this.cpu) ?? [];
    return guests.length === 0 ? this.files : [...this.files, ...guests];
  }

  /** The same for every process of the guest. */
  get allImages(): readonly PlacedImage[] {
    return [...this.files.map((image) => ({ image })), ...(this.described?.allImages() ?? [])];
  }

  /**
   * Gathers the names of large files little by little, while nothing else is to be done: of a kernel that takes seconds,
   * which nobody is to wait for at the first question.
   */
  private gatherNames(): void {
    if (this.isClosed) return;
    const goesOn = this.files.some((image) => image.ask((table) => table.gatherNames(GATHER_SLICE)) ?? true);
    if (goesOn) this.gathering = setTimeout(() => this.gatherNames(), GATHER_PAUSE);
  }

  /** Lets go of the files; nothing can be asked any more. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.gathering);
    this.loader.close();
  }

  /** Takes symbols that the guest itself describes. */
  describedBy(source: SymbolSource): void {
    this.described = source;
  }

  /** The same as a CPU sees it, from 0: each may run another process. To be closed is the one that it was made of. */
  seenBy(cpu: number): Program {
    const view = new Program(this.files, this.loader, cpu);
    view.described = this.described;
    return view;
  }

  /** The same as the address space of a CR3 has it. */
  inSpace(cr3: number): Program {
    const view = new Program(this.files, this.loader, this.cpu, cr3 - (cr3 % PAGE));
    view.described = this.described;
    return view;
  }

  /** To be waited for before symbols are asked for: what the guest describes may have changed since the machine has stood last. */
  async ready(): Promise<void> {
    await this.described?.ready();
  }

  get isEmpty(): boolean {
    return this.allImages.length === 0;
  }

  /** The source files of all images that are there, each once, sorted by path. */
  sources(): ProgramSource[] {
    const found = this.allImages.flatMap(({ image }) => this.loader.sourcesOf(image));
    return [...new Map(found.map((source) => [source.path, source])).values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The source file at a path on this computer; undefined when the symbols do not name it. */
  sourceOf(path: string): ProgramSource | undefined {
    const wanted = normalisePath(path);
    const all = [...this.loader.sources.values()];
    const exact = all.find((source) => normalisePath(source.path) === wanted);
    if (exact) return exact;
    const lost = all.filter((source) => !source.exists);
    const [match] = matchPaths(path, lost.map((source) => source.file));
    return lost.find((source) => source.file === match);
  }

  lineAt(address: bigint): SourceLine | undefined {
    for (const image of this.images) {
      const position = image.ask((table) => table.lineAt(address));
      const source = position && this.loader.sources.get(position.file);
      if (source) return { source, line: position.line, column: position.column };
    }
    return undefined;
  }

  /** @param whole with the code of calls that were inlined on the line: for a step over it */
  statementAt(address: bigint, whole = false): Statement | undefined {
    for (const image of this.images) {
      const range = image.ask((table) => table.lineAt(address) && table.statementRangeAt(address));
      if (!range) continue;
      const inlined = whole ? image.ask((table) => table.inlinedCallsAt(address)) ?? [] : [];
      return { ranges: [range, ...inlined], isStart: range.start === address };
    }
    return undefined;
  }

  /** Whether two addresses belong to one line, in one function, and in one call that was inlined there if it is in any. */
  isOneLine(one: bigint, other: bigint): boolean {
    const [first, second] = [this.lineAt(one), this.lineAt(other)];
    return first !== undefined && second !== undefined && first.source === second.source && first.line === second.line
      && this.functionAt(one)?.start === this.functionAt(other)?.start && this.inlinedAt(one)?.at(0)?.start === this.inlinedAt(other)?.at(0)?.start;
  }

  /** Whether the line at an address has code in several places of its function, with other lines between them. */
  isSplitLine(address: bigint): boolean {
    return askFirst(this.images, (table) => (table.lineAt(address) ? table.isSplitLine(address) : undefined)) ?? false;
  }

  /** The code of the innermost call that was inlined around an address; undefined if there is none. */
  inlinedAt(address: bigint): Statement['ranges'] | undefined {
    for (const image of this.images) {
      const [innermost] = image.ask((table) => table.scopesAt(address)) ?? [];
      if (innermost) return innermost.kind === 'inlined' ? innermost.ranges : undefined;
    }
    return undefined;
  }

  /** Where a breakpoint on a line goes, and the line that it moves to when that one has no code. */
  lineAddresses(path: string, line: number): LineAddresses {
    if (this.isEmpty) return { reason: NO_SYMBOLS };
    const source = this.sourceOf(path);
    if (!source) return { reason: `${lastPart(path)} is not among the sources of the loaded symbols.` };
    const found = this.allImages.flatMap((placed) => everywhere(placed, placed.image.ask((table) => table.addressesForLine(source.file, line)) ?? []));
    if (found.length === 0) return { reason: `There is no code for line ${line} of ${source.name}, nor after it in the same function.` };
    const addresses = new Map(found.map(({ address, cr3 }) => [`${address} ${cr3}`, { address, ...(cr3 === undefined ? {} : { cr3 }) }]));
    return { source, line: found[0].actualLine, addresses: [...addresses.values()] };
  }

  /** Lines between `first` and `last` (both included) that have code. */
  codeLines(path: string, first: number, last: number): number[] {
    const source = this.sourceOf(path);
    if (!source) return [];
    const lines = this.allImages.flatMap(({ image }) => image.ask((table) => table.linesWithCode(source.file, first, last)) ?? []);
    return [...new Set(lines)].sort((a, b) => a - b);
  }

  functionAt(address: bigint): FunctionInfo | undefined {
    return askFirst(this.images, (table) => table.functionAt(address));
  }

  functionsNamed(name: string): NamedFunction[] {
    const found = this.allImages.flatMap((placed) => everywhere(placed, placed.image.ask((table) => table.functionsNamed(name)) ?? []));
    if (found.length > 0) return found;
    const symbol = this.described?.symbolNamed(name);
    return symbol?.isFunction ? [{ name, start: symbol.address, end: symbol.address + symbol.size, prologueEnd: symbol.address }] : [];
  }

  /** The image that knows an address: by function or symbol, or because the address is in its code. */
  imageAt(address: bigint): Image | undefined {
    return this.images.find((image) => image.ask((table) => table.functionAt(address) ?? table.symbolAt(address)))
      ?? this.images.find((image) => image.ask((table) => table.covers(address)));
  }

  /** 'name' or 'name+0x12' of the symbol that an address is in. */
  nameOf(address: bigint): string | undefined {
    const symbol = askFirst(this.images, (table) => table.symbolAt(address)) ?? this.described?.symbolAt(address);
    if (!symbol || (symbol.size === 0n && symbol.offset >= LABEL_REACH)) return undefined;
    const owner = 'owner' in symbol && symbol.owner !== undefined ? ` [${symbol.owner}]` : '';
    const name = readableName(symbol.name);
    return symbol.offset === 0n ? `${name}${owner}` : `${name}+0x${symbol.offset.toString(16)}${owner}`;
  }

  symbolNamed(name: string): NamedSymbol | undefined {
    return askFirst(this.images, (table) => table.symbolsNamed(name)[0]) ?? this.described?.symbolNamed(name);
  }

  /** The variable outside functions that a name means to the code at `near`; where that knows none, or is not given, the first one of that name. */
  globalNamed(name: string, near?: bigint): GlobalVariable | undefined {
    const home = near === undefined ? undefined : this.imageAt(near);
    for (const image of [...(home ? [home] : []), ...this.images.filter((each) => each !== home)]) {
      const found = image.ask((table) => table.globalsNamed(name, near)) ?? [];
      if (found.length > 0) return { variable: found[0], image, isOneOfSeveral: found.length > 1 };
    }
    return undefined;
  }

  /** What the guest says of an address that no symbol is for: '/bin/busybox+0x1234 — sh (1)'. */
  async placeNamed(address: bigint): Promise<string | undefined> {
    return this.described?.placeNamed(address, this.cpu);
  }

  /** A variable that the guest describes, as `globalNamed` gives those of images. */
  describedVariable(name: string): SourceVariable | undefined {
    return this.described?.variableNamed(name, this.cpu);
  }

  /** How wide the code at an address is that no symbol file is for, as far as the guest says it. */
  describedBits(address: bigint): 32 | 64 | undefined {
    return this.described?.codeBits(address);
  }

  /** Where such a variable is whenever a CPU stands at an address of code, as far as that can be said beforehand. */
  describedPlace(name: string, address: bigint): SimplePlace | undefined {
    return this.described?.variablePlace(name, address);
  }

  /** Up to `most` names that begin so, of those that the guest describes. */
  describedNames(start: string, most: number): string[] {
    return this.described?.namesStartingWith(start, most) ?? [];
  }

  /** Up to `most` names, of each symbol file, that begin so: of variables outside functions, of functions, or of types. */
  namesOf(kind: DeclarationKind, start: string, most: number): string[] {
    return [...new Set(this.images.flatMap((image) => image.ask((table) => table.namesOf(kind, start, most)) ?? []))];
  }

  typeNamed(name: string): Type | undefined {
    return askFirst(this.images, (table) => table.typeNamed(name)) ?? this.described?.typeNamed(name);
  }

  /** The last address at or below `address` where an instruction (or a symbol's data) is known to start. */
  codeStartAtOrBefore(address: bigint): bigint | undefined {
    if (address < 0n) return undefined;
    const named = this.described?.symbolAt(address);
    let start = named && address - named.offset;
    for (const image of this.images) {
      const symbol = image.ask((table) => table.symbolAt(address));
      const statement = image.ask((table) => table.statementRangeAt(address));
      for (const candidate of [statement?.start, symbol && address - symbol.offset]) {
        if (candidate !== undefined && (start === undefined || candidate > start)) start = candidate;
      }
    }
    return start;
  }

  /** The first address in [from, to) where an instruction is known to start. */
  codeStartIn(from: bigint, to: bigint): bigint | undefined {
    let first: bigint | undefined;
    for (let end = to; end > from;) {
      const start = this.codeStartAtOrBefore(end - 1n);
      if (start === undefined || start < from) break;
      first = start;
      end = start;
    }
    return first;
  }
}

/** What was found in an image, for each of the address spaces that it is in. */
function everywhere<Found extends object>({ spaces }: PlacedImage, found: readonly Found[]): (Found & { readonly cr3?: number })[] {
  return spaces === undefined ? [...found] : found.flatMap((each) => spaces.map((cr3) => ({ ...each, cr3 })));
}

function askFirst<Answer>(images: readonly Image[], question: (table: SymbolTable) => Answer | undefined): Answer | undefined {
  for (const image of images) {
    const answer = image.ask(question);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
