/**
 * Sources and modules: which files the program was made of, which of their lines have code, and which symbol files
 * are loaded.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { dapSource } from './frames';
import type { Image } from './image';
import { hex, hexSigned } from './numbers';
import { userError, type FileReader } from './ports';
import type { Program } from './program';

/** A source that came, went, or is described otherwise than before. */
export type SourceChange = DebugProtocol.LoadedSourceEvent['body'];

export class SourceManager {
  /** What the client has been told of, or can ask for at its start, by path. */
  private known: ReadonlyMap<string, DebugProtocol.Source>;

  constructor(
    private readonly program: Program,
    private readonly files: FileReader,
    /** Modules that the guest itself has loaded. */
    private readonly guestModules: () => Promise<readonly DebugProtocol.Module[]>,
  ) {
    this.known = this.byPath();
  }

  async loadedSources(): Promise<DebugProtocol.Source[]> {
    await this.program.ready();
    return [...this.byPath().values()];
  }

  /** How the loaded sources differ from what they were at the last such question, or when symbols were read first. */
  changes(): SourceChange[] {
    const [before, now] = [this.known, this.byPath()];
    this.known = now;
    const gone = [...before].flatMap(([path, source]): SourceChange[] => (now.has(path) ? [] : [{ reason: 'removed', source }]));
    const there = [...now].flatMap(([path, source]): SourceChange[] => {
      const old = before.get(path);
      if (!old) return [{ reason: 'new', source }];
      return JSON.stringify(old) === JSON.stringify(source) ? [] : [{ reason: 'changed', source }];
    });
    return [...gone, ...there];
  }

  private byPath(): ReadonlyMap<string, DebugProtocol.Source> {
    return new Map(this.program.sources().map((source) => [source.path, dapSource(source)]));
  }

  /** Lines of a source between `first` and `last` (both included) where a breakpoint may go. */
  breakpointLocations(path: string, first: number, last: number): DebugProtocol.BreakpointLocation[] {
    return this.program.codeLines(path, first, last).map((line) => ({ line }));
  }

  /** The text of a source that the symbols name; error when it is not on this computer. */
  async content(path: string): Promise<string> {
    const source = this.program.sourceOf(path);
    if (!source) throw userError(`${path} is not among the sources of the loaded symbols.`);
    if (!source.exists) throw userError(`${source.file} is not on this computer; it was looked for beside its symbol file, too.`);
    return new TextDecoder().decode(await this.files.read(source.path));
  }

  async modules(start: number, count: number): Promise<{ modules: DebugProtocol.Module[]; totalModules: number }> {
    // What the guest runs now is known when it has been asked.
    const guests = await this.guestModules();
    const modules = [...this.program.allImages.map(({ image }) => moduleOf(image)), ...guests];
    return { modules: modules.slice(start, count > 0 ? start + count : undefined), totalModules: modules.length };
  }
}

/** With the additional columns that the capabilities name. */
type ShownModule = DebugProtocol.Module & { readonly bias: string; readonly format: string; readonly codeMode: string };

/** A symbol file in the protocol's form. */
export function moduleOf(image: Image): ShownModule {
  const { id, name, path, details } = image;
  const range = image.ask((table) => table.range);
  const entry = image.ask((table) => table.entry) ?? 0n;
  const place = range === undefined ? [] : [`${hex(range.start)}-${hex(range.end)}`];
  return {
    id,
    name,
    path,
    isUserCode: true,
    isOptimized: image.ask((table) => table.isOptimised) === true,
    symbolStatus: statusOf(image),
    symbolFilePath: details.debugPath ?? path,
    addressRange: [...place, ...(entry === 0n ? [] : [`entry ${hex(entry)}`]), ...biasText(details.bias ?? 0n)].join(', '),
    bias: hexSigned(details.bias ?? 0n),
    format: details.format ?? '',
    codeMode: image.ask((table) => table.machine) === 'x86-64' ? '64-bit' : '32-bit',
    ...(details.buildId === undefined ? {} : { version: `build id ${details.buildId}` }),
  };
}

function statusOf(image: Image): string {
  const missing = image.details.notes ?? [];
  const hasLines = image.ask((table) => table.hasDebugInfo) === true;
  if (hasLines) return missing.length === 0 ? 'symbols and lines loaded' : `symbols and lines loaded; ${missing.join('; ')}`;
  if (missing.length === 0 && image.details.format === 'list of names') return 'names only';
  return missing.length === 0 ? 'names only: compiled without -g' : `names only: ${missing.join('; ')}`;
}

function biasText(bias: bigint): string[] {
  if (bias === 0n) return [];
  return [`loaded ${bias < 0n ? `${hex(-bias)} below` : `${hex(bias)} above`} its own addresses`];
}
