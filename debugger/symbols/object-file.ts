// What the symbol table needs of a file with symbols, whatever its format: ELF, PE/COFF, or a list of names. Sections and
// symbols are described in ELF's terms (types, flags, bindings), in which the others can be said.

import type { ReadMemory, RegisterValues, UnwoundFrame } from "./cfi";
import type { DebugSections } from "./debug-info";
import type { ElfSection, ElfSymbol, Machine } from "./elf";

/** Finds callers by tables of the file's own format. */
export interface Unwinder {
  /**
   * The caller's registers; undefined if they cannot be found.
   * @param pc where the frame stands, a file address
   * @param registers the frame's, by DWARF number
   * @param runtimePc the same place in memory
   */
  unwind(pc: bigint, registers: RegisterValues, readMemory: ReadMemory, runtimePc: bigint): UnwoundFrame | undefined;
}

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
  /** From a thread's base to the program's thread-local variables; undefined if it has none. */
  readonly threadOffset?: bigint | undefined;
  /** Undefined if the format has no such tables beyond DWARF's, or the file has none. */
  readonly unwinder?: Unwinder | undefined;
}
