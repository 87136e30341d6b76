// Opens a symbol file of whatever format together with the files that belong to it, and gives its symbols.

import { SymbolFileError } from "./bytes";
import { SourceFile } from "./byte-source";
import type { ByteSource } from "./byte-source";
import { CombinedFile } from "./combined-file";
import { DebugInfo } from "./debug-info";
import { DW_AT, DW_UT } from "./dwarf-constants";
import { ElfFile } from "./elf";
import type { Unpackers } from "./elf";
import { isNamesFile, openNamesFile } from "./names-file";
import type { ObjectFile } from "./object-file";
import { isPe, PeFile } from "./pe";
import { alternatePlaces, checksumOf, debugFilePlaces, lastPart, readAlternateLink, readDebugLink, splitPlaces } from "./separate-files";
import type { FileLink } from "./separate-files";
import { SymbolTable } from "./symbol-table";
import type { Unit } from "./units";

/** The files of the computer, as far as symbols need them. */
export interface SymbolFiles {
  /** Opens a file for reading in parts. Error when it cannot be read (the message names the path). */
  open(path: string): Promise<ByteSource>;
  exists(path: string): Promise<boolean>;
  readonly unpackers: Unpackers;
  /** Where separate debugging information is looked for beside the usual places. */
  readonly directories?: readonly string[];
}

/** Run-time address minus file address; or what gives it, when the lowest address that the file takes in memory is known. */
export type WantedBias = bigint | ((lowest: bigint) => bigint);

export interface OpenedSymbols {
  readonly table: SymbolTable;
  /** The file itself, with the one that has its debugging information. */
  readonly object: ObjectFile;
  readonly bias: bigint;
  /** The format in words: `ELF, 64 bits`. */
  readonly format: string;
  /** The file that has the debugging information, if it is another one. */
  readonly debugPath: string | undefined;
  readonly buildId: string | undefined;
  /** What is missing, in words for a person. */
  readonly notes: readonly string[];
}

const PROBE_BYTES = 4096;

type Format = "elf" | "pe" | "names";

/** What kind of symbol file begins so; undefined if it is none. */
export function symbolFormat(start: Uint8Array): Format | undefined {
  if ([0x7f, 0x45, 0x4c, 0x46].every((byte, index) => start[index] === byte)) return "elf";
  if (isPe(start)) return "pe";
  return isNamesFile(start) ? "names" : undefined;
}

/**
 * Opens a symbol file and what belongs to it.
 * @throws SymbolFileError if it is no symbol file for x86, or is broken in what is read at once; and what `files` throws
 */
export async function openSymbols(path: string, files: SymbolFiles, wanted: WantedBias = 0n): Promise<OpenedSymbols> {
  const source = await files.open(path);
  const name = lastPart(path);
  const file = new SourceFile(source, name);
  const format = symbolFormat(file.bytes(0, Math.min(source.size, PROBE_BYTES)));
  switch (format) {
    case "elf": {
      const program = ElfFile.open(source, name, files.unpackers);
      return new ElfOpener(path, files, typeof wanted === "bigint" ? wanted : wanted(program.lowest)).open(program);
    }
    case "pe": return openPe(PeFile.open(source, name), fixed(wanted, name));
    case "names": {
      const object = openNamesFile(file);
      const bias = fixed(wanted, name);
      return { table: SymbolTable.of(object, bias), object, bias, format: object.format, debugPath: undefined, buildId: undefined, notes: [] };
    }
    default: throw new SymbolFileError("not an ELF file, a PE/COFF file or a list of names (System.map)", name, 0);
  }
}

function fixed(wanted: WantedBias, name: string): bigint {
  if (typeof wanted === "bigint") return wanted;
  throw new SymbolFileError("not an ELF file: it does not say where it is loaded", name, 0);
}

function openPe(object: PeFile, bias: bigint): OpenedSymbols {
  const table = SymbolTable.of(object, bias);
  const pdb = object.pdb();
  const notes = pdb === undefined || table.hasDebugInfo ? [] : [
    `its debugging information is in ${pdb.path} (a PDB, GUID ${pdb.guid}, age ${pdb.age}), and PDB files are not read: there are names, but no lines and types. `
    + "Compile with -gdwarf to have them",
  ];
  return { table, object, bias, format: object.format, debugPath: undefined, buildId: undefined, notes };
}

/** A file with a program's debugging information. */
interface SeparateFile {
  readonly file: ElfFile;
  readonly path: string;
}

/** Opens one ELF file and its companions. */
class ElfOpener {
  private readonly notes: string[] = [];

  constructor(private readonly path: string, private readonly files: SymbolFiles, private readonly bias: bigint) {}

  async open(program: ElfFile): Promise<OpenedSymbols> {
    const separate = await this.separate(program);
    if (separate === undefined) return this.openWith(program, undefined);
    try {
      return await this.openWith(program, separate);
    } catch (error) {
      if (!(error instanceof SymbolFileError)) throw error;
      this.notes.push(`${separate.path} cannot be used: ${error.message}`);
      return this.openWith(program, undefined);
    }
  }

  private async openWith(program: ElfFile, separate: SeparateFile | undefined): Promise<OpenedSymbols> {
    const object: ObjectFile = separate === undefined ? program : new CombinedFile(program, separate.file);
    const info = new DebugInfo(object, object.name);
    info.alternate = await this.alternate(object, separate?.path ?? this.path);
    await this.findSplits(info, object);
    const table = SymbolTable.of(object, this.bias, info);
    return { table, object, bias: this.bias, format: program.format, debugPath: separate?.path, buildId: program.buildId(), notes: this.notes };
  }

  /** Separate debugging information, if the program has none of its own. */
  private async separate(program: ElfFile): Promise<SeparateFile | undefined> {
    if (program.debugSectionSize(".debug_info") !== undefined) return undefined;
    const buildId = program.buildId();
    const link = readDebugLink(program, program.name);
    for (const path of debugFilePlaces(this.path, buildId, link, this.files.directories)) {
      if (path === this.path || !(await this.files.exists(path))) continue;
      const file = await this.fitting(path, buildId, link);
      if (file !== undefined) return { file, path };
    }
    if (link !== undefined) this.notes.push(`its debugging information is in ${link.name} (.gnu_debuglink), which is neither beside it nor in /usr/lib/debug`);
    return undefined;
  }

  /** The file if it belongs to the program: by build id if both have one, else by checksum. */
  private async fitting(path: string, buildId: string | undefined, link: FileLink | undefined): Promise<ElfFile | undefined> {
    const name = lastPart(path);
    try {
      const source = await this.files.open(path);
      const file = ElfFile.open(source, name, this.files.unpackers);
      const theirs = file.buildId();
      const fits = buildId !== undefined && theirs !== undefined ? buildId === theirs : link?.checksum !== undefined && checksumOf(source, name) === link.checksum;
      if (fits) return file;
      this.notes.push(`${path} belongs to another build of it and is not used`);
    } catch (error) {
      this.notes.push(`${path} cannot be used: ${messageOf(error)}`);
    }
    return undefined;
  }

  /** The file that dwz has moved common entries to. */
  private async alternate(object: ObjectFile, path: string): Promise<DebugInfo | undefined> {
    const link = object.debugSectionSize(".debug_info") === undefined ? undefined : readAlternateLink(object, object.name);
    if (link === undefined) return undefined;
    for (const place of alternatePlaces(path, link, this.files.directories)) {
      if (!(await this.files.exists(place))) continue;
      try {
        const file = ElfFile.open(await this.files.open(place), lastPart(place), this.files.unpackers, true);
        const buildId = file.buildId();
        if (link.buildId !== undefined && buildId !== undefined && link.buildId !== buildId) {
          this.notes.push(`${place} belongs to another build of it and is not used`);
          continue;
        }
        return new DebugInfo(file, file.name);
      } catch (error) {
        this.notes.push(`${place} cannot be used: ${messageOf(error)}`);
      }
    }
    this.notes.push(`a part of its debugging information is in ${link.name} (made by dwz), which was not found: some types and names are missing`);
    return undefined;
  }

  /** Opens the split units of all skeletons: a package beside the program, else each file. */
  private async findSplits(info: DebugInfo, object: ObjectFile): Promise<void> {
    const skeletons = object.debugSectionSize(".debug_addr") === undefined ? [] : info.units.filter(isSkeleton);
    if (skeletons.length === 0) return;
    const found = new Map<bigint, Unit>();
    const packagePath = `${this.path}.dwp`;
    if (await this.files.exists(packagePath)) await this.addSplits(packagePath, found);
    const missing = skeletons.filter(({ splitId }) => splitId !== undefined && !found.has(splitId));
    const lost = (await Promise.all(missing.map(async skeleton => await this.addSplit(skeleton, found) ? [] : [splitName(skeleton)]))).flat();
    if (lost.length > 0) {
      this.notes.push(`${lost.length} of ${skeletons.length} split units were not found (${lost[0]}${lost.length > 1 ? ", …" : ""}): their code has lines, but no functions, variables and types`);
    }
    info.findSplit = skeleton => {
      const unit = skeleton.splitId === undefined ? undefined : found.get(skeleton.splitId);
      if (unit !== undefined) unit.skeleton = skeleton;
      return unit;
    };
  }

  private async addSplit(skeleton: Unit, found: Map<bigint, Unit>): Promise<boolean> {
    for (const place of splitPlaces(this.path, skeleton.root.text(DW_AT.comp_dir) ?? "", splitName(skeleton))) {
      if (!(await this.files.exists(place))) continue;
      await this.addSplits(place, found);
      if (skeleton.splitId !== undefined && found.has(skeleton.splitId)) return true;
      this.notes.push(`${place} belongs to another build of it and is not used`);
    }
    return false;
  }

  private async addSplits(path: string, found: Map<bigint, Unit>): Promise<void> {
    try {
      const file = ElfFile.open(await this.files.open(path), lastPart(path), this.files.unpackers, true);
      for (const unit of new DebugInfo(file, file.name).units) {
        const { splitId } = unit;
        if (splitId !== undefined) found.set(splitId, unit);
      }
    } catch (error) {
      this.notes.push(`${path} cannot be used: ${messageOf(error)}`);
    }
  }
}

function isSkeleton(unit: Unit): boolean {
  return unit.header.version >= 5 ? unit.header.kind === DW_UT.skeleton : unit.root.has(DW_AT.GNU_dwo_name);
}

function splitName(skeleton: Unit): string {
  return skeleton.root.text(DW_AT.dwo_name) ?? skeleton.root.text(DW_AT.GNU_dwo_name) ?? "?";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
