// Attribute forms and abbreviations (DWARF 5, 7.5): how the values in .debug_info are laid out.

import type { ByteReader } from "./bytes";
import { DW_FORM } from "./dwarf-constants";

/** The three facts of a unit that its forms' sizes depend on. */
export interface UnitEncoding {
  readonly version: number;
  /** 4 in the 32-bit DWARF format, 8 in the 64-bit format. */
  readonly offsetSize: 4 | 8;
  /** Bytes in a target address. */
  readonly addressSize: number;
}

/**
 * A value as it stands in the section: numbers are constants, offsets, indices or references as the form says
 * (bigint for addresses and for constants that a number does not hold exactly), bytes are blocks, text is an inline string.
 */
export type RawValue = number | bigint | Uint8Array | string;

export interface AbbreviationAttribute {
  readonly name: number;
  readonly form: number;
  /** The value itself, for DW_FORM_implicit_const. */
  readonly constant: number | bigint;
}

export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AbbreviationAttribute[];
}

/** One abbreviation table (DWARF 5, 7.5.3), read as far as it is needed: for a unit's own entry the first lines are enough. */
export class AbbreviationTable {
  private readonly known = new Map<number, Abbreviation>();
  private next: number;
  private isComplete = false;

  /** @param section .debug_abbrev; the table begins at `offset` */
  constructor(private readonly section: ByteReader, offset: number) {
    this.next = offset;
  }

  /** The abbreviation of a code; undefined if the table has none. Throws `SymbolFileError` where the table is broken. */
  get(code: number): Abbreviation | undefined {
    const known = this.known.get(code);
    if (known !== undefined || this.isComplete) return known;
    const reader = this.section;
    reader.seek(this.next);
    for (;;) {
      const found = reader.remaining === 0 ? 0 : reader.uleb();
      if (found === 0) {
        this.isComplete = true;
        return undefined;
      }
      const abbreviation = readAbbreviation(reader);
      this.known.set(found, abbreviation);
      this.next = reader.offset;
      if (found === code) return abbreviation;
    }
  }
}

function readAbbreviation(reader: ByteReader): Abbreviation {
  const tag = reader.uleb();
  const hasChildren = reader.u8() !== 0;
  const attributes: AbbreviationAttribute[] = [];
  for (;;) {
    const name = reader.uleb();
    const form = reader.uleb();
    const constant = form === DW_FORM.implicit_const ? narrow(reader.slebBig()) : 0;
    if (name === 0 && form === 0) return { tag, hasChildren, attributes };
    attributes.push({ name, form, constant });
  }
}

/** A form's size in bytes where the unit alone decides it; undefined where the data does. */
export function fixedFormSize(form: number, unit: UnitEncoding): number | undefined {
  switch (form) {
    case DW_FORM.flag_present: case DW_FORM.implicit_const: return 0;
    case DW_FORM.data1: case DW_FORM.ref1: case DW_FORM.flag: case DW_FORM.strx1: case DW_FORM.addrx1: return 1;
    case DW_FORM.data2: case DW_FORM.ref2: case DW_FORM.strx2: case DW_FORM.addrx2: return 2;
    case DW_FORM.strx3: case DW_FORM.addrx3: return 3;
    case DW_FORM.data4: case DW_FORM.ref4: case DW_FORM.strx4: case DW_FORM.addrx4: case DW_FORM.ref_sup4: return 4;
    case DW_FORM.data8: case DW_FORM.ref8: case DW_FORM.ref_sig8: case DW_FORM.ref_sup8: return 8;
    case DW_FORM.data16: return 16;
    case DW_FORM.addr: return unit.addressSize;
    // DWARF 2 gave references across units the size of an address; later versions that of an offset.
    case DW_FORM.ref_addr: return unit.version <= 2 ? unit.addressSize : unit.offsetSize;
    case DW_FORM.strp: case DW_FORM.line_strp: case DW_FORM.strp_sup: case DW_FORM.sec_offset:
    case DW_FORM.GNU_ref_alt: case DW_FORM.GNU_strp_alt: return unit.offsetSize;
    default: return undefined;
  }
}

function blockSize(reader: ByteReader, form: number): number | undefined {
  switch (form) {
    case DW_FORM.block1: return reader.u8();
    case DW_FORM.block2: return reader.u16();
    case DW_FORM.block4: return reader.u32();
    case DW_FORM.block: case DW_FORM.exprloc: return reader.uleb();
    default: return undefined;
  }
}

/** Steps over a value without decoding it. */
export function skipForm(reader: ByteReader, form: number, unit: UnitEncoding): void {
  const fixed = fixedFormSize(form, unit);
  if (fixed !== undefined) return reader.skip(fixed);
  switch (form) {
    case DW_FORM.string: return reader.skipText();
    case DW_FORM.sdata: case DW_FORM.udata: case DW_FORM.ref_udata: case DW_FORM.strx: case DW_FORM.addrx: case DW_FORM.GNU_addr_index: case DW_FORM.GNU_str_index:
    case DW_FORM.loclistx: case DW_FORM.rnglistx: return reader.skipLeb();
    case DW_FORM.indirect: return skipForm(reader, indirectForm(reader), unit);
    default: {
      const size = blockSize(reader, form);
      if (size === undefined) return reader.fail(`unknown attribute form 0x${form.toString(16)}`);
      reader.skip(size);
    }
  }
}

/** The form that stands in the data for DW_FORM_indirect, which may not be indirect again. */
export function indirectForm(reader: ByteReader): number {
  const form = reader.uleb();
  if (form === DW_FORM.indirect || form === DW_FORM.implicit_const) reader.fail(`an indirect form that is itself 0x${form.toString(16)}`);
  return form;
}

function narrow(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= -BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** Reads a value of a form other than implicit_const and indirect; throws SymbolFileError for a form that it does not know. */
export function readForm(reader: ByteReader, form: number, unit: UnitEncoding): RawValue {
  switch (form) {
    case DW_FORM.addr: return reader.unsigned(unit.addressSize);
    case DW_FORM.flag_present: return 1;
    case DW_FORM.string: return reader.text();
    case DW_FORM.sdata: return narrow(reader.slebBig());
    case DW_FORM.udata: return narrow(reader.ulebBig());
    case DW_FORM.ref_udata: case DW_FORM.strx: case DW_FORM.addrx: case DW_FORM.loclistx: case DW_FORM.rnglistx:
    case DW_FORM.GNU_addr_index: case DW_FORM.GNU_str_index: return reader.uleb();
    case DW_FORM.data16: return reader.take(16);
    case DW_FORM.ref_sig8: return reader.u64();
  }
  switch (fixedFormSize(form, unit)) {
    case 1: return reader.u8();
    case 2: return reader.u16();
    case 3: return reader.u24();
    case 4: return reader.u32();
    case 8: return narrow(reader.u64());
    default: return readBlock(reader, form);
  }
}

function readBlock(reader: ByteReader, form: number): Uint8Array {
  const size = blockSize(reader, form);
  if (size === undefined) return reader.fail(`unknown attribute form 0x${form.toString(16)}`);
  return reader.take(size);
}
