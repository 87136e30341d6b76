// Units and debugging information entries of .debug_info and .debug_types (DWARF 5, 7.5), decoded where they are asked for.

import { ByteReader, SymbolFileError } from "./bytes";
import { DW_AT, DW_FORM, DW_UT } from "./dwarf-constants";
import { indirectForm, readAbbreviations, readForm, skipForm } from "./forms";
import type { Abbreviation, RawValue, UnitEncoding } from "./forms";

const MAXIMUM_DEPTH = 256;
const MAXIMUM_ORIGINS = 16;

/** Gives a debug section's contents by its name (`.debug_info`), or undefined if the file has none. */
export type SectionSource = (name: string) => Uint8Array | undefined;

interface Attribute {
  readonly name: number;
  readonly form: number;
  readonly raw: RawValue;
}

/** One debugging information entry: a tag, attributes, and children that are read on demand. */
export class Die {
  constructor(
    readonly unit: Unit,
    /** Offset in the unit's section; with the unit it identifies the entry. */
    readonly offset: number,
    readonly tag: number,
    readonly hasChildren: boolean,
    /** Where the first child, or the next entry, begins. */
    readonly contentEnd: number,
    private readonly attributes: readonly Attribute[],
  ) {}

  private find(name: number): Attribute | undefined {
    for (const attribute of this.attributes) if (attribute.name === name) return attribute;
    return undefined;
  }

  has(name: number): boolean {
    return this.find(name) !== undefined;
  }

  flag(name: number): boolean {
    const raw = this.find(name)?.raw;
    return raw !== undefined && raw !== 0;
  }

  /** A constant or section offset as a number; undefined if the attribute is missing or of another class. */
  number(name: number): number | undefined {
    const raw = this.find(name)?.raw;
    return typeof raw === "number" ? raw : undefined;
  }

  /** A constant that may need all 64 bits. */
  constant(name: number): bigint | undefined {
    const attribute = this.find(name);
    if (attribute === undefined || attribute.form === DW_FORM.addr) return undefined;
    return typeof attribute.raw === "number" || typeof attribute.raw === "bigint" ? BigInt(attribute.raw) : undefined;
  }

  text(name: number): string | undefined {
    const attribute = this.find(name);
    return attribute === undefined ? undefined : this.unit.textOf(attribute.form, attribute.raw);
  }

  /** An address, also through .debug_addr. Undefined if missing or of class constant (as DW_AT_high_pc may be). */
  address(name: number): bigint | undefined {
    const attribute = this.find(name);
    if (attribute === undefined) return undefined;
    switch (attribute.form) {
      case DW_FORM.addr: return typeof attribute.raw === "bigint" ? attribute.raw : undefined;
      case DW_FORM.addrx: case DW_FORM.addrx1: case DW_FORM.addrx2: case DW_FORM.addrx3: case DW_FORM.addrx4:
        return this.unit.addressAt(Number(attribute.raw));
      default: return undefined;
    }
  }

  /** A block or expression. */
  block(name: number): Uint8Array | undefined {
    const raw = this.find(name)?.raw;
    return raw instanceof Uint8Array ? raw : undefined;
  }

  /** The form in which an attribute stands. */
  form(name: number): number | undefined {
    return this.find(name)?.form;
  }

  /** The entry that a reference attribute points at; undefined if missing, or in a supplementary file. */
  reference(name: number): Die | undefined {
    const attribute = this.find(name);
    if (attribute === undefined) return undefined;
    return this.unit.follow(attribute.form, attribute.raw);
  }

  /** This entry and those that it completes (DW_AT_abstract_origin, DW_AT_specification), nearest first. */
  origins(): Die[] {
    const chain: Die[] = [this];
    while (chain.length <= MAXIMUM_ORIGINS) {
      const last = chain[chain.length - 1];
      const next = last.reference(DW_AT.abstract_origin) ?? last.reference(DW_AT.specification);
      if (next === undefined) return chain;
      chain.push(next);
    }
    throw new SymbolFileError("entries that name each other as origin without end", this.unit.sectionName, this.offset);
  }

  /** The first of `origins()` that has the attribute. */
  holder(name: number): Die | undefined {
    if (this.has(name)) return this;
    return this.origins().find(die => die.has(name));
  }

  /** DW_AT_name of this entry or its origin. */
  name(): string | undefined {
    return this.holder(DW_AT.name)?.text(DW_AT.name);
  }

  children(): Generator<Die> {
    return this.unit.childrenOf(this);
  }
}

interface UnitHeader extends UnitEncoding {
  readonly start: number;
  readonly end: number;
  readonly contentStart: number;
  readonly abbreviationOffset: number;
  readonly signature: bigint | undefined;
  /** Offset of the type's entry inside a type unit. */
  readonly typeOffset: number;
}

/** One unit: its header and the means to read its entries. */
export class Unit implements UnitEncoding {
  readonly version: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly start: number;
  readonly end: number;
  private rootDie: Die | undefined;
  private abbreviationTable: Map<number, Abbreviation> | undefined;

  constructor(private readonly info: DebugInfo, private readonly reader: ByteReader, readonly header: UnitHeader) {
    this.version = header.version;
    this.offsetSize = header.offsetSize;
    this.addressSize = header.addressSize;
    this.start = header.start;
    this.end = header.end;
  }

  get sectionName(): string {
    return this.reader.name;
  }

  /** The unit's own entry. */
  get root(): Die {
    if (this.rootDie === undefined) {
      const die = this.dieAt(this.header.contentStart);
      if (die === undefined) throw new SymbolFileError("a unit without an entry of its own", this.sectionName, this.start);
      this.rootDie = die;
    }
    return this.rootDie;
  }

  /** A `base` attribute of the unit: where its part of a section begins. */
  base(name: number): number {
    return this.root.number(name) ?? 0;
  }

  /** The lowest address, from which its range and location lists count. */
  get lowAddress(): bigint {
    return this.root.address(DW_AT.low_pc) ?? 0n;
  }

  /** The unit's section and those beside it. */
  section(name: string): ByteReader {
    return this.info.reader(name);
  }

  /** The entry at an offset of the section; undefined for the null entry that ends a list of children. */
  dieAt(offset: number): Die | undefined {
    const reader = this.readerAt(offset);
    const abbreviation = this.abbreviationFor(reader);
    if (abbreviation === undefined) return undefined;
    const attributes = abbreviation.attributes.map((attribute): Attribute => {
      if (attribute.form === DW_FORM.implicit_const) return { name: attribute.name, form: attribute.form, raw: attribute.constant };
      const form = attribute.form === DW_FORM.indirect ? indirectForm(reader) : attribute.form;
      return { name: attribute.name, form, raw: readForm(reader, form, this) };
    });
    return new Die(this, offset, abbreviation.tag, abbreviation.hasChildren, reader.offset, attributes);
  }

  *childrenOf(parent: Die): Generator<Die> {
    if (!parent.hasChildren) return;
    let offset = parent.contentEnd;
    while (offset < this.end) {
      const die = this.dieAt(offset);
      if (die === undefined) return;
      yield die;
      offset = this.offsetAfter(die);
    }
  }

  /** Text of a string form; undefined for strings in a supplementary file. */
  textOf(form: number, raw: RawValue): string | undefined {
    if (typeof raw === "string") return raw;
    if (typeof raw !== "number") return undefined;
    switch (form) {
      case DW_FORM.strp: return this.info.text(".debug_str", raw);
      case DW_FORM.line_strp: return this.info.text(".debug_line_str", raw);
      case DW_FORM.strx: case DW_FORM.strx1: case DW_FORM.strx2: case DW_FORM.strx3: case DW_FORM.strx4: {
        const reader = this.section(".debug_str_offsets");
        reader.seek(this.base(DW_AT.str_offsets_base) + raw * this.offsetSize);
        return this.info.text(".debug_str", reader.sized(this.offsetSize));
      }
      default: return undefined;
    }
  }

  /** Entry `index` of the unit's part of .debug_addr. */
  addressAt(index: number): bigint {
    const reader = this.section(".debug_addr");
    reader.seek(this.base(DW_AT.addr_base) + index * this.addressSize);
    return reader.unsigned(this.addressSize);
  }

  /** The entry that a value of a reference form names. */
  follow(form: number, raw: RawValue): Die | undefined {
    switch (form) {
      case DW_FORM.ref1: case DW_FORM.ref2: case DW_FORM.ref4: case DW_FORM.ref8: case DW_FORM.ref_udata:
        return this.dieAt(this.start + Number(raw));
      case DW_FORM.ref_addr: return this.info.dieAt(Number(raw));
      case DW_FORM.ref_sig8: return typeof raw === "bigint" ? this.info.typeUnitDie(raw) : undefined;
      default: return undefined;
    }
  }

  private readerAt(offset: number): ByteReader {
    if (offset < this.header.contentStart || offset >= this.end) {
      throw new SymbolFileError(`a reference to an entry outside the unit at 0x${this.start.toString(16)}`, this.sectionName, offset);
    }
    return this.reader.part(offset, this.end);
  }

  private abbreviationFor(reader: ByteReader): Abbreviation | undefined {
    const at = reader.offset;
    const code = reader.uleb();
    if (code === 0) return undefined;
    this.abbreviationTable ??= this.info.abbreviations(this.header.abbreviationOffset);
    return this.abbreviationTable.get(code) ?? reader.fail(`abbreviation ${code} is not in the table`, at);
  }

  private offsetAfter(die: Die): number {
    if (!die.hasChildren) return die.contentEnd;
    const sibling = die.number(DW_AT.sibling);
    if (sibling !== undefined) {
      const next = this.start + sibling;
      if (next <= die.offset) throw new SymbolFileError("an entry whose sibling does not come after it", this.sectionName, die.offset);
      return next;
    }
    return this.skipChildren(die.contentEnd);
  }

  /** Where the list of children that begins at the offset has ended: the way past an entry without DW_AT_sibling. */
  private skipChildren(offset: number): number {
    const reader = this.reader.part(offset, this.end);
    for (let depth = 1; depth > 0 && reader.remaining > 0;) {
      const abbreviation = this.abbreviationFor(reader);
      if (abbreviation === undefined) {
        depth--;
        continue;
      }
      for (const { form } of abbreviation.attributes) skipForm(reader, form, this);
      if (abbreviation.hasChildren && ++depth > MAXIMUM_DEPTH) reader.fail(`entries nested more than ${MAXIMUM_DEPTH} deep`);
    }
    return reader.offset;
  }
}

function readUnitHeader(reader: ByteReader, isTypesSection: boolean): UnitHeader {
  const start = reader.offset;
  const first = reader.u32();
  if (first >= 0xfffffff0 && first !== 0xffffffff) reader.fail(`reserved unit length 0x${first.toString(16)}`, start);
  const offsetSize = first === 0xffffffff ? 8 : 4;
  const length = offsetSize === 8 ? reader.size64() : first;
  const end = reader.offset + length;
  if (end > reader.end) reader.fail(`a unit of ${length} bytes runs past the end of the section`, start);
  const version = reader.u16();
  if (version < 2 || version > 5) reader.fail(`DWARF version ${version} is not supported; versions 2 to 5 are`, start);
  let kind: number = isTypesSection ? DW_UT.type : DW_UT.compile;
  let addressSize = 0;
  if (version >= 5) {
    kind = reader.u8();
    addressSize = reader.u8();
  }
  const abbreviationOffset = reader.sized(offsetSize);
  if (version < 5) addressSize = reader.u8();
  if (addressSize !== 4 && addressSize !== 8 && addressSize !== 2) reader.fail(`addresses of ${addressSize} bytes are not supported`, start);
  const isType = kind === DW_UT.type || kind === DW_UT.split_type;
  const hasIdentity = isType || kind === DW_UT.skeleton || kind === DW_UT.split_compile;
  const signature = hasIdentity ? reader.u64() : undefined;
  const typeOffset = isType ? reader.sized(offsetSize) : 0;
  if (reader.offset > end) reader.fail("a unit that is shorter than its header", start);
  return {
    start, end, contentStart: reader.offset, version, offsetSize, addressSize, abbreviationOffset,
    signature: isType ? signature : undefined, typeOffset,
  };
}

/** All units of a file, and the sections that they share. */
export class DebugInfo {
  readonly units: readonly Unit[];
  private readonly typeUnits = new Map<bigint, Unit>();
  private readonly abbreviationTables = new Map<number, Map<number, Abbreviation>>();
  private readonly readers = new Map<string, ByteReader>();

  /** @param fileName what to call the file in errors */
  constructor(private readonly source: SectionSource, private readonly fileName: string) {
    this.units = this.readUnits(".debug_info", false);
    for (const unit of [...this.units, ...this.readUnits(".debug_types", true)]) {
      if (unit.header.signature !== undefined) this.typeUnits.set(unit.header.signature, unit);
    }
  }

  private readUnits(section: string, isTypesSection: boolean): Unit[] {
    if (this.source(section) === undefined) return [];
    const reader = this.reader(section);
    const units: Unit[] = [];
    while (reader.remaining > 0) {
      const header = readUnitHeader(reader, isTypesSection);
      units.push(new Unit(this, reader, header));
      reader.seek(header.end);
    }
    return units;
  }

  hasSection(name: string): boolean {
    return this.source(name) !== undefined;
  }

  /** A cursor over a section, at its beginning; one for each section, so whoever asks seeks before reading. */
  reader(name: string): ByteReader {
    let reader = this.readers.get(name);
    if (reader === undefined) {
      reader = new ByteReader(this.source(name) ?? new Uint8Array(0), `${name} of ${this.fileName}`);
      this.readers.set(name, reader);
    }
    reader.offset = 0;
    return reader;
  }

  text(section: string, offset: number): string {
    const reader = this.reader(section);
    reader.seek(offset);
    return reader.text();
  }

  abbreviations(offset: number): Map<number, Abbreviation> {
    let table = this.abbreviationTables.get(offset);
    if (table === undefined) {
      const reader = this.reader(".debug_abbrev");
      reader.seek(offset);
      table = readAbbreviations(reader);
      this.abbreviationTables.set(offset, table);
    }
    return table;
  }

  /** The entry at an offset of .debug_info, in whichever unit it lies. */
  dieAt(offset: number): Die | undefined {
    let low = 0;
    let high = this.units.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.units[middle].end <= offset) low = middle + 1;
      else high = middle;
    }
    const unit = this.units[low];
    if (unit === undefined) throw new SymbolFileError("a reference past the last unit", `.debug_info of ${this.fileName}`, offset);
    return unit.dieAt(offset);
  }

  /** The type that a type unit defines. */
  typeUnitDie(signature: bigint): Die | undefined {
    const unit = this.typeUnits.get(signature);
    return unit?.dieAt(unit.start + unit.header.typeOffset);
  }
}

