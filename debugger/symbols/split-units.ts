// Packages of split units (`.dwp`; DWARF 5, 7.3.5; before, GCC's 'DebugFissionDWP'): which part of each section is whose.

import { ByteReader } from "./bytes";
import type { Unit } from "./units";

/** DW_SECT numbers: those of DWARF 5, and those of the older version 2. */
const SECTIONS_5 = new Map<number, string>([
  [1, ".debug_info"], [3, ".debug_abbrev"], [4, ".debug_line"], [5, ".debug_loclists"], [6, ".debug_str_offsets"],
  [7, ".debug_macro"], [8, ".debug_rnglists"],
]);
const SECTIONS_2 = new Map<number, string>([
  [1, ".debug_info"], [2, ".debug_types"], [3, ".debug_abbrev"], [4, ".debug_line"], [5, ".debug_loc"], [6, ".debug_str_offsets"],
]);

/** By the start of a unit in its section: where its parts of other sections begin. */
type Contributions = ReadonlyMap<number, ReadonlyMap<string, number>>;

/** The two indexes of a package. A single `.dwo` has none: all of its sections are its one unit's. */
export class PackageIndex {
  private readonly info = new Map<number, ReadonlyMap<string, number>>();
  private readonly types = new Map<number, ReadonlyMap<string, number>>();

  /** Throws `SymbolFileError` where an index is broken. */
  constructor(section: (name: string) => Uint8Array | undefined, fileName: string) {
    for (const name of [".debug_cu_index", ".debug_tu_index"]) {
      const bytes = section(name);
      if (bytes !== undefined) this.read(new ByteReader(bytes, `${name} of ${fileName}`));
    }
  }

  /** Where the unit's part of a section begins. */
  contribution(unit: Unit, section: string): number {
    const table: Contributions = unit.sectionName === ".debug_types" ? this.types : this.info;
    return table.get(unit.start)?.get(section) ?? 0;
  }

  private read(reader: ByteReader): void {
    if (reader.remaining < 16) return;
    const version = reader.u32();
    // Version 5 has a half-word for it and padding, which read the same.
    if (version !== 2 && version !== 5) reader.fail(`a package index of version ${version}; 2 and 5 are read`, 0);
    const names = version === 5 ? SECTIONS_5 : SECTIONS_2;
    const columns = reader.u32();
    const units = reader.u32();
    const slots = reader.u32();
    const table = reader.offset + slots * 12;
    if (table + columns * 4 * (units + 1) > reader.end) reader.fail(`a package index of ${units} units is larger than its section`, 0);
    reader.seek(table);
    const order = Array.from({ length: columns }, () => names.get(reader.u32()) ?? "");
    for (let row = 0; row < units; row++) {
      const parts = new Map<string, number>();
      for (const name of order) parts.set(name, reader.u32());
      const own = parts.get(".debug_types");
      if (own !== undefined) this.types.set(own, parts);
      else this.info.set(parts.get(".debug_info") ?? 0, parts);
    }
  }
}
