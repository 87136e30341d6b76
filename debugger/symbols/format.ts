// Shows values as a tree for the Variables view: a line of text for each, and its members, elements or target on demand.

import type { ReadMemory } from "./cfi";
import { DW_ATE } from "./dwarf-constants";
import { numberOf } from "./expression";
import { elementOf, sizeOf, stripType, typeName } from "./types";
import type { ArrayType, BaseType, EnumType, Member, PointerType, RecordType, Type } from "./types";
import { bytesAround, floatText, isSignedEncoding, memoryValue, partOf, readBits } from "./values";
import type { ValueSource } from "./values";

export interface FormatOptions {
  /** For integers; `both` gives `26 (0x1a)`. `both` by default. */
  readonly integers?: "decimal" | "hexadecimal" | "both";
  /** For the memory that pointers point at. Without it they are shown as numbers only. */
  readonly readMemory?: ReadMemory;
  /** Names an address, to be shown beside pointers: `main+4`. */
  readonly symbolise?: (address: bigint) => string | undefined;
  /** Characters of a string to show before `…`. 200 by default. */
  readonly stringLimit?: number;
}

/** One line of the tree. */
export interface DisplayNode {
  readonly name: string;
  /** One line of text. */
  readonly value: string;
  readonly typeName: string;
  readonly type: Type;
  /** Where the value is in memory; undefined for values elsewhere and for bit fields. */
  readonly address: bigint | undefined;
  /** Of a bit field in memory: the bytes that it lies in. */
  readonly around?: { readonly address: bigint; readonly bytes: number };
  /** The address that a pointer or reference holds, wherever it lies itself. */
  readonly target?: bigint;
  readonly childCount: number;
  /** True if the children are elements by number, so that they may be shown in pages. */
  readonly isIndexed: boolean;
  /** Children `start` to `start + count`; all without arguments. */
  children(start?: number, count?: number): DisplayNode[];
}

const DEFAULT_STRING_LIMIT = 200;
const PREVIEW_PARTS = 5;
const NO_CHILDREN = { childCount: 0, isIndexed: false, children: () => [] };

type Content = Pick<DisplayNode, "value" | "target" | "childCount" | "isIndexed" | "children">;

/** Shows a value of a type. Never fails for what the guest's memory holds; throws SymbolFileError if the type itself is broken. */
export function formatValue(name: string, type: Type, source: ValueSource, options: FormatOptions = {}): DisplayNode {
  return { name, type, typeName: typeName(type), address: source.address, ...content(type, source, options) };
}

/** The text of a value alone, for a hover or a log message. */
export function valueText(type: Type, source: ValueSource, options: FormatOptions = {}): string {
  return content(type, source, options).value;
}

function content(type: Type, source: ValueSource, options: FormatOptions): Content {
  const bare = stripType(type);
  if (source.missing !== undefined) return missing(bare, source, options);
  switch (bare.kind) {
    case "void": return leaf("<no value>");
    case "subroutine": return leaf(source.address === undefined ? "<function>" : addressText(source.address, options));
    case "struct": case "union": case "class": return record(bare, source, options);
    case "array": return array(bare, source, options);
    case "base": case "enum": case "pointer": case "reference": case "rvalue-reference": {
      const bytes = source.read(0, bare.size);
      if (bytes === undefined) return leaf(unreadable(source));
      if (bare.kind === "base") return leaf(baseText(bare, bytes, options));
      if (bare.kind === "enum") return leaf(enumText(bare, numberOf(bytes), bare.size * 8, options));
      const target = numberOf(bytes);
      return { ...pointer(bare, target, options), target };
    }
  }
}

/** A value that is not there; of a pointer, what it points at may be. */
function missing(type: Type, source: ValueSource, options: FormatOptions): Content {
  const { pointee } = source;
  const text = `<optimised out: ${source.missing ?? "no value"}>`;
  if (pointee === undefined || pointee.missing !== undefined || type.kind !== "pointer") return leaf(text);
  const target = formatValue("*", type.target, pointee, options);
  return { value: `${text} ${target.value}`, childCount: 1, isIndexed: false, children: () => [target] };
}

function leaf(value: string): Content {
  return { value, ...NO_CHILDREN };
}

function unreadable(source: ValueSource): string {
  return source.address === undefined ? "<not known>" : `<cannot read memory at ${hex(source.address)}>`;
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** @param bits width, for the two's complement of a negative number */
function integerText(value: bigint, bits: number, options: FormatOptions): string {
  const asHex = hex(BigInt.asUintN(bits, value));
  switch (options.integers ?? "both") {
    case "decimal": return value.toString();
    case "hexadecimal": return asHex;
    case "both": return value >= 0n && value < 10n ? value.toString() : `${value} (${asHex})`;
  }
}

function addressText(address: bigint, options: FormatOptions): string {
  const symbol = options.symbolise?.(address);
  return symbol === undefined ? hex(address) : `${hex(address)} <${symbol}>`;
}

// Scalars.

function isCharacter(type: Type): type is BaseType {
  return type.kind === "base" && type.size === 1 && (type.encoding === DW_ATE.signed_char || type.encoding === DW_ATE.unsigned_char);
}

function baseText(type: BaseType, bytes: Uint8Array, options: FormatOptions): string {
  if (type.encoding === DW_ATE.float) return floatText(bytes, type.size, type.name) ?? hex(numberOf(bytes));
  if (type.encoding === DW_ATE.complex_float) return complexText(type, bytes);
  return integerOf(type, numberOf(bytes), type.size * 8, options);
}

function complexText(type: BaseType, bytes: Uint8Array): string {
  const half = type.size / 2;
  const part = (start: number): string => floatText(bytes.subarray(start, start + half), half, type.name.replace("complex ", "")) ?? "?";
  return `${part(0)} + ${part(half)}i`;
}

/** An integer, character or boolean of so many bits (fewer than the type has, in a bit field). */
function integerOf(type: BaseType, raw: bigint, bits: number, options: FormatOptions): string {
  if (type.encoding === DW_ATE.boolean) return raw === 0n ? "false" : raw === 1n ? "true" : `true (${hex(raw)})`;
  const value = isSignedEncoding(type) ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
  const text = integerText(value, bits, options);
  const isText = (isCharacter(type) && bits === 8) || type.encoding === DW_ATE.UTF;
  return isText ? `${text} ${quote(BigInt.asUintN(bits, raw), "'")}` : text;
}

function enumText(type: EnumType, raw: bigint, bits: number, options: FormatOptions): string {
  const value = type.signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
  const exact = type.enumerators.find(enumerator => enumerator.value === value);
  if (exact !== undefined) return `${exact.name} (${value})`;
  const flags = flagNames(type, value);
  return flags === undefined ? integerText(value, bits, options) : `${flags.join(" | ")} (${hex(value)})`;
}

/** The enumerators that make up a value, if each of them is a bit of its own and they cover it. */
function flagNames(type: EnumType, value: bigint): string[] | undefined {
  if (value <= 0n) return undefined;
  let rest = value;
  const names: string[] = [];
  for (const enumerator of type.enumerators) {
    const bit = enumerator.value;
    if (bit <= 0n || (bit & (bit - 1n)) !== 0n || (rest & bit) === 0n) continue;
    rest &= ~bit;
    names.push(enumerator.name);
  }
  return rest === 0n ? names : undefined;
}

const ESCAPES = new Map<number, string>([[0, "\\0"], [9, "\\t"], [10, "\\n"], [13, "\\r"], [92, "\\\\"]]);

/** A character code as C would write it between such quotes. */
function escapeCode(code: number, mark: string): string {
  const known = ESCAPES.get(code);
  if (known !== undefined) return known;
  const text = String.fromCodePoint(code);
  if (text === mark) return `\\${mark}`;
  return code < 0x20 || (code >= 0x7f && code < 0xa0) ? `\\x${code.toString(16).padStart(2, "0")}` : text;
}

function quote(code: bigint, mark: string): string {
  return code > 0x10ffffn ? "" : `${mark}${escapeCode(Number(code), mark)}${mark}`;
}

// Text in memory.

/** The characters before the first zero byte, in quotes; `…` where the limit or unreadable memory cuts it. */
function stringText(bytes: Uint8Array, isCut: boolean): string {
  const zero = bytes.indexOf(0);
  const text = bytes.subarray(0, zero < 0 ? bytes.length : zero);
  let quoted = "";
  for (const character of new TextDecoder().decode(text)) quoted += escapeCode(character.codePointAt(0) ?? 0, "\"");
  return `"${quoted}"${zero < 0 && isCut ? "…" : ""}`;
}

/** A string that memory holds, read in small steps so that the end of mapped memory hides none of it. */
function readString(address: bigint, readMemory: ReadMemory, limit: number): string | undefined {
  const step = 16n;
  const parts: number[] = [];
  for (let at = address; parts.length < limit;) {
    const size = Number(step - at % step);
    const bytes = readMemory(at, size) ?? readMemory(at, 1);
    if (bytes === undefined || bytes.length === 0) break;
    parts.push(...bytes);
    if (bytes.includes(0)) break;
    at += BigInt(bytes.length);
  }
  return parts.length === 0 ? undefined : stringText(Uint8Array.from(parts.slice(0, limit)), true);
}

// Pointers.

function pointer(type: PointerType, value: bigint, options: FormatOptions): Content {
  const text = addressText(value, options);
  const { readMemory } = options;
  const target = stripType(type.target);
  const isOpaque = target.kind === "void" || target.kind === "subroutine" || sizeOf(target) === 0;
  if (readMemory === undefined || value === 0n) return leaf(text);
  if (isCharacter(target)) {
    const string = readString(value, readMemory, options.stringLimit ?? DEFAULT_STRING_LIMIT);
    return leaf(string === undefined ? `${text} <cannot read memory>` : `${text} ${string}`);
  }
  if (isOpaque) return leaf(text);
  const source = memoryValue(value, readMemory);
  if ("members" in target) return { value: text, ...recordChildren(target, source, options) };
  return { value: text, childCount: 1, isIndexed: false, children: () => [formatValue("*", type.target, source, options)] };
}

// Records.

function recordChildren(type: RecordType, source: ValueSource, options: FormatOptions): Pick<Content, "childCount" | "isIndexed" | "children"> {
  const members = presentMembers(type, source);
  return {
    childCount: members.length,
    isIndexed: false,
    children: (start = 0, count = members.length) =>
      members.slice(start, start + count).map(member => formatMember(member, source, options)),
  };
}

function record(type: RecordType, source: ValueSource, options: FormatOptions): Content {
  if (type.incomplete) return leaf("<incomplete type>");
  const members = presentMembers(type, source);
  const shown = members.slice(0, PREVIEW_PARTS).map(member => {
    const text = isAggregate(member.type) ? "{…}" : formatMember(member, source, options).value;
    return member.name === undefined ? text : `${member.name} = ${text}`;
  });
  if (members.length > PREVIEW_PARTS) shown.push("…");
  return { value: `{${shown.join(", ")}}`, ...recordChildren(type, source, options) };
}

/** All members but those of variants that are not there. Where the discriminant cannot be read, all are shown. */
function presentMembers({ members }: RecordType, source: ValueSource): readonly Member[] {
  if (!members.some(({ variant }) => variant !== undefined)) return members;
  const values = new Set(members.map(({ variant }) => variant?.value));
  return members.filter(({ variant }) => {
    if (variant?.discriminant === undefined) return true;
    const { offset, type } = variant.discriminant;
    const bytes = source.read(offset, sizeOf(type));
    if (bytes === undefined) return true;
    const bits = bytes.length * 8;
    const found = numberOf(bytes);
    if (variant.value !== undefined) return BigInt.asUintN(bits, variant.value) === found;
    return ![...values].some(value => value !== undefined && BigInt.asUintN(bits, value) === found);
  });
}

function isAggregate(type: Type): boolean {
  const bare = stripType(type);
  return "members" in bare || (bare.kind === "array" && !isCharacter(stripType(bare.element)));
}

function formatMember(member: Member, source: ValueSource, options: FormatOptions): DisplayNode {
  const name = member.name ?? "(anonymous)";
  if (member.bits === undefined) return formatValue(name, member.type, partOf(source, member.offset), options);
  const { offset, size } = member.bits;
  return {
    name, type: member.type, typeName: `${typeName(member.type)} : ${size}`, address: undefined,
    ...(source.address === undefined ? {} : { around: bytesAround(member.bits, source.address) }),
    ...leaf(bitFieldText(member.type, readBits(source, offset, size), size, source, options)),
  };
}

function bitFieldText(type: Type, raw: bigint | undefined, size: number, source: ValueSource, options: FormatOptions): string {
  if (raw === undefined) return unreadable(source);
  const bare = stripType(type);
  if (bare.kind === "enum") return enumText(bare, raw, size, options);
  return bare.kind === "base" ? integerOf(bare, raw, size, options) : hex(raw);
}

// Arrays.

function array(type: ArrayType, source: ValueSource, options: FormatOptions): Content {
  const count = type.dimensions[0] ?? 0;
  const element = elementOf(type);
  const elementSize = sizeOf(element);
  const children = (start = 0, limit = count): DisplayNode[] => {
    const last = Math.min(count, start + limit);
    const nodes: DisplayNode[] = [];
    for (let i = Math.max(start, 0); i < last; i++) nodes.push(formatValue(`[${i}]`, element, partOf(source, i * elementSize), options));
    return nodes;
  };
  return { value: arrayText(element, count, source, options, children), childCount: count, isIndexed: true, children };
}

function arrayText(element: Type, count: number, source: ValueSource, options: FormatOptions, children: DisplayNode["children"]): string {
  const limit = Math.min(count, options.stringLimit ?? DEFAULT_STRING_LIMIT);
  if (isCharacter(stripType(element)) && limit > 0) {
    const bytes = source.read(0, limit);
    return bytes === undefined ? unreadable(source) : stringText(bytes, limit < count);
  }
  if (isAggregate(element)) return `[${count}]`;
  const shown = children(0, PREVIEW_PARTS).map(child => child.value);
  if (count > PREVIEW_PARTS) shown.push("…");
  return `[${count}] {${shown.join(", ")}}`;
}
