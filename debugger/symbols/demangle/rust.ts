// Names of Rust: version 0 (RFC 2603, 'rust symbol name mangling v0'), and the older ones that look like C++'s (`…17h` and a hash). The
// crates' hashes are left out: they tell versions of one crate apart, and make names unreadable.

import { MangledReader } from "./mangled-reader";

const BASIC_TYPES: ReadonlyMap<string, string> = new Map([
  ["a", "i8"], ["b", "bool"], ["c", "char"], ["d", "f64"], ["e", "str"], ["f", "f32"], ["h", "u8"], ["i", "isize"], ["j", "usize"], ["l", "i32"],
  ["m", "u32"], ["n", "i128"], ["o", "u128"], ["p", "_"], ["s", "i16"], ["t", "u16"], ["u", "()"], ["v", "..."], ["x", "i64"], ["y", "u64"], ["z", "!"],
]);
const SIGNED = "aslxni";
const UNSIGNED = "htmyoj";
/** What special namespaces are written as. */
const SPECIAL_NAMESPACES: ReadonlyMap<string, string> = new Map([["C", "closure"], ["S", "shim"]]);
const LEGACY = /^_ZN.*17h[0-9a-f]{16}E(?:\.[\w.$@]+)?$/;
const LEGACY_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["SP", "@"], ["BP", "*"], ["RF", "&"], ["LT", "<"], ["GT", ">"], ["LP", "("], ["RP", ")"], ["C", ","],
]);

/** Whether a name that begins as C++'s do was written by an old Rust compiler. */
export function isLegacyRust(mangled: string): boolean {
  return LEGACY.test(mangled);
}

/** The readable form of an old Rust name. Throws `NotMangled` for what is none. */
export function demangleLegacyRust(mangled: string): string {
  const reader = new MangledReader(mangled);
  reader.expect("_ZN");
  const parts: string[] = [];
  while (!reader.take("E")) parts.push(reader.characters(reader.number()));
  return parts.slice(0, -1).map(unescapedLegacy).join("::");
}

function unescapedLegacy(part: string): string {
  return part.replace(/^_\$/, "$").replaceAll("..", "::").replace(/\$(u[0-9a-f]+|[A-Z]+)\$/g, (whole, code: string) =>
    code.startsWith("u") ? String.fromCodePoint(parseInt(code.slice(1), 16)) : LEGACY_ESCAPES.get(code) ?? whole);
}

/** The readable form of a Rust name of version 0 (`_R…`). Throws `NotMangled` for what is none. */
export function demangleRust(mangled: string): string {
  const reader = new MangledReader(mangled.replace(/\.[\w.$@]+$/, ""));
  reader.expect("_R");
  const text = new Demangler(reader).path(true);
  if (!reader.isAtEnd) new Demangler(reader).path(false);
  if (!reader.isAtEnd) reader.fail();
  return text;
}

class Demangler {
  private lifetimes = 0;

  constructor(private readonly reader: MangledReader) {}

  /** @param isValue whether it stands where a value does: its generic arguments are written with `::` then */
  path(isValue: boolean): string {
    return this.reader.inside(() => this.reader.bounded(this.readPath(isValue)));
  }

  private readPath(isValue: boolean): string {
    const { reader } = this;
    switch (reader.next()) {
      case "C":
        this.disambiguator();
        return this.identifier();
      case "N": return this.nestedPath(isValue);
      case "M":
        this.implementation();
        return `<${this.type()}>`;
      case "X":
        this.implementation();
        return `<${this.type()} as ${this.path(false)}>`;
      case "Y": return `<${this.type()} as ${this.path(false)}>`;
      case "I": {
        const path = this.path(isValue);
        return `${path}${isValue ? "::" : ""}<${this.until(() => this.genericArgument()).join(", ")}>`;
      }
      case "B": return this.again(() => this.path(isValue));
      default: return reader.fail();
    }
  }

  /** The path of an implementation is not written: its type says it. */
  private implementation(): void {
    this.disambiguator();
    this.path(false);
  }

  private nestedPath(isValue: boolean): string {
    const { reader } = this;
    const space = reader.next();
    const path = this.path(isValue);
    const disambiguator = this.disambiguator();
    const name = this.identifier();
    if (/[a-z]/.test(space)) return name === "" ? path : `${path}::${name}`;
    const kind = SPECIAL_NAMESPACES.get(space) ?? space;
    return `${path}::{${kind}${name === "" ? "" : `:${name}`}#${disambiguator}}`;
  }

  /** The number that tells things of one name apart, from 0. */
  private disambiguator(): number {
    return this.reader.take("s") ? this.base62() + 1 : 0;
  }

  /** Digits and letters up to '_'; nothing is 0. */
  private base62(): number {
    const digits = this.reader.match(/[0-9a-zA-Z]*_/y) ?? this.reader.fail();
    if (digits === "_") return 0;
    let value = 0;
    for (const digit of digits.slice(0, -1)) value = value * 62 + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".indexOf(digit);
    return value + 1;
  }

  private identifier(): string {
    const { reader } = this;
    const isPunycode = reader.take("u");
    const length = Number(reader.match(/0|[1-9]\d*/y) ?? reader.fail());
    reader.take("_");
    const text = reader.characters(length);
    return isPunycode ? fromPunycode(text) ?? reader.fail() : text;
  }

  /** Reads anew what was written before. */
  private again<T>(read: () => T): T {
    const { reader } = this;
    const start = reader.position - 1;
    const target = this.base62() + "_R".length;
    if (target >= start) return reader.fail();
    const end = reader.position;
    reader.position = target;
    const found = read();
    reader.position = end;
    return found;
  }

  private until(read: () => string): string[] {
    const found: string[] = [];
    while (!this.reader.take("E")) found.push(read());
    return found;
  }

  private genericArgument(): string {
    const { reader } = this;
    if (reader.take("L")) return this.lifetime(this.base62());
    if (reader.take("K")) return this.constant();
    return this.type();
  }

  /** By how many binders further out it was introduced; 0 has no name. */
  private lifetime(index: number): string {
    if (index === 0) return "'_";
    const depth = this.lifetimes - index;
    if (depth < 0) return this.reader.fail();
    return depth < 26 ? `'${String.fromCharCode(0x61 + depth)}` : `'_${depth}`;
  }

  /** `for<'a, 'b> ` in front of what is read, where it introduces lifetimes. */
  private bound(read: () => string): string {
    const count = this.reader.take("G") ? this.base62() + 1 : 0;
    if (count > 256) return this.reader.fail();
    const names = Array.from({ length: count }, () => {
      this.lifetimes++;
      return this.lifetime(1);
    });
    const text = read();
    this.lifetimes -= count;
    return count === 0 ? text : `for<${names.join(", ")}> ${text}`;
  }

  private type(): string {
    return this.reader.inside(() => this.reader.bounded(this.readType()));
  }

  private readType(): string {
    const { reader } = this;
    const basic = BASIC_TYPES.get(reader.peek());
    if (basic !== undefined) {
      reader.next();
      return basic;
    }
    const letter = reader.next();
    switch (letter) {
      case "A": return `[${this.type()}; ${this.constant()}]`;
      case "S": return `[${this.type()}]`;
      case "T": {
        const types = this.until(() => this.type());
        return types.length === 1 ? `(${types[0]},)` : `(${types.join(", ")})`;
      }
      case "R":
      case "Q": {
        const lifetime = reader.take("L") ? this.base62() : 0;
        const name = lifetime === 0 ? "" : `${this.lifetime(lifetime)} `;
        return `&${name}${letter === "Q" ? "mut " : ""}${this.type()}`;
      }
      case "P": return `*const ${this.type()}`;
      case "O": return `*mut ${this.type()}`;
      case "F": return this.bound(() => this.functionType());
      case "D": return this.dynamicType();
      case "B": return this.again(() => this.type());
      default:
        reader.position--;
        return this.path(false);
    }
  }

  private functionType(): string {
    const { reader } = this;
    const unsafe = reader.take("U") ? "unsafe " : "";
    const abi = reader.take("K") ? `extern "${reader.take("C") ? "C" : this.identifier().replaceAll("_", "-")}" ` : "";
    const types = this.until(() => this.type());
    const result = reader.take("u") ? "" : ` -> ${this.type()}`;
    return `${unsafe}${abi}fn(${types.join(", ")})${result}`;
  }

  private dynamicType(): string {
    const { reader } = this;
    const traits = this.bound(() => this.until(() => this.dynamicTrait()).join(" + "));
    reader.expect("L");
    const lifetime = this.base62();
    return `dyn ${traits}${lifetime === 0 ? "" : ` + ${this.lifetime(lifetime)}`}`;
  }

  private dynamicTrait(): string {
    const { reader } = this;
    let path = this.path(false);
    while (reader.take("p")) {
      const binding = `${this.identifier()} = ${this.type()}`;
      path = path.endsWith(">") ? `${path.slice(0, -1)}, ${binding}>` : `${path}<${binding}>`;
    }
    return path;
  }

  private constant(): string {
    const { reader } = this;
    if (reader.take("p")) return "_";
    if (reader.take("B")) return this.again(() => this.constant());
    const type = reader.next();
    const isNegative = SIGNED.includes(type) && reader.take("n");
    const digits = (reader.match(/[0-9a-f]*_/y) ?? reader.fail()).slice(0, -1);
    const value = BigInt(`0x${digits === "" ? "0" : digits}`);
    if (type === "b") return value === 1n ? "true" : "false";
    if (type === "c") return characterText(Number(value)) ?? reader.fail();
    return SIGNED.includes(type) || UNSIGNED.includes(type) ? `${isNegative ? "-" : ""}${value}` : reader.fail();
  }
}

function characterText(code: number): string | undefined {
  if (code > 0x10ffff) return undefined;
  return code < 0x20 || code === 0x7f ? `'\\u{${code.toString(16)}}'` : `'${String.fromCodePoint(code)}'`;
}

/** RFC 3492, with '_' as the delimiter; undefined for what is none. */
function fromPunycode(text: string): string | undefined {
  const delimiter = text.lastIndexOf("_");
  const output = [...text.slice(0, Math.max(0, delimiter))];
  let code = 128, bias = 72, index = 0;
  for (let at = delimiter + 1; at < text.length;) {
    const before = index;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(text.charAt(at++) || "?");
      if (digit < 0) return undefined;
      index += digit * weight;
      const threshold = Math.min(26, Math.max(1, k - bias));
      if (digit < threshold) break;
      weight *= 36 - threshold;
    }
    const count = output.length + 1;
    let delta = before === 0 ? Math.floor(index / 700) : Math.floor((index - before) / 2);
    delta += Math.floor(delta / count);
    let k = 0;
    for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
    bias = k + Math.floor((36 * delta) / (delta + 38));
    code += Math.floor(index / count);
    index %= count;
    if (code > 0x10ffff) return undefined;
    output.splice(index++, 0, String.fromCodePoint(code));
  }
  return output.join("");
}
