// Makes types (types.ts) from the entries of DWARF that describe them; members and targets are read when they are looked at.

import { ByteReader, SymbolFileError } from "./bytes";
import { DW_AT, DW_ATE, DW_OP, DW_TAG } from "./dwarf-constants";
import { stripType, VOID } from "./types";
import type { EnumType, Member, PointerType, QualifiedType, RecordType, SubroutineType, Type, TypedefType } from "./types";
import type { Die, Unit } from "./units";

/** Finds the entry that defines a record or enumeration of which a unit has only the declaration. */
export type DefinitionFinder = (tag: number, name: string) => Die | undefined;

/** A value that is worked out once, when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const RECORD_KINDS = new Map<number, RecordType["kind"]>([
  [DW_TAG.structure_type, "struct"], [DW_TAG.union_type, "union"], [DW_TAG.class_type, "class"], [DW_TAG.interface_type, "class"],
]);
const POINTER_KINDS = new Map<number, PointerType["kind"]>([
  [DW_TAG.pointer_type, "pointer"], [DW_TAG.reference_type, "reference"], [DW_TAG.rvalue_reference_type, "rvalue-reference"],
]);
const QUALIFIER_KINDS = new Map<number, QualifiedType["kind"]>([
  [DW_TAG.const_type, "const"], [DW_TAG.volatile_type, "volatile"], [DW_TAG.restrict_type, "restrict"], [DW_TAG.atomic_type, "atomic"],
]);

/** Builds each type once, so that a type's identity is its entry's. */
export class TypeBuilder {
  private readonly built = new WeakMap<Unit, Map<number, Type>>();

  constructor(private readonly findDefinition: DefinitionFinder) {}

  /** The type of an entry (DW_AT_type, also through its origin); void if it has none. */
  typeOf(die: Die): Type {
    const target = die.holder(DW_AT.type)?.reference(DW_AT.type);
    return target === undefined ? VOID : this.build(target);
  }

  /** The type that an entry describes. Throws SymbolFileError for an entry that is no type. */
  build(die: Die): Type {
    let types = this.built.get(die.unit);
    if (types === undefined) this.built.set(die.unit, types = new Map<number, Type>());
    let type = types.get(die.offset);
    if (type === undefined) types.set(die.offset, type = this.make(die));
    return type;
  }

  /** The type of a function's entry. */
  subroutine(die: Die): SubroutineType {
    const parts = once(() => {
      const children = [...die.children()];
      return {
        parameters: children.filter(child => child.tag === DW_TAG.formal_parameter).map(child => this.typeOf(child)),
        variadic: children.some(child => child.tag === DW_TAG.unspecified_parameters),
      };
    });
    const returnType = once(() => this.typeOf(die));
    return {
      kind: "subroutine",
      get returnType() { return returnType(); },
      get parameters() { return parts().parameters; },
      get variadic() { return parts().variadic; },
    };
  }

  private make(die: Die): Type {
    const record = RECORD_KINDS.get(die.tag);
    if (record !== undefined) return this.record(record, die);
    const pointer = POINTER_KINDS.get(die.tag);
    if (pointer !== undefined) return this.pointer(pointer, die);
    const qualifier = QUALIFIER_KINDS.get(die.tag);
    if (qualifier !== undefined) return this.linked({ kind: qualifier }, die);
    switch (die.tag) {
      case DW_TAG.base_type:
        return { kind: "base", name: die.name() ?? "?", size: byteSize(die) ?? 0, encoding: die.number(DW_AT.encoding) ?? 0 };
      case DW_TAG.typedef: return this.linked({ kind: "typedef", name: die.name() ?? "?" }, die);
      case DW_TAG.enumeration_type: return this.enumeration(die);
      case DW_TAG.array_type: return this.array(die);
      case DW_TAG.subroutine_type: case DW_TAG.subprogram: return this.subroutine(die);
      case DW_TAG.unspecified_type: return { kind: "void", name: die.name() ?? "void" };
      case DW_TAG.subrange_type: return this.subrange(die);
      case DW_TAG.ptr_to_member_type: return this.memberPointer(die);
      // What only narrows or renames a type that it names: what it names is shown.
      case DW_TAG.template_alias: case DW_TAG.packed_type: case DW_TAG.shared_type: case DW_TAG.immutable_type: case DW_TAG.imported_declaration:
        return this.linked({ kind: "typedef", name: die.name() ?? "?" }, die);
      case DW_TAG.set_type: case DW_TAG.file_type: case DW_TAG.string_type: case DW_TAG.coarray_type: case DW_TAG.dynamic_type: case DW_TAG.thrown_type:
        return { kind: "base", name: die.name() ?? "?", size: byteSize(die) ?? 0, encoding: DW_ATE.unsigned };
      default: throw new SymbolFileError(`an entry of tag 0x${die.tag.toString(16)} where a type is needed`, die.unit.sectionName, die.offset);
    }
  }

  private linked(start: Omit<QualifiedType, "target"> | Omit<TypedefType, "target">, die: Die): Type {
    const target = once(() => this.typeOf(die));
    return { ...start, get target() { return target(); } };
  }

  private pointer(kind: PointerType["kind"], die: Die): Type {
    const target = once(() => this.typeOf(die));
    return { kind, size: byteSize(die) ?? die.unit.addressSize, get target() { return target(); } };
  }

  /** The entry itself, or the definition elsewhere in the file if this is only a declaration. */
  private definition(die: Die): Die | undefined {
    // An entry with a signature stands for the definition in a type unit; GCC does not always say that it is a declaration.
    if (die.has(DW_AT.signature)) return die.reference(DW_AT.signature);
    if (!die.flag(DW_AT.declaration)) return die;
    const name = die.name();
    return name === undefined ? undefined : this.findDefinition(die.tag, name);
  }

  private record(kind: RecordType["kind"], die: Die): RecordType {
    const definition = once(() => this.definition(die));
    const members = once(() => this.members(definition()));
    return {
      kind,
      // A unit that takes its types from others has declarations without a name.
      get name() { return die.name() ?? (die.has(DW_AT.signature) ? definition()?.name() : undefined); },
      get size() { return byteSize(definition()) ?? 0; },
      get members() { return members(); },
      get incomplete() { return definition() === undefined; },
    };
  }

  private members(record: Die | undefined): Member[] {
    const members: Member[] = [];
    for (const child of record?.children() ?? []) {
      // A member that is external is a static one: it lies elsewhere.
      const isMember = child.tag === DW_TAG.member && !child.flag(DW_AT.external) && !child.flag(DW_AT.declaration);
      if (isMember || child.tag === DW_TAG.inheritance) members.push(this.member(child));
      else if (child.tag === DW_TAG.variant_part) members.push(...this.variants(child));
    }
    return members;
  }

  /** The members of a variant part (Rust's enumerations): its discriminant, and the members of each variant, which share their place. */
  private variants(part: Die): Member[] {
    const discriminant = part.reference(DW_AT.discr);
    const members: Member[] = [];
    for (const child of part.children()) {
      if (child.tag !== DW_TAG.variant) continue;
      const value = child.constant(DW_AT.discr_value);
      for (const member of child.children()) if (member.tag === DW_TAG.member) members.push({ ...this.member(member), variant: { value } });
    }
    if (discriminant === undefined) return members;
    return [{ ...this.member(discriminant), name: discriminant.name() ?? DISCRIMINANT }, ...members.map(member => this.selected(member, discriminant))];
  }

  private selected(member: Member, discriminant: Die): Member {
    const { variant } = member;
    return variant === undefined ? member : { ...member, variant: { ...variant, discriminant: this.member(discriminant) } };
  }

  private member(die: Die): Member {
    const type = once(() => this.typeOf(die));
    const base = memberOffset(die);
    const size = die.number(DW_AT.bit_size);
    const offset = size === undefined ? undefined : this.bitOffset(die, base, size, type);
    return {
      name: die.name(),
      get type() { return type(); },
      offset: offset === undefined ? base : Math.floor(offset / 8),
      bits: size === undefined || offset === undefined ? undefined : { offset, size },
    };
  }

  /** Where a bit field's lowest bit is, counted from the record's beginning (DWARF 5, 5.7.6; DWARF 3, 5.5.4 for the old way). */
  private bitOffset(die: Die, base: number, size: number, type: () => Type): number {
    const direct = die.number(DW_AT.data_bit_offset);
    if (direct !== undefined) return base * 8 + direct;
    const fromTop = die.number(DW_AT.bit_offset);
    if (fromTop === undefined) return base * 8;
    const fieldType = type();
    const unitSize = byteSize(die) ?? ("size" in fieldType ? fieldType.size : 0);
    // The old attribute counts from the most significant bit of the storage unit, which little-endian machines have last.
    return base * 8 + unitSize * 8 - fromTop - size;
  }

  private enumeration(die: Die): EnumType {
    const definition = once(() => this.definition(die) ?? die);
    const signed = once(() => isSigned(definition()));
    const enumerators = once(() => {
      const size = byteSize(definition()) ?? 0;
      return [...definition().children()].filter(child => child.tag === DW_TAG.enumerator).map(child => {
        const raw = child.constant(DW_AT.const_value) ?? 0n;
        return { name: child.name() ?? "?", value: signed() ? BigInt.asIntN(size * 8, raw) : BigInt.asUintN(size * 8, raw) };
      });
    });
    return {
      kind: "enum",
      get name() { return die.name() ?? (die.has(DW_AT.signature) ? definition().name() : undefined); },
      get size() { return byteSize(definition()) ?? 0; },
      get signed() { return signed(); },
      get enumerators() { return enumerators(); },
    };
  }

  /** A range of whole numbers, as of the type that it is one of. */
  private subrange(die: Die): Type {
    const underlying = this.typeOf(die);
    const size = byteSize(die);
    if (underlying.kind !== "void") return this.linked({ kind: "typedef", name: die.name() ?? "?" }, die);
    return { kind: "base", name: die.name() ?? "?", size: size ?? die.unit.addressSize, encoding: DW_ATE.unsigned };
  }

  /** C++'s pointer to a member: an offset, for a function two words. */
  private memberPointer(die: Die): Type {
    const isFunction = stripType(this.typeOf(die)).kind === "subroutine";
    const size = byteSize(die) ?? die.unit.addressSize * (isFunction ? 2 : 1);
    return { kind: "base", name: isFunction ? "pointer to member function" : "pointer to member", size, encoding: isFunction ? DW_ATE.address : DW_ATE.signed };
  }

  private array(die: Die): Type {
    const element = once(() => this.typeOf(die));
    const dimensions = [...die.children()].filter(child => child.tag === DW_TAG.subrange_type).map(dimension);
    return { kind: "array", get element() { return element(); }, dimensions };
  }
}

/** What the member that tells variants apart is called. */
const DISCRIMINANT = "(variant)";

const LARGEST_SIZE = 0xffffffff;

/** DW_AT_byte_size, which must be one that an object can have. */
function byteSize(die: Die | undefined): number | undefined {
  const size = die?.number(DW_AT.byte_size);
  if (die !== undefined && size !== undefined && (size < 0 || size > LARGEST_SIZE)) {
    throw new SymbolFileError(`a type of ${size} bytes`, die.unit.sectionName, die.offset);
  }
  return size;
}

/** Whether an enumeration's values are signed: as its underlying type says, else if any value is negative. */
function isSigned(die: Die): boolean {
  const encoding = die.number(DW_AT.encoding) ?? die.reference(DW_AT.type)?.number(DW_AT.encoding);
  if (encoding !== undefined) return encoding === DW_ATE.signed || encoding === DW_ATE.signed_char;
  return [...die.children()].some(child => (child.constant(DW_AT.const_value) ?? 0n) < 0n);
}

function dimension(die: Die): number | undefined {
  const count = die.number(DW_AT.count);
  if (count !== undefined) return count;
  const upper = die.constant(DW_AT.upper_bound);
  if (upper === undefined) return undefined;
  // For `int a[0]` compilers write the upper bound -1, in whatever width.
  if (upper === 0xffffffffn || upper === 0xffffffffffffffffn || upper < 0n) return 0;
  return Number(upper) + 1;
}

/** DW_AT_data_member_location: a constant, or in old files an expression that adds one to the record's address. */
function memberOffset(die: Die): number {
  const constant = die.number(DW_AT.data_member_location);
  if (constant !== undefined) return constant;
  const expression = die.block(DW_AT.data_member_location);
  if (expression === undefined) return 0;
  const reader = new ByteReader(expression, `a member's location in ${die.unit.sectionName}`);
  return reader.u8() === DW_OP.plus_uconst ? reader.uleb() : reader.fail("a member whose place is computed is not supported", 0);
}
