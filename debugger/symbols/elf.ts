// Reads ELF files (System V gABI, chapters 4 and 5) for the 386 and x86-64: sections, program headers and symbols.

import { ByteReader, SymbolFileError } from "./bytes";
import { memorySource, SourceFile } from "./byte-source";
import type { ByteSource } from "./byte-source";

/** Turns a compressed stream (zlib, RFC 1950, or Zstandard, RFC 8878) into its contents; throws if the stream is broken. */
export type Inflate = (bytes: Uint8Array) => Uint8Array;

/** How to unpack compressed sections; what is missing cannot be unpacked here. */
export interface Unpackers {
  readonly inflate?: Inflate | undefined;
  readonly zstd?: Inflate | undefined;
}

export type Machine = "386" | "x86-64";

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** sh_type, a `SHT` value. */
  readonly type: number;
  /** The low 32 bits of sh_flags, `SHF` values. */
  readonly flags: number;
  readonly address: bigint;
  /** Where its contents begin in the file, in bytes. */
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export interface ElfSegment {
  /** p_type; 1 is PT_LOAD. */
  readonly type: number;
  /** p_flags: 1 execute, 2 write, 4 read. */
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: bigint;
  readonly physicalAddress: bigint;
  readonly fileSize: number;
  readonly memorySize: bigint;
  readonly alignment: bigint;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size: bigint;
  /** An `STT` value. */
  readonly type: number;
  /** An `STB` value. */
  readonly binding: number;
  readonly sectionIndex: number;
}

export const SHT = { SYMTAB: 2, NOTE: 7, NOBITS: 8, DYNSYM: 11 } as const;
export const SHF = { ALLOC: 2, EXECINSTR: 4, TLS: 0x400, COMPRESSED: 0x800 } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, TLS: 6, GNU_IFUNC: 10 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const SHN = { UNDEF: 0, XINDEX: 0xffff } as const;
const ET_REL = 1;
const PT_LOAD = 1;
const PT_TLS = 7;
/** ELFCOMPRESS values (gABI, 'Section compression'). */
const COMPRESSION = { ZLIB: 1, ZSTD: 2 } as const;
const NOTE_BUILD_ID = 3;
const MACHINES = new Map<number, Machine>([[3, "386"], [62, "x86-64"]]);

interface Header {
  readonly is64: boolean;
  readonly machine: Machine;
  readonly entry: bigint;
  readonly programOffset: number;
  readonly programEntrySize: number;
  readonly programCount: number;
  readonly sectionOffset: number;
  readonly sectionEntrySize: number;
  readonly sectionCount: number;
  readonly nameSection: number;
}

const LARGEST_HEADER = 64;

function readHeader(file: SourceFile, mayBeRelocatable: boolean): Header {
  const reader = file.reader(0, Math.min(file.size, LARGEST_HEADER));
  if (reader.remaining < 16 || reader.u32() !== 0x464c457f) reader.fail("not an ELF file: it does not begin with 7F 'ELF'", 0);
  const fileClass = reader.u8();
  if (fileClass !== 1 && fileClass !== 2) reader.fail(`unknown ELF class ${fileClass}`, 4);
  if (reader.u8() !== 1) reader.fail("a big-endian ELF file; x86 needs a little-endian one", 5);
  const is64 = fileClass === 2;
  const word = is64 ? 8 : 4;
  reader.seek(16);
  if (reader.u16() === ET_REL && !mayBeRelocatable) reader.fail("an object file whose addresses are not settled yet; link it first", 16);
  const machineCode = reader.u16();
  const machine = MACHINES.get(machineCode);
  if (machine === undefined) return reader.fail(`made for ELF machine ${machineCode}; only the 386 (3) and x86-64 (62) are read`, 18);
  reader.skip(4);
  const entry = reader.unsigned(word);
  const programOffset = reader.sized(word);
  const sectionOffset = reader.sized(word);
  reader.skip(6);
  return {
    is64, machine, entry, programOffset, sectionOffset,
    programEntrySize: reader.u16(), programCount: reader.u16(),
    sectionEntrySize: reader.u16(), sectionCount: reader.u16(), nameSection: reader.u16(),
  };
}

type RawSection = Omit<ElfSection, "name"> & { readonly nameOffset: number; readonly info: number };

function readSection(reader: ByteReader, index: number, is64: boolean): RawSection {
  const word = is64 ? 8 : 4;
  return {
    index,
    nameOffset: reader.u32(),
    type: reader.u32(),
    flags: Number(BigInt.asUintN(32, reader.unsigned(word))),
    address: reader.unsigned(word),
    offset: reader.sized(word),
    size: reader.sized(word),
    link: reader.u32(),
    info: reader.u32(),
  };
}

function readSegment(reader: ByteReader, is64: boolean): ElfSegment {
  const type = reader.u32();
  const earlyFlags = is64 ? reader.u32() : 0;
  const word = is64 ? 8 : 4;
  const offset = reader.sized(word);
  const virtualAddress = reader.unsigned(word);
  const physicalAddress = reader.unsigned(word);
  const fileSize = reader.sized(word);
  const memorySize = reader.unsigned(word);
  const flags = is64 ? earlyFlags : reader.u32();
  return { type, flags, offset, virtualAddress, physicalAddress, fileSize, memorySize, alignment: reader.unsigned(word) };
}

function readSections(file: SourceFile, header: Header): ElfSection[] {
  if (header.sectionOffset === 0) return [];
  const least = header.is64 ? 64 : 40;
  if (header.sectionEntrySize < least) file.fail(`section headers of ${header.sectionEntrySize} bytes are shorter than ELF's ${least}`, header.sectionOffset);
  const { sectionOffset, sectionEntrySize } = header;
  // gABI: with 0xff00 sections or more, the true counts stand in the first section header.
  const first = readSection(file.reader(sectionOffset, sectionOffset + sectionEntrySize), 0, header.is64);
  const count = header.sectionCount === 0 ? first.size : header.sectionCount;
  const nameSection = header.nameSection === SHN.XINDEX ? first.link : header.nameSection;
  const tableSize = count * sectionEntrySize;
  if (tableSize > file.size - sectionOffset) {
    file.fail(`the table of ${count} section headers runs past the end of the file; is the file cut short?`, header.sectionOffset);
  }
  const table = file.reader(sectionOffset, sectionOffset + tableSize);
  const raw = Array.from({ length: count }, (_, index): RawSection => {
    table.seek(sectionOffset + index * sectionEntrySize);
    return readSection(table, index, header.is64);
  });
  for (const section of raw) {
    if (section.type !== SHT.NOBITS && section.offset + section.size > file.size && section.type !== 0) {
      file.fail(`section ${section.index} (${section.size} bytes) runs past the end of the file; is the file cut short?`, section.offset);
    }
  }
  const names = raw[nameSection];
  if (nameSection !== 0 && names === undefined) file.fail(`the section with the names, ${nameSection}, does not exist`, 0);
  const nameReader = nameSection === 0 || names.type === SHT.NOBITS ? undefined : file.reader(names.offset, names.offset + names.size);
  return raw.map(section => {
    nameReader?.seek(names.offset + section.nameOffset);
    const { index, type, flags, address, offset, size, link } = section;
    return { index, name: nameReader?.text() ?? "", type, flags, address, offset, size, link };
  });
}

/** An ELF file's tables. Contents of sections are fetched (and inflated) when they are asked for. */
export class ElfFile {
  private readonly contents = new Map<number, Uint8Array>();
  private readonly byName = new Map<string, ElfSection>();
  /** Sections of one name in a split file: each type that units may share has one of its own. */
  private readonly parts = new Map<string, readonly ElfSection[]>();
  private readonly joinedParts = new Map<string, Uint8Array>();
  private symbolList: ElfSymbol[] | undefined;

  private constructor(
    private readonly file: SourceFile,
    readonly is64: boolean,
    readonly machine: Machine,
    /** e_entry, not moved by any load bias. */
    readonly entry: bigint,
    readonly sections: readonly ElfSection[],
    readonly segments: readonly ElfSegment[],
    private readonly unpackers: Unpackers,
  ) {
    for (const section of sections) {
      const first = this.byName.get(section.name);
      if (first === undefined) this.byName.set(section.name, section);
      else if (section.name.endsWith(".dwo")) this.parts.set(section.name, [...this.parts.get(section.name) ?? [first], section]);
    }
  }

  /**
   * Reads the headers of an executable, shared object or debug file.
   * @param name what to call the file in errors
   * @param inflate needed only if sections are compressed by zlib
   * @param zstd needed only if sections are compressed by Zstandard
   * @throws SymbolFileError if it is no ELF file for x86, is cut short, or is a relocatable object
   */
  static parse(bytes: Uint8Array, name = "symbol file", inflate?: Inflate, zstd?: Inflate): ElfFile {
    return ElfFile.open(memorySource(bytes), name, { inflate, zstd });
  }

  /** The same for a file that is read in parts. A split file (`.dwo`, `.dwp`) may be relocatable: nothing in it needs relocation. */
  static open(source: ByteSource, name: string, unpackers: Unpackers = {}, isSplit = false): ElfFile {
    const file = new SourceFile(source, name);
    const header = readHeader(file, isSplit);
    const segments: ElfSegment[] = [];
    if (header.programOffset !== 0 && header.programCount !== 0) {
      const least = header.is64 ? 56 : 32;
      if (header.programEntrySize < least) file.fail(`program headers of ${header.programEntrySize} bytes are shorter than ELF's ${least}`, header.programOffset);
      const reader = file.reader(header.programOffset, header.programOffset + header.programCount * header.programEntrySize);
      for (let i = 0; i < header.programCount; i++) {
        reader.seek(header.programOffset + i * header.programEntrySize);
        segments.push(readSegment(reader, header.is64));
      }
    }
    return new ElfFile(file, header.is64, header.machine, header.entry, readSections(file, header), segments, unpackers);
  }

  /** What the file is called in errors. */
  get name(): string {
    return this.file.name;
  }

  /** The lowest address that it takes in memory. */
  get lowest(): bigint {
    const loaded = this.segments.filter(({ type }) => type === PT_LOAD);
    return loaded.reduce((lowest, { virtualAddress }) => virtualAddress < lowest ? virtualAddress : lowest, loaded.at(0)?.virtualAddress ?? 0n);
  }

  /** From a thread's base to an executable's thread-local variables (variant II: they lie below it). Undefined without any. */
  get threadOffset(): bigint | undefined {
    const segment = this.segments.find(({ type }) => type === PT_TLS);
    if (segment === undefined) return undefined;
    const alignment = segment.alignment > 0n ? segment.alignment : 1n;
    return -((segment.memorySize + alignment - 1n) / alignment * alignment);
  }

  /** The format in words. */
  get format(): string {
    return `ELF, ${this.is64 ? 64 : 32} bits`;
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.byName.get(name);
  }

  /** A section's contents, inflated if it is compressed; empty for a section without contents (NOBITS). */
  sectionBytes(section: ElfSection): Uint8Array {
    let bytes = this.contents.get(section.index);
    if (bytes === undefined) {
      bytes = this.readContents(section);
      this.contents.set(section.index, bytes);
    }
    return bytes;
  }

  /**
   * Bytes [start, end) of a section, read alone if the file is read in parts and the section is not compressed:
   * for sections that are too large to be held whole.
   */
  sectionPart(section: ElfSection, start: number, end: number): Uint8Array {
    const known = this.contents.get(section.index);
    const isPlain = known === undefined && section.type !== SHT.NOBITS && (section.flags & SHF.COMPRESSED) === 0;
    if (!isPlain) return (known ?? this.sectionBytes(section)).subarray(start, end);
    if (start < 0 || end > section.size) this.file.fail(`section ${section.name} has no bytes up to 0x${end.toString(16)}`, section.offset);
    return this.file.bytes(section.offset + start, section.offset + end);
  }

  /** The build id (`.note.gnu.build-id`) in hexadecimal digits; undefined if the file has none. */
  buildId(): string | undefined {
    const section = this.byName.get(".note.gnu.build-id");
    if (section === undefined || section.type !== SHT.NOTE) return undefined;
    const reader = new ByteReader(this.sectionBytes(section), `${section.name} of ${this.name}`);
    while (reader.remaining >= 12) {
      const nameSize = reader.u32();
      const size = reader.u32();
      const type = reader.u32();
      reader.skip((nameSize + 3) & ~3);
      const description = reader.take(size);
      if (type === NOTE_BUILD_ID) return [...description].map(byte => byte.toString(16).padStart(2, "0")).join("");
      reader.skip(Math.min(-size & 3, reader.remaining));
    }
    return undefined;
  }

  /** The contents of the named debug section (`.debug_…`), also in its old compressed form `.zdebug_…`; undefined if there is none. */
  debugSection(name: string): Uint8Array | undefined {
    const parts = this.parts.get(name);
    if (parts !== undefined) return this.joined(name, parts);
    const section = this.byName.get(name);
    if (section !== undefined) return section.type === SHT.NOBITS ? undefined : this.sectionBytes(section);
    const old = this.byName.get(name.replace(/^\./, ".z"));
    return old === undefined ? undefined : this.readGnuCompressed(old);
  }

  /** The size of the named debug section, also in its old compressed form; undefined if there is none. */
  debugSectionSize(name: string): number | undefined {
    const section = this.byName.get(name);
    if (section === undefined || this.parts.has(name)) return this.debugSection(name)?.length;
    if (section.type === SHT.NOBITS) return undefined;
    return (section.flags & SHF.COMPRESSED) === 0 ? section.size : this.sectionBytes(section).length;
  }

  /** Bytes [start, end) of the named debug section, which there must be. */
  debugSectionPart(name: string, start: number, end: number): Uint8Array {
    const section = this.byName.get(name);
    return section === undefined || this.parts.has(name) ? (this.debugSection(name) ?? new Uint8Array(0)).subarray(start, end) : this.sectionPart(section, start, end);
  }

  /** The symbols of .symtab, or of .dynsym if that is all there is. The null symbol is left out. */
  symbols(): readonly ElfSymbol[] {
    this.symbolList ??= this.readSymbols();
    return this.symbolList;
  }

  private joined(name: string, parts: readonly ElfSection[]): Uint8Array {
    let bytes = this.joinedParts.get(name);
    if (bytes === undefined) {
      const contents = parts.map(part => this.sectionBytes(part));
      bytes = new Uint8Array(contents.reduce((size, part) => size + part.length, 0));
      let at = 0;
      for (const part of contents) {
        bytes.set(part, at);
        at += part.length;
      }
      this.joinedParts.set(name, bytes);
    }
    return bytes;
  }

  private readContents(section: ElfSection): Uint8Array {
    if (section.type === SHT.NOBITS) return new Uint8Array(0);
    const part = this.file.reader(section.offset, section.offset + section.size);
    if ((section.flags & SHF.COMPRESSED) === 0) return part.bytes;
    const kind = part.u32();
    if (kind !== COMPRESSION.ZLIB && kind !== COMPRESSION.ZSTD) {
      part.fail(`section ${section.name} is compressed by method ${kind}; only zlib (1) and Zstandard (2) are read`, section.offset);
    }
    if (this.is64) part.skip(4);
    const size = part.sized(this.is64 ? 8 : 4);
    part.skip(this.is64 ? 8 : 4);
    return this.unpack(section, part.take(part.remaining), size, kind === COMPRESSION.ZSTD);
  }

  private readGnuCompressed(section: ElfSection): Uint8Array {
    const known = this.contents.get(section.index);
    if (known !== undefined) return known;
    const part = this.file.reader(section.offset, section.offset + section.size);
    if (part.u32() !== 0x42494c5a) part.fail(`section ${section.name} does not begin with 'ZLIB'`, section.offset);
    let size = 0;
    for (let i = 0; i < 8; i++) size = size * 256 + part.u8();
    const bytes = this.unpack(section, part.take(part.remaining), size, false);
    this.contents.set(section.index, bytes);
    return bytes;
  }

  private unpack(section: ElfSection, packed: Uint8Array, size: number, isZstd: boolean): Uint8Array {
    const unpacker = isZstd ? this.unpackers.zstd : this.unpackers.inflate;
    if (unpacker === undefined) {
      const advice = isZstd ? "compressed by Zstandard, which cannot be unpacked here; make it anew with zlib: objcopy --compress-debug-sections=zlib"
        : "compressed, and no inflate function was given";
      throw new SymbolFileError(`section ${section.name} is ${advice}`, this.name, section.offset);
    }
    let bytes: Uint8Array;
    try {
      bytes = unpacker(packed);
    } catch (error) {
      throw new SymbolFileError(`section ${section.name} cannot be inflated: ${error instanceof Error ? error.message : String(error)}`, this.name, section.offset);
    }
    if (bytes.length !== size) {
      throw new SymbolFileError(`section ${section.name} inflates to ${bytes.length} bytes, its header says ${size}`, this.name, section.offset);
    }
    return bytes;
  }

  private readSymbols(): ElfSymbol[] {
    const table = this.sections.find(section => section.type === SHT.SYMTAB) ?? this.sections.find(section => section.type === SHT.DYNSYM);
    if (table === undefined) return [];
    const strings = this.sections[table.link];
    if (strings === undefined) throw new SymbolFileError(`symbol table ${table.name} names string table ${table.link}, which does not exist`, this.name);
    const names = new ByteReader(this.sectionBytes(strings), `${strings.name} of ${this.name}`);
    const reader = new ByteReader(this.sectionBytes(table), `${table.name} of ${this.name}`);
    const entrySize = this.is64 ? 24 : 16;
    if (reader.remaining % entrySize !== 0) reader.fail(`a symbol table of ${reader.remaining} bytes is not made of ${entrySize}-byte symbols`);
    const symbols: ElfSymbol[] = [];
    reader.skip(Math.min(entrySize, reader.remaining));
    while (reader.remaining > 0) symbols.push(this.readSymbol(reader, names));
    return symbols;
  }

  private readSymbol(reader: ByteReader, names: ByteReader): ElfSymbol {
    names.seek(reader.u32());
    const name = names.text();
    if (this.is64) {
      const info = reader.u8();
      reader.skip(1);
      const sectionIndex = reader.u16();
      return { name, value: reader.u64(), size: reader.u64(), type: info & 15, binding: info >> 4, sectionIndex };
    }
    const value = reader.unsigned(4);
    const size = reader.unsigned(4);
    const info = reader.u8();
    reader.skip(1);
    return { name, value, size, type: info & 15, binding: info >> 4, sectionIndex: reader.u16() };
  }
}
