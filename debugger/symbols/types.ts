// The types of a program as DWARF describes them: plain shapes, their C spelling, and questions about them.

import { SymbolFileError } from "./bytes";

/** `name` is undefined for types that have none (an anonymous struct, a pointer). Sizes are in bytes. */
export type Type =
  | VoidType | BaseType | PointerType | QualifiedType | TypedefType | RecordType | EnumType | ArrayType | SubroutineType;

/** void, and what DWARF calls unspecified types. */
export interface VoidType {
  readonly kind: "void";
  readonly name: string;
}

export interface BaseType {
  readonly kind: "base";
  readonly name: string;
  readonly size: number;
  /** A `DW_ATE` value. */
  readonly encoding: number;
}

export interface PointerType {
  readonly kind: "pointer" | "reference" | "rvalue-reference";
  readonly size: number;
  readonly target: Type;
}

export interface QualifiedType {
  readonly kind: "const" | "volatile" | "restrict" | "atomic";
  readonly target: Type;
}

export interface TypedefType {
  readonly kind: "typedef";
  readonly name: string;
  readonly target: Type;
}

export interface Member {
  /** Undefined for an anonymous struct or union whose members belong to the outer one. */
  readonly name: string | undefined;
  readonly type: Type;
  /** From the beginning of the record, in bytes. For a bit field: of the byte that its first bit is in. */
  readonly offset: number;
  /** For bit fields: width, and the place of the lowest bit counted from the beginning of the record. */
  readonly bits: { readonly offset: number; readonly size: number } | undefined;
  /** Of a variant's member: it is there if the discriminant has the value; without one, if it has that of no other variant. */
  readonly variant?: { readonly value: bigint | undefined; readonly discriminant?: Member };
}

export interface RecordType {
  readonly kind: "struct" | "union" | "class";
  readonly name: string | undefined;
  /** 0 if the file has no definition of it. */
  readonly size: number;
  readonly members: readonly Member[];
  /** True if the file only says that it exists. */
  readonly incomplete: boolean;
}

export interface EnumType {
  readonly kind: "enum";
  readonly name: string | undefined;
  readonly size: number;
  readonly signed: boolean;
  readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
}

export interface ArrayType {
  readonly kind: "array";
  readonly element: Type;
  /** Outermost first; undefined for a dimension that the type leaves open (`int a[]`). */
  readonly dimensions: readonly (number | undefined)[];
}

export interface SubroutineType {
  readonly kind: "subroutine";
  readonly returnType: Type;
  readonly parameters: readonly Type[];
  /** Ends in `...`. */
  readonly variadic: boolean;
}

export const VOID: VoidType = { kind: "void", name: "void" };

/** More links than any program has: a chain this long runs in a circle. */
const MAXIMUM_CHAIN = 100;

/** The type behind typedefs and qualifiers. Throws SymbolFileError for a chain that runs in a circle. */
export function stripType(type: Type): Exclude<Type, TypedefType | QualifiedType> {
  let current = type;
  for (let i = 0; i < MAXIMUM_CHAIN; i++) {
    switch (current.kind) {
      case "typedef": case "const": case "volatile": case "restrict": case "atomic": current = current.target; break;
      default: return current;
    }
  }
  throw new SymbolFileError("a type that is defined by itself", typeLabel(type));
}

function typeLabel(type: Type): string {
  return "name" in type && type.name !== undefined ? `type ${type.name}` : `a ${type.kind} type`;
}

/** What the elements of an array are: arrays, where it has several dimensions. */
export function elementOf({ element, dimensions }: ArrayType): Type {
  const rest = dimensions.slice(1);
  return rest.length === 0 ? element : { kind: "array", element, dimensions: rest };
}

/** Bytes that a value of the type takes; 0 for void, functions, incomplete types and arrays of open length. */
export function sizeOf(type: Type, depth = 0): number {
  const bare = stripType(type);
  switch (bare.kind) {
    case "void": case "subroutine": return 0;
    case "array":
      if (depth > MAXIMUM_CHAIN) throw new SymbolFileError("an array that is its own element", "types");
      return bare.dimensions.reduce((size: number, count) => size * (count ?? 0), sizeOf(bare.element, depth + 1));
    default: return bare.size;
  }
}

/** A member by name, also one inside anonymous members, with its offset from the outermost record. */
export function memberNamed(record: RecordType, name: string, depth = 0): Member | undefined {
  for (const member of record.members) {
    if (member.name === name) return member;
    const inner = member.name === undefined ? stripType(member.type) : undefined;
    if (inner === undefined || !("members" in inner) || depth > MAXIMUM_CHAIN) continue;
    const found = memberNamed(inner, name, depth + 1);
    if (found === undefined) continue;
    const bits = found.bits && { offset: found.bits.offset + member.offset * 8, size: found.bits.size };
    return { ...found, offset: found.offset + member.offset, bits };
  }
  return undefined;
}

/** The type as C spells it: `const char *`, `int [4][3]`, `void (*)(int, ...)`. */
export function typeName(type: Type): string {
  return declare(type, "", 0).trim();
}

/** A declaration of `inner` as that type. C reads from the name outwards, so the text grows around it. */
function declare(type: Type, inner: string, depth: number): string {
  if (depth > MAXIMUM_CHAIN) return `… ${inner}`;
  switch (type.kind) {
    case "void": case "base": case "typedef": return spaced(type.name, inner);
    case "struct": case "union": case "class": return spaced(`${type.kind} ${type.name ?? "{…}"}`, inner);
    case "enum": return spaced(`enum ${type.name ?? "{…}"}`, inner);
    case "pointer": return declarePointer(type.target, `*${inner}`, depth);
    case "reference": return declarePointer(type.target, `&${inner}`, depth);
    case "rvalue-reference": return declarePointer(type.target, `&&${inner}`, depth);
    case "const": case "volatile": case "restrict": case "atomic": return declareQualified(type, inner, depth);
    case "array": {
      const brackets = type.dimensions.map(count => `[${count ?? ""}]`).join("");
      return declare(type.element, inner === "" ? ` ${brackets}` : `${inner}${brackets}`, depth + 1);
    }
    case "subroutine": {
      const parameters = type.parameters.map(parameter => declare(parameter, "", depth + 1).trim());
      if (type.variadic) parameters.push("...");
      return declare(type.returnType, `${inner}(${parameters.length === 0 ? "void" : parameters.join(", ")})`, depth + 1);
    }
  }
}

function spaced(name: string, inner: string): string {
  return inner === "" || inner.startsWith(" ") ? `${name}${inner}` : `${name} ${inner}`;
}

function declarePointer(target: Type, inner: string, depth: number): string {
  const bindsTighter = target.kind === "array" || target.kind === "subroutine";
  return declare(target, bindsTighter ? `(${inner})` : inner, depth + 1);
}

/** In the order in which people write them, whatever the order in the file. */
const QUALIFIERS: readonly (readonly [QualifiedType["kind"], string])[] =
  [["const", "const"], ["volatile", "volatile"], ["restrict", "restrict"], ["atomic", "_Atomic"]];

/** Qualifiers stand before a plain type's name, but after the star of a pointer that they qualify. */
function declareQualified(type: QualifiedType, inner: string, depth: number): string {
  const kinds = new Set<string>();
  let target: Type = type;
  for (let links = 0; links < MAXIMUM_CHAIN && "target" in target && QUALIFIERS.some(([kind]) => kind === target.kind); links++) {
    kinds.add(target.kind);
    target = target.target;
  }
  const words = QUALIFIERS.filter(([kind]) => kinds.has(kind)).map(([, word]) => word).join(" ");
  const isDerived = target.kind === "pointer" || target.kind === "subroutine";
  if (isDerived) return declare(target, inner === "" ? ` ${words}` : ` ${words} ${inner}`, depth + 1);
  return `${words} ${declare(target, inner, depth + 1)}`;
}
