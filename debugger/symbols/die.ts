// Debugging information entries (DWARF 5, 2.1 and 7.5): a tag, attributes by class, and children.

import { SymbolFileError } from "./bytes";
import { DW_AT, DW_FORM } from "./dwarf-constants";
import type { RawValue } from "./forms";
import type { Unit } from "./units";

const MAXIMUM_ORIGINS = 16;

export interface Attribute {
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
      case DW_FORM.addrx: case DW_FORM.GNU_addr_index: case DW_FORM.addrx1: case DW_FORM.addrx2: case DW_FORM.addrx3: case DW_FORM.addrx4:
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

  /** The entry that a reference attribute points at; undefined if missing, or in a supplementary file that is not there. */
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
