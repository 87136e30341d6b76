// All units of a file and the sections that they share, read as they are needed: a kernel's debugging information may be
// larger than what should be held in memory.

import { ByteReader, SymbolFileError } from "./bytes";
import { AbbreviationTable } from "./forms";
import { PackageIndex } from "./split-units";
import { readUnitHeader, Unit } from "./units";
import type { Die, UnitHeader } from "./units";

/** The debug sections of a file, by their names (`.debug_info`). */
export interface DebugSections {
  /** A section's contents; undefined if the file has none of that name. */
  debugSection(name: string): Uint8Array | undefined;
  /** Its size in bytes; undefined if the file has none of that name. */
  debugSectionSize(name: string): number | undefined;
  /** Bytes [start, end) of a section that there is, without holding the rest where that can be helped. */
  debugSectionPart(name: string, start: number, end: number): Uint8Array;
}

/** Bytes of units that are kept in memory: those used last. */
const KEPT_BYTES = 48 << 20;
/** Abbreviation tables that are kept. */
const KEPT_TABLES = 256;
/** How much of a unit is read for its own entry. */
const HEAD_BYTES = 1024;
/** A unit's header is at most so long (64-bit DWARF, type unit). */
const LONGEST_HEADER = 40;
const SPLIT_SUFFIX = ".dwo";

/** Finds the split unit that belongs to a skeleton. */
export type SplitFinder = (skeleton: Unit) => Unit | undefined;

export class DebugInfo {
  /** The units of .debug_info. */
  readonly units: readonly Unit[];
  /** Those that define one type each, of .debug_info and .debug_types. */
  readonly typeUnits: readonly Unit[];
  /** The supplementary file (`.gnu_debugaltlink`), which several files share. */
  alternate: DebugInfo | undefined;
  /** Finds split units, in other files. */
  findSplit: SplitFinder | undefined;
  /** Whether it is a `.dwo` or `.dwp` file, whose sections have that ending. */
  readonly isSplit: boolean;
  private readonly bySignature = new Map<bigint, Unit>();
  private readonly abbreviationTables = new Map<number, AbbreviationTable>();
  private readonly readers = new Map<string, ByteReader>();
  private readonly windows = new Map<Unit, Uint8Array>();
  private windowBytes = 0;
  private packageIndex: PackageIndex | undefined;

  /** @param fileName what to call the file in errors */
  constructor(private readonly sections: DebugSections, readonly fileName: string) {
    this.isSplit = sections.debugSectionSize(".debug_info") === undefined && sections.debugSectionSize(`.debug_info${SPLIT_SUFFIX}`) !== undefined;
    const info = this.readUnits(".debug_info");
    this.units = info;
    this.typeUnits = [...info, ...this.readUnits(".debug_types")].filter(({ header }) => header.signature !== undefined);
    for (const unit of this.typeUnits) if (unit.header.signature !== undefined) this.bySignature.set(unit.header.signature, unit);
  }

  private sectionName(name: string): string {
    return this.isSplit ? name + SPLIT_SUFFIX : name;
  }

  private readUnits(name: string): Unit[] {
    const section = this.sectionName(name);
    const size = this.sections.debugSectionSize(section);
    if (size === undefined) return [];
    const place = `${section} of ${this.fileName}`;
    const units: Unit[] = [];
    for (let offset = 0; offset < size;) {
      const end = Math.min(offset + LONGEST_HEADER, size);
      const window = new ByteReader(this.sections.debugSectionPart(section, offset, end), place, offset, end, offset);
      const header: UnitHeader = readUnitHeader(window, name === ".debug_types", size);
      units.push(new Unit(this, name, header));
      offset = header.end;
    }
    return units;
  }

  hasSection(name: string): boolean {
    return this.sections.debugSectionSize(this.sectionName(name)) !== undefined;
  }

  /** A cursor over a section, at its beginning; one for each section, so whoever asks seeks before reading. */
  reader(name: string): ByteReader {
    let reader = this.readers.get(name);
    if (reader === undefined) {
      const section = this.sectionName(name);
      reader = new ByteReader(this.sections.debugSection(section) ?? new Uint8Array(0), `${section} of ${this.fileName}`);
      this.readers.set(name, reader);
    }
    reader.offset = 0;
    return reader;
  }

  /** A cursor over the beginning of a unit: mostly enough for its own entry. */
  unitHead(unit: Unit): ByteReader {
    if (this.windows.has(unit)) return this.unitReader(unit);
    const section = this.sectionName(unit.sectionName);
    const end = Math.min(unit.end, unit.start + HEAD_BYTES);
    return new ByteReader(this.sections.debugSectionPart(section, unit.start, end), `${section} of ${this.fileName}`, unit.start, end, unit.start);
  }

  /** A cursor over one unit, which counts offsets from the section's beginning. Units used last stay in memory. */
  unitReader(unit: Unit): ByteReader {
    const section = this.sectionName(unit.sectionName);
    let bytes = this.windows.get(unit);
    if (bytes === undefined) {
      bytes = this.sections.debugSectionPart(section, unit.start, unit.end);
      this.windowBytes += bytes.length;
      for (const [oldest, window] of this.windows) {
        if (this.windowBytes <= KEPT_BYTES) break;
        this.windows.delete(oldest);
        this.windowBytes -= window.length;
      }
    } else this.windows.delete(unit);
    this.windows.set(unit, bytes);
    return new ByteReader(bytes, `${section} of ${this.fileName}`, unit.start, unit.end, unit.start);
  }

  text(section: string, offset: number): string {
    const reader = this.reader(section);
    reader.seek(offset);
    return reader.text();
  }

  /** The abbreviation table at an offset of .debug_abbrev. Tables used last stay in memory. */
  abbreviations(offset: number): AbbreviationTable {
    const table = this.abbreviationTables.get(offset) ?? new AbbreviationTable(this.reader(".debug_abbrev"), offset);
    this.abbreviationTables.delete(offset);
    this.abbreviationTables.set(offset, table);
    if (this.abbreviationTables.size > KEPT_TABLES) {
      for (const oldest of this.abbreviationTables.keys()) {
        this.abbreviationTables.delete(oldest);
        break;
      }
    }
    return table;
  }

  /** The unit of .debug_info that an offset is in. */
  unitAt(offset: number): Unit | undefined {
    let low = 0;
    let high = this.units.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.units[middle].end <= offset) low = middle + 1;
      else high = middle;
    }
    return this.units[low];
  }

  /** The entry at an offset of .debug_info, in whichever unit it lies. */
  dieAt(offset: number): Die | undefined {
    const unit = this.unitAt(offset);
    if (unit === undefined) throw new SymbolFileError("a reference past the last unit", `.debug_info of ${this.fileName}`, offset);
    return unit.dieAt(offset);
  }

  /** The type that a type unit defines. */
  typeUnitDie(signature: bigint): Die | undefined {
    const unit = this.bySignature.get(signature);
    return unit?.dieAt(unit.start + unit.header.typeOffset);
  }

  /** The split unit of a skeleton; undefined for other units, and where its file is not there. */
  splitOf(unit: Unit): Unit | undefined {
    return this.isSplit ? undefined : this.findSplit?.(unit);
  }

  /** Where a unit's part of a section begins: not 0 only in a package of split units. */
  contribution(unit: Unit, section: string): number {
    if (!this.isSplit) return 0;
    this.packageIndex ??= new PackageIndex(name => this.sections.debugSection(name), this.fileName);
    return this.packageIndex.contribution(unit, section);
  }
}
