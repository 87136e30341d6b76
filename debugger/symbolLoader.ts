/**
 * Opens symbol files, with the files that belong to them and the places where their sources are on this computer: those that the
 * launch configuration names, and later those of programs that turn up in the guest.
 */
import { Image } from './image';
import type { LaunchOptions } from './launchOptions';
import { messageOf, type FileReader } from './ports';
import { findSources, type ProgramSource } from './sourcePlaces';
import { memorySource, type ByteSource } from './symbols/byte-source';
import type { ObjectFile } from './symbols/object-file';
import { directoryOf, lastPart } from './symbols/separate-files';
import { openSymbols, symbolFormat, type SymbolFiles, type WantedBias } from './symbols/symbol-files';

/** How much of a file shows what it is. */
const PROBE_BYTES = 64;

export interface LoadedSymbols {
  readonly image: Image;
  readonly object: ObjectFile;
}

export class SymbolLoader {
  /** Sources of all files that were loaded, by their paths in the debug information. */
  readonly sources = new Map<string, ProgramSource>();
  /** Images, with the paths of their sources in the debug information, and the files that they are read from. */
  private readonly loaded = new Map<Image, { readonly sources: readonly string[]; readonly opener: Opener }>();
  /** How often a file was loaded that has the path of another one. */
  private namesakes = 0;

  constructor(
    private readonly wanted: Pick<LaunchOptions, 'sourceMap' | 'symbolPaths'>,
    private readonly files: FileReader,
    /** Takes what is missing or broken, in words for a person. */
    readonly complain: (message: string) => void,
  ) {}

  /** Directories in which symbol files are looked for. */
  get directories(): readonly string[] {
    return this.wanted.symbolPaths;
  }

  exists(path: string): Promise<boolean> {
    return this.files.exists(path);
  }

  /** Whether it is an ELF file. Error when it cannot be read. */
  async isElf(path: string): Promise<boolean> {
    const opener = this.opener();
    try {
      const source = await opener.open(path);
      return symbolFormat(source.read(0, Math.min(source.size, PROBE_BYTES))) === 'elf';
    } finally {
      opener.close();
    }
  }

  /** Opens one, until it is released. Error when it cannot be read or is none. */
  async load(path: string, wanted: WantedBias = 0n): Promise<LoadedSymbols> {
    const opener = this.opener();
    try {
      return await this.open(path, wanted, opener);
    } catch (error) {
      opener.close();
      throw error;
    }
  }

  private async open(path: string, wanted: WantedBias, opener: Opener): Promise<LoadedSymbols> {
    const name = lastPart(path);
    const { table, object, bias, ...details } = await openSymbols(path, opener, wanted);
    const places = { directory: directoryOf(path), sourceMap: this.wanted.sourceMap };
    const sources = table.sourceFiles();
    for (const source of await findSources(sources, places, this.files)) {
      const md5 = table.sourceMd5(source.file);
      this.sources.set(source.file, md5 === undefined ? source : { ...source, md5 });
    }
    const image = new Image(name, path, table, this.complain, { ...details, bias }, this.idOf(name, path));
    this.loaded.set(image, { sources, opener });
    for (const note of details.notes) this.complain(`Symbols of ${name}: ${note}.`);
    return { image, object };
  }

  private opener(): Opener {
    return new Opener(this.files, this.wanted.symbolPaths);
  }

  /** The same, but what cannot be loaded is told, and is no reason to stop. */
  async loadOrTell(path: string, wanted?: WantedBias): Promise<LoadedSymbols | undefined> {
    try {
      return await this.load(path, wanted);
    } catch (error) {
      this.complain(`No symbols from ${path}: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** The sources of an image that it has loaded. */
  sourcesOf(image: Image): ProgramSource[] {
    return (this.loaded.get(image)?.sources ?? []).flatMap((file) => this.sources.get(file) ?? []);
  }

  /** How many images are loaded. */
  get count(): number {
    return this.loaded.size;
  }

  /** An image is not asked any more: lets go of its files. */
  release(image: Image): void {
    this.loaded.get(image)?.opener.close();
    this.loaded.delete(image);
  }

  /** Lets go of all files. */
  close(): void {
    for (const { opener } of this.loaded.values()) opener.close();
  }

  /** Images have their file's name as their id, or the whole path where two files are named alike. */
  private idOf(name: string, path: string): string {
    const others = [...this.loaded.keys()];
    if (!others.some((other) => other.name === name)) return name;
    return others.some((other) => other.id === path) ? `${path}#${++this.namesakes}` : path;
  }
}

/** Opens files for the symbol reader, in parts where the host can do that. */
class Opener implements SymbolFiles {
  private readonly opened: { close(): void }[] = [];
  readonly unpackers: SymbolFiles['unpackers'];

  constructor(private readonly files: FileReader, readonly directories: readonly string[]) {
    this.unpackers = files.unpackers ?? {};
  }

  async open(path: string): Promise<ByteSource> {
    if (!this.files.open) return memorySource(await this.files.read(path));
    const file = await this.files.open(path);
    this.opened.push(file);
    return file;
  }

  exists(path: string): Promise<boolean> {
    return this.files.exists(path);
  }

  /** Nothing can be read any more of what it has opened. */
  close(): void {
    for (const file of this.opened.splice(0)) file.close();
  }
}
