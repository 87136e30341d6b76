// PE/COFF files for the 386 and x86-64 (Microsoft's 'PE Format'): EFI applications, boot loaders, Windows programs, and
// COFF objects. Sections and symbols are given in ELF's terms, so that everything else works as with ELF.

import { ByteReader } from "./bytes";
import { memorySource, SourceFile } from "./byte-source";
import type { ByteSource } from "./byte-source";
import { SHF, SHT } from "./elf";
import type { ElfSection, ElfSymbol, Machine } from "./elf";
import type { ObjectFile, Unwinder } from "./object-file";
import { readCoffSymbols, readExports } from "./pe-symbols";
import { UnwindTable } from "./pe-unwind";

/** A data directory: where a table is, relative to the image's base. */
export interface PeDirectory {
  readonly address: number;
  readonly size: number;
}

/** A section as the file has it. */
export interface PeSection {
  readonly name: string;
  /** Relative to the image's base. */
  readonly address: number;
  /** Bytes in memory. */
  readonly memorySize: number;
  /** Bytes in the file. */
  readonly fileSize: number;
  readonly offset: number;
  readonly characteristics: number;
}

/** Where the debugging information is if it is in a file of Microsoft's format, which is not read. */
export interface PdbReference {
  readonly path: string;
  readonly guid: string;
  readonly age: number;
}

interface Header {
  readonly machine: Machine;
  readonly isImage: boolean;
  readonly imageBase: bigint;
  readonly entry: number;
  readonly symbolOffset: number;
  readonly symbolCount: number;
  readonly sectionOffset: number;
  readonly sectionCount: number;
  readonly directories: readonly PeDirectory[];
  readonly sectionAlignment: number;
}

const MACHINES = new Map<number, Machine>([[0x14c, "386"], [0x8664, "x86-64"]]);
const MAGIC = { DOS: 0x5a4d, PE: 0x4550, PE32: 0x10b, PE32_PLUS: 0x20b } as const;
const DIRECTORY = { EXPORT: 0, EXCEPTION: 3, DEBUG: 6 } as const;
const SCN = { CODE: 0x20, UNINITIALIZED: 0x80, DISCARDABLE: 0x02000000, EXECUTE: 0x20000000, WRITE: 0x80000000 } as const;
const COFF_HEADER = 20;
const SECTION_HEADER = 40;
export const COFF_SYMBOL = 18;
const DEBUG_ENTRY = 28;
const CODEVIEW = 2;
const RSDS = 0x53445352;
const MOST_DIRECTORIES = 16;
const SHF_WRITE = 1;

/** Whether a file's beginning is that of a PE image, or of a COFF object for x86. */
export function isPe(start: Uint8Array): boolean {
  if (start.length < COFF_HEADER) return false;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const first = view.getUint16(0, true);
  if (first === MAGIC.DOS) {
    const offset = start.length >= 64 ? view.getUint32(60, true) : 0;
    return offset + 4 <= start.length && view.getUint32(offset, true) === MAGIC.PE;
  }
  // An object has no magic number: its machine, few sections, no optional header.
  return MACHINES.has(first) && view.getUint16(16, true) === 0 && view.getUint16(2, true) > 0 && view.getUint32(8, true) > 0;
}

function readHeader(file: SourceFile): Header {
  const dos = file.reader(0, Math.min(file.size, 64));
  let start = 0;
  const isImage = dos.remaining >= 2 && dos.u16() === MAGIC.DOS;
  if (isImage) {
    dos.seek(60);
    start = dos.u32();
    const signature = file.reader(start, start + 4);
    if (signature.u32() !== MAGIC.PE) file.fail("a DOS program without a PE header", start);
    start += 4;
  }
  const coff = file.reader(start, start + COFF_HEADER);
  const code = coff.u16();
  const machine = MACHINES.get(code);
  if (machine === undefined) return file.fail(`made for COFF machine 0x${code.toString(16)}; only the 386 (0x14c) and x86-64 (0x8664) are read`, start);
  const sectionCount = coff.u16();
  coff.skip(4);
  const symbolOffset = coff.u32();
  const symbolCount = coff.u32();
  const optionalSize = coff.u16();
  const sectionOffset = start + COFF_HEADER + optionalSize;
  const common = { machine, isImage, symbolOffset, symbolCount, sectionOffset, sectionCount };
  if (!isImage) return { ...common, imageBase: 0n, entry: 0, directories: [], sectionAlignment: 16 };
  return { ...common, ...readOptionalHeader(file.reader(start + COFF_HEADER, sectionOffset)) };
}

function readOptionalHeader(reader: ByteReader): Pick<Header, "imageBase" | "entry" | "directories" | "sectionAlignment"> {
  const start = reader.offset;
  const magic = reader.u16();
  if (magic !== MAGIC.PE32 && magic !== MAGIC.PE32_PLUS) reader.fail(`an optional header of kind 0x${magic.toString(16)}; PE32 (0x10b) and PE32+ (0x20b) are read`, start);
  const isWide = magic === MAGIC.PE32_PLUS;
  reader.seek(start + 16);
  const entry = reader.u32();
  reader.seek(start + (isWide ? 24 : 28));
  const imageBase = reader.unsigned(isWide ? 8 : 4);
  const sectionAlignment = reader.u32();
  reader.seek(start + (isWide ? 108 : 92));
  const count = Math.min(reader.u32(), MOST_DIRECTORIES, Math.floor(reader.remaining / 8));
  const directories = Array.from({ length: count }, (): PeDirectory => ({ address: reader.u32(), size: reader.u32() }));
  return { entry, imageBase, sectionAlignment, directories };
}

/** The strings behind the symbol table: long names of symbols and sections. Empty if the file has none. */
function readStrings(file: SourceFile, { symbolOffset, symbolCount }: Header): ByteReader {
  const start = symbolOffset + symbolCount * COFF_SYMBOL;
  const place = `strings of ${file.name}`;
  if (symbolOffset === 0 || start + 4 > file.size) return new ByteReader(new Uint8Array(0), place);
  const size = file.reader(start, start + 4).u32();
  return new ByteReader(file.bytes(start, Math.min(start + Math.max(size, 4), file.size)), place);
}

function readSections(file: SourceFile, header: Header, strings: ByteReader): PeSection[] {
  const { sectionOffset, sectionCount } = header;
  const reader = file.reader(sectionOffset, sectionOffset + sectionCount * SECTION_HEADER);
  return Array.from({ length: sectionCount }, (_, index): PeSection => {
    const short = shortName(reader.take(8));
    const memorySize = reader.u32();
    const address = reader.u32();
    const fileSize = reader.u32();
    const offset = reader.u32();
    reader.skip(12);
    const characteristics = reader.u32();
    const isEmpty = (characteristics & SCN.UNINITIALIZED) !== 0 || offset === 0;
    if (!isEmpty && offset + fileSize > file.size) file.fail(`section ${index + 1} (${fileSize} bytes) runs past the end of the file; is the file cut short?`, offset);
    return { name: longName(short, strings), address, memorySize, fileSize: isEmpty ? 0 : fileSize, offset, characteristics };
  });
}

/** Up to eight characters, without a zero byte if there are eight. */
export function shortName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** A section's name; `/123` says where in the string table a long one is. */
function longName(name: string, strings: ByteReader): string {
  if (!/^\/\d+$/.test(name)) return name;
  strings.seek(Number(name.slice(1)));
  return strings.text();
}

export class PeFile implements ObjectFile {
  readonly machine: Machine;
  readonly entry: bigint;
  readonly sections: readonly ElfSection[];
  readonly format: string;
  /** The address that the linker made the image for; where firmware loads it elsewhere, the difference is the bias. */
  readonly imageBase: bigint;
  private readonly contents = new Map<string, Uint8Array>();
  private symbolList: readonly ElfSymbol[] | undefined;

  private constructor(private readonly file: SourceFile, private readonly header: Header, private readonly strings: ByteReader, readonly peSections: readonly PeSection[]) {
    this.machine = header.machine;
    this.imageBase = header.imageBase;
    this.entry = header.isImage && header.entry !== 0 ? header.imageBase + BigInt(header.entry) : 0n;
    this.format = !header.isImage ? "COFF object" : header.machine === "386" ? "PE32" : "PE32+";
    this.sections = elfSections(header, peSections);
  }

  static parse(bytes: Uint8Array, name = "symbol file"): PeFile {
    return PeFile.open(memorySource(bytes), name);
  }

  /**
   * Reads the headers of an image or object.
   * @param name what to call the file in errors
   * @throws SymbolFileError if it is no such file for x86, or is cut short
   */
  static open(source: ByteSource, name: string): PeFile {
    const file = new SourceFile(source, name);
    const header = readHeader(file);
    const strings = readStrings(file, header);
    return new PeFile(file, header, strings, readSections(file, header, strings));
  }

  /** What the file is called in errors. */
  get name(): string {
    return this.file.name;
  }

  section(name: string): ElfSection | undefined {
    return this.sections.find(section => section.name === name);
  }

  symbols(): readonly ElfSymbol[] {
    this.symbolList ??= this.readSymbols();
    return this.symbolList;
  }

  /** DWARF as GCC and Clang for Windows and EFI put it into sections. An object's is not given: it is not relocated. */
  debugSection(name: string): Uint8Array | undefined {
    const section = this.debugHolder(name);
    if (section === undefined) return undefined;
    let bytes = this.contents.get(name);
    if (bytes === undefined) this.contents.set(name, bytes = this.file.bytes(section.offset, section.offset + usedSize(section)));
    return bytes;
  }

  debugSectionSize(name: string): number | undefined {
    const section = this.debugHolder(name);
    return section && usedSize(section);
  }

  debugSectionPart(name: string, start: number, end: number): Uint8Array {
    const section = this.debugHolder(name) ?? this.file.fail(`there is no section ${name}`);
    if (end > usedSize(section)) this.file.fail(`section ${name} has no bytes up to 0x${end.toString(16)}`, section.offset);
    return this.file.bytes(section.offset + start, section.offset + end);
  }

  /** By .pdata and UNWIND_INFO, which x86-64 images have; undefined for others. */
  get unwinder(): Unwinder | undefined {
    const directory = this.header.directories[DIRECTORY.EXCEPTION];
    if (this.machine !== "x86-64" || directory === undefined || directory.size === 0) return undefined;
    return new UnwindTable(address => this.atAddress(address), directory, this.imageBase, this.name);
  }

  /** The PDB that the image names, if it does. */
  pdb(): PdbReference | undefined {
    const directory = this.header.directories[DIRECTORY.DEBUG];
    if (directory === undefined || directory.size === 0) return undefined;
    const table = this.atAddress(directory.address);
    for (let rest = Math.min(directory.size, table.remaining); rest >= DEBUG_ENTRY; rest -= DEBUG_ENTRY) {
      table.skip(12);
      const type = table.u32();
      const size = table.u32();
      table.skip(4);
      const offset = table.u32();
      if (type === CODEVIEW && offset !== 0) return readPdb(this.file.reader(offset, offset + size));
    }
    return undefined;
  }

  /** A cursor from an address (relative to the image's base) to the end of its section's bytes in the file. */
  atAddress(address: number): ByteReader {
    const section = this.peSections.find(candidate => candidate.address <= address && address < candidate.address + candidate.fileSize);
    if (section === undefined) return this.file.fail(`a table at address 0x${address.toString(16)} of the image, where the file has no bytes`);
    const bytes = this.file.bytes(section.offset, section.offset + section.fileSize);
    return new ByteReader(bytes, `${section.name} of ${this.name}, by address`, address, section.address + section.fileSize, section.address);
  }

  private readSymbols(): ElfSymbol[] {
    const { symbolOffset, symbolCount, directories } = this.header;
    const size = symbolCount * COFF_SYMBOL;
    const found = symbolOffset === 0 ? []
      : readCoffSymbols(this.file.reader(symbolOffset, symbolOffset + size), this.strings, this.sections, this.machine);
    const directory = directories[DIRECTORY.EXPORT];
    if (directory === undefined || directory.size === 0) return found;
    const names = new Set(found.map(({ name }) => name));
    return [...found, ...readExports(address => this.atAddress(address), directory, this).filter(({ name }) => !names.has(name))];
  }

  private debugHolder(name: string): PeSection | undefined {
    if (!this.header.isImage) return undefined;
    return this.peSections.find(section => section.name === name && section.fileSize > 0);
  }
}

/** Linkers fill sections up in the file; the memory size is the true one where it is smaller. */
function usedSize({ memorySize, fileSize }: PeSection): number {
  return memorySize === 0 ? fileSize : Math.min(memorySize, fileSize);
}

function elfSections({ isImage, imageBase, sectionAlignment }: Header, sections: readonly PeSection[]): ElfSection[] {
  const none: ElfSection = { index: 0, name: "", type: 0, flags: 0, address: 0n, offset: 0, size: 0, link: 0 };
  let next = 0;
  return [none, ...sections.map((section, index): ElfSection => {
    const { name, characteristics, fileSize, offset } = section;
    const size = section.memorySize === 0 ? fileSize : section.memorySize;
    const isLoaded = !/^\.(z?debug_|stab)/.test(name) && ((characteristics & SCN.DISCARDABLE) === 0 || name === ".reloc" || isImage);
    const isCode = (characteristics & (SCN.CODE | SCN.EXECUTE)) !== 0;
    // An object's sections have no addresses yet: they are laid out one behind the other.
    const address = isImage ? imageBase + BigInt(section.address) : BigInt(next);
    if (!isImage && isLoaded) next = Math.ceil((next + size) / sectionAlignment) * sectionAlignment;
    const flags = (isLoaded ? SHF.ALLOC : 0) | (isCode ? SHF.EXECINSTR : 0) | ((characteristics & SCN.WRITE) !== 0 ? SHF_WRITE : 0);
    return { index: index + 1, name, type: fileSize === 0 ? SHT.NOBITS : 1, flags, address, offset, size, link: 0 };
  })];
}

/** A CodeView record of the kind 'RSDS': GUID, age and path of a PDB. */
function readPdb(reader: ByteReader): PdbReference | undefined {
  if (reader.u32() !== RSDS) return undefined;
  const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, "0").toUpperCase();
  const parts = [hex(reader.u32(), 8), hex(reader.u16(), 4), hex(reader.u16(), 4)];
  const rest = [...reader.take(8)].map(byte => hex(byte, 2)).join("");
  const age = reader.u32();
  return { guid: `${parts.join("-")}-${rest.slice(0, 4)}-${rest.slice(4)}`, age, path: reader.text() };
}
