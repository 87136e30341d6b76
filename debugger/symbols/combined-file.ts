// A program and the separate file with its debugging information (objcopy --only-keep-debug), as one file.

import type { ElfFile, ElfSection, ElfSymbol, Machine } from "./elf";
import { SHT } from "./elf";
import type { ObjectFile } from "./object-file";

/** What is loaded is told by the program; debugging information and symbols come from the other file if it has them. */
export class CombinedFile implements ObjectFile {
  constructor(private readonly program: ElfFile, private readonly debug: ElfFile) {}

  get name(): string {
    return this.program.name;
  }

  get format(): string {
    return this.program.format;
  }

  get machine(): Machine {
    return this.program.machine;
  }

  get entry(): bigint {
    return this.program.entry;
  }

  get threadOffset(): bigint | undefined {
    return this.program.threadOffset;
  }

  get sections(): readonly ElfSection[] {
    return this.program.sections;
  }

  section(name: string): ElfSection | undefined {
    return this.program.section(name);
  }

  symbols(): readonly ElfSymbol[] {
    return this.debug.sections.some(({ type }) => type === SHT.SYMTAB) ? this.debug.symbols() : this.program.symbols();
  }

  debugSection(name: string): Uint8Array | undefined {
    return this.holder(name).debugSection(name);
  }

  debugSectionSize(name: string): number | undefined {
    return this.holder(name).debugSectionSize(name);
  }

  debugSectionPart(name: string, start: number, end: number): Uint8Array {
    return this.holder(name).debugSectionPart(name, start, end);
  }

  private holder(name: string): ElfFile {
    return this.debug.debugSectionSize(name) === undefined ? this.program : this.debug;
  }
}
