/**
 * Sources and modules: which files the program was made of, which of their lines have code, and which symbol files
 * are loaded.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { dapSource } from './frames';
import { hex } from './numbers';
import { userError, type FileReader } from './ports';
import type { Program } from './program';

export class SourceManager {
  constructor(
    private readonly program: Program,
    private readonly files: FileReader,
    /** Modules that the guest itself has loaded. */
    private readonly guestModules: () => Promise<readonly DebugProtocol.Module[]>,
  ) {}

  loadedSources(): DebugProtocol.Source[] {
    return this.program.sources().map(dapSource);
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
    const files = this.program.images.map((image): DebugProtocol.Module => {
      const { name, path } = image;
      const hasLines = image.ask((table) => table.hasDebugInfo) === true;
      return {
        id: name,
        name,
        path,
        isUserCode: true,
        symbolStatus: hasLines ? 'symbols and lines loaded' : 'names only: compiled without -g',
        symbolFilePath: path,
        addressRange: `entry ${hex(image.ask((table) => table.entry) ?? 0n)}`,
      };
    });
    const modules = [...files, ...await this.guestModules()];
    return { modules: modules.slice(start, count > 0 ? start + count : undefined), totalModules: modules.length };
  }
}
