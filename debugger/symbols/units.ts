// Units of .debug_info and .debug_types (DWARF 5, 7.5): their headers, and their entries, decoded where they are asked for.

import type { ByteReader } from "./bytes";
import { SymbolFileError } from "./bytes";
import type { DebugInfo } from "./debug-info";
import { Die } from "./die";
import type { Attribute } from "./die";
import { DW_AT, DW_FORM, DW_UT } from "./dwarf-constants";
import { indirectForm, readForm, skipForm } from "./forms";
import type { Abbreviation, AbbreviationTable, RawValue, UnitEncoding } from "./forms";

export type { Die } from "./die";

const MAXIMUM_DEPTH = 256;

export interface UnitHeader extends UnitEncoding {
  readonly start: number;
  readonly end: number;
  readonly contentStart: number;
  readonly abbreviationOffset: number;
  /** A type unit's signature. */
  readonly signature: bigint | undefined;
  /** What a skeleton unit and its split unit have in common (DWARF 5; before, an attribute has it). */
  readonly splitId: bigint | undefined;
  /** Offset of the type's entry inside a type unit. */
  readonly typeOffset: number;
  /** A `DW_UT` value; before DWARF 5 only type units are told apart. */
  readonly kind: number;
}

/** One unit: its header and the means to read its entries. */
export class Unit implements UnitEncoding {
  readonly version: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly start: number;
  readonly end: number;
  private rootDie: Die | undefined;
  private splitUnit: { readonly value: Unit | undefined } | undefined;
  /** Of a split unit (`.dwo`): the unit of the program that stands for it there, and has its addresses and lines. */
  skeleton: Unit | undefined;

  /** @param section `.debug_info` or `.debug_types` */
  constructor(readonly info: DebugInfo, readonly sectionName: string, readonly header: UnitHeader) {
    this.version = header.version;
    this.offsetSize = header.offsetSize;
    this.addressSize = header.addressSize;
    this.start = header.start;
    this.end = header.end;
  }

  /** The unit's own entry. */
  get root(): Die {
    this.rootDie ??= this.readRoot() ?? this.fail("a unit without an entry of its own");
    return this.rootDie;
  }

  private readRoot(): Die | undefined {
    const head = this.info.unitHead(this);
    head.seek(this.header.contentStart);
    try {
      return this.readDie(head);
    } catch (error) {
      // Longer than what was read of it, most likely.
      if (!(error instanceof SymbolFileError) || head.end === this.end) throw error;
      return this.dieAt(this.header.contentStart);
    }
  }

  private fail(problem: string): never {
    throw new SymbolFileError(problem, this.sectionName, this.start);
  }

  /** The unit with this one's entries: of a skeleton, the split unit in another file if that is there; else itself. */
  get full(): Unit {
    this.splitUnit ??= { value: this.info.splitOf(this) };
    return this.splitUnit.value ?? this;
  }

  /** The unit with this one's addresses and line table: of a split unit, its skeleton; else itself. */
  get frame(): Unit {
    return this.skeleton ?? this;
  }

  /** The number that a skeleton unit and its split unit share; undefined for units that are not split. */
  get splitId(): bigint | undefined {
    return this.header.splitId ?? this.root.constant(DW_AT.GNU_dwo_id);
  }

  /** Where the unit's part of a section begins: as a `base` attribute says; for a split unit, by the section's own layout. */
  base(name: number): number {
    const stated = this.root.number(name);
    if (stated !== undefined || !this.info.isSplit) return stated ?? 0;
    const wide = this.offsetSize === 8;
    switch (name) {
      // DWARF 5, 7.26, 7.28 and 7.29: the tables' headers. The older GNU form has none.
      case DW_AT.str_offsets_base: return this.contribution(".debug_str_offsets") + (this.version < 5 ? 0 : wide ? 16 : 8);
      case DW_AT.loclists_base: return this.contribution(".debug_loclists") + (wide ? 20 : 12);
      case DW_AT.rnglists_base: return this.contribution(".debug_rnglists") + (wide ? 20 : 12);
      default: return 0;
    }
  }

  /** Where the unit's part of a section begins in a package of split units (`.dwp`); 0 elsewhere. */
  contribution(section: string): number {
    return this.info.contribution(this, section);
  }

  /** The lowest address, from which its range and location lists count. */
  get lowAddress(): bigint {
    return this.frame.root.address(DW_AT.low_pc) ?? 0n;
  }

  /** The unit's section and those beside it. */
  section(name: string): ByteReader {
    return this.info.reader(name);
  }

  /** The entry at an offset of the section; undefined for the null entry that ends a list of children. */
  dieAt(offset: number): Die | undefined {
    return this.readDie(this.readerAt(offset));
  }

  private readDie(reader: ByteReader): Die | undefined {
    const { offset } = reader;
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

  /** Text of a string form; undefined for strings in a supplementary file that is not there. */
  textOf(form: number, raw: RawValue): string | undefined {
    if (typeof raw === "string") return raw;
    if (typeof raw !== "number") return undefined;
    switch (form) {
      case DW_FORM.strp: return this.info.text(".debug_str", raw);
      case DW_FORM.line_strp: return this.info.text(".debug_line_str", raw);
      case DW_FORM.GNU_strp_alt: case DW_FORM.strp_sup: return this.info.alternate?.text(".debug_str", raw);
      case DW_FORM.strx: case DW_FORM.GNU_str_index: case DW_FORM.strx1: case DW_FORM.strx2: case DW_FORM.strx3: case DW_FORM.strx4: {
        const reader = this.section(".debug_str_offsets");
        reader.seek(this.base(DW_AT.str_offsets_base) + raw * this.offsetSize);
        return this.info.text(".debug_str", reader.sized(this.offsetSize));
      }
      default: return undefined;
    }
  }

  /** Entry `index` of the unit's part of .debug_addr. */
  addressAt(index: number): bigint {
    if (this.skeleton !== undefined) return this.skeleton.addressAt(index);
    const reader = this.section(".debug_addr");
    const base = this.root.number(DW_AT.addr_base) ?? this.root.number(DW_AT.GNU_addr_base) ?? 0;
    reader.seek(base + index * this.addressSize);
    return reader.unsigned(this.addressSize);
  }

  /** The entry that a value of a reference form names. */
  follow(form: number, raw: RawValue): Die | undefined {
    switch (form) {
      case DW_FORM.ref1: case DW_FORM.ref2: case DW_FORM.ref4: case DW_FORM.ref8: case DW_FORM.ref_udata:
        return this.dieAt(this.start + Number(raw));
      case DW_FORM.ref_addr: return this.info.dieAt(Number(raw));
      case DW_FORM.GNU_ref_alt: case DW_FORM.ref_sup4: case DW_FORM.ref_sup8: return this.info.alternate?.dieAt(Number(raw));
      case DW_FORM.ref_sig8: return typeof raw === "bigint" ? this.info.typeUnitDie(raw) : undefined;
      default: return undefined;
    }
  }

  /** The unit's abbreviations by code. */
  abbreviations(): AbbreviationTable {
    return this.info.abbreviations(this.header.abbreviationOffset + this.contribution(".debug_abbrev"));
  }

  private readerAt(offset: number): ByteReader {
    if (offset < this.header.contentStart || offset >= this.end) {
      throw new SymbolFileError(`a reference to an entry outside the unit at 0x${this.start.toString(16)}`, this.sectionName, offset);
    }
    const reader = this.info.unitReader(this);
    reader.seek(offset);
    return reader;
  }

  private abbreviationFor(reader: ByteReader): Abbreviation | undefined {
    const at = reader.offset;
    const code = reader.uleb();
    if (code === 0) return undefined;
    return this.abbreviations().get(code) ?? reader.fail(`abbreviation ${code} is not in the table`, at);
  }

  private offsetAfter(die: Die): number {
    if (!die.hasChildren) return die.contentEnd;
    const sibling = die.number(DW_AT.sibling);
    if (sibling !== undefined) {
      const next = this.start + sibling;
      if (next <= die.offset) throw new SymbolFileError("an entry whose sibling does not come after it", this.sectionName, die.offset);
      return next;
    }
    return this.endOfChildren(die.contentEnd);
  }

  /** Where the list of children that begins at the offset has ended: the way past an entry without DW_AT_sibling. */
  endOfChildren(offset: number): number {
    const reader = this.readerAt(offset);
    const abbreviations = this.abbreviations();
    for (let depth = 1; depth > 0 && reader.remaining > 0;) {
      const at = reader.offset;
      const code = reader.uleb();
      const abbreviation = code === 0 ? undefined : abbreviations.get(code) ?? reader.fail(`abbreviation ${code} is not in the table`, at);
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

/** Reads the header that begins at the cursor. Throws `SymbolFileError` where it is broken, or the unit ends past `sectionEnd`. */
export function readUnitHeader(reader: ByteReader, isTypesSection: boolean, sectionEnd: number): UnitHeader {
  const start = reader.offset;
  const first = reader.u32();
  if (first >= 0xfffffff0 && first !== 0xffffffff) reader.fail(`reserved unit length 0x${first.toString(16)}`, start);
  const offsetSize = first === 0xffffffff ? 8 : 4;
  const length = offsetSize === 8 ? reader.size64() : first;
  const end = reader.offset + length;
  if (end > sectionEnd) reader.fail(`a unit of ${length} bytes runs past the end of the section`, start);
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
    signature: isType ? signature : undefined, splitId: isType ? undefined : signature, typeOffset, kind,
  };
}
