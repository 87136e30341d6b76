// What the symbol table needs of a file with symbols, whatever its format: ELF, PE/COFF, or a list of names. Sections and
// symbols are described in ELF's terms (types, flags, bindings), in which the others can be said.

import type { DebugSections } from "./debug-info";
import type { ElfSection, ElfSymbol, Machine } from "./elf";

export interface ObjectFile extends DebugSections {
  /** What the file is called in errors. */
  readonly name: string;
  /** The format in words, for people: `ELF, 64 bits`. */
  readonly format: string;
  readonly machine: Machine;
  /** The address at which the program starts, not moved by any load bias; 0 if the file does not say. */
  readonly entry: bigint;
  readonly sections: readonly ElfSection[];
  /** The first section of that name. */
  section(name: string): ElfSection | undefined;
  symbols(): readonly ElfSymbol[];
}
