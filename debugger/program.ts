/**
 * The guest's program as its symbol files describe it, in the places where its sources are on this computer.
 * Every answer is about run-time linear addresses; without symbol files all answers are empty.
 */
import type { LaunchOptions } from './launchOptions';
import { messageOf, type FileReader } from './ports';
import { Image } from './image';
import type { FunctionInfo } from './symbols/functions';
import { joinPath, matchPaths, normalisePath } from './symbols/paths';
import { SymbolTable, type NamedSymbol } from './symbols/symbol-table';
import type { SourceVariable, SymbolSource } from './symbolSource';
import type { Type } from './symbols/types';
import type { Variable } from './symbols/variables';

/** A source file that symbols name. */
export interface ProgramSource {
  /** Last part of the path. */
  readonly name: string;
  /** Where it is on this computer; the compiler's path when it was not found. */
  readonly path: string;
  /** The path in the debug information. */
  readonly file: string;
  readonly exists: boolean;
}

export interface SourceLine {
  readonly source: ProgramSource;
  readonly line: number;
  /** From 1; 0 when only the line is known. */
  readonly column: number;
}

/** A function, where it begins, and where a breakpoint on it belongs. */
export type NamedFunction = Pick<FunctionInfo, 'name' | 'start' | 'prologueEnd'>;

/** A variable outside functions, and the image that describes it. */
export interface GlobalVariable {
  readonly variable: Variable;
  readonly image: Image;
}

/** The code of the statement at an address. */
export interface Statement {
  readonly ranges: readonly { readonly start: bigint; readonly end: bigint }[];
  /** Whether the address is its first instruction. */
  readonly isStart: boolean;
}

export type LineAddresses =
  | { readonly source: ProgramSource; readonly line: number; readonly addresses: readonly bigint[] }
  | { readonly reason: string };

/** Why nothing can be found by line or name. */
export const NO_SYMBOLS = "No symbols are loaded: name the guest's ELF file in 'symbols' of the launch configuration.";

/** A label without a size names the code after it only so far. */
const LABEL_REACH = 0x10000n;
/** Directories that are tried when a source is looked for beside its symbol file. */
const TRIED_TAILS = 8;

export class Program {
  private globalsByName: Map<string, GlobalVariable> | undefined;
  /** Is asked after all images. */
  private described: SymbolSource | undefined;

  private constructor(
    readonly images: readonly Image[],
    private readonly byFile: ReadonlyMap<string, ProgramSource>,
  ) {}

  static readonly empty = new Program([], new Map());

  /**
   * Reads symbol files. One that cannot be read or understood is left out, and told through `complain`: it is no
   * reason not to start the machine. Of `images`, those that are no ELF files are passed over in silence.
   */
  static async load(
    wanted: Pick<LaunchOptions, 'symbols' | 'images' | 'sourceMap'>, files: FileReader, complain: (message: string) => void,
  ): Promise<Program> {
    const images: Image[] = [];
    const byFile = new Map<string, ProgramSource>();
    for (const path of [...wanted.symbols, ...wanted.images]) {
      const name = lastPart(path);
      try {
        const bytes = await files.read(path);
        if (wanted.images.includes(path) && !isElf(bytes)) continue;
        const table = SymbolTable.parse(bytes, { name });
        const places = (file: string): string[] => candidatePlaces(file, directoryOf(path), wanted.sourceMap);
        for (const source of await findSources(table.sourceFiles(), places, files)) byFile.set(source.file, source);
        images.push(new Image(name, path, table, complain));
      } catch (error) {
        complain(`No symbols from ${path}: ${messageOf(error)}`);
      }
    }
    return new Program(images, byFile);
  }

  /** Takes symbols that the guest itself describes. */
  describedBy(source: SymbolSource): void {
    this.described = source;
  }

  /** To be waited for before symbols are asked for: what the guest describes may have changed since the machine has stood last. */
  async ready(): Promise<void> {
    await this.described?.ready();
  }

  get isEmpty(): boolean {
    return this.images.length === 0;
  }

  /** All source files, sorted by path. */
  sources(): ProgramSource[] {
    return [...this.byFile.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The source file at a path on this computer; undefined when the symbols do not name it. */
  sourceOf(path: string): ProgramSource | undefined {
    const wanted = normalisePath(path);
    const all = [...this.byFile.values()];
    const exact = all.find((source) => normalisePath(source.path) === wanted);
    if (exact) return exact;
    const lost = all.filter((source) => !source.exists);
    const [match] = matchPaths(path, lost.map((source) => source.file));
    return lost.find((source) => source.file === match);
  }

  lineAt(address: bigint): SourceLine | undefined {
    for (const image of this.images) {
      const position = image.ask((table) => table.lineAt(address));
      const source = position && this.byFile.get(position.file);
      if (source) return { source, line: position.line, column: position.column };
    }
    return undefined;
  }

  statementAt(address: bigint): Statement | undefined {
    for (const image of this.images) {
      const range = image.ask((table) => table.lineAt(address) && table.statementRangeAt(address));
      if (range) return { ranges: [range], isStart: range.start === address };
    }
    return undefined;
  }

  /** Where a breakpoint on a line goes, and the line that it moves to when that one has no code. */
  lineAddresses(path: string, line: number): LineAddresses {
    if (this.isEmpty) return { reason: NO_SYMBOLS };
    const source = this.sourceOf(path);
    if (!source) return { reason: `${lastPart(path)} is not among the sources of the loaded symbols.` };
    const found = this.images.flatMap((image) => image.ask((table) => table.addressesForLine(source.file, line)) ?? []);
    if (found.length === 0) return { reason: `There is no code for line ${line} of ${source.name}, nor after it in the same function.` };
    return { source, line: found[0].actualLine, addresses: [...new Set(found.map(({ address }) => address))] };
  }

  /** Lines between `first` and `last` (both included) that have code. */
  codeLines(path: string, first: number, last: number): number[] {
    const source = this.sourceOf(path);
    if (!source) return [];
    const lines = this.images.flatMap((image) => image.ask((table) => table.linesWithCode(source.file, first, last)) ?? []);
    return [...new Set(lines)].sort((a, b) => a - b);
  }

  functionAt(address: bigint): FunctionInfo | undefined {
    return askFirst(this.images, (table) => table.functionAt(address));
  }

  functionsNamed(name: string): NamedFunction[] {
    const found = this.images.flatMap((image) => image.ask((table) => table.functionsNamed(name)) ?? []);
    if (found.length > 0) return found;
    const symbol = this.described?.symbolNamed(name);
    return symbol?.isFunction ? [{ name, start: symbol.address, prologueEnd: symbol.address }] : [];
  }

  /** The image that knows an address: by line, function or symbol. */
  imageAt(address: bigint): Image | undefined {
    return this.images.find((image) => image.ask((table) => table.functionAt(address) ?? table.symbolAt(address)));
  }

  /** 'name' or 'name+0x12' of the symbol that an address is in. */
  nameOf(address: bigint): string | undefined {
    const symbol = askFirst(this.images, (table) => table.symbolAt(address)) ?? this.described?.symbolAt(address);
    if (!symbol || (symbol.size === 0n && symbol.offset >= LABEL_REACH)) return undefined;
    const owner = 'owner' in symbol && symbol.owner !== undefined ? ` [${symbol.owner}]` : '';
    return symbol.offset === 0n ? `${symbol.name}${owner}` : `${symbol.name}+0x${symbol.offset.toString(16)}${owner}`;
  }

  symbolNamed(name: string): NamedSymbol | undefined {
    return askFirst(this.images, (table) => table.symbolsNamed(name)[0]) ?? this.described?.symbolNamed(name);
  }

  globalNamed(name: string): GlobalVariable | undefined {
    return this.allGlobals().get(name);
  }

  /** What the guest says of an address that no symbol is for: '/bin/busybox+0x1234 — sh (1)'. */
  async placeNamed(address: bigint): Promise<string | undefined> {
    return this.described?.placeNamed(address);
  }

  /** A variable that the guest describes, as `globalNamed` gives those of images. */
  describedVariable(name: string): SourceVariable | undefined {
    return this.described?.variableNamed(name);
  }

  /** Up to `most` names that begin so, of those that the guest describes. */
  describedNames(start: string, most: number): string[] {
    return this.described?.namesStartingWith(start, most) ?? [];
  }

  /** Names of all variables outside functions. */
  globalNames(): string[] {
    return [...this.allGlobals().keys()];
  }

  private allGlobals(): ReadonlyMap<string, GlobalVariable> {
    if (this.globalsByName) return this.globalsByName;
    const found = new Map<string, GlobalVariable>();
    for (const image of this.images) {
      for (const variable of image.ask((table) => table.globals()) ?? []) if (!found.has(variable.name)) found.set(variable.name, { variable, image });
    }
    this.globalsByName = found;
    return found;
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

function askFirst<Answer>(images: readonly Image[], question: (table: SymbolTable) => Answer | undefined): Answer | undefined {
  for (const image of images) {
    const answer = image.ask(question);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.length - lastPart(path).length - 1)) || (path.startsWith('/') ? '/' : '.');
}

function isElf(bytes: Uint8Array): boolean {
  return [0x7f, 0x45, 0x4c, 0x46].every((byte, index) => bytes[index] === byte);
}

/** Takes for each file the first of its possible places where there is one. */
function findSources(paths: readonly string[], places: (file: string) => string[], files: FileReader): Promise<ProgramSource[]> {
  return Promise.all(paths.map(async (file): Promise<ProgramSource> => {
    for (const path of places(file)) {
      if (await files.exists(path)) return { name: lastPart(file), path, file, exists: true };
    }
    return { name: lastPart(file), path: file, file, exists: false };
  }));
}

/** Where the source map puts the file, where the compiler saw it, then beside the symbol file and one directory above. */
function candidatePlaces(file: string, directory: string, sourceMap: LaunchOptions['sourceMap']): string[] {
  const parts = file.split('/').filter((part) => part !== '');
  const first = Math.max(0, parts.length - TRIED_TAILS);
  const tails = parts.slice(first).map((_, index) => parts.slice(first + index).join('/'));
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(file);
  return [
    ...sourceMap.flatMap(([from, to]) => {
      const prefix = normalisePath(from);
      return file === prefix || file.startsWith(`${prefix}/`) ? [joinPath(to, file.slice(prefix.length + 1))] : [];
    }),
    ...(isAbsolute ? [file] : []),
    ...tails.map((tail) => joinPath(directory, tail)),
    ...tails.map((tail) => joinPath(directory, `../${tail}`)),
  ];
}
