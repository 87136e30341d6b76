// Names of C++ as most compilers write them (Itanium C++ ABI, 'External Names'), made readable as binutils prints them.

import { BUILTIN_TYPES, EXTENDED_TYPES, LITERAL_SUFFIXES, OPERATORS, STANDARD_NAMES } from "./itanium-tables";
import { MangledReader } from "./mangled-reader";

/** A type as it is written around what has it: `int (*` and `) [4]`. */
interface WrittenType {
  readonly left: string;
  readonly right: string;
  readonly kind?: "function" | "array" | undefined;
  /** Of a parameter pack: its types. */
  readonly pack?: readonly WrittenType[];
}

/** A name, and what decides how its function is written. */
interface WrittenName {
  readonly text: string;
  /** The last part without template arguments: what constructors are called. */
  readonly last: string;
  /** Ends in template arguments: its return type is in the mangled name. */
  readonly isTemplate: boolean;
  readonly hasNoReturn: boolean;
  /** ' const', ' &': what a member function is qualified with. */
  readonly qualifiers: string;
}

const CLONE = /(?:\.[A-Za-z_]\w*|\.\d+)+$/;
const SPECIAL: readonly (readonly [code: string, words: string, of: "type" | "name" | "encoding"])[] = [
  ["TV", "vtable for ", "type"], ["TT", "VTT for ", "type"], ["TI", "typeinfo for ", "type"], ["TS", "typeinfo name for ", "type"],
  ["GTt", "transaction clone for ", "encoding"], ["GV", "guard variable for ", "name"], ["TW", "TLS wrapper function for ", "name"], ["TH", "TLS init function for ", "name"],
];

function plain(text: string): WrittenType {
  return { left: text, right: "" };
}

function textOf({ left, right, kind, pack }: WrittenType): string {
  if (pack !== undefined) return pack.map(textOf).join(", ");
  return `${left}${kind === "function" ? " " : ""}${right}`;
}

/** `T*`, `T&`: what is put behind a type, inside of what goes around it. */
function suffixed({ left, right, kind }: WrittenType, suffix: string): WrittenType {
  return kind === undefined ? { left: left + suffix, right } : { left: `${left} (${suffix.trimStart()}`, right: `)${right}` };
}

/** The readable form of a mangled C++ name (`_Z…`). Throws `NotMangled` for what is none. */
export function demangleItanium(mangled: string): string {
  const clone = CLONE.exec(mangled)?.[0] ?? "";
  const reader = new MangledReader(mangled.slice(0, mangled.length - clone.length));
  reader.expect("_Z");
  const text = new Demangler(reader).encoding();
  if (!reader.isAtEnd) reader.fail();
  return clone === "" ? text : `${text} [clone ${clone}]`;
}

class Demangler {
  private readonly substitutions: WrittenType[] = [];
  private parameters: readonly WrittenType[] = [];
  /** Which type of each pack is meant, while a pack is written out. */
  private packIndex: number | undefined;
  private packLength: number | undefined;
  private lambdas = 0;
  /** How many types are being read: template arguments in them are not those of the function. */
  private types = 0;

  constructor(private readonly reader: MangledReader) {}

  /** A function with its parameters, data, or what the compiler makes for either. */
  encoding(isLocal = false): string {
    const { reader } = this;
    return reader.inside(() => {
      const special = this.special();
      if (special !== undefined) return special;
      const name = this.name();
      if (reader.isAtEnd || reader.peek() === "E") return name.text;
      const result = name.isTemplate && !name.hasNoReturn ? this.type() : undefined;
      const called = `${name.text}(${this.parameterList()})${name.qualifiers}`;
      if (result === undefined || isLocal) return called;
      return result.right === "" || result.kind !== undefined ? `${textOf(result)} ${called}` : `${result.left}${called}${result.right}`;
    });
  }

  private special(): string | undefined {
    const { reader } = this;
    const found = SPECIAL.find(([code]) => reader.take(code));
    if (found !== undefined) return found[1] + (found[2] === "type" ? textOf(this.type()) : found[2] === "name" ? this.name().text : this.encoding());
    if (reader.take("GR")) {
      const name = this.name().text;
      const index = reader.match(/[0-9A-Z]*_/y) ?? reader.fail();
      return `reference temporary #${index === "_" ? 0 : parseInt(index, 36) + 1} for ${name}`;
    }
    if (reader.match(/Th?(?=h)h|Th/y) !== undefined) {
      this.offset();
      return `non-virtual thunk to ${this.encoding()}`;
    }
    if (reader.take("Tv")) {
      this.offset();
      this.offset();
      return `virtual thunk to ${this.encoding()}`;
    }
    if (reader.take("Tc")) {
      for (let i = 0; i < 2; i++) if (reader.next() === "v") { this.offset(); this.offset(); } else this.offset();
      return `covariant return thunk to ${this.encoding()}`;
    }
    return undefined;
  }

  private offset(): void {
    if (this.reader.match(/n?\d+_/y) === undefined) this.reader.fail();
  }

  private parameterList(): string {
    const { reader } = this;
    if (reader.peek() === "v" && (reader.position + 1 >= reader.text.length || "E.".includes(reader.peek(1)))) {
      reader.next();
      return "";
    }
    const types: string[] = [];
    while (!reader.isAtEnd && !/^(?:E|[RO]E)/.test(reader.text.slice(reader.position, reader.position + 2))) types.push(textOf(this.type()));
    return types.filter(text => text !== "").join(", ");
  }

  // Names.

  private name(): WrittenName {
    const { reader } = this;
    return reader.inside(() => {
      if (reader.take("N")) return this.nested();
      if (reader.take("Z")) return this.local();
      if (reader.peek() === "S" && reader.peek(1) !== "t") {
        const text = textOf(this.substitution());
        return this.withArguments({ text, last: lastPart(text), isTemplate: false, hasNoReturn: false, qualifiers: "" }, false);
      }
      const scope = reader.take("St") ? "std" : "";
      const unqualified = this.unqualified("");
      const text = scope === "" ? unqualified.text : `${scope}::${unqualified.text}`;
      return this.withArguments({ ...unqualified, text }, true);
    });
  }

  private withArguments(name: WrittenName, isNew: boolean): WrittenName {
    if (this.reader.peek() !== "I") return name;
    if (isNew) this.remember(plain(name.text));
    return { ...name, text: name.text + this.templateArguments(), isTemplate: true };
  }

  private nested(): WrittenName {
    const { reader } = this;
    let qualifiers = this.qualifiers();
    if (reader.take("R")) qualifiers += " &";
    else if (reader.take("O")) qualifiers += " &&";
    let name: WrittenName = { text: "", last: "", isTemplate: false, hasNoReturn: false, qualifiers };
    let isRemembered = false;
    while (!reader.take("E")) {
      isRemembered = true;
      const letter = reader.peek();
      if (letter === "S") {
        const isStandard = reader.take("St");
        const text = isStandard ? "std" : textOf(this.substitution());
        name = { ...name, text, last: lastPart(text), isTemplate: false };
        isRemembered = false;
        continue;
      }
      if (letter === "I") name = { ...name, text: name.text + this.templateArguments(), isTemplate: true };
      else if (letter === "T") name = { ...name, text: textOf(this.templateParameter()), isTemplate: false };
      else if (letter === "D" && /[tT]/.test(reader.peek(1))) name = { ...name, text: textOf(this.type()), isTemplate: false };
      else {
        const part = this.unqualified(name.last);
        name = { ...part, text: name.text === "" ? part.text : `${name.text}::${part.text}`, qualifiers };
      }
      reader.take("M");
      this.remember(plain(name.text));
    }
    // The whole name is remembered as a type where it is one.
    if (isRemembered) this.substitutions.pop();
    return name;
  }

  private local(): WrittenName {
    const { reader } = this;
    const outer = this.separate(() => this.encoding(true));
    reader.expect("E");
    if (reader.take("s")) {
      reader.match(/_\d+|__\d+_/y);
      return { text: `${outer}::string literal`, last: "", isTemplate: false, hasNoReturn: false, qualifiers: "" };
    }
    if (reader.take("d")) {
      const index = reader.match(/\d*_/y) ?? reader.fail();
      const inner = this.name();
      return { ...inner, text: `${outer}::{default arg#${index === "_" ? 1 : parseInt(index, 10) + 2}}::${inner.text}` };
    }
    const inner = this.name();
    reader.match(/_\d|__\d+_/y);
    return { ...inner, text: `${outer}::${inner.text}` };
  }

  /** Another function's name inside of this one: it has template arguments of its own, which also its local things refer to. */
  private separate<T>(read: () => T): T {
    const { types, parameters } = this;
    this.types = 0;
    const found = read();
    this.types = types;
    if (types > 0) this.parameters = parameters;
    return found;
  }

  /** @param scope what the innermost class is called */
  private unqualified(scope: string): WrittenName {
    const { reader } = this;
    const part = (text: string, hasNoReturn = false): WrittenName => {
      let tagged = text;
      while (reader.take("B")) tagged += `[abi:${reader.characters(reader.number())}]`;
      return { text: tagged, last: text, isTemplate: false, hasNoReturn, qualifiers: "" };
    };
    reader.take("L");
    if (/\d/.test(reader.peek())) return part(this.sourceName());
    if (reader.match(/C[1-5]/y) !== undefined) return part(scope, true);
    if (reader.match(/CI[12]/y) !== undefined) {
      this.type();
      return part(scope, true);
    }
    if (reader.match(/D[0-5]/y) !== undefined) return part(`~${scope}`, true);
    if (reader.take("DC")) {
      const names: string[] = [];
      while (!reader.take("E")) names.push(this.sourceName());
      return part(`[${names.join(", ")}]`);
    }
    if (reader.take("Ut")) return part(`{unnamed type#${this.discriminator()}}`);
    if (reader.take("Ul")) return part(this.lambda());
    return this.operator(part);
  }

  private lambda(): string {
    const { reader } = this;
    const saved = this.parameters;
    this.parameters = [];
    this.lambdas++;
    const types: string[] = [];
    while (!reader.take("E")) types.push(textOf(this.type()));
    this.lambdas--;
    this.parameters = saved;
    return `{lambda(${types.length === 1 && types[0] === "void" ? "" : types.join(", ")})#${this.discriminator()}}`;
  }

  private discriminator(): number {
    const index = this.reader.match(/\d*_/y) ?? this.reader.fail();
    return index === "_" ? 1 : parseInt(index, 10) + 2;
  }

  private operator(part: (text: string, hasNoReturn?: boolean) => WrittenName): WrittenName {
    const { reader } = this;
    if (reader.take("cv")) return part(`operator ${textOf(this.type())}`, true);
    if (reader.take("li")) return part(`operator"" ${this.sourceName()}`);
    const operator = OPERATORS.get(reader.characters(2)) ?? reader.fail();
    return part(`operator${/^[a-z]/.test(operator) ? " " : ""}${operator}`);
  }

  private sourceName(): string {
    const name = this.reader.characters(this.reader.number());
    return /^_GLOBAL_[._$]N/.test(name) ? "(anonymous namespace)" : name;
  }

  // Types.

  private type(): WrittenType {
    this.types++;
    const read = this.reader.inside(() => this.readType());
    this.types--;
    return read;
  }

  private readType(): WrittenType {
    const { reader } = this;
    const builtin = BUILTIN_TYPES.get(reader.peek());
    if (builtin !== undefined) {
      reader.next();
      return plain(builtin);
    }
    const extended = EXTENDED_TYPES.get(reader.text.slice(reader.position, reader.position + 2));
    if (extended !== undefined) {
      reader.position += 2;
      return plain(extended);
    }
    const letter = reader.peek();
    if (letter === "S" && reader.peek(1) !== "t") return this.substitutedType();
    return this.remember(this.compoundType(letter));
  }

  private substitutedType(): WrittenType {
    const known = this.substitution();
    if (this.reader.peek() !== "I") return known;
    return this.remember(plain(textOf(known) + this.templateArguments()));
  }

  private compoundType(letter: string): WrittenType {
    const { reader } = this;
    const qualifiers = this.qualifiers();
    if (qualifiers !== "") return this.qualified(qualifiers);
    switch (letter) {
      case "P": return this.pointed("*");
      case "R": return this.pointed("&");
      case "O": return this.pointed("&&");
      case "C": reader.next(); return suffixed(this.type(), " _Complex");
      case "G": reader.next(); return suffixed(this.type(), " _Imaginary");
      case "F": return this.functionType("");
      case "A": return this.arrayType();
      case "M": return this.memberPointer();
      case "T": return this.parameterType();
      case "u": reader.next(); return plain(this.sourceName());
      case "D": return this.typeWithD();
      default: return plain(this.name().text);
    }
  }

  private pointed(suffix: string): WrittenType {
    this.reader.next();
    const target = this.type();
    if (target.pack !== undefined) return { ...target, pack: target.pack.map(each => suffixed(each, suffix)) };
    // References to references: the shorter one wins.
    if (suffix !== "*" && target.kind === undefined && target.right === "" && target.left.endsWith("&")) {
      return suffix === "&" && target.left.endsWith("&&") ? plain(target.left.slice(0, -1)) : target;
    }
    return suffixed(target, suffix);
  }

  private qualified(qualifiers: string): WrittenType {
    if (/^(?:F|Do)/.test(this.reader.rest)) return this.functionType(qualifiers);
    const inner = this.type();
    if (inner.kind === "array") return { ...inner, left: inner.left + qualifiers };
    // What is const already does not become it again.
    return inner.left.endsWith(qualifiers) && inner.right === "" ? inner : inner.kind === undefined ? { ...inner, left: inner.left + qualifiers } : suffixed(inner, qualifiers);
  }

  private functionType(qualifiers: string): WrittenType {
    const { reader } = this;
    const throws = reader.take("Do") ? " noexcept" : "";
    reader.expect("F");
    reader.take("Y");
    const result = this.type();
    const parameters = this.parameterList();
    const reference = reader.take("R") ? " &" : reader.take("O") ? " &&" : "";
    reader.expect("E");
    return { left: textOf(result), right: `(${parameters})${qualifiers}${reference}${throws}`, kind: "function" };
  }

  private arrayType(): WrittenType {
    const { reader } = this;
    reader.expect("A");
    const size = reader.match(/\d+/y) ?? (reader.peek() === "_" ? "" : this.expression());
    reader.expect("_");
    const { left, right, kind } = this.type();
    return { left, right: ` [${size}]${kind === "array" ? right.trimStart() : right}`, kind: "array" };
  }

  private memberPointer(): WrittenType {
    this.reader.expect("M");
    const owner = textOf(this.type());
    return suffixed(this.type(), ` ${owner}::*`);
  }

  private parameterType(): WrittenType {
    const parameter = this.templateParameter();
    if (this.reader.peek() !== "I") return parameter;
    this.remember(parameter);
    return plain(textOf(parameter) + this.templateArguments());
  }

  private typeWithD(): WrittenType {
    const { reader } = this;
    if (reader.take("Dp")) return this.expandedPack();
    if (reader.startsWith("Do")) return this.functionType("");
    if (reader.take("Dt") || reader.take("DT")) {
      const text = `decltype (${this.expression()})`;
      reader.expect("E");
      return plain(text);
    }
    if (reader.take("Dv")) {
      const size = reader.number();
      reader.expect("_");
      return suffixed(this.type(), ` __vector(${size})`);
    }
    const float = reader.match(/DF\d+[_xb]/y);
    return plain(float === undefined ? reader.fail() : `_Float${float.slice(2).replace("_", "")}`);
  }

  /** A type written out for each type of the packs in it. */
  private expandedPack(): WrittenType {
    const { reader } = this;
    const start = reader.position;
    const [index, length] = [this.packIndex, this.packLength];
    this.packIndex = 0;
    this.packLength = undefined;
    const first = this.type();
    const count: number | undefined = this.packLength;
    const remembered = this.substitutions.length;
    const pack: WrittenType[] = count === 0 ? [] : [first];
    for (let each = 1; each < (count ?? 1); each++) {
      reader.position = start;
      this.packIndex = each;
      pack.push(this.type());
      this.substitutions.length = remembered;
    }
    [this.packIndex, this.packLength] = [index, length];
    return count === undefined ? suffixed(first, "...") : { left: "", right: "", pack };
  }

  private qualifiers(): string {
    const { reader } = this;
    let text = "";
    if (reader.take("r")) text = " restrict" + text;
    if (reader.take("V")) text = " volatile" + text;
    if (reader.take("K")) text = " const" + text;
    return text;
  }

  // What was said before.

  private remember(type: WrittenType): WrittenType {
    this.reader.bounded(type.left + type.right);
    this.substitutions.push(type);
    return type;
  }

  private substitution(): WrittenType {
    const { reader } = this;
    reader.expect("S");
    const standard = STANDARD_NAMES.get(reader.peek());
    if (standard !== undefined) {
      reader.next();
      let tagged = standard;
      while (reader.take("B")) tagged += `[abi:${reader.characters(reader.number())}]`;
      return tagged === standard ? plain(standard) : this.remember(plain(tagged));
    }
    const index = reader.match(/[0-9A-Z]*_/y) ?? reader.fail();
    const found = this.substitutions.at(index === "_" ? 0 : parseInt(index, 36) + 1) ?? reader.fail();
    // What had no type in the list of a lambda's parameters has one in a call of it.
    const parameter = this.lambdas === 0 ? /^auto:(\d+)$/.exec(found.left) : null;
    return (parameter && this.parameters.at(Number(parameter[1]) - 1)) ?? found;
  }

  private templateParameter(): WrittenType {
    const { reader } = this;
    reader.expect("T");
    const digits = reader.match(/\d*_/y) ?? reader.fail();
    const index = digits === "_" ? 0 : parseInt(digits, 10) + 1;
    const found = this.parameters.at(index);
    if (found === undefined) return this.lambdas > 0 ? plain(`auto:${index + 1}`) : reader.fail();
    if (found.pack === undefined || this.packIndex === undefined) return found;
    this.packLength = found.pack.length;
    return found.pack.at(this.packIndex) ?? plain("");
  }

  private templateArguments(): string {
    const { reader } = this;
    reader.expect("I");
    const found: WrittenType[] = [];
    this.types++;
    while (!reader.take("E")) found.push(this.templateArgument());
    this.types--;
    // The parameters of a function refer to its own.
    if (this.types === 0) this.parameters = found;
    const text = found.map(textOf).filter(each => each !== "").join(", ");
    return reader.bounded(`<${text}${text.endsWith(">") ? " " : ""}>`);
  }

  private templateArgument(): WrittenType {
    const { reader } = this;
    if (reader.peek() === "L") return plain(this.literal());
    if (reader.take("J")) {
      const pack: WrittenType[] = [];
      while (!reader.take("E")) pack.push(this.templateArgument());
      return { left: "", right: "", pack };
    }
    if (reader.take("X")) {
      const text = this.expression();
      reader.expect("E");
      return plain(text);
    }
    return this.type();
  }

  // Expressions: those that stand in most names.

  private literal(): string {
    const { reader } = this;
    reader.expect("L");
    if (reader.take("_Z") || reader.take("Z")) {
      const name = this.separate(() => this.encoding());
      reader.expect("E");
      return name;
    }
    const code = reader.peek();
    const type = textOf(this.type());
    const value = (reader.match(/n?[0-9a-f]*/y) ?? "").replace(/^n/, "-");
    reader.expect("E");
    if (code === "b" && /^[01]$/.test(value)) return value === "1" ? "true" : "false";
    const suffix = LITERAL_SUFFIXES.get(code);
    return suffix === undefined ? `(${type})${value}` : value + suffix;
  }

  private expression(): string {
    return this.reader.inside(() => this.readExpression());
  }

  private readExpression(): string {
    const { reader } = this;
    if (reader.peek() === "L") return this.literal();
    if (reader.peek() === "T") return textOf(this.templateParameter());
    const parameter = reader.match(/fp[rVK]*\d*_/y);
    if (parameter !== undefined) return `{parm#${parameter.endsWith("p_") ? 1 : parseInt(parameter.replace(/\D/g, ""), 10) + 2}}`;
    if (reader.take("cl")) {
      const called = this.expression();
      const given: string[] = [];
      while (!reader.take("E")) given.push(this.expression());
      return `(${called})(${given.join(", ")})`;
    }
    if (reader.take("sZ")) return `${textOf(this.templateParameter()).split(", ").filter(each => each !== "").length}`;
    if (reader.take("st")) return `sizeof (${textOf(this.type())})`;
    if (/\d/.test(reader.peek())) return this.sourceName();
    if (reader.take("ad")) {
      const target = this.expression();
      return `&${target.includes("(") ? `(${target})` : target}`;
    }
    const operator = OPERATORS.get(reader.characters(2)) ?? reader.fail();
    if (!/^(?:[-+*/%&|^<>]|==|!=|<=|>=|&&|\|\||<<|>>)$/.test(operator)) return reader.fail();
    const [left, right] = [this.expression(), this.expression()];
    const text = `${parenthesised(left)}${operator}${parenthesised(right)}`;
    return operator.startsWith(">") ? `(${text})` : text;
  }
}

function parenthesised(text: string): string {
  return /^\{parm#\d+\}$/.test(text) ? text : `(${text})`;
}

/** The last part of a qualified name, without template arguments: what its constructors are called. */
function lastPart(text: string): string {
  let depth = 0;
  let start = 0;
  let end = text.length;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "<") {
      if (depth === 0) end = at;
      depth++;
    } else if (character === ">") depth--;
    else if (depth === 0 && text.startsWith("::", at)) {
      start = at + 2;
      end = text.length;
    }
  }
  return text.slice(start, end).replace(/\[abi:.*$/, "");
}
