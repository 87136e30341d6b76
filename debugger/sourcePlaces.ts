/**
 * Where the sources are on this computer: for each path in the debug information, the first of its possible places where
 * there is a file. A kernel names thousands, so folders that are not there are asked for once.
 */
import type { LaunchOptions } from './launchOptions';
import type { FileReader } from './ports';
import { joinPath, normalisePath } from './symbols/paths';
import { directoryOf, lastPart } from './symbols/separate-files';

/** A source file that symbols name. */
export interface ProgramSource {
  /** Last part of the path. */
  readonly name: string;
  /** Where it is on this computer; the compiler's path when it was not found. */
  readonly path: string;
  /** The path in the debug information. */
  readonly file: string;
  readonly exists: boolean;
  /** MD5 of what was compiled, in hexadecimal, where the compiler has written it. */
  readonly md5?: string;
}

/** What decides where sources are looked for. */
export interface SourcePlaces {
  /** The folder of the symbol file. */
  readonly directory: string;
  readonly sourceMap: LaunchOptions['sourceMap'];
}

/** Directories that are tried when a source is looked for beside its symbol file. */
const TRIED_TAILS = 8;
/** Questions to the file system that are under way at a time. */
const AT_A_TIME = 32;

/** Takes for each file the first of its possible places where there is one. */
export async function findSources(files: readonly string[], places: SourcePlaces, reader: FileReader): Promise<ProgramSource[]> {
  const folders = new Folders(reader);
  const found: ProgramSource[] = [];
  for (let first = 0; first < files.length; first += AT_A_TIME) {
    found.push(...await Promise.all(files.slice(first, first + AT_A_TIME).map((file) => find(file, places, folders))));
  }
  return found;
}

async function find(file: string, places: SourcePlaces, folders: Folders): Promise<ProgramSource> {
  for (const path of candidatePlaces(file, places)) {
    if (await folders.hasFile(path)) return { name: lastPart(file), path, file, exists: true };
  }
  return { name: lastPart(file), path: file, file, exists: false };
}

/** Remembers which folders are not there. */
class Folders {
  private readonly missing = new Set<string>();
  private readonly present = new Set<string>();

  constructor(private readonly reader: FileReader) {}

  async hasFile(path: string): Promise<boolean> {
    const folder = directoryOf(path);
    if (this.isMissing(folder)) return false;
    if (await this.reader.exists(path)) return true;
    await this.look(folder);
    return false;
  }

  /** Finds out how much of a folder's path is there. */
  private async look(folder: string): Promise<void> {
    if (this.present.has(folder) || this.isMissing(folder)) return;
    if (await this.reader.exists(folder)) {
      this.present.add(folder);
      return;
    }
    this.missing.add(folder);
    const parent = directoryOf(folder);
    if (parent !== folder && parent !== '.') await this.look(parent);
  }

  private isMissing(folder: string): boolean {
    for (let at = folder; ;) {
      if (this.missing.has(at)) return true;
      const parent = directoryOf(at);
      if (parent === at || parent === '.') return false;
      at = parent;
    }
  }
}

/** Where the source map puts the file, where the compiler saw it, then beside the symbol file and one directory above. */
function candidatePlaces(file: string, { directory, sourceMap }: SourcePlaces): string[] {
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
